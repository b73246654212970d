//! `/` and `/user`: what this is, and who the caller is.

use axum::extract::State;
use http::StatusCode;
use serde_json::json;

use crate::access::Mode;
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::ApiResult;
use crate::api::http::json as answer;

/// Tokens of this server do not expire; clients of the reference expect a time all the same.
const NEVER: &str = "9999-12-31T23:59:59Z";

/// `GET /`.
pub(crate) async fn root() -> ApiResult {
    answer(
        StatusCode::OK,
        &json!({"version": env!("CARGO_PKG_VERSION"), "docs_url": "/api/v1/openapi.json"}),
    )
}

/// `GET /user`.
pub(crate) async fn user(State(state): State<ApiState>, caller: Caller) -> ApiResult {
    let mut authentication = json!({"method": caller.method, "location": caller.location});
    if caller.method == "authentication token" {
        authentication["token_expire"] = NEVER.into();
    }
    answer(
        StatusCode::OK,
        &json!({
            "username": caller.identity.user,
            "authentication": authentication,
            "rbac": {
                "enabled": state.policy().options().mode == Mode::Closed,
                "roles": caller.identity.roles,
                "is_admin": caller.is_admin(),
            },
        }),
    )
}
