//! An instance is carried out: what the rules make of it is committed, and their actions run.

use std::sync::Arc;

use serde_json::json;

use super::plan::{Plan, Plans};
use super::{DEPTH, EmitError, Emitted, Events};
use crate::engine::{Submit, SubmitError};
use crate::model::{
    Enforcement, Id, Identity, InboxClaim, InstanceStatus, JsonMap, Origin, Place, Timestamp, TriggerInstance,
};
use crate::rules::Rule;
use crate::store::{CommitError, StoreError, Write};

/// Takes an instance off the list of those at work.
struct AtWork<'e>(&'e Events, Id);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.shared.at_work.lock().remove(&self.1);
    }
}

/// What one rule came to.
enum Done {
    Ran(Id),
    Failed,
    /// It was done before a crash.
    Before,
    /// The rule ran for the same event already.
    Same,
}

/// The first rows of an event.
struct Opening {
    instance: TriggerInstance,
    /// It is not stored yet.
    is_new: bool,
    /// What it is once they are committed.
    status: InstanceStatus,
    /// What comes with it.
    with: Vec<Write>,
}

impl Opening {
    fn rows(&self) -> Vec<Write> {
        let mut rows = self.with.clone();
        let status = self.status;
        rows.push(if self.is_new {
            Write::Instance(Arc::new(TriggerInstance {
                status,
                ..self.instance.clone()
            }))
        } else {
            let id = self.instance.id;
            Write::InstanceStatus { id, status }
        });
        rows
    }
}

impl Events {
    /// Carries out an instance: a new one with the rows that come with it, or (`None`) one that is stored. Each rule
    /// acts once, whatever happens in between.
    pub(super) async fn carry_out(
        &self,
        instance: TriggerInstance,
        new: Option<Vec<Write>>,
    ) -> Result<Emitted, EmitError> {
        let id = instance.id;
        if !self.shared.at_work.lock().insert(id) {
            return Ok(nothing(id));
        }
        let _at_work = AtWork(self, id);
        let Plans {
            plans,
            suppressed,
            rows: counts,
        } = match self.plan(&instance).await {
            Ok(plans) => plans,
            Err(error) => return Err(error.into()),
        };
        let many = plans.len() > 1;
        let mut opening = Opening {
            instance,
            is_new: new.is_some(),
            status: if many {
                InstanceStatus::Processing
            } else {
                InstanceStatus::Processed
            },
            with: new.unwrap_or_default(),
        };
        opening.with.extend(counts);
        opening.instance.detail.suppressed.clone_from(&suppressed);
        let mut emitted = Emitted {
            suppressed,
            ..nothing(id)
        };
        // Whether the instance is committed with what came with it.
        let mut opened = false;
        for (place, plan) in plans.iter().enumerate() {
            let rows = if opened { Vec::new() } else { opening.rows() };
            match self.enforce(&opening.instance, plan, rows, many).await {
                Ok(Done::Ran(execution)) => {
                    opened = true;
                    emitted.executions.push(execution);
                }
                Ok(Done::Failed) => opened = true,
                Ok(Done::Before) => {}
                // Another event that is the same was accepted at this moment.
                Ok(Done::Same) => {
                    self.give_back(&plans[place..=place]);
                    let rule = &plan.rule.reference;
                    opening.instance.detail.suppressed.push(rule.clone());
                    emitted.suppressed.push(rule.clone());
                }
                // Nothing is stored yet: whoever sent it tries again.
                Err(error) if !opened && opening.is_new => {
                    self.give_back(&plans[place..]);
                    return Err(error);
                }
                // Part of it is stored: the rest is done by the worker, when there is room again.
                Err(error) => {
                    self.give_back(&plans[place..]);
                    self.shared.parts.book.hint();
                    self.shared.wake.notify_one();
                    return match error {
                        EmitError::Busy(_) if opening.is_new => Ok(emitted),
                        error => Err(error),
                    };
                }
            }
        }
        if !opened {
            opening.status = InstanceStatus::Processed;
            self.store().commit(opening.rows()).await?;
        } else if many {
            let status = InstanceStatus::Processed;
            self.store()
                .commit(vec![Write::InstanceStatus { id, status }])
                .await?;
        }
        Ok(emitted)
    }

    /// One rule's part. With several rules each leaves a claim, so that it is not done again after a crash.
    async fn enforce(
        &self,
        instance: &TriggerInstance,
        plan: &Plan,
        mut rows: Vec<Write>,
        many: bool,
    ) -> Result<Done, EmitError> {
        let rule = &plan.rule;
        let now = Timestamp::now();
        let claim = format!("rule:{}:{}", instance.id, rule.reference);
        if many {
            rows.push(Write::Claim(InboxClaim {
                key: claim.clone(),
                received: now,
                place: Place::default(),
                execution: None,
            }));
        }
        let enforcement = |execution: Option<Id>, failure: Option<String>| {
            Write::Enforcement(Enforcement {
                id: Id::new(),
                rule: rule.reference.clone(),
                instance: instance.id,
                execution,
                enforced_at: now,
                failure,
                held_back: None,
            })
        };
        let failure = match &plan.outcome {
            Err(why) => why.clone(),
            Ok(parameters) => {
                let execution = Id::new();
                let mut with = rows.clone();
                with.extend(plan.once.clone().map(Write::Claim));
                with.push(enforcement(Some(execution), None));
                let request = self.request(instance, rule, execution, parameters.clone(), with);
                let request = Submit {
                    secrets: plan.secrets.clone(),
                    ..request
                };
                match self.shared.parts.engine.submit(request).await {
                    Ok(_) => return Ok(Done::Ran(execution)),
                    Err(SubmitError::Store(error)) => return Err(error.into()),
                    Err(error @ (SubmitError::QueueFull(_) | SubmitError::Stopping)) => {
                        return Err(EmitError::Busy(error.to_string()));
                    }
                    Err(SubmitError::Duplicate(first)) if first.key == claim => return Ok(Done::Before),
                    Err(SubmitError::Duplicate(first)) if first.key.starts_with(super::same::CLAIM) => {
                        return Ok(Done::Same);
                    }
                    Err(SubmitError::Duplicate(first)) => return Err(EmitError::Duplicate(first)),
                    Err(error) => error.to_string(),
                }
            }
        };
        rows.push(enforcement(None, Some(failure)));
        match self.store().commit(rows).await {
            Ok(()) => Ok(Done::Failed),
            Err(CommitError::Duplicate(first)) if first.key == claim => Ok(Done::Before),
            Err(error) => Err(error.into()),
        }
    }

    fn request(
        &self,
        instance: &TriggerInstance,
        rule: &Rule,
        id: Id,
        data: JsonMap,
        with: Vec<Write>,
    ) -> Submit {
        let parts = &self.shared.parts;
        let mut context = rule.context(instance.id, &instance.trigger, &parts.system_user);
        if let Some(tag) = &instance.detail.trace_tag {
            context.insert("trace_context".to_owned(), json!({ "trace_tag": tag }));
        }
        let identity = match &rule.run_as {
            Some(user) => (parts.identities)(user),
            // Who may write rules of packs or make them over the API is an administrator.
            None => Identity {
                user: parts.system_user.clone(),
                roles: vec!["admin".to_owned()],
                via: "rule".to_owned(),
                account: None,
            },
        };
        Submit {
            id: Some(id),
            action: rule.action.reference.clone(),
            data,
            identity,
            origin: Origin {
                kind: "rule".to_owned(),
                ..Origin::default()
            },
            context,
            later_context: JsonMap::from_iter([(DEPTH.to_owned(), json!(instance.detail.depth + 1))]),
            rule: Some((rule.reference.clone(), instance.id)),
            with,
            ..Submit::default()
        }
    }
}

const fn nothing(instance: Id) -> Emitted {
    Emitted {
        instance,
        executions: Vec::new(),
        suppressed: Vec::new(),
    }
}

impl From<EmitError> for StoreError {
    fn from(error: EmitError) -> Self {
        match error {
            EmitError::Store(error) => error,
            other => Self::Database(other.to_string()),
        }
    }
}
