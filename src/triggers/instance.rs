//! Occurrences of triggers: their statuses, and payloads that the system makes itself.

use serde_json::{Value as Json, json};

pub use crate::model::InstanceStatus;
use crate::model::{Id, JsonMap, Timestamp};

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
