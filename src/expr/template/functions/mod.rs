//! The functions that workflows have in both languages: orquesta's nine and `StackStorm`'s.
//!
//! Each exists once, over [`Value`] and [`Scene`]; [`yaql`] and [`jinja`] bind them to the two engines. Where the
//! languages differ the reason is Python: YAQL hands *frozen* dictionaries to functions, which are no `dict`.

mod common;
mod datastore;
pub(crate) mod jinja;
mod workflow;
pub(crate) mod yaql;

pub(super) use workflow::near_variable;

use crate::expr::ErrorKind;
use crate::expr::yaql::YaqlError;

/// Why a function failed: the class and text of the reference's exception.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) class: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, class: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            class,
            message: message.into(),
            hint: None,
        }
    }

    /// orquesta's own failure of a function that cannot answer.
    fn evaluation(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Evaluation, "ExpressionEvaluationException", message)
    }

    fn type_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, "TypeError", message)
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl From<Failure> for YaqlError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, failure.class, failure.message);
        match failure.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

type Answer = Result<crate::expr::value::Value, Failure>;
