//! What is wrong with the parameters of a request.

use std::fmt;

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParamErrorKind {
    /// A parameter that the action does not declare.
    Unknown,
    /// A required parameter is missing.
    Missing,
    /// A parameter that callers may not give.
    Immutable,
    /// A value that cannot be turned into the declared type.
    Cast,
    /// A value that the schema does not allow.
    Invalid,
    /// A template names a variable that does not exist.
    Dependency,
    /// Templates refer to each other in a circle.
    Cycle,
    /// A template fails.
    Render,
    /// Too many, too deep or too large.
    Limit,
}

/// A problem with the parameters of a request; the caller's mistake. Never holds the value of a secret parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamError {
    /// The kind of problem.
    pub kind: ParamErrorKind,
    /// One sentence, worded as `StackStorm` words it where it has words for it.
    pub message: String,
    /// The parameter (or the way to a part of it, `hosts[0].name`).
    pub parameter: Option<String>,
    /// The given value as Python prints it, shortened.
    pub value: Option<String>,
    /// What to do, or the nearest name that exists.
    pub hint: Option<String>,
}

impl ParamError {
    pub(crate) fn new(kind: ParamErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            parameter: None,
            value: None,
            hint: None,
        }
    }

    pub(crate) fn of(mut self, parameter: impl Into<String>) -> Self {
        self.parameter = Some(parameter.into());
        self
    }

    pub(crate) fn with_value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message with everything that is known besides: `parameter 'x', given 'abc': …; did you mean 'y'?`
    pub fn explain(&self) -> String {
        let mut text = String::new();
        if let Some(parameter) = &self.parameter {
            text += &format!("parameter '{parameter}'");
            if let Some(value) = &self.value {
                text += &format!(", given {value}");
            }
            text += ": ";
        }
        text += &self.message;
        if let Some(hint) = &self.hint {
            text = format!("{}; {hint}", text.trim_end_matches('.'));
        }
        text
    }
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParamError {}
