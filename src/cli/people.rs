//! `sayso user …` and `sayso access …`: who is who, and who may do what.

use serde_json::{Map, Value, json};

use super::args::{AccessCommand, Question, UserCommand};
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::Columns;
use super::{CliError, CliResult, Context, error, rights, segment};

pub(super) async fn user(context: &mut Context<'_>, command: &UserCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = on_user(context, &connection, command).await;
    connection.close().await;
    outcome
}

async fn on_user(context: &mut Context<'_>, connection: &Connection, command: &UserCommand) -> CliResult {
    let client = &connection.client;
    let person = |name: &str, rest: &str| format!("/api/v1/people/{}{rest}", segment(name));
    match command {
        UserCommand::List { show } => {
            let mut people = rows(client.get("/api/v1/people").await?)?;
            if context.format == Format::Table {
                people.iter_mut().for_each(flatten);
            }
            let columns = Columns::new(&["name", "active", "roles", "accounts", "emails"], &show.attr);
            context.out.list(&people, &columns, context.format)?;
            Ok(0)
        }
        UserCommand::Get { name } => {
            let mut found = client.get(&person(name, "")).await?;
            if context.format == Format::Table {
                flatten(&mut found);
            }
            context.out.value(&found, context.format)?;
            Ok(0)
        }
        UserCommand::Create { name, email, role } => {
            let mut body = json!({"name": name});
            for (key, list) in [("email", email), ("roles", role)] {
                if !list.is_empty() {
                    body[key] = json!(list);
                }
            }
            client.post("/api/v1/people", Some(&body)).await?;
            context.out.note(&format!("{name} is known"));
            Ok(0)
        }
        UserCommand::Delete { name } => {
            client.delete(&person(name, ""), None).await?;
            context.out.note(&format!("{name} is forgotten"));
            Ok(0)
        }
        UserCommand::Link {
            account,
            person: name,
            code,
            speaker,
        } => {
            let (account, user) = match (code, account, name) {
                (Some(code), ..) => {
                    let client = match &speaker.name {
                        Some(name) => client.acting_as(name)?,
                        None => client.clone(),
                    };
                    let linked = client
                        .post("/api/v1/accounts/link", Some(&json!({"code": code})))
                        .await?;
                    let text = |key: &str| linked[key].as_str().unwrap_or_default().to_owned();
                    (text("account"), text("user"))
                }
                (None, Some(account), Some(name)) => {
                    let linked = client
                        .post(&person(name, "/accounts"), Some(&json!({"account": account})))
                        .await?;
                    (
                        account.clone(),
                        linked["name"].as_str().unwrap_or(name).to_owned(),
                    )
                }
                _ => {
                    return Err(CliError::new("an account and a name are needed, or a code")
                        .hint("sayso user link slack:T1:U1 ana"));
                }
            };
            context.out.note(&format!("{account} is {user}'s"));
            Ok(0)
        }
        UserCommand::Unlink { account } => {
            let unlinked = client
                .post("/api/v1/accounts/unlink", Some(&json!({"account": account})))
                .await?;
            let user = unlinked["user"].as_str().unwrap_or_default();
            context.out.note(&format!("{account} is not {user}'s any more"));
            Ok(0)
        }
        UserCommand::Deactivate { name } => {
            client.post(&person(name, "/deactivate"), None).await?;
            context.out.note(&format!("{name} is deactivated"));
            Ok(0)
        }
        UserCommand::Activate { name } => {
            client.post(&person(name, "/activate"), None).await?;
            context.out.note(&format!("{name} is active"));
            Ok(0)
        }
    }
}

/// Lists as texts, for tables.
fn flatten(person: &mut Value) {
    if let Some(accounts) = person["accounts"].as_object() {
        let names: Vec<&str> = accounts.keys().map(String::as_str).collect();
        person["accounts"] = names.join(", ").into();
    }
    for key in ["roles", "emails"] {
        if let Some(items) = person[key].as_array() {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            person[key] = items.join(", ").into();
        }
    }
}

pub(super) async fn access(context: &mut Context<'_>, command: &AccessCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = on_access(context, &connection, command).await;
    connection.close().await;
    outcome
}

async fn on_access(context: &mut Context<'_>, connection: &Connection, command: &AccessCommand) -> CliResult {
    let client = &connection.client;
    match command {
        AccessCommand::Show => {
            let found = client.get("/api/v1/access").await?;
            if context.format != Format::Table {
                context.out.value(&found, context.format)?;
                return Ok(0);
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let file = found["file"].as_str().unwrap_or("no access file");
            context
                .out
                .note(&format!("mode {}, {file}", text(&found["mode"])));
            let mut rules = found["rules"].as_array().cloned().unwrap_or_default();
            rules.iter_mut().for_each(rights::flat);
            if !rules.is_empty() {
                let columns = Columns::new(&["line", "name", "to", "run", "in", "when", "reason"], &[]);
                context.out.list(&rules, &columns, context.format)?;
            }
            let problems = found["problems"].as_array().cloned().unwrap_or_default();
            for problem in &problems {
                context.out.note(&text(&problem["text"]));
            }
            Ok(if problems.is_empty() { 0 } else { error::REFUSED })
        }
        AccessCommand::List { show } => rights::list(context, client, &show.attr).await,
        AccessCommand::Get { id } => {
            let found = client.get(&grant_path(id)).await?;
            context.out.value(&found, context.format)?;
            Ok(0)
        }
        AccessCommand::Grant { run, terms } => {
            let client = rights::speaking(connection, terms.speaker.name.as_deref())?;
            let body = rights::body("run", run, terms)?;
            let view = client.post("/api/v1/access/grants", Some(&body)).await?;
            rights::made(context, &view, "granted:")
        }
        AccessCommand::Deny { run, terms } => {
            let client = rights::speaking(connection, terms.speaker.name.as_deref())?;
            let body = rights::body("deny", run, terms)?;
            let view = client.post("/api/v1/access/grants", Some(&body)).await?;
            rights::made(context, &view, "denied:")
        }
        AccessCommand::Change { id, run, deny, terms } => {
            let client = rights::speaking(connection, terms.speaker.name.as_deref())?;
            let body = rights::body(if *deny { "deny" } else { "run" }, run, terms)?;
            let view = client.put(&grant_path(id), Some(&body)).await?;
            rights::made(context, &view, "changed:")
        }
        AccessCommand::Revoke { id, speaker } => {
            let client = rights::speaking(connection, speaker.name.as_deref())?;
            client.delete(&grant_path(id), None).await?;
            context.out.note(&format!("revoked {id}"));
            Ok(0)
        }
        AccessCommand::Role(command) => rights::role(context, connection, command).await,
        AccessCommand::Check {
            action,
            parameters,
            alias,
            place,
            at,
            speaker,
        } => {
            let body = json!({
                "action": action,
                "parameters": typed(parameters)?,
                "alias": alias,
                "place": place,
                "at": at,
                "user": speaker.name,
            });
            check(context, connection, &body).await
        }
        AccessCommand::Why(question) => check(context, connection, &said(question, None)).await,
        AccessCommand::Simulate { user, question } => {
            check(context, connection, &said(question, Some(user))).await
        }
        AccessCommand::WhoCan(question) => {
            let body = said(question, None);
            let found = rows(client.post("/api/v1/access/who-can", Some(&body)).await?)?;
            if found.is_empty() && context.format == Format::Table {
                context.out.note("nobody can");
                return Ok(error::REFUSED);
            }
            let columns = Columns::new(&["user", "reason"], &[]);
            context.out.list(&found, &columns, context.format)?;
            Ok(0)
        }
        AccessCommand::Reviews { show } => {
            let found = rows(client.get("/api/v1/reviews").await?)?;
            if found.is_empty() && context.format == Format::Table {
                context.out.note("nothing waits for review");
                return Ok(0);
            }
            let columns = Columns::new(&["id", "user", "action", "reason", "at"], &show.attr);
            context.out.list(&found, &columns, context.format)?;
            Ok(0)
        }
        AccessCommand::Review { id, note, speaker } => {
            let client = match &speaker.name {
                Some(name) => client.acting_as(name)?,
                None => client.clone(),
            };
            let path = format!("/api/v1/reviews/{}", segment(id));
            client.post(&path, Some(&json!({"note": note.join(" ")}))).await?;
            context.out.note("signed off");
            Ok(0)
        }
    }
}

fn grant_path(id: &str) -> String {
    format!("/api/v1/access/grants/{}", segment(id))
}

fn said(question: &Question, user: Option<&str>) -> Value {
    json!({
        "command": question.command.join(" "),
        "place": question.place,
        "at": question.at,
        "user": user.map(|user| user.trim_start_matches('@')),
    })
}

async fn check(context: &mut Context<'_>, connection: &Connection, body: &Value) -> CliResult {
    let decision = connection.client.post("/api/v1/access/check", Some(body)).await?;
    let allowed = decision["allowed"] == true;
    if context.format == Format::Table {
        let text = |key: &str| decision[key].as_str().unwrap_or_default();
        let word = if allowed { "may" } else { "may not" };
        let line = format!(
            "{} {word} run {}: {}",
            text("user"),
            text("action"),
            text("reason")
        );
        context.out.line(&line)?;
        for need in decision["needs"].as_array().into_iter().flatten() {
            let source = need["source"].as_str().unwrap_or_default();
            context.out.line(&format!(
                "needs approval first, asked for by {source}: {}",
                need["terms"]
            ))?;
        }
    } else {
        context.out.value(&decision, context.format)?;
    }
    Ok(u8::from(!allowed))
}

/// `name=value` pairs; a value that is JSON is taken as such, everything else as text.
fn typed(words: &[String]) -> Result<Map<String, Value>, CliError> {
    words
        .iter()
        .map(|word| {
            let (name, value) = word
                .split_once('=')
                .ok_or_else(|| CliError::new(format!("`{word}` is no parameter: write name=value")))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok((name.to_owned(), value))
        })
        .collect()
}
