//! A web address is asked again and again; when it answers otherwise than before, that is an event.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{Over, Watch};

/// Pause when nothing is said.
const EVERY: u64 = 60;
/// Shortest and longest pause, in seconds.
const PAUSES: std::ops::RangeInclusive<u64> = 1..=7 * 24 * 3600;
/// How long an answer may take when nothing is said, in seconds.
const TIMEOUT: u64 = 15;
/// Bytes of an answer that are looked at.
const LOOKED_AT: usize = 4 << 20;
/// Bytes of an answer that the event carries.
const CARRIED: usize = 64 * 1024;

/// What was answered last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// `None`: no answer at all.
    status: Option<u16>,
    /// Digest of the body of the last answer with status 2xx.
    digest: Option<String>,
    etag: Option<String>,
    modified: Option<String>,
}

/// An answer.
struct Answer {
    status: Option<u16>,
    /// `None`: as before, or not looked at.
    body: Option<Vec<u8>>,
    etag: Option<String>,
    modified: Option<String>,
    /// Why there is none.
    error: Option<String>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Status,
    Body,
    Any,
}

pub(super) async fn watch(watch: &Watch) {
    let every = pause(watch.trigger.parameters.get("every"));
    let on = match watch.text("on") {
        Some("status") => On::Status,
        Some("body") => On::Body,
        _ => On::Any,
    };
    let stored = watch
        .state()
        .await
        .and_then(|state| serde_json::from_value(state).ok());
    let mut state: Option<State> = stored;
    loop {
        let Ok(answer) = ask(watch, state.as_ref()).await else {
            return;
        };
        watch.note(answer.error.clone());
        let after = next(state.as_ref(), &answer);
        let changed = state
            .as_ref()
            .map_or_else(Vec::new, |before| changed(before, &after, on));
        if changed.is_empty() {
            if state.as_ref() != Some(&after) {
                watch.keep(json!(after)).await;
            }
        } else {
            let payload = payload(
                watch.text("url").unwrap_or_default(),
                state.as_ref(),
                &after,
                &answer,
                &changed,
            );
            if watch.emit(payload, json!(after)).await.is_err() {
                return;
            }
        }
        state = Some(after);
        if watch.rest(every).await.is_err() {
            return;
        }
    }
}

/// `30`, `30s`, `5m`, `1h`.
fn pause(every: Option<&Json>) -> Duration {
    let seconds = match every {
        Some(Json::String(text)) => {
            let digits = text.trim_end_matches(|last: char| !last.is_ascii_digit());
            let unit = match text[digits.len()..].trim() {
                "m" => 60,
                "h" => 3600,
                _ => 1,
            };
            digits
                .trim()
                .parse::<u64>()
                .ok()
                .map(|number| number.saturating_mul(unit))
        }
        Some(other) => other.as_u64(),
        None => None,
    };
    let seconds = seconds.unwrap_or(EVERY);
    Duration::from_secs(seconds.clamp(*PAUSES.start(), *PAUSES.end()))
}

fn client() -> Result<&'static Client, String> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    crate::runners::install_crypto();
    let made = Client::builder()
        .user_agent(concat!("sayso/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("there is no HTTP client: {error}"))?;
    Ok(CLIENT.get_or_init(|| made))
}

async fn ask(watch: &Watch, before: Option<&State>) -> Result<Answer, Over> {
    tokio::select! {
        () = watch.stop.cancelled() => Err(Over),
        answer = attempt(watch, before) => Ok(answer.unwrap_or_else(|error| Answer {
            status: None,
            body: None,
            etag: None,
            modified: None,
            error: Some(error),
        })),
    }
}

async fn attempt(watch: &Watch, before: Option<&State>) -> Result<Answer, String> {
    let parameters = &watch.trigger.parameters;
    let timeout = parameters
        .get("timeout")
        .and_then(Json::as_u64)
        .unwrap_or(TIMEOUT);
    let mut request = client()?
        .get(watch.text("url").unwrap_or_default())
        .timeout(Duration::from_secs(timeout.clamp(1, 300)));
    for (name, value) in parameters
        .get("headers")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        let name =
            HeaderName::try_from(name.as_str()).map_err(|_| format!("`{name}` is no name of a header"))?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut value =
            HeaderValue::try_from(value).map_err(|_| format!("the value of header {name} cannot be sent"))?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    if let Some(before) = before {
        for (name, value) in [
            (IF_NONE_MATCH, &before.etag),
            (IF_MODIFIED_SINCE, &before.modified),
        ] {
            if let Some(value) = value
                .as_deref()
                .and_then(|value| HeaderValue::try_from(value).ok())
            {
                request = request.header(name, value);
            }
        }
    }
    let mut response = request.send().await.map_err(|error| reason(&error))?;
    let text = |name: HeaderName| {
        let value = response.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let (etag, modified) = (text(ETAG), text(LAST_MODIFIED));
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED {
        return Ok(Answer {
            status: Some(before.and_then(|before| before.status).unwrap_or(200)),
            body: None,
            etag: etag.or_else(|| before.and_then(|before| before.etag.clone())),
            modified: modified.or_else(|| before.and_then(|before| before.modified.clone())),
            error: None,
        });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        let room = LOOKED_AT - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == LOOKED_AT {
            break;
        }
    }
    Ok(Answer {
        status: Some(status.as_u16()),
        body: Some(body),
        etag,
        modified,
        error: None,
    })
}

/// An error without the address, which may hold a secret.
fn reason(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    if error.is_timeout() {
        return "it does not answer in time".to_owned();
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    if error.source().is_none() {
        return "it cannot be asked".to_owned();
    }
    format!("it does not answer: {deepest}")
}

/// What is known after an answer.
fn next(before: Option<&State>, answer: &Answer) -> State {
    let is_good = answer.status.is_some_and(|status| (200..300).contains(&status));
    let known = before.cloned().unwrap_or_default();
    match &answer.body {
        Some(body) if is_good => State {
            status: answer.status,
            digest: Some(hex::encode(Sha256::digest(body))),
            etag: answer.etag.clone(),
            modified: answer.modified.clone(),
        },
        // As before, or nothing that could be compared.
        _ => State {
            status: answer.status,
            ..known
        },
    }
}

fn changed(before: &State, after: &State, on: On) -> Vec<&'static str> {
    let mut changed = Vec::new();
    if on != On::Body && before.status != after.status {
        changed.push("status");
    }
    if on != On::Status && before.digest.is_some() && before.digest != after.digest {
        changed.push("body");
    }
    changed
}

fn payload(url: &str, before: Option<&State>, after: &State, answer: &Answer, changed: &[&str]) -> Json {
    let body = answer.body.as_deref().map(|body| {
        let text = String::from_utf8_lossy(&body[..body.len().min(CARRIED)]);
        text.into_owned()
    });
    let is_cut = answer.body.as_ref().is_some_and(|body| body.len() > CARRIED);
    let value: Json = match &answer.body {
        Some(body) if !is_cut => serde_json::from_slice(body).unwrap_or_default(),
        _ => Json::Null,
    };
    json!({
        "url": url,
        "changed": changed,
        "status": after.status,
        "previous_status": before.and_then(|before| before.status),
        "error": answer.error,
        "body": body,
        "json": value,
        "etag": after.etag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: Option<u16>, body: Option<&str>) -> Answer {
        Answer {
            status,
            body: body.map(|body| body.as_bytes().to_vec()),
            etag: None,
            modified: None,
            error: None,
        }
    }

    #[test]
    fn changes_are_of_status_and_of_good_bodies() {
        let good = next(None, &answer(Some(200), Some("a")));
        let same = next(Some(&good), &answer(Some(200), None));
        assert_eq!(changed(&good, &same, On::Any), Vec::<&str>::new());
        let other = next(Some(&good), &answer(Some(200), Some("b")));
        assert_eq!(changed(&good, &other, On::Any), ["body"]);
        assert_eq!(changed(&good, &other, On::Status), Vec::<&str>::new());
        // An error page is no new body, and what was there before is remembered through it.
        let down = next(Some(&good), &answer(Some(503), Some("sorry")));
        assert_eq!(changed(&good, &down, On::Any), ["status"]);
        assert_eq!(changed(&good, &down, On::Body), Vec::<&str>::new());
        let gone = next(Some(&down), &answer(None, None));
        assert_eq!(changed(&down, &gone, On::Any), ["status"]);
        let back = next(Some(&gone), &answer(Some(200), Some("a")));
        assert_eq!(changed(&gone, &back, On::Any), ["status"]);
        assert_eq!(changed(&gone, &back, On::Body), Vec::<&str>::new());
    }

    #[test]
    fn pauses_are_read() {
        for (every, seconds) in [
            (json!(null), EVERY),
            (json!(30), 30),
            (json!("45"), 45),
            (json!("90s"), 90),
            (json!("5m"), 300),
            (json!("1h"), 3600),
            (json!(0), 1),
            (json!("99999h"), 7 * 24 * 3600),
        ] {
            assert_eq!(pause(Some(&every)).as_secs(), seconds, "{every}");
        }
    }
}
