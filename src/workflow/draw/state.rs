//! States of tasks, given as values: what a drawing of a running workflow adds to one of its definition.

use std::collections::BTreeMap;

/// The state that a task is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskState {
    /// One of the words for statuses, `succeeded`; others are shown without colour.
    pub status: String,
    /// A few words more, such as how long it took; may be empty.
    pub note: String,
}

/// States by name of task. A task without state has not started.
pub type States = BTreeMap<String, TaskState>;

impl TaskState {
    /// Colours of the inside and the border of its box.
    pub(super) fn colours(&self) -> (&'static str, &'static str) {
        match self.status.as_str() {
            "succeeded" => ("#e3f5e9", "#2f9e58"),
            "failed" | "timeout" | "abandoned" => ("#fdecec", "#d64545"),
            "running" | "resuming" => ("#e4effb", "#3f7cc4"),
            "pending" | "paused" | "pausing" => ("#fff6dd", "#c99a2e"),
            "canceled" | "canceling" => ("#f3eaf7", "#8e5aa8"),
            _ => ("#f4f7fb", "#8fa3b8"),
        }
    }

    /// A sign for it where there are no colours.
    pub(super) fn sign(&self) -> char {
        match self.status.as_str() {
            "succeeded" => '✓',
            "failed" | "timeout" | "abandoned" => '✗',
            "running" | "resuming" => '▶',
            "pending" => '?',
            "paused" | "pausing" => '‖',
            "canceled" | "canceling" => '–',
            _ => '·',
        }
    }

    /// The line in its box.
    pub(super) fn line(&self) -> String {
        let note = if self.note.is_empty() { "" } else { " · " };
        format!("{} {}{note}{}", self.sign(), self.status, self.note)
    }
}
