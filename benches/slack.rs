//! Slack while much goes on: how long an event waits for its acknowledgement, which is after the commit of what follows
//! from it, while 500 commands run; and whether posts and edits keep to what Slack allows.
//!
//! Baseline in the same run: the same with nothing running. Targets: acknowledged within 1 s (p99), not more than 50 edits
//! in any minute, not more than one post a second in a channel (after Slack's short bursts).
//!
//! `cargo bench --bench slack -- --quick` has 50 commands run.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[allow(dead_code)] // shared with other benchmarks, which use other parts
mod support {
    pub(crate) mod server;
}

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sayso::simulate::slack::{ANA, APP_TOKEN, BO, BOT_TOKEN, DIRECT, Delivered, OPS, Simulator};
use support::server::start_with;

/// Between two messages of people.
const PAUSE: Duration = Duration::from_millis(20);
/// Messages whose acknowledgements are measured.
const MESSAGES: usize = 200;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "waited in vain for this: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Says things at a pace; gives how long each waited for its acknowledgement.
async fn said(slack: &Simulator, count: usize, text: impl Fn(usize) -> String) -> Vec<Duration> {
    let from = slack.delivered().len();
    for number in 0..count {
        let (who, channel) = if number % 2 == 0 { (BO, OPS) } else { (ANA, DIRECT) };
        slack.say(who, channel, &text(number));
        tokio::time::sleep(PAUSE).await;
    }
    until("all are acknowledged", || {
        slack.delivered()[from..].iter().all(|sent| sent.acked.is_some())
    })
    .await;
    slack.delivered()[from..]
        .iter()
        .filter_map(|sent: &Delivered| sent.acked)
        .collect()
}

fn told(what: &str, mut took: Vec<Duration>) -> Duration {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "  {what}: {} acknowledged, p50 {:?}  p99 {:?}  longest {:?}",
        took.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    at(0.99)
}

/// The most calls within a stretch of time.
fn densest(mut times: Vec<Instant>, stretch: Duration) -> usize {
    times.sort();
    let within = |from: usize| {
        times[from..]
            .iter()
            .take_while(|at| **at - times[from] < stretch)
            .count()
    };
    (0..times.len()).map(within).max().unwrap_or(0)
}

#[tokio::main]
async fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let running = if quick { 50 } else { 500 };
    let folder = tempfile::tempdir().expect("a folder");
    let slack = Simulator::start().await.expect("the stand-in");
    let set = |key: &'static str, value: &str| (key, value.to_owned());
    let server = start_with(
        folder.path(),
        &[
            set("chat.slack.default.api_url", &slack.api_url()),
            set("chat.slack.default.bot_token", BOT_TOKEN),
            set("chat.slack.default.app_token", APP_TOKEN),
            set("engine.concurrency", "600"),
        ],
    )
    .await;
    until("the bot is connected", || slack.sockets() >= 2).await;

    println!("nothing runs");
    let idle = said(&slack, MESSAGES, |number| {
        format!("!run 'echo idle {number}' on localhost")
    })
    .await;
    let idle = told("messages", idle);

    println!("{running} commands run");
    let started = said(&slack, running, |number| {
        format!("!run 'sleep 45; echo {number}' on localhost")
    })
    .await;
    told("their own messages", started);
    let busy = said(&slack, MESSAGES, |number| {
        format!("!run 'echo busy {number}' on localhost")
    })
    .await;
    let busy = told("messages meanwhile", busy);
    println!(
        "  p99 (target 1 s): {busy:?}, {:.1} of the time with nothing running",
        busy.as_secs_f64() / idle.as_secs_f64()
    );
    // A while with nothing but the cards of what runs.
    tokio::time::sleep(Duration::from_secs(if quick { 5 } else { 70 })).await;

    let calls = slack.calls();
    let edits = calls
        .iter()
        .filter(|call| call.method == "chat.update")
        .map(|call| call.at)
        .collect::<Vec<_>>();
    let mut posts: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.method == "chat.postMessage") {
        posts
            .entry(call.arguments["channel"].to_string())
            .or_default()
            .push(call.at);
    }
    println!(
        "edits: {} in all, at most {} in a minute (allowed 50)",
        edits.len(),
        densest(edits, Duration::from_secs(60))
    );
    for (channel, times) in posts {
        println!(
            "posts in {channel}: {} in all, at most {} within a second, {} within ten",
            times.len(),
            densest(times.clone(), Duration::from_millis(950)),
            densest(times, Duration::from_secs(10))
        );
    }
    let violations = slack.violations();
    assert!(violations.is_empty(), "{violations:?}");
    server.running.stop().await;
}
