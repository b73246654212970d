//! The stand-in of Discord as a stage.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::stage::{Seen, Stage, count, pick};
use crate::simulate::discord::{ANA, BO, BOT, DIRECT, OPS, Posted, Simulator};

const PEOPLE: [(&str, &str); 2] = [("ana", ANA), ("bo", BO)];
const PLACES: [(&str, &str); 2] = [("#ops", OPS), ("direct", DIRECT)];
/// Faults, with what they do.
pub(super) const FAULTS: [(&str, &str); 7] = [
    ("copies", "every event comes twice"),
    ("rate_limited", "so many posts are answered 429"),
    ("failing", "so many posts work and are answered 500"),
    ("too_long", "edits are refused, so many times"),
    ("no_embeds", "the bot may not embed"),
    ("drop_sockets", "the connection is lost, once"),
    ("malformed", "something comes that is no event, once"),
];

/// An interaction that somebody began.
struct Begun {
    who: String,
    id: String,
    channel: String,
    /// It was filled in.
    done: bool,
}

pub(super) struct DiscordStage {
    simulator: Simulator,
    begun: Mutex<Vec<Begun>>,
}

impl DiscordStage {
    pub(super) const fn new(simulator: Simulator) -> Self {
        Self {
            simulator,
            begun: Mutex::new(Vec::new()),
        }
    }

    fn begin(
        &self,
        who: &str,
        channel: &str,
        kind: u64,
        data: &Value,
        on: Option<&Posted>,
    ) -> Result<(), String> {
        let user = pick("person", who, &PEOPLE)?;
        let id = self.simulator.interact_as(user, channel, kind, data, on);
        self.begun.lock().push(Begun {
            who: who.to_owned(),
            id,
            channel: channel.to_owned(),
            done: false,
        });
        Ok(())
    }

    /// The form that somebody has open: its interaction and itself.
    fn form(&self, who: &str) -> Option<(usize, Value)> {
        let begun = self.begun.lock();
        let open = begun
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, begun)| begun.who == who && !begun.done);
        open.filter_map(|(at, begun)| Some((at, self.simulator.answer(&begun.id)?)))
            .find(|(_, answer)| answer["type"] == 9)
    }
}

fn place_of(channel: &str) -> String {
    let found = PLACES.iter().find(|(_, id)| *id == channel);
    found.map_or_else(|| channel.to_owned(), |(name, _)| (*name).to_owned())
}

impl Stage for DiscordStage {
    fn people(&self) -> Vec<(&'static str, String)> {
        PEOPLE
            .iter()
            .map(|(name, user)| (*name, format!("discord:{user}")))
            .collect()
    }

    fn is_connected(&self) -> bool {
        self.simulator.is_connected()
    }

    fn say(&self, who: &str, place: &str, text: &str, thread: Option<&Seen>) -> Result<String, String> {
        let user = pick("person", who, &PEOPLE)?;
        let channel = pick("conversation", place, &PLACES)?;
        let text = text.replace("@sayso", &format!("<@{BOT}>"));
        if let Some(seen) = thread {
            let all = self.simulator.everything();
            let on = all.iter().find(|posted| posted.message["id"] == seen.id.as_str());
            let on = on.ok_or("the message is gone")?;
            return Ok(self.simulator.reply(user, on, &text));
        }
        Ok(self
            .simulator
            .say_as(user, channel, &text, jiff::Timestamp::now()))
    }

    fn edit(&self, _: &str, message: &str, text: &str) -> Result<(), String> {
        self.simulator.change(message, text);
        Ok(())
    }

    fn slash(&self, who: &str, place: &str, text: &str) -> Result<(), String> {
        let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
        let name = command.trim_start_matches('/');
        let mut data = json!({"id": "1", "name": name, "type": 1, "options": []});
        if !rest.is_empty() {
            data["options"] = json!([{"name": "say", "type": 3, "value": rest}]);
        }
        self.begin(who, pick("conversation", place, &PLACES)?, 2, &data, None)
    }

    fn click(&self, who: &str, message: &Seen, button: &str) -> Result<(), String> {
        let posted = self
            .simulator
            .everything()
            .into_iter()
            .find(|posted| posted.message["id"] == message.id.as_str());
        let posted = posted.ok_or("the message is gone")?;
        let buttons = posted.buttons();
        let id = buttons.get(button).ok_or("the button is gone")?;
        let channel = posted.message["channel_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let data = json!({"custom_id": id, "component_type": 2});
        self.begin(who, &channel, 3, &data, Some(&posted))
    }

    fn has_form(&self, who: &str) -> bool {
        self.form(who).is_some()
    }

    fn fill(&self, who: &str, values: &BTreeMap<String, String>) -> Result<(), String> {
        let (at, answer) = self
            .form(who)
            .ok_or_else(|| format!("no form is open for {who}"))?;
        let mut used = 0;
        let mut rows = Vec::new();
        let mut labels = Vec::new();
        for row in answer["data"]["components"].as_array().into_iter().flatten() {
            for input in row["components"].as_array().into_iter().flatten() {
                let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
                let label = text("label");
                let given = values
                    .get(&label)
                    .or_else(|| values.get(&label.replace(' ', "_")));
                used += usize::from(given.is_some());
                let value = given.cloned().unwrap_or_else(|| text("value"));
                if value.is_empty() && input["required"] != json!(false) {
                    return Err(format!("{label}: Discord asks for it"));
                }
                rows.push(json!({"type": 1, "components": [{"type": 4, "custom_id": input["custom_id"], "value": value}]}));
                labels.push(label);
            }
        }
        if used < values.len() {
            return Err(format!(
                "the form has no such fields; it has {}",
                labels.join(", ")
            ));
        }
        let channel = {
            let mut begun = self.begun.lock();
            begun[at].done = true;
            begun[at].channel.clone()
        };
        let data = json!({"custom_id": answer["data"]["custom_id"], "components": rows});
        self.begin(who, &channel, 5, &data, None)
    }

    fn seen(&self) -> Vec<Seen> {
        self.simulator
            .everything()
            .into_iter()
            .map(|posted| Seen {
                id: posted.message["id"].as_str().unwrap_or_default().to_owned(),
                place: place_of(posted.message["channel_id"].as_str().unwrap_or_default()),
                text: posted.text(),
                buttons: posted.buttons().into_keys().collect(),
                file: posted.file.clone(),
                only: posted.ephemeral.then(String::new),
                edits: posted.edits,
            })
            .collect()
    }

    fn fault(&self, faults: &Map<String, Value>) -> Result<(), String> {
        for (name, value) in faults {
            let number = count(name, value)?;
            match name.as_str() {
                "copies" => self.simulator.faults(|faults| faults.copies = number),
                "rate_limited" => self
                    .simulator
                    .faults(|faults| faults.limited = (0..number).map(|_| 1.0).collect()),
                "failing" => self
                    .simulator
                    .faults(|faults| faults.fail_after_applying = number),
                "too_long" => self.simulator.faults(|faults| faults.too_many_edits = number),
                "no_embeds" => self.simulator.faults(|faults| faults.no_embeds = number > 0),
                "drop_sockets" => self.simulator.drop_connections(None),
                "malformed" => self.simulator.event("MESSAGE_CREATE", &json!({"id": {}})),
                _ => {
                    let known: Vec<(&str, ())> = FAULTS.iter().map(|(name, _)| (*name, ())).collect();
                    pick("fault", name, &known)?;
                }
            }
        }
        Ok(())
    }

    fn violations(&self) -> Vec<String> {
        self.simulator.violations()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.simulator.changed())
    }
}
