//! Questions with fields: what platforms show as a modal, and what a page or a terminal asks line by line.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::gateway::Receipt;
use crate::model::{Identity, JsonMap, Place, Timestamp};

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum FieldKind {
    /// One line of text.
    Line,
    /// Several lines of text; lists and objects are written here as YAML.
    Paragraph,
    /// A number.
    Number {
        /// Without a fraction.
        integer: bool,
        /// The least that is taken, as it is written.
        least: Option<String>,
        /// The most that is taken, as it is written.
        most: Option<String>,
    },
    /// Yes or no.
    Toggle,
    /// One of several.
    Choice {
        /// What there is to choose from, as told and as sent back.
        options: Vec<String>,
    },
    /// Several of several.
    Choices {
        /// What there is to choose from.
        options: Vec<String>,
    },
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Name of the value.
    pub name: String,
    /// What people read.
    pub label: String,
    /// A sentence that explains it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What it takes.
    #[serde(flatten)]
    pub takes: FieldKind,
    /// An answer is needed.
    pub required: bool,
    /// The value is a secret: it is never shown again, also not in this form.
    pub secret: bool,
    /// What stands there at first: a text, a number, a boolean or (for several choices) a list of texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<Value>,
}

/// A form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// What it is, as buttons name it: `deny:<id>`, `answer:<id>`, `run:<alias>?…`. Given back with the values.
    pub id: String,
    /// Its title; gateways cut it.
    pub title: String,
    /// A paragraph above the fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intro: Option<String>,
    /// What the button that sends it is called.
    pub submit: String,
    /// The fields, in order. There may be more than a platform can show: then the gateway shows the required ones
    /// first and says which are left out.
    pub fields: Vec<Field>,
}

/// Somebody at a form, verified to come from the platform.
#[derive(Clone, Debug)]
pub struct Somebody {
    /// Stable id of the account, as in [`super::gateway::Inbound::account`].
    pub account: String,
    /// Name shown on the platform.
    pub display_name: String,
    /// The identity, where the gateway established it by itself.
    pub identity: Option<Identity>,
    /// Where they are; the answer goes there.
    pub place: Place,
}

/// A form as it was filled in.
#[derive(Clone, Debug)]
pub struct Filled {
    /// De-duplication key; the same for every delivery of the same form.
    pub key: String,
    /// [`Form::id`].
    pub form: String,
    /// Who filled it in.
    pub by: Somebody,
    /// Values by field: texts, numbers and booleans as the platform gave them, lists of texts for several choices.
    /// Fields that were left empty are missing.
    pub values: JsonMap,
    /// As [`super::gateway::Inbound::reply`].
    pub reply: Option<String>,
    /// When it was received.
    pub received: Timestamp,
}

/// What became of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormReceipt {
    /// It was taken; what follows is committed and told in the conversation.
    Taken(Receipt),
    /// Values do not fit: a sentence per field. The form should stay open; nothing happened.
    Corrections(BTreeMap<String, String>),
}
