//! `noop`: does nothing and succeeds (RUN-19).

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::{Job, Outcome, Runner, RunnerSpec};
use crate::model::{JsonMap, Status};

/// Does nothing; for trying out rules, aliases and workflows.
#[derive(Debug)]
pub struct NoopRunner {
    spec: RunnerSpec,
}

impl Default for NoopRunner {
    fn default() -> Self {
        Self {
            spec: RunnerSpec {
                name: "noop",
                description: "Does nothing and succeeds, whatever the parameters are.",
                package: "noop_runner",
                module: "noop_runner",
                parameters: JsonMap::new(),
                output_key: None,
                pure: true,
            },
        }
    }
}

impl Runner for NoopRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, _job: Job) -> BoxFuture<'_, Outcome> {
        let result = json!({ "failed": false, "succeeded": true, "return_code": 0 });
        std::future::ready(Outcome::new(Status::Succeeded, result)).boxed()
    }
}
