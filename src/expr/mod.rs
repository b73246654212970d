//! Expressions: Jinja as packs expect it, Python-flavoured values and regular expressions.

pub mod glob;
pub mod jinja;
pub mod jsonpath;
mod kind;
pub mod pyjson;
pub mod pyliteral;
pub(crate) mod pynum;
pub mod pyregex;
pub mod pyvalue;
pub mod pyyaml;
pub(crate) mod regex_use;
pub mod scene;
pub(crate) mod strftime;
pub mod template;
pub mod value;
pub mod yaql;

#[cfg(test)]
mod fuzz_tests;

pub use kind::ErrorKind;

/// The text by which a template says null (`{{ x | use_none }}`); casting turns it back.
pub const NONE_MARKER: &str = "%*****__%NONE%__*****%";
