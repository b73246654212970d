//! What any chat platform is to the rest of Sayso: messages come in, rendered answers go out.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::card::Card;
use crate::model::{Id, Identity, Place, Status, Timestamp};
use crate::store::StoreError;

/// How people's text is written on a platform; the normaliser undoes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// A terminal or a plain HTTP client: text as typed.
    #[default]
    Console,
    /// Slack's mrkdwn with `<…>` forms and entities.
    Slack,
    /// Discord's Markdown with `<@…>` forms.
    Discord,
}

/// How answers are marked up for a platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Markup {
    /// No markup at all.
    #[default]
    Plain,
    /// ANSI colours.
    Terminal,
    /// Slack's mrkdwn.
    Slack,
    /// Markdown as Discord and most others take it.
    Markdown,
}

/// So often within a time, whichever stretch of that length one looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub count: usize,
    /// Within how long.
    pub per: Duration,
}

/// Sizes and rates that a platform allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of one message.
    pub text: usize,
    /// Lines of output shown before the middle is left out.
    pub lines: usize,
    /// Bytes of an attached file.
    pub file: usize,
    /// Pause between two messages of one conversation.
    pub post_interval: Duration,
    /// Pause between two edits of one message; progress in between is left out.
    pub edit_interval: Duration,
    /// Edits of all messages together; `None` where nobody counts them. Progress takes at most half of them, so that
    /// final states do not wait for it.
    pub edits: Option<Rate>,
    /// How many messages may be on their way at the same time, in all conversations together.
    pub in_flight: usize,
}

/// What a gateway can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Sizes and rates.
    pub limits: Limits,
    /// A posted message can be changed.
    pub can_edit: bool,
    /// Answers can be put in a thread.
    pub can_thread: bool,
    /// Files can be attached.
    pub files: bool,
    /// How answers are marked up.
    pub markup: Markup,
    /// A message that an earlier process may have posted can be looked for: see [`Rendered::recall`].
    pub can_recall: bool,
    /// The far end waits for the end of every command, even of those whose alias says nothing at the end.
    pub hears_silence: bool,
}

/// A message as a gateway received it, verified to come from the platform.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// De-duplication key; the same for every delivery of the same message.
    pub key: String,
    /// Where it was said; carries the gateway's instance name.
    pub place: Place,
    /// How the text is written.
    pub dialect: Dialect,
    /// Stable id of the account, `slack:T1:U123`, `console:ana`.
    pub account: String,
    /// Name shown on the platform; for texts only, never for decisions.
    pub display_name: String,
    /// The mail address of the account, only when the platform says that it is verified.
    pub email: Option<String>,
    /// The identity, where the gateway established it by itself (a console behind a token).
    pub identity: Option<Identity>,
    /// The text as received.
    pub text: String,
    /// A direct message or a console: everything said is meant for the bot.
    pub is_direct: bool,
    /// The message mentions the bot.
    pub mentions_bot: bool,
    /// The bot's own account id on the platform, as it occurs in mentions.
    pub bot: Option<String>,
    /// The text is a later version of a message.
    pub edited: bool,
    /// The platform's id of the message that it answers, as in [`Sent::message_ref`], where people answer messages.
    pub reply_to: Option<String>,
    /// A command that was picked from a list, with its parameters, instead of being typed: then `text` is only how
    /// it is told.
    pub picked: Option<Picked>,
    /// Answers that start nothing are meant for this person only: a slash command, a button, a form.
    pub private: bool,
    /// The gateway's own ticket for answering (an interaction's token); it comes back in [`Rendered::reply`] of the
    /// answers, and nobody else looks into it. Stored with the message.
    pub reply: Option<String>,
    /// When it was received.
    pub received: Timestamp,
}

/// A command with its parameters, as a platform's own menus give it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picked {
    /// The alias, `pack.name`.
    pub alias: String,
    /// Parameters by name, as texts; they are cast like those of a typed command.
    pub values: BTreeMap<String, String>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Executions were started; their answers follow in the conversation. Answers to parts that could not
    /// be started are in `answers`.
    Started {
        /// The executions.
        executions: Vec<Id>,
        /// Outbox messages committed besides.
        answers: Vec<Id>,
    },
    /// It was answered without an execution: not understood, not allowed, wrong parameters.
    Answered {
        /// The outbox messages.
        answers: Vec<Id>,
        /// What kind of answer, the name of its template.
        kind: String,
        /// A form that asks for what was missing, for gateways that can open one at once.
        form: Option<String>,
    },
    /// The message was handled before; nothing happened.
    Duplicate,
    /// It was not meant for the bot.
    Ignored(&'static str),
}

impl Receipt {
    /// Whether the message was no command.
    #[must_use]
    pub fn is_no_command(&self) -> bool {
        match self {
            Self::Ignored(_) => true,
            Self::Answered { kind, .. } => kind == "not_understood",
            Self::Started { .. } | Self::Duplicate => false,
        }
    }
}

/// Somebody beside chat: hears messages that are no commands, and knows what is wrong elsewhere.
pub trait Bystander: Send + Sync {
    /// Whether messages are wanted now. Asked for every message.
    fn listens(&self) -> bool;

    /// Takes a message that was no command; returns after what follows from it is committed.
    ///
    /// # Errors
    /// When nothing could be stored: the platform should deliver the message again.
    fn hear(&self, message: Inbound) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What people should look at, for `status`.
    fn complaints(&self) -> Vec<String>;
}

/// In which form a message is sent; the ladder goes down when the platform refuses one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The card with everything that the platform offers.
    #[default]
    Rich,
    /// Text only, cut to the platform's limit.
    Plain,
    /// A short text with the whole answer as a file.
    File,
    /// A short text that tells where the stored answer can be read.
    Page,
}

/// A file to attach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Content.
    pub text: String,
}

/// A task of a workflow, for platforms that show lists of tasks by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The same for as long as the workflow runs; unique in it.
    pub id: String,
    /// Its name, with what there is to say about it.
    pub title: String,
    /// Where it stands.
    pub state: StepState,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It has not begun, or waits for somebody.
    Waiting,
    /// It is at work.
    Running,
    /// It succeeded.
    Done,
    /// It failed or was cancelled.
    Failed,
}

/// A message ready to be sent.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Id of the outbox row: the platform's idempotency key where it has one. `None` for passing progress
    /// that is not stored.
    pub id: Option<Id>,
    /// Where it goes.
    pub place: Place,
    /// What it says, without any platform's markup.
    pub card: Card,
    /// The same as text in the gateway's markup, within its limits. Always send it beside a rich form.
    pub text: String,
    /// In which form.
    pub form: Form,
    /// A file to attach, in the form [`Form::File`].
    pub file: Option<Attachment>,
    /// The message to change; `None`: a new one.
    pub edit: Option<String>,
    /// Which card it belongs to.
    pub card_key: Option<String>,
    /// What kind of answer, the name of its template.
    pub kind: String,
    /// The execution that it is about.
    pub execution: Option<Id>,
    /// Where that execution stands.
    pub status: Option<Status>,
    /// Nothing follows about this execution or message.
    pub is_final: bool,
    /// Nothing is to be shown; only gateways that hear silence get such a message.
    pub silent: bool,
    /// It is needed no more; but when it was posted before, [`SendError::Absent`] else, later changes have to find it.
    pub recall: bool,
    /// Executions that were started by this one and answer in the same conversation.
    pub starts: Vec<Id>,
    /// The ticket of the message that is answered, see [`Inbound::reply`].
    pub reply: Option<String>,
    /// The account that asked for the execution, on first answers.
    pub asked_by: Option<String>,
    /// The tasks so far, when the execution is a workflow and this is its card.
    pub steps: Option<Vec<Step>>,
    /// The account that alone may read it; a gateway that cannot show it to one person in the conversation sends it
    /// to them directly.
    pub private_to: Option<String>,
}

/// The platform took the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The platform's id of the message, for later edits.
    pub message_ref: String,
}

/// The platform did not take the message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SendError {
    /// Nobody is there: the gateway is not connected or the conversation has no listener. The message
    /// waits without burning attempts until the gateway says that it is back.
    #[error("away: {0}")]
    Away(String),
    /// Too fast; again after this time. No attempt is burnt either.
    #[error("the platform asks to wait {} s", .0.as_secs_f32())]
    RateLimited(Duration),
    /// A passing failure: again with back-off, or after the given time.
    #[error("{reason}")]
    Retry {
        /// What happened.
        reason: String,
        /// What the platform asked for.
        retry_after: Option<Duration>,
    },
    /// The platform refuses this form of the message: the next form of the ladder may pass.
    #[error("{0}")]
    Refused(String),
    /// The message that was looked for was never posted.
    #[error("it was never posted")]
    Absent,
    /// No message will ever arrive there (conversation gone, no rights).
    #[error("{0}")]
    Permanent(String),
}

/// A connection to a chat platform.
pub trait Gateway: Send + Sync + 'static {
    /// Instance name: `console`, `slack:default`.
    fn name(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Posts or edits a message. Called for one message of a conversation at a time.
    fn send(&self, message: Rendered) -> BoxFuture<'_, Result<Sent, SendError>>;

    /// Where the owner of an account can be told something in private although they never talked to the bot; `None` when
    /// the account belongs elsewhere or that cannot be.
    fn home(&self, account: &str) -> Option<Place> {
        let _ = account;
        None
    }

    /// The channel that a conversation is a thread of, where threads are conversations of their own.
    fn channel_of(&self, conversation: &str) -> Option<String> {
        let _ = conversation;
        None
    }

    /// One word or sentence for `status`: `connected`, `2 sessions`.
    fn health(&self) -> String {
        "connected".to_owned()
    }
}

/// The name of a file as every platform keeps it: letters, digits, `._-`, at most 100 of them.
pub(crate) fn file_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|char| {
            if char.is_ascii_alphanumeric() || "._-".contains(char) {
                char
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    if name.trim_matches(['.', '_']).is_empty() {
        "answer.txt".to_owned()
    } else {
        name
    }
}
