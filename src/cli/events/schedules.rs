//! `sayso schedule …`.

use std::path::Path;

use serde_json::{Value, json};

use super::{print, shown, when};
use crate::cli::args::{ScheduleArgs, ScheduleCommand, Show};
use crate::cli::connect::Connection;
use crate::cli::execution::rows;
use crate::cli::output::Format;
use crate::cli::parameters::Reading;
use crate::cli::table::cell;
use crate::cli::{CliError, CliResult, Context, run};

const PATH: &str = "/api/v1/schedules";
const SHOWN: [&str; 12] = [
    "number",
    "when",
    "timezone",
    "command",
    "action",
    "parameters",
    "user",
    "misfire",
    "grace",
    "paused",
    "next",
    "last",
];

pub(super) async fn schedule(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &ScheduleCommand,
) -> CliResult {
    let client = &connection.client;
    let unknown = |number: &u64, error: crate::api::client::ClientError| {
        if error.status() == Some(404) {
            return CliError::new(format!("there is no schedule {number} of yours"))
                .hint("`sayso schedule list` lists them");
        }
        error.into()
    };
    let (found, show) = match command {
        ScheduleCommand::Add(args) => (add(connection, args).await?, &Show::default()),
        ScheduleCommand::List { show } => {
            let mut found = rows(client.get(PATH).await?)?;
            if context.format == Format::Table && show.attr.is_empty() {
                for one in &mut found {
                    let what = match &one["command"] {
                        Value::Null => cell(&one["action"]),
                        command => cell(command),
                    };
                    one["what"] = what.into();
                    one["next"] = match (&one["paused"], one["next"].get(0)) {
                        (Value::Bool(true), _) => "paused".into(),
                        (_, Some(next)) => when(next).into(),
                        _ => "never any more".into(),
                    };
                }
            }
            let own = ["number", "when", "what", "user", "next"];
            return shown(context, &found, (&own, show), "no schedules");
        }
        ScheduleCommand::Get { number, show } => {
            let found = client.get(&format!("{PATH}/{number}")).await;
            (found.map_err(|error| unknown(number, error))?, show)
        }
        ScheduleCommand::Pause { number } => {
            let found = client.post(&format!("{PATH}/{number}/pause"), None).await;
            (found.map_err(|error| unknown(number, error))?, &Show::default())
        }
        ScheduleCommand::Resume { number } => {
            let found = client.post(&format!("{PATH}/{number}/resume"), None).await;
            (found.map_err(|error| unknown(number, error))?, &Show::default())
        }
        ScheduleCommand::Remove { number } => {
            let done = client.delete(&format!("{PATH}/{number}"), None).await;
            done.map_err(|error| unknown(number, error))?;
            context.out.note(&format!("schedule {number} has been removed"));
            return Ok(0);
        }
    };
    let mut found = found;
    if context.format == Format::Table
        && let Some(next) = found["next"].as_array()
    {
        found["next"] = next.iter().map(when).map(Value::from).collect();
    }
    print(context, &found, &SHOWN, show)
}

async fn add(connection: &Connection, args: &ScheduleArgs) -> Result<Value, CliError> {
    let client = match &args.speaker.name {
        Some(name) => connection.client.acting_as(name)?,
        None => connection.client.clone(),
    };
    let mut body = json!({"when": args.when});
    for (name, value) in [
        ("command", &args.say),
        ("timezone", &args.timezone),
        ("misfire", &args.misfire),
        ("grace", &args.grace),
    ] {
        if let Some(value) = value {
            body[name] = value.clone().into();
        }
    }
    if let Some(reference) = &args.action {
        let action = run::action(&client, reference).await?;
        let schemas = action["parameters"].as_object().cloned().unwrap_or_default();
        let parameters = Reading {
            action: reference,
            schemas: &schemas,
            auto_dict: false,
            read_file: &|path: &Path| std::fs::read_to_string(path),
        }
        .parameters(&args.parameters)?;
        body["action"] = reference.clone().into();
        body["parameters"] = Value::Object(parameters);
    }
    Ok(client.post(PATH, Some(&body)).await?)
}
