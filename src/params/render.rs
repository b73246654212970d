//! The two passes over the parameters of a request.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::cast::CastError;
use super::graph::{Graph, Source, has_template};
use super::{
    CompiledParameters, MASK, ParamError, ParamErrorKind, ParamLimits, ParameterSpec, cast, validate,
};
use crate::expr::jinja::{Context, ExprError, Jinja, KeyLookup, Undefined, is_template};
use crate::expr::pyvalue;

/// What templates of parameters can see besides the parameters themselves.
#[derive(Clone, Default)]
pub struct RenderContext {
    /// `action_context`: user, pack, parent, trigger and the like of the execution.
    pub action_context: Arc<Value>,
    /// `config_context`: the pack's configuration.
    pub config_context: Arc<Value>,
    /// `st2kv`; without it the name does not exist.
    pub keys: Option<Arc<dyn KeyLookup>>,
    /// `st2kv` in the parameters that the caller gave, when it is not the same as in those of the pack.
    pub given_keys: Option<Arc<dyn KeyLookup>>,
    /// Further variables, such as `trigger`.
    pub extra: Vec<(String, Arc<Value>)>,
}

impl std::fmt::Debug for RenderContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be secret.
        let names: Vec<&str> = self.extra.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("RenderContext")
            .field("extra", &names)
            .finish_non_exhaustive()
    }
}

/// Whether any of the values is a template, or has one inside.
#[must_use]
pub fn any_template(values: &Map<String, Value>) -> bool {
    values.values().any(has_template)
}

/// The first pass, when a request arrives.
///
/// The result is what the caller gave, rendered, cast and validated, and defaults that are
/// templates. Undeclared, missing and immutable parameters are refused. Texts that a rendering made are not rendered
/// again; parameters in `data` come from such a rendering and are cast only.
///
/// # Errors
///
/// The first problem, always the caller's or the pack's.
pub fn live(
    jinja: &Jinja,
    limits: &ParamLimits,
    compiled: &CompiledParameters,
    given: Map<String, Value>,
    data: Map<String, Value>,
    context: &RenderContext,
) -> Result<Map<String, Value>, ParamError> {
    check_limits(limits, &data)?;
    let immutable: Vec<String> = given
        .keys()
        .filter(|name| compiled.spec(name).is_some_and(|spec| spec.immutable))
        .cloned()
        .collect();
    let mut rendered = render_live(jinja, limits, compiled, given, context)?;
    for (name, value) in data {
        let cast = match compiled.spec(&name) {
            Some(spec) if !value.is_null() => cast_of(spec, value)?,
            _ => value,
        };
        rendered.insert(name, cast);
    }
    let valid = validate::validate(compiled, rendered)?;
    if let Some(first) = immutable.first() {
        let names: Vec<String> = immutable.iter().map(|name| pyvalue::str_repr(name)).collect();
        let message = format!(
            "Override of immutable parameter(s) [{}] is unsupported.",
            names.join(", ")
        );
        return Err(ParamError::new(ParamErrorKind::Immutable, message)
            .of(first.clone())
            .hint("leave it out: the action fixes its value"));
    }
    Ok(valid)
}

/// The first pass without validation.
///
/// # Errors
///
/// Templates that fail, values that cannot be cast, exceeded limits.
pub fn render_live(
    jinja: &Jinja,
    limits: &ParamLimits,
    compiled: &CompiledParameters,
    given: Map<String, Value>,
    context: &RenderContext,
) -> Result<Map<String, Value>, ParamError> {
    check_limits(limits, &given)?;
    let plain = !compiled.has_templated_defaults() && !given.values().any(has_template);
    if plain {
        let mut result = Map::new();
        for (name, value) in given {
            let cast = match compiled.spec(&name) {
                Some(spec) if spec.immutable || value.is_null() => cast_of(spec, spec.default.clone())?,
                Some(spec) => cast_of(spec, value)?,
                None => value,
            };
            result.insert(name, cast);
        }
        return Ok(result);
    }
    let scrub = |error: ParamError| scrubbed(error, compiled, &given);
    let mut graph = Graph::default();
    add_context(&mut graph, context);
    for (name, value) in &given {
        let raw = compiled
            .spec(name)
            .is_some_and(|spec| spec.declared.as_deref() == Some("raw_string"));
        if raw {
            graph.add_value(name, value);
        } else {
            graph
                .add(jinja, name, value)
                .map_err(|error| scrub(render_error(name, &error)))?;
        }
    }
    add_defaults(&mut graph, jinja, compiled).map_err(scrub)?;
    let mut values = evaluate(jinja, &graph, context, &|name| given.contains_key(name)).map_err(scrub)?;
    let mut result = Map::new();
    let templated = compiled.specs().iter().filter(|spec| {
        !spec.immutable
            && spec.default.is_string()
            && spec.templated_default
            && !given.contains_key(&spec.name)
    });
    for name in given.keys().chain(templated.map(|spec| &spec.name)) {
        let value = values.take(name);
        let cast = match compiled.spec(name) {
            Some(spec) => cast_of(spec, value).map_err(scrub)?,
            None => value,
        };
        result.insert(name.clone(), cast);
    }
    Ok(result)
}

/// The second pass, just before the action runs.
///
/// The result is every declared parameter with its value, its default or null. Given
/// values are data, never templates. [`CompiledParameters::split`] parts the runner's from the action's.
///
/// # Errors
///
/// Defaults that fail to render or cannot be cast, exceeded limits.
pub fn final_params(
    jinja: &Jinja,
    limits: &ParamLimits,
    compiled: &CompiledParameters,
    mut given: Map<String, Value>,
    context: &RenderContext,
) -> Result<Map<String, Value>, ParamError> {
    check_limits(limits, &given)?;
    let lacks = |given: &Map<String, Value>, spec: &ParameterSpec| {
        spec.immutable || given.get(&spec.name).is_none_or(Value::is_null)
    };
    let render = compiled.has_templated_defaults()
        && compiled
            .specs()
            .iter()
            .any(|spec| spec.templated_default && lacks(&given, spec));
    let mut result = Map::new();
    if !render {
        for spec in compiled.specs() {
            let value = if lacks(&given, spec) {
                spec.default.clone()
            } else {
                given.get_mut(&spec.name).map(Value::take).unwrap_or_default()
            };
            result.insert(spec.name.clone(), cast_of(spec, value)?);
        }
        return Ok(result);
    }
    let scrub = |error: ParamError| scrubbed(error, compiled, &given);
    let mut graph = Graph::default();
    add_context(&mut graph, context);
    for (name, value) in &given {
        graph.add_value(name, value);
    }
    add_defaults(&mut graph, jinja, compiled).map_err(scrub)?;
    let mut values = evaluate(jinja, &graph, context, &|_| false).map_err(scrub)?;
    for spec in compiled.specs() {
        let value = values.take(&spec.name);
        result.insert(spec.name.clone(), cast_of(spec, value).map_err(scrub)?);
    }
    Ok(result)
}

fn add_context<'v>(graph: &mut Graph<'v>, context: &'v RenderContext) {
    if context.keys.is_some() {
        graph.add_context("st2kv");
    }
    graph.add_context("action_context");
    graph.add_context("config_context");
    for (name, _) in &context.extra {
        graph.add_context(name);
    }
}

fn add_defaults<'v>(
    graph: &mut Graph<'v>,
    jinja: &Jinja,
    compiled: &'v CompiledParameters,
) -> Result<(), ParamError> {
    for spec in compiled.specs() {
        if spec.immutable || graph.lacks(&spec.name) {
            if spec.templated_default {
                graph
                    .add(jinja, &spec.name, &spec.default)
                    .map_err(|error| render_error(&spec.name, &error))?;
            } else {
                graph.add_value(&spec.name, &spec.default);
            }
        }
    }
    Ok(())
}

/// The values of a graph: those that a rendering made, and the rest as they were given.
struct Values<'g, 'v> {
    graph: &'g Graph<'v>,
    rendered: std::collections::HashMap<&'v str, Arc<Value>>,
}

impl Values<'_, '_> {
    fn take(&mut self, name: &str) -> Value {
        if let Some(value) = self.rendered.remove(name) {
            return Arc::unwrap_or_clone(value);
        }
        match self.graph.get(name).map(|node| node.source) {
            Some(Source::Value(value)) => value.clone(),
            _ => Value::Null,
        }
    }
}

fn evaluate<'g, 'v>(
    jinja: &Jinja,
    graph: &'g Graph<'v>,
    context: &RenderContext,
    is_given: &dyn Fn(&str) -> bool,
) -> Result<Values<'g, 'v>, ParamError> {
    let order = graph.order()?;
    let mut variables = Context::new();
    variables.set("action_context", &context.action_context);
    variables.set("config_context", &context.config_context);
    if let Some(keys) = &context.keys {
        variables.set_datastore(Arc::clone(keys));
    }
    for (name, value) in &context.extra {
        variables.set(name.as_str(), value);
    }
    let mut values = Values {
        graph,
        rendered: std::collections::HashMap::new(),
    };
    let mut shared: std::collections::HashMap<&str, Arc<Value>> = std::collections::HashMap::new();
    for at in order {
        let node = &graph.nodes()[at];
        if matches!(node.source, Source::Value(_) | Source::Context) {
            continue;
        }
        // Values enter the template context only when something needs them, and then once.
        for needed in &node.needs {
            let Some(other) = graph.get(needed) else { continue };
            if let Source::Value(value) = other.source
                && !shared.contains_key(other.name)
            {
                let value = Arc::new(value.clone());
                variables.set(other.name, &value);
                shared.insert(other.name, value);
            }
        }
        if let (Some(keys), Some(given)) = (&context.keys, &context.given_keys) {
            let keys = if is_given(node.name) { given } else { keys };
            variables.set_datastore(Arc::clone(keys));
        }
        let rendered = match node.source {
            Source::Text(text) => jinja
                .render(text, &variables, Undefined::Strict)
                .map(Value::String),
            Source::Deep(value) => Deep {
                jinja,
                variables: &variables,
                context,
                known: &shared,
                values: &values,
            }
            .render(value),
            Source::Value(_) | Source::Context => continue,
        };
        let rendered = Arc::new(rendered.map_err(|error| render_error(node.name, &error))?);
        variables.set(node.name, &rendered);
        values.rendered.insert(node.name, rendered);
    }
    Ok(values)
}

/// Renders the texts inside a list or object. A text that is just `{{name}}` becomes the value of that name, with its
/// type; every other text becomes a text.
struct Deep<'a, 'g, 'v> {
    jinja: &'a Jinja,
    variables: &'a Context,
    context: &'a RenderContext,
    known: &'a std::collections::HashMap<&'v str, Arc<Value>>,
    values: &'a Values<'g, 'v>,
}

impl Deep<'_, '_, '_> {
    fn render(&self, value: &Value) -> Result<Value, ExprError> {
        Ok(match value {
            Value::String(text) => match self.whole(text) {
                Some(value) => value,
                None => Value::String(self.text(text)?),
            },
            Value::Array(items) => items
                .iter()
                .map(|item| self.render(item))
                .collect::<Result<_, _>>()?,
            Value::Object(map) => {
                let mut rendered = Map::new();
                for (key, item) in map {
                    rendered.insert(self.text(key)?, self.render(item)?);
                }
                Value::Object(rendered)
            }
            other => other.clone(),
        })
    }

    fn text(&self, text: &str) -> Result<String, ExprError> {
        if is_template(text) {
            self.jinja.render_nested(text, self.variables)
        } else {
            Ok(text.to_owned())
        }
    }

    /// The value that `{{name}}`, written without blanks, stands for.
    fn whole(&self, text: &str) -> Option<Value> {
        let name = text.strip_prefix("{{")?.strip_suffix("}}")?;
        match name {
            "true" | "True" => return Some(Value::Bool(true)),
            "false" | "False" => return Some(Value::Bool(false)),
            "none" | "None" => return Some(Value::Null),
            _ => {}
        }
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
            return name.parse::<u64>().ok().map(Value::from);
        }
        let found = self.values.rendered.get(name).or_else(|| self.known.get(name));
        if let Some(value) = found {
            return Some((**value).clone());
        }
        let context = match name {
            "action_context" => Some(&self.context.action_context),
            "config_context" => Some(&self.context.config_context),
            _ => self
                .context
                .extra
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value),
        };
        context.map(|value| (**value).clone())
    }
}

fn render_error(name: &str, error: &ExprError) -> ParamError {
    let message = format!("Failed to render parameter \"{name}\": {}", error.message);
    let made = ParamError::new(ParamErrorKind::Render, message).of(name);
    match &error.hint {
        Some(hint) => made.hint(hint.clone()),
        None => made,
    }
}

fn cast_of(spec: &ParameterSpec, value: Value) -> Result<Value, ParamError> {
    // Most values are what they should be already.
    match (spec.declared.as_deref(), &value) {
        (None, _) | (_, Value::Null) => return Ok(value),
        _ => {}
    }
    let secret = spec.is_secret();
    cast(value, spec.declared.as_deref(), secret).map_err(|CastError { message, shown, hint }| {
        let error = ParamError::new(ParamErrorKind::Cast, message)
            .of(spec.name.clone())
            .with_value(shown);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

fn check_limits(limits: &ParamLimits, given: &Map<String, Value>) -> Result<(), ParamError> {
    let limit = |message: String| Err(ParamError::new(ParamErrorKind::Limit, message));
    if given.len() > limits.count {
        return limit(format!(
            "too many parameters: {} were given and at most {} are allowed",
            given.len(),
            limits.count
        ));
    }
    let mut left = limits.bytes;
    for (name, value) in given {
        match measure(value, limits.depth)
            .and_then(|size| left.checked_sub(size + name.len()).ok_or(TooMuch::Size))
        {
            Ok(rest) => left = rest,
            Err(TooMuch::Size) => {
                return limit(format!(
                    "the parameters are too large: at most {} bytes are allowed",
                    limits.bytes
                ))
                .map_err(|error| {
                    error
                        .of(name.clone())
                        .hint("pass a file or a key of the datastore instead")
                });
            }
            Err(TooMuch::Depth) => {
                return limit(format!(
                    "the value is nested too deep: at most {} levels are allowed",
                    limits.depth
                ))
                .map_err(|error| error.of(name.clone()));
            }
        }
    }
    Ok(())
}

enum TooMuch {
    Depth,
    Size,
}

/// The size of a value in bytes (about), if it is not nested too deep.
fn measure(value: &Value, depth: usize) -> Result<usize, TooMuch> {
    let below = || depth.checked_sub(1).ok_or(TooMuch::Depth);
    match value {
        Value::String(text) => Ok(text.len() + 2),
        Value::Array(items) => {
            let below = below()?;
            items
                .iter()
                .try_fold(2, |sum, item| measure(item, below).map(|size| sum + size + 1))
        }
        Value::Object(map) => {
            let below = below()?;
            map.iter().try_fold(2, |sum, (key, item)| {
                measure(item, below).map(|size| sum + size + key.len() + 4)
            })
        }
        _ => Ok(8),
    }
}

/// Takes the values of secret parameters out of whatever a failing template may have repeated.
fn scrubbed(mut error: ParamError, compiled: &CompiledParameters, given: &Map<String, Value>) -> ParamError {
    fn texts<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
        match value {
            Value::String(text) if text.chars().count() >= 3 => out.push(text),
            Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
            Value::Object(map) => map.values().for_each(|item| texts(item, out)),
            _ => {}
        }
    }
    let mut secrets = Vec::new();
    for spec in compiled.specs().iter().filter(|spec| spec.is_secret()) {
        texts(&spec.default, &mut secrets);
        if let Some(value) = given.get(&spec.name) {
            texts(value, &mut secrets);
        }
    }
    secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
    for secret in secrets {
        error.message = error.message.replace(secret, MASK);
        error.value = error.value.map(|text| text.replace(secret, MASK));
        error.hint = error.hint.map(|text| text.replace(secret, MASK));
    }
    error
}
