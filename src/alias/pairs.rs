//! `key=value` pairs at the end of a command.
//!
//! The reference cuts off every sequence that looks like pairs. In chat only declared parameters count,
//! so that links and `name=version` stay text, and braces and quotes are read as a whole.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::expr::pyregex::{Error, Flags, Regex, Steps};

use super::format::constant;

const PAIR: &str = r#"(?:^|\s+)\s*(\S+?)\s*=(""|''|"(.+?)"|'(.+?)'|({.+?})|(\S+))"#;

static PAIRS: LazyLock<Regex> = LazyLock::new(|| constant(PAIR, Flags::DOT_ALL));
static ENDING: LazyLock<Regex> = LazyLock::new(|| constant(&format!(r".*?(({PAIR}\s*)*)$"), Flags::DOT_ALL));

/// A command taken apart: the text to be matched and the pairs behind it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cut {
    pub(super) text: String,
    pub(super) pairs: Vec<(String, String)>,
}

/// Takes pairs off as the reference does.
pub(super) fn reference_cut(command: &str, steps: &mut Steps) -> Result<Cut, Error> {
    let whole = || Cut {
        text: command.to_owned(),
        pairs: Vec::new(),
    };
    if !command.contains('=') {
        return Ok(whole());
    }
    let ending = ENDING.match_within(command, steps)?;
    let Some(ending) = ending
        .as_ref()
        .and_then(|found| found.get(1))
        .filter(|ending| !ending.is_empty())
    else {
        return Ok(whole());
    };
    let mut pairs = Vec::new();
    for found in PAIRS.find_all_within(ending, steps)? {
        let value: String = (3..found.len()).filter_map(|group| found.get(group)).collect();
        pairs.push((found.get(1).unwrap_or_default().to_owned(), value));
    }
    // Plain replacement, as there: an equal text further left goes too.
    Ok(Cut {
        text: command.replace(ending, ""),
        pairs,
    })
}

/// One `key=value` at the end of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    /// Where the blank before the key begins.
    start: usize,
    key: String,
    value: String,
}

/// A message with everything about its end that does not depend on a format.
#[derive(Debug)]
pub(super) struct Message<'m> {
    pub(super) text: &'m str,
    pub(super) reference: Cut,
    tail: Vec<Pair>,
}

impl<'m> Message<'m> {
    pub(super) fn new(text: &'m str, steps: &mut Steps) -> Result<Self, Error> {
        let reference = reference_cut(text, steps)?;
        let tail = if text.contains('=') {
            tail(text, steps)?
        } else {
            Vec::new()
        };
        Ok(Message {
            text,
            reference,
            tail,
        })
    }

    /// Takes off the pairs whose key `declared` knows; nothing else is a pair.
    pub(super) fn cut(&self, declared: impl Fn(&str) -> bool) -> Cut {
        let from = self
            .tail
            .iter()
            .rposition(|pair| !declared(&pair.key))
            .map_or(0, |last| last + 1);
        let pairs: Vec<(String, String)> = self.tail[from..]
            .iter()
            .map(|pair| (pair.key.clone(), pair.value.clone()))
            .collect();
        // Where both readings see the same pairs the reference's text counts.
        if !pairs.is_empty() && pairs == self.reference.pairs {
            return self.reference.clone();
        }
        let end = self.tail.get(from).map_or(self.text.len(), |pair| pair.start);
        Cut {
            text: self.text[..end].to_owned(),
            pairs,
        }
    }
}

/// The longest sequence of pairs that reaches the end of `text`.
fn tail(text: &str, steps: &mut Steps) -> Result<Vec<Pair>, Error> {
    // Word starts from right to left; `ends` are the places from which only pairs follow.
    let mut found: Vec<(Pair, usize)> = Vec::new();
    let mut ends = HashSet::from([text.trim_end().len(), text.len()]);
    let mut first = usize::MAX;
    for (start, at) in words(text).into_iter().rev() {
        let Some((key, value, end)) = pair(text, at, steps)? else {
            continue;
        };
        if ends.contains(&end) {
            ends.insert(start);
            first = found.len();
            found.push((Pair { start, key, value }, end));
        }
    }
    let mut tail = Vec::new();
    let mut next = first;
    while let Some((pair, end)) = found.get(next) {
        tail.push(pair.clone());
        match found[..next].iter().rposition(|(later, _)| later.start == *end) {
            Some(later) => next = later,
            None => break,
        }
    }
    Ok(tail)
}

/// For each word: where the blank before it and the word itself begin.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut blank = Some(0);
    for (at, ch) in text.char_indices() {
        match (ch.is_whitespace(), blank) {
            (true, None) => blank = Some(at),
            (false, Some(start)) => {
                words.push((start, at));
                blank = None;
            }
            _ => {}
        }
    }
    words
}

/// Reads a pair at `at`: key, value and where it ends.
fn pair(text: &str, at: usize, steps: &mut Steps) -> Result<Option<(String, String, usize)>, Error> {
    let rest = &text[at..];
    let Some(key_end) = rest.find(|c: char| c == '=' || c.is_whitespace()) else {
        return Ok(None);
    };
    let equals = key_end + (rest[key_end..].len() - rest[key_end..].trim_start().len());
    if key_end == 0 || !rest[equals..].starts_with('=') {
        return Ok(None);
    }
    let key = &rest[..key_end];
    let from = at + equals + 1;
    let value = &text[from..];
    let word = value.find(char::is_whitespace).unwrap_or(value.len());
    let whole = match value.chars().next() {
        None => None,
        Some(quote @ ('"' | '\'')) => quoted(value, quote),
        Some('{') => braces(value),
        Some(_) => None,
    };
    // Looking for the closing mark may go far beyond this word.
    let looked_at = whole.as_ref().map_or(value.len(), |(_, length)| *length);
    let marked = value.starts_with(['"', '\'', '{']);
    steps.pay(if marked { looked_at as u64 / 8 } else { 1 })?;
    let ends_well = |length: usize| value[length..].chars().next().is_none_or(char::is_whitespace);
    if let Some((value, length)) = whole.filter(|(_, length)| ends_well(*length)) {
        return Ok(Some((key.to_owned(), value, from + length)));
    }
    let word = &value[..word];
    // `say "a k=v"`: the pair lies inside a quotation that began earlier.
    let stray = word
        .chars()
        .next_back()
        .filter(|last| matches!(last, '"' | '\'') && !word.starts_with(*last));
    let inside = match stray {
        Some(mark) => {
            steps.pay(at as u64 / 16)?;
            text[..at].matches(mark).count() % 2 == 1
        }
        None => false,
    };
    if word.is_empty() || inside {
        return Ok(None);
    }
    Ok(Some((key.to_owned(), word.to_owned(), from + word.len())))
}

/// A quotation at the start of `text`, a backslash before its mark taken as the mark: value, length.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, ch) in text.char_indices().skip(1) {
        match ch {
            _ if escaped => {
                if ch != quote && ch != '\\' {
                    value.push('\\');
                }
                value.push(ch);
                escaped = false;
            }
            '\\' => escaped = true,
            _ if ch == quote => return Some((value, at + 1)),
            _ => value.push(ch),
        }
    }
    None
}

/// Balanced braces at the start of `text`; braces in quotations do not count. Text and length.
fn braces(text: &str) -> Option<(String, usize)> {
    let mut depth = 0usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, ch) in text.char_indices() {
        match (quote, ch) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(mark), _) if ch == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(ch),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth -= 1;
                if depth == 0 {
                    return Some((text[..=at].to_owned(), at + 1));
                }
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, declared: &[&str]) -> (String, Vec<(String, String)>) {
        let message = Message::new(text, &mut Steps::new(1_000_000)).unwrap();
        let cut = message.cut(|key| declared.contains(&key));
        (cut.text, cut.pairs)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn only_declared_keys_are_pairs() {
        assert_eq!(cut("a x=1 y=2", &["y"]), ("a x=1".into(), pairs(&[("y", "2")])));
        assert_eq!(cut("a x=1 y=2", &["x"]), ("a x=1 y=2".into(), pairs(&[])));
        assert_eq!(
            cut("see http://h/?a=1 k=v", &["k"]),
            ("see http://h/?a=1".into(), pairs(&[("k", "v")]))
        );
        assert_eq!(
            cut("token QUJDRA==", &["k"]),
            ("token QUJDRA==".into(), pairs(&[]))
        );
        assert_eq!(cut("x=1", &["x"]), (String::new(), pairs(&[("x", "1")])));
    }

    #[test]
    fn values_are_read_as_a_whole() {
        let nested = r#"{"a": {"b": "}"}}"#;
        assert_eq!(
            cut(&format!("go o={nested} t=1"), &["o", "t"]).1,
            pairs(&[("o", nested), ("t", "1")])
        );
        assert_eq!(
            cut(r#"go a="x \"y\" z""#, &["a"]).1,
            pairs(&[("a", r#"x "y" z"#)])
        );
        assert_eq!(
            cut(r#"go a="" b='' c="p q""#, &["a", "b", "c"]).1,
            pairs(&[("a", ""), ("b", ""), ("c", "p q")])
        );
        assert_eq!(cut(r#"go a="b"#, &["a"]).1, pairs(&[("a", "\"b")]));
        assert_eq!(cut(r#"go "a b k=v""#, &["k"]).1, pairs(&[]));
        assert_eq!(cut("go a =b", &["a"]).1, pairs(&[("a", "b")]));
        assert_eq!(cut("go a= b", &["a"]).1, pairs(&[]));
    }

    #[test]
    fn hostile_ends_are_paid_for() {
        let text = "a={".repeat(20_000) + " ";
        let spaced = "a={ ".repeat(16_000);
        for text in [text, spaced] {
            let mut steps = Steps::new(5_000_000);
            let _ = Message::new(&text, &mut steps);
        }
    }
}
