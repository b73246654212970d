//! `sayso gc …`.

use serde_json::{Value, json};

use super::args::GcCommand;
use super::connect::connect;
use super::execution::rows;
use super::output::Format;
use super::table::Columns;
use super::{CliError, CliResult, Context};

const COLUMNS: [&str; 4] = ["kind", "days", "count", "more"];

pub(super) async fn gc(context: &mut Context<'_>, command: &GcCommand) -> CliResult {
    let connection = connect(context).await?;
    let answer = match command {
        GcCommand::Run { dry_run } => {
            let body = json!({ "dry_run": dry_run });
            connection.client.post("/api/v1/gc/run", Some(&body)).await
        }
        GcCommand::Status => connection.client.get("/api/v1/gc/status").await,
    };
    connection.close().await;
    show(context, &answer?, command)?;
    Ok(0)
}

fn show(context: &mut Context<'_>, answer: &Value, command: &GcCommand) -> Result<(), CliError> {
    if context.format != Format::Table {
        return context.out.value(answer, context.format);
    }
    let report = match command {
        GcCommand::Run { .. } => answer,
        GcCommand::Status => &answer["last"],
    };
    if report.is_null() {
        context.out.note("nothing was deleted since the start");
        return context.out.value(&answer["settings"], context.format);
    }
    context.out.list(
        &rows(report["kinds"].clone())?,
        &Columns::new(&COLUMNS, &[]),
        context.format,
    )?;
    context.out.note(if report["dry_run"] == true {
        "nothing was deleted: this is what would be"
    } else {
        "days 0: kept for ever"
    });
    Ok(())
}
