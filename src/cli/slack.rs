//! `sayso slack …`: what is needed to set up Slack.

use super::args::SlackCommand;
use super::output::Format;
use super::{CliError, CliResult, Context};
use crate::alias::{FormatEntry, Representation};
use crate::chat::slack::manifest::manifest;
use crate::content::Content;
use crate::settings::SlackOptions;

pub(super) fn slack(context: &mut Context<'_>, command: &SlackCommand) -> CliResult {
    let SlackCommand::Manifest { name, url } = command;
    let settings = context.loaded.settings.clone();
    let options = match settings.chat.slack.get(name) {
        Some(options) => options.clone(),
        // Before anything is set: that is when a manifest is needed first.
        None if name == "default" => SlackOptions::default(),
        None => {
            let known: Vec<&str> = settings.chat.slack.keys().map(String::as_str).collect();
            return Err(CliError::new(format!(
                "the settings have no section [chat.slack.{name}]; they have: {}",
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            )));
        }
    };
    let words = if options.commands {
        first_words(context)
    } else {
        Vec::new()
    };
    let url = url.clone().unwrap_or_else(|| settings.api.web_base());
    let manifest = manifest(name, &options, &settings.chat.name, &words, &url);
    let format = match context.format {
        // It is pasted: JSON is what Slack takes.
        Format::Table => Format::Json,
        format => format,
    };
    context.out.value(&manifest, format)?;
    Ok(0)
}

/// First words of what can be said.
fn first_words(context: &Context<'_>) -> Vec<String> {
    let options = context.loaded.settings.content_options();
    let snapshot = Content::load(options, context.host.checks()).snapshot();
    let mut words = Vec::new();
    let mut add = |text: &str| words.extend(text.split_whitespace().next().map(str::to_owned));
    for alias in snapshot.aliases.values().filter(|alias| alias.enabled) {
        for format in &alias.formats {
            match format {
                FormatEntry::Text(text) => add(text),
                FormatEntry::Detailed(detailed) => match &detailed.representation {
                    Some(Representation::One(text)) => add(text),
                    Some(Representation::Many(texts)) => texts.iter().for_each(|text| add(text)),
                    None => {}
                },
            }
        }
    }
    words
}
