//! Which events a follower wants, and how they are written.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{EOF, Frames, Gone};
use crate::access::glob;
use crate::api::ApiState;
use crate::api::http::error::ApiResult;
use crate::api::view::{Look, Showing};
use crate::engine::Event;
use crate::model::{Execution, Id, OutputChunk};

/// What is sent when the follower names no events.
const DEFAULT: [&str; 3] = ["st2.announcement__*", "st2.execution__*", "st2.liveaction__*"];
const OUTPUT: &str = "st2.execution.output__create";
/// Tells a follower that was too slow that it missed something.
const LAGGED: &str = "sayso.stream__lagged";

/// What a follower wants.
pub(super) struct Wish {
    /// Patterns of event names; empty: the default ones.
    pub(super) events: Vec<String>,
    /// Only of these actions.
    pub(super) actions: Vec<String>,
    /// Only of these executions.
    pub(super) executions: Vec<String>,
    /// The stream ends with this event …
    pub(super) end_event: Option<String>,
    /// … of this execution, once it is completed.
    pub(super) end_execution: Option<Id>,
    /// With secrets in clear.
    pub(super) secrets: bool,
}

impl Wish {
    fn wants(&self, event: &str) -> bool {
        if self.events.is_empty() { glob::any(&DEFAULT, event) } else { glob::any(&self.events, event) }
    }

    fn is_about(&self, id: Id, action: Option<&str>) -> bool {
        let of_action = self.actions.is_empty()
            || action.is_some_and(|action| self.actions.iter().any(|wanted| wanted == action));
        of_action
            && (self.executions.is_empty() || {
                let id = id.to_string();
                self.executions.contains(&id)
            })
    }

    /// Whether the stream ends after this event.
    fn is_end(&self, event: &str, execution: &Execution) -> bool {
        self.end_execution == Some(execution.id)
            && execution.status.is_completed()
            && self.end_event.as_ref().is_none_or(|end| end == event)
    }
}

/// Sends what is wanted until the end that was asked for.
pub(super) async fn run(
    state: ApiState,
    wish: Wish,
    mut receiver: broadcast::Receiver<Event>,
    frames: Frames,
) -> Result<(), Gone> {
    // What ended before the subscription will not happen again.
    if ended_already(&state, &wish, &frames).await? {
        return frames.send(EOF).await;
    }
    loop {
        match receiver.recv().await {
            Ok(event) => {
                if pass_on(&state, &wish, &frames, event).await? {
                    return frames.send(EOF).await;
                }
            }
            Err(RecvError::Lagged(missed)) => {
                frames.event(LAGGED, json!({"missed": missed}).to_string().as_bytes()).await?;
                if ended_already(&state, &wish, &frames).await? {
                    return frames.send(EOF).await;
                }
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn ended_already(state: &ApiState, wish: &Wish, frames: &Frames) -> Result<bool, Gone> {
    let Some(id) = wish.end_execution else { return Ok(false) };
    match state.engine().execution(id).await {
        Ok(Some(execution)) if execution.status.is_completed() => {
            execution_events(state, wish, frames, &execution, "update").await?;
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(error) => {
            tracing::warn!(%error, execution.id = %id, "an event stream cannot read its execution");
            Ok(false)
        }
    }
}

/// Sends an event where it is wanted; true when the stream ends with it.
async fn pass_on(state: &ApiState, wish: &Wish, frames: &Frames, event: Event) -> Result<bool, Gone> {
    match event {
        Event::Execution { execution, created } => {
            let verb = if created { "create" } else { "update" };
            execution_events(state, wish, frames, &execution, verb).await
        }
        Event::Output(chunk) => {
            if wish.wants(OUTPUT)
                && let Some(data) = output_of_some(state, wish, &chunk).await
            {
                frames.event(OUTPUT, &data).await?;
            }
            Ok(false)
        }
        Event::Announcement { execution, announcement } => {
            let name = format!("st2.announcement__{}", announcement.route);
            if wish.wants(&name) && wish.is_about(execution, None) {
                let trace = trace_context(state, execution).await;
                let data = json!({"payload": announcement.payload, "trace_context": trace}).to_string();
                frames.event(&name, data.as_bytes()).await?;
            }
            Ok(false)
        }
    }
}

async fn execution_events(
    state: &ApiState,
    wish: &Wish,
    frames: &Frames,
    execution: &Arc<Execution>,
    verb: &str,
) -> Result<bool, Gone> {
    let mut end = false;
    let mut showing = None;
    for kind in ["st2.liveaction", "st2.execution"] {
        let name = format!("{kind}__{verb}");
        let ends = wish.is_end(&name, execution);
        end |= ends;
        if !(wish.wants(&name) || ends) || !wish.is_about(execution.id, Some(&execution.request.action)) {
            continue;
        }
        if showing.is_none() {
            let look = Look { secrets: wish.secrets, max_result_size: None };
            showing = Some(Showing::of(state, execution, look).await);
        }
        let written = match &showing {
            Some(Ok(showing)) => write(showing, kind),
            _ => continue,
        };
        if let Ok(data) = written {
            frames.event(&name, &data).await?;
        }
    }
    Ok(end)
}

fn write(showing: &Showing<'_>, kind: &str) -> ApiResult<Vec<u8>> {
    if kind == "st2.liveaction" {
        return showing.work_event();
    }
    let mut data = Vec::with_capacity(2048);
    showing.write(&mut data)?;
    Ok(data)
}

/// The output event, when its execution is one that is wanted.
async fn output_of_some(state: &ApiState, wish: &Wish, chunk: &OutputChunk) -> Option<Vec<u8>> {
    if !wish.executions.is_empty() && !wish.executions.contains(&chunk.execution.to_string()) {
        return None;
    }
    let execution = state.engine().execution(chunk.execution).await.ok()??;
    if !wish.is_about(execution.id, Some(&execution.request.action)) {
        return None;
    }
    Some(super::output::data(&execution, chunk))
}

async fn trace_context(state: &ApiState, execution: Id) -> serde_json::Value {
    match state.engine().execution(execution).await {
        Ok(Some(execution)) => execution.request.context.get("trace_context").cloned().unwrap_or_default(),
        _ => serde_json::Value::Null,
    }
}
