//! How the service is, for `status` in chat, on the command line and over HTTP.

use serde_json::{Value, json};

use super::Desk;
use crate::model::{OutboxState, Timestamp};
use crate::store::StoreError;

/// Problems that are listed.
const LISTED: usize = 10;
/// Undelivered messages beyond this are worth a word.
const MANY_PENDING: u64 = 100;

/// How the service is: whether all is well, what is not, and the numbers that people ask for first.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn condition(desk: &Desk) -> Result<Value, StoreError> {
    let store = desk.engine.store().stats().await?;
    let counts = desk.engine.store().outbox_counts().await?;
    let count = |state: OutboxState| {
        counts
            .iter()
            .filter(|(_, it, _)| *it == state)
            .map(|(_, _, n)| n)
            .sum::<u64>()
    };
    let (pending, failed) = (count(OutboxState::Pending), count(OutboxState::Failed));
    let engine = desk.engine.stats();
    let summary = desk.shelf.current().summary();
    let mut problems = summary.problems;
    problems.extend(desk.speaker.problems());
    let gateways: Vec<Value> = desk
        .gateways
        .all()
        .iter()
        .map(|gateway| json!({"name": gateway.name(), "health": gateway.health()}))
        .collect();
    let mut complaints = Vec::new();
    if pending > MANY_PENDING {
        complaints.push(format!("{pending} messages wait to be delivered"));
    }
    if failed > 0 {
        complaints.push(format!("{failed} messages could not be delivered"));
    }
    complaints.extend(desk.authority.warnings());
    if let Some(bystander) = desk.bystander.get() {
        complaints.extend(bystander.complaints());
    }
    let open = crate::access::reviews::open(&**desk.engine.store()).await?.len();
    if open > 0 {
        complaints.push(format!(
            "{open} runs without approval wait for review: `reviews` lists them"
        ));
        if let Some(people) = &desk.people
            && !people
                .owners()
                .iter()
                .any(|owner| people.home_of(owner).is_some())
        {
            complaints
                .push("no owner can be told in private: they have never written to me directly".to_owned());
        }
    }
    if engine.waiting > engine.concurrency {
        complaints.push(format!("{} executions wait for a free place", engine.waiting));
    }
    if !problems.is_empty() {
        complaints.push(format!("{} problems in packs and templates", problems.len()));
    }
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": Timestamp::now().seconds_since(desk.started),
        "healthy": complaints.is_empty(),
        "complaints": complaints,
        "engine": engine,
        "store": {"kind": store.kind, "executions": store.executions, "unfinished": store.unfinished, "size": size(store.bytes + store.wal_bytes)},
        "content": {"packs": summary.packs, "actions": summary.actions, "aliases": summary.aliases},
        "outbox": format!("{pending} waiting, {failed} given up"),
        "gateways": gateways,
        "problems": problems.into_iter().take(LISTED).collect::<Vec<_>>(),
    }))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} kB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MB", bytes >> 20),
        _ => format!("{} GB", bytes >> 30),
    }
}
