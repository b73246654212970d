//! What chat needs to know of the content: which sentences mean what, and what an alias says about answers.
//!
//! The router, the built-in commands and the answers see aliases only through [`Phrasebook`], one immutable
//! view of the loaded content; [`Shelf`] hands out the current one.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::templates::PackTemplate;
use crate::alias::cast::{self, Type};
use crate::expr::pyliteral;
use crate::model::{Action, JsonMap};

/// The current content.
pub trait Shelf: Send + Sync + 'static {
    /// The content as it is now. Cheap.
    fn current(&self) -> Arc<dyn Phrasebook>;

    /// Reads all content from disk again; what worked before stays when it cannot be read.
    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, String>>;
}

/// What a reload changed.
#[derive(Clone, Debug, Default)]
pub struct Reloaded {
    /// One line for each pack that was added, removed or changed.
    pub changes: Vec<String>,
}

/// One immutable view of the content.
pub trait Phrasebook: Send + Sync + 'static {
    /// What a sentence means.
    fn read(&self, sentence: &str) -> Reading;

    /// A command that was picked from a menu, with its parameters as texts; `None` when there is no such alias.
    fn pick(&self, alias: &str, values: &BTreeMap<String, String>) -> Option<Phrase>;

    /// The alias with this reference, `pack.name`.
    fn alias(&self, reference: &str) -> Option<Arc<Alias>>;

    /// The action with this reference.
    fn action(&self, reference: &str) -> Option<Arc<Action>>;

    /// Everything that can be said, by pack and name.
    fn commands(&self) -> Vec<Command>;

    /// Commands nearest to a sentence that was not understood, the nearest first.
    fn nearest(&self, sentence: &str, limit: usize) -> Vec<Near>;

    /// Packs, actions and what is wrong.
    fn summary(&self) -> ContentSummary;

    /// Templates that packs bring.
    fn templates(&self) -> Vec<PackTemplate>;
}

/// What an alias says about its answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alias {
    /// `pack.name`.
    pub reference: String,
    /// Pack that it belongs to.
    pub pack: String,
    /// Second half of the help line; may be empty.
    pub description: String,
    /// The action.
    pub action: String,
    /// Everything that its formats match, as written.
    pub formats: Vec<String>,
    /// A first answer is wanted.
    pub ack: bool,
    /// Jinja of the first answer.
    pub ack_format: Option<String>,
    /// Add a link to the execution to the first answer.
    pub ack_url: bool,
    /// A final answer is wanted.
    pub result: bool,
    /// Jinja of the final answer.
    pub result_format: Option<String>,
    /// Settings of our own and of gateways; `template` names a handlebars template.
    pub extra: JsonMap,
    /// Parameters that the sentence may not set; values are Jinja.
    pub immutable: JsonMap,
}

/// Where a parameter's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A part of the sentence that the format captured.
    Sentence,
    /// `name=value` at the end of the sentence.
    Pair,
    /// The default in the format; may be Jinja.
    Default,
}

impl Source {
    /// The word in explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sentence => "the sentence",
            Self::Pair => "name=value",
            Self::Default => "default of the format",
        }
    }
}

/// A parameter as the sentence gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Name of the parameter.
    pub name: String,
    /// Its text; `None` where an optional part of the sentence was left out.
    pub text: Option<String>,
    /// Where it came from.
    pub source: Source,
}

/// One reading of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Phrase {
    /// The alias.
    pub alias: Arc<Alias>,
    /// The format that matched, as written.
    pub format: String,
    /// Its help text.
    pub display: String,
    /// Parameters.
    pub given: Vec<Given>,
    /// What the matcher had to overlook (case, blanks), for explanations.
    pub notes: Vec<String>,
}

/// What a sentence means.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// One thing, or, with `match_multiple`, several of the same kind, one execution each.
    Means(Vec<Phrase>),
    /// It fits several commands: nothing runs.
    Ambiguous(Vec<Candidate>),
    /// Reading it was given up; the reason is a sentence for the person who said it.
    GivenUp(String),
    /// It fits none.
    Nothing,
}

/// One of several commands that a sentence fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The alias, `pack.name`.
    pub alias: String,
    /// The action that it runs.
    pub action: String,
    /// How it is said.
    pub display: String,
}

/// A command in the help.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Pack.
    pub pack: String,
    /// The alias, `pack.name`.
    pub alias: String,
    /// The action.
    pub action: String,
    /// How it is said.
    pub display: String,
    /// What it does.
    pub description: String,
}

/// A command near to a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// The command.
    pub command: Command,
    /// Where the sentence leaves it; may be empty.
    pub reason: String,
    /// Whether it may well have been meant; else it is only the nearest there is.
    pub likely: bool,
    /// The sentence as it must be written to be this command, where misspelt words are all that is wrong with it.
    pub corrected: Option<String>,
}

/// Packs, actions and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct ContentSummary {
    /// Packs.
    pub packs: usize,
    /// Actions.
    pub actions: usize,
    /// Aliases.
    pub aliases: usize,
    /// Problems, one text each.
    pub problems: Vec<String>,
}

/// Turns a parameter's text into the type that its schema declares; without a type it stays a text.
///
/// # Errors
/// One sentence that names the parameter, its text and what was expected.
pub fn cast(name: &str, text: &str, schema: Option<&Value>) -> Result<Value, String> {
    let wanted = schema
        .and_then(|schema| schema.get("type"))
        .and_then(Value::as_str)
        .and_then(Type::from_name);
    let literal = |text: &str| pyliteral::parse(text).ok();
    cast::value(name, text.into(), wanted.unwrap_or(Type::String), &literal)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("array", "a, b ,c", Ok(json!(["a", "b", "c"])))]
    #[case("object", "{'a':1}", Ok(json!({"a": 1})))]
    #[case(
        "boolean",
        "perhaps",
        Err("parameter `p` must be `true` or `false`, not `perhaps`")
    )]
    #[case("integer", " 4 ", Ok(json!(4)))]
    #[case("string", "5", Ok(json!("5")))]
    fn texts_take_the_declared_type(
        #[case] kind: &str,
        #[case] text: &str,
        #[case] value: Result<Value, &str>,
    ) {
        let schema = json!({ "type": kind });
        assert_eq!(cast("p", text, Some(&schema)), value.map_err(str::to_owned));
    }
}
