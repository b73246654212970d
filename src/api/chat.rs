//! The console over HTTP: messages in, events out.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::{ApiState, chat_admin};
use crate::chat::Hub;
use crate::chat::console::{ConsoleEvent, GATEWAY, is_understood};
use crate::chat::gateway::{Dialect, Inbound, Receipt};
use crate::model::{Id, Identity, Place, Timestamp};

/// Bytes of a request: far more than a message may have, so that a long one gets a proper answer.
const BODY_LIMIT: usize = 16 << 20;
/// Characters of the name of a conversation or message key.
const NAME_LIMIT: usize = 100;
/// Silence on an event stream is broken by a comment after this time.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Routes `messages`, `events` and `completions`, to be nested below `/api/v1/chat` behind authentication
/// that leaves the [`Identity`] in the request's extensions (as `Arc<Identity>`).
pub fn router(hub: Hub) -> Router {
    Router::new()
        .route("/messages", post(say).layer(DefaultBodyLimit::max(BODY_LIMIT)))
        .route("/events", get(listen))
        .route("/completions", get(completions))
        .merge(chat_admin::router())
        .with_state(hub)
}

/// [`router`] behind the API's own authentication. The API's state is made after its chat routes and therefore
/// set later; until then requests are refused as "not yet".
pub fn protected(hub: Hub, api: Arc<OnceLock<ApiState>>) -> Router {
    router(hub).layer(middleware::from_fn(move |mut request: Request, next: Next| {
        let api = Arc::clone(&api);
        async move {
            let Some(api) = api.get() else {
                return refuse(StatusCode::SERVICE_UNAVAILABLE, "the server is starting");
            };
            match api.authenticate(request.method(), request.uri(), request.headers()) {
                Ok(caller) => {
                    request.extensions_mut().insert(caller.identity);
                    next.run(request).await
                }
                Err(error) => error.into_response(),
            }
        }
    }))
}

/// A message from a console.
#[derive(Debug, Deserialize)]
struct Message {
    /// Name of the session, chosen by the client.
    conversation: String,
    /// What is said.
    text: String,
    /// De-duplication key within the session; a client that repeats a request repeats the key.
    #[serde(default)]
    key: Option<String>,
    /// Speak as somebody else; administrators only.
    #[serde(default, rename = "as")]
    on_behalf: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Session {
    conversation: String,
    /// The last message that the client has seen; what was delivered after it is told again.
    #[serde(default)]
    after: Option<Id>,
}

pub(super) fn refuse(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"faultstring": text}))).into_response()
}

/// The place of a session. Sessions belong to the one who opened them, so nobody reads another's.
fn place(identity: &Identity, conversation: &str) -> Result<Place, &'static str> {
    let fits = |char: char| char.is_ascii_alphanumeric() || "._:-".contains(char);
    if conversation.is_empty() || conversation.len() > NAME_LIMIT || !conversation.chars().all(fits) {
        return Err("`conversation` must be 1 to 100 letters, digits and any of . _ : -");
    }
    Ok(Place {
        gateway: GATEWAY.to_owned(),
        conversation: format!("{}/{conversation}", identity.user),
        thread: None,
        name: None,
    })
}

async fn say(
    State(hub): State<Hub>,
    Extension(identity): Extension<Arc<Identity>>,
    Json(message): Json<Message>,
) -> Response {
    let place = match place(&identity, &message.conversation) {
        Ok(place) => place,
        Err(reason) => return refuse(StatusCode::BAD_REQUEST, reason),
    };
    let speaker = match message.on_behalf.as_deref().map(str::trim) {
        None => Identity {
            via: GATEWAY.to_owned(),
            ..(*identity).clone()
        },
        Some(name) if name == identity.user => Identity {
            via: GATEWAY.to_owned(),
            ..(*identity).clone()
        },
        Some(_) if !identity.is_admin() => {
            return refuse(
                StatusCode::FORBIDDEN,
                "only administrators may speak as somebody else",
            );
        }
        Some(name) if name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) => {
            return refuse(StatusCode::BAD_REQUEST, "`as` must be the name of a person");
        }
        Some(name) => hub.named(name, GATEWAY),
    };
    let key = match message.key {
        Some(key) if key.is_empty() || key.len() > NAME_LIMIT => {
            return refuse(StatusCode::BAD_REQUEST, "`key` must have 1 to 100 bytes");
        }
        Some(key) => key,
        None => Id::new().to_string(),
    };
    let inbound = Inbound {
        key: format!("{GATEWAY}:{}:{key}", place.conversation),
        place,
        dialect: Dialect::Console,
        account: format!("{GATEWAY}:{}", speaker.user),
        display_name: speaker.user.clone(),
        email: None,
        identity: Some(speaker),
        text: message.text,
        is_direct: true,
        mentions_bot: false,
        bot: None,
        edited: false,
        reply_to: None,
        picked: None,
        private: false,
        reply: None,
        received: Timestamp::now(),
    };
    let none: Vec<Id> = Vec::new();
    let body: Value = match hub.receive(inbound).await {
        Ok(Receipt::Started { executions, answers }) => {
            json!({"key": key, "executions": executions, "answers": answers, "understood": true, "duplicate": false})
        }
        Ok(Receipt::Answered { answers, kind, .. }) => {
            json!({"key": key, "executions": none, "answers": answers, "understood": is_understood(&kind), "duplicate": false})
        }
        Ok(Receipt::Duplicate) => {
            json!({"key": key, "executions": none, "answers": none, "understood": true, "duplicate": true})
        }
        Ok(Receipt::Ignored(_)) => {
            json!({"key": key, "executions": none, "answers": none, "understood": false, "duplicate": false})
        }
        Err(error) => return refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

async fn listen(
    State(hub): State<Hub>,
    Extension(identity): Extension<Arc<Identity>>,
    Query(session): Query<Session>,
) -> Response {
    let place = match place(&identity, &session.conversation) {
        Ok(place) => place,
        Err(reason) => return refuse(StatusCode::BAD_REQUEST, reason),
    };
    // Listening starts before the store is read, so nothing falls between the two.
    let live = hub.console().listen(&place.conversation);
    let missed = match session.after {
        None => Vec::new(),
        Some(after) => match hub.missed(&place.conversation, after).await {
            Ok(missed) => missed,
            Err(error) => return refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        },
    };
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(forward(hub, place.conversation, missed, live, sender));
    Sse::new(ReceiverStream::new(receiver))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// Feeds one listener until it, or chat, ends. One that is too slow is cut off and comes back with its cursor.
async fn forward(
    hub: Hub,
    conversation: String,
    missed: Vec<ConsoleEvent>,
    mut live: broadcast::Receiver<Arc<ConsoleEvent>>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
) {
    let told: std::collections::HashSet<Id> = missed.iter().filter_map(|event| event.id).collect();
    // The first thing on the stream tells the client that it is heard from now on.
    if sender
        .send(Ok(Event::default().event("listening").data("{}")))
        .await
        .is_err()
    {
        return;
    }
    for event in &missed {
        if sender.send(Ok(frame(event))).await.is_err() {
            return;
        }
    }
    hub.back(GATEWAY, Some(&conversation));
    let stop = hub.stopping();
    loop {
        let event = tokio::select! {
            event = live.recv() => event,
            () = sender.closed() => return,
            () = stop.cancelled() => return,
        };
        let Ok(event) = event else { return };
        if event.id.is_some_and(|id| told.contains(&id)) {
            continue;
        }
        if sender.send(Ok(frame(&event))).await.is_err() {
            return;
        }
    }
}

fn frame(event: &ConsoleEvent) -> Event {
    let frame = Event::default().event("message");
    let frame = match event.id {
        Some(id) => frame.id(id.to_string()),
        None => frame,
    };
    // A console event is plain data and always has a JSON form.
    frame.data(serde_json::to_string(event).unwrap_or_default())
}

async fn completions(State(hub): State<Hub>, Extension(identity): Extension<Arc<Identity>>) -> Json<Value> {
    let place = Place {
        gateway: GATEWAY.to_owned(),
        ..Place::default()
    };
    let commands: Vec<Value> = hub
        .completions(&identity, &place)
        .into_iter()
        .map(|command| json!({"display": command.display, "description": command.description, "alias": command.alias}))
        .collect();
    Json(json!({ "commands": commands }))
}
