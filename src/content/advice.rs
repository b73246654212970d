//! Warnings that only `pack lint` gives: what a careful reader of the pack would say.

use serde_json::Value;

use super::fields;
use super::pack::Items;
use crate::model::{Action, Pack, Problem, Severity};
use crate::yaml;

/// Everything worth saying about a pack without errors or with some.
pub(super) fn pack(pack: &Pack, items: &Items, folder: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for action in &items.actions {
        problems.append(&mut about_action(action, items, folder));
    }
    problems.append(&mut unused_config(pack, items, folder));
    problems
}

fn about_action(action: &Action, items: &Items, folder: &str) -> Vec<Problem> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    if action.description.trim().is_empty() {
        let hint = "one sentence; it is shown in help and cards";
        found.push((String::new(), "the action has no description".into(), hint.into()));
    }
    for (name, schema) in &action.parameters {
        let path = format!("/parameters{}", yaml::step(name));
        let has = |key: &str| schema.get(key).is_some();
        // What repeats a runner's parameter only to change it needs no description or type.
        let own = has("type") || has("enum") || has("required") || has("position");
        if own && !has("description") {
            found.push((
                path.clone(),
                format!("parameter `{name}` has no description"),
                "say what it is for".into(),
            ));
        }
        if own
            && !["type", "enum", "anyOf", "oneOf", "allOf", "$ref"]
                .iter()
                .any(|key| has(key))
        {
            let message = format!("parameter `{name}` has no type, so any value is taken as it comes");
            found.push((path.clone(), message, "add `type: string` or another type".into()));
        }
        if schema.get("required") == Some(&Value::Bool(true)) && has("default") && !has("immutable") {
            let message =
                format!("parameter `{name}` is required and has a default: it never has to be given");
            found.push((path.clone(), message, "remove one of the two".into()));
        }
        let secret_name = ["password", "passwd", "secret", "token", "api_key", "private_key"]
            .iter()
            .any(|word| name.to_lowercase().contains(word));
        if secret_name && schema.get("type") == Some(&"string".into()) && schema.get("secret").is_none() {
            let message = format!("parameter `{name}` looks like a secret, but is not marked as one");
            found.push((
                path,
                message,
                "add `secret: true`, or `secret: false` if it is none".into(),
            ));
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let shown = format!("{folder}/{}", action.metadata_file);
    let Ok((mut meta, _)) = fields::read(&items.source, &action.metadata_file, &shown, false) else {
        return Vec::new();
    };
    for (path, message, hint) in found {
        meta.warning(&path, message, hint);
    }
    meta.problems
}

/// Keys of config.schema.yaml that no file of the pack mentions.
fn unused_config(pack: &Pack, items: &Items, folder: &str) -> Vec<Problem> {
    const FILE: &str = "config.schema.yaml";
    let Some(schema) = pack.config_schema.as_ref().filter(|schema| !schema.is_empty()) else {
        return Vec::new();
    };
    let mut unused: Vec<&String> = schema.keys().collect();
    for file in pack.files.iter().filter(|file| may_use_config(file)) {
        if unused.is_empty() {
            break;
        }
        if let Ok(text) = items.source.text(file) {
            unused.retain(|key| !text.contains(key.as_str()));
        }
    }
    if unused.is_empty() {
        return Vec::new();
    }
    let shown = format!("{folder}/{FILE}");
    let Ok((mut meta, _)) = fields::read(&items.source, FILE, &shown, false) else {
        return Vec::new();
    };
    for key in unused {
        let message = format!("no file of the pack uses the configuration key `{key}`");
        meta.report(
            Severity::Warning,
            &yaml::step(key),
            message,
            "remove it, or use it as config_context".into(),
        );
    }
    meta.problems
}

fn may_use_config(file: &str) -> bool {
    let folder = file.split('/').next().unwrap_or_default();
    matches!(folder, "actions" | "aliases" | "sensors" | "rules" | "lib")
}
