//! Requests for a status of the whole workflow, and what tasks tell it.

use std::sync::Arc;

use crate::workflow::definition::Join;

use super::{Conductor, ConductorError, Delta, ErrorEntry, Status, machine};

/// How far the ways into a task are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inbound {
    Satisfied,
    /// Some are unknown and may still come.
    InProgress,
    NotSatisfied,
}

impl Conductor {
    /// Asks for a status: `running`, `pausing`, `paused`, `resuming`, `canceling`, `canceled`, `failed` …
    ///
    /// # Errors
    ///
    /// The workflow cannot get there from where it is.
    pub fn request(&mut self, status: Status) -> Result<(), ConductorError> {
        let before = self.state.status;
        // Tasks with items pause or stop with the workflow.
        let active: Vec<usize> = {
            let state = &self.state;
            let mut active: Vec<usize> = if state.has_active() {
                state
                    .latest
                    .values()
                    .copied()
                    .filter(|index| state.sequence[*index].status.is_active())
                    .collect()
            } else {
                Vec::new()
            };
            active.sort_unstable();
            active
        };
        for index in active {
            let event = self.request_to_task(index, status);
            let entry = &self.state.sequence[index];
            if let Some(Some(next)) = machine::next_of_task(entry.status, &event) {
                self.change(Delta::Task {
                    entry: index,
                    status: next,
                });
            }
        }
        let event = self.request_to_workflow(status);
        if let Some(Some(next)) = machine::next_of_workflow(before, &event)
            && next != before
        {
            self.change(Delta::Status(next));
        }
        let after = self.state.status;
        let on_its_way = matches!(
            (status, after),
            (Status::Paused, Status::Pausing) | (Status::Canceled, Status::Canceling)
        );
        if status != before && before == after && !on_its_way {
            return Err(ConductorError::WorkflowTransition {
                status: before,
                event: format!("workflow_{status}"),
            });
        }
        Ok(())
    }

    /// Fails the workflow from inside; where it cannot fail any more it stays as it is.
    pub(super) fn fail(&mut self) {
        let _ = self.request(Status::Failed); // only a workflow that has ended refuses
    }

    fn request_to_task(&self, index: usize, status: Status) -> String {
        let entry = &self.state.sequence[index];
        let mut event = format!("workflow_{status}");
        let items = self
            .state
            .staged(&entry.id, entry.route)
            .and_then(|staged| staged.items.as_ref());
        if let Some(items) = items
            && (status.is_paused() || status.is_canceled())
        {
            let active = items.count(Status::is_active, None) > 0;
            let incomplete = items.count(|status| !status.is_completed(), None) > 0;
            event.push_str(if active { "_task_active" } else { "_task_dormant" });
            event.push_str(if incomplete {
                "_items_incomplete"
            } else {
                "_items_completed"
            });
        }
        event
    }

    fn request_to_workflow(&self, status: Status) -> String {
        let state = &self.state;
        let mut event = format!("workflow_{status}");
        let active = state.has_active();
        if status.is_paused() || status.is_canceled() {
            event.push_str(if active { "_workflow_active" } else { "_workflow_dormant" });
        }
        if state.status == Status::Paused
            && matches!(status, Status::Running | Status::Resuming)
            && !active
            && !state.has_ready()
            && !state.any(|status| matches!(status, Status::Paused | Status::Pending))
        {
            event.push_str("_workflow_completed");
        }
        event
    }

    /// Tells the workflow what became of a task.
    pub(super) fn tell(&mut self, entry: usize) {
        let event = self.news(entry);
        let before = self.state.status;
        if let Some(Some(next)) = machine::next_of_workflow(before, &event)
            && next != before
        {
            self.change(Delta::Status(next));
        }
        if !self.state.status.is_completed() || before.is_completed() && !self.links_have_joins() {
            return;
        }
        self.find_unreachable();
    }

    fn links_have_joins(&self) -> bool {
        self.state
            .staged
            .values()
            .any(|staged| self.links.join(&staged.id).is_some())
    }

    /// The name of the event that a task's status is for the workflow.
    fn news(&self, entry: usize) -> String {
        let state = &self.state;
        let (id, route, status) = {
            let entry = &state.sequence[entry];
            (&*entry.id, entry.route, entry.status)
        };
        let goes_on = self.has_next(id, route);
        let mut event = if status.is_abended() && goes_on {
            "task_remediated".to_owned()
        } else {
            format!("task_{status}")
        };
        let conditional = matches!(
            event.as_str(),
            "task_pending"
                | "task_paused"
                | "task_succeeded"
                | "task_failed"
                | "task_remediated"
                | "task_canceled"
                | "task_retrying"
        );
        if conditional {
            let active = state.has_active();
            event.push_str(if active { "_workflow_active" } else { "_workflow_dormant" });
        }
        if event.starts_with("task_succeeded") || event.starts_with("task_remediated") {
            event.push_str(if state.any(Status::is_canceled) {
                "_canceled"
            } else if state.any(|status| status.is_paused() || status == Status::Pending) {
                "_paused"
            } else if goes_on || state.has_ready() {
                "_incomplete"
            } else {
                "_completed"
            });
        }
        event
    }

    /// Whether a task that has ended leads on to something other than `continue`.
    pub(super) fn has_next(&self, id: &str, route: u32) -> bool {
        let Some(entry) = self.state.entry(id, route).filter(|entry| entry.status.is_completed()) else {
            return false;
        };
        self.links.ways_out(id).iter().any(|way| {
            &*way.target != "continue"
                && entry.next.get(&way.to) == Some(&true)
                && (self.links.join(&way.target).is_none()
                    || self.inbound(&way.target, route) != Inbound::NotSatisfied)
        })
    }

    /// How far the ways into a task are, seen in one route.
    pub(super) fn inbound(&self, task: &str, route: u32) -> Inbound {
        let ways = self.links.ways_into(task);
        // Sorted by source, so the ways of one source stand together.
        let (mut satisfied, mut unknown, mut sources) = (0_i64, false, 0_i64);
        for parallel in ways.chunk_by(|a, b| a.source == b.source) {
            sources += 1;
            match self.state.entry(&parallel[0].source, route) {
                None => unknown = true,
                Some(entry) => {
                    let taken = parallel.iter().any(|way| entry.next.get(&way.to) == Some(&true));
                    satisfied += i64::from(taken);
                }
            }
        }
        let required = match self.links.join(task) {
            Some(Join::All) => sources,
            Some(Join::Count(count)) => count.max(1),
            None => 1,
        };
        if satisfied >= required {
            Inbound::Satisfied
        } else if unknown && (self.state.has_active() || self.state.has_ready()) {
            Inbound::InProgress
        } else {
            Inbound::NotSatisfied
        }
    }

    /// A workflow that has ended while a join still waits for branches that cannot come has failed.
    fn find_unreachable(&mut self) {
        let waiting: Vec<(Arc<str>, u32)> = self
            .state
            .staged
            .values()
            .filter(|staged| !staged.ready && self.links.join(&staged.id).is_some())
            .filter(|staged| self.inbound(&staged.id, staged.route) == Inbound::NotSatisfied)
            .map(|staged| (Arc::clone(&staged.id), staged.route))
            .collect();
        if waiting.is_empty() {
            return;
        }
        if self.state.status != Status::Failed {
            self.change(Delta::Status(Status::Failed));
        }
        for (task, route) in waiting {
            self.note(ErrorEntry {
                message: format!(
                    "UnreachableJoinError: The join task|route \"{task}|{route}\" is partially satisfied but \
                     unreachable."
                )
                .into(),
                task_id: Some(task),
                route: Some(route),
                task_transition_id: None,
                result: None,
            });
        }
    }
}
