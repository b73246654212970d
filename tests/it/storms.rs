//! `kill -9` while webhooks and timers come: every event that was accepted is there with what followed from it, once each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::server::Api;
use crate::support::{Server, Site, eventually};

/// Posted at the same time.
const SENDERS: usize = 16;
/// How often the server is killed.
const KILLS: usize = 3;
/// Events that are accepted before it is killed.
const BEFORE_KILL: usize = 150;

const HOOK: &str = "
name: hook
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: storm}}
criteria: {}
action: {ref: core.echo, parameters: {message: '{{ trigger.body.mark }}'}}
";
const SECOND: &str = "
name: second
enabled: true
trigger: {type: core.st2.webhook, parameters: {url: storm}}
criteria: {trigger.body.both: {type: equals, pattern: true}}
action: {ref: core.echo, parameters: {message: 'second {{ trigger.body.mark }}'}}
";
const TICK: &str = "
name: tick
enabled: true
trigger: {type: core.st2.IntervalTimer, parameters: {unit: seconds, delta: 1}}
action: {ref: core.noop, parameters: {}}
";

#[derive(Default)]
struct Books {
    accepted: Mutex<BTreeSet<String>>,
    /// Sent without an answer: stored or not.
    unknown: Mutex<BTreeSet<String>>,
    counted: AtomicUsize,
    enough: Notify,
    over: AtomicBool,
}

async fn send(api: Api, books: Arc<Books>, round: usize, sender: usize) {
    for number in 0.. {
        if books.over.load(Ordering::Relaxed) {
            return;
        }
        let mark = format!("m-{round}-{sender}-{number}");
        let body = json!({"mark": mark, "both": number % 4 == 0});
        let request = api.request(Method::POST, "/api/v1/webhooks/storm").json(&body);
        match api.try_send(request).await {
            Some(answer) => {
                answer.with(202);
                books.accepted.lock().insert(mark);
                if books.counted.fetch_add(1, Ordering::Relaxed) + 1 == BEFORE_KILL {
                    books.enough.notify_one();
                }
            }
            None => {
                books.unknown.lock().insert(mark);
                return;
            }
        }
    }
}

async fn all(api: &Api, path: &str) -> Vec<Value> {
    let request = api.request(Method::GET, &format!("/api/v1/{path}"));
    let answer = api.try_send(request).await.expect("an answer").with(200);
    answer.as_array().expect("a list").clone()
}

/// How many there are, without having them all told.
async fn count(api: &Api, path: &str) -> usize {
    let request = api.request(
        Method::GET,
        &format!("/api/v1/{path}&limit=1&include_attributes=id"),
    );
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let total = answer.headers().get("x-total-count").expect("how many");
    total.to_str().expect("a text").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_done_once_whenever_the_server_dies() {
    let site = Site::open();
    for (name, text) in [("hook", HOOK), ("second", SECOND), ("tick", TICK)] {
        site.write_pack_file(&format!("trial/rules/{name}.yaml"), text);
    }
    let books = Arc::new(Books::default());
    let mut server = site.serve().await;
    for round in 0..KILLS {
        let api = server.api().clone();
        books.over.store(false, Ordering::Relaxed);
        books.counted.store(0, Ordering::Relaxed);
        let senders =
            (0..SENDERS).map(|sender| tokio::spawn(send(api.clone(), Arc::clone(&books), round, sender)));
        let senders: Vec<_> = senders.collect();
        books.enough.notified().await;
        books.over.store(true, Ordering::Relaxed);
        let api = server.kill().await;
        for ended in join_all(senders).await {
            ended.expect("a sender ends");
        }
        server = Server::again(&site, api).await;
    }
    let api = server.api().clone();
    eventually("nothing is left to do", async || {
        let unfinished = all(&api, "executions?limit=-1&status=running&rule=trial.hook").await;
        let open = all(&api, "triggerinstances?limit=-1&status=processing").await;
        (unfinished.is_empty() && open.is_empty()).then_some(())
    })
    .await;

    let instances = all(&api, "triggerinstances?limit=-1").await;
    let enforced = all(&api, "ruleenforcements?limit=-1").await;
    let mut marks: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for instance in &instances {
        if let Some(mark) = instance["payload"]["body"]["mark"].as_str() {
            marks.entry(mark.to_owned()).or_default().push(instance);
        }
    }
    let (accepted, unknown) = (books.accepted.lock().clone(), books.unknown.lock().clone());
    assert!(accepted.len() >= KILLS * BEFORE_KILL);
    for mark in &accepted {
        assert_eq!(
            marks.get(mark).map_or(0, Vec::len),
            1,
            "{mark} has no instance, or several"
        );
    }
    for (mark, instances) in &marks {
        assert!(
            accepted.contains(mark) || unknown.contains(mark),
            "{mark} was never sent"
        );
        let id = &instances[0]["id"];
        let both = instances[0]["payload"]["body"]["both"] == true;
        let of_this: Vec<&Value> = enforced
            .iter()
            .filter(|one| one["trigger_instance_id"] == *id)
            .collect();
        assert_eq!(of_this.len(), if both { 2 } else { 1 }, "{mark}: {of_this:?}");
        let executions: BTreeSet<&str> = of_this
            .iter()
            .filter_map(|one| one["execution_id"].as_str())
            .collect();
        assert_eq!(executions.len(), of_this.len(), "{mark}: an execution is missing");
    }
    for rule in ["trial.hook", "trial.second"] {
        let found = all(
            &api,
            &format!("executions?limit=-1&include_attributes=id&rule={rule}"),
        )
        .await;
        let wanted = enforced.iter().filter(|one| one["rule"]["ref"] == rule).count();
        assert_eq!(
            found.len(),
            wanted,
            "{rule} ran without an enforcement, or not at all"
        );
    }
    let ticks: Vec<&Value> = instances
        .iter()
        .filter(|one| one["payload"]["executed_at"].is_string() && one["payload"].get("body").is_none())
        .collect();
    let times: BTreeSet<String> = ticks
        .iter()
        .map(|one| one["occurrence_time"].to_string())
        .collect();
    assert_eq!(times.len(), ticks.len(), "a timer fired twice for one time");
    assert!(!ticks.is_empty(), "the timer never fired");
}

/// How much a process has had in memory at most, in bytes.
fn most_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.expect("its memory") * 1024
}

/// A burst: `SAYSO_STORM` webhooks, 5,000 unless said. What was accepted ran or was held back by the throttle, which is
/// told; memory is bounded; somebody who says something meanwhile is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_done_or_counted_within_bounds_while_people_are_answered() {
    let wanted: usize = std::env::var("SAYSO_STORM")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(5_000);
    let site = Site::open();
    let rule = |name: &str, more: &str| {
        format!(
            "---\nname: {name}\nenabled: true\ntrigger: {{type: core.st2.webhook, parameters: {{url: burst}}}}\ncriteria: {{trigger.body.kind: {{type: equals, pattern: {name}}}}}\naction: {{ref: core.noop, parameters: {{}}}}\n{more}"
        )
    };
    site.write_pack_file("trial/rules/each.yaml", &rule("each", ""));
    site.write_pack_file(
        "trial/rules/some.yaml",
        &rule("some", "throttle: 1 per 1h by trigger.body.host\n"),
    );
    let server = site.serve().await;
    let chat = server.chat("c1").await;
    chat.asked("whoami").await;
    let idle = most_memory(server.pid());

    let (left, accepted) = (Arc::new(AtomicUsize::new(wanted)), Arc::new(AtomicUsize::new(0)));
    let senders = (0..SENDERS * 2).map(|_| {
        let (api, left, accepted) = (server.api().clone(), Arc::clone(&left), Arc::clone(&accepted));
        tokio::spawn(async move {
            while let Ok(number) =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            {
                let kind = if number % 2 == 0 { "each" } else { "some" };
                let body =
                    json!({"kind": kind, "host": format!("h{}", number % 10), "filler": "x".repeat(500)});
                loop {
                    let request = api.request(Method::POST, "/api/v1/webhooks/burst").json(&body);
                    match api.send(request).await.status {
                        202 => break,
                        // Told to come again: nothing was taken.
                        429 => tokio::task::yield_now().await,
                        other => panic!("answered {other}"),
                    }
                }
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    let mut answered = 0;
    while accepted.load(Ordering::Relaxed) < wanted * 9 / 10 {
        chat.asked(&format!("run 'echo still-here-{answered}' on localhost"))
            .await;
        answered += 1;
    }
    for sender in join_all(senders).await {
        sender.expect("a sender ends");
    }
    assert!(answered > 0, "nobody was answered while it came");

    let api = server.api();
    let (each, some) = (wanted.div_ceil(2), wanted / 2);
    let mut over = 0;
    while over < each {
        over = eventually(format!("more than {over} of {each} ran"), async || {
            let now = count(api, "executions?rule=trial.each").await;
            (now > over).then_some(now)
        })
        .await;
    }
    assert_eq!(over, each, "all that was accepted is carried out, once");
    eventually("all of it is over", async || {
        for status in ["requested", "scheduled", "delayed", "running"] {
            if count(api, &format!("executions?status={status}")).await > 0 {
                return None;
            }
        }
        Some(())
    })
    .await;
    assert_eq!(count(api, "executions?status=failed").await, 0);
    // Before long lists are asked for, which take memory of their own.
    let grown = most_memory(server.pid()).saturating_sub(idle);
    assert!(grown < 300 << 20, "{} MB more than idle", grown >> 20);
    let ran = all(api, "executions?limit=-1&include_attributes=id&rule=trial.some").await;
    assert!(
        (1..=10).contains(&ran.len()),
        "{} ran of those that are held back",
        ran.len()
    );
    let instances = all(
        api,
        "triggerinstances?limit=-1&include_attributes=id,status,suppressed&trigger_type=core.st2.webhook",
    )
    .await;
    assert_eq!(instances.len(), wanted, "each that was accepted is kept, once");
    let held = instances
        .iter()
        .filter(|one| one["suppressed"] == json!(["trial.some"]));
    assert_eq!(ran.len() + held.count(), some, "accepted = executed + held back");
    eprintln!(
        "{wanted} accepted, {answered} people answered meanwhile, {} MB more than idle",
        grown >> 20
    );
}
