//! `sayso chat`: from the command line's settings to a conversation.

use std::io::IsTerminal as _;

use super::args::ChatArgs;
use super::chat::{self, Options, Screen};
use super::connect::{Connection, connect};
use super::output::Format;
use super::{CliError, CliResult, Context};

/// Talks with the bot: once for each `--say`, else until the person leaves.
pub(super) async fn talk(context: &Context<'_>, args: &ChatArgs) -> CliResult {
    let connection = connect(context).await?;
    let outcome = converse(context, &connection, args).await;
    connection.close().await;
    outcome
}

async fn converse(context: &Context<'_>, connection: &Connection, args: &ChatArgs) -> CliResult {
    let client = connection.client.clone();
    let mut screen = Screen::of_process();
    let speaker = args.speaker.as_deref();
    let ended = if args.say.is_empty() {
        let client = match speaker {
            Some(name) => client.acting_as(name)?,
            None => client,
        };
        let options = Options {
            screen,
            history: Some(chat::history_file(&context.variables, &context.loaded.settings.data_dir)),
            terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        };
        chat::interactive(client, options).await
    } else {
        let json = args.json || context.format == Format::Json;
        chat::one_shot(client, &args.say, speaker, json, &mut screen).await
    };
    ended.map_err(CliError::from)
}
