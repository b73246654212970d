//! Cuts a YAQL expression into words, one at a time: an illegal character is only met when it is reached.

use num_bigint::BigInt;

use super::ast::{BinaryOp, Literal, Span};
use super::error::YaqlError;
use super::token::Token;
use crate::expr::ErrorKind;
use crate::expr::pyregex::{Category, digit_value};

/// Python refuses to read whole numbers with more digits than this.
const MAX_DIGITS: usize = 4300;

/// The rest of an expression.
#[derive(Debug)]
pub(super) struct Lexer<'s> {
    text: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self { text, at: 0 }
    }

    /// The next word and its place; [`Token::End`] again and again after the last.
    pub(super) fn next(&mut self) -> Result<(Token<'s>, Span), YaqlError> {
        self.at += self
            .rest()
            .len()
            .saturating_sub(self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len());
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok((Token::End, self.span(start)));
        };
        let token = match first {
            '$' => {
                self.at += 1;
                self.word();
                Token::Variable(&self.text[start..self.at])
            }
            '\'' | '"' | '`' => self.quoted(first)?,
            _ if is_digit(first) => self.number(first)?,
            _ if is_word(first) => self.name(first)?,
            _ => self.sign(first)?,
        };
        Ok((token, self.span(start)))
    }

    fn rest(&self) -> &'s str {
        &self.text[self.at..]
    }

    fn span(&self, start: usize) -> Span {
        Span {
            start: start as u32,
            end: self.at as u32,
        }
    }

    /// Takes the word characters that follow.
    fn word(&mut self) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn digits(&mut self) -> &'s str {
        let rest = self.rest();
        let end = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn name(&mut self, first: char) -> Result<Token<'s>, YaqlError> {
        let start = self.at;
        let word = self.word();
        if self.rest().starts_with('(') {
            self.at += 1;
            return Ok(Token::Function(word));
        }
        if word.starts_with("__") {
            let end = self.at;
            self.at = start;
            return Err(self.illegal(first, end).hint(format!(
                "names that start with two underscores are private; as a text it is written '{word}'"
            )));
        }
        Ok(match word {
            "true" => Token::Literal(Literal::Bool(true)),
            "false" => Token::Literal(Literal::Bool(false)),
            "null" => Token::Literal(Literal::Null),
            "mod" => Token::Operator(BinaryOp::Modulo),
            "in" => Token::Operator(BinaryOp::In),
            "and" => Token::Operator(BinaryOp::And),
            "or" => Token::Operator(BinaryOp::Or),
            "not" => Token::Not,
            word => Token::Word(word),
        })
    }

    /// A number ends where its word ends: `1.5` and `1`, but not `1e3`. A point counts only with digits after it.
    fn number(&mut self, first: char) -> Result<Token<'s>, YaqlError> {
        let start = self.at;
        let whole = self.digits();
        let whole_end = self.at;
        if self.rest().starts_with('.') {
            self.at += 1;
            if !self.digits().is_empty() && !self.in_word() {
                let digits = ascii_digits(&self.text[start..self.at]);
                return Ok(Token::Literal(Literal::Float(
                    digits.parse().unwrap_or(f64::INFINITY),
                )));
            }
            self.at = whole_end;
        }
        if self.in_word() {
            self.word();
            let end = self.at;
            self.at = start;
            return Err(self.illegal(first, end).hint(
                "a number is digits with at most one point and no exponent; a text that starts with a digit needs quotes",
            ));
        }
        let count = whole.chars().count();
        if count > MAX_DIGITS {
            return Err(YaqlError::new(
                ErrorKind::Value,
                "ValueError",
                format!(
                    "Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {count} \
                     digits; use sys.set_int_max_str_digits() to increase the limit"
                ),
            )
            .at(self.span(start)));
        }
        let digits = ascii_digits(whole);
        Ok(Token::Literal(match digits.parse() {
            Ok(small) => Literal::Int(small),
            Err(_) => Literal::BigInt(digits.parse::<BigInt>().unwrap_or_default()),
        }))
    }

    fn in_word(&self) -> bool {
        self.rest().starts_with(is_word)
    }

    fn quoted(&mut self, quote: char) -> Result<Token<'s>, YaqlError> {
        let rest = self.rest();
        let mut chars = rest.char_indices().skip(1);
        while let Some((index, c)) = chars.next() {
            if c == quote {
                let start = self.at;
                self.at += index + 1;
                let inner = &rest[1..index];
                let text = if quote == '`' {
                    inner.replace("\\`", "`")
                } else {
                    decode(inner, start + 1)?
                };
                return Ok(Token::Literal(Literal::Text(text)));
            }
            // A backslash takes the next character with it, but not a line end.
            if c == '\\' && chars.next().is_none_or(|(_, next)| next == '\n') {
                break;
            }
        }
        let end = self.at + 1;
        Err(self.illegal(quote, end).hint(format!(
            "the text that starts here has no end: add {quote} after it, and write a quote within it as \\{quote}"
        )))
    }

    fn sign(&mut self, first: char) -> Result<Token<'s>, YaqlError> {
        let rest = self.rest();
        let second = rest[first.len_utf8()..].chars().next().unwrap_or('\0');
        let (token, length) = match (first, second) {
            ('?', '.') => (Token::Operator(BinaryOp::SafeDot), 2),
            ('-', '>') => (Token::Operator(BinaryOp::Arrow), 2),
            ('=', '~') => (Token::Operator(BinaryOp::Matches), 2),
            ('!', '~') => (Token::Operator(BinaryOp::MatchesNot), 2),
            ('=', '>') => (Token::Mapping, 2),
            ('>', '=') => (Token::Operator(BinaryOp::GreaterOrEqual), 2),
            ('<', '=') => (Token::Operator(BinaryOp::LessOrEqual), 2),
            ('!', '=') => (Token::Operator(BinaryOp::NotEqual), 2),
            ('.', _) => (Token::Operator(BinaryOp::Dot), 1),
            ('+', _) => (Token::Operator(BinaryOp::Add), 1),
            ('-', _) => (Token::Operator(BinaryOp::Subtract), 1),
            ('*', _) => (Token::Operator(BinaryOp::Multiply), 1),
            ('/', _) => (Token::Operator(BinaryOp::Divide), 1),
            ('>', _) => (Token::Operator(BinaryOp::Greater), 1),
            ('<', _) => (Token::Operator(BinaryOp::Less), 1),
            ('=', _) => (Token::Operator(BinaryOp::Equal), 1),
            ('[', _) => (Token::OpenList, 1),
            ('{', _) => (Token::OpenMap, 1),
            ('(', _) => (Token::OpenGroup, 1),
            (')', _) => (Token::CloseGroup, 1),
            (']', _) => (Token::CloseList, 1),
            ('}', _) => (Token::CloseMap, 1),
            (',', _) => (Token::Comma, 1),
            _ => {
                let error = self.illegal(first, self.at + first.len_utf8());
                return Err(match illegal_sign(first, second) {
                    Some(hint) => error.hint(hint),
                    None => error,
                });
            }
        };
        self.at += length;
        Ok(token)
    }

    /// The error for the character at the current place; what it belongs to reaches to `end`.
    fn illegal(&self, found: char, end: usize) -> YaqlError {
        let position = self.text[..self.at].chars().count();
        YaqlError::new(
            ErrorKind::Parse,
            "YaqlLexicalException",
            format!("Lexical error: illegal character '{found}' at position {position}"),
        )
        .at(Span {
            start: self.at as u32,
            end: end as u32,
        })
    }
}

/// What somebody may have meant who wrote a sign that YAQL does not have.
fn illegal_sign(first: char, second: char) -> Option<&'static str> {
    Some(match (first, second) {
        ('&', '&') => "write `and`",
        ('|', '|') => "write `or`",
        ('|', _) => "YAQL has no filters: call the function, as in value.toUpper()",
        ('!', _) => "write `not`",
        ('?', _) => "there is no `a ? b : c`: write switch(a => b, true => c); `?.` is the safe dot",
        ('%', _) => "write `mod`; for formatting, join texts with `+` and str()",
        (':', _) => "a map is written {key => value}",
        ('\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}', _) => {
            "this is a typographic quote; write ' or \""
        }
        (c, _) if c.is_whitespace() => "this blank is not an ordinary one; write a space",
        _ => return None,
    })
}

/// Replaces the escapes of a text. Backslashes that start no escape stay.
fn decode(text: &str, offset: usize) -> Result<String, YaqlError> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        out.push_str(&text[at..at + found]);
        at += found;
        let escape = match escape(&text[at..]) {
            Ok(escape) => escape,
            Err((message, length)) => {
                let start = offset + at;
                let error = YaqlError::new(ErrorKind::Value, "UnicodeDecodeError", message).at(Span {
                    start: start as u32,
                    end: (start + length) as u32,
                });
                return Err(
                    error.hint("a backslash itself is written \\\\; texts in backticks have no escapes")
                );
            }
        };
        let (c, length) = escape.unwrap_or(('\\', 1));
        out.push(c);
        at += length;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

type BadEscape = (String, usize);

/// The character of the escape at the start of a text and the escape's length in bytes; nothing if it is none.
fn escape(text: &str) -> Result<Option<(char, usize)>, BadEscape> {
    let mut chars = text.chars();
    chars.next();
    let simple = match chars.next() {
        Some('x') => return hex(text, 2),
        Some('u') => return hex(text, 4),
        Some('U') => return hex(text, 8),
        Some('N') => return named(text),
        Some('0'..='7') => {
            let digits = text[1..]
                .bytes()
                .take(3)
                .take_while(|b| (b'0'..=b'7').contains(b))
                .count();
            let code = u32::from_str_radix(&text[1..=digits], 8).unwrap_or_default();
            return Ok(char::from_u32(code).map(|c| (c, digits + 1)));
        }
        Some(c @ ('\\' | '\'' | '"')) => c,
        Some('a') => '\x07',
        Some('b') => '\x08',
        Some('f') => '\x0c',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('v') => '\x0b',
        _ => return Ok(None),
    };
    Ok(Some((simple, 2)))
}

/// `\x41`, `\u0041`, `\U00000041`. With too few characters left it is no escape at all.
fn hex(text: &str, width: usize) -> Result<Option<(char, usize)>, BadEscape> {
    let Some((end, last)) = text.char_indices().nth(width + 1) else {
        return Ok(None);
    };
    let digits = &text[2..end + last.len_utf8()];
    if digits.contains('\n') {
        return Ok(None);
    }
    let valid = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
    if valid < width {
        let kind = ["\\xXX", "\\uXXXX", "\\UXXXXXXXX"][width.ilog2() as usize - 1];
        return Err((
            undecodable(valid + 1, &format!("truncated {kind} escape")),
            2 + valid,
        ));
    }
    let length = width + 2;
    let code = u32::from_str_radix(digits, 16).unwrap_or(u32::MAX);
    if let Some(c) = char::from_u32(code) {
        return Ok(Some((c, length)));
    }
    if (0xD800..0xDC00).contains(&code)
        && let Some(Ok(Some((low, low_length)))) = text.get(length..).map(low_surrogate)
    {
        let joined = 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        return Ok(char::from_u32(joined).map(|c| (c, length + low_length)));
    }
    if (0xD800..0xE000).contains(&code) {
        // Python would keep half a character, which no JSON, database or terminal takes.
        return Err((undecodable(length - 1, "half of a surrogate pair"), length));
    }
    Err((undecodable(length - 1, "illegal Unicode character"), length))
}

/// The second half of a character written as two escapes, and that escape's length.
fn low_surrogate(text: &str) -> Result<Option<(u32, usize)>, BadEscape> {
    let digits = text.strip_prefix("\\u").and_then(|rest| rest.get(..4));
    let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    Ok(code
        .filter(|code| (0xDC00..0xE000).contains(code))
        .map(|code| (code, 6)))
}

/// `\N{NAME}`. The table of character names is not carried; a name is refused as an unknown one is in Python.
fn named(text: &str) -> Result<Option<(char, usize)>, BadEscape> {
    let Some(end) = text.strip_prefix("\\N{").and_then(|rest| rest.find('}')) else {
        return Ok(None);
    };
    if end == 0 {
        return Ok(None);
    }
    let length = end + 4;
    Err((undecodable(length - 1, "unknown Unicode character name"), length))
}

fn undecodable(last: usize, what: &str) -> String {
    format!("'unicodeescape' codec can't decode bytes in position 0-{last}: {what}")
}

fn is_word(c: char) -> bool {
    Category::Word.contains(c, false)
}

fn is_digit(c: char) -> bool {
    Category::Digit.contains(c, false)
}

/// Digits of any script as ASCII ones, the point as it is.
fn ascii_digits(text: &str) -> String {
    text.chars()
        .map(|c| digit_value(c).map_or(c, |digit| char::from(b'0' + digit)))
        .collect()
}
