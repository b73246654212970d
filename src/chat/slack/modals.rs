//! Forms as modals and their values back, within Slack's limits.

use serde_json::{Map, Value, json};

use super::blocks::{Kept, mrkdwn, plain, show, units};
use super::limits::{self, cut};
use crate::chat::card::Card;
use crate::chat::forms::{Field, FieldKind, Form};
use crate::model::Id;

/// Name of the modal with a form.
pub(super) const FORM: &str = "sayso.form";
/// Name of the modal in which a command is typed.
pub(super) const COMMAND: &str = "sayso.command";
/// Block of the typed command.
pub(super) const COMMAND_BLOCK: &str = "command";
/// What the only element of an input is called.
const INPUT: &str = "v";
/// Where a form was opened; carried in the modal.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct Carried {
    /// Id of the form; empty when it is stored.
    #[serde(rename = "f")]
    pub(super) form: String,
    /// Name under which the id of the form is stored.
    #[serde(rename = "k", skip_serializing_if = "String::is_empty")]
    pub(super) kept: String,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<String>,
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none")]
    pub(super) thread: Option<String>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<String>,
}

impl Carried {
    /// As `private_metadata`, with what has to be stored.
    fn text(&self) -> (String, Option<Kept>) {
        let whole = json!(self).to_string();
        if units(&whole) <= limits::VIEW_DATA {
            return (whole, None);
        }
        let name = Id::of_name(&self.form).to_string();
        let short = Self {
            form: String::new(),
            kept: name.clone(),
            ..self.clone()
        };
        (json!(short).to_string(), Some((name, self.form.clone())))
    }

    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// The modal in which a command is typed.
pub(super) fn command_modal(carried: &Carried, text: Option<&str>) -> Value {
    let mut element = json!({
        "type": "plain_text_input", "action_id": INPUT, "multiline": true,
        "max_length": limits::INPUT,
        "placeholder": plain("help", limits::PLACEHOLDER),
    });
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        element["initial_value"] = json!(cut(text, limits::INPUT));
    }
    json!({
        "type": "modal",
        "callback_id": COMMAND,
        "private_metadata": carried.text().0,
        "title": plain("Run a command", limits::VIEW_TITLE),
        "submit": plain("Run", limits::VIEW_TITLE),
        "close": plain("Close", limits::VIEW_TITLE),
        "blocks": [{
            "type": "input", "block_id": COMMAND_BLOCK,
            "label": plain("Command", limits::LABEL),
            "element": element,
        }],
    })
}

/// A form as a modal, with what has to be stored. Required fields come first when not all fit.
pub(super) fn modal(form: &Form, carried: &Carried) -> (Value, Option<Kept>) {
    let (data, kept) = carried.text();
    let mut blocks = Vec::new();
    if let Some(intro) = form.intro.as_ref().filter(|intro| !intro.trim().is_empty()) {
        let card = Card::plain(crate::chat::card::Tone::Neutral, intro);
        blocks.extend(show(&card, 4).blocks);
    }
    let mut fields: Vec<&Field> = form
        .fields
        .iter()
        .filter(|field| units(&field.name) <= limits::ID - 2)
        .collect();
    let room = limits::VIEW_BLOCKS - blocks.len() - 1;
    if fields.len() > room {
        fields.sort_by_key(|field| !field.required);
        let left_out = fields.len() - room;
        fields.truncate(room);
        let text = format!("{left_out} optional fields are not shown; a typed command takes them all.");
        blocks.push(json!({"type": "context", "elements": [mrkdwn(&text)]}));
    }
    let takes = !fields.is_empty();
    blocks.extend(fields.into_iter().map(input));
    if blocks.is_empty() {
        blocks
            .push(json!({"type": "section", "text": plain("There is nothing to fill in.", limits::SECTION)}));
    }
    let mut view = json!({
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": data,
        "title": plain(if form.title.trim().is_empty() { "Sayso" } else { &form.title }, limits::VIEW_TITLE),
        "close": plain("Close", limits::VIEW_TITLE),
        "blocks": blocks,
    });
    if takes || form.fields.is_empty() {
        view["submit"] = plain(&form.submit, limits::VIEW_TITLE);
    }
    (view, kept)
}

/// A modal that only tells something.
pub(super) fn notice(title: &str, text: &str) -> Value {
    json!({
        "type": "modal",
        "title": plain(title, limits::VIEW_TITLE),
        "close": plain("Close", limits::VIEW_TITLE),
        "blocks": [{"type": "section", "text": plain(text, limits::SECTION)}],
    })
}

/// The id of an input's block tells how its value is to be read again.
fn block_of(field: &Field) -> String {
    let kind = match &field.takes {
        FieldKind::Toggle => "b",
        FieldKind::Number { .. } => "n",
        _ => "s",
    };
    format!("{kind}:{}", field.name)
}

/// The field of a block.
pub(super) fn field_of(block: &str) -> &str {
    block.split_once(':').map_or(block, |(_, name)| name)
}

/// An option; a long one is named by its hash.
fn option(text: &str) -> Value {
    let value = if units(text) <= limits::OPTION {
        text.to_owned()
    } else {
        format!("#{}", Id::of_name(text))
    };
    json!({"text": plain(text, limits::OPTION), "value": value})
}

/// Options for somebody who types, with what contains that first.
pub(super) fn suggestions(options: &[String], typed: &str) -> Vec<Value> {
    let typed = typed.trim().to_lowercase();
    let fits = |option: &&String| !option.is_empty() && option.to_lowercase().contains(&typed);
    options
        .iter()
        .filter(fits)
        .take(limits::OPTIONS)
        .map(|text| option(text))
        .collect()
}

/// The option that a value names.
pub(super) fn option_of<'a>(value: &'a str, options: &'a [String]) -> &'a str {
    let Some(hash) = value.strip_prefix('#') else {
        return value;
    };
    options
        .iter()
        .find(|option| Id::of_name(option).to_string() == hash)
        .map_or(value, String::as_str)
}

fn input(field: &Field) -> Value {
    let label = if field.label.trim().is_empty() {
        &field.name
    } else {
        &field.label
    };
    let initial = field.initial.as_ref().filter(|_| !field.secret);
    let text_of = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut element = match &field.takes {
        FieldKind::Line | FieldKind::Paragraph => {
            let mut element = json!({
                "type": "plain_text_input",
                "multiline": matches!(field.takes, FieldKind::Paragraph),
                "max_length": limits::INPUT,
            });
            if let Some(text) = initial.map(text_of).filter(|text| !text.is_empty())
                && units(&text) <= limits::INPUT
            {
                element["initial_value"] = json!(text);
            }
            element
        }
        FieldKind::Number { integer, least, most } => {
            let mut element = json!({"type": "number_input", "is_decimal_allowed": !integer});
            for (name, bound) in [("min_value", least), ("max_value", most)] {
                if let Some(bound) = bound {
                    element[name] = json!(bound);
                }
            }
            if let Some(Value::Number(number)) = initial {
                element["initial_value"] = json!(number.to_string());
            }
            element
        }
        FieldKind::Toggle => {
            let of = |yes: bool| {
                json!({"text": plain(if yes { "yes" } else { "no" }, limits::OPTION),
                    "value": if yes { "true" } else { "false" }})
            };
            let mut element = json!({"type": "static_select", "options": [of(true), of(false)]});
            if let Some(Value::Bool(yes)) = initial {
                element["initial_option"] = of(*yes);
            }
            element
        }
        FieldKind::Choice { options } | FieldKind::Choices { options } => {
            let several = matches!(field.takes, FieldKind::Choices { .. });
            let mut options: Vec<&String> = options.iter().filter(|text| !text.is_empty()).collect();
            let mut seen = std::collections::HashSet::new();
            options.retain(|text| seen.insert(text.as_str()));
            let prefix = if several { "multi_" } else { "" };
            let mut element = if options.is_empty() || options.len() > limits::OPTIONS {
                json!({"type": format!("{prefix}external_select"), "min_query_length": 0})
            } else {
                let list: Vec<Value> = options.iter().map(|text| option(text)).collect();
                json!({"type": format!("{prefix}static_select"), "options": list})
            };
            let known = |value: &Value| options.iter().any(|option| **option == text_of(value));
            match initial {
                Some(Value::Array(values)) if several => {
                    let chosen: Vec<Value> = values
                        .iter()
                        .filter(|value| known(value))
                        .take(limits::OPTIONS)
                        .map(|value| option(&text_of(value)))
                        .collect();
                    if !chosen.is_empty() {
                        element["initial_options"] = json!(chosen);
                    }
                }
                Some(value) if !several && known(value) => {
                    element["initial_option"] = option(&text_of(value));
                }
                _ => {}
            }
            element
        }
    };
    element["action_id"] = json!(INPUT);
    let mut input = json!({
        "type": "input",
        "block_id": block_of(field),
        "label": plain(label, limits::LABEL),
        "optional": !field.required,
        "element": element,
    });
    if let Some(hint) = field.hint.as_ref().filter(|hint| !hint.trim().is_empty()) {
        input["hint"] = plain(hint, limits::LABEL);
    }
    input
}

/// What an element holds.
pub(super) fn chosen(element: &Value) -> Option<Value> {
    if let Some(options) = element["selected_options"].as_array() {
        let values: Vec<Value> = options.iter().map(|option| option["value"].clone()).collect();
        return Some(Value::Array(values));
    }
    [&element["selected_option"]["value"], &element["value"]]
        .into_iter()
        .find(|value| value.is_string())
        .cloned()
}

/// Values of a modal by block, as Slack has them.
pub(super) fn values(state: &Value) -> Map<String, Value> {
    let mut values = Map::new();
    for (block, elements) in state.as_object().into_iter().flatten() {
        let Some(element) = elements.as_object().and_then(|elements| elements.values().next()) else {
            continue;
        };
        let given = chosen(element).filter(|given| match given {
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        });
        if let Some(given) = given {
            values.insert(block.clone(), given);
        }
    }
    values
}

/// Values of a form by field, as [`crate::chat::forms::Filled::values`] has them.
pub(super) fn filled(values: &Map<String, Value>, form: Option<&Form>) -> Map<String, Value> {
    let options = |name: &str| {
        let field = form.and_then(|form| form.fields.iter().find(|field| field.name == name));
        match field.map(|field| &field.takes) {
            Some(FieldKind::Choice { options } | FieldKind::Choices { options }) => options.clone(),
            _ => Vec::new(),
        }
    };
    values
        .iter()
        .map(|(block, value)| {
            let (kind, name) = block.split_once(':').unwrap_or(("s", block));
            let value = match (kind, value) {
                ("b", Value::String(text)) => json!(text == "true"),
                ("n", Value::String(text)) => serde_json::from_str::<serde_json::Number>(text.trim())
                    .map_or_else(|_| value.clone(), Value::Number),
                (_, Value::String(text)) => json!(option_of(text, &options(name))),
                (_, Value::Array(items)) => {
                    let known = options(name);
                    let texts = items.iter().filter_map(Value::as_str);
                    json!(texts.map(|text| option_of(text, &known)).collect::<Vec<_>>())
                }
                _ => value.clone(),
            };
            (name.to_owned(), value)
        })
        .collect()
}

/// Whether some value is named by its hash, so that the form is needed to read it.
pub(super) fn needs_form(values: &Map<String, Value>) -> bool {
    let hashed = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('#'));
    values.values().any(|value| match value {
        Value::Array(items) => items.iter().any(hashed),
        value => hashed(value),
    })
}
