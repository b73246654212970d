//! Words: counting them, and breaking lines between them as Python's `textwrap` does.

use super::texts::lines_of;
use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::fault::{Run, value_error};
use crate::expr::jinja::machine::Machine;
use crate::expr::jinja::ops::check_len;
use crate::expr::jinja::text::{byte_of, char_len, is_space};
use crate::expr::value::Value;

pub(super) fn wordcount(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    let text = machine.text(value)?;
    let words = text
        .split(|c: char| !(c == '_' || c.is_alphanumeric()))
        .filter(|word| !word.is_empty());
    Ok(Value::from(words.count()))
}

pub(super) fn wordwrap(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let width = args.integer(0, 79)?;
    let break_long = args.flag(1, true)?;
    let between = args
        .get(2)
        .map_or_else(|| Ok("\n".into()), |between| machine.text(between))?;
    let on_hyphens = args.flag(3, true)?;
    let mut out = String::new();
    for (index, line) in lines_of(value)?.into_iter().enumerate() {
        if index > 0 {
            out.push_str(&between);
        }
        machine.step(line.len() / 8 + 1)?;
        let chunks = chunks(line, on_hyphens);
        if chunks.is_empty() {
            continue;
        }
        let Some(width) = usize::try_from(width).ok().filter(|width| *width > 0) else {
            return value_error(format!("invalid width {width} (must be > 0)"));
        };
        out.push_str(&wrap(chunks, width, break_long, on_hyphens).join(&between));
        check_len(out.len())?;
    }
    Ok(Value::from(out))
}

/// A blank that lines are broken at.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// A letter in the sense of hyphenated words.
fn is_letter(c: char) -> bool {
    is_word(c) && c != '_' && !crate::expr::jinja::text::is_digit(c)
}

/// A character that a dash may follow as punctuation.
fn is_word_punctuation(c: char) -> bool {
    is_word(c) || matches!(c, '!' | '"' | '\'' | '&' | '.' | ',' | '?')
}

/// The parts between which lines may be broken.
fn chunks(line: &str, on_hyphens: bool) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let end = if is_blank(chars[at]) {
            (at..chars.len())
                .find(|index| !is_blank(chars[*index]))
                .unwrap_or(chars.len())
        } else if on_hyphens {
            dash_end(&chars, at).unwrap_or_else(|| word_end(&chars, at))
        } else {
            (at..chars.len())
                .find(|index| is_blank(chars[*index]))
                .unwrap_or(chars.len())
        };
        out.push(chars[at..end].iter().collect());
        at = end;
    }
    out
}

/// Whether a dash of two or more hyphens between words begins here, and where it ends.
fn dash_end(chars: &[char], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map(|index| chars[index])?;
    let end = (at..chars.len())
        .find(|index| chars[*index] != '-')
        .unwrap_or(chars.len());
    (is_word_punctuation(before) && end >= at + 2 && chars.get(end).copied().is_some_and(is_word))
        .then_some(end)
}

fn word_end(chars: &[char], start: usize) -> usize {
    let get = |index: usize| chars.get(index).copied();
    let mut end = start + 1;
    loop {
        // After a hyphen inside a word.
        if get(end) == Some('-') && end > start && hyphenates(chars, end) {
            return end + 1;
        }
        match get(end) {
            None => return end,
            Some(c) if is_blank(c) => return end,
            _ => {}
        }
        if dash_end(chars, end).is_some() {
            return end;
        }
        end += 1;
    }
}

/// Whether the hyphen at `at` joins two parts of a word: letters on both sides.
fn hyphenates(chars: &[char], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|index| chars[index]);
    let after = |ahead: usize| chars.get(at + ahead).copied();
    let letter = |c: Option<char>| c.is_some_and(is_letter);
    let left = (letter(before(1)) && letter(before(2)))
        || (letter(before(3)) && before(2) == Some('-') && before(1).is_some_and(is_word_punctuation));
    let right = letter(after(1)) && (letter(after(2)) || (after(2) == Some('-') && letter(after(3))));
    left && right
}

fn wrap(chunks: Vec<String>, width: usize, break_long: bool, on_hyphens: bool) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest: Vec<String> = chunks.into_iter().rev().collect();
    let blank = |chunk: &str| chunk.chars().all(is_space);
    while !rest.is_empty() {
        let mut line: Vec<String> = Vec::new();
        let mut used = 0;
        if !lines.is_empty() && rest.last().is_some_and(|chunk| blank(chunk)) {
            rest.pop();
        }
        while let Some(chunk) = rest.pop() {
            let len = char_len(&chunk);
            if used + len > width {
                rest.push(chunk);
                break;
            }
            used += len;
            line.push(chunk);
        }
        if rest.last().is_some_and(|chunk| char_len(chunk) > width) {
            long_word(&mut rest, &mut line, width - used, break_long, on_hyphens);
        }
        if line.last().is_some_and(|chunk| blank(chunk)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat());
        }
    }
    lines
}

/// A word that no line can hold.
fn long_word(
    rest: &mut Vec<String>,
    line: &mut Vec<String>,
    left: usize,
    break_long: bool,
    on_hyphens: bool,
) {
    if !break_long {
        if line.is_empty() {
            line.extend(rest.pop());
        }
        return;
    }
    let Some(chunk) = rest.pop() else { return };
    let mut end = byte_of(&chunk, left);
    if on_hyphens
        && let Some(hyphen) = chunk[..end].rfind('-')
        && hyphen > 0
        && chunk[..hyphen].contains(|c| c != '-')
    {
        end = hyphen + 1;
    }
    line.push(chunk[..end].to_owned());
    rest.push(chunk[end..].to_owned());
}
