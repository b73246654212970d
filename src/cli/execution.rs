//! `sayso execution …`.

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::args::{ExecutionCommand, ListArgs, RerunArgs, Show};
use super::connect::{Connection, connect};
use super::output::Format;
use super::parameters::Reading;
use super::run::{action, exit_status, follow, print, tail, unknown};
use super::table::{Columns, attribute};
use super::{CliError, CliResult, Context, query, segment};
use crate::model::Status;

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
            show,
        } => get(context, &connection, id, *show_secrets, key.as_deref(), show).await,
        ExecutionCommand::Cancel { ids } => cancel(context, &connection, ids).await,
        ExecutionCommand::Rerun(args) => rerun(context, &connection, args).await,
        ExecutionCommand::Tail { id, stream } => {
            let id = resolved(&connection, id).await?;
            match tail(context, &connection, &id, stream.map(super::args::Stream::as_str)).await {
                Ok(()) => finished(context, &connection, &id).await,
                Err(error) => Err(error),
            }
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

async fn cancel(context: &mut Context<'_>, connection: &Connection, ids: &[String]) -> CliResult {
    let mut answers = Vec::new();
    let mut refused = 0;
    for id in ids {
        match connection
            .client
            .delete(&format!("/api/v1/executions/{}", segment(id)), None)
            .await
        {
            Ok(answer) => {
                if context.format == Format::Table {
                    let told = answer["faultstring"].as_str().map_or_else(
                        || {
                            format!(
                                "{id} {}",
                                attribute(&answer, "status").as_str().unwrap_or("canceling")
                            )
                        },
                        str::to_owned,
                    );
                    context.out.line(&told)?;
                }
                answers.push(answer);
            }
            Err(error) => {
                refused += 1;
                context.out.error(&unknown(id, error));
            }
        }
    }
    if context.format != Format::Table {
        context.out.value(&Value::Array(answers), context.format)?;
    }
    Ok(if refused == 0 { 0 } else { super::error::REFUSED })
}

async fn rerun(context: &mut Context<'_>, connection: &Connection, args: &RerunArgs) -> CliResult {
    let id = resolved(connection, &args.id).await?;
    let path = format!("/api/v1/executions/{}", segment(&id));
    let original = connection
        .client
        .get(&format!("{path}?include_attributes=action"))
        .await
        .map_err(|error| unknown(&id, error))?;
    let mut body = json!({});
    if !args.parameters.is_empty() {
        let reference = attribute(&original, "action.ref")
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let action = action(&connection.client, &reference).await?;
        let schemas = action["parameters"].as_object().cloned().unwrap_or_default();
        let parameters = Reading {
            action: &reference,
            schemas: &schemas,
            auto_dict: false,
            read_file: &|path: &std::path::Path| std::fs::read_to_string(path),
        }
        .parameters(&args.parameters)?;
        body["parameters"] = Value::Object(parameters);
    }
    if let Some(delay) = args.delay {
        body["delay"] = json!(delay);
    }
    let merge = if args.no_merge { "?no_merge=true" } else { "" };
    let accepted = connection
        .client
        .post(&format!("{path}/re_run{merge}"), Some(&body))
        .await?;
    follow(context, connection, accepted, &args.following, &[]).await
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
