//! What is typed after a slash, pressed and filled in: committed, then acknowledged; forms opened while their trigger
//! counts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::blocks::{self, Press};
use super::events::{Actor, Asked, Interaction, Me, Slash};
use super::modals::{self, Carried};
use super::sending::{Ticket, remember};
use super::socket::Done;
use super::web::about;
use super::{SlackGateway, limits};
use crate::chat::card::{Card, Style, Tone};
use crate::chat::forms::{FieldKind, Filled, Form, FormReceipt, Somebody};
use crate::chat::gateway::{Dialect, Inbound, Receipt};
use crate::chat::once;
use crate::model::{Place, Timestamp};

/// How long making a form or suggestions may take: triggers count for three seconds.
const QUICK: Duration = Duration::from_millis(2200);
/// After a button on the start page was pressed, it is shown anew.
const REFRESH: Duration = Duration::from_millis(1200);

impl SlackGateway {
    fn place(&self, by: &Actor, channel: String, thread: Option<String>) -> Place {
        Place {
            gateway: self.name.clone(),
            name: by.channel_name.clone().filter(|_| !is_direct(&channel)),
            conversation: channel,
            thread,
        }
    }

    fn account_of(me: &Me, by: &Actor) -> String {
        Self::account(me, by.team.as_deref(), &by.user)
    }

    /// Somebody's place: where they are, or their own conversation with the bot.
    async fn place_of(&self, by: &Actor) -> Place {
        match &by.channel {
            Some(channel) => self.place(by, channel.clone(), by.thread.clone()),
            None => {
                let opening = tokio::time::timeout(Duration::from_secs(1), self.sender.direct(&by.user));
                let channel = match opening.await {
                    Ok(Ok(channel)) => channel,
                    _ => by.user.clone(),
                };
                self.place(by, channel, None)
            }
        }
    }

    async fn somebody(&self, me: &Me, by: &Actor) -> Somebody {
        Somebody {
            account: Self::account_of(me, by),
            display_name: if by.name.is_empty() {
                by.user.clone()
            } else {
                limits::cut(&by.name, 100)
            },
            identity: None,
            place: self.place_of(by).await,
        }
    }

    async fn said_by(
        &self,
        me: &Me,
        by: &Actor,
        key: String,
        text: String,
        dialect: Dialect,
        ticket: Option<String>,
    ) -> Inbound {
        let known = self.names.user(&by.user).await;
        let somebody = self.somebody(me, by).await;
        let own = by.team.as_ref().is_none_or(|team| *team == me.team);
        Inbound {
            key,
            account: somebody.account,
            display_name: known.name.unwrap_or(somebody.display_name),
            email: known.email.filter(|_| own),
            identity: None,
            text,
            // Meant for the bot in any case; but a channel is no place between the two.
            is_direct: is_direct(&somebody.place.conversation),
            mentions_bot: true,
            place: somebody.place,
            dialect,
            bot: Some(me.user.clone()),
            edited: false,
            reply_to: None,
            picked: None,
            private: true,
            reply: ticket,
            received: Timestamp::now(),
        }
    }

    /// A slash command.
    pub(super) async fn slash(self: &Arc<Self>, me: &Arc<Me>, slash: Slash) -> Done {
        let mut text = slash.text.clone();
        if slash.command != self.options.command {
            text = format!("{} {text}", slash.command.trim_start_matches('/'));
        }
        if text.trim().is_empty() {
            "help".clone_into(&mut text);
        }
        let ticket = slash
            .response_url
            .clone()
            .map(|url| Ticket::new(url, true).text());
        let opened = ticket.clone();
        let key = format!("slack:trigger:{}", slash.trigger);
        let message = self
            .said_by(me, &slash.by, key, text, Dialect::Slack, ticket)
            .await;
        match self.receive(message).await {
            Ok(Receipt::Ignored(reason)) => {
                let text = written(&format!("Nothing to do: {reason}."));
                Done::Ack(Some(json!({"response_type": "ephemeral", "text": text})))
            }
            Ok(Receipt::Answered { form: Some(form), .. }) => {
                // Something is missing: what was said stands in the form already. The answer that tells so has a button
                // for it, too, should the trigger be too old by now.
                let carried = Carried {
                    form,
                    channel: slash.by.channel.clone(),
                    name: slash.by.channel_name.clone(),
                    thread: slash.by.thread.clone(),
                    reply: opened,
                    ..Carried::default()
                };
                let interaction = Interaction {
                    by: slash.by.clone(),
                    trigger: Some(slash.trigger.clone()),
                    response_url: slash.response_url.clone(),
                    asked: Asked::Shortcut { text: None },
                };
                let (bot, me) = (Arc::clone(self), Arc::clone(me));
                tokio::spawn(async move {
                    bot.open_form(&me, &interaction, interaction.by.clone(), carried)
                        .await;
                });
                Done::Ack(None)
            }
            Ok(_) => Done::Ack(None),
            Err(_) => Done::Again,
        }
    }

    /// Anything pressed, chosen or filled in.
    pub(super) async fn interact(self: &Arc<Self>, me: &Arc<Me>, interaction: Interaction) -> Done {
        match interaction.asked.clone() {
            Asked::Action {
                action,
                value,
                message,
                at,
                ephemeral,
            } => {
                let Some((press, stored)) = blocks::pressed(&action, &value) else {
                    tracing::debug!(chat.gateway = self.name, "a button that is not known");
                    return Done::Ack(None);
                };
                let text = match &press {
                    Press::Say(text) | Press::Once(text) | Press::Ask(text) => text.clone(),
                };
                let text = if stored {
                    match self.sender.kept(&text).await {
                        Some(text) => text,
                        None => {
                            self.tell_later(&interaction, "I do not know this button any more.");
                            return Done::Ack(None);
                        }
                    }
                } else {
                    text
                };
                let mut by = interaction.by.clone();
                if let Some(channel) = &by.channel
                    && by.thread.is_none()
                    && !message.is_empty()
                    && !ephemeral
                    && !is_direct(channel)
                    && self.opens_threads(channel)
                {
                    by.thread = Some(message.clone());
                }
                let ticket = interaction
                    .response_url
                    .clone()
                    .map(|url| Ticket::new(url, true).text());
                if matches!(press, Press::Ask(_)) {
                    let carried = Carried {
                        form: text,
                        channel: by.channel.clone(),
                        name: by.channel_name.clone(),
                        thread: by.thread.clone(),
                        reply: ticket,
                        ..Carried::default()
                    };
                    let (bot, me) = (Arc::clone(self), Arc::clone(me));
                    // Nothing is to be committed; the form has to be there before its trigger is too old.
                    tokio::spawn(async move { bot.open_form(&me, &interaction, by, carried).await });
                    return Done::Ack(None);
                }
                let channel = by.channel.as_deref().unwrap_or("home");
                let key = if matches!(press, Press::Once(_)) {
                    let name = format!("slack:once:{}:{channel}:{message}:{action}", me.team);
                    match once::next_key(&*self.store, &name).await {
                        Ok(Some(key)) => {
                            remember(&self.pressed, name, at.clone());
                            key
                        }
                        Ok(None) => {
                            // The same press delivered again is nobody who came too late.
                            let first = self.pressed.lock().get(&name) == Some(&at);
                            if !first {
                                self.tell_later(&interaction, once::DONE);
                            }
                            return Done::Ack(None);
                        }
                        Err(_) => return Done::Again,
                    }
                } else {
                    format!("slack:click:{channel}:{message}:{at}:{}:{action}", by.user)
                };
                let message = self.said_by(me, &by, key, text, Dialect::Console, ticket).await;
                let done = self.receive(message).await;
                if by.channel.is_none() {
                    let (bot, user) = (Arc::clone(self), by.user.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(REFRESH).await;
                        bot.publish_home(&user).await;
                    });
                }
                if done.is_err() {
                    Done::Again
                } else {
                    Done::Ack(None)
                }
            }
            Asked::Submission {
                view,
                hash,
                callback,
                data,
                values,
                blocks,
            } => {
                let carried = Carried::read(&data);
                let key = format!("slack:view:{view}:{hash}");
                match &*callback {
                    modals::FORM => {
                        self.submitted(me, &interaction.by, key, carried, &values, &blocks)
                            .await
                    }
                    modals::COMMAND => self.typed(me, &interaction.by, key, carried, &values).await,
                    _ => Done::Ack(None),
                }
            }
            Asked::Suggestion { block, typed, data } => {
                let options = self.suggested(me, &interaction.by, &block, &typed, &data).await;
                Done::Ack(Some(json!({"options": options})))
            }
            Asked::Shortcut { text } => {
                let by = interaction.by.clone();
                let carried = Carried {
                    channel: by.channel.clone(),
                    name: by.channel_name.clone(),
                    thread: by.thread,
                    reply: interaction
                        .response_url
                        .clone()
                        .map(|url| Ticket::new(url, true).text()),
                    ..Carried::default()
                };
                let bot = Arc::clone(self);
                tokio::spawn(async move {
                    let view = modals::command_modal(&carried, text.as_deref());
                    bot.open_view(&interaction, view).await;
                });
                Done::Ack(None)
            }
        }
    }

    /// The form of a modal that was opened from somewhere else than where its buttons are.
    fn back_at(by: &Actor, carried: &Carried) -> Actor {
        Actor {
            channel: carried.channel.clone(),
            channel_name: carried.name.clone(),
            thread: carried.thread.clone(),
            ..by.clone()
        }
    }

    async fn form_id(&self, carried: &Carried) -> Option<String> {
        if carried.kept.is_empty() {
            return Some(carried.form.clone());
        }
        self.sender.kept(&carried.kept).await
    }

    async fn open_form(self: &Arc<Self>, me: &Me, interaction: &Interaction, by: Actor, carried: Carried) {
        let somebody = self.somebody(me, &by).await;
        let asking = self.hub.form(&somebody, &carried.form);
        let form = match tokio::time::timeout(QUICK, asking).await {
            Ok(Ok(form)) => form,
            Ok(Err(reason)) => return self.tell(interaction, &reason).await,
            Err(_) => {
                return self
                    .tell(interaction, "The form could not be made in time. Try again.")
                    .await;
            }
        };
        let (view, kept) = modals::modal(&form, &carried);
        if self.sender.keep(kept.into_iter().collect()).await.is_err() {
            return self
                .tell(interaction, "The form could not be kept. Try again.")
                .await;
        }
        self.open_view(interaction, view).await;
    }

    async fn open_view(&self, interaction: &Interaction, view: Value) {
        let Some(trigger) = &interaction.trigger else {
            return;
        };
        let body = json!({"trigger_id": trigger, "view": view});
        match self.web.call("views.open", &body).await {
            Ok(_) => {}
            // It was opened before: the same press came twice.
            Err(failure) if failure.code() == "exchanged_trigger_id" => {}
            Err(failure) => {
                tracing::warn!(chat.gateway = self.name, "a form could not be opened: {failure}");
                self.tell(interaction, "The form could not be opened. Try again.")
                    .await;
            }
        }
    }

    /// A form was sent.
    async fn submitted(
        self: &Arc<Self>,
        me: &Me,
        by: &Actor,
        key: String,
        carried: Carried,
        values: &Map<String, Value>,
        order: &[String],
    ) -> Done {
        let by = Self::back_at(by, &carried);
        let Some(id) = self.form_id(&carried).await else {
            return updated("Gone", "I do not know this form any more.");
        };
        let somebody = self.somebody(me, &by).await;
        let form: Option<Form> = if modals::needs_form(values) {
            let asking = self.hub.form(&somebody, &id);
            tokio::time::timeout(QUICK, asking)
                .await
                .ok()
                .and_then(Result::ok)
        } else {
            None
        };
        let filled = Filled {
            key,
            form: id,
            by: somebody,
            values: modals::filled(values, form.as_ref()).into_iter().collect(),
            reply: carried.reply.clone(),
            received: Timestamp::now(),
        };
        let hub = self.hub.clone();
        let work = tokio::spawn(async move { hub.fill(filled).await });
        match self.finish(work).await {
            Ok(FormReceipt::Taken(_)) => Done::Ack(None),
            Ok(FormReceipt::Corrections(wrong)) => corrected(&wrong, order),
            Err(_) => Done::Again,
        }
    }

    /// A command was typed into the modal of a shortcut.
    async fn typed(
        self: &Arc<Self>,
        me: &Me,
        by: &Actor,
        key: String,
        carried: Carried,
        values: &Map<String, Value>,
    ) -> Done {
        let by = Self::back_at(by, &carried);
        let text = values
            .get(modals::COMMAND_BLOCK)
            .and_then(Value::as_str)
            .unwrap_or_default();
        let message = self
            .said_by(
                me,
                &by,
                key,
                text.to_owned(),
                Dialect::Console,
                carried.reply.clone(),
            )
            .await;
        match self.receive(message).await {
            Ok(Receipt::Ignored(reason)) => {
                let wrong = [(modals::COMMAND_BLOCK.to_owned(), reason.to_owned())].into();
                corrected(&wrong, &[modals::COMMAND_BLOCK.to_owned()])
            }
            Ok(_) => Done::Ack(None),
            Err(_) => Done::Again,
        }
    }

    async fn suggested(&self, me: &Me, by: &Actor, block: &str, typed: &str, data: &str) -> Vec<Value> {
        let carried = Carried::read(data);
        let by = Self::back_at(by, &carried);
        let asking = async {
            let id = self.form_id(&carried).await?;
            let somebody = self.somebody(me, &by).await;
            let form = self.hub.form(&somebody, &id).await.ok()?;
            let field = form
                .fields
                .into_iter()
                .find(|field| field.name == modals::field_of(block))?;
            match field.takes {
                FieldKind::Choice { options } | FieldKind::Choices { options } => Some(options),
                _ => None,
            }
        };
        let options = tokio::time::timeout(QUICK, asking).await.ok().flatten();
        modals::suggestions(&options.unwrap_or_default(), typed)
    }

    /// A sentence for the person alone.
    async fn tell(&self, interaction: &Interaction, text: &str) {
        let text = written(text);
        if let Some(url) = &interaction.response_url {
            let body = json!({"response_type": "ephemeral", "replace_original": false, "text": text});
            if self.web.respond(url, &body).await.is_ok() {
                return;
            }
        }
        let by = &interaction.by;
        let told = match &by.channel {
            Some(channel) if !is_direct(channel) => {
                let body = about(
                    channel,
                    json!({"user": by.user, "text": text, "thread_ts": by.thread}),
                );
                self.web.call("chat.postEphemeral", &body).await
            }
            _ => {
                let body = about(&by.user, json!({"text": text}));
                self.web.call("chat.postMessage", &body).await
            }
        };
        if let Err(failure) = told {
            tracing::warn!(chat.gateway = self.name, "somebody could not be told: {failure}");
        }
    }

    fn tell_later(self: &Arc<Self>, interaction: &Interaction, text: &'static str) {
        let (bot, interaction) = (Arc::clone(self), interaction.clone());
        tokio::spawn(async move { bot.tell(&interaction, text).await });
    }

    /// Shows somebody's start page anew.
    pub(super) async fn publish_home(self: &Arc<Self>, user: &str) {
        let Some(me) = self.me() else { return };
        let by = Actor {
            user: user.to_owned(),
            channel: Some(user.to_owned()),
            ..Actor::default()
        };
        let somebody = self.somebody(&me, &by).await;
        let card = self.hub.home(&somebody).await;
        let shown = blocks::show(&card, limits::VIEW_BLOCKS);
        if let Err(reason) = self.sender.keep(shown.kept).await {
            tracing::warn!(chat.gateway = self.name, "a start page cannot be kept: {reason}");
            return;
        }
        let body = json!({"user_id": user, "view": {"type": "home", "blocks": shown.blocks}});
        if let Err(failure) = self.web.call("views.publish", &body).await {
            tracing::warn!(
                chat.gateway = self.sender.gateway(),
                "a start page is not shown: {failure}"
            );
        }
    }
}

/// Conversations between the bot and one person.
fn is_direct(channel: &str) -> bool {
    channel.starts_with(['D', 'U', 'W'])
}

/// A sentence with nothing in it that Slack would obey.
fn written(text: &str) -> String {
    Card::plain(Tone::Neutral, text).text(Style::Slack)
}

/// The form stays open and says what does not fit, at the fields that it is about.
fn corrected(wrong: &std::collections::BTreeMap<String, String>, order: &[String]) -> Done {
    let mut errors = Map::new();
    for (field, reason) in wrong {
        let block = order
            .iter()
            .find(|block| modals::field_of(block) == field)
            .or_else(|| order.first());
        let Some(block) = block else { continue };
        let text = if modals::field_of(block) == field {
            reason.clone()
        } else {
            format!("{field}: {reason}")
        };
        errors
            .entry(block.clone())
            .or_insert_with(|| json!(limits::cut(&text, 500)));
    }
    if errors.is_empty() {
        let text: Vec<String> = wrong
            .iter()
            .map(|(field, reason)| format!("{field}: {reason}"))
            .collect();
        return updated("This does not fit", &text.join("\n"));
    }
    Done::Ack(Some(json!({"response_action": "errors", "errors": errors})))
}

/// The form gives way to a sentence.
fn updated(title: &str, text: &str) -> Done {
    Done::Ack(Some(
        json!({"response_action": "update", "view": modals::notice(title, text)}),
    ))
}
