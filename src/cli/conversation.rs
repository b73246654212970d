//! `sayso conversation …`: how the bot behaves where, and what has not arrived yet.

use serde_json::{Value, json};

use super::args::ConversationCommand;
use super::connect::{Connection, connect};
use super::execution::rows;
use super::output::Format;
use super::table::Columns;
use super::{CliResult, Context};

const PATH: &str = "/api/v1/chat/conversations";

pub(super) async fn conversation(context: &mut Context<'_>, command: &ConversationCommand) -> CliResult {
    let connection = connect(context).await?;
    let outcome = on(context, &connection, command).await;
    connection.close().await;
    outcome
}

async fn on(context: &mut Context<'_>, connection: &Connection, command: &ConversationCommand) -> CliResult {
    let client = &connection.client;
    match command {
        ConversationCommand::List { show } => {
            let found = rows(client.get(PATH).await?)?;
            let columns = [
                "conversation",
                "name",
                "prefix",
                "threads",
                "verbosity",
                "packs",
                "digest",
            ];
            let columns = Columns::new(&columns, &show.attr);
            context.out.list(&found, &columns, context.format)?;
        }
        ConversationCommand::Set {
            conversation,
            name,
            value,
        } => {
            let body = json!({"conversation": conversation, "name": name, "value": value.join(" ")});
            let set = client.put(PATH, Some(&body)).await?;
            context.out.value(&set, context.format)?;
        }
        ConversationCommand::Deliveries => {
            let found = client.get("/api/v1/chat/deliveries").await?;
            if context.format != Format::Table {
                context.out.value(&found, context.format)?;
                return Ok(0);
            }
            for gateway in found["gateways"].as_array().into_iter().flatten() {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let line = format!("{}: {}", text(&gateway["gateway"]), text(&gateway["health"]));
                context.out.note(&line);
            }
            let waiting = rows(found["waiting"].clone())?;
            let columns = Columns::new(
                &[
                    "id",
                    "gateway",
                    "conversation",
                    "kind",
                    "age",
                    "attempts",
                    "error",
                ],
                &[],
            );
            context.out.list(&waiting, &columns, context.format)?;
        }
    }
    Ok(0)
}
