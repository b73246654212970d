//! Messages on their way out: to channels, threads and people, or as answers to interactions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::embeds::{self, Shown};
use super::limits;
use super::rest::{Call, Failure, File, Rest};
use super::tickets::{First, Ticket, Tickets};
use crate::chat::gateway::{Form, Rendered, SendError, Sent};
use crate::model::Id;
use crate::store::{Store, Write};

/// `EPHEMERAL`, for one person only (Resources / Message / Message Flags).
pub(super) const EPHEMERAL: u64 = 1 << 6;
/// `LOADING`, the first answer is still to be written.
const LOADING: u64 = 1 << 7;
/// Direct channels and threads remembered.
const REMEMBERED: usize = 10_000;
/// How long a message waits for its turn before the outbox takes it back.
const PATIENCE: Duration = Duration::from_secs(3);

/// Sends messages.
pub(super) struct Sender {
    pub(super) rest: Arc<Rest>,
    pub(super) store: Arc<dyn Store>,
    pub(super) tickets: Tickets,
    direct: Mutex<HashMap<String, String>>,
    threads: Mutex<HashMap<String, ()>>,
}

/// A message as it is posted.
struct Letter {
    body: Value,
    file: Option<File>,
    nonce: Option<Id>,
}

impl Sender {
    pub(super) fn new(rest: Arc<Rest>, store: Arc<dyn Store>) -> Self {
        Self {
            rest,
            store,
            tickets: Tickets::default(),
            direct: Mutex::default(),
            threads: Mutex::default(),
        }
    }

    pub(super) async fn send(&self, message: Rendered) -> Result<Sent, SendError> {
        let ticket = message
            .reply
            .as_deref()
            .and_then(Ticket::read)
            .filter(Ticket::is_live);
        let letter = self.letter(&message).await?;
        if message.silent && message.edit.is_none() {
            return self.silence(&message, ticket, letter).await;
        }
        let result = match (&message.edit, ticket) {
            (Some(known), ticket) => self.edit(known.clone(), &message, ticket, letter).await,
            (None, Some(ticket)) => self.answer(&message, &ticket, letter).await,
            (None, None) => self.post(&message, &letter).await,
        };
        result.map(|message_ref| Sent { message_ref })
    }

    /// Keeps the texts of buttons that do not fit into their ids.
    pub(super) async fn keep(&self, long: Vec<(String, String)>) -> Result<(), String> {
        if long.is_empty() {
            return Ok(());
        }
        let writes = long.into_iter().map(|(hash, text)| Write::Setting {
            key: format!("chat.discord.text.{hash}"),
            value: Some(Value::String(text)),
        });
        self.store
            .commit(writes.collect())
            .await
            .map_err(|error| error.to_string())
    }

    async fn letter(&self, message: &Rendered) -> Result<Letter, SendError> {
        let mut body = json!({"allowed_mentions": {"parse": []}});
        let mut file = None;
        match message.form {
            Form::Rich => {
                let Shown {
                    embeds,
                    components,
                    long,
                } = embeds::show(&message.card);
                self.keep(long).await.map_err(|reason| SendError::Retry {
                    reason,
                    retry_after: None,
                })?;
                body["embeds"] = json!(embeds);
                body["components"] = json!(components);
                body["content"] = json!("");
            }
            Form::Plain | Form::File | Form::Page => {
                body["content"] = json!(embeds::content(&message.text));
                if message.edit.is_some() {
                    body["embeds"] = json!([]);
                    body["components"] = json!([]);
                }
            }
        }
        if let Some(attached) = &message.file {
            if attached.text.len() > limits::FILE {
                return Err(SendError::Refused(format!(
                    "the file has {} bytes; Discord takes {}",
                    attached.text.len(),
                    limits::FILE
                )));
            }
            let name = crate::chat::gateway::file_name(&attached.name);
            body["attachments"] = json!([{"id": 0, "filename": name}]);
            file = Some(File {
                name,
                bytes: attached.text.clone().into_bytes(),
            });
        }
        Ok(Letter {
            body,
            file,
            nonce: message.id,
        })
    }

    /// Nothing is to be shown, but somebody may see "thinking".
    async fn silence(
        &self,
        message: &Rendered,
        ticket: Option<Ticket>,
        mut letter: Letter,
    ) -> Result<Sent, SendError> {
        let nothing = Sent {
            message_ref: String::new(),
        };
        let Some(ticket) = ticket.filter(|ticket| ticket.own_message) else {
            return Ok(nothing);
        };
        if let First::Deferred { .. } = self.first(&ticket).await
            && self.takes(&ticket, message.id).await?
        {
            letter.body = json!({"content": "Done.", "allowed_mentions": {"parse": []}});
            letter.file = None;
            let sent = self
                .rest
                .call(Call::patch(ticket.original(), letter.body).open())
                .await;
            sent.map_err(|failure| failed(failure, message.form))?;
        }
        Ok(nothing)
    }

    /// What the first answer was, from memory or from Discord.
    async fn first(&self, ticket: &Ticket) -> First {
        if let Some(known) = self.tickets.get(&ticket.interaction) {
            return known.first().await;
        }
        let asked = self.rest.call(Call::get(ticket.original()).open()).await;
        match asked {
            Ok(original) => {
                let flags = original["flags"].as_u64().unwrap_or(0);
                let mine = self.store.setting(ticket.setting()).await.ok().flatten();
                if ticket.own_message && (flags & LOADING != 0 || mine.is_some()) {
                    First::Deferred {
                        private: flags & EPHEMERAL != 0,
                    }
                } else {
                    First::Answered
                }
            }
            Err(_) => First::Dead,
        }
    }

    /// Whether this message may write the first answer: nobody has, or it has itself before a crash.
    async fn takes(&self, ticket: &Ticket, id: Option<Id>) -> Result<bool, SendError> {
        let again = |error: &dyn std::fmt::Display| SendError::Retry {
            reason: error.to_string(),
            retry_after: None,
        };
        let known = self.tickets.get(&ticket.interaction);
        let mut taken = match &known {
            Some(known) => Some(known.taken.lock().await),
            None => None,
        };
        if let Some(Some(by)) = taken.as_deref() {
            return Ok(id.is_some() && *by == id);
        }
        let stored = self
            .store
            .setting(ticket.setting())
            .await
            .map_err(|error| again(&error))?;
        let mine = stored
            .as_ref()
            .and_then(Value::as_str)
            .is_some_and(|by| id.is_some_and(|id| id.to_string() == by));
        if stored.is_some() {
            return Ok(mine);
        }
        let Some(id) = id else { return Ok(false) };
        let write = Write::Setting {
            key: ticket.setting(),
            value: Some(Value::String(id.to_string())),
        };
        self.store
            .commit(vec![write])
            .await
            .map_err(|error| again(&error))?;
        if let Some(taken) = &mut taken {
            **taken = Some(Some(id));
        }
        Ok(true)
    }

    /// An answer to an interaction.
    async fn answer(
        &self,
        message: &Rendered,
        ticket: &Ticket,
        mut letter: Letter,
    ) -> Result<String, SendError> {
        let first = self.first(ticket).await;
        if first == First::Dead {
            return self.post(message, &letter).await;
        }
        let hidden = First::Deferred { private: true };
        let private = message.private_to.is_some()
            || ticket.private
            || (first == hidden && message.execution.is_none());
        if ticket.own_message
            && let First::Deferred { private: thinking } = first
            && self.takes(ticket, message.id).await?
        {
            if private == thinking {
                let call = Call::patch(ticket.original(), letter.body.clone())
                    .file(letter.file.clone())
                    .open()
                    .patience(PATIENCE);
                match self.rest.call(call).await {
                    Ok(answer) => return Ok(reference(&answer, private)),
                    // The token died meanwhile: a normal message tells it.
                    Err(failure) if is_gone(&failure) => return self.post(message, &letter).await,
                    Err(failure) => return Err(failed(failure, message.form)),
                }
            }
            // Who sees the first answer cannot be changed any more, so it goes away.
            let _ = self.rest.call(Call::delete(ticket.original()).open()).await;
        }
        if !private {
            // Unlike an answer by token a normal message cannot be posted twice.
            match self.post(message, &letter).await {
                Err(SendError::Permanent(reason)) => {
                    tracing::debug!("answered by token, because the channel is closed to the bot: {reason}");
                }
                result => return result,
            }
        } else {
            letter.body["flags"] = json!(EPHEMERAL);
        }
        let call = Call::post(format!("{}?wait=true", ticket.path()), letter.body.clone())
            .file(letter.file.clone())
            .open()
            .patience(PATIENCE);
        match self.rest.call(call).await {
            Ok(answer) => Ok(reference(&answer, private)),
            Err(failure) if private && is_gone(&failure) => {
                letter.body["flags"] = json!(0);
                self.post(message, &letter).await
            }
            Err(failure) => Err(failed(failure, message.form)),
        }
    }

    async fn edit(
        &self,
        known: String,
        message: &Rendered,
        ticket: Option<Ticket>,
        letter: Letter,
    ) -> Result<String, SendError> {
        let (path, open) = if let Some(id) = known.strip_prefix('~') {
            // What one person sees can be changed for a quarter of an hour; after that it stays as it is.
            let Some(ticket) = ticket else { return Ok(known) };
            (format!("{}/messages/{id}", ticket.path()), true)
        } else if let Some((channel, id)) = known.split_once('/') {
            (format!("/channels/{channel}/messages/{id}"), false)
        } else {
            return self.post(message, &letter).await;
        };
        let mut call = Call::patch(path, letter.body.clone())
            .file(letter.file.clone())
            .patience(PATIENCE);
        if open {
            call = call.open();
        }
        match self.rest.call(call).await {
            Ok(_) => Ok(known),
            // Too many edits of an old message, or somebody deleted it.
            Err(failure) if matches!(failure.code(), 30046 | 10008) => {
                if message.id.is_some() && failure.code() == 30046 {
                    self.post(message, &letter).await
                } else {
                    Ok(known)
                }
            }
            Err(failure) if open && is_gone(&failure) => Ok(known),
            Err(failure) => Err(failed(failure, message.form)),
        }
    }

    /// A normal message, to the place or to a person.
    async fn post(&self, message: &Rendered, letter: &Letter) -> Result<String, SendError> {
        let channel = match &message.private_to {
            Some(account) => {
                let user = account.strip_prefix("discord:").unwrap_or(account);
                self.direct(user)
                    .await
                    .map_err(|failure| failed(failure, message.form))?
            }
            None => self.channel(message).await?,
        };
        let mut body = letter.body.clone();
        if let Some(id) = letter.nonce {
            let nonce: String = id.to_string().chars().take(limits::NONCE).collect();
            body["nonce"] = json!(nonce);
            body["enforce_nonce"] = json!(true);
        }
        let mut call = Call::post(format!("/channels/{channel}/messages"), body)
            .file(letter.file.clone())
            .patience(PATIENCE);
        if letter.nonce.is_some() {
            call = call.repeatable();
        }
        let answer = self
            .rest
            .call(call)
            .await
            .map_err(|failure| failed(failure, message.form))?;
        let id = answer["id"].as_str().unwrap_or_default();
        Ok(format!("{channel}/{id}"))
    }

    /// The channel or thread that a message goes to; a thread is made when it is not there yet.
    async fn channel(&self, message: &Rendered) -> Result<String, SendError> {
        let channel = message.place.conversation.clone();
        let Some(root) = message.place.thread.clone() else {
            return Ok(channel);
        };
        // A thread has the id of the message that it begins with.
        if self.threads.lock().contains_key(&root) {
            return Ok(root);
        }
        let name = message.card.text(crate::chat::card::Style::Plain);
        let name = name
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("Sayso");
        let body =
            json!({"name": limits::cut(name.trim(), limits::THREAD_NAME), "auto_archive_duration": 1440});
        let path = format!("/channels/{channel}/messages/{root}/threads");
        match self
            .rest
            .call(Call::post(path, body).repeatable().patience(PATIENCE))
            .await
        {
            Ok(_) => {}
            Err(failure) if failure.code() == 160_004 => {}
            // Where there can be no threads the channel itself gets the answer.
            Err(failure) if matches!(failure.status(), 400 | 403 | 404) => return Ok(channel),
            Err(failure) => return Err(failed(failure, message.form)),
        }
        let mut threads = self.threads.lock();
        if threads.len() > REMEMBERED {
            threads.clear();
        }
        threads.insert(root.clone(), ());
        Ok(root)
    }

    /// The channel between the bot and a person.
    pub(super) async fn direct(&self, user: &str) -> Result<String, Failure> {
        if let Some(channel) = self.direct.lock().get(user) {
            return Ok(channel.clone());
        }
        let body = json!({"recipient_id": user});
        let answer = self
            .rest
            .call(
                Call::post("/users/@me/channels", body)
                    .repeatable()
                    .patience(PATIENCE),
            )
            .await?;
        let channel = answer["id"].as_str().unwrap_or_default().to_owned();
        let mut direct = self.direct.lock();
        if direct.len() > REMEMBERED {
            direct.clear();
        }
        direct.insert(user.to_owned(), channel.clone());
        Ok(channel)
    }
}

/// How a posted message is found again: `~id` when only a token reaches it.
fn reference(answer: &Value, private: bool) -> String {
    let id = answer["id"].as_str().unwrap_or_default();
    match answer["channel_id"].as_str() {
        Some(channel) if !private => format!("{channel}/{id}"),
        _ => format!("~{id}"),
    }
}

/// The token of an interaction does not count any more.
fn is_gone(failure: &Failure) -> bool {
    matches!(failure.code(), 10015 | 10062 | 50027) || matches!(failure.status(), 401 | 404)
}

/// What a failure means for the outbox.
fn failed(failure: Failure, form: Form) -> SendError {
    match failure {
        Failure::Limited(wait) => SendError::RateLimited(wait),
        Failure::Unreachable(reason) => SendError::Retry {
            reason,
            retry_after: None,
        },
        Failure::Token => SendError::Away("Discord does not take the bot's token".to_owned()),
        Failure::Refused { status, code, .. } => {
            let reason = failure.to_string();
            match (status, code) {
                // Without the right to embed, plain text may pass.
                (403, 50013) if form == Form::Rich || form == Form::File => SendError::Refused(reason),
                (403 | 404, _) => SendError::Permanent(reason),
                _ => SendError::Refused(reason),
            }
        }
    }
}
