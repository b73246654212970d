//! Who agreed to an execution, in words for its cards.

use serde_json::Value;

use crate::answers::approvals;
use crate::approval::Verdict;
use crate::engine::Engine;
use crate::model::{Execution, Id};
use crate::store::StoreError;

/// `approved by bo, cy`, or that it ran without: empty when nobody had to agree.
pub(super) async fn of(engine: &Engine, execution: &Execution) -> Result<String, StoreError> {
    let context = &execution.progress.context;
    if let Some(glass) = context.get("break_glass") {
        let reason = glass["reason"].as_str().unwrap_or_default();
        return Ok(format!("without approval: {reason}"));
    }
    let asked = context.get("approvals").and_then(Value::as_array);
    let mut names: Vec<String> = Vec::new();
    for one in asked.into_iter().flatten() {
        let id = one["id"].as_str().and_then(|id| id.parse::<Id>().ok());
        let Some(id) = id.filter(|_| one["approved"] == true) else {
            continue;
        };
        let approval = engine.execution(id).await?;
        let approval = approval.and_then(|execution| approvals::of_any(&execution));
        for vote in approval.into_iter().flat_map(|approval| approval.votes) {
            if vote.verdict == Verdict::Approve && !names.contains(&vote.user) {
                names.push(vote.user);
            }
        }
    }
    Ok(if names.is_empty() {
        String::new()
    } else {
        format!("approved by {}", names.join(", "))
    })
}
