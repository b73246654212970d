//! The answer to a request as a result: `{status_code, body, parsed, headers}`.

use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use super::failure;
use crate::model::{JsonMap, Status};
use crate::runners::Outcome;

/// Reads the answer, at most `limit` bytes of body.
pub(super) async fn read(mut answer: Response, limit: usize, place: &str) -> Result<Outcome, String> {
    let code = answer.status().as_u16();
    let headers = answer.headers().clone();
    let mut bytes = Vec::new();
    let mut cut = false;
    while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error, place))? {
        let room = limit - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    let text = decode(bytes, &headers)
        .await
        .map_err(|error| broken(&error, place))?;
    let parsed: Option<Value> = if is_json(&headers) && !cut {
        serde_json::from_str(&text).ok()
    } else {
        None
    };
    let mut result = json!({
        "status_code": code,
        "body": Value::Null,
        "parsed": parsed.is_some(),
        "headers": shown(&headers),
    });
    result["body"] = parsed.unwrap_or(Value::String(text));
    let status = if (200..=206).contains(&code) && !cut {
        Status::Succeeded
    } else {
        Status::Failed
    };
    if cut {
        result["error"] =
            format!("The response of {place} is longer than {limit} bytes; the rest was not read").into();
    }
    Ok(Outcome::new(status, result))
}

fn broken(error: &reqwest::Error, place: &str) -> String {
    format!(
        "The response was not read to its end. {}",
        failure::explain(error, place)
    )
}

/// The text in the character set that the headers name, else UTF-8; what is no text is replaced.
async fn decode(bytes: Vec<u8>, headers: &HeaderMap) -> reqwest::Result<String> {
    let mut whole = http::Response::new(bytes);
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        whole.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    Response::from(whole).text().await
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Headers as an object; several of one name are joined by a comma.
fn shown(headers: &HeaderMap) -> JsonMap {
    let mut shown = JsonMap::new();
    for name in headers.keys() {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        shown.insert(usual_name(name.as_str()), values.join(", ").into());
    }
    shown
}

/// The name as servers usually write it; HTTP/2 and our client know lower case only.
fn usual_name(name: &str) -> String {
    match name {
        "etag" => return "ETag".to_owned(),
        "www-authenticate" => return "WWW-Authenticate".to_owned(),
        _ => {}
    }
    let mut usual = String::with_capacity(name.len());
    let mut starts = true;
    for c in name.chars() {
        usual.push(if starts { c.to_ascii_uppercase() } else { c });
        starts = c == '-';
    }
    usual
}
