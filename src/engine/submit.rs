//! A request to the engine and its answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::model::{Continues, Execution, Id, Identity, JsonMap, Origin};
use crate::store::Write;

/// Key of the context with the person who really asks, when it is on behalf of somebody else.
pub const ON_BEHALF_BY: &str = "on_behalf_by";

/// A request to execute an action.
#[derive(Clone, Debug, Default)]
pub struct Submit {
    /// The id that the execution will have, when rows in `with` refer to it; else the engine makes one.
    pub id: Option<Id>,
    /// `pack.name`.
    pub action: String,
    /// Parameters as given; may contain Jinja.
    pub parameters: JsonMap,
    /// Parameters that are data: taken as they are, never rendered (re-runs, values from other executions).
    pub data: JsonMap,
    /// `parameters` were written by whoever wrote the packs (an alias, say) and not by whoever asks: they may decrypt
    /// secrets of everybody.
    pub authored: bool,
    /// Texts that are secret: whatever parameter holds one is stored sealed and shown masked.
    pub secrets: Vec<String>,
    /// Who asks.
    pub identity: Identity,
    /// Where it came from.
    pub origin: Origin,
    /// Further context (`trace_context`, `action_alias_ref`, `api_user`, `source_channel`…).
    pub context: JsonMap,
    /// Context that is shown but plays no part in rendering parameters (`re-run`).
    pub later_context: JsonMap,
    /// Wait so long before it runs.
    pub delay: Option<Duration>,
    /// Notify section of the request.
    pub notify: Option<Value>,
    /// The execution that asks for this one.
    pub parent: Option<Id>,
    /// The workflow that this one goes on with; filled by the engine, see [`RerunOptions::tasks`].
    pub continues: Option<Continues>,
    /// The rule that asks, and the trigger instance that it asks for.
    pub rule: Option<(String, Id)>,
    /// Run without the approvals that are needed, for this reason: others are told, and somebody else has to look at
    /// it afterwards. Permission is needed all the same.
    pub break_glass: Option<String>,
    /// Rows to commit with the execution: the claim of the chat event, the acknowledgement.
    pub with: Vec<Write>,
}

/// An accepted request: committed before this value exists.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The execution as it was accepted: its status is `requested` (or `delayed`), whatever has
    /// happened since.
    pub execution: Arc<Execution>,
}

/// What a cancel request did.
#[derive(Clone, Debug)]
pub enum Cancelled {
    /// It was canceled at once, or is being stopped now.
    Asked(Arc<Execution>),
    /// It cannot be canceled in its state (already over, or waits for an answer).
    NotCancelable(Arc<Execution>),
}

/// How to run something again.
#[derive(Clone, Debug, Default)]
pub struct RerunOptions {
    /// Parameters that replace the original ones, name by name.
    pub parameters: JsonMap,
    /// Use only `parameters`, not the original ones (`?no_merge=true`).
    pub no_merge: bool,
    /// Wait so long before it runs.
    pub delay: Option<Duration>,
    /// Of a workflow: run only these tasks again, and what follows them, with what the original knew.
    pub tasks: Vec<String>,
    /// Those of `tasks` of which all items run again, not only the failed ones.
    pub reset: Vec<String>,
    /// Rows to commit with the new execution.
    pub with: Vec<Write>,
    /// The id that the new execution will have.
    pub id: Option<Id>,
    /// The person who really asks, when it is on behalf of somebody else.
    pub on_behalf_by: Option<String>,
}
