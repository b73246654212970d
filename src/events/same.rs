//! Which events are the same one again, for rules that want each once (`dedup`).
//!
//! That a rule has run for an event is a claim in the commit of its execution, so it is exact under load and over restarts.
//! Claims cannot be renewed; time is therefore cut into spans as long as the rule remembers, and an event is looked up
//! in its span and the one before.

use sha2::{Digest as _, Sha256};

use super::Events;
use crate::model::{InboxClaim, Place, Timestamp};
use crate::store::StoreError;

/// Beginning of the claims' keys.
pub(super) const CLAIM: &str = "dedup:";
/// Longest key of an event that is kept as it is, in bytes.
const LONGEST: usize = 100;

/// What makes an event the same as another.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) rule: String,
    pub(super) key: String,
    pub(super) seconds: i64,
}

/// Whether an event is the same one again.
#[derive(Debug)]
pub(super) enum Sameness {
    /// It is.
    Same,
    /// It is not; this claim says so of later ones. Without a claim it has no key.
    New(Option<InboxClaim>),
    /// The key cannot be found.
    Unclear(String),
}

impl Known {
    /// The key of the claim in the span that is so many spans ago.
    fn claim(&self, now: Timestamp, ago: i64) -> String {
        let span = now.micros().div_euclid(self.seconds.max(1) * 1_000_000) - ago;
        let key = if self.key.len() <= LONGEST {
            self.key.clone()
        } else {
            hex::encode(Sha256::digest(self.key.as_bytes()))
        };
        format!("{CLAIM}{}:{span}:{key}", self.rule)
    }
}

impl Events {
    /// Whether an event with this key has made its rule run lately.
    pub(super) async fn sameness(&self, known: Known, now: Timestamp) -> Result<Sameness, StoreError> {
        for ago in [0, 1] {
            let claim = self.store().claim(known.claim(now, ago)).await?;
            // A claim's time is when it ends, so that it is kept until then.
            if claim.is_some_and(|claim| claim.received > now) {
                return Ok(Sameness::Same);
            }
        }
        Ok(Sameness::New(Some(InboxClaim {
            key: known.claim(now, 0),
            received: now.plus_millis(known.seconds.saturating_mul(1000)),
            place: Place::default(),
            execution: None,
        })))
    }
}
