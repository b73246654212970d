//! What somebody posts to a URL that rules listen on (WHK).

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Emission, EmitError, Emitted, Events};
use crate::expr::jinja::KeyScope;
use crate::model::{Id, InboxClaim, JsonMap, Place, Timestamp};
use crate::rules::{Rule, Senders};
use crate::store::Write;
use crate::triggers::webhook::{Auth, normalised, payload, trace_tag};
use crate::triggers::{TriggerKey, WEBHOOK};

/// Headers by which senders name a delivery: the same name is the same delivery again.
const DELIVERY: [&str; 6] = [
    "x-github-delivery",
    "x-gitlab-event-uuid",
    "webhook-id",
    "idempotency-key",
    "x-request-id",
    "x-event-id",
];
/// Longest name of a delivery that is kept as it is.
const LONGEST: usize = 200;

/// What was posted.
#[derive(Clone, Debug)]
pub struct Delivery<'d> {
    /// The part of the URL behind `/webhooks/`.
    pub url: &'d str,
    /// Headers in the order and case in which they came.
    pub headers: Vec<(&'d str, &'d str)>,
    /// The bytes that were signed.
    pub raw: &'d [u8],
    /// What they mean.
    pub body: Json,
}

/// Who posts, as far as the API knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Somebody with a token or a key.
    Known,
    /// Nobody that the API knows.
    Unknown,
}

/// Why a delivery was refused.
#[derive(Debug)]
pub enum Refused {
    /// No rule listens there.
    NotRegistered,
    /// Nobody known sent it.
    Unauthorized(String),
    /// The event was not accepted.
    Event(EmitError),
}

impl Delivery<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value)
    }
}

impl Events {
    /// The rules that listen on a URL.
    #[must_use]
    pub fn listeners(&self, url: &str) -> Vec<Arc<Rule>> {
        let parameters = JsonMap::from_iter([("url".to_owned(), json!(normalised(url)))]);
        let key = TriggerKey::new(WEBHOOK, &parameters);
        self.shared.parts.book.index().rules(&key).to_vec()
    }

    /// Accepts a delivery: returns after it is committed with what follows from it.
    ///
    /// Rules say with `webhook:` how their senders prove who they are; the others want a token or a key of the API.
    ///
    /// # Errors
    /// See [`Refused`]; nothing is stored then.
    pub async fn deliver(&self, delivery: Delivery<'_>, sender: Sender) -> Result<Emitted, Refused> {
        let url = normalised(delivery.url);
        let parameters = JsonMap::from_iter([("url".to_owned(), json!(url))]);
        let index = self.shared.parts.book.index();
        let senders = index.senders(&TriggerKey::new(WEBHOOK, &parameters));
        if senders.is_empty() {
            return Err(Refused::NotRegistered);
        }
        let mut allowed: Vec<&Senders> = Vec::new();
        let mut why = None;
        for group in senders {
            match self.proves(&delivery, group, sender) {
                Ok(()) => allowed.push(group),
                Err(reason) => why = why.or(Some(reason)),
            }
        }
        if allowed.is_empty() {
            return Err(Refused::Unauthorized(why.unwrap_or_default()));
        }
        let id = Id::new();
        let tag = delivery
            .header("st2-trace-tag")
            .map_or_else(|| trace_tag(url, &id.to_string()), str::to_owned);
        let claims = delivery_names(&delivery, senders).into_iter().map(|name| {
            Write::Claim(InboxClaim {
                key: format!("webhook:{url}:{name}"),
                received: Timestamp::now(),
                place: Place::default(),
                execution: None,
            })
        });
        let only = (allowed.len() < senders.len()).then(|| {
            let rules = allowed.iter().flat_map(|group| &group.rules);
            rules.map(|rule| rule.reference.clone()).collect()
        });
        let event = Emission {
            id: Some(id),
            type_ref: WEBHOOK.to_owned(),
            parameters,
            payload: Arc::new(payload(delivery.headers.iter().copied(), delivery.body)),
            trace_tag: Some(tag),
            only,
            with: claims.collect(),
            ..Emission::default()
        };
        self.emit_from_outside(event).await.map_err(Refused::Event)
    }

    /// Whether the sender is one that the rules take events from.
    fn proves(&self, delivery: &Delivery<'_>, senders: &Senders, sender: Sender) -> Result<(), String> {
        let auth = match &senders.auth {
            None | Some(Auth::Account) => {
                return match sender {
                    Sender::Known => Ok(()),
                    Sender::Unknown => Err("One of Token or API key required.".to_owned()),
                };
            }
            Some(auth) => auth,
        };
        let secret = match auth.key() {
            None => String::new(),
            Some(key) => self.secret(key).ok_or_else(|| {
                format!(
                    "the rule {} needs the key `{key}`, which the datastore does not have",
                    senders.rules[0].reference
                )
            })?,
        };
        auth.verify(
            |name| delivery.header(name),
            delivery.raw,
            &secret,
            Timestamp::now(),
        )
    }

    /// The plain text of a key of the datastore.
    fn secret(&self, key: &str) -> Option<String> {
        let keys = self.shared.parts.keys.as_ref()?;
        let text = keys.get(KeyScope::System, key)?;
        // Secrets are stored encrypted; what is none is what it says.
        Some(keys.decrypt(&text).unwrap_or(text))
    }
}

/// What tells the delivery from others: the name that the sender gave it, and signatures that hold a time. The name is
/// not signed, so that one alone would let somebody who listens send it again under another.
fn delivery_names(delivery: &Delivery<'_>, senders: &[Senders]) -> Vec<String> {
    let name = DELIVERY.iter().find_map(|name| delivery.header(name));
    let mut names: Vec<String> = name
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| match name.len() {
            0..=LONGEST => name.to_owned(),
            _ => hashed(name),
        })
        .into_iter()
        .collect();
    for auth in senders.iter().filter_map(|group| group.auth.as_ref()) {
        if let Some(signature) = auth.once(|name| delivery.header(name)) {
            let name = format!("signature {}", hashed(signature));
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn hashed(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(text.as_bytes()))
}
