//! What a start makes of the executions that the last run left unfinished.
//!
//! What was acknowledged goes on: waiting executions wait again; an execution that was at work is started
//! again when its action is declared idempotent, else it ends `abandoned` with a reason, because nobody knows
//! how far it came; one that was being canceled is canceled.

use std::sync::Arc;

use serde_json::json;

use super::dispatch::commit_step;
use super::state::State;
use super::step::{set_result, step};
use super::{consent, policing, workflow};
use crate::model::{Execution, Id, Status, Timestamp};
use crate::store::StoreError;

pub(super) async fn recover(state: &Arc<State>) -> Result<(), StoreError> {
    if let Some(newest) = state.parts.store.newest_execution().await? {
        Id::continue_after(newest);
    }
    for digest in state.parts.store.definition_digests().await? {
        state.prepared.mark_stored(&digest);
    }
    let unfinished = state.parts.store.unfinished().await?;
    if !unfinished.is_empty() {
        tracing::info!(
            count = unfinished.len(),
            "going on with the executions that the last run left unfinished"
        );
    }
    let held_back = policing::recover(state, &unfinished).await?;
    // Workflows first: what becomes of the others may matter to them.
    let (workflows, others): (Vec<_>, Vec<_>) = unfinished
        .into_iter()
        .partition(|execution| is_conducted(state, execution));
    for execution in workflows {
        workflow::conduct(state, Arc::new(execution));
    }
    for execution in others
        .into_iter()
        .filter(|execution| !held_back.contains(&execution.id))
    {
        go_on(state, execution).await?;
    }
    Ok(())
}

/// Whether it is a workflow that has begun.
fn is_conducted(state: &State, execution: &Execution) -> bool {
    let waits = matches!(
        execution.status,
        Status::Requested | Status::Scheduled | Status::Delayed
    );
    let runner = state.parts.runners.get(&execution.request.runner);
    !waits && !consent::waits(execution) && runner.is_some_and(|runner| runner.conducts().is_some())
}

async fn go_on(state: &Arc<State>, execution: Execution) -> Result<(), StoreError> {
    let request = Arc::clone(&execution.request);
    let now = Timestamp::now();
    let next = match execution.status {
        Status::Requested | Status::Scheduled | Status::Delayed => {
            state.enqueue(execution.id, &request.user, request.not_before);
            return Ok(());
        }
        Status::Running if request.idempotent => step(&execution, Status::Scheduled, now),
        Status::Running => {
            let mut next = step(&execution, Status::Abandoned, now);
            if let Some(next) = &mut next {
                let error = "the server died while the action ran: nobody knows how far it came. It was not \
                             started again because the action is not declared idempotent; look, then re-run it";
                set_result(next, json!({ "error": error }));
            }
            next
        }
        Status::Canceling => step(&execution, Status::Canceled, now),
        Status::Pending => {
            state.alarms.set(execution.id, execution.progress.wake);
            None
        }
        // These wait for other executions and need nothing now.
        _ => None,
    };
    let Some(next) = next else { return Ok(()) };
    let (id, waits) = (next.id, next.status == Status::Scheduled);
    let by = state.parts.options.system_user.clone();
    commit_step(state, execution.status, next, Some(&by)).await?;
    if waits {
        state.enqueue(id, &request.user, None);
    }
    Ok(())
}
