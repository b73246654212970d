//! Secret values shown as `********`, as schemas mark them.

use serde_json::{Map, Value};

use super::CompiledParameters;
use crate::expr::regex_use::Pattern;

/// What a secret value is shown as.
pub const MASK: &str = "********";

/// Where secrets are inside a value.
#[derive(Debug)]
pub(crate) enum Secrets {
    /// All of it.
    Whole,
    /// Some members or items.
    Inside {
        members: Vec<(String, Secrets)>,
        patterns: Vec<(String, Pattern, Secrets)>,
        other_members: Option<Box<Secrets>>,
        items: Option<Box<Secrets>>,
    },
}

impl Secrets {
    /// The secrets that a schema marks; `None` if it marks none.
    pub(crate) fn of_schema(schema: &Value) -> Option<Self> {
        Self::at(schema, 0)
    }

    fn at(schema: &Value, depth: usize) -> Option<Self> {
        let schema = schema.as_object()?;
        if schema.get("secret").is_some_and(|flag| flag == true) {
            return Some(Self::Whole);
        }
        if depth > super::schema::MAX_DEPTH {
            return None;
        }
        let below = |schema: &Value| Self::at(schema, depth + 1);
        let object = |key: &str| schema.get(key).and_then(Value::as_object).into_iter().flatten();
        let mut members: Vec<_> = object("properties")
            .filter_map(|(name, schema)| Some((name.clone(), below(schema)?)))
            .collect();
        let patterns: Vec<_> = object("patternProperties")
            .filter_map(|(text, schema)| {
                Some((text.clone(), Pattern::new(text, false).ok()?, below(schema)?))
            })
            .collect();
        let mut other_members = schema.get("additionalProperties").and_then(below).map(Box::new);
        let mut items = match schema.get("items") {
            Some(Value::Array(each)) => each.iter().find_map(below).map(Box::new),
            Some(single) => below(single).map(Box::new),
            None => None,
        };
        for part in ["anyOf", "oneOf", "allOf"]
            .into_iter()
            .filter_map(|key| schema.get(key)?.as_array())
            .flatten()
        {
            match below(part) {
                Some(Self::Whole) => return Some(Self::Whole),
                Some(Self::Inside {
                    members: more,
                    other_members: others,
                    items: inner,
                    ..
                }) => {
                    members.extend(more);
                    other_members = other_members.or(others);
                    items = items.or(inner);
                }
                None => {}
            }
        }
        let none = members.is_empty() && patterns.is_empty() && other_members.is_none() && items.is_none();
        (!none).then_some(Self::Inside {
            members,
            patterns,
            other_members,
            items,
        })
    }

    /// Hands every secret part of a value to `change`.
    pub(crate) fn each(&self, value: &mut Value, change: &mut dyn FnMut(&mut Value)) {
        let Self::Inside {
            members,
            patterns,
            other_members,
            items,
        } = self
        else {
            change(value);
            return;
        };
        match value {
            Value::Object(map) => {
                for (name, member) in map.iter_mut() {
                    let mut known = false;
                    for (_, secrets) in members.iter().filter(|(wanted, _)| wanted == name) {
                        secrets.each(member, change);
                        known = true;
                    }
                    for (_, pattern, secrets) in patterns {
                        if pattern.matches_anywhere(name).unwrap_or(true) {
                            secrets.each(member, change);
                            known = true;
                        }
                    }
                    if let (false, Some(secrets)) = (known, other_members) {
                        secrets.each(member, change);
                    }
                }
            }
            Value::Array(list) => {
                if let Some(secrets) = items {
                    list.iter_mut().for_each(|item| secrets.each(item, change));
                }
            }
            // A value of another shape than declared could be the secret itself in a text (not yet cast JSON).
            Value::String(_) => change(value),
            _ => {}
        }
    }

    /// The ways to the secrets: `password`, `hosts[].key`, `env.*`.
    pub(crate) fn paths(&self, at: &str, out: &mut Vec<String>) {
        let Self::Inside {
            members,
            patterns,
            other_members,
            items,
        } = self
        else {
            out.push(at.to_owned());
            return;
        };
        for (name, secrets) in members {
            secrets.paths(&format!("{at}.{name}"), out);
        }
        for (pattern, _, secrets) in patterns {
            secrets.paths(&format!("{at}./{pattern}/"), out);
        }
        if let Some(secrets) = other_members {
            secrets.paths(&format!("{at}.*"), out);
        }
        if let Some(secrets) = items {
            secrets.paths(&format!("{at}[]"), out);
        }
    }
}

/// Hands every secret value among the parameters, deep inside objects and lists too, to `change`.
pub fn each_secret(
    values: &mut Map<String, Value>,
    compiled: &CompiledParameters,
    change: &mut dyn FnMut(&mut Value),
) {
    for spec in compiled.specs() {
        if let (Some(secrets), Some(value)) = (&spec.secrets, values.get_mut(&spec.name)) {
            secrets.each(value, change);
        }
    }
}

/// Hands every part of a value that a schema marks secret to `change`.
pub fn each_secret_by(schema: &Value, value: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    if let Some(secrets) = Secrets::of_schema(schema) {
        secrets.each(value, change);
    }
}

/// The parameters with secret values replaced by the mask.
pub fn mask(values: &Map<String, Value>, compiled: &CompiledParameters) -> Map<String, Value> {
    let mut masked = values.clone();
    each_secret(&mut masked, compiled, &mut |value| {
        *value = Value::String(MASK.to_owned())
    });
    masked
}

/// A result with secret values replaced by the mask; see [`super::OutputSchema`].
pub fn mask_result(result: &Value, output_schema: &Value, output_key: Option<&str>) -> Value {
    let mut masked = result.clone();
    let schema = super::output::normalised(output_schema);
    super::output::each_secret_of(
        Secrets::of_schema(&schema).as_ref(),
        output_key,
        &mut masked,
        &mut |value| {
            *value = Value::String(MASK.to_owned());
        },
    );
    masked
}
