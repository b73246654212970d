//! What a stretch of the audit log amounts to, as templates show it: on request, and in digests.

use serde_json::{Value, json};

use super::templates::moment;
use crate::access::reviews;
use crate::answers;
use crate::audit::{Counts, Sums};
use crate::engine::Engine;
use crate::model::Timestamp;
use crate::runners::{APPROVAL, INQUIRER};
use crate::store::{AuditFilter, Page, StoreError};

/// Entries read at once.
const PAGE: u32 = 2000;
/// Entries that a summary counts, the newest; when there are more it says so.
const MOST: u64 = 200_000;
/// Rows of the tables in a summary.
const ROWS: usize = 15;

/// Sums up what happened from `from` on, everywhere or in one place (as the audit log names it).
pub(super) async fn summary(
    engine: &Engine,
    from: Timestamp,
    until: Option<Timestamp>,
    place: Option<&str>,
) -> Result<Value, StoreError> {
    let mut sums = Sums::default();
    let mut votes = Votes::default();
    let mut filter = AuditFilter {
        since: Some(from),
        until,
        newest_first: true,
        limit: PAGE,
        ..AuditFilter::default()
    };
    let mut looked_at = 0;
    let cut = loop {
        let page = engine.store().audit(filter.clone()).await?;
        let Some(last) = page.last() else { break false };
        if looked_at >= MOST {
            break true;
        }
        looked_at += page.len() as u64;
        filter.before = Some(last.number);
        for entry in page
            .iter()
            .filter(|entry| place.is_none_or(|place| entry.draft.place == place))
        {
            sums.add(entry);
            votes.add(&entry.draft.kind);
        }
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
    let waiting = waiting(engine).await?;
    let open = reviews::open(&**engine.store()).await?.len();
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
        "approved": votes.approved,
        "denied_approvals": votes.denied,
        "expired": votes.expired,
        "break_glass": votes.glass,
        "reviews": open,
        "waiting": waiting,
        "cut": summary.cut,
        "oldest": summary.since.map(moment),
    }))
}

/// Approvals and questions that wait now, anywhere.
async fn waiting(engine: &Engine) -> Result<u64, StoreError> {
    let mut all = 0;
    for runner in [APPROVAL, INQUIRER] {
        let page = Page {
            limit: Some(1),
            count: true,
            ..Page::default()
        };
        let (_, total) = answers::list(engine, runner, false, page).await?;
        all += total.unwrap_or(0);
    }
    Ok(all)
}

#[derive(Default)]
struct Votes {
    approved: u64,
    denied: u64,
    expired: u64,
    glass: u64,
}

impl Votes {
    fn add(&mut self, kind: &str) {
        match kind {
            "approval.approved" => self.approved += 1,
            "approval.denied" => self.denied += 1,
            "approval.expired" => self.expired += 1,
            "access.break_glass" => self.glass += 1,
            _ => {}
        }
    }
}
