//! Webhooks: their URLs, and what a request becomes (WHK).

use serde_json::Value as Json;

pub use super::proof::{Algorithm, Auth, Encoding, Stamp};
use crate::model::JsonMap;

/// Headers that never reach rules: they hold what proves who sent it (WHK-5).
pub const SECRET_HEADERS: [&str; 4] = ["st2-api-key", "x-auth-token", "cookie", "authorization"];
/// Longest URL of a webhook, in bytes.
const MAX_URL: usize = 1024;
/// The URL of the hook that takes any trigger (WHK-2).
pub const GENERIC: &str = "st2";

/// A URL as it is compared: without slashes before and behind (WHK-1).
#[must_use]
pub fn normalised(url: &str) -> &str {
    url.trim_matches('/')
}

/// Whether a rule can have this URL.
///
/// # Errors
/// What is wrong, and what to do.
pub fn check_url(url: &str) -> Result<(), (String, String)> {
    let hint = "write the part behind /v1/webhooks/, like monitoring/alerts".to_owned();
    let clean = normalised(url);
    if clean.is_empty() {
        return Err(("the URL of the webhook is empty".to_owned(), hint));
    }
    if clean.len() > MAX_URL {
        return Err((format!("the URL is longer than {MAX_URL} bytes"), hint));
    }
    if clean == GENERIC {
        let why = format!("`{GENERIC}` is the URL of the hook that takes any trigger");
        return Err((why, "choose another one".to_owned()));
    }
    if clean.contains("://") {
        return Err(("only the last part of the URL is said here".to_owned(), hint));
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#');
    if let Some(odd) = clean.chars().find(|c| odd(*c)) {
        return Err((format!("{odd:?} cannot be part of the URL of a webhook"), hint));
    }
    if clean.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(("a part of the URL is empty or made of dots".to_owned(), hint));
    }
    Ok(())
}

/// The payload of a webhook: its headers and its body.
///
/// Headers stand with capitals (`X-Github-Event`) and in lower case, without those that prove something. Of a header
/// that comes twice the last one counts, as in the reference.
#[must_use]
pub fn payload<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>, body: Json) -> Json {
    let (mut written, mut lower) = (JsonMap::new(), JsonMap::new());
    for (name, value) in headers {
        let folded = name.to_ascii_lowercase();
        if SECRET_HEADERS.contains(&folded.as_str()) {
            continue;
        }
        written.insert(as_written(name), value.into());
        lower.insert(folded, value.into());
    }
    let mut payload = JsonMap::new();
    payload.insert("headers".to_owned(), Json::Object(written));
    payload.insert("headers_lower".to_owned(), Json::Object(lower));
    payload.insert("body".to_owned(), body);
    Json::Object(payload)
}

/// A header's name as rules know it, `X-Github-Event`: each part with one capital, however the sender wrote it. The
/// reference gets its headers from WSGI, which keeps nothing else.
fn as_written(name: &str) -> String {
    let mut inside = false;
    let letters = name.chars().map(|letter| {
        let written = if inside {
            letter.to_ascii_lowercase()
        } else {
            letter.to_ascii_uppercase()
        };
        inside = letter.is_ascii_alphabetic();
        written
    });
    letters.collect()
}

/// The tag of the trace that a request begins when it names none (WHK-7); `unique` tells requests apart.
#[must_use]
pub fn trace_tag(url: &str, unique: &str) -> String {
    format!("webhook-{}-{unique}", normalised(url))
}
