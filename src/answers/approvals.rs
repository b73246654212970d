//! Approvals: looking at them, voting, delegating, changing what they are about.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{AnswerError, Answerer};
use crate::approval::{
    Approval, Approver, Ballot, Refusal, RefusalKind, Remark, State, Subject, Turn, Verdict, Voter,
    fingerprint, same_person,
};
use crate::engine::{AmendError, CONSENT, Engine, asked_first, awaits_consent};
use crate::model::{Execution, Id, Identity, JsonMap, Status, Timestamp};
use crate::runners::{APPROVAL, Note, amendment};

/// A vote as somebody gives it.
#[derive(Clone, Debug)]
pub struct Say<'a> {
    /// Yes or no.
    pub verdict: Verdict,
    /// Why; needed for a no.
    pub reason: Option<&'a str>,
    /// Fingerprint of what they saw, when they say so.
    pub seen: Option<&'a str>,
}

/// The approval that an execution is; `None` when it failed before it could be one.
///
/// # Errors
/// [`AnswerError::Invalid`] when it is something else.
pub fn of(execution: &Execution) -> Result<Option<Approval>, AnswerError> {
    if execution.request.runner != APPROVAL {
        return Err(AnswerError::Invalid(format!(
            "Action execution \"{}\" is not an approval.",
            execution.id
        )));
    }
    let result = execution.result.as_deref();
    Ok(result.and_then(|result| serde_json::from_value(result.clone()).ok()))
}

/// The same for an execution of any kind; `None` for what is no approval.
#[must_use]
pub fn of_any(execution: &Execution) -> Option<Approval> {
    of(execution).ok().flatten()
}

/// Finds an approval.
///
/// # Errors
/// [`AnswerError::Unknown`] and [`AnswerError::Invalid`].
pub async fn find(engine: &Engine, id: Id) -> Result<Arc<Execution>, AnswerError> {
    let mut execution = engine.execution(id).await?.ok_or(AnswerError::Unknown(id))?;
    // Of something that waits for approval the approval itself is meant.
    if awaits_consent(&execution)
        && let Some(asked) = asked_first(&execution)
    {
        execution = engine
            .execution(asked)
            .await?
            .ok_or(AnswerError::Unknown(asked))?;
    }
    of(&execution)?;
    Ok(execution)
}

/// Whether a vote of the identity would count now.
#[must_use]
pub fn may_vote(execution: &Execution, identity: &Identity, now: Timestamp) -> bool {
    execution.status == Status::Pending
        && matches!(of(execution), Ok(Some(approval)) if approval.may_vote(&voter(identity), now))
}

/// Whether the approval concerns the identity: they asked for it, are asked to decide, or have something to do with
/// it already.
#[must_use]
pub fn concerns(execution: &Execution, identity: &Identity) -> bool {
    let Ok(Some(approval)) = of(execution) else {
        return same_person(&execution.request.user, &identity.user);
    };
    let named = |names: &[&str]| names.iter().any(|name| same_person(name, &identity.user));
    approval.is_requester(&identity.user)
        || approval.is_asked(&voter(identity))
        || approval.votes.iter().any(|vote| named(&[&vote.user]))
        || approval
            .delegations
            .iter()
            .any(|delegation| named(&[&delegation.from, &delegation.to]))
}

/// An approval as clients see it.
#[must_use]
pub fn view(engine: &Engine, execution: &Execution, identity: &Identity, now: Timestamp) -> Value {
    let mut view = json!({
        "id": execution.id,
        "status": execution.status,
        "parent": execution.request.parent,
        "requested": execution.start,
        "ended": execution.end,
    });
    let approval = of(execution).ok().flatten();
    let Some(approval) = approval else {
        view["state"] = json!(execution.status);
        view["error"] = execution
            .result
            .as_ref()
            .map_or(Value::Null, |result| result["error"].clone());
        return view;
    };
    let state = match (approval.state, execution.status) {
        // It was canceled, or its workflow was.
        (State::Waiting, status) if status != Status::Pending => status.as_str(),
        (state, _) => state.as_str(),
    };
    let groups: JsonMap = approval
        .asked_of()
        .filter_map(|approver| match approver {
            Approver::Person(_) => None,
            Approver::Group(name) | Approver::Role(name) => Some(name),
        })
        .chain(approval.per_group.keys())
        .map(|name| (name.clone(), json!(engine.authority().members(name))))
        .collect();
    let tally = approval.tally();
    let add = json!({
        "state": state,
        "title": approval.title,
        "reason": approval.reason,
        "requesters": approval.requesters,
        "action": approval.subject.action,
        "parameters": approval.subject.parameters,
        "version": approval.subject.version,
        "digest": approval.subject.digest,
        "fingerprint": approval.fingerprint,
        "by": approval.by,
        "groups": groups,
        "count": approval.count,
        "per_group": approval.per_group,
        "self_approval": approval.self_approval,
        "delegation": approval.delegation,
        "asked": approval.who_may(),
        "given": tally.filled,
        "needed": tally.needed,
        "missing": tally.missing,
        "votes": approval.votes,
        "delegations": approval.delegations,
        "voided": approval.voided,
        "deadline": approval.deadline,
        "remind": approval.remind,
        "reminded": approval.reminded,
        "escalation": approval.escalation,
        "may_vote": may_vote(execution, identity, now),
        "error": approval.error,
    });
    if let (Some(view), Value::Object(add)) = (view.as_object_mut(), add) {
        view.extend(add);
    }
    view
}

/// Votes; gives the execution afterwards.
///
/// # Errors
/// See [`AnswerError`]; the vote does not count then. What was found out on the way (the time is over, what is
/// approved has changed) is stored all the same.
pub async fn vote(
    engine: &Engine,
    id: Id,
    say: &Say<'_>,
    answerer: Answerer<'_>,
) -> Result<Arc<Execution>, AnswerError> {
    let identity = answerer.identity;
    take(engine, id, answerer, |approval, current, now| {
        let ballot = Ballot {
            voter: voter(identity),
            verdict: say.verdict,
            reason: say.reason,
            seen: say.seen,
            via: &identity.via,
            account: identity.account.as_deref(),
        };
        approval.vote(&ballot, current, now)
    })
    .await
}

/// Lets somebody else vote for the answerer; naming oneself takes that back.
///
/// # Errors
/// As [`vote`].
pub async fn delegate(
    engine: &Engine,
    id: Id,
    to: &str,
    answerer: Answerer<'_>,
) -> Result<Arc<Execution>, AnswerError> {
    let identity = answerer.identity;
    take(engine, id, answerer, |approval, current, now| {
        approval.delegate(&voter(identity), to, current, now)
    })
    .await
}

/// Changes the parameters that are to be approved: votes given so far are void. Only those who asked may.
///
/// # Errors
/// As [`vote`].
pub async fn change(
    engine: &Engine,
    id: Id,
    parameters: &JsonMap,
    answerer: Answerer<'_>,
) -> Result<Arc<Execution>, AnswerError> {
    let user = &answerer.identity.user;
    Subject::check(parameters).map_err(AnswerError::Invalid)?;
    if find(engine, id).await?.request.origin.kind == CONSENT {
        return Err(AnswerError::Invalid(
            "what waits for this approval cannot be changed any more: cancel it and ask again".to_owned(),
        ));
    }
    take(engine, id, answerer, |approval, current, now| {
        if !approval.is_requester(user) {
            return Err(Refusal {
                kind: RefusalKind::Forbidden,
                message: format!(
                    "only those who asked may change it: {}",
                    approval.requesters.join(", ")
                ),
            });
        }
        let subject = Subject {
            parameters: parameters.clone(),
            ..current.clone()
        };
        if fingerprint(&approval.title, &subject) == approval.fingerprint {
            return Err(Refusal {
                kind: RefusalKind::Invalid,
                message: "these are its parameters already".to_owned(),
            });
        }
        if let Some((next, remarks)) = approval.due(now) {
            // What the time brought comes first; a change is for what still waits.
            if next.state != State::Waiting {
                return Ok(Turn {
                    next,
                    remarks,
                    refused: Some(Refusal {
                        kind: RefusalKind::Conflict,
                        message: "the time for this approval is over".to_owned(),
                    }),
                });
            }
        }
        let (next, remarks) = approval
            .changed(subject, now)
            .unwrap_or_else(|| (approval.clone(), Vec::new()));
        Ok(Turn {
            next,
            remarks,
            refused: None,
        })
    })
    .await
}

fn voter(identity: &Identity) -> Voter<'_> {
    Voter {
        user: &identity.user,
        groups: &identity.roles,
    }
}

/// Commits what `act` makes of an approval.
async fn take(
    engine: &Engine,
    id: Id,
    answerer: Answerer<'_>,
    act: impl Fn(&Approval, &Subject, Timestamp) -> Result<Turn, Refusal> + Send + Sync,
) -> Result<Arc<Execution>, AnswerError> {
    let execution = find(engine, id).await?;
    let id = execution.id;
    let by = answerer.by();
    let mut refused = None;
    let decide = |execution: &Execution| {
        refused = None;
        let broken = || Refusal {
            kind: RefusalKind::Conflict,
            message: "the stored approval cannot be read".to_owned(),
        };
        let mut approval = of(execution).ok().flatten().ok_or_else(broken)?;
        // Accounts may have been linked, people deactivated and roles taken away since.
        let authority = engine.authority();
        let gone = approval.as_known(
            |name| authority.behind(name),
            |user| authority.inactive(user).is_none(),
            |user, group| authority.is_in(user, group),
        );
        let action = approval
            .subject
            .action
            .as_deref()
            .and_then(|reference| engine.action(reference));
        let current = approval.subject.as_now(action.as_deref());
        let mut turn = act(&approval, &current, Timestamp::now())?;
        if !gone.is_empty() {
            let remark = Remark::new("approval.withdrawn", json!({"votes": gone}));
            turn.remarks.insert(0, remark);
        }
        refused = turn.refused;
        Ok::<_, Refusal>(amendment(&turn.next, turn.remarks))
    };
    let done = engine.amend(id, &by, decide).await;
    match (done, refused) {
        (Ok(execution), None) => Ok(execution),
        (Ok(_), Some(refusal)) => Err(told(refusal)),
        (Err(AmendError::Refused(refusal)), _) => {
            if refusal.kind == RefusalKind::Forbidden {
                let note = Note {
                    kind: "approval.refused",
                    detail: json!({"reason": refusal.message, "via": answerer.identity.via}),
                };
                engine.note(&execution, note, &by).await?;
            }
            Err(told(refusal))
        }
        (Err(error), _) => Err(AnswerError::of_amend(
            error,
            |execution| {
                let state = of(execution).ok().flatten().map(|approval| approval.state);
                let state = state.filter(|state| *state != State::Waiting);
                AnswerError::Conflict(format!(
                    "it is {} already",
                    state.map_or(execution.status.as_str(), State::as_str)
                ))
            },
            told,
        )),
    }
}

fn told(refusal: Refusal) -> AnswerError {
    match refusal.kind {
        RefusalKind::Forbidden => AnswerError::Forbidden(refusal.message),
        RefusalKind::Invalid => AnswerError::Invalid(refusal.message),
        RefusalKind::Conflict => AnswerError::Conflict(refusal.message),
    }
}
