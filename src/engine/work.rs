//! One execution at work: run, stream its output, commit its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::keys::Around;
use super::output::OutputPump;
use super::prepared::Prepared;
use super::state::{Place, Running, State};
use super::step::{enter, set_result, size_of_json};
use super::{Event, audit, policing, workflow};
use crate::model::{Action, Execution, JsonMap, OutputChunk, Status, Timestamp};
use crate::runners::{Job, Outcome, OutputSink, OutputWrite};
use crate::store::{CommitError, Write};

/// Pieces of output on their way from the runner; few, so that a chatty action waits instead of filling memory.
const OUTPUT_QUEUE: usize = 64;

/// Pause between attempts to commit the end of an execution while the store cannot write.
const COMMIT_RETRY: Duration = Duration::from_secs(1);

/// Everything one running execution needs.
pub(super) struct Work {
    pub(super) state: Arc<State>,
    pub(super) running: Arc<Running>,
    pub(super) action: Arc<Action>,
    pub(super) prepared: Arc<Prepared>,
    /// Live parameters with secrets in clear.
    pub(super) parameters: JsonMap,
    pub(super) place: Place,
}

impl Work {
    /// Runs to the end and commits it. Never fails: whatever goes wrong becomes the execution's result.
    pub(super) async fn run(self) {
        let Self {
            state,
            running,
            action,
            prepared,
            parameters,
            place,
        } = self;
        let execution = running.state.lock().await.clone();
        let (sink, receiver) = OutputSink::channel(OUTPUT_QUEUE);
        let mut pump = OutputPump::new(execution.id, state.parts.options.output_limit);
        let outcome = carry_out(
            &state, &running, &action, &prepared, parameters, &execution, sink, receiver, &mut pump,
        )
        .await;
        drop(place);
        finish(&state, &running, &prepared, outcome, pump).await;
    }
}

#[allow(clippy::too_many_arguments)] // one call, and each piece has another owner
async fn carry_out(
    state: &Arc<State>,
    running: &Running,
    action: &Arc<Action>,
    prepared: &Prepared,
    parameters: JsonMap,
    execution: &Execution,
    sink: OutputSink,
    mut receiver: mpsc::Receiver<OutputWrite>,
    pump: &mut OutputPump,
) -> Outcome {
    let context = execution.context();
    let around = Around::new(state, &action.pack, &execution.request.user, true);
    let parameters = match prepared.finals(&state.parts.jinja, parameters, &context, &around) {
        Ok(parameters) => parameters,
        Err(message) => return Outcome::new(Status::Failed, json!({ "error": message })),
    };
    let Some(runner) = state.parts.runners.get(&action.runner_type) else {
        let message = format!("the runner `{}` is gone", action.runner_type);
        return Outcome::new(Status::Failed, json!({ "error": message }));
    };
    let job = Job {
        execution: execution.id,
        action: Arc::clone(action),
        parameters,
        context,
        user: execution.request.user.clone(),
        scratch: state.parts.scratch.join(execution.id.to_string()),
        cancel: running.cancel.clone(),
        output: sink,
    };
    let deadline = action.deadline_seconds.map(Duration::from_secs);
    let run = async {
        // A panic in a runner is a bug in it, not the end of the execution's record.
        let run = std::panic::AssertUnwindSafe(runner.run(job));
        let run = futures_util::FutureExt::catch_unwind(run);
        let ended = match deadline {
            Some(limit) => match tokio::time::timeout(limit, run).await {
                Ok(ended) => ended,
                Err(_) => {
                    let message = format!("the action did not end within {} seconds", limit.as_secs());
                    return Outcome::new(Status::Timeout, json!({ "error": message }));
                }
            },
            None => run.await,
        };
        ended.unwrap_or_else(|_| {
            tracing::error!(execution.id = %execution.id, "a runner panicked");
            Outcome::new(
                Status::Failed,
                json!({"error": "internal error: the runner panicked"}),
            )
        })
    };
    tokio::pin!(run);
    let mut storing: Option<BoxFuture<'static, ()>> = None;
    loop {
        tokio::select! {
            biased;
            outcome = &mut run => {
                while let Ok(piece) = receiver.try_recv() {
                    pump.take(piece);
                }
                if let Some(storing) = storing {
                    storing.await;
                }
                return outcome;
            }
            () = async { if let Some(storing) = &mut storing { storing.await } }, if storing.is_some() => storing = None,
            Some(piece) = receiver.recv(), if pump.has_room() => pump.take(piece),
            () = pump.due(), if storing.is_none() => {
                storing = Some(Box::pin(store_output(Arc::clone(state), pump.rest())));
            }
        }
    }
}

/// Commits output, then shows it to those who follow the execution.
async fn store_output(state: Arc<State>, chunks: Vec<Arc<OutputChunk>>) {
    let rows = vec![Write::Output(
        chunks.iter().map(|chunk| (**chunk).clone()).collect(),
    )];
    if commit_surely(&state, rows, None).await {
        for chunk in chunks {
            state.send(|| Event::Output(chunk));
        }
    }
}

/// Commits the end, with the output that is not stored yet, and tells the world.
async fn finish(
    state: &Arc<State>,
    running: &Running,
    prepared: &Prepared,
    outcome: Outcome,
    mut pump: OutputPump,
) {
    let mut current = running.state.lock().await;
    let id = current.id;
    let (mut next, by_shutdown) = ended(
        state,
        &current,
        running,
        prepared,
        outcome.status,
        outcome.result,
        &pump,
    );
    if next.status == Status::Pending {
        next.progress.wake = outcome.wake;
    }
    let before = current.status;
    let chunks = pump.rest();
    let mut rows = Vec::with_capacity(4);
    let next = Arc::new(next);
    rows.push(Write::Transition(Arc::clone(&next)));
    if !chunks.is_empty() {
        rows.push(Write::Output(
            chunks.iter().map(|chunk| (**chunk).clone()).collect(),
        ));
    }
    rows.push(Write::Audit(audit::stepped(
        &next,
        by_shutdown.then_some(&*state.parts.options.system_user),
    )));
    state.observed(Some(before), &next, &mut rows);
    let committed = commit_surely(state, rows, Some((before, &next))).await;
    state.left(id);
    if !committed {
        policing::leave(state, &next.request.action, id);
        return;
    }
    *current = (*next).clone();
    drop(current);
    if next.status == Status::Pending {
        state.alarms.set(id, next.progress.wake);
    }
    for chunk in chunks {
        state.send(|| Event::Output(chunk));
    }
    for announcement in outcome.announcements {
        let announcement = Arc::new(announcement);
        state.send(|| Event::Announcement {
            execution: id,
            announcement,
        });
    }
    state.announce(&next, false);
}

/// The state after the end, and whether the server's stop decided it.
fn ended(
    state: &State,
    current: &Execution,
    running: &Running,
    prepared: &Prepared,
    status: Status,
    result: Value,
    pump: &OutputPump,
) -> (Execution, bool) {
    let now = Timestamp::now();
    let mut next = current.clone();
    next.revision += 1;
    if current.status == Status::Canceling {
        // Canceled stays canceled, however the runner ended (EXE-12); the result says who asked.
        enter(&mut next, Status::Canceled, now);
        return (next, false);
    }
    if status == Status::Canceled && running.shutdown.load(Ordering::Relaxed) {
        if current.request.idempotent {
            enter(&mut next, Status::Scheduled, now);
        } else {
            let error = "the server was stopped while the action ran; it was not started again because the \
                         action is not declared idempotent";
            set_result(&mut next, json!({ "error": error, "partial": result }));
            enter(&mut next, Status::Abandoned, now);
        }
        return (next, true);
    }
    let (mut status, mut result) = prepared.check_result(status, result, state.parts.options.validate_output);
    let size = size_of_json(&result);
    if size > state.parts.options.result_limit as u64 {
        let limit = state.parts.options.result_limit;
        result =
            json!({"error": format!("the result has {size} bytes of JSON, more than the {limit} allowed")});
        status = Status::Failed;
    }
    if let Some(note) = pump.dropped_note()
        && let Some(object) = result.as_object_mut()
    {
        object.insert("output_note".to_owned(), note.into());
    }
    let sealed = prepared.seal_result(result, &state.parts.key, current.id);
    set_result(&mut next, sealed);
    if !current.status.may_become(status) {
        status = Status::Failed;
    }
    enter(&mut next, status, now);
    (next, false)
}

/// Commits what must not be lost, such as the `step` of an execution: tries again until the store takes it or is closed.
pub(super) async fn commit_surely(
    state: &State,
    rows: Vec<Write>,
    step: Option<(Status, &Arc<Execution>)>,
) -> bool {
    let mut told = false;
    loop {
        let committed = match step {
            Some((before, after)) => workflow::commit(state, before, after, rows.clone()).await,
            None => state.parts.store.commit(rows.clone()).await,
        };
        match committed {
            Ok(()) => return true,
            Err(CommitError::Store(crate::store::StoreError::Closed)) => return false,
            Err(CommitError::Store(error)) => {
                if !told {
                    tracing::error!(%error, "cannot store the end of an execution; trying again until it works");
                    told = true;
                }
                tokio::time::sleep(COMMIT_RETRY).await;
            }
            Err(refused) => {
                tracing::error!(error = %refused, "the end of an execution was refused by the store");
                return false;
            }
        }
    }
}
