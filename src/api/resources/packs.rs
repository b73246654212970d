//! `/packs` and `/config_schemas`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{attributes, blocking};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::paging::{Projection, answer_list};
use crate::api::http::query::Query;
use crate::content::pack_text;
use crate::model::{Id, Pack};

/// Bytes of files that `/packs/views/files` answers together; each file is there under `/packs/views/file`.
const FILES_LIMIT: usize = 8 << 20;

/// `GET /packs`.
pub(crate) async fn list(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    let wanted = query.list("ref");
    let items: Vec<Value> = state
        .content()
        .snapshot()
        .packs
        .values()
        .filter(|pack| wanted.is_empty() || wanted.contains(&pack.reference.as_str()))
        .map(|pack| shown(pack))
        .collect();
    let model: Vec<Value> = items.first().cloned().into_iter().collect();
    answer_list(
        items,
        &query,
        &caller,
        &state,
        &attributes(&model, &["id", "ref", "name"]),
    )
}

/// `GET /packs/{ref_or_id}`.
pub(crate) async fn get(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
    query: Query,
) -> ApiResult {
    let shown = shown(&*find(&state, &wanted)?);
    let model = [shown.clone()];
    let projection = Projection::of(&query, &attributes(&model, &[]))?;
    answer(StatusCode::OK, &projection.apply(shown))
}

/// `GET /packs/views/files/{ref_or_id}`: all text files of a pack with their content.
pub(crate) async fn view_files(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let pack = find(&state, &wanted)?;
    let files = blocking(move || {
        let mut size = 0;
        let mut files = Vec::new();
        for file in &pack.files {
            // Pictures and the like have no text to show.
            let Ok(Some(content)) = pack_text(&pack, file) else { continue };
            size += content.len();
            if size > FILES_LIMIT {
                return Err(ApiError::bad_request(format!(
                    "The files of pack \"{}\" have more than {FILES_LIMIT} bytes together: read them one by one",
                    pack.reference
                )));
            }
            files.push(json!({"file_path": file, "content": content}));
        }
        Ok(files)
    })
    .await??;
    answer(StatusCode::OK, &files)
}

/// `GET /packs/views/file/{ref_or_id}/{file_path}`: one file.
pub(crate) async fn view_file(
    State(state): State<ApiState>,
    _caller: Caller,
    Path((wanted, file)): Path<(String, String)>,
) -> ApiResult {
    let pack = find(&state, &wanted)?;
    let path = file.clone();
    let text = blocking(move || pack_text(&pack, &path))
        .await?
        .map_err(ApiError::bad_request)?
        .ok_or_else(|| ApiError::not_found(format!("File \"{file}\" not found")))?;
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    Ok(response)
}

/// `GET /config_schemas`.
pub(crate) async fn schemas(State(state): State<ApiState>, caller: Caller, query: Query) -> ApiResult {
    let items = state
        .content()
        .snapshot()
        .packs
        .values()
        .filter_map(|pack| schema(pack))
        .collect();
    answer_list(items, &query, &caller, &state, &["pack", "attributes", "id"])
}

/// `GET /config_schemas/{pack_ref}`.
pub(crate) async fn schema_of(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(wanted): Path<String>,
) -> ApiResult {
    let snapshot = state.content().snapshot();
    let found = snapshot
        .packs
        .get(&wanted)
        .and_then(|pack| schema(pack))
        .ok_or_else(|| {
            ApiError::not_found(format!("Unable to identify resource with pack_ref \"{wanted}\"."))
        })?;
    answer(StatusCode::OK, &found)
}

fn find(state: &ApiState, wanted: &str) -> ApiResult<Arc<Pack>> {
    let snapshot = state.content().snapshot();
    if let Some(pack) = snapshot.packs.get(wanted) {
        return Ok(Arc::clone(pack));
    }
    let by_id = wanted
        .parse::<Id>()
        .ok()
        .and_then(|id| snapshot.packs.values().find(|pack| id_of(pack) == id));
    by_id.cloned().ok_or_else(|| {
        let hint = super::did_you_mean(snapshot.nearest_pack(wanted));
        ApiError::not_found(format!("Resource with a ref or id \"{wanted}\" not found{hint}"))
    })
}

fn id_of(pack: &Pack) -> Id {
    Id::of_name(&format!("pack:{}", pack.reference))
}

fn schema(pack: &Pack) -> Option<Value> {
    let attributes = pack.config_schema.as_ref()?;
    let id = Id::of_name(&format!("config_schema:{}", pack.reference));
    Some(json!({"pack": pack.reference, "attributes": attributes, "id": id}))
}

/// A pack as clients of the reference see it.
fn shown(pack: &Pack) -> Value {
    let list = |key: &str| pack.metadata.get(key).cloned().unwrap_or_else(|| json!([]));
    let path = pack
        .path
        .as_ref()
        .map_or_else(String::new, |path| path.display().to_string());
    json!({
        "uid": format!("pack:{}", pack.reference),
        "ref": pack.reference,
        "name": pack.name,
        "description": pack.description,
        "keywords": pack.keywords,
        "version": pack.version,
        "python_versions": list("python_versions"),
        "author": pack.author,
        "email": pack.email,
        "contributors": list("contributors"),
        "files": pack.files,
        "path": path,
        "dependencies": list("dependencies"),
        "system": {},
        "id": id_of(pack),
    })
}
