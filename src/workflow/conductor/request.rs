//! Requests for a status of the whole workflow, and what tasks tell it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::workflow::definition::{Command, Join};
use crate::workflow::graph::NodeId;

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
        let can_be_asked = !matches!(
            status,
            Status::Null | Status::Pending | Status::Timeout | Status::Abandoned | Status::Retrying
        );
        if !can_be_asked {
            return Err(ConductorError::InvalidEvent(format!("workflow_{status}")));
        }
        // Tasks with items pause or stop with the workflow.
        let state = &self.state;
        let mut active: Vec<usize> = state
            .latest()
            .filter(|index| state.sequence[*index].status.is_active())
            .collect();
        active.sort_unstable();
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
            event.push_str(if active {
                "_workflow_active"
            } else {
                "_workflow_dormant"
            });
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
        let Some(Some(next)) = machine::next_of_workflow(before, &event) else {
            return;
        };
        if next != before {
            self.change(Delta::Status(next));
        }
        if next.is_completed() {
            self.find_unreachable();
        }
    }

    /// The name of the event that a task's status is for the workflow.
    fn news(&self, entry: usize) -> String {
        let state = &self.state;
        let (id, route, status) = {
            let entry = &state.sequence[entry];
            (&*entry.id, entry.route, entry.status)
        };
        let goes_on = self.has_next(id, route);
        let mut event = if status.is_abended() && (goes_on || self.has_join_next(id, route)) {
            "task_remediated".to_owned()
        } else if status.is_abended() {
            // The reference has no event for a time-out that was no failure before: the workflow would hang.
            "task_failed".to_owned()
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
            event.push_str(if active {
                "_workflow_active"
            } else {
                "_workflow_dormant"
            });
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

    /// Ways that a task which has ended took, other than to `continue`.
    fn taken(&self, id: &str, route: u32) -> impl Iterator<Item = NodeId> {
        let plan = &self.parts.plan;
        let entry = self
            .state
            .entry(id, route)
            .filter(|entry| entry.status.is_completed());
        let ways = plan.find(id).map_or(&[][..], |node| plan.ways_out(node));
        ways.iter()
            .map(|way| plan.way(*way))
            .filter(move |way| entry.is_some_and(|entry| entry.next.get(&way.next) == Some(&true)))
            .map(|way| way.target)
            .filter(|target| plan.node(*target).command != Some(Command::Continue))
    }

    /// Whether a task that has ended leads on to something that can still be reached.
    pub(super) fn has_next(&self, id: &str, route: u32) -> bool {
        self.taken(id, route).any(|target| {
            self.parts.plan.node(target).join.is_none()
                || self.inbound(target, route) != Inbound::NotSatisfied
        })
    }

    /// Whether a task that has ended leads on to a join.
    fn has_join_next(&self, id: &str, route: u32) -> bool {
        self.taken(id, route)
            .any(|target| self.parts.plan.node(target).join.is_some())
    }

    /// How far the ways into a task are, seen in one route.
    pub(super) fn inbound(&self, node: NodeId, route: u32) -> Inbound {
        let plan = &self.parts.plan;
        // A source counts once, however many ways lead from it.
        let (mut satisfied, mut unknown) = (HashSet::new(), false);
        for way in plan.ways_into(node) {
            match self.state.entry(&plan.node(way.source).name, route) {
                None => unknown = true,
                Some(entry) if entry.next.get(&way.next) == Some(&true) => {
                    satisfied.insert(way.source);
                }
                Some(_) => {}
            }
        }
        let task = plan.node(node);
        let required = match task.join {
            Some(Join::All) => task.sources,
            Some(Join::Count(count)) => usize::try_from(count).unwrap_or(1).max(1),
            None => 1,
        };
        if satisfied.len() >= required {
            Inbound::Satisfied
        } else if unknown && (self.state.has_active() || self.state.has_ready()) {
            Inbound::InProgress
        } else {
            Inbound::NotSatisfied
        }
    }

    /// A workflow that has ended while a join still waits for branches that cannot come has failed.
    fn find_unreachable(&mut self) {
        let plan = &self.parts.plan;
        let waiting: Vec<(Arc<str>, u32)> = self
            .state
            .staging
            .iter()
            .filter(|staged| !staged.ready)
            .filter(|staged| {
                plan.find(&staged.id).is_some_and(|node| {
                    plan.node(node).join.is_some()
                        && self.inbound(node, staged.route) == Inbound::NotSatisfied
                })
            })
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
