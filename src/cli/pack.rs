//! `sayso pack …` and `sayso reload`.

use serde_json::{Value, json};

use super::args::{PackCommand, Show};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::{Columns, cell};
use super::{CliError, CliResult, Context, run, segment};

pub(super) async fn pack(context: &mut Context<'_>, command: &PackCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = match command {
        PackCommand::List { show } => list(context, &connection, show).await,
        PackCommand::Get { pack, show } => get(context, &connection, pack, show).await,
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
                return CliError::new(format!("there is no pack `{pack}`"))
                    .hint("`sayso pack list` lists all packs");
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
    let answer = connection
        .client
        .post("/api/v1/packs/register", Some(&json!({})))
        .await;
    connection.close().await;
    let answer = answer?;
    if embedded {
        context
            .out
            .note("no server is running: what it would read was read once and is in order");
    }
    if context.format != Format::Table {
        context.out.value(&answer, context.format)?;
        return Ok(0);
    }
    let told: Vec<String> = answer
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0))
        .map(|(what, count)| format!("{} {what}", cell(count)))
        .collect();
    context.out.line(&format!(
        "read again: {}",
        if told.is_empty() {
            "nothing".to_owned()
        } else {
            told.join(", ")
        }
    ))?;
    Ok(0)
}
