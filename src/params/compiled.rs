//! The parameters of one action, prepared once and used for every request.

use std::collections::HashMap;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::graph::has_template;
use super::mask::Secrets;
use super::schema::{Problem, Severity, json_schema, merge_schema, validate_schema};

/// One declared parameter.
#[derive(Debug)]
pub struct ParameterSpec {
    /// Its name.
    pub name: String,
    /// Its merged schema.
    pub schema: Map<String, Value>,
    /// The type that values are cast to; `None` if there is none or several.
    pub declared: Option<String>,
    /// What it is if the caller gives nothing; null if there is none.
    pub default: Value,
    /// Whether the default is (or has inside) a template.
    pub templated_default: bool,
    /// Whether callers may not give it.
    pub immutable: bool,
    /// Whether it must be given (and has no default).
    pub required: bool,
    /// Whether the runner declares it (it is then handed to the runner, not to the action).
    pub of_runner: bool,
    /// The place on a command line.
    pub position: Option<u64>,
    pub(crate) secrets: Option<Secrets>,
}

impl ParameterSpec {
    /// Whether all or part of the value is secret.
    pub fn is_secret(&self) -> bool {
        self.secrets.is_some()
    }
}

/// The parameters of one action: merged, checked and compiled. Share it behind an `Arc`.
#[derive(Debug)]
pub struct CompiledParameters {
    specs: Vec<ParameterSpec>,
    index: HashMap<String, usize>,
    merged: Map<String, Value>,
    validator: Validator,
    has_templated_defaults: bool,
    warnings: Vec<Problem>,
}

impl CompiledParameters {
    /// Prepares the parameters of an action.
    ///
    /// # Errors
    ///
    /// All problems (warnings too) if at least one of them is an error.
    pub fn compile(runner: &Map<String, Value>, action: &Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let (merged, mut problems) = merge_schema(runner, action);
        problems.extend(validate_schema(&merged));
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        let validator = super::validate::build(&json_schema(&merged)).map_err(|message| {
            vec![Problem {
                severity: Severity::Error,
                path: "parameters".into(),
                message,
                hint: None,
            }]
        })?;
        let specs: Vec<ParameterSpec> = merged
            .iter()
            .map(|(name, schema)| spec(name, schema, runner.get(name), action.get(name)))
            .collect();
        let index = specs
            .iter()
            .enumerate()
            .map(|(at, spec)| (spec.name.clone(), at))
            .collect();
        let has_templated_defaults = specs.iter().any(|spec| spec.templated_default);
        Ok(Self {
            specs,
            index,
            merged,
            validator,
            has_templated_defaults,
            warnings: problems,
        })
    }

    /// All parameters: the action's in their order, then the runner's others.
    pub fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// One parameter by name.
    pub fn spec(&self, name: &str) -> Option<&ParameterSpec> {
        self.index.get(name).map(|at| &self.specs[*at])
    }

    /// The merged schemas, as shown to people and clients.
    pub fn merged(&self) -> &Map<String, Value> {
        &self.merged
    }

    /// What is odd about the declaration but does not prevent use.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Whether any default has to be rendered.
    pub fn has_templated_defaults(&self) -> bool {
        self.has_templated_defaults
    }

    /// The ways to secret values: `password`, `hosts[].key`.
    pub fn secret_paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for spec in &self.specs {
            if let Some(secrets) = &spec.secrets {
                secrets.paths(&spec.name, &mut paths);
            }
        }
        paths
    }

    /// Splits final values into the runner's and the action's.
    pub fn split(&self, values: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
        values
            .into_iter()
            .partition(|(name, _)| self.spec(name).is_some_and(|spec| spec.of_runner))
    }

    pub(crate) fn validator(&self) -> &Validator {
        &self.validator
    }

    pub(crate) fn index(&self, name: &str) -> usize {
        self.index.get(name).copied().unwrap_or(usize::MAX)
    }
}

/// A default that says something.
fn default_of(schema: Option<&Value>) -> Option<&Value> {
    schema?.get("default").filter(|default| !default.is_null())
}

fn spec(name: &str, schema: &Value, of_runner: Option<&Value>, of_action: Option<&Value>) -> ParameterSpec {
    let schema = schema.as_object().cloned().unwrap_or_default();
    let flag =
        |schema: Option<&Value>, key: &str| schema.and_then(|s| s.get(key)) == Some(&Value::Bool(true));
    // A runner's immutable value stands above everything; otherwise the action's default wins, and null is no default.
    let default = if flag(of_runner, "immutable") {
        default_of(of_runner).or_else(|| default_of(of_action))
    } else {
        default_of(of_action).or_else(|| default_of(of_runner))
    };
    let default = default.cloned().unwrap_or(Value::Null);
    let declared = [of_runner, of_action]
        .into_iter()
        .find_map(|schema| schema?.get("type")?.as_str())
        .map(str::to_owned);
    let raw = declared.as_deref() == Some("raw_string");
    ParameterSpec {
        name: name.to_owned(),
        declared,
        templated_default: !raw && has_template(&default),
        default,
        immutable: flag(of_runner, "immutable") || flag(of_action, "immutable"),
        required: schema.get("required") == Some(&Value::Bool(true)) && !schema.contains_key("default"),
        of_runner: of_runner.is_some(),
        position: schema.get("position").and_then(Value::as_u64),
        secrets: Secrets::of_schema(&Value::Object(schema.clone())),
        schema,
    }
}
