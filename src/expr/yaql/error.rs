//! What is wrong with a YAQL expression, in the words of the reference, and where.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::ast::Span;
use crate::expr::ErrorKind;

/// A failed expression. Its details sit behind a pointer, as errors are passed up through many calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YaqlError(Box<Details>);

/// What a [`YaqlError`] knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The kind of mistake.
    pub kind: ErrorKind,
    /// The class of the exception that the reference raises, such as `YaqlGrammarException`.
    pub class: &'static str,
    /// The exception's text.
    pub message: String,
    /// The part of the expression that is wrong, where one part is to blame.
    pub span: Option<Span>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl YaqlError {
    /// An error without a place.
    pub fn new(kind: ErrorKind, class: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            class,
            message: message.into(),
            span: None,
            hint: None,
        }))
    }

    /// Everything that it knows, to take apart.
    pub fn into_details(self) -> Details {
        *self.0
    }

    /// Names the place, unless a more exact one is known already.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Line and column of the mistake in `expression`, both from 1, in characters.
    pub fn position(&self, expression: &str) -> Option<(usize, usize)> {
        let (line, column, _) = place(expression, self.span?);
        Some((line, column))
    }

    /// The line of `expression` with the mistake and a line of carets under it, long lines cut around the place.
    pub fn snippet(&self, expression: &str) -> Option<String> {
        self.span.map(|span| snippet(expression, span))
    }

    /// Everything there is to say, for people: class and message, the line with carets, the advice.
    pub fn render(&self, expression: &str) -> String {
        let mut text = self.to_string();
        if let Some(snippet) = self.snippet(expression) {
            for line in snippet.lines() {
                text.push_str("\n  ");
                text.push_str(line);
            }
        }
        if let Some(hint) = &self.hint {
            text.push_str("\n  hint: ");
            text.push_str(hint);
        }
        text
    }
}

impl Deref for YaqlError {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for YaqlError {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl fmt::Display for YaqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for YaqlError {}

/// Line and column of the start of a span, both from 1, in characters.
pub(crate) fn position(text: &str, span: Span) -> (usize, usize) {
    let (line, column, _) = place(text, span);
    (line, column)
}

/// Line, column (both from 1, in characters) and the byte range of the line at the start of a span.
fn place(text: &str, span: Span) -> (usize, usize, std::ops::Range<usize>) {
    let mut start = (span.start as usize).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let line = text[..start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count() + 1;
    (line, column, line_start..line_end)
}

/// The line at a span and carets under what belongs to the span.
pub(crate) fn snippet(text: &str, span: Span) -> String {
    /// Characters of a line that are shown.
    const WIDE: usize = 100;
    let (_, column, range) = place(text, span);
    let before = column - 1;
    let skipped = if before >= WIDE { before - WIDE / 2 } else { 0 };
    let shown: String = text[range.clone()]
        .chars()
        .skip(skipped)
        .take(WIDE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let end = (span.end as usize).min(range.end);
    let marked = text
        .get((span.start as usize).min(end)..end)
        .map_or(0, |part| part.chars().count())
        .clamp(1, (WIDE - (before - skipped)).max(1));
    format!("{shown}\n{}{}", " ".repeat(before - skipped), "^".repeat(marked))
}
