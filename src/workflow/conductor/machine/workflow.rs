//! Statuses of workflows.

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
const PSG: Cell = Some(Status::Pausing);
const PSD: Cell = Some(Status::Paused);
const RSM: Cell = Some(Status::Resuming);
const CNG: Cell = Some(Status::Canceling);
const SUC: Cell = Some(Status::Succeeded);
const FAI: Cell = Some(Status::Failed);
const CAN: Cell = Some(Status::Canceled);

/// What an event makes of a workflow (orquesta's workflow state machine). The columns are the statuses of [`COLUMNS`]; events are sorted by name.
#[rustfmt::skip]
static TABLE: [(&str, [Cell; 10]); 47] = [
    ("task_canceled_workflow_active", [__,__,__,__,CNG,CNG,__,CNG,CNG,__]),
    ("task_canceled_workflow_dormant", [__,__,__,__,CAN,CAN,__,CAN,CAN,__]),
    ("task_canceling", [__,__,__,__,CNG,CNG,__,CNG,__,__]),
    ("task_failed_workflow_active", [__,__,__,__,FAI,FAI,__,FAI,CNG,__]),
    ("task_failed_workflow_dormant", [__,__,__,__,FAI,FAI,__,FAI,CAN,__]),
    ("task_paused_workflow_active", [__,__,__,__,RUN,PSG,__,__,CNG,__]),
    ("task_paused_workflow_dormant", [__,__,__,__,PSD,PSD,__,__,CAN,__]),
    ("task_pausing", [__,__,__,__,RUN,__,__,__,__,__]),
    ("task_pending_workflow_active", [__,__,__,__,PSG,PSG,__,PSG,CNG,__]),
    ("task_pending_workflow_dormant", [__,__,__,__,PSD,PSD,__,PSD,CAN,__]),
    ("task_remediated_workflow_active_canceled", [__,__,__,__,CNG,CNG,__,__,__,__]),
    ("task_remediated_workflow_active_completed", [__,__,__,__,RUN,PSG,__,RUN,CNG,__]),
    ("task_remediated_workflow_active_incomplete", [__,__,__,__,RUN,PSG,__,RUN,CNG,__]),
    ("task_remediated_workflow_active_paused", [__,__,__,__,PSG,PSG,__,__,__,__]),
    ("task_remediated_workflow_dormant_canceled", [__,__,__,__,CAN,CAN,__,CAN,CAN,__]),
    ("task_remediated_workflow_dormant_completed", [__,__,__,__,SUC,PSD,__,SUC,CAN,__]),
    ("task_remediated_workflow_dormant_incomplete", [__,__,__,__,RUN,PSD,__,RUN,CAN,__]),
    ("task_remediated_workflow_dormant_paused", [__,__,__,__,PSD,PSD,__,PSD,CAN,__]),
    ("task_resuming", [__,__,__,__,__,__,RUN,__,__,__]),
    ("task_retrying_workflow_active", [__,__,__,__,__,PSG,__,__,CNG,__]),
    ("task_retrying_workflow_dormant", [__,__,__,__,__,PSD,__,__,CAN,__]),
    ("task_running", [__,__,__,__,__,__,RUN,RUN,__,__]),
    ("task_succeeded_workflow_active_canceled", [__,__,__,__,CNG,PSG,__,__,__,__]),
    ("task_succeeded_workflow_active_completed", [__,__,__,__,RUN,PSG,__,RUN,CNG,__]),
    ("task_succeeded_workflow_active_incomplete", [__,__,__,__,RUN,PSG,__,RUN,CNG,__]),
    ("task_succeeded_workflow_active_paused", [__,__,__,__,PSG,PSG,__,__,__,__]),
    ("task_succeeded_workflow_dormant_canceled", [__,__,__,__,CAN,CAN,__,CAN,CAN,__]),
    ("task_succeeded_workflow_dormant_completed", [__,__,__,__,SUC,PSD,__,SUC,CAN,__]),
    ("task_succeeded_workflow_dormant_incomplete", [__,__,__,__,RUN,PSD,__,RUN,CAN,__]),
    ("task_succeeded_workflow_dormant_paused", [__,__,__,__,PSD,PSD,__,PSD,CAN,__]),
    ("workflow_canceled_workflow_active", [__,__,__,__,CNG,CNG,__,CNG,CNG,__]),
    ("workflow_canceled_workflow_dormant", [__,CAN,CAN,CAN,CAN,CAN,CAN,CAN,CAN,__]),
    ("workflow_canceling_workflow_active", [__,__,__,__,CNG,CNG,__,CNG,CNG,__]),
    ("workflow_canceling_workflow_dormant", [__,CAN,CAN,CAN,CAN,CAN,CAN,CAN,CAN,__]),
    ("workflow_delayed", [DLY,DLY,DLY,__,__,__,__,__,__,__]),
    ("workflow_failed", [FAI,FAI,FAI,FAI,FAI,FAI,FAI,FAI,FAI,FAI]),
    ("workflow_paused_workflow_active", [__,__,__,__,PSG,PSG,__,PSG,__,__]),
    ("workflow_paused_workflow_dormant", [__,PSD,PSD,PSD,PSD,PSD,__,PSD,__,__]),
    ("workflow_pausing_workflow_active", [__,__,__,__,PSG,PSG,__,PSG,__,__]),
    ("workflow_pausing_workflow_dormant", [__,PSD,PSD,PSD,PSD,PSD,__,PSD,__,__]),
    ("workflow_requested", [REQ,__,__,__,__,__,__,__,__,__]),
    ("workflow_resuming", [__,__,__,__,__,RSM,RSM,__,__,__]),
    ("workflow_resuming_workflow_completed", [__,__,__,__,__,__,SUC,__,__,__]),
    ("workflow_running", [RUN,RUN,RUN,RUN,__,RUN,RUN,RUN,__,__]),
    ("workflow_running_workflow_completed", [__,__,__,__,__,__,SUC,__,__,__]),
    ("workflow_scheduled", [SCH,SCH,__,SCH,__,__,__,__,__,__]),
    ("workflow_succeeded", [__,__,__,__,SUC,__,__,__,__,__]),
];

/// The statuses in which an event can mean something.
const COLUMNS: [Status; 10] = [
    Status::Null,
    Status::Requested,
    Status::Scheduled,
    Status::Delayed,
    Status::Running,
    Status::Pausing,
    Status::Paused,
    Status::Resuming,
    Status::Canceling,
    Status::Succeeded,
];
