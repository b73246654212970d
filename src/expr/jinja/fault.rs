//! A failure while a template runs, before its place is told in lines and columns.

use super::error::{ErrorKind, ExprError};
use super::syntax::Span;
use crate::expr::pynum::NumError;

/// What went wrong, and where if known.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) span: Option<Span>,
    pub(crate) hint: Option<String>,
}

/// Results inside the evaluator; the failure is boxed to keep the good case small.
pub(crate) type Run<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind,
            message: message.into(),
            span: None,
            hint: None,
        })
    }

    pub(crate) fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn told(self, template: &str) -> ExprError {
        let mut error = ExprError::new(self.kind, self.message);
        error.hint = self.hint;
        match self.span {
            Some(span) => error.at(template, span.start as usize, span.end as usize),
            None => error,
        }
    }
}

impl From<ExprError> for Box<Fault> {
    fn from(error: ExprError) -> Self {
        Box::new(Fault {
            kind: error.kind,
            message: error.message,
            span: None,
            hint: error.hint,
        })
    }
}

impl From<NumError> for Box<Fault> {
    fn from(error: NumError) -> Self {
        match error.kind {
            ErrorKind::Other => Fault::new(
                ErrorKind::Type,
                format!("{}, which templates cannot use", error.message),
            ),
            kind => Fault::new(kind, error.message),
        }
    }
}

/// A failure as a result.
pub(crate) fn fail<T>(kind: ErrorKind, message: impl Into<String>) -> Run<T> {
    Err(Fault::new(kind, message))
}

/// Python's `TypeError`.
pub(crate) fn type_error<T>(message: impl Into<String>) -> Run<T> {
    fail(ErrorKind::Type, message)
}

/// Python's `ValueError`.
pub(crate) fn value_error<T>(message: impl Into<String>) -> Run<T> {
    fail(ErrorKind::Value, message)
}

/// A bound that was reached.
pub(crate) fn limit<T>(message: impl Into<String>) -> Run<T> {
    fail(ErrorKind::Limit, message)
}
