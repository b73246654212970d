//! `audit summary`, `audit search`, `audit tail` and `audit verify`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Call, Refusal, since};
use crate::audit::{self, VerifyError};
use crate::chat::templates::moment;
use crate::model::{AuditEntry, Timestamp};
use crate::store::AuditFilter;

/// Entries read at once.
const PAGE: u32 = 2000;
/// Entries that a summary counts.
const MOST: usize = 200_000;
/// Rows of the tables in a summary.
const ROWS: usize = 15;

#[derive(Default)]
struct Count {
    ran: u64,
    succeeded: u64,
    failed: u64,
    denied: u64,
}

impl Count {
    fn add(&mut self, kind: &str) {
        match kind.strip_prefix("execution.").unwrap_or(kind) {
            "requested" => self.ran += 1,
            "succeeded" => self.succeeded += 1,
            "failed" | "timeout" | "abandoned" => self.failed += 1,
            "access.denied" => self.denied += 1,
            _ => {}
        }
    }
}

pub(super) async fn summary(call: &Call<'_>) -> Answer {
    let text = call.text("since").unwrap_or("24h");
    let from = since::parse(text, Timestamp::now()).map_err(Refusal::new)?;
    let (mut people, mut actions) = (BTreeMap::<String, Count>::new(), BTreeMap::<String, Count>::new());
    let (mut denied, mut entries, mut executions, mut after) = (Vec::new(), 0_usize, 0_u64, None);
    loop {
        let filter = AuditFilter {
            since: Some(from),
            after,
            limit: PAGE,
            ..AuditFilter::default()
        };
        let page = call.desk.engine.store().audit(filter).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.number);
        entries += page.len();
        for AuditEntry { draft, .. } in &page {
            // What ended with its acceptance has one entry for both.
            let at_once = draft.kind.starts_with("execution.") && draft.detail.get("decision").is_some();
            let is_request = draft.kind == "execution.requested";
            executions += u64::from(is_request || at_once);
            for count in [people.entry(draft.actor.clone()).or_default()]
                .into_iter()
                .chain(
                    draft
                        .action
                        .as_ref()
                        .map(|action| actions.entry(action.clone()).or_default()),
                )
            {
                if at_once && !is_request {
                    count.ran += 1;
                }
                count.add(&draft.kind);
            }
            if draft.kind == "access.denied" && denied.len() < ROWS {
                denied.push(json!({
                    "when": draft.timestamp,
                    "who": draft.actor,
                    "what": draft.text.as_ref().or(draft.action.as_ref()),
                    "why": draft.detail["decision"].as_str().or_else(|| draft.detail["reason"].as_str()),
                }));
            }
        }
        if entries >= MOST {
            break;
        }
    }
    people.retain(|_, count| count.ran + count.denied > 0);
    actions.retain(|_, count| count.ran > 0);
    Ok(json!({
        "since": moment(from),
        "entries": entries,
        "executions": executions,
        "people": top(people, |name, count| json!({
            "name": name, "ran": count.ran, "succeeded": count.succeeded, "failed": count.failed, "denied": count.denied,
        })),
        "actions": top(actions, |name, count| json!({"name": name, "ran": count.ran, "failed": count.failed})),
        "denied": denied,
        "cut": entries >= MOST,
    }))
}

fn top(counts: BTreeMap<String, Count>, view: impl Fn(&str, &Count) -> Value) -> Vec<Value> {
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(count.ran + count.denied));
    rows.iter()
        .take(ROWS)
        .map(|(name, count)| view(name, count))
        .collect()
}

/// `audit search` (with words) and `audit tail`.
pub(super) async fn entries(call: &Call<'_>) -> Answer {
    let words = call.text("words");
    let limit = call
        .number("limit")
        .or_else(|| call.number("lines"))
        .unwrap_or(20)
        .clamp(1, 2000);
    let filter = AuditFilter {
        words: words
            .map(|words| words.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
        newest_first: true,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        ..AuditFilter::default()
    };
    let mut found = call.desk.engine.store().audit(filter).await?;
    found.reverse();
    let rows: Vec<Value> = found
        .iter()
        .map(|entry| {
            let draft = &entry.draft;
            json!({
                "number": entry.number,
                "when": draft.timestamp,
                "kind": draft.kind,
                "who": draft.actor,
                "what": draft.text.clone().or_else(|| draft.action.clone()).unwrap_or_default(),
                "execution": draft.execution,
            })
        })
        .collect();
    Ok(json!({"entries": rows, "words": words}))
}

pub(super) async fn verify(call: &Call<'_>) -> Answer {
    match audit::verify(&**call.desk.engine.store()).await {
        Ok(whole) => Ok(json!({"intact": true, "entries": whole.count, "broken": null, "reason": null})),
        Err(VerifyError::Broken(broken)) => Ok(json!({
            "intact": false,
            "entries": broken.number.saturating_sub(1),
            "broken": broken.number,
            "reason": format!("Entry {}: {}.", broken.number, broken.why),
        })),
        Err(VerifyError::Store(error)) => Err(error.into()),
    }
}
