//! Gives the texts of a command the types that the action declares.

use serde_json::{Map, Number, Value};

use super::reading::Parameters;

/// Parses a Python literal such as `{'a': 1}`; `None` when the text is none.
pub type Literal<'l> = &'l dyn Fn(&str) -> Option<Value>;

/// A declared type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A list: `[1, 2]`, `['a', 'b']` or `a, b`.
    Array,
    /// `{"a": 1}` or `{'a': 1}`.
    Object,
    /// `true` or `false` in any case.
    Boolean,
    /// As Python's `int()` reads it.
    Integer,
    /// As Python's `float()` reads it.
    Number,
    /// Any text.
    String,
}

impl Type {
    /// The type of a JSON schema by its name.
    pub fn from_name(name: &str) -> Option<Type> {
        Some(match name {
            "array" => Type::Array,
            "object" => Type::Object,
            "boolean" => Type::Boolean,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "string" => Type::String,
            _ => return None,
        })
    }

    fn wanted(self) -> &'static str {
        match self {
            Type::Array => "a list such as `a, b` or `[1, 2]`",
            Type::Object => "an object such as `{\"key\": \"value\"}`",
            Type::Boolean => "`true` or `false`",
            Type::Integer => "a whole number",
            Type::Number => "a number",
            Type::String => "a text",
        }
    }
}

/// A value that does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}` must be {wanted}, not `{value}`")]
pub struct CastError {
    /// Name of the parameter.
    pub name: String,
    /// What the type wants, for people.
    pub wanted: &'static str,
    /// What was given, shortened when long.
    pub value: String,
}

/// Casts all parameters. `type_of` knows the declared types; names it does not know stay as they are,
/// for the validation against the action's schema to judge.
pub fn parameters(
    parameters: Parameters,
    type_of: &dyn Fn(&str) -> Option<Type>,
    literal: Literal<'_>,
) -> Result<Map<String, Value>, CastError> {
    parameters
        .into_iter()
        .map(|(name, given)| {
            let cast = match type_of(&name) {
                Some(wanted) => value(&name, given, wanted, literal)?,
                None => given,
            };
            Ok((name, cast))
        })
        .collect()
}

/// Casts one value. Null stays null, for any type.
pub fn value(name: &str, given: Value, wanted: Type, literal: Literal<'_>) -> Result<Value, CastError> {
    if given.is_null() {
        return Ok(given);
    }
    let cast = match (wanted, &given) {
        (Type::String, Value::String(_))
        | (Type::Array, Value::Array(_))
        | (Type::Object, Value::Object(_))
        | (Type::Boolean, Value::Bool(_))
        | (Type::Number, Value::Number(_)) => Some(given.clone()),
        (Type::Integer, Value::Number(number)) if !number.is_f64() => Some(given.clone()),
        (_, Value::String(text)) => from_text(text, wanted, literal),
        _ => None,
    };
    cast.ok_or_else(|| {
        let text = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
        CastError {
            name: name.to_owned(),
            wanted: wanted.wanted(),
            value: shortened(text),
        }
    })
}

fn from_text(text: &str, wanted: Type, literal: Literal<'_>) -> Option<Value> {
    match wanted {
        Type::String => Some(Value::from(text)),
        Type::Array => Some(list(text, literal)),
        Type::Object => structured(text, literal).filter(Value::is_object),
        Type::Boolean => boolean(text, literal),
        Type::Integer => integer(text),
        Type::Number => number(text),
    }
}

/// A list written as JSON or Python, else the parts between commas.
fn list(text: &str, literal: Literal<'_>) -> Value {
    if text.trim_start().starts_with('[')
        && let Some(list @ Value::Array(_)) = structured(text, literal)
    {
        return list;
    }
    text.split(',').map(|part| Value::from(part.trim())).collect()
}

fn structured(text: &str, literal: Literal<'_>) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| literal(text.trim()))
}

fn boolean(text: &str, literal: Literal<'_>) -> Option<Value> {
    // The reference reads a Python literal after capitalising, so `1` passes as the number 1 and is
    // left for the schema to refuse.
    let mut chars = text.trim().chars();
    let first = chars.next()?;
    let capitalised: String = first
        .to_uppercase()
        .chain(chars.flat_map(char::to_lowercase))
        .collect();
    match capitalised.as_str() {
        "True" => Some(Value::Bool(true)),
        "False" => Some(Value::Bool(false)),
        other => literal(other),
    }
}

/// Digits as Python's numbers have them: single underscores between digits.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if *byte == b'_' && !(digit(at.checked_sub(1)) && digit(Some(at + 1))) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

fn integer(text: &str) -> Option<Value> {
    let digits = digits(text)?;
    digits
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| digits.parse::<u64>().map(Value::from))
        .ok()
}

fn number(text: &str) -> Option<Value> {
    let number: f64 = digits(text)?.parse().ok()?;
    Number::from_f64(number).map(Value::Number)
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The few Python literals that the rows need.
    fn literal(text: &str) -> Option<Value> {
        serde_json::from_str(&text.replace('\'', "\"")).ok()
    }

    #[rstest::rstest]
    #[case("array", "a, b ,c", json!(["a", "b", "c"]))]
    #[case("array", "one", json!(["one"]))]
    #[case("array", "", json!([""]))]
    #[case("array", "[1,2]", json!([1, 2]))]
    #[case("array", "['a', 'b,c']", json!(["a", "b,c"]))]
    #[case("array", "[a, b", json!(["[a", "b"]))]
    #[case("object", r#"{"a":1}"#, json!({"a": 1}))]
    #[case("object", "{'a':1}", json!({"a": 1}))]
    #[case("boolean", "true", json!(true))]
    #[case("boolean", "TRUE", json!(true))]
    #[case("boolean", "false", json!(false))]
    #[case("boolean", "1", json!(1))]
    #[case("integer", " 4 ", json!(4))]
    #[case("integer", "+1_000", json!(1000))]
    #[case("integer", "18446744073709551615", json!(18_446_744_073_709_551_615_u64))]
    #[case("number", "3", json!(3.0))]
    #[case("number", "1e3", json!(1000.0))]
    #[case("string", "x", json!("x"))]
    fn accepted(#[case] wanted: &str, #[case] text: &str, #[case] expected: Value) {
        let wanted = Type::from_name(wanted).unwrap();
        assert_eq!(value("p", json!(text), wanted, &literal).unwrap(), expected);
    }

    #[rstest::rstest]
    #[case("object", json!("{a:1}"))]
    #[case("object", json!("[1]"))]
    #[case("boolean", json!("yes"))]
    #[case("boolean", json!(""))]
    #[case("integer", json!("3.0"))]
    #[case("integer", json!("x"))]
    #[case("integer", json!("1__0"))]
    #[case("number", json!("nan"))]
    #[case("number", json!("1_"))]
    #[case("string", json!(5))]
    fn refused(#[case] wanted: &str, #[case] given: Value) {
        assert!(value("p", given, Type::from_name(wanted).unwrap(), &literal).is_err());
    }

    #[test]
    fn errors_name_the_parameter_and_what_it_wants() {
        let error = value("replicas", json!("many"), Type::Integer, &literal).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter `replicas` must be a whole number, not `many`"
        );
    }

    #[test]
    fn unknown_names_and_nulls_stay() {
        let given = json!({"a": "1", "b": "2", "c": null})
            .as_object()
            .unwrap()
            .clone();
        let type_of = |name: &str| (name != "b").then_some(Type::Integer);
        let cast = parameters(given, &type_of, &literal).unwrap();
        assert_eq!(Value::Object(cast), json!({"a": 1, "b": "2", "c": null}));
    }
}
