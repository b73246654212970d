//! `sayso policy …`.

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::args::PolicyCommand;
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::{Columns, visible};
use super::{CliError, CliResult, Context, query, run, segment};
use crate::yaml;

/// Most bytes of a file with a policy.
const MOST: u64 = 1 << 20;

pub(super) async fn policy(context: &mut Context<'_>, command: &PolicyCommand) -> CliResult {
    // What cannot be read needs no server.
    let file = match command {
        PolicyCommand::Create { file } | PolicyCommand::Update { file, .. } => Some(read(file)?),
        _ => None,
    };
    let connection = connect(context).await?;
    let outcome = on_policy(context, &connection, command, file).await;
    connection.close().await;
    outcome
}

async fn on_policy(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &PolicyCommand,
    file: Option<Value>,
) -> CliResult {
    let client = &connection.client;
    let path = |policy: &str| format!("/api/v1/policies/{}", segment(policy));
    match command {
        PolicyCommand::List {
            resource_ref,
            policy_type,
            pack,
            show,
        } => {
            let mut parts = vec![("limit", "-1".to_owned())];
            for (name, value) in [
                ("resource_ref", resource_ref),
                ("policy_type", policy_type),
                ("pack", pack),
            ] {
                parts.extend(value.clone().map(|value| (name, value)));
            }
            let found = rows(client.get(&format!("/api/v1/policies?{}", query(&parts))).await?)?;
            if found.is_empty() && context.format == Format::Table {
                context.out.note("no policies");
                return Ok(0);
            }
            let columns = Columns::new(
                &["ref", "resource_ref", "policy_type", "enabled", "description"],
                &show.attr,
            );
            context.out.list(&found, &columns, context.format)?;
        }
        PolicyCommand::Get { policy, show } => {
            let found = client.get(&path(policy)).await?;
            run::print(context, &found, &show.attr)?;
        }
        PolicyCommand::Create { .. } => {
            let made = client.post("/api/v1/policies", file.as_ref()).await?;
            context.out.value(&made, context.format)?;
        }
        PolicyCommand::Update { policy, .. } => {
            let made = client.put(&path(policy), file.as_ref()).await?;
            context.out.value(&made, context.format)?;
        }
        PolicyCommand::Delete { policy } => {
            client.delete(&path(policy), None).await?;
            context.out.note(&format!(
                "the policy {policy} is gone; what waited because of it goes on"
            ));
        }
        PolicyCommand::Types { show } => {
            let found = rows(client.get("/api/v1/policytypes?limit=-1").await?)?;
            let columns = Columns::new(&["ref", "description"], &show.attr);
            context.out.list(&found, &columns, context.format)?;
        }
    }
    Ok(0)
}

/// The value of a file.
fn read(file: &Path) -> Result<Value, CliError> {
    let name = file.display();
    let failed = |why: String| CliError::new(format!("cannot read {name}: {why}"));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(MOST).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(MOST).read_to_string(&mut text))
    };
    read.map_err(|error| failed(error.to_string()))?;
    let document = yaml::parse(&text).map_err(|fault| {
        CliError::new(visible(
            &fault.problem(&name.to_string(), Some(&text)).to_string(),
        ))
    })?;
    Ok(document.to_json())
}
