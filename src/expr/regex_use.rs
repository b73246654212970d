//! The one place where expressions compile and run regular expressions: bounded patterns, a bounded matcher, and
//! Python's rules for repeated matches and replacement templates.

use super::pyregex::{Captures, Error, Flags, Regex};

/// Longest pattern that is compiled, in bytes.
const MAX_PATTERN: usize = 64 * 1024;

/// Why a pattern could not be used.
#[derive(Debug)]
pub(crate) enum RegexError {
    /// The pattern or the replacement is wrong.
    Invalid(String),
    /// Matching took too long.
    Limit(String),
    /// The replacement names a group that the pattern lacks.
    Index(String),
}

impl From<Error> for RegexError {
    fn from(error: Error) -> Self {
        match error {
            Error::Syntax(error) => Self::Invalid(error.to_string()),
            Error::Limit => Self::Limit(error.to_string()),
        }
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern in Python's syntax.
    pub(crate) fn new(pattern: &str, ignore_case: bool) -> Result<Self, RegexError> {
        if pattern.len() > MAX_PATTERN {
            return Err(RegexError::Limit(format!(
                "the pattern is longer than {MAX_PATTERN} bytes"
            )));
        }
        let flags = Flags {
            ignore_case,
            ..Flags::default()
        };
        let regex = Regex::new(pattern, flags)?;
        Ok(Self { regex })
    }

    /// `re.search`: does the text match anywhere?
    pub(crate) fn matches_anywhere(&self, text: &str) -> Result<bool, RegexError> {
        Ok(self.regex.search(text)?.is_some())
    }

    /// `re.match`: does the text match from its start?
    pub(crate) fn matches_at_start(&self, text: &str) -> Result<bool, RegexError> {
        Ok(self.regex.match_(text)?.is_some())
    }

    /// Calls `each` for every match, in Python's order; `each` returns false to stop.
    pub(crate) fn for_each_match<'t>(
        &self,
        text: &'t str,
        mut each: impl FnMut(&Captures<'t>) -> bool,
    ) -> Result<(), RegexError> {
        for found in self.regex.find_iter(text) {
            if !each(&found?) {
                break;
            }
        }
        Ok(())
    }

    /// Number of groups, the whole match not counted.
    pub(crate) fn group_count(&self) -> usize {
        self.regex.group_count()
    }

    /// The group that a replacement calls `name`.
    fn group_index(&self, name: &str) -> Option<usize> {
        let (_, group) = self.regex.group_names().iter().find(|(known, _)| known == name)?;
        usize::try_from(*group).ok()
    }
}

/// A part of a replacement template.
enum Part {
    Text(String),
    Group(usize),
}

/// A replacement in Python's syntax: `\1`, `\g<name>`, `\n`.
pub(crate) struct Replacement {
    parts: Vec<Part>,
}

impl Replacement {
    /// Reads a replacement for a pattern.
    pub(crate) fn new(text: &str, pattern: &Pattern) -> Result<Self, RegexError> {
        let chars: Vec<char> = text.chars().collect();
        let (mut parts, mut plain, mut at) = (Vec::new(), String::new(), 0);
        while at < chars.len() {
            let c = chars[at];
            at += 1;
            if c != '\\' {
                plain.push(c);
                continue;
            }
            let start = at - 1;
            let invalid = |what: String| RegexError::Invalid(format!("{what} at position {start}"));
            let Some(&escaped) = chars.get(at) else {
                return Err(invalid("bad escape (end of pattern)".into()));
            };
            at += 1;
            let group = match escaped {
                'g' => named_group(&chars, &mut at, pattern)?,
                '1'..='9' => match numbered_group(&chars, &mut at, escaped)? {
                    Numbered::Group(group) => group,
                    Numbered::Char(c) => {
                        plain.push(c);
                        continue;
                    }
                },
                '0' => {
                    let mut code = 0;
                    for _ in 0..2 {
                        let Some(digit) = chars.get(at).and_then(|c| c.to_digit(8)) else {
                            break;
                        };
                        code = code * 8 + digit;
                        at += 1;
                    }
                    plain.extend(char::from_u32(code));
                    continue;
                }
                other => {
                    let c = match other {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'a' => '\x07',
                        'b' => '\x08',
                        'f' => '\x0c',
                        'v' => '\x0b',
                        '\\' => '\\',
                        c if c.is_ascii_alphabetic() => return Err(invalid(format!("bad escape \\{c}"))),
                        c => {
                            plain.push('\\');
                            c
                        }
                    };
                    plain.push(c);
                    continue;
                }
            };
            if group > pattern.group_count() {
                return Err(RegexError::Invalid(format!(
                    "invalid group reference {group} at position {}",
                    start + 1
                )));
            }
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Group(group));
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// `re.sub`: every match replaced. The result may be at most `limit` bytes long.
    pub(crate) fn replace_all(
        &self,
        pattern: &Pattern,
        text: &str,
        limit: usize,
    ) -> Result<String, RegexError> {
        let (mut out, mut done, mut too_long) = (String::with_capacity(text.len()), 0, false);
        pattern.for_each_match(text, |captures| {
            if let Some((start, end)) = captures.span(0) {
                out.push_str(&text[done..start]);
                done = end;
            }
            for part in &self.parts {
                match part {
                    Part::Text(text) => out.push_str(text),
                    Part::Group(group) => out.push_str(captures.get(*group).unwrap_or("")),
                }
            }
            too_long = out.len() > limit;
            !too_long
        })?;
        if too_long {
            return Err(RegexError::Limit(format!(
                "the replaced text is longer than {limit} bytes"
            )));
        }
        out.push_str(&text[done..]);
        Ok(out)
    }
}

/// `\g<name>`, its letter read.
fn named_group(chars: &[char], at: &mut usize, pattern: &Pattern) -> Result<usize, RegexError> {
    let start = *at;
    if chars.get(start) != Some(&'<') {
        return Err(RegexError::Invalid(format!("missing < at position {start}")));
    }
    let Some(len) = chars[start + 1..].iter().position(|c| *c == '>') else {
        return Err(RegexError::Invalid(format!(
            "missing >, unterminated name at position {}",
            start + 1
        )));
    };
    let name: String = chars[start + 1..start + 1 + len].iter().collect();
    *at = start + len + 2;
    if name.is_empty() {
        return Err(RegexError::Invalid(format!(
            "missing group name at position {}",
            start + 1
        )));
    }
    if let Ok(number) = name.parse::<usize>() {
        return Ok(number);
    }
    if !super::pyregex::is_identifier(&name) {
        return Err(RegexError::Invalid(format!(
            "bad character in group name {} at position {}",
            super::pyvalue::str_repr(&name),
            start + 1
        )));
    }
    // Python raises an index error here, not one of its patterns.
    pattern
        .group_index(&name)
        .ok_or_else(|| RegexError::Index(format!("unknown group name {}", super::pyvalue::str_repr(&name))))
}

enum Numbered {
    Group(usize),
    Char(char),
}

/// A group of one or two digits, or three octal digits that are a character.
fn numbered_group(chars: &[char], at: &mut usize, first: char) -> Result<Numbered, RegexError> {
    let mut number = first.to_digit(10).unwrap_or(0);
    let Some(second) = chars.get(*at).and_then(|c| c.to_digit(10)) else {
        return Ok(Numbered::Group(number as usize));
    };
    *at += 1;
    let octal = |c: Option<&char>| c.and_then(|c| c.to_digit(8));
    if first < '8'
        && second < 8
        && let Some(third) = octal(chars.get(*at))
    {
        *at += 1;
        let code = (number * 8 + second) * 8 + third;
        if code > 0o377 {
            return Err(RegexError::Invalid(format!(
                "octal escape value \\{number}{second}{third} outside of range 0-0o377 at position {}",
                *at - 4
            )));
        }
        return Ok(Numbered::Char(char::from_u32(code).unwrap_or('\u{fffd}')));
    }
    number = number * 10 + second;
    Ok(Numbered::Group(number as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_follows_python() {
        let rows = [
            ("x*", "-", "abxd", "-a-b--d-"),
            ("(a)(b)?", r"<\1\2>", "abca", "<ab>c<a>"),
            (r"(?P<n>\d+)", r"[\g<n>]\n", "a12", "a[12]\n"),
            ("", "-", "ab", "-a-b-"),
            ("a", r"\g<0>\\", "a", "a\\"),
            ("é", "e", "éé", "ee"),
            ("a", r"\101", "xax", "xAx"),
        ];
        for (pattern, replacement, text, expected) in rows {
            let pattern = Pattern::new(pattern, false).unwrap();
            let replacement = Replacement::new(replacement, &pattern).unwrap();
            assert_eq!(replacement.replace_all(&pattern, text, 1000).unwrap(), expected);
        }
    }

    #[test]
    fn wrong_patterns_and_endless_matches_are_refused() {
        assert!(matches!(Pattern::new("(", false), Err(RegexError::Invalid(_))));
        let pattern = Pattern::new("(a)", false).unwrap();
        for replacement in ["\\2", "\\", "\\g<x>", "\\g", "\\q", "\\g<1", "\\777"] {
            assert!(Replacement::new(replacement, &pattern).is_err(), "{replacement}");
        }
        let slow = Pattern::new(r"(a|a|b)*\1c$", false).unwrap();
        assert!(matches!(
            slow.matches_anywhere(&"a".repeat(60)),
            Ok(false) | Err(RegexError::Limit(_))
        ));
    }
}
