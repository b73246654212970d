//! The schema of an answer that somebody is asked for: its fields, and whether an answer fits.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value};

use super::mask::{MASK, Secrets};
use super::validate;
use crate::expr::{jinja, pyvalue};

/// Columns of a schema or value in a complaint.
const WIDTH: usize = 72;
/// Characters of a schema or value in a complaint.
const LONGEST: usize = 2000;

/// The schema of an answer (INQ-1, INQ-6), prepared once.
#[derive(Debug)]
pub struct ResponseSchema {
    schema: Value,
    validator: Validator,
    secrets: Option<Secrets>,
}

impl ResponseSchema {
    /// Prepares a schema; `required: true` in a property is understood as well as a list of names.
    ///
    /// # Errors
    /// One sentence when it is no valid JSON schema.
    pub fn new(schema: &Value) -> Result<Self, String> {
        if !schema.is_object() {
            return Err("it must be an object".to_owned());
        }
        Ok(Self {
            validator: validate::build(&super::schema::convert(schema, 0))?,
            secrets: Secrets::of_schema(schema),
            schema: schema.clone(),
        })
    }

    /// The fields of an answer in the order of the schema: name and schema of each.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        let fields = self.schema.get("properties").and_then(Value::as_object);
        fields
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.as_str(), schema))
    }

    /// The answer with the defaults of fields that it leaves out.
    #[must_use]
    pub fn with_defaults(&self, mut response: Value) -> Value {
        fill(&self.schema, &mut response, 0);
        response
    }

    /// The answer with secret values replaced by the mask.
    #[must_use]
    pub fn masked(&self, mut response: Value) -> Value {
        if let Some(secrets) = &self.secrets {
            secrets.each(&mut response, &mut |value| *value = MASK.into());
        }
        response
    }

    /// Why an answer does not fit, as the reference words it over several lines; `None` when it does. Secret
    /// values are not shown.
    #[must_use]
    pub fn problem(&self, response: &Value) -> Option<String> {
        let error = self
            .validator
            .iter_errors(response)
            .min_by_key(|error| error.instance_path().to_string().matches('/').count())?;
        Some(self.describe(&error))
    }

    /// Why a value does not fit, in one sentence with the JSON pointer of the part that is meant; `None` when it does.
    /// Secret values are not shown.
    #[must_use]
    pub fn first_problem(&self, value: &Value) -> Option<(String, String)> {
        let depth = |error: &ValidationError<'_>| error.instance_path().to_string().matches('/').count();
        let error = self.validator.iter_errors(value).min_by_key(depth)?;
        let secret = self.secrets.is_some();
        let shown = if secret {
            MASK.to_owned()
        } else {
            jinja::shown(error.instance())
        };
        let place = error.instance_path().to_string();
        let (message, _) = validate::words(&error, &shown, secret, &place);
        Some((place, message))
    }

    fn describe(&self, error: &ValidationError<'_>) -> String {
        let secret = self.secrets.is_some();
        let shown = if secret {
            MASK.to_owned()
        } else {
            jinja::shown(error.instance())
        };
        let place = error.instance_path().to_string();
        let (message, _) = validate::words(error, &shown, secret, &place);
        let mut way = segments(&error.schema_path().to_string());
        let keyword = way.pop().unwrap_or_default();
        // We list required names beside the properties; it was said in the property itself.
        if let ValidationErrorKind::Required { property } = error.kind() {
            way.extend(["properties".to_owned(), pyvalue::str(property)]);
        }
        let schema = way
            .iter()
            .try_fold(&self.schema, |at, part| member(at, part))
            .unwrap_or(&self.schema);
        let instance = if secret {
            MASK.to_owned()
        } else {
            block(error.instance())
        };
        format!(
            "{message}\n\nFailed validating {} in schema{}:\n    {}\n\nOn instance{}:\n    {instance}",
            pyvalue::str_repr(&keyword),
            subscripts(&way),
            block(schema),
            subscripts(&segments(&place)),
        )
    }
}

fn fill(schema: &Value, value: &mut Value, depth: usize) {
    let (Some(fields), Value::Object(map)) = (schema.get("properties").and_then(Value::as_object), value)
    else {
        return;
    };
    if depth > super::schema::MAX_DEPTH {
        return;
    }
    for (name, field) in fields {
        if let Some(default) = field.get("default")
            && !map.contains_key(name)
        {
            map.insert(name.clone(), default.clone());
        }
        if let Some(inner) = map.get_mut(name) {
            fill(field, inner, depth + 1);
        }
    }
}

fn segments(pointer: &str) -> Vec<String> {
    let parts = pointer.split('/').skip(1);
    parts
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect()
}

fn member<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    }
}

/// `['properties']['ok']`, `[0]`.
fn subscripts(way: &[String]) -> String {
    way.iter().fold(String::new(), |text, part| {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{text}[{part}]")
        } else {
            format!("{text}[{}]", pyvalue::str_repr(part))
        }
    })
}

/// A value as Python's pretty printer writes it, indented by four blanks.
fn block(value: &Value) -> String {
    let mut text = String::new();
    pretty(&mut text, value, 0);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text.replace('\n', "\n    ")
}

fn pretty(out: &mut String, value: &Value, column: usize) {
    let line = pyvalue::repr(value);
    let fits = column + line.chars().count() <= WIDTH;
    match value {
        Value::Object(map) if !fits && !map.is_empty() && column < WIDTH => object(out, map, column),
        Value::Array(items) if !fits && !items.is_empty() && column < WIDTH => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(",\n");
                    out.push_str(&" ".repeat(column + 1));
                }
                pretty(out, item, column + 1);
            }
            out.push(']');
        }
        _ => out.push_str(&line),
    }
}

fn object(out: &mut String, map: &Map<String, Value>, column: usize) {
    out.push('{');
    for (index, (name, value)) in map.iter().enumerate() {
        if index > 0 {
            out.push_str(",\n");
            out.push_str(&" ".repeat(column + 1));
        }
        let name = pyvalue::str_repr(name);
        out.push_str(&name);
        out.push_str(": ");
        pretty(out, value, column + name.chars().count() + 3);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(schema: &Value, response: &Value) -> Option<String> {
        ResponseSchema::new(schema).unwrap().problem(response)
    }

    #[test]
    fn complaints_are_worded_as_in_the_reference() {
        let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean", "required": true}}});
        assert_eq!(problem(&schema, &json!({"ok": true})), None);
        assert_eq!(
            problem(&schema, &json!({"ok": "notabool"})).unwrap(),
            "'notabool' is not of type 'boolean'\n\nFailed validating 'type' in schema['properties']['ok']:\n    \
             {'type': 'boolean', 'required': True}\n\nOn instance['ok']:\n    'notabool'"
        );
        assert_eq!(
            problem(&schema, &json!({})).unwrap(),
            "'ok' is a required property\n\nFailed validating 'required' in schema['properties']['ok']:\n    \
             {'type': 'boolean', 'required': True}\n\nOn instance:\n    {}"
        );
        assert!(
            problem(&schema, &json!([1]))
                .unwrap()
                .starts_with("[1] is not of type 'object'")
        );
    }

    #[test]
    fn secrets_are_not_repeated_and_defaults_are_filled_in() {
        let schema = json!({"type": "object", "additionalProperties": false, "properties": {
            "pin": {"type": "string", "secret": true, "minLength": 4},
            "to": {"type": "object", "properties": {"env": {"type": "string", "default": "staging"}}},
        }});
        let told = problem(&schema, &json!({"pin": "123"})).unwrap();
        assert!(
            told.contains("******** is too short") && !told.contains("123"),
            "{told}"
        );
        let prepared = ResponseSchema::new(&schema).unwrap();
        let filled = prepared.with_defaults(json!({"pin": "1234", "to": {}}));
        assert_eq!(filled, json!({"pin": "1234", "to": {"env": "staging"}}));
        assert_eq!(prepared.masked(filled)["pin"], MASK);
        assert_eq!(
            prepared.fields().map(|(name, _)| name).collect::<Vec<_>>(),
            ["pin", "to"]
        );
        assert!(ResponseSchema::new(&json!({"type": "nonsense"})).is_err());
    }

    #[test]
    fn long_schemas_are_broken_over_lines() {
        let schema = json!({"description": "a".repeat(50), "enum": ["b".repeat(30), "c".repeat(30)]});
        let expected = format!(
            "{{'description': '{}',\n     'enum': ['{}',\n              '{}']}}",
            "a".repeat(50),
            "b".repeat(30),
            "c".repeat(30)
        );
        assert_eq!(block(&schema), expected);
    }
}
