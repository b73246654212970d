//! A problem found in content or configuration, with the place where it is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The item cannot be used.
    Error,
    /// The item works, but probably not as meant.
    Warning,
}

/// One problem: what is wrong, where, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// How bad.
    pub severity: Severity,
    /// File, relative to the pack's parent folder where possible.
    pub file: String,
    /// Line from 1; 0 when the problem is about the whole file.
    pub line: usize,
    /// Column from 1, in characters; 0 when unknown.
    pub column: usize,
    /// What is wrong, one sentence without the place.
    pub message: String,
    /// What to do, or the nearest valid thing; may be empty.
    pub hint: String,
    /// The line's text.
    pub text: String,
}

impl fmt::Display for Problem {
    /// `file:line:column: message`, the line with a caret, and the hint, each on its own line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.message)?;
        if !self.text.trim().is_empty() {
            write!(f, "\n    {}", self.text)?;
            if self.column > 0 {
                write!(f, "\n    {:>width$}", "^", width = self.column)?;
            }
        }
        if !self.hint.is_empty() {
            write!(f, "\n    hint: {}", self.hint)?;
        }
        Ok(())
    }
}
