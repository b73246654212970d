//! Pausing, going on and stopping: what people ask of a workflow.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::engine::state::State;
use crate::engine::{CancelError, ControlError, cancel};
use crate::model::{Execution, Id, Identity, Status};
use crate::store::StoreError;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum ControlKind {
    /// Start nothing more, and stand still when what is at work has ended.
    Pause,
    /// Go on.
    Resume,
    /// Start nothing more and end; `now` also stops the actions that are at work.
    Cancel {
        /// Stop running actions, too.
        now: bool,
    },
}

/// A request to a driver.
#[derive(Debug)]
pub(in crate::engine) struct Control {
    pub(in crate::engine) kind: ControlKind,
    /// Who wants it.
    pub(in crate::engine) user: String,
    /// Told when it is committed; `None` when nobody waits, as for what is passed on to workflows inside.
    pub(in crate::engine) answer: Option<oneshot::Sender<Answer>>,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Answer {
    /// Committed; the workflow as it stands now.
    Done(Arc<Execution>),
    /// The workflow cannot get there from where it is.
    Refused(Arc<Execution>),
    /// The store failed.
    Failed(Arc<StoreError>),
}

impl Control {
    /// Answers whoever waits.
    pub(super) fn tell(self, answer: Answer) {
        if let Some(waiting) = self.answer {
            let _ = waiting.send(answer); // who asked may have gone
        }
    }
}

pub(in crate::engine) async fn pause(
    state: &State,
    id: Id,
    identity: &Identity,
) -> Result<Arc<Execution>, ControlError> {
    let wanted = [Status::Running, Status::Pausing];
    ask(state, id, identity, ControlKind::Pause, &wanted, "paused").await
}

pub(in crate::engine) async fn resume(
    state: &State,
    id: Id,
    identity: &Identity,
) -> Result<Arc<Execution>, ControlError> {
    let wanted = [Status::Paused, Status::Pausing];
    ask(state, id, identity, ControlKind::Resume, &wanted, "resumed").await
}

/// Asks for it when the workflow is `from` one of these statuses.
async fn ask(
    state: &State,
    id: Id,
    identity: &Identity,
    kind: ControlKind,
    from: &[Status],
    done: &'static str,
) -> Result<Arc<Execution>, ControlError> {
    let found = state.parts.store.execution(id).await?;
    let execution = found.ok_or(ControlError::Unknown(id))?;
    let request = &execution.request;
    let runner = state.parts.runners.get(&request.runner);
    if runner.is_none_or(|runner| runner.conducts().is_none()) {
        return Err(ControlError::NoWorkflow {
            action: request.action.clone(),
            runner: request.runner.clone(),
        });
    }
    cancel::may(state, &execution, identity).map_err(|error| match error {
        CancelError::Unknown(id) => ControlError::Unknown(id),
        CancelError::Denied(decision) => ControlError::Denied(decision),
        CancelError::Store(error) => ControlError::Store(error),
    })?;
    if !from.contains(&execution.status) {
        return Err(ControlError::Refused(id, execution.status, done));
    }
    match cancel::control(state, id, kind, identity).await {
        Some(Answer::Done(execution)) => Ok(execution),
        Some(Answer::Refused(execution)) => Err(ControlError::Refused(id, execution.status, done)),
        Some(Answer::Failed(error)) => Err(ControlError::Store(StoreError::Database(error.to_string()))),
        None => {
            let now = state.parts.store.execution(id).await?;
            let status = now.map_or(execution.status, |now| now.status);
            Err(ControlError::Refused(id, status, done))
        }
    }
}
