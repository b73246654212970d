//! Something wrong with an item of content, found in its value: the loader turns its path into line and column.

use super::Severity;

/// Something wrong with an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether the item can be used all the same.
    pub severity: Severity,
    /// JSON pointer into the metadata, `/parameters/host/type`.
    pub path: String,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Finding {
    /// A finding that makes the item unusable.
    pub fn error(path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A finding that is only told.
    pub fn warning(path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(path, message, hint)
        }
    }

    /// Whether the item cannot be used.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self.severity, Severity::Error)
    }
}
