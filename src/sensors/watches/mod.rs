//! What Sayso watches itself because triggers of rules ask for it: files and web addresses.

mod files;
mod follow;
mod http;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::view::WatchView;
use crate::events::{Emission, EmitError};
use crate::model::Timestamp;
use crate::rules::Index;
use crate::store::{StoreError, Write};
use crate::triggers::Trigger;

/// The reference's sensor that watches files.
pub(super) const FILE_SENSOR: &str = "linux.FileWatchSensor";
/// A new line in a file, as the reference's sensor tells it.
const FILE_LINE: &str = "linux.file_watch.line";
/// A new line that fits a pattern.
const LOG_LINE: &str = "core.sayso.log_line";
/// A web address that answers otherwise than before.
const HTTP_CHANGE: &str = "core.sayso.http_change";
/// Named values with the state of watches: `watch.<ref of the trigger>`.
const STATE: &str = "watch.";
/// When there is no room for an event.
const AGAIN: Duration = Duration::from_millis(500);

/// The watches at work, by ref of the trigger.
pub(super) struct Watches {
    shared: Arc<Shared>,
    at_work: BTreeMap<String, (CancellationToken, JoinHandle<()>)>,
}

/// One watch.
pub(super) struct Watch {
    shared: Arc<Shared>,
    trigger: Trigger,
    reference: String,
    stop: CancellationToken,
}

/// Nothing more can be done: Sayso stops.
struct Over;

impl Watches {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            at_work: BTreeMap::new(),
        }
    }

    /// Watches what enabled rules ask for, and nothing else.
    pub(super) async fn follow(&mut self, index: &Index) {
        let mut wanted = BTreeMap::new();
        let types = [FILE_LINE, LOG_LINE, HTTP_CHANGE];
        for key in index.triggers().filter(|key| types.contains(&key.type_ref())) {
            if let (Some(kind), Some(rule)) = (self.shared.kind(key.type_ref()), index.rules(key).first()) {
                let trigger = Trigger::new(&kind, rule.trigger.parameters.clone());
                wanted.insert(trigger.reference(), trigger);
            }
        }
        let gone: Vec<String> = self
            .at_work
            .keys()
            .filter(|reference| !wanted.contains_key(*reference))
            .cloned()
            .collect();
        for reference in gone {
            if let Some((stop, task)) = self.at_work.remove(&reference) {
                stop.cancel();
                let _ = task.await;
                self.shared.watches.lock().remove(&reference);
            }
        }
        if let Err(error) = self.forget(&wanted).await {
            tracing::warn!(%error, "the state of what nobody watches any more cannot be removed");
        }
        for (reference, trigger) in wanted {
            if !self.at_work.contains_key(&reference) {
                let stop = CancellationToken::new();
                let watch = Watch::new(&self.shared, trigger, stop.clone());
                self.at_work
                    .insert(reference, (stop, tokio::spawn(watch.watch())));
            }
        }
    }

    /// What nobody wants any more begins anew when it is wanted again.
    async fn forget(&self, wanted: &BTreeMap<String, Trigger>) -> Result<(), StoreError> {
        let stored = self.shared.parts.store.settings(STATE.to_owned()).await?;
        let rows: Vec<Write> = stored
            .into_iter()
            .filter(|(key, _)| {
                key.strip_prefix(STATE)
                    .is_some_and(|reference| !wanted.contains_key(reference))
            })
            .map(|(key, _)| Write::Setting { key, value: None })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.shared
            .parts
            .store
            .commit(rows)
            .await
            .map_err(|error| match error {
                crate::store::CommitError::Store(error) => error,
                other => StoreError::Database(other.to_string()),
            })
    }

    /// Stops all.
    pub(super) async fn stop(&mut self) {
        for (stop, _) in self.at_work.values() {
            stop.cancel();
        }
        for (_, (_, task)) in std::mem::take(&mut self.at_work) {
            let _ = task.await;
        }
    }
}

impl Watch {
    fn new(shared: &Arc<Shared>, trigger: Trigger, stop: CancellationToken) -> Self {
        let reference = trigger.reference();
        let view = WatchView {
            trigger: reference.clone(),
            type_ref: trigger.type_ref.clone(),
            // Headers may hold secrets.
            parameters: trigger
                .parameters
                .iter()
                .filter(|(name, _)| *name != "headers")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            events: 0,
            last_event: None,
            error: None,
        };
        shared.watches.lock().insert(reference.clone(), view);
        Self {
            shared: Arc::clone(shared),
            trigger,
            reference,
            stop,
        }
    }

    async fn watch(self) {
        match self.trigger.type_ref.as_str() {
            HTTP_CHANGE => http::watch(&self).await,
            _ => files::watch(&self).await,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.trigger.parameters.get(name).and_then(Json::as_str)
    }

    /// Says what is wrong now, or (`None`) that all is well.
    fn note(&self, error: Option<String>) {
        if let Some(view) = self.shared.watches.lock().get_mut(&self.reference)
            && view.error != error
        {
            if let Some(error) = &error {
                tracing::warn!(trigger = %self.reference, "{}: {error}", self.trigger.type_ref);
            }
            view.error = error;
        }
    }

    async fn state(&self) -> Option<Json> {
        match self.shared.parts.store.setting(self.key()).await {
            Ok(state) => state,
            Err(error) => {
                self.note(Some(format!("its state cannot be read: {error}")));
                None
            }
        }
    }

    fn key(&self) -> String {
        format!("{STATE}{}", self.reference)
    }

    fn row(&self, state: Json) -> Write {
        Write::Setting {
            key: self.key(),
            value: Some(state),
        }
    }

    /// Keeps a state without an event.
    async fn keep(&self, state: Json) {
        if let Err(error) = self.shared.parts.store.commit(vec![self.row(state)]).await {
            tracing::warn!(trigger = %self.reference, %error, "the state of a watch cannot be stored");
        }
    }

    /// Stores an event together with the state after it; tries until it is stored.
    async fn emit(&self, payload: Json, state: Json) -> Result<(), Over> {
        let payload = Arc::new(payload);
        loop {
            let event = Emission {
                type_ref: self.trigger.type_ref.clone(),
                parameters: self.trigger.parameters.clone(),
                payload: Arc::clone(&payload),
                with: vec![self.row(state.clone())],
                ..Emission::default()
            };
            match self.shared.parts.events.emit(event).await {
                Ok(_) => {
                    if let Some(view) = self.shared.watches.lock().get_mut(&self.reference) {
                        view.events += 1;
                        view.last_event = Some(Timestamp::now());
                    }
                    return Ok(());
                }
                Err(EmitError::Store(StoreError::Closed)) => return Err(Over),
                Err(error @ (EmitError::Busy(_) | EmitError::Store(_))) => {
                    self.note(Some(format!("an event waits: {error}")));
                }
                // It will never fit.
                Err(error) => {
                    self.note(Some(format!("an event cannot be stored: {error}")));
                    return Ok(());
                }
            }
            self.rest(AGAIN).await?;
        }
    }

    /// Waits; fails when the watch is to stop.
    async fn rest(&self, time: Duration) -> Result<(), Over> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Over),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}
