//! `sayso access list|get|grant|deny|change|revoke|role …` and `sayso user create|delete`: rules and people made by command.

use serde_json::{Value, json};

use super::args::{GrantTerms, RoleCommand};
use super::connect::Connection;
use super::output::Format;
use super::table::Columns;
use super::{CliError, CliResult, Context, segment};
use crate::api::client::Client;

/// A client that acts as the speaker.
pub(super) fn speaking(connection: &Connection, name: Option<&str>) -> Result<Client, CliError> {
    Ok(match name {
        Some(name) => connection.client.acting_as(name)?,
        None => connection.client.clone(),
    })
}

/// The body of a grant (`run`) or a denial (`deny`).
pub(super) fn body(what: &str, targets: &[String], terms: &GrantTerms) -> Result<Value, CliError> {
    let mut body = json!({ what: targets });
    let mut add = |key: &str, value: Value| body[key] = value;
    for (key, list) in [
        ("to", &terms.to),
        ("except", &terms.except),
        ("in", &terms.places),
    ] {
        if !list.is_empty() {
            add(key, json!(list));
        }
    }
    for (key, text) in [
        ("name", &terms.label),
        ("when", &terms.when),
        ("reason", &terms.reason),
    ] {
        if let Some(text) = text {
            add(key, text.as_str().into());
        }
    }
    let mut at = json!({});
    for (key, text) in [
        ("days", &terms.days),
        ("hours", &terms.hours),
        ("zone", &terms.zone),
    ] {
        if let Some(text) = text {
            at[key] = text.as_str().into();
        }
    }
    if at != json!({}) {
        add("at", at);
    }
    if !terms.approval_by.is_empty() {
        let mut approval = json!({"by": terms.approval_by});
        if let Some(count) = terms.approval_count {
            approval["count"] = count.into();
        }
        if let Some(within) = &terms.approval_within {
            approval["within"] = within.as_str().into();
        }
        add("approval", approval);
    } else if terms.approval_count.is_some() || terms.approval_within.is_some() {
        return Err(CliError::new("who must approve?").hint("--approval-by role:oncall"));
    }
    Ok(body)
}

/// Shows what a grant is by now.
pub(super) fn made(context: &mut Context<'_>, view: &Value, word: &str) -> CliResult {
    if context.format == Format::Table {
        let id = view["id"].as_str().unwrap_or_default();
        context.out.note(&format!("{word} {id}"));
    } else {
        context.out.value(view, context.format)?;
    }
    Ok(0)
}

/// Lists as texts, for tables.
pub(super) fn flat(row: &mut Value) {
    let Some(fields) = row.as_object_mut() else { return };
    for value in fields.values_mut() {
        if let Some(items) = value.as_array() {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            *value = items.join(", ").into();
        }
    }
    if fields.get("denies") == Some(&true.into()) {
        let denied = fields.get("run").and_then(Value::as_str).unwrap_or_default();
        let told = format!("not {denied}");
        fields.insert("run".to_owned(), told.into());
    }
}

/// `sayso access list`.
pub(super) async fn list(context: &mut Context<'_>, client: &Client, attr: &[String]) -> CliResult {
    let mut rows = super::execution::rows(client.get("/api/v1/access/grants").await?)?;
    if context.format == Format::Table {
        if rows.is_empty() {
            context.out.note("nothing is granted or denied");
            return Ok(0);
        }
        rows.iter_mut().for_each(flat);
    }
    let columns = Columns::new(&["line", "name", "to", "run", "in", "at", "when", "by"], attr);
    context.out.list(&rows, &columns, context.format)?;
    Ok(0)
}

/// `sayso access role …`.
pub(super) async fn role(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &RoleCommand,
) -> CliResult {
    let path = |name: &str| format!("/api/v1/access/roles/{}", segment(name));
    match command {
        RoleCommand::List { show } => {
            let mut rows = super::execution::rows(connection.client.get("/api/v1/access/roles").await?)?;
            if context.format == Format::Table {
                rows.iter_mut().for_each(flat);
            }
            let columns = Columns::new(
                &["name", "line", "includes", "members", "people", "by"],
                &show.attr,
            );
            context.out.list(&rows, &columns, context.format)?;
        }
        RoleCommand::Get { name } => {
            let mut found = connection.client.get(&path(name)).await?;
            if context.format == Format::Table {
                flat(&mut found);
            }
            context.out.value(&found, context.format)?;
        }
        RoleCommand::Set {
            role: name,
            members,
            includes,
            speaker,
        } => {
            let body = json!({"members": members, "includes": includes});
            let client = speaking(connection, speaker.name.as_deref())?;
            let view = client.put(&path(name), Some(&body)).await?;
            if context.format == Format::Table {
                let people = view["people"].as_array().cloned().unwrap_or_default();
                let people: Vec<&str> = people.iter().filter_map(Value::as_str).collect();
                let people = if people.is_empty() {
                    "nobody".to_owned()
                } else {
                    people.join(", ")
                };
                context.out.note(&format!("{name}: {people}"));
            } else {
                context.out.value(&view, context.format)?;
            }
        }
        RoleCommand::Delete { role: name, speaker } => {
            let client = speaking(connection, speaker.name.as_deref())?;
            client.delete(&path(name), None).await?;
            context.out.note(&format!("deleted {name}"));
        }
    }
    Ok(0)
}
