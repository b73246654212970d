//! Occurrences of triggers: their statuses, and payloads that the system makes itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::model::{Id, JsonMap, Timestamp};

/// How far an occurrence has come (TRG-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// Kept, and not looked at yet.
    Pending,
    /// Rules are being judged.
    Processing,
    /// All rules were judged and what they ask for was accepted.
    Processed,
    /// Judging it failed as a whole.
    ProcessingFailed,
}

impl InstanceStatus {
    /// All statuses in the order of a life.
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Processing,
        Self::Processed,
        Self::ProcessingFailed,
    ];

    /// As the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Processed => "processed",
            Self::ProcessingFailed => "processing_failed",
        }
    }

    /// Whether nothing follows any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Processed | Self::ProcessingFailed)
    }

    /// Whether an occurrence may go from here to there. After a crash one that was being processed is pending again.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending, Self::Processing | Self::ProcessingFailed)
                | (
                    Self::Processing,
                    Self::Processed | Self::ProcessingFailed | Self::Pending
                )
        )
    }
}

impl fmt::Display for InstanceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for InstanceStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|status| status.as_str()).collect();
            format!(
                "`{text}` is no status of a trigger instance: {}",
                names.join(", ")
            )
        })
    }
}

/// The tag of the trace that an occurrence begins when nothing names another (TRC-2).
#[must_use]
pub fn trace_tag(instance: Id) -> String {
    format!("trigger_instance-{instance}")
}

/// What a timer tells (TIM-6). The reference reads the schedule from a parameter that timers do not have: it is null.
#[must_use]
pub fn timer_payload(at: Timestamp) -> Json {
    json!({"executed_at": at.to_string().replace('T', " ").replace('Z', "+00:00"), "schedule": null})
}

/// The payload of an occurrence that is sent again (TRG-8): the original's, and which one that was.
#[must_use]
pub fn emitted_again(payload: &Json, original: Id) -> Json {
    let mut map = match payload {
        Json::Object(map) => map.clone(),
        // Nothing can be added to anything else.
        other => return other.clone(),
    };
    map.insert("__context".to_owned(), json!({"original_id": original}));
    Json::Object(map)
}

/// What the change of a key of the datastore tells, trigger by trigger (TRG-16, TRG-17). The objects are in the form of
/// the API, secret values sealed or masked.
#[must_use]
pub fn key_changes(before: Option<&JsonMap>, after: Option<&JsonMap>) -> Vec<(&'static str, Json)> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(new)) => vec![("core.st2.key_value_pair.create", json!({"object": new}))],
        (Some(old), None) => vec![("core.st2.key_value_pair.delete", json!({"object": old}))],
        (Some(old), Some(new)) => {
            let mut all = vec![("core.st2.key_value_pair.update", json!({"object": new}))];
            if old.get("value") != new.get("value") {
                let payload = json!({"old_object": old, "new_object": new});
                all.push(("core.st2.key_value_pair.value_change", payload));
            }
            all
        }
    }
}
