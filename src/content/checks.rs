//! What the caller knows and loading does not: runners and the rules for parameter schemas.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::{Action, Severity};

/// Something wrong with an action, found by the caller's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether the action can be used all the same.
    pub severity: Severity,
    /// JSON pointer into the metadata, `/parameters/host/type`.
    pub path: String,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Finding {
    /// A finding that makes the action unusable.
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
}

/// Rules for an action that was read without errors so far.
pub type CheckAction = dyn Fn(&Action) -> Vec<Finding> + Send + Sync;

/// Checks that need knowledge from outside content. Cheap to clone.
#[derive(Clone)]
pub struct Checks {
    /// Runner name → names of its parameters. When it is empty, any runner is taken.
    pub runners: Arc<BTreeMap<String, Vec<String>>>,
    /// Rules for each action.
    pub action: Arc<CheckAction>,
}

impl Checks {
    /// Checks with these runners and rules.
    pub fn new(
        runners: BTreeMap<String, Vec<String>>,
        action: impl Fn(&Action) -> Vec<Finding> + Send + Sync + 'static,
    ) -> Self {
        Self {
            runners: Arc::new(runners),
            action: Arc::new(action),
        }
    }
}

impl Default for Checks {
    /// No checks: any runner, any parameters.
    fn default() -> Self {
        Self::new(BTreeMap::new(), |_| Vec::new())
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checks")
            .field("runners", &self.runners)
            .finish_non_exhaustive()
    }
}
