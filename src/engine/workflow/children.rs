//! The executions that a workflow asks for: what each is for, what it is given, and what its steps mean.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::plans::CONTEXT;
use super::results::TaskKey;
use crate::engine::Submit;
use crate::expr::value::{self, Value};
use crate::model::{Execution, Id, Identity, JsonMap, Origin, Request, Status};
use crate::workflow::chain::{Chain, ChainNode};
use crate::workflow::conductor;

/// A child that has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    /// Where it stood when the workflow last heard of it.
    pub(super) status: Status,
    /// It is a workflow itself.
    pub(super) conducted: bool,
}

/// All children that have not ended.
pub(super) type Children = HashMap<Id, Child>;

/// An action that waits to be asked for.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) task: TaskKey,
    pub(super) item: Option<usize>,
    /// How many items the task has, when it has items.
    pub(super) items: Option<usize>,
    pub(super) delay: Option<Duration>,
    pub(super) action: Value,
    pub(super) input: Value,
}

/// Where requests come from that workflows make.
pub(super) const ORIGIN: &str = "workflow";

/// Key of the context that tells a chain's child what it is for.
const CHAIN: &str = "chain";
/// Keys of a context that pass from a workflow to its children.
const INHERITED: [&str; 3] = ["api_user", "source_channel", "trace_context"];

/// The id of an execution of a task: the same whenever it is asked for.
pub(super) fn task_execution_id(workflow: Id, entry: usize) -> Id {
    Id::of_name(&format!("task:{workflow}:{entry}"))
}

/// The request for a child. Parameters are data: what expressions gave is not rendered again.
pub(super) fn request(
    workflow: &Execution,
    call: &Call,
    action: String,
    entry: usize,
    node: Option<(&Chain, &ChainNode)>,
) -> Result<Submit, String> {
    let data = parameters(&call.input)?;
    let parent = &workflow.request;
    let mut link =
        json!({"execution_id": workflow.id, "user": parent.user, "pack": parent.context.get("pack")});
    let mut orquesta = json!({
        "workflow_execution_id": workflow.id,
        "task_execution_id": task_execution_id(workflow.id, entry),
        "task_name": call.task.0,
        "task_id": call.task.0,
        "task_route": call.task.1,
    });
    if let Some(item) = call.item {
        orquesta["item_id"] = json!(item);
        orquesta["items_count"] = json!(call.items);
    }
    let mut context = JsonMap::new();
    for key in INHERITED {
        if let Some(value) = parent.context.get(key) {
            link[key] = value.clone();
            context.insert(key.to_owned(), value.clone());
        }
    }
    context.insert("parent".to_owned(), link);
    let notify;
    match node {
        None => {
            notify = notify_listed(parent, &call.task.0);
            context.insert("orquesta".to_owned(), orquesta)
        }
        Some((chain, node)) => {
            notify = notify_of(parent, node);
            context.insert(CHAIN.to_owned(), node_shown(chain, node))
        }
    };
    Ok(Submit {
        notify,
        action,
        data,
        identity: Identity {
            user: parent.user.clone(),
            via: "workflow".to_owned(),
            ..Identity::default()
        },
        origin: Origin {
            kind: ORIGIN.to_owned(),
            ..Origin::default()
        },
        context,
        delay: call.delay,
        parent: Some(workflow.id),
        ..Submit::default()
    })
}

/// What the context of a chain's child tells of its task: the task as it is written, as the reference.
fn node_shown(chain: &Chain, node: &ChainNode) -> Json {
    let name = |number: Option<usize>| number.and_then(|number| Some(chain.nodes.get(number)?.name.as_str()));
    json!({
        "name": node.name,
        "ref": node.action,
        "params": node.parameters,
        "on_success": name(node.on_success),
        "on_failure": name(node.on_failure),
        "publish": node.publish,
        "notify": node.notify,
    })
}

/// Whom a workflow's task tells of its end: those whom the workflow tells, when its parameter `notify` lists the task (NOT-7).
fn notify_listed(workflow: &Request, task: &str) -> Option<Json> {
    let listed = workflow.parameters.get("notify")?.as_array()?;
    let is_listed = listed.iter().any(|name| *name == *task);
    workflow.notify.clone().filter(|_| is_listed)
}

/// Whom a chain's task tells of its end: those whom it names itself, else those whom the chain tells, unless its action
/// names it among `skip_notify` (CHN-11).
fn notify_of(chain: &Request, node: &ChainNode) -> Option<Json> {
    let skipped = chain.parameters.get("skip_notify").and_then(Json::as_array);
    let skips = skipped.is_some_and(|names| names.iter().any(|name| *name == *node.name));
    node.notify
        .clone()
        .or_else(|| chain.notify.clone().filter(|_| !skips))
}

fn parameters(input: &Value) -> Result<JsonMap, String> {
    if input.is_null() {
        return Ok(JsonMap::new());
    }
    match value::to_json(input) {
        Ok(Json::Object(map)) => Ok(map),
        Ok(_) => Err(format!(
            "the input of a task is a mapping of parameters, not {}",
            input.type_name()
        )),
        Err(error) => Err(format!("the input cannot be handed to an action: {error}")),
    }
}

/// The variables that every workflow begins with.
pub(super) fn context(workflow: &Execution, api_url: &str) -> Json {
    let request = &workflow.request;
    let mut st2 = json!({
        "action_execution_id": workflow.id,
        "workflow_execution_id": workflow.id,
        "api_url": api_url,
        "user": request.user,
        "pack": request.context.get("pack"),
        "action": request.action,
        "runner": request.runner,
    });
    for key in &INHERITED[..2] {
        if let Some(value) = request.context.get(*key) {
            st2[*key] = value.clone();
        }
    }
    let mut context = json!({});
    context[CONTEXT[0]] = st2;
    context[CONTEXT[1]] = Json::Object(request.context.clone());
    context
}

/// What a child is for, from its context; `None` when it is no part of a workflow.
pub(super) fn place(child: &Execution) -> Option<(TaskKey, Option<usize>, Id)> {
    super::part_of(child)?;
    if let Some(link) = child.request.context.get(CHAIN) {
        let task = link.get("name")?.as_str()?;
        return Some(((Arc::from(task), 0), None, child.id));
    }
    let link = child.request.context.get("orquesta")?;
    let task = link.get("task_id")?.as_str()?;
    let route = u32::try_from(link.get("task_route")?.as_u64()?).ok()?;
    let item = link
        .get("item_id")
        .and_then(Json::as_u64)
        .and_then(|item| usize::try_from(item).ok());
    let execution = link.get("task_execution_id")?.as_str()?.parse().ok()?;
    Some(((Arc::from(task), route), item, execution))
}

/// How many items the task of a child has, from its context; `None` when it has none.
pub(super) fn items_of(child: &Execution) -> Option<usize> {
    let link = child.request.context.get("orquesta")?;
    usize::try_from(link.get("items_count")?.as_u64()?).ok()
}

/// A status in the conductor's words.
pub(super) const fn to_conductor(status: Status) -> conductor::Status {
    match status {
        Status::Requested => conductor::Status::Requested,
        Status::Scheduled => conductor::Status::Scheduled,
        Status::Delayed => conductor::Status::Delayed,
        Status::Running => conductor::Status::Running,
        Status::Canceling => conductor::Status::Canceling,
        Status::Pending => conductor::Status::Pending,
        Status::Pausing => conductor::Status::Pausing,
        Status::Paused => conductor::Status::Paused,
        Status::Resuming => conductor::Status::Resuming,
        Status::Succeeded => conductor::Status::Succeeded,
        Status::Failed => conductor::Status::Failed,
        Status::Timeout => conductor::Status::Timeout,
        Status::Abandoned => conductor::Status::Abandoned,
        Status::Canceled => conductor::Status::Canceled,
    }
}

/// A conductor's status as its execution shows it.
pub(super) const fn from_conductor(status: conductor::Status) -> Status {
    match status {
        conductor::Status::Null
        | conductor::Status::Requested
        | conductor::Status::Scheduled
        | conductor::Status::Delayed
        | conductor::Status::Running
        | conductor::Status::Retrying => Status::Running,
        conductor::Status::Pending => Status::Pending,
        conductor::Status::Pausing => Status::Pausing,
        conductor::Status::Paused => Status::Paused,
        conductor::Status::Resuming => Status::Resuming,
        conductor::Status::Succeeded => Status::Succeeded,
        conductor::Status::Failed => Status::Failed,
        conductor::Status::Timeout => Status::Timeout,
        conductor::Status::Abandoned => Status::Abandoned,
        conductor::Status::Canceling => Status::Canceling,
        conductor::Status::Canceled => Status::Canceled,
    }
}
