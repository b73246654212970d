//! The workspace: people, channels, messages, and what is open between them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};

use super::deliver::{Delivered, Pace};
use super::socket::Order;
use super::views::Opened;
use super::{ANA, BO, BOT, BOT_ID, Call, DIRECT, Faults, HALL, OPS, Posted, TEAM, VAULT};

/// Somebody.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// Handle.
    pub name: String,
    /// Address.
    pub email: String,
    /// A program.
    pub is_bot: bool,
    /// Not there any more.
    pub deleted: bool,
}

/// Kinds of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everybody may come.
    Public,
    /// By invitation.
    Private,
    /// Two people.
    Im,
    /// Some people.
    Mpim,
}

impl Kind {
    pub(super) const fn of_event(self) -> &'static str {
        match self {
            Self::Public => "channel",
            Self::Private => "group",
            Self::Im => "im",
            Self::Mpim => "mpim",
        }
    }

    pub(super) const fn of_list(self) -> &'static str {
        match self {
            Self::Public => "public_channel",
            Self::Private => "private_channel",
            Self::Im => "im",
            Self::Mpim => "mpim",
        }
    }
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Without `#`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Who is in it.
    pub members: BTreeSet<String>,
    /// Nothing can be said any more.
    pub archived: bool,
}

/// Something that opens a view once.
pub(super) struct Trigger {
    pub id: String,
    pub user: String,
    pub at: Instant,
    pub used: bool,
    pub expired: bool,
}

/// An address for answers.
pub(super) struct Address {
    pub id: String,
    pub user: String,
    pub channel: String,
    /// The message that was clicked at.
    pub ts: Option<String>,
    pub at: Instant,
    pub uses: u32,
    pub expired: bool,
}

/// A file on its way.
pub(super) struct Upload {
    pub id: String,
    pub name: String,
    pub length: usize,
    pub content: Option<String>,
    pub complete: bool,
}

pub(super) struct World {
    pub base: String,
    pub people: BTreeMap<String, Person>,
    pub channels: BTreeMap<String, Channel>,
    pub messages: Vec<Posted>,
    pub views: Vec<Opened>,
    pub homes: BTreeMap<String, Value>,
    pub calls: Vec<Call>,
    pub envelopes: Vec<Delivered>,
    pub violations: Vec<String>,
    pub faults: Faults,
    pub pace: Pace,
    /// Where events go instead of sockets.
    pub address: Option<String>,
    pub sockets: BTreeMap<u64, tokio::sync::mpsc::UnboundedSender<Order>>,
    pub opened: u64,
    pub tickets: BTreeSet<String>,
    /// The envelope that waits for the next one to overtake it.
    pub overtaken: Option<usize>,
    pub triggers: Vec<Trigger>,
    pub addresses: Vec<Address>,
    pub uploads: Vec<Upload>,
    /// Times of posts by channel.
    pub posts: BTreeMap<String, VecDeque<Instant>>,
    last: u64,
    last_stamp: i64,
    turn: usize,
}

impl World {
    pub(super) fn new() -> Self {
        let person = |name: &str, is_bot| Person {
            name: name.to_owned(),
            email: format!("{name}@example.org"),
            is_bot,
            deleted: false,
        };
        let channel = |name: &str, kind, members: &[&str]| Channel {
            name: name.to_owned(),
            kind,
            members: members.iter().map(|&id| id.to_owned()).collect(),
            archived: false,
        };
        let id = str::to_owned;
        Self {
            base: String::new(),
            people: [
                (id(ANA), person("ana", false)),
                (id(BO), person("bo", false)),
                (id(BOT), person("sayso", true)),
            ]
            .into(),
            channels: [
                (id(OPS), channel("ops", Kind::Public, &[ANA, BO, BOT])),
                (id(HALL), channel("hall", Kind::Public, &[ANA, BO])),
                (id(VAULT), channel("vault", Kind::Private, &[ANA, BOT])),
                (id(DIRECT), channel("", Kind::Im, &[ANA, BOT])),
            ]
            .into(),
            messages: Vec::new(),
            views: Vec::new(),
            homes: BTreeMap::new(),
            calls: Vec::new(),
            envelopes: Vec::new(),
            violations: Vec::new(),
            faults: Faults::default(),
            pace: Pace::default(),
            address: None,
            sockets: BTreeMap::new(),
            opened: 0,
            tickets: BTreeSet::new(),
            overtaken: None,
            triggers: Vec::new(),
            addresses: Vec::new(),
            uploads: Vec::new(),
            posts: BTreeMap::new(),
            last: 0,
            last_stamp: 0,
            turn: 0,
        }
    }

    /// A new id with this beginning.
    pub(super) fn id(&mut self, kind: &str) -> String {
        self.last += 1;
        format!("{kind}0S{:07}", self.last)
    }

    /// A number that goes round the sockets.
    pub(super) fn turn(&mut self) -> usize {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    /// A timestamp that no message has.
    pub(super) fn stamp(&mut self) -> String {
        let now = jiff::Timestamp::now().as_microsecond();
        self.last_stamp = now.max(self.last_stamp + 1);
        stamp_of(self.last_stamp)
    }

    /// The direct conversation of the bot with somebody, opened when there is none.
    pub(super) fn direct(&mut self, user: &str) -> String {
        let there = self.channels.iter().find(|(_, channel)| {
            channel.kind == Kind::Im && channel.members.contains(user) && channel.members.contains(BOT)
        });
        if let Some((id, _)) = there {
            return id.clone();
        }
        let id = self.id("D");
        let channel = Channel {
            name: String::new(),
            kind: Kind::Im,
            members: [user.to_owned(), BOT.to_owned()].into(),
            archived: false,
        };
        self.channels.insert(id.clone(), channel);
        id
    }

    pub(super) fn find(&self, channel: &str, ts: &str) -> Option<usize> {
        self.messages
            .iter()
            .position(|posted| posted.channel == channel && posted.message["ts"] == ts)
    }

    /// A channel as the API describes it.
    pub(super) fn channel(&self, id: &str) -> Option<Value> {
        let channel = self.channels.get(id)?;
        let mut told = json!({
            "id": id,
            "created": 1_700_000_000,
            "is_archived": channel.archived,
            "is_channel": channel.kind == Kind::Public,
            "is_group": channel.kind == Kind::Private,
            "is_im": channel.kind == Kind::Im,
            "is_mpim": channel.kind == Kind::Mpim,
            "is_private": channel.kind != Kind::Public,
            "is_member": channel.members.contains(BOT),
            "context_team_id": TEAM,
        });
        if channel.kind == Kind::Im {
            let other = channel.members.iter().find(|id| *id != BOT);
            told["user"] = json!(other);
        } else {
            told["name"] = json!(channel.name);
            told["name_normalized"] = json!(channel.name);
        }
        Some(told)
    }

    /// A user as the API describes it.
    pub(super) fn person(&self, id: &str) -> Option<Value> {
        let person = self.people.get(id)?;
        let mut told = json!({
            "id": id,
            "team_id": TEAM,
            "name": person.name,
            "deleted": person.deleted,
            "real_name": person.name,
            "tz": "Europe/Berlin",
            "profile": {"real_name": person.name, "display_name": person.name, "email": person.email},
            "is_bot": person.is_bot,
            "is_app_user": false,
            "is_restricted": false,
            "is_ultra_restricted": false,
        });
        if id == BOT {
            told["profile"]["bot_id"] = json!(BOT_ID);
        }
        if self
            .faults
            .missing_scopes
            .iter()
            .any(|scope| scope == "users:read.email")
            && let Some(profile) = told["profile"].as_object_mut()
        {
            profile.remove("email");
        }
        Some(told)
    }
}

pub(super) fn stamp_of(micros: i64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// For comparing timestamps.
pub(super) fn order(ts: &str) -> (u64, u64) {
    let (seconds, micros) = ts.split_once('.').unwrap_or((ts, "0"));
    (seconds.parse().unwrap_or(0), micros.parse().unwrap_or(0))
}

/// Interactive elements of blocks.
pub(super) fn elements(blocks: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for block in blocks.as_array().into_iter().flatten() {
        let mut add = |element: &Value| {
            if element["action_id"].is_string() {
                let mut element = element.clone();
                element["block_id"] = block["block_id"].clone();
                found.push(element);
            }
        };
        add(&block["accessory"]);
        add(&block["element"]);
        block["elements"]
            .as_array()
            .into_iter()
            .flatten()
            .for_each(&mut add);
    }
    found
}
