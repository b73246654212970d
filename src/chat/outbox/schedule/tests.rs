//! Order, pace, retries, superseding.

use serde_json::{Value, json};

use super::*;
use crate::chat::gateway::{Limits, Markup, Rate};

const CAN: Capabilities = Capabilities {
    limits: Limits {
        text: 4000,
        file: 1 << 20,
        lines: 30,
        post_interval: Duration::from_secs(1),
        edit_interval: Duration::from_secs(3),
        edits: Some(Rate {
            count: 4,
            per: Duration::from_secs(60),
        }),
        in_flight: 8,
    },
    can_edit: true,
    can_thread: false,
    files: true,
    markup: Markup::Plain,
    can_recall: false,
    hears_silence: false,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_millis(seconds * 1000)
}

fn row(conversation: &str, body: Value) -> OutboxMessage {
    OutboxMessage {
        id: Id::new(),
        place: Place {
            gateway: "fake".into(),
            conversation: conversation.into(),
            ..Place::default()
        },
        card: body["card"].as_str().map(str::to_owned),
        execution: None,
        body,
        state: OutboxState::Pending,
        attempts: 0,
        next_attempt: at(0),
        message_ref: None,
        error: None,
        created: at(0),
    }
}

fn schedule() -> Schedule {
    Schedule::new(Patience::default(), at(0))
}

fn pick(schedule: &mut Schedule, now: Timestamp) -> Vec<Entry> {
    schedule
        .next(now, &|_| Some(CAN))
        .into_iter()
        .map(|(entry, _)| entry)
        .collect()
}

fn state_of(write: Option<Write>) -> (OutboxState, u32) {
    match write {
        Some(Write::OutboxUpdate { state, attempts, .. }) => (state, attempts),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_conversation_is_served_in_order_and_paced_while_others_go_on() {
    let mut schedule = schedule();
    let (a1, a2, b1) = (row("a", json!({})), row("a", json!({})), row("b", json!({})));
    for row in [&a2, &b1, &a1] {
        assert!(schedule.add(row.clone()).is_empty());
    }
    let first = pick(&mut schedule, at(0));
    assert_eq!(
        first.iter().map(|e| e.row.id).collect::<HashSet<_>>(),
        HashSet::from([a1.id, b1.id])
    );
    assert!(
        pick(&mut schedule, at(0)).is_empty(),
        "one message of a conversation at a time"
    );
    for entry in first {
        assert_eq!(
            state_of(schedule.settle(entry, &CAN, Attempt::Sent("m".into()), at(0))),
            (OutboxState::Sent, 1)
        );
    }
    assert!(pick(&mut schedule, at(0)).is_empty(), "too fast");
    assert_eq!(schedule.wake_at(&|_| Some(CAN)), Some(at(1)));
    assert_eq!(pick(&mut schedule, at(1))[0].row.id, a2.id);
}

#[test]
fn failures_back_off_and_a_wish_of_the_platform_burns_no_attempt() {
    let mut schedule = schedule();
    schedule.add(row("a", json!({})));
    let later = row("a", json!({}));
    schedule.add(later.clone());
    let failed = || {
        Attempt::Failed(SendError::Retry {
            reason: "reset".into(),
            retry_after: None,
        })
    };
    let mut now = 0;
    for (attempt, wait) in [(1, 1), (2, 2), (3, 4)] {
        let entry = pick(&mut schedule, at(now)).remove(0);
        assert_ne!(entry.row.id, later.id, "the later message must not overtake");
        assert_eq!(
            state_of(schedule.settle(entry, &CAN, failed(), at(now))),
            (OutboxState::Pending, attempt)
        );
        now += wait;
        assert!(pick(&mut schedule, at(now - 1)).is_empty());
    }
    let entry = pick(&mut schedule, at(now)).remove(0);
    let limited = Attempt::Failed(SendError::RateLimited(Duration::from_secs(30)));
    assert!(schedule.settle(entry, &CAN, limited, at(now)).is_none());
    assert_eq!(schedule.wake_at(&|_| Some(CAN)), Some(at(now + 30)));
    assert_eq!(pick(&mut schedule, at(now + 30))[0].row.attempts, 3);
}

#[test]
fn a_refused_message_goes_down_the_ladder_at_once() {
    let mut schedule = schedule();
    schedule.add(row("a", json!({})));
    let refused = || Attempt::Failed(SendError::Refused("invalid_blocks".into()));
    for form in [Form::Rich, Form::Plain, Form::File, Form::Page] {
        let entry = pick(&mut schedule, at(0)).remove(0);
        assert_eq!(entry.form, form);
        let write = schedule.settle(entry, &CAN, refused(), at(0));
        if form == Form::Page {
            assert_eq!(state_of(write), (OutboxState::Failed, 4));
        } else {
            assert!(write.is_none());
        }
    }
}

#[test]
fn pending_edits_of_a_card_are_coalesced_and_spaced() {
    let mut schedule = schedule();
    schedule.add(row("a", json!({"kind": "ack", "card": "run:1"})));
    let post = pick(&mut schedule, at(0)).remove(0);
    schedule.settle(post, &CAN, Attempt::Sent("m1".into()), at(0));
    let (old, new) = (
        row("a", json!({"kind": "card", "card": "run:1"})),
        row("a", json!({"kind": "card", "card": "run:1"})),
    );
    assert!(schedule.add(old.clone()).is_empty());
    let superseded = schedule.add(new.clone());
    assert!(
        matches!(&superseded[..], [Write::OutboxUpdate { id, state: OutboxState::Superseded, .. }] if *id == old.id)
    );
    let answer = row("a", json!({"kind": "result"}));
    schedule.add(answer.clone());
    let next = pick(&mut schedule, at(1)).remove(0);
    assert_eq!(
        next.row.id, answer.id,
        "an edit that is not due does not hold up the answer"
    );
    schedule.settle(next, &CAN, Attempt::Sent("m2".into()), at(1));
    assert!(pick(&mut schedule, at(2)).is_empty());
    assert_eq!(pick(&mut schedule, at(3))[0].row.id, new.id);
    assert_eq!(schedule.card_ref("run:1"), Some(&"m1".to_owned()));
}

/// Whatever happens, no stretch of a minute has more edits than the platform allows; progress leaves half of them
/// to final states, and posts do not wait for edits.
#[test]
fn edits_of_all_cards_together_keep_to_the_rate() {
    let mut schedule = schedule();
    for card in 0..10 {
        schedule.posted(&OutboxMessage {
            message_ref: Some(format!("m{card}")),
            ..row(&format!("c{card}"), json!({"card": format!("k{card}")}))
        });
    }
    let (mut sent, mut passing) = (Vec::new(), 0);
    for second in 0..240 {
        for card in 0..10 {
            schedule.touch(row(
                &format!("c{card}"),
                json!({"kind": "ack", "card": format!("k{card}")}),
            ));
        }
        if second == 30 {
            for card in 0..5 {
                schedule.add(row(
                    &format!("c{card}"),
                    json!({"kind": "live", "card": format!("k{card}")}),
                ));
            }
            schedule.add(row("c9", json!({"kind": "result"})));
        }
        for entry in pick(&mut schedule, at(second)) {
            if entry.row.card.is_some() {
                sent.push((second, entry.passing));
            } else {
                assert_eq!(second, 30, "a post does not wait");
            }
            passing += usize::from(entry.passing);
            schedule.settle(entry, &CAN, Attempt::Sent("m".into()), at(second));
        }
        let wake = schedule.wake_at(&|_| Some(CAN)).expect("something waits");
        assert!(
            wake > at(second) || second < 2,
            "it wakes for something that is due: {second}"
        );
    }
    for (from, _) in &sent {
        let within = sent.iter().filter(|(at, _)| (*from..from + 60).contains(at));
        assert!(within.count() <= 4, "{sent:?}");
    }
    let finals: Vec<i64> = sent
        .iter()
        .filter(|(_, passing)| !passing)
        .map(|(at, _)| *at)
        .collect();
    assert_eq!((finals.len(), finals[1]), (5, 30), "{sent:?}");
    assert!(passing >= 6, "{sent:?}");
}

#[test]
fn a_quick_answer_replaces_the_first_answer() {
    let mut schedule = schedule();
    let execution = Some(Id::new());
    let mut ack = row("a", json!({"kind": "ack", "card": "run:1", "brief": true}));
    ack.execution = execution;
    ack.next_attempt = at(1);
    schedule.add(ack);
    assert!(
        pick(&mut schedule, at(0)).is_empty(),
        "it is held back for a moment"
    );
    let mut result = row("a", json!({"kind": "result"}));
    result.execution = execution;
    assert_eq!(schedule.add(result.clone()).len(), 1);
    assert_eq!(pick(&mut schedule, at(0))[0].row.id, result.id);
}

#[test]
fn a_first_answer_that_an_earlier_process_may_have_posted_is_looked_for() {
    let mut schedule = Schedule::new(Patience::default(), at(100));
    let execution = Some(Id::new());
    let mut ack = row("a", json!({"kind": "ack", "card": "run:1", "brief": true}));
    ack.execution = execution;
    ack.next_attempt = at(99);
    schedule.add(ack.clone());
    let mut result = row("a", json!({"kind": "result"}));
    result.execution = execution;
    assert!(schedule.add(result.clone()).is_empty());
    let entry = pick(&mut schedule, at(100)).remove(0);
    assert!(entry.recall && entry.row.id == ack.id);
    let absent = Attempt::Failed(SendError::Absent);
    assert_eq!(
        state_of(schedule.settle(entry, &CAN, absent, at(100))),
        (OutboxState::Superseded, 0)
    );
    assert_eq!(pick(&mut schedule, at(100))[0].row.id, result.id);
}

#[test]
fn nobody_there_burns_nothing_until_the_patience_ends() {
    let mut schedule = schedule();
    schedule.add(row("a", json!({})));
    let entry = pick(&mut schedule, at(0)).remove(0);
    let away = Attempt::Failed(SendError::Away("offline".into()));
    assert!(schedule.settle(entry, &CAN, away, at(0)).is_none());
    assert!(pick(&mut schedule, at(500)).is_empty());
    assert_eq!(schedule.wake_at(&|_| Some(CAN)), None, "nothing to wake up for");
    assert!(schedule.expire(at(86_000)).is_empty());
    schedule.back("fake", Some("b"));
    assert!(pick(&mut schedule, at(600)).is_empty());
    schedule.back("fake", None);
    let entry = pick(&mut schedule, at(600)).remove(0);
    assert_eq!(entry.row.attempts, 0);
    schedule.settle(
        entry,
        &CAN,
        Attempt::Failed(SendError::Away("offline".into())),
        at(600),
    );
    assert_eq!(
        state_of(schedule.expire(at(86_401)).pop()),
        (OutboxState::Failed, 0)
    );
}

#[test]
fn a_full_lane_leaves_the_rest_in_the_store_and_asks_for_it_later() {
    let mut schedule = schedule();
    let rows: Vec<_> = (0..LANE_LIMIT + 10).map(|_| row("a", json!({}))).collect();
    for row in &rows {
        schedule.add(row.clone());
    }
    assert_eq!(schedule.waiting(), LANE_LIMIT);
    assert!(schedule.take_unread().is_empty());
    let mut now = 0;
    while schedule.waiting() >= LANE_LIMIT / 2 {
        let entry = pick(&mut schedule, at(now)).remove(0);
        let write = schedule
            .settle(entry, &CAN, Attempt::Sent("m".into()), at(now))
            .unwrap();
        schedule.committed(&write);
        now += 1;
    }
    let (_, after) = schedule.take_unread().remove(0);
    let after = after.unwrap();
    assert!(after < rows[LANE_LIMIT].id && after >= rows[LANE_LIMIT - 1].id);
}

#[test]
fn a_known_row_is_not_taken_twice() {
    let mut schedule = schedule();
    let one = row("a", json!({}));
    schedule.add(one.clone());
    schedule.add(one.clone());
    let entry = pick(&mut schedule, at(0)).remove(0);
    schedule.add(one.clone());
    let write = schedule
        .settle(entry, &CAN, Attempt::Sent("m".into()), at(0))
        .unwrap();
    schedule.add(one);
    assert_eq!(
        schedule.waiting(),
        0,
        "sent, though the store may still show it as pending"
    );
    schedule.committed(&write);
}
