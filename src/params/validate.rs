//! Validating parameters by JSON schema, with `StackStorm`'s words for what is wrong.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value};

use super::{CompiledParameters, MASK, ParamError, ParamErrorKind};
use crate::expr::{jinja, pyvalue};

/// Steps that one `pattern` may take on one text.
const BACKTRACK_LIMIT: usize = 100_000;

/// Builds a validator; nothing is ever fetched.
pub(crate) fn build(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_draft(Draft::Draft4)
        .should_validate_formats(false)
        .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT))
        .offline()
        .build(schema)
        .map_err(|error| {
            format!(
                "the parameters are no valid JSON schema: {error} (at {})",
                error.schema_path()
            )
        })
}

/// Validates rendered and cast parameters: declared ones only, required ones there, values allowed by their schemas.
pub(crate) fn validate(
    compiled: &CompiledParameters,
    values: Map<String, Value>,
) -> Result<Map<String, Value>, ParamError> {
    let instance = Value::Object(values);
    if !compiled.validator().is_valid(&instance) {
        // Problems of the whole come before problems of a parameter, those before problems deep inside one.
        let first = compiled
            .validator()
            .iter_errors(&instance)
            .map(|error| (rank(compiled, &error), error))
            .min_by_key(|(rank, _)| *rank);
        if let Some((_, error)) = first {
            return Err(describe(compiled, &error));
        }
    }
    match instance {
        Value::Object(values) => Ok(values),
        _ => Ok(Map::new()),
    }
}

fn segments(error: &ValidationError<'_>) -> Vec<String> {
    let path = error.instance_path().to_string();
    path.split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect()
}

fn rank(compiled: &CompiledParameters, error: &ValidationError<'_>) -> (usize, usize) {
    let path = segments(error);
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = path
                .first()
                .map(String::as_str)
                .or(property.as_str())
                .unwrap_or_default();
            (path.len() + 1, compiled.index(name))
        }
        _ => (path.len(), path.first().map_or(0, |name| compiled.index(name))),
    }
}

fn describe(compiled: &CompiledParameters, error: &ValidationError<'_>) -> ParamError {
    let path = segments(error);
    let spec = path.first().and_then(|name| compiled.spec(name));
    let secret = spec.is_some_and(|spec| spec.secrets.is_some());
    let shown = if secret {
        MASK.to_owned()
    } else {
        jinja::shown(error.instance())
    };
    let place = path
        .iter()
        .enumerate()
        .fold(String::new(), |place, (depth, part)| {
            if depth > 0 && part.bytes().all(|b| b.is_ascii_digit()) {
                format!("{place}[{part}]")
            } else if depth > 0 {
                format!("{place}.{part}")
            } else {
                part.clone()
            }
        });
    let (message, hint) = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            return unexpected_names(compiled, unexpected, &path);
        }
        ValidationErrorKind::Required { property } => {
            let name = pyvalue::str(property);
            let whole = if place.is_empty() {
                name.clone()
            } else {
                format!("{place}.{name}")
            };
            let hint = compiled.spec(&name).filter(|_| path.is_empty()).and_then(|spec| {
                let description = spec.schema.get("description")?.as_str()?;
                Some(format!("'{name}' is: {description}"))
            });
            let (message, _) = words(error, &shown, secret, &place);
            let error = ParamError::new(ParamErrorKind::Missing, message).of(whole);
            return match hint {
                Some(hint) => error.hint(hint),
                None => error,
            };
        }
        _ => words(error, &shown, secret, &place),
    };
    let made = ParamError::new(ParamErrorKind::Invalid, message)
        .of(place)
        .with_value(shown);
    match hint {
        Some(hint) => made.hint(hint),
        None => made,
    }
}

/// What is wrong in the reference's words, and advice. `shown` is the value as it may be repeated.
pub(super) fn words(
    error: &ValidationError<'_>,
    shown: &str,
    secret: bool,
    place: &str,
) -> (String, Option<String>) {
    let text = |value: &Value| pyvalue::repr(value);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => (additional(unexpected), None),
        ValidationErrorKind::Required { property } => {
            (format!("{} is a required property", text(property)), None)
        }
        ValidationErrorKind::Type { kind } => {
            let names: Vec<String> = match kind {
                TypeKind::Single(kind) => vec![format!("'{kind}'")],
                TypeKind::Multiple(kinds) => {
                    let mut names: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
                    // Null comes last: it only says that the parameter may be left out.
                    names.sort_by_key(|name| name == "'null'");
                    names
                }
            };
            (format!("{shown} is not of type {}", names.join(", ")), None)
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<&Value> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter(|v| !v.is_null())
                .collect();
            let listed: Vec<String> = options.iter().map(|value| text(value)).collect();
            let near =
                error.instance().as_str().filter(|_| !secret).and_then(|given| {
                    jinja::nearest(given, options.iter().filter_map(|value| value.as_str()))
                });
            (
                format!("{shown} is not one of [{}]", listed.join(", ")),
                near.map(|near| format!("did you mean '{near}'?")),
            )
        }
        ValidationErrorKind::Minimum { limit } => (
            format!("{shown} is less than the minimum of {}", text(limit)),
            None,
        ),
        ValidationErrorKind::Maximum { limit } => (
            format!("{shown} is greater than the maximum of {}", text(limit)),
            None,
        ),
        ValidationErrorKind::ExclusiveMinimum { limit } => (
            format!("{shown} is less than or equal to the minimum of {}", text(limit)),
            None,
        ),
        ValidationErrorKind::ExclusiveMaximum { limit } => (
            format!(
                "{shown} is greater than or equal to the maximum of {}",
                text(limit)
            ),
            None,
        ),
        ValidationErrorKind::MinLength { limit } => (
            format!("{shown} is too short"),
            Some(format!("at least {limit} characters are needed")),
        ),
        ValidationErrorKind::MaxLength { limit } => (
            format!("{shown} is too long"),
            Some(format!("at most {limit} characters are allowed")),
        ),
        ValidationErrorKind::MinItems { limit } => (
            format!("{shown} is too short"),
            Some(format!("at least {limit} items are needed")),
        ),
        ValidationErrorKind::MaxItems { limit } => (
            format!("{shown} is too long"),
            Some(format!("at most {limit} items are allowed")),
        ),
        ValidationErrorKind::MinProperties { .. } => {
            (format!("{shown} does not have enough properties"), None)
        }
        ValidationErrorKind::MaxProperties { .. } => (format!("{shown} has too many properties"), None),
        ValidationErrorKind::MultipleOf { multiple_of } => (
            format!(
                "{shown} is not a multiple of {}",
                pyvalue::float_repr(*multiple_of)
            ),
            None,
        ),
        ValidationErrorKind::Pattern { pattern } => (
            format!("{shown} does not match {}", pyvalue::str_repr(pattern)),
            None,
        ),
        ValidationErrorKind::UniqueItems => (format!("{shown} has non-unique elements"), None),
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => (
            format!("{shown} is not valid under any of the given schemas"),
            None,
        ),
        ValidationErrorKind::OneOfMultipleValid { .. } => (
            format!("{shown} is valid under more than one of the given schemas"),
            None,
        ),
        ValidationErrorKind::BacktrackLimitExceeded { .. }
        | ValidationErrorKind::RegexEngineFailure { .. } => (
            format!("the pattern of '{place}' takes too long on this value"),
            None,
        ),
        // The validator's own words, with the value masked out.
        _ => (error.masked().to_string(), None),
    }
}

fn additional(unexpected: &[String]) -> String {
    let listed: Vec<String> = unexpected
        .iter()
        .take(20)
        .map(|name| pyvalue::str_repr(name))
        .collect();
    let verb = if unexpected.len() == 1 { "was" } else { "were" };
    format!(
        "Additional properties are not allowed ({} {verb} unexpected)",
        listed.join(", ")
    )
}

fn unexpected_names(compiled: &CompiledParameters, unexpected: &[String], path: &[String]) -> ParamError {
    let message = additional(unexpected);
    if !path.is_empty() {
        return ParamError::new(ParamErrorKind::Invalid, message).of(path.join("."));
    }
    let error = ParamError::new(ParamErrorKind::Unknown, message);
    let Some(first) = unexpected.first() else {
        return error;
    };
    let error = error.of(first.clone());
    match jinja::nearest(first, compiled.specs().iter().map(|spec| spec.name.as_str())) {
        Some(near) => error.hint(format!("did you mean '{near}'?")),
        None => {
            let names: Vec<&str> = compiled
                .specs()
                .iter()
                .filter(|spec| !spec.immutable)
                .map(|spec| spec.name.as_str())
                .take(20)
                .collect();
            error.hint(format!("the action knows: {}", names.join(", ")))
        }
    }
}
