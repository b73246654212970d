//! Digests: what was done in a conversation, posted there when its settings say so.
//!
//! What was told last is a named value that is written in one commit with the message and a claim of its due time: after a crash
//! nothing is told twice and nothing is left out. Several that came due while nobody was there are told as one.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::cards::row;
use super::conversations::{Conversation, Manners};
use super::misses::place_text;
use super::outbox::{Clock, Outbox};
use super::summaries::summary;
use crate::engine::Engine;
use crate::model::{InboxClaim, Timestamp};
use crate::store::{CommitError, StoreError, Write};
use crate::timers::Schedule;

/// Named values: up to when was told, by conversation.
const STATE: &str = "chat.digest.";
/// Settings may change: nobody sleeps longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(20);
/// The first digest of a conversation tells of so much before its settings were made.
const FIRST: i64 = 24 * 3600 * 1000;

/// Posts digests.
pub(super) struct Digests {
    pub(super) engine: Engine,
    pub(super) manners: Manners,
    pub(super) outbox: Outbox,
    pub(super) clock: Clock,
    pub(super) zone: String,
    pub(super) stop: CancellationToken,
}

impl Digests {
    /// Posts what is due until chat stops.
    pub(super) async fn run(self) {
        loop {
            let now = (self.clock)();
            let mut pause = LONGEST_SLEEP;
            for conversation in self.manners.conversations.all() {
                match self.look(&conversation, now).await {
                    Ok(Some(next)) => {
                        let left = Duration::from_secs_f64(next.seconds_since(now).max(0.05));
                        pause = pause.min(left);
                    }
                    Ok(None) => {}
                    Err(StoreError::Closed) => return,
                    Err(error) => tracing::error!(%error, "a digest cannot be made; trying again"),
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Posts the digest of a conversation when it is due; tells when the next one is.
    async fn look(
        &self,
        conversation: &Conversation,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(text) = &conversation.manner.digest else {
            return Ok(None);
        };
        let Ok(schedule) = Schedule::parse(text, &self.zone, now) else {
            // It was read when it was set; a zone that is gone by now is told by `settings`.
            return Ok(None);
        };
        let place = &conversation.place;
        let name = format!("{}/{}", place.gateway, place.conversation);
        let key = format!("{STATE}{name}");
        let state = self.engine.store().setting(key.clone()).await?;
        let state = state.filter(|state| state["digest"] == json!(text));
        let since = state.and_then(|state| serde_json::from_value::<Timestamp>(state["since"].clone()).ok());
        let mark = |since: Timestamp| Write::Setting {
            key: key.clone(),
            value: Some(json!({"since": since, "digest": text})),
        };
        let Some(since) = since else {
            self.commit(vec![mark(now)]).await?;
            return Ok(schedule.next(now, 1).into_iter().next());
        };
        // Of several that were missed the latest counts.
        let mut due = None;
        let mut after = since;
        while let Some(at) = schedule.next(after, 1).into_iter().next().filter(|at| *at <= now) {
            due = Some(at);
            after = at;
        }
        if let Some(at) = due {
            self.post(conversation, since, at, &name, mark(at)).await?;
        }
        Ok(schedule.next(now, 1).into_iter().next())
    }

    async fn post(
        &self,
        conversation: &Conversation,
        since: Timestamp,
        at: Timestamp,
        name: &str,
        mark: Write,
    ) -> Result<(), StoreError> {
        let place = &conversation.place;
        let told = self
            .engine
            .store()
            .claim(format!("digest:{name}:first"))
            .await?
            .is_some();
        let from = if told {
            since
        } else {
            at.plus_millis(-FIRST).min(since)
        };
        let mut data = summary(&self.engine, from, Some(at), Some(&place_text(place))).await?;
        data["place"] = place_text(place).into();
        let row = row(place, json!({"kind": "digest", "data": data}), (self.clock)());
        let claim = |key: String| {
            Write::Claim(InboxClaim {
                key,
                received: at,
                place: place.clone(),
                execution: None,
            })
        };
        let mut rows = vec![
            claim(format!("digest:{name}:{}", at.micros())),
            Write::Outbox(Box::new(row.clone())),
            mark,
        ];
        if !told {
            rows.push(claim(format!("digest:{name}:first")));
        }
        if self.commit(rows).await? {
            self.outbox.committed(vec![row]);
        }
        Ok(())
    }

    /// Whether it was written; not when somebody else has told it already.
    async fn commit(&self, rows: Vec<Write>) -> Result<bool, StoreError> {
        match self.engine.store().commit(rows).await {
            Ok(()) => Ok(true),
            Err(CommitError::Duplicate(_)) => Ok(false),
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Database(error.to_string())),
        }
    }
}
