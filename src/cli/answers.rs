//! `sayso inquiry …` and `sayso approval …`: what waits for people.

use std::io::{BufRead, IsTerminal as _};

use serde_json::{Map, Value, json};

use super::args::{ApprovalCommand, InquiryCommand, Show, Speaker};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::{Format, Output};
use super::parameters::Reading;
use super::table::{Columns, attribute};
use super::unechoed::Unechoed;
use super::{CliError, CliResult, Context, query, segment};
use crate::api::client::{Client, ClientError};
use crate::model::JsonMap;
use crate::params::ResponseSchema;

/// How often a field is asked for again when what was typed does not fit.
const TRIES: usize = 5;

pub(super) async fn inquiry(context: &mut Context<'_>, command: &InquiryCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = on_inquiry(context, &connection, command).await;
    connection.close().await;
    outcome
}

async fn on_inquiry(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &InquiryCommand,
) -> CliResult {
    let client = &connection.client;
    match command {
        InquiryCommand::List { last, show } => {
            let path = format!("/api/v1/inquiries?{}", query(&[("limit", last.to_string())]));
            let rows = rows(client.get(&path).await?)?;
            list(
                context,
                &rows,
                &["id", "route", "users", "roles", "ttl"],
                show,
                "no inquiries",
            )
        }
        InquiryCommand::Get { id, show } => {
            let found = client
                .get(&inquiry_path(id))
                .await
                .map_err(|error| no_inquiry(id, error))?;
            print(context, &found, show)
        }
        InquiryCommand::Respond {
            id,
            fields,
            response,
            speaker,
        } => {
            let client = speaking(client, speaker)?;
            let response = match response {
                Some(text) => serde_json::from_str(text)
                    .map_err(|error| CliError::new(format!("the answer is no JSON: {error}")))?,
                None => fields_of(context, &client, id, fields).await?,
            };
            let body = json!({"id": id, "response": response});
            let answered = client
                .put(&inquiry_path(id), Some(&body))
                .await
                .map_err(|error| no_inquiry(id, error))?;
            if context.format == Format::Table {
                context.out.note("answered");
            }
            context.out.value(&answered, context.format)?;
            Ok(0)
        }
    }
}

fn inquiry_path(id: &str) -> String {
    format!("/api/v1/inquiries/{}", segment(id))
}

/// The answer from words, or from the terminal when there are none.
async fn fields_of(
    context: &mut Context<'_>,
    client: &Client,
    id: &str,
    words: &[String],
) -> Result<Value, CliError> {
    let inquiry = client
        .get(&inquiry_path(id))
        .await
        .map_err(|error| no_inquiry(id, error))?;
    let schema = ResponseSchema::new(&inquiry["schema"])
        .map_err(|why| CliError::new(format!("the inquiry's schema cannot be read: {why}")))?;
    if words.is_empty() {
        if !std::io::stdin().is_terminal() {
            let names: Vec<String> = schema.fields().map(|(name, _)| format!("{name}=…")).collect();
            return Err(CliError::new("the answer is missing").hint(if names.is_empty() {
                "give it with --response JSON".to_owned()
            } else {
                format!("write it as {}, or with --response JSON", names.join(" "))
            }));
        }
        let hide = || Unechoed::begin(&std::io::stdin());
        return ask(&schema, &mut std::io::stdin().lock(), &hide, &mut context.out);
    }
    if let Some(word) = words.iter().find(|word| !word.contains('=')) {
        return Err(CliError::new(format!(
            "`{word}` answers nothing: write name=value"
        )));
    }
    let schemas: JsonMap = schema
        .fields()
        .map(|(name, field)| (name.to_owned(), field.clone()))
        .collect();
    let reading = Reading {
        action: "core.ask",
        schemas: &schemas,
        auto_dict: false,
        read_file: &|path: &std::path::Path| std::fs::read_to_string(path),
    };
    reading.parameters(words).map(Value::Object)
}

/// Asks for one field after another. `hide` is called before a secret is typed.
fn ask(
    schema: &ResponseSchema,
    input: &mut dyn BufRead,
    hide: &dyn Fn() -> Option<Unechoed>,
    out: &mut Output,
) -> Result<Value, CliError> {
    let mut response = Map::new();
    let schemas: JsonMap = schema
        .fields()
        .map(|(name, field)| (name.to_owned(), field.clone()))
        .collect();
    if schemas.is_empty() {
        return Err(CliError::new("the inquiry names no fields").hint("give the answer with --response JSON"));
    }
    let reading = Reading {
        action: "core.ask",
        schemas: &schemas,
        auto_dict: false,
        read_file: &|_: &std::path::Path| Err(std::io::ErrorKind::Unsupported.into()),
    };
    for (name, field) in schema.fields() {
        let required = field["required"] == json!(true) && field.get("default").is_none();
        if let Some(text) = field["description"].as_str() {
            out.note(text);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            if tries > TRIES {
                return Err(CliError::new(format!("`{name}` was not answered")));
            }
            out.note(&question(name, field, required));
            let mut line = String::new();
            let hidden = if field["secret"] == json!(true) {
                hide()
            } else {
                None
            };
            let read = input
                .read_line(&mut line)
                .map_err(|error| CliError::new(format!("cannot read the answer: {error}")))?;
            if let Some(hidden) = hidden {
                drop(hidden);
                // The line break was not shown either.
                out.note("");
            }
            if read == 0 {
                return Err(CliError::new("nothing was answered: the input ended"));
            }
            let text = line.trim();
            if text.is_empty() {
                if required {
                    out.note("an answer is needed");
                    continue;
                }
                break;
            }
            match reading.parameters(&[format!("{name}={}", plain(field, text))]) {
                Ok(mut read) => {
                    response.extend(read.remove(name).map(|value| (name.to_owned(), value)));
                    break;
                }
                Err(why) => out.note(&why.message),
            }
        }
    }
    Ok(Value::Object(response))
}

/// `yes` and `no` for booleans.
fn plain<'a>(field: &Value, text: &'a str) -> &'a str {
    match (field["type"].as_str(), text.to_ascii_lowercase().as_str()) {
        (Some("boolean"), "y" | "yes") => "true",
        (Some("boolean"), "n" | "no") => "false",
        _ => text,
    }
}

/// `env (prod or staging) [staging]:`.
fn question(name: &str, field: &Value, required: bool) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let kind = match (&field["enum"], &field["type"]) {
        (Value::Array(choices), _) => choices.iter().map(text).collect::<Vec<_>>().join(" or "),
        (_, Value::String(kind)) if kind == "boolean" => "yes or no".to_owned(),
        (_, Value::String(kind)) => kind.clone(),
        _ => "any value".to_owned(),
    };
    let otherwise = match field.get("default") {
        Some(default) => format!(" [{}]", text(default)),
        None if required => String::new(),
        None => " [nothing]".to_owned(),
    };
    format!("{name} ({kind}){otherwise}:")
}

fn no_inquiry(id: &str, error: ClientError) -> CliError {
    if error.status() == Some(404) {
        return CliError::new(format!("there is no inquiry {id}"))
            .hint("`sayso inquiry list` lists those that wait");
    }
    // The first line says what is wrong; the rest repeats the schema.
    let told = error.to_string();
    let mut error = CliError::from(error);
    if told.contains("did not pass schema validation") {
        told.lines()
            .next()
            .unwrap_or_default()
            .clone_into(&mut error.message);
        error = error.hint(format!("`sayso inquiry get {id}` shows what is asked"));
    }
    error
}

pub(super) async fn approval(context: &mut Context<'_>, command: &ApprovalCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = on_approval(context, &connection, command).await;
    connection.close().await;
    outcome
}

async fn on_approval(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &ApprovalCommand,
) -> CliResult {
    match command {
        ApprovalCommand::List {
            last,
            all,
            mine,
            speaker,
            show,
        } => {
            let client = speaking(&connection.client, speaker)?;
            let parts = [
                ("limit", last.to_string()),
                ("all", all.to_string()),
                ("mine", mine.to_string()),
            ];
            let mut rows = rows(
                client
                    .get(&format!("/api/v1/approvals?{}", query(&parts)))
                    .await?,
            )?;
            for row in &mut rows {
                row["votes_given"] = json!(format!(
                    "{}/{}",
                    row["given"].as_u64().unwrap_or(0),
                    row["needed"].as_u64().unwrap_or(0)
                ));
            }
            let columns = ["id", "title", "requesters", "votes_given", "state", "deadline"];
            list(context, &rows, &columns, show, "nothing waits for approval")
        }
        ApprovalCommand::Get { id, speaker, show } => {
            let client = speaking(&connection.client, speaker)?;
            let found = client
                .get(&approval_path(id, ""))
                .await
                .map_err(|error| no_approval(id, error))?;
            if context.format == Format::Table && show.attr.is_empty() {
                context.out.value(&summary(&found), Format::Table)?;
                return Ok(0);
            }
            print(context, &found, show)
        }
        ApprovalCommand::Approve {
            id,
            reason,
            fingerprint,
            speaker,
        } => {
            let body = json!({"vote": "approve", "reason": joined(reason), "fingerprint": fingerprint});
            act(context, connection, id, "/vote", &body, speaker).await
        }
        ApprovalCommand::Deny { id, reason, speaker } => {
            let body = json!({"vote": "deny", "reason": joined(reason)});
            act(context, connection, id, "/vote", &body, speaker).await
        }
        ApprovalCommand::Delegate { id, to, speaker } => {
            act(context, connection, id, "/delegate", &json!({"to": to}), speaker).await
        }
    }
}

fn joined(words: &[String]) -> Option<String> {
    Some(words.join(" ")).filter(|text| !text.is_empty())
}

fn approval_path(id: &str, rest: &str) -> String {
    format!("/api/v1/approvals/{}{rest}", segment(id))
}

async fn act(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
    rest: &str,
    body: &Value,
    speaker: &Speaker,
) -> CliResult {
    let client = speaking(&connection.client, speaker)?;
    let done = client
        .post(&approval_path(id, rest), Some(body))
        .await
        .map_err(|error| no_approval(id, error))?;
    if context.format == Format::Table {
        let state = done["state"].as_str().unwrap_or_default();
        context.out.line(&format!(
            "{id} {state}: {} of {} approvals",
            done["given"], done["needed"]
        ))?;
    } else {
        context.out.value(&done, context.format)?;
    }
    Ok(0)
}

/// What somebody who decides looks at first; what is empty is left out.
fn summary(approval: &Value) -> Value {
    let mut shown = Map::new();
    for name in [
        "id",
        "state",
        "title",
        "reason",
        "requesters",
        "action",
        "version",
        "parameters",
        "fingerprint",
        "asked",
        "given",
        "needed",
        "missing",
        "votes",
        "delegations",
        "voided",
        "deadline",
        "error",
    ] {
        let value = &approval[name];
        let empty = match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        if !empty {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(shown)
}

fn no_approval(id: &str, error: ClientError) -> CliError {
    if error.status() == Some(404) {
        return CliError::new(format!("there is no approval {id}"))
            .hint("`sayso approval list` lists those that wait");
    }
    let changed = error.status() == Some(409);
    let error = CliError::from(error);
    if changed {
        return error.hint(format!("`sayso approval get {id}` shows it"));
    }
    error
}

fn speaking(client: &Client, speaker: &Speaker) -> Result<Client, CliError> {
    Ok(match &speaker.name {
        Some(name) => client.acting_as(name)?,
        None => client.clone(),
    })
}

fn list(context: &mut Context<'_>, rows: &[Value], own: &[&str], show: &Show, none: &str) -> CliResult {
    if rows.is_empty() && context.format == Format::Table {
        context.out.note(none);
        return Ok(0);
    }
    context
        .out
        .list(rows, &Columns::new(own, &show.attr), context.format)?;
    Ok(0)
}

fn print(context: &mut Context<'_>, value: &Value, show: &Show) -> CliResult {
    let shown = match &show.attr[..] {
        [] => value.clone(),
        [all] if all == "all" => value.clone(),
        names => names
            .iter()
            .map(|name| (name.clone(), attribute(value, name).clone()))
            .collect(),
    };
    context.out.value(&shown, context.format)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(schema: &Value, typed: &str) -> (Result<Value, String>, String) {
        let schema = ResponseSchema::new(schema).unwrap();
        let (mut out, _, stderr) = Output::captured(None);
        let response = ask(&schema, &mut typed.as_bytes(), &|| None, &mut out).map_err(|error| error.message);
        (response, stderr.text())
    }

    #[test]
    fn only_secrets_are_hidden_while_they_are_typed() {
        let schema = json!({"type": "object", "properties": {
            "env": {"type": "string", "required": true},
            "token": {"type": "string", "secret": true, "required": true},
        }});
        let schema = ResponseSchema::new(&schema).unwrap();
        let (mut out, _, stderr) = Output::captured(None);
        let hidden = std::cell::RefCell::new(Vec::new());
        let hide = || {
            hidden.borrow_mut().push(stderr.text());
            None
        };
        ask(&schema, &mut &b"prod\nhunter2\n"[..], &hide, &mut out).unwrap();
        let hidden = hidden.into_inner();
        assert_eq!(hidden.len(), 1);
        assert!(
            hidden[0].lines().last().unwrap().starts_with("token"),
            "{hidden:?}"
        );
        assert!(!stderr.text().contains("hunter2"));
    }

    #[test]
    fn fields_are_asked_for_one_after_another() {
        let schema = json!({"type": "object", "properties": {
            "continue": {"type": "boolean", "description": "Shall it go on?", "required": true},
            "env": {"type": "string", "enum": ["prod", "staging"], "default": "staging"},
            "count": {"type": "integer"},
        }});
        let (response, asked) = answered(&schema, "\nperhaps\nyes\n\n3\n");
        assert_eq!(response.unwrap(), json!({"continue": true, "count": 3}));
        assert_eq!(
            asked.lines().collect::<Vec<_>>(),
            [
                "Shall it go on?",
                "continue (yes or no):",
                "an answer is needed",
                "continue (yes or no):",
                "the parameter `continue` must be true or false, `perhaps` is not",
                "continue (yes or no):",
                "env (prod or staging) [staging]:",
                "count (integer) [nothing]:",
            ]
        );
        let (response, _) = answered(&schema, "yes\n");
        assert_eq!(response.unwrap_err(), "nothing was answered: the input ended");
        let (response, _) = answered(&schema, &"no way\n".repeat(9));
        assert_eq!(response.unwrap_err(), "`continue` was not answered");
    }
}
