//! Conversations and deliveries over HTTP: how the bot behaves where, and what has not arrived yet.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::chat::refuse;
use crate::chat::Hub;
use crate::chat::conversations::{ChangeError, NAMES};
use crate::model::{Id, Identity, Timestamp};
use crate::store::{OutboxCounts, StoreError};

/// Messages on their way that are listed.
const LISTED: u32 = 200;

/// Routes `conversations` and `deliveries`, for administrators.
pub(super) fn router() -> Router<Hub> {
    Router::new()
        .route("/conversations", get(conversations).put(change))
        .route("/deliveries", get(deliveries))
}

/// A change of a conversation's settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Which: `slack:default/C024BE91L`, or the name of one that has settings: `slack:#ops`.
    conversation: String,
    /// What to set.
    name: String,
    /// To what; `default` takes it back.
    value: String,
}

fn failed(error: &StoreError) -> Response {
    let id = Id::new();
    tracing::error!(error.id = %id, "{error}");
    refuse(
        StatusCode::INTERNAL_SERVER_ERROR,
        &format!("Internal Server Error; the log tells more under the id {id}"),
    )
}

fn admins_only(identity: &Identity) -> Option<Response> {
    (!identity.is_admin()).then(|| {
        refuse(
            StatusCode::FORBIDDEN,
            "only administrators may look after conversations",
        )
    })
}

async fn conversations(State(hub): State<Hub>, Extension(identity): Extension<Arc<Identity>>) -> Response {
    if let Some(refused) = admins_only(&identity) {
        return refused;
    }
    let rows: Vec<Value> = hub
        .conversations()
        .into_iter()
        .map(|conversation| {
            let place = &conversation.place;
            let mut row = json!({
                "conversation": format!("{}/{}", place.gateway, place.conversation),
                "name": place.name,
            });
            for (name, _) in NAMES {
                row[name] = json!(conversation.manner.shown(name));
            }
            row
        })
        .collect();
    Json(rows).into_response()
}

async fn change(
    State(hub): State<Hub>,
    Extension(identity): Extension<Arc<Identity>>,
    Json(change): Json<Change>,
) -> Response {
    if let Some(refused) = admins_only(&identity) {
        return refused;
    }
    let Some(place) = hub.conversation(&change.conversation) else {
        let text = format!(
            "No conversation \"{}\": write it as gateway/id, such as slack:default/C024BE91L. GET /conversations lists those \
             with settings; `settings` in a conversation makes the others known.",
            change.conversation
        );
        return refuse(StatusCode::NOT_FOUND, &text);
    };
    match hub.set(&place, &change.name, &change.value, &identity.user).await {
        Ok(manner) => {
            let mut row = json!({"conversation": format!("{}/{}", place.gateway, place.conversation)});
            for (name, _) in NAMES {
                row[name] = json!(manner.shown(name));
            }
            Json(row).into_response()
        }
        Err(ChangeError::Refused(why)) => refuse(StatusCode::BAD_REQUEST, &why),
        Err(ChangeError::Store(error)) => failed(&error),
    }
}

/// What is on its way: how much by gateway, and the oldest messages with why they wait.
async fn deliveries(State(hub): State<Hub>, Extension(identity): Extension<Arc<Identity>>) -> Response {
    if let Some(refused) = admins_only(&identity) {
        return refused;
    }
    let store = hub.store();
    let read = async {
        let counts: OutboxCounts = store.outbox_counts().await?;
        Ok::<_, StoreError>((counts, store.outbox_pending(LISTED).await?))
    };
    let (counts, pending) = match read.await {
        Ok(read) => read,
        Err(error) => return failed(&error),
    };
    let now = Timestamp::now();
    let counts: Vec<Value> = counts
        .into_iter()
        .map(|(gateway, state, count)| json!({"gateway": gateway, "state": state, "count": count}))
        .collect();
    let gateways: Vec<Value> = hub
        .gateways()
        .into_iter()
        .map(|(name, health)| json!({"gateway": name, "health": health}))
        .collect();
    let waiting: Vec<Value> = pending
        .iter()
        .map(|row| {
            json!({
                "id": row.id,
                "gateway": row.place.gateway,
                "conversation": row.place.conversation,
                "kind": row.body["kind"],
                "execution": row.execution,
                "age": now.seconds_since(row.created),
                "attempts": row.attempts,
                "next_attempt": row.next_attempt,
                "error": row.error,
            })
        })
        .collect();
    Json(json!({"gateways": gateways, "counts": counts, "waiting": waiting})).into_response()
}
