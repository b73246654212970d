//! One evaluation, in whichever language and mode it is asked for.

use crate::cli::args::{Language, Mode};
use crate::expr::ErrorKind;
use crate::expr::value::Value;
use crate::expr::yaql::{Library, YaqlError};

/// An expression and what it can see.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) language: Language,
    pub(super) mode: Mode,
    /// A text, or with [`Mode::Values`], [`Mode::Auto`] and [`Mode::Check`] any value.
    pub(super) expr: Value,
    /// Variables; private ones (`__state`, `__current_task`, `__current_item`) set the scene of a workflow.
    pub(super) context: Option<Value>,
    /// `$`.
    pub(super) data: Value,
    /// `$name`, an object.
    pub(super) vars: Option<Value>,
    /// A datastore: `{"system": {"key": "text", "other": {"secret": "text"}}, "user": {…}}`.
    pub(super) kv: Option<Value>,
    /// Undefined variables print as nothing.
    pub(super) allow_undefined: bool,
    /// Values that look like expressions are evaluated again.
    pub(super) legacy_reevaluate: bool,
}

/// Why an evaluation failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    /// The class of the reference's exception.
    pub(super) class: Option<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// The line with the mistake and carets below it.
    pub(super) snippet: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            class: None,
            message: message.into(),
            hint: None,
            snippet: None,
        }
    }

    /// A failure of the YAQL expression `text`.
    pub(super) fn of_yaql(error: &YaqlError, text: &str) -> Self {
        Self {
            kind: error.kind,
            class: Some(error.class.to_owned()),
            message: error.message.clone(),
            hint: error.hint.clone(),
            snippet: error.snippet(text),
        }
    }

    /// The `error` of an answer.
    pub(super) fn told(&self) -> Value {
        let mut members = vec![
            ("kind", Value::text(self.kind.as_str())),
            ("message", Value::text(self.message.as_str())),
        ];
        members.extend(self.class.as_deref().map(|class| ("type", Value::text(class))));
        members.extend(self.hint.as_deref().map(|hint| ("hint", Value::text(hint))));
        Value::dict(members)
    }
}

/// Names that expressions can call.
pub(super) struct Names {
    pub(super) functions: Vec<String>,
    pub(super) methods: Vec<String>,
    pub(super) filters: Vec<String>,
}

pub(super) fn names() -> Names {
    let mut all: Vec<String> = Library::standard()
        .names()
        .filter(|name| name.starts_with(char::is_alphabetic))
        .map(str::to_owned)
        .collect();
    all.sort();
    all.dedup();
    Names {
        functions: all.clone(),
        methods: all,
        filters: Vec::new(),
    }
}

/// Evaluates.
pub(super) fn evaluate(task: &Task) -> Result<Value, Failure> {
    Err(Failure::new(ErrorKind::Other, format!("{task:?}")))
}
