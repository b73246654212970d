//! One step of a workflow: what is to be committed together, and what is to be done once it is.

use std::sync::Arc;

use super::children::from_conductor;
use super::deadline::Deadline;
use super::driver::Driver;
use super::{ChildStep, Control};
use crate::engine::state::State;
use crate::engine::step::{enter, set_result};
use crate::engine::{audit, keys, policing, prepared, work};
use crate::expr::value;
use crate::model::{Execution, Id, Status, Timestamp};
use crate::store::{Transaction, Write};
use crate::workflow::conductor::{Conductor, ErrorEntry};
use crate::workflow::flow::Flow;
use serde_json::{Value as Json, json};

/// What a step brings about.
#[derive(Default)]
pub(super) struct Step {
    /// To commit together.
    pub(super) rows: Transaction,
    /// Children whose steps are among the rows.
    pub(super) told: Vec<ChildStep>,
    /// New children, and what is to become of them.
    pub(super) new: Vec<(Arc<Execution>, Launch)>,
    /// The workflow's own step: where it stood before.
    pub(super) own: Option<(Status, Arc<Execution>)>,
    /// Requests that are answered when the step is committed, and whether they were granted.
    pub(super) controls: Vec<(Control, bool)>,
    /// Children that are to stop, pause or go on once the step is committed.
    pub(super) orders: Vec<(Id, Order)>,
}

/// What becomes of a new child once it is committed.
pub(super) enum Launch {
    /// Nothing: it has ended already.
    Ended,
    /// It runs.
    Work(Box<work::Work>),
    /// A policy holds it back, or has ended it.
    Held,
    /// It waits for its time or a free place.
    Queue,
    /// It is a workflow.
    Conduct,
}

/// What a child is told.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// To a workflow inside.
    Control(super::ControlKind, String),
    /// To an action: stop; only when it waits unless `now`.
    Cancel {
        /// Who wants it.
        user: String,
        /// Stop it at work, too.
        now: bool,
    },
}

impl Step {
    /// Takes in a child's step.
    pub(super) fn add(&mut self, step: ChildStep) {
        self.rows.extend(step.rows.iter().cloned());
        self.told.push(step);
    }

    /// Forgets the new children: they were not committed.
    pub(super) fn drop_new(&mut self, state: &State) {
        for (child, launch) in self.new.drain(..) {
            if let Launch::Work(_) = launch {
                state.left(child.id);
            }
            policing::leave(state, &child.request.action, child.id);
        }
    }
}

impl Driver {
    /// Brings the workflow's execution to where its conductor stands.
    pub(super) fn mirror(&mut self, state: &State, out: &mut Step, by: Option<&str>) {
        let current = &self.execution;
        if self.flow.status().is_completed() && !current.status.is_completed() {
            self.flow.finish();
        }
        let late = self.deadline.filter(|deadline| deadline.is_over);
        let wanted = match from_conductor(self.flow.status()) {
            Status::Canceled if late.is_some() => Status::Timeout,
            wanted => wanted,
        };
        if wanted == current.status || current.status.is_completed() {
            return;
        }
        let now = Timestamp::now();
        let mut next = (**current).clone();
        next.revision += 1;
        let (wanted, result) = if wanted.is_completed() {
            let (wanted, result) = self.ended(state, wanted, late);
            (wanted, Some(result))
        } else {
            (wanted, None)
        };
        for status in way(current.status, wanted) {
            enter(&mut next, status, now);
        }
        if let Some((key, user)) = by.and_then(|user| Some((named(wanted)?, user))) {
            next.progress.context.insert(key.to_owned(), user.into());
        }
        if let Some(result) = result {
            set_result(&mut next, result);
        }
        let next = Arc::new(next);
        out.rows.push(Write::Transition(Arc::clone(&next)));
        out.rows.push(Write::Audit(audit::stepped(&next, by)));
        state.observed(Some(current.status), &next, &mut out.rows);
        out.own = Some((current.status, next));
    }

    /// How the workflow ends, and with which result: checked and sealed as its action says, like any action's.
    fn ended(&self, state: &State, status: Status, late: Option<Deadline>) -> (Status, Json) {
        let is_chain = matches!(self.flow, Flow::Chain(_));
        let mut result = match &self.flow {
            Flow::Workflow(conductor) => result(conductor, status),
            Flow::Chain(_) => chain_result(&self.flow, &self.execution, &self.listed),
        };
        self.veils.cover(&mut result);
        let secrets = self.executions.secrets();
        keys::hide(&mut result, &secrets, &state.parts.key, self.execution.id);
        if let Some(deadline) = late.filter(|_| status == Status::Timeout) {
            deadline.tell(&mut result, is_chain);
        }
        let Some(prepared) = prepared::of(state, &self.execution) else {
            return (status, result);
        };
        let (status, result) = prepared.check_result(status, result, state.parts.options.validate_output);
        (
            status,
            prepared.seal_result(result, &state.parts.key, self.execution.id),
        )
    }
}

/// The key under which an execution's context keeps who wanted it there.
const fn named(status: Status) -> Option<&'static str> {
    match status {
        Status::Pausing | Status::Paused => Some("paused_by"),
        Status::Resuming | Status::Running => Some("resumed_by"),
        Status::Canceling | Status::Canceled => Some("cancelled_by"),
        _ => None,
    }
}

/// The shortest legal way from one status to another; straight there when there is none.
fn way(from: Status, to: Status) -> Vec<Status> {
    let mut ways = vec![vec![]];
    for _ in 0..3 {
        let mut longer = Vec::new();
        for way in &ways {
            let last = way.last().copied().unwrap_or(from);
            if last.may_become(to) {
                return way.iter().copied().chain([to]).collect();
            }
            let steps = [
                Status::Resuming,
                Status::Pausing,
                Status::Running,
                Status::Canceling,
            ];
            for step in steps.into_iter().filter(|step| last.may_become(*step)) {
                longer.push(way.iter().copied().chain([step]).collect());
            }
        }
        ways = longer;
    }
    vec![to]
}

/// The result of a workflow that has ended: its output, and what went wrong when it did not end well.
fn result(conductor: &Conductor, status: Status) -> Json {
    let output = conductor.output().map_or(Json::Null, |output| {
        let output = crate::expr::value::Value::Dict(output.clone());
        value::to_json(&output).unwrap_or_else(|error| json!(error.to_string()))
    });
    let mut result = json!({ "output": output });
    if status.is_failure() {
        let errors: Vec<Json> = conductor.errors().iter().map(shown).collect();
        result["errors"] = errors.into();
    }
    result
}

/// The result of a chain that has ended: its tasks, and what it published unless its action says otherwise.
fn chain_result(flow: &Flow, execution: &Execution, listed: &[Json]) -> Json {
    let mut result = json!({ "tasks": listed });
    if let (Some(to), Json::Object(from)) = (result.as_object_mut(), flow.result()) {
        to.extend(from);
        if execution.request.parameters.get("display_published") == Some(&json!(false)) {
            to.shift_remove("published");
        }
    }
    result
}

fn shown(error: &ErrorEntry) -> Json {
    let mut shown = json!({"type": "error", "message": error.message});
    if let Some(task) = &error.task_id {
        shown["task_id"] = json!(task);
    }
    if let Some(route) = error.route {
        shown["route"] = json!(route);
    }
    if let Some(way) = &error.task_transition_id {
        shown["task_transition_id"] = json!(way);
    }
    if let Some(result) = &error.result {
        shown["result"] = value::to_json(result).unwrap_or(Json::Null);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_legal_and_short() {
        use Status::{Canceled, Canceling, Paused, Pausing, Resuming, Running, Succeeded};
        assert_eq!(way(Running, Succeeded), [Succeeded]);
        assert_eq!(way(Running, Canceling), [Canceling]);
        assert_eq!(way(Paused, Succeeded), [Resuming, Succeeded]);
        assert_eq!(way(Paused, Pausing), [Resuming, Pausing]);
        assert_eq!(way(Pausing, Running), [Resuming, Running]);
        assert_eq!(way(Paused, Canceled), [Canceled]);
    }
}
