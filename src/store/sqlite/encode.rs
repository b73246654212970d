//! Turns writes into rows. Runs in the task that commits, so that the one writer has less to do.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    Enforcement, Execution, Id, InboxClaim, InstanceStatus, OutboxMessage, OutboxState, OutputChunk,
    OutputStream, Request, Status, TriggerInstance,
};
use crate::store::{JournalEntry, StoreError, Transaction, Write, chain};

use super::body::{Body, Stored};

/// Levels of nesting that `serde_json` reads.
const DEEPEST: usize = 127;

/// A transaction ready to be written.
pub(super) struct Encoded {
    pub(super) writes: Vec<Row>,
    /// About so many bytes of memory.
    pub(super) bytes: usize,
}

/// One write, with everything that takes time already done.
pub(super) enum Row {
    Insert(Box<Fixed>, Box<Step>),
    Transition(Box<Step>),
    Output(OutputRow),
    Audit(Box<AuditRow>),
    Claim(Box<ClaimRow>),
    Outbox(Box<OutboxRow>),
    OutboxUpdate(Box<OutboxStep>),
    Journal(JournalEntry),
    Definition {
        digest: Arc<str>,
        size: usize,
        document: Stored,
    },
    Instance(Box<InstanceRow>),
    InstanceStatus(Id, InstanceStatus),
    Enforcement(Box<Enforcement>),
    Setting {
        key: Arc<str>,
        value: Option<Arc<str>>,
    },
}

/// The part of an execution that is written once.
pub(super) struct Fixed {
    pub(super) started: i64,
    pub(super) action: Arc<str>,
    pub(super) runner: Arc<str>,
    pub(super) user: Arc<str>,
    pub(super) parent: Option<Id>,
    pub(super) rule: Option<Arc<str>>,
    pub(super) trigger_instance: Option<Id>,
    pub(super) not_before: Option<i64>,
    pub(super) builtin: bool,
    pub(super) place: Option<(Arc<str>, Arc<str>)>,
    pub(super) request: Body,
}

/// The part of an execution that changes with each step.
pub(super) struct Step {
    pub(super) id: Id,
    pub(super) revision: u32,
    pub(super) status: Status,
    pub(super) ended: Option<i64>,
    pub(super) progress: Arc<str>,
    /// `None` leaves a stored result as it is: executions out of lists carry none.
    pub(super) result: Option<Body>,
}

pub(super) struct OutputRow {
    pub(super) execution: Id,
    pub(super) number: u32,
    pub(super) at: i64,
    pub(super) stream: u8,
    pub(super) size: usize,
    pub(super) data: Stored,
}

pub(super) struct AuditRow {
    pub(super) at: i64,
    pub(super) kind: Arc<str>,
    pub(super) actor: Arc<str>,
    pub(super) action: Option<Arc<str>>,
    pub(super) execution: Option<Id>,
    pub(super) text: Arc<str>,
}

pub(super) struct InstanceRow {
    pub(super) id: Id,
    pub(super) trigger: Arc<str>,
    pub(super) status: InstanceStatus,
    pub(super) occurred: i64,
    pub(super) size: usize,
    pub(super) payload: Stored,
    pub(super) detail: Arc<str>,
}

pub(super) struct ClaimRow {
    pub(super) claim: InboxClaim,
    pub(super) key: Arc<str>,
    pub(super) document: Arc<str>,
}

pub(super) struct OutboxRow {
    pub(super) id: Id,
    pub(super) gateway: Arc<str>,
    pub(super) conversation: Arc<str>,
    pub(super) card: Option<Arc<str>>,
    pub(super) execution: Option<Id>,
    pub(super) created: i64,
    pub(super) place: Arc<str>,
    pub(super) body: Arc<str>,
    pub(super) step: OutboxStep,
}

pub(super) struct OutboxStep {
    pub(super) id: Id,
    pub(super) state: OutboxState,
    pub(super) attempts: u32,
    pub(super) next_attempt: i64,
    pub(super) message_ref: Option<Arc<str>>,
    pub(super) error: Option<Arc<str>>,
}

/// Makes rows of a transaction.
pub(super) fn encode(transaction: Transaction) -> Result<Encoded, StoreError> {
    let mut writes = Vec::with_capacity(transaction.len());
    for write in transaction {
        match write {
            Write::Insert(execution) => {
                let fixed = fixed(&execution.request, execution.start.micros())?;
                writes.push(Row::Insert(Box::new(fixed), Box::new(step(&execution)?)));
            }
            Write::Transition(execution) => writes.push(Row::Transition(Box::new(step(&execution)?))),
            Write::Output(chunks) => {
                writes.extend(chunks.into_iter().map(|chunk| Row::Output(output(chunk))))
            }
            Write::Audit(draft) => writes.push(Row::Audit(Box::new(AuditRow {
                at: draft.timestamp.micros(),
                text: readable(chain::text(&draft).map_err(|error| unwritable(&error))?)?.into(),
                kind: draft.kind.into(),
                actor: draft.actor.into(),
                action: draft.action.map(Into::into),
                execution: draft.execution,
            }))),
            Write::Claim(claim) => writes.push(Row::Claim(Box::new(ClaimRow {
                key: claim.key.as_str().into(),
                document: json(&claim)?.into(),
                claim,
            }))),
            Write::Outbox(message) => writes.push(Row::Outbox(Box::new(outbox(*message)?))),
            Write::OutboxUpdate {
                id,
                state,
                attempts,
                next_attempt,
                message_ref,
                error,
            } => {
                writes.push(Row::OutboxUpdate(Box::new(OutboxStep {
                    id,
                    state,
                    attempts,
                    next_attempt: next_attempt.micros(),
                    message_ref: message_ref.map(Into::into),
                    error: error.map(Into::into),
                })));
            }
            Write::Definition { digest, document } => {
                let text = json(&document)?;
                let size = text.len();
                writes.push(Row::Definition {
                    digest: digest.into(),
                    size,
                    document: Stored::pack(text),
                });
            }
            Write::Journal(entry) => writes.push(Row::Journal(entry)),
            Write::Instance(instance) => writes.push(Row::Instance(Box::new(self::instance(&instance)?))),
            Write::InstanceStatus { id, status } => writes.push(Row::InstanceStatus(id, status)),
            Write::Enforcement(enforcement) => writes.push(Row::Enforcement(Box::new(enforcement))),
            Write::Setting { key, value } => {
                let value = value.as_ref().map(json).transpose()?;
                writes.push(Row::Setting {
                    key: key.into(),
                    value: value.map(Into::into),
                });
            }
        }
    }
    let bytes = writes.iter().map(Row::bytes).sum();
    Ok(Encoded { writes, bytes })
}

fn fixed(request: &Request, started: i64) -> Result<Fixed, StoreError> {
    let place = request.origin.place.as_ref();
    Ok(Fixed {
        started,
        action: request.action.as_str().into(),
        runner: request.runner.as_str().into(),
        user: request.user.as_str().into(),
        parent: request.parent,
        rule: request.rule.as_deref().map(Into::into),
        trigger_instance: request.trigger_instance,
        not_before: request.not_before.map(|time| time.micros()),
        builtin: request.origin.builtin,
        place: place.map(|place| (place.gateway.as_str().into(), place.conversation.as_str().into())),
        request: Body::new(json(request)?),
    })
}

fn step(execution: &Execution) -> Result<Step, StoreError> {
    let result = execution.result.as_ref();
    Ok(Step {
        id: execution.id,
        revision: execution.revision,
        status: execution.status,
        ended: execution.end.map(|time| time.micros()),
        progress: json(&execution.progress)?.into(),
        result: result.map(|result| json(result).map(Body::new)).transpose()?,
    })
}

fn output(chunk: OutputChunk) -> OutputRow {
    OutputRow {
        execution: chunk.execution,
        number: chunk.number,
        at: chunk.timestamp.micros(),
        stream: stream_code(chunk.stream),
        size: chunk.text.len(),
        data: Stored::pack(chunk.text),
    }
}

fn instance(instance: &TriggerInstance) -> Result<InstanceRow, StoreError> {
    let payload = json(&*instance.payload)?;
    Ok(InstanceRow {
        id: instance.id,
        trigger: instance.trigger.as_str().into(),
        status: instance.status,
        occurred: instance.occurrence_time.micros(),
        size: payload.len(),
        payload: Stored::pack(payload),
        detail: json(&instance.detail)?.into(),
    })
}

fn outbox(message: OutboxMessage) -> Result<OutboxRow, StoreError> {
    Ok(OutboxRow {
        id: message.id,
        place: json(&message.place)?.into(),
        gateway: message.place.gateway.into(),
        conversation: message.place.conversation.into(),
        card: message.card.map(Into::into),
        execution: message.execution,
        created: message.created.micros(),
        body: json(&message.body)?.into(),
        step: OutboxStep {
            id: message.id,
            state: message.state,
            attempts: message.attempts,
            next_attempt: message.next_attempt.micros(),
            message_ref: message.message_ref.map(Into::into),
            error: message.error.map(Into::into),
        },
    })
}

impl Row {
    fn bytes(&self) -> usize {
        const ROW: usize = 256;
        ROW + match self {
            Self::Insert(fixed, step) => fixed.request.stored.len() + step.bytes(),
            Self::Transition(step) => step.bytes(),
            Self::Output(row) => row.data.len(),
            Self::Audit(row) => row.text.len(),
            Self::Claim(row) => 2 * row.document.len(),
            Self::Outbox(row) => row.body.len(),
            Self::OutboxUpdate(step) => step.error.as_ref().map_or(0, |error| error.len()),
            Self::Definition { document, .. } => document.len(),
            Self::Journal(entry) => entry.data.len(),
            Self::Instance(row) => row.payload.len() + row.detail.len(),
            Self::InstanceStatus(..) => 0,
            Self::Enforcement(row) => row.failure.as_ref().map_or(0, String::len),
            Self::Setting { value, .. } => value.as_ref().map_or(0, |value| value.len()),
        }
    }
}

impl Step {
    fn bytes(&self) -> usize {
        self.progress.len() + self.result.as_ref().map_or(0, |result| result.stored.len())
    }
}

/// The number that the store keeps for a stream; never renumber.
pub(super) const fn stream_code(stream: OutputStream) -> u8 {
    match stream {
        OutputStream::Stdout => 0,
        OutputStream::Stderr => 1,
        OutputStream::Output => 2,
    }
}

/// The stream with this number.
pub(super) const fn stream_from_code(code: i64) -> Option<OutputStream> {
    match code {
        0 => Some(OutputStream::Stdout),
        1 => Some(OutputStream::Stderr),
        2 => Some(OutputStream::Output),
        _ => None,
    }
}

/// The number that the store keeps for an outbound message's state; never renumber.
pub(super) const fn state_code(state: OutboxState) -> u8 {
    match state {
        OutboxState::Pending => 0,
        OutboxState::Sent => 1,
        OutboxState::Failed => 2,
        OutboxState::Superseded => 3,
    }
}

/// The state with this number.
pub(super) const fn state_from_code(code: i64) -> Option<OutboxState> {
    match code {
        0 => Some(OutboxState::Pending),
        1 => Some(OutboxState::Sent),
        2 => Some(OutboxState::Failed),
        3 => Some(OutboxState::Superseded),
        _ => None,
    }
}

/// The number that the store keeps for the status of a trigger instance; never renumber.
pub(super) const fn instance_code(status: InstanceStatus) -> u8 {
    match status {
        InstanceStatus::Pending => 0,
        InstanceStatus::Processing => 1,
        InstanceStatus::Processed => 2,
        InstanceStatus::ProcessingFailed => 3,
    }
}

/// The status with this number.
pub(super) fn instance_from_code(code: i64) -> Option<InstanceStatus> {
    let mut all = InstanceStatus::ALL.into_iter();
    all.find(|status| i64::from(instance_code(*status)) == code)
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    readable(serde_json::to_string(value).map_err(|error| unwritable(&error))?)
}

/// Refuses JSON that is nested too deep to be read back: one such row would spoil every list that it is in.
fn readable(json: String) -> Result<String, StoreError> {
    // Nearly always there are too few brackets for that, and counting them all is quick.
    if json.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() <= DEEPEST {
        return Ok(json);
    }
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if deepest <= DEEPEST {
        return Ok(json);
    }
    Err(StoreError::Database(format!(
        "a value is nested {deepest} levels deep, only {DEEPEST} can be stored"
    )))
}

fn unwritable(error: &serde_json::Error) -> StoreError {
    StoreError::Database(format!("a value cannot be written as JSON: {error}"))
}
