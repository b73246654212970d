//! Signed requests to an app that does not use sockets.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::deliver::Delivered;
use super::{Inner, SIGNING_SECRET, Simulator};

/// What Slack sends as `X-Slack-Signature`.
#[must_use]
pub(super) fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    format!("v0={}", hmac(secret, &format!("v0:{timestamp}:{body}")))
}

/// HMAC-SHA256 as in RFC 2104, written out so that it does not share a mistake with who checks it.
pub(super) fn hmac(secret: &str, text: &str) -> String {
    let mut key = [0_u8; 64];
    if secret.len() > key.len() {
        key[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        key[..secret.len()].copy_from_slice(secret.as_bytes());
    }
    let inner = Sha256::new()
        .chain_update(key.map(|byte| byte ^ 0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new()
        .chain_update(key.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize();
    outer.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Type and text of a request's body.
fn body(sent: &Delivered) -> (&'static str, String) {
    const FORM: &str = "application/x-www-form-urlencoded";
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    match &*sent.kind {
        "events_api" => ("application/json", sent.payload.to_string()),
        "slash_commands" => {
            for (name, value) in sent.payload.as_object().into_iter().flatten() {
                form.append_pair(name, value.as_str().unwrap_or_default());
            }
            (FORM, form.finish())
        }
        _ => {
            form.append_pair("payload", &sent.payload.to_string());
            (FORM, form.finish())
        }
    }
}

/// Sends it; any 2xx in time acknowledges it.
pub(super) fn send(inner: &Arc<Inner>, address: &str, sent: &Delivered, reason: &str) {
    let (kind, body) = body(sent);
    let timestamp = jiff::Timestamp::now().as_second().to_string();
    let mut request = inner
        .http
        .post(address)
        .header("content-type", kind)
        .header("x-slack-request-timestamp", &timestamp)
        .header("x-slack-signature", signature(SIGNING_SECRET, &timestamp, &body));
    if sent.retries > 0 {
        let reason = if reason == "timeout" {
            "http_timeout"
        } else {
            reason
        };
        request = request
            .header("x-slack-retry-num", sent.retries.to_string())
            .header("x-slack-retry-reason", reason);
    }
    let (inner, id) = (Arc::clone(inner), sent.id.clone());
    tokio::spawn(async move {
        let Ok(response) = request.body(body).send().await else {
            return;
        };
        if !response.status().is_success() {
            return;
        }
        let answer = response.text().await.unwrap_or_default();
        let answer = match serde_json::from_str::<Value>(&answer) {
            Ok(answer) if answer.is_object() && answer != json!({}) => Some(answer),
            _ => None,
        };
        let mut world = inner.world.lock();
        // To events anything may be answered; nobody reads it.
        let accepts = world.envelopes.iter().any(|sent| sent.id == id && sent.accepts);
        world.acknowledge(&inner, &id, answer.filter(|_| accepts));
        drop(world);
        inner.changed.notify_waiters();
    });
}

impl Simulator {
    /// Sends a request with this body, signed with a secret at a time: for what Slack would never send.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn request(
        &self,
        address: &str,
        body: &str,
        secret: &str,
        at: jiff::Timestamp,
    ) -> Result<(u16, String), reqwest::Error> {
        let timestamp = at.as_second().to_string();
        let request = self
            .inner
            .http
            .post(address)
            .header("content-type", "application/json")
            .header("x-slack-request-timestamp", &timestamp)
            .header("x-slack-signature", signature(secret, &timestamp, body));
        let response = request.body(body.to_owned()).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }
}
