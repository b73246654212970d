//! Checks of the chat platforms that the settings name.

use std::time::Duration;

use super::{Findings, Outcome};
use crate::chat::findings::{Finding, Level};
use crate::chat::{discord, slack};
use crate::settings::Settings;

/// How long looking at one platform may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks at every bot and workspace.
pub(super) async fn platforms(settings: &Settings, found: &mut Findings) {
    if !settings.chat.slack.is_empty() || !settings.chat.discord.is_empty() {
        crate::runners::install_crypto();
    }
    for (name, options) in &settings.chat.slack {
        let looking = tokio::time::timeout(PATIENCE, slack::doctor::check(name, options));
        told(&format!("slack.{name}"), looking.await.ok(), found);
    }
    for (name, options) in &settings.chat.discord {
        let looking = tokio::time::timeout(PATIENCE, discord::doctor::check(name, options));
        told(&format!("discord.{name}"), looking.await.ok(), found);
    }
}

fn told(check: &str, findings: Option<Vec<Finding>>, found: &mut Findings) {
    let Some(findings) = findings else {
        found.add(
            check,
            Outcome::Fail,
            "could not be looked at in time",
            "is the network open?",
        );
        return;
    };
    for Finding {
        what,
        level,
        text,
        hint,
    } in findings
    {
        let outcome = match level {
            Level::Good => Outcome::Ok,
            Level::Warning => Outcome::Warn,
            Level::Bad => Outcome::Fail,
        };
        found.add(what, outcome, text, hint);
    }
}
