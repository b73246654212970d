//! What the gateway tells about servers: names of channels, the bot's own roles, where something was said last.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::events;

/// A channel or thread of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) guild: String,
    pub(super) name: String,
    pub(super) parent: Option<String>,
    pub(super) kind: u64,
    pub(super) last: Option<String>,
}

impl Channel {
    /// Threads of all sorts (Resources / Channel / Channel Types).
    pub(super) const fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }

    /// People write messages there.
    pub(super) const fn has_messages(&self) -> bool {
        matches!(self.kind, 0 | 2 | 5 | 10..=13)
    }
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct World {
    /// The bot's own account.
    pub(super) bot: Option<String>,
    /// The bot's name.
    pub(super) name: String,
    /// The application.
    pub(super) application: Option<String>,
    /// Roles that stand for the bot.
    pub(super) roles: HashSet<String>,
    pub(super) channels: HashMap<String, Channel>,
    pub(super) guilds: HashSet<String>,
}

impl World {
    /// `GUILD_CREATE`; gives the channels with messages.
    pub(super) fn guild(&mut self, data: &Value) -> Vec<String> {
        let Some(guild) = events::id(&data["id"]) else {
            return Vec::new();
        };
        self.guilds.insert(guild.clone());
        for role in data["roles"].as_array().map_or(&[][..], Vec::as_slice) {
            self.role(role);
        }
        let mut found = Vec::new();
        for list in ["channels", "threads"] {
            for channel in data[list].as_array().map_or(&[][..], Vec::as_slice) {
                if let Some(id) = self.channel(channel, Some(&guild))
                    && self.channels.get(&id).is_some_and(Channel::has_messages)
                {
                    found.push(id);
                }
            }
        }
        found
    }

    /// A role of a server.
    pub(super) fn role(&mut self, role: &Value) {
        if let Some(bot) = events::id(&role["tags"]["bot_id"])
            && Some(&bot) == self.bot.as_ref()
            && let Some(id) = events::id(&role["id"])
        {
            self.roles.insert(id);
        }
    }

    /// `CHANNEL_CREATE` and the like.
    pub(super) fn channel(&mut self, data: &Value, guild: Option<&str>) -> Option<String> {
        let id = events::id(&data["id"])?;
        let guild = events::id(&data["guild_id"]).or_else(|| guild.map(str::to_owned))?;
        let channel = Channel {
            guild,
            name: super::limits::cut(data["name"].as_str().unwrap_or_default(), 100),
            parent: events::id(&data["parent_id"]),
            kind: data["type"].as_u64().unwrap_or(0),
            last: events::id(&data["last_message_id"]),
        };
        self.channels.insert(id.clone(), channel);
        Some(id)
    }

    /// The channel that people know by a name, `#ops`; of several the oldest.
    pub(super) fn named(&self, name: &str) -> Option<String> {
        let name = name.strip_prefix('#').unwrap_or(name);
        let fits = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.name == name && channel.has_messages() && !channel.is_thread());
        let ids = fits.map(|(id, _)| id);
        ids.min_by_key(|id| (id.len(), (*id).clone())).cloned()
    }

    /// The name that people know a channel by; a thread goes by its channel's.
    pub(super) fn told(&self, id: &str) -> Option<String> {
        let channel = self.channels.get(id)?;
        let channel = channel
            .parent
            .as_ref()
            .filter(|_| channel.is_thread())
            .and_then(|parent| self.channels.get(parent))
            .unwrap_or(channel);
        (!channel.name.is_empty()).then(|| format!("#{}", channel.name))
    }
}
