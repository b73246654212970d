//! Commands to the engine that stand in `do` where a task's name could.

use std::fmt;

/// A command to the engine. Its name cannot be a task's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// Go on as if nothing followed: what `do` means when it is left out.
    Continue,
    /// Do nothing; but as a next task it remedies a failure.
    Noop,
    /// Fail the workflow.
    Fail,
    /// Run the task again, at most three times.
    Retry,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Continue, Self::Noop, Self::Fail, Self::Retry];

    /// The command of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Noop => "noop",
            Self::Fail => "fail",
            Self::Retry => "retry",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
