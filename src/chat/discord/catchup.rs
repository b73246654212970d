//! What was said while nobody listened: read from the channels' history after the last message that was handled.

use std::sync::Arc;

use serde_json::{Value, json};

use super::embeds::{self, Custom};
use super::events::{self, Said};
use super::limits;
use super::progress::{Mark, Progress};
use super::rest::Call;
use super::{DiscordGateway, Job};
use crate::chat::card::{Block, Card, Span, Tone};
use crate::model::Timestamp;
use crate::store::Write;

/// Messages of one request, the most that Discord gives.
const PAGE: usize = 100;
/// Requests per channel; what is older is passed over.
const PAGES: usize = 10;
/// Direct conversations that are looked at after a start.
const DIRECT: usize = 200;
/// Old commands that one message offers.
const OFFERED: usize = 5;

impl DiscordGateway {
    /// Lets a channel catch up before anything that is said there from now on.
    pub(super) fn queue_catch_up(self: &Arc<Self>, channel: &str) {
        // It belongs to no event: a resumption must not wait for history.
        let mark = Progress::default().begin(1);
        self.queue(channel, Job::CatchUp(mark));
    }

    /// Direct conversations are not told by the gateway; those that are known are looked at.
    pub(super) async fn catch_up_direct(self: Arc<Self>, mark: Mark) {
        drop(mark);
        let prefix = self.cursor("");
        let Ok(mut known) = self.store.settings(prefix.clone()).await else {
            return;
        };
        known.retain(|(_, value)| value["direct"] == true);
        known.sort_by_key(|(_, value)| {
            std::cmp::Reverse(events::order(value["last"].as_str().unwrap_or_default()))
        });
        for (key, _) in known.into_iter().take(DIRECT) {
            if let Some(channel) = key.strip_prefix(&prefix) {
                self.queue_catch_up(channel);
            }
        }
    }

    /// Reads what came after the last handled message of a channel.
    pub(super) async fn catch_up(&self, channel: &str) {
        let newest = {
            let world = self.world.lock();
            let known = world.channels.get(channel);
            known.map(|channel| channel.last.clone())
        };
        let seen = match self.store.setting(self.cursor(channel)).await {
            Ok(seen) => seen,
            Err(error) => {
                tracing::warn!("the cursor of a channel cannot be read: {error}");
                return;
            }
        };
        let moved = self.moved.lock().get(channel).map(|moved| moved.last.clone());
        let seen = moved.or_else(|| {
            seen.as_ref()
                .and_then(|value| value["last"].as_str().map(str::to_owned))
        });
        let Some(mut after) = seen else {
            // Here the bot is new: it begins with what is said next. That is written at once, because after a crash
            // it must not be new again.
            if let Some(newest) = newest {
                let last = newest.unwrap_or_else(|| "0".to_owned());
                let write = Write::Setting {
                    key: self.cursor(channel),
                    value: Some(json!({"last": last, "direct": false})),
                };
                if let Err(error) = self.store.commit(vec![write]).await {
                    tracing::warn!("the cursor of a channel cannot be written: {error}");
                }
            }
            return;
        };
        if let Some(newest) = &newest
            && newest.as_deref().map_or(0, events::order) <= events::order(&after)
        {
            return;
        }
        let mut stale: Vec<Said> = Vec::new();
        for _ in 0..PAGES {
            let path = format!("/channels/{channel}/messages?after={after}&limit={PAGE}");
            let page = match self.rest.call(Call::get(path)).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::info!(
                        chat.gateway = self.name,
                        "what was missed cannot be read: {error}"
                    );
                    break;
                }
            };
            let mut page: Vec<Value> = page.as_array().cloned().unwrap_or_default();
            page.sort_by_key(|message| events::order(message["id"].as_str().unwrap_or_default()));
            let full = page.len() >= PAGE;
            for data in &page {
                if self.stop.is_cancelled() {
                    return;
                }
                if let Some(id) = events::id(&data["id"]) {
                    after = id;
                }
                if let Some(old) = self.missed(channel, data).await {
                    stale.push(old);
                }
            }
            if !full {
                break;
            }
        }
        if self.offer(channel, &stale).await {
            let mut moved = self.moved.lock();
            let last = moved.entry(channel.to_owned()).or_default();
            last.direct = newest.is_none();
            if events::order(&after) > events::order(&last.last) {
                last.last = after;
            }
        }
    }

    /// Takes a message that was missed when it is fresh; gives it back when it is too old to run by itself.
    async fn missed(&self, channel: &str, data: &Value) -> Option<Said> {
        let said = {
            let world = self.world.lock();
            let bot = world.bot.clone()?;
            let mut said = events::message(data, &bot, &world.roles, false)?;
            // Messages of a history name no server.
            said.guild = world.channels.get(channel).map(|channel| channel.guild.clone());
            said
        };
        let age = Timestamp::now().seconds_since(events::written(data));
        #[allow(clippy::cast_precision_loss)]
        let fresh = age <= self.options.catch_up as f64;
        if fresh {
            self.take(&said).await;
            return None;
        }
        let addressed = said.guild.is_none()
            || said.mentions_bot
            || self.hub.might_mean(&self.name, &said.channel, false, &said.text);
        let known = self.store.claim(format!("discord:{}", said.id)).await;
        (addressed && self.listens(&said) && matches!(known, Ok(None))).then_some(said)
    }

    /// Offers commands that are too old to run by themselves; false when that has to be tried again.
    async fn offer(&self, channel: &str, stale: &[Said]) -> bool {
        let Some(newest) = stale.last() else { return true };
        let mut blocks = vec![Block::Heading {
            line: vec![Span::Text {
                s: "While I was away somebody asked for this".to_owned(),
            }],
        }];
        let bot = self.world.lock().bot.clone();
        let prefix = self.hub.prefix_of(&self.name, channel);
        let mut lines = Vec::new();
        let mut rows = Vec::new();
        let mut long = Vec::new();
        for said in stale.iter().rev().take(OFFERED).rev() {
            let command = command_of(&said.text, bot.as_deref(), &prefix);
            if command.is_empty() {
                continue;
            }
            lines.push(vec![
                Span::Bold { s: said.name.clone() },
                Span::Text { s: ": ".to_owned() },
                Span::Code {
                    s: limits::cut(&command, 200),
                },
            ]);
            let label = format!("Run: {command}");
            let (row, stored) = embeds::button(&label, &Custom::Once(command));
            rows.push(row);
            long.extend(stored);
        }
        if rows.is_empty() {
            return true;
        }
        blocks.push(Block::Text { lines });
        let left_out = stale.len().saturating_sub(OFFERED);
        let note = if left_out == 0 {
            "It did not run. Press a button to say it now, in your name.".to_owned()
        } else {
            format!(
                "It did not run, nor did {left_out} older ones. Press a button to say it now, in your name."
            )
        };
        blocks.push(Block::Note {
            line: vec![Span::Text { s: note }],
        });
        let card = Card {
            tone: Tone::Warning,
            blocks,
        };
        if let Err(error) = self.sender.keep(long).await {
            tracing::warn!("buttons for missed commands cannot be kept: {error}");
            return false;
        }
        // Two buttons for the same command would have the same id.
        let mut known = Vec::new();
        rows.retain(|row| {
            let id = row["components"][0]["custom_id"].clone();
            let new = !known.contains(&id);
            known.push(id);
            new
        });
        let body = json!({
            "embeds": embeds::show(&card).embeds,
            "components": rows,
            "allowed_mentions": {"parse": []},
            "nonce": limits::cut(&format!("late{}", newest.id), limits::NONCE),
            "enforce_nonce": true,
        });
        let call = Call::post(format!("/channels/{channel}/messages"), body).repeatable();
        match self.rest.call(call).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(
                    chat.gateway = self.name,
                    "missed commands are not offered: {error}"
                );
                // What is refused now is refused later, too.
                error.status() != 0
            }
        }
    }
}

/// A message without what addresses the bot.
fn command_of(text: &str, bot: Option<&str>, prefix: &str) -> String {
    let mut text = text.trim();
    if let Some(bot) = bot {
        for mention in [format!("<@{bot}>"), format!("<@!{bot}>")] {
            text = text.strip_prefix(mention.as_str()).unwrap_or(text).trim_start();
        }
    }
    text.strip_prefix(prefix).unwrap_or(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_addresses_the_bot_is_no_part_of_a_command() {
        for text in [
            "!deploy api",
            "<@7> deploy api",
            "<@!7> !deploy api",
            "deploy api",
        ] {
            assert_eq!(command_of(text, Some("7"), "!"), "deploy api");
        }
    }
}
