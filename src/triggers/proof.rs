//! How senders of webhooks prove who they are, when they have no token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use crate::model::{JsonMap, Timestamp, nearest};
use crate::yaml::reader::Reader;

/// How a sender proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// By a token or an API key, as everywhere.
    Account,
    /// Not at all: anybody who knows the URL may send.
    Open,
    /// By a shared secret in a header.
    Shared {
        /// Header, lower case.
        header: String,
        /// What comes before the secret, such as `Bearer `.
        prefix: String,
        /// Key of the datastore (system scope) that holds the secret.
        key: String,
    },
    /// By a signature over the body.
    Signature {
        /// Header, lower case.
        header: String,
        /// What comes before the signature, such as `sha256=`.
        prefix: String,
        /// How it is made.
        algorithm: Algorithm,
        /// How it is written.
        encoding: Encoding,
        /// The time that is signed together with the body.
        stamp: Stamp,
        /// Key of the datastore (system scope) that holds the secret.
        key: String,
    },
    /// By a user name and a password; the key holds `name:password`.
    Basic {
        /// Key of the datastore (system scope) that holds both.
        key: String,
    },
}

/// The time that a sender signs together with the body, so that what was overheard is of no use for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The body alone is signed.
    None,
    /// As Stripe does: `t=<seconds>` stands in the header of the signature, `<t>.<body>` is signed.
    Inside {
        /// Seconds that the time may differ from ours.
        window: u32,
    },
    /// As Slack does: the time stands in a header of its own, `v0:<time>:<body>` is signed.
    Beside {
        /// Header, lower case.
        header: String,
        /// Seconds that the time may differ from ours.
        window: u32,
    },
}

/// Seconds that a signed time may differ from ours when nobody says how many.
const WINDOW: u32 = 300;
/// The largest number of seconds that a rule may say: a day.
const LARGEST_WINDOW: u32 = 24 * 3600;
/// Signatures in one header that are looked at.
const MOST_SIGNATURES: usize = 16;

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
}

/// What senders do that many people have: name, header, prefix, whether it is a signature.
const KNOWN: [(&str, &str, &str, bool); 8] = [
    ("github", "x-hub-signature-256", "sha256=", true),
    ("grafana", "x-grafana-alerting-signature", "", true),
    ("pagerduty", "x-pagerduty-signature", "v1=", true),
    ("sentry", "sentry-hook-signature", "", true),
    ("stripe", "stripe-signature", "v1=", true),
    ("slack", "x-slack-signature", "v0=", true),
    ("gitlab", "x-gitlab-token", "", false),
    ("bearer", "authorization", "Bearer ", false),
];

/// Everything that `auth` can be.
const KINDS: [&str; 13] = [
    "account",
    "none",
    "github",
    "grafana",
    "pagerduty",
    "sentry",
    "stripe",
    "slack",
    "gitlab",
    "bearer",
    "basic",
    "shared",
    "signature",
];

impl Auth {
    /// How senders prove who they are, in words; names keys of the datastore, never secrets.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Account => "a token or an API key".to_owned(),
            Self::Open => "nothing: anybody who knows the URL may send".to_owned(),
            Self::Shared { header, prefix, key } => {
                format!("the header `{header}: {prefix}…` with the secret from the key `{key}`")
            }
            Self::Basic { key } => format!("the name and the password from the key `{key}`"),
            Self::Signature {
                header,
                prefix,
                algorithm,
                encoding,
                stamp,
                key,
            } => {
                let algorithm = match algorithm {
                    Algorithm::Sha256 => "SHA-256",
                    Algorithm::Sha512 => "SHA-512",
                };
                let encoding = match encoding {
                    Encoding::Hex => "hexadecimal",
                    Encoding::Base64 => "base64",
                };
                let what = match stamp {
                    Stamp::None => "the body".to_owned(),
                    Stamp::Inside { window } => format!("the time, at most {window} s old, and the body"),
                    Stamp::Beside { header, window } => {
                        format!("the time in `{header}`, at most {window} s old, and the body")
                    }
                };
                format!(
                    "the header `{header}: {prefix}…`, an HMAC ({algorithm}, {encoding}) of {what} with the secret from the key `{key}`"
                )
            }
        }
    }

    /// Reads the `webhook` section of a rule.
    pub fn read(value: &Json, at: &str, reader: &mut Reader) -> Option<Self> {
        let hint = "write `webhook: {auth: github, key: github_secret}`";
        let map = reader.object(value, at, "`webhook`", hint)?;
        let known = [
            "auth",
            "key",
            "header",
            "prefix",
            "algorithm",
            "encoding",
            "window",
        ];
        reader.known_keys(map, at, &known);
        let kind = reader.required_text(map, at, "auth");
        let header = reader
            .text(map, at, "header")
            .map(|header| header.to_ascii_lowercase());
        let prefix = reader.text(map, at, "prefix");
        let key = reader.text(map, at, "key").unwrap_or_default();
        let mut choice = |key: &str, known: [&'static str; 2]| {
            let text = reader.text(map, at, key)?;
            let found = known.iter().position(|name| *name == text);
            if found.is_none() {
                let message = format!("`{key}` cannot be `{text}`");
                reader.error(
                    &format!("{at}/{key}"),
                    message,
                    format!("write {} or {}", known[0], known[1]),
                );
            }
            found
        };
        let algorithm = match choice("algorithm", ["sha256", "sha512"]) {
            Some(1) => Algorithm::Sha512,
            _ => Algorithm::Sha256,
        };
        let encoding = match choice("encoding", ["hex", "base64"]) {
            Some(1) => Encoding::Base64,
            _ => Encoding::Hex,
        };
        let window = window(map, at, &kind, reader);
        let preset = KNOWN.iter().find(|(name, ..)| *name == kind);
        let signed = match kind.as_str() {
            "account" => return Some(Self::Account),
            "none" => return Some(Self::Open),
            "basic" => {
                need_key(&key, at, reader);
                return Some(Self::Basic { key });
            }
            "signature" => true,
            "shared" => false,
            _ => match preset {
                Some((.., signed)) => *signed,
                None => {
                    if !kind.is_empty() {
                        let hint = match nearest(&kind, KINDS) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None => format!("known: {}", KINDS.join(", ")),
                        };
                        reader.error(
                            &format!("{at}/auth"),
                            format!("there is no way `{kind}` to prove who sent it"),
                            hint,
                        );
                    }
                    return None;
                }
            },
        };
        let header = header
            .or_else(|| preset.map(|(_, header, ..)| (*header).to_owned()))
            .unwrap_or_default();
        let prefix = prefix
            .or_else(|| preset.map(|(_, _, prefix, _)| (*prefix).to_owned()))
            .unwrap_or_default();
        if header.is_empty() {
            reader.error(at, "`header` is missing", "add the header that the sender uses");
        }
        need_key(&key, at, reader);
        Some(if signed {
            Self::Signature {
                header,
                prefix,
                algorithm,
                encoding,
                stamp: match kind.as_str() {
                    "stripe" => Stamp::Inside { window },
                    "slack" => Stamp::Beside {
                        header: "x-slack-request-timestamp".to_owned(),
                        window,
                    },
                    _ => Stamp::None,
                },
                key,
            }
        } else {
            Self::Shared { header, prefix, key }
        })
    }

    /// The key of the datastore that holds the secret.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Account | Self::Open => None,
            Self::Shared { key, .. } | Self::Signature { key, .. } | Self::Basic { key } => Some(key),
        }
    }

    /// Whether a request proves who sent it. `header` gives a header by its name in lower case; `body` is the body as it
    /// came. Takes the same time wherever a proof is wrong. Nothing is proved where an account is asked for.
    ///
    /// # Errors
    /// Why not, without anything secret.
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        secret: &str,
        now: Timestamp,
    ) -> Result<(), String> {
        let given = |name: &str| {
            header(name)
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("the header {name} is missing"))
        };
        if !matches!(self, Self::Account | Self::Open) && secret.is_empty() {
            return Err("the secret to compare with is empty".to_owned());
        }
        let fits = match self {
            Self::Open => return Ok(()),
            Self::Account => return Err("an account is needed".to_owned()),
            Self::Shared { header, prefix, .. } => {
                let sent = given(header)?;
                let expected = format!("{prefix}{secret}");
                same(sent, expected.trim())
            }
            Self::Basic { .. } => {
                let sent = given("authorization")?;
                let (scheme, sent) = sent.split_once(' ').unwrap_or_default();
                let expected = STANDARD.encode(secret.as_bytes());
                scheme.eq_ignore_ascii_case("basic") && same(sent.trim(), &expected)
            }
            Self::Signature {
                header,
                prefix,
                algorithm,
                encoding,
                stamp,
                ..
            } => {
                let sent = given(header)?;
                let before = match stamp {
                    Stamp::None => String::new(),
                    Stamp::Inside { window } => {
                        let parts = sent.split(',');
                        let time = parts
                            .filter_map(|part| part.trim().strip_prefix("t="))
                            .next()
                            .ok_or_else(|| format!("the header {header} tells no time"))?;
                        fresh(time, *window, now)?;
                        format!("{time}.")
                    }
                    Stamp::Beside { header, window } => {
                        let time = given(header)?;
                        fresh(time, *window, now)?;
                        format!("v0:{time}:")
                    }
                };
                let parts = [before.as_bytes(), body];
                let digest = match algorithm {
                    Algorithm::Sha256 => digest::<Hmac<Sha256>>(secret, parts),
                    Algorithm::Sha512 => digest::<Hmac<Sha512>>(secret, parts),
                };
                let written = match encoding {
                    Encoding::Hex => hex::encode(&digest),
                    Encoding::Base64 => STANDARD.encode(&digest),
                };
                // While a secret is changed, senders put several signatures into one header.
                sent.split(',').take(MOST_SIGNATURES).any(|one| {
                    let one = one.trim();
                    let one = one.strip_prefix(prefix.as_str()).unwrap_or_default();
                    match encoding {
                        Encoding::Hex => same(&one.to_ascii_lowercase(), &written),
                        Encoding::Base64 => same(one, &written),
                    }
                })
            }
        };
        if fits {
            Ok(())
        } else {
            Err("the proof of the sender is wrong".to_owned())
        }
    }

    /// What a delivery has that no other one can have: the signature over its time and body. The same again is a replay.
    #[must_use]
    pub fn once<'h>(&self, header: impl Fn(&str) -> Option<&'h str>) -> Option<&'h str> {
        match self {
            Self::Signature {
                header: name, stamp, ..
            } if *stamp != Stamp::None => header(name),
            _ => None,
        }
    }
}

fn need_key(key: &str, at: &str, reader: &mut Reader) {
    if key.trim().is_empty() {
        let message = "`key` is missing: which key of the datastore holds the secret?";
        reader.error(
            at,
            message,
            "add `key: …` and set it with `sayso key set … --encrypt`",
        );
    }
}

/// Seconds that the signed time may differ from ours.
fn window(map: &JsonMap, at: &str, kind: &str, reader: &mut Reader) -> u32 {
    let Some(given) = reader.integer(map, at, "window") else {
        return WINDOW;
    };
    let at = format!("{at}/window");
    if !matches!(kind, "stripe" | "slack") {
        let message = "`window` is for signatures over a time, those of `stripe` and `slack`";
        reader.error(&at, message, "leave it out");
    }
    match u32::try_from(given) {
        Ok(window) if (1..=LARGEST_WINDOW).contains(&window) => window,
        _ => {
            let message = format!("`window` is a number of seconds from 1 to {LARGEST_WINDOW}");
            reader.error(&at, message, format!("leave it out for {WINDOW}"));
            WINDOW
        }
    }
}

/// Whether a signed time, in seconds since 1970, is near enough to ours.
fn fresh(time: &str, window: u32, now: Timestamp) -> Result<(), String> {
    let time: i64 = time
        .parse()
        .map_err(|_| "the signed time is no number of seconds".to_owned())?;
    let now = now.micros().div_euclid(1_000_000);
    if now.abs_diff(time) <= u64::from(window) {
        Ok(())
    } else {
        Err(format!(
            "the signed time is more than {window} seconds away from ours: the delivery is too old, or a clock is wrong"
        ))
    }
}

/// Compares in a time that does not tell where texts differ.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn digest<M: Mac + KeyInit>(secret: &str, parts: [&[u8]; 2]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}
