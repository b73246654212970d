//! Request bodies: bounded, JSON only, with the reference's complaints.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::error::{ApiError, ApiResult};
use crate::api::ApiState;
use crate::model::JsonMap;

/// A JSON object as body; no body counts as an empty one.
pub(crate) struct Payload(pub(crate) JsonMap);

impl FromRequest<ApiState> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body, state.options().body_limit).await?;
        if bytes.is_empty() {
            return Ok(Self(JsonMap::new()));
        }
        check_type(&parts.headers)?;
        parse(&bytes).map(Self)
    }
}

/// A definition as text: YAML as it is, or a JSON string that holds it.
pub(crate) struct Definition(pub(crate) String);

impl FromRequest<ApiState> for Definition {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body, state.options().body_limit).await?;
        let text = String::from_utf8(bytes)
            .map_err(|_| ApiError::bad_request("The definition is not a text in UTF-8."))?;
        Ok(Self(match serde_json::from_str(&text) {
            Ok(Value::String(inner)) => inner,
            _ => text,
        }))
    }
}

/// The bytes of a body as they came.
pub(crate) async fn raw(headers: &HeaderMap, body: Body, limit: usize) -> ApiResult<Vec<u8>> {
    read(headers, body, limit).await
}

/// A body in JSON, whatever it is.
pub(crate) fn json(bytes: &[u8]) -> ApiResult<Value> {
    value(bytes)
}

/// A form: every name with the list of its values.
pub(crate) fn form(bytes: &[u8]) -> ApiResult<Value> {
    let mut fields = JsonMap::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        let values = fields
            .entry(name.into_owned())
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(value.into_owned().into());
        }
    }
    Ok(Value::Object(fields))
}

/// A form in parts: every name with the list of its values; files count as their text.
pub(crate) async fn multipart(content_type: &str, bytes: Vec<u8>) -> ApiResult<Value> {
    let bad = |error: multer::Error| ApiError::bad_request(format!("Failed to parse request body: {error}"));
    let boundary = multer::parse_boundary(content_type).map_err(bad)?;
    let whole = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(bytes)));
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut fields = JsonMap::new();
    while let Some(part) = parts.next_field().await.map_err(bad)? {
        let name = part.name().unwrap_or_default().to_owned();
        let value = part.bytes().await.map_err(bad)?;
        let values = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(String::from_utf8_lossy(&value).into_owned().into());
        }
    }
    Ok(Value::Object(fields))
}

/// The whole body, refused beyond the limit before it is taken into memory.
async fn read(headers: &HeaderMap, body: Body, limit: usize) -> ApiResult<Vec<u8>> {
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The request's body has more than {limit} bytes, the limit (setting api.body_limit)."),
        )
    };
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(0);
    if declared > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(declared.min(64 << 10));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ApiError::bad_request("The request's body broke off."))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn check_type(headers: &HeaderMap) -> ApiResult<()> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let kind = text.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json") {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "Failed to parse request body: Unsupported Content-Type: \"{kind}\""
    )))
}

fn parse(bytes: &[u8]) -> ApiResult<JsonMap> {
    match value(bytes)? {
        Value::Object(map) => Ok(map),
        other => Err(ApiError::bad_request(format!(
            "{} is not of type 'object'",
            excerpt(&other)
        ))),
    }
}

fn value(bytes: &[u8]) -> ApiResult<Value> {
    let complain = |what: String| ApiError::bad_request(format!("Failed to parse request body: {what}"));
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        complain(format!("byte 0x{:02x} at position {at} is no UTF-8", bytes[at]))
    })?;
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or(&message);
            Err(complain(format!("{message}: line {line} column {column}")))
        }
    }
}

/// The beginning of a value as JSON, for complaints about its type.
pub(crate) fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Takes typed fields out of a body. A field that is null counts as not given.
pub(crate) trait Fields {
    /// A text.
    fn take_text(&mut self, name: &str) -> ApiResult<Option<String>>;
    /// An object.
    fn take_object(&mut self, name: &str) -> ApiResult<Option<JsonMap>>;
    /// A whole number that is not negative.
    fn take_count(&mut self, name: &str) -> ApiResult<Option<u64>>;
    /// A list of texts.
    fn take_texts(&mut self, name: &str) -> ApiResult<Option<Vec<String>>>;
    /// A text that must be there.
    fn need_text(&mut self, name: &str) -> ApiResult<String> {
        self.take_text(name)?
            .ok_or_else(|| ApiError::bad_request(format!("'{name}' is a required property")))
    }
}

impl Fields for JsonMap {
    fn take_text(&mut self, name: &str) -> ApiResult<Option<String>> {
        match self.get_mut(name).map(Value::take) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(&other, "string")),
        }
    }

    fn take_object(&mut self, name: &str) -> ApiResult<Option<JsonMap>> {
        match self.get_mut(name).map(Value::take) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(other) => Err(wrong_type(&other, "object")),
        }
    }

    fn take_count(&mut self, name: &str) -> ApiResult<Option<u64>> {
        match self.get_mut(name).map(Value::take) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_u64() => Ok(number.as_u64()),
            Some(Value::Number(number)) if number.is_i64() => Err(ApiError::bad_request(format!(
                "{number} is less than the minimum of 0"
            ))),
            Some(other) => Err(wrong_type(&other, "integer")),
        }
    }

    fn take_texts(&mut self, name: &str) -> ApiResult<Option<Vec<String>>> {
        match self.get_mut(name).map(Value::take) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    other => Err(wrong_type(&other, "string")),
                })
                .collect::<ApiResult<_>>()
                .map(Some),
            Some(other) => Err(wrong_type(&other, "array")),
        }
    }
}

/// A complaint that shows no value of a parameter: it may be a secret in the wrong place.
fn wrong_type(value: &Value, wanted: &str) -> ApiError {
    let shown = match value {
        Value::String(_) => "A text".to_owned(),
        Value::Object(_) => "An object".to_owned(),
        Value::Array(_) => "A list".to_owned(),
        simple => simple.to_string(),
    };
    ApiError::bad_request(format!("{shown} is not of type '{wanted}'"))
}
