//! Findings for `sayso doctor`: whether a workspace is set up so that the bot can work there.

use super::manifest::SCOPES;
use super::web::{Failure, Web};
use super::{secrets, whoami};
use crate::chat::findings::{Finding, Level};
use crate::settings::{SlackMode, SlackOptions};

/// Seconds that the clock may be wrong: signed requests are refused at 300.
const CLOCK: i64 = 60;

struct Found<'a> {
    instance: &'a str,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn add(&mut self, what: &str, level: Level, text: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Finding {
            what: format!("slack.{}.{what}", self.instance),
            level,
            text: text.into(),
            hint: hint.into(),
        });
    }
}

/// Looks at what a workspace needs: tokens, scopes, the way in, channels and the clock.
pub async fn check(instance: &str, options: &SlackOptions) -> Vec<Finding> {
    let mut found = Found {
        instance,
        findings: Vec::new(),
    };
    let secrets = match secrets(options) {
        Ok(secrets) => secrets,
        Err(reason) => {
            let hint = "api.slack.com/apps → your app: OAuth & Permissions has the bot token, Basic Information the app token and the signing secret";
            found.add("token", Level::Bad, reason, hint);
            return found.findings;
        }
    };
    let mode = secrets.mode;
    let web = match Web::new(options.api_url.as_deref(), secrets.bot, secrets.app) {
        Ok(web) => web,
        Err(reason) => {
            found.add("connection", Level::Bad, reason, "");
            return found.findings;
        }
    };
    let me = match whoami(&web).await {
        Ok(me) => me,
        Err(Failure::Token(reason)) => {
            let hint = "api.slack.com/apps → your app → OAuth & Permissions → Reinstall, then set the new bot token (xoxb-…)";
            found.add(
                "token",
                Level::Bad,
                format!("Slack does not take the bot token: {reason}"),
                hint,
            );
            return found.findings;
        }
        Err(failure) => {
            let hint = "is the network open to slack.com, port 443?";
            found.add("connection", Level::Bad, failure.to_string(), hint);
            return found.findings;
        }
    };
    found.add(
        "token",
        Level::Good,
        format!("the bot token is that of {} in {}", me.name, me.team),
        "",
    );
    match web.clock() {
        Some(off) if off.abs() > CLOCK => {
            let text = format!("the clock of this machine is {} s away from Slack's", off.abs());
            found.add("clock", Level::Warning, text, "switch on time synchronisation");
        }
        Some(_) => found.add("clock", Level::Good, "the clock is right", ""),
        None => {}
    }
    scopes(&web, &mut found).await;
    way_in(&web, mode, &mut found).await;
    membership(&web, options, &mut found).await;
    found.findings
}

async fn scopes(web: &Web, found: &mut Found<'_>) {
    let scopes = match web.read_with("auth.test", &[]).await {
        Ok(answered) => answered.scopes,
        Err(failure) => {
            found.add("scopes", Level::Warning, failure.to_string(), "");
            return;
        }
    };
    let Some(scopes) = scopes else {
        found.add(
            "scopes",
            Level::Warning,
            "Slack does not tell the scopes of the token",
            "",
        );
        return;
    };
    let given: Vec<&str> = scopes.split(',').map(str::trim).collect();
    let mut missing = 0;
    for (scope, loss) in SCOPES.iter().filter(|(scope, _)| !given.contains(scope)) {
        missing += 1;
        let level = if *scope == "chat:write" {
            Level::Bad
        } else {
            Level::Warning
        };
        let hint = "api.slack.com/apps → your app → App Manifest: paste what `sayso slack manifest` prints, then reinstall the app";
        found.add(
            "scopes",
            level,
            format!("the scope {scope} is missing: {loss}"),
            hint,
        );
    }
    if missing == 0 {
        found.add("scopes", Level::Good, "the bot has all scopes", "");
    }
}

async fn way_in(web: &Web, mode: SlackMode, found: &mut Found<'_>) {
    match mode {
        SlackMode::Socket => match web.open_socket().await {
            Ok(_) => found.add(
                "socket",
                Level::Good,
                "Socket Mode is on and the app token counts",
                "",
            ),
            Err(failure) => {
                let hint = "api.slack.com/apps → your app: switch on Socket Mode; Basic Information → App-Level Tokens: one with connections:write";
                found.add("socket", Level::Bad, failure.to_string(), hint);
            }
        },
        SlackMode::Http => found.add(
            "http",
            Level::Good,
            format!(
                "events are taken at {}; whether Slack reaches that only Slack knows",
                super::http::path(found.instance, "events")
            ),
            "",
        ),
    }
}

async fn membership(web: &Web, options: &SlackOptions, found: &mut Found<'_>) {
    let fields = [
        ("types", "public_channel,private_channel"),
        ("exclude_archived", "true"),
        ("limit", "200"),
    ];
    match web.read("users.conversations", &fields).await {
        Ok(answer) => {
            let channels = answer["channels"].as_array().map_or(&[][..], Vec::as_slice);
            if channels.is_empty() {
                let hint =
                    "say `/invite @sayso` in a channel; slash commands and direct messages work besides";
                found.add("channels", Level::Warning, "the bot is in no channel", hint);
            } else {
                let names: Vec<String> = channels
                    .iter()
                    .filter_map(|channel| channel["name"].as_str())
                    .take(5)
                    .map(|name| format!("#{name}"))
                    .collect();
                let text = format!("the bot is in {} channels: {}", channels.len(), names.join(", "));
                found.add("channels", Level::Good, text, "");
            }
            let whole = answer["response_metadata"]["next_cursor"]
                .as_str()
                .is_none_or(str::is_empty);
            for wanted in &options.channels {
                if whole && !channels.iter().any(|channel| channel["id"] == wanted.id.as_str()) {
                    let text = format!(
                        "the settings name the channel {}, where the bot is not",
                        wanted.id
                    );
                    let hint = "invite the bot there, or correct `channels`";
                    found.add("channels", Level::Warning, text, hint);
                }
            }
        }
        Err(failure) => found.add("channels", Level::Warning, failure.to_string(), ""),
    }
}
