//! Views: opened with triggers, pushed, changed, submitted, closed; and the app's home.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::api::{Answer, Arguments, Refusal, no};
use super::deliver::Delivered;
use super::world::{Trigger, World};
use super::{APP, BOT_ID, Inner, TEAM, messages, strict};

/// How long a trigger counts.
const TRIGGER: Duration = Duration::from_secs(3);
/// Views on top of each other.
const STACK: usize = 3;

/// A view that somebody has open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its id.
    pub id: String,
    /// Who looks at it.
    pub user: String,
    /// What it shows.
    pub view: Value,
    /// What its state is called.
    pub hash: String,
    /// Told at inputs after it was submitted.
    pub errors: Value,
}

impl Opened {
    /// The view as the API gives it.
    pub(super) fn told(&self, root: &str) -> Value {
        let mut told = self.view.clone();
        told["id"] = json!(self.id);
        told["team_id"] = json!(TEAM);
        told["app_id"] = json!(APP);
        told["bot_id"] = json!(BOT_ID);
        told["hash"] = json!(self.hash);
        told["root_view_id"] = json!(root);
        if told["state"].is_null() {
            told["state"] = json!({"values": {}});
        }
        for name in ["private_metadata", "callback_id", "external_id"] {
            if told[name].is_null() {
                told[name] = json!("");
            }
        }
        told
    }
}

impl World {
    /// A new trigger of somebody.
    pub(super) fn trigger(&mut self, user: &str) -> String {
        let id = self.id("11.");
        let expired = self.faults.expired_triggers;
        self.triggers.push(Trigger {
            id: id.clone(),
            user: user.to_owned(),
            at: Instant::now(),
            used: false,
            expired,
        });
        id
    }

    /// The first view of somebody's stack.
    pub(super) fn root(&self, user: &str) -> String {
        let first = self.views.iter().find(|view| view.user == user);
        first.map(|view| view.id.clone()).unwrap_or_default()
    }

    fn show(&mut self, user: &str, view: &Value) -> Value {
        let opened = Opened {
            id: self.id("V"),
            user: user.to_owned(),
            view: shown(view),
            hash: self.id("h"),
            errors: json!({}),
        };
        self.views.push(opened.clone());
        opened.told(&self.root(user))
    }

    /// What came with an acknowledgement.
    pub(super) fn answered(&mut self, inner: &Arc<Inner>, sent: &Delivered, answer: &Value) {
        let wrong = match (&*sent.kind, sent.payload["type"].as_str()) {
            ("slash_commands", _) => self.slash_answered(inner, sent, answer).err(),
            ("interactive", Some("view_submission")) => self.submission_answered(sent, answer).err(),
            ("interactive", Some("block_suggestion")) => {
                let messages = strict::suggestions(answer);
                (!messages.is_empty()).then(|| Refusal {
                    error: "options".to_owned(),
                    messages,
                })
            }
            _ => Some(no("an answer where none is read")),
        };
        if let Some(wrong) = wrong {
            let text = format!("{}: {}: {}", sent.kind, wrong.error, wrong.messages.join("; "));
            self.violations.push(text);
        }
    }

    fn slash_answered(
        &mut self,
        inner: &Arc<Inner>,
        sent: &Delivered,
        answer: &Value,
    ) -> Result<(), Refusal> {
        let text = |name: &str| sent.payload[name].as_str().unwrap_or_default().to_owned();
        let fields = answer.as_object().cloned().ok_or_else(|| no("no object"))?;
        if fields.is_empty() {
            return Ok(());
        }
        messages::answer(
            inner,
            self,
            &text("user_id"),
            &text("channel_id"),
            None,
            &Arguments(fields),
        )
    }

    fn submission_answered(&mut self, sent: &Delivered, answer: &Value) -> Result<(), Refusal> {
        let id = sent.payload["view"]["id"].as_str().unwrap_or_default();
        let user = sent.payload["user"]["id"].as_str().unwrap_or_default().to_owned();
        let Some(number) = self.views.iter().position(|view| view.id == id) else {
            return Ok(());
        };
        match answer["response_action"].as_str() {
            Some("errors") => {
                let errors = answer["errors"].as_object().cloned().unwrap_or_default();
                if errors.is_empty() {
                    return Err(no("errors without any"));
                }
                let blocks = self.views[number].view["blocks"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                for name in errors.keys() {
                    let is_input =
                        |block: &Value| block["type"] == "input" && block["block_id"] == name.as_str();
                    if !blocks.iter().any(is_input) {
                        return Err(no(&format!("an error at {name}, which is no input")));
                    }
                }
                self.views[number].errors = json!(errors);
            }
            Some("update") => {
                strict::view(&answer["view"], false)?;
                self.views[number].view = shown(&answer["view"]);
                self.views[number].hash = self.id("h");
                self.views[number].errors = json!({});
            }
            Some("push") => {
                strict::view(&answer["view"], false)?;
                if self.views.iter().filter(|view| view.user == user).count() >= STACK {
                    return Err(no("push_limit_reached"));
                }
                self.show(&user, &answer["view"]);
            }
            Some("clear") => self.views.retain(|view| view.user != user),
            _ => return Err(no("response_action")),
        }
        Ok(())
    }

    /// A submission was acknowledged without an answer: the view goes away.
    pub(super) fn close_view(&mut self, id: &str) {
        self.views.retain(|view| view.id != id);
    }
}

fn shown(view: &Value) -> Value {
    let mut view = view.clone();
    view["blocks"] = strict::with_ids(&view["blocks"]);
    view
}

fn given(arguments: &Arguments, home: bool) -> Answer {
    let view = arguments
        .value("view", "invalid_arguments")?
        .ok_or_else(|| no("invalid_arguments"))?;
    strict::view(&view, home)?;
    Ok(view)
}

pub(super) fn open(world: &mut World, arguments: &Arguments, push: bool) -> Answer {
    let trigger = arguments
        .text("trigger_id")
        .or_else(|| arguments.text("interactivity_pointer"))
        .ok_or_else(|| no("invalid_arguments"))?;
    let view = given(arguments, false)?;
    let found = world
        .triggers
        .iter_mut()
        .find(|known| known.id == trigger)
        .ok_or_else(|| no("invalid_trigger_id"))?;
    if found.used {
        return Err(no("exchanged_trigger_id"));
    }
    if found.expired || found.at.elapsed() > TRIGGER {
        return Err(no("expired_trigger_id"));
    }
    let user = found.user.clone();
    let external = view["external_id"].as_str().unwrap_or_default();
    if !external.is_empty()
        && world
            .views
            .iter()
            .any(|open| open.view["external_id"] == external)
    {
        return Err(no("duplicate_external_id"));
    }
    if push && world.views.iter().filter(|open| open.user == user).count() >= STACK {
        return Err(no("push_limit_reached"));
    }
    if let Some(found) = world.triggers.iter_mut().find(|known| known.id == trigger) {
        found.used = true;
    }
    if !push {
        world.views.retain(|open| open.user != user);
    }
    let told = world.show(&user, &view);
    Ok(json!({"view": told}))
}

pub(super) fn update(world: &mut World, arguments: &Arguments) -> Answer {
    let id = arguments.text("view_id");
    let external = arguments.text("external_id");
    if id.is_none() && external.is_none() {
        return Err(no("invalid_arguments"));
    }
    let view = given(arguments, false)?;
    let is_it = |open: &super::Opened| {
        id.as_ref() == Some(&open.id)
            || (external.is_some() && open.view["external_id"].as_str() == external.as_deref())
    };
    let number = world
        .views
        .iter()
        .position(is_it)
        .ok_or_else(|| no("not_found"))?;
    if let Some(hash) = arguments.text("hash")
        && hash != world.views[number].hash
    {
        return Err(no("hash_conflict"));
    }
    let hash = world.id("h");
    let open = &mut world.views[number];
    open.view = shown(&view);
    open.hash = hash;
    open.errors = json!({});
    let (open, root) = (open.clone(), world.root(&world.views[number].user));
    Ok(json!({"view": open.told(&root)}))
}

pub(super) fn publish(world: &mut World, arguments: &Arguments) -> Answer {
    let user = arguments.needed("user_id", "invalid_arguments")?;
    if !world.people.contains_key(&user) {
        return Err(no("user_not_found"));
    }
    let view = shown(&given(arguments, true)?);
    world.homes.insert(user, view.clone());
    Ok(json!({"view": view}))
}
