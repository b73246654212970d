//! Where people answer what waits for them: inquiries and approvals.
//!
//! The API, the chat and (through the API) the command line all come here, so that an answer means the same and is
//! judged the same wherever it was given. What waits is an execution of the runner `inquirer` or `approval`;
//! answering changes it through [`Engine::amend`].

pub mod approvals;
pub mod inquiries;

use std::sync::Arc;

use thiserror::Error;

use crate::engine::{AmendError, By, Engine};
use crate::model::{Execution, Id, Identity, Place, Status};
use crate::store::{ExecutionFilter, Page, StoreError};

/// Who answers, and where.
#[derive(Clone, Copy, Debug)]
pub struct Answerer<'a> {
    /// Who.
    pub identity: &'a Identity,
    /// The conversation, for chat.
    pub place: Option<&'a Place>,
}

impl Answerer<'_> {
    fn by(&self) -> By {
        By::of(self.identity, self.place)
    }
}

/// Why an answer was not taken.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// No such execution.
    #[error("there is no execution {0}")]
    Unknown(Id),
    /// It exists and is something else, or is over, or the answer does not fit.
    #[error("{0}")]
    Invalid(String),
    /// This person may not.
    #[error("{0}")]
    Forbidden(String),
    /// Somebody else was faster, or what it is about changed.
    #[error("{0}")]
    Conflict(String),
    /// The store failed; an internal error.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Executions of a runner with their results: those that wait, or all of them; newest first unless `page` says
/// otherwise. The number of all when `page` asks for it.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(
    engine: &Engine,
    runner: &str,
    all: bool,
    page: Page,
) -> Result<(Vec<Arc<Execution>>, Option<u64>), StoreError> {
    let filter = ExecutionFilter {
        runner: vec![runner.to_owned()],
        status: if all { Vec::new() } else { vec![Status::Pending] },
        ..ExecutionFilter::default()
    };
    let found = engine.store().executions(filter, page).await?;
    let mut whole = Vec::with_capacity(found.items.len());
    for execution in found.items {
        // Between the two reads it may have ended; what is listed is what it was.
        whole.extend(engine.execution(execution.id).await?);
    }
    // What waits for the consent of others asks nobody anything yet.
    whole.retain(|execution| !crate::engine::awaits_consent(execution));
    Ok((whole, found.total))
}

impl AnswerError {
    fn of_amend<E>(
        error: AmendError<E>,
        over: impl FnOnce(&Execution) -> Self,
        refused: impl FnOnce(E) -> Self,
    ) -> Self {
        match error {
            AmendError::Unknown(id) => Self::Unknown(id),
            AmendError::NotPending(execution) => over(&execution),
            AmendError::Refused(why) => refused(why),
            AmendError::Store(error) => Self::Store(error),
        }
    }
}
