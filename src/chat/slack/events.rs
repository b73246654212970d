//! What Slack tells, read with patience: whatever is missing or odd gives nothing, never a panic.

use serde_json::{Map, Value};

use super::limits;
use super::modals;
use crate::model::Timestamp;

/// Who the bot is, from `auth.test`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) team: String,
    pub(super) user: String,
    pub(super) bot: String,
    pub(super) name: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) channel: String,
    pub(super) ts: String,
    pub(super) thread: Option<String>,
    /// The person, or the bot's user.
    pub(super) user: String,
    /// The workspace of the person, when it is not that of the bot.
    pub(super) team: Option<String>,
    /// A bot, by any of the ids that it is known by.
    pub(super) machine: Vec<String>,
    pub(super) text: String,
    pub(super) direct: bool,
    pub(super) mentions_bot: bool,
    pub(super) edited: bool,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// An id as Slack writes them.
pub(super) fn id(value: &Value) -> Option<String> {
    text(value).filter(|id| {
        id.len() <= 100
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    })
}

/// A time stamp that names a message: seconds, a dot, six digits.
pub(super) fn stamp(value: &Value) -> Option<String> {
    text(value).filter(|ts| {
        ts.len() <= 30
            && ts.contains('.')
            && ts.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && ts.parse::<f64>().is_ok()
    })
}

/// Order of such stamps: seconds and what follows, as numbers.
pub(super) fn order(ts: &str) -> (u64, u64) {
    let (seconds, rest) = ts.split_once('.').unwrap_or((ts, "0"));
    (seconds.parse().unwrap_or(0), rest.parse().unwrap_or(0))
}

/// When something with this stamp was written.
pub(super) fn written(ts: &str) -> Timestamp {
    let (seconds, micros) = order(ts);
    let micros = seconds
        .saturating_mul(1_000_000)
        .saturating_add(micros.min(999_999));
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// Whether a conversation is between the bot and one person.
pub(super) fn is_direct(channel: &str, kind: &Value) -> bool {
    match kind.as_str() {
        Some(kind) => kind == "im",
        None => channel.starts_with('D'),
    }
}

/// Reads the events `message` and `app_mention`, and messages of a history when `channel` is given.
pub(super) fn message(event: &Value, me: &Me, channel: Option<&str>) -> Option<Said> {
    let channel = channel.map(str::to_owned).or_else(|| id(&event["channel"]))?;
    let kind = &event["channel_type"];
    if event["type"] == "app_mention" {
        let mut said = written_by(event, me, &channel, kind)?;
        said.mentions_bot = true;
        said.edited |= event["edited"].is_object();
        return Some(said);
    }
    match event["subtype"].as_str() {
        None | Some("file_share" | "thread_broadcast" | "bot_message" | "me_message") => {
            if event["hidden"] == true {
                return None;
            }
            written_by(event, me, &channel, kind)
        }
        Some("message_changed") => {
            let (now, before) = (&event["message"], &event["previous_message"]);
            // A preview that was added is a change as well; so is our own.
            if !now["edited"].is_object() || (before.is_object() && now["text"] == before["text"]) {
                return None;
            }
            if !matches!(
                now["subtype"].as_str(),
                None | Some("file_share" | "thread_broadcast" | "bot_message" | "me_message")
            ) {
                return None;
            }
            let mut said = written_by(now, me, &channel, kind)?;
            said.edited = true;
            Some(said)
        }
        Some(_) => None,
    }
}

fn written_by(message: &Value, me: &Me, channel: &str, kind: &Value) -> Option<Said> {
    let machine: Vec<String> = [
        &message["bot_id"],
        &message["bot_profile"]["id"],
        &message["sender"]["bot_id"],
    ]
    .into_iter()
    .filter_map(id)
    .collect();
    let is_machine = !machine.is_empty() || message["subtype"] == "bot_message";
    let user = id(&message["user"]).or_else(|| machine.first().cloned())?;
    let mut machine = machine;
    if is_machine {
        machine.extend(id(&message["app_id"]));
        machine.push(user.clone());
    }
    if user == me.user || (!me.bot.is_empty() && machine.contains(&me.bot)) {
        return None;
    }
    let team = [&message["user_team"], &message["source_team"]]
        .into_iter()
        .find_map(id)
        .filter(|team| *team != me.team);
    let ts = stamp(&message["ts"])?;
    let text = message["text"].as_str().unwrap_or_default().to_owned();
    let mention = [format!("<@{}>", me.user), format!("<@{}|", me.user)];
    Some(Said {
        direct: is_direct(channel, kind),
        mentions_bot: mention.iter().any(|mention| text.contains(mention)),
        channel: channel.to_owned(),
        thread: stamp(&message["thread_ts"]).filter(|thread| *thread != ts),
        ts,
        user,
        team,
        machine,
        text,
        edited: false,
    })
}

/// A slash command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slash {
    pub(super) command: String,
    pub(super) text: String,
    pub(super) by: Actor,
    pub(super) trigger: String,
    pub(super) response_url: Option<String>,
}

/// Who did something, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) user: String,
    pub(super) name: String,
    pub(super) team: Option<String>,
    /// `None`: on the start page.
    pub(super) channel: Option<String>,
    pub(super) channel_name: Option<String>,
    pub(super) thread: Option<String>,
}

/// Reads a slash command.
pub(super) fn slash(payload: &Value) -> Option<Slash> {
    let name = payload["channel_name"].as_str().unwrap_or_default();
    Some(Slash {
        command: text(&payload["command"])?,
        text: payload["text"].as_str().unwrap_or_default().trim().to_owned(),
        by: Actor {
            user: id(&payload["user_id"])?,
            name: text(&payload["user_name"]).unwrap_or_default(),
            team: id(&payload["team_id"]),
            channel: Some(id(&payload["channel_id"])?),
            channel_name: channel_name(name),
            thread: stamp(&payload["thread_ts"]),
        },
        trigger: id(&payload["trigger_id"])?,
        response_url: text(&payload["response_url"]),
    })
}

/// `#ops`; conversations without a name have a word in its place.
pub(super) fn channel_name(name: &str) -> Option<String> {
    (!name.is_empty() && !matches!(name, "directmessage" | "privategroup"))
        .then(|| format!("#{}", limits::cut(name, 80)))
}

/// Something that was pressed, chosen or filled in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interaction {
    pub(super) by: Actor,
    pub(super) trigger: Option<String>,
    pub(super) response_url: Option<String>,
    pub(super) asked: Asked,
}

/// What exactly.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    /// A button or another element of a message or the start page.
    Action {
        action: String,
        value: String,
        /// Stamp of the message; empty on the start page.
        message: String,
        at: String,
        /// Only one person sees the message.
        ephemeral: bool,
    },
    /// A form was sent.
    Submission {
        view: String,
        hash: String,
        callback: String,
        data: String,
        values: Map<String, Value>,
        /// Ids of the blocks that take values, in order.
        blocks: Vec<String>,
    },
    /// Somebody types in a choice.
    Suggestion {
        block: String,
        typed: String,
        data: String,
    },
    /// A shortcut, with the text of the message that it was used on.
    Shortcut { text: Option<String> },
}

/// Reads an interaction.
pub(super) fn interaction(payload: &Value) -> Option<Interaction> {
    let view = &payload["view"];
    let container = &payload["container"];
    let message = stamp(&container["message_ts"]).or_else(|| stamp(&payload["message"]["ts"]));
    let channel = id(&payload["channel"]["id"]).or_else(|| id(&container["channel_id"]));
    let data = || view["private_metadata"].as_str().unwrap_or_default().to_owned();
    let asked = match payload["type"].as_str()? {
        "block_actions" => {
            let action = &payload["actions"][0];
            Asked::Action {
                action: text(&action["action_id"])?,
                value: modals::chosen(action)?.as_str()?.to_owned(),
                message: message.unwrap_or_default(),
                at: text(&action["action_ts"]).unwrap_or_default(),
                ephemeral: container["is_ephemeral"] == true,
            }
        }
        "view_submission" => {
            let blocks = view["blocks"].as_array().map_or(&[][..], Vec::as_slice);
            Asked::Submission {
                view: id(&view["id"])?,
                hash: text(&view["hash"]).unwrap_or_default(),
                callback: text(&view["callback_id"]).unwrap_or_default(),
                data: data(),
                values: modals::values(&view["state"]["values"]),
                blocks: blocks
                    .iter()
                    .filter(|block| block["type"] == "input")
                    .filter_map(|block| text(&block["block_id"]))
                    .collect(),
            }
        }
        "block_suggestion" => Asked::Suggestion {
            block: text(&payload["block_id"])?,
            typed: payload["value"].as_str().unwrap_or_default().to_owned(),
            data: data(),
        },
        "shortcut" => Asked::Shortcut { text: None },
        "message_action" => Asked::Shortcut {
            text: Some(payload["message"]["text"].as_str().unwrap_or_default().to_owned()),
        },
        _ => return None,
    };
    let user = &payload["user"];
    let thread = stamp(&payload["message"]["thread_ts"]).or_else(|| stamp(&container["thread_ts"]));
    Some(Interaction {
        by: Actor {
            user: id(&user["id"])?,
            name: text(&user["username"])
                .or_else(|| text(&user["name"]))
                .unwrap_or_default(),
            team: id(&user["team_id"]).or_else(|| id(&payload["team"]["id"])),
            channel,
            channel_name: channel_name(payload["channel"]["name"].as_str().unwrap_or_default()),
            thread,
        },
        trigger: id(&payload["trigger_id"]),
        response_url: text(&payload["response_url"]),
        asked,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn me() -> Me {
        Me {
            team: "T1".into(),
            user: "UBOT".into(),
            bot: "BBOT".into(),
            name: "sayso".into(),
        }
    }

    #[allow(clippy::needless_pass_by_value)] // so that tests can write json!(…) in place
    fn event(more: Value) -> Value {
        let mut event = json!({"type": "message", "channel": "C1", "channel_type": "channel",
            "user": "U1", "text": "!deploy api", "ts": "1700000000.000100"});
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        event
    }

    #[test]
    fn mention_and_message_are_the_same() {
        let text = json!({"text": "<@UBOT> deploy"});
        let said = message(&event(text.clone()), &me(), None).unwrap();
        let mut mention = event(text);
        mention["type"] = json!("app_mention");
        assert_eq!(message(&mention, &me(), None).unwrap(), said);
        assert!(said.mentions_bot && !said.direct && !said.edited);
    }

    #[test]
    fn own_messages_are_heard_in_no_form() {
        for more in [
            json!({"user": "UBOT"}),
            json!({"bot_id": "BBOT", "user": "U9"}),
            json!({"subtype": "bot_message", "bot_id": "BBOT", "user": null}),
            json!({"sender": {"bot_id": "BBOT"}}),
            json!({"subtype": "message_changed", "message": {"user": "UBOT", "bot_id": "BBOT", "ts": "1.2", "text": "x", "edited": {}}}),
            json!({"subtype": "message_deleted", "deleted_ts": "1.2"}),
            json!({"subtype": "channel_join"}),
        ] {
            assert_eq!(message(&event(more.clone()), &me(), None), None, "{more}");
        }
    }

    #[test]
    fn other_bots_are_known_as_such() {
        let said = message(&event(json!({"bot_id": "B7", "app_id": "A7"})), &me(), None).unwrap();
        assert_eq!(said.machine, ["B7", "A7", "U1"]);
    }

    #[test]
    fn edits_count_when_the_text_is_another() {
        let changed = |before: &str| {
            event(json!({"subtype": "message_changed",
                "message": {"user": "U1", "ts": "1.2", "text": "!deploy b", "edited": {"user": "U1"}},
                "previous_message": {"user": "U1", "ts": "1.2", "text": before}}))
        };
        let said = message(&changed("!deploy a"), &me(), None).unwrap();
        assert!(said.edited);
        assert_eq!((said.ts.as_str(), said.text.as_str()), ("1.2", "!deploy b"));
        assert_eq!(message(&changed("!deploy b"), &me(), None), None);
    }

    #[test]
    fn the_root_of_a_thread_is_not_in_it() {
        let root = event(json!({"thread_ts": "1700000000.000100"}));
        assert_eq!(message(&root, &me(), None).unwrap().thread, None);
        let reply = event(json!({"thread_ts": "1600000000.000100"}));
        assert_eq!(
            message(&reply, &me(), None).unwrap().thread.as_deref(),
            Some("1600000000.000100")
        );
    }

    #[test]
    fn stamps_are_ordered_as_numbers() {
        assert!(order("1700000000.000200") > order("1700000000.000100"));
        assert!(order("999999999.9") < order("1700000000.000100"));
        assert_eq!(written("2.000003").micros(), 2_000_003);
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-zA-Z0-9.#<>@|]{0,12}".prop_map(Value::from),
            Just(json!("message")),
            Just(json!("message_changed")),
            Just(json!("block_actions")),
            Just(json!("view_submission")),
            Just(json!("1700000000.000100")),
        ];
        leaf.prop_recursive(5, 60, 8, |inner| {
            let keys = prop_oneof![
                Just("type".to_owned()),
                Just("subtype".to_owned()),
                Just("user".to_owned()),
                Just("channel".to_owned()),
                Just("id".to_owned()),
                Just("message".to_owned()),
                Just("ts".to_owned()),
                Just("actions".to_owned()),
                Just("view".to_owned()),
                Just("state".to_owned()),
                Just("values".to_owned()),
                Just("edited".to_owned()),
                Just("action_id".to_owned()),
                Just("value".to_owned()),
                "[a-z_]{1,8}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(keys, inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// One of each that is read, with everything in it that is looked at.
    fn recorded() -> Vec<Value> {
        let user = json!({"id": "U0ANA", "username": "ana", "name": "ana", "team_id": "T1"});
        let interaction = |kind: &str, more: Value| {
            let mut made = json!({"type": kind, "user": user, "team": {"id": "T1"}, "trigger_id": "1.2.ab",
                "channel": {"id": "C1", "name": "ops"}, "response_url": "https://hooks.example.org/actions/T1/1/x"});
            if let (Value::Object(made), Value::Object(more)) = (&mut made, more) {
                made.extend(more);
            }
            made
        };
        let said = json!({"type": "message", "user": "U0ANA", "text": "<@UBOT> help", "ts": "1700000000.000200",
            "thread_ts": "1700000000.000100", "channel": "C1", "channel_type": "channel", "team": "T1"});
        let mut changed = said.clone();
        changed["text"] = json!("<@UBOT> status");
        changed["edited"] = json!({"user": "U0ANA", "ts": "1700000001.000000"});
        vec![
            said.clone(),
            json!({"type": "message", "subtype": "message_changed", "channel": "C1", "channel_type": "channel",
                "ts": "1700000001.000100", "message": changed, "previous_message": said}),
            json!({"type": "message", "subtype": "bot_message", "bot_id": "B1", "username": "x", "text": "!help",
                "channel": "D1", "channel_type": "im", "ts": "1700000000.000300"}),
            json!({"team_id": "T1", "channel_id": "C1", "channel_name": "ops", "user_id": "U0ANA", "user_name": "ana",
                "command": "/sayso", "text": "help", "response_url": "https://hooks.example.org/commands/1/2/x",
                "trigger_id": "1.2.ab"}),
            interaction(
                "block_actions",
                json!({"container": {"type": "message", "message_ts": "1700000000.000100", "channel_id": "C1",
                    "thread_ts": "1700000000.000050", "is_ephemeral": false},
                    "message": {"ts": "1700000000.000100", "thread_ts": "1700000000.000050"},
                    "actions": [{"type": "button", "action_id": "say:1", "block_id": "b", "value": "help",
                        "action_ts": "1700000002.1"}]}),
            ),
            interaction(
                "view_submission",
                json!({"view": {"id": "V1", "hash": "h", "callback_id": "form", "private_metadata": "{}",
                    "blocks": [{"type": "input", "block_id": "s:app"}, {"type": "input", "block_id": "m:hosts"}],
                    "state": {"values": {
                        "s:app": {"input": {"type": "plain_text_input", "value": "api"}},
                        "m:hosts": {"input": {"type": "multi_static_select", "selected_options": [{"value": "a"}]}}}}}}),
            ),
            interaction(
                "block_suggestion",
                json!({"block_id": "s:app", "action_id": "input", "value": "ap",
                    "view": {"id": "V1", "private_metadata": "{}"}}),
            ),
            interaction(
                "message_action",
                json!({"callback_id": "sayso.run_message", "message": said}),
            ),
        ]
    }

    fn read_as_everything(payload: &Value) -> bool {
        let said = [None, Some("C1")].map(|channel| message(payload, &me(), channel));
        for said in said.iter().flatten() {
            assert!(!said.channel.is_empty() && !said.ts.is_empty());
            // They become keys and parts of requests.
            assert!(order(&said.ts) > (0, 0), "{}", said.ts);
        }
        let asked = (slash(payload), interaction(payload));
        said.iter().any(Option::is_some) || asked.0.is_some() || asked.1.is_some()
    }

    #[test]
    fn what_is_recorded_is_read() {
        for payload in recorded() {
            assert!(read_as_everything(&payload), "{payload:#}");
        }
    }

    proptest! {
        #![proptest_config(crate::testing::cases(400))]

        #[test]
        fn what_has_changed_is_refused_or_read_without_a_panic(
            which in 0_usize..8,
            changes in crate::chat::tests::mutated::changes(),
        ) {
            read_as_everything(&crate::chat::tests::mutated::changed(&recorded()[which], &changes));
        }

        #[test]
        fn no_payload_panics(payload in anything()) {
            let _ = message(&payload, &me(), None);
            let _ = message(&payload, &me(), Some("C1"));
            let _ = slash(&payload);
            let _ = interaction(&payload);
        }
    }
}
