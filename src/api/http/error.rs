//! Refusals and failures as clients of the reference read them: `{"faultstring": "…"}`.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::engine::{CancelError, SubmitError};
use crate::model::Id;
use crate::params::ParamErrorKind;
use crate::store::StoreError;

/// An answer that is no success.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    /// Seconds after which the client may try again, for answers that say so.
    retry_after: u64,
    /// Id of what stands in the way.
    conflict: Option<Id>,
}

/// What a handler gives.
pub type ApiResult<T = Response> = Result<T, ApiError>;

impl ApiError {
    /// A refusal with a sentence for the client.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: 1,
            conflict: None,
        }
    }

    /// 409: there is something of that name already, with this id.
    #[must_use]
    pub fn conflict(id: Id, message: impl Into<String>) -> Self {
        Self {
            conflict: Some(id),
            ..Self::new(StatusCode::CONFLICT, message)
        }
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = seconds;
        self
    }

    /// 400: something is wrong with the request.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 403: the caller may not.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404 with the sentence about it.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 404 for paths and methods that do not exist.
    #[must_use]
    pub fn no_route() -> Self {
        Self::not_found("The resource could not be found.")
    }

    /// 503: not now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// 429: too much waits already; the client may try again soon.
    #[must_use]
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, message)
    }

    /// 500: our own failure. The client gets an id, the log gets the id with what happened.
    #[must_use]
    pub fn internal(what: &dyn std::fmt::Display) -> Self {
        let id = Id::new();
        tracing::error!(error.id = %id, error = %what, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("Internal error {id}: what happened is in the server's log under this id."),
        )
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = match self.conflict {
            None => json!({"faultstring": self.message}),
            Some(id) => json!({"conflict-id": id, "faultstring": self.message}),
        };
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if matches!(
            self.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull | StoreError::Closed => Self::unavailable(error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::UnknownAction { action, nearest } => {
                let hint = nearest
                    .map(|nearest| format!(" Did you mean \"{nearest}\"?"))
                    .unwrap_or_default();
                Self::bad_request(format!("Action \"{action}\" cannot be found.{hint}"))
            }
            // Clients of the reference read its words; what it has no hint for gets ours.
            SubmitError::Parameters(problem) => match (problem.kind, &problem.hint) {
                (ParamErrorKind::Unknown, Some(hint)) => {
                    Self::bad_request(format!("{}; {hint}", problem.message.trim_end_matches('.')))
                }
                (ParamErrorKind::Invalid, _) => match &problem.parameter {
                    Some(name) if !problem.message.contains(name.as_str()) => {
                        Self::bad_request(format!("{} (parameter '{name}')", problem.message))
                    }
                    _ => Self::bad_request(problem.message),
                },
                _ => Self::bad_request(problem.message),
            },
            SubmitError::Denied(decision) => Self::forbidden(format!("Not allowed: {}", decision.reason)),
            SubmitError::QueueFull(_) | SubmitError::Stopping => Self::unavailable(error.to_string()),
            SubmitError::Duplicate(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            SubmitError::NotRerunnable(why) => Self::bad_request(why),
            SubmitError::UnknownExecution(id) => unknown_id(&id),
            SubmitError::Store(error) => error.into(),
            user => Self::bad_request(user.to_string()),
        }
    }
}

impl From<CancelError> for ApiError {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::Unknown(id) => unknown_id(&id),
            CancelError::Denied(decision) => Self::forbidden(format!("Not allowed: {}", decision.reason)),
            CancelError::Store(error) => error.into(),
        }
    }
}

/// 404 for an id (or what was given as one) that leads to nothing.
pub(crate) fn unknown_id(id: &dyn std::fmt::Display) -> ApiError {
    ApiError::not_found(format!("Unable to identify resource with id \"{id}\"."))
}
