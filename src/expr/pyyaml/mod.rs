//! YAML as `PyYAML` reads and writes it (YAML 1.1: `yes` is true, `017` is 15), for filters and functions.

mod construct;
mod emit;
mod load;
mod scalars;

pub use emit::{DumpOptions, dump};
pub use load::load;

use std::sync::LazyLock;

use regex::Regex;

use super::kind::ErrorKind;

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// `Type`, `Value` or `Limit`.
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: String,
}

impl YamlError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// What a plain scalar means under YAML 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Implicit {
    Text,
    Null,
    Bool(bool),
    Int,
    Float,
    /// A date or time.
    Timestamp,
    /// `<<`
    Merge,
    /// `=`
    Value,
}

impl Implicit {
    /// The tag that says what a text is when the text itself does not; texts say it by quotes.
    fn tag(self) -> Option<&'static str> {
        Some(match self {
            Self::Text | Self::Merge | Self::Value => return None,
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Timestamp => "!!timestamp",
        })
    }
}

static INT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
    )
    .expect("a constant pattern")
});
static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
    .expect("a constant pattern")
});
static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$",
    )
    .expect("a constant pattern")
});

fn implicit(text: &str) -> Implicit {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Implicit::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Implicit::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Implicit::Bool(false);
        }
        "<<" => return Implicit::Merge,
        "=" => return Implicit::Value,
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        Implicit::Text
    } else if INT.is_match(text) {
        Implicit::Int
    } else if FLOAT.is_match(text) {
        Implicit::Float
    } else if TIMESTAMP.is_match(text) {
        Implicit::Timestamp
    } else {
        Implicit::Text
    }
}
