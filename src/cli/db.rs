//! `sayso db …`.

use std::path::Path;

use serde_json::{Value, json};

use super::args::DbCommand;
use super::base::Base;
use super::output::Format;
use super::table::visible;
use super::{CliError, CliResult, Context};
use crate::store::Store as _;

/// Exit status when the database is damaged.
const DAMAGED: u8 = 1;

pub(super) async fn db(context: &mut Context<'_>, command: &DbCommand) -> CliResult {
    let base = Base::open(context).await?;
    let outcome = match command {
        DbCommand::Check => check(context, &base).await,
        DbCommand::Backup { target } => backup(context, &base, target).await,
        DbCommand::Stats => stats(context, &base).await,
    };
    base.close().await;
    outcome
}

async fn check(context: &mut Context<'_>, base: &Base) -> CliResult {
    let complaints = base.check().await?;
    let ok = complaints.is_empty();
    if context.format != Format::Table {
        context
            .out
            .value(&json!({"ok": ok, "complaints": complaints}), context.format)?;
    } else if ok {
        context.out.line("the database is sound")?;
    } else {
        for complaint in &complaints {
            context.out.line(&visible(complaint))?;
        }
        context
            .out
            .note("the database is damaged: stop the server, keep the file, put a backup in its place");
    }
    Ok(if ok { 0 } else { DAMAGED })
}

async fn backup(context: &mut Context<'_>, base: &Base, target: &Path) -> CliResult {
    let written = match base {
        Base::Api(client) => {
            client
                .post(
                    "/api/v1/db/backup",
                    Some(&json!({"target": target.display().to_string()})),
                )
                .await?
        }
        Base::File(store) => {
            let target = std::path::absolute(target).unwrap_or_else(|_| target.to_path_buf());
            if target.exists() {
                return Err(CliError::new(format!("{} exists already", target.display()))
                    .hint("a backup does not replace anything: choose another name or remove it first"));
            }
            store.backup(&target).await?;
            let bytes = std::fs::metadata(&target).map_or(0, |file| file.len());
            json!({"target": target.display().to_string(), "bytes": bytes})
        }
    };
    if context.format == Format::Table {
        let name = written["target"].as_str().unwrap_or_default();
        context
            .out
            .line(&format!("{name}: {}", size(&written["bytes"])))?;
    } else {
        context.out.value(&written, context.format)?;
    }
    Ok(0)
}

async fn stats(context: &mut Context<'_>, base: &Base) -> CliResult {
    let mut stats = base.stats().await?;
    if context.format == Format::Table {
        for name in ["bytes", "wal_bytes"] {
            stats[name] = Value::String(size(&stats[name]));
        }
    }
    context.out.value(&stats, context.format)?;
    Ok(0)
}

/// A number of bytes for people.
#[allow(clippy::cast_precision_loss)] // two digits are shown
pub(super) fn size(bytes: &Value) -> String {
    let bytes = bytes.as_u64().unwrap_or_default();
    let (mut value, mut unit) = (bytes as f64, "bytes");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "bytes" {
        format!("{bytes} bytes")
    } else {
        format!("{value:.1} {unit}")
    }
}
