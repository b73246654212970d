//! Where a transcript is played: a stand-in of a platform, as people use it.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

/// A message of the bot as people see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    /// Which message it is; the same while it is edited.
    pub(super) id: String,
    /// Conversation, by its name.
    pub(super) place: String,
    /// What can be read.
    pub(super) text: String,
    /// Names of its buttons.
    pub(super) buttons: Vec<String>,
    /// Content of its file.
    pub(super) file: Option<String>,
    /// Who alone sees it; `Some("")` where the platform does not tell.
    pub(super) only: Option<String>,
    /// How often it was changed.
    pub(super) edits: u32,
}

/// A stand-in.
pub(super) trait Stage: Send + Sync {
    /// Names of the people and of their accounts, as Sayso knows them.
    fn people(&self) -> Vec<(&'static str, String)>;

    /// Whether the bot is there.
    fn is_connected(&self) -> bool;

    /// Somebody writes a message, perhaps in a thread; gives its id.
    fn say(&self, who: &str, place: &str, text: &str, thread: Option<&Seen>) -> Result<String, String>;

    /// Somebody changes what they wrote.
    fn edit(&self, place: &str, message: &str, text: &str) -> Result<(), String>;

    /// Somebody uses a slash command.
    fn slash(&self, who: &str, place: &str, text: &str) -> Result<(), String>;

    /// Somebody presses a button of a message.
    fn click(&self, who: &str, message: &Seen, button: &str) -> Result<(), String>;

    /// Whether a form is open for somebody.
    fn has_form(&self, who: &str) -> bool;

    /// Somebody fills in the form that is open.
    fn fill(&self, who: &str, values: &BTreeMap<String, String>) -> Result<(), String>;

    /// Everything that the bot has said, oldest first.
    fn seen(&self) -> Vec<Seen>;

    /// Something goes wrong from now on.
    fn fault(&self, faults: &Map<String, Value>) -> Result<(), String>;

    /// What the bot did that the platform does not allow.
    fn violations(&self) -> Vec<String>;

    /// Waits until something happened; returns after a while in any case.
    fn changed(&self) -> BoxFuture<'_, ()>;
}

/// The thing of this name; else what there is.
pub(super) fn pick<'a, T>(what: &str, name: &str, known: &'a [(&str, T)]) -> Result<&'a T, String> {
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("there is no {what} `{name}` here; there are {}", names.join(", "))
    })
}

/// A number of a fault.
pub(super) fn count(name: &str, value: &Value) -> Result<u32, String> {
    match value {
        Value::Bool(on) => Ok(u32::from(*on)),
        other => other
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| format!("the fault `{name}` takes a number")),
    }
}
