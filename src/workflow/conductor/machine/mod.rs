//! The two state machines: what an event makes of a workflow's and of a task's status.
//!
//! Both are tables of event names, as the reference composes and reports them. An event without an entry for the
//! current status changes nothing.

mod task;
mod workflow;

pub(super) use task::next as next_of_task;
pub(super) use workflow::next as next_of_workflow;

use super::status::Status;

/// What an event does in a status: nothing, or the new status.
type Cell = Option<Status>;

/// Looks an event up in a table that is sorted by name.
fn look_up<const N: usize>(
    table: &[(&str, [Cell; N])],
    columns: &[Status; N],
    status: Status,
    event: &str,
) -> Option<Cell> {
    let row = table.binary_search_by(|(name, _)| (*name).cmp(event)).ok()?;
    let column = columns.iter().position(|column| *column == status);
    Some(column.and_then(|column| table[row].1[column]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published rows whose consequences surprise.
    #[test]
    fn known_transitions() {
        let workflow = |status, event: &str| next_of_workflow(status, event).flatten();
        assert_eq!(
            workflow(Status::Running, "task_failed_workflow_active"),
            Some(Status::Failed)
        );
        assert_eq!(
            workflow(Status::Running, "task_paused_workflow_active"),
            Some(Status::Running)
        );
        assert_eq!(workflow(Status::Running, "task_retrying_workflow_active"), None);
        assert_eq!(
            workflow(Status::Paused, "workflow_running_workflow_completed"),
            Some(Status::Succeeded)
        );
        assert_eq!(workflow(Status::Null, "workflow_paused_workflow_dormant"), None);
        assert_eq!(workflow(Status::Canceled, "workflow_running"), None);
        let task = |status, event: &str| next_of_task(status, event).flatten();
        assert_eq!(task(Status::Running, "action_timeout"), Some(Status::Failed));
        assert_eq!(task(Status::Delayed, "action_timeout"), Some(Status::Timeout));
        assert_eq!(
            task(Status::Succeeded, "task_retry_requested"),
            Some(Status::Retrying)
        );
        assert_eq!(task(Status::Pausing, "action_succeeded"), None);
        assert_eq!(next_of_task(Status::Running, "action_dreaming"), None);
    }
}
