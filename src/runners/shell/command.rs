//! `local-shell-cmd`: one command line in a shell (RUN-1).

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::result::{finished, refused, unstarted};
use super::{Settings, Shell, ShellOptions, shared_parameters, text};
use crate::model::JsonMap;
use crate::runners::{Job, Outcome, Runner, RunnerSpec, schema};

/// Runs the text of the parameter `cmd` in a shell on this machine.
pub struct ShellCommandRunner {
    spec: RunnerSpec,
    shell: Arc<Shell>,
}

impl ShellCommandRunner {
    /// A runner of its own; [`crate::runners::builtin`] makes one that shares its findings with its sibling.
    #[must_use]
    pub fn new(options: ShellOptions) -> Self {
        Self::with_shell(Arc::new(Shell::new(options)))
    }

    pub(in crate::runners) fn with_shell(shell: Arc<Shell>) -> Self {
        Self {
            spec: RunnerSpec {
                name: "local-shell-cmd",
                description: "Runs a command in a shell on this machine, always as the same user.",
                package: "local_runner",
                module: "local_shell_command_runner",
                parameters: parameters(),
                output_key: None,
                pure: false,
            },
            shell,
        }
    }

    async fn carry_out(&self, job: Job) -> Outcome {
        let settings = match Settings::of(&job.parameters) {
            Ok(settings) => settings,
            Err(error) => return refused(&error),
        };
        let command = match text(&job.parameters, "cmd") {
            Ok(Some(command)) => command,
            Ok(None) => return refused("Parameter \"cmd\" is missing: there is no command to run"),
            Err(error) => return refused(&error),
        };
        match self.shell.in_shell(&job, &settings, command, Vec::new()).spawn() {
            Ok(running) => {
                let bounds = self.shell.bounds(&settings);
                finished(running.finish(&bounds, &job.cancel, &job.output).await, &settings)
            }
            Err(error) => refused(&unstarted(&error, &self.shell, &settings)),
        }
    }
}

fn parameters() -> JsonMap {
    let mut parameters = schema(json!({
        "cmd": {
            "description": "The command line, as a shell takes it.",
            "type": "string",
        },
    }));
    parameters.extend(shared_parameters());
    parameters
}

impl Runner for ShellCommandRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        self.carry_out(job).boxed()
    }
}
