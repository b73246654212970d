//! A client of the API: of a server somewhere, or of a router in this process without any socket.

mod error;
mod sse;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

pub use error::ClientError;
pub use sse::{EventStream, SseEvent};

/// Bytes of an answer that are read at most; answers with results are far smaller (`engine.result_limit`).
const ANSWER_LIMIT: usize = 512 << 20;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may be silent, also on a stream (where it sends a heartbeat every 25 seconds).
const SILENCE_TIMEOUT: Duration = Duration::from_secs(120);
/// The header that names the person on whose behalf a request is made.
pub const ACT_AS: &str = "x-sayso-user";

/// A client of the API. Cheap to clone; all clones share connections and token.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    headers: Arc<HeaderMap>,
}

#[derive(Clone)]
enum Transport {
    Remote { http: reqwest::Client, base: Arc<str> },
    InProcess(Router),
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

type BodyStream = BoxStream<'static, Result<Bytes, ClientError>>;

impl Client {
    /// A client of the server at `base_url`, `http://127.0.0.1:9101` (a path in it is kept as prefix).
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Malformed`] when the URL is none or the token cannot be a header value.
    pub fn remote(base_url: &str, token: &str) -> Result<Self, ClientError> {
        let url: url::Url = base_url.parse().map_err(|error| {
            ClientError::Malformed(format!(
                "`{base_url}` is no server address ({error}): write it like http://127.0.0.1:9101"
            ))
        })?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(ClientError::Malformed(format!(
                "`{base_url}` is no server address: write it like http://127.0.0.1:9101"
            )));
        }
        // Fails only when another provider was installed before, and then that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_TIMEOUT);
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| ClientError::Malformed(format!("the HTTP client cannot be set up: {error}")))?;
        let base = base_url.trim_end_matches('/').into();
        Ok(Self {
            transport: Transport::Remote { http, base },
            headers: Arc::new(bearer(token)?),
        })
    }

    /// A client of a router in this process: requests go through all of its layers, but through no socket.
    ///
    /// # Errors
    /// [`ClientError::Malformed`] when the token cannot be a header value.
    pub fn in_process(router: Router, token: &str) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Transport::InProcess(router),
            headers: Arc::new(bearer(token)?),
        })
    }

    /// The same client acting on behalf of `user` (needs the administrator's token; the request then has
    /// that user's rights).
    ///
    /// # Errors
    /// [`ClientError::Malformed`] when the name cannot be a header value.
    pub fn acting_as(&self, user: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(user)
            .map_err(|_| ClientError::Malformed(format!("`{user}` cannot be a user's name")))?;
        let mut headers = (*self.headers).clone();
        headers.insert(ACT_AS, value);
        Ok(Self {
            transport: self.transport.clone(),
            headers: Arc::new(headers),
        })
    }

    /// Gets the JSON at `path` (with its query, `/api/v1/executions?limit=1`).
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json(Method::GET, path, None).await
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.json(Method::POST, path, body).await
    }

    /// Puts JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put(&self, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.json(Method::PUT, path, body).await
    }

    /// Deletes.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete(&self, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.json(Method::DELETE, path, body).await
    }

    /// Sends anything and gives the answer whatever its status; only the token is added.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] and [`ClientError::Malformed`].
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<RawAnswer, ClientError> {
        let (status, headers, mut stream) = self.open(method, path, headers, body).await?;
        let mut collected = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            if collected.len() + chunk.len() > ANSWER_LIMIT {
                return Err(ClientError::Malformed(format!(
                    "the answer has more than {ANSWER_LIMIT} bytes"
                )));
            }
            collected.extend_from_slice(&chunk);
        }
        Ok(RawAnswer {
            status,
            headers,
            body: collected.freeze(),
        })
    }

    /// Follows an event stream. It ends when the server ends it; connecting again is up to the caller.
    ///
    /// # Errors
    /// See [`ClientError`]; later failures come as items of the stream.
    pub async fn events(&self, path: &str) -> Result<EventStream, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let (status, _, mut stream) = self.open(Method::GET, path, headers, Bytes::new()).await?;
        if status.is_success() {
            return Ok(EventStream::new(stream));
        }
        let mut body = BytesMut::new();
        while let Some(Ok(chunk)) = stream.next().await {
            body.extend_from_slice(&chunk);
            if body.len() > 64 << 10 {
                break;
            }
        }
        Err(ClientError::refused(status, &body))
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut bytes = Bytes::new();
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let text = serde_json::to_vec(body)
                .map_err(|error| ClientError::Malformed(format!("the request cannot be written: {error}")))?;
            bytes = text.into();
        }
        let answer = self.send_raw(method, path, headers, bytes).await?;
        if !answer.status.is_success() {
            return Err(ClientError::refused(answer.status, &answer.body));
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            ClientError::Malformed(format!(
                "the answer to {path} is no JSON ({error}): is this a Sayso server?"
            ))
        })
    }

    async fn open(
        &self,
        method: Method,
        path: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, BodyStream), ClientError> {
        for (name, value) in self.headers.iter() {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        match &self.transport {
            Transport::Remote { http, base } => {
                let server = base.clone();
                let response = http
                    .request(method, format!("{base}{path}"))
                    .headers(headers)
                    .body(body)
                    .send()
                    .await
                    .map_err(|error| ClientError::transport(&server, &error))?;
                let (status, headers) = (response.status(), response.headers().clone());
                let stream = response
                    .bytes_stream()
                    .map(move |chunk| chunk.map_err(|error| ClientError::transport(&server, &error)));
                Ok((status, headers, stream.boxed()))
            }
            Transport::InProcess(router) => {
                let mut request = Request::builder()
                    .method(method)
                    .uri(path)
                    .body(Body::from(body))
                    .map_err(|error| ClientError::Malformed(format!("`{path}` is no path ({error})")))?;
                *request.headers_mut() = headers;
                let response = match router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(impossible) => match impossible {},
                };
                let (parts, body) = response.into_parts();
                let stream = body.into_data_stream().map(|chunk| {
                    chunk.map_err(|error| ClientError::Malformed(format!("the answer broke off: {error}")))
                });
                Ok((parts.status, parts.headers, stream.boxed()))
            }
        }
    }
}

fn bearer(token: &str) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    if !token.is_empty() {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            ClientError::Malformed(
                "the token has characters that no token has: read it again from admin.token".to_owned(),
            )
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// A proxy can never reach our own machine, so its settings do not apply there.
fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
