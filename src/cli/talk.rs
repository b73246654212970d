//! `sayso chat`: from flags to a conversation.

use std::io::IsTerminal as _;

use super::args::ChatArgs;
use super::chat::{Options, Screen, history_file, interactive, one_shot};
use super::connect::{Connection, connect};
use super::output::Format;
use super::{CliResult, Context};

/// Columns where there is no terminal.
const COLUMNS: usize = 80;

pub(super) async fn talk(context: &mut Context<'_>, args: &ChatArgs) -> CliResult {
    let connection = connect(context).await?;
    let outcome = conversation(context, &connection, args).await;
    connection.close().await;
    outcome
}

async fn conversation(context: &mut Context<'_>, connection: &Connection, args: &ChatArgs) -> CliResult {
    let client = connection.client.clone();
    let mut screen = if context.out.width.is_some() {
        Screen::of_process()
    } else {
        Screen::new(context.out.stdout(), COLUMNS)
    };
    if !args.say.is_empty() {
        let json = context.format == Format::Json;
        return Ok(one_shot(client, &args.say, args.speaker.as_deref(), json, &mut screen).await?);
    }
    let client = match &args.speaker {
        Some(name) => client.acting_as(name)?,
        None => client,
    };
    let history = history_file(&context.variables, &context.loaded.settings.data_dir);
    let terminal = context.out.width.is_some() && std::io::stdin().is_terminal();
    Ok(interactive(
        client,
        Options {
            screen,
            history: Some(history),
            terminal,
            embedded: connection.is_embedded(),
        },
    )
    .await?)
}
