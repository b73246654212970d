//! Action aliases: from a sentence to an action and its parameters.
//!
//! A [`Definition`] is an alias as a pack writes it. [`extract`] gives the reference system's exact
//! answer for one format and one command. A [`Matcher`] holds all aliases and answers for a chat
//! message which one is meant: the reference's reading first, then a lenient one that forgives case and
//! blanks, takes `key=value` only for declared parameters and accepts required parameters that way.
//!
//! Everything here is pure and bounded: no format and no message can hang it.

pub mod batch;
pub mod cast;
mod definition;
mod explain;
mod format;
pub mod help;
mod index;
mod lenient;
mod matcher;
mod nearest;
mod pairs;
mod pattern;
mod read;
mod reading;
mod search;

#[cfg(test)]
mod tests;

pub use definition::{
    Ack, Definition, DetailedFormat, FormatEntry, NormalFormat, Problem, Representation, ResultMessage,
    Severity,
};
pub use explain::{Explanation, Tried, Verdict};
pub use format::Format;
pub use matcher::{
    BuildProblem, Candidate, Entry, How, Limit, MAX_MESSAGE_BYTES, Match, Matcher, Outcome, STEPS_PER_FORMAT,
    STEPS_PER_MESSAGE,
};
pub use nearest::Nearest;
pub use pattern::FormatError;
pub use reading::{Parameter, Parameters, ReadError, Source, extract, extract_all};
