//! Cancelling: at once for what waits, by stopping the runner for what is at work.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::dispatch::commit_step;
use super::state::{Running, State};
use super::step::{set_result, step};
use super::workflow::{Answer, Control, ControlKind, Message};
use super::{CancelError, Cancelled, consent};
use crate::model::{Decision, Execution, Id, Identity, Status, Timestamp};
use crate::store::StoreError;

/// A step taken by somebody else makes us look again; more often than this it cannot happen by chance.
const ATTEMPTS: usize = 16;

/// Cancels an execution; of a workflow also what it is part of. `now` stops the actions of a workflow that are at work,
/// which otherwise run to their end.
pub(super) async fn cancel(
    state: &Arc<State>,
    id: Id,
    identity: &Identity,
    now: bool,
) -> Result<Cancelled, CancelError> {
    if state.drivers.has(id) {
        let root = root_of(state, id).await?;
        may(state, &root, identity)?;
        match control(state, root.id, ControlKind::Cancel { now }, identity).await {
            Some(Answer::Done(execution)) => return Ok(Cancelled::Asked(execution)),
            Some(Answer::Refused(execution)) => return Ok(Cancelled::NotCancelable(execution)),
            Some(Answer::Failed(error)) => {
                return Err(CancelError::Store(StoreError::Database(error.to_string())));
            }
            None => {} // it has ended meanwhile
        }
    }
    cancel_alone(state, id, identity).await
}

/// Tells a workflow's driver what somebody wants; `None` when the workflow has none (any more).
pub(super) async fn control(
    state: &State,
    workflow: Id,
    kind: ControlKind,
    identity: &Identity,
) -> Option<Answer> {
    let (answer, answered) = oneshot::channel();
    let control = Control {
        kind,
        user: identity.user.clone(),
        answer: Some(answer),
    };
    state.drivers.tell(workflow, Message::Control(control)).ok()?;
    answered.await.ok()
}

/// The outermost workflow that a workflow is part of.
async fn root_of(state: &State, id: Id) -> Result<Execution, CancelError> {
    let mut current = state
        .parts
        .store
        .execution(id)
        .await?
        .ok_or(CancelError::Unknown(id))?;
    while let Some(parent) = current.request.parent.filter(|parent| state.drivers.has(*parent)) {
        match state.parts.store.execution(parent).await? {
            Some(execution) => current = execution,
            None => break,
        }
    }
    Ok(current)
}

/// Cancels a part of a canceled workflow: at work only when that is wanted.
pub(super) async fn cancel_part(
    state: &Arc<State>,
    id: Id,
    identity: &Identity,
    now: bool,
) -> Result<(), CancelError> {
    if now {
        return cancel_alone(state, id, identity).await.map(drop);
    }
    // A part that starts at this moment runs to its end, as those before it.
    if !state.running.lock().contains_key(&id) {
        cancel_waiting(state, id, identity).await?;
    }
    Ok(())
}

async fn cancel_alone(state: &Arc<State>, id: Id, identity: &Identity) -> Result<Cancelled, CancelError> {
    for _ in 0..ATTEMPTS {
        let running = state.running.lock().get(&id).cloned();
        let done = match running {
            Some(running) => cancel_running(state, &running, identity).await?,
            None => cancel_waiting(state, id, identity).await?,
        };
        if let Some(done) = done {
            return Ok(done);
        }
        tokio::task::yield_now().await;
    }
    Err(CancelError::Store(StoreError::Database(format!(
        "execution {id} changes faster than it can be canceled"
    ))))
}

async fn cancel_running(
    state: &Arc<State>,
    running: &Running,
    identity: &Identity,
) -> Result<Option<Cancelled>, CancelError> {
    let mut current = running.state.lock().await;
    if current.status.is_completed() || current.status == Status::Pending {
        return Ok(None); // it left its runner while we waited: look at the stored state
    }
    may(state, &current, identity)?;
    if !current.status.is_cancelable() {
        return Ok(Some(Cancelled::NotCancelable(Arc::new(current.clone()))));
    }
    let Some(next) = canceled(&current, Status::Canceling, identity) else {
        return Ok(None);
    };
    let committed = commit_step(state, current.status, next, Some(&identity.user)).await?;
    let Some(committed) = committed else {
        return Ok(None);
    };
    *current = (*committed).clone();
    running.cancel.cancel();
    Ok(Some(Cancelled::Asked(committed)))
}

async fn cancel_waiting(
    state: &Arc<State>,
    id: Id,
    identity: &Identity,
) -> Result<Option<Cancelled>, CancelError> {
    let execution = state
        .parts
        .store
        .execution(id)
        .await?
        .ok_or(CancelError::Unknown(id))?;
    may(state, &execution, identity)?;
    if !execution.status.is_cancelable() {
        return Ok(Some(Cancelled::NotCancelable(Arc::new(execution))));
    }
    let Some(next) = canceled(&execution, Status::Canceled, identity) else {
        return Ok(None);
    };
    let committed = commit_step(state, execution.status, next, Some(&identity.user)).await?;
    state.dequeue(id, execution.request.not_before);
    if execution.status == Status::Pending && committed.is_some() {
        state.alarms.set(id, None);
        consent::dismiss(state, &execution);
    }
    Ok(committed.map(Cancelled::Asked))
}

fn canceled(execution: &Execution, status: Status, identity: &Identity) -> Option<Execution> {
    let mut next = step(execution, status, Timestamp::now())?;
    next.progress
        .context
        .insert("cancelled_by".to_owned(), identity.user.clone().into());
    next.progress.wake = None;
    let mut result = json!({"message": "Action canceled by user.", "user": identity.user});
    // What people said before stays on the record.
    if execution.status == Status::Pending
        && let (Some(Value::Object(said)), Value::Object(added)) = (execution.result.as_deref(), &mut result)
    {
        let mut whole = said.clone();
        whole.append(added);
        result = Value::Object(whole);
    }
    set_result(&mut next, result);
    Some(next)
}

/// Who asked for it may cancel it, and so may everybody who could run the action themselves.
pub(super) fn may(state: &State, execution: &Execution, identity: &Identity) -> Result<(), CancelError> {
    if identity.is_admin() || identity.user == execution.request.user {
        return Ok(());
    }
    let action = state.parts.catalogue.action(&execution.request.action);
    let place = execution.request.origin.place.as_ref();
    if action.is_some_and(|action| state.parts.authority.could(identity, &action, place)) {
        return Ok(());
    }
    let reason = format!(
        "execution {} belongs to {}; others may stop or pause it only when they may run {} themselves",
        execution.id, execution.request.user, execution.request.action
    );
    Err(CancelError::Denied(Decision {
        reason,
        ..Decision::default()
    }))
}
