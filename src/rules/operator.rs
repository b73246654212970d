//! The operators of criteria: their names, and what each finds of a value and a pattern.
//!
//! They compare as Python does: `1`, `1.0` and `True` are equal, `"1"` is none of them, and an operator for texts fails
//! when it meets anything else. A failure is no match with a reason.

use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::expr::glob;
use crate::expr::pyregex::{Error as RegexError, Flags, Regex};
use crate::expr::pyvalue::is_true;
use crate::expr::value::{equal, from_json, order};
use crate::model::{Timestamp, nearest};
use crate::timers::lenient_utc;

/// Steps that one regular expression may take on one value (some hundredths of a second).
const REGEX_STEPS: u64 = 2_000_000;
/// Longest regular expression, in bytes.
const MAX_REGEX: usize = 16 * 1024;

/// An operator of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `eq`, `equals`
    Equals,
    /// `neq`, `nequals`
    NotEquals,
    /// `ieq`, `iequals`
    EqualsIgnoringCase,
    /// `contains`
    Contains,
    /// `ncontains`
    NotContains,
    /// `icontains`
    ContainsIgnoringCase,
    /// `incontains`
    NotContainsIgnoringCase,
    /// `startswith`
    StartsWith,
    /// `istartswith`
    StartsWithIgnoringCase,
    /// `endswith`
    EndsWith,
    /// `iendswith`
    EndsWithIgnoringCase,
    /// `lt`, `lessthan`
    LessThan,
    /// `gt`, `greaterthan`
    GreaterThan,
    /// `matchwildcard`
    Wildcard,
    /// `matchregex`: from the start, the dot takes line ends.
    MatchRegex,
    /// `regex`: anywhere.
    Regex,
    /// `iregex`: anywhere, upper and lower case alike.
    RegexIgnoringCase,
    /// `in`, `inside`
    Inside,
    /// `nin`, `ninside`
    NotInside,
    /// `exists`
    Exists,
    /// `nexists`
    NotExists,
    /// `td_lt`, `timediff_lt`
    YoungerThan,
    /// `td_gt`, `timediff_gt`
    OlderThan,
    /// `search`
    Search,
}

/// Every name of every operator; the first of an operator is the one it is shown by.
pub const OPERATORS: [(&str, Operator); 33] = [
    ("equals", Operator::Equals),
    ("eq", Operator::Equals),
    ("nequals", Operator::NotEquals),
    ("neq", Operator::NotEquals),
    ("iequals", Operator::EqualsIgnoringCase),
    ("ieq", Operator::EqualsIgnoringCase),
    ("contains", Operator::Contains),
    ("ncontains", Operator::NotContains),
    ("icontains", Operator::ContainsIgnoringCase),
    ("incontains", Operator::NotContainsIgnoringCase),
    ("startswith", Operator::StartsWith),
    ("istartswith", Operator::StartsWithIgnoringCase),
    ("endswith", Operator::EndsWith),
    ("iendswith", Operator::EndsWithIgnoringCase),
    ("lessthan", Operator::LessThan),
    ("lt", Operator::LessThan),
    ("greaterthan", Operator::GreaterThan),
    ("gt", Operator::GreaterThan),
    ("matchwildcard", Operator::Wildcard),
    ("matchregex", Operator::MatchRegex),
    ("regex", Operator::Regex),
    ("iregex", Operator::RegexIgnoringCase),
    ("inside", Operator::Inside),
    ("in", Operator::Inside),
    ("ninside", Operator::NotInside),
    ("nin", Operator::NotInside),
    ("exists", Operator::Exists),
    ("nexists", Operator::NotExists),
    ("timediff_lt", Operator::YoungerThan),
    ("td_lt", Operator::YoungerThan),
    ("timediff_gt", Operator::OlderThan),
    ("td_gt", Operator::OlderThan),
    ("search", Operator::Search),
];

/// A pattern that was prepared as far as it can be without a value.
#[derive(Clone, Debug)]
pub(super) enum Prepared {
    Nothing,
    Regex(Regex),
}

impl Operator {
    /// The operator of a name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let folded = name.to_ascii_lowercase();
        OPERATORS
            .iter()
            .find(|(known, _)| *known == folded)
            .map(|(_, operator)| *operator)
    }

    /// The name of an operator that `name` was probably meant to be.
    #[must_use]
    pub fn nearest(name: &str) -> Option<&'static str> {
        nearest(name, OPERATORS.iter().map(|(known, _)| *known))
    }

    /// Its long name.
    #[must_use]
    pub fn name(self) -> &'static str {
        OPERATORS
            .iter()
            .find(|(_, operator)| *operator == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether it looks only at whether there is a value.
    #[must_use]
    pub const fn needs_no_pattern(self) -> bool {
        matches!(self, Self::Exists | Self::NotExists)
    }

    /// Whether a pattern that is null can match.
    #[must_use]
    pub const fn takes_null(self) -> bool {
        matches!(self, Self::Exists | Self::NotExists | Self::NotEquals)
    }

    /// Prepares a pattern that is final.
    ///
    /// # Errors
    /// Why it is no pattern for this operator, whatever the value.
    pub(super) fn prepare(self, pattern: &Json) -> Result<Prepared, String> {
        let flags = match self {
            Self::MatchRegex => Flags::DOT_ALL,
            Self::Regex => Flags::default(),
            Self::RegexIgnoringCase => Flags::IGNORE_CASE,
            _ => return Ok(Prepared::Nothing),
        };
        match pattern {
            Json::Null => Ok(Prepared::Nothing),
            Json::String(text) => Ok(Prepared::Regex(compile(text, flags)?)),
            other => Err(format!("a regular expression is text, not {}", kind(other))),
        }
    }

    /// Whether the value and the pattern match.
    ///
    /// # Errors
    /// Why the two cannot be compared.
    pub(super) fn check(
        self,
        value: &Json,
        pattern: &Json,
        prepared: &Prepared,
        now: Timestamp,
    ) -> Result<bool, String> {
        match self {
            Self::Exists => return Ok(!value.is_null()),
            Self::NotExists => return Ok(value.is_null()),
            Self::NotEquals => return Ok(!same(value, pattern)),
            _ if pattern.is_null() => return Ok(false),
            _ => {}
        }
        match self {
            Self::Equals => Ok(same(value, pattern)),
            Self::Contains => contains(value, pattern, "the value"),
            Self::NotContains => contains(value, pattern, "the value").map(|found| !found),
            Self::Inside => contains(pattern, value, "the pattern"),
            Self::NotInside => contains(pattern, value, "the pattern").map(|found| !found),
            Self::LessThan => compare(value, pattern).map(|order| order == Some(Ordering::Less)),
            Self::GreaterThan => compare(value, pattern).map(|order| order == Some(Ordering::Greater)),
            Self::YoungerThan => age(value, pattern, now).map(|order| order == Some(Ordering::Less)),
            Self::OlderThan => age(value, pattern, now).map(|order| order == Some(Ordering::Greater)),
            Self::Search => Err("`search` needs a condition".to_owned()),
            Self::MatchRegex | Self::Regex | Self::RegexIgnoringCase => {
                let text = text(value, "the value")?;
                match prepared {
                    Prepared::Regex(regex) => self.run(regex, text),
                    Prepared::Nothing => match self.prepare(pattern)? {
                        Prepared::Regex(regex) => self.run(&regex, text),
                        Prepared::Nothing => Ok(false),
                    },
                }
            }
            _ => {
                let (value, pattern) = (text(value, "the value")?, text(pattern, "the pattern")?);
                Ok(self.check_texts(value, pattern))
            }
        }
    }

    fn check_texts(self, value: &str, pattern: &str) -> bool {
        let lower = |text: &str| text.to_lowercase();
        match self {
            Self::EqualsIgnoringCase => lower(value) == lower(pattern),
            Self::ContainsIgnoringCase => lower(value).contains(&lower(pattern)),
            Self::NotContainsIgnoringCase => !lower(value).contains(&lower(pattern)),
            Self::StartsWith => value.starts_with(pattern),
            Self::StartsWithIgnoringCase => lower(value).starts_with(&lower(pattern)),
            Self::EndsWith => value.ends_with(pattern),
            Self::EndsWithIgnoringCase => lower(value).ends_with(&lower(pattern)),
            Self::Wildcard => glob::matches(pattern, value),
            _ => false,
        }
    }

    fn run(self, regex: &Regex, text: &str) -> Result<bool, String> {
        let found = if self == Self::MatchRegex {
            regex.match_(text)
        } else {
            regex.search(text)
        };
        found
            .map(|found| found.is_some())
            .map_err(|error| regex_error(&error))
    }
}

fn compile(pattern: &str, flags: Flags) -> Result<Regex, String> {
    if pattern.len() > MAX_REGEX {
        return Err(format!("the regular expression is longer than {MAX_REGEX} bytes"));
    }
    Regex::new(pattern, flags)
        .map(|regex| regex.with_step_limit(REGEX_STEPS))
        .map_err(|error| regex_error(&error))
}

fn regex_error(error: &RegexError) -> String {
    match error {
        RegexError::Syntax(error) => format!("the regular expression cannot be read: {error}"),
        RegexError::Limit => "the regular expression takes too long on this value".to_owned(),
    }
}

/// Python's `==`.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::String(a), Json::String(b)) => a == b,
        (Json::Null, Json::Null) => true,
        (Json::Null | Json::String(_), _) | (_, Json::Null | Json::String(_)) => false,
        _ => equal(&from_json(a), &from_json(b)),
    }
}

/// Python's `needle in hay`.
fn contains(hay: &Json, needle: &Json, where_: &str) -> Result<bool, String> {
    match hay {
        Json::String(hay) => match needle {
            Json::String(needle) => Ok(hay.contains(needle.as_str())),
            other => Err(format!("{where_} is text, and {} is not", shown(other))),
        },
        Json::Array(items) => Ok(items.iter().any(|item| same(item, needle))),
        Json::Object(map) => match needle {
            Json::String(needle) => Ok(map.contains_key(needle)),
            Json::Array(_) | Json::Object(_) => {
                Err(format!("{where_} is a map, and {} cannot be a key", kind(needle)))
            }
            // Keys of JSON are texts.
            _ => Ok(false),
        },
        other => Err(format!(
            "{where_} is {}, and only texts, lists and maps contain anything",
            shown(other)
        )),
    }
}

/// Python's order; `None` where neither is smaller or greater.
fn compare(a: &Json, b: &Json) -> Result<Option<Ordering>, String> {
    if let (Json::String(a), Json::String(b)) = (a, b) {
        return Ok(Some(a.cmp(b)));
    }
    order(&from_json(a), &from_json(b))
        .map(Some)
        .ok_or_else(|| format!("{} and {} have no order", shown(a), shown(b)))
}

/// How the age of a date in seconds compares with a number.
fn age(value: &Json, pattern: &Json, now: Timestamp) -> Result<Option<Ordering>, String> {
    let date = match value {
        Json::String(text) => lenient_utc(text, now)?,
        other => return Err(format!("{} is no date", shown(other))),
    };
    let seconds = match pattern {
        Json::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Json::Bool(_) => f64::from(u8::from(is_true(pattern))),
        other => return Err(format!("the pattern is a number of seconds, not {}", kind(other))),
    };
    Ok(now.seconds_since(date).partial_cmp(&seconds))
}

fn text<'v>(value: &'v Json, what: &str) -> Result<&'v str, String> {
    match value {
        Json::String(text) => Ok(text),
        Json::Null if what == "the value" => {
            Err("there is no value; this operator compares texts only".to_owned())
        }
        other => Err(format!(
            "{what} is {}; this operator compares texts only",
            shown(other)
        )),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "a map",
    }
}

/// A value for people, shortened, with its type where that helps.
pub(super) fn shown(value: &Json) -> String {
    const LONGEST: usize = 60;
    match value {
        Json::Null => "nothing".to_owned(),
        Json::Array(items) => format!("a list of {}", items.len()),
        Json::Object(map) => format!("a map of {}", map.len()),
        other => {
            let text = other.to_string();
            let short: String = text.chars().take(LONGEST).collect();
            let more = if short.len() < text.len() { "…" } else { "" };
            let what = if other.is_boolean() {
                "a Boolean"
            } else {
                kind(other)
            };
            format!("{short}{more} ({what})")
        }
    }
}
