//! Calls of Slack's Web API: time limits, waits that Slack asks for, kinds of failures.
//!
//! slack-morphism's client has no time limits and throttles posts for a whole workspace at once; so its sending is
//! replaced by this.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use thiserror::Error;

use super::limits;

/// Slack itself.
const HOME: &str = "https://slack.com/api";
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// For uploads, which are longer.
const UPLOAD: Duration = Duration::from_secs(120);
/// Bytes of an answer that are read.
const BODY: usize = 8 << 20;
/// Methods (and channels) whose waits are remembered.
const REMEMBERED: usize = 10_000;
/// Longest wait that is believed.
const LONGEST_WAIT: f64 = 3600.0;
/// No clock was seen yet.
const NO_CLOCK: i64 = i64::MIN;

/// Why a call had no success.
#[derive(Clone, Debug, Error, PartialEq)]
pub(super) enum Failure {
    /// Too fast; again after this time.
    #[error("Slack asks to wait {} s", .0.as_secs_f32())]
    Limited(Duration),
    /// Slack's answer is no.
    #[error("Slack refuses it: {error}{}", told(.detail))]
    Refused {
        /// Slack's own code.
        error: String,
        /// What it says besides.
        detail: String,
    },
    /// Nothing, or nothing useful, came back.
    #[error("Slack cannot be reached: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
        /// It may have been done all the same.
        doubtful: bool,
    },
    /// The token does not count (any more).
    #[error("Slack does not take the token: {0}")]
    Token(String),
}

fn told(detail: &str) -> String {
    if detail.is_empty() {
        String::new()
    } else {
        format!(" ({detail})")
    }
}

impl Failure {
    /// Slack's own code; empty when it is no refusal.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Refused { error, .. } => error,
            _ => "",
        }
    }

    /// Whether it may have been done all the same.
    pub(super) const fn is_doubtful(&self) -> bool {
        matches!(self, Self::Unreachable { doubtful: true, .. })
    }
}

/// An answer with a status, for what is asked besides the methods.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) value: Value,
    pub(super) scopes: Option<String>,
}

/// A workspace's way to the Web API.
pub(super) struct Web {
    http: reqwest::Client,
    base: String,
    bot: SecretString,
    app: Option<SecretString>,
    waits: Mutex<HashMap<String, Instant>>,
    /// Seconds by which Slack's clock was before ours at the last answer.
    clock: AtomicI64,
}

impl Web {
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(
        api_url: Option<&str>,
        bot: SecretString,
        app: Option<SecretString>,
    ) -> Result<Self, String> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("sayso/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("no HTTP client can be made: {error}"))?;
        Ok(Self {
            http,
            base: api_url.unwrap_or(HOME).trim_end_matches('/').to_owned(),
            bot,
            app,
            waits: Mutex::default(),
            clock: AtomicI64::new(NO_CLOCK),
        })
    }

    /// Whether addresses without encryption may be used: the API is one itself.
    pub(super) fn is_plain(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// Seconds by which Slack's clock was before ours at the last answer.
    pub(super) fn clock(&self) -> Option<i64> {
        Some(self.clock.load(Ordering::Relaxed)).filter(|seconds| *seconds != NO_CLOCK)
    }

    /// Calls a method that takes JSON.
    pub(super) async fn call(&self, method: &str, body: &Value) -> Result<Value, Failure> {
        let key = waits_key(method, body);
        self.ready(&key)?;
        let request = self
            .http
            .post(format!("{}/{method}", self.base))
            .bearer_auth(self.bot.expose_secret())
            .header("Content-Type", "application/json; charset=utf-8")
            .body(body.to_string());
        self.answer(&key, request.send().await)
            .await
            .map(|answered| answered.value)
    }

    /// Calls a method that reads: those take forms only.
    pub(super) async fn read(&self, method: &str, fields: &[(&str, &str)]) -> Result<Value, Failure> {
        self.read_with(method, fields)
            .await
            .map(|answered| answered.value)
    }

    /// The same, with the scopes that the token has.
    pub(super) async fn read_with(&self, method: &str, fields: &[(&str, &str)]) -> Result<Answered, Failure> {
        self.ready(method)?;
        let request = self
            .http
            .post(format!("{}/{method}", self.base))
            .bearer_auth(self.bot.expose_secret())
            .form(fields);
        self.answer(method, request.send().await).await
    }

    /// The address of a new socket.
    pub(super) async fn open_socket(&self) -> Result<String, Failure> {
        const METHOD: &str = "apps.connections.open";
        let Some(token) = &self.app else {
            return Err(Failure::Token("there is no app token".to_owned()));
        };
        self.ready(METHOD)?;
        let request = self
            .http
            .post(format!("{}/{METHOD}", self.base))
            .bearer_auth(token.expose_secret())
            .header("Content-Type", "application/x-www-form-urlencoded");
        let answer = self.answer(METHOD, request.send().await).await?.value;
        let url = answer["url"].as_str().unwrap_or_default();
        if url.starts_with("wss://") || (url.starts_with("ws://") && self.is_plain()) {
            Ok(url.to_owned())
        } else {
            Err(Failure::Unreachable {
                reason: "the address of the socket is none".to_owned(),
                doubtful: false,
            })
        }
    }

    /// Sends something to an address that Slack gave: it needs no token.
    pub(super) async fn respond(&self, url: &str, body: &Value) -> Result<(), Failure> {
        if !self.may_call(url) {
            return Err(Failure::Refused {
                error: "invalid_url".to_owned(),
                detail: "the address for answers is none of Slack's".to_owned(),
            });
        }
        let sent = self.http.post(url).json(body).send().await;
        let response = sent.map_err(|error| broken(&error))?;
        let status = response.status();
        let wait = wait_of(response.headers());
        let body = read(response).await.unwrap_or_default();
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Limited(wait));
        }
        if status.is_server_error() {
            return Err(Failure::Unreachable {
                reason: format!("status {}", status.as_u16()),
                doubtful: true,
            });
        }
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        // Slack answers `ok` as a text, or as an object.
        if status.is_success() && value["ok"] != false {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&body);
        let error = value["error"].as_str().unwrap_or_else(|| text.trim());
        Err(Failure::Refused {
            error: limits::cut(error, 100),
            detail: format!("status {}", status.as_u16()),
        })
    }

    /// Sends the bytes of a file to where Slack wants them.
    pub(super) async fn upload(&self, url: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        if !self.may_call(url) {
            return Err(Failure::Unreachable {
                reason: "the address for the file is none".to_owned(),
                doubtful: false,
            });
        }
        let sent = self
            .http
            .post(url)
            .timeout(UPLOAD)
            .header("Content-Type", "application/octet-stream")
            .body(bytes)
            .send()
            .await;
        let response = sent.map_err(|error| broken(&error))?;
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Limited(wait_of(response.headers())));
        }
        if status.is_success() {
            return Ok(());
        }
        Err(Failure::Unreachable {
            reason: format!("the upload was answered with status {}", status.as_u16()),
            doubtful: false,
        })
    }

    fn may_call(&self, url: &str) -> bool {
        url.starts_with("https://") || (url.starts_with("http://") && self.is_plain())
    }

    /// A method that Slack wants to rest is not called.
    fn ready(&self, key: &str) -> Result<(), Failure> {
        let now = Instant::now();
        let mut waits = self.waits.lock();
        if waits.len() > REMEMBERED {
            waits.retain(|_, until| *until > now);
        }
        match waits.get(key) {
            Some(until) if *until > now => Err(Failure::Limited(*until - now)),
            _ => Ok(()),
        }
    }

    async fn answer(&self, key: &str, sent: Result<Response, reqwest::Error>) -> Result<Answered, Failure> {
        let response = sent.map_err(|error| broken(&error))?;
        let status = response.status();
        self.note_clock(response.headers());
        let wait = wait_of(response.headers());
        let scopes = header(response.headers(), "x-oauth-scopes").map(str::to_owned);
        let body = read(response).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.limited(key, wait));
        }
        if status.is_server_error() {
            return Err(Failure::Unreachable {
                reason: format!("status {}", status.as_u16()),
                doubtful: true,
            });
        }
        let body = body.map_err(|reason| Failure::Unreachable {
            reason,
            doubtful: true,
        })?;
        let value: Value = serde_json::from_slice(&body).map_err(|_| Failure::Unreachable {
            reason: format!("the answer is no JSON (status {})", status.as_u16()),
            doubtful: true,
        })?;
        if value["ok"] == true {
            return Ok(Answered { value, scopes });
        }
        let error = value["error"].as_str().unwrap_or("no reason given").to_owned();
        Err(match &*error {
            "ratelimited" | "rate_limited" => self.limited(key, wait),
            "invalid_auth"
            | "not_authed"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "not_allowed_token_type" => Failure::Token(error),
            // It is documented that some of it may have been done.
            "internal_error"
            | "fatal_error"
            | "service_unavailable"
            | "request_timeout"
            | "accesslimited"
            | "team_added_to_org" => Failure::Unreachable {
                reason: error,
                doubtful: true,
            },
            _ => Failure::Refused {
                detail: detail(&value),
                error: limits::cut(&error, 100),
            },
        })
    }

    fn limited(&self, key: &str, wait: Duration) -> Failure {
        self.waits.lock().insert(key.to_owned(), Instant::now() + wait);
        Failure::Limited(wait)
    }

    fn note_clock(&self, headers: &HeaderMap) {
        if let Some(date) = header(headers, "date")
            && let Ok(date) = jiff::fmt::rfc2822::parse(date)
        {
            let ours = jiff::Timestamp::now().as_second();
            self.clock
                .store(date.timestamp().as_second() - ours, Ordering::Relaxed);
        }
    }
}

/// What a wait is about: the method, for messages the method in that channel.
fn waits_key(method: &str, body: &Value) -> String {
    match (method, body["channel"].as_str()) {
        ("chat.postMessage" | "chat.postEphemeral" | "chat.update", Some(channel)) => {
            format!("{method} {channel}")
        }
        _ => method.to_owned(),
    }
}

/// What Slack says beside the code: missing scopes, messages.
fn detail(value: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(needed) = value["needed"].as_str() {
        parts.push(format!("needed: {needed}"));
    }
    for message in [&value["response_metadata"]["messages"], &value["errors"]] {
        let list = message.as_array().map_or(&[][..], Vec::as_slice);
        parts.extend(list.iter().filter_map(Value::as_str).take(3).map(str::to_owned));
    }
    limits::cut(&parts.join("; "), 300)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn wait_of(headers: &HeaderMap) -> Duration {
    let seconds: f64 = header(headers, "retry-after")
        .and_then(|text| text.trim().parse().ok())
        .filter(|seconds: &f64| seconds.is_finite())
        .unwrap_or(1.0);
    Duration::from_secs_f64(seconds.clamp(0.1, LONGEST_WAIT)) + Duration::from_millis(50)
}

/// Without the address, which may be one that only Slack and we know.
fn broken(error: &reqwest::Error) -> Failure {
    let (reason, doubtful) = if error.is_connect() {
        ("no connection", false)
    } else if error.is_timeout() {
        ("no answer in time", true)
    } else {
        ("the connection broke", true)
    };
    Failure::Unreachable {
        reason: reason.to_owned(),
        doubtful,
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|_| "the answer broke off".to_owned())?
    {
        if bytes.len() + chunk.len() > BODY {
            return Err("the answer is too long".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The body of a call about a channel.
pub(super) fn about(channel: &str, rest: Value) -> Value {
    let mut body = json!({"channel": channel});
    if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), rest) {
        body.extend(rest);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_for_one_method_and_for_posts_one_channel() {
        let body = json!({"channel": "C1"});
        assert_eq!(waits_key("chat.postMessage", &body), "chat.postMessage C1");
        assert_eq!(waits_key("views.open", &body), "views.open");
    }

    #[test]
    fn odd_waits_become_sane() {
        let mut headers = HeaderMap::new();
        for (text, seconds) in [("30", 30), ("-5", 0), ("NaN", 1), ("later", 1), ("1e300", 3600)] {
            headers.insert("retry-after", text.parse().unwrap());
            assert_eq!(wait_of(&headers).as_secs(), seconds, "{text}");
        }
    }
}
