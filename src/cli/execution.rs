//! `sayso execution …`.

mod control;
mod fetch;
mod graph;
mod live;
mod show;
#[cfg(test)]
mod tests;

use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

use self::control::Wish;
use super::args::{ExecutionCommand, ListArgs, Show};
use super::connect::{Connection, connect};
use super::output::Format;
use super::run::{exit_status, print, summary, tail, unknown};
use super::table::{Columns, attribute};
use super::{CliError, CliResult, Context, query, segment};
use crate::model::Status;
use crate::workflow::progress::{Flow, is_flow};

const COLUMNS: [&str; 6] = [
    "id",
    "action.ref",
    "context.user",
    "status",
    "start_timestamp",
    "end_timestamp",
];

pub(super) async fn execution(context: &mut Context<'_>, command: &ExecutionCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = match command {
        ExecutionCommand::List(args) => list(context, &connection, args).await,
        ExecutionCommand::Get {
            id,
            show_secrets,
            key,
            graph: false,
            drawing: _,
            show,
        } => get(context, &connection, id, *show_secrets, key.as_deref(), show).await,
        ExecutionCommand::Get { id, drawing, .. } => match one(&connection, id).await {
            Ok(execution) => graph::draw(context, &connection, &execution, *drawing)
                .await
                .map(|()| 0),
            Err(error) => Err(error),
        },
        ExecutionCommand::Cancel { ids, now } => {
            control::ask(context, &connection, ids, Wish::Cancel(*now)).await
        }
        ExecutionCommand::Pause { ids } => control::ask(context, &connection, ids, Wish::Pause).await,
        ExecutionCommand::Resume { ids } => control::ask(context, &connection, ids, Wish::Resume).await,
        ExecutionCommand::Rerun(args) => control::rerun(context, &connection, args).await,
        ExecutionCommand::Tail { id, stream } => {
            followed(context, &connection, id, stream.map(super::args::Stream::as_str)).await
        }
        ExecutionCommand::Output { id, stream } => {
            output(context, &connection, id, stream.map(super::args::Stream::as_str)).await
        }
        ExecutionCommand::Children { id, depth, show } => {
            children(context, &connection, id, *depth, show).await
        }
    };
    connection.close().await;
    outcome
}

async fn list(context: &mut Context<'_>, connection: &Connection, args: &ListArgs) -> CliResult {
    if let Some(word) = &args.status {
        word.parse::<Status>().map_err(CliError::new)?;
    }
    let columns = Columns::new(&COLUMNS, &args.show.attr);
    let mut parts = vec![("limit", args.last.to_string())];
    for (name, value) in [
        ("action", &args.action),
        ("status", &args.status),
        ("user", &args.user),
        ("timestamp_gt", &args.timestamp_gt),
        ("timestamp_lt", &args.timestamp_lt),
    ] {
        parts.extend(value.clone().map(|value| (name, value)));
    }
    if args.timestamp_gt.is_some() {
        parts.push(("sort_desc", "true".to_owned()));
    }
    if !args.children {
        parts.push(("top_level", "true".to_owned()));
    }
    // Results can be large: they are fetched only when they are to be shown.
    match columns.roots() {
        Some(roots) => parts.push(("include_attributes", roots.join(","))),
        None if args.show.attr.is_empty() && context.format == Format::Table => {
            parts.push((
                "include_attributes",
                "id,action,context,status,start_timestamp,end_timestamp".to_owned(),
            ));
        }
        None if args.show.attr.is_empty() => {
            parts.push(("exclude_attributes", "result,trigger_instance".to_owned()));
        }
        None => {}
    }
    let found = connection
        .client
        .get(&format!("/api/v1/executions?{}", query(&parts)))
        .await?;
    let rows = rows(found)?;
    if rows.is_empty() && context.format == Format::Table {
        context.out.note("no executions");
        return Ok(0);
    }
    context.out.list(&rows, &columns, context.format)?;
    if rows.len() == args.last as usize && context.format == Format::Table {
        context.out.note(&format!(
            "there may be more: `-n {}` shows more",
            args.last.saturating_mul(2)
        ));
    }
    Ok(0)
}

/// The objects of a list.
pub(super) fn rows(answer: Value) -> Result<Vec<Value>, CliError> {
    match answer {
        Value::Array(rows) => Ok(rows),
        _ => Err(CliError::new(
            "the server's answer is no list: is this a Sayso server?",
        )),
    }
}

async fn get(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
    show_secrets: bool,
    key: Option<&str>,
    show: &Show,
) -> CliResult {
    let secrets = if show_secrets { "?show_secrets=true" } else { "" };
    let path = format!("/api/v1/executions/{}{secrets}", segment(id));
    let execution = connection
        .client
        .get(&path)
        .await
        .map_err(|error| unknown(id, error))?;
    match key {
        None if is_flow(&execution) && context.format == Format::Table && show.attr.is_empty() => {
            tree(context, connection, &execution).await?;
        }
        None => print(context, &execution, &show.attr)?,
        Some(key) => match (attribute(&execution, key), context.format) {
            (Value::String(text), Format::Table) => {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                context.out.text(&format!("{text}{end}"))?;
            }
            (value, format) => context.out.value(value, format)?,
        },
    }
    Ok(0)
}

/// A workflow for people: what it is, its tasks as a tree, what came out, and what can be done next.
async fn tree(context: &mut Context<'_>, connection: &Connection, execution: &Value) -> Result<(), CliError> {
    let (children, cut) = fetch::descendants(connection, execution).await?;
    let flow = Flow::of(execution, &children);
    let mut head = summary(execution);
    let output = head
        .get("result")
        .and_then(|result| result.get("output"))
        .cloned();
    if let Some(head) = head.as_object_mut() {
        head.shift_remove("result");
    }
    context.out.value(&head, Format::Table)?;
    let look = show::Look {
        width: context.out.width.map(usize::from),
        colour: context.out.colour,
        now: Timestamp::now(),
    };
    let lines = show::lines(&flow, look);
    if !lines.is_empty() {
        context.out.line("tasks:")?;
        for line in lines {
            context.out.line(&line)?;
        }
    }
    if cut {
        context
            .out
            .note("there are more executions below it than are shown here");
    }
    if let Some(output) = output.filter(|output| !output.is_null()) {
        context
            .out
            .value(&serde_json::json!({ "output": output }), Format::Table)?;
    }
    let steps = show::next_steps(&flow);
    if !steps.is_empty() {
        context.out.note("next:");
        for (command, what) in steps {
            context.out.note(&format!("  {command}  {what}"));
        }
    }
    Ok(())
}

async fn followed(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
    stream: Option<&str>,
) -> CliResult {
    let id = resolved(connection, id).await?;
    if stream.is_none() && is_flow(&one(connection, &id).await?) {
        live::follow(context, connection, &id).await?;
    } else {
        tail(context, connection, &id, stream).await?;
    }
    finished(context, connection, &id).await
}

/// An execution, whole.
async fn one(connection: &Connection, id: &str) -> Result<Value, CliError> {
    connection
        .client
        .get(&format!("/api/v1/executions/{}", segment(id)))
        .await
        .map_err(|error| unknown(id, error))
}

/// The id that `last` stands for now: it may be another one at the next request.
async fn resolved(connection: &Connection, id: &str) -> Result<String, CliError> {
    if id != "last" {
        return Ok(id.to_owned());
    }
    let newest = connection
        .client
        .get("/api/v1/executions/last?include_attributes=id")
        .await?;
    newest["id"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| CliError::new("there are no executions yet"))
}

async fn finished(context: &mut Context<'_>, connection: &Connection, id: &str) -> CliResult {
    let path = format!("/api/v1/executions/{}?include_attributes=id,status", segment(id));
    let execution = connection
        .client
        .get(&path)
        .await
        .map_err(|error| unknown(id, error))?;
    let word = execution["status"].as_str().unwrap_or_default();
    context.out.note(&format!("{id} {word}"));
    Ok(word.parse().map_or(0, exit_status))
}

async fn output(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
    stream: Option<&str>,
) -> CliResult {
    let wanted = stream.map_or_else(String::new, |stream| format!("?output_type={stream}"));
    let path = format!("/api/v1/executions/{}/output{wanted}", segment(id));
    let answer = connection
        .client
        .send_raw(Method::GET, &path, HeaderMap::new(), bytes::Bytes::new())
        .await?;
    let text = String::from_utf8_lossy(&answer.body);
    if !answer.status.is_success() {
        // The same refusal with the client's own reading of it.
        connection
            .client
            .get(&format!("/api/v1/executions/{}", segment(id)))
            .await
            .map_err(|e| unknown(id, e))?;
        return Err(CliError::new(format!(
            "the server answered {}: {}",
            answer.status,
            text.trim()
        )));
    }
    context.out.text(&text)?;
    Ok(0)
}

async fn children(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
    depth: i32,
    show: &Show,
) -> CliResult {
    let id = resolved(connection, id).await?;
    let path = format!("/api/v1/executions/{}/children?depth={depth}", segment(&id));
    let rows = rows(
        connection
            .client
            .get(&path)
            .await
            .map_err(|error| unknown(&id, error))?,
    )?;
    let columns = Columns::new(
        &["id", "action.ref", "status", "start_timestamp", "end_timestamp"],
        &show.attr,
    );
    context.out.list(&rows, &columns, context.format)?;
    Ok(0)
}
