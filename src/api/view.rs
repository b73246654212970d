//! An execution as API clients see it: the reference's fields in the reference's order.

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::ApiState;
use super::http::error::{ApiError, ApiResult};
use super::http::json_bytes;
use super::http::paging::Projection;
use crate::engine::{Definition, ON_BEHALF_BY, Shown, Waits};
use crate::model::{Execution, Id, JsonMap, LogEntry, Status, Timestamp};
use crate::store::{ExecutionFilter, Page, SortOrder};

/// Attributes that may be asked for or left out.
pub(crate) const ATTRIBUTES: [&str; 23] = [
    "trigger",
    "trigger_type",
    "trigger_instance",
    "rule",
    "action",
    "runner",
    "liveaction",
    "workflow_execution",
    "task_execution",
    "status",
    "start_timestamp",
    "end_timestamp",
    "parameters",
    "result_size",
    "context",
    "parent",
    "children",
    "log",
    "web_url",
    "id",
    "result",
    "elapsed_seconds",
    "waiting",
];

/// Runners whose executions have children.
const WORKFLOWS: [&str; 3] = ["orquesta", "action-chain", "mistral-v2"];

/// Children that are listed in an execution; all of them are under `/children`.
const CHILDREN: u32 = 1000;

#[derive(Serialize)]
struct View<'a> {
    action: &'a RawValue,
    runner: &'a RawValue,
    liveaction: Work<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_execution: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_execution: Option<&'a Value>,
    status: Status,
    start_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "JsonMap::is_empty")]
    parameters: &'a JsonMap,
    #[serde(skip_serializing_if = "is_zero")]
    result_size: u64,
    context: &'a JsonMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Id>,
    #[serde(skip_serializing_if = "<[Id]>::is_empty")]
    children: &'a [Id],
    log: &'a [LogEntry],
    web_url: String,
    id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_seconds: Option<f64>,
    /// Ours: for how many others it waits, and because of which policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
}

#[derive(Serialize)]
struct Waiting {
    #[serde(rename = "for")]
    others: usize,
    policy: String,
    text: String,
}

/// The reference keeps a work item beside each execution; here it is a part of it, with the same id.
#[derive(Serialize)]
struct Work<'a> {
    action: &'a str,
    action_is_workflow: bool,
    parameters: &'a JsonMap,
    callback: Empty,
    runner_info: &'a JsonMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<&'a Value>,
    id: Id,
}

/// The work item as the event stream shows it.
#[derive(Serialize)]
struct WorkEvent<'a> {
    status: Status,
    start_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_timestamp: Option<Timestamp>,
    action: &'a str,
    action_is_workflow: bool,
    parameters: &'a JsonMap,
    context: &'a JsonMap,
    callback: Empty,
    runner_info: &'a JsonMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<&'a Value>,
    id: Id,
    result: String,
}

#[derive(Serialize)]
struct Empty {}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How an execution is to be shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    /// With secrets in clear.
    pub(crate) secrets: bool,
    /// A result of more bytes is left out.
    pub(crate) max_result_size: Option<u64>,
}

/// An execution with what is needed to show it.
pub(crate) struct Showing<'a> {
    execution: &'a Execution,
    definition: std::sync::Arc<Definition>,
    shown: Shown,
    context: Cow<'a, JsonMap>,
    children: Vec<Id>,
    web_url: String,
    waits: Option<Waits>,
}

impl<'a> Showing<'a> {
    pub(crate) async fn of(state: &ApiState, execution: &'a Execution, look: Look) -> ApiResult<Self> {
        let definition = state.engine().definition(execution).await?;
        let mut shown = state.engine().shown(execution, look.secrets);
        if look
            .max_result_size
            .is_some_and(|most| execution.result_size > most)
        {
            shown.result = None;
        }
        let known = &execution.request.context;
        let context = if execution.progress.context.is_empty() && !known.contains_key(ON_BEHALF_BY) {
            Cow::Borrowed(known)
        } else {
            let mut context = execution.context();
            // For us alone; the reference's clients know no such key.
            context.shift_remove(ON_BEHALF_BY);
            Cow::Owned(context)
        };
        let children = if is_workflow(execution) {
            children(state, execution.id).await?
        } else {
            Vec::new()
        };
        Ok(Self {
            execution,
            definition,
            shown,
            context,
            children,
            web_url: state.web_url(execution.id),
            waits: state.engine().waits(execution),
        })
    }

    /// Appends the execution as JSON.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) -> ApiResult<()> {
        let Self {
            execution,
            shown,
            context,
            waits,
            ..
        } = self;
        let request = &execution.request;
        let orquesta = |key: &str| context.get("orquesta").and_then(|orquesta| orquesta.get(key));
        let view = View {
            action: &self.definition.action,
            runner: &self.definition.runner,
            liveaction: Work {
                action: &request.action,
                action_is_workflow: is_workflow(execution),
                parameters: &shown.parameters,
                callback: Empty {},
                runner_info: &execution.progress.runner_info,
                notify: request.notify.as_ref(),
                id: execution.id,
            },
            workflow_execution: orquesta("workflow_execution_id"),
            task_execution: orquesta("task_execution_id"),
            status: execution.status,
            start_timestamp: execution.start,
            end_timestamp: execution.end,
            parameters: &shown.parameters,
            result_size: execution.result_size,
            context,
            parent: request.parent,
            children: &self.children,
            log: &execution.progress.log,
            web_url: self.web_url.clone(),
            id: execution.id,
            result: shown.result.as_ref(),
            elapsed_seconds: execution.elapsed_seconds(),
            waiting: waits.as_ref().map(|waits| Waiting {
                others: waits.others(),
                policy: waits.policy.clone(),
                text: waits.told(),
            }),
        };
        serde_json::to_writer(bytes, &view).map_err(|error| ApiError::internal(&error))
    }

    /// The execution as JSON bytes, in part where so asked.
    pub(crate) fn bytes(&self, projection: &Projection) -> ApiResult<Vec<u8>> {
        let mut bytes = Vec::with_capacity(2048);
        self.write(&mut bytes)?;
        if matches!(projection, Projection::All) {
            return Ok(bytes);
        }
        let value = projection.apply(parse(&bytes)?);
        serde_json::to_vec(&value).map_err(|error| ApiError::internal(&error))
    }

    /// The execution as a value.
    pub(crate) fn value(&self) -> ApiResult<Value> {
        let mut bytes = Vec::with_capacity(2048);
        self.write(&mut bytes)?;
        parse(&bytes)
    }

    /// The work item as the event stream shows it, on one line.
    pub(crate) fn work_event(&self) -> ApiResult<Vec<u8>> {
        let Self {
            execution,
            shown,
            context,
            ..
        } = self;
        let request = &execution.request;
        let result = shown
            .result
            .as_ref()
            .map_or_else(|| "{}".to_owned(), Value::to_string);
        let view = WorkEvent {
            status: execution.status,
            start_timestamp: execution.start,
            end_timestamp: execution.end,
            action: &request.action,
            action_is_workflow: is_workflow(execution),
            parameters: &shown.parameters,
            context,
            callback: Empty {},
            runner_info: &execution.progress.runner_info,
            notify: request.notify.as_ref(),
            id: execution.id,
            result,
        };
        serde_json::to_vec(&view).map_err(|error| ApiError::internal(&error))
    }
}

/// Answers an execution as a whole.
pub(crate) async fn answer(
    state: &ApiState,
    status: StatusCode,
    execution: &Execution,
    secrets: bool,
) -> ApiResult {
    let look = Look {
        secrets,
        ..Look::default()
    };
    let bytes = Showing::of(state, execution, look)
        .await?
        .bytes(&Projection::All)?;
    Ok(json_bytes(status, bytes))
}

fn parse(bytes: &[u8]) -> ApiResult<Value> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::internal(&error))
}

fn is_workflow(execution: &Execution) -> bool {
    WORKFLOWS.contains(&execution.request.runner.as_str())
}

async fn children(state: &ApiState, parent: Id) -> ApiResult<Vec<Id>> {
    let filter = ExecutionFilter {
        parent: Some(parent),
        ..ExecutionFilter::default()
    };
    let page = Page {
        order: SortOrder::Ascending,
        limit: Some(CHILDREN),
        ..Page::default()
    };
    let page = state.store().executions(filter, page).await?;
    Ok(page.items.into_iter().map(|execution| execution.id).collect())
}
