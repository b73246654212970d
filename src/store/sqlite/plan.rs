//! Decides, in memory, what a group of transactions comes to: who is refused, and which rows are written.
//!
//! The writer is the only one who writes, so what was read inside the database transaction stays true until
//! its commit. Executions that take several steps within the group are written once, with the last state.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::model::{Enforcement, Id, InboxClaim, InstanceStatus, OutboxState, Status};
use crate::store::{CommitError, JournalEntry};

use super::body::{Body, Stored};
use super::encode::{
    AuditRow, ClaimRow, Encoded, Fixed, InstanceRow, OutboxRow, OutboxStep, OutputRow, Row, Step,
};
use super::memory::{Cell, Memory, OutboxCell, Tail, id_micros};

/// What has to be read before a group can be decided.
#[derive(Default)]
pub(super) struct Needs<'a> {
    pub(super) executions: Vec<Id>,
    pub(super) claims: Vec<&'a Arc<str>>,
    pub(super) messages: Vec<Id>,
    /// Executions that the group inserts, and which therefore are not looked up.
    brought: HashSet<Id>,
}

impl<'a> Needs<'a> {
    pub(super) fn of(group: &[&'a Encoded]) -> Self {
        let (mut needs, mut executions, mut messages) = (Self::default(), HashSet::new(), HashSet::new());
        for write in group.iter().flat_map(|encoded| &encoded.writes) {
            match write {
                Row::Insert(_, step) => {
                    needs.brought.insert(step.id);
                }
                Row::Transition(step) if !needs.brought.contains(&step.id) && executions.insert(step.id) => {
                    needs.executions.push(step.id);
                }
                Row::OutboxUpdate(step) if messages.insert(step.id) => needs.messages.push(step.id),
                Row::Claim(row) => needs.claims.push(&row.key),
                _ => {}
            }
        }
        needs
    }

    /// Whether an answer rests on an execution that was not looked up, because a transaction of the group
    /// brings it, while that one was refused. Only writes that should never meet lead there (an id that is
    /// inserted twice); the transactions are then decided one by one.
    pub(super) fn leave_doubt(&self, answers: &[Result<(), CommitError>]) -> bool {
        let doubtful = |answer: &Result<(), CommitError>| matches!(answer, Err(CommitError::Conflict(id)) if self.brought.contains(id));
        answers.len() > 1 && answers.iter().any(doubtful)
    }
}

/// An execution as it is in the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) number: i64,
    pub(super) revision: u32,
    pub(super) cell: Cell,
    /// Its result is kept in `bodies`.
    pub(super) apart: bool,
}

/// What was read.
#[derive(Default)]
pub(super) struct Found {
    pub(super) executions: HashMap<Id, Known>,
    pub(super) claims: HashMap<String, InboxClaim>,
    pub(super) messages: HashMap<Id, OutboxCell>,
}

/// An execution to be written.
pub(super) struct Slot<'a> {
    pub(super) origin: Origin<'a>,
    pub(super) step: &'a Step,
    pub(super) result: Option<&'a Body>,
}

/// Whether it is new.
pub(super) enum Origin<'a> {
    New(&'a Fixed),
    Stored(Known),
}

/// An outbound message to be inserted, in its last state.
pub(super) struct Message<'a> {
    pub(super) row: &'a OutboxRow,
    pub(super) step: &'a OutboxStep,
}

/// An audit entry with its number and hash.
pub(super) struct Chained<'a> {
    pub(super) row: &'a AuditRow,
    pub(super) number: u64,
    pub(super) hash: [u8; 32],
}

/// All rows of a group, and the counts after it.
#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) slots: Vec<Slot<'a>>,
    by_id: HashMap<Id, usize>,
    pub(super) outputs: Vec<&'a OutputRow>,
    pub(super) audit: Vec<Chained<'a>>,
    pub(super) claims: Vec<&'a ClaimRow>,
    claimed: HashMap<&'a str, usize>,
    pub(super) messages: Vec<Message<'a>>,
    new_messages: HashMap<Id, usize>,
    pub(super) message_updates: BTreeMap<Id, &'a OutboxStep>,
    pub(super) definitions: Vec<(&'a Arc<str>, usize, &'a Stored)>,
    pub(super) journal: Vec<&'a JournalEntry>,
    journaled: HashSet<(Id, u64)>,
    pub(super) instances: Vec<(&'a InstanceRow, InstanceStatus)>,
    new_instances: HashMap<Id, usize>,
    pub(super) instance_updates: BTreeMap<Id, InstanceStatus>,
    pub(super) enforcements: Vec<&'a Enforcement>,
    pub(super) settings: BTreeMap<&'a Arc<str>, Option<&'a Arc<str>>>,
    /// Memory after the group; becomes the writer's when the commit succeeded.
    pub(super) after: Memory,
    /// Cells whose counts changed.
    pub(super) cells: HashSet<Cell>,
    /// The same for outbound messages.
    pub(super) outbox_cells: HashSet<OutboxCell>,
}

impl<'a> Plan<'a> {
    /// Decides about the transactions in order.
    pub(super) fn new(
        group: &[&'a Encoded],
        found: &Found,
        before: &Memory,
    ) -> (Self, Vec<Result<(), CommitError>>) {
        let mut plan = Self {
            after: before.clone(),
            ..Self::default()
        };
        let mut answers = Vec::with_capacity(group.len());
        for encoded in group {
            let answer = plan.check(encoded, found);
            if answer.is_ok() {
                for write in &encoded.writes {
                    plan.apply(write, found);
                }
            }
            answers.push(answer);
        }
        (plan, answers)
    }

    /// Nothing to write: all were refused, or empty.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
            && self.outputs.is_empty()
            && self.audit.is_empty()
            && self.claims.is_empty()
            && self.messages.is_empty()
            && self.message_updates.is_empty()
            && self.definitions.is_empty()
            && self.journal.is_empty()
            && self.instances.is_empty()
            && self.instance_updates.is_empty()
            && self.enforcements.is_empty()
            && self.settings.is_empty()
    }

    /// Whether every guard of the transaction holds after those accepted before it.
    fn check(&self, encoded: &Encoded, found: &Found) -> Result<(), CommitError> {
        // Steps and claims of this same transaction.
        let (mut revisions, mut claims) = (HashMap::new(), HashMap::new());
        for write in &encoded.writes {
            match write {
                Row::Insert(_, step) => {
                    let again = revisions.insert(step.id, step.revision).is_some();
                    if again || self.by_id.contains_key(&step.id) {
                        return Err(CommitError::Conflict(step.id));
                    }
                }
                Row::Transition(step) => {
                    let slot = || {
                        self.by_id
                            .get(&step.id)
                            .map(|place| self.slots[*place].step.revision)
                    };
                    let known = || found.executions.get(&step.id).map(|known| known.revision);
                    let current = revisions.get(&step.id).copied().or_else(slot).or_else(known);
                    if current.and_then(|current| current.checked_add(1)) != Some(step.revision) {
                        return Err(CommitError::Conflict(step.id));
                    }
                    revisions.insert(step.id, step.revision);
                }
                Row::Claim(row) => {
                    let accepted = || {
                        self.claimed
                            .get(row.claim.key.as_str())
                            .map(|place| &self.claims[*place].claim)
                    };
                    let stored = || found.claims.get(&row.claim.key);
                    if let Some(first) = accepted().or_else(stored) {
                        return Err(CommitError::Duplicate(Box::new(first.clone())));
                    }
                    if let Some(first) = claims.insert(row.claim.key.as_str(), &row.claim) {
                        return Err(CommitError::Duplicate(Box::new(first.clone())));
                    }
                }
                Row::Journal(entry) if self.journaled.contains(&(entry.execution, entry.number)) => {
                    return Err(CommitError::Conflict(entry.execution));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn apply(&mut self, write: &'a Row, found: &Found) {
        match write {
            Row::Insert(fixed, step) => self.insert(fixed, step),
            Row::Transition(step) => self.transition(step, found),
            Row::Output(row) => self.outputs.push(row),
            Row::Audit(row) => {
                let tail: Tail = self.after.tail.next(row.at, &row.text);
                self.audit.push(Chained {
                    row,
                    number: tail.number,
                    hash: tail.hash,
                });
                self.after.tail = tail;
            }
            Row::Claim(row) => {
                self.claimed.insert(&row.claim.key, self.claims.len());
                self.claims.push(row);
            }
            Row::Outbox(row) => {
                self.count_message(OutboxCell::new(&row.gateway, row.step.state), 1);
                self.new_messages.insert(row.id, self.messages.len());
                self.messages.push(Message { row, step: &row.step });
            }
            Row::OutboxUpdate(step) => self.update_message(step, found),
            Row::Definition {
                digest,
                size,
                document,
            } => self.definitions.push((digest, *size, document)),
            Row::Journal(entry) => {
                self.journaled.insert((entry.execution, entry.number));
                self.journal.push(entry);
            }
            Row::Instance(row) => {
                self.new_instances.insert(row.id, self.instances.len());
                self.instances.push((row, row.status));
            }
            Row::InstanceStatus(id, status) => match self.new_instances.get(id) {
                Some(place) => self.instances[*place].1 = *status,
                None => {
                    self.instance_updates.insert(*id, *status);
                }
            },
            Row::Enforcement(row) => self.enforcements.push(row),
            Row::Setting { key, value } => {
                self.settings.insert(key, value.as_ref());
            }
        }
    }

    fn insert(&mut self, fixed: &'a Fixed, step: &'a Step) {
        self.count(
            Cell {
                status: step.status,
                top: fixed.parent.is_none(),
                builtin: fixed.builtin,
            },
            1,
        );
        let distance = id_micros(step.id).saturating_sub(fixed.started).saturating_abs();
        if distance > self.after.skew {
            // Rounded up, so that it seldom grows.
            self.after.skew = rounded_up(distance);
        }
        self.by_id.insert(step.id, self.slots.len());
        self.slots.push(Slot {
            origin: Origin::New(fixed),
            step,
            result: step.result.as_ref(),
        });
    }

    fn transition(&mut self, step: &'a Step, found: &Found) {
        if let Some(place) = self.by_id.get(&step.id).copied() {
            let before = self.slots[place].cell();
            self.recount(before, step.status);
            let slot = &mut self.slots[place];
            slot.step = step;
            slot.result = step.result.as_ref().or(slot.result);
        } else if let Some(known) = found.executions.get(&step.id) {
            self.recount(known.cell, step.status);
            self.by_id.insert(step.id, self.slots.len());
            self.slots.push(Slot {
                origin: Origin::Stored(*known),
                step,
                result: step.result.as_ref(),
            });
        }
    }

    fn update_message(&mut self, step: &'a OutboxStep, found: &Found) {
        let new = self.new_messages.get(&step.id).copied();
        let (gateway, before): (Arc<str>, OutboxState) = if let Some(place) = new {
            let message = &mut self.messages[place];
            let before = message.step.state;
            message.step = step;
            (Arc::clone(&message.row.gateway), before)
        } else if let Some(cell) = found.messages.get(&step.id) {
            let before = self
                .message_updates
                .insert(step.id, step)
                .map(|before| before.state);
            let Some(before) = before.or_else(|| cell.state()) else {
                return;
            };
            (Arc::clone(&cell.gateway), before)
        } else {
            tracing::warn!(message.id = %step.id, "an outbound message that is not stored was updated");
            return;
        };
        if before != step.state {
            self.count_message(OutboxCell::new(&gateway, before), -1);
            self.count_message(OutboxCell::new(&gateway, step.state), 1);
        }
    }

    fn recount(&mut self, before: Cell, status: Status) {
        if before.status != status {
            self.count(before, -1);
            self.count(Cell { status, ..before }, 1);
        }
    }

    fn count(&mut self, cell: Cell, change: i64) {
        *self.after.cells.entry(cell).or_default() += change;
        self.cells.insert(cell);
    }

    fn count_message(&mut self, cell: OutboxCell, change: i64) {
        *self.after.outbox.entry(cell.clone()).or_default() += change;
        self.outbox_cells.insert(cell);
    }
}

impl Slot<'_> {
    /// Where it counts by now.
    fn cell(&self) -> Cell {
        let status = self.step.status;
        match &self.origin {
            Origin::New(fixed) => Cell {
                status,
                top: fixed.parent.is_none(),
                builtin: fixed.builtin,
            },
            Origin::Stored(known) => Cell { status, ..known.cell },
        }
    }
}

/// The next power of two, as far as there is one.
fn rounded_up(distance: i64) -> i64 {
    let power = distance.unsigned_abs().checked_next_power_of_two();
    power
        .and_then(|power| i64::try_from(power).ok())
        .unwrap_or(i64::MAX)
}
