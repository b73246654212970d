//! Schemas of parameters at registration: the runner's and the action's merged, checked, and turned into JSON schema.

use serde_json::{Map, Value, json};

use crate::expr::jinja;

/// How deep schemas may nest.
pub(crate) const MAX_DEPTH: usize = 64;

/// Attributes of a runner's parameter that an action may change.
const OVERRIDABLE: [&str; 5] = ["default", "description", "enum", "immutable", "required"];

/// Attributes that a parameter may have.
const ATTRIBUTES: [&str; 37] = [
    "$ref",
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "definitions",
    "dependencies",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "id",
    "immutable",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "position",
    "properties",
    "required",
    "secret",
    "title",
    "type",
    "uniqueItems",
];

const TYPES: [&str; 9] = [
    "any",
    "array",
    "boolean",
    "integer",
    "null",
    "number",
    "object",
    "raw_string",
    "string",
];

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The action cannot be registered.
    Error,
    /// It can, but something will not work as written.
    Warning,
}

/// A problem in the declaration of parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where: `parameters.timeout.default`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            path: path.into(),
            message: message.into(),
            hint: None,
        }
    }

    fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(path, message)
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Merges an action's parameters over its runner's.
///
/// The order is the action's own first, in their order, then the runner's others.
///
/// The problems are overrides that a runner does not allow, and positions with gaps or used twice.
pub fn merge_schema(
    runner: &Map<String, Value>,
    action: &Map<String, Value>,
) -> (Map<String, Value>, Vec<Problem>) {
    let (mut merged, mut problems) = (Map::new(), Vec::new());
    for (name, schema) in action {
        let Some(of_runner) = runner.get(name).and_then(Value::as_object) else {
            merged.insert(name.clone(), schema.clone());
            continue;
        };
        let mut both = of_runner.clone();
        for (attribute, value) in schema.as_object().into_iter().flatten() {
            let path = format!("parameters.{name}.{attribute}");
            if !OVERRIDABLE.contains(&attribute.as_str()) && of_runner.get(attribute) != Some(value) {
                let allowed = OVERRIDABLE.join(", ");
                problems.push(
                    Problem::error(
                        path,
                        format!("The attribute \"{attribute}\" for the runner parameter \"{name}\" cannot be overridden."),
                    )
                    .hint(format!("an action may change: {allowed}")),
                );
                continue;
            }
            if attribute == "immutable"
                && value != true
                && of_runner.get("immutable") == Some(&Value::Bool(true))
            {
                problems.push(Problem::error(
                    path,
                    format!("the runner makes \"{name}\" immutable; an action cannot undo that"),
                ));
                continue;
            }
            both.insert(attribute.clone(), value.clone());
        }
        merged.insert(name.clone(), Value::Object(both));
    }
    for (name, schema) in runner {
        if !action.contains_key(name) {
            merged.insert(name.clone(), schema.clone());
        }
    }
    check_positions(&merged, &mut problems);
    (merged, problems)
}

fn check_positions(merged: &Map<String, Value>, problems: &mut Vec<Problem>) {
    let mut positions: Vec<(i64, &str)> = Vec::new();
    for (name, schema) in merged {
        let Some(position) = schema.get("position") else {
            continue;
        };
        let path = format!("parameters.{name}.position");
        let Some(position) = position.as_i64().filter(|position| *position >= 0) else {
            problems.push(Problem::error(path, "a position must be 0 or a greater integer"));
            continue;
        };
        match positions.iter().find(|(taken, _)| *taken == position) {
            Some((_, other)) => problems.push(Problem::error(
                path,
                format!("Duplicate position {position} in action parameter \"{name}\": \"{other}\" has it already."),
            )),
            None => positions.push((position, name)),
        }
    }
    positions.sort_unstable();
    for (wanted, (position, name)) in (0i64..).zip(&positions) {
        if *position != wanted {
            problems.push(
                Problem::error(
                    format!("parameters.{name}.position"),
                    format!("Positions supplied are not sequential: position {wanted} is missing."),
                )
                .hint("positions count from 0 without gaps, over the action's and the runner's parameters"),
            );
            break;
        }
    }
}

/// Checks merged parameters: names, attributes, types, defaults of immutable ones, local references, and that all of it
/// is JSON schema.
pub fn validate_schema(merged: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, schema) in merged {
        let path = format!("parameters.{name}");
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            problems.push(
                Problem::error(&path, format!("\"{name}\" is no name for a parameter"))
                    .hint("use letters, digits and underscores"),
            );
        }
        check(schema, &path, 0, &mut problems);
        if schema.get("immutable") == Some(&Value::Bool(true)) && schema.get("default").is_none() {
            problems.push(
                Problem::error(
                    format!("{path}.immutable"),
                    format!("the immutable parameter \"{name}\" needs a default"),
                )
                .hint("callers cannot give it, so nothing else could"),
            );
        }
    }
    if problems
        .iter()
        .all(|problem| problem.severity == Severity::Warning)
    {
        match super::validate::build(&json_schema(merged)) {
            Ok(_) => check_defaults(merged, &mut problems),
            Err(message) => problems.push(Problem::error("parameters", message)),
        }
    }
    problems
}

fn check(schema: &Value, path: &str, depth: usize, problems: &mut Vec<Problem>) {
    let Some(map) = schema.as_object() else {
        problems.push(
            Problem::error(path, "a parameter must be described by an object").hint("such as {type: string}"),
        );
        return;
    };
    if depth > MAX_DEPTH {
        problems.push(Problem::error(
            path,
            format!("the schema is nested more than {MAX_DEPTH} deep"),
        ));
        return;
    }
    for (attribute, value) in map {
        let path = format!("{path}.{attribute}");
        let wrong = |what: &str| Some(Problem::error(&path, format!("\"{attribute}\" must be {what}")));
        let found = match attribute.as_str() {
            "type" => check_type(value, &path),
            "description" | "title" | "pattern" | "format" if !value.is_string() => wrong("a text"),
            "immutable" | "secret" | "uniqueItems" | "exclusiveMaximum" | "exclusiveMinimum"
                if !value.is_boolean() =>
            {
                wrong("true or false")
            }
            "required" if !(value.is_boolean() || (value.is_array() && map.contains_key("properties"))) => {
                wrong("true or false")
            }
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties"
                if !value.is_u64() =>
            {
                wrong("0 or a greater integer")
            }
            "maximum" | "minimum" | "multipleOf" if !value.is_number() => wrong("a number"),
            "enum" if value.as_array().is_none_or(Vec::is_empty) => wrong("a list of the allowed values"),
            "$ref" if value.as_str().is_none_or(|target| !target.starts_with('#')) => {
                wrong("a reference inside this schema (#/...)")
            }
            known if !ATTRIBUTES.contains(&known) => {
                let message = format!("\"{known}\" is no attribute of a parameter");
                let problem = if depth == 0 {
                    Problem::error(&path, message)
                } else {
                    Problem::warning(&path, message)
                };
                Some(match jinja::nearest(known, ATTRIBUTES) {
                    Some(near) => problem.hint(format!("did you mean \"{near}\"?")),
                    None => problem,
                })
            }
            _ => None,
        };
        problems.extend(found);
        match attribute.as_str() {
            "properties" | "patternProperties" | "definitions" => match value.as_object() {
                Some(members) => members
                    .iter()
                    .for_each(|(name, member)| check(member, &format!("{path}.{name}"), depth + 1, problems)),
                None => problems.push(Problem::error(
                    &path,
                    format!("\"{attribute}\" must be an object"),
                )),
            },
            "anyOf" | "oneOf" | "allOf" => match value.as_array() {
                Some(parts) => parts
                    .iter()
                    .enumerate()
                    .for_each(|(index, part)| check(part, &format!("{path}[{index}]"), depth + 1, problems)),
                None => problems.push(Problem::error(&path, format!("\"{attribute}\" must be a list"))),
            },
            "items" if value.is_array() => value
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .for_each(|(index, part)| check(part, &format!("{path}[{index}]"), depth + 1, problems)),
            "items" | "not" => check(value, &path, depth + 1, problems),
            "additionalProperties" | "additionalItems" if !value.is_boolean() => {
                check(value, &path, depth + 1, problems)
            }
            _ => {}
        }
    }
}

fn check_type(value: &Value, path: &str) -> Option<Problem> {
    let names: Vec<&Value> = value
        .as_array()
        .map_or_else(|| vec![value], |list| list.iter().collect());
    let wrong = names
        .iter()
        .find(|name| !name.as_str().is_some_and(|name| TYPES.contains(&name)));
    let known = TYPES[1..].join(", ");
    wrong.map(|name| {
        let shown = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        let problem = Problem::error(path, format!("\"{shown}\" is no type"));
        let usual = match shown.as_str() {
            "str" | "text" => Some("string"),
            "int" => Some("integer"),
            "bool" => Some("boolean"),
            "float" => Some("number"),
            "list" => Some("array"),
            "dict" => Some("object"),
            other => jinja::nearest(other, TYPES),
        };
        problem.hint(usual.map_or_else(
            || format!("use one of {known}"),
            |near| format!("did you mean \"{near}\"?"),
        ))
    })
}

/// Defaults that a run would refuse.
fn check_defaults(merged: &Map<String, Value>, problems: &mut Vec<Problem>) {
    for (name, schema) in merged {
        let Some(default) = schema.get("default").filter(|default| !default.is_null()) else {
            continue;
        };
        if super::graph::has_template(default) {
            continue;
        }
        let path = format!("parameters.{name}.default");
        let secret = schema.get("secret") == Some(&Value::Bool(true));
        match super::cast(
            default.clone(),
            schema.get("type").and_then(Value::as_str),
            secret,
        ) {
            Err(error) => {
                let problem = Problem::warning(path, error.message);
                problems.push(match error.hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                });
            }
            Ok(cast) => {
                let mut alone = Map::new();
                alone.insert(name.clone(), schema.clone());
                let instance = json!({name: cast});
                if let Ok(validator) = super::validate::build(&json_schema(&alone))
                    && !validator.is_valid(&instance)
                    && !schema.to_string().contains("\"$ref\"")
                {
                    problems.push(Problem::warning(
                        path,
                        "the default is not allowed by its own schema",
                    ));
                }
            }
        }
    }
}

/// The JSON schema (draft 4) of all parameters together: `required: true` on a member becomes the list `required` of
/// its object, null is allowed where a member may be left out, our own attributes are gone.
pub(crate) fn json_schema(merged: &Map<String, Value>) -> Value {
    let mut schema = Map::new();
    if !merged.is_empty() {
        schema.insert("type".to_owned(), "object".into());
        add_members(&mut schema, merged, None, 0);
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    Value::Object(schema)
}

fn add_members(
    schema: &mut Map<String, Value>,
    members: &Map<String, Value>,
    listed: Option<&Value>,
    depth: usize,
) {
    let mut required: Vec<Value> = listed.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut properties = Map::new();
    for (name, member) in members {
        let must = member.get("required") == Some(&Value::Bool(true));
        let default = member.get("default");
        if must && default.is_none() && !required.iter().any(|known| known == name.as_str()) {
            required.push(name.clone().into());
        }
        let mut converted = convert(member, depth + 1);
        if (!must || default.is_some()) && default.is_none_or(Value::is_null) {
            allow_null(&mut converted);
        }
        properties.insert(name.clone(), converted);
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), Value::Array(required));
    }
}

fn allow_null(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    let null = json!({"type": "null"});
    match map.get_mut("type") {
        Some(Value::String(single)) if single != "null" => {
            let both = json!([single, "null"]);
            map.insert("type".to_owned(), both);
        }
        Some(Value::Array(list)) if !list.iter().any(|kind| kind == "null") => list.push("null".into()),
        _ => {}
    }
    if let Some(Value::Array(values)) = map.get_mut("enum")
        && !values.iter().any(Value::is_null)
    {
        values.push(Value::Null);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(parts)) = map.get_mut(key)
            && !parts.contains(&null)
        {
            parts.push(null.clone());
        }
    }
    // Whatever else it demands (allOf, $ref, not), null is allowed.
    if ["allOf", "$ref", "not"].iter().any(|key| map.contains_key(*key)) {
        let strict = std::mem::take(schema);
        *schema = json!({"anyOf": [strict, null]});
    }
}

pub(crate) fn convert(schema: &Value, depth: usize) -> Value {
    let Some(map) = schema.as_object().filter(|_| depth <= MAX_DEPTH + 2) else {
        return if schema.is_object() {
            json!({})
        } else {
            schema.clone()
        };
    };
    let mut out = Map::new();
    for (attribute, value) in map {
        let converted = match attribute.as_str() {
            "secret" | "position" | "immutable" | "default" | "description" | "title" | "id" | "$schema"
            | "format" | "required" | "properties" => continue,
            "type" if value == "any" => continue,
            "type" if value == "raw_string" => json!("string"),
            "type"
                if value
                    .as_array()
                    .is_some_and(|kinds| kinds.iter().any(|kind| kind == "any")) =>
            {
                continue;
            }
            "patternProperties" | "definitions" => match value.as_object() {
                Some(members) => members
                    .iter()
                    .map(|(name, member)| (name.clone(), convert(member, depth + 1)))
                    .collect(),
                None => value.clone(),
            },
            "dependencies" => match value.as_object() {
                Some(members) => members
                    .iter()
                    .map(|(name, member)| {
                        (
                            name.clone(),
                            if member.is_object() {
                                convert(member, depth + 1)
                            } else {
                                member.clone()
                            },
                        )
                    })
                    .collect(),
                None => value.clone(),
            },
            "anyOf" | "oneOf" | "allOf" => parts(value, depth),
            "items" if value.is_array() => parts(value, depth),
            "items" | "not" | "additionalProperties" | "additionalItems" => convert(value, depth + 1),
            _ => value.clone(),
        };
        out.insert(attribute.clone(), converted);
    }
    let listed = map
        .get("required")
        .filter(|required| required.as_array().is_some_and(|names| !names.is_empty()));
    if let Some(members) = map.get("properties").and_then(Value::as_object) {
        add_members(&mut out, members, listed, depth);
    }
    Value::Object(out)
}

fn parts(value: &Value, depth: usize) -> Value {
    match value.as_array() {
        Some(parts) => parts.iter().map(|part| convert(part, depth + 1)).collect(),
        None => value.clone(),
    }
}
