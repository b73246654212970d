//! Sensors that people switch on and off; it outlasts reloads and restarts.

use std::collections::BTreeMap;

use serde_json::json;
use thiserror::Error;

use super::Sensors;
use crate::model::{AuditDraft, Timestamp};
use crate::store::{CommitError, Store, StoreError, Write};

/// Named values: `sensor-enabled.<ref>`.
const ENABLED: &str = "sensor-enabled.";

/// Why a sensor was not switched.
#[derive(Debug, Error)]
pub enum SwitchError {
    /// There is no such sensor.
    #[error("Resource with a reference or id \"{0}\" not found")]
    Unknown(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) async fn load(store: &dyn Store) -> Result<BTreeMap<String, bool>, StoreError> {
    let stored = store.settings(ENABLED.to_owned()).await?;
    let switches = stored.into_iter().filter_map(|(key, value)| {
        let reference = key.strip_prefix(ENABLED)?.to_owned();
        Some((reference, value.as_bool()?))
    });
    Ok(switches.collect())
}

impl Sensors {
    /// Switches a sensor on or off; the supervisor follows at once.
    ///
    /// # Errors
    /// See [`SwitchError`].
    pub async fn switch(&self, reference: &str, enabled: bool, by: &str) -> Result<(), SwitchError> {
        let shared = &self.shared;
        if !shared.parts.content.snapshot().sensors.contains_key(reference) {
            return Err(SwitchError::Unknown(reference.to_owned()));
        }
        let kind = if enabled {
            "sensor.enabled"
        } else {
            "sensor.disabled"
        };
        let rows = vec![
            Write::Setting {
                key: format!("{ENABLED}{reference}"),
                value: Some(enabled.into()),
            },
            Write::Audit(AuditDraft {
                timestamp: Timestamp::now(),
                kind: kind.to_owned(),
                actor: by.to_owned(),
                detail: json!({ "sensor": reference }),
                ..AuditDraft::default()
            }),
        ];
        shared
            .parts
            .store
            .commit(rows)
            .await
            .map_err(|error| match error {
                CommitError::Store(error) => error,
                other => StoreError::Database(other.to_string()),
            })?;
        shared.switches.lock().insert(reference.to_owned(), enabled);
        shared.wake.notify_one();
        Ok(())
    }
}
