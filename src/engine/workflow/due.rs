//! What is due in a workflow: asking the conductor, and making executions of the answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::children::{self, Call, Child};
use super::driver::Driver;
use super::results::{Beginning, TaskKey};
use super::step::{Launch, Step};
use crate::engine::state::{Running, State};
use crate::engine::{SubmitError, accept, policing, work};
use crate::expr::value::{Value, from_json};
use crate::model::{Status, Timestamp};
use crate::workflow::conductor::{self, Dispatch};
use crate::workflow::flow::Flow;

/// Kind of the error of a task whose action cannot be asked for.
const BAD: &str = "error";
/// Kind of the error of a task whose action there is not.
const UNKNOWN: &str = "unknown";
/// Children that are asked for in one commit.
const CHUNK: usize = 256;

impl Driver {
    /// Starts what is due, at most so much as fits one commit; the rest waits in `calls`.
    pub(super) fn start_due(&mut self, state: &Arc<State>, out: &mut Step) {
        if matches!(
            self.flow.status(),
            conductor::Status::Null | conductor::Status::Resuming
        ) {
            let before = self.flow.status();
            if before == conductor::Status::Null {
                self.request(conductor::Status::Requested);
            }
            self.request(conductor::Status::Running);
        }
        self.more = false;
        for started in 0.. {
            if started == CHUNK {
                self.more = true;
                break;
            }
            if self.calls.is_empty() {
                let tasks = self.flow.next_tasks();
                if tasks.is_empty() {
                    break;
                }
                for task in tasks {
                    self.take(task);
                }
            }
            if let Some(call) = self.calls.pop_front() {
                let status = self.flow.status();
                self.start_call(state, &call, out);
                if self.flow.status() != status {
                    self.calls.clear();
                }
            }
        }
    }

    /// The actions of a task wait to be asked for; a task without items has ended.
    fn take(&mut self, task: Dispatch) {
        let key = (task.id, task.route);
        if let Some(count) = task.items_count {
            self.items.begin(key.clone(), count);
            if count == 0 {
                self.event(&key, None, conductor::Status::Running, Value::Null);
                self.record_beginning(&key, Some(0));
                self.record(&key, None, Status::Succeeded, &Value::Null);
                self.event(&key, None, conductor::Status::Succeeded, Value::list([]));
                return;
            }
        }
        let delay = task
            .delay
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs);
        for call in task.actions {
            let delayed = match (call.item, task.concurrency) {
                (Some(item), Some(most)) => i64::try_from(item).is_ok_and(|item| item < most),
                _ => true,
            };
            self.calls.push_back(Call {
                task: key.clone(),
                item: call.item,
                items: task.items_count,
                delay: delay.filter(|_| delayed),
                action: call.action,
                input: call.input,
            });
        }
    }

    fn start_call(&mut self, state: &Arc<State>, call: &Call, out: &mut Step) {
        self.event(&call.task, call.item, conductor::Status::Running, Value::Null);
        self.record_beginning(&call.task, call.items);
        if call.action.is_null() {
            self.record(&call.task, call.item, Status::Succeeded, &Value::Null);
            self.event(&call.task, call.item, conductor::Status::Succeeded, Value::Null);
            return;
        }
        let Err((kind, message)) = self.ask_for(state, call, out) else {
            return;
        };
        if let Flow::Chain(chain) = &mut self.flow {
            if let Some(reason) = unknown_action(kind, call, &message) {
                chain.fail(reason);
                return;
            }
            // As the reference: the task has failed, and the chain goes the way for that.
            let message = format!("Task \"{}\" failed: {message}", call.task.0);
            let result = json!({"error": message, "traceback": message});
            self.listed
                .push(super::heard::listed_unasked(&call.task.0, &result));
            self.event(&call.task, None, conductor::Status::Failed, from_json(&result));
        } else {
            // As the reference: the task fails, and so does the workflow.
            let error = json!({
                "type": BAD,
                "message": message,
                "task_id": call.task.0,
                "route": call.task.1,
            });
            let result = from_json(&json!({ "errors": [error] }));
            self.record(&call.task, call.item, Status::Failed, &result);
            self.event(&call.task, call.item, conductor::Status::Failed, result);
            if let Flow::Workflow(conductor) = &mut self.flow {
                conductor.log_error(&message, Some(&call.task.0), Some(call.task.1));
            }
            self.request(conductor::Status::Failed);
        }
    }

    /// Makes the execution of an action; an error is its kind and its message.
    fn ask_for(
        &mut self,
        state: &Arc<State>,
        call: &Call,
        out: &mut Step,
    ) -> Result<(), (&'static str, String)> {
        let Some(reference) = call.action.as_str() else {
            let message = format!(
                "the action of a task is a reference, not {}",
                call.action.type_name()
            );
            return Err((BAD, message));
        };
        let entry = self.flow.latest(&call.task.0, call.task.1).unwrap_or_default();
        let node = self.flow.chain_node(&call.task.0);
        let mut request = children::request(&self.execution, call, reference.to_owned(), entry, node)
            .map_err(|message| (BAD, message))?;
        request.secrets = self.executions.secrets();
        let reason = format!(
            "part of {}, execution {}",
            self.execution.request.action, self.execution.id
        );
        let mut checked = accept::check_allowed(state, request, reason).map_err(|error| match error {
            SubmitError::UnknownAction { .. } => (UNKNOWN, error.to_string()),
            other => (BAD, other.to_string()),
        })?;
        let runner = accept::runner_of(state, &checked.action).map_err(|error| (BAD, error.to_string()))?;
        let conducted = runner.conducts().is_some();
        let launch = if checked.execution.status == Status::Delayed {
            Launch::Queue
        } else if !policing::admit(state, &mut checked) {
            Launch::Held
        } else if conducted {
            accept::begin(state, &mut checked.execution);
            Launch::Conduct
        } else if runner.spec().pure {
            accept::run_purely(state, &mut checked, &**runner);
            Launch::Ended
        } else if let Some(place) = state.place_at_once() {
            accept::begin(state, &mut checked.execution);
            let running = Arc::new(Running {
                state: tokio::sync::Mutex::new(checked.execution.clone()),
                cancel: CancellationToken::new(),
                shutdown: false.into(),
            });
            state
                .running
                .lock()
                .insert(checked.execution.id, Arc::clone(&running));
            Launch::Work(Box::new(work::Work {
                state: Arc::clone(state),
                running,
                action: Arc::clone(&checked.action),
                prepared: Arc::clone(&checked.prepared),
                parameters: std::mem::take(&mut checked.parameters),
                place,
            }))
        } else {
            Launch::Queue
        };
        let child = accept::insert(state, checked, &mut out.rows);
        if child.status.is_completed() {
            let result = super::heard::result_of(state, &child);
            if let Flow::Chain(_) = self.flow {
                self.listed.push(super::heard::listed(
                    state,
                    self.execution.id,
                    &child,
                    &call.task.0,
                ));
            }
            self.veils
                .take(&state.parts.key, self.execution.id, &child, &result);
            self.record(&call.task, call.item, child.status, &result);
            self.event(
                &call.task,
                call.item,
                children::to_conductor(child.status),
                result,
            );
        } else {
            self.children.insert(
                child.id,
                Child {
                    status: child.status,
                    conducted,
                },
            );
        }
        out.new.push((child, launch));
        Ok(())
    }
}

impl Driver {
    /// An execution of a task begins, or one more of its items.
    fn record_beginning(&self, task: &TaskKey, items: Option<usize>) {
        if !self.executions.wanted() {
            return;
        }
        let entry = self.flow.latest(&task.0, task.1).unwrap_or_default();
        let beginning = Beginning {
            id: children::task_execution_id(self.execution.id, entry),
            workflow: self.execution.id,
            items,
            at: Timestamp::now(),
        };
        self.executions.began(task, beginning);
    }

    /// What became of a task, for those who ask with `task()`. It is told before the conductor hears of it: the ways out
    /// of the task may ask.
    pub(super) fn record(&self, task: &TaskKey, item: Option<usize>, status: Status, result: &Value) {
        if self.executions.wanted() {
            self.executions
                .happened(task, item, status, result, Timestamp::now());
        }
    }
}

/// Why a chain ends when an action is missing, in the reference's words; its parameters do not matter then.
fn unknown_action(kind: &str, call: &Call, message: &str) -> Option<String> {
    (kind == UNKNOWN).then(|| {
        let action = call.action.as_str().unwrap_or_default();
        let task = &call.task.0;
        format!(
            "Failed to run task \"{task}\". Action with reference \"{action}\" doesn't exist. ({message})"
        )
    })
}
