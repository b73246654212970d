//! The engine's handle.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::secrets::{mask_seals, mask_value};
use super::state::State;
use super::{
    Accepted, AmendError, By, CancelError, Cancelled, ControlError, EngineOptions, Event, ON_BEHALF_BY,
    Observer, RerunOptions, Submit, SubmitError, Waits, accept, cancel, consent, dispatch, pending, policing,
    recover, workflow,
};
use crate::access::{Ask, Authority};
use crate::expr::jinja::Jinja;
use crate::expr::template::Evaluator;
use crate::model::{Action, Decision, Execution, Id, Identity, JsonMap, Origin, Status};
use crate::params;
use crate::policies::Policy;
use crate::rules::{Facts, Rule};
use crate::runners::{ActionFinder, Amendment, Change, Note, Runners};
use crate::store::{Store, StoreError};

/// Finds actions; the content snapshot behind a trait, so that the engine knows nothing of files.
pub trait Catalogue: Send + Sync + 'static {
    /// The action with this reference.
    fn action(&self, reference: &str) -> Option<Arc<Action>>;
    /// The nearest known reference, for "did you mean".
    fn nearest(&self, reference: &str) -> Option<String>;
    /// Configuration of a pack (`config_context`).
    fn config(&self, pack: &str) -> Arc<JsonMap>;
    /// What the pack says about its configuration: property → schema; values that it calls `secret` are decrypted.
    fn config_schema(&self, _pack: &str) -> Option<JsonMap> {
        None
    }
    /// Terms of the approval that is needed whenever an alias is said (`pack.name`).
    fn alias_approval(&self, _alias: &str) -> Option<JsonMap> {
        None
    }
    /// Whether values of a pack's workflows are evaluated again where they are expressions (`legacy_reevaluate`).
    fn reevaluates(&self, _pack: &str) -> bool {
        false
    }
    /// The policies of an action, in order of ref; the same value until something changes. `None`: it has none.
    fn policies(&self, _action: &str) -> Option<Arc<[Arc<Policy>]>> {
        None
    }
    /// References of the actions that have policies.
    fn policed(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What an engine is made of.
pub struct EngineParts {
    /// Settings.
    pub options: EngineOptions,
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Actions.
    pub catalogue: Arc<dyn Catalogue>,
    /// Runners.
    pub runners: Runners,
    /// Permissions.
    pub authority: Arc<dyn Authority>,
    /// Add rows to the engine's commits.
    pub observers: Vec<Arc<dyn Observer>>,
    /// The 32-byte key that seals secrets at rest.
    pub key: super::SecretKey,
    /// The datastore, for expressions; without one every key is an empty text.
    pub keys: Option<Arc<dyn super::KeySource>>,
    /// Renders parameters.
    pub jinja: Arc<Jinja>,
    /// Evaluates expressions of workflows.
    pub evaluator: Arc<Evaluator>,
    /// Where clients find the API, for workflows that ask (`st2.api_url`); may be empty.
    pub api_url: String,
    /// Folder for scratch files of running actions.
    pub scratch: std::path::PathBuf,
}

/// Numbers for `status`, metrics and the fair queue's "waiting behind".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EngineStats {
    /// Actions at work now.
    pub running: usize,
    /// Executions that wait for a free place.
    pub waiting: usize,
    /// Executions that wait for their time.
    pub delayed: usize,
    /// Executions that wait because of a policy.
    pub held_back: usize,
    /// How many may run at once.
    pub concurrency: usize,
    /// Accepted since start.
    pub accepted: u64,
    /// Ended since start.
    pub completed: u64,
}

/// What may be shown of an execution: secrets masked unless asked for by someone who may.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Live parameters.
    pub parameters: JsonMap,
    /// Result.
    pub result: Option<Value>,
}

/// The engine. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) state: Arc<State>,
}

impl Engine {
    /// Starts the engine: reads what was unfinished, goes on with it, then takes requests.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn start(parts: EngineParts) -> Result<Self, StoreError> {
        let catalogue = Arc::clone(&parts.catalogue);
        let actions: ActionFinder = Arc::new(move |reference: &str| catalogue.action(reference));
        for runner in parts.runners.all() {
            runner.attach(&actions);
        }
        let state = Arc::new(State::new(parts));
        recover::recover(&state).await?;
        policing::changed(&state).await?;
        tokio::spawn(dispatch::run(Arc::downgrade(&state)));
        tokio::spawn(pending::run(Arc::downgrade(&state), Arc::clone(&state.alarms)));
        Ok(Self { state })
    }

    /// Accepts a request: returns after it is committed.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing is stored then, except the audit entry of a refusal.
    pub async fn submit(&self, request: Submit) -> Result<Accepted, SubmitError> {
        accept::submit(&self.state, request).await
    }

    /// The keys of the datastore as expressions of packs see them on behalf of somebody. What they decrypt should go
    /// into [`Submit::secrets`].
    #[must_use]
    pub fn keys(&self, user: &str) -> Arc<super::Reading> {
        super::keys::reading(&self.state, user)
    }

    /// The parameters that a rule gives its action for an event; they are data.
    ///
    /// # Errors
    /// When the action does not exist, or a template fails.
    pub fn rule_parameters(
        &self,
        rule: &Rule,
        facts: &Facts<'_>,
        context: JsonMap,
    ) -> Result<JsonMap, SubmitError> {
        accept::rule_parameters(&self.state, rule, facts, context)
    }

    /// Runs an execution again, with changed parameters where given. Permission is judged anew.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn rerun(
        &self,
        original: Id,
        identity: Identity,
        origin: Origin,
        options: RerunOptions,
    ) -> Result<Accepted, SubmitError> {
        let first = self
            .execution(original)
            .await?
            .ok_or(SubmitError::UnknownExecution(original))?;
        let mut data = JsonMap::new();
        let mut secrets = Vec::new();
        if !options.no_merge {
            let key = &self.state.parts.key;
            data = key.open_all(&first.request.parameters, original);
            data.retain(|name, _| !options.parameters.contains_key(name));
            // What was hidden stays so, whatever the action says of the parameter.
            secrets = key.sealed_texts(&first.request.parameters, original);
        }
        let mut context = JsonMap::new();
        let mut with = options.with;
        let mut continues = None;
        let id = options.id.unwrap_or_else(Id::new);
        let mut link = json!({"ref": original});
        if !options.tasks.is_empty() {
            let taken = workflow::take_over(&self.state, &first, id, &options.tasks, &options.reset).await?;
            continues = Some(taken.continues);
            with.extend(taken.rows);
            link["tasks"] = json!(options.tasks);
            link["reset"] = json!(options.reset);
        }
        if let Some(alias) = consent::alias_of(&first.request.origin, &first.request.context) {
            // What saying it needed, running it again needs, too.
            link["alias"] = alias.into();
        }
        context.insert("re-run".to_owned(), link);
        for key in ["trace_context", "action_alias_ref", "api_user", "source_channel"] {
            if let Some(value) = first.request.context.get(key) {
                context.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(asker) = options.on_behalf_by {
            context.insert(ON_BEHALF_BY.to_owned(), asker.into());
        }
        self.submit(Submit {
            id: Some(id),
            continues,
            action: first.request.action.clone(),
            parameters: options.parameters,
            data,
            secrets,
            identity,
            origin,
            context,
            delay: options.delay,
            notify: first.request.notify.clone(),
            with,
            ..Submit::default()
        })
        .await
    }

    /// Cancels an execution.
    ///
    /// # Errors
    /// See [`CancelError`].
    pub async fn cancel(&self, id: Id, identity: &Identity) -> Result<Cancelled, CancelError> {
        cancel::cancel(&self.state, id, identity, false).await
    }

    /// Cancels an execution; of a workflow also the actions that are at work, which [`Self::cancel`] lets end.
    ///
    /// # Errors
    /// See [`CancelError`].
    pub async fn cancel_now(&self, id: Id, identity: &Identity) -> Result<Cancelled, CancelError> {
        cancel::cancel(&self.state, id, identity, true).await
    }

    /// Pauses a workflow: nothing more is started, and it stands still when what is at work has ended.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn pause(&self, id: Id, identity: &Identity) -> Result<Arc<Execution>, ControlError> {
        workflow::pause(&self.state, id, identity).await
    }

    /// Lets a paused workflow go on.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn resume(&self, id: Id, identity: &Identity) -> Result<Arc<Execution>, ControlError> {
        workflow::resume(&self.state, id, identity).await
    }

    /// Changes a pending execution by what `decide` makes of it: durable before this returns. When somebody else
    /// changes it at the same time `decide` is asked again, so it must depend on nothing but its argument.
    ///
    /// # Errors
    /// See [`AmendError`]; nothing is changed then.
    pub async fn amend<E>(
        &self,
        id: Id,
        by: &By,
        decide: impl FnMut(&Execution) -> Result<Amendment, E> + Send,
    ) -> Result<Arc<Execution>, AmendError<E>> {
        pending::amend(&self.state, id, by, decide).await
    }

    /// Ends a pending execution.
    ///
    /// # Errors
    /// See [`AmendError`].
    pub async fn settle(
        &self,
        id: Id,
        status: Status,
        result: Value,
        by: &By,
    ) -> Result<Arc<Execution>, AmendError<std::convert::Infallible>> {
        let settled = Amendment {
            change: Change::Settle { status, result },
            notes: Vec::new(),
        };
        self.amend(id, by, |_| Ok(settled.clone())).await
    }

    /// How many pending executions have a time set.
    #[cfg(test)]
    pub(crate) fn alarms(&self) -> usize {
        self.state.alarms.len()
    }

    /// Writes into the audit log what somebody tried to do about an execution.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn note(&self, execution: &Execution, note: Note, by: &By) -> Result<(), StoreError> {
        pending::note(&self.state, execution, note, by).await
    }

    /// Seals the parts of a value that a schema declares secret, for an execution's result.
    #[must_use]
    pub fn seal_by(&self, schema: &Value, mut value: Value, owner: Id) -> Value {
        let key = &self.state.parts.key;
        params::each_secret_by(schema, &mut value, &mut |part| *part = key.seal(part, owner));
        value
    }

    /// The action as it is now.
    #[must_use]
    pub fn action(&self, reference: &str) -> Option<Arc<Action>> {
        self.state.parts.catalogue.action(reference)
    }

    /// What a request would meet: whether it is allowed, and which approvals it would need, that of its alias included.
    #[must_use]
    pub fn decide(&self, ask: &Ask<'_>) -> Decision {
        let mut decision = self.state.parts.authority.decide(ask);
        if decision.allowed {
            decision.needs = consent::needs_of(&self.state, std::mem::take(&mut decision.needs), ask.alias);
        }
        decision
    }

    /// A pack's configuration as its actions get it: what names keys of the datastore has their values, as `user` sees them.
    #[must_use]
    pub fn config(&self, pack: &str, user: &str) -> JsonMap {
        super::keys::config(&self.state, pack, &super::keys::reading(&self.state, user))
    }

    /// Who may do what.
    #[must_use]
    pub fn authority(&self) -> &Arc<dyn Authority> {
        &self.state.parts.authority
    }

    /// The execution as it is now, with its result.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn execution(&self, id: Id) -> Result<Option<Arc<Execution>>, StoreError> {
        Ok(self.state.parts.store.execution(id).await?.map(Arc::new))
    }

    /// Waits until the execution is completed; `None` when it does not exist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn wait(&self, id: Id) -> Result<Option<Arc<Execution>>, StoreError> {
        let ended = self.state.waiter(id);
        // Registered first, then looked: an end between the two is not missed.
        let now = self.execution(id).await;
        if matches!(&now, Ok(Some(execution)) if !execution.status.is_completed())
            && let Ok(execution) = ended.await
        {
            return Ok(Some(execution));
        }
        self.state.forget_waiters(id);
        now
    }

    /// Follows everything that happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.state.events.subscribe()
    }

    /// What may be shown of an execution's parameters and result.
    #[must_use]
    pub fn shown(&self, execution: &Execution, secrets: bool) -> Shown {
        let key = &self.state.parts.key;
        let result = execution.result.as_deref();
        if secrets {
            Shown {
                parameters: key.open_all(&execution.request.parameters, execution.id),
                result: result.map(|result| key.open_value(result, execution.id)),
            }
        } else {
            Shown {
                parameters: mask_seals(&execution.request.parameters),
                result: result.map(mask_value),
            }
        }
    }

    /// `(action, runner)` as API clients see them, as they were when the execution was accepted.
    /// Shared text of JSON objects, so that answers need not build them again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn definition(&self, execution: &Execution) -> Result<Arc<Definition>, StoreError> {
        let digest = &execution.request.digest;
        if let Some(definition) = self.state.prepared.definition(digest) {
            return Ok(definition);
        }
        let document = self.state.parts.store.definition(digest.clone()).await?;
        let definition = Arc::new(Definition::from_document(document.unwrap_or_else(|| {
            json!({"action": {"ref": execution.request.action}, "runner": {"name": execution.request.runner}})
        }))?);
        self.state.prepared.remember(digest, &definition);
        Ok(definition)
    }

    /// For whom an execution waits because of a policy.
    #[must_use]
    pub fn waits(&self, execution: &Execution) -> Option<Waits> {
        if execution.status != Status::Delayed {
            return None;
        }
        self.state.gates.waits(&execution.request.action, execution.id)
    }

    /// Takes over policies that changed: those who may start by now do.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn policies_changed(&self) -> Result<(), StoreError> {
        policing::changed(&self.state).await
    }

    /// Numbers for status and metrics.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        self.state.stats()
    }

    /// The store, for reads.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.state.parts.store
    }

    /// All runners.
    #[must_use]
    pub fn runners(&self) -> &Runners {
        &self.state.parts.runners
    }

    /// Takes no new requests, waits for running actions up to the drain time, then stops them. Waiting
    /// executions stay in the store for the next start.
    pub async fn drain(&self) {
        let state = &self.state;
        state.lanes.lock().stopping = true;
        let limit = Duration::from_secs(state.parts.options.drain_seconds);
        if tokio::time::timeout(limit, self.idle()).await.is_ok() {
            return;
        }
        let running: Vec<_> = state.running.lock().values().cloned().collect();
        tracing::warn!(
            count = running.len(),
            "stopping actions that did not end in the drain time"
        );
        for one in running {
            one.shutdown.store(true, Ordering::Relaxed);
            one.cancel.cancel();
        }
        if tokio::time::timeout(STOP_TIME, self.idle()).await.is_err() {
            tracing::error!("some actions did not stop; they will be found abandoned at the next start");
        }
    }

    /// Waits until nothing runs and every end is committed.
    async fn idle(&self) {
        loop {
            let left = self.state.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            if self.state.running.lock().is_empty() {
                return;
            }
            left.await;
        }
    }
}

/// How long runners may take to stop their work after they were told to.
const STOP_TIME: Duration = Duration::from_secs(10);

/// An action and its runner as they were when an execution was accepted.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The action as API clients see it.
    pub action: Box<RawValue>,
    /// The runner as API clients see it.
    pub runner: Box<RawValue>,
}

impl Definition {
    /// From `{action, runner}`.
    pub(super) fn from_document(document: Value) -> Result<Self, StoreError> {
        let Value::Object(mut parts) = document else {
            return Err(StoreError::Corrupt {
                what: "a definition is no object".to_owned(),
            });
        };
        let mut raw = |key: &str| {
            serde_json::value::to_raw_value(&parts.remove(key).unwrap_or(Value::Null)).map_err(|error| {
                StoreError::Corrupt {
                    what: format!("a definition's {key}: {error}"),
                }
            })
        };
        Ok(Self {
            action: raw("action")?,
            runner: raw("runner")?,
        })
    }
}
