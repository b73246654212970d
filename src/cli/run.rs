//! `sayso run`: from words to a request, from a request to an exit status.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

use super::args::{ExecuteArgs, Following, RunArgs};
use super::connect::{Connection, connect};
use super::output::Format;
use super::parameters::Reading;
use super::table::attribute;
use super::{CliError, CliResult, Context, segment};
use crate::api::client::{Client, ClientError};
use crate::model::{JsonMap, Status};

/// How long to wait between looks at an execution: short at first, for actions that end at once.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// Exit status after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;
/// Variables of a shell that are no business of an action (CLI-4).
const SHELL_VARIABLES: [&str; 9] = [
    "PWD",
    "OLDPWD",
    "SHLVL",
    "_",
    "PS1",
    "PS2",
    "LS_COLORS",
    "TERM",
    "SHELL",
];

/// The exit status that stands for how an execution ended.
#[must_use]
pub fn exit_status(status: Status) -> u8 {
    match status {
        Status::Failed => 1,
        Status::Timeout => 3,
        Status::Canceled => 4,
        Status::Abandoned => 5,
        _ => 0,
    }
}

/// `sayso run`.
pub(super) async fn run(context: &mut Context<'_>, args: &RunArgs) -> CliResult {
    let connection = connect(context).await?;
    let outcome = requested(context, &connection, args).await;
    connection.close().await;
    outcome
}

async fn requested(context: &mut Context<'_>, connection: &Connection, args: &RunArgs) -> CliResult {
    let action = action(&connection.client, &args.action).await?;
    if args.help_action {
        return super::action::show(context, &action).map(|()| 0);
    }
    let schemas = action["parameters"].as_object().cloned().unwrap_or_default();
    let reading = Reading {
        action: &args.action,
        schemas: &schemas,
        auto_dict: args.request.auto_dict,
        read_file: &|path: &Path| std::fs::read_to_string(path),
    }
    .parameters(&args.parameters)?;
    let body = request(context, &args.action, reading, &args.request);
    let accepted = connection.client.post("/api/v1/executions", Some(&body)).await;
    let accepted = accepted.map_err(|error| {
        let about_parameters = error.status() == Some(400);
        let error = CliError::from(error);
        if about_parameters && error.hint.is_empty() {
            error.hint(format!(
                "`sayso action get {}` shows the action's parameters",
                args.action
            ))
        } else {
            error
        }
    })?;
    follow(context, connection, accepted, &args.following, &args.attr).await
}

/// The action with its runner's parameters merged in.
pub(super) async fn action(client: &Client, reference: &str) -> Result<Value, CliError> {
    client
        .get(&format!("/api/v1/actions/views/overview/{}", segment(reference)))
        .await
        .map_err(|error| {
            if error.status() == Some(404) {
                return CliError::unknown(
                    "action",
                    reference,
                    &error,
                    "`sayso action list` lists all actions",
                );
            }
            error.into()
        })
}

fn request(context: &Context<'_>, action: &str, mut parameters: JsonMap, args: &ExecuteArgs) -> Value {
    if args.inherit_env {
        let variables: Map<String, Value> = context
            .variables
            .iter()
            .filter(|(name, _)| !SHELL_VARIABLES.contains(&name.as_str()) && !name.starts_with("SAYSO_"))
            .map(|(name, value)| (name.clone(), Value::String(value.clone())))
            .collect();
        parameters.insert("env".to_owned(), Value::Object(variables));
    }
    let mut body = json!({"action": action, "parameters": parameters});
    if let Some(user) = &args.user {
        body["user"] = json!(user);
    }
    if let Some(delay) = args.delay {
        body["delay"] = json!(delay);
    }
    if let Some(tag) = &args.trace_tag {
        body["context"] = json!({"trace_context": {"trace_tag": tag}});
    }
    if let Some(id) = &args.trace_id {
        body["context"] = json!({"trace_context": {"id_": id}});
    }
    body
}

/// Follows an accepted execution as the user wants, prints it, and gives the exit status.
pub(super) async fn follow(
    context: &mut Context<'_>,
    connection: &Connection,
    accepted: Value,
    following: &Following,
    attributes: &[String],
) -> CliResult {
    let id = accepted["id"]
        .as_str()
        .ok_or_else(|| CliError::new("the server's answer has no id: is this a Sayso server?"))?
        .to_owned();
    if following.no_wait {
        if context.format == Format::Table && attributes.is_empty() {
            context.out.line(&format!(
                "{id} {}",
                accepted["status"].as_str().unwrap_or("requested")
            ))?;
            if !connection.is_embedded() {
                context
                    .out
                    .note(&format!("`sayso execution get {id}` shows what becomes of it"));
            }
        } else {
            print(context, &accepted, attributes)?;
        }
        if connection.is_embedded() {
            context
                .out
                .note("no server is running: waiting here until it ends");
            outcome(context, connection, &id).await?;
        }
        return Ok(0);
    }
    if following.tail {
        tail(context, connection, &id, None).await?;
    }
    let execution = outcome(context, connection, &id).await?;
    let status = status(&execution)?;
    if following.tail {
        context.out.note(&format!("{id} {status}"));
    } else {
        print(context, &execution, attributes)?;
    }
    Ok(exit_status(status))
}

/// The execution once it is over. One that waits for people is left to them when it lives in this process: nobody
/// could answer it here.
async fn outcome(context: &mut Context<'_>, connection: &Connection, id: &str) -> Result<Value, CliError> {
    let client = &connection.client;
    let first = interruptible(context, connection, id, settled(client, id, true)).await?;
    if status(&first)? != Status::Pending {
        return Ok(first);
    }
    let how = match first["runner"]["name"].as_str() {
        Some("approval") => format!("`sayso approval get {id}` shows what is to be approved"),
        _ => format!("`sayso inquiry respond {id}` answers"),
    };
    if connection.is_embedded() {
        context.out.note(&format!(
            "it waits for people; with a server running (sayso serve), {how}"
        ));
        return Ok(first);
    }
    context.out.note(&format!("it waits for people: {how}"));
    interruptible(context, connection, id, settled(client, id, false)).await
}

fn status(execution: &Value) -> Result<Status, CliError> {
    execution["status"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(CliError::new)
}

/// Waits for `work`; Ctrl-C ends the command, and the execution too when it lives in this process.
async fn interruptible<T>(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => {
            let mut told = CliError::new("").status(INTERRUPTED);
            if connection.is_embedded() {
                let _ = connection.client.delete(&format!("/api/v1/executions/{id}"), None).await;
                told.message = format!("interrupted: execution {id} was canceled");
            } else {
                context.out.note(&format!("execution {id} goes on; `sayso execution cancel {id}` stops it"));
            }
            Err(told)
        }
    }
}

/// The execution once it is over (or, when asked for, once it waits for people), whole.
async fn settled(client: &Client, id: &str, or_waits: bool) -> Result<Value, CliError> {
    let mut pause = FIRST_PAUSE;
    loop {
        let state = client
            .get(&format!("/api/v1/executions/{id}?include_attributes=status"))
            .await?;
        let state = status(&state)?;
        if state.is_completed() || (or_waits && state == Status::Pending) {
            return Ok(client.get(&format!("/api/v1/executions/{id}")).await?);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LAST_PAUSE);
    }
}

/// Prints the output of an execution as it comes, until the execution ends.
pub(super) async fn tail(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
    stream: Option<&str>,
) -> Result<(), CliError> {
    let path = stream.map_or_else(
        || format!("/api/v1/executions/{}/output?follow=1", segment(id)),
        |stream| {
            format!(
                "/api/v1/executions/{}/output?follow=1&output_type={stream}",
                segment(id)
            )
        },
    );
    let mut events = connection.client.events(&path).await?;
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = tokio::signal::ctrl_c() => return Err(CliError::new("").status(INTERRUPTED)),
        };
        let Some(event) = event.transpose()? else {
            return Ok(());
        };
        if event.event == "EOF" {
            return Ok(());
        }
        let chunk: Value = event.json()?;
        if let Some(text) = chunk["data"].as_str() {
            context.out.text(text)?;
        }
    }
}

/// Prints an execution: whole for programs, what matters for people.
pub(super) fn print(
    context: &mut Context<'_>,
    execution: &Value,
    attributes: &[String],
) -> Result<(), CliError> {
    let format = context.format;
    let shown = match (format, attributes) {
        (_, [all]) if all == "all" => execution.clone(),
        (Format::Table, []) => summary(execution),
        (_, []) => execution.clone(),
        (_, names) => names
            .iter()
            .map(|name| (name.clone(), attribute(execution, name).clone()))
            .collect(),
    };
    context.out.value(&shown, format)
}

/// What matters to people of an execution.
pub(super) fn summary(execution: &Value) -> Value {
    let mut shown = Map::new();
    for name in [
        "id",
        "action.ref",
        "context.user",
        "parameters",
        "status",
        "start_timestamp",
        "end_timestamp",
    ] {
        let value = attribute(execution, name);
        if !value.is_null() {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    if !execution["waiting"]["text"].is_null() {
        shown.insert("waiting".to_owned(), execution["waiting"]["text"].clone());
    }
    if let Some(seconds) = execution["elapsed_seconds"].as_f64() {
        shown.insert(
            "elapsed_seconds".to_owned(),
            json!((seconds * 1000.0).round() / 1000.0),
        );
    }
    if !execution["result"].is_null() {
        shown.insert("result".to_owned(), execution["result"].clone());
    }
    Value::Object(shown)
}

/// What went wrong, with `last` explained when there is no execution.
pub(super) fn unknown(id: &str, error: ClientError) -> CliError {
    if error.status() == Some(404) {
        return CliError::new(format!("there is no execution {id}"))
            .hint("`sayso execution list` lists the newest");
    }
    error.into()
}
