//! What happened, and what rules made of it: trigger instances and enforcements.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Id, JsonMap, Timestamp};

/// How far a trigger instance has come (TRG-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// Nobody has looked at it yet.
    Pending,
    /// Rules are being judged, or their actions asked for.
    Processing,
    /// All rules have been judged.
    Processed,
    /// Judging broke off.
    ProcessingFailed,
}

impl InstanceStatus {
    /// All of them, in order.
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

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Processed | Self::ProcessingFailed)
    }

    /// Whether this status may be followed by that one. Back to pending goes what a crash interrupted.
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

/// One occurrence of a trigger (TRG-3).
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerInstance {
    /// Its id; contains the time of its making.
    pub id: Id,
    /// Ref of the trigger, `core.017ef731-…`.
    pub trigger: String,
    /// What came with it.
    pub payload: Arc<Value>,
    /// When it happened.
    pub occurrence_time: Timestamp,
    /// How far it has come.
    pub status: InstanceStatus,
    /// What else is known of it.
    pub detail: InstanceDetail,
}

/// What is needed to judge an instance again, and to find what led to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceDetail {
    /// Ref of the trigger's type.
    #[serde(rename = "type")]
    pub type_ref: String,
    /// The trigger's parameters.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub parameters: JsonMap,
    /// Tag of the trace that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_tag: Option<String>,
    /// Only these rules are judged; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<String>>,
    /// How many rules in a row led to it: 0 for what comes from outside.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// Rules that matched and did not run, because they ran often enough or know the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<String>,
    /// The execution that the engine tells of, of its own events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Id>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants it so
const fn is_zero(depth: &u32) -> bool {
    *depth == 0
}

/// What a rule made of an instance (RUL-27). There is none for a plain non-match.
#[derive(Clone, Debug, PartialEq)]
pub struct Enforcement {
    /// Its id; contains the time of its making.
    pub id: Id,
    /// Ref of the rule.
    pub rule: String,
    /// The instance.
    pub instance: Id,
    /// What was run; `None` when it failed.
    pub execution: Option<Id>,
    /// When.
    pub enforced_at: Timestamp,
    /// Why nothing was run.
    pub failure: Option<String>,
    /// The rule runs only so often, and this tells of all events of a window for which it did not.
    pub held_back: Option<HeldBack>,
}

/// How many events did not make a rule run because it ran often enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// So many events.
    pub count: u64,
    /// Of this group; empty when there is only one.
    pub group: String,
    /// How often the rule may run, `1 per 5m`.
    pub rate: String,
    /// When the window began.
    pub from: Timestamp,
    /// When it ended.
    pub until: Timestamp,
}
