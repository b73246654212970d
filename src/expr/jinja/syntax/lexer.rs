//! Tokens of a template: text, and inside tags names, literals and operators. Blanks around tags are cut here.

use super::Whitespace;
use super::ast::Span;
use super::escapes::unescape;
use super::parser::Malformed;
use crate::expr::jinja::text::is_space;

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Text outside of tags.
    Data(String),
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name(String),
    Str(String),
    /// The digits, with their prefix, without underscores.
    Integer(String),
    Float(f64),
    Operator(&'static str),
    End,
}

impl Kind {
    /// The words with which messages name a token.
    pub(super) fn describe(&self) -> &str {
        match self {
            Self::Data(_) => "template data / text",
            Self::VariableBegin => "begin of print statement",
            Self::VariableEnd => "end of print statement",
            Self::BlockBegin => "begin of statement block",
            Self::BlockEnd => "end of statement block",
            Self::Name(name) => name,
            Self::Str(_) => "string",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::Operator(text) => text,
            Self::End => "end of template",
        }
    }

    pub(super) fn is_name(&self, wanted: &str) -> bool {
        matches!(self, Self::Name(name) if name == wanted)
    }

    pub(super) fn is_operator(&self, wanted: &str) -> bool {
        matches!(self, Self::Operator(text) if *text == wanted)
    }
}

/// Operators, the longer ones first.
const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
    "=", ".", ":", "|", ",", ";",
];

/// The tokens up to the end or to the first mistake, and that mistake. What comes before it may be wrong too, and is
/// then what Jinja tells.
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) mistake: Option<Malformed>,
}

pub(super) fn template(source: &str, whitespace: Whitespace) -> Lexed {
    let source = match source.strip_suffix('\n') {
        Some(shorter) if whitespace.drop_last_line_end => shorter,
        _ => source,
    };
    let mut lexer = Lexer::new(source);
    let mistake = lexer.template().err();
    Lexed {
        tokens: lexer.finish(),
        mistake,
    }
}

pub(super) fn expression(source: &str) -> Lexed {
    let source = source.strip_suffix('\n').unwrap_or(source);
    let mut lexer = Lexer::new(source);
    let mistake = match lexer.tag(Tag::Variable, true) {
        Ok(false) => None,
        Ok(true) => Some(Malformed::new(
            "chunk after expression",
            Span::new(lexer.at, source.len()),
        )),
        Err(mistake) => Some(mistake),
    };
    Lexed {
        tokens: lexer.finish(),
        mistake,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Variable,
    Block,
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    tokens: Vec<Token>,
    /// Whether what was read last ended a line.
    line_starting: bool,
}

impl<'s> Lexer<'s> {
    fn new(source: &'s str) -> Self {
        Self {
            source,
            at: 0,
            tokens: Vec::new(),
            line_starting: true,
        }
    }

    fn finish(mut self) -> Vec<Token> {
        let end = self.source.len();
        self.push(Kind::End, end, end);
        self.tokens
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.tokens.push(Token {
            kind,
            span: Span::new(start, end),
        });
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn template(&mut self) -> Result<(), Malformed> {
        while let Some((start, opening)) = self.next_tag() {
            let text = &self.source[self.at..start];
            let after = &self.source[start + 2..];
            let sign = after.chars().next().filter(|c| matches!(c, '-' | '+'));
            let data = self.before_tag(text, sign, opening == b'{');
            if !data.is_empty() {
                self.push(Kind::Data(data.to_owned()), self.at, self.at + data.len());
            }
            let body = start + 2 + usize::from(sign.is_some());
            match opening {
                b'#' => self.comment(start, body)?,
                b'{' => {
                    self.push(Kind::VariableBegin, start, body);
                    self.at = body;
                    self.tag(Tag::Variable, false)?;
                }
                _ => {
                    if let Some(raw) = raw_tag(&self.source[body..], "raw", false) {
                        self.raw(start, body + raw)?;
                    } else {
                        self.push(Kind::BlockBegin, start, body);
                        self.at = body;
                        self.tag(Tag::Block, false)?;
                    }
                }
            }
        }
        if self.at < self.source.len() {
            self.push(Kind::Data(self.rest().to_owned()), self.at, self.source.len());
            self.at = self.source.len();
        }
        Ok(())
    }

    /// Where the next tag begins, and its second character.
    fn next_tag(&self) -> Option<(usize, u8)> {
        let bytes = self.source.as_bytes();
        let mut from = self.at;
        while let Some(found) = self.source[from..].find('{') {
            let at = from + found;
            match bytes.get(at + 1) {
                Some(&kind @ (b'{' | b'%' | b'#')) => return Some((at, kind)),
                _ => from = at + 1,
            }
        }
        None
    }

    /// The text before a tag without the blanks that belong to the tag.
    fn before_tag(&self, text: &'s str, sign: Option<char>, variable: bool) -> &'s str {
        if sign == Some('-') {
            return text.trim_end_matches(is_space);
        }
        if sign == Some('+') || variable {
            return text;
        }
        let line = text.rfind('\n').map_or(0, |at| at + 1);
        if (line > 0 || self.line_starting) && text[line..].chars().all(is_space) {
            &text[..line]
        } else {
            text
        }
    }

    /// Goes to `to` and remembers whether a line ended there.
    fn advance(&mut self, to: usize) {
        self.line_starting = self.source[..to].ends_with('\n');
        self.at = to;
    }

    /// The end of a block or comment tag with what belongs to it, when `rest` begins with one.
    fn tag_end(rest: &str, end: &str) -> Option<usize> {
        if let Some(after) = rest.strip_prefix(end) {
            return Some(end.len() + usize::from(after.starts_with('\n')));
        }
        let after = rest.strip_prefix(['-', '+'])?.strip_prefix(end)?;
        let blanks = if rest.starts_with('-') {
            after.len() - after.trim_start_matches(is_space).len()
        } else {
            0
        };
        Some(1 + end.len() + blanks)
    }

    fn comment(&mut self, start: usize, body: usize) -> Result<(), Malformed> {
        let mut from = body;
        while let Some(found) = self.source[from..].find("#}") {
            let close = from + found;
            let signed = close > body && matches!(self.source.as_bytes()[close - 1], b'-' | b'+');
            let begin = close - usize::from(signed);
            if let Some(len) = Self::tag_end(&self.source[begin..], "#}") {
                self.advance(begin + len);
                return Ok(());
            }
            from = close + 2;
        }
        Err(Malformed::new(
            "Missing end of comment tag",
            Span::new(start, start + 2),
        ))
    }

    fn raw(&mut self, start: usize, body: usize) -> Result<(), Malformed> {
        self.advance(body);
        let mut from = body;
        while let Some(found) = self.source[from..].find("{%") {
            let open = from + found;
            let after = &self.source[open + 2..];
            let sign = after.chars().next().filter(|c| matches!(c, '-' | '+'));
            let inner = open + 2 + usize::from(sign.is_some());
            if let Some(len) = raw_tag(&self.source[inner..], "endraw", true) {
                let data = self.before_tag(&self.source[body..open], sign, false);
                if !data.is_empty() {
                    self.push(Kind::Data(data.to_owned()), body, body + data.len());
                }
                self.advance(inner + len);
                return Ok(());
            }
            from = open + 2;
        }
        Err(Malformed::new(
            "Missing end of raw directive",
            Span::new(start, body),
        ))
    }

    /// The tokens of a tag up to its end; whether the end was found. `lone`: there are no delimiters.
    fn tag(&mut self, tag: Tag, lone: bool) -> Result<bool, Malformed> {
        let mut open: Vec<&'static str> = Vec::new();
        loop {
            let rest = self.rest();
            if open.is_empty() {
                let end = match tag {
                    Tag::Variable => rest
                        .strip_prefix("-}}")
                        .map(|after| 3 + after.len() - after.trim_start_matches(is_space).len())
                        .or_else(|| rest.starts_with("}}").then_some(2)),
                    Tag::Block => Self::tag_end(rest, "%}"),
                };
                if let Some(len) = end {
                    let kind = match tag {
                        Tag::Variable => Kind::VariableEnd,
                        Tag::Block => Kind::BlockEnd,
                    };
                    let start = self.at;
                    if !lone {
                        self.push(kind, start, start + 2);
                    }
                    self.advance(start + len);
                    return Ok(true);
                }
            }
            let Some(first) = rest.chars().next() else {
                return Ok(false);
            };
            let start = self.at;
            if is_space(first) {
                self.at += rest.len() - rest.trim_start_matches(is_space).len();
            } else if let Some((kind, len)) = number(self.source, start) {
                self.at += len;
                self.push(kind, start, start + len);
            } else if is_word(first) {
                let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let name = &rest[..len];
                if first != '_' && !first.is_alphabetic() {
                    return Err(Malformed::new(
                        "Invalid character in identifier",
                        Span::new(start, start + len),
                    ));
                }
                self.at += len;
                self.push(Kind::Name(name.to_owned()), start, start + len);
            } else if let Some(len) = string_len(rest) {
                let text = unescape(&rest[1..len - 1])
                    .map_err(|why| Malformed::new(why, Span::new(start, start + len)))?;
                self.at += len;
                self.push(Kind::Str(text), start, start + len);
            } else if let Some(operator) = OPERATORS.into_iter().find(|known| rest.starts_with(known)) {
                let span = Span::new(start, start + operator.len());
                balance(&mut open, operator, span)?;
                self.at += operator.len();
                self.tokens.push(Token {
                    kind: Kind::Operator(operator),
                    span,
                });
            } else {
                let position = self.source[..start].chars().count();
                let shown = crate::expr::pyvalue::str_repr(&first.to_string());
                return Err(Malformed::new(
                    format!("unexpected char {shown} at {position}"),
                    Span::new(start, start + first.len_utf8()),
                ));
            }
        }
    }
}

/// Keeps track of open brackets.
fn balance(open: &mut Vec<&'static str>, operator: &str, span: Span) -> Result<(), Malformed> {
    match operator {
        "(" => open.push(")"),
        "[" => open.push("]"),
        "{" => open.push("}"),
        ")" | "]" | "}" => match open.pop() {
            None => return Err(Malformed::new(format!("unexpected '{operator}'"), span)),
            Some(expected) if expected != operator => {
                return Err(Malformed::new(
                    format!("unexpected '{operator}', expected '{expected}'"),
                    span,
                ));
            }
            Some(_) => {}
        },
        _ => {}
    }
    Ok(())
}

/// Length of `raw %}` or `endraw %}` and what belongs to it, when `rest` begins with that.
fn raw_tag(rest: &str, word: &str, end: bool) -> Option<usize> {
    let inner = rest
        .trim_start_matches(is_space)
        .strip_prefix(word)?
        .trim_start_matches(is_space);
    let before = rest.len() - inner.len();
    if end {
        return Lexer::tag_end(inner, "%}").map(|len| before + len);
    }
    if inner.starts_with("%}") {
        return Some(before + 2);
    }
    let after = inner.strip_prefix("-%}")?;
    Some(rest.len() - after.trim_start_matches(is_space).len())
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Length of a quoted text at the start of `rest`, with its quotes.
fn string_len(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let quote = *bytes.first().filter(|byte| matches!(byte, b'\'' | b'"'))?;
    let mut at = 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// A number at `start`, and its length.
fn number(source: &str, start: usize) -> Option<(Kind, usize)> {
    let rest = &source.as_bytes()[start..];
    if !rest.first()?.is_ascii_digit() {
        return None;
    }
    let whole = digits(rest, 0, u8::is_ascii_digit)?;
    if !source[..start].ends_with('.') {
        let fraction = (rest.get(whole) == Some(&b'.'))
            .then(|| digits(rest, whole + 1, u8::is_ascii_digit))
            .flatten();
        let end = fraction.unwrap_or(whole);
        let exponent = matches!(rest.get(end), Some(b'e' | b'E'))
            .then(|| {
                let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
                digits(rest, end + 1 + sign, u8::is_ascii_digit)
            })
            .flatten();
        if let Some(end) = exponent.or(fraction) {
            let text = source[start..start + end].replace('_', "");
            return Some((Kind::Float(text.parse().ok()?), end));
        }
    }
    let end = if rest[0] == b'0' {
        let prefixed = match rest.get(1) {
            Some(b'x' | b'X') => digits(rest, 2, u8::is_ascii_hexdigit),
            Some(b'o' | b'O') => digits(rest, 2, |byte| matches!(byte, b'0'..=b'7')),
            Some(b'b' | b'B') => digits(rest, 2, |byte| matches!(byte, b'0' | b'1')),
            _ => None,
        };
        prefixed.or_else(|| digits(rest, 0, |byte| *byte == b'0'))?
    } else {
        whole
    };
    Some((Kind::Integer(source[start..start + end].replace('_', "")), end))
}

/// Where digits from `at` on end; single underscores may stand between them (after a prefix also before the first).
fn digits(bytes: &[u8], at: usize, is_digit: impl Fn(&u8) -> bool) -> Option<usize> {
    let mut end = at;
    let prefixed = at == 2 && !bytes[1].is_ascii_digit() && bytes[1] != b'.';
    loop {
        match bytes.get(end) {
            Some(byte) if is_digit(byte) => end += 1,
            Some(b'_') if (end > at || prefixed) && bytes.get(end + 1).is_some_and(&is_digit) => end += 2,
            _ => break,
        }
    }
    (end > at).then_some(end)
}
