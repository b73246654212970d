//! What can go wrong with an expression, told so that its author can repair it.

use std::fmt;

pub use crate::expr::kind::ErrorKind;

/// A failed expression: what, where, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprError {
    /// The kind of mistake.
    pub kind: ErrorKind,
    /// One sentence, without the place; worded as Jinja words it where Jinja has words for it.
    pub message: String,
    /// Line in the template, from 1.
    pub line: Option<usize>,
    /// Character in the line, from 1.
    pub column: Option<usize>,
    /// The line of the template with a caret below the place, two lines of text.
    pub snippet: Option<String>,
    /// What to do, or the nearest name that exists.
    pub hint: Option<String>,
}

impl ExprError {
    /// An error without a place.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            line: None,
            column: None,
            snippet: None,
            hint: None,
        }
    }

    /// Adds the place of a byte range in the template.
    pub(crate) fn at(mut self, template: &str, start: usize, end: usize) -> Self {
        /// Longest part of a line that is shown.
        const WIDE: usize = 100;
        let mut start = start.min(template.len());
        while !template.is_char_boundary(start) {
            start -= 1;
        }
        let line_start = template[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = template[start..]
            .find('\n')
            .map_or(template.len(), |at| start + at);
        let column = template[line_start..start].chars().count();
        let skip = column.saturating_sub(WIDE / 2);
        let shown: String = template[line_start..line_end]
            .chars()
            .skip(skip)
            .take(WIDE)
            .collect();
        let marked = end
            .min(line_end)
            .saturating_sub(start)
            .clamp(1, WIDE.saturating_sub(column - skip).max(1));
        self.line = Some(template[..start].matches('\n').count() + 1);
        self.column = Some(column + 1);
        self.snippet = Some(format!(
            "{shown}\n{}{}",
            " ".repeat(column - skip),
            "^".repeat(marked)
        ));
        self
    }

    /// Adds advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExprError {}

/// The name nearest to `wanted`, if one is near enough to be meant: a few letters differ, or it only begins alike.
pub(crate) fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = wanted.to_lowercase();
    let length = lower.chars().count();
    names
        .into_iter()
        .filter(|name| *name != wanted && name.len() <= 200)
        .filter_map(|name| {
            let name_lower = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lower, &name_lower);
            let near = distance <= (length / 3).clamp(1, 3);
            let begins = length >= 3 && name_lower.starts_with(&lower);
            (near || begins).then_some(((!near, distance), name))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, name)| name)
}
