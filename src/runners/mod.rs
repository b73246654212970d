//! Runners: the ways an action can be carried out.
//!
//! A runner gets a [`Job`] with final parameters and gives an [`Outcome`]. It knows nothing of the store,
//! of chat or of HTTP. Cancellation and output go through the job.

mod announcement;
mod approval;
mod conducted;
mod http;
mod inquirer;
mod job;
mod noop;
mod process;
mod shell;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

pub use announcement::AnnouncementRunner;
pub use approval::{APPROVAL, ApprovalRunner, amendment, approval_value, stands_behind};
pub use conducted::{ActionChainRunner, FlowLanguage, OrquestaRunner};
pub use http::{HttpOptions, HttpRunner, install_crypto};
pub use inquirer::{INQUIRER, InquirerRunner};
pub use job::{Amendment, Announcement, Change, Job, Note, Outcome, OutputSink, OutputWrite};
pub use noop::NoopRunner;
pub use shell::{ShellCommandRunner, ShellOptions, ShellScriptRunner};

use crate::model::{Action, Id, JsonMap, Status, Timestamp};

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
        let mut shown = json!({
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
        });
        // The reference leaves the key out where the whole result is the output.
        if self.output_key.is_none()
            && let Some(fields) = shown.as_object_mut()
        {
            fields.shift_remove("output_key");
        }
        shown
    }
}

/// A way to carry out actions.
pub trait Runner: Send + Sync + 'static {
    /// What it is called and which parameters it has.
    fn spec(&self) -> &RunnerSpec;

    /// The language of the entry point when its actions are workflows: the engine conducts them and never calls
    /// [`Runner::run`].
    fn conducts(&self) -> Option<FlowLanguage> {
        None
    }

    /// Carries out the job to its end. Dropping the future must stop the work (kill the process group).
    /// When `job.cancel` fires the runner stops the work and returns what it has, with status `canceled`.
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome>;

    /// Whether a job may be started again when a crash left open how far it had come, whatever its action says: its only
    /// effect is its outcome.
    fn is_repeatable(&self) -> bool {
        false
    }

    /// Of a runner that waits for people: whether in a workflow only the branch behind it waits (`approval`). Otherwise
    /// the workflow pauses as a whole (`inquirer`).
    fn holds_branch_only(&self) -> bool {
        false
    }

    /// What becomes of a pending execution now that the time has come that its outcome named as `wake`. `result` is
    /// what is stored. Must be quick, and give the same for the same arguments. Without an answer of its own the
    /// execution ends as `timeout`.
    fn due(&self, result: &Value, _now: Timestamp) -> Amendment {
        Amendment {
            change: Change::Settle {
                status: Status::Timeout,
                result: result.clone(),
            },
            notes: Vec::new(),
        }
    }

    /// Told once, before the first job: how actions are found, for runners that are about other actions.
    fn attach(&self, _actions: &ActionFinder) {}
}

/// Finds actions by reference, as they are now.
pub type ActionFinder = Arc<dyn Fn(&str) -> Option<Arc<Action>> + Send + Sync>;

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

    /// All runners, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Runner>> {
        self.by_name.values()
    }

    /// All specs, by name.
    pub fn specs(&self) -> impl Iterator<Item = &RunnerSpec> {
        self.by_name.values().map(|runner| runner.spec())
    }
}

/// How the built-in runners work; the default suits a server that runs everything as itself.
#[derive(Clone, Debug, Default)]
pub struct RunnerOptions {
    /// For `local-shell-cmd` and `local-shell-script`.
    pub shell: ShellOptions,
    /// For `http-request`.
    pub http: HttpOptions,
}

/// The runners that need nothing but this machine, and people: `noop`, `announcement`, `local-shell-cmd`,
/// `local-shell-script`, `http-request`, `orquesta`, `action-chain`, `inquirer` and `approval`.
#[must_use]
pub fn builtin(options: RunnerOptions) -> Runners {
    let RunnerOptions { shell, http } = options;
    let shell = Arc::new(shell::Shell::new(shell));
    let mut runners = Runners::default();
    runners.add(Arc::new(NoopRunner::default()));
    runners.add(Arc::new(AnnouncementRunner::default()));
    runners.add(Arc::new(OrquestaRunner::default()));
    runners.add(Arc::new(ActionChainRunner::default()));
    runners.add(Arc::new(ShellCommandRunner::with_shell(Arc::clone(&shell))));
    runners.add(Arc::new(ShellScriptRunner::with_shell(shell)));
    runners.add(Arc::new(HttpRunner::new(http)));
    runners.add(Arc::new(InquirerRunner::default()));
    runners.add(Arc::new(ApprovalRunner::default()));
    runners
}

/// A schema that is written down in the code; anything but an object is a mistake in the code and gives
/// an empty map.
fn schema(value: Value) -> JsonMap {
    match value {
        Value::Object(map) => map,
        _ => JsonMap::new(),
    }
}

/// The parameters that belong to the action alone: what is left without those of its runner.
fn own_parameters(spec: &RunnerSpec, parameters: JsonMap) -> JsonMap {
    parameters
        .into_iter()
        .filter(|(name, _)| !spec.parameters.contains_key(name))
        .collect()
}

#[cfg(test)]
mod tests;
