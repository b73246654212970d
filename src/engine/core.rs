//! The engine's handle.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;

use super::{
    Accepted, CancelError, Cancelled, EngineOptions, Event, Observer, RerunOptions, Submit, SubmitError,
};
use crate::access::Authority;
use crate::model::{Action, Execution, Id, Identity, JsonMap};
use crate::runners::Runners;
use crate::store::{Store, StoreError};

/// Finds actions; the content snapshot behind a trait, so that the engine knows nothing of files.
pub trait Catalogue: Send + Sync + 'static {
    /// The action with this reference.
    fn action(&self, reference: &str) -> Option<Arc<Action>>;
    /// The nearest known reference, for "did you mean".
    fn nearest(&self, reference: &str) -> Option<String>;
    /// Configuration of a pack (`config_context`).
    fn config(&self, pack: &str) -> Arc<JsonMap>;
}

/// What an engine is made of.
pub struct EngineParts {
    /// Settings.
    pub options: EngineOptions,
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Actions.
    pub catalogue: Arc<dyn Catalogue>,
    /// Runners.
    pub runners: Runners,
    /// Permissions.
    pub authority: Arc<dyn Authority>,
    /// Add rows to the engine's commits.
    pub observers: Vec<Arc<dyn Observer>>,
    /// The 32-byte key that seals secrets at rest.
    pub key: super::SecretKey,
    /// Folder for scratch files of running actions.
    pub scratch: std::path::PathBuf,
}

/// Numbers for `status`, metrics and the fair queue's "waiting behind".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EngineStats {
    /// Actions at work now.
    pub running: usize,
    /// Executions that wait for a free place.
    pub waiting: usize,
    /// Executions that wait for their time.
    pub delayed: usize,
    /// How many may run at once.
    pub concurrency: usize,
    /// Accepted since start.
    pub accepted: u64,
    /// Ended since start.
    pub completed: u64,
}

/// What may be shown of an execution: secrets masked unless asked for by someone who may.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Live parameters.
    pub parameters: JsonMap,
    /// Result.
    pub result: Option<Value>,
}

/// The engine. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<EngineParts>,
}

impl Engine {
    /// Starts the engine: reads what was unfinished, goes on with it, then takes requests.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn start(parts: EngineParts) -> Result<Self, StoreError> {
        Ok(Self {
            inner: Arc::new(parts),
        })
    }

    /// Accepts a request: returns after it is committed.
    ///
    /// # Errors
    /// See [`SubmitError`]; nothing is stored then.
    pub async fn submit(&self, request: Submit) -> Result<Accepted, SubmitError> {
        let _ = (&self.inner, request);
        unimplemented!()
    }

    /// Runs an execution again, with changed parameters where given. Permission is judged anew.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn rerun(
        &self,
        original: Id,
        identity: Identity,
        origin: crate::model::Origin,
        options: RerunOptions,
    ) -> Result<Accepted, SubmitError> {
        let _ = (original, identity, origin, options);
        unimplemented!()
    }

    /// Cancels an execution.
    ///
    /// # Errors
    /// See [`CancelError`].
    pub async fn cancel(&self, id: Id, identity: &Identity) -> Result<Cancelled, CancelError> {
        let _ = (id, identity);
        unimplemented!()
    }

    /// The execution as it is now, with its result.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn execution(&self, id: Id) -> Result<Option<Arc<Execution>>, StoreError> {
        let _ = id;
        unimplemented!()
    }

    /// Waits until the execution is completed; `None` when it does not exist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn wait(&self, id: Id) -> Result<Option<Arc<Execution>>, StoreError> {
        let _ = id;
        unimplemented!()
    }

    /// Follows everything that happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        unimplemented!()
    }

    /// What may be shown of an execution's parameters and result.
    #[must_use]
    pub fn shown(&self, execution: &Execution, secrets: bool) -> Shown {
        let _ = (execution, secrets);
        unimplemented!()
    }

    /// `(action, runner)` as API clients see them, as they were when the execution was accepted.
    /// Shared text of JSON objects, so that answers need not build them again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn definition(&self, execution: &Execution) -> Result<Arc<Definition>, StoreError> {
        let _ = execution;
        unimplemented!()
    }

    /// Numbers for status and metrics.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        unimplemented!()
    }

    /// The store, for reads.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Specs of all runners.
    #[must_use]
    pub fn runners(&self) -> &Runners {
        &self.inner.runners
    }

    /// Takes no new requests, waits for running actions up to the drain time, then stops them.
    pub async fn drain(&self) {}
}

/// An action and its runner as they were when an execution was accepted.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The action as API clients see it.
    pub action: Box<serde_json::value::RawValue>,
    /// The runner as API clients see it.
    pub runner: Box<serde_json::value::RawValue>,
}
