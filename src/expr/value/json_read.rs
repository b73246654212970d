//! JSON text to values as Python's `json.loads` reads it, with its words when it cannot.

use num_bigint::BigInt;

use super::{Dict, List, Value};

/// Deepest nesting that is read; Python gives up near a thousand too.
const MAX_DEPTH: usize = 900;
/// Most digits of an integer, Python's limit.
const MAX_DIGITS: usize = 4300;

/// Why a text is no JSON. `Display` is Python's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// `json.decoder.JSONDecodeError`, a `ValueError`.
    #[error("{message}: line {line} column {column} (char {char})")]
    Syntax {
        /// What is wrong.
        message: &'static str,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// Characters before the place.
        char: usize,
    },
    /// An integer of more than 4300 digits, a `ValueError`.
    #[error(
        "Exceeds the limit (4300 digits) for integer string conversion: value has {0} digits; use sys.set_int_max_str_digits() to increase the limit"
    )]
    Digits(usize),
    /// Nested too deeply, a `RecursionError`.
    #[error("maximum recursion depth exceeded while decoding a JSON document")]
    Depth,
}

/// `json.loads(text)`: integers of any size stay exact, `NaN` and infinities are read, of equal keys the last wins.
pub fn loads(text: &str) -> Result<Value, JsonError> {
    let mut reader = Reader { text, at: 0 };
    if text.starts_with('\u{feff}') {
        return Err(reader.error_at("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0));
    }
    reader.skip_blanks();
    let value = reader.value(0)?;
    reader.skip_blanks();
    if reader.at < text.len() {
        return Err(reader.error_at("Extra data", reader.at));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error_at(&self, message: &'static str, at: usize) -> JsonError {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        JsonError::Syntax {
            message,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            char: before.chars().count(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        const WORDS: [(&str, Value); 6] = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        if depth > MAX_DEPTH {
            return Err(JsonError::Depth);
        }
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Value::from)
            }
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            _ => {
                let rest = &self.text[self.at..];
                if let Some((word, value)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
                    self.at += word.len();
                    return Ok(value.clone());
                }
                self.number()
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(List::new(items)));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_blanks();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(List::new(items)));
                }
                Some(b',') => {
                    self.at += 1;
                    self.skip_blanks();
                }
                _ => return Err(self.error_at("Expecting ',' delimiter", self.at)),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        const NAME: &str = "Expecting property name enclosed in double quotes";
        self.at += 1;
        let mut map = Dict::builder(0);
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Dict(Dict::new(map)));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.error_at(NAME, self.at));
            }
            self.at += 1;
            let key = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.error_at("Expecting ':' delimiter", self.at));
            }
            self.at += 1;
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            map.insert(Value::from(key), value);
            self.skip_blanks();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Dict(Dict::new(map)));
                }
                Some(b',') => {
                    self.at += 1;
                    self.skip_blanks();
                }
                _ => return Err(self.error_at("Expecting ',' delimiter", self.at)),
            }
        }
    }

    /// The rest of a text behind its first quote.
    fn string(&mut self) -> Result<String, JsonError> {
        let begin = self.at - 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .bytes()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .ok_or_else(|| self.error_at("Unterminated string starting at", begin))?;
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape(begin)?),
                _ => return Err(self.error_at("Invalid control character at", self.at)),
            }
        }
    }

    fn escape(&mut self, begin: usize) -> Result<char, JsonError> {
        let start = self.at;
        let c = self.text[start + 1..]
            .chars()
            .next()
            .ok_or_else(|| self.error_at("Unterminated string starting at", begin))?;
        self.at += 1 + c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.unit(start)?;
                if (0xd800..0xdc00).contains(&unit) && self.text[self.at..].starts_with("\\u") {
                    let second_at = self.at;
                    self.at += 2;
                    let second = self.unit(second_at)?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x1_0000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = second_at;
                }
                // Python keeps half a pair; a text here cannot.
                char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(self.error_at("Invalid \\escape", start)),
        })
    }

    fn unit(&mut self, start: usize) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let unit = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.error_at("Invalid \\uXXXX escape", start + 1))?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let bytes = &self.text.as_bytes()[self.at..];
        let digits_from = |from: usize| {
            bytes[from..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        };
        let sign = usize::from(bytes.first() == Some(&b'-'));
        let digits = match bytes.get(sign) {
            Some(b'0') => 1,
            Some(b'1'..=b'9') => digits_from(sign),
            _ => return Err(self.error_at("Expecting value", self.at)),
        };
        let whole = sign + digits;
        let mut end = whole;
        if bytes.get(end) == Some(&b'.') && digits_from(end + 1) > 0 {
            end += 1 + digits_from(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if signed <= bytes.len() && digits_from(signed) > 0 {
                end = signed + digits_from(signed);
            }
        }
        let text = &self.text[self.at..self.at + end];
        self.at += end;
        if end > whole {
            // Only digits, a point and an exponent: Rust and Python read the same nearest float.
            return Ok(Value::Float(text.parse().unwrap_or(f64::NAN)));
        }
        if digits > MAX_DIGITS {
            return Err(JsonError::Digits(digits));
        }
        Ok(match text.parse::<i64>() {
            Ok(int) => Value::Int(int),
            Err(_) => Value::from(text.parse::<BigInt>().unwrap_or_default()),
        })
    }
}
