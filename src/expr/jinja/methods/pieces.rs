//! Cutting texts: splitting, stripping, finding.

use crate::expr::jinja::text::{byte_of, char_len, is_space};

/// `text.split()` on blanks.
pub(super) fn split_blanks(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        if parts.len() == most {
            parts.push(rest.trim_end_matches(is_space));
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_space);
    }
    parts
}

/// `text.rsplit()` on blanks.
pub(super) fn rsplit_blanks(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end_matches(is_space);
    while !rest.is_empty() {
        if parts.len() == most {
            parts.push(rest.trim_start_matches(is_space));
            break;
        }
        let start = rest
            .char_indices()
            .rev()
            .find(|(_, c)| is_space(*c))
            .map_or(0, |(at, c)| at + c.len_utf8());
        parts.push(&rest[start..]);
        rest = rest[..start].trim_end_matches(is_space);
    }
    parts.reverse();
    parts
}

/// The part between two positions as Python's `find` takes them, and where it begins, in characters; `None` when the
/// beginning is behind the end.
pub(super) fn window(text: &str, start: Option<i64>, end: Option<i64>) -> Option<(&str, usize)> {
    let len = i64::try_from(char_len(text)).unwrap_or(i64::MAX);
    let clamp = |at: i64| {
        (if at < 0 {
            (at.saturating_add(len)).max(0)
        } else {
            at
        })
        .min(len)
    };
    let begin = start.unwrap_or(0);
    if begin > len {
        return None;
    }
    let (start, end) = (clamp(begin), clamp(end.unwrap_or(len)));
    if start > end {
        return None;
    }
    let (from, to) = (
        usize::try_from(start).unwrap_or(0),
        usize::try_from(end).unwrap_or(0),
    );
    Some((&text[byte_of(text, from)..byte_of(text, to)], from))
}

/// `text.replace(old, new, count)`; `None` when the result would be longer than `most` bytes.
pub(crate) fn replaced(text: &str, old: &str, new: &str, count: usize, most: usize) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut left = count;
    if old.is_empty() {
        // Between all characters and at both ends.
        let mut chars = text.chars();
        loop {
            if left > 0 {
                out.push_str(new);
                left -= 1;
            }
            if out.len() > most {
                return None;
            }
            match chars.next() {
                Some(c) => out.push(c),
                None => return Some(out),
            }
        }
    }
    let mut rest = text;
    while left > 0
        && let Some(at) = rest.find(old)
    {
        out.push_str(&rest[..at]);
        out.push_str(new);
        if out.len() > most {
            return None;
        }
        rest = &rest[at + old.len()..];
        left -= 1;
    }
    out.push_str(rest);
    Some(out)
}
