//! A rule: which events of a trigger make which action run, with which parameters.

use std::sync::Arc;

use serde_json::Value as Json;

use super::criterion::Criterion;
use super::throttle::{Dedup, Throttle};
use crate::model::JsonMap;
use crate::triggers::webhook::Auth;

/// A rule as it was read. Immutable; share it behind an `Arc`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `pack.name`
    pub reference: String,
    /// Name within its pack.
    pub name: String,
    /// Pack; `default` when none is said.
    pub pack: String,
    /// For people; may be empty.
    pub description: String,
    /// Whether it is judged at all. Files that say nothing mean no.
    pub enabled: bool,
    /// When it is judged.
    pub kind: RuleKind,
    /// Which events it is about.
    pub trigger: TriggerUse,
    /// What must be true of an event, all of it.
    pub criteria: Vec<Criterion>,
    /// What runs.
    pub action: ActionUse,
    /// Goes with the execution.
    pub context: JsonMap,
    /// `{name, value}` as written.
    pub tags: Vec<Json>,
    /// Whatever else was written under `metadata`.
    pub metadata: JsonMap,
    /// File below the pack, `rules/site_down.yaml`; empty for rules made over the API.
    pub metadata_file: String,
    /// Ours: how often it may run.
    pub throttle: Option<Throttle>,
    /// Ours: which events are the same one again.
    pub dedup: Option<Dedup>,
    /// Ours: on whose behalf the action runs instead of the system user's.
    pub run_as: Option<String>,
    /// Ours: how senders to its webhook prove who they are, instead of a token.
    pub webhook: Option<Auth>,
    /// As it was written.
    pub source: Arc<Json>,
}

/// When a rule is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// For every event.
    #[default]
    Standard,
    /// Only for events that no standard rule matched.
    Backstop,
}

impl RuleKind {
    /// `standard` or `backstop`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Backstop => "backstop",
        }
    }
}

/// The trigger of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerUse {
    /// Ref of its type, `core.st2.webhook`.
    pub type_ref: String,
    /// Its parameters.
    pub parameters: JsonMap,
}

/// The action of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionUse {
    /// Ref of the action.
    pub reference: String,
    /// Values and templates.
    pub parameters: JsonMap,
}

impl Rule {
    /// The rule in one sentence: `if core.st2.webhook (url: x) and trigger.body.state equals "down" then core.noop`.
    #[must_use]
    pub fn sentence(&self) -> String {
        const LONGEST: usize = 80;
        let short = |value: &Json| {
            let text = value.to_string();
            match text.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        };
        let mut sentence = format!("if {}", self.trigger.type_ref);
        if !self.trigger.parameters.is_empty() {
            let parameters = self.trigger.parameters.iter();
            let parameters = parameters.map(|(name, value)| match value {
                Json::String(text) => format!("{name}: {text}"),
                other => format!("{name}: {}", short(other)),
            });
            sentence.push_str(&format!(" ({})", parameters.collect::<Vec<_>>().join(", ")));
        }
        for criterion in &self.criteria {
            sentence.push_str(&format!(
                " and {} {}",
                criterion.path.text(),
                criterion.operator.name()
            ));
            let written = &self.source["criteria"][&criterion.key];
            if let Some(condition) = written["condition"].as_str() {
                sentence.push_str(&format!(" {condition}"));
            }
            if !criterion.operator.needs_no_pattern() {
                sentence.push_str(&format!(" {}", short(&written["pattern"])));
            }
        }
        sentence.push_str(&format!(" then {}", self.action.reference));
        sentence
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.reference == other.reference
            && self.enabled == other.enabled
            && self.metadata_file == other.metadata_file
            && self.source == other.source
    }
}
