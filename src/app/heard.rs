//! What lies between chat and sensors: messages that are no commands, and what is wrong with sensors.

use std::sync::OnceLock;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use regex::Regex;

use crate::chat::gateway::{Bystander, Dialect, Inbound};
use crate::sensors::{Message, Overheard, Sensors};
use crate::store::StoreError;

/// Mentions of one message that are told.
const MENTIONS: usize = 50;

/// Hears for rules on chat messages, and knows how sensors are.
pub(super) struct Ears {
    pub(super) overheard: Overheard,
    pub(super) sensors: Sensors,
}

impl Bystander for Ears {
    fn listens(&self) -> bool {
        self.overheard.is_wanted()
    }

    fn hear(&self, message: Inbound) -> BoxFuture<'_, Result<(), StoreError>> {
        self.overheard.take(message_of(message)).boxed()
    }

    fn complaints(&self) -> Vec<String> {
        let all = self.sensors.all();
        let failing: Vec<&str> = all
            .iter()
            .filter(|view| view.status.state.is_failing())
            .map(|view| view.sensor.reference.as_str())
            .collect();
        let mut complaints = Vec::new();
        if !failing.is_empty() {
            complaints.push(format!(
                "sensors fail: {} (`sayso sensor get` tells why)",
                failing.join(", ")
            ));
        }
        for watch in self.sensors.watches() {
            if let Some(error) = watch.error {
                complaints.push(format!("{}: {error}", watch.type_ref));
            }
        }
        complaints
    }
}

fn message_of(message: Inbound) -> Message {
    let platform = message
        .place
        .gateway
        .split(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let is_on_platform = message.dialect != Dialect::Console;
    Message {
        mentions: mentions(&message.text, message.dialect),
        message_id: message
            .key
            .rsplit(':')
            .next()
            .filter(|_| is_on_platform)
            .map(str::to_owned),
        key: message.key,
        text: message.text,
        account: message.account,
        user: message.display_name,
        platform,
        gateway: message.place.gateway,
        channel: message.place.conversation,
        channel_name: message.place.name,
        thread: message.place.thread,
        mentioned: message.mentions_bot,
        direct: message.is_direct,
    }
}

/// Accounts that a text mentions, each once, as the platform writes them.
fn mentions(text: &str, dialect: Dialect) -> Vec<String> {
    static FORMS: OnceLock<Option<[Regex; 2]>> = OnceLock::new();
    let forms = FORMS.get_or_init(|| {
        let of_platform = Regex::new(r"<@!?([A-Za-z0-9]+)(?:\|[^>]*)?>").ok()?;
        let plain = Regex::new(r"(?:^|\s)@([A-Za-z0-9][A-Za-z0-9._-]*)").ok()?;
        Some([of_platform, plain])
    });
    let Some([of_platform, plain]) = forms else {
        return Vec::new();
    };
    let form = if dialect == Dialect::Console {
        plain
    } else {
        of_platform
    };
    let mut found: Vec<String> = Vec::new();
    for captures in form.captures_iter(text) {
        let name = captures[1].to_owned();
        if found.len() < MENTIONS && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_found_as_platforms_write_them() {
        assert_eq!(
            mentions("<@U1> ask <@U2|ana> or <@U1>", Dialect::Slack),
            ["U1", "U2"]
        );
        assert_eq!(mentions("<@!123> and <#456>", Dialect::Discord), ["123"]);
        assert_eq!(mentions("@ana tell bo@example.org", Dialect::Console), ["ana"]);
        assert!(mentions("nobody", Dialect::Slack).is_empty());
    }
}
