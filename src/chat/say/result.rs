//! Results of executions as people read them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::chat::card::Excerpt;
use crate::chat::phrasebook::Alias;
use crate::engine::Engine;
use crate::model::Execution;

/// Hosts of a remote result that are shown one by one.
const HOSTS: usize = 20;

/// An execution for templates; every key is always there.
pub(crate) fn execution_view(execution: &Execution) -> Value {
    let request = &execution.request;
    let place = request.origin.place.as_ref();
    json!({
        "id": execution.id,
        "action": request.action,
        "alias": request.origin.alias,
        "text": request.origin.text,
        "status": execution.status,
        "user": request.user,
        "start": execution.start,
        "elapsed": execution.elapsed_seconds(),
        "place": place.map(|place| match &place.name {
            Some(name) => format!("{} {name}", place.gateway),
            None => place.gateway.clone(),
        }),
        "decision": request.decision,
        "version": request.pack_version,
        "parent": request.parent,
    })
}

/// What a template of the result may use; without secrets.
pub(super) fn default_view(execution: &Execution, result: &Value, lines: usize) -> Value {
    // No lines at all: only how it ended is told.
    let sections = if lines == 0 {
        Vec::new()
    } else {
        sections(result, lines)
    };
    let more = lines == 0 || sections.iter().any(|section| section["omitted"] != 0);
    let good = execution.status == crate::model::Status::Succeeded;
    let code = ["return_code", "exit_code"]
        .iter()
        .find_map(|key| result.get(*key)?.as_i64())
        .filter(|code| *code != 0);
    json!({
        "execution": execution_view(execution),
        "elapsed": execution.elapsed_seconds(),
        "sections": sections,
        "hint": code.map(|code| format!("It ended with exit code {code}.")),
        "more": more,
        "good": good,
        "pretext": null,
        "parts": [],
        "cut": false,
    })
}

/// The result in titled pieces of at most `lines` lines together.
pub(crate) fn sections(result: &Value, lines: usize) -> Vec<Value> {
    let mut texts: Vec<(String, String)> = Vec::new();
    collect(&mut texts, "", result);
    texts.retain(|(_, text)| !text.trim().is_empty());
    let only_output = matches!(&texts[..], [(title, _)] if title == "stdout" || title == "result");
    let share = lines.max(6) / texts.len().max(1);
    texts
        .into_iter()
        .map(|(title, text)| {
            let excerpt = Excerpt::of(&text, share.max(6));
            json!({
                "title": if only_output { String::new() } else { title },
                "head": excerpt.head,
                "tail": excerpt.tail,
                "omitted": excerpt.omitted,
                "lines": excerpt.lines,
            })
        })
        .collect()
}

fn collect(texts: &mut Vec<(String, String)>, host: &str, result: &Value) {
    let title = |name: &str| {
        if host.is_empty() {
            name.to_owned()
        } else {
            format!("{host}: {name}")
        }
    };
    let Value::Object(map) = result else {
        texts.push((host.to_owned(), readable(result)));
        return;
    };
    if is_process(map) {
        for key in ["stdout", "stderr", "result", "error", "message"] {
            if let Some(value) = map.get(key).filter(|value| !value.is_null() && !is_blank(value)) {
                texts.push((title(key), readable(value)));
            }
        }
        return;
    }
    let hosts: Vec<_> = map
        .iter()
        .filter(|(_, value)| value.as_object().is_some_and(is_process))
        .collect();
    if !map.is_empty() && hosts.len() == map.len() && host.is_empty() {
        for (name, value) in hosts.into_iter().take(HOSTS) {
            collect(texts, name, value);
        }
        if map.len() > HOSTS {
            texts.push((String::new(), format!("… and {} more hosts", map.len() - HOSTS)));
        }
        return;
    }
    if let (Some(Value::String(error)), 1) = (map.get("error"), map.len()) {
        texts.push((title("error"), error.clone()));
        return;
    }
    texts.push((host.to_owned(), readable(result)));
}

/// The result of a program: something with an output.
fn is_process(map: &Map<String, Value>) -> bool {
    map.contains_key("stdout") || map.contains_key("stderr")
}

fn is_blank(value: &Value) -> bool {
    matches!(value, Value::String(text) if text.trim().is_empty())
}

/// A value for people: texts as they are, the rest like YAML without its traps.
pub(crate) fn readable(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out.trim_end().to_owned()
}

fn write(out: &mut String, value: &Value, depth: usize) {
    let pad = "  ".repeat(depth.min(32));
    match value {
        Value::Null => {}
        Value::String(text) => {
            for line in text.lines() {
                out.push_str(&pad);
                out.push_str(line);
                out.push('\n');
            }
        }
        Value::Array(items) if depth < 32 => {
            for item in items {
                let mut inner = String::new();
                write(&mut inner, item, 0);
                let mut lines = inner.lines();
                out.push_str(&format!("{pad}- {}\n", lines.next().unwrap_or("null")));
                for line in lines {
                    out.push_str(&format!("{pad}  {line}\n"));
                }
            }
        }
        Value::Object(map) if depth < 32 => {
            for (key, value) in map {
                let flat = match value {
                    Value::String(text) if text.contains('\n') => None,
                    Value::String(text) => Some(text.clone()),
                    Value::Array(items) if items.is_empty() => Some("[]".to_owned()),
                    Value::Object(map) if map.is_empty() => Some("{}".to_owned()),
                    Value::Array(_) | Value::Object(_) => None,
                    other => Some(other.to_string()),
                };
                if let Some(flat) = flat {
                    out.push_str(&format!("{pad}{key}: {flat}\n"));
                } else {
                    out.push_str(&format!("{pad}{key}:\n"));
                    write(out, value, depth + 1);
                }
            }
        }
        other => {
            out.push_str(&format!("{pad}{other}\n"));
        }
    }
}

/// The whole result as a text, for files.
pub(super) fn whole(engine: &Engine, execution: &Execution) -> String {
    let result = engine.shown(execution, false).result.unwrap_or(Value::Null);
    let mut texts = Vec::new();
    collect(&mut texts, "", &result);
    let parts: Vec<String> = texts
        .into_iter()
        .map(|(title, text)| {
            if title.is_empty() {
                text
            } else {
                format!("== {title} ==\n{text}")
            }
        })
        .collect();
    parts.join("\n\n")
}

/// What Jinja formats of aliases see: `execution` as the API shows it, `alias`, `actionalias`.
pub(super) fn jinja_context(
    engine: &Engine,
    execution: &Execution,
    alias: Option<&Alias>,
    url: Option<&str>,
) -> Arc<Value> {
    let request = &execution.request;
    let shown = engine.shown(execution, false);
    let (pack, name) = request.action.split_once('.').unwrap_or(("", &request.action));
    let alias = alias.map_or(Value::Null, |alias| {
        json!({
            "name": alias.reference.split_once('.').map_or(alias.reference.as_str(), |(_, name)| name),
            "ref": alias.reference,
            "pack": alias.pack,
            "description": alias.description,
            "action_ref": alias.action,
            "extra": alias.extra,
        })
    });
    Arc::new(json!({
        "execution": {
            "id": execution.id,
            "status": execution.status,
            "action": {"ref": request.action, "name": name, "pack": pack, "runner_type": request.runner},
            "runner": {"name": request.runner},
            "liveaction": {"action": request.action, "parameters": shown.parameters},
            "parameters": shown.parameters,
            "result": shown.result,
            "context": execution.context(),
            "start_timestamp": execution.start,
            "end_timestamp": execution.end,
            "elapsed_seconds": execution.elapsed_seconds(),
            "parent": request.parent,
            "web_url": url,
        },
        "alias": alias,
        "actionalias": alias,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(result: &Value) -> Vec<(String, String)> {
        let text = |section: &Value, key: &str| section[key].as_str().unwrap().to_owned();
        sections(result, 30)
            .iter()
            .map(|section| (text(section, "title"), text(section, "head")))
            .collect()
    }

    #[test]
    fn results_are_shown_by_their_shape() {
        let pair = |title: &str, text: &str| (title.to_owned(), text.to_owned());
        assert_eq!(
            titles(&json!({"stdout": "hi\n", "stderr": "", "return_code": 0})),
            [pair("", "hi")]
        );
        assert_eq!(
            titles(&json!({"stdout": "hi", "stderr": "warn", "return_code": 2, "failed": true})),
            [pair("stdout", "hi"), pair("stderr", "warn")]
        );
        assert_eq!(
            titles(&json!({"web1": {"stdout": "a", "stderr": ""}, "web2": {"stdout": "", "stderr": "b"}})),
            [pair("web1: stdout", "a"), pair("web2: stderr", "b")]
        );
        assert_eq!(titles(&json!({"error": "boom"})), [pair("error", "boom")]);
        assert_eq!(
            titles(&json!({"a": 1, "b": {"c": [true, "x"]}})),
            [pair("", "a: 1\nb:\n  c:\n    - true\n    - x")]
        );
        assert_eq!(
            titles(&json!({"stdout": "", "stderr": "", "result": {"n": 1}})),
            [pair("", "n: 1")]
        );
        assert!(titles(&Value::Null).is_empty());
    }
}
