//! `orquesta` and `action-chain`: actions that are made of other actions (RUN-22, RUN-23).
//!
//! What they are called and which parameters they have is said here; the engine conducts workflows.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::{Job, Outcome, Runner, RunnerSpec, schema};
use crate::model::Status;

/// In which language a workflow is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowLanguage {
    /// Orquesta's.
    Orquesta,
    /// Action chains'.
    ActionChain,
}

/// Workflows in orquesta's language.
#[derive(Debug)]
pub struct OrquestaRunner {
    spec: RunnerSpec,
}

impl Default for OrquestaRunner {
    fn default() -> Self {
        let notify = json!({
            "description": "List of tasks to trigger notifications for.",
            "type": "array",
            "uniqueItems": true,
            "items": {"type": "string", "minLength": 1, "pattern": "^\\w+$"},
            "default": [],
        });
        Self {
            spec: RunnerSpec {
                name: "orquesta",
                description: "A runner for launching orquesta workflows.",
                package: "orquesta_runner",
                module: "orquesta_runner",
                parameters: schema(json!({ "notify": notify })),
                output_key: Some("output"),
                pure: false,
            },
        }
    }
}

/// Action chains: one action after the other.
#[derive(Debug)]
pub struct ActionChainRunner {
    spec: RunnerSpec,
}

impl Default for ActionChainRunner {
    fn default() -> Self {
        let parameters = json!({
            "display_published": {
                "description": "Intermediate published variables will be stored and displayed.",
                "type": "boolean",
                "default": true,
            },
            "skip_notify": {
                "description": "List of tasks to skip notifications for.",
                "type": "array",
                "default": [],
            },
        });
        Self {
            spec: RunnerSpec {
                name: "action-chain",
                description: "A runner for launching linear action chains.",
                package: "action_chain_runner",
                module: "action_chain_runner",
                parameters: schema(parameters),
                output_key: Some("published"),
                pure: false,
            },
        }
    }
}

impl Runner for OrquestaRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn conducts(&self) -> Option<FlowLanguage> {
        Some(FlowLanguage::Orquesta)
    }

    fn run(&self, _job: Job) -> BoxFuture<'_, Outcome> {
        not_conducted()
    }
}

impl Runner for ActionChainRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn conducts(&self) -> Option<FlowLanguage> {
        Some(FlowLanguage::ActionChain)
    }

    fn run(&self, _job: Job) -> BoxFuture<'_, Outcome> {
        not_conducted()
    }
}

/// Only an engine that cannot conduct workflows gets here.
fn not_conducted() -> BoxFuture<'static, Outcome> {
    let result = json!({"error": "internal error: a workflow was given to a runner"});
    std::future::ready(Outcome::new(Status::Failed, result)).boxed()
}
