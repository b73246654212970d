//! What is found when a gateway's setup is looked at, for `sayso doctor`.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// Works, but something will be missing.
    Warning,
    /// Does not work.
    Bad,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, `discord.default.token`.
    pub what: String,
    /// How it is.
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// What to do; empty when there is nothing.
    pub hint: String,
}
