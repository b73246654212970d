//! `sayso pack …` and `sayso reload`.

use std::path::PathBuf;

use serde_json::Value;

use super::args::{PackCommand, Show};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::{Columns, cell, visible};
use super::{CliError, CliResult, Context, run, segment};
use crate::content::{self, LintReport};
use crate::model::{Problem, Severity};

pub(super) async fn pack(context: &mut Context<'_>, command: &PackCommand) -> CliResult {
    if let PackCommand::Lint { paths } = command {
        return lint(context, paths);
    }
    if let PackCommand::Test { paths } = command {
        return super::workflow_tests::test(context, paths);
    }
    let connection = connect(context).await?;
    let outcome = match command {
        PackCommand::List { show } => list(context, &connection, show).await,
        PackCommand::Get { pack, show } => get(context, &connection, pack, show).await,
        PackCommand::Lint { .. } | PackCommand::Test { .. } => Ok(0),
    };
    connection.close().await;
    outcome
}

async fn list(context: &mut Context<'_>, connection: &Connection, show: &Show) -> CliResult {
    let rows = rows(connection.client.get("/api/v1/packs?limit=-1").await?)?;
    let columns = Columns::new(&["ref", "version", "description"], &show.attr);
    context.out.list(&rows, &columns, context.format)?;
    Ok(0)
}

async fn get(context: &mut Context<'_>, connection: &Connection, pack: &str, show: &Show) -> CliResult {
    let found = connection
        .client
        .get(&format!("/api/v1/packs/{}", segment(pack)))
        .await
        .map_err(|error| {
            if error.status() == Some(404) {
                return CliError::unknown("pack", pack, &error, "`sayso pack list` lists all packs");
            }
            error.into()
        })?;
    if context.format == Format::Table && show.attr.is_empty() {
        // The list of all files says little to people; `-a files` and the other formats have it.
        let mut short = found;
        if let Some(map) = short.as_object_mut() {
            map.retain(|name, value| name != "files" && !matches!(value, Value::Null));
        }
        context.out.value(&short, Format::Yaml)?;
    } else {
        run::print(context, &found, &show.attr)?;
    }
    Ok(0)
}

/// Makes the running server read its content again.
pub(super) async fn reload(context: &mut Context<'_>) -> CliResult {
    let connection = connect(context).await?;
    let embedded = connection.is_embedded();
    let answer = connection.client.post("/api/v1/reload", None).await;
    connection.close().await;
    let answer = answer?;
    if embedded {
        context
            .out
            .note("no server is running: this only shows what it would read");
    }
    if context.format != Format::Table {
        context.out.value(&answer, context.format)?;
        return Ok(0);
    }
    let mut quiet = true;
    for (name, told) in [
        ("added", "added"),
        ("changed", "changed"),
        ("removed", "removed"),
        ("kept", "kept as it was, because its file is broken now"),
    ] {
        for item in answer[name].as_array().into_iter().flatten() {
            quiet = false;
            context.out.line(&format!("{told}: {}", cell(item)))?;
        }
    }
    if quiet {
        context.out.line("everything is as before")?;
    }
    for problem in answer["problems"].as_array().into_iter().flatten() {
        if let Ok(problem) = serde_json::from_value::<Problem>(problem.clone()) {
            context
                .out
                .note(&visible(&format!("{}: {problem}", severity(problem.severity))));
        }
    }
    Ok(0)
}

/// The word for how bad a problem is.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Checks packs. Exit status 1 when one has errors.
fn lint(context: &mut Context<'_>, paths: &[PathBuf]) -> CliResult {
    let checks = context.host.checks();
    let reports: Vec<LintReport> = paths.iter().map(|path| content::lint(path, &checks)).collect();
    let ok = reports.iter().all(|report| report.ok);
    match (context.format, reports.as_slice()) {
        (Format::Table, _) => {
            for report in &reports {
                told(context, report)?;
            }
        }
        (format, [one]) => context.out.value(&as_value(one)?, format)?,
        (format, _) => context.out.value(&as_value(&reports)?, format)?,
    }
    Ok(u8::from(!ok))
}

fn as_value(reports: &impl serde::Serialize) -> Result<Value, CliError> {
    serde_json::to_value(reports).map_err(|error| CliError::new(error.to_string()))
}

/// The name of a kind of item for one of it.
fn singular(kind: &str) -> &str {
    match kind {
        "policies" => "policy",
        "aliases" => "alias",
        other => other.trim_end_matches('s'),
    }
}

fn told(context: &mut Context<'_>, report: &LintReport) -> Result<(), CliError> {
    for (problems, severity) in [
        (&report.errors, Severity::Error),
        (&report.warnings, Severity::Warning),
    ] {
        for problem in problems {
            let text = problem.problem(severity).to_string();
            context
                .out
                .line(&visible(&format!("{}: {text}", self::severity(severity))))?;
        }
    }
    let counts = as_value(&report.counts)?;
    let counted: Vec<String> = counts
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(what, count)| match count.as_u64() {
            Some(1) => format!("1 {}", singular(what)),
            _ => format!("{count} {what}"),
        })
        .collect();
    let counted = if counted.is_empty() {
        "nothing in it".to_owned()
    } else {
        counted.join(", ")
    };
    let number = |count: usize, what: &str| match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        more => format!("{more} {what}s"),
    };
    context.out.line(&format!(
        "{}: {}, {} ({counted})",
        report.pack,
        number(report.errors.len(), "error"),
        number(report.warnings.len(), "warning")
    ))
}
