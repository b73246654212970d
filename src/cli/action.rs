//! `sayso action …` and the help of an action.

use serde_json::{Value, json};

use super::args::{ActionCommand, Show};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::{Columns, cell, render_cells};
use super::{CliError, CliResult, Context, query, run};

pub(super) async fn action(context: &mut Context<'_>, command: &ActionCommand) -> CliResult {
    if let ActionCommand::Execute(args) = command {
        return run::run(context, args).await;
    }
    let connection = connect(context).await?;
    let outcome = match command {
        ActionCommand::List { pack, show } => list(context, &connection, pack.as_deref(), show).await,
        ActionCommand::Get { reference, show } => get(context, &connection, reference, show).await,
        ActionCommand::Execute(_) => Ok(0),
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
    let rows = rows(
        connection
            .client
            .get(&format!("/api/v1/actions?{}", query(&parts)))
            .await?,
    )?;
    if rows.is_empty() && context.format == Format::Table {
        context.out.note("no actions");
        return Ok(0);
    }
    let columns = Columns::new(&["ref", "pack", "description"], &show.attr);
    context.out.list(&rows, &columns, context.format)?;
    Ok(0)
}

async fn get(context: &mut Context<'_>, connection: &Connection, reference: &str, show: &Show) -> CliResult {
    let action = run::action(&connection.client, reference).await?;
    if context.format == Format::Table && show.attr.is_empty() {
        super::action::show(context, &action)?;
    } else {
        run::print(context, &action, &show.attr)?;
    }
    Ok(0)
}

/// An action for people: what it does, and its parameters, required ones first.
pub(super) fn show(context: &mut Context<'_>, action: &Value) -> Result<(), CliError> {
    if context.format != Format::Table {
        return context.out.value(action, context.format);
    }
    let text = |name: &str| cell(&action[name]);
    context.out.line(&text("ref"))?;
    if !text("description").is_empty() {
        context
            .out
            .line(&format!("  {}", text("description").replace('\n', "\n  ")))?;
    }
    context.out.line(&format!("  runner: {}", text("runner_type")))?;
    if action["enabled"] == json!(false) {
        context.out.line("  switched off: requests for it are refused")?;
    }
    let mut parameters: Vec<(&String, &Value)> = action["parameters"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, schema)| schema["immutable"] != json!(true))
        .collect();
    if parameters.is_empty() {
        return context.out.line("  takes no parameters");
    }
    parameters.sort_by_key(|(name, schema)| {
        let position = schema["position"].as_i64().unwrap_or(i64::MAX);
        (schema["required"] != json!(true), position, (*name).clone())
    });
    let header = ["parameter", "type", "required", "default", "description"].map(str::to_owned);
    let cells = parameters.into_iter().map(|(name, schema)| {
        let default = match &schema["default"] {
            _ if schema["secret"] == json!(true) => String::new(),
            Value::String(text) => format!("{text:?}"),
            other => cell(other),
        };
        let mut about = cell(&schema["description"]);
        if let Some(choices) = schema["enum"].as_array() {
            let choices: Vec<String> = choices.iter().map(cell).collect();
            about = format!("{about} (one of {})", choices.join(", "))
                .trim_start()
                .to_owned();
        }
        if schema["secret"] == json!(true) {
            about = format!("{about} (secret)").trim_start().to_owned();
        }
        let required = if schema["required"] == json!(true) {
            "yes"
        } else {
            ""
        };
        vec![
            name.clone(),
            cell(&schema["type"]),
            required.to_owned(),
            default,
            about,
        ]
    });
    let table = render_cells(&header, cells.collect(), context.out.width, context.out.colour);
    context.out.text(&format!("\n{table}"))
}
