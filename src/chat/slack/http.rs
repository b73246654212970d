//! Events as requests: a size limit before anything is read, the signature over the raw bytes before anything is
//! believed, and an answer when it is committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use futures_util::FutureExt as _;
use parking_lot::RwLock;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use slack_morphism::SlackSigningSecret;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;
use tokio::sync::Semaphore;

use super::SlackGateway;
use super::limits;
use super::socket::Done;

/// How long the body of a request may take.
const READ: Duration = Duration::from_secs(5);
/// Requests that are read at the same time, signed or not.
const OPEN: usize = 128;

/// The workspaces that listen to requests.
#[derive(Clone)]
pub struct Doors {
    open: Arc<RwLock<HashMap<String, Door>>>,
    room: Arc<Semaphore>,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            open: Arc::default(),
            room: Arc::new(Semaphore::new(OPEN)),
        }
    }
}

/// One of them.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) bot: Arc<SlackGateway>,
    pub(super) secret: SecretString,
}

impl Doors {
    pub(super) fn open(&self, instance: &str, door: Door) {
        self.open.write().insert(instance.to_owned(), door);
    }

    /// The routes below the root: one address for everything, or one for each kind. The workspace `default` needs no name.
    pub fn routes(&self) -> Router {
        Router::new()
            .route(ROOT, post(knock))
            .route(&format!("{ROOT}/{{what}}"), post(knock_at))
            .route(&format!("{ROOT}/{{instance}}/{{kind}}"), post(knock_at_named))
            .with_state(self.clone())
    }
}

/// Where Slack's requests come to, below the server's own address.
pub(super) const ROOT: &str = "/api/v1/chat/slack";
/// What requests are about; the payload says it again, so all may come to one address, too.
const KINDS: [&str; 5] = ["events", "commands", "interactions", "interactive", "options"];
/// The workspace of addresses without a name.
const DEFAULT: &str = "default";

/// The address of a workspace for one kind of requests.
pub(super) fn path(instance: &str, kind: &str) -> String {
    if instance == DEFAULT {
        format!("{ROOT}/{kind}")
    } else {
        format!("{ROOT}/{instance}/{kind}")
    }
}

async fn knock(State(doors): State<Doors>, request: Request) -> Response {
    take(doors, DEFAULT, request).await
}

async fn knock_at(State(doors): State<Doors>, Path(what): Path<String>, request: Request) -> Response {
    let instance = if KINDS.contains(&what.as_str()) {
        DEFAULT
    } else {
        &what
    };
    take(doors, instance, request).await
}

async fn knock_at_named(
    State(doors): State<Doors>,
    Path((instance, kind)): Path<(String, String)>,
    request: Request,
) -> Response {
    if !KINDS.contains(&kind.as_str()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    take(doors, &instance, request).await
}

async fn take(doors: Doors, instance: &str, request: Request) -> Response {
    let door = doors.open.read().get(instance).cloned();
    let Some(door) = door else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(_room) = Arc::clone(&doors.room).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(READ, read(&parts.headers, body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    if let Err(reason) = verify(&door.secret, &parts.headers, &body) {
        tracing::warn!(
            chat.gateway = door.bot.name,
            "a request that is not Slack's was refused: {reason}"
        );
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if let Some(number) = text(&parts.headers, "x-slack-retry-num") {
        let reason = text(&parts.headers, "x-slack-retry-reason").unwrap_or_default();
        tracing::info!(
            chat.gateway = door.bot.name,
            number,
            reason,
            "Slack delivers again"
        );
    }
    let Some((kind, payload)) = parsed(&parts.headers, &body) else {
        // It is signed, so it would come again for nothing.
        tracing::warn!(
            chat.gateway = door.bot.name,
            "a request of Slack could not be read"
        );
        return (StatusCode::OK, [("x-slack-no-retry", "1")]).into_response();
    };
    if kind == "url_verification" {
        let challenge = payload["challenge"].as_str().unwrap_or_default();
        return axum::Json(json!({"challenge": challenge})).into_response();
    }
    // The work goes on when Slack hangs up.
    let bot = Arc::clone(&door.bot);
    let work = tokio::spawn(async move {
        std::panic::AssertUnwindSafe(bot.handle(&kind, payload))
            .catch_unwind()
            .await
    });
    match work.await {
        Ok(Ok(Done::Ack(Some(answer)))) => axum::Json(answer).into_response(),
        Ok(Ok(Done::Ack(None))) => StatusCode::OK.into_response(),
        Ok(Ok(Done::Again)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => {
            tracing::error!(
                chat.gateway = door.bot.name,
                "a request made its handler fail; Slack may deliver it again"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The body, when it is not longer than it may be.
async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, StatusCode> {
    let told = text(headers, header::CONTENT_LENGTH.as_str()).and_then(|text| text.parse::<usize>().ok());
    if told.is_some_and(|length| length > limits::REQUEST) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    axum::body::to_bytes(body, limits::REQUEST)
        .await
        .map(|bytes| bytes.to_vec())
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether Slack signed these bytes, a short while ago.
fn verify(secret: &SecretString, headers: &HeaderMap, body: &[u8]) -> Result<(), &'static str> {
    let hash = text(headers, SlackEventSignatureVerifier::SLACK_SIGNED_HASH_HEADER)
        .ok_or("there is no signature")?;
    let time =
        text(headers, SlackEventSignatureVerifier::SLACK_SIGNED_TIMESTAMP).ok_or("there is no time")?;
    let seconds: i64 = time.parse().map_err(|_| "the time is none")?;
    let now = jiff::Timestamp::now().as_second();
    if now.saturating_sub(seconds).saturating_abs() > limits::SIGNATURE_AGE {
        return Err("the time is too far away");
    }
    let body = std::str::from_utf8(body).map_err(|_| "the body is no text")?;
    let secret = SlackSigningSecret::new(secret.expose_secret().to_owned());
    SlackEventSignatureVerifier::new(&secret)
        .verify(hash, body, time)
        .map_err(|_| "the signature is wrong")
}

/// What a request is, and its payload.
fn parsed(headers: &HeaderMap, body: &[u8]) -> Option<(String, Value)> {
    let kind = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let fields: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        if let Some(payload) = fields.get("payload") {
            return Some(("interactive".to_owned(), serde_json::from_str(payload).ok()?));
        }
        // Slack asks with this whether the address has a valid certificate.
        if fields.contains_key("ssl_check") {
            return Some(("ssl_check".to_owned(), Value::Null));
        }
        return Some(("slash_commands".to_owned(), json!(fields)));
    }
    let payload: Value = serde_json::from_slice(body).ok()?;
    let kind = match payload["type"].as_str()? {
        "url_verification" => "url_verification",
        _ => "events_api",
    };
    Some((kind.to_owned(), payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's page "Verifying requests from Slack".
    #[test]
    fn the_documented_example_has_the_documented_signature() {
        let secret = SlackSigningSecret::new("8f742231b10e8888abcd99yyyzzz85a5".to_owned());
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let verifier = SlackEventSignatureVerifier::new(&secret);
        // Right, but of 2018: the age is refused, not the signature.
        let error = verifier.verify(signature, body, "1531420618").unwrap_err();
        assert!(!format!("{error:?}").contains("WrongSignature"), "{error:?}");
        let error = verifier
            .verify(signature, &format!("{body}x"), "1531420618")
            .unwrap_err();
        assert!(format!("{error:?}").contains("WrongSignature"), "{error:?}");
    }

    #[test]
    fn unsigned_old_and_odd_requests_are_refused() {
        let secret = SecretString::from("secret".to_owned());
        let now = jiff::Timestamp::now().as_second();
        for (signature, time) in [
            (None, Some(now.to_string())),
            (Some("v0=00"), None),
            (Some("v0=00"), Some((now - 301).to_string())),
            (Some("v0=00"), Some((now + 301).to_string())),
            (Some("v0=00"), Some("soon".to_owned())),
            (Some("v0=00"), Some(i64::MIN.to_string())),
            (Some("v0=00"), Some(now.to_string())),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(signature) = signature {
                headers.insert("x-slack-signature", signature.parse().unwrap());
            }
            if let Some(time) = &time {
                headers.insert("x-slack-request-timestamp", time.parse().unwrap());
            }
            assert!(
                verify(&secret, &headers, b"{}").is_err(),
                "{signature:?} {time:?}"
            );
        }
    }
}
