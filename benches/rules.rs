//! What an event costs among 5,000 rules, as a ratio to 100 and to judging every rule, measured in the same run.
//!
//! `cargo bench --bench rules`: rules on one webhook, told apart by a host and a state, a twentieth without any such criterion
//! for the last line.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sayso::expr::jinja::Jinja;
use sayso::model::Timestamp;
use sayso::rules::{Facts, Index, Rule, Verdict};
use sayso::triggers::TriggerKey;
use serde_json::{Value, json};

const FEW: usize = 100;
const MANY: usize = 5_000;
const EVENTS: usize = 200;
const ROUNDS: usize = 7;

fn rule(number: usize, open: bool) -> Arc<Rule> {
    let mut criteria = json!({
        "trigger.body.state": {"type": "equals", "pattern": "down"},
        "trigger.body.host": {"type": "equals", "pattern": format!("host{number}")},
        "trigger.body.message": {"type": "regex", "pattern": "disk (\\w+) is full"},
    });
    if open {
        criteria =
            json!({"trigger.body.message": {"type": "icontains", "pattern": format!("volume {number}")}});
    }
    let value = json!({
        "name": format!("rule{number}"), "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "monitoring"}},
        "criteria": criteria, "action": {"ref": "core.noop"},
    });
    Arc::new(
        Rule::from_value(&value, Some("bench"), &Jinja::default())
            .0
            .unwrap(),
    )
}

fn event(number: usize) -> Arc<Value> {
    Arc::new(json!({
        "headers": {}, "headers_lower": {},
        "body": {"state": "down", "host": format!("host{number}"), "message": "on /var disk sda1 is full", "labels": {"team": "ops"}},
    }))
}

/// Time per event; every event must match one rule.
fn judge(index: &Index, events: &[Arc<Value>]) -> Duration {
    let (jinja, key) = (Jinja::default(), key());
    let now = Timestamp::from_micros(0);
    best(|| {
        for payload in events {
            let facts = Facts::new(&jinja, payload, None, now);
            assert_eq!(black_box(index.judge(&key, &facts)).len(), 1);
        }
    }) / u32::try_from(events.len()).unwrap()
}

fn key() -> TriggerKey {
    TriggerKey::new(
        "core.st2.webhook",
        json!({"url": "monitoring"}).as_object().unwrap(),
    )
}

fn main() {
    let rules: Vec<Arc<Rule>> = (0..MANY).map(|number| rule(number, false)).collect();
    let events: Vec<Arc<Value>> = (0..EVENTS).map(|number| event(number % FEW)).collect();
    let few = judge(&Index::new(rules.iter().take(FEW).cloned()), &events);
    let started = Instant::now();
    let index = Index::new(rules.iter().cloned());
    let building = started.elapsed();
    let many = judge(&index, &events);
    let jinja = Jinja::default();
    let every = best(|| {
        for payload in events.iter().take(10) {
            let facts = Facts::new(&jinja, payload, None, Timestamp::from_micros(0));
            let matched = rules
                .iter()
                .filter(|rule| rule.judge(&facts) == Verdict::Match)
                .count();
            assert_eq!(black_box(matched), 1);
        }
    }) / 10;
    let mixed = Index::new((0..MANY).map(|number| rule(number, number % 20 == 19)));
    let some_open = judge(&mixed, &events[..19.min(events.len())]);
    println!("an event among {FEW} rules      {few:>12.2?}");
    println!(
        "an event among {MANY} rules     {many:>12.2?}  {:.2} of that",
        ratio(many, few)
    );
    println!(
        "every one of {MANY} rules judged {every:>11.2?}  {:.0} times the indexed",
        ratio(every, many)
    );
    println!(
        "with {} rules that cannot be indexed {some_open:>4.2?}",
        MANY / 20
    );
    println!("the index of {MANY} rules       {building:>12.2?}");
    assert!(
        ratio(many, few) < 3.0,
        "the cost of an event grows with the number of rules"
    );
}

fn best(mut work: impl FnMut()) -> Duration {
    (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .min()
        .unwrap()
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}
