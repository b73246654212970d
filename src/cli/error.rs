//! What a command failed with: one sentence, a next step, an exit status.

use std::io;

use crate::api::client::ClientError;
use crate::settings::SettingsError;

/// Exit status of wrong usage and of refused or impossible requests.
pub(super) const REFUSED: u8 = 2;

/// Why a command ends early.
#[derive(Debug)]
pub struct CliError {
    /// Exit status.
    pub status: u8,
    /// What is wrong, without a final full stop; empty when everything is said already.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
}

/// What commands return: the exit status.
pub type CliResult = Result<u8, CliError>;

impl CliError {
    /// A refusal or wrong usage.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            status: REFUSED,
            message: message.into(),
            hint: String::new(),
        }
    }

    /// The same with a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Something that the server does not know: with the nearest name that it tells, else with `otherwise`.
    #[must_use]
    pub(super) fn unknown(what: &str, name: &str, refusal: &ClientError, otherwise: &str) -> Self {
        let told = refusal.to_string();
        let near = told
            .split_once("Did you mean ")
            .map(|(_, rest)| rest.replace('"', "`"));
        Self::new(format!("there is no {what} `{name}`")).hint(match near {
            Some(near) => format!("did you mean {near}"),
            None => otherwise.to_owned(),
        })
    }

    /// The same with another exit status.
    #[must_use]
    pub const fn status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let hint = error.hint().unwrap_or_default().to_owned();
        Self {
            status: REFUSED,
            message: error.to_string(),
            hint,
        }
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<io::Error> for CliError {
    /// Only writing to standard output fails with plain I/O errors. A reader that has seen enough
    /// (`sayso execution list | head`) is no error.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                status: 0,
                message: String::new(),
                hint: String::new(),
            };
        }
        Self::new(format!("cannot write the answer: {error}"))
    }
}
