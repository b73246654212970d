//! What gateways ask besides handing on messages: forms, suggestions while somebody types, the start page, and the
//! commands that a platform's own menus show.

use serde_json::{Value, json};

use super::card::{Card, Tone};
use super::forms::{Filled, Form, FormReceipt, Somebody};
use super::hub::Hub;
use super::router::ReceiveError;

/// A command as a platform's own menus show it.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuCommand {
    /// The alias, `pack.name`.
    pub alias: String,
    /// How it is said, with the parameters' names.
    pub display: String,
    /// What it does.
    pub description: String,
    /// Its parameters: those that its formats take first, then the others that the action has.
    pub parameters: Vec<MenuParameter>,
}

/// A parameter of such a command.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuParameter {
    /// Its name.
    pub name: String,
    /// What it means; may be empty.
    pub description: String,
    /// Its type in the action's schema: `string`, `integer`, `number`, `boolean`, `array`, `object`.
    pub r#type: String,
    /// Values to choose from; empty when it is free.
    pub choices: Vec<Value>,
    /// It must be given.
    pub required: bool,
    /// It is a secret: it is never asked for where others can read it.
    pub secret: bool,
}

impl Hub {
    /// The form that a button opens, for somebody who pressed it.
    ///
    /// # Errors
    /// A sentence for them alone: there is nothing to fill in any more, or not for them.
    #[allow(clippy::unused_async)]
    pub async fn form(&self, by: &Somebody, form: &str) -> Result<Form, String> {
        let _ = by;
        Err(format!("there is no form `{form}` any more"))
    }

    /// Takes a form that was filled in. As with [`Hub::receive`], what follows is committed when it returns.
    ///
    /// # Errors
    /// When nothing could be stored: the platform should deliver it again.
    #[allow(clippy::unused_async)]
    pub async fn fill(&self, filled: Filled) -> Result<FormReceipt, ReceiveError> {
        let _ = (filled, json!(null));
        Ok(FormReceipt::Corrections(std::collections::BTreeMap::new()))
    }

    /// Values that a parameter of a command may take and that begin like, or contain, what was typed; the likeliest
    /// first, at most 25.
    #[allow(clippy::unused_async)]
    pub async fn suggest(&self, by: &Somebody, alias: &str, parameter: &str, typed: &str) -> Vec<String> {
        let _ = (by, alias, parameter, typed);
        Vec::new()
    }

    /// The start page of somebody: their work that runs, what waits for them, and how to get help.
    #[allow(clippy::unused_async)]
    pub async fn home(&self, by: &Somebody) -> Card {
        let _ = by;
        Card::plain(Tone::Neutral, "Sayso")
    }

    /// The commands of the content in force, for menus. Which of them somebody may say is decided when they say it.
    #[must_use]
    pub fn menu(&self) -> Vec<MenuCommand> {
        Vec::new()
    }
}
