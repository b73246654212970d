//! Keys that have expired leave the store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::change::entry;
use super::{Datastore, KeyError, Pair};
use crate::store::{StoreError, Write};

/// Keys that one commit removes.
const BATCH: usize = 100;
/// How often it is looked for them. They are invisible as soon as they expire; this only makes room.
const PERIOD: Duration = Duration::from_secs(30);

impl Datastore {
    /// Removes keys that have expired, at most a hundred; gives how many.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget_expired(&self) -> Result<usize, KeyError> {
        // Nobody sets one of them anew in between.
        let _all = self.gate.write().await;
        let gone: Vec<Arc<Pair>> = {
            let shelf = self.shelf.read();
            let expired = shelf.all().filter(|pair| !pair.lives());
            expired.take(BATCH).map(Arc::clone).collect()
        };
        if gone.is_empty() {
            return Ok(0);
        }
        let mut rows: Vec<Write> = gone
            .iter()
            .map(|pair| Write::Setting {
                key: pair.owner.stored(&pair.name),
                value: None,
            })
            .collect();
        let names: Vec<String> = gone.iter().map(|pair| pair.owner.uid(&pair.name)).collect();
        rows.push(entry("key.expired", "sayso", json!({"keys": names})));
        self.store.commit(rows).await?;
        let mut shelf = self.shelf.write();
        for pair in &gone {
            shelf.remove(&pair.owner, &pair.name);
        }
        Ok(gone.len())
    }

    /// Removes what has expired, again and again, until the server stops.
    pub async fn sweep(self: Arc<Self>, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            loop {
                match self.forget_expired().await {
                    Ok(count) if count == BATCH => {}
                    Ok(_) => break,
                    Err(KeyError::Store(StoreError::Closed)) => return,
                    Err(error) => {
                        tracing::warn!(%error, "keys that have expired cannot be removed; trying again");
                        break;
                    }
                }
            }
        }
    }
}
