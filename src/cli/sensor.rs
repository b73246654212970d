//! `sayso sensor …`: what watches the world, and how it is.

use serde_json::{Value, json};

use super::args::{SensorCommand, Show};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::Columns;
use super::{CliError, CliResult, Context, query, run, segment};

const LISTED: [&str; 9] = [
    "ref",
    "enabled",
    "state",
    "pid",
    "restarts",
    "events",
    "last_event",
    "last_error",
    "description",
];

pub(super) async fn sensor(context: &mut Context<'_>, command: &SensorCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = match command {
        SensorCommand::List { pack, show } => list(context, &connection, pack.as_deref(), show).await,
        SensorCommand::Get { reference, show } => get(context, &connection, reference, show).await,
        SensorCommand::Enable { references } => switch(context, &connection, references, true).await,
        SensorCommand::Disable { references } => switch(context, &connection, references, false).await,
    };
    connection.close().await;
    outcome
}

async fn list(
    context: &mut Context<'_>,
    connection: &Connection,
    pack: Option<&str>,
    show: &Show,
) -> CliResult {
    let mut parts = vec![("limit", "-1".to_owned())];
    parts.extend(pack.map(|pack| ("pack", pack.to_owned())));
    let path = format!("/api/v1/sensortypes?{}", query(&parts));
    let mut rows = rows(connection.client.get(&path).await?)?;
    if context.format == Format::Table {
        rows.iter_mut().for_each(flatten);
    }
    let columns = Columns::new(&LISTED, &show.attr);
    context.out.list(&rows, &columns, context.format)?;
    Ok(0)
}

/// Puts what is in `status` beside the rest, so that a table can show it.
fn flatten(sensor: &mut Value) {
    let status = sensor["status"].clone();
    for (name, value) in status.as_object().into_iter().flatten() {
        if sensor.get(name).is_none() {
            sensor[name.as_str()] = value.clone();
        }
    }
}

async fn get(context: &mut Context<'_>, connection: &Connection, reference: &str, show: &Show) -> CliResult {
    let found = connection
        .client
        .get(&path(reference))
        .await
        .map_err(|error| unknown(error, reference))?;
    if context.format == Format::Table && show.attr.is_empty() {
        context.out.value(&found, Format::Yaml)?;
    } else {
        run::print(context, &found, &show.attr)?;
    }
    Ok(0)
}

async fn switch(
    context: &mut Context<'_>,
    connection: &Connection,
    references: &[String],
    enabled: bool,
) -> CliResult {
    let mut switched = Vec::new();
    for reference in references {
        let answered = connection
            .client
            .put(&path(reference), Some(&json!({"enabled": enabled})))
            .await
            .map_err(|error| unknown(error, reference))?;
        if context.format == Format::Table {
            let word = if enabled { "enabled" } else { "disabled" };
            context.out.note(&format!("{reference} is {word}"));
        }
        switched.push(answered);
    }
    if context.format != Format::Table {
        let value = match <[Value; 1]>::try_from(switched) {
            Ok([one]) => one,
            Err(all) => Value::Array(all),
        };
        context.out.value(&value, context.format)?;
    }
    Ok(0)
}

fn path(reference: &str) -> String {
    format!("/api/v1/sensortypes/{}", segment(reference))
}

fn unknown(error: crate::api::client::ClientError, reference: &str) -> CliError {
    if error.status() == Some(404) {
        return CliError::new(format!("there is no sensor `{reference}`"))
            .hint("`sayso sensor list` lists all sensors");
    }
    error.into()
}
