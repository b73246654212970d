//! The form of a definition as a JSON Schema (draft 4), with the paths that the reference's findings name.

use std::sync::LazyLock;

use serde_json::{Value, json};

/// The whole schema.
pub(super) static WORKFLOW: LazyLock<Value> = LazyLock::new(workflow);

/// The pattern of names that inspection knows.
pub(super) const NAME: &str = r"^\w+$";

/// The form of `with.items` as the reference writes it. Expressions over several lines are accepted here as well.
pub(super) const ITEMS: &str =
    r"^(\s+)?({{.*?}}|<%.*?%>)(\s+)?$|^(\s+)?((\w+,\s?|\s+)+)?(\w+)\s+in\s+({{.*?}}|<%.*?%>)(\s+)?$";

fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn text_or_whole() -> Value {
    json!({"oneOf": [text(), whole()]})
}

fn list_of(items: &Value) -> Value {
    json!({"type": "array", "items": items, "uniqueItems": true, "minItems": 1})
}

/// Values of JSON; what YAML has beyond them, such as dates, is none.
fn anything() -> Value {
    let kinds = [
        "null", "array", "boolean", "integer", "number", "object", "string",
    ];
    json!({"anyOf": kinds.map(|kind| json!({"type": kind}))})
}

fn mapping() -> Value {
    json!({"type": "object", "minProperties": 1, "patternProperties": {NAME: anything()}})
}

fn pair() -> Value {
    let mut pair = mapping();
    pair["maxProperties"] = 1.into();
    pair
}

fn closed(properties: &Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn transition() -> Value {
    closed(&json!({
        "when": text(),
        "publish": {"oneOf": [text(), list_of(&pair())]},
        "do": {"oneOf": [text(), list_of(&text())]},
    }))
}

fn task() -> Value {
    let mut retry = closed(&json!({"when": text(), "count": text_or_whole(), "delay": text_or_whole()}));
    retry["required"] = json!(["count"]);
    closed(&json!({
        "delay": text_or_whole(),
        "join": {"oneOf": [{"enum": ["all"]}, whole()]},
        "with": closed(&json!({
            "items": {"type": "string", "minLength": 1, "pattern": ITEMS},
            "concurrency": text_or_whole(),
        })),
        "action": text(),
        "input": {"oneOf": [text(), mapping()]},
        "retry": retry,
        "next": {"type": "array", "items": transition()},
    }))
}

fn workflow() -> Value {
    let mut workflow = closed(&json!({
        "name": text(),
        "version": {
            "anyOf": [text(), whole(), {"type": "number", "minimum": 0.0}],
            "enum": ["1.0", 1.0],
        },
        "description": text(),
        "tags": list_of(&text()),
        "input": list_of(&json!({"oneOf": [text(), pair()]})),
        "vars": list_of(&pair()),
        "tasks": {"type": "object", "minProperties": 1, "patternProperties": {NAME: task()}},
        "output": list_of(&pair()),
    }));
    workflow["required"] = json!(["tasks"]);
    workflow
}
