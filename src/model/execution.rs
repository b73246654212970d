//! An execution: one request for an action, what became of it, and its history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Id, JsonMap, Place, Status, Timestamp};

/// The part of an execution that never changes after the request was accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `pack.name` of the action.
    pub action: String,
    /// Name of the runner.
    pub runner: String,
    /// The person or service on whose behalf it runs.
    pub user: String,
    /// Live parameters: rendered, cast, validated. Secret values are sealed (see `engine::secrets`).
    pub parameters: JsonMap,
    /// Context as the reference keeps it: `user`, `pack`, `trace_context`, `action_alias_ref`…
    pub context: JsonMap,
    /// The execution that asked for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Id>,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Notify section of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Value>,
    /// Version of the pack that it ran.
    pub pack_version: String,
    /// Digest of the action's metadata and entry point.
    pub digest: String,
    /// Whether it may be started again after a crash in the middle.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
    /// Where it came from.
    pub origin: Origin,
    /// Why it was allowed.
    pub decision: String,
    /// Of a workflow that goes on where another execution ended: which, and what it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<Continues>,
    /// Rule that asked for it (`pack.name`), when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Trigger instance that led to it, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_instance: Option<Id>,
}

/// An execution of a workflow that another one goes on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Continues {
    /// The execution that ended.
    pub execution: Id,
    /// Digest of the action whose definition it ran: the new one runs the same, whatever the file says now.
    pub digest: String,
}

/// Where a request came from and where its answer belongs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// `chat`, `api`, `cli`, `rule`, `workflow`, `schedule`.
    pub kind: String,
    /// For chat: the conversation that gets the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// For chat: the sentence as it was typed (secrets masked).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// For chat: the alias that matched, `pack.name`, and its format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// For chat: the matched representation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// True for built-in commands such as `help` and `ps`, which lists of work leave out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub builtin: bool,
    /// For chat: the gateway's own ticket for answering; it goes with the answers and nobody else looks into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// For chat: the account that alone may read the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_to: Option<String>,
}

/// A moment at which an execution took on a status.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When.
    pub timestamp: Timestamp,
    /// Which.
    pub status: Status,
}

/// The part of an execution that grows while it runs; small, rewritten at each transition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Every status with its time (EXE-18).
    pub log: Vec<LogEntry>,
    /// Context that came later: `cancelled_by`, `re-run`…; shown merged over the request's context.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub context: JsonMap,
    /// `{hostname, pid}` of the server that ran it.
    #[serde(default, skip_serializing_if = "JsonMap::is_empty")]
    pub runner_info: JsonMap,
    /// How often it was started; more than 1 only after a crash.
    #[serde(default)]
    pub attempts: u32,
    /// While it is pending: when its runner is to look at it again (a reminder, the end of its time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<Timestamp>,
}

/// An execution as it is in the store and in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// Its identity; time-ordered.
    pub id: Id,
    /// Goes up by one with every committed transition; guards against lost updates.
    pub revision: u32,
    /// Where it stands.
    pub status: Status,
    /// What was asked; shared, never copied.
    pub request: Arc<Request>,
    /// When it was asked.
    pub start: Timestamp,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// What happened so far.
    pub progress: Progress,
    /// The result, when it has one and it was asked for (lists leave it out).
    pub result: Option<Arc<Value>>,
    /// Bytes of the result as JSON.
    pub result_size: u64,
}

impl Execution {
    /// The context as shown: the request's with later additions over it.
    #[must_use]
    pub fn context(&self) -> JsonMap {
        let mut context = self.request.context.clone();
        for (key, value) in &self.progress.context {
            context.insert(key.clone(), value.clone());
        }
        context
    }

    /// Seconds from request to end; `None` while it is not over.
    #[must_use]
    pub fn elapsed_seconds(&self) -> Option<f64> {
        self.end.map(|end| end.seconds_since(self.start))
    }
}

/// Which stream a piece of output came from (EXE-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Anything else that a runner reports while it works.
    Output,
}

impl OutputStream {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Output => "output",
        }
    }
}

/// A piece of output of a running execution: whole lines where possible.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputChunk {
    /// Whose output.
    pub execution: Id,
    /// Number of the chunk within the execution, from 0, without gaps.
    pub number: u32,
    /// When it was read.
    pub timestamp: Timestamp,
    /// From which stream.
    pub stream: OutputStream,
    /// The text; bytes that are no UTF-8 were replaced.
    pub text: String,
}
