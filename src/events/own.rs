//! Our own events: an action has ended, a question is asked, a key of the datastore has changed (TRG-10, TRG-12, TRG-16).

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::DEPTH;
use super::book::RuleBook;
use super::traces;
use crate::datastore::KeyObserver;
use crate::engine::{Observer, masked};
use crate::model::{
    Execution, Id, InstanceDetail, InstanceStatus, JsonMap, Status, Timestamp, TriggerInstance,
};
use crate::runners::INQUIRER;
use crate::store::Write;
use crate::triggers::{TriggerKey, key_changes};

/// An action has ended.
const ACTION: &str = "core.st2.generic.actiontrigger";
/// A question is asked.
const INQUIRY: &str = "core.st2.generic.inquiry";

/// Adds trigger instances to the commits of the engine where rules want them: what happened is as durable as the step.
pub struct OwnEvents(pub Arc<RuleBook>);

impl Observer for OwnEvents {
    fn rows(&self, before: Option<Status>, after: &Execution) -> Vec<Write> {
        if before == Some(after.status) {
            return Vec::new();
        }
        let mut rows = if before.is_none() {
            traces::rows_of(after)
        } else {
            Vec::new()
        };
        let event = if after.status.is_completed() {
            ACTION
        } else if after.status == Status::Pending && after.request.runner == INQUIRER {
            INQUIRY
        } else {
            return rows;
        };
        let key = TriggerKey::of_type(event);
        if self.0.index().rules(&key).is_empty() {
            return rows;
        }
        let payload = if event == ACTION {
            ended(after)
        } else {
            let route = after.result.as_deref().map(|result| result["route"].clone());
            json!({"id": after.id, "route": route.unwrap_or_default()})
        };
        self.0.hint();
        let id = Id::new();
        rows.push(traces::caused(after.id, id));
        rows.push(Write::Instance(Arc::new(TriggerInstance {
            id,
            trigger: event.to_owned(),
            payload: Arc::new(payload),
            occurrence_time: after.end.unwrap_or_else(Timestamp::now),
            status: InstanceStatus::Pending,
            detail: InstanceDetail {
                type_ref: event.to_owned(),
                parameters: JsonMap::new(),
                trace_tag: traces::handed_on(after),
                only: None,
                depth: depth(after),
                suppressed: Vec::new(),
                cause: Some(after.id),
            },
        })));
        rows
    }
}

impl KeyObserver for OwnEvents {
    fn rows(&self, before: Option<&JsonMap>, after: Option<&JsonMap>) -> Vec<Write> {
        let index = self.0.index();
        let wanted = |event: &str| !index.rules(&TriggerKey::of_type(event)).is_empty();
        let rows: Vec<Write> = key_changes(before, after)
            .into_iter()
            .filter(|(event, _)| wanted(event))
            .map(|(event, payload)| pending(event, payload, Timestamp::now()))
            .collect();
        if !rows.is_empty() {
            self.0.hint();
        }
        rows
    }
}

/// An event that somebody has to carry out.
fn pending(event: &str, payload: Json, at: Timestamp) -> Write {
    Write::Instance(Arc::new(TriggerInstance {
        id: Id::new(),
        trigger: event.to_owned(),
        payload: Arc::new(payload),
        occurrence_time: at,
        status: InstanceStatus::Pending,
        detail: InstanceDetail {
            type_ref: event.to_owned(),
            parameters: JsonMap::new(),
            trace_tag: None,
            only: None,
            depth: 0,
            suppressed: Vec::new(),
            cause: None,
        },
    }))
}

/// How many rules in a row led to an execution.
pub(super) fn depth(execution: &Execution) -> u32 {
    let depth = execution.progress.context.get(DEPTH).and_then(Json::as_u64);
    depth.and_then(|depth| u32::try_from(depth).ok()).unwrap_or(0)
}

fn ended(execution: &Execution) -> Json {
    let request = &execution.request;
    let result = execution.result.as_deref().cloned().unwrap_or_default();
    json!({
        "execution_id": execution.id,
        "status": execution.status,
        "start_timestamp": execution.start.to_string().replace('T', " ").replace('Z', "+00:00"),
        "action_name": request.action.split_once('.').map_or("", |(_, name)| name),
        "action_ref": request.action,
        "runner_ref": request.runner,
        "parameters": masked(&Json::Object(request.parameters.clone())),
        "result": masked(&result),
    })
}
