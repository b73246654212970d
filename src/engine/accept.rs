//! From a request to a committed execution.

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::keys::{self, Around};
use super::prepared::Prepared;
use super::state::{Place, Running, State};
use super::step::{enter, set_result};
use super::{Accepted, Submit, SubmitError, audit, consent, policing, work, workflow};
use crate::access::Ask;
use crate::model::{Action, Execution, Id, JsonMap, LogEntry, Need, Progress, Request, Status, Timestamp};
use crate::rules::{Facts, Rule, Surroundings};
use crate::runners::{Job, OutputSink, Runner};
use crate::store::{CommitError, StoreError, Write};

/// A request that was found good, with everything that is needed to run it.
pub(super) struct Checked {
    pub(super) execution: Execution,
    pub(super) action: Arc<Action>,
    pub(super) prepared: Arc<Prepared>,
    /// Live parameters with secrets in clear.
    pub(super) parameters: JsonMap,
    pub(super) with: Vec<Write>,
    pub(super) via: String,
    /// The chat account that asked.
    pub(super) account: Option<String>,
    /// Consents of others that are needed before it runs.
    pub(super) needs: Vec<Need>,
}

/// The action of a request, and its parameters as they would be stored and run.
struct Found {
    id: Id,
    now: Timestamp,
    action: Arc<Action>,
    prepared: Arc<Prepared>,
    parameters: JsonMap,
    sealed: JsonMap,
    /// Whether it may be started again after a crash.
    repeatable: bool,
}

pub(super) async fn submit(state: &Arc<State>, request: Submit) -> Result<Accepted, SubmitError> {
    {
        let lanes = state.lanes.lock();
        if lanes.stopping {
            return Err(SubmitError::Stopping);
        }
        if lanes.queue.len() >= state.parts.options.queue_limit {
            return Err(SubmitError::QueueFull(lanes.queue.len()));
        }
    }
    let checked = check(state, request).await?;
    if !checked.needs.is_empty() {
        let mut shown = checked.execution.clone();
        consent::ask(state, checked).await?;
        shown.status = Status::Pending;
        return Ok(Accepted {
            execution: Arc::new(shown),
        });
    }
    let shown = Arc::new(checked.execution.clone());
    accept(state, checked).await?;
    Ok(Accepted { execution: shown })
}

/// Everything that can be wrong with a request is found here, before anything is stored.
async fn check(state: &Arc<State>, mut request: Submit) -> Result<Checked, SubmitError> {
    let found = find(state, &mut request)?;
    let origin = &mut request.origin;
    if let Some(text) = &origin.text {
        let mut secrets = found.prepared.secret_texts(&found.parameters);
        secrets.extend(request.secrets.iter().cloned());
        origin.text = Some(audit::masked_text(text, &secrets));
    }
    let decision = state.parts.authority.decide(&Ask {
        identity: &request.identity,
        action: &found.action,
        alias: request.origin.alias.as_deref(),
        parameters: &found.parameters,
        place: request.origin.place.as_ref(),
        now: found.now,
    });
    if decision.allowed {
        let reason = decision.reason.clone();
        let alias = consent::alias_of(&request.origin, &request.context);
        let needs = consent::needs_of(state, decision.needs, alias.as_deref());
        let without = request.break_glass.take();
        let mut checked = checked(request, found, reason);
        checked.needs = needs;
        if let Some(why) = without.filter(|_| !checked.needs.is_empty()) {
            consent::broken_glass(&mut checked, &why);
        }
        return Ok(checked);
    }
    let draft = audit::denied(
        &request.identity,
        &request.origin,
        &found.action.reference,
        &found.sealed,
        &decision,
        found.now,
    );
    match state.parts.store.commit(vec![Write::Audit(draft)]).await {
        Ok(()) => Err(SubmitError::Denied(decision)),
        Err(CommitError::Store(error)) => Err(error.into()),
        Err(other) => Err(StoreError::Database(other.to_string()).into()),
    }
}

/// A request that needs no decision of its own, because it is part of something that was allowed.
pub(super) fn check_allowed(
    state: &State,
    mut request: Submit,
    reason: String,
) -> Result<Checked, SubmitError> {
    let found = find(state, &mut request)?;
    Ok(checked(request, found, reason))
}

fn find(state: &State, request: &mut Submit) -> Result<Found, SubmitError> {
    let parts = &state.parts;
    let action = parts
        .catalogue
        .action(&request.action)
        .ok_or_else(|| SubmitError::UnknownAction {
            nearest: parts.catalogue.nearest(&request.action),
            action: request.action.clone(),
        })?;
    if !action.enabled {
        return Err(SubmitError::Disabled(action.reference.clone()));
    }
    let runner = runner_of(state, &action)?;
    let prepared = state
        .prepared
        .get(&action, &**runner)
        .map_err(SubmitError::BadAction)?;
    let id = request.id.unwrap_or_else(Id::new);
    let context = &mut request.context;
    context.insert("user".to_owned(), request.identity.user.clone().into());
    context.insert("pack".to_owned(), action.pack.clone().into());
    let trusted = request.authored || request.identity.is_admin();
    let around = Around::new(state, &action.pack, &request.identity.user, trusted);
    let parameters = prepared
        .live(
            &parts.jinja,
            std::mem::take(&mut request.parameters),
            std::mem::take(&mut request.data),
            context,
            &around,
        )
        .map_err(|error| SubmitError::Parameters(Box::new(error)))?;
    request.secrets.extend(around.taken());
    let mut sealed = prepared.seal_parameters(&parameters, &parts.key, id);
    keys::hide_in(&mut sealed, &request.secrets, &parts.key, id);
    Ok(Found {
        id,
        now: Timestamp::now(),
        sealed,
        repeatable: action.idempotent || runner.is_repeatable(),
        action,
        prepared,
        parameters,
    })
}

fn checked(request: Submit, found: Found, reason: String) -> Checked {
    let Found {
        id,
        now,
        action,
        prepared,
        parameters,
        sealed,
        repeatable,
    } = found;
    let not_before = request
        .delay
        .filter(|delay| !delay.is_zero())
        .map(|delay| now.plus_millis(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)));
    let mut execution = Execution {
        id,
        revision: 0,
        status: Status::Requested,
        request: Arc::new(Request {
            action: action.reference.clone(),
            runner: action.runner_type.clone(),
            user: request.identity.user,
            parameters: sealed,
            context: request.context,
            parent: request.parent,
            not_before,
            notify: request.notify,
            pack_version: action.pack_version.clone(),
            digest: action.digest.clone(),
            idempotent: repeatable,
            origin: request.origin,
            decision: reason,
            continues: request.continues,
            trigger_instance: request.rule.as_ref().map(|(_, instance)| *instance),
            rule: request.rule.map(|(rule, _)| rule),
        }),
        start: now,
        end: None,
        progress: Progress {
            log: vec![LogEntry {
                timestamp: now,
                status: Status::Requested,
            }],
            context: request.later_context,
            ..Progress::default()
        },
        result: None,
        result_size: 0,
    };
    if not_before.is_some() {
        enter(&mut execution, Status::Delayed, now);
    }
    Checked {
        execution,
        action,
        prepared,
        parameters,
        with: request.with,
        via: request.identity.via,
        account: request.identity.account,
        needs: Vec::new(),
    }
}

/// The parameters that a rule gives its action for an event.
pub(super) fn rule_parameters(
    state: &State,
    rule: &Rule,
    facts: &Facts<'_>,
    context: JsonMap,
) -> Result<JsonMap, SubmitError> {
    let parts = &state.parts;
    let reference = &rule.action.reference;
    let action = parts
        .catalogue
        .action(reference)
        .ok_or_else(|| SubmitError::UnknownAction {
            nearest: parts.catalogue.nearest(reference),
            action: reference.clone(),
        })?;
    let runner = runner_of(state, &action)?;
    let prepared = state
        .prepared
        .get(&action, &**runner)
        .map_err(SubmitError::BadAction)?;
    let system = keys::reading(state, &parts.options.system_user);
    let around = Surroundings {
        config: Arc::new(Value::Object(keys::config(state, &action.pack, &system))),
        action: Arc::new(Value::Object(context)),
    };
    prepared
        .rule_parameters(rule, facts, &around)
        .map_err(|error| SubmitError::Parameters(Box::new(error)))
}

/// The runner of an action.
pub(super) fn runner_of<'s>(state: &'s State, action: &Action) -> Result<&'s Arc<dyn Runner>, SubmitError> {
    state
        .parts
        .runners
        .get(&action.runner_type)
        .ok_or_else(|| SubmitError::UnknownRunner {
            action: action.reference.clone(),
            runner: action.runner_type.clone(),
        })
}

/// Commits the execution in the furthest state that it can have at once: ended (pure runners), running (a
/// place is free), delayed, or requested (in the queue).
async fn accept(state: &Arc<State>, mut checked: Checked) -> Result<(), SubmitError> {
    if checked.execution.status == Status::Delayed {
        let not_before = checked.execution.request.not_before;
        let execution = commit(state, checked).await?;
        state.enqueue(execution.id, &execution.request.user, not_before);
        return Ok(());
    }
    if !policing::admit(state, &mut checked) {
        let (id, action) = (checked.execution.id, Arc::clone(&checked.action));
        return match commit(state, checked).await {
            Ok(execution) if execution.status.is_completed() => Ok(()),
            Ok(execution) => {
                policing::settled(state, &execution);
                Ok(())
            }
            Err(error) => {
                policing::leave(state, &action.reference, id);
                Err(error)
            }
        };
    }
    let (id, action) = (checked.execution.id, Arc::clone(&checked.action));
    let started = start(state, checked).await;
    if started.is_err() {
        policing::leave(state, &action.reference, id);
    }
    started
}

/// Commits an execution that may start.
async fn start(state: &Arc<State>, mut checked: Checked) -> Result<(), SubmitError> {
    let runner = runner_of(state, &checked.action)?;
    if runner.conducts().is_some() {
        begin(state, &mut checked.execution);
        let execution = commit(state, checked).await?;
        workflow::conduct(state, execution);
        return Ok(());
    }
    if runner.spec().pure {
        run_purely(state, &mut checked, &**runner);
        commit(state, checked).await?;
        return Ok(());
    }
    let Some(place) = state.place_at_once() else {
        let execution = commit(state, checked).await?;
        state.enqueue(execution.id, &execution.request.user, None);
        return Ok(());
    };
    start_at_once(state, checked, place).await
}

async fn start_at_once(state: &Arc<State>, mut checked: Checked, place: Place) -> Result<(), SubmitError> {
    begin(state, &mut checked.execution);
    let running = Arc::new(Running {
        state: tokio::sync::Mutex::new(checked.execution.clone()),
        cancel: CancellationToken::new(),
        shutdown: false.into(),
    });
    let id = checked.execution.id;
    state.running.lock().insert(id, Arc::clone(&running));
    let work = work::Work {
        state: Arc::clone(state),
        running,
        action: Arc::clone(&checked.action),
        prepared: Arc::clone(&checked.prepared),
        parameters: std::mem::take(&mut checked.parameters),
        place,
    };
    match commit(state, checked).await {
        Ok(_) => {
            tokio::spawn(work.run());
            Ok(())
        }
        Err(error) => {
            state.left(id);
            Err(error)
        }
    }
}

/// Marks an execution as started.
pub(super) fn begin(state: &State, execution: &mut Execution) {
    let now = Timestamp::now();
    enter(execution, Status::Scheduled, now);
    enter(execution, Status::Running, now);
    execution.progress.attempts += 1;
    execution.progress.runner_info = state.runner_info.clone();
}

/// Runs an action whose runner has no effect outside and takes no time.
pub(super) fn run_purely(state: &Arc<State>, checked: &mut Checked, runner: &dyn Runner) {
    let context = checked.execution.context();
    begin(state, &mut checked.execution);
    let around = Around::new(state, &checked.action.pack, &checked.execution.request.user, true);
    let parameters = std::mem::take(&mut checked.parameters);
    let (status, result) = match checked
        .prepared
        .finals(&state.parts.jinja, parameters, &context, &around)
    {
        Err(message) => (Status::Failed, json!({"error": message})),
        Ok(parameters) => {
            let job = Job {
                execution: checked.execution.id,
                action: Arc::clone(&checked.action),
                parameters,
                context,
                user: checked.execution.request.user.clone(),
                scratch: std::path::PathBuf::new(),
                cancel: CancellationToken::new(),
                output: OutputSink::discard(),
            };
            match runner.run(job).now_or_never() {
                Some(outcome) => (outcome.status, outcome.result),
                // A runner that calls itself pure and is not: a bug, and told as one.
                None => (
                    Status::Failed,
                    json!({"error": "the runner did not answer at once"}),
                ),
            }
        }
    };
    end(&mut checked.execution, status, result);
}

fn end(execution: &mut Execution, status: Status, result: Value) {
    set_result(execution, result);
    enter(execution, status, Timestamp::now());
}

/// Commits a new execution with its audit entry, its definition (once), the observers' rows and the
/// requester's own rows.
async fn commit(state: &Arc<State>, checked: Checked) -> Result<Arc<Execution>, SubmitError> {
    let mut rows = Vec::with_capacity(3 + checked.with.len());
    let new = insert(state, checked, &mut rows);
    state.parts.store.commit(rows).await?;
    inserted(state, &new);
    Ok(new)
}

/// Adds the rows of a new execution.
pub(super) fn insert(state: &State, checked: Checked, rows: &mut Vec<Write>) -> Arc<Execution> {
    let execution = Arc::new(checked.execution);
    rows.push(Write::Insert(Arc::clone(&execution)));
    rows.push(Write::Audit(audit::accepted(&execution, &checked.via)));
    if !state.prepared.is_stored(&execution.request.digest) {
        rows.push(Write::Definition {
            digest: execution.request.digest.clone(),
            document: checked.prepared.definition_document(),
        });
    }
    state.observed(None, &execution, rows);
    rows.extend(checked.with);
    execution
}

/// To be called when the rows of [`insert`] are committed.
pub(super) fn inserted(state: &State, execution: &Arc<Execution>) {
    state.prepared.mark_stored(&execution.request.digest);
    state.announce(execution, true);
}
