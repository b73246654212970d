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
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Row {
        machine: String,
        event: String,
        becomes: HashMap<String, String>,
    }

    /// Every cell of the reference's tables, empty ones included.
    #[test]
    fn every_event_does_what_the_reference_says_in_every_status() {
        let rows = include_str!("../../../../tests/data/workflow/machines.jsonl");
        let (mut events, mut cells) = (0, 0);
        for row in rows.lines() {
            let row: Row = serde_json::from_str(row).expect("a row");
            events += 1;
            for status in Status::ALL {
                let found = match row.machine.as_str() {
                    "workflow" => next_of_workflow(status, &row.event),
                    _ => next_of_task(status, &row.event),
                };
                let expected: Option<Status> = row
                    .becomes
                    .get(status.as_str())
                    .map(|status| status.parse().expect("a status"));
                cells += usize::from(expected.is_some());
                assert_eq!(
                    found,
                    Some(expected),
                    "{} of a {} that is {status}",
                    row.event,
                    row.machine
                );
            }
        }
        assert!(events > 110 && cells > 300, "{events} events, {cells} cells");
    }

    #[test]
    fn an_event_that_nobody_knows_changes_nothing() {
        assert_eq!(next_of_task(Status::Running, "action_dreaming"), None);
        assert_eq!(next_of_workflow(Status::Running, "workflow_pending"), None);
    }
}
