//! What Slack refuses in messages and views, with the limits written down a second time on purpose.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::Refusal;

/// Characters of all texts in the blocks of a message; not documented, seen at about 13,200.
const BLOCK_TEXTS: usize = 13_200;
/// Bytes of a message's metadata.
const METADATA: usize = 4_000;

/// Where blocks stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Message,
    Modal,
    Home,
}

/// What is wrong so far, with where it stands.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn add(&mut self, at: &str, what: impl std::fmt::Display) {
        self.0.push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    fn length(&mut self, at: &str, value: &Value, most: usize) {
        if let Some(text) = value.as_str() {
            if text.chars().count() > most {
                self.add(at, format_args!("must be less than {} characters", most + 1));
            }
        } else if !value.is_null() {
            self.add(at, "must provide a string");
        }
    }

    fn needed(&mut self, at: &str, value: &Value, most: usize) {
        if value.as_str().is_none_or(str::is_empty) {
            self.add(at, "must be more than 0 characters");
        }
        self.length(at, value, most);
    }

    fn fields(&mut self, at: &str, value: &Value, known: &[&str]) {
        for name in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
            if !known.contains(&name.as_str()) {
                self.add(at, format_args!("invalid additional property: {name}"));
            }
        }
    }

    /// A text object.
    fn text(&mut self, at: &str, value: &Value, most: usize, plain_only: bool) {
        match value["type"].as_str() {
            Some("plain_text") => self.fields(at, value, &["type", "text", "emoji"]),
            Some("mrkdwn") if !plain_only => self.fields(at, value, &["type", "text", "verbatim"]),
            _ => return self.add(at, "unsupported type of text"),
        }
        self.needed(&format!("{at}/text"), &value["text"], most);
    }

    fn count(&mut self, at: &str, value: &Value, least: usize, most: usize) -> Vec<Value> {
        let list = value.as_array().cloned().unwrap_or_default();
        if list.len() < least {
            self.add(at, format_args!("no fewer than {least} items allowed"));
        }
        if list.len() > most {
            self.add(at, format_args!("no more than {most} items allowed"));
        }
        list
    }

    fn options(&mut self, at: &str, value: &Value, most: usize) {
        for (number, option) in self.count(at, value, 1, most).iter().enumerate() {
            self.option(&format!("{at}/{number}"), option);
        }
    }

    fn option(&mut self, at: &str, option: &Value) {
        self.fields(at, option, &["text", "value", "description", "url"]);
        self.text(&format!("{at}/text"), &option["text"], 75, false);
        self.needed(&format!("{at}/value"), &option["value"], 150);
        if !option["description"].is_null() {
            self.text(&format!("{at}/description"), &option["description"], 75, false);
        }
    }

    fn confirm(&mut self, at: &str, confirm: &Value) {
        if confirm.is_null() {
            return;
        }
        self.fields(at, confirm, &["title", "text", "confirm", "deny", "style"]);
        self.text(&format!("{at}/title"), &confirm["title"], 100, true);
        self.text(&format!("{at}/text"), &confirm["text"], 300, false);
        self.text(&format!("{at}/confirm"), &confirm["confirm"], 30, true);
        self.text(&format!("{at}/deny"), &confirm["deny"], 30, true);
    }

    /// An interactive element.
    fn element(&mut self, at: &str, element: &Value, ids: &mut BTreeSet<String>) {
        if !element["action_id"].is_null() {
            self.needed(&format!("{at}/action_id"), &element["action_id"], 255);
            let id = element["action_id"].as_str().unwrap_or_default();
            if !ids.insert(id.to_owned()) {
                self.add(
                    at,
                    format_args!("`action_id` {id} already exists for another element in this block"),
                );
            }
        }
        self.confirm(&format!("{at}/confirm"), &element["confirm"]);
        let placeholder = &element["placeholder"];
        if !placeholder.is_null() {
            self.text(&format!("{at}/placeholder"), placeholder, 150, true);
        }
        let options = format!("{at}/options");
        match element["type"].as_str().unwrap_or_default() {
            "button" => {
                let known = [
                    "type",
                    "text",
                    "action_id",
                    "url",
                    "value",
                    "style",
                    "confirm",
                    "accessibility_label",
                ];
                self.fields(at, element, &known);
                self.text(&format!("{at}/text"), &element["text"], 75, true);
                self.length(&format!("{at}/value"), &element["value"], 2000);
                self.length(&format!("{at}/url"), &element["url"], 3000);
                self.length(
                    &format!("{at}/accessibility_label"),
                    &element["accessibility_label"],
                    75,
                );
                let style = &element["style"];
                if !style.is_null() && style != "primary" && style != "danger" {
                    self.add(&format!("{at}/style"), "must be a valid enum value");
                }
            }
            "static_select" | "multi_static_select" => {
                if element["option_groups"].is_null() {
                    self.options(&options, &element["options"], 100);
                } else {
                    for group in self.count(&options, &element["option_groups"], 1, 100) {
                        self.text(&options, &group["label"], 75, true);
                        self.options(&options, &group["options"], 100);
                    }
                }
                let chosen = &element["initial_option"];
                let known = element["options"].as_array();
                if !chosen.is_null() && known.is_some_and(|options| !options.contains(chosen)) {
                    self.add(&format!("{at}/initial_option"), "must be one of the options");
                }
            }
            "external_select" | "multi_external_select" => {
                let least = &element["min_query_length"];
                if !least.is_null() && !least.is_u64() {
                    self.add(at, "min_query_length must be a number");
                }
            }
            "radio_buttons" | "checkboxes" | "overflow" => self.options(&options, &element["options"], 10),
            "plain_text_input" => {
                let known = [
                    "type",
                    "action_id",
                    "initial_value",
                    "multiline",
                    "min_length",
                    "max_length",
                    "dispatch_action_config",
                    "focus_on_load",
                    "placeholder",
                ];
                self.fields(at, element, &known);
                let most = element["max_length"].as_u64().unwrap_or(3000);
                if !(1..=3000).contains(&most) || element["min_length"].as_u64().unwrap_or(0) > most {
                    self.add(at, "min_length and max_length must fit and be 3000 at most");
                }
                let most = usize::try_from(most).unwrap_or(3000);
                self.length(&format!("{at}/initial_value"), &element["initial_value"], most);
            }
            "number_input" => {
                if !element["is_decimal_allowed"].is_boolean() {
                    self.add(at, "missing required field: is_decimal_allowed");
                }
                for name in ["min_value", "max_value", "initial_value"] {
                    let value = &element[name];
                    if !value.is_null() && value.as_str().is_none_or(|text| text.parse::<f64>().is_err()) {
                        self.add(&format!("{at}/{name}"), "must be a number in a string");
                    }
                }
            }
            "users_select"
            | "multi_users_select"
            | "conversations_select"
            | "multi_conversations_select"
            | "channels_select"
            | "multi_channels_select"
            | "datepicker"
            | "timepicker"
            | "datetimepicker"
            | "email_text_input"
            | "url_text_input"
            | "file_input"
            | "rich_text_input" => {}
            other => self.add(at, format_args!("unsupported type: {other}")),
        }
    }

    fn block(&mut self, at: &str, block: &Value, surface: Surface) {
        self.length(&format!("{at}/block_id"), &block["block_id"], 255);
        let mut ids = BTreeSet::new();
        match block["type"].as_str().unwrap_or_default() {
            "section" => {
                self.fields(
                    at,
                    block,
                    &["type", "block_id", "text", "fields", "accessory", "expand"],
                );
                if block["text"].is_null() && block["fields"].is_null() {
                    self.add(at, "missing required field: text");
                }
                if !block["text"].is_null() {
                    self.text(&format!("{at}/text"), &block["text"], 3000, false);
                }
                if !block["fields"].is_null() {
                    let fields = format!("{at}/fields");
                    for (number, field) in self.count(&fields, &block["fields"], 1, 10).iter().enumerate() {
                        self.text(&format!("{fields}/{number}"), field, 2000, false);
                    }
                }
                if !block["accessory"].is_null() && block["accessory"]["type"] != "image" {
                    self.element(&format!("{at}/accessory"), &block["accessory"], &mut ids);
                }
            }
            "header" => {
                self.fields(at, block, &["type", "block_id", "text"]);
                self.text(&format!("{at}/text"), &block["text"], 150, true);
            }
            "context" => {
                self.fields(at, block, &["type", "block_id", "elements"]);
                let elements = format!("{at}/elements");
                for (number, element) in self
                    .count(&elements, &block["elements"], 1, 10)
                    .iter()
                    .enumerate()
                {
                    if element["type"] != "image" {
                        self.text(&format!("{elements}/{number}"), element, 3000, false);
                    }
                }
            }
            "actions" => {
                self.fields(at, block, &["type", "block_id", "elements"]);
                let elements = format!("{at}/elements");
                for (number, element) in self
                    .count(&elements, &block["elements"], 1, 25)
                    .iter()
                    .enumerate()
                {
                    self.element(&format!("{elements}/{number}"), element, &mut ids);
                }
            }
            "input" => {
                let known = [
                    "type",
                    "block_id",
                    "label",
                    "element",
                    "hint",
                    "optional",
                    "dispatch_action",
                ];
                self.fields(at, block, &known);
                self.text(&format!("{at}/label"), &block["label"], 2000, true);
                if !block["hint"].is_null() {
                    self.text(&format!("{at}/hint"), &block["hint"], 2000, true);
                }
                if block["element"]["type"] == "button" {
                    self.add(at, "a button is no input");
                }
                self.element(&format!("{at}/element"), &block["element"], &mut ids);
            }
            "divider" => self.fields(at, block, &["type", "block_id"]),
            "markdown" if surface == Surface::Message => {
                self.fields(at, block, &["type", "block_id", "text"]);
                self.needed(&format!("{at}/text"), &block["text"], 12_000);
            }
            "image" => {
                self.needed(&format!("{at}/alt_text"), &block["alt_text"], 2000);
                self.length(&format!("{at}/image_url"), &block["image_url"], 3000);
            }
            "table" if surface == Surface::Message => {
                for row in self.count(&format!("{at}/rows"), &block["rows"], 1, 100) {
                    self.count(&format!("{at}/rows"), &row, 1, 20);
                }
            }
            "rich_text" => {
                if !block["elements"].is_array() {
                    self.add(at, "missing required field: elements");
                }
            }
            other => self.add(at, format_args!("unsupported type: {other}")),
        }
    }

    fn blocks(&mut self, blocks: &Value, surface: Surface) {
        let Some(list) = blocks.as_array() else {
            return self.add("/blocks", "must provide an array");
        };
        let most = if surface == Surface::Message { 50 } else { 100 };
        if list.len() > most {
            self.add("/blocks", format_args!("no more than {most} items allowed"));
        }
        let mut ids = BTreeSet::new();
        for (number, block) in list.iter().enumerate() {
            let at = format!("/blocks/{number}");
            self.block(&at, block, surface);
            if let Some(id) = block["block_id"].as_str()
                && !ids.insert(id.to_owned())
            {
                self.add(&at, format_args!("`block_id` {id} already exists"));
            }
        }
    }
}

/// Sum of all texts.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| match field {
                Value::String(text) if name == "text" => text.chars().count(),
                other => size(other),
            })
            .sum(),
        Value::Array(list) => list.iter().map(size).sum(),
        _ => 0,
    }
}

fn refused(error: &str, messages: Vec<String>) -> Refusal {
    Refusal {
        error: error.to_owned(),
        messages,
    }
}

/// Problems of a message's blocks.
pub(super) fn message_blocks(blocks: &Value) -> Result<(), Refusal> {
    let mut wrong = Wrong::default();
    wrong.blocks(blocks, Surface::Message);
    let markdown: usize = blocks
        .as_array()
        .into_iter()
        .flatten()
        .filter(|block| block["type"] == "markdown")
        .map(|block| block["text"].as_str().map_or(0, |text| text.chars().count()))
        .sum();
    if markdown > 12_000 {
        wrong.add(
            "/blocks",
            "markdown blocks have 12000 characters together at most",
        );
    }
    if !wrong.0.is_empty() {
        return Err(refused("invalid_blocks", wrong.0));
    }
    if size(blocks) > BLOCK_TEXTS {
        return Err(refused("msg_blocks_too_long", Vec::new()));
    }
    Ok(())
}

/// Problems of a message's metadata.
pub(super) fn metadata(metadata: &Value) -> Result<(), Refusal> {
    let kind = metadata["event_type"].as_str().unwrap_or_default();
    if kind.is_empty() || !metadata["event_payload"].is_object() {
        return Err(refused("invalid_metadata_schema", Vec::new()));
    }
    if metadata.to_string().len() > METADATA {
        return Err(refused("metadata_too_large", Vec::new()));
    }
    Ok(())
}

/// Problems of a view.
pub(super) fn view(view: &Value, home: bool) -> Result<(), Refusal> {
    let mut wrong = Wrong::default();
    let known = [
        "type",
        "title",
        "blocks",
        "close",
        "submit",
        "private_metadata",
        "callback_id",
        "clear_on_close",
        "notify_on_close",
        "external_id",
        "submit_disabled",
    ];
    wrong.fields("/view", view, &known);
    let expected = if home { "home" } else { "modal" };
    if view["type"] != expected {
        wrong.add("/view/type", format_args!("must be {expected}"));
    }
    wrong.length("/view/private_metadata", &view["private_metadata"], 3000);
    wrong.length("/view/callback_id", &view["callback_id"], 255);
    wrong.length("/view/external_id", &view["external_id"], 255);
    if home {
        wrong.blocks(&view["blocks"], Surface::Home);
    } else {
        wrong.text("/view/title", &view["title"], 24, true);
        for name in ["submit", "close"] {
            if !view[name].is_null() {
                wrong.text(&format!("/view/{name}"), &view[name], 24, true);
            }
        }
        wrong.blocks(&view["blocks"], Surface::Modal);
        let inputs = view["blocks"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|block| block["type"] == "input");
        if inputs && view["submit"].is_null() {
            wrong.add("/view/submit", "a view with input blocks needs submit");
        }
    }
    if view.to_string().len() > 250_000 {
        return Err(refused("view_too_large", Vec::new()));
    }
    if wrong.0.is_empty() {
        Ok(())
    } else {
        Err(refused("invalid_arguments", wrong.0))
    }
}

/// Problems of options that are offered while somebody types.
pub(super) fn suggestions(answer: &Value) -> Vec<String> {
    let mut wrong = Wrong::default();
    let options = answer["options"].as_array().cloned().unwrap_or_default();
    if options.len() > 100 {
        wrong.add("/options", "no more than 100 items allowed");
    }
    if answer["options"].is_null() && answer["option_groups"].is_null() {
        wrong.add("", "missing required field: options");
    }
    for (number, option) in options.iter().enumerate() {
        wrong.option(&format!("/options/{number}"), option);
    }
    wrong.0
}

/// Blocks and elements without ids get some, as Slack does it.
pub(super) fn with_ids(blocks: &Value) -> Value {
    let mut blocks = blocks.clone();
    for (number, block) in blocks.as_array_mut().into_iter().flatten().enumerate() {
        if block["block_id"].is_null() {
            block["block_id"] = json!(format!("b{number}"));
        }
        let give = |element: &mut Value, count: usize| {
            if element.is_object() && element["action_id"].is_null() && element["type"] == "button" {
                element["action_id"] = json!(format!("a{number}.{count}"));
            }
        };
        if let Some(accessory) = block.get_mut("accessory") {
            give(accessory, 0);
        }
        let elements = block.get_mut("elements").and_then(Value::as_array_mut);
        for (count, element) in elements.into_iter().flatten().enumerate() {
            give(element, count);
        }
    }
    blocks
}
