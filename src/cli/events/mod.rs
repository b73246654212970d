//! What happens by itself, on the command line: rules, triggers, events, timers, webhooks.

mod rules;
mod schedules;
#[cfg(test)]
mod tests;
mod traces;
mod triggers;

use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::args::{
    EnforcementCommand, InstanceCommand, Period, RuleCommand, ScheduleCommand, Show, TimerCommand,
    TraceCommand, TriggerCommand, WebhookCommand,
};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::{Columns, attribute};
use super::{CliError, CliResult, Context, error, query, segment};

/// Bytes of a file that are read at most.
const FILE_LIMIT: u64 = 4 << 20;

pub(super) async fn rule(context: &mut Context<'_>, command: &RuleCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = rules::rule(context, &connection, command).await;
    connection.close().await;
    outcome
}

pub(super) async fn enforcement(context: &mut Context<'_>, command: &EnforcementCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = rules::enforcement(context, &connection, command).await;
    connection.close().await;
    outcome
}

pub(super) async fn trigger(context: &mut Context<'_>, command: &TriggerCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = triggers::trigger(context, &connection, command).await;
    connection.close().await;
    outcome
}

pub(super) async fn instance(context: &mut Context<'_>, command: &InstanceCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = triggers::instance(context, &connection, command).await;
    connection.close().await;
    outcome
}

pub(super) async fn trace(context: &mut Context<'_>, command: &TraceCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = traces::trace(context, &connection, command).await;
    connection.close().await;
    outcome
}

pub(super) async fn schedule(context: &mut Context<'_>, command: &ScheduleCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = schedules::schedule(context, &connection, command).await;
    connection.close().await;
    outcome
}

pub(super) async fn timer(context: &mut Context<'_>, command: &TimerCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = triggers::timer(context, &connection, command).await;
    connection.close().await;
    outcome
}

pub(super) async fn webhook(context: &mut Context<'_>, command: &WebhookCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = triggers::webhook(context, &connection, command).await;
    connection.close().await;
    outcome
}

/// Gets a list and shows it.
async fn list(
    context: &mut Context<'_>,
    connection: &Connection,
    (path, parts): (&str, &[(&str, String)]),
    (own, show): (&[&str], &Show),
    none: &str,
) -> CliResult {
    let found = connection.client.get(&format!("{path}?{}", query(parts))).await?;
    shown(context, &rows(found)?, (own, show), none)
}

/// Shows a list.
fn shown(context: &mut Context<'_>, rows: &[Value], (own, show): (&[&str], &Show), none: &str) -> CliResult {
    if rows.is_empty() && context.format == Format::Table {
        context.out.note(none);
        return Ok(0);
    }
    context
        .out
        .list(rows, &Columns::new(own, &show.attr), context.format)?;
    Ok(0)
}

/// The part of a query that says which of the things that happened are wanted.
fn period(
    period: &Period,
    names: (&'static str, &'static str),
    more: &[(&'static str, &Option<String>)],
) -> Vec<(&'static str, String)> {
    let mut parts = vec![("limit", period.last.to_string())];
    let times = [(names.0, &period.timestamp_gt), (names.1, &period.timestamp_lt)];
    for (name, value) in times.iter().chain(more) {
        parts.extend(value.as_ref().map(|value| (*name, value.clone())));
    }
    parts
}

/// Gets one thing; `what` and `otherwise` are for the case that there is none.
async fn one(
    connection: &Connection,
    path: &str,
    name: &str,
    (what, otherwise): (&str, &str),
) -> Result<Value, CliError> {
    let found = connection.client.get(&format!("{path}/{}", segment(name))).await;
    found.map_err(|error| unknown(error, name, (what, otherwise)))
}

fn unknown(error: crate::api::client::ClientError, name: &str, (what, otherwise): (&str, &str)) -> CliError {
    if error.status() == Some(404) {
        return CliError::unknown(what, name, &error, otherwise);
    }
    error.into()
}

/// Shows one thing: these attributes to people, everything to programs.
fn print(context: &mut Context<'_>, found: &Value, own: &[&str], show: &Show) -> CliResult {
    let chosen = match (context.format, show.attr.as_slice()) {
        (_, [all]) if all == "all" => found.clone(),
        (Format::Table, []) => own
            .iter()
            .map(|name| ((*name).to_owned(), attribute(found, name).clone()))
            .filter(|(_, value)| !is_nothing(value))
            .collect::<Map<_, _>>()
            .into(),
        (_, []) => found.clone(),
        (_, names) => names
            .iter()
            .map(|name| (name.clone(), attribute(found, name).clone()))
            .collect::<Map<_, _>>()
            .into(),
    };
    context.out.value(&chosen, context.format)?;
    Ok(0)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Deletes things one by one; tells of each what became of it.
async fn delete(
    context: &mut Context<'_>,
    connection: &Connection,
    path: &str,
    names: &[String],
    (what, otherwise): (&str, &str),
) -> CliResult {
    let mut status = 0;
    for name in names {
        let path = format!("{path}/{}", segment(name));
        match connection.client.delete(&path, None).await {
            Ok(_) => context.out.note(&format!("the {what} {name} has been removed")),
            Err(error) => {
                context.out.error(&unknown(error, name, (what, otherwise)));
                status = error::REFUSED;
            }
        }
    }
    Ok(status)
}

/// The value in a file of YAML or JSON.
fn read_value(path: &Path) -> Result<Value, CliError> {
    let failed =
        |why: &dyn std::fmt::Display| CliError::new(format!("cannot read {}: {why}", path.display()));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(FILE_LIMIT + 1)
            .read_to_string(&mut text)
            .map_err(|error| failed(&error))?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(FILE_LIMIT + 1).read_to_string(&mut text))
            .map_err(|error| failed(&error))?;
    }
    if text.len() as u64 > FILE_LIMIT {
        return Err(failed(&format_args!("it has more than {FILE_LIMIT} bytes")));
    }
    let document = crate::yaml::parse(&text).map_err(|fault| {
        let problem = fault.problem(&path.display().to_string(), Some(&text));
        CliError::new(problem.to_string())
    })?;
    Ok(document.to_json())
}

/// A time for people: in their zone, and in UTC where that is another one.
fn when(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let Ok(at) = text.parse::<Timestamp>() else {
        return text.to_owned();
    };
    let utc = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let here = at.to_zoned(TimeZone::system());
    if here.offset().is_zero() {
        return utc;
    }
    format!("{} ({utc})", here.strftime("%Y-%m-%d %H:%M:%S %Z"))
}
