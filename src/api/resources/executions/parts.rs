//! Parts of an execution: its output, its result, single attributes, its children.

use std::collections::VecDeque;
use std::io::Write as _;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

use super::{find, find_id, sees_secrets};
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult, unknown_id};
use crate::api::http::query::Query;
use crate::api::http::{json, json_bytes};
use crate::api::view::{Look, Showing};
use crate::api::{ApiState, stream as events};
use crate::model::{Id, OutputStream};
use crate::store::{ExecutionFilter, Page, SortOrder};

/// Chunks of output that are read at once.
const CHUNKS: u32 = 64;
/// Descendants that are answered at most.
const DESCENDANTS: usize = 10_000;

/// `GET /executions/{id}/output`: the stored output as text; with `follow=1` (or when the client accepts an
/// event stream) as events, going on until the execution ends.
pub(crate) async fn output(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
    headers: HeaderMap,
) -> ApiResult {
    query.check()?;
    let accepts_events = headers
        .get(header::ACCEPT)
        .is_some_and(|value| value.as_bytes().windows(17).any(|part| part == b"text/event-stream"));
    if query.flag("follow")? || accepts_events {
        return events::output(State(state), caller, Path(id), query).await;
    }
    let of_stream = output_type(&query)?;
    let id = find_id(&state, &id).await?;
    if state.engine().execution(id).await?.is_none() {
        return Err(unknown_id(&id));
    }
    let pages = stream::try_unfold((state, 0u32), move |(state, from)| async move {
        let chunks = state.store().output(id, from, CHUNKS, of_stream).await.map_err(std::io::Error::other)?;
        let Some(last) = chunks.last() else { return Ok::<_, std::io::Error>(None) };
        let next = last.number.saturating_add(1);
        let text: String = chunks.iter().map(|chunk| chunk.text.as_str()).collect();
        Ok(Some((Bytes::from(text), (state, next))))
    });
    let mut response = Response::new(Body::from_stream(pages));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    Ok(response)
}

/// The stream of output that is asked for; `None`: all.
pub(crate) fn output_type(query: &Query) -> ApiResult<Option<OutputStream>> {
    match query.text("output_type") {
        None | Some("all") => Ok(None),
        Some("stdout") => Ok(Some(OutputStream::Stdout)),
        Some("stderr") => Ok(Some(OutputStream::Stderr)),
        Some("output") => Ok(Some(OutputStream::Output)),
        Some(other) => Err(ApiError::bad_request(format!(
            "Parameter \"output_type\" is \"{other}\", not one of all, stdout, stderr, output"
        ))),
    }
}

/// `GET /executions/{id}/attribute/{attribute}`.
pub(crate) async fn attribute(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, attribute)): Path<(String, String)>,
    query: Query,
) -> ApiResult {
    if !["result", "trigger_instance", "status"].contains(&attribute.as_str()) {
        return Err(ApiError::bad_request(format!(
            "Invalid attribute \"{attribute}\" specified. Valid attributes are: result, trigger_instance, status"
        )));
    }
    let secrets = sees_secrets(&state, &caller, &query)?;
    let execution = find(&state, &id).await?;
    let value = match attribute.as_str() {
        "result" => state.engine().shown(&execution, secrets).result.unwrap_or(Value::Null),
        "status" => execution.status.as_str().into(),
        _ => execution.context().get("trigger_instance").cloned().unwrap_or(Value::Null),
    };
    json(StatusCode::OK, &value)
}

/// `GET /executions/{id}/result`: the result alone, also as a (compressed) file.
pub(crate) async fn result(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> ApiResult {
    let secrets = sees_secrets(&state, &caller, &query)?;
    let (download, compress, pretty) =
        (query.flag("download")?, query.flag("compress")?, query.flag("pretty_format")?);
    let execution = find(&state, &id).await?;
    let value = state.engine().shown(&execution, secrets).result.unwrap_or_else(|| serde_json::json!({}));
    let written = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
    let mut bytes = written.map_err(|error| ApiError::internal(&error))?;
    let mut kind = "text/json";
    let mut extension = "json";
    if compress {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zipped = encoder.write_all(&bytes).and_then(|()| encoder.finish());
        bytes = zipped.map_err(|error| ApiError::internal(&error))?;
        kind = "application/x-gzip";
        extension = "json.gz";
    }
    let mut response = json_bytes(StatusCode::OK, bytes);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if download || compress {
        let name = format!("attachment; filename=execution_{}_result.{extension}", execution.id);
        if let Ok(value) = HeaderValue::from_str(&name) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
        }
    }
    Ok(response)
}

/// `GET /executions/{id}/children`: descendants down to `depth` levels (-1: all), parents before children.
pub(crate) async fn children(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> ApiResult {
    let look = Look { secrets: sees_secrets(&state, &caller, &query)?, max_result_size: None };
    let depth = query.integer("depth")?.unwrap_or(-1);
    let root = find(&state, &id).await?;
    let mut ids: Vec<Id> = Vec::new();
    let mut parents = VecDeque::from([(root.id, 1)]);
    while let Some((parent, level)) = parents.pop_front() {
        if depth >= 0 && level > depth {
            continue;
        }
        let filter = ExecutionFilter { parent: Some(parent), ..ExecutionFilter::default() };
        let limit = u32::try_from(DESCENDANTS - ids.len()).ok();
        let page = Page { order: SortOrder::Ascending, limit, ..Page::default() };
        for child in state.store().executions(filter, page).await?.items {
            ids.push(child.id);
            parents.push_back((child.id, level + 1));
        }
        if ids.len() >= DESCENDANTS {
            break;
        }
    }
    let mut bytes = vec![b'['];
    for id in ids {
        let Some(child) = state.engine().execution(id).await? else { continue };
        if bytes.len() > 1 {
            bytes.push(b',');
        }
        Showing::of(&state, &child, look).await?.write(&mut bytes)?;
    }
    bytes.push(b']');
    Ok(json_bytes(StatusCode::OK, bytes))
}
