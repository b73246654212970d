//! `/inquiries`: questions that wait for people's answers, in the reference's shapes (INQ-4).

use axum::extract::{Path, State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::answers::{self, AnswerError, Answerer, inquiries};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::Payload;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::paging::{Paging, Projection};
use crate::api::http::query::Query;
use crate::model::Id;
use crate::runners::INQUIRER;
use crate::store::Page;

const ATTRIBUTES: [&str; 6] = ["id", "route", "ttl", "users", "roles", "schema"];

/// `GET /inquiries`: those that wait, newest first.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    query.check()?;
    let projection = Projection::of(&query, &ATTRIBUTES)?;
    let paging = Paging::of(&query, &caller, &state)?;
    let page = Page {
        offset: paging.offset,
        limit: paging.limit,
        count: true,
        ..Page::default()
    };
    let (found, total) = answers::list(state.engine(), INQUIRER, false, page).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|execution| projection.apply(inquiries::view(execution)))
        .collect();
    let mut response = answer(StatusCode::OK, &shown)?;
    paging.headers(&mut response, total);
    Ok(response)
}

/// `GET /inquiries/{id}`.
pub(crate) async fn get(State(state): State<ApiState>, _caller: Caller, Path(id): Path<String>) -> ApiResult {
    let execution = state
        .engine()
        .execution(read_id(&id)?)
        .await?
        .ok_or_else(ApiError::no_route)?;
    inquiries::check(&execution)?;
    answer(StatusCode::OK, &inquiries::view(&execution))
}

/// `PUT /inquiries/{id}`: the answer.
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Payload(mut body): Payload,
) -> ApiResult {
    let id = read_id(&id)?;
    let response = body
        .remove("response")
        .ok_or_else(|| ApiError::bad_request("'response' is a required property"))?;
    let answerer = Answerer {
        identity: &caller.identity,
        place: None,
    };
    let shown = inquiries::respond(state.engine(), id, response, answerer).await?;
    answer(StatusCode::OK, &json!({"id": id, "response": shown}))
}

/// What is no id leads to nothing, as one that does not exist.
fn read_id(text: &str) -> ApiResult<Id> {
    text.parse().map_err(|_| ApiError::no_route())
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Unknown(_) => Self::no_route(),
            AnswerError::Invalid(message) => Self::bad_request(message),
            AnswerError::Forbidden(message) => Self::forbidden(message),
            AnswerError::Conflict(message) => Self::new(StatusCode::CONFLICT, message),
            AnswerError::Store(error) => error.into(),
        }
    }
}
