//! What the engine writes into the audit log.

use serde_json::{Value, json};

use super::By;
use super::secrets::mask_seals;
use crate::audit::{DETAIL_REASON, DETAIL_SECONDS};
use crate::model::{AuditDraft, Decision, Execution, Identity, JsonMap, MASK, Origin, Timestamp};

/// The first entry of an execution: who asked what, where, with which parameters and why it was allowed.
/// When the execution ended in the same commit the entry tells that too.
pub(super) fn accepted(execution: &Execution, via: &str) -> AuditDraft {
    let request = &execution.request;
    let mut detail = json!({
        "parameters": mask_seals(&request.parameters),
        "decision": request.decision,
        "via": via,
    });
    let kind = if execution.status.is_completed() {
        add_end(&mut detail, execution);
        execution.status.as_str()
    } else {
        detail["status"] = json!(execution.status);
        "requested"
    };
    if let Some(alias) = &request.origin.alias {
        detail["alias"] = json!(alias);
    }
    if let Some(parent) = &request.parent {
        detail["parent"] = json!(parent);
    }
    AuditDraft {
        text: request.origin.text.clone(),
        ..entry(execution, kind, detail)
    }
}

/// A later step of an execution. `by` is the person behind it when it was not the requester.
pub(super) fn stepped(execution: &Execution, by: Option<&str>) -> AuditDraft {
    let mut detail = json!({});
    if execution.status.is_completed() {
        add_end(&mut detail, execution);
    }
    let mut draft = entry(execution, execution.status.as_str(), detail);
    if let Some(by) = by {
        by.clone_into(&mut draft.actor);
    }
    draft
}

/// What somebody did about an execution beside a step of it. `place`: where, for people.
pub(super) fn noted(execution: &Execution, kind: &str, detail: Value, by: &By, now: Timestamp) -> AuditDraft {
    AuditDraft {
        timestamp: now,
        kind: kind.to_owned(),
        actor: by.user.clone(),
        place: by.place.clone(),
        text: None,
        execution: Some(execution.id),
        action: Some(execution.request.action.clone()),
        detail,
    }
}

/// A request that was refused for want of rights.
pub(super) fn denied(
    identity: &Identity,
    origin: &Origin,
    action: &str,
    parameters: &JsonMap,
    decision: &Decision,
    now: Timestamp,
) -> AuditDraft {
    AuditDraft {
        timestamp: now,
        kind: "access.denied".to_owned(),
        actor: identity.user.clone(),
        place: place(origin),
        text: origin.text.clone(),
        execution: None,
        action: Some(action.to_owned()),
        detail: json!({"parameters": mask_seals(parameters), DETAIL_REASON: decision.reason, "via": identity.via}),
    }
}

fn entry(execution: &Execution, kind: &str, detail: Value) -> AuditDraft {
    let request = &execution.request;
    let timestamp = execution
        .progress
        .log
        .last()
        .map_or(execution.start, |entry| entry.timestamp);
    AuditDraft {
        timestamp,
        kind: format!("execution.{kind}"),
        actor: request.user.clone(),
        place: place(&request.origin),
        text: None,
        execution: Some(execution.id),
        action: Some(request.action.clone()),
        detail,
    }
}

fn add_end(detail: &mut Value, execution: &Execution) {
    detail[DETAIL_SECONDS] = json!(execution.elapsed_seconds());
    if let Some(error) = execution.status.is_failure().then(|| reason(execution)).flatten() {
        detail[DETAIL_REASON] = json!(error);
    }
}

/// Why it failed, in one line of at most 300 characters.
fn reason(execution: &Execution) -> Option<String> {
    let result = execution.result.as_ref()?;
    let text = ["error", "stderr", "message"]
        .into_iter()
        .find_map(|key| result.get(key)?.as_str().filter(|text| !text.trim().is_empty()))?;
    let line = text.trim().lines().last().unwrap_or_default();
    Some(line.chars().take(300).collect())
}

/// Where a request came from, for people: `slack:default #ops`, `api`.
fn place(origin: &Origin) -> String {
    origin.place.as_ref().map_or_else(
        || origin.kind.clone(),
        |place| {
            format!(
                "{} {}",
                place.gateway,
                place.name.as_deref().unwrap_or(&place.conversation)
            )
        },
    )
}

/// The sentence with every secret value replaced by the mask. When a secret is too short to be found safely
/// the whole sentence is withheld.
pub(super) fn masked_text(text: &str, secrets: &[String]) -> String {
    if secrets
        .iter()
        .any(|secret| !secret.is_empty() && secret.chars().count() < 3)
    {
        return MASK.to_owned();
    }
    let mut longest_first: Vec<&String> = secrets.iter().filter(|secret| !secret.is_empty()).collect();
    longest_first.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    longest_first.into_iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), MASK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_the_sentence() {
        let secrets = ["hunter2".to_owned(), "hunter".to_owned()];
        assert_eq!(
            masked_text("login ana hunter2 hunter", &secrets),
            "login ana ******** ********"
        );
        assert_eq!(masked_text("pin 7", &["7".to_owned()]), MASK);
        assert_eq!(masked_text("as it is", &[String::new()]), "as it is");
    }
}
