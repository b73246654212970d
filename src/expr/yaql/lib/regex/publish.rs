//! What a selector sees of a match: `$` and `$1` the whole match, `$2` the first group, and so on.

use std::sync::Arc;

use super::super::super::error::YaqlError;
use super::super::super::runtime::{Cx, Scope};
use super::character;
use crate::expr::pyregex::{Captures, Regex};
use crate::expr::value::Value;

/// A match with the text in which it was found.
pub(super) struct Groups<'a> {
    pub(super) found: &'a Captures<'a>,
    pub(super) regex: &'a Regex,
    pub(super) text: &'a str,
}

impl Groups<'_> {
    /// The scope for a selector; `known` is a byte of the text and the number of characters before it.
    pub(super) fn publish(&self, cx: &Cx<'_>, known: &mut (usize, usize)) -> Result<Scope, YaqlError> {
        /// About what a record takes.
        const RECORD: usize = 256;
        let size: usize = (0..self.found.len())
            .map(|group| RECORD + self.found.get(group).map_or(0, str::len))
            .sum();
        cx.charge(size)?;
        let (start, end) = self.found.span(0).unwrap_or((0, 0));
        cx.spend(self.found.len() + (end - start + start.abs_diff(known.0)) / 64)?;
        let records = (0..self.found.len()).map(|group| self.record(group, self.found.get(group), known));
        let numbered: Vec<Value> = records.collect();
        cx.scope().with_both(numbered, self.named(known)?)
    }

    fn record(&self, group: usize, value: Option<&str>, known: &mut (usize, usize)) -> Value {
        let (start, end) = match self.found.span(group) {
            None => (Value::Int(-1), Value::Int(-1)),
            Some((start, end)) => (
                Value::from(character(self.text, known, start)),
                Value::from(character(self.text, known, end)),
            ),
        };
        Value::dict([("value", Value::from(value)), ("start", start), ("end", end)])
    }

    /// Named groups. The original takes what a group took for a pair of a name and a group's name, which fails unless
    /// that is two characters of which the second names a group.
    fn named(&self, known: &mut (usize, usize)) -> Result<Vec<(Arc<str>, Value)>, YaqlError> {
        let mut named = Vec::new();
        for (_, taken) in self.found.named() {
            let Some(taken) = taken else {
                return Err(YaqlError::type_error(
                    "cannot unpack non-iterable NoneType object",
                ));
            };
            let mut chars = taken.chars();
            let (name, group) = match (chars.next(), chars.next(), chars.next()) {
                (Some(name), Some(group), None) => (name, group.to_string()),
                (_, _, Some(_)) => {
                    return Err(YaqlError::value_error("too many values to unpack (expected 2)"));
                }
                (first, ..) => {
                    return Err(YaqlError::value_error(format!(
                        "not enough values to unpack (expected 2, got {})",
                        usize::from(first.is_some())
                    )));
                }
            };
            let number = self.regex.group_names().iter().find(|(known, _)| *known == group);
            let Some((_, number)) = number else {
                return Err(YaqlError::index_error("no such group"));
            };
            let record = self.record(*number as usize, Some(&group), known);
            named.push((name.to_string().into(), record));
        }
        Ok(named)
    }
}
