//! What all handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Router;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::ApiOptions;
use super::http::error::{ApiError, ApiResult};
use crate::access::{People, Policy, Tokens};
use crate::content::Content;
use crate::datastore::Datastore;
use crate::engine::Engine;
use crate::events::Events;
use crate::model::Identity;
use crate::retention::Retention;
use crate::sensors::Sensors;
use crate::store::{Store, StoreError};

/// Reads the content again; gives a summary for the caller, or one sentence why it failed.
pub type Reload = Arc<dyn Fn(Arc<Identity>) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// Tells how chat and the service are: `healthy`, `complaints`, `gateways`.
pub type Condition = Arc<dyn Fn() -> BoxFuture<'static, Result<Value, StoreError>> + Send + Sync>;

/// What an API is made of.
pub struct ApiParts {
    /// Settings.
    pub options: ApiOptions,
    /// Where requests go.
    pub engine: Engine,
    /// Where events go.
    pub events: Events,
    /// The datastore.
    pub keys: Arc<Datastore>,
    /// Deletes what is old.
    pub retention: Retention,
    /// What watches the world.
    pub sensors: Sensors,
    /// Packs, actions, aliases.
    pub content: Arc<Content>,
    /// Who may do what; gives identities their roles.
    pub policy: Arc<Policy>,
    /// People and their accounts.
    pub people: Arc<People>,
    /// The known tokens.
    pub tokens: Tokens,
    /// Reads the content again.
    pub reload: Reload,
    /// How chat and the service are.
    pub condition: Option<Condition>,
    /// Routes of the chat gateways, put under `/api/v1/chat`.
    pub chat: Option<Router>,
    /// Ends event streams when the server stops.
    pub shutdown: CancellationToken,
}

/// What all handlers share. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    shared: Arc<Shared>,
}

struct Shared {
    parts: ApiParts,
    web_base: String,
    ready: AtomicBool,
    started: Instant,
    streams: Arc<Semaphore>,
}

impl ApiState {
    /// The state of an API that is not ready yet.
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        let streams = Arc::new(Semaphore::new(parts.options.max_streams));
        Self {
            shared: Arc::new(Shared {
                web_base: parts.options.web_base(),
                parts,
                ready: AtomicBool::new(false),
                started: Instant::now(),
                streams,
            }),
        }
    }

    /// Makes `/readyz` say so.
    pub fn set_ready(&self) {
        self.shared.ready.store(true, Ordering::Release);
    }

    /// Whether requests are taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::Acquire) && !self.shutdown().is_cancelled()
    }

    /// Settings.
    #[must_use]
    pub fn options(&self) -> &ApiOptions {
        &self.shared.parts.options
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.shared.parts.engine
    }

    /// The store, for reads.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        self.engine().store()
    }

    /// Where events go.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.shared.parts.events
    }

    /// The datastore.
    #[must_use]
    pub fn keys(&self) -> &Arc<Datastore> {
        &self.shared.parts.keys
    }

    /// Deletes what is old.
    #[must_use]
    pub fn retention(&self) -> &Retention {
        &self.shared.parts.retention
    }

    /// What watches the world.
    #[must_use]
    pub fn sensors(&self) -> &Sensors {
        &self.shared.parts.sensors
    }

    /// Packs, actions, aliases.
    #[must_use]
    pub fn content(&self) -> &Arc<Content> {
        &self.shared.parts.content
    }

    /// Who may do what.
    #[must_use]
    pub fn policy(&self) -> &Arc<Policy> {
        &self.shared.parts.policy
    }

    /// People and their accounts.
    #[must_use]
    pub fn people(&self) -> &Arc<People> {
        &self.shared.parts.people
    }

    /// Ends event streams when the server stops.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shared.parts.shutdown
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.shared.parts.tokens
    }

    pub(super) fn reload(&self) -> &Reload {
        &self.shared.parts.reload
    }

    pub(super) fn chat(&self) -> Option<Router> {
        self.shared.parts.chat.clone()
    }

    pub(super) fn uptime_seconds(&self) -> f64 {
        self.shared.started.elapsed().as_secs_f64()
    }

    /// The link to an execution for people's browsers.
    #[must_use]
    pub fn web_url(&self, execution: crate::model::Id) -> String {
        format!("{}/#/history/{execution}/general", self.shared.web_base)
    }

    /// How chat and the service are, when somebody can tell.
    pub(super) async fn condition(&self) -> ApiResult<Option<Value>> {
        match &self.shared.parts.condition {
            Some(condition) => Ok(Some(condition().await?)),
            None => Ok(None),
        }
    }

    /// A place among the event streams that are followed at the same time.
    pub(super) fn stream_place(&self) -> ApiResult<OwnedSemaphorePermit> {
        Arc::clone(&self.shared.streams).try_acquire_owned().map_err(|_| {
            ApiError::unavailable(format!(
                "{} event streams are followed already, the limit (setting api.max_streams).",
                self.options().max_streams
            ))
        })
    }
}
