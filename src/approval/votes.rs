//! Voting, delegating, and changes of what is voted about.

use serde_json::json;

use super::Remark;
use super::state::{Approval, Delegation, State, Verdict, Voided, Vote};
use super::subject::{Subject, differences, fingerprint};
use super::who::{Voter, same_person};
use crate::model::Timestamp;

/// Characters of a reason.
const LONGEST: usize = 2000;
/// Changes whose votes are kept; what is older is in the audit log.
const MOST_VOIDED: usize = 20;
/// Delegations of one approval.
const MOST_DELEGATIONS: usize = 200;

/// Digits of a fingerprint that tell which one is meant.
pub(super) const SHORTEST_FINGERPRINT: usize = 8;

/// What somebody wants to say.
#[derive(Clone, Debug)]
pub struct Ballot<'a> {
    /// Who, as they are known now.
    pub voter: Voter<'a>,
    /// What.
    pub verdict: Verdict,
    /// Why; needed for a no.
    pub reason: Option<&'a str>,
    /// Fingerprint of what they saw or its beginning (eight digits at least), when they say so; a vote about something
    /// else does not count. What was changed after it was asked is approved with a fingerprint only.
    pub seen: Option<&'a str>,
    /// How they were known.
    pub via: &'a str,
    /// Their chat account.
    pub account: Option<&'a str>,
}

/// What a vote, a delegation or a change comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The approval afterwards.
    pub next: Approval,
    /// What happened.
    pub remarks: Vec<Remark>,
    /// The vote itself did not count, although something happened: time was over, or what is voted about changed.
    pub refused: Option<Refusal>,
}

/// What kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// This person may not.
    Forbidden,
    /// Not like this: something is missing or wrong.
    Invalid,
    /// Not any more: it is over, or what it is about changed.
    Conflict,
}

/// Why somebody's vote does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub kind: RefusalKind,
    /// One sentence for the person.
    pub message: String,
}

impl Refusal {
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::Forbidden,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::Invalid,
            message: message.into(),
        }
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::Conflict,
            message: message.into(),
        }
    }
}

/// By what right somebody votes.
pub(super) struct Right {
    groups: Vec<String>,
    on_behalf_of: Vec<String>,
}

impl Approval {
    /// A vote. `current` is what would run now: when it is not what was frozen, all votes are void and this one does
    /// not count.
    ///
    /// # Errors
    /// Why the vote does not count; nothing has changed then.
    pub fn vote(&self, ballot: &Ballot<'_>, current: &Subject, now: Timestamp) -> Result<Turn, Refusal> {
        let turn = self.ready(current, now)?;
        if turn.refused.is_some() {
            return Ok(turn);
        }
        let Turn {
            mut next,
            mut remarks,
            ..
        } = turn;
        let reason = reason(ballot.reason)?;
        self.looked(ballot)?;
        if ballot.verdict == Verdict::Deny && reason.is_none() {
            return Err(Refusal::invalid("say why: a no needs a reason"));
        }
        let user = ballot.voter.user;
        if !next.self_approval && ballot.account.is_some() && ballot.account == next.asked_from.as_deref() {
            return Err(own_request());
        }
        if let Some(vote) = next.votes.iter().find(|vote| same_person(&vote.user, user))
            && vote.verdict == ballot.verdict
        {
            return Err(Refusal::conflict("you have approved this already"));
        }
        let right = next.right_of(&ballot.voter)?;
        // Whoever votes does not need anybody to do it for them.
        next.delegations
            .retain(|delegation| !same_person(&delegation.from, user));
        next.votes.retain(|vote| !same_person(&vote.user, user));
        let vote = Vote {
            user: user.to_owned(),
            verdict: ballot.verdict,
            reason,
            at: now,
            via: ballot.via.to_owned(),
            account: ballot.account.map(str::to_owned),
            groups: right.groups,
            on_behalf_of: right.on_behalf_of,
        };
        let mut detail = json!({
            "title": next.title,
            "fingerprint": next.fingerprint,
            "reason": vote.reason,
            "via": vote.via,
            "account": vote.account,
            "on_behalf_of": vote.on_behalf_of,
        });
        next.votes.push(vote);
        let tally = next.tally();
        detail["given"] = tally.filled.into();
        detail["needed"] = tally.needed.into();
        let kind = match ballot.verdict {
            Verdict::Approve => "approval.approved",
            Verdict::Deny => "approval.denied",
        };
        remarks.push(Remark::new(kind, detail));
        if ballot.verdict == Verdict::Deny {
            next.state = State::Denied;
            next.error = next
                .votes
                .last()
                .map(|vote| format!("denied by {user}: {}", vote.reason.as_deref().unwrap_or_default()));
        } else if tally.is_enough() {
            next.state = State::Approved;
        }
        Ok(Turn {
            next,
            remarks,
            refused: None,
        })
    }

    /// Lets `to` vote for `from`; naming oneself takes the right back.
    ///
    /// # Errors
    /// Why that is not possible; nothing has changed then.
    pub fn delegate(
        &self,
        from: &Voter<'_>,
        to: &str,
        current: &Subject,
        now: Timestamp,
    ) -> Result<Turn, Refusal> {
        let mut turn = self.ready(current, now)?;
        if turn.refused.is_some() {
            return Ok(turn);
        }
        let next = &mut turn.next;
        let to = to.trim().trim_start_matches('@');
        if to.is_empty() || to.chars().count() > 128 || to.chars().any(char::is_control) {
            return Err(Refusal::invalid("name the person who is to vote for you"));
        }
        if !next.delegation {
            return Err(Refusal::forbidden("this approval cannot be delegated"));
        }
        if !next.self_approval && next.is_requester(from.user) {
            return Err(own_request());
        }
        if !next.is_asked(from) {
            return Err(not_asked(next, from.user));
        }
        if let Some(vote) = next.votes.iter().find(|vote| {
            same_person(&vote.user, from.user)
                || vote.on_behalf_of.iter().any(|name| same_person(name, from.user))
        }) {
            let who = if same_person(&vote.user, from.user) {
                "you have voted already".to_owned()
            } else {
                format!("{} has voted for you already", vote.user)
            };
            return Err(Refusal::conflict(who));
        }
        if !next.self_approval && next.is_requester(to) {
            return Err(Refusal::forbidden(format!(
                "{to} asked for this and cannot approve it: name somebody else"
            )));
        }
        let before = next.delegations.len();
        next.delegations
            .retain(|delegation| !same_person(&delegation.from, from.user));
        if same_person(to, from.user) {
            if before == next.delegations.len() {
                return Err(Refusal::invalid("name somebody else: you may vote yourself"));
            }
        } else if next.delegations.len() >= MOST_DELEGATIONS {
            return Err(Refusal::conflict("too many people have delegated their vote"));
        } else {
            let groups = next.groups_of(from);
            next.delegations.push(Delegation {
                from: from.user.to_owned(),
                to: to.to_owned(),
                at: now,
                groups,
            });
        }
        turn.remarks.push(Remark::new(
            "approval.delegated",
            json!({"from": from.user, "to": to}),
        ));
        Ok(turn)
    }

    /// What is to be approved became something else: all votes are void, with a record of what changed.
    #[must_use]
    pub fn changed(&self, to: Subject, now: Timestamp) -> Option<(Self, Vec<Remark>)> {
        let fingerprint = fingerprint(&self.title, &to);
        if fingerprint == self.fingerprint {
            return None;
        }
        let mut next = self.clone();
        let diff = differences(&self.subject, &to);
        let voters: Vec<&str> = self.votes.iter().map(|vote| vote.user.as_str()).collect();
        let remark = Remark::new(
            "approval.voided",
            json!({"votes": voters, "diff": diff, "fingerprint": {"before": self.fingerprint, "after": fingerprint}}),
        );
        if next.voided.len() >= MOST_VOIDED {
            next.voided.remove(0);
        }
        next.voided.push(Voided {
            at: now,
            diff,
            votes: std::mem::take(&mut next.votes),
        });
        next.subject = to;
        next.fingerprint = fingerprint;
        Some((next, vec![remark]))
    }

    /// What must hold before anything can be said: it is not over, the time is not, and it is about the same.
    fn ready(&self, current: &Subject, now: Timestamp) -> Result<Turn, Refusal> {
        if self.state != State::Waiting {
            return Err(Refusal::conflict(format!(
                "it is {} already",
                self.state.as_str()
            )));
        }
        let (mut next, mut remarks) = self.due(now).unwrap_or_else(|| (self.clone(), Vec::new()));
        let mut refused = None;
        if next.state == State::Expired {
            refused = Some(Refusal::conflict("the time for this approval is over"));
        } else if let Some((changed, more)) = next.changed(current.clone(), now) {
            let names: Vec<&str> = changed.voided.last().map_or_else(Vec::new, |voided| {
                voided
                    .diff
                    .iter()
                    .map(|difference| difference.path.as_str())
                    .take(5)
                    .collect()
            });
            refused = Some(Refusal::conflict(format!(
                "what is to be approved has changed ({}), so that votes given so far are void: look at it again",
                names.join(", ")
            )));
            next = changed;
            remarks.extend(more);
        }
        Ok(Turn {
            next,
            remarks,
            refused,
        })
    }

    /// Whether the voter knows what it is about by now. What was never changed they know.
    fn looked(&self, ballot: &Ballot<'_>) -> Result<(), Refusal> {
        let short = self.fingerprint.get(..SHORTEST_FINGERPRINT).unwrap_or_default();
        match ballot.seen.map(str::trim) {
            Some(seen) if seen.len() < SHORTEST_FINGERPRINT => Err(Refusal::invalid(format!(
                "the fingerprint is too short: give {SHORTEST_FINGERPRINT} digits of it at least"
            ))),
            Some(seen) if self.fingerprint.starts_with(&seen.to_ascii_lowercase()) => Ok(()),
            Some(_) => Err(Refusal::conflict(
                "what is to be approved has changed since you looked: look again",
            )),
            None if ballot.verdict == Verdict::Approve && !self.voided.is_empty() => {
                Err(Refusal::conflict(format!(
                    "what is to be approved was changed after it was asked: look at it, then approve it with its \
                     fingerprint {short}"
                )))
            }
            None => Ok(()),
        }
    }

    /// By what right the person may vote.
    pub(super) fn right_of(&self, voter: &Voter<'_>) -> Result<Right, Refusal> {
        if !self.self_approval && self.is_requester(voter.user) {
            return Err(own_request());
        }
        if self.is_asked(voter) {
            let spoken_for = self
                .votes
                .iter()
                .find(|vote| vote.on_behalf_of.iter().any(|name| same_person(name, voter.user)));
            if let Some(vote) = spoken_for {
                return Err(Refusal::conflict(format!(
                    "{} has voted for you already",
                    vote.user
                )));
            }
            return Ok(Right {
                groups: self.groups_of(voter),
                on_behalf_of: Vec::new(),
            });
        }
        let mut right = Right {
            groups: Vec::new(),
            on_behalf_of: Vec::new(),
        };
        for delegation in self
            .delegations
            .iter()
            .filter(|delegation| same_person(&delegation.to, voter.user))
        {
            right.on_behalf_of.push(delegation.from.clone());
            for group in &delegation.groups {
                if !right.groups.contains(group) {
                    right.groups.push(group.clone());
                }
            }
        }
        if right.on_behalf_of.is_empty() {
            return Err(not_asked(self, voter.user));
        }
        Ok(right)
    }

    fn groups_of(&self, voter: &Voter<'_>) -> Vec<String> {
        let groups = self.per_group.keys();
        groups.filter(|group| voter.is_in(group)).cloned().collect()
    }
}

fn own_request() -> Refusal {
    Refusal::forbidden("you asked for this yourself: somebody else has to approve it")
}

fn not_asked(approval: &Approval, user: &str) -> Refusal {
    Refusal::forbidden(format!(
        "{user} may not decide about this; those who may: {}",
        approval.who_may()
    ))
}

fn reason(text: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > LONGEST {
        return Err(Refusal::invalid(format!(
            "the reason has more than {LONGEST} characters"
        )));
    }
    Ok(Some(text.to_owned()))
}
