//! Requests to Discord's API: bucket limits, repetition where it is safe, time limits, a budget of refusals.
//!
//! serenity's own client cannot be pointed elsewhere with its rate limiter on, has no time limits, and never repeats
//! what is safe to repeat; so its types are used, and the sending is ours.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::{Method, Response, StatusCode, header::HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use thiserror::Error;

use super::limits;

/// Discord itself.
const HOME: &str = "https://discord.com";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const BODY: usize = 8 << 20;
/// Attempts of one request, the first included.
const ATTEMPTS: u32 = 4;
/// Part of the budget of refusals that is used; the rest is for others behind the same address.
const REFUSALS: usize = limits::INVALID_REQUESTS / 2;
/// Buckets remembered; what is forgotten costs at most one refusal.
const BUCKETS: usize = 10_000;

/// Why a request had no success.
#[derive(Clone, Debug, Error, PartialEq)]
pub(crate) enum Failure {
    /// Too fast; again after this time.
    #[error("Discord asks to wait {} s", .0.as_secs_f32())]
    Limited(Duration),
    /// Discord's answer is no.
    #[error("Discord refuses it: {message} (status {status}, code {code})")]
    Refused {
        /// The status.
        status: u16,
        /// Discord's own code; 0 when there was none.
        code: i64,
        /// What it says.
        message: String,
    },
    /// Nothing, or nothing useful, came back.
    #[error("Discord cannot be reached: {0}")]
    Unreachable(String),
    /// The token does not count any more: nothing is sent.
    #[error("Discord does not take the bot's token")]
    Token,
}

impl Failure {
    /// Discord's own code.
    pub(crate) const fn code(&self) -> i64 {
        match self {
            Self::Refused { code, .. } => *code,
            _ => 0,
        }
    }

    /// The status of a refusal.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Refused { status, .. } => *status,
            _ => 0,
        }
    }
}

/// A file to send along.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
    file: Option<File>,
    /// Another one of the same has no other effect.
    repeatable: bool,
    /// The token in the path is all it needs, and the bot's must not be sent.
    open: bool,
    /// How long it may wait for its turn before it gives up.
    patience: Duration,
}

impl Call {
    fn new(method: Method, path: impl Into<String>) -> Self {
        let repeatable = method != Method::POST;
        Self {
            method,
            path: path.into(),
            body: None,
            file: None,
            repeatable,
            open: false,
            patience: Duration::from_secs(10),
        }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path).with(body)
    }

    pub(crate) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PATCH, path).with(body)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn file(mut self, file: Option<File>) -> Self {
        self.file = file;
        self
    }

    pub(crate) const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(crate) const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    pub(crate) const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

#[derive(Default)]
struct Bucket {
    remaining: Option<u32>,
    reset: Option<Instant>,
}

#[derive(Default)]
struct Pace {
    /// Which bucket a route belongs to, as Discord names it.
    named: HashMap<String, String>,
    buckets: HashMap<String, Bucket>,
    stopped_until: Option<Instant>,
    sent: VecDeque<Instant>,
    refused: VecDeque<Instant>,
    /// Seconds by which Discord's clock is before ours.
    clock: Option<i64>,
}

/// A bot's way to the API.
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    token: SecretString,
    dead: AtomicBool,
    pace: Mutex<Pace>,
}

impl Rest {
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn new(api_url: Option<&str>, token: SecretString) -> Result<Self, String> {
        let home = api_url.unwrap_or(HOME).trim_end_matches('/');
        let home = home.trim_end_matches("/v10").trim_end_matches("/api");
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!(
                "DiscordBot (https://discord.com, ",
                env!("CARGO_PKG_VERSION"),
                ")"
            ))
            .build()
            .map_err(|error| format!("no HTTP client can be made: {error}"))?;
        Ok(Self {
            http,
            base: format!("{home}/api/v10"),
            token,
            dead: AtomicBool::new(false),
            pace: Mutex::default(),
        })
    }

    /// The bot's token, for the gateway.
    pub(crate) const fn token(&self) -> &SecretString {
        &self.token
    }

    /// Whether Discord has refused the token.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// From now on nothing is sent.
    pub(crate) fn give_up(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    /// Seconds by which Discord's clock was before ours at the last answer.
    pub(crate) fn clock(&self) -> Option<i64> {
        self.pace.lock().clock
    }

    /// Sends a request, waits for its turn, repeats it where that does no harm.
    pub(crate) async fn call(&self, call: Call) -> Result<Value, Failure> {
        let route = route(&call.method, &call.path);
        let until = Instant::now() + call.patience;
        let mut attempt = 0;
        loop {
            attempt += 1;
            if self.is_dead() && !call.open {
                return Err(Failure::Token);
            }
            while let Some(wait) = self.turn(&route, call.open) {
                if Instant::now() + wait > until {
                    return Err(Failure::Limited(wait));
                }
                tokio::time::sleep(wait).await;
            }
            let failure = match self.send(&call).await {
                Ok(response) => match self.answer(&route, &call, response).await {
                    Ok(value) => return Ok(value),
                    Err(failure) => failure,
                },
                // What never left us may always be sent again.
                Err(error) if error.is_connect() => Failure::Unreachable(plain(&error)),
                Err(error) if call.repeatable => Failure::Unreachable(plain(&error)),
                Err(error) => return Err(Failure::Unreachable(plain(&error))),
            };
            let wait = match &failure {
                Failure::Limited(wait) => *wait,
                Failure::Unreachable(_) if call.repeatable || attempt == 1 => {
                    Duration::from_millis(200 << attempt)
                }
                _ => return Err(failure),
            };
            if attempt >= ATTEMPTS || Instant::now() + wait > until {
                return Err(failure);
            }
            // Waiting for the bucket is done at the top; this is for what failed.
            if !matches!(failure, Failure::Limited(_)) {
                tokio::time::sleep(wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            }
        }
    }

    async fn send(&self, call: &Call) -> Result<Response, reqwest::Error> {
        let mut request = self
            .http
            .request(call.method.clone(), format!("{}{}", self.base, call.path));
        if !call.open {
            request = request.header("Authorization", format!("Bot {}", self.token.expose_secret()));
        }
        request = match (&call.body, &call.file) {
            (Some(body), Some(file)) => {
                let part = reqwest::multipart::Part::bytes(file.bytes.clone()).file_name(file.name.clone());
                let json = reqwest::multipart::Part::text(body.to_string()).mime_str("application/json")?;
                let form = reqwest::multipart::Form::new()
                    .part("payload_json", json)
                    .part("files[0]", part.mime_str("text/plain; charset=utf-8")?);
                request.multipart(form)
            }
            (Some(body), None) => request.json(body),
            (None, _) => request,
        };
        request.send().await
    }

    /// How long a request of this route has to wait; counts it when it may go.
    fn turn(&self, route: &str, open: bool) -> Option<Duration> {
        let now = Instant::now();
        let mut pace = self.pace.lock();
        let pace = &mut *pace;
        while pace
            .refused
            .front()
            .is_some_and(|at| now.duration_since(*at) > limits::INVALID_WINDOW)
        {
            pace.refused.pop_front();
        }
        if pace.refused.len() >= REFUSALS {
            let oldest = pace.refused.front().copied().unwrap_or(now);
            return Some(
                limits::INVALID_WINDOW.saturating_sub(now.duration_since(oldest)) + Duration::from_millis(10),
            );
        }
        if !open {
            if let Some(until) = pace.stopped_until.filter(|until| *until > now) {
                return Some(until - now);
            }
            while pace
                .sent
                .front()
                .is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1))
            {
                pace.sent.pop_front();
            }
            if pace.sent.len() >= limits::GLOBAL_RATE {
                let oldest = pace.sent.front().copied().unwrap_or(now);
                return Some(
                    Duration::from_secs(1).saturating_sub(now.duration_since(oldest))
                        + Duration::from_millis(1),
                );
            }
        }
        let key = bucket_key(pace, route);
        if let Some(bucket) = pace.buckets.get_mut(&key) {
            match bucket.reset {
                Some(reset) if reset > now => {
                    if bucket.remaining == Some(0) {
                        return Some(reset - now);
                    }
                    bucket.remaining = bucket.remaining.map(|left| left.saturating_sub(1));
                }
                _ => bucket.remaining = None,
            }
        }
        if !open {
            pace.sent.push_back(now);
        }
        None
    }

    async fn answer(&self, route: &str, call: &Call, response: Response) -> Result<Value, Failure> {
        let status = response.status();
        self.note(route, response.headers());
        let shared = header(response.headers(), "x-ratelimit-scope") == Some("shared");
        let global = header(response.headers(), "x-ratelimit-global").is_some();
        let waits: Option<f64> = header(response.headers(), "retry-after").and_then(|text| text.parse().ok());
        let body = read(response).await;
        if status.is_success() {
            return match body {
                Ok(bytes) if bytes.is_empty() => Ok(Value::Null),
                Ok(bytes) => serde_json::from_slice(&bytes)
                    .map_err(|_| Failure::Unreachable("the answer is no JSON".to_owned())),
                Err(error) => Err(Failure::Unreachable(error)),
            };
        }
        let body: Value = body
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = body["retry_after"].as_f64().or(waits).unwrap_or(1.0);
            let wait = Duration::from_secs_f64(seconds.clamp(0.01, 3600.0)) + Duration::from_millis(10);
            let mut pace = self.pace.lock();
            if !shared {
                pace.refused.push_back(Instant::now());
            }
            if global || body["global"] == true {
                pace.stopped_until = Some(Instant::now() + wait);
            } else {
                let key = bucket_key(&pace, route);
                let bucket = pace.buckets.entry(key).or_default();
                bucket.remaining = Some(0);
                bucket.reset = Some(Instant::now() + wait);
            }
            return Err(Failure::Limited(wait));
        }
        if matches!(status.as_u16(), 401 | 403) {
            self.pace.lock().refused.push_back(Instant::now());
        }
        if status == StatusCode::UNAUTHORIZED && !call.open {
            self.give_up();
            return Err(Failure::Token);
        }
        if status.is_server_error() {
            return Err(Failure::Unreachable(format!("status {}", status.as_u16())));
        }
        Err(Failure::Refused {
            status: status.as_u16(),
            code: body["code"].as_i64().unwrap_or(0),
            message: told(&body),
        })
    }

    /// Remembers what the headers say about the route's bucket.
    fn note(&self, route: &str, headers: &HeaderMap) {
        let mut pace = self.pace.lock();
        if let Some(date) = header(headers, "date")
            && let Ok(date) = jiff::fmt::rfc2822::parse(date)
        {
            let ours = jiff::Timestamp::now().as_second();
            pace.clock = Some(date.timestamp().as_second() - ours);
        }
        if pace.buckets.len() > BUCKETS || pace.named.len() > BUCKETS {
            pace.buckets.clear();
            pace.named.clear();
        }
        if let Some(name) = header(headers, "x-ratelimit-bucket") {
            pace.named.insert(shape(route), name.to_owned());
        }
        let remaining = header(headers, "x-ratelimit-remaining").and_then(|text| text.parse().ok());
        let after: Option<f64> =
            header(headers, "x-ratelimit-reset-after").and_then(|text| text.parse().ok());
        if let (Some(remaining), Some(after)) = (remaining, after) {
            let key = bucket_key(&pace, route);
            let now = Instant::now();
            let bucket = pace.buckets.entry(key).or_default();
            // Of answers that overtook each other the one that allows less counts.
            let running = bucket.reset.is_some_and(|reset| reset > now);
            bucket.remaining = match bucket.remaining {
                Some(known) if running => Some(known.min(remaining)),
                _ => Some(remaining),
            };
            bucket.reset = Some(now + Duration::from_secs_f64(after.clamp(0.0, 3600.0)));
        }
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| plain(&error))? {
        if bytes.len() + chunk.len() > BODY {
            return Err("the answer is too long".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Without the address, which may hold an interaction's token.
fn plain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the connection broke".to_owned()
    }
}

/// What a refusal says, with the fields that it names.
fn told(body: &Value) -> String {
    let mut text = limits::cut(body["message"].as_str().unwrap_or("no reason given"), 300);
    let mut fields = Vec::new();
    reasons("", &body["errors"], &mut fields, 0);
    if !fields.is_empty() {
        text.push_str(": ");
        text.push_str(&fields.join("; "));
    }
    text
}

fn reasons(path: &str, value: &Value, into: &mut Vec<String>, depth: usize) {
    if depth > 12 || into.len() >= 5 {
        return;
    }
    let Some(map) = value.as_object() else { return };
    for (name, inner) in map {
        if name == "_errors" {
            let first = inner[0]["message"].as_str().unwrap_or_default();
            into.push(limits::cut(&format!("{path} {first}"), 200));
        } else {
            let joined = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            reasons(&joined, inner, into, depth + 1);
        }
    }
}

/// The route of a request with its major parameters, which have buckets of their own.
fn route(method: &Method, path: &str) -> String {
    let path = path.split('?').next().unwrap_or(path);
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if parts.first() == Some(&"interactions") {
        return format!("{method} interactions");
    }
    let mut out = format!("{method} ");
    for (at, part) in parts.iter().enumerate() {
        let major = (at == 1 && matches!(parts[0], "channels" | "guilds" | "webhooks"))
            || (at == 2 && parts[0] == "webhooks");
        let is_id = part.len() >= 15 && part.bytes().all(|byte| byte.is_ascii_digit());
        out.push('/');
        out.push_str(if is_id && !major { ":id" } else { part });
    }
    out
}

/// The route without its major parameters: what Discord's bucket names are about.
fn shape(route: &str) -> String {
    let parts: Vec<&str> = route.split('/').collect();
    let keep = |at: usize| !(at == 2 || at == 3 && parts.get(1) == Some(&"webhooks"));
    let kept: Vec<&str> = parts
        .iter()
        .enumerate()
        .filter(|(at, _)| keep(*at))
        .map(|(_, part)| *part)
        .collect();
    kept.join("/")
}

fn bucket_key(pace: &Pace, route: &str) -> String {
    let major: Vec<&str> = route.split('/').skip(2).take(2).collect();
    let major = match route.split('/').nth(1) {
        Some("webhooks") => major.join("/"),
        Some("channels" | "guilds") => major.first().map_or(String::new(), |id| (*id).to_owned()),
        _ => String::new(),
    };
    pace.named
        .get(&shape(route))
        .map_or_else(|| route.to_owned(), |name| format!("{name}:{major}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_keep_what_has_its_own_bucket() {
        let post = |path: &str| route(&Method::POST, path);
        assert_eq!(
            post("/channels/1100000000000000001/messages?x=1"),
            "POST /channels/1100000000000000001/messages"
        );
        assert_eq!(
            post("/channels/1100000000000000001/messages/1100000000000000009/threads"),
            "POST /channels/1100000000000000001/messages/:id/threads"
        );
        assert_eq!(
            post("/interactions/1100000000000000001/tok/callback"),
            "POST interactions"
        );
        assert_eq!(
            shape("POST /channels/1100000000000000001/messages"),
            shape("POST /channels/1100000000000000002/messages")
        );
    }

    #[test]
    fn reasons_name_the_field() {
        let body = serde_json::json!({"message": "Invalid Form Body", "errors": {"embeds": {"0": {"title": {"_errors": [{"message": "too long"}]}}}}});
        assert_eq!(told(&body), "Invalid Form Body: embeds.0.title too long");
    }
}
