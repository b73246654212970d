//! The app manifest that fits the settings: what to paste when the app is made, or to compare with later.

use serde_json::{Value, json};

use super::http::path;
use super::limits::{self, cut};
use crate::settings::{SlackMode, SlackOptions};

/// Scopes of the bot, with what does not work without them.
pub(super) const SCOPES: &[(&str, &str)] = &[
    ("app_mentions:read", "mentions are not heard"),
    (
        "channels:history",
        "commands with a prefix are not heard in public channels, nor read after an absence",
    ),
    ("channels:read", "names of channels are not known"),
    ("chat:write", "the bot cannot answer"),
    ("commands", "slash commands and shortcuts do not work"),
    ("files:write", "long answers cannot be attached"),
    (
        "groups:history",
        "commands with a prefix are not heard in private channels",
    ),
    ("groups:read", "names of private channels are not known"),
    ("im:history", "direct messages are not heard"),
    ("im:read", "direct conversations are not found after an absence"),
    ("im:write", "people cannot be written to directly"),
    ("mpim:history", "commands are not heard in group conversations"),
    ("mpim:read", "group conversations are not found after an absence"),
    ("users:read", "names of people are not known"),
    (
        "users:read.email",
        "people cannot be recognised by their mail address",
    ),
];

/// Events that the bot wants to hear.
const EVENTS: &[&str] = &[
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_rename",
    "group_rename",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "tokens_revoked",
    "user_change",
];

/// Characters of names in a manifest (App manifests / Display information, Bot user).
const NAME: usize = 35;
/// Characters of a slash command (App manifests / Slash commands).
const COMMAND: usize = 32;

/// The manifest of an instance. `words` are the first words of the aliases, for slash commands of their own; `url` is
/// where Slack reaches the server, for events over HTTP.
#[must_use]
pub fn manifest(instance: &str, options: &SlackOptions, name: &str, words: &[String], url: &str) -> Value {
    let socket = match options.mode {
        Some(mode) => mode == SlackMode::Socket,
        None => {
            options.app_token.is_some()
                || options.app_token_file.is_some()
                || (options.signing_secret.is_none() && options.signing_secret_file.is_none())
        }
    };
    let address = |kind: &str| format!("{}{}", url.trim_end_matches('/'), path(instance, kind));
    let mut commands = vec![slash(
        &options.command,
        "Say a command; `help` lists them",
        "help",
    )];
    if options.commands {
        let mut words: Vec<&String> = words.iter().filter(|word| is_command(word)).collect();
        words.sort();
        words.dedup();
        let own = options.command.trim_start_matches('/');
        commands.extend(
            words
                .into_iter()
                .filter(|word| *word != own)
                .take(limits::COMMANDS - 1)
                .map(|word| {
                    slash(
                        &format!("/{word}"),
                        &format!("Say a command that begins with {word}"),
                        "…",
                    )
                }),
        );
    }
    let mut settings = json!({
        "event_subscriptions": {"bot_events": EVENTS},
        "interactivity": {"is_enabled": true},
        "org_deploy_enabled": false,
        "socket_mode_enabled": socket,
        "token_rotation_enabled": false,
    });
    if !socket {
        for command in &mut commands {
            command["url"] = json!(address("commands"));
        }
        settings["event_subscriptions"]["request_url"] = json!(address("events"));
        settings["interactivity"]["request_url"] = json!(address("interactions"));
        settings["interactivity"]["message_menu_options_url"] = json!(address("options"));
    }
    let scopes: Vec<&str> = SCOPES.iter().map(|(scope, _)| *scope).collect();
    json!({
        "display_information": {
            "name": cut(name, NAME),
            "description": "Runs what you ask for, on your say-so, on the record",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": true,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": {"display_name": cut(name, NAME), "always_online": true},
            "shortcuts": [
                {"name": "Run a command", "type": "global", "callback_id": "sayso.run",
                 "description": "Opens a form for a command"},
                {"name": "Run as a command", "type": "message", "callback_id": "sayso.run_message",
                 "description": "Opens a form with the text of this message"},
            ],
            "slash_commands": commands,
        },
        "oauth_config": {"scopes": {"bot": scopes}},
        "settings": settings,
    })
}

/// Slack passes mentions on as they are only when it is asked to.
fn slash(command: &str, description: &str, hint: &str) -> Value {
    json!({
        "command": command,
        "description": description,
        "usage_hint": hint,
        "should_escape": true,
    })
}

/// What can be the name of a slash command: one word of small letters, digits, dashes.
fn is_command(word: &str) -> bool {
    !word.is_empty()
        && word.len() < COMMAND
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_fits_its_mode() {
        let mut options = SlackOptions::default();
        let socket = manifest("default", &options, "sayso", &[], "http://h");
        assert_eq!(socket["settings"]["socket_mode_enabled"], true);
        assert!(socket["settings"]["event_subscriptions"]["request_url"].is_null());
        options.mode = Some(SlackMode::Http);
        let http = manifest("ops", &options, "sayso", &[], "https://h.example/");
        assert_eq!(http["settings"]["socket_mode_enabled"], false);
        assert_eq!(
            http["settings"]["interactivity"]["request_url"],
            "https://h.example/api/v1/chat/slack/ops/interactions"
        );
        assert_eq!(
            http["features"]["slash_commands"][0]["url"],
            "https://h.example/api/v1/chat/slack/ops/commands"
        );
    }

    #[test]
    fn words_become_slash_commands_when_that_is_wanted() {
        let words: Vec<String> = ["deploy", "Deploy", "sayso", "!x", "deploy", "run"]
            .map(str::to_owned)
            .to_vec();
        let mut options = SlackOptions::default();
        let of = |options: &SlackOptions| {
            let manifest = manifest("default", options, "sayso", &words, "");
            let commands = manifest["features"]["slash_commands"].as_array().unwrap().clone();
            commands
                .iter()
                .map(|command| command["command"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&options), ["/sayso"]);
        options.commands = true;
        assert_eq!(of(&options), ["/sayso", "/deploy", "/run"]);
    }
}
