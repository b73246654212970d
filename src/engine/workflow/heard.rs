//! What a driver hears: steps of children, and what people want.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::children::to_conductor;
use super::driver::Driver;
use super::results::TaskKey;
use super::step::{Order, Step};
use super::{ChildStep, Control, ControlKind};
use crate::engine::state::State;
use crate::expr::value::{Value, from_json};
use crate::model::{Execution, Id, Status, Timestamp};
use crate::workflow::conductor::{self, ActionEvent, ConductorError, ItemEvent};
use crate::workflow::flow::Flow;

impl Driver {
    /// A child took a step.
    pub(super) fn child_stepped(&mut self, state: &State, step: ChildStep, out: &mut Step) {
        let (before, child) = (step.before, Arc::clone(&step.child));
        out.add(step);
        let Some((task, item, _)) = super::children::place(&child) else {
            return;
        };
        if let Some(known) = self.children.get_mut(&child.id) {
            known.status = child.status;
        }
        if child.status.is_completed() {
            self.children.remove(&child.id);
        }
        let result = result_of(state, &child);
        let status = match child.status {
            Status::Resuming => conductor::Status::Running,
            status => to_conductor(status),
        };
        if child.status.is_completed() && matches!(self.flow, Flow::Chain(_)) {
            self.listed
                .push(listed(state, self.execution.id, &child, &task.0));
        }
        self.veils
            .take(&state.parts.key, self.execution.id, &child, &result);
        let told = child.status.is_completed() || matches!(child.status, Status::Paused | Status::Pending);
        if told {
            self.record(&task, item, child.status, &result);
        } else if item.is_none() && matches!(child.status, Status::Running | Status::Resuming) {
            self.record(&task, None, Status::Running, &Value::Null);
        }
        // A workflow inside may go on and end in one step, and an answer is both; the task goes on first.
        let stood_still = match before {
            Status::Paused => true,
            Status::Pending => !super::holds_branch_only(state, &child),
            _ => false,
        };
        if stood_still && status != conductor::Status::Running {
            self.event(&task, item, conductor::Status::Running, Value::Null);
        }
        self.event(&task, item, status, result);
        // An answer lets the workflow go on that stood still for it; so does a workflow inside that goes on.
        let answered = before == Status::Pending
            && child.status.is_completed()
            && !super::holds_branch_only(state, &child);
        let goes_on = matches!(child.status, Status::Running | Status::Resuming);
        if (answered || goes_on)
            && child.status != Status::Canceled
            && matches!(
                self.flow.status(),
                conductor::Status::Paused | conductor::Status::Pausing
            )
        {
            self.request(conductor::Status::Resuming);
        }
    }

    /// Tells the conductor what became of an action.
    pub(super) fn event(
        &mut self,
        task: &TaskKey,
        item: Option<usize>,
        status: conductor::Status,
        result: Value,
    ) {
        let told = match item {
            None => {
                let event = ActionEvent { status, result };
                self.flow.action_event(&task.0, task.1, &event)
            }
            Some(item) => {
                if status.is_completed() {
                    self.items.set(task, item, result.clone());
                }
                let event = ItemEvent { item, status, result };
                let items = &self.items;
                self.flow.item_event(&task.0, task.1, &event, &|| items.of(task))
            }
        };
        if let Err(error) = told {
            self.complain(&error);
        }
        if item.is_some() && status.is_completed() && !self.has_staged(task) {
            self.items.forget(task);
        }
    }

    fn has_staged(&self, task: &TaskKey) -> bool {
        self.flow.is_staged(&task.0, task.1)
    }

    /// Asks the conductor for a status; false when it cannot get there.
    pub(super) fn request(&mut self, status: conductor::Status) -> bool {
        self.flow.request(status).is_ok()
    }

    fn complain(&self, error: &ConductorError) {
        tracing::error!(execution.id = %self.execution.id, %error, "a workflow does not know what it was told of");
    }

    /// Somebody wants something of the workflow.
    pub(super) fn controlled(&mut self, control: Control, out: &mut Step) {
        let granted = match control.kind {
            ControlKind::Pause => self.request(conductor::Status::Paused),
            ControlKind::Resume => self.request(conductor::Status::Resuming),
            ControlKind::Cancel { .. } => self.request(conductor::Status::Canceled),
        };
        if granted || matches!(control.kind, ControlKind::Cancel { now: true }) {
            self.pass_on(&control, out);
        }
        out.controls.push((control, granted));
    }

    /// What children are told: workflows inside do the same; a canceled workflow's actions that wait are canceled, and
    /// those at work when that is wanted.
    pub(super) fn pass_on(&self, control: &Control, out: &mut Step) {
        for (id, child) in &self.children {
            let user = control.user.clone();
            let order = if child.conducted {
                Order::Control(control.kind, user)
            } else {
                match control.kind {
                    ControlKind::Cancel { now } if now || waits(child.status) => Order::Cancel { user, now },
                    _ => continue,
                }
            };
            out.orders.push((*id, order));
        }
    }
}

/// Not at work: nothing is lost when it never is. (A child's start is not told, so this may have changed; the order
/// itself looks again.)
const fn waits(status: Status) -> bool {
    matches!(
        status,
        Status::Requested | Status::Scheduled | Status::Delayed | Status::Pending
    )
}

/// The result of a child as its workflow sees it: in clear.
pub(super) fn result_of(state: &State, child: &Execution) -> Value {
    match child.result.as_deref() {
        Some(result) => from_json(&state.parts.key.open_value(result, child.id)),
        None => Value::Null,
    }
}

/// A task of a chain that has ended, as the chain's result lists it (CHN-10). Secrets are sealed for the chain.
pub(super) fn listed(state: &State, chain: Id, child: &Execution, task: &str) -> Json {
    let workflow = crate::workflow::progress::RUNNERS.contains(&child.request.runner.as_str());
    let result = child.result.as_deref();
    let result = result.map(|result| state.parts.key.seal_anew(result, child.id, chain));
    json!({
        "id": task,
        "name": task,
        "execution_id": child.id,
        "liveaction_id": child.id,
        "workflow": workflow.then(|| child.id.to_string()),
        "created_at": child.start.to_string(),
        "updated_at": child.end.unwrap_or(child.start).to_string(),
        "state": child.status,
        "result": result,
    })
}

/// A task of a chain whose action could not be asked for.
pub(super) fn listed_unasked(task: &str, result: &Json) -> Json {
    let now = Timestamp::now().to_string();
    json!({
        "id": task,
        "name": task,
        "execution_id": null,
        "liveaction_id": null,
        "workflow": null,
        "created_at": now,
        "updated_at": now,
        "state": Status::Failed,
        "result": result,
    })
}
