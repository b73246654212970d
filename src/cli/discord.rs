//! `sayso discord …`: what is needed to set up Discord.

use serde_json::json;

use super::args::DiscordCommand;
use super::output::Format;
use super::{CliError, CliResult, Context};
use crate::chat::discord::invitation::invitation;

pub(super) async fn discord(context: &mut Context<'_>, command: &DiscordCommand) -> CliResult {
    let DiscordCommand::Invite { name } = command;
    let settings = &context.loaded.settings;
    let options = settings.chat.discord.get(name).ok_or_else(|| {
        let known: Vec<&str> = settings.chat.discord.keys().map(String::as_str).collect();
        CliError::new(if known.is_empty() {
            "there is no bot in the settings: set SAYSO_DISCORD_TOKEN, or `token_file` in a section \
             [chat.discord.default]; docs/discord.md tells where the token comes from"
                .to_owned()
        } else {
            format!(
                "the settings have no section [chat.discord.{name}]; they have: {}",
                known.join(", ")
            )
        })
    })?;
    let found = invitation(options).await.map_err(CliError::new)?;
    let told = json!({"application": found.application, "url": found.url, "permissions": found.permissions});
    match context.format {
        // It is opened or copied: the address alone.
        Format::Table => context.out.line(&found.url)?,
        format => context.out.value(&told, format)?,
    }
    Ok(0)
}
