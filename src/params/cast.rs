//! Casting rendered values to the types that parameters declare.

use serde_json::{Number, Value};

use super::MASK;
use crate::expr::{NONE_MARKER, jinja, pyliteral, pyvalue};

/// Why a value cannot be cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CastError {
    /// One sentence.
    pub message: String,
    /// The value as messages show it, shortened; masked if it is secret.
    pub shown: String,
    /// Advice.
    pub hint: Option<String>,
}

type Failure = (String, Option<String>);

/// Turns a value into a declared type as the reference system does.
///
/// Texts become lists, objects, booleans and numbers;
/// nothing becomes a text; null stays null; types it does not know (and lists of types) leave the value alone. A secret
/// value is not repeated in the error.
///
/// # Errors
///
/// What is wrong, with advice.
pub fn cast(value: Value, declared: Option<&str>, secret: bool) -> Result<Value, CastError> {
    let Some(declared) = declared else {
        return Ok(value);
    };
    if value.is_null() {
        return Ok(value);
    }
    let known = matches!(
        declared,
        "array" | "boolean" | "integer" | "number" | "object" | "string" | "raw_string"
    );
    if known && value.as_str() == Some(NONE_MARKER) {
        return Ok(Value::Null);
    }
    let cast = match (declared, &value) {
        ("array" | "object", Value::String(text)) => structure(text).map_err(|why| {
            (
                not_a(declared, &shown(&value, secret), &why, secret),
                example(declared),
            )
        }),
        ("boolean", Value::String(text)) => pyliteral::parse(&capitalised(text)).map_err(|_| {
            (
                format!("{} is no boolean", shown(&value, secret)),
                Some("write true or false".to_owned()),
            )
        }),
        ("integer", _) => integer(&value, || shown(&value, secret)),
        ("number", _) => number(&value, || shown(&value, secret)),
        ("string" | "raw_string", other) if !other.is_string() => {
            let text = if secret {
                MASK.to_owned()
            } else {
                clipped(&pyvalue::str(other))
            };
            let kind = pyvalue::type_name(other);
            let message = format!("Value \"{text}\" must either be a string or None. Got \"{kind}\".");
            Err((message, Some("put the value in quotes".to_owned())))
        }
        _ => return Ok(value),
    };
    cast.map_err(|(message, hint)| CastError {
        message,
        shown: shown(&value, secret),
        hint,
    })
}

fn shown(value: &Value, secret: bool) -> String {
    if secret {
        MASK.to_owned()
    } else {
        jinja::shown(value)
    }
}

fn clipped(text: &str) -> String {
    /// Longest value repeated in a message, in characters.
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn structure(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).or_else(|_| pyliteral::parse(text))
}

fn not_a(declared: &str, shown: &str, why: &str, secret: bool) -> String {
    // What the reader says may quote the value.
    if secret {
        format!("{shown} is neither JSON nor a Python literal, so no {declared}")
    } else {
        format!("{shown} is neither JSON nor a Python literal, so no {declared}: {why}")
    }
}

fn example(declared: &str) -> Option<String> {
    let example = if declared == "array" {
        "[\"a\", \"b\"]"
    } else {
        "{\"key\": \"value\"}"
    };
    Some(format!("write it as {example}"))
}

/// `str.capitalize`
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &chars.as_str().to_lowercase()
}

fn integer(value: &Value, shown: impl Fn() -> String) -> Result<Value, Failure> {
    let too_large = || (format!("{} does not fit into 64 bits", shown()), None);
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or(0.0).trunc();
            #[expect(clippy::cast_possible_truncation, reason = "checked to be inside the range")]
            let whole = (float.abs() < 1e19).then_some(float as i128);
            whole
                .and_then(Number::from_i128)
                .map(Value::Number)
                .ok_or_else(too_large)
        }
        Value::Number(_) => Ok(value.clone()),
        Value::Bool(flag) => Ok(Value::from(u8::from(*flag))),
        Value::String(text) => match pyvalue::parse_int(text, 10) {
            Some(whole) => Number::from_i128(whole).map(Value::Number).ok_or_else(too_large),
            None => Err((
                format!("invalid literal for int() with base 10: {}", shown()),
                Some("give a whole number".into()),
            )),
        },
        other => {
            let kind = pyvalue::type_name(other);
            Err((
                format!(
                    "int() argument must be a string, a bytes-like object or a real number, not '{kind}'"
                ),
                Some("give a whole number".to_owned()),
            ))
        }
    }
}

fn number(value: &Value, shown: impl Fn() -> String) -> Result<Value, Failure> {
    let float = match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(flag) => Some(if *flag { 1.0 } else { 0.0 }),
        Value::String(text) => match pyvalue::parse_float(text) {
            Some(float) => Some(float),
            None => {
                return Err((
                    format!("could not convert string to float: {}", shown()),
                    Some("give a number".to_owned()),
                ));
            }
        },
        other => {
            let kind = pyvalue::type_name(other);
            return Err((
                format!("float() argument must be a string or a real number, not '{kind}'"),
                Some("give a number".to_owned()),
            ));
        }
    };
    float
        .and_then(Number::from_f64)
        .map(Value::Number)
        .ok_or_else(|| {
            (
                format!("{} is no finite number", shown()),
                Some("give a finite number".to_owned()),
            )
        })
}
