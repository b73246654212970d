//! The stand-in of Slack as a stage.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::stage::{Seen, Stage, count, pick};
use crate::simulate::slack::{ANA, BO, BOT, DIRECT, HALL, OPS, Posted, Simulator, TEAM};

const PEOPLE: [(&str, &str); 2] = [("ana", ANA), ("bo", BO)];
const PLACES: [(&str, &str); 3] = [("#ops", OPS), ("#hall", HALL), ("direct", DIRECT)];
/// Faults, with what they do.
pub(super) const FAULTS: [(&str, &str); 9] = [
    ("copies", "every event comes so many times more"),
    ("reordered", "two events change their places"),
    ("rate_limited", "so many posts are answered 429"),
    ("too_long", "so many messages are refused as too long"),
    ("failing", "so many posts work and are answered 500"),
    ("slow", "answers come so many milliseconds later"),
    ("expired_triggers", "forms come too late"),
    ("drop_sockets", "the connections are lost, once"),
    ("malformed", "something comes that is no event, once"),
];

pub(super) struct SlackStage(pub(super) Simulator);

impl SlackStage {
    /// `#ops`; a person's own conversation with the bot is `direct:bo`, ana's `direct`.
    fn name_of(&self, id: &str) -> String {
        if let Some((name, _)) = PLACES.iter().find(|(_, known)| *known == id) {
            return (*name).to_owned();
        }
        let mut name = id.to_owned();
        self.0.world(|_, channels| {
            let members = channels
                .get(id)
                .map(|channel| channel.members.clone())
                .unwrap_or_default();
            if let Some((who, _)) = PEOPLE.iter().find(|(_, user)| members.contains(*user)) {
                name = format!("direct:{who}");
            }
        });
        name
    }

    fn seen_of(&self, posted: &Posted, only: Option<String>) -> Seen {
        Seen {
            id: format!("{}/{}", posted.channel, posted.ts()),
            place: self.name_of(&posted.channel),
            text: posted.text(),
            buttons: posted.buttons().into_keys().collect(),
            file: posted.file.clone(),
            only,
            edits: posted.edits,
        }
    }

    fn posted(&self, id: &str) -> Option<Posted> {
        let (channel, ts) = id.split_once('/')?;
        let whispered = PEOPLE.iter().flat_map(|(_, user)| self.0.ephemerals(user));
        let mut all = self.0.messages(channel).into_iter().chain(whispered);
        all.find(|posted| posted.channel == channel && posted.ts() == ts)
    }
}

impl Stage for SlackStage {
    fn people(&self) -> Vec<(&'static str, String)> {
        let account = |user: &str| format!("slack:{TEAM}:{user}");
        PEOPLE.iter().map(|(name, user)| (*name, account(user))).collect()
    }

    fn is_connected(&self) -> bool {
        self.0.sockets() > 0
    }

    fn say(&self, who: &str, place: &str, text: &str, thread: Option<&Seen>) -> Result<String, String> {
        let user = pick("person", who, &PEOPLE)?;
        let channel = pick("conversation", place, &PLACES)?;
        let text = text.replace("@sayso", &format!("<@{BOT}>"));
        Ok(match thread.and_then(|seen| self.posted(&seen.id)) {
            Some(posted) => {
                let root = posted.thread().unwrap_or_else(|| posted.ts());
                self.0.reply(user, &posted.channel, &root, &text)
            }
            None => self.0.say(user, channel, &text),
        })
    }

    fn edit(&self, place: &str, message: &str, text: &str) -> Result<(), String> {
        self.0.edit(pick("conversation", place, &PLACES)?, message, text);
        Ok(())
    }

    fn slash(&self, who: &str, place: &str, text: &str) -> Result<(), String> {
        let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
        let user = pick("person", who, &PEOPLE)?;
        self.0
            .slash(user, pick("conversation", place, &PLACES)?, command, rest);
        Ok(())
    }

    fn click(&self, who: &str, message: &Seen, button: &str) -> Result<(), String> {
        let user = pick("person", who, &PEOPLE)?;
        let posted = self.posted(&message.id).ok_or("the message is gone")?;
        let buttons = posted.buttons();
        let action = buttons.get(button).ok_or("the button is gone")?;
        self.0
            .click(user, &posted.channel, &posted.ts(), action)
            .map(|_| ())
            .ok_or_else(|| format!("{who} cannot press it"))
    }

    fn has_form(&self, who: &str) -> bool {
        pick("person", who, &PEOPLE).is_ok_and(|user| !self.0.views(user).is_empty())
    }

    fn fill(&self, who: &str, values: &BTreeMap<String, String>) -> Result<(), String> {
        self.0.submit(pick("person", who, &PEOPLE)?, values).map(|_| ())
    }

    fn seen(&self) -> Vec<Seen> {
        let mut public: Vec<Seen> = Vec::new();
        for posted in self.0.everything() {
            // A file is a message of its own on Slack; for people it belongs to the one before it.
            let before = public
                .iter_mut()
                .rfind(|seen| posted.file.is_some() && seen.id.starts_with(&format!("{}/", posted.channel)));
            match before {
                Some(seen) => {
                    seen.file.clone_from(&posted.file);
                    seen.edits += 1;
                }
                None => public.push(self.seen_of(&posted, None)),
            }
        }
        let whispered = PEOPLE.iter().flat_map(|(name, user)| {
            let posts = self.0.ephemerals(user).into_iter();
            posts.map(|posted| self.seen_of(&posted, Some((*name).to_owned())))
        });
        let mut all: Vec<Seen> = public.into_iter().chain(whispered).collect();
        all.sort_by(|one, two| stamp(one).cmp(stamp(two)));
        all
    }

    fn fault(&self, faults: &Map<String, Value>) -> Result<(), String> {
        for (name, value) in faults {
            let number = count(name, value)?;
            let post = || "chat.postMessage".to_owned();
            match name.as_str() {
                "copies" => self.0.faults(|faults| faults.copies = number),
                "reordered" => self.0.faults(|faults| faults.reordered = number > 0),
                "rate_limited" => self.0.faults(|faults| {
                    let waits: VecDeque<u64> = (0..number).map(|_| 1).collect();
                    faults.limited.insert(post(), waits);
                }),
                "too_long" => self.0.faults(|faults| {
                    let refusals = (0..number).map(|_| "msg_blocks_too_long".to_owned()).collect();
                    faults.refuse.insert(post(), refusals);
                }),
                "failing" => self.0.faults(|faults| {
                    faults.fail_after.insert(post(), number);
                }),
                "slow" => self.0.faults(|faults| {
                    faults.slow.insert(post(), Duration::from_millis(number.into()));
                }),
                "expired_triggers" => self.0.faults(|faults| faults.expired_triggers = number > 0),
                "drop_sockets" => self.0.drop_sockets(),
                "malformed" => self.0.frame("{\"envelope_id\":{}}"),
                _ => {
                    let known: Vec<(&str, ())> = FAULTS.iter().map(|(name, _)| (*name, ())).collect();
                    pick("fault", name, &known)?;
                }
            }
        }
        Ok(())
    }

    fn violations(&self) -> Vec<String> {
        self.0.violations()
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.changed())
    }
}

fn stamp(seen: &Seen) -> &str {
    seen.id.split_once('/').map_or("", |(_, ts)| ts)
}
