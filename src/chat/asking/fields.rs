//! From the schema of a value to the field that asks for it, and back. Pure.

use serde_json::Value;

use crate::chat::forms::{Field, FieldKind};
use crate::chat::say::readable;

/// Longer texts get a field of several lines.
const LINE: u64 = 200;

/// The field for a value with this schema. What stands in it at first is `given`, else the schema's default; never a
/// secret.
pub(super) fn field(name: &str, schema: &Value, given: Option<Value>) -> Field {
    let secret = schema["secret"] == true;
    let default = schema.get("default").filter(|default| !default.is_null());
    let initial = given.or_else(|| default.map(shown)).filter(|_| !secret);
    Field {
        name: name.to_owned(),
        label: name.replace('_', " "),
        hint: schema["description"]
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        takes: takes(schema),
        required: schema["required"] == true && default.is_none(),
        secret,
        initial,
    }
}

fn takes(schema: &Value) -> FieldKind {
    let options = |schema: &Value| -> Option<Vec<String>> {
        let choices = schema["enum"].as_array()?;
        Some(choices.iter().map(readable).collect())
    };
    if let Some(options) = options(schema) {
        return FieldKind::Choice { options };
    }
    match schema["type"].as_str() {
        Some("boolean") => FieldKind::Toggle,
        Some(kind @ ("integer" | "number")) => {
            let bound = |name: &str| Some(schema[name].as_number()?.to_string());
            FieldKind::Number {
                integer: kind == "integer",
                least: bound("minimum"),
                most: bound("maximum"),
            }
        }
        Some("array") => match options(&schema["items"]) {
            Some(options) => FieldKind::Choices { options },
            None => FieldKind::Paragraph,
        },
        Some("object") => FieldKind::Paragraph,
        _ if schema["maxLength"].as_u64().is_some_and(|most| most <= LINE) => FieldKind::Line,
        _ if schema["multiline"] == true => FieldKind::Paragraph,
        _ => FieldKind::Line,
    }
}

/// A value as it stands in a field.
fn shown(value: &Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) => Value::String(value.to_string()),
        simple => simple.clone(),
    }
}

/// What a field gave, as the text that a typed command would have.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_become_fitting_fields() {
        for (schema, expected) in [
            (json!({"type": "string"}), FieldKind::Line),
            (json!({"type": "boolean"}), FieldKind::Toggle),
            (
                json!({"type": "integer", "minimum": 1, "maximum": 9}),
                FieldKind::Number {
                    integer: true,
                    least: Some("1".into()),
                    most: Some("9".into()),
                },
            ),
            (json!({"type": "object"}), FieldKind::Paragraph),
            (
                json!({"enum": ["a", 2]}),
                FieldKind::Choice {
                    options: vec!["a".into(), "2".into()],
                },
            ),
            (
                json!({"type": "array", "items": {"enum": ["x"]}}),
                FieldKind::Choices {
                    options: vec!["x".into()],
                },
            ),
        ] {
            assert_eq!(field("f", &schema, None).takes, expected, "{schema}");
        }
    }

    #[test]
    fn secrets_are_never_filled_in_and_defaults_make_a_field_optional() {
        let schema = json!({"type": "string", "secret": true, "default": "hunter2", "required": true});
        let secret = field("password", &schema, Some(json!("typed")));
        assert_eq!(
            (secret.initial, secret.secret, secret.required),
            (None, true, false)
        );
        let plain = field("max_count", &json!({"type": "integer", "default": 3}), None);
        assert_eq!(
            (plain.initial, plain.label.as_str()),
            (Some(json!(3)), "max count")
        );
    }
}
