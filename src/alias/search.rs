//! The search for the alias of one message: stage after stage, format after format, within a budget.

use std::sync::Arc;

use crate::expr::pyregex::{Error, Scratch, Steps};

use super::index::folded;
use super::matcher::{
    Alias, Entrance, How, Limit, MAX_MESSAGE_BYTES, Match, Matcher, Outcome, STEPS_PER_FORMAT,
    STEPS_PER_MESSAGE,
};
use super::pairs::{Cut, Message};
use super::reading::{self, Closeness, Reading};

/// Candidates that an ambiguous answer lists.
const MAX_LISTED: usize = 20;

/// Which reading counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Chat,
    Strict,
}

/// One look at one format, for [`super::explain`].
pub(super) struct Attempt<'m> {
    pub(super) entrance: &'m Entrance,
    pub(super) closeness: Closeness,
    pub(super) result: Result<Option<&'m Reading>, &'m Error>,
}

pub(super) type Watch<'w> = Option<&'w mut dyn FnMut(Attempt<'_>)>;

impl Matcher {
    /// Finds the outcome for a message.
    pub(super) fn run(&self, text: &str, mode: Mode, watch: Watch<'_>) -> Outcome {
        if text.len() > MAX_MESSAGE_BYTES {
            return Outcome::Limit(Limit::Length { length: text.len() });
        }
        let mut steps = Steps::new(STEPS_PER_MESSAGE);
        let Ok(message) = Message::new(text, &mut steps) else {
            return Outcome::Limit(Limit::Message);
        };
        let mut haystack = folded(text);
        if !message.reference.pairs.is_empty() {
            // Taking pairs out of the middle may bring letters together.
            haystack.push('\n');
            haystack.push_str(&folded(&message.reference.text));
        }
        let candidates = self.index.candidates(&haystack);
        let mut search = Search {
            matcher: self,
            message,
            candidates,
            mode,
            steps,
            scratch: Scratch::default(),
            exceeded: None,
            watch,
        };
        search.decide().unwrap_or_else(|| match search.exceeded {
            Some(limit) => Outcome::Limit(limit),
            None => Outcome::None {
                nearest: self.nearest(text),
            },
        })
    }
}

/// The search for one message.
struct Search<'m, 'w> {
    matcher: &'m Matcher,
    message: Message<'m>,
    candidates: Vec<u32>,
    mode: Mode,
    steps: Steps,
    scratch: Scratch,
    /// A format that had to be given up; counts only when nothing else matches.
    exceeded: Option<Limit>,
    watch: Watch<'w>,
}

impl<'m> Search<'m, '_> {
    /// The stages in order; the first with a match decides.
    fn decide(&mut self) -> Option<Outcome> {
        let closenesses: &[Closeness] = match self.mode {
            Mode::Chat => &[Closeness::Exact, Closeness::Lenient],
            Mode::Strict => &[Closeness::Exact],
        };
        for closeness in closenesses {
            for multiple in [false, true] {
                let mut found = match self.stage(*closeness, multiple) {
                    Ok(found) => found,
                    Err(limit) => return Some(Outcome::Limit(limit)),
                };
                if self.mode == Mode::Chat {
                    found.dedup_by(|later, first| {
                        later.0.alias == first.0.alias && values(&later.1).eq(values(&first.1))
                    });
                }
                let count = found.len();
                if count > 1 {
                    let listed = found.iter().take(MAX_LISTED);
                    let candidates = listed
                        .map(|(entrance, _)| self.matcher.candidate(entrance))
                        .collect();
                    return Some(Outcome::Ambiguous {
                        candidates,
                        count,
                        multiple,
                    });
                }
                if let Some((entrance, reading)) = found.pop() {
                    return Some(self.matched(entrance, reading, *closeness));
                }
            }
        }
        None
    }

    fn stage(&mut self, closeness: Closeness, multiple: bool) -> Result<Vec<(&'m Entrance, Reading)>, Limit> {
        let mut found = Vec::new();
        let matcher = self.matcher;
        for at in 0..self.candidates.len() {
            let number = self.candidates[at];
            let entrance = &matcher.formats[number as usize];
            let alias = &matcher.aliases[entrance.alias];
            let in_stage = match self.mode {
                Mode::Chat => !entrance.help_only && entrance.multiple == multiple,
                Mode::Strict => alias.has_multiple == multiple,
            };
            if !in_stage {
                continue;
            }
            let allowed = self.steps.left().min(STEPS_PER_FORMAT);
            let mut steps = Steps::new(allowed);
            let result = self.read(entrance, alias, closeness, &mut steps);
            let spent = allowed - steps.left();
            if let Some(watch) = self.watch.as_mut() {
                let result = result.as_ref().map(Option::as_ref);
                watch(Attempt {
                    entrance,
                    closeness,
                    result,
                });
            }
            match result {
                Ok(Some(reading)) => found.push((entrance, reading)),
                Ok(None) => {}
                Err(_) => {
                    let candidate = matcher.candidate(entrance);
                    let limit = Limit::Format {
                        alias: candidate.alias,
                        representation: candidate.representation,
                    };
                    self.exceeded.get_or_insert(limit);
                }
            }
            self.steps.pay(spent).map_err(|_| Limit::Message)?;
            if self.steps.left() == 0 {
                return Err(Limit::Message);
            }
        }
        Ok(found)
    }

    fn read(
        &mut self,
        entrance: &Entrance,
        alias: &Alias,
        closeness: Closeness,
        steps: &mut Steps,
    ) -> Result<Option<Reading>, Error> {
        let format = &entrance.format;
        if self.mode == Mode::Strict {
            return strict(entrance, &self.message.reference, steps, &mut self.scratch);
        }
        let cut = self.message.cut(|key| match &alias.declared {
            Some(names) => names.contains(key) || format.parameters().any(|name| name == key),
            None => is_name(key),
        });
        reading::own(
            format,
            &cut,
            closeness,
            entrance.multiple,
            steps,
            &mut self.scratch,
        )
    }

    fn matched(&self, entrance: &Entrance, reading: Reading, closeness: Closeness) -> Outcome {
        Outcome::Matched(Box::new(Match {
            alias: Arc::clone(&self.matcher.aliases[entrance.alias].definition),
            display: entrance.display.clone(),
            representation: entrance.format.source().to_owned(),
            parameters: reading
                .iter()
                .map(|parameters| reading::plain(parameters))
                .collect(),
            sources: reading,
            multiple: entrance.multiple,
            how: match closeness {
                Closeness::Exact => How::Exact,
                Closeness::Lenient => How::Lenient,
            },
        }))
    }
}

/// The reference's reading. It chooses by one search even where every match will count.
fn strict(
    entrance: &Entrance,
    cut: &Cut,
    steps: &mut Steps,
    scratch: &mut Scratch,
) -> Result<Option<Reading>, Error> {
    let format = &entrance.format;
    let found = match reading::read(format, cut, steps, scratch) {
        Ok(Some(_)) if entrance.multiple => reading::read_all(format, cut, steps, scratch).map(Some),
        Ok(one) => Ok(one.map(|parameters| vec![parameters])),
        Err(error) => Err(error),
    };
    match found {
        Ok(found) => Ok(found.map(|all| all.iter().map(|one| reading::sourced(one, cut)).collect())),
        Err(reading::ReadError::Match(error)) => Err(error),
        // What only we can read is not there for the reference.
        Err(reading::ReadError::Format(_)) => Ok(None),
    }
}

/// Names and values of a reading, without their sources.
fn values(reading: &Reading) -> impl Iterator<Item = (&str, Option<&str>)> {
    reading
        .iter()
        .flatten()
        .map(|parameter| (parameter.name.as_str(), parameter.value.as_deref()))
}

/// Whether a key looks like the name of a parameter.
fn is_name(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}
