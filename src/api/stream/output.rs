//! The output of one execution: what is stored, then what comes, until the execution ends.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{EOF, Frames, Gone, respond};
use crate::api::ApiState;
use crate::api::http::auth::Caller;
use crate::api::http::error::ApiResult;
use crate::api::http::query::Query;
use crate::api::resources::executions::{find, output_type};
use crate::engine::Event;
use crate::model::{Execution, Id, OutputChunk, OutputStream, Timestamp};

const NAME: &str = "st2.execution.output__create";
/// Chunks that are read from the store at once.
const CHUNKS: u32 = 64;

/// `GET /stream/v1/executions/{id}/output`.
pub(crate) async fn output(
    State(state): State<ApiState>,
    _caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> ApiResult {
    query.check()?;
    let of_stream = output_type(&query)?;
    let place = state.stream_place()?;
    // Subscribed first, read then: what is written in between comes twice, never not at all.
    let receiver = state.engine().subscribe();
    let execution = find(&state, &id).await?;
    let follower = Follower { state: state.clone(), execution, of_stream, next: 0 };
    Ok(respond(&state, place, |frames| follower.run(receiver, frames)))
}

struct Follower {
    state: ApiState,
    execution: Arc<Execution>,
    of_stream: Option<OutputStream>,
    /// Number of the first chunk that was not sent.
    next: u32,
}

impl Follower {
    async fn run(mut self, mut receiver: broadcast::Receiver<Event>, frames: Frames) -> Result<(), Gone> {
        let mut over = self.execution.status.is_completed();
        self.send_stored(&frames).await?;
        while !over {
            match receiver.recv().await {
                Ok(Event::Output(chunk)) if chunk.execution == self.execution.id => {
                    self.send_live(&frames, &chunk).await?;
                }
                Ok(Event::Execution { execution, .. }) if execution.id == self.execution.id => {
                    over = execution.status.is_completed();
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    self.send_stored(&frames).await?;
                    let now = self.state.engine().execution(self.execution.id).await;
                    over = matches!(now, Ok(Some(execution)) if execution.status.is_completed());
                }
                Err(RecvError::Closed) => break,
            }
        }
        self.send_stored(&frames).await?;
        frames.send(EOF).await
    }

    async fn send_live(&mut self, frames: &Frames, chunk: &OutputChunk) -> Result<(), Gone> {
        if chunk.number < self.next {
            return Ok(());
        }
        if chunk.number > self.next {
            self.send_stored(frames).await?;
        }
        if chunk.number >= self.next {
            self.send_chunk(frames, chunk).await?;
        }
        Ok(())
    }

    /// Sends what is stored from `next` on.
    async fn send_stored(&mut self, frames: &Frames) -> Result<(), Gone> {
        loop {
            let chunks = match self.state.store().output(self.execution.id, self.next, CHUNKS, None).await {
                Ok(chunks) => chunks,
                Err(error) => {
                    tracing::warn!(%error, execution.id = %self.execution.id, "stored output cannot be read");
                    return Ok(());
                }
            };
            if chunks.is_empty() {
                return Ok(());
            }
            for chunk in &chunks {
                self.send_chunk(frames, chunk).await?;
            }
        }
    }

    async fn send_chunk(&mut self, frames: &Frames, chunk: &OutputChunk) -> Result<(), Gone> {
        self.next = chunk.number.saturating_add(1);
        if self.of_stream.is_some_and(|wanted| wanted != chunk.stream) {
            return Ok(());
        }
        frames.event(NAME, &data(&self.execution, chunk)).await
    }
}

#[derive(Serialize)]
struct View<'a> {
    execution_id: Id,
    action_ref: &'a str,
    runner_ref: &'a str,
    timestamp: Timestamp,
    output_type: &'static str,
    data: &'a str,
    id: Id,
}

/// A chunk as the event's data.
pub(super) fn data(execution: &Execution, chunk: &OutputChunk) -> Vec<u8> {
    let view = View {
        execution_id: chunk.execution,
        action_ref: &execution.request.action,
        runner_ref: &execution.request.runner,
        timestamp: chunk.timestamp,
        output_type: chunk.stream.as_str(),
        data: &chunk.text,
        id: Id::of_name(&format!("output:{}:{}", chunk.execution, chunk.number)),
    };
    serde_json::to_vec(&view).unwrap_or_default()
}
