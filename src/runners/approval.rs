//! `approval`: waits until enough of the right people have agreed.

use std::sync::OnceLock;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{ActionFinder, Amendment, Change, Job, Note, Outcome, Runner, RunnerSpec, schema};
use crate::approval::{Approval, Remark, State, Subject, Terms, same_person};
use crate::model::{JsonMap, Status, Timestamp};

/// Name of the runner.
pub const APPROVAL: &str = "approval";

/// Waits, without holding a place, for the votes of people.
pub struct ApprovalRunner {
    spec: RunnerSpec,
    actions: OnceLock<ActionFinder>,
}

impl Default for ApprovalRunner {
    fn default() -> Self {
        Self {
            spec: RunnerSpec {
                name: APPROVAL,
                description: "Waits until enough of the right people have agreed.",
                package: "approval_runner",
                module: "approval_runner",
                parameters: parameters(),
                output_key: None,
                pure: false,
            },
            actions: OnceLock::new(),
        }
    }
}

fn parameters() -> JsonMap {
    schema(json!({
        "title": {
            "description": "What is to be approved, in a sentence.",
            "required": true,
            "type": "string",
        },
        "reason": {
            "description": "Why, for those who are to decide.",
            "type": "string",
        },
        "action": {
            "description": "The action that is to run, pack.name; a change of it voids the votes.",
            "type": "string",
        },
        "parameters": {
            "description": "With which parameters, or whatever else is approved. Everybody who may see the approval sees them.",
            "type": "object",
            "default": {},
        },
        "by": {
            "description": "Who may approve: users, group:NAME, role:NAME.",
            "type": "array",
            "default": [],
        },
        "count": {
            "description": "How many people must approve.",
            "type": "integer",
            "default": 1,
        },
        "per_group": {
            "description": "How many of them from which group, such as {oncall: 1, security: 1}. A person counts once.",
            "type": "object",
            "default": {},
        },
        "self_approval": {
            "description": "Whether whoever asked may approve, too.",
            "type": "boolean",
            "default": false,
        },
        "delegation": {
            "description": "Whether approvers may name somebody to vote for them.",
            "type": "boolean",
            "default": true,
        },
        "within": {
            "description": "How long there is time, such as 30m or 2h (a bare number is minutes); 0: for ever.",
            "type": ["string", "integer"],
            "default": "1d",
        },
        "remind": {
            "description": "After how long those who are asked are reminded.",
            "type": ["string", "integer"],
        },
        "notify": {
            "description": "Conversations that are told besides the one where it was asked, such as [\"slack:#ops\"].",
            "type": "array",
            "default": [],
        },
        "escalate": {
            "description": "Who is asked as well after how long, such as [{after: 30m, to: [group:leads]}].",
            "type": "array",
            "default": [],
        },
    }))
}

impl ApprovalRunner {
    fn ask(&self, job: &Job, now: Timestamp) -> Outcome {
        let refuse = |error: String| Outcome::new(Status::Failed, json!({ "error": error }));
        let terms = match Terms::read(&job.parameters) {
            Ok(terms) => terms,
            Err(why) => return refuse(why),
        };
        let reference = job
            .parameters
            .get("action")
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        let action = reference.and_then(|reference| self.actions.get()?(reference));
        if let (Some(reference), None) = (reference, &action) {
            return refuse(format!("there is no action `{reference}` to approve"));
        }
        let parameters = match job.parameters.get("parameters") {
            Some(Value::Object(map)) => map.clone(),
            _ => JsonMap::new(),
        };
        if let Err(why) = Subject::check(&parameters) {
            return refuse(why);
        }
        let subject = Subject::new(reference, parameters, action.as_deref());
        let approval = Approval::new(terms, subject, stands_behind(&job.user, &job.context), now);
        let wake = approval.wake();
        Outcome::pending(approval_value(&approval), wake)
    }
}

/// Everybody who stands behind the request: its user, the person that a service asked for, those of the workflow.
#[must_use]
pub fn stands_behind(user: &str, context: &JsonMap) -> Vec<String> {
    let mut names = vec![user.to_owned()];
    let parent = context.get("parent").and_then(Value::as_object);
    for context in [Some(context), parent].into_iter().flatten() {
        for key in ["user", "api_user", "on_behalf_by"] {
            if let Some(name) = context.get(key).and_then(Value::as_str)
                && !name.is_empty()
                && !names.iter().any(|known| same_person(known, name))
            {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// An approval as the result of its execution.
#[must_use]
pub fn approval_value(approval: &Approval) -> Value {
    // Texts, numbers, lists and maps with text keys: nothing of it cannot be written.
    serde_json::to_value(approval).unwrap_or_default()
}

/// The step of the execution that goes with an approval's state.
#[must_use]
pub fn amendment(approval: &Approval, remarks: Vec<Remark>) -> Amendment {
    let result = approval_value(approval);
    let status = match approval.state {
        State::Waiting => {
            return Amendment {
                change: Change::Amend {
                    result,
                    wake: approval.wake(),
                },
                notes: notes(remarks),
            };
        }
        State::Approved => Status::Succeeded,
        State::Denied => Status::Failed,
        State::Expired => Status::Timeout,
    };
    Amendment {
        change: Change::Settle { status, result },
        notes: notes(remarks),
    }
}

fn notes(remarks: Vec<Remark>) -> Vec<Note> {
    remarks
        .into_iter()
        .map(|remark| Note {
            kind: remark.kind,
            detail: remark.detail,
        })
        .collect()
}

impl Runner for ApprovalRunner {
    fn spec(&self) -> &RunnerSpec {
        &self.spec
    }

    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        std::future::ready(self.ask(&job, Timestamp::now())).boxed()
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn holds_branch_only(&self) -> bool {
        true
    }

    fn due(&self, result: &Value, now: Timestamp) -> Amendment {
        match serde_json::from_value::<Approval>(result.clone()) {
            Ok(approval) => match approval.due(now) {
                Some((next, remarks)) => amendment(&next, remarks),
                // Asked too early: the time is set again.
                None => amendment(&approval, Vec::new()),
            },
            Err(error) => Amendment {
                change: Change::Settle {
                    status: Status::Failed,
                    result: json!({"error": format!("internal error: the stored approval cannot be read: {error}")}),
                },
                notes: Vec::new(),
            },
        }
    }

    fn attach(&self, actions: &ActionFinder) {
        // A runner that several engines share keeps the first one's; in a process there is one.
        let _ = self.actions.set(ActionFinder::clone(actions));
    }
}
