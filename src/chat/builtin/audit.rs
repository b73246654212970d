//! `audit summary`, `audit search`, `audit tail` and `audit verify`.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Answer, Call, Refusal};
use crate::audit::search::{Asker, parse, when};
use crate::audit::{self, Counts, Sums, VerifyError};
use crate::chat::templates::moment;
use crate::model::Timestamp;
use crate::store::AuditFilter;

/// Entries read at once.
const PAGE: u32 = 2000;
/// Entries that a summary counts, the newest; when there are more it says so.
const MOST: u64 = 200_000;
/// Rows of the tables in a summary.
const ROWS: usize = 15;

impl Call<'_> {
    /// Who asks, for `who=me` and `since=monday`. Times in chat are UTC, in answers too.
    fn asker(&self) -> Asker<'_> {
        Asker {
            name: &self.identity.user,
            now: Timestamp::now(),
            zone: TimeZone::UTC,
        }
    }
}

pub(super) async fn summary(call: &Call<'_>) -> Answer {
    let from = when(call.text("since").unwrap_or("24h"), &call.asker()).map_err(Refusal::new)?;
    let mut sums = Sums::default();
    let mut filter = AuditFilter {
        since: Some(from),
        newest_first: true,
        limit: PAGE,
        ..AuditFilter::default()
    };
    let cut = loop {
        let page = call.desk.engine.store().audit(filter.clone()).await?;
        let Some(last) = page.last() else { break false };
        if sums.entries() >= MOST {
            break true;
        }
        filter.before = Some(last.number);
        page.iter().for_each(|entry| sums.add(entry));
    };
    let summary = sums.finish(cut);
    let ran = |counts: Counts| counts.total() - counts.denied;
    let row = |name: &str, counts: Counts| {
        json!({
            "name": name,
            "ran": ran(counts),
            "succeeded": counts.succeeded,
            "failed": counts.failed,
            "canceled": counts.canceled,
            "denied": counts.denied,
        })
    };
    let (people, actions) = (&summary.people, &summary.actions);
    let actions: Vec<_> = actions.iter().filter(|action| ran(action.counts) > 0).collect();
    let listed: Vec<Value> = actions
        .iter()
        .take(ROWS)
        .map(|action| {
            let mut row = row(&action.action, action.counts);
            row["longest"] = json!(action.longest.as_ref().map(|longest| longest.seconds));
            row
        })
        .collect();
    Ok(json!({
        "since": moment(from),
        "entries": summary.entries,
        "executions": ran(summary.counts),
        "persons": people.len(),
        "people": people.iter().take(ROWS).map(|person| row(&person.actor, person.counts)).collect::<Vec<_>>(),
        "more_people": people.len().saturating_sub(ROWS),
        "more_actions": actions.len().saturating_sub(ROWS),
        "actions": listed,
        "failures": summary.failures,
        "more_failures": summary.more_failures,
        "not_understood": summary.not_understood,
        "cut": summary.cut,
        "oldest": summary.since.map(moment),
    }))
}

pub(super) async fn search(call: &Call<'_>) -> Answer {
    let words = call.text("words");
    let mut filter = parse(words.unwrap_or_default(), &call.asker()).map_err(|error| {
        Refusal::new(error).hint("For instance: `audit search who=me since=2h action=core.local failed`")
    })?;
    if let Some(limit) = call.number("limit") {
        filter.limit = u32::try_from(limit)
            .unwrap_or(u32::MAX)
            .clamp(1, audit::search::MOST);
    }
    listed(call, filter, words).await
}

pub(super) async fn tail(call: &Call<'_>) -> Answer {
    let lines = call.number("lines").unwrap_or(20).clamp(1, 2000);
    let filter = AuditFilter {
        newest_first: true,
        limit: u32::try_from(lines).unwrap_or(u32::MAX),
        ..AuditFilter::default()
    };
    listed(call, filter, None).await
}

/// The entries, the newest at the end, where people look first in a conversation.
async fn listed(call: &Call<'_>, filter: AuditFilter, words: Option<&str>) -> Answer {
    let newest_first = filter.newest_first;
    let mut found = call.desk.engine.store().audit(filter).await?;
    if newest_first {
        found.reverse();
    }
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
