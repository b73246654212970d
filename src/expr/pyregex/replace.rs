//! Replacement texts of `re.sub`, and `re.escape`.

use super::ast::{digit_value, is_space};
use super::error::repr;
use super::tokens::is_identifier;
use super::{Captures, Regex, SyntaxError};

/// Why a replacement text is refused, in Python's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is malformed, or names a number that no group has (`re.error`).
    #[error("{0}")]
    Syntax(SyntaxError),
    /// It names a group that the pattern lacks (`IndexError`).
    #[error("unknown group name {}", repr(.0))]
    UnknownGroup(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

/// A replacement text: `\1`, `\g<1>` and `\g<name>` stand for what groups took, `\n` and its kin for characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a replacement for matches of `regex`.
    pub fn new(text: &str, regex: &Regex) -> Result<Self, TemplateError> {
        if !text.contains('\\') {
            return Ok(Self {
                parts: vec![Part::Text(text.to_owned())],
            });
        }
        let mut reader = Reader {
            text,
            chars: text.chars().collect(),
            at: 0,
            regex,
            parts: Vec::new(),
            plain: String::new(),
        };
        while reader.at < reader.chars.len() {
            reader.step()?;
        }
        reader.flush();
        Ok(Self { parts: reader.parts })
    }

    /// Bytes of what [`Template::expand`] appends.
    pub fn len(&self, captures: &Captures<'_>) -> usize {
        let part = |part: &Part| match part {
            Part::Text(text) => text.len(),
            Part::Group(group) => captures.get(*group).map_or(0, str::len),
        };
        self.parts.iter().map(part).fold(0, usize::saturating_add)
    }

    /// Appends the replacement of a match; groups that took no part are empty.
    pub fn expand(&self, captures: &Captures<'_>, out: &mut String) {
        for part in &self.parts {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Group(group) => captures.get(*group).unwrap_or_default(),
            });
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    chars: Vec<char>,
    at: usize,
    regex: &'a Regex,
    parts: Vec<Part>,
    plain: String,
}

impl Reader<'_> {
    fn error(&self, message: impl Into<String>, position: usize) -> TemplateError {
        TemplateError::Syntax(SyntaxError::at(message, self.text, position))
    }

    fn flush(&mut self) {
        if !self.plain.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.plain)));
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn octal(&self) -> Option<u32> {
        self.peek().and_then(|c| c.to_digit(8))
    }

    fn group(&mut self, number: usize, position: usize) -> Result<(), TemplateError> {
        if number > self.regex.group_count() {
            return Err(self.error(format!("invalid group reference {number}"), position));
        }
        self.flush();
        self.parts.push(Part::Group(number));
        Ok(())
    }

    /// One character or one escape.
    fn step(&mut self) -> Result<(), TemplateError> {
        let start = self.at;
        let c = self.chars[start];
        self.at += 1;
        if c != '\\' {
            self.plain.push(c);
            return Ok(());
        }
        let Some(escaped) = self.peek() else {
            return Err(self.error("bad escape (end of pattern)", start));
        };
        self.at += 1;
        let plain = match escaped {
            'g' => return self.named(),
            '0'..='9' => return self.digits(escaped, start),
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            '\\' => '\\',
            c if c.is_ascii_alphabetic() => return Err(self.error(format!("bad escape \\{c}"), start)),
            c => {
                self.plain.push('\\');
                c
            }
        };
        self.plain.push(plain);
        Ok(())
    }

    /// `\0`, `\07`, `\100` are characters; `\1` and `\12` groups.
    fn digits(&mut self, first: char, start: usize) -> Result<(), TemplateError> {
        if first == '0' {
            let mut code = 0;
            for _ in 0..2 {
                let Some(digit) = self.octal() else { break };
                code = code * 8 + digit;
                self.at += 1;
            }
            self.plain.extend(char::from_u32(code));
            return Ok(());
        }
        let mut number = first.to_digit(10).unwrap_or(0);
        if let Some(second) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            number = number * 10 + second;
            let tens = first.to_digit(8).filter(|_| second < 8);
            if let (Some(tens), Some(third)) = (tens, self.octal()) {
                self.at += 1;
                let code = (tens * 8 + second) * 8 + third;
                if code > 0o377 {
                    let message =
                        format!("octal escape value \\{first}{second}{third} outside of range 0-0o377");
                    return Err(self.error(message, start));
                }
                self.plain.extend(char::from_u32(code));
                return Ok(());
            }
        }
        self.group(number as usize, start + 1)
    }

    /// The rest of `\g<name>`.
    fn named(&mut self) -> Result<(), TemplateError> {
        if self.peek() != Some('<') {
            return Err(self.error("missing <", self.at));
        }
        self.at += 1;
        let start = self.at;
        let rest = &self.chars[start..];
        let end = rest.iter().position(|c| *c == '>');
        if rest.is_empty() || end == Some(0) {
            return Err(self.error("missing group name", start));
        }
        let Some(end) = end else {
            return Err(self.error("missing >, unterminated name", start));
        };
        let name: String = rest[..end].iter().collect();
        self.at = start + end + 1;
        if is_identifier(&name) {
            let known = self.regex.group_names().iter().find(|(known, _)| *known == name);
            let Some((_, group)) = known else {
                return Err(TemplateError::UnknownGroup(name));
            };
            return self.group(*group as usize, start);
        }
        let Some(digits) = number(&name) else {
            return Err(self.error(format!("bad character in group name {}", repr(&name)), start));
        };
        match digits.parse::<usize>() {
            Ok(number) => self.group(number, start),
            Err(_) => Err(self.error(format!("invalid group reference {digits}"), start)),
        }
    }
}

/// The digits of a number that is not negative, as Python's `int()` reads it.
fn number(name: &str) -> Option<String> {
    let name = name.trim_matches(is_space);
    let name = name.strip_prefix('+').unwrap_or(name);
    if name.starts_with('_') || name.ends_with('_') || name.contains("__") || name.is_empty() {
        return None;
    }
    let digits: Option<String> = name
        .chars()
        .filter(|c| *c != '_')
        .map(|c| digit_value(c).map(|digit| char::from(b'0' + digit)))
        .collect();
    digits.map(|digits| {
        let short = digits.trim_start_matches('0');
        if short.is_empty() { "0" } else { short }.to_owned()
    })
}

/// `re.escape`: a backslash before every character that may mean something in a pattern.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if matches!(
            c,
            '(' | ')' | '[' | ']' | '{' | '}' | '?' | '*' | '+' | '-' | '|' | '^' | '$' | '\\' | '.'
        ) || matches!(c, '&' | '~' | '#' | ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Flags;
    use super::*;

    fn expand(template: &str, pattern: &str, text: &str) -> Result<String, String> {
        let regex = Regex::new(pattern, Flags::default()).unwrap();
        let template = Template::new(template, &regex).map_err(|error| error.to_string())?;
        let captures = regex.search(text).unwrap().unwrap();
        let mut out = String::new();
        template.expand(&captures, &mut out);
        assert_eq!(out.len(), template.len(&captures));
        Ok(out)
    }

    #[test]
    fn templates_are_read_as_python_reads_them() {
        let rows = [
            (r"\g<01>", "b"),
            (r"\1\g<n>\g<0>", "bbb"),
            (r"\100\0\07\078", "@\0\x07\x078"),
            ("\\é\\.\\_", "\\é\\.\\_"),
            (r"\n\t\r\a\b\f\v\\", "\n\t\r\x07\x08\x0c\x0b\\"),
            ("\\g<\u{661}>\\g< 1>", "bb"),
            ("", ""),
        ];
        for (template, result) in rows {
            assert_eq!(
                expand(template, "(?P<n>b)", "abc").as_deref(),
                Ok(result),
                "{template}"
            );
        }
        assert_eq!(expand(r"[\1\2]", "(x)?(b)", "abc").as_deref(), Ok("[b]"));
    }

    #[test]
    fn wrong_templates_are_refused_with_pythons_words() {
        let rows = [
            (r"\g", "missing < at position 2"),
            (r"\g<", "missing group name at position 3"),
            (r"\g<>", "missing group name at position 3"),
            (r"\g<1", "missing >, unterminated name at position 3"),
            (r"\g<1a>", "bad character in group name '1a' at position 3"),
            (r"\g<-1>", "bad character in group name '-1' at position 3"),
            (r"\g<x>", "unknown group name 'x'"),
            (r"\g<99>", "invalid group reference 99 at position 3"),
            (r"\g<1_0>", "invalid group reference 10 at position 3"),
            (r"\2", "invalid group reference 2 at position 1"),
            (r"\11", "invalid group reference 11 at position 1"),
            (r"\18", "invalid group reference 18 at position 1"),
            (
                r"\777",
                r"octal escape value \777 outside of range 0-0o377 at position 0",
            ),
            ("a\n\\q", r"bad escape \q at position 2 (line 2, column 1)"),
            ("\\", "bad escape (end of pattern) at position 0"),
        ];
        for (template, message) in rows {
            assert_eq!(
                expand(template, "(?P<n>b)", "abc").unwrap_err(),
                message,
                "{template}"
            );
        }
    }

    #[test]
    fn escaping_covers_what_patterns_use() {
        assert_eq!(escape("a.b_c-d é\n/!"), "a\\.b_c\\-d\\ é\\\n/!");
    }
}
