//! Instances that nobody has carried out yet: those of the engine's own events, and what a crash interrupted.

use std::time::Duration;

use super::{EmitError, Events};
use crate::model::InstanceStatus;
use crate::store::{InstanceFilter, Page, SortOrder, StoreError};

/// Instances that are read at once.
const PAGE: u32 = 200;
/// How long to wait after a failure, and when there is no room for more.
const PAUSE: Duration = Duration::from_secs(1);

impl Events {
    /// Works until the store is closed: carries out what is pending, now and whenever there is more.
    pub async fn work(self) {
        let mut engine = self.shared.parts.engine.subscribe();
        loop {
            match self.carry_out_pending().await {
                Ok(true) => {}
                // No room: what waits stays stored.
                Ok(false) => tokio::time::sleep(PAUSE).await,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "cannot carry out events; trying again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            tokio::select! {
                () = self.shared.wake.notified() => {}
                event = engine.recv() => {
                    if matches!(event, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                        return;
                    }
                }
            }
        }
    }

    /// False when something had to wait.
    async fn carry_out_pending(&self) -> Result<bool, StoreError> {
        if !self.shared.parts.book.take_hint() {
            return Ok(true);
        }
        let mut page = Page {
            order: SortOrder::Ascending,
            limit: Some(PAGE),
            ..Page::default()
        };
        loop {
            let filter = InstanceFilter {
                status: vec![InstanceStatus::Pending, InstanceStatus::Processing],
                ..InstanceFilter::default()
            };
            let found = self.store().instances(filter, page.clone()).await?.items;
            let full = found.len() == PAGE as usize;
            page.after = found.last().map(|instance| instance.id);
            for instance in found {
                match self.carry_out(instance, None).await {
                    Ok(_) | Err(EmitError::Duplicate(_)) => {}
                    Err(EmitError::Busy(_)) => {
                        self.shared.parts.book.hint();
                        self.shared.wake.notify_one();
                        return Ok(false);
                    }
                    Err(EmitError::Store(error)) => {
                        self.shared.parts.book.hint();
                        return Err(error);
                    }
                    Err(error) => tracing::error!(%error, "an event cannot be carried out"),
                }
            }
            if !full {
                return Ok(true);
            }
        }
    }
}
