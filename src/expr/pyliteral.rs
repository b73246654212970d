//! Python literals (`{'a': (1, None)}`) read as JSON values, as `ast.literal_eval` does.

use serde_json::{Map, Number, Value};

/// How deep brackets may nest.
pub const MAX_DEPTH: usize = 100;

/// Reads one Python literal.
///
/// Read are dictionaries, lists, tuples (as lists, with or without parentheses), sets (as lists),
/// texts with prefixes and escapes, numbers with underscores and `0x`/`0o`/`0b`, `True`, `False`, `None`.
///
/// Keys that are no texts become their Python text; integers beyond 64 bits become floats.
///
/// # Errors
///
/// A sentence that says what is wrong and at which character (counted from 1).
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        chars: text.trim_start_matches([' ', '\t']).chars().collect(),
        at: 0,
        depth: 0,
    };
    reader.blank();
    if reader.peek().is_none() {
        return Err("there is no value: the text is empty".into());
    }
    let first = reader.value()?;
    reader.blank();
    let value = if reader.peek() == Some(',') {
        let mut items = vec![first];
        while reader.eat(',') {
            reader.blank();
            if reader.peek().is_none() {
                break;
            }
            items.push(reader.value()?);
            reader.blank();
        }
        Value::Array(items)
    } else {
        first
    };
    match reader.peek() {
        None => Ok(value),
        Some(c) => Err(reader.fail(&format!("unexpected {c:?} after the value"))),
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += 1;
        }
        found
    }

    fn blank(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\n' | '\r' | '\x0c' => self.at += 1,
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
    }

    fn fail(&self, what: &str) -> String {
        format!("{what} (character {})", self.at + 1)
    }

    fn value(&mut self) -> Result<Value, String> {
        self.blank();
        let Some(c) = self.peek() else {
            return Err(self.fail("the text ends where a value should be"));
        };
        match c {
            '{' | '[' | '(' => {
                if self.depth == MAX_DEPTH {
                    return Err(self.fail(&format!("brackets are nested more than {MAX_DEPTH} deep")));
                }
                self.depth += 1;
                let value = match c {
                    '{' => self.braces(),
                    '[' => self.list(']').map(|(items, _)| Value::Array(items)),
                    _ => self.parentheses(),
                };
                self.depth -= 1;
                value
            }
            '\'' | '"' => self.strings(),
            '0'..='9' | '.' => self.number(false),
            '-' | '+' => {
                let negative = c == '-';
                self.at += 1;
                self.blank();
                if !self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
                    return Err(self.fail("a number must follow the sign"));
                }
                self.number(negative)
            }
            c if c.is_alphabetic() || c == '_' => self.word(),
            c => Err(self.fail(&format!("unexpected {c:?}"))),
        }
    }

    /// Items up to the closing bracket, and whether any comma was written.
    fn list(&mut self, close: char) -> Result<(Vec<Value>, bool), String> {
        let opened = self.at;
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), false);
        loop {
            self.blank();
            if self.eat(close) {
                return Ok((items, comma));
            }
            if self.peek().is_none() {
                return Err(format!("the bracket at character {} is never closed", opened + 1));
            }
            items.push(self.value()?);
            self.blank();
            if self.eat(',') {
                comma = true;
            } else if self.peek().is_some() && self.peek() != Some(close) {
                return Err(self.fail(&format!("expected ',' or '{close}'")));
            }
        }
    }

    fn parentheses(&mut self) -> Result<Value, String> {
        let (mut items, comma) = self.list(')')?;
        // `(1)` is just 1; a tuple of one needs its comma.
        Ok(if items.len() == 1 && !comma {
            items.remove(0)
        } else {
            Value::Array(items)
        })
    }

    fn braces(&mut self) -> Result<Value, String> {
        let opened = self.at;
        self.at += 1;
        let (mut map, mut set, mut is_set) = (Map::new(), Vec::new(), None);
        loop {
            self.blank();
            if self.eat('}') {
                return Ok(if is_set == Some(true) {
                    Value::Array(set)
                } else {
                    Value::Object(map)
                });
            }
            if self.peek().is_none() {
                return Err(format!("the bracket at character {} is never closed", opened + 1));
            }
            let key_at = self.at;
            let key = self.value()?;
            self.blank();
            let pair = self.eat(':');
            if *is_set.get_or_insert(!pair) == pair {
                self.at = key_at;
                return Err(self.fail("expected a pair 'key: value'"));
            }
            if pair {
                if matches!(key, Value::Array(_) | Value::Object(_)) {
                    self.at = key_at;
                    return Err(self.fail("a list or dictionary cannot be a key"));
                }
                map.insert(super::pyvalue::str(&key), self.value()?);
            } else {
                set.push(key);
            }
            self.blank();
            if !self.eat(',') && self.peek().is_some() && self.peek() != Some('}') {
                return Err(self.fail("expected ',' or '}'"));
            }
        }
    }

    fn word(&mut self) -> Result<Value, String> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at += 1;
        }
        let word: String = self.chars[start..self.at].iter().collect();
        if matches!(self.peek(), Some('\'' | '"')) && word.len() <= 2 {
            self.at = start;
            return self.strings();
        }
        let failed_at = std::mem::replace(&mut self.at, start);
        let message = match word.as_str() {
            "True" => {
                self.at = failed_at;
                return Ok(Value::Bool(true));
            }
            "False" => {
                self.at = failed_at;
                return Ok(Value::Bool(false));
            }
            "None" => {
                self.at = failed_at;
                return Ok(Value::Null);
            }
            "true" | "false" | "null" | "none" => {
                let mut right = word.replace("null", "None");
                right[..1].make_ascii_uppercase();
                format!("'{word}' is no Python value; write '{right}'")
            }
            _ => format!("'{word}' is a name, not a value; put a text in quotes"),
        };
        Err(self.fail(&message))
    }

    fn number(&mut self, negative: bool) -> Result<Value, String> {
        let start = self.at;
        let mut raw = String::new();
        while let Some(c) = self.peek() {
            let exponent_sign = matches!(c, '+' | '-') && raw.ends_with(['e', 'E']) && !raw.starts_with("0x");
            if c.is_alphanumeric() || c == '_' || c == '.' || exponent_sign {
                raw.push(c);
                self.at += 1;
            } else {
                break;
            }
        }
        match number(&raw, negative) {
            Some(number) => Ok(Value::Number(number)),
            None => {
                self.at = start;
                Err(self.fail(&format!("'{raw}' is no number")))
            }
        }
    }

    /// One or more adjacent texts, joined as Python does.
    fn strings(&mut self) -> Result<Value, String> {
        let mut out = String::new();
        loop {
            let prefix_at = self.at;
            let mut prefix = String::new();
            while self.peek().is_some_and(|c| c.is_ascii_alphabetic()) && prefix.len() < 2 {
                prefix.extend(self.peek().map(|c| c.to_ascii_lowercase()));
                self.at += 1;
            }
            let raw = match prefix.as_str() {
                "" | "u" | "b" => false,
                "r" | "br" | "rb" => true,
                _ => {
                    self.at = prefix_at;
                    return Err(self.fail(&format!("'{prefix}' is no prefix of a text that can be read")));
                }
            };
            self.string(raw, &mut out)?;
            self.blank();
            let mut look = self.at;
            while look < self.at + 2 && self.chars.get(look).is_some_and(char::is_ascii_alphabetic) {
                look += 1;
            }
            if !matches!(self.chars.get(look), Some('\'' | '"')) {
                return Ok(Value::String(out));
            }
        }
    }

    fn string(&mut self, raw: bool, out: &mut String) -> Result<(), String> {
        let opened = self.at;
        let Some(quote) = self.peek().filter(|c| matches!(c, '\'' | '"')) else {
            return Err(self.fail("a quote should be here"));
        };
        let long = self.chars[self.at..].starts_with(&[quote; 3]);
        self.at += if long { 3 } else { 1 };
        let unclosed = || format!("the text that starts at character {} is never closed", opened + 1);
        loop {
            let c = self.peek().ok_or_else(unclosed)?;
            if c == quote && (!long || self.chars[self.at..].starts_with(&[quote; 3])) {
                self.at += if long { 3 } else { 1 };
                return Ok(());
            }
            if c == '\n' && !long {
                return Err(unclosed());
            }
            self.at += 1;
            if c != '\\' {
                out.push(c);
                continue;
            }
            let escaped = self.peek().ok_or_else(unclosed)?;
            self.at += 1;
            if raw {
                out.push('\\');
                out.push(escaped);
            } else {
                self.escape(escaped, out)?;
            }
        }
    }

    fn escape(&mut self, c: char, out: &mut String) -> Result<(), String> {
        let simple = match c {
            '\n' => return Ok(()),
            '\\' | '\'' | '"' => c,
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                    self.at += 1;
                }
                char::from_u32(code).unwrap_or('\u{fffd}')
            }
            'x' => self.hex(2)?,
            'u' => {
                let first = self.hex_code(4)?;
                // JSON-style surrogate pairs: Python keeps two halves, which no valid text can hold.
                if (0xd800..0xdc00).contains(&first) && self.chars[self.at..].starts_with(&['\\', 'u']) {
                    self.at += 2;
                    let second = self.hex_code(4)?;
                    let joined = 0x10000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff);
                    char::from_u32(joined).unwrap_or('\u{fffd}')
                } else {
                    char::from_u32(first).unwrap_or('\u{fffd}')
                }
            }
            'U' => self.hex(8)?,
            other => {
                out.push('\\');
                other
            }
        };
        out.push(simple);
        Ok(())
    }

    fn hex(&mut self, digits: usize) -> Result<char, String> {
        let code = self.hex_code(digits)?;
        char::from_u32(code).ok_or_else(|| self.fail("the escape names no character"))
    }

    fn hex_code(&mut self, digits: usize) -> Result<u32, String> {
        let mut code = 0u32;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.fail(&format!("the escape needs {digits} hexadecimal digits")));
            };
            code = code.wrapping_mul(16) + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

fn number(raw: &str, negative: bool) -> Option<Number> {
    if raw.starts_with('_')
        || raw.ends_with('_')
        || raw.contains("__")
        || raw.contains("._")
        || raw.contains("_.")
    {
        return None;
    }
    let digits = raw.replace('_', "").to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            let value = u64::from_str_radix(digits, radix)
                .ok()
                .filter(|_| !digits.starts_with('+'))?;
            return integer(i128::from(value), negative);
        }
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
            return None;
        }
        if let Ok(value) = digits.parse::<i128>()
            && let Some(number) = integer(value, negative)
        {
            return Some(number);
        }
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || digits == "." {
        return None;
    }
    let value: f64 = digits.parse().ok()?;
    Number::from_f64(if negative { -value } else { value })
}

fn integer(value: i128, negative: bool) -> Option<Number> {
    Number::from_i128(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literals_read_as_in_python() {
        let rows = [
            ("1", json!(1)),
            ("-5", json!(-5)),
            ("- 5", json!(-5)),
            ("1_000", json!(1000)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0b101", json!(5)),
            ("1.5e3", json!(1500.0)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("00", json!(0)),
            ("True", json!(true)),
            ("None", json!(null)),
            ("'a' \"b\" u'c'", json!("abc")),
            (r"'\x41\u0042\n\q'", json!("AB\n\\q")),
            (r"r'\n'", json!("\\n")),
            ("'''a\nb'''", json!("a\nb")),
            ("1,2", json!([1, 2])),
            ("1,", json!([1])),
            ("(1)", json!(1)),
            ("(1,)", json!([1])),
            ("()", json!([])),
            ("{1, 2}", json!([1, 2])),
            ("{'a': [1, (2, 3)], 'b': {}}", json!({"a": [1, [2, 3]], "b": {}})),
            ("{1: 2, None: 3}", json!({"1": 2, "None": 3})),
            ("[1, # one\n 2,]", json!([1, 2])),
            ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
            ("  'x'\n", json!("x")),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_literal_says_why() {
        let rows = [
            ("", "empty"),
            ("abc", "'abc' is a name"),
            ("yes", "'yes' is a name"),
            ("true", "write 'True'"),
            ("{'a': null}", "write 'None'"),
            ("[1, 2", "never closed"),
            ("'abc", "never closed"),
            ("{'a' 1}", "expected"),
            ("{'a': 1, 2}", "expected a pair"),
            ("{[1]: 2}", "cannot be a key"),
            ("1 2", "after the value"),
            ("012", "no number"),
            ("1_", "no number"),
            ("1__0", "no number"),
            ("f'x'", "prefix"),
            ("1+2", "after the value"),
            ("__import__('os')", "is a name"),
            (r"'\x4'", "hexadecimal"),
            ("-'a'", "a number must follow"),
        ];
        for (text, expected) in rows {
            let message = parse(text).expect_err(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(parse(&deep(MAX_DEPTH)).is_ok());
        assert!(
            parse(&deep(MAX_DEPTH + 1))
                .expect_err("too deep")
                .contains("nested")
        );
        assert!(parse(&"[".repeat(1_000_000)).is_err());
    }

    proptest::proptest! {
        #![proptest_config(crate::testing::cases(256))]

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9a-z_'\"\\\\{}\\[\\](),:.# \n\u{e9}]{0,40}") {
            let _ = parse(&text);
        }
    }
}
