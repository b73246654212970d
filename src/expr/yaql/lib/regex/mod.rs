//! Regular expressions.

use std::sync::Arc;

use super::super::Lambda;
use super::super::error::YaqlError;
use super::super::function::{Answer, Library};
use super::super::params::{Arg, Argument, Class, Kind, Maybe};
use super::super::runtime::Cx;
use super::super::sequence::lazy;
use crate::expr::pyregex::{Captures, Cursor, DEFAULT_STEPS, Error, Flags, Regex, Steps, escape};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::{Opaque, Value};

mod publish;
mod replace;

use publish::Groups;

pub(super) fn register(to: &mut Library) {
    to.function(
        "regex",
        "pattern, ignoreCase=false, multiLine=false, dotAll=false",
        regex,
    );
    to.method(
        "matches",
        "regexp, string",
        |cx: &Cx<'_>, regexp: Pattern, string: Arc<str>| is_match(cx, &regexp.0, &string),
    );
    to.method(
        "matches",
        "string, regexp",
        |cx: &Cx<'_>, string: Arc<str>, regexp: Arc<str>| {
            is_match(cx, &compile(cx, &regexp, Flags::default())?, &string)
        },
    );
    for (name, wanted) in [("#operator_=~", true), ("#operator_!~", false)] {
        to.function(
            name,
            "string, regexp",
            move |cx: &Cx<'_>, string: Arc<str>, regexp: Pattern| {
                Ok::<_, YaqlError>(is_match(cx, &regexp.0, &string)? == wanted)
            },
        );
        to.function(
            name,
            "string, pattern",
            move |cx: &Cx<'_>, string: Arc<str>, pattern: Arc<str>| {
                let regex = compile(cx, &pattern, Flags::default())?;
                Ok::<_, YaqlError>(is_match(cx, &regex, &string)? == wanted)
            },
        );
    }
    to.method("search", "regexp, string, selector?", search);
    to.method("searchAll", "regexp, string, selector?", search_all);
    to.function("escapeRegex", "string", |cx: &Cx<'_>, string: Arc<str>| {
        cx.charge(string.len().saturating_mul(2))?;
        cx.spend(string.len() / 16)?;
        Ok::<_, YaqlError>(escape(&string))
    });
    to.function("isRegex", "value", |_: &Cx<'_>, value: Value| {
        value.downcast::<RegexObject>().is_some()
    });
    replace::register(to);
}

/// A compiled pattern as a value.
#[derive(Debug)]
struct RegexObject(Regex);

impl Opaque for RegexObject {
    fn class(&self) -> &str {
        "re.Pattern"
    }

    fn repr(&self) -> String {
        /// Characters of the pattern that Python shows.
        const SHOWN: usize = 200;
        let pattern: String = str_repr(self.0.as_str()).chars().take(SHOWN).collect();
        let flags = self.0.flags();
        let names = [
            (flags.ignore_case, "re.IGNORECASE"),
            (flags.multi_line, "re.MULTILINE"),
            (flags.dot_all, "re.DOTALL"),
        ];
        let set: Vec<&str> = names
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, name)| *name)
            .collect();
        if set.is_empty() {
            return format!("re.compile({pattern})");
        }
        format!("re.compile({pattern}, {})", set.join("|"))
    }

    fn equals(&self, other: &Value) -> bool {
        other
            .downcast::<Self>()
            .is_some_and(|other| self.0.as_str() == other.0.as_str() && self.0.flags() == other.0.flags())
    }

    fn hash_code(&self) -> u64 {
        use std::hash::BuildHasher as _;
        foldhash::fast::FixedState::default().hash_one(self.0.as_str())
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

static REGEX: Class = Class {
    name: "regex",
    is: |value| value.downcast::<RegexObject>().is_some(),
    iterable: false,
};

/// A compiled pattern as a parameter.
struct Pattern(Regex);

impl Argument for Pattern {
    const KIND: Kind = Kind::Class(&REGEX);

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        let value = Value::from_arg(arg, cx)?;
        let regex = value.downcast::<RegexObject>().map(|object| object.0.clone());
        regex
            .map(Self)
            .ok_or_else(|| YaqlError::type_error("a value that is no regex was passed"))
    }
}

fn regex(
    cx: &Cx<'_>,
    pattern: Arc<str>,
    ignore_case: Option<bool>,
    multi_line: Option<bool>,
    dot_all: Option<bool>,
) -> Answer {
    let flags = Flags {
        ignore_case: ignore_case.unwrap_or(false),
        multi_line: multi_line.unwrap_or(false),
        dot_all: dot_all.unwrap_or(false),
        ..Flags::default()
    };
    Ok(Value::opaque(RegexObject(compile(cx, &pattern, flags)?)))
}

fn compile(cx: &Cx<'_>, pattern: &str, flags: Flags) -> Result<Regex, YaqlError> {
    cx.charge(pattern.len().saturating_mul(32))?;
    cx.spend(pattern.len() * 4)?;
    Regex::new(pattern, flags).map_err(failure)
}

fn failure(error: Error) -> YaqlError {
    match error {
        Error::Syntax(error) => YaqlError::regex_error(error.to_string()),
        Error::Limit => YaqlError::limit(error.to_string()),
    }
}

/// A walk over the matches in a text that pays for itself.
struct Walk {
    regex: Regex,
    text: Arc<str>,
    cursor: Cursor,
}

impl Walk {
    fn new(regex: &Regex, text: &Arc<str>) -> Self {
        Self {
            regex: regex.clone(),
            text: Arc::clone(text),
            cursor: Cursor::new(Steps::new(DEFAULT_STEPS)),
        }
    }

    fn next<'w>(&'w mut self, cx: &Cx<'_>) -> Result<Option<Captures<'w>>, YaqlError> {
        let before = self.cursor.steps().left();
        let found = self.cursor.next(&self.regex, &self.text);
        // Five steps of the matcher take as long as one of an evaluation.
        let used = (before - self.cursor.steps().left()) / 5 + 1;
        let read = found.as_ref().ok().and_then(Option::as_ref);
        let read = read
            .and_then(|captures| captures.span(0))
            .map_or(self.text.len(), |(start, end)| end - start);
        cx.spend(usize::try_from(used).unwrap_or(usize::MAX) + read / 512)?;
        found.map_err(failure)
    }
}

/// The character at a byte, from a place that is known. Bytes mostly come in rising order.
fn character(text: &str, known: &mut (usize, usize), byte: usize) -> usize {
    let (at, count) = *known;
    let count = if byte >= at {
        count + text[at..byte].chars().count()
    } else {
        count - text[byte..at].chars().count()
    };
    *known = (byte, count);
    count
}

fn is_match(cx: &Cx<'_>, regex: &Regex, text: &Arc<str>) -> Result<bool, YaqlError> {
    Ok(Walk::new(regex, text).next(cx)?.is_some())
}

/// What the pattern takes first, or what the selector makes of it; null if it takes nothing.
fn search(cx: &Cx<'_>, regexp: Pattern, string: Arc<str>, selector: Maybe<Lambda>) -> Answer {
    let mut walk = Walk::new(&regexp.0, &string);
    match walk.next(cx)? {
        None => Ok(Value::Null),
        Some(found) => selected(cx, &found, (&regexp.0, &string), &mut (0, 0), selector.0.as_ref()),
    }
}

/// What the pattern takes, or what the selector makes of each match, drawn lazily.
fn search_all(_: &Cx<'_>, regexp: Pattern, string: Arc<str>, selector: Maybe<Lambda>) -> Value {
    let mut walk = Walk::new(&regexp.0, &string);
    let mut known = (0, 0);
    lazy("generator", move |cx: &Cx<'_>| {
        let found = walk.next(cx)?;
        found
            .map(|found| selected(cx, &found, (&regexp.0, &string), &mut known, selector.0.as_ref()))
            .transpose()
    })
}

fn selected(
    cx: &Cx<'_>,
    found: &Captures<'_>,
    (regex, text): (&Regex, &str),
    known: &mut (usize, usize),
    selector: Option<&Lambda>,
) -> Answer {
    match selector {
        None => {
            let taken = found.get(0).unwrap_or_default();
            cx.charge(taken.len())?;
            Ok(Value::from(taken))
        }
        Some(selector) => {
            let scope = Groups { found, regex, text }.publish(cx, known)?;
            selector.get_in(cx, &scope)
        }
    }
}
