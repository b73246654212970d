//! One matcher for all aliases: which alias does a message mean, with which parameters?

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::definition::{Definition, Problem, Severity};
use super::format::Format;
use super::index::Index;
use super::nearest::{Nearest, Vocabulary, corrected};
use super::reading::{Parameter, Parameters};
use super::search::{Attempt, Mode};

/// Longest message (bytes) that is looked at.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Matching steps that one format may take on a message (about 20 ms).
pub const STEPS_PER_FORMAT: u64 = 2_000_000;
/// Matching steps for a whole message (about 80 ms).
pub const STEPS_PER_MESSAGE: u64 = 8_000_000;

/// An alias given to [`Matcher::new`].
#[derive(Debug, Clone)]
pub struct Entry {
    /// The alias.
    pub definition: Arc<Definition>,
    /// Names of the parameters of its action: only these are taken from `key=value` in chat. `None`
    /// when the action is not known; then every key that looks like a name is taken.
    pub declared: Option<Vec<String>>,
}

/// Something wrong with an alias, found while building a matcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildProblem {
    /// `pack.name` of the alias.
    pub alias: String,
    /// What is wrong.
    #[serde(flatten)]
    pub problem: Problem,
}

/// A format that matches, or might.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// `pack.name` of the alias.
    pub alias: String,
    /// Help text of the format.
    pub display: Option<String>,
    /// The pattern.
    pub representation: String,
}

/// How a message was matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Letters and blanks are as in the format.
    Exact,
    /// Case or blanks differ, or a required parameter came as `key=value`.
    Lenient,
}

/// The one alias that a message means.
#[derive(Debug, Clone)]
pub struct Match {
    /// The alias.
    pub alias: Arc<Definition>,
    /// Help text of the format that matched.
    pub display: Option<String>,
    /// The pattern that matched.
    pub representation: String,
    /// Parameters of each execution to start: exactly one set unless the format has `match_multiple`.
    pub parameters: Vec<Parameters>,
    /// The same with the source of each value.
    pub sources: Vec<Vec<Parameter>>,
    /// Whether the format has `match_multiple`.
    pub multiple: bool,
    /// How closely the message follows the format.
    pub how: How,
}

/// The answer to a message.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Exactly one format matches.
    Matched(Box<Match>),
    /// Several match; the user must say which.
    Ambiguous {
        /// The first 20 of them in order.
        candidates: Vec<Candidate>,
        /// How many there are.
        count: usize,
        /// They are formats with `match_multiple`.
        multiple: bool,
    },
    /// Nothing matches.
    None {
        /// What may have been meant, best first; at most eight.
        nearest: Vec<Nearest>,
    },
    /// The message was given up.
    Limit(Limit),
}

/// Why a message was given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The message is too long to be a command.
    #[error("the message has {length} bytes; a command may have at most {MAX_MESSAGE_BYTES}")]
    Length {
        /// Length of the message in bytes.
        length: usize,
    },
    /// A format needs too long for this message.
    #[error("the format `{representation}` of alias {alias} takes too long on this message")]
    Format {
        /// `pack.name` of the alias.
        alias: String,
        /// The pattern.
        representation: String,
    },
    /// All formats together need too long.
    #[error("finding the command for this message takes too long")]
    Message,
}

/// All aliases of a snapshot, ready for messages. Immutable; share it freely.
#[derive(Debug, Default)]
pub struct Matcher {
    pub(super) aliases: Vec<Alias>,
    pub(super) formats: Vec<Entrance>,
    pub(super) index: Index,
    vocabulary: Vocabulary,
}

#[derive(Debug)]
pub(super) struct Alias {
    pub(super) definition: Arc<Definition>,
    pub(super) declared: Option<HashSet<String>>,
    /// The reference tries aliases with a `match_multiple` format only after all others.
    pub(super) has_multiple: bool,
}

/// One representation of one alias.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) alias: usize,
    pub(super) display: Option<String>,
    pub(super) format: Format,
    pub(super) multiple: bool,
    pub(super) help_only: bool,
}

impl Matcher {
    /// Builds a matcher from aliases; disabled ones are left out. What cannot be used is reported and
    /// left out as well.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> (Self, Vec<BuildProblem>) {
        let mut matcher = Matcher::default();
        let mut problems = Vec::new();
        let mut known: HashMap<String, ()> = HashMap::new();
        for entry in entries {
            let reference = entry.definition.reference();
            if known.insert(reference.clone(), ()).is_some() {
                let problem = Problem {
                    path: "/name".into(),
                    severity: Severity::Error,
                    message: format!("there is another alias `{reference}`; this one is left out"),
                    hint: Some("give one of them another name".into()),
                };
                problems.push(BuildProblem {
                    alias: reference,
                    problem,
                });
                continue;
            }
            if entry.definition.enabled {
                matcher.add(&entry, &reference, &mut problems);
            }
        }
        let clauses = matcher
            .formats
            .iter()
            .map(|entrance| match entrance.format.own() {
                // A format that the readings see differently is always tried.
                Some(pattern) if entrance.format.readings_agree() => pattern.clauses.as_slice(),
                _ => &[],
            });
        matcher.index = Index::new(clauses);
        let numbered = (0u32..).zip(&matcher.formats);
        let shown = numbered.filter(|(_, entrance)| !entrance.help_only && entrance.display.is_some());
        matcher.vocabulary = Vocabulary::new(shown.map(|(number, entrance)| (number, &entrance.format)));
        (matcher, problems)
    }

    fn add(&mut self, entry: &Entry, reference: &str, problems: &mut Vec<BuildProblem>) {
        let alias = self.aliases.len();
        let mut has_multiple = false;
        for (index, written) in entry.definition.formats.iter().enumerate() {
            let normal = written.normal();
            has_multiple |= normal.match_multiple;
            for (place, representation) in normal.representations.iter().enumerate() {
                let format = Format::new(representation);
                if let Err(error) = format.check() {
                    let problem = Problem {
                        path: format!("/formats/{index}/representation/{place}"),
                        severity: Severity::Error,
                        message: error.to_string(),
                        hint: error.hint(),
                    };
                    problems.push(BuildProblem {
                        alias: reference.to_owned(),
                        problem,
                    });
                    continue;
                }
                self.formats.push(Entrance {
                    alias,
                    display: normal.display.clone(),
                    format,
                    multiple: normal.match_multiple,
                    help_only: normal.help_only,
                });
            }
        }
        self.aliases.push(Alias {
            definition: Arc::clone(&entry.definition),
            declared: entry
                .declared
                .as_ref()
                .map(|names| names.iter().cloned().collect()),
            has_multiple,
        });
    }

    /// Number of formats that can match.
    pub fn len(&self) -> usize {
        self.formats.len()
    }

    /// Whether there are no formats.
    pub fn is_empty(&self) -> bool {
        self.formats.is_empty()
    }

    /// What a chat message means: the reference's reading first, then the lenient one.
    pub fn find(&self, message: &str) -> Outcome {
        self.run(message, Mode::Chat, None)
    }

    /// What a message means by the reference's rules alone, its defects included.
    pub fn find_strict(&self, message: &str) -> Outcome {
        self.run(message, Mode::Strict, None)
    }

    pub(super) fn watch(&self, message: &str, mut watch: impl FnMut(Attempt<'_>)) -> Outcome {
        self.run(message, Mode::Chat, Some(&mut watch))
    }

    /// Commands that a message may have meant, best first; at most eight.
    pub fn nearest(&self, message: &str) -> Vec<Nearest> {
        let group = |number: u32| {
            let entrance = &self.formats[number as usize];
            (entrance.alias, entrance.display.as_deref())
        };
        self.vocabulary
            .nearest(message, group)
            .into_iter()
            .map(|(number, score)| {
                let entrance = &self.formats[number as usize];
                Nearest {
                    alias: self.aliases[entrance.alias].definition.reference(),
                    display: entrance.display.clone().unwrap_or_default(),
                    score,
                    format: number,
                }
            })
            .collect()
    }

    /// The message as it must be written to be one of its [`nearest`](Self::nearest) commands, where misspelt words are
    /// all that is wrong with it.
    pub fn corrected(&self, message: &str, near: &Nearest) -> Option<String> {
        let entrance = self.formats.get(near.format as usize)?;
        let meant = corrected(message, &entrance.format)?;
        matches!(self.find(&meant), Outcome::Matched(found) if found.alias.reference() == near.alias)
            .then_some(meant)
    }

    pub(super) fn candidate(&self, entrance: &Entrance) -> Candidate {
        Candidate {
            alias: self.aliases[entrance.alias].definition.reference(),
            display: entrance.display.clone(),
            representation: entrance.format.source().to_owned(),
        }
    }
}
