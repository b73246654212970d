//! Messages on their way out: to channels, threads and people, or as answers to commands, each once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::blocks::{self, Kept};
use super::limits;
use super::stream::{Change, Streams};
use super::web::{Failure, Web, about};
use crate::chat::gateway::{Form, Rendered, SendError, Sent};
use crate::model::{Id, Timestamp};
use crate::store::{Store, Write};

/// Direct conversations, doubtful messages and tickets remembered.
const REMEMBERED: usize = 10_000;
/// Seconds by which the clocks may differ when a message is looked for.
const CLOCKS: i64 = 300;
/// Pages of a history in which a message is looked for.
const PAGES: usize = 5;

/// The way back to whoever gave a command: Slack's address for answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    url: String,
    /// Microseconds since 1970 until which it counts.
    until: i64,
    /// Whether answers for everybody may go there, too: the command was given where the bot may not post.
    open: bool,
}

impl Ticket {
    pub(super) fn new(url: String, open: bool) -> Self {
        let life = i64::try_from(limits::RESPONSE_LIFE.as_millis()).unwrap_or(0);
        Self {
            url,
            until: Timestamp::now().plus_millis(life).micros(),
            open,
        }
    }

    pub(super) fn text(&self) -> String {
        json!(self).to_string()
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn is_live(&self) -> bool {
        Timestamp::now().micros() < self.until
    }
}

/// Sends messages.
pub(super) struct Sender {
    pub(super) web: Arc<Web>,
    store: Arc<dyn Store>,
    gateway: String,
    /// Messages that were made before this may have been posted by an earlier process.
    began: Timestamp,
    direct: Mutex<HashMap<String, String>>,
    doubtful: Mutex<HashMap<Id, ()>>,
    /// How often a ticket was used.
    used: Mutex<HashMap<String, u32>>,
    /// Files that are uploaded but not shared yet, by message.
    pub(super) files: Mutex<HashMap<Id, Uploaded>>,
    pub(super) streams: Streams,
}

/// A file that is uploaded.
#[derive(Clone, Debug)]
pub(super) struct Uploaded {
    pub(super) file: String,
    /// It may have been shared already.
    pub(super) doubtful: bool,
}

/// A message as it is posted.
pub(super) struct Letter {
    text: String,
    pub(super) blocks: Vec<Value>,
}

impl Letter {
    fn body(&self) -> Value {
        json!({
            "text": self.text,
            "blocks": self.blocks,
            "unfurl_links": false,
            "unfurl_media": false,
        })
    }
}

pub(super) fn remember<K: std::hash::Hash + Eq, V>(map: &Mutex<HashMap<K, V>>, key: K, value: V) {
    let mut map = map.lock();
    if map.len() > REMEMBERED {
        map.clear();
    }
    map.insert(key, value);
}

fn again(reason: impl std::fmt::Display) -> SendError {
    SendError::Retry {
        reason: reason.to_string(),
        retry_after: None,
    }
}

/// The person of an account, `slack:T1:U1`.
fn user_of(account: &str) -> &str {
    account.rsplit(':').next().unwrap_or(account)
}

impl Sender {
    pub(super) fn new(web: Arc<Web>, store: Arc<dyn Store>, gateway: String, streams: bool) -> Self {
        Self {
            web,
            store,
            gateway,
            began: Timestamp::now(),
            direct: Mutex::default(),
            doubtful: Mutex::default(),
            used: Mutex::default(),
            files: Mutex::default(),
            streams: Streams::new(streams),
        }
    }

    pub(super) async fn send(&self, message: Rendered) -> Result<Sent, SendError> {
        if message.silent {
            return Ok(Sent {
                message_ref: message.edit.unwrap_or_default(),
            });
        }
        let letter = self.letter(&message).await?;
        let known = message.edit.clone();
        let message_ref = match known {
            Some(known) => self.edit(known, &message, &letter).await?,
            None => self.new_message(&message, &letter).await?,
        };
        Ok(Sent { message_ref })
    }

    /// Keeps texts that are too long to be carried by a button or a modal.
    pub(super) async fn keep(&self, kept: Vec<Kept>) -> Result<(), String> {
        if kept.is_empty() {
            return Ok(());
        }
        let writes = kept.into_iter().map(|(name, text)| Write::Setting {
            key: format!("chat.slack.text.{name}"),
            value: Some(Value::String(text)),
        });
        self.store
            .commit(writes.collect())
            .await
            .map_err(|error| error.to_string())
    }

    /// A text that was kept.
    pub(super) async fn kept(&self, name: &str) -> Option<String> {
        let value = self
            .store
            .setting(format!("chat.slack.text.{name}"))
            .await
            .ok()??;
        value.as_str().map(str::to_owned)
    }

    async fn letter(&self, message: &Rendered) -> Result<Letter, SendError> {
        let text = limits::cut(&message.text, limits::TEXT);
        let text = if text.trim().is_empty() {
            "…".to_owned()
        } else {
            text
        };
        let blocks = if message.form == Form::Rich {
            let shown = blocks::show(&message.card, limits::BLOCKS);
            self.keep(shown.kept).await.map_err(again)?;
            shown.blocks
        } else {
            Vec::new()
        };
        if let Some(file) = &message.file
            && file.text.len() > limits::FILE
        {
            return Err(SendError::Refused(format!(
                "the file has {} bytes; {} are uploaded",
                file.text.len(),
                limits::FILE
            )));
        }
        Ok(Letter { text, blocks })
    }

    async fn new_message(&self, message: &Rendered, letter: &Letter) -> Result<String, SendError> {
        // What one person was told cannot be found.
        if message.recall && message.private_to.is_some() {
            return Err(SendError::Absent);
        }
        let ticket = message
            .reply
            .as_deref()
            .and_then(Ticket::read)
            .filter(Ticket::is_live);
        match &message.private_to {
            Some(account) => self.private(message, letter, user_of(account), ticket).await,
            None => {
                let channel = self.channel(message).await?;
                let posted = self.post(message, letter, &channel).await;
                match (posted, ticket) {
                    (Err(SendError::Permanent(reason)), Some(ticket)) if ticket.open => {
                        tracing::debug!(
                            "answered by address, because the channel is closed to the bot: {reason}"
                        );
                        self.by_ticket(&ticket, letter, "in_channel").await
                    }
                    (posted, _) => posted,
                }
            }
        }
    }

    /// The channel that a message goes to; a person has one with the bot.
    async fn channel(&self, message: &Rendered) -> Result<String, SendError> {
        let to = &message.place.conversation;
        if to.starts_with(['U', 'W']) {
            self.direct(to)
                .await
                .map_err(|failure| failed(&failure, message.form))
        } else {
            Ok(to.clone())
        }
    }

    /// For one person: at their command, in the conversation, or directly.
    async fn private(
        &self,
        message: &Rendered,
        letter: &Letter,
        user: &str,
        ticket: Option<Ticket>,
    ) -> Result<String, SendError> {
        let place = &message.place;
        let in_direct = place.conversation.starts_with(['D', 'U', 'W']);
        if message.file.is_some() || in_direct {
            let channel = if place.conversation.starts_with('D') {
                place.conversation.clone()
            } else {
                self.direct(user)
                    .await
                    .map_err(|failure| failed(&failure, message.form))?
            };
            // A conversation of others: the command was given there, but the bot has no part in it.
            return match self.post(message, letter, &channel).await {
                Err(SendError::Permanent(reason)) if channel == place.conversation => {
                    tracing::debug!(
                        "answered apart, because the conversation is closed to the bot: {reason}"
                    );
                    if let Some(ticket) = ticket.filter(|_| message.file.is_none()) {
                        return self.by_ticket(&ticket, letter, "ephemeral").await;
                    }
                    let own = self
                        .direct(user)
                        .await
                        .map_err(|failure| failed(&failure, message.form))?;
                    self.post(message, letter, &own).await
                }
                posted => posted,
            };
        }
        if let Some(ticket) = ticket {
            match self.by_ticket(&ticket, letter, "ephemeral").await {
                Ok(sent) => return Ok(sent),
                Err(SendError::Refused(reason)) => {
                    tracing::debug!("the address for answers does not count any more: {reason}");
                }
                Err(error) => return Err(error),
            }
        }
        let mut body = about(&place.conversation, letter.body());
        body["user"] = json!(user);
        if let Some(thread) = &place.thread {
            body["thread_ts"] = json!(thread);
        }
        match self.web.call("chat.postEphemeral", &body).await {
            Ok(answer) => Ok(format!("~{}", answer["message_ts"].as_str().unwrap_or_default())),
            Err(failure)
                if matches!(
                    failure.code(),
                    "not_in_channel" | "user_not_in_channel" | "channel_not_found" | "is_archived"
                ) =>
            {
                let channel = self
                    .direct(user)
                    .await
                    .map_err(|failure| failed(&failure, message.form))?;
                self.post(message, letter, &channel).await
            }
            Err(failure) => Err(failed(&failure, message.form)),
        }
    }

    async fn by_ticket(&self, ticket: &Ticket, letter: &Letter, kind: &str) -> Result<String, SendError> {
        {
            let mut used = self.used.lock();
            if used.len() > REMEMBERED {
                used.clear();
            }
            let count = used.entry(ticket.url.clone()).or_default();
            if *count >= limits::RESPONSES {
                return Err(SendError::Refused("the address was used too often".to_owned()));
            }
            *count += 1;
        }
        let mut body = letter.body();
        body["response_type"] = json!(kind);
        body["replace_original"] = json!(false);
        match self.web.respond(&ticket.url, &body).await {
            Ok(()) => Ok("~".to_owned()),
            Err(failure) => Err(failed(&failure, Form::Rich)),
        }
    }

    async fn edit(&self, known: String, message: &Rendered, letter: &Letter) -> Result<String, SendError> {
        let Some((channel, ts)) = known.split_once('/').filter(|_| !known.starts_with('~')) else {
            // What one person sees cannot be changed: the end is told anew, what is between is not.
            return if message.is_final || known.is_empty() {
                self.new_message(message, letter).await
            } else {
                Ok(known)
            };
        };
        match self.change_stream(&known, channel, ts, message).await {
            Ok(Change::Shown) => return Ok(known),
            Ok(Change::Over) => {}
            Err(failure) => return Err(failed(&failure, message.form)),
        }
        match self.update(channel, ts, letter).await {
            Ok(()) => {
                if let Some(file) = &message.file {
                    let thread = message.place.thread.as_deref().unwrap_or(ts);
                    self.file(message, file, channel, Some(thread)).await?;
                }
                Ok(known)
            }
            // Somebody deleted it, or it is too old: the end is told anew.
            Err(failure)
                if matches!(
                    failure.code(),
                    "message_not_found" | "cant_update_message" | "edit_window_closed" | "update_failed"
                ) =>
            {
                if message.is_final && message.id.is_some() && failure.code() != "message_not_found" {
                    self.post(message, letter, channel).await
                } else {
                    Ok(known)
                }
            }
            Err(failure) => Err(failed(&failure, message.form)),
        }
    }

    async fn update(&self, channel: &str, ts: &str, letter: &Letter) -> Result<(), Failure> {
        let mut body = about(channel, letter.body());
        body["ts"] = json!(ts);
        let updated = match self.web.call("chat.update", &body).await {
            // An earlier process left it streaming.
            Err(failure) if failure.code() == "streaming_state_conflict" => {
                self.stop_stream(channel, ts).await?;
                self.web.call("chat.update", &body).await
            }
            updated => updated,
        };
        updated.map(|_| ())
    }

    /// A normal message, posted once whatever happens in between.
    async fn post(&self, message: &Rendered, letter: &Letter, channel: &str) -> Result<String, SendError> {
        let thread = message
            .place
            .thread
            .as_deref()
            .filter(|_| channel == message.place.conversation);
        let posted = match message.id {
            Some(id) if self.is_doubtful(id) => self
                .find(id, message, channel, thread)
                .await
                .map_err(|failure| failed(&failure, message.form))?,
            _ => None,
        };
        let begun = match posted {
            None if message.recall => return Err(SendError::Absent),
            Some(ts) => Some(ts),
            None => self
                .begin_stream(message, letter, channel, thread)
                .await
                .map_err(|failure| self.doubt(message.id, &failure, message.form))?,
        };
        let ts = match begun {
            Some(ts) => ts,
            None => self.post_new(message, letter, channel, thread).await?,
        };
        if let Some(id) = message.id {
            self.doubtful.lock().remove(&id);
        }
        if let Some(file) = &message.file {
            // When the file does not arrive the text is there already.
            if let Some(id) = message.id {
                remember(&self.doubtful, id, ());
            }
            self.file(message, file, channel, thread).await?;
            if let Some(id) = message.id {
                self.doubtful.lock().remove(&id);
            }
        }
        Ok(format!("{channel}/{ts}"))
    }

    async fn post_new(
        &self,
        message: &Rendered,
        letter: &Letter,
        channel: &str,
        thread: Option<&str>,
    ) -> Result<String, SendError> {
        let mut body = about(channel, letter.body());
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread);
        }
        if let Some(id) = message.id {
            body["metadata"] = json!({"event_type": "sayso", "event_payload": {"id": id.to_string()}});
        }
        let answer = match self.web.call("chat.postMessage", &body).await {
            Ok(answer) => answer,
            Err(failure) if thread.is_some() && failure.code() == "thread_not_found" => {
                body["thread_ts"] = Value::Null;
                self.web
                    .call("chat.postMessage", &body)
                    .await
                    .map_err(|failure| self.doubt(message.id, &failure, message.form))?
            }
            Err(failure) => return Err(self.doubt(message.id, &failure, message.form)),
        };
        Ok(answer["ts"].as_str().unwrap_or_default().to_owned())
    }

    fn doubt(&self, id: Option<Id>, failure: &Failure, form: Form) -> SendError {
        if let Some(id) = id.filter(|_| failure.is_doubtful()) {
            remember(&self.doubtful, id, ());
        }
        failed(failure, form)
    }

    /// Whether the message may have been posted already: a try ended in the dark, or another process had it.
    fn is_doubtful(&self, id: Id) -> bool {
        self.doubtful.lock().contains_key(&id) || made(id) <= self.began.micros() / 1_000_000
    }

    /// Looks for a message of ours by its outbox id. A stream has none: there the execution tells.
    async fn find(
        &self,
        id: Id,
        wanted: &Rendered,
        channel: &str,
        thread: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let streamed = wanted
            .execution
            .filter(|_| wanted.steps.is_some())
            .map(|execution| execution.to_string());
        let is_it = |message: &Value| {
            let of_stream = || {
                streamed.as_ref().is_some_and(|execution| {
                    message["metadata"].is_null()
                        && message["bot_id"].is_string()
                        && message["blocks"].to_string().contains(execution)
                })
            };
            message["metadata"]["event_payload"]["id"] == id.to_string().as_str() || of_stream()
        };
        let oldest = format!("{}.000000", (made(id) - CLOCKS).max(0));
        let size = limits::PAGE.to_string();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let mut fields = vec![
                ("channel", channel),
                ("oldest", &oldest),
                ("limit", &size),
                ("include_all_metadata", "true"),
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
            let page = match self.web.read(method, &fields).await {
                Ok(page) => page,
                // Where nothing can be read nothing of ours is to be found.
                Err(failure @ Failure::Refused { .. }) => {
                    tracing::debug!("a message cannot be looked for: {failure}");
                    return Ok(None);
                }
                Err(failure) => return Err(failure),
            };
            let messages = page["messages"].as_array().map_or(&[][..], Vec::as_slice);
            let found = messages.iter().find(|message| is_it(message));
            if let Some(ts) = found.and_then(|message| message["ts"].as_str()) {
                return Ok(Some(ts.to_owned()));
            }
            cursor = page["response_metadata"]["next_cursor"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if cursor.is_empty() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The channel between the bot and a person.
    pub(super) async fn direct(&self, user: &str) -> Result<String, Failure> {
        if let Some(channel) = self.direct.lock().get(user) {
            return Ok(channel.clone());
        }
        let answer = self
            .web
            .call("conversations.open", &json!({"users": user}))
            .await?;
        let channel = answer["channel"]["id"].as_str().unwrap_or_default().to_owned();
        if channel.is_empty() {
            return Err(Failure::Unreachable {
                reason: "no conversation was opened".to_owned(),
                doubtful: false,
            });
        }
        remember(&self.direct, user.to_owned(), channel.clone());
        Ok(channel)
    }

    /// Name of the gateway, for logs.
    pub(super) fn gateway(&self) -> &str {
        &self.gateway
    }
}

/// Seconds since 1970 at which an id was made.
fn made(id: Id) -> i64 {
    id.made().micros() / 1_000_000
}

/// What a failure means for the outbox.
pub(super) fn failed(failure: &Failure, form: Form) -> SendError {
    match failure {
        Failure::Limited(wait) => SendError::RateLimited(*wait),
        Failure::Unreachable { .. } => SendError::Retry {
            reason: failure.to_string(),
            retry_after: None,
        },
        Failure::Token(_) => SendError::Away(failure.to_string()),
        Failure::Refused { error, .. } => {
            let reason = failure.to_string();
            match error.as_str() {
                "channel_not_found"
                | "not_in_channel"
                | "is_archived"
                | "user_not_found"
                | "users_not_found"
                | "user_disabled"
                | "cannot_dm_bot"
                | "user_not_visible"
                | "messages_tab_disabled"
                | "team_access_not_granted"
                | "ekm_access_denied"
                | "access_denied"
                | "no_permission"
                | "as_user_not_supported"
                | "team_not_found" => SendError::Permanent(reason),
                "restricted_action"
                | "restricted_action_read_only_channel"
                | "restricted_action_thread_only_channel"
                | "restricted_action_non_threadable_channel"
                | "restricted_action_thread_locked" => SendError::Permanent(reason),
                // Without the right to upload the stored page may pass.
                "missing_scope" if form != Form::File => SendError::Permanent(reason),
                "message_limit_exceeded" | "org_login_required" => SendError::Retry {
                    reason,
                    retry_after: Some(Duration::from_secs(60)),
                },
                _ => SendError::Refused(reason),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_name_their_person() {
        assert_eq!(user_of("slack:T1:U1"), "U1");
    }

    #[test]
    fn ids_tell_when_they_were_made() {
        let now = Timestamp::now().micros() / 1_000_000;
        assert!((made(Id::new()) - now).abs() <= 1);
    }

    #[test]
    fn refusals_go_down_the_ladder_and_closed_channels_end_it() {
        let refused = |error: &str, form| {
            let failure = Failure::Refused {
                error: error.to_owned(),
                detail: String::new(),
            };
            failed(&failure, form)
        };
        for error in ["invalid_blocks", "msg_blocks_too_long", "msg_too_long"] {
            assert!(
                matches!(refused(error, Form::Rich), SendError::Refused(_)),
                "{error}"
            );
        }
        for error in ["channel_not_found", "is_archived", "not_in_channel"] {
            assert!(
                matches!(refused(error, Form::Rich), SendError::Permanent(_)),
                "{error}"
            );
        }
        assert!(matches!(
            refused("missing_scope", Form::File),
            SendError::Refused(_)
        ));
        assert!(matches!(
            refused("missing_scope", Form::Plain),
            SendError::Permanent(_)
        ));
    }
}
