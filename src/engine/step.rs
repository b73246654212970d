//! Steps of an execution: pure functions from one state to the next.

use std::sync::Arc;

use serde_json::Value;

use crate::model::{Execution, LogEntry, Status, Timestamp};

/// The state after a legal step to `status`; `None` when the status may not follow.
pub(super) fn step(execution: &Execution, status: Status, now: Timestamp) -> Option<Execution> {
    if !execution.status.may_become(status) {
        return None;
    }
    let mut next = execution.clone();
    next.revision += 1;
    enter(&mut next, status, now);
    Some(next)
}

/// Takes on a status without counting a revision: for states that are committed together.
pub(super) fn enter(execution: &mut Execution, status: Status, now: Timestamp) {
    execution.status = status;
    execution.progress.log.push(LogEntry {
        timestamp: now,
        status,
    });
    if status.is_completed() {
        execution.end = Some(now);
    }
}

/// Sets the result and its size in bytes.
pub(super) fn set_result(execution: &mut Execution, result: Value) {
    execution.result_size = size_of_json(&result);
    execution.result = Some(Arc::new(result));
}

/// Bytes of a value as JSON, without building the text.
pub(super) fn size_of_json(value: &Value) -> u64 {
    struct Counter(u64);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Neither a value nor the counter can fail.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}
