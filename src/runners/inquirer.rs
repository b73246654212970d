//! `inquirer`: asks people something and waits for the answer (RUN-21, INQ-1 … INQ-8).

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Job, Outcome, Runner, RunnerSpec, schema};
use crate::model::{Status, Timestamp};
use crate::params;

/// Name of the runner.
pub const INQUIRER: &str = "inquirer";

/// Bytes of a schema: it is read each time somebody looks at the question.
const LONGEST_SCHEMA: usize = 256 << 10;
/// Minutes beyond which a wait is for ever: a hundred years.
const LONGEST_MINUTES: i64 = 100 * 366 * 24 * 60;

/// Waits, without holding a place, until somebody gives an answer that fits the schema.
#[derive(Debug)]
pub struct InquirerRunner {
    spec: RunnerSpec,
}

impl Default for InquirerRunner {
    fn default() -> Self {
        Self {
            spec: RunnerSpec {
                name: INQUIRER,
                description: "Asks people and waits for the answer.",
                package: "inquirer_runner",
                module: "inquirer_runner",
                parameters: schema(json!({
                    "schema": {
                        "default": {
                            "title": "response_data",
                            "type": "object",
                            "properties": {
                                "continue": {
                                    "type": "boolean",
                                    "description": "Shall it go on?",
                                    "required": true,
                                },
                            },
                        },
                        "required": true,
                        "description": "JSON schema that the answer must fit.",
                        "type": "object",
                    },
                    "route": {
                        "default": "",
                        "required": false,
                        "description": "A word by which rules tell where to announce the question.",
                        "type": "string",
                    },
                    "roles": {
                        "default": [],
                        "required": false,
                        "description": "Roles or groups of those who may answer; everybody who may ask when empty.",
                        "type": "array",
                    },
                    "users": {
                        "default": [],
                        "required": false,
                        "description": "Users who may answer; everybody who may ask when empty.",
                        "type": "array",
                    },
                    "ttl": {
                        "default": 1440,
                        "required": true,
                        "description": "Minutes to wait for an answer; 0 or less: for ever.",
                        "type": "integer",
                    },
                })),
                output_key: None,
                pure: false,
            },
        }
    }
}

impl Runner for InquirerRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        std::future::ready(ask(&job, Timestamp::now())).boxed()
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

fn ask(job: &Job, now: Timestamp) -> Outcome {
    let given = |name: &str| job.parameters.get(name).filter(|value| !value.is_null());
    let schema = given("schema").cloned().unwrap_or_else(|| json!({}));
    if schema.to_string().len() > LONGEST_SCHEMA {
        let error = format!("the schema of the answer has more than {LONGEST_SCHEMA} bytes of JSON");
        return Outcome::new(Status::Failed, json!({ "error": error }));
    }
    if let Err(why) = params::ResponseSchema::new(&schema) {
        let error = format!("the schema of the answer cannot be used: {why}");
        return Outcome::new(Status::Failed, json!({ "error": error }));
    }
    let ttl = given("ttl").and_then(Value::as_i64).unwrap_or(0);
    let list = |name: &str| given(name).cloned().unwrap_or_else(|| json!([]));
    let result = json!({
        "schema": schema,
        "roles": list("roles"),
        "users": list("users"),
        "route": given("route").cloned().unwrap_or_else(|| json!("")),
        "ttl": ttl,
    });
    let wake = (1..LONGEST_MINUTES)
        .contains(&ttl)
        .then(|| now.plus_millis(ttl * 60_000));
    Outcome::pending(result, wake)
}
