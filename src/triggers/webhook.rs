//! Webhooks: their URLs, what a request becomes, and how senders without a token prove who they are (WHK).

use serde_json::Value as Json;
use sha2::digest::{Digest, FixedOutputReset};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::model::{JsonMap, nearest};
use crate::yaml::reader::Reader;

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

/// The payload of a webhook: headers as they were sent and in lower case, without those that prove something, and the
/// body. Of a header that comes twice the last one counts, as in the reference.
#[must_use]
pub fn payload<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>, body: Json) -> Json {
    let (mut written, mut lower) = (JsonMap::new(), JsonMap::new());
    for (name, value) in headers {
        let folded = name.to_ascii_lowercase();
        if SECRET_HEADERS.contains(&folded.as_str()) {
            continue;
        }
        written.insert(name.to_owned(), value.into());
        lower.insert(folded, value.into());
    }
    let mut payload = JsonMap::new();
    payload.insert("headers".to_owned(), Json::Object(written));
    payload.insert("headers_lower".to_owned(), Json::Object(lower));
    payload.insert("body".to_owned(), body);
    Json::Object(payload)
}

/// The tag of the trace that a request begins when it names none (WHK-7); `unique` tells requests apart.
#[must_use]
pub fn trace_tag(url: &str, unique: &str) -> String {
    format!("webhook-{}-{unique}", normalised(url))
}

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
        /// Key of the datastore (system scope) that holds the secret.
        key: String,
    },
}

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
const KNOWN: [(&str, &str, &str, bool); 6] = [
    ("github", "x-hub-signature-256", "sha256=", true),
    ("grafana", "x-grafana-alerting-signature", "", true),
    ("pagerduty", "x-pagerduty-signature", "v1=", true),
    ("sentry", "sentry-hook-signature", "", true),
    ("gitlab", "x-gitlab-token", "", false),
    ("bearer", "authorization", "Bearer ", false),
];

/// Everything that `auth` can be.
const KINDS: [&str; 10] = [
    "account",
    "none",
    "github",
    "grafana",
    "pagerduty",
    "sentry",
    "gitlab",
    "bearer",
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
            Self::Signature {
                header,
                prefix,
                algorithm,
                encoding,
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
                format!(
                    "the header `{header}: {prefix}…`, an HMAC ({algorithm}, {encoding}) of the body with the secret from the key `{key}`"
                )
            }
        }
    }

    /// Reads the `webhook` section of a rule.
    pub fn read(value: &Json, at: &str, reader: &mut Reader) -> Option<Self> {
        let hint = "write `webhook: {auth: github, key: github_secret}`";
        let map = reader.object(value, at, "`webhook`", hint)?;
        let known = ["auth", "key", "header", "prefix", "algorithm", "encoding"];
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
        let preset = KNOWN.iter().find(|(name, ..)| *name == kind);
        let signed = match kind.as_str() {
            "account" => return Some(Self::Account),
            "none" => return Some(Self::Open),
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
        if key.trim().is_empty() {
            let message = "`key` is missing: which key of the datastore holds the secret?";
            reader.error(at, message, "add `key: …` and set it with `key set --secret`");
        }
        Some(if signed {
            Self::Signature {
                header,
                prefix,
                algorithm,
                encoding,
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
            Self::Shared { key, .. } | Self::Signature { key, .. } => Some(key),
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
                bool::from(sent.as_bytes().ct_eq(expected.trim().as_bytes()))
            }
            Self::Signature {
                header,
                prefix,
                algorithm,
                encoding,
                ..
            } => {
                let sent = given(header)?;
                let digest = match algorithm {
                    Algorithm::Sha256 => hmac::<Sha256, 64>(secret.as_bytes(), body),
                    Algorithm::Sha512 => hmac::<Sha512, 128>(secret.as_bytes(), body),
                };
                let written = match encoding {
                    Encoding::Hex => hex::encode(&digest),
                    Encoding::Base64 => {
                        use base64::Engine as _;
                        base64::engine::general_purpose::STANDARD.encode(&digest)
                    }
                };
                // While a secret is changed, senders put several signatures into one header.
                sent.split(',').any(|one| {
                    let one = one.trim();
                    let one = one.strip_prefix(prefix.as_str()).unwrap_or_default();
                    let one = if *encoding == Encoding::Hex {
                        one.to_ascii_lowercase()
                    } else {
                        one.to_owned()
                    };
                    bool::from(one.as_bytes().ct_eq(written.as_bytes()))
                })
            }
        };
        if fits {
            Ok(())
        } else {
            Err("the proof of the sender is wrong".to_owned())
        }
    }
}

/// HMAC (RFC 2104) over a hash with blocks of `BLOCK` bytes.
fn hmac<H: Digest + FixedOutputReset, const BLOCK: usize>(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; BLOCK];
    if secret.len() > BLOCK {
        let short = H::digest(secret);
        block[..short.len()].copy_from_slice(&short);
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let keyed = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = H::new()
        .chain_update(keyed(0x36))
        .chain_update(message)
        .finalize();
    let outer = H::new().chain_update(keyed(0x5c)).chain_update(inner).finalize();
    outer.to_vec()
}
