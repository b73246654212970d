//! What people do: they write, change, click, fill in forms, and Slack tells the app.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::world::{Address, Channel, Kind, World, elements, stamp_of};
use super::{APP, BOT, Inner, Opened, Posted, Simulator, TEAM};

impl World {
    /// An event for the app.
    pub(super) fn event(&mut self, inner: &Arc<Inner>, event: &Value) -> String {
        let id = self.id("Ev");
        let payload = json!({
            "token": "deprecated",
            "team_id": TEAM,
            "context_team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": id,
            "event_time": jiff::Timestamp::now().as_second(),
            "authorizations": [{
                "enterprise_id": null, "team_id": TEAM, "user_id": BOT,
                "is_bot": true, "is_enterprise_install": false,
            }],
            "is_ext_shared_channel": false,
            "event_context": format!("4-{id}"),
        });
        self.deliver(inner, "events_api", payload, false)
    }

    /// Tells of a new message, where the bot is.
    pub(super) fn tell(&mut self, inner: &Arc<Inner>, channel: &str, mut message: Value) {
        let Some(kind) = self.heard(channel) else { return };
        message["channel"] = json!(channel);
        message["event_ts"] = message["ts"].clone();
        let text = message["text"].as_str().unwrap_or_default();
        let meant = text.contains(&format!("<@{BOT}>")) && message["bot_id"].is_null();
        let mut mention = message.clone();
        message["channel_type"] = json!(kind.of_event());
        self.event(inner, &message);
        if meant && kind != Kind::Im {
            mention["type"] = json!("app_mention");
            self.event(inner, &mention);
        }
    }

    pub(super) fn tell_change(&mut self, inner: &Arc<Inner>, channel: &str, now: &Value, before: &Value) {
        let Some(kind) = self.heard(channel) else { return };
        let ts = self.stamp();
        let event = json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": channel,
            "channel_type": kind.of_event(), "message": now, "previous_message": before,
            "ts": ts, "event_ts": ts,
        });
        self.event(inner, &event);
    }

    pub(super) fn tell_deletion(&mut self, inner: &Arc<Inner>, channel: &str, gone: &Value) {
        let Some(kind) = self.heard(channel) else { return };
        let ts = self.stamp();
        let event = json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": channel,
            "channel_type": kind.of_event(), "deleted_ts": gone["ts"], "previous_message": gone,
            "ts": ts, "event_ts": ts,
        });
        self.event(inner, &event);
    }

    fn heard(&self, channel: &str) -> Option<Kind> {
        let channel: &Channel = self.channels.get(channel)?;
        channel.members.contains(BOT).then_some(channel.kind)
    }

    fn named(&self, user: &str) -> Value {
        let name = self.people.get(user).map_or("", |person| person.name.as_str());
        json!({"id": user, "username": name, "name": name, "team_id": TEAM})
    }

    fn address(&mut self, user: &str, channel: &str, ts: Option<&str>) -> String {
        let id = self.id("R");
        self.addresses.push(Address {
            id: id.clone(),
            user: user.to_owned(),
            channel: channel.to_owned(),
            ts: ts.map(str::to_owned),
            at: Instant::now(),
            uses: 0,
            expired: false,
        });
        format!("{}/respond/{id}", self.base)
    }

    fn interaction(&mut self, kind: &str, user: &str) -> Value {
        json!({
            "type": kind,
            "user": self.named(user),
            "api_app_id": APP,
            "token": "deprecated",
            "team": {"id": TEAM, "domain": "simulated"},
            "enterprise": null,
            "is_enterprise_install": false,
            "trigger_id": self.trigger(user),
        })
    }

    fn room(&self, channel: &str) -> Value {
        let name = match self.channels.get(channel) {
            Some(known) if known.kind == Kind::Im => "directmessage",
            Some(known) if known.kind == Kind::Private => "privategroup",
            Some(known) => known.name.as_str(),
            None => "",
        };
        json!({"id": channel, "name": name})
    }
}

/// What Slack makes of what somebody types: `&<>` are escaped where they belong to nothing, addresses are wrapped.
fn encoded(typed: &str) -> String {
    let mut text = String::new();
    let mut rest = typed;
    while let Some(at) = rest.find(['&', '<', '>', 'h']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = ["<@", "<#", "<!"].iter().any(|start| rest.starts_with(start));
        if reference && let Some(end) = rest.find('>') {
            text.push_str(&rest[..=end]);
            rest = &rest[end + 1..];
            continue;
        }
        if rest.starts_with("http://") || rest.starts_with("https://") {
            let end = rest
                .find(|char: char| char.is_whitespace() || "<>\"'`“”".contains(char))
                .unwrap_or(rest.len());
            text.push('<');
            text.push_str(&rest[..end].replace('&', "&amp;"));
            text.push('>');
            rest = &rest[end..];
            continue;
        }
        match rest.as_bytes()[0] {
            b'&' => text.push_str("&amp;"),
            b'<' => text.push_str("&lt;"),
            b'>' => text.push_str("&gt;"),
            _ => text.push('h'),
        }
        rest = &rest[1..];
    }
    text.push_str(rest);
    text
}

/// The value that an element of a form has when somebody enters a text there.
fn entered(element: &Value, text: &str) -> Value {
    let option = |text: &str| {
        let known = element["options"].as_array().into_iter().flatten();
        let mut known = known.filter(|option| option["value"] == text || option["text"]["text"] == text);
        known.next().cloned().unwrap_or_else(
            || json!({"text": {"type": "plain_text", "text": text, "emoji": true}, "value": text}),
        )
    };
    let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let kind = element["type"].as_str().unwrap_or_default();
    let (field, value) = match kind {
        "static_select" | "external_select" | "radio_buttons" if text.is_empty() => {
            ("selected_option", Value::Null)
        }
        "static_select" | "external_select" | "radio_buttons" => ("selected_option", option(text)),
        "multi_static_select" | "multi_external_select" | "checkboxes" => {
            ("selected_options", parts().map(option).collect())
        }
        "users_select" => ("selected_user", json!(text)),
        "channels_select" => ("selected_channel", json!(text)),
        "conversations_select" => ("selected_conversation", json!(text)),
        "datepicker" => ("selected_date", json!(text)),
        "timepicker" => ("selected_time", json!(text)),
        _ if text.is_empty() => ("value", Value::Null),
        _ => ("value", json!(text)),
    };
    json!({"type": kind, field: value})
}

/// What stands in an element before somebody touches it.
fn initial(element: &Value) -> Value {
    let kind = &element["type"];
    let (field, name) = match kind.as_str().unwrap_or_default() {
        "static_select" | "external_select" | "radio_buttons" => ("selected_option", "initial_option"),
        "multi_static_select" | "multi_external_select" | "checkboxes" => {
            ("selected_options", "initial_options")
        }
        "users_select" => ("selected_user", "initial_user"),
        "channels_select" => ("selected_channel", "initial_channel"),
        "conversations_select" => ("selected_conversation", "initial_conversation"),
        "datepicker" => ("selected_date", "initial_date"),
        "timepicker" => ("selected_time", "initial_time"),
        _ => ("value", "initial_value"),
    };
    let mut value = element[name].clone();
    if value.is_null() && field == "selected_options" {
        value = json!([]);
    }
    json!({"type": kind, field: value})
}

/// Whether Slack lets somebody submit this.
fn acceptable(block: &Value, value: &Value) -> Result<(), String> {
    let field = value
        .as_object()
        .and_then(|fields| fields.iter().find(|(name, _)| *name != "type"));
    let value = field.map_or(&Value::Null, |(_, value)| value);
    let empty = value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty);
    let label = block["label"]["text"].as_str().unwrap_or_default();
    if empty {
        return if block["optional"] == true {
            Ok(())
        } else {
            Err(format!("{label}: please complete this field"))
        };
    }
    let Some(text) = value.as_str() else { return Ok(()) };
    let element = &block["element"];
    let length = text.chars().count() as u64;
    if element["type"] == "plain_text_input" {
        let most = element["max_length"].as_u64().unwrap_or(3000);
        if length > most || length < element["min_length"].as_u64().unwrap_or(0) {
            return Err(format!("{label}: the text is too long or too short"));
        }
    }
    if element["type"] == "number_input" {
        let Ok(number) = text.parse::<f64>() else {
            return Err(format!("{label}: this is no number"));
        };
        let bound = |name: &str| element[name].as_str().and_then(|bound| bound.parse::<f64>().ok());
        let low = bound("min_value").is_some_and(|least| number < least);
        let high = bound("max_value").is_some_and(|most| number > most);
        if low || high || (element["is_decimal_allowed"] == false && number.fract() != 0.0) {
            return Err(format!("{label}: this number does not fit"));
        }
    }
    Ok(())
}

impl Simulator {
    /// Somebody writes a message; gives its timestamp.
    pub fn say(&self, user: &str, channel: &str, text: &str) -> String {
        self.said(user, channel, text, None, None)
    }

    /// Somebody answers in a thread.
    pub fn reply(&self, user: &str, channel: &str, thread: &str, text: &str) -> String {
        self.said(user, channel, text, Some(thread), None)
    }

    /// The same as [`Simulator::say`], written at a certain time.
    pub fn say_at(&self, user: &str, channel: &str, text: &str, at: jiff::Timestamp) -> String {
        self.said(user, channel, text, None, Some(at))
    }

    fn said(
        &self,
        user: &str,
        channel: &str,
        text: &str,
        thread: Option<&str>,
        at: Option<jiff::Timestamp>,
    ) -> String {
        let world = &mut *self.inner.world.lock();
        let ts = at.map_or_else(|| world.stamp(), |at| stamp_of(at.as_microsecond()));
        let text = encoded(text);
        let mut message = json!({
            "type": "message", "user": user, "text": text, "ts": ts, "team": TEAM,
            "client_msg_id": format!("{user}-{ts}"),
        });
        if let Some(thread) = thread {
            message["thread_ts"] = json!(thread);
            message["parent_user_id"] = json!(user);
        }
        world.messages.push(Posted {
            channel: channel.to_owned(),
            message: message.clone(),
            edits: 0,
            only_for: None,
            file: None,
            streaming: false,
        });
        world.tell(&self.inner, channel, message);
        ts
    }

    /// Somebody changes what they wrote.
    pub fn edit(&self, channel: &str, ts: &str, text: &str) {
        let world = &mut *self.inner.world.lock();
        let Some(number) = world.find(channel, ts) else {
            return;
        };
        let stamp = world.stamp();
        let posted = &mut world.messages[number];
        let before = posted.message.clone();
        posted.message["text"] = json!(encoded(text));
        posted.message["edited"] = json!({"user": before["user"], "ts": stamp});
        let now = posted.message.clone();
        world.tell_change(&self.inner, channel, &now, &before);
    }

    /// Somebody deletes what they wrote.
    pub fn delete(&self, channel: &str, ts: &str) {
        let world = &mut *self.inner.world.lock();
        let Some(number) = world.find(channel, ts) else {
            return;
        };
        let gone = world.messages.remove(number);
        world.tell_deletion(&self.inner, channel, &gone.message);
    }

    /// Somebody uses a slash command; gives the envelope's id.
    pub fn slash(&self, user: &str, channel: &str, command: &str, text: &str) -> String {
        let world = &mut *self.inner.world.lock();
        let room = world.room(channel);
        let payload = json!({
            "token": "deprecated",
            "team_id": TEAM,
            "team_domain": "simulated",
            "channel_id": channel,
            "channel_name": room["name"],
            "user_id": user,
            "user_name": world.named(user)["name"],
            "command": command,
            "text": encoded(text),
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": world.address(user, channel, None),
            "trigger_id": world.trigger(user),
        });
        world.deliver(&self.inner, "slash_commands", payload, true)
    }

    /// Somebody presses a button of a message; gives the envelope's id, or nothing when there is no such button.
    pub fn click(&self, user: &str, channel: &str, ts: &str, action: &str) -> Option<String> {
        let world = &mut *self.inner.world.lock();
        let number = world.find(channel, ts)?;
        let posted = world.messages[number].clone();
        if posted.only_for.as_deref().is_some_and(|only| only != user) {
            return None;
        }
        let element = elements(&posted.message["blocks"])
            .into_iter()
            .find(|found| found["action_id"] == action)?;
        let mut payload = world.interaction("block_actions", user);
        let mut container = json!({
            "type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": posted.only_for.is_some(),
        });
        if let Some(thread) = posted.thread() {
            container["thread_ts"] = json!(thread);
        }
        payload["container"] = container;
        payload["channel"] = world.room(channel);
        payload["response_url"] = json!(world.address(user, channel, Some(ts)));
        payload["state"] = json!({"values": {}});
        if posted.only_for.is_none() {
            payload["message"] = posted.message;
        }
        payload["actions"] = json!([world.pressed(&element)]);
        Some(world.deliver(&self.inner, "interactive", payload, false))
    }

    /// Somebody presses a button on the app's home or in a view; gives the envelope's id.
    pub fn click_view(&self, user: &str, action: &str) -> Option<String> {
        let world = &mut *self.inner.world.lock();
        let open = world.views.iter().rev().find(|view| view.user == user).cloned();
        let view = match open {
            Some(open) => open.told(&world.root(user)),
            None => {
                let home = Opened {
                    id: format!("VHOME{user}"),
                    user: user.to_owned(),
                    view: world.homes.get(user)?.clone(),
                    hash: "home".to_owned(),
                    errors: json!({}),
                };
                home.told(&home.id)
            }
        };
        let element = elements(&view["blocks"])
            .into_iter()
            .find(|found| found["action_id"] == action)?;
        let mut payload = world.interaction("block_actions", user);
        payload["container"] = json!({"type": "view", "view_id": view["id"]});
        payload["actions"] = json!([world.pressed(&element)]);
        payload["view"] = view;
        Some(world.deliver(&self.inner, "interactive", payload, false))
    }

    /// Somebody uses a shortcut, at a message or anywhere; gives the envelope's id.
    pub fn shortcut(&self, user: &str, callback: &str, message: Option<(&str, &str)>) -> Option<String> {
        let world = &mut *self.inner.world.lock();
        let kind = if message.is_some() {
            "message_action"
        } else {
            "shortcut"
        };
        let mut payload = world.interaction(kind, user);
        payload["callback_id"] = json!(callback);
        payload["action_ts"] = json!(world.stamp());
        if let Some((channel, ts)) = message {
            let number = world.find(channel, ts)?;
            payload["message"] = world.messages[number].message.clone();
            payload["message_ts"] = json!(ts);
            payload["channel"] = world.room(channel);
            payload["response_url"] = json!(world.address(user, channel, Some(ts)));
        }
        Some(world.deliver(&self.inner, "interactive", payload, false))
    }

    /// Somebody looks at the app's home.
    pub fn open_home(&self, user: &str) {
        let world = &mut *self.inner.world.lock();
        let channel = world.direct(user);
        let mut event = json!({
            "type": "app_home_opened", "user": user, "channel": channel, "tab": "home", "event_ts": world.stamp(),
        });
        if let Some(view) = world.homes.get(user) {
            event["view"] = view.clone();
        }
        world.event(&self.inner, &event);
    }

    /// Somebody types in a list that is searched; gives the envelope's id.
    pub fn suggest(&self, user: &str, block: &str, typed: &str) -> Option<String> {
        let world = &mut *self.inner.world.lock();
        let open = world.views.iter().rev().find(|view| view.user == user)?.clone();
        let blocks = open.view["blocks"].as_array()?;
        let found = blocks.iter().find(|found| found["block_id"] == block)?;
        let mut payload = world.interaction("block_suggestion", user);
        payload["action_id"] = found["element"]["action_id"].clone();
        payload["block_id"] = json!(block);
        payload["value"] = json!(typed);
        payload["container"] = json!({"type": "view", "view_id": open.id});
        payload["view"] = open.told(&world.root(user));
        Some(world.deliver(&self.inner, "interactive", payload, true))
    }

    /// Somebody fills in the topmost view and submits it: texts by the ids or labels of their blocks; gives the
    /// envelope's id.
    ///
    /// # Errors
    /// When there is no view, or Slack itself would not let it through.
    pub fn submit(&self, user: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
        let world = &mut *self.inner.world.lock();
        let open = world.views.iter().rev().find(|view| view.user == user).cloned();
        let open = open.ok_or_else(|| format!("no view is open for {user}"))?;
        if open.view["submit"].is_null() {
            return Err("the view has nothing to submit".to_owned());
        }
        let mut state = json!({});
        let mut used = 0;
        for block in open.view["blocks"].as_array().into_iter().flatten() {
            if block["type"] != "input" {
                continue;
            }
            let (block_id, label) = (
                block["block_id"].as_str().unwrap_or_default(),
                &block["label"]["text"],
            );
            let text = values
                .get(block_id)
                .or_else(|| values.get(label.as_str().unwrap_or_default()));
            used += usize::from(text.is_some());
            let value = text.map_or_else(
                || initial(&block["element"]),
                |text| entered(&block["element"], text),
            );
            acceptable(block, &value)?;
            let action = block["element"]["action_id"].as_str().unwrap_or("input");
            state[block_id] = json!({action: value});
        }
        if used < values.len() {
            let labels: Vec<&Value> = open.view["blocks"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|block| &block["label"]["text"])
                .collect();
            return Err(format!(
                "the view has no such fields: {values:?}; it has {labels:?}"
            ));
        }
        let mut payload = world.interaction("view_submission", user);
        let mut view = open.told(&world.root(user));
        view["state"] = json!({"values": state});
        payload["view"] = view;
        payload["response_urls"] = json!([]);
        Ok(world.deliver(&self.inner, "interactive", payload, true))
    }

    /// Somebody closes the topmost view.
    pub fn close(&self, user: &str) {
        let world = &mut *self.inner.world.lock();
        let Some(open) = world.views.iter().rev().find(|view| view.user == user).cloned() else {
            return;
        };
        let root = world.root(user);
        world.close_view(&open.id);
        if open.view["notify_on_close"] == true {
            let mut payload = world.interaction("view_closed", user);
            payload["view"] = open.told(&root);
            payload["is_cleared"] = json!(false);
            world.deliver(&self.inner, "interactive", payload, false);
        }
    }
}

impl World {
    /// A button as it is told when it is pressed.
    fn pressed(&mut self, element: &Value) -> Value {
        let mut told = json!({
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": element["block_id"],
            "text": element["text"],
            "action_ts": self.stamp(),
        });
        for name in ["value", "style"] {
            if !element[name].is_null() {
                told[name] = element[name].clone();
            }
        }
        told
    }
}
