//! `deadline_seconds` of a workflow's action: when its time is over the workflow stops, with everything in it.

use serde_json::{Value as Json, json};

use super::driver::Driver;
use super::step::Step;
use super::{Control, ControlKind};
use crate::engine::state::State;
use crate::model::{Execution, Status, Timestamp};
use crate::workflow::conductor;

/// Until when a workflow may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Timestamp,
    seconds: u64,
    /// The time is over, and the workflow was told to stop.
    pub(super) is_over: bool,
}

impl Deadline {
    /// From what the action says; counted from when the workflow began to run.
    pub(super) fn of(state: &State, execution: &Execution) -> Option<Self> {
        let action = state.parts.catalogue.action(&execution.request.action)?;
        let seconds = action.deadline_seconds?;
        let millis = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        let log = &execution.progress.log;
        let begun = log.iter().find(|entry| entry.status == Status::Running);
        let at = begun
            .map_or(execution.start, |entry| entry.timestamp)
            .plus_millis(millis);
        // Who stops a workflow leaves their name; the clock does not.
        let stopped = log.iter().find(|entry| entry.status == Status::Canceling);
        let by_nobody = !execution.progress.context.contains_key("cancelled_by");
        Some(Self {
            at,
            seconds,
            is_over: by_nobody && stopped.is_some_and(|entry| entry.timestamp >= at),
        })
    }

    /// What it says in the result of a workflow that was too late.
    pub(super) fn reason(self) -> String {
        format!("the workflow did not end within {} seconds", self.seconds)
    }

    /// Adds the reason to the result.
    pub(super) fn tell(self, result: &mut Json, is_chain: bool) {
        if is_chain {
            result["error"] = json!(self.reason());
            return;
        }
        let error = json!({"type": "error", "message": self.reason()});
        match result["errors"].as_array_mut() {
            Some(errors) => errors.push(error),
            None => result["errors"] = json!([error]),
        }
    }
}

impl Driver {
    /// The time is over: nothing starts any more, and what is at work is stopped.
    pub(super) fn too_late(&mut self, state: &State, out: &mut Step) {
        let is_canceling = matches!(self.flow.status(), conductor::Status::Canceling);
        if let Some(deadline) = &mut self.deadline {
            // Somebody stopped it before: that it was canceled stays true.
            deadline.is_over = !is_canceling;
            if is_canceling {
                self.deadline = None;
            }
        }
        self.request(conductor::Status::Canceled);
        let control = Control {
            kind: ControlKind::Cancel { now: true },
            user: state.parts.options.system_user.clone(),
            answer: None,
        };
        self.pass_on(&control, out);
    }
}
