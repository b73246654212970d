//! What is known of a sensor while it works: for people, who ask the API and the command line.

use std::collections::VecDeque;

use serde::Serialize;

use crate::model::Timestamp;

/// Lines of standard error that are kept.
const LINES: usize = 50;
/// Bytes of such a line that are kept.
const LINE: usize = 1000;

/// Where a sensor stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// This Sayso runs no sensors: a client command, or switched off in the settings.
    #[default]
    NotRun,
    /// Switched off.
    Disabled,
    /// Its process is being started.
    Starting,
    /// Its process runs.
    Running,
    /// Its process has ended or could not be started; it is started again at a known time.
    Waiting,
    /// Its process ended by itself and well, so it is not started again.
    Ended,
    /// Its process is being stopped.
    Stopping,
    /// It is a Python class, and there is no runner for those yet.
    NeedsPythonRunner,
    /// It cannot be started until its files change.
    Broken,
    /// Sayso does its work without a process.
    BuiltIn,
}

impl State {
    /// Whether people should look at it.
    #[must_use]
    pub const fn is_failing(self) -> bool {
        matches!(self, Self::Waiting | Self::Broken)
    }
}

/// What is known of a sensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// Where it stands.
    pub state: State,
    /// One sentence about it, when there is something to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Number of its process.
    pub pid: Option<u32>,
    /// When its process was started.
    pub started: Option<Timestamp>,
    /// How often it was started again after it had failed, since Sayso runs.
    pub restarts: u64,
    /// When it is started again.
    pub next_start: Option<Timestamp>,
    /// Its events that were stored, since Sayso runs.
    pub events: u64,
    /// When the last one was stored.
    pub last_event: Option<Timestamp>,
    /// Its events that were refused, since Sayso runs.
    pub refused: u64,
    /// Lines of it that could not be used, since Sayso runs.
    pub bad_lines: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<Timestamp>,
    /// The last lines of its standard error.
    pub stderr: VecDeque<String>,
}

impl Status {
    /// Notes what went wrong.
    pub(super) fn fail(&mut self, why: impl Into<String>) {
        self.last_error = Some(why.into());
        self.last_error_at = Some(Timestamp::now());
    }

    /// Keeps a line of standard error.
    pub(super) fn keep_line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(&line[..line.len().min(LINE)]);
        if self.stderr.len() == LINES {
            self.stderr.pop_front();
        }
        self.stderr.push_back(text.into_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_cut() {
        let mut status = Status::default();
        for number in 0..LINES + 5 {
            status.keep_line(format!("line {number}").as_bytes());
        }
        status.keep_line(&[b'x'; LINE * 2]);
        assert_eq!(status.stderr.len(), LINES);
        assert_eq!(status.stderr.front().map(String::as_str), Some("line 6"));
        assert_eq!(status.stderr.back().map(String::len), Some(LINE));
    }
}
