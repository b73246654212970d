//! YAML as `PyYAML` reads and writes it (YAML 1.1: `yes` is true, `017` is 15), for filters and functions.

mod emit;
mod load;

pub use emit::{DumpOptions, dump};
pub use load::load;

use std::sync::LazyLock;

use regex::Regex;

/// What a plain scalar means under YAML 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Implicit {
    Text,
    Null,
    Bool(bool),
    Int,
    Float,
    /// A date or time; it stays a text in JSON.
    Timestamp,
    /// `<<`
    Merge,
    /// `=`
    Value,
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
