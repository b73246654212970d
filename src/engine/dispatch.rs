//! Gives free places to waiting executions, and wakes delayed ones when their time has come.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::state::{Place, Running, State};
use super::step::{set_result, step};
use super::{accept, audit, consent, policing, work, workflow};
use crate::model::{Execution, Id, Status, Timestamp};
use crate::store::{CommitError, StoreError, Write};

/// Pause before a start is tried again while the store cannot write.
const START_RETRY_MILLIS: i64 = 1000;

/// Runs until the engine is gone.
pub(super) async fn run(state: std::sync::Weak<State>) {
    loop {
        let next = {
            let Some(state) = state.upgrade() else { return };
            let due = state.move_due(Timestamp::now());
            while let Some((id, place)) = state.next_waiting() {
                tokio::spawn(start(Arc::clone(&state), id, place));
            }
            due
        };
        let pause = next.map_or(Duration::from_secs(60), |time| {
            let micros = time.micros() - Timestamp::now().micros();
            Duration::from_micros(u64::try_from(micros).unwrap_or(0)).min(Duration::from_secs(60))
        });
        let Some(state) = state.upgrade() else { return };
        // `notified` is registered before the lanes are looked at again, so no wake-up is lost: a permit
        // stored by `notify_one` makes it return at once.
        let _ = tokio::time::timeout(pause, state.wake.notified()).await;
    }
}

/// Starts a waiting execution: commits that it runs, then runs it.
async fn start(state: Arc<State>, id: Id, place: Place) {
    match try_start(&state, id, place).await {
        Ok(()) => {}
        Err(StoreError::Closed) => {}
        Err(error) => {
            tracing::warn!(execution.id = %id, %error, "cannot start a waiting execution yet");
            let user = state.parts.options.system_user.clone();
            state.enqueue(id, &user, Some(Timestamp::now().plus_millis(START_RETRY_MILLIS)));
        }
    }
}

/// What waited for consent or for its time may have lost its right to run since it was decided about.
fn may_still(state: &Arc<State>, execution: &Execution) -> Result<(), String> {
    if consent::is_bound(execution) {
        let decision = consent::judge(state, execution, Timestamp::now());
        if !decision.allowed {
            return Err(format!(
                "it was approved, but is not allowed any more: {}",
                decision.reason
            ));
        }
    } else if execution.request.not_before.is_some()
        && let Some(why) = state.parts.authority.inactive(&execution.request.user)
    {
        return Err(format!("it is not allowed any more: {why}"));
    }
    Ok(())
}

async fn try_start(state: &Arc<State>, id: Id, place: Place) -> Result<(), StoreError> {
    let Some(execution) = state.parts.store.execution(id).await? else {
        return Ok(());
    };
    if !matches!(
        execution.status,
        Status::Requested | Status::Scheduled | Status::Delayed
    ) {
        return Ok(());
    }
    let request = Arc::clone(&execution.request);
    let found = state
        .parts
        .catalogue
        .action(&request.action)
        .filter(|action| action.enabled)
        .ok_or_else(|| format!("the action `{}` is gone or disabled", request.action));
    let found = found.and_then(|action| {
        // Others agreed to exactly this.
        let changed = consent::is_bound(&execution) && action.digest != request.digest;
        if changed {
            return Err(format!(
                "{} changed since it was approved: ask again",
                action.reference
            ));
        }
        may_still(state, &execution)?;
        Ok(action)
    });
    let ready = found.and_then(|action| {
        let runner = accept::runner_of(state, &action).map_err(|error| error.to_string())?;
        let prepared = state.prepared.get(&action, &**runner)?;
        Ok((action, prepared))
    });
    let (action, prepared) = match ready {
        Ok(ready) => ready,
        Err(message) => return fail(state, &execution, &message).await,
    };

    if !policing::may_start(state, &action, &execution).await? {
        return Ok(());
    }
    let before = execution.status;
    let mut next = execution;
    next.revision += 1;
    accept::begin(state, &mut next);
    let runner = accept::runner_of(state, &action).ok();
    if runner.is_some_and(|runner| runner.conducts().is_some()) {
        drop(place); // workflows take none: their actions do
        if let Some(execution) = commit_step(state, before, next, None).await? {
            workflow::conduct(state, execution);
        }
        return Ok(());
    }
    let running = Arc::new(Running {
        state: tokio::sync::Mutex::new(next.clone()),
        cancel: CancellationToken::new(),
        shutdown: false.into(),
    });
    state.running.lock().insert(id, Arc::clone(&running));
    let next = Arc::new(next);
    let mut rows = vec![
        Write::Transition(Arc::clone(&next)),
        Write::Audit(audit::stepped(&next, None)),
    ];
    state.observed(Some(before), &next, &mut rows);
    if let Err(error) = state.parts.store.commit(rows).await {
        state.left(id);
        return match error {
            CommitError::Store(error) => Err(error),
            // It was canceled in the meantime.
            CommitError::Conflict(_) | CommitError::Duplicate(_) => Ok(()),
        };
    }
    state.announce(&next, false);
    let parameters = state.parts.key.open_all(&request.parameters, id);
    let work = work::Work {
        state: Arc::clone(state),
        running,
        action,
        prepared,
        parameters,
        place,
    };
    work.run().await;
    Ok(())
}

async fn fail(state: &Arc<State>, execution: &Execution, message: &str) -> Result<(), StoreError> {
    let Some(mut next) = step(execution, Status::Failed, Timestamp::now()) else {
        return Ok(());
    };
    set_result(&mut next, serde_json::json!({ "error": message }));
    commit_step(state, execution.status, next, None).await.map(|_| ())
}

/// Commits a step of an execution that is not at work; false when somebody else took a step first.
pub(super) async fn commit_step(
    state: &Arc<State>,
    before: Status,
    next: Execution,
    by: Option<&str>,
) -> Result<Option<Arc<Execution>>, StoreError> {
    let next = Arc::new(next);
    let mut rows = vec![
        Write::Transition(Arc::clone(&next)),
        Write::Audit(audit::stepped(&next, by)),
    ];
    state.observed(Some(before), &next, &mut rows);
    match consent::commit(state, before, &next, rows).await {
        Ok(()) => {
            state.announce(&next, false);
            Ok(Some(next))
        }
        Err(CommitError::Conflict(_) | CommitError::Duplicate(_)) => Ok(None),
        Err(CommitError::Store(error)) => Err(error),
    }
}
