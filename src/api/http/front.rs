//! The outermost layer: request ids, time limit, panics, metrics, access log and cross-origin headers, all in
//! one step, because every layer costs an allocation on each request.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tower::{Layer, Service};

use super::error::ApiError;
use crate::api::ApiState;
use crate::api::metrics::Metrics;
use crate::model::Id;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters that a client's own request id may have.
const REQUEST_ID_LIMIT: usize = 128;

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET,POST,PUT,DELETE,OPTIONS");
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("Content-Type,Authorization,X-Auth-Token,St2-Api-Key,X-Request-ID");
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("Content-Type,X-Limit,X-Total-Count,X-Request-ID");

/// Puts [`FrontService`] around every route.
#[derive(Clone)]
pub(crate) struct Front {
    state: ApiState,
}

impl Front {
    pub(crate) const fn new(state: ApiState) -> Self {
        Self { state }
    }
}

impl<S> Layer<S> for Front {
    type Service = FrontService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FrontService {
            inner,
            state: self.state.clone(),
        }
    }
}

/// A route with everything that all routes have.
#[derive(Clone)]
pub(crate) struct FrontService<S> {
    inner: S,
    state: ApiState,
}

/// What is known of a request when its answer is ready.
struct Seen {
    method: Method,
    route: Option<MatchedPath>,
    path: Option<String>,
    origin: Option<HeaderValue>,
    request_id: HeaderValue,
    started: Instant,
}

impl<S> Service<Request> for FrontService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let logged = tracing::enabled!(target: "sayso::access", tracing::Level::DEBUG);
        let seen = Seen {
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            // Without its query, which may hold a token.
            path: logged.then(|| request.uri().path().to_owned()),
            origin: request.headers().get(header::ORIGIN).cloned(),
            request_id: request_id(request.headers()),
            started: Instant::now(),
        };
        let state = self.state.clone();
        if seen.method == Method::OPTIONS {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=UTF-8"),
            );
            return Box::pin(std::future::ready(Ok(finish(&state, seen, response))));
        }
        let limit = Duration::from_secs(state.options().request_timeout.max(1));
        let answer = AssertUnwindSafe(tokio::time::timeout(limit, self.inner.call(request))).catch_unwind();
        Box::pin(async move {
            let response = match answer.await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(impossible))) => match impossible {},
                Ok(Err(_)) => ApiError::new(
                    StatusCode::GATEWAY_TIMEOUT,
                    format!(
                        "The request took longer than {} s (setting api.request_timeout); what it asked for may \
                         still happen.",
                        limit.as_secs()
                    ),
                )
                .into_response(),
                Err(panic) => {
                    ApiError::internal(&format_args!("panic: {}", panic_text(&*panic))).into_response()
                }
            };
            Ok(finish(&state, seen, response))
        })
    }
}

fn finish(state: &ApiState, seen: Seen, mut response: Response) -> Response {
    let taken = seen.started.elapsed();
    let status = response.status();
    let route = seen.route.as_ref().map_or("-", MatchedPath::as_str);
    Metrics::global().request(&seen.method, route, status, taken);
    if let Some(path) = seen.path {
        let duration_ms = taken.as_secs_f64() * 1e3;
        let (method, request_id) = (&seen.method, seen.request_id.to_str().unwrap_or_default());
        let status = status.as_u16();
        tracing::debug!(
            target: "sayso::access",
            %method,
            path,
            status,
            request_id,
            duration_ms,
            "answered a request"
        );
    }
    let headers = response.headers_mut();
    if let Some(origin) = seen.origin {
        allow_origin(state, headers, origin);
    }
    headers.insert(REQUEST_ID, seen.request_id);
    response
}

fn allow_origin(state: &ApiState, headers: &mut HeaderMap, origin: HeaderValue) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if !state
        .options()
        .allow_origin
        .iter()
        .any(|allowed| allowed.as_bytes() == origin.as_bytes())
    {
        return;
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
}

/// The client's id when it is a sensible one, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    match headers.get(&REQUEST_ID) {
        Some(id) if !id.is_empty() && id.len() <= REQUEST_ID_LIMIT && id.to_str().is_ok() => id.clone(),
        _ => HeaderValue::from_str(&Id::new().to_string()).unwrap_or_else(|_| HeaderValue::from_static("0")),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
