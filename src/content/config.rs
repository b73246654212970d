//! A pack's configuration: `config.schema.yaml` in the pack, values in `configs/<pack>.yaml` (PKG-12 … PKG-14).
//!
//! Nothing of a configuration file's text gets into a problem: any line may hold a secret. Values with
//! `{{` are resolved when they are used and only kept here.

use serde_json::{Map, Value, json};

use super::fields::{self, MetaFile};
use super::nearest::nearest;
use super::source::Source;
use crate::model::{JsonMap, Problem};
use crate::yaml;

/// Deepest nesting of a configuration schema that defaults are looked for.
const MAX_NESTING: usize = 20;

/// Reads `config.schema.yaml`: property name → schema. `None` when it is broken.
pub(super) fn schema(meta: &mut MetaFile) -> Option<JsonMap> {
    if meta.value.is_null() {
        return Some(JsonMap::new());
    }
    let map = meta.take_map("the pack's configuration")?;
    meta.remarks();
    for (name, property) in &map {
        if !property.is_object() {
            let message = format!("`{name}` should be a map, not {}", fields::describe(property));
            meta.error(&yaml::step(name), message, "write `type: …` below it");
        }
    }
    if !meta.is_broken()
        && let Err(error) = validator(&map)
    {
        let path = error.instance_path().to_string();
        let path = path.strip_prefix("/properties").unwrap_or(&path);
        meta.error(path, format!("this is no valid schema: {}", error.masked()), "");
    }
    (!meta.is_broken()).then_some(map)
}

/// Reads `configs/<pack>.yaml` against the pack's schema. `None` when the values cannot be used.
pub(super) fn values(
    source: &Source,
    pack: &str,
    schema: Option<&JsonMap>,
) -> (Option<JsonMap>, Vec<Problem>) {
    let file = format!("{pack}.yaml");
    let mut meta = match fields::read(source, &file, &format!("configs/{file}"), true) {
        Ok((meta, _)) => meta,
        Err(problem) => return (None, vec![*problem]),
    };
    if meta.value.is_null() {
        return (Some(with_defaults(JsonMap::new(), schema)), Vec::new());
    }
    let Some(map) = meta.take_map("the pack's configuration") else {
        return (None, meta.problems);
    };
    if let Some(schema) = schema {
        check(&mut meta, &map, schema);
    } else if !map.is_empty() {
        let message = format!("pack `{pack}` has no config.schema.yaml, so nothing here is checked");
        meta.warning("", message, "describe the keys in the pack's config.schema.yaml");
    }
    let usable = !meta.is_broken();
    (usable.then(|| with_defaults(map, schema)), meta.problems)
}

/// `values` with the schema's defaults where nothing was given.
pub(super) fn with_defaults(mut values: JsonMap, schema: Option<&JsonMap>) -> JsonMap {
    if let Some(schema) = schema {
        fill(&mut values, schema, 0);
    }
    values
}

fn fill(values: &mut JsonMap, properties: &JsonMap, depth: usize) {
    if depth > MAX_NESTING {
        return;
    }
    for (name, property) in properties {
        let nested = property.get("properties").and_then(Value::as_object);
        match values.get_mut(name) {
            None | Some(Value::Null) => {
                if let Some(default) = property.get("default") {
                    values.insert(name.clone(), default.clone());
                } else if let Some(nested) = nested {
                    let mut inner = JsonMap::new();
                    fill(&mut inner, nested, depth + 1);
                    if !inner.is_empty() {
                        values.insert(name.clone(), Value::Object(inner));
                    }
                }
            }
            Some(Value::Object(inner)) => {
                if let Some(nested) = nested {
                    fill(inner, nested, depth + 1);
                }
            }
            Some(Value::Array(items)) => {
                let nested = property.pointer("/items/properties").and_then(Value::as_object);
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    if let Some(nested) = nested {
                        fill(item, nested, depth + 1);
                    }
                }
            }
            Some(_) => {}
        }
    }
}

fn check(meta: &mut MetaFile, values: &JsonMap, schema: &JsonMap) {
    for key in values.keys().filter(|key| !schema.contains_key(*key)) {
        let hint = match nearest(key, schema.keys().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "remove it, or describe it in the pack's config.schema.yaml".into(),
        };
        meta.warning(
            &yaml::step(key),
            "this key is not in the pack's config.schema.yaml",
            hint,
        );
    }
    // A property that is required and has a default is satisfied by the default.
    let mut complete = values.clone();
    fill(&mut complete, schema, 0);
    let complete = Value::Object(complete);
    let Ok(validator) = validator(schema) else { return };
    let mut found = Vec::new();
    for error in validator.iter_errors(&complete) {
        let path = error.instance_path().to_string();
        let dynamic = complete
            .pointer(&path)
            .and_then(Value::as_str)
            .is_some_and(|text| text.contains("{{"));
        if !dynamic {
            found.push((path, error.masked().to_string()));
        }
    }
    for (path, message) in found {
        let name = path.trim_start_matches('/').replace('/', ".");
        let message = if name.is_empty() {
            message
        } else {
            format!("`{name}`: {message}")
        };
        meta.error(&path, message, "see the pack's config.schema.yaml");
    }
}

/// The schema in the form that validators know: `required` lists instead of flags.
fn validator(properties: &JsonMap) -> Result<jsonschema::Validator, jsonschema::ValidationError<'static>> {
    let schema = modern(&json!({ "type": "object", "properties": properties }), 0);
    jsonschema::draft4::options().build(&schema)
}

fn modern(schema: &Value, depth: usize) -> Value {
    let Value::Object(map) = schema else {
        return schema.clone();
    };
    if depth > MAX_NESTING {
        return schema.clone();
    }
    let mut result = Map::new();
    let mut required: Vec<Value> = Vec::new();
    for (key, value) in map {
        match (key.as_str(), value) {
            // Flags of the property itself: `required` belongs to the parent, `secret` is ours.
            ("required", Value::Bool(_)) | ("secret", _) => {}
            ("properties", Value::Object(properties)) => {
                let mut inner = Map::new();
                for (name, property) in properties {
                    if property.get("required") == Some(&Value::Bool(true)) {
                        required.push(Value::String(name.clone()));
                    }
                    inner.insert(name.clone(), modern(property, depth + 1));
                }
                result.insert(key.clone(), Value::Object(inner));
            }
            ("items" | "additionalProperties", Value::Object(_)) => {
                result.insert(key.clone(), modern(value, depth + 1));
            }
            _ => {
                result.insert(key.clone(), value.clone());
            }
        }
    }
    if !required.is_empty() {
        result.insert("required".into(), Value::Array(required));
    }
    Value::Object(result)
}
