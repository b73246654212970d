//! Why a call of the API failed.

use http::StatusCode;
use serde_json::Value;
use thiserror::Error;

/// Characters of a body without `faultstring` that are shown.
const EXCERPT: usize = 300;

/// Why a call of the API failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClientError {
    /// No answer came.
    #[error("cannot reach the server at {server}: {reason}")]
    Unreachable {
        /// Base URL.
        server: String,
        /// What went wrong.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The server answered with a status other than 2xx.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's sentence (`faultstring`).
        message: String,
    },
    /// A request that cannot be made or an answer that cannot be understood.
    #[error("{0}")]
    Malformed(String),
}

impl ClientError {
    /// What to do next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable { hint, .. } => Some(hint),
            Self::Refused { status: 401, message } if message == "Unauthorized" => Some(
                "the server does not know this token; the one that it knows is in admin.token of its data folder",
            ),
            Self::Refused { status: 401, .. } => Some(
                "give the token with --token or SAYSO_TOKEN; the server keeps it in admin.token of its data folder",
            ),
            _ => None,
        }
    }

    /// The HTTP status of a refusal.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let stated = serde_json::from_slice::<Value>(body).ok().and_then(|value| {
            value
                .get("faultstring")
                .and_then(Value::as_str)
                .map(str::to_owned)
        });
        let message = stated.unwrap_or_else(|| {
            let text: String = String::from_utf8_lossy(body)
                .trim()
                .chars()
                .take(EXCERPT)
                .collect();
            if text.is_empty() {
                format!("the server answered {status}")
            } else {
                format!("the server answered {status}: {text}")
            }
        });
        Self::Refused {
            status: status.as_u16(),
            message,
        }
    }

    pub(super) fn transport(server: &str, error: &reqwest::Error) -> Self {
        let hint = if error.is_timeout() {
            "the server is there but silent: look at its log"
        } else if error.is_connect() {
            "is `sayso serve` running there? Its address is the setting `api.listen`, or --listen"
        } else {
            "try again; when it stays like this look at the server's log"
        };
        // The sources say what happened (connection refused, name not known); the outermost only repeats the URL.
        let mut reason = String::new();
        let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        if error.is_timeout() {
            "no answer in time".clone_into(&mut reason);
        } else if reason.is_empty() {
            "the connection broke off".clone_into(&mut reason);
        }
        Self::Unreachable {
            server: server.to_owned(),
            reason,
            hint: hint.to_owned(),
        }
    }
}
