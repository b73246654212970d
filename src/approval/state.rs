//! An approval as it is stored: what is asked, the terms, and everything that was said so far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::subject::{Difference, Subject, fingerprint};
use super::tally::Tally;
use super::terms::Terms;
use super::who::{Approver, Voter, same_person};
use crate::model::Timestamp;

/// Where an approval stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// More votes are needed.
    #[default]
    Waiting,
    /// Enough people agreed.
    Approved,
    /// Somebody said no.
    Denied,
    /// Not enough people agreed in time.
    Expired,
}

impl State {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// A vote that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who, by internal name.
    pub user: String,
    /// What they said.
    pub verdict: Verdict,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// How they were known: `token`, `console`, `slack`…
    #[serde(default)]
    pub via: String,
    /// Their chat account, when they voted in chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Groups of `per_group` that the vote may count for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Those who named this person to vote for them, when that gave the right to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_behalf_of: Vec<String>,
}

/// Somebody lets somebody else vote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Who had the right.
    pub from: String,
    /// Who has it now.
    pub to: String,
    /// Since when.
    pub at: Timestamp,
    /// Groups of `per_group` that the right counts for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// More people are asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// From when on.
    pub at: Timestamp,
    /// Who.
    pub to: Vec<Approver>,
    /// Whether it has happened.
    #[serde(default)]
    pub done: bool,
}

/// Votes that do not count any more, because what they were about changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Voided {
    /// When.
    pub at: Timestamp,
    /// What changed.
    pub diff: Vec<Difference>,
    /// The votes.
    pub votes: Vec<Vote>,
}

/// An approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Where it stands.
    pub state: State,
    /// What is asked.
    pub title: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Everybody who stands behind the request; none of them may approve unless `self_approval`.
    pub requesters: Vec<String>,
    /// The chat account from which it was asked: whosever it is by now, it does not approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_from: Option<String>,
    /// What exactly would happen.
    pub subject: Subject,
    /// Fingerprint of `title` and `subject`.
    pub fingerprint: String,
    /// Who may approve from the beginning.
    pub by: Vec<Approver>,
    /// How many must.
    pub count: u32,
    /// How many from which group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub per_group: BTreeMap<String, u32>,
    /// Whether a requester may approve.
    pub self_approval: bool,
    /// Whether approvers may delegate.
    pub delegation: bool,
    /// When it was asked.
    pub asked: Timestamp,
    /// When it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// When a reminder is due; gone after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind: Option<Timestamp>,
    /// When the reminder was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded: Option<Timestamp>,
    /// Who is asked as well, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<Escalation>,
    /// Conversations that are told besides the one where it was asked, `slack:#ops`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// Votes that count, in the order in which they came.
    pub votes: Vec<Vote>,
    /// Who votes for whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegations: Vec<Delegation>,
    /// Votes that were voided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voided: Vec<Voided>,
    /// Why it did not work, for `denied` and `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Approval {
    /// A new approval that `requesters` ask for at `now`.
    #[must_use]
    pub fn new(terms: Terms, subject: Subject, requesters: Vec<String>, now: Timestamp) -> Self {
        let after = |seconds: i64| now.plus_millis(seconds.saturating_mul(1000));
        Self {
            state: State::Waiting,
            fingerprint: fingerprint(&terms.title, &subject),
            title: terms.title,
            reason: terms.reason,
            requesters,
            asked_from: None,
            subject,
            by: terms.by,
            count: terms.count,
            per_group: terms.per_group,
            self_approval: terms.self_approval,
            delegation: terms.delegation,
            asked: now,
            deadline: terms.within.map(after),
            remind: terms.remind.map(after),
            reminded: None,
            escalation: terms
                .escalate
                .into_iter()
                .map(|(seconds, to)| Escalation {
                    at: after(seconds),
                    to,
                    done: false,
                })
                .collect(),
            notify: terms.notify,
            votes: Vec::new(),
            delegations: Vec::new(),
            voided: Vec::new(),
            error: None,
        }
    }

    /// How far the votes go.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally::of(&self.votes, self.count, &self.per_group)
    }

    /// Everybody who is asked by now: groups, roles and persons.
    pub fn asked_of(&self) -> impl Iterator<Item = &Approver> {
        let escalated = self.escalation.iter().filter(|step| step.done);
        self.by.iter().chain(escalated.flat_map(|step| &step.to))
    }

    /// The same for people: `ana, group:oncall`.
    #[must_use]
    pub fn who_may(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        let groups = self.per_group.keys().map(|group| format!("group:{group}"));
        for name in self.asked_of().map(ToString::to_string).chain(groups) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            "nobody yet".to_owned()
        } else {
            names.join(", ")
        }
    }

    /// Whether the person stands behind the request.
    #[must_use]
    pub fn is_requester(&self, user: &str) -> bool {
        self.requesters.iter().any(|name| same_person(name, user))
    }

    /// The approval as people are known now: `behind` gives the person behind an account that had none when it asked or
    /// voted, `active` tells whether somebody may do anything, `is_in` whether they are in a group now. Gives whose votes
    /// do not count any more.
    pub fn as_known(
        &mut self,
        behind: impl Fn(&str) -> Option<String>,
        active: impl Fn(&str) -> bool,
        is_in: impl Fn(&str, &str) -> bool,
    ) -> Vec<String> {
        let people: Vec<String> = self.requesters.iter().filter_map(|name| behind(name)).collect();
        for person in people {
            if !self.is_requester(&person) {
                self.requesters.push(person);
            }
        }
        let (mut gone, mut kept): (Vec<String>, Vec<Vote>) = (Vec::new(), Vec::new());
        let votes = std::mem::take(&mut self.votes);
        let stands = |user: &String| {
            let asked = |approver: &Approver| match approver {
                Approver::Person(name) => same_person(name, user),
                Approver::Group(name) | Approver::Role(name) => is_in(user, name),
            };
            active(user)
                && (self.asked_of().any(asked) || self.per_group.keys().any(|group| is_in(user, group)))
        };
        for mut vote in votes {
            let for_others = vote.on_behalf_of.iter().any(stands);
            // What was said by an account was asked of the account.
            let mut standing =
                active(&vote.user) && (for_others || (vote.on_behalf_of.is_empty() && stands(&vote.user)));
            if let Some(person) = behind(&vote.user) {
                standing &= active(&person);
                vote.user = person;
            }
            let again = kept.iter().any(|other| same_person(&other.user, &vote.user));
            let own = !self.self_approval && self.is_requester(&vote.user);
            if again || own || !standing {
                gone.push(vote.user);
            } else {
                kept.push(vote);
            }
        }
        self.votes = kept;
        gone
    }

    /// Whether the person may approve in their own right.
    #[must_use]
    pub fn is_asked(&self, voter: &Voter<'_>) -> bool {
        self.asked_of().any(|approver| approver.names(voter))
            || self.per_group.keys().any(|group| voter.is_in(group))
    }

    /// Whether a vote of the person would count now.
    #[must_use]
    pub fn may_vote(&self, voter: &Voter<'_>, now: Timestamp) -> bool {
        self.state == State::Waiting
            && self.deadline.is_none_or(|deadline| deadline > now)
            && self.right_of(voter).is_ok()
    }

    /// When the time makes a difference next.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        if self.state != State::Waiting {
            return None;
        }
        let steps = self
            .escalation
            .iter()
            .filter(|step| !step.done)
            .map(|step| step.at);
        steps.chain(self.deadline).chain(self.remind).min()
    }
}
