//! Policies at work: who has to wait, who is canceled, and what is run again.
//!
//! What counts is in [`super::gates`]; here it meets the engine's commits. A retry is a new execution in the commit of the
//! end that it follows, so that it is as durable as the end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::accept::{self, Checked};
use super::dispatch::commit_step;
use super::gates::{Next, Policies, Verdict};
use super::state::State;
use super::step::{enter, set_result, step};
use super::{Submit, consent, workflow};
use crate::model::{Action, Execution, Id, Identity, JsonMap, Status, Timestamp};
use crate::policies::{Ended, PolicyKind, retry};
use crate::store::{ExecutionFilter, Page, SortOrder, StoreError, Write};

/// Key of the context with what policies made of an execution.
const KEY: &str = "policies";
/// What somebody did about an execution is not said of the one that is run instead.
const NOT_PASSED_ON: [&str; 3] = ["cancelled_by", "paused_by", "resumed_by"];
/// Unfinished executions that are read at once.
const PAGE: u32 = 500;

/// Statuses of executions that have begun and not ended: these count.
const BEGUN: [Status; 6] = [
    Status::Running,
    Status::Canceling,
    Status::Pending,
    Status::Pausing,
    Status::Paused,
    Status::Resuming,
];

/// Whether a policy limits how many executions there may be at once.
fn counts(policies: &Policies) -> bool {
    policies
        .iter()
        .any(|policy| policy.enabled && matches!(policy.kind, PolicyKind::Concurrency { .. }))
}

/// Whether an execution may start. `stored`: its row is committed.
fn ask(state: &State, action: &Action, execution: &Execution, parameters: &JsonMap, stored: bool) -> Verdict {
    let Some(policies) = state.parts.catalogue.policies(&action.reference) else {
        return Verdict::Start;
    };
    if !counts(&policies) && !state.gates.knows(&action.reference) {
        return Verdict::Start;
    }
    let user = &execution.request.user;
    let (verdict, next) = state
        .gates
        .ask(&policies, action, execution.id, user, parameters, stored);
    go_on(state, next);
    verdict
}

fn go_on(state: &State, next: Vec<Next>) {
    for (id, user) in next {
        state.enqueue(id, &user, None);
    }
}

/// What is to become of a request that was found good: one that has to wait is delayed, one that is too many has ended.
/// True when it may start.
pub(super) fn admit(state: &State, checked: &mut Checked) -> bool {
    let verdict = ask(
        state,
        &checked.action,
        &checked.execution,
        &checked.parameters,
        false,
    );
    let execution = &mut checked.execution;
    match verdict {
        Verdict::Start => true,
        Verdict::Wait => {
            enter(execution, Status::Delayed, Timestamp::now());
            false
        }
        Verdict::Cancel { policy } => {
            enter(execution, Status::Canceled, Timestamp::now());
            refuse(execution, &policy);
            false
        }
    }
}

fn refuse(execution: &mut Execution, policy: &str) {
    let error = format!(
        "canceled by the policy {policy}: as many executions of {} as it allows are at work",
        execution.request.action
    );
    set_result(execution, json!({ "error": error, "policy": policy }));
}

/// An execution that has to wait is committed: it goes into the queue when its turn has come meanwhile.
pub(super) fn settled(state: &State, execution: &Execution) {
    let request = &execution.request;
    if state.gates.stored(&request.action, execution.id) {
        state.enqueue(execution.id, &request.user, None);
    }
}

/// An execution does not count any more, and does not wait.
pub(super) fn leave(state: &State, action: &str, id: Id) {
    go_on(state, state.gates.leave(action, id));
}

/// Whether an execution that has a place may take it. One that may not is delayed or canceled here.
pub(super) async fn may_start(
    state: &Arc<State>,
    action: &Action,
    execution: &Execution,
) -> Result<bool, StoreError> {
    let parameters = || {
        state
            .parts
            .key
            .open_all(&execution.request.parameters, execution.id)
    };
    if state.parts.catalogue.policies(&action.reference).is_none() {
        return Ok(true);
    }
    // One that is delayed already needs no commit to wait.
    let stored = execution.status == Status::Delayed;
    match ask(state, action, execution, &parameters(), stored) {
        Verdict::Start => Ok(true),
        Verdict::Wait => {
            if !stored {
                let Some(next) = step(execution, Status::Delayed, Timestamp::now()) else {
                    return Ok(false);
                };
                match commit_step(state, execution.status, next, None).await {
                    Ok(Some(next)) => settled(state, &next),
                    // Somebody was faster; an end tells the gates by itself.
                    Ok(None) => {}
                    Err(error) => {
                        leave(state, &execution.request.action, execution.id);
                        return Err(error);
                    }
                }
            }
            Ok(false)
        }
        Verdict::Cancel { policy } => {
            if let Some(mut next) = step(execution, Status::Canceled, Timestamp::now()) {
                refuse(&mut next, &policy);
                commit_step(state, execution.status, next, None).await?;
            }
            Ok(false)
        }
    }
}

/// Counts what the last run left: first those that have begun, then those that wait, in order of asking. Gives the ids of
/// those that wait on and must not be put into the queue.
pub(super) async fn recover(
    state: &Arc<State>,
    unfinished: &[Execution],
) -> Result<std::collections::HashSet<Id>, StoreError> {
    let mut waiting = std::collections::HashSet::new();
    let policies_of = |execution: &Execution| {
        let action = &execution.request.action;
        let policies = state.parts.catalogue.policies(action).filter(counts)?;
        Some((policies, state.parts.catalogue.action(action)?))
    };
    for execution in unfinished.iter().filter(|execution| has_begun(execution)) {
        if let Some((policies, action)) = policies_of(execution) {
            enter_gate(state, &policies, &action, execution);
        }
    }
    let now = Timestamp::now();
    for execution in unfinished.iter().filter(|execution| waits(execution, now)) {
        if let Some((_, action)) = policies_of(execution)
            && !may_start(state, &action, execution).await?
        {
            waiting.insert(execution.id);
        }
    }
    Ok(waiting)
}

/// Whether it counts. What was interrupted and is to be started again has not begun (it waits for its turn like others).
fn has_begun(execution: &Execution) -> bool {
    BEGUN.contains(&execution.status) && !consent::waits(execution)
        || execution.status == Status::Scheduled && execution.progress.attempts > 0
}

/// Whether it waits for nothing but its turn.
fn waits(execution: &Execution, now: Timestamp) -> bool {
    matches!(
        execution.status,
        Status::Requested | Status::Scheduled | Status::Delayed
    ) && !has_begun(execution)
        && execution.request.not_before.is_none_or(|time| time <= now)
}

fn enter_gate(state: &State, policies: &Policies, action: &Action, execution: &Execution) {
    let request = &execution.request;
    let parameters = state.parts.key.open_all(&request.parameters, execution.id);
    state
        .gates
        .enter(policies, action, execution.id, &request.user, &parameters);
}

/// The policies may have changed: those who may start by now do, and what is at work counts under new ones.
pub(super) async fn changed(state: &Arc<State>) -> Result<(), StoreError> {
    let catalogue = &state.parts.catalogue;
    for action in catalogue.policed() {
        let Some(policies) = catalogue.policies(&action).filter(counts) else {
            continue;
        };
        if !state.gates.knows(&action)
            && let Some(action) = catalogue.action(&action)
        {
            count_begun(state, &policies, &action).await?;
        }
    }
    go_on(state, state.gates.refresh(|action| catalogue.policies(action)));
    Ok(())
}

/// Counts the executions of an action that began before it had policies.
async fn count_begun(state: &Arc<State>, policies: &Policies, action: &Action) -> Result<(), StoreError> {
    let store = &state.parts.store;
    let mut page = Page {
        order: SortOrder::Ascending,
        limit: Some(PAGE),
        ..Page::default()
    };
    loop {
        let filter = ExecutionFilter {
            action: vec![action.reference.clone()],
            status: BEGUN.to_vec(),
            ..ExecutionFilter::default()
        };
        let found = store.executions(filter, page.clone()).await?.items;
        for execution in found.iter().filter(|execution| has_begun(execution)) {
            enter_gate(state, policies, action, execution);
            // It may have ended before it was counted; then nobody would take it out.
            let now = store.execution(execution.id).await?;
            if now.is_none_or(|now| now.status.is_completed()) {
                leave(state, &execution.request.action, execution.id);
            }
        }
        match found.last() {
            Some(last) if found.len() == PAGE as usize => page.after = Some(last.id),
            _ => return Ok(()),
        }
    }
}

/// Adds the rows of the execution that follows one that has just ended, when a policy says that it is run again.
pub(super) fn follow_up(state: &State, ended: &Execution, rows: &mut Vec<Write>) {
    if !matches!(ended.status, Status::Failed | Status::Timeout) {
        return;
    }
    let request = &ended.request;
    let Some(policies) = state.parts.catalogue.policies(&request.action) else {
        return;
    };
    let context = ended.context();
    let about = Ended {
        id: ended.id,
        status: ended.status,
        context: &context,
        in_workflow: workflow::part_of(ended).is_some(),
    };
    let Some(retry) = retry(policies.iter().map(|policy| &**policy), &about) else {
        return;
    };
    // What never began was refused, and what goes on where another one ended cannot begin anew.
    if ended.progress.attempts == 0 || request.continues.is_some() || request.origin.kind == consent::ORIGIN {
        return;
    }
    let mut later = ended.progress.context.clone();
    later.retain(|key, _| !NOT_PASSED_ON.contains(&key.as_str()));
    if let Some(told) = retry.context.get(KEY) {
        later.insert(KEY.to_owned(), told.clone());
    }
    let submit = Submit {
        action: request.action.clone(),
        data: state.parts.key.open_all(&request.parameters, ended.id),
        identity: Identity {
            user: request.user.clone(),
            via: "policy".to_owned(),
            ..Identity::default()
        },
        origin: request.origin.clone(),
        context: request.context.clone(),
        later_context: later,
        delay: Duration::try_from_secs_f64(retry.delay).ok(),
        notify: request.notify.clone(),
        parent: request.parent,
        rule: request.rule.clone().zip(request.trigger_instance),
        ..Submit::default()
    };
    let reason = format!(
        "run again by the policy {} (number {}) after execution {}",
        retry.policy, retry.count, ended.id
    );
    let checked = match accept::check_allowed(state, submit, reason) {
        Ok(checked) => checked,
        Err(error) => {
            tracing::warn!(execution.id = %ended.id, policy = %retry.policy, %error, "an execution cannot be run again");
            return;
        }
    };
    // Others consented to exactly what ran.
    if consent::is_bound(ended) && checked.action.digest != request.digest {
        tracing::warn!(execution.id = %ended.id, policy = %retry.policy, "the action changed since it was approved: it is not run again");
        return;
    }
    let next = accept::insert(state, checked, rows);
    state.keep_follow_up(ended, next);
}
