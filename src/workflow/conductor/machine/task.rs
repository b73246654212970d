//! Statuses of tasks.

use super::{Cell, look_up};
use crate::workflow::conductor::status::Status;

/// The status after an event; `Some(None)`: the event changes nothing; `None`: there is no such event.
pub(in crate::workflow::conductor) fn next(status: Status, event: &str) -> Option<Cell> {
    look_up(&TABLE, &COLUMNS, status, event)
}

const __: Cell = None;
const REQ: Cell = Some(Status::Requested);
const SCH: Cell = Some(Status::Scheduled);
const DLY: Cell = Some(Status::Delayed);
const RUN: Cell = Some(Status::Running);
const PND: Cell = Some(Status::Pending);
const PSG: Cell = Some(Status::Pausing);
const PSD: Cell = Some(Status::Paused);
const RSM: Cell = Some(Status::Resuming);
const RTY: Cell = Some(Status::Retrying);
const CNG: Cell = Some(Status::Canceling);
const SUC: Cell = Some(Status::Succeeded);
const FAI: Cell = Some(Status::Failed);
const TMO: Cell = Some(Status::Timeout);
const ABD: Cell = Some(Status::Abandoned);
const CAN: Cell = Some(Status::Canceled);

/// What an event makes of a task (orquesta's task state machine). The columns are the statuses of [`COLUMNS`]; events are sorted by name.
#[rustfmt::skip]
static TABLE: [(&str, [Cell; 13]); 67] = [
    ("action_abandoned", [__,ABD,ABD,ABD,FAI,FAI,FAI,__,__,__,FAI,__,__]),
    ("action_abandoned_task_dormant_items_canceled", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_abandoned_task_dormant_items_completed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_abandoned_task_dormant_items_failed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_abandoned_task_dormant_items_incomplete", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_abandoned_task_dormant_items_paused", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_canceled", [__,CAN,CAN,CAN,CAN,CAN,CAN,CAN,CAN,CAN,CAN,__,__]),
    ("action_canceled_task_active_items_incomplete", [__,__,__,__,CNG,__,__,__,__,__,__,__,__]),
    ("action_canceled_task_dormant_items_canceled", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_canceled_task_dormant_items_completed", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_canceled_task_dormant_items_failed", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_canceled_task_dormant_items_incomplete", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_canceled_task_dormant_items_paused", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_canceling", [__,CNG,CNG,CNG,CNG,__,CNG,CNG,CNG,CNG,__,__,__]),
    ("action_delayed", [DLY,DLY,DLY,__,__,__,__,__,__,__,__,__,__]),
    ("action_failed", [__,FAI,FAI,FAI,FAI,FAI,FAI,__,__,__,FAI,__,__]),
    ("action_failed_task_dormant_items_canceled", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_failed_task_dormant_items_completed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_failed_task_dormant_items_failed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_failed_task_dormant_items_incomplete", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_failed_task_dormant_items_paused", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_paused", [__,PSD,PSD,PSD,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_paused_task_active_items_incomplete", [__,__,__,__,PSG,__,__,__,__,__,__,__,__]),
    ("action_paused_task_dormant_items_canceled", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_paused_task_dormant_items_completed", [__,__,__,__,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_paused_task_dormant_items_failed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_paused_task_dormant_items_incomplete", [__,__,__,__,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_paused_task_dormant_items_paused", [__,__,__,__,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_pausing", [__,PSG,PSG,PSG,PSG,__,__,__,__,__,__,__,__]),
    ("action_pending", [PND,PND,PND,PND,PND,__,__,__,__,__,__,__,__]),
    ("action_pending_task_active_items_incomplete", [__,__,__,__,PSG,__,__,__,__,__,__,__,__]),
    ("action_pending_task_dormant_items_canceled", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_pending_task_dormant_items_completed", [__,__,__,__,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_pending_task_dormant_items_failed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_pending_task_dormant_items_incomplete", [__,__,__,__,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_pending_task_dormant_items_paused", [__,__,__,__,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_requested", [REQ,__,__,__,__,__,__,__,__,__,__,__,__]),
    ("action_resuming", [__,__,__,__,__,__,RSM,RSM,__,__,__,__,__]),
    ("action_running", [RUN,RUN,RUN,RUN,RUN,__,__,RUN,RUN,RUN,__,__,__]),
    ("action_scheduled", [SCH,SCH,__,SCH,__,__,__,__,__,__,__,__,__]),
    ("action_succeeded", [__,__,__,__,SUC,SUC,__,__,__,__,__,__,__]),
    ("action_succeeded_task_active_items_incomplete", [__,__,__,__,RUN,__,__,__,__,__,__,__,__]),
    ("action_succeeded_task_dormant_items_canceled", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_succeeded_task_dormant_items_completed", [__,__,__,__,SUC,__,SUC,__,__,__,SUC,__,__]),
    ("action_succeeded_task_dormant_items_failed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_succeeded_task_dormant_items_incomplete", [__,__,__,__,RUN,__,PSD,__,__,__,CAN,__,__]),
    ("action_succeeded_task_dormant_items_paused", [__,__,__,__,PSD,__,PSD,__,__,__,CAN,__,__]),
    ("action_timeout", [__,TMO,TMO,TMO,FAI,FAI,FAI,__,__,__,FAI,__,__]),
    ("action_timeout_task_dormant_items_canceled", [__,__,__,__,CAN,__,CAN,__,__,__,CAN,__,__]),
    ("action_timeout_task_dormant_items_completed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_timeout_task_dormant_items_failed", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_timeout_task_dormant_items_incomplete", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("action_timeout_task_dormant_items_paused", [__,__,__,__,FAI,__,FAI,__,__,__,CAN,__,__]),
    ("task_continue_requested", [SUC,__,__,__,__,__,__,__,__,__,__,__,__]),
    ("task_fail_requested", [FAI,__,__,__,__,__,__,__,__,__,__,__,__]),
    ("task_noop_requested", [SUC,__,__,__,__,__,__,__,__,__,__,__,__]),
    ("task_retry_requested", [__,__,__,__,__,__,__,__,__,__,__,RTY,RTY]),
    ("workflow_canceled", [__,__,__,__,__,__,__,__,__,CAN,__,__,__]),
    ("workflow_canceled_task_active_items_incomplete", [__,__,__,__,CNG,__,__,__,__,__,__,__,__]),
    ("workflow_canceled_task_dormant_items_incomplete", [__,__,__,__,CAN,__,__,__,__,__,__,__,__]),
    ("workflow_canceling", [__,__,__,__,__,__,__,__,__,CAN,__,__,__]),
    ("workflow_canceling_task_active_items_incomplete", [__,__,__,__,CNG,__,__,__,__,__,__,__,__]),
    ("workflow_canceling_task_dormant_items_incomplete", [__,__,__,__,CAN,__,__,__,__,__,__,__,__]),
    ("workflow_paused_task_active_items_incomplete", [__,__,__,__,PSG,__,__,__,__,__,__,__,__]),
    ("workflow_paused_task_dormant_items_incomplete", [__,__,__,__,PSD,__,__,__,__,__,__,__,__]),
    ("workflow_pausing_task_active_items_incomplete", [__,__,__,__,PSG,__,__,__,__,__,__,__,__]),
    ("workflow_pausing_task_dormant_items_incomplete", [__,__,__,__,PSD,__,__,__,__,__,__,__,__]),
];

/// The statuses in which an event can mean something.
const COLUMNS: [Status; 13] = [
    Status::Null,
    Status::Requested,
    Status::Scheduled,
    Status::Delayed,
    Status::Running,
    Status::Pending,
    Status::Pausing,
    Status::Paused,
    Status::Resuming,
    Status::Retrying,
    Status::Canceling,
    Status::Succeeded,
    Status::Failed,
];
