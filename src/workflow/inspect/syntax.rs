//! Does a definition have the form that the language asks for? Findings carry the words and paths of the reference,
//! which validates with a JSON Schema.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Schema;

use super::schema::{ITEMS, NAME, WORKFLOW};
use super::{Category, Finding};
use crate::expr::value::repr;
use crate::workflow::definition::{Command, Document, Items, entries, entry, from_node, is_falsy, list};
use crate::workflow::words::{list_of_names, shortened, suggestion};
use crate::yaml::{Entry, Kind, Node};

static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(NAME).expect("a constant pattern"));

/// A place in the definition and in the schema.
#[derive(Clone, Default)]
struct Place {
    spec: String,
    schema: String,
}

impl Place {
    fn key(&self, key: &str, schema: &str) -> Self {
        let dot = if self.spec.is_empty() { "" } else { "." };
        Self {
            spec: format!("{}{dot}{key}", self.spec),
            schema: self.rule(schema),
        }
    }

    fn item(&self, index: usize) -> Self {
        Self {
            spec: format!("{}[{index}]", self.spec),
            schema: self.rule("items"),
        }
    }

    fn rule(&self, rule: &str) -> String {
        let dot = if self.schema.is_empty() { "" } else { "." };
        format!("{}{dot}{rule}", self.schema)
    }
}

/// All findings about the form.
pub(super) fn inspect(document: &Document, findings: &mut Vec<Finding>) {
    let mut syntax = Syntax { document, findings };
    syntax.node(document.root(), &WORKFLOW, &Place::default());
    syntax.beyond_the_schema();
}

struct Syntax<'d, 'f> {
    document: &'d Document,
    findings: &'f mut Vec<Finding>,
}

impl Syntax<'_, '_> {
    fn report(&mut self, place: &Place, rule: &str, node: &Node, message: &str, hint: String) {
        let mut finding = Finding::new(Category::Syntax, message.to_owned());
        finding.spec_path = (!place.spec.is_empty()).then(|| place.spec.clone());
        finding.schema_path = Some(place.rule(rule));
        finding.at = if place.spec.is_empty() {
            node.at
        } else {
            self.document.locate(&place.spec)
        };
        finding.hint = hint;
        self.findings.push(finding);
    }

    fn node(&mut self, node: &Node, schema: &Schema, place: &Place) {
        let Some(rules) = schema.as_object() else { return };
        for (rule, value) in rules {
            if let Some((message, hint)) = broken(rule, value, node, schema) {
                self.report(place, rule, node, &message, hint);
            }
            match (rule.as_str(), value, &node.kind) {
                ("properties", Schema::Object(properties), Kind::Map(_)) => {
                    for (name, schema) in properties {
                        let Some(entry) = entry(node, name) else { continue };
                        let inner = place.key(name, &format!("properties.{name}"));
                        self.property(&entry.value, name, schema, &inner);
                    }
                }
                ("patternProperties", Schema::Object(patterns), Kind::Map(entries)) => {
                    for (pattern, schema) in patterns {
                        for entry in entries.iter().filter(|entry| WORD.is_match(&entry.key)) {
                            let inner = place.key(&entry.key, &format!("patternProperties.{pattern}"));
                            self.node(&entry.value, schema, &inner);
                        }
                    }
                }
                ("items", schema, Kind::List(items)) => {
                    for (index, item) in items.iter().enumerate() {
                        self.node(item, schema, &place.item(index));
                    }
                }
                _ => {}
            }
        }
    }

    /// A property; a text for `with` stands for its `items`.
    fn property(&mut self, node: &Node, name: &str, schema: &Schema, place: &Place) {
        let items = &schema["properties"]["items"];
        if name == "with" && items["pattern"].is_string() && matches!(node.kind, Kind::Text(_)) {
            self.node(node, items, &place.key("items", "properties.items"));
        } else {
            self.node(node, schema, place);
        }
    }

    /// What the reference's schema lets pass and its next step stumbles over.
    fn beyond_the_schema(&mut self) {
        let Some(tasks) = self.document.get("tasks") else {
            return;
        };
        let tasks_place = Place::default().key("tasks", "properties.tasks");
        for task in entries(tasks) {
            let place = tasks_place.key(&task.key, &format!("patternProperties.{NAME}"));
            if task.typed.is_some() || !WORD.is_match(&task.key) {
                let message = format!("The task name {} is not valid.", repr(&task.key.as_str().into()));
                let hint = match &task.typed {
                    Some(_) => "put the name in quotes".to_owned(),
                    None => format!(
                        "use letters, digits and underscores only, such as {}",
                        word_of(&task.key)
                    ),
                };
                self.report(&place, "pattern", &task.value, &message, hint);
            }
            self.task(task, &place);
        }
    }

    fn task(&mut self, task: &Entry, place: &Place) {
        let body = &task.value;
        if is_falsy(body) && Command::named(&task.key).is_none() {
            let message = format!("The task \"{}\" has no body.", task.key);
            let hint = "give it an action, or `action: core.noop`".to_owned();
            if matches!(body.kind, Kind::Null | Kind::Map(_)) {
                self.report(place, "required", body, &message, hint);
            }
        }
        if let Some(action) = entry(body, "action")
            && let Kind::Text(text) = &action.value.kind
            && !text.contains(' ')
            && !crate::workflow::definition::Inline::read(text)
                .parameters
                .is_empty()
        {
            let inner = place.key("action", "properties.action");
            let message = format!("{} has parameters but no action.", repr(&text.as_str().into()));
            let hint = "write the action's reference before the parameters: `pack.action name=value`";
            self.report(&inner, "pattern", &action.value, &message, hint.to_owned());
        }
        if let Some(input) = entry(body, "input") {
            self.keys(&input.value, &place.key("input", "properties.input"));
        }
        let Some(next) = entry(body, "next") else { return };
        let next_place = place.key("next", "properties.next");
        for (index, item) in list(&next.value).iter().enumerate() {
            let place = next_place.item(index);
            if item.kind == Kind::Map(Vec::new()) {
                let message = "{} should be non-empty".to_owned();
                let hint = "give it `do`, `publish` or `when`, or remove it".to_owned();
                self.report(&place, "minProperties", item, &message, hint);
            }
        }
    }

    /// Keys that are no texts have no place in a mapping of names.
    fn keys(&mut self, node: &Node, place: &Place) {
        for entry in entries(node).iter().filter(|entry| entry.typed.is_some()) {
            let inner = place.key(&entry.key, "patternProperties");
            let message = format!("The name {} is not text.", entry.key);
            self.report(
                &inner,
                "type",
                &entry.value,
                &message,
                "put the name in quotes".to_owned(),
            );
        }
    }
}

/// A name that is allowed, made of one that is not.
fn word_of(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
        .collect()
}

/// Whether a node keeps all rules of a schema.
fn fits(node: &Node, schema: &Schema) -> bool {
    let Some(rules) = schema.as_object() else {
        return true;
    };
    rules.iter().all(|(rule, value)| {
        broken(rule, value, node, schema).is_none()
            && match (rule.as_str(), &node.kind) {
                ("items", Kind::List(items)) => items.iter().all(|item| fits(item, value)),
                ("patternProperties", Kind::Map(entries)) => value.as_object().is_none_or(|patterns| {
                    patterns.values().all(|schema| {
                        entries
                            .iter()
                            .filter(|entry| WORD.is_match(&entry.key))
                            .all(|entry| fits(&entry.value, schema))
                    })
                }),
                _ => true,
            }
    })
}

/// What is wrong when a node itself breaks a rule, and what to do about it.
fn broken(rule: &str, value: &Schema, node: &Node, schema: &Schema) -> Option<(String, String)> {
    let shown = || shortened(&repr(&from_node(node)));
    let limit = value
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or_default();
    let told = |what: &str| Some((format!("{} {what}", shown()), String::new()));
    match (rule, &node.kind) {
        ("type", kind) => {
            let wanted = value.as_str()?;
            (!is_of(kind, wanted)).then(|| {
                let hint = format!(
                    "write {} instead of {}",
                    kind_in_words(wanted, schema),
                    node.describe()
                );
                (format!("{} is not of type '{wanted}'", shown()), hint)
            })
        }
        ("enum", _) => {
            let allowed = value.as_array()?;
            if allowed.iter().any(|one| same(node, one)) {
                return None;
            }
            let names: Vec<_> = allowed.iter().map(|one| repr(&one.into())).collect();
            let hint = "the version of the language is 1.0: write `version: 1.0`".to_owned();
            Some((format!("{} is not one of [{}]", shown(), names.join(", ")), hint))
        }
        ("minLength", Kind::Text(text)) if text.chars().count() < limit => told("should be non-empty"),
        ("minItems", Kind::List(items)) if items.len() < limit => told("should be non-empty"),
        ("minProperties", Kind::Map(entries)) if entries.len() < limit => told("should be non-empty"),
        ("maxProperties", Kind::Map(entries)) if entries.len() > limit => {
            let hint = "write each name as an item of its own: `- name: value`".to_owned();
            Some((format!("{} has too many properties", shown()), hint))
        }
        ("minimum", Kind::Number(number)) if number.as_f64() < value.as_f64() => {
            told(&format!("is less than the minimum of {value}"))
        }
        ("uniqueItems", Kind::List(items)) if !unique(items) => {
            let hint = "remove the item that is there twice".to_owned();
            Some((format!("{} has non-unique elements", shown()), hint))
        }
        ("pattern", Kind::Text(text)) if !Items::read(text).is_well_formed() => {
            let hint =
                "write `<% … %>` or `name in <% … %>`; several names as `a, b in <% zip(…) %>`".to_owned();
            Some((format!("{} does not match '{ITEMS}'", shown()), hint))
        }
        ("required", Kind::Map(entries)) => {
            let missing = value
                .as_array()?
                .iter()
                .filter_map(Schema::as_str)
                .find(|name| !entries.iter().any(|entry| entry.key == *name))?;
            let near = suggestion(missing, entries.iter().map(|entry| entry.key.as_str()))
                .map(|near| format!("is `{near}` meant to be `{missing}`?"));
            Some((
                format!("'{missing}' is a required property"),
                near.unwrap_or_default(),
            ))
        }
        ("additionalProperties", Kind::Map(entries)) => additional(entries, schema),
        ("oneOf" | "anyOf", _) => {
            let options = value.as_array()?;
            (!options.iter().any(|option| fits(node, option))).then(|| {
                let message = format!("{} is not valid under any of the given schemas", shown());
                (message, options_in_words(options, node))
            })
        }
        _ => None,
    }
}

fn additional(entries: &[Entry], schema: &Schema) -> Option<(String, String)> {
    let known = schema["properties"].as_object()?;
    let mut extras: Vec<_> = entries
        .iter()
        .filter(|entry| !known.contains_key(&entry.key))
        .collect();
    if extras.is_empty() {
        return None;
    }
    extras.sort_by(|a, b| a.key.cmp(&b.key));
    let mut message = "Additional properties are not allowed (".to_owned();
    for (index, extra) in extras.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let shown = match &extra.typed {
            None => repr(&extra.key.as_str().into()),
            Some(kind) => repr(&from_node(&Node {
                at: extra.at,
                kind: (**kind).clone(),
            })),
        };
        // Writing to a text cannot fail.
        let _ = write!(message, "{comma}{}", shortened(&shown));
    }
    message += if extras.len() == 1 {
        " was unexpected)"
    } else {
        " were unexpected)"
    };
    let names = || known.keys().map(String::as_str);
    let hint = extras
        .iter()
        .find_map(|extra| suggestion(&extra.key, names()).map(|near| format!("did you mean `{near}`?")))
        .unwrap_or_else(|| format!("possible here: {}", list_of_names(names())));
    Some((message, hint))
}

fn is_of(kind: &Kind, wanted: &str) -> bool {
    match kind {
        Kind::Null => wanted == "null",
        Kind::Bool(_) => wanted == "boolean",
        Kind::Number(number) if wanted == "integer" => !number.is_f64(),
        Kind::Number(_) => wanted == "number",
        Kind::Text(_) => wanted == "string",
        Kind::Date(_) => false,
        Kind::List(_) => wanted == "array",
        Kind::Map(_) => wanted == "object",
    }
}

/// Python's equality of a scalar and a value of the schema.
fn same(node: &Node, value: &Schema) -> bool {
    match (&node.kind, value) {
        (Kind::Text(text), Schema::String(other)) => text == other,
        (Kind::Number(number), Schema::Number(other)) => number.as_f64() == other.as_f64(),
        _ => false,
    }
}

/// Whether no two items are equal in Python's eyes.
fn unique(items: &[Node]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| {
        let mut text = String::new();
        canonical(item, &mut text);
        seen.insert(text)
    })
}

/// A text that is the same for equal values: keys sorted, whole floats as integers.
fn canonical(node: &Node, out: &mut String) {
    match &node.kind {
        Kind::List(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Kind::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for entry in entries {
                let _ = write!(out, "{:?}:", entry.key);
                canonical(&entry.value, out);
                out.push(',');
            }
            out.push('}');
        }
        Kind::Number(number) => match number.as_f64() {
            Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                let _ = write!(out, "{value:.0}");
            }
            _ => {
                let _ = write!(out, "{number}");
            }
        },
        Kind::Date(text) => {
            let _ = write!(out, "@{text}");
        }
        Kind::Text(text) => {
            let _ = write!(out, "{text:?}");
        }
        Kind::Bool(flag) => {
            let _ = write!(out, "{flag}");
        }
        Kind::Null => out.push('~'),
    }
}

fn kind_in_words(wanted: &str, schema: &Schema) -> &'static str {
    match wanted {
        "array" if schema["items"]["maxProperties"] == 1 => "a list of `- name: value`",
        "array" => "a list",
        "object" if schema["maxProperties"] == 1 => "`name: value`",
        "object" => "a mapping",
        "string" => "text",
        "integer" => "a whole number",
        _ => "another kind of value",
    }
}

/// What would be possible instead.
fn options_in_words(options: &[Schema], node: &Node) -> String {
    let words: Vec<_> = options
        .iter()
        .filter_map(
            |option| match (option["enum"].as_array(), option["type"].as_str()) {
                (Some(values), _) => Some(
                    values
                        .iter()
                        .map(|value| format!("`{}`", value.as_str().unwrap_or("…")))
                        .collect(),
                ),
                (None, Some("integer")) => Some("a whole number of at least 0".to_owned()),
                (None, Some("string")) => Some("a text that is not empty".to_owned()),
                (None, Some("array")) if option["items"]["maxProperties"] == 1 => {
                    Some("a list of `- name: value`, each name once".to_owned())
                }
                (None, Some("array")) => Some("a list of texts, each once".to_owned()),
                (None, Some("object")) => Some("a mapping of names to values".to_owned()),
                _ => None,
            },
        )
        .collect();
    match &node.kind {
        Kind::Date(_) => "put the date in quotes".to_owned(),
        _ => format!("write {}", words.join(" or ")),
    }
}
