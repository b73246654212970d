//! What Discord tells, read with patience: whatever is missing or odd gives nothing, never a panic.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use crate::model::Timestamp;

/// Milliseconds of Discord's epoch, 2015 (Reference / Snowflakes).
const EPOCH: u64 = 1_420_070_400_000;

/// An id when it is one.
pub(super) fn id(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    text.parse::<u64>().ok().filter(|number| *number > 0)?;
    Some(text)
}

/// Order of ids: that of time.
pub(super) fn order(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

/// Milliseconds since 1970 at which something with this id was made.
fn made(id: &str) -> i64 {
    i64::try_from((order(id) >> 22).saturating_add(EPOCH)).unwrap_or(i64::MAX)
}

/// When a message was written: what it says itself, else what its id says.
pub(super) fn written(data: &Value) -> Timestamp {
    let said = data["timestamp"]
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let micros = said.map_or_else(
        || made(data["id"].as_str().unwrap_or_default()).saturating_mul(1000),
        jiff::Timestamp::as_microsecond,
    );
    Timestamp::from_micros(micros)
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) channel: String,
    pub(super) guild: Option<String>,
    pub(super) author: String,
    pub(super) name: String,
    /// A bot or a webhook.
    pub(super) machine: bool,
    pub(super) text: String,
    pub(super) edited: bool,
    pub(super) mentions_bot: bool,
    /// The message of the same channel that it answers.
    pub(super) reply_to: Option<String>,
}

/// Reads `MESSAGE_CREATE`, `MESSAGE_UPDATE` and messages of a channel's history. `roles` are the bot's own.
pub(super) fn message(data: &Value, bot: &str, roles: &HashSet<String>, update: bool) -> Option<Said> {
    // Only what people write: plain messages and replies.
    if !matches!(data["type"].as_u64(), None | Some(0 | 19)) {
        return None;
    }
    // Discord adding a preview is an update as well, without this time.
    if update && !data["edited_timestamp"].is_string() {
        return None;
    }
    let webhook = id(&data["webhook_id"]);
    let author = webhook.clone().or_else(|| id(&data["author"]["id"]))?;
    let mut text = data["content"].as_str()?.to_owned();
    let list = |name: &str| data[name].as_array().cloned().unwrap_or_default();
    let mut mentions_bot = list("mentions")
        .iter()
        .any(|user| id(&user["id"]).as_deref() == Some(bot));
    // Editors offer a bot's role beside the bot; people mean the bot.
    for role in list("mention_roles").iter().filter_map(id) {
        if roles.contains(&role) {
            mentions_bot = true;
            text = text.replace(&format!("<@&{role}>"), &format!("<@{bot}>"));
        }
    }
    let author_names = [
        &data["member"]["nick"],
        &data["author"]["global_name"],
        &data["author"]["username"],
    ];
    Some(Said {
        id: id(&data["id"])?,
        channel: id(&data["channel_id"])?,
        guild: id(&data["guild_id"]),
        machine: webhook.is_some() || data["author"]["bot"] == true || data["author"]["system"] == true,
        name: first_text(&author_names).unwrap_or_else(|| author.clone()),
        author,
        text,
        edited: update,
        mentions_bot,
        reply_to: id(&data["message_reference"]["message_id"]),
    })
}

fn first_text(values: &[&Value]) -> Option<String> {
    values
        .iter()
        .filter_map(|value| value.as_str())
        .find(|text| !text.is_empty())
        .map(|text| super::limits::cut(text, 100))
}

/// Something that was pressed, picked or filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interaction {
    pub(super) id: String,
    pub(super) application: String,
    pub(super) token: String,
    pub(super) channel: String,
    pub(super) guild: Option<String>,
    pub(super) user: String,
    pub(super) name: String,
    /// It belongs to a message: that can be updated.
    pub(super) on_message: bool,
    /// That message.
    pub(super) message: Option<String>,
    pub(super) asked: Asked,
}

/// What exactly.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// A slash command with its options as texts.
    Command {
        name: String,
        options: BTreeMap<String, String>,
    },
    /// A command of the menu of a message, with the message's text.
    OnMessage { name: String, text: String },
    /// A command of the menu of a person.
    OnUser {
        name: String,
        user: String,
        shown: String,
    },
    /// A button, or a select with what was chosen.
    Component { custom: String, values: Vec<String> },
    /// Somebody types an option of a command.
    Complete {
        name: String,
        option: String,
        typed: String,
    },
    /// A modal.
    Form {
        custom: String,
        values: Map<String, Value>,
    },
}

/// Reads `INTERACTION_CREATE`.
pub(super) fn interaction(data: &Value) -> Option<Interaction> {
    let inner = &data["data"];
    let asked = match data["type"].as_u64()? {
        2 if inner["type"].as_u64().unwrap_or(1) == 1 => Asked::Command {
            name: inner["name"].as_str()?.to_owned(),
            options: options(&inner["options"]),
        },
        2 if inner["type"] == 2 => {
            let user = id(&inner["target_id"])?;
            let resolved = &inner["resolved"];
            let known = &resolved["users"][&*user];
            let nick = &resolved["members"][&*user]["nick"];
            Asked::OnUser {
                name: inner["name"].as_str()?.to_owned(),
                shown: first_text(&[nick, &known["global_name"], &known["username"]])
                    .unwrap_or_else(|| user.clone()),
                user,
            }
        }
        2 if inner["type"] == 3 => {
            let target = id(&inner["target_id"])?;
            let message = &inner["resolved"]["messages"][&*target];
            Asked::OnMessage {
                name: inner["name"].as_str()?.to_owned(),
                text: message["content"].as_str().unwrap_or_default().to_owned(),
            }
        }
        3 => Asked::Component {
            custom: inner["custom_id"].as_str()?.to_owned(),
            values: inner["values"]
                .as_array()
                .map(|values| {
                    values
                        .iter()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect()
                })
                .unwrap_or_default(),
        },
        4 => {
            let focused = focused(&inner["options"], 0)?;
            Asked::Complete {
                name: inner["name"].as_str()?.to_owned(),
                option: focused["name"].as_str()?.to_owned(),
                typed: text_of(&focused["value"]).unwrap_or_default(),
            }
        }
        5 => {
            let mut values = Map::new();
            inputs(&inner["components"], &mut values, 0);
            Asked::Form {
                custom: inner["custom_id"].as_str()?.to_owned(),
                values,
            }
        }
        _ => return None,
    };
    let user = [&data["member"]["user"], &data["user"]]
        .into_iter()
        .find(|user| user.is_object())?;
    let user_id = id(&user["id"])?;
    let names = [&data["member"]["nick"], &user["global_name"], &user["username"]];
    Some(Interaction {
        id: id(&data["id"])?,
        application: id(&data["application_id"])?,
        token: data["token"].as_str().filter(|token| is_token(token))?.to_owned(),
        channel: id(&data["channel_id"]).or_else(|| id(&data["channel"]["id"]))?,
        guild: id(&data["guild_id"]),
        name: first_text(&names).unwrap_or_else(|| user_id.clone()),
        user: user_id,
        on_message: data["message"].is_object(),
        message: id(&data["message"]["id"]),
        asked,
    })
}

/// Tokens become parts of addresses.
fn is_token(token: &str) -> bool {
    !token.is_empty()
        && token.len() <= 500
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.=+".contains(&byte))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn options(value: &Value) -> BTreeMap<String, String> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|option| Some((option["name"].as_str()?.to_owned(), text_of(&option["value"])?)))
        .collect()
}

fn focused(value: &Value, depth: usize) -> Option<&Value> {
    if depth > 3 {
        return None;
    }
    value.as_array()?.iter().find_map(|option| {
        if option["focused"] == true {
            Some(option)
        } else {
            focused(&option["options"], depth + 1)
        }
    })
}

/// Inputs of a modal, in rows or in labels.
fn inputs(value: &Value, into: &mut Map<String, Value>, depth: usize) {
    if depth > 4 || into.len() > 50 {
        return;
    }
    for component in value.as_array().map_or(&[][..], Vec::as_slice) {
        if let Some(custom) = component["custom_id"].as_str() {
            let given = [&component["value"], &component["values"]]
                .into_iter()
                .find(|given| !given.is_null());
            if let Some(given) = given {
                into.insert(custom.to_owned(), given.clone());
            }
        }
        inputs(&component["components"], into, depth + 1);
        if component["component"].is_object() {
            inputs(
                &Value::Array(vec![component["component"].clone()]),
                into,
                depth + 1,
            );
        }
    }
}
