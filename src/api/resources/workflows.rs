//! Workflows: inspecting a definition, and what has become of one that was started.

use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::executions::find;
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::body::Definition;
use crate::api::http::error::{ApiError, ApiResult};
use crate::api::http::json as answer;
use crate::api::http::query::Query;
use crate::model::Execution;
use crate::workflow::inspect::Finding;
use crate::workflow::progress::{Flow, Run, Task};

/// Executions below a workflow that are read at most.
const DESCENDANTS: usize = 10_000;

/// `POST /workflows/inspect`: what is wrong with a definition, as the reference lists it (WFL-8); nothing when it may
/// run. With `warnings=1` an object with `errors` and `warnings`.
pub(crate) async fn inspect(
    State(state): State<ApiState>,
    _caller: Caller,
    query: Query,
    Definition(text): Definition,
) -> ApiResult {
    query.check()?;
    let warnings = query.flag("warnings")?;
    let content = std::sync::Arc::clone(state.content());
    let (report, text) = tokio::task::spawn_blocking(move || (content.inspect(&text), text))
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let shown =
        |findings: &[Finding]| -> Vec<Value> { findings.iter().map(|found| found.to_error(&text)).collect() };
    let errors = shown(&report.errors);
    if warnings {
        return answer(
            StatusCode::OK,
            &json!({"errors": errors, "warnings": shown(&report.warnings)}),
        );
    }
    answer(StatusCode::OK, &errors)
}

/// `GET /executions/{id}/workflow`: the workflow's execution: its definition as it was accepted, input, output and
/// errors, and its tasks.
pub(crate) async fn workflow(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let execution = flow(&state, &id).await?;
    let tree = state.engine().tree(&execution, DESCENDANTS).await?;
    let shown = state.engine().shown(&execution, false);
    let result = shown.result.unwrap_or_default();
    let definition = state.engine().flow_text(&execution).await?;
    let request = &execution.request;
    let body = json!({
        "id": execution.id,
        "action": request.action,
        "runner": request.runner,
        "status": execution.status,
        "start_timestamp": execution.start,
        "end_timestamp": execution.end,
        "digest": request.digest,
        "definition": definition,
        "input": shown.parameters,
        "output": result["output"],
        "published": result["published"],
        "errors": result["errors"],
        "reasons": tree.flow.reasons,
        "tasks": tasks(&tree.flow),
        "incomplete": tree.cut,
    });
    answer(StatusCode::OK, &body)
}

/// `GET /executions/{id}/tasks`: the tasks of a workflow that were started, in order of start, with those of workflows
/// below it.
pub(crate) async fn list_tasks(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let execution = flow(&state, &id).await?;
    let tree = state.engine().tree(&execution, DESCENDANTS).await?;
    answer(StatusCode::OK, &tasks(&tree.flow))
}

async fn flow(state: &ApiState, id: &str) -> ApiResult<std::sync::Arc<Execution>> {
    let execution = find(state, id).await?;
    if state.engine().conducts(&execution) {
        return Ok(execution);
    }
    Err(ApiError::bad_request(format!(
        "Execution \"{}\" runs {}, which is not a workflow: it has no tasks.",
        execution.id, execution.request.action
    )))
}

fn tasks(flow: &Flow) -> Vec<Value> {
    flow.tasks.iter().map(task).collect()
}

fn task(task: &Task) -> Value {
    let now = Timestamp::now();
    let mut shown = run(&task.run, now);
    shown["task"] = json!(task.name);
    shown["tries"] = json!(task.tries);
    shown["items"] = task.items.map_or(
        Value::Null,
        |items| json!({"all": items.all, "ended": items.ended, "failed": items.failed}),
    );
    shown["reason"] = json!(task.reason);
    if !task.inner.is_empty() {
        let inner = task.inner.iter().map(|flow| {
            let mut shown = run(&flow.run, now);
            shown["reasons"] = json!(flow.reasons);
            shown["tasks"] = json!(tasks(flow));
            shown
        });
        shown["workflows"] = inner.collect();
    }
    shown
}

fn run(run: &Run, now: Timestamp) -> Value {
    json!({
        "execution": run.id,
        "action": run.action,
        "status": run.status,
        "start_timestamp": run.started.map(|at| at.to_string()),
        "end_timestamp": run.ended.map(|at| at.to_string()),
        "elapsed_seconds": run.seconds(now),
    })
}
