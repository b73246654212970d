//! Why a message means what it means: data for the `explain` command, printed by a template.

use serde::Serialize;

use super::matcher::{Candidate, How, Limit, Matcher, Outcome};
use super::nearest::Nearest;
use super::reading::{Closeness, Parameter, Source};

/// Formats that are listed at most.
const MAX_LISTED: usize = 20;

/// The account of one message.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The message as the matcher got it.
    pub message: String,
    /// Formats that were tried, in order; at most 20.
    pub tried: Vec<Tried>,
    /// How many looks at formats there were.
    pub tried_count: usize,
    /// What came out.
    pub verdict: Verdict,
}

/// A format that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// The format.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Its regular expression with the automatic anchors.
    pub regex: String,
    /// How closely the message had to follow.
    pub how: How,
    /// Whether the format has `match_multiple`.
    pub multiple: bool,
    /// Whether it matched; `None` when it was given up.
    pub matched: Option<bool>,
}

/// The result of a message.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Verdict {
    /// One format matches.
    Matched {
        /// The format.
        #[serde(flatten)]
        candidate: Candidate,
        /// The action to be run.
        action: String,
        /// How closely the message follows the format.
        how: How,
        /// For each execution its parameters with the source of each value.
        executions: Vec<Vec<Parameter>>,
        /// Immutable parameters that the message tries to set, which will be refused.
        overridden: Vec<String>,
    },
    /// Several formats match.
    Ambiguous {
        /// The formats.
        candidates: Vec<Candidate>,
        /// How many there are.
        count: usize,
    },
    /// No format matches.
    None {
        /// What may have been meant.
        nearest: Vec<Nearest>,
    },
    /// The message was given up.
    Limit {
        /// Why.
        reason: Limit,
        /// The same as a sentence.
        message: String,
    },
}

impl Matcher {
    /// Explains step by step what [`Matcher::find`] makes of a message.
    pub fn explain(&self, message: &str) -> Explanation {
        let mut tried = Vec::new();
        let mut tried_count = 0;
        let outcome = self.watch(message, |attempt| {
            tried_count += 1;
            if tried.len() >= MAX_LISTED {
                return;
            }
            tried.push(Tried {
                candidate: self.candidate(attempt.entrance),
                regex: attempt.entrance.format.regex().unwrap_or_default().to_owned(),
                how: match attempt.closeness {
                    Closeness::Exact => How::Exact,
                    Closeness::Lenient => How::Lenient,
                },
                multiple: attempt.entrance.multiple,
                matched: attempt.result.ok().map(|reading| reading.is_some()),
            });
        });
        Explanation {
            message: message.to_owned(),
            tried,
            tried_count,
            verdict: verdict(outcome),
        }
    }
}

fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Matched(found) => {
            let mut overridden: Vec<String> = found
                .parameters
                .iter()
                .flat_map(|parameters| found.alias.overridden(parameters))
                .map(str::to_owned)
                .collect();
            overridden.dedup();
            let mut executions = found.sources;
            for parameters in &mut executions {
                for (name, template) in &found.alias.immutable_parameters {
                    if !parameters.iter().any(|parameter| parameter.name == *name) {
                        let value = Some(
                            template
                                .as_str()
                                .map_or_else(|| template.to_string(), str::to_owned),
                        );
                        parameters.push(Parameter {
                            name: name.clone(),
                            value,
                            source: Source::Immutable,
                        });
                    }
                }
            }
            Verdict::Matched {
                candidate: Candidate {
                    alias: found.alias.reference(),
                    display: found.display,
                    representation: found.representation,
                },
                action: found.alias.action_ref.clone(),
                how: found.how,
                executions,
                overridden,
            }
        }
        Outcome::Ambiguous {
            candidates, count, ..
        } => Verdict::Ambiguous { candidates, count },
        Outcome::None { nearest } => Verdict::None { nearest },
        Outcome::Limit(reason) => Verdict::Limit {
            message: reason.to_string(),
            reason,
        },
    }
}
