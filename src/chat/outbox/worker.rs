//! The task that delivers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;

use super::schedule::{Attempt, Entry, Schedule};
use super::{Command, OutboxParts};
use crate::chat::asks::{self, Spreader};
use crate::chat::cards::{answer_of, card_of, is_live, listener, owners_of, row};
use crate::chat::gateway::{Capabilities, SendError};
use crate::engine::Event;
use crate::model::{Execution, Id, OutboxMessage, OutboxState, Status, Timestamp};
use crate::store::{CommitError, Write};

/// Pending rows read at once when the worker looks into the store.
const SCAN: u32 = 100_000;
/// Rows of one conversation read at once.
const PAGE: u32 = 256;
/// Events looked at before other work gets its turn.
const EVENTS_AT_ONCE: usize = 256;
/// Bytes of live output kept per execution for its card.
const TAIL: usize = 2 << 10;
/// Lines of live output on a card.
const TAIL_LINES: usize = 5;
/// The first time that a card is shown anew although nothing happened, in milliseconds after it was posted; then the pause
/// doubles.
const FIRST_TICK: i64 = 10_000;
/// Longest pause between two of these.
const LONGEST_TICK: i64 = 120_000;
/// How often is looked for them. At most one card of a gateway is shown anew each time.
const TICK: Duration = Duration::from_secs(1);
/// Pause before updates are written again when the store could not take them.
const COMMIT_RETRY: Duration = Duration::from_secs(1);
/// How long messages on their way may take when the server stops.
const STOP_TIME: Duration = Duration::from_secs(5);

/// An execution at work whose card is shown live.
struct Live {
    template: OutboxMessage,
    since: Timestamp,
    tail: String,
    /// When the card is shown anew although nothing happened, so that its time goes on.
    tick: Timestamp,
    /// Pause until then, in milliseconds.
    pause: i64,
}

type Done = (Entry, Capabilities, Attempt);

pub(super) struct Worker {
    parts: OutboxParts,
    commands: mpsc::UnboundedReceiver<Command>,
    schedule: Schedule,
    sends: JoinSet<Done>,
    updates: mpsc::UnboundedSender<Write>,
    written: mpsc::UnboundedReceiver<Vec<Write>>,
    writer: tokio::task::JoinHandle<()>,
    live: HashMap<Id, Live>,
    /// Workflows at work inside those of `live`, with the one at the top.
    inside: HashMap<Id, Id>,
    spreader: Spreader,
    /// Notes that people are to be told of something, not taken up yet.
    notes: BTreeMap<Id, OutboxMessage>,
}

impl Worker {
    pub(super) fn new(parts: OutboxParts, commands: mpsc::UnboundedReceiver<Command>) -> Self {
        let (updates, to_write) = mpsc::unbounded_channel();
        let (report, written) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write_updates(parts.engine.clone(), to_write, report));
        let spreader = Spreader {
            engine: parts.engine.clone(),
            people: parts.people.clone(),
            gateways: Arc::clone(&parts.gateways),
            clock: Arc::clone(&parts.clock),
        };
        Self {
            schedule: Schedule::new(parts.options.patience, (parts.clock)()),
            spreader,
            notes: BTreeMap::new(),
            parts,
            commands,
            sends: JoinSet::new(),
            updates,
            written,
            writer,
            live: HashMap::new(),
            inside: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut events = self.parts.engine.subscribe();
        self.scan().await;
        self.follow_again().await;
        let mut fallback = tokio::time::interval(self.parts.options.fallback);
        fallback.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        fallback.tick().await;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stop = self.parts.stop.clone();
        loop {
            self.take_notes().await;
            self.start_sends().await;
            let wait = self.pause();
            tokio::select! {
                () = stop.cancelled() => break,
                command = self.commands.recv() => match command {
                    Some(command) => self.take(command),
                    None => break,
                },
                event = events.recv() => {
                    if !self.observe_all(event, &mut events).await {
                        break;
                    }
                }
                Some(done) = self.sends.join_next() => self.settle(done),
                Some(writes) = self.written.recv() => writes.iter().for_each(|write| self.schedule.committed(write)),
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                _ = tick.tick(), if !self.live.is_empty() => self.tick(),
                _ = fallback.tick() => {
                    let now = (self.parts.clock)();
                    for write in self.schedule.expire(now) {
                        self.write(write);
                    }
                    self.scan().await;
                }
            }
        }
        self.stop().await;
    }

    /// Lets what is on its way arrive and writes down how it went.
    async fn stop(mut self) {
        let _ = tokio::time::timeout(STOP_TIME, async {
            while let Some(done) = self.sends.join_next().await {
                self.settle(done);
            }
        })
        .await;
        drop(self.updates);
        if tokio::time::timeout(STOP_TIME, self.writer).await.is_err() {
            tracing::warn!("the state of some messages could not be written; they may be sent again");
        }
    }

    fn pause(&self) -> Option<Duration> {
        let wake = self
            .schedule
            .wake_at(&|name| self.parts.gateways.capabilities(name))?;
        let wait = wake.seconds_since((self.parts.clock)()).max(0.0);
        // A millisecond more than needed, so that rounding never wakes it before the time.
        Some(Duration::from_secs_f64(wait) + Duration::from_millis(1))
    }

    fn write(&self, write: Write) {
        let _ = self.updates.send(write);
    }

    fn add(&mut self, row: OutboxMessage) {
        if asks::is_spread(&row) {
            if row.state == OutboxState::Pending {
                self.notes.insert(row.id, row);
            }
            return;
        }
        for write in self.schedule.add(row) {
            self.write(write);
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Rows(rows) => rows.into_iter().for_each(|row| self.add(row)),
            Command::Back(gateway, conversation) => self.schedule.back(&gateway, conversation.as_deref()),
        }
    }

    /// Reads what the store has pending.
    async fn scan(&mut self) {
        match self.parts.engine.store().outbox_pending(SCAN).await {
            Ok(rows) => rows.into_iter().for_each(|row| self.add(row)),
            Err(error) => tracing::error!("the outbox cannot be read: {error}"),
        }
    }

    /// Makes messages of the notes; what fails is tried again when the store is read anew.
    async fn take_notes(&mut self) {
        if self.notes.is_empty() {
            return;
        }
        let notes = std::mem::take(&mut self.notes);
        match self.spreader.spread(notes.into_values().collect()).await {
            Ok(rows) => rows.into_iter().for_each(|row| self.add(row)),
            Err(error) => tracing::error!("people cannot be told what waits for them: {error}"),
        }
    }

    async fn start_sends(&mut self) {
        for ((gateway, conversation), after) in self.schedule.take_unread() {
            match self
                .parts
                .engine
                .store()
                .outbox_conversation(gateway, conversation, after, PAGE)
                .await
            {
                Ok(rows) => {
                    let full = rows.len() == PAGE as usize;
                    let last = rows.last().map(|row| row.id);
                    rows.into_iter().for_each(|row| self.add(row));
                    if full && let Some(last) = last {
                        tracing::debug!(outbox.id = %last, "more messages wait in the store");
                        self.scan().await;
                    }
                }
                Err(error) => tracing::error!("the outbox cannot be read: {error}"),
            }
        }
        let gateways = Arc::clone(&self.parts.gateways);
        for (entry, can) in self
            .schedule
            .next((self.parts.clock)(), &|name| gateways.capabilities(name))
        {
            let Some(gateway) = gateways.get(&entry.row.place.gateway) else {
                let away = Attempt::Failed(SendError::Away("the gateway was closed".to_owned()));
                let write = self.schedule.settle(entry, &can, away, (self.parts.clock)());
                write.into_iter().for_each(|write| self.write(write));
                continue;
            };
            let known = entry
                .row
                .card
                .as_ref()
                .and_then(|card| self.schedule.card_ref(card))
                .cloned();
            let speaker = Arc::clone(&self.parts.speaker);
            let engine = self.parts.engine.clone();
            self.sends.spawn(async move {
                let sending = send(&engine, &speaker, &*gateway, &entry, &can, known);
                // A panic is a bug in a gateway; it must not block the conversation for ever.
                let attempt = std::panic::AssertUnwindSafe(sending)
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|_| {
                        Attempt::Failed(SendError::Refused(
                            "sending it failed inside; the log tells more".to_owned(),
                        ))
                    });
                (entry, can, attempt)
            });
        }
    }

    fn settle(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let (entry, can, attempt) = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!("a message got lost on its way: {error}");
                return;
            }
        };
        if let Attempt::Failed(error) = &attempt
            && !matches!(error, SendError::Away(_) | SendError::Absent)
        {
            tracing::warn!(outbox.id = %entry.row.id, chat.gateway = entry.row.place.gateway, "not delivered: {error}");
        }
        if matches!(attempt, Attempt::Sent(_))
            && entry.row.body["kind"] == "ack"
            && can.can_edit
            && !entry.recall
        {
            self.follow(&entry.row);
        }
        let write = self.schedule.settle(entry, &can, attempt, (self.parts.clock)());
        write.into_iter().for_each(|write| self.write(write));
    }

    /// From now on the card is kept up to date.
    fn follow(&mut self, ack: &OutboxMessage) {
        if let Some(execution) = ack.execution {
            let live = Live {
                template: ack.clone(),
                since: ack.created,
                tail: String::new(),
                tick: (self.parts.clock)().plus_millis(FIRST_TICK),
                pause: FIRST_TICK,
            };
            self.live.insert(execution, live);
        }
    }

    /// Looks at an event and at those that came right behind it; false when there will be no more. A busy engine
    /// makes thousands a second, hardly any of them about chat, so going round the big loop for each would cost.
    async fn observe_all(
        &mut self,
        first: Result<Event, broadcast::error::RecvError>,
        events: &mut broadcast::Receiver<Event>,
    ) -> bool {
        let mut next = first;
        for _ in 0..EVENTS_AT_ONCE {
            match next {
                Ok(event) => self.observe(event).await,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "the outbox missed events and reads the store");
                    self.scan().await;
                }
                Err(broadcast::error::RecvError::Closed) => return false,
            }
            next = match events.try_recv() {
                Ok(event) => Ok(event),
                Err(broadcast::error::TryRecvError::Empty) => return true,
                Err(broadcast::error::TryRecvError::Lagged(missed)) => {
                    Err(broadcast::error::RecvError::Lagged(missed))
                }
                Err(broadcast::error::TryRecvError::Closed) => return false,
            };
        }
        // The one in hand is looked at, too; then others get their turn.
        if let Ok(event) = next {
            self.observe(event).await;
        } else {
            self.scan().await;
        }
        true
    }

    async fn observe(&mut self, event: Event) {
        match event {
            Event::Execution { execution, .. } => self.stepped(&execution).await,
            Event::Output(chunk) => {
                let Some(live) = self.live.get_mut(&chunk.execution) else {
                    return;
                };
                live.tail.push_str(&chunk.text);
                if live.tail.len() > TAIL {
                    let mut cut = live.tail.len() - TAIL;
                    while !live.tail.is_char_boundary(cut) {
                        cut += 1;
                    }
                    live.tail.drain(..cut);
                }
                self.touch(chunk.execution);
            }
            Event::Announcement { .. } => {}
        }
    }

    /// The card of an execution is to show how things are now.
    fn touch(&mut self, execution: Id) {
        let Some(live) = self.live.get(&execution) else {
            return;
        };
        let lines: Vec<&str> = live.tail.lines().collect();
        let output = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        let now = (self.parts.clock)();
        let mut passing = row(&live.template.place, json!({}), now);
        passing.card.clone_from(&live.template.card);
        passing.execution = live.template.execution;
        passing.body = json!({"kind": "card", "elapsed": now.seconds_since(live.since), "output": output});
        self.schedule.touch(passing);
    }

    /// Lets time go on where nothing happens: the cards that were left alone for longest, one for each gateway.
    fn tick(&mut self) {
        let now = (self.parts.clock)();
        let mut due: BTreeMap<&str, (Timestamp, Id)> = BTreeMap::new();
        for (id, live) in self.live.iter().filter(|(_, live)| live.tick <= now) {
            let first = due
                .entry(&live.template.place.gateway)
                .or_insert((live.tick, *id));
            *first = (live.tick, *id).min(*first);
        }
        let due: Vec<Id> = due.into_values().map(|(_, id)| id).collect();
        for id in due {
            if let Some(live) = self.live.get_mut(&id) {
                live.pause = (live.pause * 2).min(LONGEST_TICK);
                live.tick = now.plus_millis(live.pause);
            }
            self.touch(id);
        }
    }

    /// A part of a workflow took a step: the card of the workflow at the top shows it.
    fn stepped_inside(&mut self, execution: &Execution, parent: Id) {
        let top = if self.live.contains_key(&parent) {
            parent
        } else if let Some(top) = self.inside.get(&parent) {
            *top
        } else {
            return;
        };
        if execution.status.is_completed() {
            self.inside.remove(&execution.id);
        } else if self.parts.engine.conducts(execution) {
            self.inside.insert(execution.id, top);
        }
        self.touch(top);
    }

    /// After a restart: cards of what is still at work are kept up to date again.
    async fn follow_again(&mut self) {
        let unfinished = match self.parts.engine.store().unfinished().await {
            Ok(unfinished) => unfinished,
            Err(error) => {
                tracing::error!("cards cannot be followed: {error}");
                return;
            }
        };
        let mut parts = Vec::new();
        for execution in unfinished {
            if listener(&execution).is_none() {
                parts.push(execution);
                continue;
            }
            match self.parts.engine.store().outbox_card(card_of(execution.id)).await {
                Ok(rows) => {
                    let posted =
                        |row: &&OutboxMessage| row.body["kind"] == "ack" && row.state == OutboxState::Sent;
                    let Some(ack) = rows.iter().find(posted) else {
                        continue;
                    };
                    let can_edit = self.parts.gateways.capabilities(&ack.place.gateway);
                    if can_edit.is_none_or(|can| can.can_edit) {
                        self.schedule.posted(ack);
                        self.follow(ack);
                    }
                }
                Err(error) => {
                    tracing::error!(execution.id = %execution.id, "the outbox cannot be read: {error}")
                }
            }
        }
        // Oldest first, so a workflow comes before those inside it.
        for execution in parts {
            if let Some(parent) = execution.request.parent {
                self.stepped_inside(&execution, parent);
            }
        }
    }

    /// A step of an execution was committed, perhaps with rows for its conversation.
    async fn stepped(&mut self, execution: &Execution) {
        if let Some(parent) = execution.request.parent {
            self.stepped_inside(execution, parent);
        }
        if execution.progress.context.contains_key("break_glass") {
            self.read_card(owners_of(execution.id), execution.id).await;
        }
        if asks::asks(execution) {
            self.read_card(asks::spread_of(execution.id), execution.id).await;
        }
        if listener(execution).is_none() {
            return;
        }
        let ended = execution.status.is_completed();
        if matches!(
            execution.status,
            Status::Requested | Status::Scheduled | Status::Running
        ) {
            return;
        }
        let mut keys = vec![card_of(execution.id)];
        if ended {
            self.live.remove(&execution.id);
            keys.push(answer_of(execution.id));
        }
        for key in keys {
            self.read_card(key, execution.id).await;
        }
    }

    async fn read_card(&mut self, key: String, execution: Id) {
        match self.parts.engine.store().outbox_card(key).await {
            Ok(rows) => rows.into_iter().for_each(|row| self.add(row)),
            Err(error) => tracing::error!(execution.id = %execution, "the outbox cannot be read: {error}"),
        }
    }
}

/// Makes and sends one message.
async fn send(
    engine: &crate::engine::Engine,
    speaker: &crate::chat::say::Speaker,
    gateway: &dyn crate::chat::gateway::Gateway,
    entry: &Entry,
    can: &Capabilities,
    known: Option<String>,
) -> Attempt {
    let failed = |error: crate::store::StoreError| {
        Attempt::Failed(SendError::Retry {
            reason: error.to_string(),
            retry_after: None,
        })
    };
    if entry.recall && !can.can_recall {
        return Attempt::Nothing;
    }
    let mut edit = known;
    if let Some(card) = &entry.row.card
        && edit.is_none()
        && is_live(&entry.row)
    {
        match engine.store().outbox_card(card.clone()).await {
            Ok(rows) => {
                edit = rows
                    .into_iter()
                    .filter(|row| row.state == OutboxState::Sent)
                    .find_map(|row| row.message_ref);
            }
            Err(error) => return failed(error),
        }
    }
    // A card that was never posted, or cannot be changed: the answer tells everything. What asks others is told at once.
    if is_live(&entry.row) && (edit.is_none() || !can.can_edit) {
        if entry.row.body["post"] != true {
            return Attempt::Nothing;
        }
        edit = None;
    }
    if !is_live(&entry.row) {
        edit = None;
    }
    let message = match speaker.message(&entry.row, entry.form, can, edit).await {
        Ok(Some(message)) => message,
        Ok(None) => return Attempt::Nothing,
        Err(error) => return failed(error),
    };
    let message = crate::chat::gateway::Rendered {
        recall: entry.recall,
        ..message
    };
    let message = if entry.passing {
        crate::chat::gateway::Rendered { id: None, ..message }
    } else {
        message
    };
    match gateway.send(message).await {
        Ok(sent) => Attempt::Sent(sent.message_ref),
        Err(error) => Attempt::Failed(error),
    }
}

/// Commits updates in groups; tries again for as long as the store cannot write.
async fn write_updates(
    engine: crate::engine::Engine,
    mut updates: mpsc::UnboundedReceiver<Write>,
    written: mpsc::UnboundedSender<Vec<Write>>,
) {
    let mut batch = Vec::new();
    while updates.recv_many(&mut batch, 512).await > 0 {
        loop {
            match engine.store().commit(batch.clone()).await {
                Ok(()) => break,
                Err(CommitError::Store(crate::store::StoreError::Closed)) => return,
                Err(error) => {
                    tracing::error!("the state of messages cannot be written: {error}");
                    tokio::time::sleep(COMMIT_RETRY).await;
                }
            }
        }
        let _ = written.send(std::mem::take(&mut batch));
    }
}
