//! `announcement`: tells everybody who follows the event stream (RUN-20).

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Announcement, Job, Outcome, Runner, RunnerSpec, own_parameters, schema};
use crate::model::Status;

const LONGEST_ROUTE: usize = 255;

/// Publishes the parameters of its action on the event stream, as `st2.announcement__<route>`.
#[derive(Debug)]
pub struct AnnouncementRunner {
    spec: RunnerSpec,
}

impl Default for AnnouncementRunner {
    fn default() -> Self {
        Self {
            spec: RunnerSpec {
                name: "announcement",
                description: "Sends an announcement to everybody who follows the event stream.",
                package: "announcement_runner",
                module: "announcement_runner",
                parameters: schema(json!({
                    "experimental": {
                        "default": false,
                        "description": "Must be true: says that the author knows this runner may change.",
                        "required": true,
                        "type": "boolean",
                    },
                    "route": {
                        "default": "general",
                        "description": "Where the announcement goes; may be several words joined by dots.",
                        "maxLength": LONGEST_ROUTE,
                        "minLength": 1,
                        "type": "string",
                    },
                })),
                output_key: None,
                pure: false,
            },
        }
    }
}

impl AnnouncementRunner {
    fn announce(&self, job: Job) -> Outcome {
        if job.parameters.get("experimental") != Some(&Value::Bool(true)) {
            return refuse(&format!(
                "Experimental flag is missing for action {}: add the parameter `experimental: true`",
                job.action.reference
            ));
        }
        let route = match job.parameters.get("route") {
            None | Some(Value::Null) => "general".to_owned(),
            Some(Value::String(route)) if (1..=LONGEST_ROUTE).contains(&route.chars().count()) => {
                route.clone()
            }
            Some(_) => return refuse("Parameter \"route\" must be a text of 1 to 255 characters"),
        };
        let payload = Value::Object(own_parameters(&self.spec, job.parameters));
        Outcome {
            result: payload.clone(),
            announcements: vec![Announcement { route, payload }],
            ..Outcome::new(Status::Succeeded, Value::Null)
        }
    }
}

fn refuse(error: &str) -> Outcome {
    Outcome::new(Status::Failed, json!({ "error": error }))
}

impl Runner for AnnouncementRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        std::future::ready(self.announce(job)).boxed()
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}
