//! Runners: the ways an action can be carried out.
//!
//! A runner gets a [`Job`] with final parameters and gives an [`Outcome`]. It knows nothing of the store,
//! of chat or of HTTP. Cancellation and output go through the job.

mod job;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

pub use job::{Announcement, Job, Outcome, OutputSink, OutputWrite};

use crate::model::{Id, JsonMap};

/// What is known about a runner without running it.
#[derive(Clone, Debug)]
pub struct RunnerSpec {
    /// Name that actions use in `runner_type`.
    pub name: &'static str,
    /// One sentence for people.
    pub description: &'static str,
    /// Package and module names of the reference, shown to API clients.
    pub package: &'static str,
    /// See `package`.
    pub module: &'static str,
    /// Parameter name → schema; every action of the runner inherits them.
    pub parameters: JsonMap,
    /// Key of the result that an action's `output_schema` describes (RUN-26).
    pub output_key: Option<&'static str>,
    /// True when running has no effect outside and takes no time (`noop`): such an execution may be
    /// committed together with its end.
    pub pure: bool,
}

impl RunnerSpec {
    /// The runner as API clients see it: field names and order as the reference's.
    #[must_use]
    pub fn to_api(&self) -> Value {
        let uid = format!("runner_type:{}", self.name);
        json!({
            "name": self.name,
            "description": self.description,
            "uid": uid,
            "enabled": true,
            "runner_package": self.package,
            "runner_module": self.module,
            "runner_parameters": self.parameters,
            "output_key": self.output_key,
            "output_schema": {},
            "id": Id::of_name(&uid),
        })
    }
}

/// A way to carry out actions.
pub trait Runner: Send + Sync + 'static {
    /// What it is called and which parameters it has.
    fn spec(&self) -> &RunnerSpec;

    /// Carries out the job to its end. Dropping the future must stop the work (kill the process group).
    /// When `job.cancel` fires the runner stops the work and returns what it has, with status `canceled`.
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome>;
}

/// All runners by name.
#[derive(Clone, Default)]
pub struct Runners {
    by_name: BTreeMap<&'static str, Arc<dyn Runner>>,
}

impl Runners {
    /// Adds a runner; a later one of the same name replaces the earlier one.
    pub fn add(&mut self, runner: Arc<dyn Runner>) {
        self.by_name.insert(runner.spec().name, runner);
    }

    /// The runner with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Runner>> {
        self.by_name.get(name)
    }

    /// All specs, by name.
    pub fn specs(&self) -> impl Iterator<Item = &RunnerSpec> {
        self.by_name.values().map(|runner| runner.spec())
    }
}
