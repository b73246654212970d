//! The schema of an action's result: which parts are secret, and whether a result fits.

use std::borrow::Cow;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::mask::Secrets;
use super::validate;

/// An action's `output_schema`, prepared once (ACT-18). It describes what is under the runner's output key, or the
/// whole result when the runner has none.
#[derive(Debug)]
pub struct OutputSchema {
    secrets: Option<Secrets>,
    validator: Option<Validator>,
    key: Option<String>,
}

impl OutputSchema {
    /// Prepares a schema; an empty one fits everything.
    ///
    /// # Errors
    /// One sentence when it is no valid JSON schema.
    pub fn new(schema: &Map<String, Value>, output_key: Option<&str>) -> Result<Self, String> {
        let given = Value::Object(schema.clone());
        let schema = normalised(&given);
        let validator = if given.as_object().is_some_and(Map::is_empty) {
            None
        } else {
            Some(validate::build(&super::schema::convert(&schema, 0))?)
        };
        Ok(Self {
            secrets: Secrets::of_schema(&schema),
            validator,
            key: output_key.map(str::to_owned),
        })
    }

    /// Hands every secret part of a result to `change`.
    pub fn each_secret(&self, result: &mut Value, change: &mut dyn FnMut(&mut Value)) {
        each_secret_of(self.secrets.as_ref(), self.key.as_deref(), result, change);
    }

    /// Why the result does not fit; `None` when it does. Never shows the value.
    #[must_use]
    pub fn problem(&self, result: &Value) -> Option<String> {
        let described = match &self.key {
            None => result,
            Some(key) => result.get(key)?,
        };
        let error = self.validator.as_ref()?.iter_errors(described).next()?;
        let path = error.instance_path().to_string();
        let place = if path.is_empty() {
            "the whole result".to_owned()
        } else {
            format!("`{path}`")
        };
        Some(format!("{place} does not satisfy `{}`", error.schema_path()))
    }
}

/// The older form that only lists properties, as a schema of an object.
pub(super) fn normalised(schema: &Value) -> Cow<'_, Value> {
    let is_property_list = schema.as_object().is_some_and(|schema| {
        !schema.is_empty() && !schema.contains_key("type") && schema.values().all(Value::is_object)
    });
    if is_property_list {
        Cow::Owned(json!({"properties": schema}))
    } else {
        Cow::Borrowed(schema)
    }
}

pub(super) fn each_secret_of(
    secrets: Option<&Secrets>,
    key: Option<&str>,
    result: &mut Value,
    change: &mut dyn FnMut(&mut Value),
) {
    let part = match key {
        None => Some(result),
        Some(key) => result.get_mut(key),
    };
    if let (Some(secrets), Some(part)) = (secrets, part) {
        secrets.each(part, change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_checked_and_its_secrets_found() {
        let schema = json!({
            "type": "object",
            "properties": {"token": {"type": "string", "secret": true}, "n": {"type": "integer", "required": true}},
        });
        let output = OutputSchema::new(schema.as_object().unwrap(), Some("result")).unwrap();
        assert_eq!(output.problem(&json!({"result": {"n": 1}})), None);
        let problem = output.problem(&json!({"result": {"n": "private"}})).unwrap();
        assert!(problem.starts_with("`/n` does not satisfy"), "{problem}");
        assert!(
            output.problem(&json!({"result": {}})).is_some(),
            "a required property may not be missing"
        );
        let mut result = json!({"result": {"token": "t", "n": 1}, "token": "other"});
        output.each_secret(&mut result, &mut |value| *value = json!("gone"));
        assert_eq!(
            result,
            json!({"result": {"token": "gone", "n": 1}, "token": "other"})
        );
    }

    #[test]
    fn the_older_form_lists_properties() {
        let output = OutputSchema::new(json!({"pin": {"secret": true}}).as_object().unwrap(), None).unwrap();
        let mut result = json!({"pin": 1});
        output.each_secret(&mut result, &mut |value| *value = json!("gone"));
        assert_eq!(result, json!({"pin": "gone"}));
    }
}
