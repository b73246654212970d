//! What all routes share: who calls, query strings, bodies, parts of lists, errors, the outermost layer.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod error;
pub(crate) mod front;
pub(crate) mod paging;
pub(crate) mod query;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use error::{ApiError, ApiResult};

/// A JSON answer.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> ApiResult {
    let mut bytes = Vec::with_capacity(1024);
    serde_json::to_writer(&mut bytes, value).map_err(|error| ApiError::internal(&error))?;
    Ok(json_bytes(status, bytes))
}

/// It is done, and there is nothing to tell.
pub(crate) fn no_content() -> Response {
    json_bytes(StatusCode::NO_CONTENT, Body::empty())
}

/// A JSON answer that is written already.
pub(crate) fn json_bytes(status: StatusCode, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
