//! Finding in texts, and parts of texts; positions count characters.

use std::sync::Arc;

use super::super::super::error::YaqlError;
use super::super::super::function::Library;
use super::super::super::params::{Int, Rest};
use super::super::super::runtime::Cx;

pub(super) fn register(to: &mut Library) {
    to.method("substring", "string, start, length=-1", substring);
    to.method("indexOf", "string, sub, start=0", index_of);
    to.method("indexOf", "string, sub, start, length", index_of_within);
    to.method("lastIndexOf", "string, sub, start=0", last_index_of);
    to.method("lastIndexOf", "string, sub, start, length", last_index_of_within);
    to.method("startsWith", "string, *prefixes", starts_with);
    to.method("endsWith", "string, *suffixes", ends_with);
    to.function(
        "#operator_in",
        "left, right",
        |cx: &Cx<'_>, left: Arc<str>, right: Arc<str>| {
            cx.spend(right.len() / 64)?;
            Ok::<_, YaqlError>(right.contains(&*left))
        },
    );
}

/// A text whose characters are addressed by number.
struct Chars<'t> {
    text: &'t str,
    /// Number of characters.
    len: i64,
}

impl<'t> Chars<'t> {
    fn new(cx: &Cx<'_>, text: &'t str) -> Result<Self, YaqlError> {
        cx.spend(text.len() / 64)?;
        let len = if text.is_ascii() {
            text.len()
        } else {
            text.chars().count()
        };
        Ok(Self {
            text,
            len: i64::try_from(len).unwrap_or(i64::MAX),
        })
    }

    /// The byte at which a character begins.
    fn byte(&self, at: i64) -> usize {
        let at = usize::try_from(at).unwrap_or(0);
        if self.is_ascii() {
            return at.min(self.text.len());
        }
        self.text
            .char_indices()
            .nth(at)
            .map_or(self.text.len(), |(byte, _)| byte)
    }

    fn is_ascii(&self) -> bool {
        usize::try_from(self.len) == Ok(self.text.len())
    }

    /// A position as slices take it: negative ones count from the end, all end at the ends.
    fn clamp(&self, at: i64) -> i64 {
        let at = if at < 0 { at.saturating_add(self.len) } else { at };
        at.clamp(0, self.len)
    }

    /// `text[start:end]`
    fn slice(&self, start: i64, end: i64) -> &'t str {
        let (start, end) = (self.clamp(start), self.clamp(end));
        if start >= end {
            return "";
        }
        &self.text[self.byte(start)..self.byte(end)]
    }

    /// `text.find(sub, start, end)` or `rfind`.
    fn find(&self, sub: &str, start: i64, end: i64, last: bool) -> i64 {
        // A start behind the end finds nothing, not even the empty text.
        let start = if start < 0 { self.clamp(start) } else { start };
        let end = self.clamp(end);
        if start > end {
            return -1;
        }
        let first_byte = self.byte(start);
        let part = &self.text[first_byte..self.byte(end)];
        let found = if last { part.rfind(sub) } else { part.find(sub) };
        match found {
            None => -1,
            Some(at) if self.is_ascii() => start + i64::try_from(at).unwrap_or(0),
            Some(at) => start + i64::try_from(part[..at].chars().count()).unwrap_or(0),
        }
    }
}

/// `length` characters from `start` on, all of them if it is negative.
fn substring(cx: &Cx<'_>, string: Arc<str>, start: Int, length: Int) -> Result<String, YaqlError> {
    let chars = Chars::new(cx, &string)?;
    let (start, end) = range(&chars, &start, &length, chars.len);
    let part = chars.slice(start, end);
    cx.charge(part.len())?;
    Ok(part.to_owned())
}

/// Start and end of a part; a negative start counts from the end, a negative length means `all`.
fn range(chars: &Chars<'_>, start: &Int, length: &Int, all: i64) -> (i64, i64) {
    let (mut start, mut length) = (start.clamped(), length.clamped());
    if length < 0 {
        length = all;
    }
    if start < 0 {
        start = start.saturating_add(chars.len);
    }
    (start, start.saturating_add(length))
}

fn index_of(cx: &Cx<'_>, string: Arc<str>, sub: Arc<str>, start: Int) -> Result<i64, YaqlError> {
    let chars = Chars::new(cx, &string)?;
    Ok(chars.find(&sub, start.clamped(), chars.len, false))
}

fn last_index_of(cx: &Cx<'_>, string: Arc<str>, sub: Arc<str>, start: Int) -> Result<i64, YaqlError> {
    let chars = Chars::new(cx, &string)?;
    Ok(chars.find(&sub, start.clamped(), chars.len, true))
}

fn find_within(
    cx: &Cx<'_>,
    string: &str,
    sub: &str,
    (start, length): (&Int, &Int),
    last: bool,
) -> Result<i64, YaqlError> {
    let chars = Chars::new(cx, string)?;
    let (start, length) = (start.clamped(), length.clamped());
    let start = if start < 0 {
        start.saturating_add(chars.len)
    } else {
        start
    };
    let length = if length < 0 {
        chars.len.saturating_sub(start)
    } else {
        length
    };
    Ok(chars.find(sub, start, start.saturating_add(length), last))
}

fn index_of_within(
    cx: &Cx<'_>,
    string: Arc<str>,
    sub: Arc<str>,
    start: Int,
    length: Int,
) -> Result<i64, YaqlError> {
    find_within(cx, &string, &sub, (&start, &length), false)
}

fn last_index_of_within(
    cx: &Cx<'_>,
    string: Arc<str>,
    sub: Arc<str>,
    start: Int,
    length: Int,
) -> Result<i64, YaqlError> {
    find_within(cx, &string, &sub, (&start, &length), true)
}

fn starts_with(cx: &Cx<'_>, string: Arc<str>, prefixes: Rest<Arc<str>>) -> Result<bool, YaqlError> {
    cx.spend(prefixes.0.len() * (string.len() / 1024 + 1))?;
    Ok(prefixes.0.iter().any(|prefix| string.starts_with(&**prefix)))
}

fn ends_with(cx: &Cx<'_>, string: Arc<str>, suffixes: Rest<Arc<str>>) -> Result<bool, YaqlError> {
    cx.spend(suffixes.0.len() * (string.len() / 1024 + 1))?;
    Ok(suffixes.0.iter().any(|suffix| string.ends_with(&**suffix)))
}
