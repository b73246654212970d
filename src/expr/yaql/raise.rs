//! The failures of functions, in the words of the reference.

use super::error::YaqlError;
use crate::expr::ErrorKind;
use crate::expr::value::{NotJson, Unhashable, Value, frozen_repr, frozen_str};

/// The text of a value in a message; of large values the class only.
fn shown(value: &Value) -> String {
    const LARGEST: u64 = 64 * 1024;
    if value.weight() > LARGEST {
        return format!("<{} object>", value.type_name());
    }
    frozen_str(value)
}

impl YaqlError {
    /// `TypeError`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, "TypeError", message)
    }

    /// `ValueError`.
    pub fn value_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Value, "ValueError", message)
    }

    /// `KeyError`; Python's text is the key's repr.
    pub fn key_error(key: &Value) -> Self {
        let message = match key {
            Value::Str(_) => frozen_repr(key),
            key => shown(key),
        };
        Self::new(ErrorKind::Key, "KeyError", message)
    }

    /// `IndexError`.
    pub fn index_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Index, "IndexError", message)
    }

    /// `AttributeError`.
    pub fn attribute_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Attribute, "AttributeError", message)
    }

    /// `OverflowError`.
    pub fn overflow(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Overflow, "OverflowError", message)
    }

    /// `ZeroDivisionError`.
    pub fn zero_division(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ZeroDivision, "ZeroDivisionError", message)
    }

    /// `StopIteration`: the first, last or single item of the wrong number of items.
    pub fn stop_iteration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Empty, "StopIteration", message)
    }

    /// `RuntimeError`.
    pub fn runtime_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Runtime, "RuntimeError", message)
    }

    /// `re.error`.
    pub fn regex_error(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Regex, "error", message)
    }

    /// The evaluation took or made too much.
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, "LimitExceeded", message)
    }

    /// `RecursionError`.
    pub fn recursion() -> Self {
        Self::new(
            ErrorKind::Recursion,
            "RecursionError",
            "maximum recursion depth exceeded",
        )
    }

    /// No function of this name exists.
    pub fn unknown_function(name: &str) -> Self {
        Self::new(
            ErrorKind::UnknownFunction,
            "NoFunctionRegisteredException",
            format!("Unknown function \"{name}\""),
        )
    }

    /// No method of this name exists.
    pub fn unknown_method(name: &str, receiver: &Value) -> Self {
        Self::new(
            ErrorKind::UnknownMethod,
            "NoMethodRegisteredException",
            format!("Unknown method \"{name}\" for receiver {}", shown(receiver)),
        )
    }

    /// No overload takes the arguments; with a receiver it was called as a method.
    pub fn no_match(name: &str, receiver: Option<&Value>) -> Self {
        match receiver {
            None => Self::new(
                ErrorKind::NoMatch,
                "NoMatchingFunctionException",
                format!("No function \"{name}\" matches supplied arguments"),
            ),
            Some(receiver) => Self::new(
                ErrorKind::NoMatch,
                "NoMatchingMethodException",
                format!(
                    "No method \"{name}\" for receiver {} matches supplied arguments",
                    shown(receiver)
                ),
            ),
        }
    }

    /// Several overloads take the arguments.
    pub fn ambiguous(name: &str, receiver: Option<&Value>) -> Self {
        match receiver {
            None => Self::new(
                ErrorKind::Ambiguous,
                "AmbiguousFunctionException",
                format!("Ambiguous function \"{name}\""),
            ),
            Some(receiver) => Self::new(
                ErrorKind::Ambiguous,
                "AmbiguousMethodException",
                format!("Ambiguous method \"{name}\" for receiver {}", shown(receiver)),
            ),
        }
    }

    /// An argument that does not fit its parameter.
    pub fn argument(name: &str) -> Self {
        Self::new(
            ErrorKind::Argument,
            "ArgumentException",
            format!("Invalid argument {name}"),
        )
    }

    /// A name before `=>` that is no word.
    pub fn mapping_translation() -> Self {
        Self::new(
            ErrorKind::Other,
            "MappingTranslationException",
            "Cannot convert mapping to keyword argument",
        )
    }
}

impl From<Unhashable> for YaqlError {
    fn from(error: Unhashable) -> Self {
        Self::type_error(error.to_string())
    }
}

impl From<NotJson> for YaqlError {
    fn from(error: NotJson) -> Self {
        Self::type_error(error.to_string())
    }
}
