//! Values as Python writes them, and back: the reference hands lists and objects to scripts in that form, and
//! takes request bodies in it.

use serde_json::{Map, Number, Value};

/// Deepest nesting that [`parse`] follows.
const DEEPEST: usize = 64;

/// The value as Python's `str()` shows it: a text as it is, everything else like [`repr`].
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => {
            let mut out = String::new();
            repr(other, &mut out);
            out
        }
    }
}

/// The value as Python's `repr()` shows it: `None`, `True`, `'a'`, `[1, 'b']`, `{'k': 2.0}`.
pub(super) fn repr(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => out.push_str(&float_text(float)),
            _ => out.push_str(&number.to_string()),
        },
        Value::String(text) => text_repr(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                repr(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (key, item)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                text_repr(key, out);
                out.push_str(": ");
                repr(item, out);
            }
            out.push('}');
        }
    }
}

fn text_repr(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if !is_printable(c) => {
                let code = u32::from(c);
                out.push_str(&match code {
                    0..=0xFF => format!("\\x{code:02x}"),
                    0x100..=0xFFFF => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// Rust's debug form escapes what cannot be printed, as Python does; behind a letter it lets accents be.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && format!("a{c}").escape_debug().count() == 2)
}

/// Shortest digits; exponents below 1e-4 and from 1e16 on, with two digits at least; always a point or an exponent.
fn float_text(float: f64) -> String {
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{float:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Reads a Python literal made of dicts, lists, tuples, texts, numbers, `True`, `False` and `None`; tuples become
/// arrays and keys become texts. `None` when it is anything else.
pub(super) fn parse(text: &str) -> Option<Value> {
    let mut parser = Parser { rest: text };
    let value = parser.value(DEEPEST)?;
    parser.blanks();
    parser.rest.is_empty().then_some(value)
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.blanks();
        match self.rest.chars().next()? {
            '{' => self.dict(depth),
            '[' => {
                self.eat("[");
                self.items("]", depth)
            }
            '(' => {
                self.eat("(");
                self.items(")", depth)
            }
            '\'' | '"' => self.text().map(Value::String),
            _ => self.word(),
        }
    }

    fn items(&mut self, end: &str, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        loop {
            if self.eat(end) {
                return Some(Value::Array(items));
            }
            items.push(self.value(depth)?);
            if !self.eat(",") {
                return self.eat(end).then_some(Value::Array(items));
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        self.eat("{");
        let mut fields = Map::new();
        loop {
            if self.eat("}") {
                return Some(Value::Object(fields));
            }
            let key = match self.value(depth)? {
                Value::String(key) => key,
                key @ (Value::Number(_) | Value::Bool(_) | Value::Null) => key.to_string(),
                _ => return None,
            };
            if !self.eat(":") {
                return None;
            }
            let value = self.value(depth)?;
            fields.insert(key, value);
            if !self.eat(",") {
                return self.eat("}").then_some(Value::Object(fields));
            }
        }
    }

    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) => {
                let digits = word.strip_prefix('+').unwrap_or(word);
                match digits.parse::<i64>() {
                    Ok(number) => Some(number.into()),
                    // Infinity and NaN start with letters, an overflow gives no number.
                    Err(_) => digits
                        .parse::<f64>()
                        .ok()
                        .and_then(Number::from_f64)
                        .map(Value::Number),
                }
            }
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let mut chars = self.rest.chars();
        let quote = chars.next()?;
        let mut text = String::new();
        loop {
            match chars.next()? {
                c if c == quote => {
                    self.rest = chars.as_str();
                    return Some(text);
                }
                '\n' => return None,
                '\\' => match chars.next()? {
                    '\n' => {}
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    '0' => text.push('\0'),
                    'x' => text.push(code(&mut chars, 2)?),
                    'u' => text.push(code(&mut chars, 4)?),
                    'U' => text.push(code(&mut chars, 8)?),
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
    }
}

fn code(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + chars.next()?.to_digit(16)?;
    }
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_python_writes_them() {
        for (value, expected) in [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(0), "0"),
            (json!(-7), "-7"),
            (json!(2.0), "2.0"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (json!(1e16), "1e+16"),
            (json!(1e15), "1000000000000000.0"),
            (json!(1.5e300), "1.5e+300"),
            (json!("plain 'text'"), "plain 'text'"),
            (
                json!(["a", "it's", "\"q\"", "'\""]),
                r#"['a', "it's", '"q"', '\'"']"#,
            ),
            (
                json!(["\u{0}\u{1b}\n\\ \u{200b}é\u{1F600}"]),
                "['\\x00\\x1b\\n\\\\ \\u200bé😀']",
            ),
            (json!({"a": [1, null], "b": {}}), "{'a': [1, None], 'b': {}}"),
            (json!([]), "[]"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn python_literals_are_read() {
        for (literal, expected) in [
            (
                "{'a': True, \"b\": [1, 2.5, None,], 'c': (1,),}",
                json!({"a": true, "b": [1, 2.5, null], "c": [1]}),
            ),
            (" 'it\\'s \\x41\\u00e9\\n' ", json!("it's Aé\n")),
            ("{1: -2, None: +3}", json!({"1": -2, "null": 3})),
            ("[]", json!([])),
        ] {
            assert_eq!(parse(literal), Some(expected), "{literal}");
        }
        for wrong in [
            "",
            "a",
            "__import__('os')",
            "[1",
            "{'a' 1}",
            "'x",
            "1 2",
            "[1] + [2]",
            "{[1]: 2}",
            "inf",
            "nan",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse(&"[".repeat(100_000)), None);
    }

    proptest::proptest! {
        #[test]
        fn what_was_written_can_be_read(parts in proptest::collection::vec(".*", 0..4)) {
            let value = json!(parts);
            let mut written = String::new();
            repr(&value, &mut written);
            proptest::prop_assert_eq!(parse(&written), Some(value));
        }
    }
}
