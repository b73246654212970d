//! How fast clients may be: a bucket for each route and major parameter, one for the whole bot, a count of refusals.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// Refusals within [`BANNED_WITHIN`] for which an address is banned.
const BANNED: usize = 10_000;
const BANNED_WITHIN: Duration = Duration::from_secs(600);
/// What was on its way when the refusal was written is forgiven.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// Limits of the stand-in. Discord does not document those of buckets, so that clients have to read the headers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests of one bucket within [`Limits::window`].
    pub bucket: u32,
    /// See [`Limits::bucket`].
    pub window: Duration,
    /// Requests of a bot in a second.
    pub global: usize,
    /// Between two identifications; an earlier one is answered with an invalid session.
    pub identify: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bucket: 10,
            window: Duration::from_secs(1),
            global: 50,
            identify: Duration::ZERO,
        }
    }
}

#[derive(Debug)]
struct Bucket {
    left: u32,
    reset: Instant,
    /// Until then it is closed, and the client knows since.
    told: Option<(Instant, Instant)>,
}

/// What was sent so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pub(super) limits: Limits,
    buckets: HashMap<String, Bucket>,
    sent: Vec<Instant>,
    /// Closed for everything until then, and told at that time.
    stopped: Option<(Instant, Instant)>,
    refused: Vec<Instant>,
}

/// What a request is told about its pace.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// Headers of the answer, whatever it is.
    pub(super) headers: HeaderMap,
    /// The body of a 429.
    pub(super) refusal: Option<Value>,
    /// What the client had been told and did in spite of it.
    pub(super) violation: Option<String>,
}

/// The name of a route's bucket without, and with its major parameter.
fn names(method: &str, parts: &[&str]) -> (String, String) {
    let major = match parts {
        ["channels" | "guilds", id, ..] => (*id).to_owned(),
        ["webhooks", id, token, ..] => format!("{id}/{token}"),
        _ => String::new(),
    };
    let mut route = method.to_owned();
    for (at, part) in parts.iter().enumerate() {
        let is_major = (at == 1 && !major.is_empty()) || (at == 2 && parts[0] == "webhooks");
        let is_id = part.len() > 15 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_major {
            route.push('/');
            route.push_str(if is_id { "id" } else { part });
        }
    }
    let hash = route.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let name = format!("{hash:016x}");
    let key = format!("{name}:{major}");
    (name, key)
}

fn limited(wait: f64, global: bool) -> Value {
    json!({"message": "You are being rate limited.", "retry_after": wait, "global": global})
}

impl Pace {
    /// Counts a request. `forced`: it is refused for so many seconds, whatever is left.
    pub(super) fn judge(&mut self, method: &str, parts: &[&str], forced: Option<(f64, bool)>) -> Verdict {
        let now = Instant::now();
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        };
        let mut violation = None;
        // First answers are bound to nothing but their own three seconds.
        if parts.first() == Some(&"interactions") {
            return Verdict {
                headers,
                refusal: None,
                violation,
            };
        }
        // Only requests of the bot count for its global limit; those by a token of an interaction do not.
        if parts.first() != Some(&"webhooks") {
            if let Some((seconds, true)) = forced {
                self.stopped = Some((now + Duration::from_secs_f64(seconds), now));
            }
            self.sent
                .retain(|at| now.duration_since(*at) < Duration::from_secs(1));
            if self.sent.len() >= self.limits.global && self.stopped.is_none_or(|(until, _)| until <= now) {
                let until = self.sent[0] + Duration::from_secs(1);
                self.stopped = Some((until, now));
            }
            if let Some((until, told)) = self.stopped.filter(|(until, _)| *until > now) {
                if now.duration_since(told) > ON_ITS_WAY {
                    violation = Some("asked again within the global limit's time".to_owned());
                }
                let wait = (until - now).as_secs_f64();
                set("retry-after", wait.ceil().to_string());
                set("x-ratelimit-global", "true".to_owned());
                set("x-ratelimit-scope", "global".to_owned());
                return Verdict {
                    headers,
                    refusal: Some(limited(wait, true)),
                    violation,
                };
            }
            self.sent.push(now);
        }
        let (name, key) = names(method, parts);
        let fresh = Bucket {
            left: self.limits.bucket,
            reset: now + self.limits.window,
            told: None,
        };
        let bucket = self.buckets.entry(key).or_insert(fresh);
        if bucket.reset <= now {
            bucket.left = self.limits.bucket;
            bucket.reset = now + self.limits.window;
            bucket.told = None;
        }
        if let Some((seconds, false)) = forced {
            bucket.left = 0;
            bucket.reset = now + Duration::from_secs_f64(seconds);
            bucket.told = None;
        }
        let refused = bucket.left == 0;
        if refused {
            if bucket
                .told
                .is_some_and(|(_, told)| now.duration_since(told) > ON_ITS_WAY)
            {
                violation = Some(format!(
                    "{method} {parts:?}: asked again before the time that it was told"
                ));
            }
            bucket.told.get_or_insert((bucket.reset, now));
        } else {
            bucket.left -= 1;
        }
        let wait = (bucket.reset - now).as_secs_f64();
        let at = jiff::Timestamp::now().as_millisecond() as f64 / 1000.0 + wait;
        set("x-ratelimit-limit", self.limits.bucket.to_string());
        set("x-ratelimit-remaining", bucket.left.to_string());
        set("x-ratelimit-reset", format!("{at:.3}"));
        set("x-ratelimit-reset-after", format!("{wait:.3}"));
        set("x-ratelimit-bucket", name);
        if refused {
            set("retry-after", wait.ceil().to_string());
            set("x-ratelimit-scope", "user".to_owned());
        }
        Verdict {
            headers,
            refusal: refused.then(|| limited(wait, false)),
            violation,
        }
    }

    /// Counts an answer that speaks against the client: 401, 403 and 429.
    pub(super) fn count(&mut self, status: u16) {
        if matches!(status, 401 | 403 | 429) {
            self.refused.push(Instant::now());
        }
    }

    /// How many of them there were of late.
    pub(super) fn refusals(&self) -> usize {
        let recent = |at: &&Instant| at.elapsed() < BANNED_WITHIN;
        self.refused.iter().filter(recent).count()
    }

    /// Whether the address is banned.
    pub(super) fn bans(&self) -> bool {
        self.refused.len() > BANNED && self.refusals() > BANNED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_one_route_of_one_channel() {
        let mut pace = Pace::default();
        pace.limits.bucket = 2;
        let post =
            |pace: &mut Pace, channel: &str| pace.judge("POST", &["channels", channel, "messages"], None);
        assert!(post(&mut pace, "1").refusal.is_none());
        let second = post(&mut pace, "1");
        assert_eq!(second.headers["x-ratelimit-remaining"], "0");
        let third = post(&mut pace, "1");
        assert_eq!(third.refusal.expect("a refusal")["global"], false);
        assert_eq!(third.headers["x-ratelimit-scope"], "user");
        assert!(third.violation.is_none(), "it may have been on its way");
        assert!(post(&mut pace, "2").refusal.is_none());
        let get = pace.judge("GET", &["channels", "1", "messages"], None);
        assert!(get.refusal.is_none());
    }

    #[test]
    fn the_global_limit_is_for_everything_but_answers_by_token() {
        let mut pace = Pace::default();
        pace.limits.global = 1;
        assert!(pace.judge("GET", &["gateway", "bot"], None).refusal.is_none());
        let second = pace.judge("GET", &["users", "@me"], None);
        assert_eq!(second.refusal.expect("a refusal")["global"], true);
        assert_eq!(second.headers["x-ratelimit-global"], "true");
        for open in [
            &["webhooks", "1", "token"][..],
            &["interactions", "1", "token", "callback"],
        ] {
            assert!(pace.judge("POST", open, None).refusal.is_none(), "{open:?}");
        }
    }
}
