//! `sayso audit …`.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::alias::as_value;
use super::args::{AuditCommand, AuditFilterArgs};
use super::base::{Base, PAGE, shown};
use super::output::Format;
use super::table::{Columns, cell, render_cells};
use super::{CliError, CliResult, Context};
use crate::audit::search::{Asker, parse, when};
use crate::audit::{Summary, Sums, VerifyError, verify};
use crate::chat::templates::duration;
use crate::model::{AuditEntry, Timestamp};
use crate::store::AuditFilter;

/// Exit status when the chain is broken.
const BROKEN: u8 = 1;
/// How often new entries are looked for.
const LOOK: Duration = Duration::from_millis(500);
/// Entries that a summary is made of, the newest; when there are more it says so.
const SUMMED_UP: u64 = 1_000_000;

pub(super) async fn audit(context: &mut Context<'_>, command: &AuditCommand) -> CliResult {
    let base = Base::open(context).await?;
    let outcome = match command {
        AuditCommand::Tail { last, follow, filter } => tail(context, &base, *last, *follow, filter).await,
        AuditCommand::Search { words, last, filter } => search(context, &base, words, *last, filter).await,
        AuditCommand::Verify => verified(context, &base).await,
        AuditCommand::Summary { from, filter } => sum_up(context, &base, from, filter).await,
    };
    base.close().await;
    outcome
}

fn filter(words: &[String], args: &AuditFilterArgs) -> Result<AuditFilter, CliError> {
    let user = std::env::var("USER").unwrap_or_default();
    let asker = Asker {
        name: &user,
        now: Timestamp::now(),
        zone: TimeZone::system(),
    };
    // A word with blanks in it was quoted in the shell, which took the quotes off.
    let text: Vec<String> = words
        .iter()
        .map(|word| {
            if word.contains(char::is_whitespace) {
                format!("\"{word}\"")
            } else {
                word.clone()
            }
        })
        .collect();
    let mut filter = parse(&text.join(" "), &asker).map_err(CliError::new)?;
    let time = |text: &Option<String>| text.as_deref().map(|text| when(text, &asker)).transpose();
    filter.since = time(&args.since).map_err(CliError::new)?.or(filter.since);
    filter.until = time(&args.until).map_err(CliError::new)?.or(filter.until);
    filter.actor = args.actor.clone().or(filter.actor);
    filter.kind = args.kind.clone().or(filter.kind);
    filter.action = args.action.clone().or(filter.action);
    if let Some(id) = &args.execution {
        filter.execution = Some(id.parse().map_err(CliError::new)?);
    }
    Ok(filter)
}

async fn tail(
    context: &mut Context<'_>,
    base: &Base,
    last: u32,
    follow: bool,
    args: &AuditFilterArgs,
) -> CliResult {
    let wanted = filter(&[], args)?;
    let mut newest = if last == 0 {
        Vec::new()
    } else {
        base.entries(AuditFilter {
            newest_first: true,
            limit: last,
            ..wanted.clone()
        })
        .await?
    };
    newest.reverse();
    if !follow {
        return print(context, &newest);
    }
    let mut after = match newest.last() {
        Some(entry) => entry.number,
        // Nothing fits yet: what was there before is still not new.
        None => base
            .entries(AuditFilter {
                newest_first: true,
                limit: 1,
                ..AuditFilter::default()
            })
            .await?
            .first()
            .map_or(0, |entry| entry.number),
    };
    stream(context, &newest)?;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => return Ok(0),
        }
        let more = AuditFilter {
            after: Some(after),
            newest_first: false,
            limit: PAGE,
            ..wanted.clone()
        };
        let entries = base.entries(more).await?;
        if let Some(entry) = entries.last() {
            after = entry.number;
            stream(context, &entries)?;
        }
    }
}

/// Entries one a line, for a list that does not end.
fn stream(context: &mut Context<'_>, entries: &[AuditEntry]) -> Result<(), CliError> {
    for entry in entries {
        if context.format == Format::Table {
            let row = row(entry);
            let parts: Vec<String> = row.into_iter().filter(|part| !part.is_empty()).collect();
            context.out.line(&parts.join("  "))?;
        } else {
            context.out.line(&shown(entry).to_string())?;
        }
    }
    Ok(())
}

async fn search(
    context: &mut Context<'_>,
    base: &Base,
    words: &[String],
    last: u32,
    args: &AuditFilterArgs,
) -> CliResult {
    let wanted = filter(words, args)?;
    let entries = base
        .entries(AuditFilter {
            limit: last,
            ..wanted
        })
        .await?;
    print(context, &entries)
}

fn print(context: &mut Context<'_>, entries: &[AuditEntry]) -> CliResult {
    if context.format != Format::Table {
        let all: Vec<Value> = entries.iter().map(shown).collect();
        let columns = Columns::new(&[], &[]);
        context.out.list(&all, &columns, context.format)?;
    } else if entries.is_empty() {
        context.out.note("no entries");
    } else {
        let header = ["number", "time", "kind", "who", "about", "what"].map(str::to_owned);
        let rows = entries.iter().map(row).collect();
        let text = render_cells(&header, rows, context.out.width, context.out.colour);
        context.out.text(&text)?;
    }
    Ok(0)
}

fn row(entry: &AuditEntry) -> Vec<String> {
    let draft = &entry.draft;
    let about = match (&draft.action, draft.execution) {
        (Some(action), Some(id)) => format!("{action} {id}"),
        (Some(action), None) => action.clone(),
        (None, Some(id)) => id.to_string(),
        (None, None) => String::new(),
    };
    let reason = draft
        .detail
        .get(crate::audit::DETAIL_REASON)
        .map(cell)
        .unwrap_or_default();
    let what = match (&draft.text, reason.is_empty()) {
        (Some(text), true) => text.clone(),
        (Some(text), false) => format!("{text}: {reason}"),
        (None, true) if draft.kind.starts_with("access.") => ruled(&draft.detail),
        (None, true) => given(&draft.detail),
        (None, false) => reason,
    };
    [
        entry.number.to_string(),
        draft.timestamp.to_string(),
        draft.kind.clone(),
        draft.actor.clone(),
        about,
        what,
    ]
    .map(|text| cell(&Value::String(text)))
    .to_vec()
}

/// What became of rules, roles, people and their accounts: `g-12 before: {…} after: {…}`.
fn ruled(detail: &Value) -> String {
    let about = ["id", "role", "account", "user"].into_iter();
    let about = about.filter_map(|key| detail[key].as_str().map(str::to_owned));
    let turned = ["before", "after"].into_iter().filter_map(|key| {
        let body = detail.get(key).filter(|body| !body.is_null())?;
        Some(format!("{key}: {body}"))
    });
    let rest = given(detail);
    about
        .chain(turned)
        .chain((!rest.is_empty()).then_some(rest))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What there is to say where nobody said anything: parameters (`cmd=date timeout=5`), changes of content.
fn given(detail: &Value) -> String {
    let changed = ["added", "changed", "removed"].into_iter().filter_map(|how| {
        let items = detail[how].as_array().filter(|items| !items.is_empty())?;
        Some(format!("{how}: {}", cell(&Value::from(items.clone()))))
    });
    let problems = detail["problems"].as_u64().filter(|count| *count > 0);
    let problems = problems.map(|count| format!("problems: {count}"));
    let parameters = detail["parameters"].as_object().into_iter().flatten();
    parameters
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| format!("{name}={}", cell(value)))
        .chain(changed)
        .chain(problems)
        .collect::<Vec<_>>()
        .join(" ")
}

async fn verified(context: &mut Context<'_>, base: &Base) -> CliResult {
    let answer = match base {
        Base::Api(client) => client.get("/api/v1/audit/verify").await?,
        Base::File(store) => match verify(store).await {
            Ok(whole) => json!({"ok": true, "entries": whole.count, "hash": hex::encode(whole.hash)}),
            Err(VerifyError::Broken(broken)) => json!({
                "ok": false,
                "entries": broken.number.saturating_sub(1),
                "first_broken": broken.number,
                "message": broken.to_string(),
            }),
            Err(VerifyError::Store(error)) => return Err(error.into()),
        },
    };
    let ok = answer["ok"] == json!(true);
    if context.format != Format::Table {
        context.out.value(&answer, context.format)?;
    } else if ok {
        let entries = match answer["entries"].as_u64() {
            Some(1) => "1 entry".to_owned(),
            _ => format!("{} entries", cell(&answer["entries"])),
        };
        context.out.line(&format!("{entries}, the chain is intact"))?;
        if let Some(hash) = answer["hash"].as_str() {
            context.out.line(&format!("newest hash: {hash}"))?;
        }
    } else {
        context.out.line(&cell(&answer["message"]))?;
        context.out.line(&format!(
            "{} entries before it are intact",
            cell(&answer["entries"])
        ))?;
    }
    Ok(if ok { 0 } else { BROKEN })
}

async fn sum_up(
    context: &mut Context<'_>,
    base: &Base,
    from: &[String],
    args: &AuditFilterArgs,
) -> CliResult {
    let mut args = args.clone();
    if !from.is_empty() {
        args.since = Some(from.join(" "));
    }
    let wanted = filter(&[], &args)?;
    let mut sums = Sums::default();
    let mut page = AuditFilter {
        newest_first: true,
        limit: PAGE,
        ..wanted
    };
    let cut = loop {
        let entries = base.entries(page.clone()).await?;
        let Some(last) = entries.last() else { break false };
        if sums.entries() >= SUMMED_UP {
            break true;
        }
        page.before = Some(last.number);
        entries.iter().for_each(|entry| sums.add(entry));
    };
    if cut {
        context.out.note(&format!(
            "only the newest {} entries are summed up: narrow it with --since",
            sums.entries()
        ));
    }
    let summary = sums.finish(cut);
    if context.format == Format::Table {
        people(context, &summary)?;
    } else {
        context.out.value(&as_value(&summary)?, context.format)?;
    }
    Ok(0)
}

fn people(context: &mut Context<'_>, summary: &Summary) -> Result<(), CliError> {
    let span = match (summary.since, summary.until) {
        (Some(since), Some(until)) => format!(" from {since} to {until}"),
        _ => String::new(),
    };
    context.out.line(&format!("{} entries{span}", summary.entries))?;
    if summary.not_understood > 0 {
        context
            .out
            .line(&format!("messages not understood: {}", summary.not_understood))?;
    }
    if summary.counts.total() == 0 {
        return Ok(());
    }
    let header = [
        "who",
        "action",
        "succeeded",
        "failed",
        "canceled",
        "denied",
        "longest",
    ]
    .map(str::to_owned);
    let rows = summary.people.iter().flat_map(|person| {
        person.actions.iter().map(|action| {
            let longest = action
                .longest
                .as_ref()
                .map_or_else(String::new, |longest| duration(longest.seconds));
            let counts = action.counts;
            let number = |count: u64| {
                if count == 0 {
                    String::new()
                } else {
                    count.to_string()
                }
            };
            vec![
                cell(&json!(person.actor)),
                cell(&json!(action.action)),
                number(counts.succeeded),
                number(counts.failed),
                number(counts.canceled),
                number(counts.denied),
                longest,
            ]
        })
    });
    let text = render_cells(&header, rows.collect(), context.out.width, context.out.colour);
    context.out.text(&format!("\n{text}"))?;
    if !summary.failures.is_empty() {
        context.out.line("\nwhat went wrong, newest first:")?;
    }
    for failure in &summary.failures {
        let id = failure.execution.map_or_else(String::new, |id| format!(" {id}"));
        let why = if failure.why.is_empty() {
            String::new()
        } else {
            format!(": {}", failure.why)
        };
        let text = format!(
            "{} {} {}{id} {}{why}",
            failure.timestamp, failure.actor, failure.action, failure.outcome
        );
        context.out.line(&format!("  {}", cell(&Value::String(text))))?;
    }
    if summary.more_failures > 0 {
        context
            .out
            .line(&format!("  and {} more", summary.more_failures))?;
    }
    Ok(())
}
