//! Which outbound message goes next: order, pace, retries and superseding, as a pure state machine.
//!
//! It is told what happens (a row was committed, a send ended, a gateway is back) together with the time, and
//! answers what to send and what to write to the store. It keeps no more than [`LANE_LIMIT`] messages of a
//! conversation in memory; the rest waits in the store.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use crate::chat::cards::is_live;
use crate::chat::gateway::{Capabilities, Form, SendError};
use crate::model::{Id, OutboxMessage, OutboxState, Place, Timestamp};
use crate::store::Write;

/// Messages of one conversation kept in memory.
pub(super) const LANE_LIMIT: usize = 256;
/// Cards whose platform message is remembered; the others are looked up in the store.
const CARD_LIMIT: usize = 8192;

/// How patiently messages are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A message that could not be delivered for so long is given up.
    pub give_up: Duration,
    /// Pause after the first failure; doubles with each further one.
    pub first_retry: Duration,
    /// Longest pause between attempts.
    pub longest_retry: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            give_up: Duration::from_secs(24 * 3600),
            first_retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(300),
        }
    }
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) row: OutboxMessage,
    pub(super) form: Form,
    /// Progress that is not stored: sent or dropped.
    pub(super) passing: bool,
    /// Not needed any more, but an earlier process may have posted it, and then it has to be changed.
    pub(super) recall: bool,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub(super) enum Attempt {
    /// Posted or edited.
    Sent(String),
    /// There was nothing to say or nothing to edit.
    Nothing,
    /// The message could not be made or sent.
    Failed(SendError),
}

/// A conversation on a gateway.
pub(super) type LaneKey = (String, String);

#[derive(Default)]
struct Lane {
    queue: VecDeque<Entry>,
    in_flight: bool,
    not_before: Timestamp,
    /// Nobody is there; wait until told otherwise.
    away: bool,
    /// The oldest row that is in the store but not in `queue`.
    missed: Option<Id>,
}

/// The state machine.
pub(super) struct Schedule {
    patience: Patience,
    began: Timestamp,
    lanes: HashMap<LaneKey, Lane>,
    /// Rows in memory (queued, on their way, or with an update that is not committed yet).
    known: HashSet<Id>,
    /// Platform message of each card.
    cards: HashMap<String, String>,
    edited: HashMap<String, Timestamp>,
    /// When messages were edited lately, for each gateway that counts edits.
    edits: HashMap<String, VecDeque<Timestamp>>,
    in_flight: HashMap<String, usize>,
}

/// The lane of a place.
pub(super) fn lane_key(place: &Place) -> LaneKey {
    (place.gateway.clone(), place.conversation.clone())
}

/// The greatest id below `id`.
fn before(id: Id) -> Option<Id> {
    let mut bytes = *id.bytes();
    for byte in bytes.iter_mut().rev() {
        let (less, borrowed) = byte.overflowing_sub(1);
        *byte = less;
        if !borrowed {
            return Id::from_bytes(&bytes);
        }
    }
    None
}

fn is_kind(row: &OutboxMessage, kinds: &[&str]) -> bool {
    row.body["kind"]
        .as_str()
        .is_some_and(|kind| kinds.contains(&kind))
}

/// A first answer that may be left out when the final one is there already.
fn is_brief(row: &OutboxMessage) -> bool {
    row.body["brief"].as_bool() == Some(true)
}

impl Schedule {
    /// `began` is when this process did: what was due before may have been posted by another one.
    pub(super) fn new(patience: Patience, began: Timestamp) -> Self {
        Self {
            patience,
            began,
            lanes: HashMap::new(),
            known: HashSet::new(),
            cards: HashMap::new(),
            edited: HashMap::new(),
            edits: HashMap::new(),
            in_flight: HashMap::new(),
        }
    }

    /// Takes in a pending row. Returns writes for rows that it supersedes. A row that is known is ignored.
    pub(super) fn add(&mut self, row: OutboxMessage) -> Vec<Write> {
        if row.state != OutboxState::Pending || self.known.contains(&row.id) {
            return Vec::new();
        }
        let lane = self.lanes.entry(lane_key(&row.place)).or_default();
        if lane.queue.len() >= LANE_LIMIT || lane.missed.is_some_and(|missed| missed <= row.id) {
            lane.missed = Some(lane.missed.map_or(row.id, |missed| missed.min(row.id)));
            return Vec::new();
        }
        let began = self.began;
        let mut superseded = Vec::new();
        let ended = is_kind(&row, &["result"]);
        lane.queue.retain_mut(|entry| {
            let same_card = row.card.is_some() && entry.row.card == row.card;
            // The answer is there before the first answer was posted: one message says it all.
            let outrun = ended && entry.row.execution == row.execution && is_brief(&entry.row);
            // An edit of a card that was never posted has nothing to edit, so the post stays.
            let replaces = same_card && (entry.passing || is_live(&entry.row));
            if outrun && entry.row.next_attempt < began {
                entry.recall = true;
                return true;
            }
            if outrun || replaces {
                superseded.push((entry.row.clone(), entry.passing));
            }
            !(outrun || replaces)
        });
        self.known.insert(row.id);
        let at = lane
            .queue
            .iter()
            .rposition(|entry| entry.row.id < row.id)
            .map_or(0, |at| at + 1);
        lane.queue.insert(
            at,
            Entry {
                row,
                form: Form::Rich,
                passing: false,
                recall: false,
            },
        );
        superseded
            .into_iter()
            .filter(|(_, passing)| !passing)
            .map(|(row, _)| {
                update(
                    &row,
                    OutboxState::Superseded,
                    row.attempts,
                    row.next_attempt,
                    None,
                    None,
                )
            })
            .collect()
    }

    /// Asks for a passing edit of a posted card; at most one waits.
    pub(super) fn touch(&mut self, row: OutboxMessage) {
        let Some(card) = row.card.as_ref().filter(|card| self.cards.contains_key(*card)) else {
            return;
        };
        let lane = self.lanes.entry(lane_key(&row.place)).or_default();
        let waiting = lane
            .queue
            .iter()
            .any(|entry| entry.row.card.as_ref() == Some(card));
        if !waiting && !lane.away && lane.queue.len() < LANE_LIMIT {
            lane.queue.push_back(Entry {
                row,
                form: Form::Rich,
                passing: true,
                recall: false,
            });
        }
    }

    /// A card was posted in an earlier life.
    pub(super) fn posted(&mut self, row: &OutboxMessage) {
        if let (Some(card), Some(message_ref)) = (&row.card, &row.message_ref)
            && self.cards.len() < CARD_LIMIT
        {
            self.cards.insert(card.clone(), message_ref.clone());
        }
    }

    /// The platform message of a card.
    pub(super) fn card_ref(&self, card: &str) -> Option<&String> {
        self.cards.get(card)
    }

    /// What is to be sent now; the entries count as on their way until [`Self::settle`].
    pub(super) fn next(
        &mut self,
        now: Timestamp,
        capabilities: &dyn Fn(&str) -> Option<Capabilities>,
    ) -> Vec<(Entry, Capabilities)> {
        let mut out = Vec::new();
        for ((gateway, _), lane) in &mut self.lanes {
            if lane.in_flight || lane.away || lane.not_before > now || lane.queue.is_empty() {
                continue;
            }
            let Some(can) = capabilities(gateway) else {
                lane.away = true;
                continue;
            };
            let busy = self.in_flight.entry(gateway.clone()).or_default();
            if *busy >= can.limits.in_flight {
                continue;
            }
            let (edited, cards, edits) = (&self.edited, &self.cards, self.edits.get(gateway));
            let at = lane.queue.iter().position(|entry| {
                entry.row.next_attempt <= now
                    && edit_due(edited, entry, &can).is_none_or(|due| due <= now)
                    && budget_due(cards, edits, entry, &can).is_none_or(|due| due <= now)
            });
            if let Some(entry) = at.and_then(|at| lane.queue.remove(at)) {
                *busy += 1;
                if let Some(rate) = can.limits.edits.filter(|_| is_edit(cards, &entry)) {
                    let edits = self.edits.entry(gateway.clone()).or_default();
                    while edits.len() >= rate.count {
                        edits.pop_front();
                    }
                    edits.push_back(now);
                }
                lane.in_flight = true;
                out.push((entry, can));
            }
        }
        out
    }

    /// When [`Self::next`] will have something, if nothing else happens before.
    pub(super) fn wake_at(&self, capabilities: &dyn Fn(&str) -> Option<Capabilities>) -> Option<Timestamp> {
        self.lanes
            .iter()
            .filter(|(_, lane)| !lane.in_flight && !lane.away)
            .filter_map(|((gateway, _), lane)| {
                let can = capabilities(gateway)?;
                if self
                    .in_flight
                    .get(gateway)
                    .is_some_and(|busy| *busy >= can.limits.in_flight)
                {
                    return None; // the next settled message wakes us
                }
                let due = |entry: &Entry| {
                    let edit = edit_due(&self.edited, entry, &can).unwrap_or_default();
                    let budget = budget_due(&self.cards, self.edits.get(gateway), entry, &can);
                    entry.row.next_attempt.max(edit).max(budget.unwrap_or_default())
                };
                lane.queue
                    .iter()
                    .map(due)
                    .min()
                    .map(|due| due.max(lane.not_before))
            })
            .min()
    }

    /// Takes in how an attempt ended; returns what to write.
    pub(super) fn settle(
        &mut self,
        mut entry: Entry,
        can: &Capabilities,
        attempt: Attempt,
        now: Timestamp,
    ) -> Option<Write> {
        let gateway = entry.row.place.gateway.clone();
        if let Some(busy) = self.in_flight.get_mut(&gateway) {
            *busy = busy.saturating_sub(1);
        }
        let key = lane_key(&entry.row.place);
        let lane = self.lanes.entry(key).or_default();
        lane.in_flight = false;
        if entry.passing {
            match attempt {
                Attempt::Sent(_) => note_edit(&mut self.edited, &entry, now),
                Attempt::Nothing => {}
                Attempt::Failed(SendError::Away(_)) => lane.away = true,
                Attempt::Failed(SendError::RateLimited(wait)) => lane.not_before = later(now, wait),
                Attempt::Failed(_) => note_edit(&mut self.edited, &entry, now),
            }
            return None;
        }
        let tried = entry.row.attempts + 1;
        let error = match attempt {
            Attempt::Sent(message_ref) => {
                if let Some(card) = &entry.row.card {
                    if self.cards.len() >= CARD_LIMIT {
                        self.cards.clear();
                    }
                    self.cards.insert(card.clone(), message_ref.clone());
                }
                note_edit(&mut self.edited, &entry, now);
                lane.not_before = later(now, can.limits.post_interval);
                return Some(update(
                    &entry.row,
                    OutboxState::Sent,
                    tried,
                    now,
                    Some(message_ref),
                    None,
                ));
            }
            Attempt::Nothing => {
                return Some(update(
                    &entry.row,
                    OutboxState::Superseded,
                    entry.row.attempts,
                    now,
                    None,
                    None,
                ));
            }
            Attempt::Failed(error) => error,
        };
        if error == SendError::Absent {
            return Some(update(
                &entry.row,
                OutboxState::Superseded,
                entry.row.attempts,
                now,
                None,
                None,
            ));
        }
        if let SendError::Permanent(reason) = error {
            return Some(update(
                &entry.row,
                OutboxState::Failed,
                tried,
                now,
                None,
                Some(reason),
            ));
        }
        if now > later(entry.row.created, self.patience.give_up) {
            let reason = format!("given up after {} s: {error}", self.patience.give_up.as_secs());
            return Some(update(
                &entry.row,
                OutboxState::Failed,
                tried,
                now,
                None,
                Some(reason),
            ));
        }
        let write = match &error {
            SendError::Away(_) => {
                lane.away = true;
                None
            }
            SendError::RateLimited(wait) => {
                lane.not_before = later(now, *wait);
                None
            }
            SendError::Refused(reason) => match entry.form {
                Form::Rich => {
                    entry.form = Form::Plain;
                    entry.row.attempts = tried;
                    None
                }
                Form::Plain if can.files => {
                    entry.form = Form::File;
                    entry.row.attempts = tried;
                    None
                }
                Form::Plain | Form::File => {
                    entry.form = Form::Page;
                    entry.row.attempts = tried;
                    None
                }
                Form::Page => {
                    let row = &entry.row;
                    return Some(update(
                        row,
                        OutboxState::Failed,
                        tried,
                        now,
                        None,
                        Some(reason.clone()),
                    ));
                }
            },
            SendError::Retry { reason, retry_after } => {
                let wait = retry_after.unwrap_or_else(|| back_off(self.patience, tried));
                lane.not_before = later(now, wait);
                entry.row.attempts = tried;
                entry.row.next_attempt = lane.not_before;
                entry.row.error = Some(reason.clone());
                let row = &entry.row;
                Some(update(
                    row,
                    OutboxState::Pending,
                    tried,
                    row.next_attempt,
                    None,
                    Some(reason.clone()),
                ))
            }
            SendError::Permanent(_) | SendError::Absent => None,
        };
        lane.queue.push_front(entry);
        write
    }

    /// The update of this row is in the store: it need not be remembered any longer.
    pub(super) fn committed(&mut self, write: &Write) {
        if let Write::OutboxUpdate { id, state, .. } = write
            && *state != OutboxState::Pending
        {
            self.known.remove(id);
        }
    }

    /// A gateway, or one conversation on it, is there again.
    pub(super) fn back(&mut self, gateway: &str, conversation: Option<&str>) {
        for ((at, lane_conversation), lane) in &mut self.lanes {
            if at == gateway && conversation.is_none_or(|conversation| conversation == lane_conversation) {
                lane.away = false;
            }
        }
    }

    /// Lanes whose next rows have to be read from the store: after this id. They count as read.
    pub(super) fn take_unread(&mut self) -> Vec<(LaneKey, Option<Id>)> {
        let wanted = self
            .lanes
            .iter_mut()
            .filter(|(_, lane)| !lane.away && lane.queue.len() < LANE_LIMIT / 2);
        wanted
            .filter_map(|(key, lane)| lane.missed.take().map(|missed| (key.clone(), before(missed))))
            .collect()
    }

    /// Gives up what waited too long for somebody to come back; forgets lanes with nothing in them.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<Write> {
        let mut writes = Vec::new();
        let limit = self.patience.give_up;
        for lane in self.lanes.values_mut().filter(|lane| lane.away) {
            while let Some(entry) = lane
                .queue
                .pop_front_if(|entry| later(entry.row.created, limit) < now)
            {
                if !entry.passing {
                    let reason = format!("nobody was there to hear it for {} s", limit.as_secs());
                    let row = &entry.row;
                    writes.push(update(
                        row,
                        OutboxState::Failed,
                        row.attempts,
                        now,
                        None,
                        Some(reason),
                    ));
                }
            }
        }
        self.lanes.retain(|_, lane| {
            lane.in_flight || !lane.queue.is_empty() || lane.missed.is_some() || lane.not_before > now
        });
        self.edited
            .retain(|_, at| later(*at, Duration::from_secs(600)) > now);
        writes
    }

    /// Messages in memory that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.queue.len()).sum()
    }
}

fn edit_due(edited: &HashMap<String, Timestamp>, entry: &Entry, can: &Capabilities) -> Option<Timestamp> {
    let card = entry.row.card.as_ref()?;
    edited.get(card).map(|at| later(*at, can.limits.edit_interval))
}

/// Whether sending this changes a message that is there.
fn is_edit(cards: &HashMap<String, String>, entry: &Entry) -> bool {
    entry
        .row
        .card
        .as_ref()
        .is_some_and(|card| cards.contains_key(card))
}

/// When the gateway may edit a message once more, given when it did; `None` when it may now, or nobody counts.
fn budget_due(
    cards: &HashMap<String, String>,
    edits: Option<&VecDeque<Timestamp>>,
    entry: &Entry,
    can: &Capabilities,
) -> Option<Timestamp> {
    let rate = can.limits.edits.filter(|_| is_edit(cards, entry))?;
    let count = if entry.passing {
        (rate.count / 2).max(1)
    } else {
        rate.count
    };
    let edits = edits?;
    let before = edits.len().checked_sub(count)?;
    edits.get(before).map(|at| later(*at, rate.per))
}

fn note_edit(edited: &mut HashMap<String, Timestamp>, entry: &Entry, now: Timestamp) {
    if let Some(card) = &entry.row.card {
        edited.insert(card.clone(), now);
    }
}

fn later(time: Timestamp, wait: Duration) -> Timestamp {
    time.plus_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4))
}

/// First pause, then twice as long each time, up to the longest.
fn back_off(patience: Patience, tried: u32) -> Duration {
    let doubled = patience
        .first_retry
        .saturating_mul(1 << tried.saturating_sub(1).min(16));
    doubled.min(patience.longest_retry)
}

fn update(
    row: &OutboxMessage,
    state: OutboxState,
    attempts: u32,
    next_attempt: Timestamp,
    message_ref: Option<String>,
    error: Option<String>,
) -> Write {
    Write::OutboxUpdate {
        id: row.id,
        state,
        attempts,
        next_attempt,
        message_ref,
        error,
    }
}

#[cfg(test)]
mod tests;
