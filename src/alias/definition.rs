//! An alias as a pack file writes it; [`super::read`] makes it from a file's value.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One alias: sentences that start an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Unique inside the pack.
    pub name: String,
    /// Pack that the alias belongs to.
    pub pack: String,
    /// Second half of the help line.
    #[serde(default)]
    pub description: Option<String>,
    /// Disabled aliases are never matched and not shown in help.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The action to run, `pack.name`; looked up when it is run.
    pub action_ref: String,
    /// The sentences.
    #[serde(default)]
    pub formats: Vec<FormatEntry>,
    /// The first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<Ack>,
    /// The final answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultMessage>,
    /// Adapter-specific settings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// Parameters that the command may not set; values are Jinja templates.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub immutable_parameters: Map<String, Value>,
    /// Ours: terms of the approval that is needed whenever this is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Map<String, Value>>,
    /// File below the pack that this alias was read from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metadata_file: String,
}

fn yes() -> bool {
    true
}

/// One entry of `formats`, in the form in which it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FormatEntry {
    /// The text is both pattern and help.
    Text(String),
    /// Help text and patterns apart.
    Detailed(DetailedFormat),
}

/// A format with separate help text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DetailedFormat {
    /// Help text; without it the format is not in the help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The patterns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub representation: Option<Representation>,
    /// Every match in the message starts an execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_multiple: Option<bool>,
}

/// One pattern or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Representation {
    /// A single pattern written without a list.
    One(String),
    /// A list of patterns.
    Many(Vec<String>),
}

/// A format entry in its normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalFormat {
    /// Help text.
    pub display: Option<String>,
    /// Patterns; for a help-only entry the reference takes one empty pattern.
    pub representations: Vec<String>,
    /// Every match counts.
    pub match_multiple: bool,
    /// There is help text and no pattern.
    pub help_only: bool,
}

impl FormatEntry {
    /// Display, patterns and `match_multiple` of the entry.
    pub fn normal(&self) -> NormalFormat {
        match self {
            FormatEntry::Text(text) => NormalFormat {
                display: Some(text.clone()),
                representations: vec![text.clone()],
                match_multiple: false,
                help_only: false,
            },
            FormatEntry::Detailed(detailed) => {
                let representations = match &detailed.representation {
                    None => Vec::new(),
                    Some(Representation::One(text)) if text.is_empty() => Vec::new(),
                    Some(Representation::One(text)) => vec![text.clone()],
                    Some(Representation::Many(texts)) => texts.clone(),
                };
                let display = detailed.display.clone();
                let help_only = representations.is_empty() && display.as_ref().is_some_and(|d| !d.is_empty());
                NormalFormat {
                    display,
                    representations: if help_only {
                        vec![String::new()]
                    } else {
                        representations
                    },
                    match_multiple: detailed.match_multiple.unwrap_or(false),
                    help_only,
                }
            }
        }
    }
}

/// The first answer to a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ack {
    /// Off: no first answer.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Jinja template over `execution` and `actionalias`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Add a link to the execution.
    #[serde(default = "yes")]
    pub append_url: bool,
    /// Adapter-specific settings; texts are templates.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// The final answer to a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultMessage {
    /// Off: the outcome is not posted.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Jinja template over `execution`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Adapter-specific settings; texts are templates.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The alias, or the part at the path, is left out.
    Error,
    /// It works, but probably not as meant.
    Warning,
}

/// Something wrong in an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// JSON pointer to the place, such as `/formats/1/representation/0`; empty for the whole alias.
    pub path: String,
    /// Whether the part is unusable.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Definition {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// Identity across kinds of resources.
    pub fn uid(&self) -> String {
        format!("action_alias:{}:{}", self.pack, self.name)
    }

    /// Names of immutable parameters that `supplied` tries to set.
    pub fn overridden<'s>(&'s self, supplied: &Map<String, Value>) -> Vec<&'s str> {
        self.immutable_parameters
            .keys()
            .filter(|name| supplied.contains_key(*name))
            .map(String::as_str)
            .collect()
    }
}
