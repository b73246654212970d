//! An event comes in.

use std::sync::Arc;

use serde_json::Value as Json;
use thiserror::Error;

use super::Events;
use super::traces::tagged;
use crate::model::{Id, InboxClaim, InstanceDetail, InstanceStatus, JsonMap, Timestamp, TriggerInstance};
use crate::store::{CommitError, StoreError, Write};
use crate::triggers::{Trigger, trace_tag};

/// An event.
#[derive(Clone, Debug, Default)]
pub struct Emission {
    /// The id that its trigger instance will have, when something else refers to it; else one is made.
    pub id: Option<Id>,
    /// Ref of the trigger's type.
    pub type_ref: String,
    /// Parameters of the trigger.
    pub parameters: JsonMap,
    /// What came with it.
    pub payload: Arc<Json>,
    /// When it happened; `None`: now.
    pub occurred: Option<Timestamp>,
    /// Tag of the trace that it belongs to.
    pub trace_tag: Option<String>,
    /// Only these rules may be judged; `None`: all.
    pub only: Option<Vec<String>>,
    /// How many rules in a row led to it.
    pub depth: u32,
    /// Rows to commit with it: the claim of a delivery, the state of a timer.
    pub with: Vec<Write>,
}

/// What became of an event, committed before this value exists.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The trigger instance.
    pub instance: Id,
    /// The executions that rules asked for.
    pub executions: Vec<Id>,
    /// Rules that matched and were held back.
    pub suppressed: Vec<String>,
}

/// Why an event was not accepted. Nothing of it was stored.
#[derive(Debug, Error)]
pub enum EmitError {
    /// There is no such trigger type.
    #[error("Trigger type with reference \"{0}\" doesn't exist in the database")]
    UnknownType(String),
    /// The payload does not fit the trigger's type.
    #[error("{0}")]
    BadPayload(String),
    /// Too much waits already.
    #[error("{0}")]
    Busy(String),
    /// More comes in than can be stored.
    #[error("{why}")]
    Overloaded {
        /// What is too much.
        why: String,
        /// Seconds after which the sender may come again.
        retry_after: u64,
    },
    /// It was accepted before.
    #[error("the event {} was handled before", .0.key)]
    Duplicate(Box<InboxClaim>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for EmitError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Duplicate(claim) => Self::Duplicate(claim),
            CommitError::Store(error) => Self::Store(error),
            CommitError::Conflict(id) => Self::Store(StoreError::Database(format!("{id} exists already"))),
        }
    }
}

impl Events {
    /// Accepts an event from outside, when there is room for it.
    ///
    /// # Errors
    /// See [`EmitError`]; nothing is stored then.
    pub async fn emit_from_outside(&self, event: Emission) -> Result<Emitted, EmitError> {
        let _entry = self.enter()?;
        self.emit(event).await
    }

    /// Accepts an event: returns after it is committed, with everything that follows from it.
    ///
    /// # Errors
    /// See [`EmitError`]; nothing is stored then.
    pub async fn emit(&self, event: Emission) -> Result<Emitted, EmitError> {
        let Some(kind) = self.shared.parts.book.kind(&event.type_ref) else {
            return Err(EmitError::UnknownType(event.type_ref));
        };
        kind.check_payload(&event.payload)
            .map_err(EmitError::BadPayload)?;
        let trigger = Trigger::new(&kind, event.parameters);
        let id = event.id.unwrap_or_else(Id::new);
        let tag = event.trace_tag.unwrap_or_else(|| trace_tag(id));
        let mut with = event.with;
        // Other tags say themselves what began the trace.
        if !kind.is_timer() && !tag.ends_with(&id.to_string()) {
            with.push(tagged(&tag, id));
        }
        let instance = TriggerInstance {
            id,
            trigger: trigger.reference(),
            payload: event.payload,
            occurrence_time: event.occurred.unwrap_or_else(Timestamp::now),
            status: InstanceStatus::Pending,
            detail: InstanceDetail {
                type_ref: trigger.type_ref,
                parameters: trigger.parameters,
                trace_tag: Some(tag),
                only: event.only,
                depth: event.depth,
                suppressed: Vec::new(),
                cause: None,
            },
        };
        self.carry_out(instance, Some(with)).await
    }
}
