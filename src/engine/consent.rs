//! Requests that need the consent of others before they run.
//!
//! Such an execution is committed as pending, together with one execution of `core.approve` for each consent that is
//! needed. These are answered like any approval. The end of one is committed together with what it means for the
//! execution that waits: it goes into the queue when the last consent is there and it is still permitted, and ends
//! with a reason when one is denied, too late or canceled. So nothing can fall between the two.

use std::sync::Arc;

use serde_json::{Value, json};

use super::accept::{self, Checked};
use super::state::State;
use super::step::{enter, set_result, step};
use super::{Submit, SubmitError, audit, secrets, workflow};
use crate::access::Ask;
use crate::approval::{Approval, Subject, Terms};
use crate::model::{Decision, Execution, Id, Identity, JsonMap, Need, Origin, Status, Timestamp};
use crate::runners::{approval_value, stands_behind};
use crate::store::{CommitError, StoreError, Transaction, Write};

/// The action that is run for each consent.
const APPROVE: &str = "core.approve";
/// Kind of the origin of its executions. Only the engine makes such.
pub(crate) const ORIGIN: &str = "consent";
/// Key of the later context with the consents that are needed.
const KEY: &str = "approvals";
/// A step taken by somebody else makes us look again; more often than this it cannot happen by chance.
const ATTEMPTS: usize = 64;
/// Characters of a sentence that an approval is called by.
const TITLE: usize = 200;

/// Whether the execution has not begun, because it waits for consent.
pub(crate) fn waits(execution: &Execution) -> bool {
    execution.status == Status::Pending && is_bound(execution) && execution.progress.attempts == 0
}

/// The first approval that a waiting execution still needs.
pub(crate) fn asked_first(execution: &Execution) -> Option<Id> {
    let list = execution.progress.context.get(KEY)?.as_array()?;
    let open = list.iter().find(|one| one["approved"] != true)?;
    open["id"].as_str()?.parse().ok()
}

/// Whether the execution needed consent: then it runs only what was consented to.
pub(super) fn is_bound(execution: &Execution) -> bool {
    execution.progress.context.contains_key(KEY)
}

/// Commits a request as pending, together with what asks for consent.
pub(super) async fn ask(state: &Arc<State>, mut checked: Checked) -> Result<(), SubmitError> {
    let needs = std::mem::take(&mut checked.needs);
    let (mut asked, mut list) = (Vec::new(), Vec::new());
    for need in &needs {
        let question = question(state, &checked, need)?;
        list.push(json!({
            "id": question.execution.id,
            "source": need.source,
            "terms": need.terms,
            "approved": false,
        }));
        asked.push(question);
    }
    let execution = &mut checked.execution;
    execution.progress.context.insert(KEY.to_owned(), list.into());
    let now = execution.start;
    enter(execution, Status::Pending, now);
    let mut rows = Vec::new();
    let mut made = vec![accept::insert(state, checked, &mut rows)];
    for question in asked {
        made.push(accept::insert(state, question, &mut rows));
    }
    state.parts.store.commit(rows).await?;
    for execution in &made {
        accept::inserted(state, execution);
        state.alarms.set(execution.id, execution.progress.wake);
    }
    Ok(())
}

/// The execution that asks for one consent, as it waits for votes.
fn question(state: &Arc<State>, checked: &Checked, need: &Need) -> Result<Checked, SubmitError> {
    let request = &checked.execution.request;
    // Secrets are not shown to those who are asked; the request itself cannot change any more.
    let parameters = secrets::mask_seals(&request.parameters);
    Subject::check(&parameters).map_err(SubmitError::BadAction)?;
    let said = request
        .origin
        .text
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    let title: String = said
        .map_or_else(
            || format!("run {}", request.action),
            |text| format!("{}: {text}", request.user),
        )
        .chars()
        .take(TITLE)
        .collect();
    let mut data = need.terms.clone();
    if let Some(by) = data.get_mut("by")
        && by.is_string()
    {
        *by = json!([by]);
    }
    data.insert("title".to_owned(), title.into());
    data.insert("reason".to_owned(), need.source.clone().into());
    data.insert("action".to_owned(), request.action.clone().into());
    data.insert("parameters".to_owned(), parameters.clone().into());
    let submit = Submit {
        action: APPROVE.to_owned(),
        data,
        identity: Identity {
            user: request.user.clone(),
            via: checked.via.clone(),
            ..Identity::default()
        },
        origin: Origin {
            kind: ORIGIN.to_owned(),
            place: request.origin.place.clone(),
            ..Origin::default()
        },
        parent: Some(checked.execution.id),
        ..Submit::default()
    };
    let unusable = |why: String| {
        SubmitError::BadAction(format!(
            "{} needs an approval (asked for by {}), which cannot be asked for: {why}",
            request.action, need.source
        ))
    };
    let mut question = accept::check_allowed(state, submit, format!("asked for by {}", need.source))
        .map_err(|error| unusable(error.to_string()))?;
    let terms = Terms::read(&question.parameters).map_err(unusable)?;
    let subject = Subject::new(Some(&request.action), parameters, Some(&checked.action));
    let now = question.execution.start;
    let mut approval = Approval::new(
        terms,
        subject,
        stands_behind(&request.user, &request.context),
        now,
    );
    approval.asked_from.clone_from(&checked.account);
    accept::begin(state, &mut question.execution);
    question.execution.progress.wake = approval.wake();
    set_result(&mut question.execution, approval_value(&approval));
    enter(&mut question.execution, Status::Pending, now);
    Ok(question)
}

/// Commits a step of an execution: the end of an approval together with what it means for the execution that waits for
/// it.
pub(super) async fn commit(
    state: &Arc<State>,
    before: Status,
    after: &Arc<Execution>,
    rows: Transaction,
) -> Result<(), CommitError> {
    let waiting = after
        .request
        .parent
        .filter(|_| after.request.origin.kind == ORIGIN && after.status.is_completed());
    let Some(waiting) = waiting else {
        return workflow::commit(state, before, after, rows).await;
    };
    for _ in 0..ATTEMPTS {
        let current = state.parts.store.execution(waiting).await?;
        let Some(current) = current.filter(waits) else {
            return state.parts.store.commit(rows).await;
        };
        let next = Arc::new(follows(state, &current, after));
        let mut all = rows.clone();
        all.push(Write::Transition(Arc::clone(&next)));
        if next.status != Status::Pending {
            all.push(Write::Audit(audit::stepped(
                &next,
                Some(&state.parts.options.system_user),
            )));
        }
        state.observed(Some(Status::Pending), &next, &mut all);
        match state.parts.store.commit(all).await {
            Ok(()) => {
                state.announce(&next, false);
                let request = &next.request;
                if next.status.is_completed() {
                    dismiss(state, &next);
                } else if next.status != Status::Pending {
                    state.enqueue(next.id, &request.user, request.not_before);
                }
                return Ok(());
            }
            // Another consent came at the same moment, or it was canceled: look again.
            Err(CommitError::Conflict(id)) if id == waiting => tokio::task::yield_now().await,
            Err(error) => return Err(error),
        }
    }
    Err(CommitError::Store(StoreError::Database(format!(
        "execution {waiting} changes faster than its approvals can be counted"
    ))))
}

/// What becomes of a waiting execution when one of its approvals ends.
fn follows(state: &Arc<State>, current: &Execution, ended: &Execution) -> Execution {
    let now = Timestamp::now();
    let approval = ended
        .result
        .as_deref()
        .and_then(|result| serde_json::from_value::<Approval>(result.clone()).ok());
    let mut next = current.clone();
    next.revision += 1;
    let refuse = |status: Status, why: String| {
        let mut next = step(current, status, now).unwrap_or_else(|| current.clone());
        set_result(&mut next, json!({"error": why, "approvals": [ended.id]}));
        next
    };
    if ended.status != Status::Succeeded {
        return match ended.status {
            Status::Canceled => refuse(
                Status::Canceled,
                "the request for approval was canceled".to_owned(),
            ),
            Status::Timeout => {
                let who = approval.map(|approval| approval.who_may()).unwrap_or_default();
                refuse(
                    Status::Timeout,
                    format!("nobody approved it in time; asked were {who}"),
                )
            }
            _ => {
                let denial = approval.as_ref().and_then(|approval| approval.votes.last());
                let why = denial.map_or_else(
                    || "it was not approved".to_owned(),
                    |vote| {
                        let reason = vote.reason.as_deref().unwrap_or("without a reason");
                        format!("{} denied it: {reason}", vote.user)
                    },
                );
                refuse(Status::Failed, why)
            }
        };
    }
    let mut all = true;
    if let Some(Value::Array(list)) = next.progress.context.get_mut(KEY) {
        for one in list {
            if one["id"] == json!(ended.id) {
                one["approved"] = true.into();
            }
            all &= one["approved"] == true;
        }
    }
    if !all {
        return next;
    }
    let decision = judge(state, current, now);
    if !decision.allowed {
        return refuse(
            Status::Failed,
            format!(
                "it was approved, but is not allowed any more: {}",
                decision.reason
            ),
        );
    }
    let delayed = current.request.not_before.is_some_and(|time| time > now);
    enter(
        &mut next,
        if delayed {
            Status::Delayed
        } else {
            Status::Requested
        },
        now,
    );
    next
}

/// Whether what was approved may still run: as the same action, by the same person, on no other terms.
pub(super) fn judge(state: &Arc<State>, execution: &Execution, now: Timestamp) -> Decision {
    let request = &execution.request;
    let refused = |reason: String| Decision {
        reason,
        ..Decision::default()
    };
    let Some(action) = state.parts.catalogue.action(&request.action) else {
        return refused(format!("there is no action {} any more", request.action));
    };
    if action.digest != request.digest {
        return refused(format!(
            "{} changed since it was asked for: ask again",
            request.action
        ));
    }
    let parameters = state.parts.key.open_all(&request.parameters, execution.id);
    // On behalf of somebody else it is the rights of the one who asked that count.
    let asker = request.context.get(super::ON_BEHALF_BY).and_then(Value::as_str);
    let mut identity = state
        .parts
        .authority
        .person(asker.unwrap_or(&request.user), &request.origin.kind);
    identity.user.clone_from(&request.user);
    // Rules that run as nobody in particular run as the server: whoever may write them is an administrator.
    if request.rule.is_some() && request.user == state.parts.options.system_user && !identity.is_admin() {
        identity.roles.push("admin".to_owned());
    }
    let mut decision = state.parts.authority.decide(&Ask {
        identity: &identity,
        action: &action,
        alias: request.origin.alias.as_deref(),
        parameters: &parameters,
        place: request.origin.place.as_ref(),
        now,
    });
    if decision.allowed {
        let alias = alias_of(&request.origin, &request.context);
        decision.needs = needs_of(state, std::mem::take(&mut decision.needs), alias.as_deref());
    }
    let given = |need: &Need| {
        let list = execution.progress.context.get(KEY).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|one| one["terms"] == json!(need.terms)))
    };
    if decision.allowed
        && let Some(need) = decision.needs.iter().find(|need| !given(need))
    {
        decision = refused(format!(
            "{} asks for another approval by now: ask again",
            need.source
        ));
    }
    decision
}

/// Cancels what still asks for consent to an execution that has ended.
pub(super) fn dismiss(state: &Arc<State>, execution: &Execution) {
    let list = execution.progress.context.get(KEY).and_then(Value::as_array);
    let ids: Vec<Id> = list
        .into_iter()
        .flatten()
        .filter_map(|one| one["id"].as_str()?.parse().ok())
        .collect();
    let state = Arc::clone(state);
    tokio::spawn(async move {
        for id in ids {
            if let Err(error) = cancel_question(&state, id).await {
                tracing::warn!(execution.id = %id, %error, "an approval that nobody needs any more still waits");
            }
        }
    });
}

async fn cancel_question(state: &Arc<State>, id: Id) -> Result<(), StoreError> {
    let Some(question) = state.parts.store.execution(id).await? else {
        return Ok(());
    };
    if question.status != Status::Pending {
        return Ok(());
    }
    let Some(mut next) = step(&question, Status::Canceled, Timestamp::now()) else {
        return Ok(());
    };
    next.progress.wake = None;
    let next = Arc::new(next);
    let mut rows = vec![
        Write::Transition(Arc::clone(&next)),
        Write::Audit(audit::stepped(&next, Some(&state.parts.options.system_user))),
    ];
    state.observed(Some(question.status), &next, &mut rows);
    match state.parts.store.commit(rows).await {
        Ok(()) => {
            state.alarms.set(id, None);
            state.announce(&next, false);
            Ok(())
        }
        Err(CommitError::Store(error)) => Err(error),
        // Somebody voted at this moment: it is over either way.
        Err(CommitError::Conflict(_) | CommitError::Duplicate(_)) => Ok(()),
    }
}

/// A run without the approvals that it would need: what is told, and what stays open until somebody else has looked at
/// it.
pub(super) fn broken_glass(checked: &mut Checked, reason: &str) {
    let needs = std::mem::take(&mut checked.needs);
    let sources: Vec<&str> = needs.iter().map(|need| need.source.as_str()).collect();
    let execution = &mut checked.execution;
    let detail = json!({"reason": reason, "needs": sources});
    execution
        .progress
        .context
        .insert("break_glass".to_owned(), detail.clone());
    let request = &execution.request;
    let by = super::By::default();
    let mut draft = audit::noted(execution, "access.break_glass", detail, &by, execution.start);
    draft.actor.clone_from(&request.user);
    draft.text.clone_from(&request.origin.text);
    let review = crate::access::Review {
        id: execution.id,
        user: request.user.clone(),
        action: request.action.clone(),
        reason: reason.to_owned(),
        at: execution.start,
        needs: sources.iter().map(|source| (*source).to_owned()).collect(),
    };
    checked.with.push(Write::Audit(draft));
    checked.with.push(review.open());
}

/// The consents that action, alias and grants ask for, each once.
pub(super) fn needs_of(state: &State, mut needs: Vec<Need>, alias: Option<&str>) -> Vec<Need> {
    if let Some(alias) = alias
        && let Some(terms) = state.parts.catalogue.alias_approval(alias)
    {
        needs.push(Need {
            terms,
            source: format!("alias {alias}"),
        });
    }
    let mut once: Vec<Need> = Vec::with_capacity(needs.len());
    for need in needs {
        if !once.iter().any(|other| other.terms == need.terms) {
            once.push(need);
        }
    }
    once
}

/// The alias that stands behind a request: the one that was said, or said first when it is run again.
pub(super) fn alias_of(origin: &Origin, context: &JsonMap) -> Option<String> {
    let first = || context.get("re-run")?.get("alias")?.as_str().map(str::to_owned);
    origin.alias.clone().or_else(first)
}
