//! What is picked, pressed and filled in: committed, and answered within Discord's three seconds.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::DiscordGateway;
use super::commands::{ON_MESSAGE, ON_USER, SAY, SAY_OPTION};
use super::embeds::{self, Custom, Read};
use super::events::{Asked, Interaction};
use super::limits;
use super::rest::{Call, Failure};
use super::sending::EPHEMERAL;
use super::tickets::{First, Known, Ticket};
use crate::chat::forms::{Field, FieldKind, Filled, Form, FormReceipt, Somebody};
use crate::chat::gateway::{Dialect, Inbound, Picked, Receipt};
use crate::chat::once;
use crate::chat::router::ReceiveError;
use crate::model::{Place, Timestamp};

/// How long the first answer waits for what became of it, to know who is to see it.
const UNDECIDED: Duration = Duration::from_millis(1500);
/// How long suggestions and forms may take: their answers cannot be deferred.
const UNDEFERRED: Duration = Duration::from_millis(2200);

/// Kinds of first answers (Interactions / Receiving and Responding / Interaction Callback Type).
const MESSAGE: u8 = 4;
const DEFERRED: u8 = 5;
const DEFERRED_UPDATE: u8 = 6;
const SUGGESTIONS: u8 = 8;

/// The field of the form with a whole sentence.
const SENTENCE_FIELD: &str = "sentence";
const GONE: &str = "This command has gone; a new list comes soon.";

impl DiscordGateway {
    /// Works on an interaction to its end.
    pub(super) async fn interact(self: &Arc<Self>, interaction: Interaction) {
        let Some(known) = self.sender.tickets.open(&interaction.id) else {
            // The same interaction again, after a resumption.
            return;
        };
        if let Asked::Complete { name, option, typed } = &interaction.asked {
            self.suggest(&interaction, name, option, typed).await;
            known.set(First::Dead);
            return;
        }
        let Ok(_place) = self.interactions.try_acquire() else {
            self.tell(
                &interaction,
                &known,
                "There is too much to do at the moment. Try again in a few seconds.",
            )
            .await;
            return;
        };
        match interaction.asked.clone() {
            Asked::Command { name, options } => self.picked(&interaction, &known, &name, &options).await,
            Asked::OnMessage { name, text } if name == ON_MESSAGE => {
                self.offered(&interaction, &known, &text).await;
            }
            Asked::OnUser { name, user, shown } if name == ON_USER => {
                self.about(&interaction, &known, user, shown).await;
            }
            Asked::OnMessage { .. } | Asked::OnUser { .. } => {
                self.tell(&interaction, &known, GONE).await;
            }
            Asked::Component { custom, values } => match self.custom(&custom).await {
                Some(Custom::Say(text)) => self.pressed(&interaction, &known, text, None).await,
                Some(Custom::Once(text)) => {
                    let message = interaction.message.as_deref().unwrap_or_default();
                    let name = format!("discord:once:{}:{message}:{custom}", interaction.channel);
                    match once::next_key(&*self.store, &name).await {
                        Ok(Some(key)) => self.pressed(&interaction, &known, text, Some(key)).await,
                        Ok(None) => self.tell(&interaction, &known, once::DONE).await,
                        Err(_) => {
                            let text = "I cannot read what I know at the moment. Press it again in a while.";
                            self.tell(&interaction, &known, text).await;
                        }
                    }
                }
                Some(Custom::Ask(form)) => self.asks(&interaction, &known, &form).await,
                // A select offers commands.
                _ if values.len() == 1 && custom.starts_with("pick") => {
                    let text = values.into_iter().next().unwrap_or_default();
                    self.pressed(&interaction, &known, text, None).await;
                }
                _ => {
                    self.tell(&interaction, &known, "I do not know this button any more.")
                        .await
                }
            },
            Asked::Form { custom, values } if custom == embeds::SENTENCE => {
                let text = embeds::values(&values);
                let text = text
                    .get(SENTENCE_FIELD)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let ticket = Ticket::of(&interaction, true);
                let inbound = self.asked(&interaction, text.to_owned(), None, &ticket);
                self.received(&interaction, &known, inbound, &ticket).await;
            }
            Asked::Form { custom, values } => match self.custom(&custom).await {
                Some(Custom::Form(form)) => {
                    self.filled(&interaction, &known, form, embeds::values(&values))
                        .await;
                }
                _ => {
                    self.tell(&interaction, &known, "I do not know this form any more.")
                        .await
                }
            },
            Asked::Complete { .. } => {}
        }
    }

    /// What a component leads to.
    async fn custom(&self, id: &str) -> Option<Custom> {
        match Custom::read(id)? {
            Read::Whole(custom) => Some(custom),
            Read::Stored(custom, hash) => {
                let stored = self
                    .store
                    .setting(format!("chat.discord.text.{hash}"))
                    .await
                    .ok()??;
                Some(custom.filled(stored.as_str()?.to_owned()))
            }
        }
    }

    fn somebody(&self, interaction: &Interaction) -> Somebody {
        Somebody {
            account: format!("discord:{}", interaction.user),
            display_name: interaction.name.clone(),
            identity: None,
            place: Place {
                gateway: self.name.clone(),
                conversation: interaction.channel.clone(),
                thread: None,
                name: self.world.lock().told(&interaction.channel),
            },
        }
    }

    fn asked(
        &self,
        interaction: &Interaction,
        text: String,
        picked: Option<Picked>,
        ticket: &Ticket,
    ) -> Inbound {
        let by = self.somebody(interaction);
        Inbound {
            key: format!("discord:interaction:{}", interaction.id),
            place: by.place,
            dialect: Dialect::Discord,
            account: by.account,
            display_name: by.display_name,
            identity: None,
            text,
            // Meant for the bot in any case; but a channel of a server is no place between the two.
            is_direct: interaction.guild.is_none(),
            mentions_bot: true,
            bot: self.world.lock().bot.clone(),
            email: None,
            edited: false,
            reply_to: None,
            picked,
            private: true,
            reply: Some(ticket.text()),
            received: Timestamp::now(),
        }
    }

    /// The first answer.
    async fn first(&self, interaction: &Interaction, known: &Known, body: Value, first: First) -> bool {
        let path = format!("/interactions/{}/{}/callback", interaction.id, interaction.token);
        let call = Call::post(path, body)
            .open()
            .repeatable()
            .patience(limits::FIRST_ANSWER - Duration::from_millis(200));
        let sent = tokio::time::timeout(limits::FIRST_ANSWER, self.rest.call(call)).await;
        let sent = sent.unwrap_or_else(|_| Err(Failure::Unreachable("no answer in time".to_owned())));
        match sent {
            // 40060: it was answered already; the answer to our first try got lost.
            Ok(_) => known.set(first),
            Err(failure) if failure.code() == 40060 => known.set(first),
            Err(failure) => {
                tracing::warn!(
                    chat.gateway = self.name,
                    "an interaction could not be answered: {failure}"
                );
                known.set(First::Dead);
                return false;
            }
        }
        true
    }

    /// A sentence for the person alone, as the first answer.
    async fn tell(&self, interaction: &Interaction, known: &Known, text: &str) {
        let body = json!({"type": MESSAGE, "data": {
            "content": embeds::content(text),
            "flags": EPHEMERAL,
            "allowed_mentions": {"parse": []},
        }});
        self.first(interaction, known, body, First::Answered).await;
    }

    async fn suggest(&self, interaction: &Interaction, name: &str, option: &str, typed: &str) {
        let parameter = self.table.lock().parameter(name, option);
        let mut values = Vec::new();
        if let Some((alias, parameter)) = parameter {
            let by = self.somebody(interaction);
            let asking = self.hub.suggest(&by, &alias, &parameter, typed);
            values = tokio::time::timeout(UNDEFERRED, asking).await.unwrap_or_default();
        }
        let choices: Vec<Value> = values
            .iter()
            .filter(|one| !one.value.is_empty() && one.value.encode_utf16().count() <= limits::CHOICE)
            .take(limits::CHOICES)
            .map(|one| json!({"name": one.label, "value": one.value}))
            .collect();
        let path = format!("/interactions/{}/{}/callback", interaction.id, interaction.token);
        let body = json!({"type": SUGGESTIONS, "data": {"choices": choices}});
        if let Err(failure) = self
            .rest
            .call(Call::post(path, body).open().patience(limits::FIRST_ANSWER))
            .await
        {
            tracing::debug!(chat.gateway = self.name, "suggestions came too late: {failure}");
        }
    }

    async fn picked(
        self: &Arc<Self>,
        interaction: &Interaction,
        known: &Arc<Known>,
        name: &str,
        options: &std::collections::BTreeMap<String, String>,
    ) {
        let ticket = Ticket::of(interaction, true);
        let inbound = if name == SAY {
            let text = options.get(SAY_OPTION).cloned().unwrap_or_default();
            self.asked(interaction, text, None, &ticket)
        } else {
            let chosen = self.table.lock().chosen(name, options);
            let Some(chosen) = chosen else {
                return self.tell(interaction, known, GONE).await;
            };
            if chosen.needs_form {
                let mut form = format!("run:{}", chosen.picked.alias);
                for (at, (name, value)) in chosen.picked.values.iter().enumerate() {
                    let encoded: String = url::form_urlencoded::Serializer::new(String::new())
                        .append_pair(name, value)
                        .finish();
                    form.push(if at == 0 { '?' } else { '&' });
                    form.push_str(&encoded);
                }
                return self.asks(interaction, known, &form).await;
            }
            let mut text = format!("/{name}");
            for (option, value) in options {
                text.push_str(&format!(" {option}:{value}"));
            }
            self.asked(interaction, text, Some(chosen.picked), &ticket)
        };
        self.received(interaction, known, inbound, &ticket).await;
    }

    /// The text of a message, to be read and changed before it runs.
    async fn offered(&self, interaction: &Interaction, known: &Known, text: &str) {
        let bot = self.world.lock().bot.clone().unwrap_or_default();
        let text = text
            .replace(&format!("<@{bot}>"), "")
            .replace(&format!("<@!{bot}>"), "");
        let text = text.trim();
        let form = Form {
            id: String::new(),
            title: ON_MESSAGE.to_owned(),
            intro: None,
            submit: "Run".to_owned(),
            fields: vec![Field {
                name: SENTENCE_FIELD.to_owned(),
                label: "Command".to_owned(),
                hint: Some("It runs in your name, for example: help".to_owned()),
                takes: FieldKind::Paragraph,
                required: true,
                secret: false,
                initial: Some(Value::String(text.to_owned())),
            }],
        };
        let (mut body, _) = embeds::modal(&form);
        body["data"]["custom_id"] = json!(embeds::SENTENCE);
        self.first(interaction, known, body, First::Answered).await;
    }

    /// What somebody else ran of late, as far as the one who asks may see it.
    async fn about(
        self: &Arc<Self>,
        interaction: &Interaction,
        known: &Arc<Known>,
        user: String,
        shown: String,
    ) {
        let mut they = self.somebody(interaction);
        they.account = format!("discord:{user}");
        they.display_name = shown;
        let who = match tokio::time::timeout(UNDEFERRED, self.hub.identity_of(&they)).await {
            Ok(Ok(identity)) => identity.user,
            // An account that is linked to nobody may have run something under its own name.
            _ => they.account,
        };
        let ticket = Ticket::private(interaction);
        let text = format!("history user={}", quoted(&who));
        let inbound = self.asked(interaction, text, None, &ticket);
        self.received(interaction, known, inbound, &ticket).await;
    }

    /// Takes what somebody said by an interaction, and answers that in time.
    async fn received(
        self: &Arc<Self>,
        interaction: &Interaction,
        known: &Arc<Known>,
        inbound: Inbound,
        ticket: &Ticket,
    ) {
        let private = ticket.private;
        let deferred = if private {
            json!({"type": DEFERRED, "data": {"flags": EPHEMERAL}})
        } else {
            json!({"type": DEFERRED})
        };
        let hub = self.hub.clone();
        let mut work = tokio::spawn(async move { hub.receive(inbound).await });
        let receipt = match tokio::time::timeout(UNDECIDED, &mut work).await {
            Ok(done) => flat(done),
            Err(_) => {
                let first = First::Deferred { private };
                self.first(interaction, known, deferred, first).await;
                if let Err(reason) = flat(work.await) {
                    self.finish(ticket, &reason).await;
                }
                return;
            }
        };
        match receipt {
            Ok(Receipt::Started { .. }) => {
                let first = First::Deferred { private };
                self.first(interaction, known, deferred, first).await;
            }
            Ok(Receipt::Answered { .. }) => {
                let body = json!({"type": DEFERRED, "data": {"flags": EPHEMERAL}});
                self.first(interaction, known, body, First::Deferred { private: true })
                    .await;
            }
            Ok(Receipt::Duplicate) => {
                self.tell(interaction, known, "I have this already; its answer comes here.")
                    .await
            }
            Ok(Receipt::Ignored(reason)) => {
                self.tell(interaction, known, &format!("Nothing to do: {reason}."))
                    .await;
            }
            Err(reason) => self.tell(interaction, known, &reason).await,
        }
    }

    /// Writes the first answer that was deferred when nothing will follow.
    async fn finish(&self, ticket: &Ticket, text: &str) {
        let body = json!({"content": embeds::content(text), "allowed_mentions": {"parse": []}});
        if let Err(failure) = self.rest.call(Call::patch(ticket.original(), body).open()).await {
            tracing::warn!(
                chat.gateway = self.name,
                "an interaction could not be finished: {failure}"
            );
        }
    }

    /// A button was pressed; `once` is the key of one that works once.
    async fn pressed(
        self: &Arc<Self>,
        interaction: &Interaction,
        known: &Arc<Known>,
        text: String,
        once: Option<String>,
    ) {
        let ticket = Ticket::of(interaction, false);
        let mut inbound = self.asked(interaction, text, None, &ticket);
        let is_once = once.is_some();
        inbound.key = once.unwrap_or(inbound.key);
        let hub = self.hub.clone();
        let mut work = tokio::spawn(async move { hub.receive(inbound).await });
        let update = json!({"type": DEFERRED_UPDATE});
        let done = tokio::time::timeout(UNDECIDED, &mut work).await;
        match done {
            Ok(done) => match flat(done) {
                Ok(Receipt::Duplicate) if is_once => self.tell(interaction, known, once::DONE).await,
                Ok(_) => {
                    self.first(interaction, known, update, First::Answered).await;
                }
                Err(reason) => self.tell(interaction, known, &reason).await,
            },
            Err(_) => {
                self.first(interaction, known, update, First::Answered).await;
                if let Err(reason) = flat(work.await) {
                    self.follow(&ticket, &reason, None).await;
                }
            }
        }
    }

    /// A message for the person alone after the first answer.
    async fn follow(&self, ticket: &Ticket, text: &str, row: Option<Value>) {
        let body = json!({
            "content": embeds::content(text),
            "flags": EPHEMERAL,
            "components": row.into_iter().collect::<Vec<_>>(),
            "allowed_mentions": {"parse": []},
        });
        if let Err(failure) = self.rest.call(Call::post(ticket.path(), body).open()).await {
            tracing::warn!(
                chat.gateway = self.name,
                "an interaction could not be answered: {failure}"
            );
        }
    }

    /// Opens a form. It must be the first answer, so there is no time for more than reading.
    async fn asks(&self, interaction: &Interaction, known: &Known, form: &str) {
        let by = self.somebody(interaction);
        let asking = self.hub.form(&by, form);
        let form = match tokio::time::timeout(UNDEFERRED, asking).await {
            Ok(Ok(form)) => form,
            Ok(Err(reason)) => return self.tell(interaction, known, &reason).await,
            Err(_) => {
                return self
                    .tell(
                        interaction,
                        known,
                        "The form could not be made in time. Try again.",
                    )
                    .await;
            }
        };
        let (body, stored) = embeds::modal(&form);
        if self.sender.keep(stored.into_iter().collect()).await.is_err() {
            return self
                .tell(interaction, known, "The form could not be kept. Try again.")
                .await;
        }
        if body["data"]["components"].as_array().is_none_or(Vec::is_empty) {
            return self
                .tell(interaction, known, "There is nothing to fill in.")
                .await;
        }
        self.first(interaction, known, body, First::Answered).await;
    }

    async fn filled(
        self: &Arc<Self>,
        interaction: &Interaction,
        known: &Arc<Known>,
        form: String,
        values: serde_json::Map<String, Value>,
    ) {
        let ticket = Ticket::of(interaction, !interaction.on_message);
        let filled = Filled {
            key: format!("discord:interaction:{}", interaction.id),
            form: form.clone(),
            by: self.somebody(interaction),
            values: values.into_iter().collect(),
            reply: Some(ticket.text()),
            received: Timestamp::now(),
        };
        let hub = self.hub.clone();
        let mut work = tokio::spawn(async move { hub.fill(filled).await });
        let (body, first) = if interaction.on_message {
            (json!({"type": DEFERRED_UPDATE}), First::Answered)
        } else {
            (json!({"type": DEFERRED}), First::Deferred { private: false })
        };
        match tokio::time::timeout(UNDECIDED, &mut work).await {
            Ok(done) => match flat(done) {
                Ok(FormReceipt::Taken(Receipt::Duplicate)) => {
                    self.tell(interaction, known, "I have this already.").await;
                }
                Ok(FormReceipt::Taken(Receipt::Answered { .. })) if !interaction.on_message => {
                    let body = json!({"type": DEFERRED, "data": {"flags": EPHEMERAL}});
                    self.first(interaction, known, body, First::Deferred { private: true })
                        .await;
                }
                Ok(FormReceipt::Taken(_)) => {
                    self.first(interaction, known, body, first).await;
                }
                Ok(FormReceipt::Corrections(wrong)) => {
                    let (row, stored) = embeds::button("Open the form again", &Custom::Ask(form));
                    let _ = self.sender.keep(stored.into_iter().collect()).await;
                    let body = json!({"type": MESSAGE, "data": {
                        "content": embeds::content(&corrections(&wrong)),
                        "flags": EPHEMERAL,
                        "components": [row],
                        "allowed_mentions": {"parse": []},
                    }});
                    self.first(interaction, known, body, First::Answered).await;
                }
                Err(reason) => self.tell(interaction, known, &reason).await,
            },
            Err(_) => {
                self.first(interaction, known, body, first).await;
                match flat(work.await) {
                    Ok(FormReceipt::Taken(_)) => {}
                    Ok(FormReceipt::Corrections(wrong)) => {
                        let (row, stored) = embeds::button("Open the form again", &Custom::Ask(form));
                        let _ = self.sender.keep(stored.into_iter().collect()).await;
                        self.follow(&ticket, &corrections(&wrong), Some(row)).await;
                    }
                    Err(reason) => self.follow(&ticket, &reason, None).await,
                }
            }
        }
    }
}

/// What became of work in a task of its own, with a sentence for the person when nothing did.
fn flat<T>(done: Result<Result<T, ReceiveError>, tokio::task::JoinError>) -> Result<T, String> {
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::error!("{error}");
            Err("It could not be stored, so nothing happened. Try again.".to_owned())
        }
        Err(_) => Err("Something failed inside. Try again; the log tells more.".to_owned()),
    }
}

/// A value as one word of a command.
fn quoted(text: &str) -> String {
    let plain = |char: char| char.is_alphanumeric() || "-_.:@".contains(char);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', ""))
}

/// What does not fit, with nothing in it that Discord would obey.
fn corrections(wrong: &std::collections::BTreeMap<String, String>) -> String {
    let mut text = "This does not fit yet, and nothing happened:".to_owned();
    for (field, reason) in wrong {
        text.push_str(&format!("\n- {field}: {reason}"));
    }
    crate::chat::card::Card::plain(crate::chat::card::Tone::Warning, &text)
        .text(crate::chat::card::Style::Markdown)
}
