//! What was said while nobody listened: read from the histories of channels after the last message that was handled.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::events::{self, Me, Said};
use super::web::{Failure, about};
use super::{SlackGateway, blocks, limits};
use crate::chat::card::{Block, Card, Span, Style, Tone};
use crate::model::Timestamp;
use crate::store::{StoreError, Write};

/// Pages read of one channel; what is older is passed over.
const PAGES: usize = 10;
/// Pages of the list of conversations.
const LISTS: usize = 20;
/// Threads of one channel that are looked into.
const THREADS: usize = 50;
/// Old commands that one message offers.
const OFFERED: usize = 5;
/// Tries of a read that Slack wants to be slower.
const TRIES: usize = 5;
/// Changes of one cursor that are kept in memory before they are compared; see [`SlackGateway::passed`].
const AHEAD: u64 = 86_400;

/// How far a conversation is handled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// Stamp of the last message.
    pub(super) last: String,
}

/// A stamp for this moment.
pub(super) fn now() -> String {
    let micros = Timestamp::now().micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

impl SlackGateway {
    fn cursor(&self, channel: &str) -> String {
        format!("chat.slack.seen.{}.{channel}", self.name)
    }

    pub(super) async fn read_cursors(&self) -> Result<(), StoreError> {
        let prefix = self.cursor("");
        let known = self.store.settings(prefix.clone()).await?;
        let mut seen = self.seen.lock();
        for (key, value) in known {
            if let (Some(channel), Ok(value)) = (key.strip_prefix(&prefix), serde_json::from_value(value)) {
                seen.entry(channel.to_owned()).or_insert(value);
            }
        }
        Ok(())
    }

    pub(super) async fn write_cursors(&self) {
        let moved: Vec<String> = {
            let held = self.held.lock();
            let mut moved = self.moved.lock();
            let ready = moved.iter().filter(|channel| !held.contains(*channel));
            let ready: Vec<String> = ready.cloned().collect();
            moved.retain(|channel| held.contains(channel));
            ready
        };
        if moved.is_empty() {
            return;
        }
        let writes = {
            let seen = self.seen.lock();
            let moved = moved
                .iter()
                .filter_map(|channel| Some((channel, seen.get(channel)?)));
            moved
                .map(|(channel, seen)| Write::Setting {
                    key: self.cursor(channel),
                    value: Some(json!(seen)),
                })
                .collect()
        };
        if let Err(error) = self.store.commit(writes).await {
            tracing::warn!("cursors of channels cannot be written: {error}");
            self.moved.lock().extend(moved);
        }
    }

    /// A message is done with.
    pub(super) fn passed(&self, channel: &str, ts: &str) {
        // A stamp of the far future would make the bot deaf for what was missed.
        if events::order(ts).0 > events::order(&now()).0 + AHEAD {
            return;
        }
        let mut seen = self.seen.lock();
        let known = seen.entry(channel.to_owned()).or_default();
        if events::order(ts) > events::order(&known.last) {
            ts.clone_into(&mut known.last);
            self.moved.lock().insert(channel.to_owned());
        }
    }

    /// Reads what came after `from` in every conversation that the bot is in.
    pub(super) async fn catch_up(self: Arc<Self>, from: HashMap<String, Seen>) {
        let Some(me) = self.me() else { return };
        let began = now();
        let _released = Released {
            bot: &self,
            channels: from.keys().cloned().collect(),
        };
        let mut channels = self.conversations().await;
        if channels.is_empty() {
            // Without the right to list them, those that were heard of.
            channels = from.keys().cloned().collect();
        }
        for channel in channels {
            if self.stop.is_cancelled() {
                return;
            }
            match from.get(&channel) {
                Some(seen) => {
                    self.missed_in(&me, &channel, &seen.last).await;
                    if !self.stop.is_cancelled() {
                        self.held.lock().remove(&channel);
                    }
                }
                // Here the bot is new: it begins with what is said from now on.
                None => self.passed(&channel, &began),
            }
        }
    }

    /// A read that waits when Slack wants that.
    async fn patient(&self, method: &str, fields: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            let wait = match self.web.read(method, fields).await {
                Err(Failure::Limited(wait)) if tries < TRIES => wait,
                Err(Failure::Unreachable { .. }) if tries < TRIES => {
                    std::time::Duration::from_secs(1 << tries)
                }
                result => return result,
            };
            if self.pause(wait).await {
                return Err(Failure::Limited(wait));
            }
        }
    }

    async fn conversations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        for _ in 0..LISTS {
            let mut fields = vec![
                ("types", "public_channel,private_channel,mpim,im"),
                ("exclude_archived", "true"),
                ("limit", "200"),
            ];
            if !cursor.is_empty() {
                fields.push(("cursor", &cursor));
            }
            let page = match self.patient("users.conversations", &fields).await {
                Ok(page) => page,
                Err(failure) => {
                    tracing::info!(
                        chat.gateway = self.name,
                        "conversations cannot be listed: {failure}"
                    );
                    break;
                }
            };
            let list = page["channels"].as_array().map_or(&[][..], Vec::as_slice);
            found.extend(list.iter().filter_map(|channel| events::id(&channel["id"])));
            cursor = next(&page);
            if cursor.is_empty() {
                break;
            }
        }
        found
    }

    /// Pages of a history, oldest message first.
    async fn history(&self, channel: &str, thread: Option<&str>, after: &str) -> Result<Vec<Value>, Failure> {
        let size = limits::PAGE.to_string();
        let mut messages = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let mut fields = vec![
                ("channel", channel),
                ("oldest", after),
                ("inclusive", "false"),
                ("limit", &size),
            ];
            if !cursor.is_empty() {
                fields.push(("cursor", &cursor));
            }
            let method = match thread {
                Some(thread) => {
                    fields.push(("ts", thread));
                    "conversations.replies"
                }
                None => "conversations.history",
            };
            let mut page = self.patient(method, &fields).await?;
            if let Value::Array(list) = page["messages"].take() {
                messages.extend(list);
            }
            cursor = next(&page);
            if cursor.is_empty() {
                break;
            }
        }
        messages.sort_by_key(|message| events::order(message["ts"].as_str().unwrap_or_default()));
        Ok(messages)
    }

    async fn missed_in(self: &Arc<Self>, me: &Arc<Me>, channel: &str, after: &str) {
        let mut messages = match self.history(channel, None, after).await {
            Ok(messages) => messages,
            Err(failure) => {
                tracing::info!(
                    chat.gateway = self.name,
                    "what was missed in {channel} cannot be read: {failure}"
                );
                return;
            }
        };
        let threads: Vec<String> = messages
            .iter()
            .filter(|message| message["reply_count"].as_u64().unwrap_or(0) > 0)
            .filter_map(|message| events::stamp(&message["ts"]))
            .take(THREADS)
            .collect();
        for thread in threads {
            if let Ok(replies) = self.history(channel, Some(&thread), after).await {
                messages.extend(replies);
            }
        }
        messages.sort_by_key(|message| events::order(message["ts"].as_str().unwrap_or_default()));
        let mut stale: Vec<Said> = Vec::new();
        let mut newest = after.to_owned();
        for data in &messages {
            if self.stop.is_cancelled() {
                return;
            }
            let Some(ts) = events::stamp(&data["ts"]) else {
                continue;
            };
            if events::order(&ts) <= events::order(after) {
                continue;
            }
            if let Some(said) = events::message(data, me, Some(channel)) {
                match self.missed(me, said).await {
                    Missed::Done => {}
                    Missed::Stale(said) => stale.push(*said),
                    Missed::Failed => return,
                }
            }
            newest = ts;
        }
        if self.offer(me, channel, &stale).await {
            self.passed(channel, &newest);
        }
    }

    /// Takes a message that was missed when it is fresh; gives it back when it is too old to run by itself.
    async fn missed(self: &Arc<Self>, me: &Arc<Me>, said: Said) -> Missed {
        if !self.listens(&said) || !self.addressed(&said) {
            return Missed::Done;
        }
        let age = Timestamp::now().seconds_since(events::written(&said.ts));
        #[allow(clippy::cast_precision_loss)]
        if age <= self.options.catch_up as f64 {
            let message = self.inbound(me, &said).await;
            return match self.receive(message).await {
                Ok(_) => Missed::Done,
                Err(_) => Missed::Failed,
            };
        }
        let key = format!("slack:{}:{}:{}", me.team, said.channel, said.ts);
        match self.store.claim(key).await {
            Ok(None) => Missed::Stale(Box::new(said)),
            Ok(Some(_)) => Missed::Done,
            Err(error) => {
                tracing::warn!("it cannot be read whether a message was handled: {error}");
                Missed::Failed
            }
        }
    }

    /// Offers commands that are too old to run by themselves; false when that has to be tried again.
    async fn offer(&self, me: &Me, channel: &str, stale: &[Said]) -> bool {
        let Some(newest) = stale.last() else { return true };
        let mut lines = Vec::new();
        let mut buttons = Vec::new();
        let first = stale.len().saturating_sub(OFFERED);
        for said in &stale[first..] {
            let command = self.command_of(&said.channel, &said.text, me);
            if command.is_empty() {
                continue;
            }
            let known = self.names.user(&said.user).await;
            let name = known.name.unwrap_or_else(|| said.user.clone());
            lines.push(vec![
                Span::Bold { s: name },
                Span::Text { s: ": ".to_owned() },
                Span::Code {
                    s: limits::cut(&command, 200),
                },
            ]);
            buttons.push(Span::Say {
                s: format!("Run: {command}"),
                say: command,
            });
        }
        if lines.is_empty() {
            return true;
        }
        let text = |s: &str| Span::Text { s: s.to_owned() };
        let note = if first == 0 {
            "It did not run. Press a button to say it now, in your name.".to_owned()
        } else {
            format!("It did not run, nor did {first} older ones. Press a button to say it now, in your name.")
        };
        let mut card = Card {
            tone: Tone::Warning,
            blocks: vec![
                Block::Heading {
                    line: vec![text("While I was away somebody asked for this")],
                },
                Block::Text { lines },
                Block::Note {
                    line: vec![text(&note)],
                },
            ],
        };
        let plain = limits::cut(&card.text(Style::Slack), limits::TEXT);
        card.blocks.push(Block::Note { line: buttons });
        let shown = blocks::show_once(&card, limits::BLOCKS);
        if let Err(error) = self.sender.keep(shown.kept).await {
            tracing::warn!("buttons for missed commands cannot be kept: {error}");
            return false;
        }
        let body = about(
            channel,
            json!({
                "text": plain,
                "blocks": shown.blocks,
                "unfurl_links": false,
                "unfurl_media": false,
                "metadata": {"event_type": "sayso", "event_payload": {"id": format!("late {}", newest.ts)}},
            }),
        );
        match self.web.call("chat.postMessage", &body).await {
            Ok(_) => true,
            Err(failure) => {
                tracing::warn!(
                    chat.gateway = self.name,
                    "missed commands are not offered: {failure}"
                );
                // What is refused now is refused later, too; what may have arrived must not come twice.
                matches!(failure, Failure::Refused { .. }) || failure.is_doubtful()
            }
        }
    }

    /// A message without what addresses the bot, as it was typed.
    fn command_of(&self, channel: &str, text: &str, me: &Me) -> String {
        let said =
            crate::chat::normalise::normalise(text, crate::chat::gateway::Dialect::Slack, Some(&me.user));
        let text = said.map(|said| said.text).unwrap_or_default();
        let text = text.trim();
        let prefix = self.hub.prefix_of(&self.name, channel);
        text.strip_prefix(prefix.as_str())
            .unwrap_or(text)
            .trim()
            .to_owned()
    }
}

/// Lets the cursors be written at the end, however that comes; not when it comes by stopping.
struct Released<'a> {
    bot: &'a SlackGateway,
    channels: Vec<String>,
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        if !self.bot.stop.is_cancelled() {
            let mut held = self.bot.held.lock();
            for channel in &self.channels {
                held.remove(channel);
            }
        }
    }
}

/// What became of a message that was missed.
enum Missed {
    Done,
    Stale(Box<Said>),
    Failed,
}

fn next(page: &Value) -> String {
    page["response_metadata"]["next_cursor"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
