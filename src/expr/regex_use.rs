//! The one place where expressions compile and run regular expressions: bounded patterns, bounded backtracking,
//! and Python's rules for repeated matches and replacement templates.

use fancy_regex::{Captures, Regex, RegexBuilder};

/// Longest pattern that is compiled, in bytes.
const MAX_PATTERN: usize = 64 * 1024;
/// Steps a match may take before it counts as endless.
const BACKTRACK_LIMIT: usize = 1_000_000;

/// Why a pattern could not be used.
#[derive(Debug)]
pub(crate) enum RegexError {
    /// The pattern or the replacement is wrong.
    Invalid(String),
    /// Matching took too long.
    Limit(String),
}

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern in Python's syntax.
    pub(crate) fn new(pattern: &str, ignore_case: bool) -> Result<Self, RegexError> {
        Self::build(pattern, pattern, ignore_case)
    }

    /// Compiles a pattern that must match from the start of a text (`re.match`).
    pub(crate) fn at_start(pattern: &str, ignore_case: bool) -> Result<Self, RegexError> {
        Self::build(pattern, &format!("\\A(?:{pattern})"), ignore_case)
    }

    fn build(shown: &str, pattern: &str, ignore_case: bool) -> Result<Self, RegexError> {
        if pattern.len() > MAX_PATTERN {
            return Err(RegexError::Limit(format!(
                "the pattern is longer than {MAX_PATTERN} bytes"
            )));
        }
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(ignore_case)
            .backtrack_limit(BACKTRACK_LIMIT)
            .build()
            .map_err(|error| RegexError::Invalid(format!("{shown:?} is no regular expression: {error}")))?;
        Ok(Self { regex })
    }

    /// `re.search`: does the text match anywhere?
    pub(crate) fn matches_anywhere(&self, text: &str) -> Result<bool, RegexError> {
        self.regex.is_match(text).map_err(run_error)
    }

    /// Calls `each` for every match, in Python's order; `each` returns false to stop.
    pub(crate) fn for_each_match(
        &self,
        text: &str,
        mut each: impl FnMut(&Captures<'_, str>) -> bool,
    ) -> Result<(), RegexError> {
        let (mut from, mut empty_allowed) = (0, true);
        while from <= text.len() {
            let Some(captures) = self.regex.captures_from_pos(text, from).map_err(run_error)? else {
                break;
            };
            let Some(whole) = captures.get(0) else { break };
            if whole.start() == whole.end() && whole.start() == from && !empty_allowed {
                // An empty match may follow a match, but not the empty match at the same place.
                from = next_char(text, from);
                empty_allowed = true;
                continue;
            }
            empty_allowed = whole.start() != whole.end();
            from = whole.end();
            if !each(&captures) {
                break;
            }
        }
        Ok(())
    }

    /// Number of groups, the whole match not counted.
    pub(crate) fn group_count(&self) -> usize {
        self.regex.captures_len().saturating_sub(1)
    }

    /// The group that a replacement calls `name`.
    pub(crate) fn group_index(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|known| known == Some(name))
    }
}

fn next_char(text: &str, from: usize) -> usize {
    from + text[from..].chars().next().map_or(1, char::len_utf8)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn run_error(error: fancy_regex::Error) -> RegexError {
    RegexError::Limit(format!("the regular expression took too long: {error}"))
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
        let invalid = |what: String| RegexError::Invalid(format!("{text:?} is no replacement: {what}"));
        let chars: Vec<char> = text.chars().collect();
        let (mut parts, mut plain, mut at) = (Vec::new(), String::new(), 0);
        while at < chars.len() {
            let c = chars[at];
            at += 1;
            if c != '\\' {
                plain.push(c);
                continue;
            }
            let Some(&escaped) = chars.get(at) else {
                return Err(invalid("it ends with a backslash".into()));
            };
            at += 1;
            let group = match escaped {
                'g' => {
                    let end = chars[at..].iter().position(|c| *c == '>');
                    let Some(end) = end.filter(|_| chars.get(at) == Some(&'<')) else {
                        return Err(invalid("\\g must be followed by <name>".into()));
                    };
                    let name: String = chars[at + 1..at + end].iter().collect();
                    at += end + 1;
                    match name.parse::<usize>() {
                        Ok(number) => number,
                        Err(_) => pattern
                            .group_index(&name)
                            .ok_or_else(|| invalid(format!("the pattern has no group named '{name}'")))?,
                    }
                }
                '1'..='9' => {
                    let mut number = escaped.to_digit(10).unwrap_or(0);
                    if let Some(digit) = chars.get(at).and_then(|c| c.to_digit(10)) {
                        at += 1;
                        number = number * 10 + digit;
                    }
                    number as usize
                }
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
                return Err(invalid(format!("the pattern has no group {group}")));
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
            if let Some(whole) = captures.get(0) {
                out.push_str(&text[done..whole.start()]);
                done = whole.end();
            }
            for part in &self.parts {
                match part {
                    Part::Text(text) => out.push_str(text),
                    Part::Group(group) => {
                        out.push_str(captures.get(*group).map_or("", |found| found.as_str()))
                    }
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
        for replacement in ["\\2", "\\", "\\g<x>", "\\g", "\\q"] {
            assert!(Replacement::new(replacement, &pattern).is_err(), "{replacement}");
        }
        let slow = Pattern::new(r"(a|a|b)*\1c$", false).unwrap();
        assert!(matches!(
            slow.matches_anywhere(&"a".repeat(60)),
            Ok(false) | Err(RegexError::Limit(_))
        ));
    }
}
