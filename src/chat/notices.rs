//! Notifications for conversations: routes like `slack:#ops`, and one summary instead of a flood.
//!
//! The first few of a minute are told one by one, in the commits of the ends that they tell of. What comes beyond that is
//! counted, the count is a row in the same commits, and when the minute is over it is told in one message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::Hub;
use super::cards::row;
use crate::engine::{Engine, Event};
use crate::events::{Conversations, Notice};
use crate::model::{Id, OutboxMessage, Place, Status, Timestamp};
use crate::store::{CommitError, Store, StoreError, Write};

/// Named values with what is counted: `notice.<gateway> <conversation>`.
const STATE: &str = "notice.";
/// Milliseconds of a window.
const WINDOW: i64 = 60_000;
/// How often windows are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// Different things that are told apart in a summary; others are counted together.
const MOST_KINDS: usize = 20;
/// Rows that wait to be handed to the outbox; beyond it the outbox finds them in the store.
const MOST_WAITING: usize = 10_000;

/// One conversation in one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    place: Place,
    from: Timestamp,
    told: u32,
    /// How many were not told one by one, by what they would have told.
    counted: BTreeMap<String, u64>,
}

/// Tells conversations.
pub struct Notices {
    /// Told one by one in a minute.
    most: u32,
    windows: Mutex<BTreeMap<String, Window>>,
    /// Rows by the execution in whose commit they are.
    waiting: Mutex<BTreeMap<Id, Vec<OutboxMessage>>>,
    /// Rows that are committed.
    committed: Mutex<Vec<OutboxMessage>>,
}

/// The place that a route names: `slack:#ops`, `slack:work/#ops`, `discord:#ops`, `discord:1234`, `console:<session>`.
#[must_use]
pub fn place_of(route: &str) -> Option<Place> {
    let (kind, rest) = route.split_once(':')?;
    let (gateway, conversation) = match kind {
        "slack" | "discord" => {
            let (instance, conversation) = rest.split_once('/').unwrap_or(("default", rest));
            (format!("{kind}:{instance}"), conversation)
        }
        "console" => ("console".to_owned(), rest),
        _ => return None,
    };
    let conversation = conversation.trim();
    (!conversation.is_empty()).then(|| Place {
        gateway,
        conversation: conversation.to_owned(),
        thread: None,
        name: conversation.starts_with('#').then(|| conversation.to_owned()),
    })
}

fn key(place: &Place) -> String {
    format!("{STATE}{} {}", place.gateway, place.conversation)
}

fn tone(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "good",
        status if status.is_failure() => "bad",
        _ => "neutral",
    }
}

impl Conversations for Notices {
    fn rows(&self, notice: &Notice<'_>) -> Option<Vec<Write>> {
        let place = place_of(notice.route)?;
        let (execution, now) = (notice.execution, Timestamp::now());
        let mut windows = self.windows.lock();
        let key = key(&place);
        let window = windows.entry(key.clone()).or_insert_with(|| Window {
            place: place.clone(),
            from: now,
            told: 0,
            counted: BTreeMap::new(),
        });
        let is_over = now.micros() - window.from.micros() >= WINDOW * 1000 || now < window.from;
        if is_over && window.counted.is_empty() {
            window.from = now;
            window.told = 0;
        }
        if window.told < self.most && window.counted.is_empty() {
            window.told += 1;
            let body = json!({
                "kind": "notice",
                "tone": tone(execution.status),
                "data": {"message": notice.message, "execution": {"id": execution.id, "action": execution.request.action, "status": execution.status}},
            });
            let row = row(&place, body, now);
            let mut waiting = self.waiting.lock();
            if waiting.len() >= MOST_WAITING {
                waiting.clear();
            }
            waiting.entry(execution.id).or_default().push(row.clone());
            return Some(vec![Write::Outbox(Box::new(row))]);
        }
        let mut kind = format!("{} {}", execution.request.action, execution.status);
        if window.counted.len() >= MOST_KINDS && !window.counted.contains_key(&kind) {
            "others".clone_into(&mut kind);
        }
        *window.counted.entry(kind).or_default() += 1;
        Some(vec![Write::Setting {
            key,
            value: Some(json!(window)),
        }])
    }

    fn message(&self, place: &Place, tone: &str, message: &str) -> OutboxMessage {
        let body = json!({"kind": "notice", "tone": tone, "data": {"message": message}});
        row(place, body, Timestamp::now())
    }

    fn committed(&self, rows: Vec<OutboxMessage>) {
        let mut committed = self.committed.lock();
        // What finds no room here is found in the store.
        if committed.len() < MOST_WAITING {
            committed.extend(rows);
        }
    }
}

impl Notices {
    /// So many are told one by one in a minute. Goes on with what the last run counted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(most: u32, store: &dyn Store) -> Result<Arc<Self>, StoreError> {
        let mut windows = BTreeMap::new();
        for (key, value) in store.settings(STATE.to_owned()).await? {
            match serde_json::from_value(value) {
                Ok(window) => {
                    windows.insert(key, window);
                }
                Err(error) => tracing::warn!(key, %error, "notifications that were counted cannot be read"),
            }
        }
        Ok(Arc::new(Self {
            most,
            windows: Mutex::new(windows),
            waiting: Mutex::default(),
            committed: Mutex::default(),
        }))
    }

    /// Hands rows to the outbox when their commit is done, and tells the counts of windows that are over; until the engine
    /// is gone.
    pub async fn run(self: Arc<Self>, engine: Engine, hub: Hub) {
        let mut events = engine.subscribe();
        let store = Arc::clone(engine.store());
        drop(engine);
        let mut period = tokio::time::interval(PERIOD);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(Event::Execution { execution, .. }) if execution.status.is_completed() => {
                        if let Some(rows) = self.waiting.lock().remove(&execution.id) {
                            hub.deliver(rows);
                        }
                    }
                    Ok(_) => {}
                    // The outbox finds them in the store.
                    Err(RecvError::Lagged(_)) => self.waiting.lock().clear(),
                    Err(RecvError::Closed) => return,
                },
                _ = period.tick() => {
                    hub.deliver(std::mem::take(&mut *self.committed.lock()));
                    match self.sum_up(&*store, Timestamp::now()).await {
                    Ok(rows) => hub.deliver(rows),
                    Err(StoreError::Closed) => return,
                        Err(error) => tracing::error!(%error, "the count of notifications cannot be told; trying again"),
                    }
                }
            }
        }
    }

    /// Commits the summaries of windows that are over; gives their rows.
    async fn sum_up(&self, store: &dyn Store, now: Timestamp) -> Result<Vec<OutboxMessage>, StoreError> {
        let over: Vec<(String, Window)> = {
            let mut windows = self.windows.lock();
            let is_over = |window: &Window| now.micros() - window.from.micros() >= WINDOW * 1000;
            let over = windows.iter().filter(|(_, window)| is_over(window));
            let over = over.map(|(key, window)| (key.clone(), window.clone())).collect();
            windows.retain(|_, window| !is_over(window));
            over
        };
        let mut told = Vec::new();
        for (key, window) in over {
            if window.counted.is_empty() {
                continue;
            }
            let message = summary(&window);
            let row = row(
                &window.place,
                json!({"kind": "notice", "tone": "neutral", "data": {"message": message}}),
                now,
            );
            let rows = vec![
                Write::Setting {
                    key: key.clone(),
                    value: None,
                },
                Write::Outbox(Box::new(row.clone())),
            ];
            match store.commit(rows).await {
                Ok(()) => told.push(row),
                Err(error) => {
                    // What was counted since goes with it.
                    let mut windows = self.windows.lock();
                    let kept = windows.entry(key).or_insert_with(|| Window {
                        counted: BTreeMap::new(),
                        ..window.clone()
                    });
                    for (kind, count) in window.counted {
                        *kept.counted.entry(kind).or_default() += count;
                    }
                    kept.from = window.from;
                    return match error {
                        CommitError::Store(error) => Err(error),
                        other => Err(StoreError::Database(other.to_string())),
                    };
                }
            }
        }
        Ok(told)
    }
}

fn summary(window: &Window) -> String {
    let all: u64 = window.counted.values().sum();
    let mut kinds: Vec<(&String, &u64)> = window.counted.iter().collect();
    kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), *kind));
    let parts: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} × {kind}"))
        .collect();
    let word = if all == 1 { "notification" } else { "notifications" };
    format!("{all} more {word} in a minute: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Execution, Progress, Request};
    use crate::store::sqlite::{SqliteOptions, SqliteStore};

    fn execution(action: &str, status: Status) -> Execution {
        Execution {
            id: Id::new(),
            revision: 0,
            status,
            request: Arc::new(Request {
                action: action.to_owned(),
                ..Request::default()
            }),
            start: Timestamp::now(),
            end: None,
            progress: Progress::default(),
            result: None,
            result_size: 0,
        }
    }

    #[test]
    fn routes_name_conversations() {
        for (route, wanted) in [
            ("slack:#ops", Some(("slack:default", "#ops"))),
            ("slack:work/#ops", Some(("slack:work", "#ops"))),
            ("slack:C0123", Some(("slack:default", "C0123"))),
            ("discord:1234", Some(("discord:default", "1234"))),
            ("console:main", Some(("console", "main"))),
            ("slack:", None),
            ("hubot", None),
            ("mail:ops", None),
        ] {
            let place = place_of(route);
            let found = place
                .as_ref()
                .map(|place| (&*place.gateway, &*place.conversation));
            assert_eq!(found, wanted, "{route}");
        }
    }

    #[tokio::test]
    async fn a_flood_is_told_in_one_message_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteOptions::new(folder.path().join("sayso.db")))
            .await
            .unwrap();
        let notices = Notices::load(3, &store).await.unwrap();
        let mut told = 0;
        for number in 0..500 {
            let status = if number % 5 == 0 {
                Status::Succeeded
            } else {
                Status::Failed
            };
            let execution = execution("core.local", status);
            let notice = Notice {
                execution: &execution,
                route: "slack:#ops",
                message: "it ended",
            };
            let rows = notices.rows(&notice).unwrap();
            told += rows.iter().filter(|row| matches!(row, Write::Outbox(_))).count();
            store.commit(rows).await.unwrap();
        }
        assert_eq!(told, 3);
        let notices = Notices::load(3, &store).await.unwrap();
        let later = Timestamp::now().plus_millis(WINDOW);
        let rows = notices.sum_up(&store, later).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            rows[0].body["data"]["message"],
            "497 more notifications in a minute: 398 × core.local failed, 99 × core.local succeeded"
        );
        assert!(notices.sum_up(&store, later).await.unwrap().is_empty());
        assert!(Notices::load(3, &store).await.unwrap().windows.lock().is_empty());
    }
}
