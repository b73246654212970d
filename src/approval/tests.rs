//! Votes, delegations, time and changes; properties over random people and orders.

use std::collections::{BTreeMap, BTreeSet};

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{JsonMap, Timestamp};

fn map(value: Value) -> JsonMap {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_000_000 * (1_000_000 + seconds))
}

/// What ana asks for, with these terms beside the title.
fn asked(terms: Value) -> Approval {
    let mut parameters = map(terms);
    parameters.insert("title".to_owned(), json!("Deploy api to prod"));
    let terms = Terms::read(&parameters).unwrap();
    Approval::new(terms, subject("prod"), vec!["ana".to_owned()], at(0))
}

fn subject(env: &str) -> Subject {
    Subject {
        action: Some("ops.deploy".to_owned()),
        parameters: map(json!({"env": env, "app": "api"})),
        version: Some("1.0.0".to_owned()),
        digest: Some("d1".to_owned()),
        definition: Some(json!({"description": "Deploys."})),
    }
}

fn groups(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

fn says(
    approval: &Approval,
    user: &str,
    of: &str,
    verdict: Verdict,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Turn, Refusal> {
    let groups = groups(of);
    let ballot = Ballot {
        voter: Voter {
            user,
            groups: &groups,
        },
        verdict,
        reason,
        seen: None,
        via: "test",
        account: None,
    };
    approval.vote(&ballot, &approval.subject, now)
}

fn yes(approval: &Approval, user: &str, of: &str) -> Result<Approval, String> {
    says(approval, user, of, Verdict::Approve, None, at(1))
        .map_err(|refusal| refusal.message)
        .and_then(|turn| match turn.refused {
            None => Ok(turn.next),
            Some(refusal) => Err(refusal.message),
        })
}

fn kinds(remarks: &[Remark]) -> Vec<&'static str> {
    remarks.iter().map(|remark| remark.kind).collect()
}

#[test]
fn enough_yeses_approve_and_one_no_denies() {
    let approval = asked(json!({"by": ["bo", "cy", "di"], "count": 2}));
    let one = yes(&approval, "bo", "").unwrap();
    assert_eq!(
        (one.state, one.tally().filled, one.tally().needed),
        (State::Waiting, 1, 2)
    );
    assert_eq!(yes(&one, "Bo", "").unwrap_err(), "you have approved this already");
    assert_eq!(
        yes(&one, "eve", "").unwrap_err(),
        "eve may not decide about this; those who may: bo, cy, di"
    );
    assert_eq!(
        yes(&one, "ana", "").unwrap_err(),
        "you asked for this yourself: somebody else has to approve it"
    );
    let done = yes(&one, "di", "").unwrap();
    assert_eq!((done.state, done.wake()), (State::Approved, None));
    assert_eq!(yes(&done, "cy", "").unwrap_err(), "it is approved already");

    let bare = says(&one, "cy", "", Verdict::Deny, Some("  "), at(1)).unwrap_err();
    assert_eq!(bare.message, "say why: a no needs a reason");
    let denied = says(&one, "cy", "", Verdict::Deny, Some("not on friday"), at(1)).unwrap();
    assert_eq!(denied.next.state, State::Denied);
    assert_eq!(denied.next.error.as_deref(), Some("denied by cy: not on friday"));
    assert_eq!(kinds(&denied.remarks), ["approval.denied"]);
    // Who approved may think better of it.
    let back = says(&one, "bo", "", Verdict::Deny, Some("a mistake"), at(1)).unwrap();
    assert_eq!((back.next.state, back.next.votes.len()), (State::Denied, 1));
}

#[test]
fn a_requester_may_only_when_that_is_allowed_however_the_name_is_written() {
    for own in ["ana", "Ana", " ANA "] {
        let listed = asked(json!({"by": ["ana", "group:oncall"]}));
        assert!(yes(&listed, own, "oncall").is_err(), "{own}");
    }
    let allowed = asked(json!({"by": ["ana", "bo"], "count": 2, "self_approval": true}));
    let one = yes(&allowed, "ana", "").unwrap();
    assert_eq!(yes(&one, "bo", "").unwrap().state, State::Approved);
    let mut several = asked(json!({"by": ["group:oncall"]}));
    several.requesters.push("bo".to_owned());
    assert!(yes(&several, "bo", "oncall").is_err());
}

#[test]
fn groups_need_their_own_people_and_a_person_fills_one_place() {
    let approval = asked(json!({"per_group": {"oncall": 1, "security": 1}, "by": []}));
    let both = yes(&approval, "bo", "oncall security").unwrap();
    assert_eq!((both.state, both.tally().filled), (State::Waiting, 1));
    // Bo moves to the place that the next one cannot fill.
    assert_eq!(yes(&both, "cy", "oncall").unwrap().state, State::Approved);
    assert_eq!(yes(&both, "cy", "security").unwrap().state, State::Approved);
    assert!(yes(&both, "cy", "sales").is_err());

    let more = asked(json!({"per_group": {"security": 1}, "by": ["group:oncall"], "count": 3}));
    let two = yes(&yes(&more, "bo", "oncall").unwrap(), "cy", "oncall").unwrap();
    let third = yes(&two, "di", "oncall").unwrap();
    assert_eq!(third.state, State::Waiting, "security is missing");
    assert_eq!(
        third.tally().missing,
        BTreeMap::from([("security".to_owned(), 1)])
    );
    assert_eq!(yes(&third, "ed", "security").unwrap().state, State::Approved);
}

#[test]
fn a_vote_can_be_left_to_somebody_else_and_taken_back() {
    let approval = asked(json!({"by": ["bo"], "per_group": {"oncall": 1}, "count": 2}));
    let none: Vec<String> = Vec::new();
    let oncall = groups("oncall");
    let bo = Voter {
        user: "bo",
        groups: &none,
    };
    let cy = Voter {
        user: "cy",
        groups: &oncall,
    };
    let turn = approval.delegate(&cy, "@eve", &approval.subject, at(1)).unwrap();
    assert_eq!(kinds(&turn.remarks), ["approval.delegated"]);
    let voted = yes(&turn.next, "eve", "").unwrap();
    assert_eq!(voted.votes[0].on_behalf_of, ["cy"]);
    assert_eq!(
        yes(&voted, "cy", "oncall").unwrap_err(),
        "eve has voted for you already"
    );
    // The right that was passed on counts for the group, too.
    assert_eq!(yes(&voted, "bo", "").unwrap().state, State::Approved);

    let given = approval
        .delegate(&bo, "eve", &approval.subject, at(1))
        .unwrap()
        .next;
    let back = given.delegate(&bo, "bo", &given.subject, at(2)).unwrap().next;
    assert!(yes(&back, "eve", "").is_err());
    // Voting oneself takes it back as well.
    let own = yes(&given, "bo", "").unwrap();
    assert!(own.delegations.is_empty() && yes(&own, "eve", "").is_err());

    for (from, to, part) in [
        (&bo, "ana", "asked for this and cannot approve"),
        (&bo, "bo", "you may vote yourself"),
        (&bo, "", "name the person"),
        (
            &Voter {
                user: "eve",
                groups: &none,
            },
            "di",
            "may not decide",
        ),
        (
            &Voter {
                user: "ana",
                groups: &oncall,
            },
            "di",
            "you asked for this yourself",
        ),
    ] {
        let refusal = approval.delegate(from, to, &approval.subject, at(1)).unwrap_err();
        assert!(refusal.message.contains(part), "{}", refusal.message);
    }
    let strict = asked(json!({"by": ["bo"], "delegation": false}));
    assert!(strict.delegate(&bo, "eve", &strict.subject, at(1)).is_err());
    // A delegate cannot pass on what is not theirs.
    let eve = Voter {
        user: "eve",
        groups: &none,
    };
    assert!(given.delegate(&eve, "di", &given.subject, at(2)).is_err());
}

#[test]
fn time_reminds_escalates_and_ends() {
    let approval = asked(json!({
        "by": ["bo"], "within": "2h", "remind": "30m", "escalate": [{"after": "1h", "to": ["group:leads"]}],
    }));
    assert_eq!(approval.wake(), Some(at(1800)));
    assert!(approval.due(at(1799)).is_none());
    let (reminded, remarks) = approval.due(at(1800)).unwrap();
    assert_eq!(
        (kinds(&remarks), reminded.wake()),
        (vec!["approval.reminded"], Some(at(3600)))
    );
    assert!(yes(&reminded, "lu", "leads").is_err());
    let (escalated, remarks) = reminded.due(at(3600)).unwrap();
    assert_eq!(kinds(&remarks), ["approval.escalated"]);
    assert_eq!(escalated.who_may(), "bo, group:leads");
    assert_eq!(yes(&escalated, "lu", "leads").unwrap().state, State::Approved);
    // A vote does not wait for the clock to be looked at.
    let late = says(&reminded, "lu", "leads", Verdict::Approve, None, at(4000)).unwrap();
    assert_eq!(late.next.state, State::Approved);
    assert_eq!(kinds(&late.remarks), ["approval.escalated", "approval.approved"]);
    let over = says(&escalated, "bo", "", Verdict::Approve, None, at(7200)).unwrap();
    assert_eq!(over.next.state, State::Expired);
    assert_eq!(
        over.refused.unwrap().message,
        "the time for this approval is over"
    );
    // After a long sleep there is nothing to remind of any more.
    let (expired, remarks) = approval.due(at(90_000)).unwrap();
    assert_eq!(
        (expired.state, kinds(&remarks)),
        (State::Expired, vec!["approval.expired"])
    );
    assert_eq!(
        expired.error.as_deref(),
        Some("not approved within 2h: 0 of 1 approvals were given")
    );
}

#[test]
fn a_change_voids_the_votes_and_shows_itself() {
    let approval = asked(json!({"by": ["bo", "cy"], "count": 2}));
    let one = yes(&approval, "bo", "").unwrap();
    let mut now = subject("prod");
    now.digest = Some("d2".to_owned());
    now.definition = Some(json!({"description": "Deploys faster."}));
    let none: Vec<String> = Vec::new();
    let ballot = Ballot {
        voter: Voter {
            user: "cy",
            groups: &none,
        },
        verdict: Verdict::Approve,
        reason: None,
        seen: None,
        via: "test",
        account: None,
    };
    let turn = one.vote(&ballot, &now, at(5)).unwrap();
    let refusal = turn.refused.unwrap();
    assert_eq!(refusal.kind, RefusalKind::Conflict);
    assert!(
        refusal.message.contains("(digest, definition.description)"),
        "{}",
        refusal.message
    );
    assert_eq!(kinds(&turn.remarks), ["approval.voided"]);
    let changed = turn.next;
    assert!(changed.votes.is_empty() && changed.fingerprint != one.fingerprint);
    assert_eq!(changed.voided[0].votes[0].user, "bo");
    let diff = &changed.voided[0].diff;
    assert_eq!(
        (diff[1].before.clone(), diff[1].after.clone()),
        (Some(json!("Deploys.")), Some(json!("Deploys faster.")))
    );
    // Nobody approves what they may not have seen; with the fingerprint of it they have.
    let blind = changed.vote(&ballot, &now, at(6)).unwrap_err();
    assert!(
        blind
            .message
            .ends_with(&format!("with its fingerprint {}", &changed.fingerprint[..8]))
    );
    let short = Ballot {
        seen: Some(&changed.fingerprint[..7]),
        ..ballot.clone()
    };
    assert!(
        changed
            .vote(&short, &now, at(6))
            .unwrap_err()
            .message
            .contains("too short")
    );
    let looked = Ballot {
        seen: Some(&changed.fingerprint[..8]),
        ..ballot.clone()
    };
    let again = changed.vote(&looked, &now, at(6)).unwrap();
    assert_eq!((again.refused, again.next.votes.len()), (None, 1));

    // Who says what they saw is not taken at their word about something else.
    let stale = Ballot {
        seen: Some(&one.fingerprint),
        ..ballot
    };
    let refusal = changed.vote(&stale, &now, at(7)).unwrap_err();
    assert!(refusal.message.contains("has changed since you looked"));

    let (parameters, _) = changed.changed(subject("staging"), at(8)).unwrap();
    let paths: Vec<&str> = parameters.voided[1]
        .diff
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(paths, ["parameters.env", "digest", "definition.description"]);
    // The order of names is no change.
    let reordered = Subject {
        parameters: map(json!({"app": "api", "env": "prod"})),
        ..subject("prod")
    };
    assert!(approval.changed(reordered, at(9)).is_none());
}

#[test]
fn terms_are_checked_before_anybody_is_asked() {
    for (terms, part) in [
        (json!({"title": " "}), "`title` is missing"),
        (json!({"title": "t"}), "nobody could approve"),
        (
            json!({"title": "t", "by": ["bo", "Bo"], "count": 2}),
            "2 approvals are asked for, but only one person",
        ),
        (
            json!({"title": "t", "by": ["bo"], "count": 0}),
            "`count` must be a number from 1",
        ),
        (json!({"title": "t", "by": [1]}), "`by` must be a list"),
        (
            json!({"title": "t", "by": ["group:"]}),
            "`by`: `group:` names no approver",
        ),
        (
            json!({"title": "t", "by": ["bo"], "within": "1h", "remind": "1h"}),
            "`remind` comes after",
        ),
        (
            json!({"title": "t", "by": ["bo"], "escalate": ["x"]}),
            "`escalate` must be a list such as",
        ),
        (
            json!({"title": "t", "by": ["bo"], "escalate": [{"after": "1h", "who": []}]}),
            "`who` is not known",
        ),
        (
            json!({"title": "t", "by": ["bo"], "within": "1h", "escalate": [{"after": "2h", "to": "cy"}]}),
            "comes after",
        ),
        (
            json!({"title": "t", "per_group": ["x"]}),
            "`per_group` must be an object",
        ),
        (
            json!({"title": "t", "per_group": {"x": 0}}),
            "`per_group` must be a number",
        ),
    ] {
        let why = Terms::read(&map(terms.clone())).unwrap_err();
        assert!(why.contains(part), "{terms}: {why}");
    }
    let good = Terms::read(&map(
        json!({"title": "t", "by": "group:oncall", "within": 30, "count": 5}),
    ))
    .unwrap();
    assert_eq!((good.within, good.count), (Some(1800), 5));
}

#[test]
fn what_is_stored_reads_back() {
    let approval = asked(json!({
        "by": ["bo", "group:oncall"], "count": 2, "per_group": {"security": 1}, "remind": "5m",
        "escalate": [{"after": "1h", "to": ["role:admin"]}],
    }));
    let one = yes(&approval, "bo", "").unwrap();
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<Approval>(&text).unwrap(), one);
}

const PEOPLE: [&str; 7] = ["ana", "bo", "cy", "di", "ed", "flo", "gus"];
const GROUPS: [&str; 3] = ["oncall", "security", "leads"];

/// Who is in which group, who is asked, and how many must agree.
#[derive(Clone, Debug)]
struct Site {
    members: Vec<Vec<String>>,
    count: u32,
    per_group: Vec<u32>,
    by: Vec<String>,
}

fn any_site() -> impl Strategy<Value = Site> {
    let member = prop::collection::btree_set(0usize..GROUPS.len(), 0..=GROUPS.len());
    (
        prop::collection::vec(member, PEOPLE.len()),
        1u32..5,
        prop::collection::vec(0u32..3, GROUPS.len()),
        prop::collection::vec(
            prop_oneof![
                prop::sample::select(PEOPLE.to_vec()).prop_map(str::to_owned),
                prop::sample::select(GROUPS.to_vec()).prop_map(|name| format!("group:{name}")),
            ],
            1..4,
        ),
    )
        .prop_map(|(members, count, per_group, mut by)| {
            by.push("group:oncall".to_owned());
            Site {
                members: members
                    .into_iter()
                    .map(|set: BTreeSet<usize>| set.into_iter().map(|at| GROUPS[at].to_owned()).collect())
                    .collect(),
                count,
                per_group,
                by,
            }
        })
}

impl Site {
    fn approval(&self) -> Approval {
        let per_group: JsonMap = GROUPS
            .iter()
            .zip(&self.per_group)
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| ((*name).to_owned(), json!(count)))
            .collect();
        asked(json!({"by": self.by, "count": self.count, "per_group": per_group}))
    }

    /// Votes of these people in this order; what comes after the end is refused.
    fn vote(&self, order: &[usize]) -> Approval {
        order.iter().fold(self.approval(), |approval, person| {
            match says(
                &approval,
                PEOPLE[*person],
                &self.members[*person].join(" "),
                Verdict::Approve,
                None,
                at(1),
            ) {
                Ok(turn) => turn.next,
                Err(_) => approval,
            }
        })
    }
}

/// Whether the places can be filled, found by trying everything.
fn can_be_filled(places: &[Option<&str>], voters: &[&Vote]) -> bool {
    let Some((first, rest)) = places.split_first() else {
        return true;
    };
    (0..voters.len()).any(|at| {
        let fits = first.is_none_or(|group| voters[at].groups.iter().any(|name| name == group));
        fits && {
            let mut others = voters.to_vec();
            others.remove(at);
            can_be_filled(rest, &others)
        }
    })
}

proptest! {
    #![proptest_config(crate::testing::cases(300))]

    #[test]
    fn the_order_of_votes_makes_no_difference(
        site in any_site(),
        order in Just((0..PEOPLE.len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let straight = site.vote(&(0..PEOPLE.len()).collect::<Vec<_>>());
        let shuffled = site.vote(&order);
        prop_assert_eq!(straight.state, shuffled.state);
        if straight.state == State::Waiting {
            let names = |approval: &Approval| approval.votes.iter().map(|vote| vote.user.clone()).collect::<BTreeSet<_>>();
            prop_assert_eq!(names(&straight), names(&shuffled));
            prop_assert_eq!(straight.tally(), shuffled.tally());
        }
    }

    #[test]
    fn a_person_counts_once_and_the_requester_never(
        site in any_site(),
        order in prop::collection::vec(0..PEOPLE.len(), 0..30),
    ) {
        let approval = site.vote(&order);
        let names: BTreeSet<&str> = approval.votes.iter().map(|vote| vote.user.as_str()).collect();
        prop_assert_eq!(names.len(), approval.votes.len());
        prop_assert!(!names.contains("ana"));
        for vote in &approval.votes {
            let person = PEOPLE.iter().position(|name| *name == vote.user).unwrap();
            let groups = &site.members[person];
            let voter = Voter { user: &vote.user, groups };
            prop_assert!(approval.is_asked(&voter));
        }
        let tally = approval.tally();
        prop_assert!(tally.filled <= names.len());
        prop_assert_eq!(tally.is_enough(), approval.state == State::Approved);
    }

    #[test]
    fn the_places_are_filled_as_well_as_they_can_be(site in any_site(), order in prop::collection::vec(0..PEOPLE.len(), 0..8)) {
        let approval = site.vote(&order);
        let mut places: Vec<Option<&str>> = Vec::new();
        for (group, count) in &approval.per_group {
            places.extend((0..*count).map(|_| Some(group.as_str())));
        }
        while places.len() < approval.count as usize {
            places.push(None);
        }
        let voters: Vec<&Vote> = approval.votes.iter().collect();
        prop_assert_eq!(approval.tally().is_enough(), can_be_filled(&places, &voters));
    }

    #[test]
    fn no_order_of_events_panics_or_goes_on_after_the_end(
        site in any_site(),
        events in prop::collection::vec((0..PEOPLE.len(), 0..PEOPLE.len(), 0usize..6, 0i64..100_000), 0..40),
    ) {
        let mut approval = site.approval();
        for (person, other, event, seconds) in events {
            let before = approval.clone();
            let voter = Voter { user: PEOPLE[person], groups: &site.members[person] };
            let ballot = |verdict, reason| Ballot { voter, verdict, reason, seen: None, via: "test", account: None };
            let turn = match event {
                0 | 1 => approval.vote(&ballot(Verdict::Approve, None), &approval.subject, at(seconds)),
                2 => approval.vote(&ballot(Verdict::Deny, Some("no")), &approval.subject, at(seconds)),
                3 => approval.delegate(&voter, PEOPLE[other], &approval.subject, at(seconds)),
                4 => approval.vote(&ballot(Verdict::Approve, None), &subject(PEOPLE[other]), at(seconds)),
                _ => {
                    if let Some((next, _)) = approval.due(at(seconds)) {
                        approval = next;
                    }
                    continue;
                }
            };
            if let Ok(turn) = turn {
                approval = turn.next;
            }
            if before.state != State::Waiting {
                prop_assert_eq!(&approval, &before);
            }
            prop_assert!(!approval.votes.iter().any(|vote| vote.user == "ana"));
            let mut used: Vec<&str> = approval.votes.iter().flat_map(|vote| vote.on_behalf_of.iter().map(String::as_str)).collect();
            used.extend(approval.votes.iter().filter(|vote| vote.on_behalf_of.is_empty()).map(|vote| vote.user.as_str()));
            let distinct: BTreeSet<&str> = used.iter().copied().collect();
            prop_assert_eq!(distinct.len(), used.len(), "a right was used twice");
        }
    }
}

#[test]
fn whoever_turns_out_to_be_the_requester_does_not_approve() {
    let mut approval = asked(json!({"by": ["ana", "bo", "group:ops"], "count": 2}));
    approval.requesters = vec!["slack:T1:U9".to_owned()];
    let mut approval = yes(&approval, "slack:T1:U8", "ops").unwrap();
    // U9 is Bo's now, and U8 is Cy's.
    let behind = |name: &str| match name {
        "slack:T1:U9" => Some("bo".to_owned()),
        "slack:T1:U8" => Some("cy".to_owned()),
        _ => None,
    };
    assert!(approval.as_known(behind, |_| true, |_, _| true).is_empty());
    assert!(
        yes(&approval, "bo", "ops")
            .unwrap_err()
            .contains("you asked for this yourself")
    );
    // Two accounts of one person count once.
    assert!(yes(&approval, "cy", "ops").unwrap_err().contains("already"));
    let done = yes(&approval, "ana", "").unwrap();
    assert_eq!(done.state, State::Approved);
}

#[test]
fn votes_of_one_person_by_two_accounts_count_once_and_those_of_requesters_not() {
    let approval = asked(json!({"by": ["group:ops"], "count": 3}));
    let approval = yes(&approval, "slack:T1:U7", "ops").unwrap();
    let approval = yes(&approval, "slack:T1:U8", "ops").unwrap();
    for (person, left, gone) in [("cy", 1, "cy"), ("ana", 0, "ana")] {
        let mut known = approval.clone();
        let behind = |name: &str| name.starts_with("slack:").then(|| person.to_owned());
        let lost = known.as_known(behind, |_| true, |_, _| true);
        assert_eq!(
            (known.votes.len(), lost.contains(&gone.to_owned())),
            (left, true),
            "{person}"
        );
    }
    let mut known = approval.clone();
    let lost = known.as_known(
        |_| None,
        |_| true,
        |user, group| user.ends_with('7') && group == "ops",
    );
    assert_eq!((lost, known.votes.len()), (vec!["slack:T1:U8".to_owned()], 1));
    let mut known = approval.clone();
    assert_eq!(
        known.as_known(|_| None, |user| user.ends_with('8'), |_, _| true),
        ["slack:T1:U7"]
    );
    // Whoever voted for somebody else does as long as that one may.
    let mut delegated = approval;
    delegated.votes[0].on_behalf_of = vec!["dee".to_owned()];
    delegated.votes.truncate(1);
    let mut known = delegated.clone();
    assert!(
        known
            .as_known(|_| None, |_| true, |user, _| user == "dee")
            .is_empty()
    );
    assert_eq!(
        delegated
            .as_known(|_| None, |user| user != "dee", |_, _| true)
            .len(),
        1
    );
}

#[test]
fn the_account_that_asked_does_not_approve_whosever_it_is() {
    let mut approval = asked(json!({"by": ["bo"]}));
    approval.asked_from = Some("slack:T1:U1".to_owned());
    let bo = |account| Ballot {
        voter: Voter {
            user: "bo",
            groups: &[],
        },
        verdict: Verdict::Approve,
        reason: None,
        seen: None,
        via: "slack",
        account,
    };
    let own = approval.vote(&bo(Some("slack:T1:U1")), &approval.subject, at(1));
    assert!(own.unwrap_err().message.contains("you asked for this yourself"));
    for other in [Some("slack:T1:U2"), None] {
        assert!(approval.vote(&bo(other), &approval.subject, at(1)).is_ok());
    }
}
