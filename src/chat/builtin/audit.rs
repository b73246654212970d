//! `audit summary`, `audit search`, `audit tail` and `audit verify`.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Answer, Call, Refusal};
use crate::audit::search::{Asker, parse, when};
use crate::audit::{self, VerifyError};
use crate::chat::summaries;
use crate::model::{AuditDraft, AuditEntry, Timestamp};
use crate::store::AuditFilter;

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
    Ok(summaries::summary(&call.desk.engine, from, None, None).await?)
}

pub(super) async fn search(call: &Call<'_>) -> Answer {
    let words = call.text("words");
    let mut filter = parse(words.unwrap_or_default(), &call.asker()).map_err(|error| {
        Refusal::new(error).hint("For instance: `audit search who=me since=2h action=core.local failed`")
    })?;
    if let Some(since) = call.text("since") {
        filter.since = Some(when(since, &call.asker()).map_err(Refusal::new)?);
    }
    if let Some(limit) = call.number("limit") {
        filter.limit = u32::try_from(limit)
            .unwrap_or(u32::MAX)
            .clamp(1, audit::search::MOST);
    }
    let Some(kind) = call.text("kind") else {
        return listed(call, filter, words).await;
    };
    filter.kind = Some(kind.to_owned());
    let limit = std::mem::replace(&mut filter.limit, audit::search::MOST) as usize;
    let mut found = call.desk.engine.store().audit(filter).await?;
    // Who asks who ran something has not run it.
    found.retain(|entry| !is_ours(&entry.draft));
    found.truncate(limit);
    found.reverse();
    Ok(json!({"entries": rows(&found), "words": words}))
}

/// Whether it is about a command of ours.
fn is_ours(draft: &AuditDraft) -> bool {
    let action = draft.action.as_deref();
    action.is_some_and(|action| action.starts_with("chatops."))
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
    Ok(json!({"entries": rows(&found), "words": words}))
}

fn rows(found: &[AuditEntry]) -> Vec<Value> {
    let row = |entry: &AuditEntry| {
        let draft = &entry.draft;
        json!({
            "number": entry.number,
            "when": draft.timestamp,
            "kind": draft.kind,
            "who": draft.actor,
            "what": draft.text.clone().or_else(|| draft.action.clone()).unwrap_or_default(),
            "execution": draft.execution,
        })
    };
    found.iter().map(row).collect()
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
