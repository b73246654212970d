//! What is wrong with an expression in a text: the words of the reference, and the place in the text.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::scan::Language;
use crate::expr::ErrorKind;
use crate::expr::jinja::ExprError;
use crate::expr::yaql::{Span, YaqlError, snippet};

/// A text, list or map that could not be evaluated. Its details sit behind a pointer, as errors are passed up through
/// many calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError(Box<TemplateFailure>);

/// What a [`TemplateError`] knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFailure {
    /// The kind of mistake.
    pub kind: ErrorKind,
    /// The class of the exception that the reference raises, such as `YaqlEvaluationException`.
    pub class: &'static str,
    /// The exception's text.
    pub message: String,
    /// The expression with its delimiters, or the whole text where blocks make it one template.
    pub expression: String,
    /// Line of the mistake in the text, from 1.
    pub line: Option<usize>,
    /// Character in that line, from 1.
    pub column: Option<usize>,
    /// The line and a line of carets below it.
    pub snippet: Option<String>,
    /// What to do, or the nearest name that exists.
    pub hint: Option<String>,
}

/// Longest part of a text that a message repeats, in characters. The reference repeats all of it.
const LONGEST: usize = 4000;

impl TemplateError {
    pub(super) fn new(kind: ErrorKind, class: &'static str, message: String) -> Self {
        Self(Box::new(TemplateFailure {
            kind,
            class,
            message,
            expression: String::new(),
            line: None,
            column: None,
            snippet: None,
            hint: None,
        }))
    }

    /// A bound that the text goes beyond.
    pub(super) fn limit(message: String) -> Self {
        Self::new(ErrorKind::Limit, "LimitExceeded", message)
    }

    /// YAQL failed within `expression`, whose code starts at byte `start` of `text`.
    pub(super) fn yaql(error: &YaqlError, text: &str, expression: &str, start: usize) -> Self {
        let told = shortened(expression);
        let message = if error.class == "KeyError" {
            let key = error.message.trim_matches('\'');
            format!("Unable to resolve key '{key}' in expression '{told}' from context.")
        } else {
            let message = if strips_quotes(error.class) {
                error.message.trim_matches('\'')
            } else {
                &error.message
            };
            format!(
                "Unable to evaluate expression '{told}'. {}: {}",
                error.class,
                shortened(message)
            )
        };
        let mut failed = Self::new(error.kind, "YaqlEvaluationException", message);
        expression.clone_into(&mut failed.expression);
        failed.hint = error.hint.clone();
        let end = u32::try_from(expression.len()).unwrap_or(u32::MAX);
        let span = error.span.unwrap_or(Span { start: 0, end });
        failed.at(text, start, span)
    }

    /// Jinja failed within `expression`, whose code starts at byte `start` of `text`. `class` is the exception's, if
    /// a function of ours raised it.
    pub(super) fn jinja(
        error: ExprError,
        class: Option<&'static str>,
        text: &str,
        expression: &str,
        start: usize,
    ) -> Self {
        let class = class.unwrap_or_else(|| jinja_class(error.kind, &error.message));
        // An expression whose very first character is wrong: Jinja tells this place twice.
        let first_is_wrong = error.message.starts_with("unexpected char") && error.message.ends_with(" at 0");
        let place = if first_is_wrong { "\n  line 1" } else { "" };
        let message = format!(
            "Unable to evaluate expression '{}'. {class}: {}{place}",
            shortened(expression),
            shortened(&error.message)
        );
        let mut failed = Self::new(error.kind, "JinjaEvaluationException", message);
        expression.clone_into(&mut failed.expression);
        failed.hint = error.hint;
        let place = match (error.line, error.column) {
            (Some(line), column) => start + offset(&text[start..], line, column.unwrap_or(1)),
            _ => start,
        };
        let marked = error
            .snippet
            .as_deref()
            .map_or(1, |snippet| snippet.matches('^').count().max(1));
        let end: usize = text[place..].chars().take(marked).map(char::len_utf8).sum();
        let span = Span {
            start: 0,
            end: u32::try_from(end).unwrap_or(u32::MAX),
        };
        failed.at(text, place, span)
    }

    /// Undefined variables are left in a text.
    pub(super) fn unresolved(expressions: &[&str], text: &str, start: usize, length: usize) -> Self {
        let list: Vec<_> = expressions
            .iter()
            .map(|expression| shortened(expression))
            .collect();
        let mut failed = Self::new(
            ErrorKind::Unresolved,
            "JinjaEvaluationException",
            format!("There are unresolved variables: {}", list.join(", ")),
        );
        failed.expression = (*expressions.first().unwrap_or(&"")).to_owned();
        let span = Span {
            start: 0,
            end: u32::try_from(length).unwrap_or(u32::MAX),
        };
        failed.at(text, start, span)
    }

    fn at(mut self, text: &str, start: usize, span: Span) -> Self {
        let Ok(start) = u32::try_from(start) else {
            return self;
        };
        let span = Span {
            start: span.start.saturating_add(start),
            end: span.end.saturating_add(start),
        };
        let (line, column) = crate::expr::yaql::position(text, span);
        self.line = Some(line);
        self.column = Some(column);
        self.snippet = Some(snippet(text, span));
        self
    }

    /// Everything there is to say, for people: class and message, the place, the line with carets, the advice.
    pub fn render(&self) -> String {
        let mut out = self.to_string();
        if let (Some(line), Some(column)) = (self.line, self.column) {
            out.push_str(&format!("\n  line {line}, column {column}:"));
        }
        for line in self.snippet.iter().flat_map(|snippet| snippet.lines()) {
            out.push_str("\n    ");
            out.push_str(line);
        }
        if let Some(hint) = &self.hint {
            out.push_str("\n  hint: ");
            out.push_str(hint);
        }
        out
    }
}

impl Deref for TemplateError {
    type Target = TemplateFailure;

    fn deref(&self) -> &TemplateFailure {
        &self.0
    }
}

impl DerefMut for TemplateError {
    fn deref_mut(&mut self) -> &mut TemplateFailure {
        &mut self.0
    }
}

/// As the conductor logs it: `YaqlEvaluationException: Unable to …`.
impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for TemplateError {}

/// Whether the reference strips quotes from the message: it does for YAQL's own exceptions, `ValueError`, `TypeError`
/// and their kin.
fn strips_quotes(class: &str) -> bool {
    matches!(
        class,
        "ValueError" | "TypeError" | "UnicodeDecodeError" | "UnicodeEncodeError" | "JSONDecodeError"
    ) || class.starts_with("Yaql")
        || class.starts_with("No")
        || class.starts_with("Ambiguous")
        || matches!(
            class,
            "ArgumentException"
                | "ArgumentValueException"
                | "MappingTranslationException"
                | "WrappedException"
        )
}

/// The class of the exception that Jinja or Python raises for a kind of mistake.
pub(super) fn jinja_class(kind: ErrorKind, message: &str) -> &'static str {
    match kind {
        ErrorKind::Parse => "TemplateSyntaxError",
        ErrorKind::UnknownFilter => "TemplateAssertionError",
        ErrorKind::Undefined | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => "UndefinedError",
        ErrorKind::Key => "KeyError",
        ErrorKind::Index => "IndexError",
        ErrorKind::Value => "ValueError",
        ErrorKind::Attribute => "AttributeError",
        ErrorKind::Argument
            if message.contains("positional argument") || message.contains("keyword argument") =>
        {
            "TypeError"
        }
        ErrorKind::Argument => "FilterArgumentError",
        ErrorKind::ZeroDivision => "ZeroDivisionError",
        ErrorKind::Overflow => "OverflowError",
        ErrorKind::Regex => "error",
        ErrorKind::Limit => "LimitExceeded",
        ErrorKind::Recursion => "RecursionError",
        ErrorKind::Security => "SecurityError",
        ErrorKind::Runtime => "TemplateRuntimeError",
        ErrorKind::Evaluation => "ExpressionEvaluationException",
        ErrorKind::Private => "VariableInaccessibleError",
        ErrorKind::Empty => "StopIteration",
        ErrorKind::Type | ErrorKind::NoMatch | ErrorKind::Ambiguous => "TypeError",
        ErrorKind::Unresolved | ErrorKind::Other => "Exception",
    }
}

/// The byte of a line and column, both from 1, in a text.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut start = 0;
    for _ in 1..line {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => break,
        }
    }
    let rest = &text[start..];
    start
        + rest
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(rest.len(), |(index, _)| index)
}

fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl Language {
    /// The name of its exceptions.
    pub(super) const fn exception(self) -> &'static str {
        match self {
            Self::Jinja => "JinjaEvaluationException",
            Self::Yaql => "YaqlEvaluationException",
        }
    }
}
