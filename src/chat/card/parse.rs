//! The markup that templates write.

use super::{Block, Line, Span};

/// Characters that mean something in the markup.
const SPECIAL: &[char] = &['\\', '`', '*', '[', ']', '(', ')', '#'];

/// Makes a value inert in the markup. Registered as the templates' escape function.
#[must_use]
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    for char in value.chars() {
        if SPECIAL.contains(&char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

/// Drops what could steer a terminal or hide text: control characters, direction overrides.
pub(super) fn visible(text: &str) -> String {
    let hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
    };
    // Colours that a program wrote into its output go as a whole, not only their escape character.
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            while chars
                .next_if(|c| matches!(c, '0'..='9' | ';' | '?' | ':'))
                .is_some()
            {}
            chars.next_if(|c| c.is_ascii() && !c.is_control());
        } else if !hidden(char) {
            out.push(char);
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\\' {
            out.extend(chars.next())
        } else {
            out.push(char)
        }
    }
    visible(&out)
}

pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph: Vec<Line> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            flush(&mut paragraph, &mut blocks);
            let body: Vec<&str> = lines
                .by_ref()
                .take_while(|line| !line.starts_with("```"))
                .collect();
            blocks.extend(fenced(kind.trim(), &body));
        } else if let Some(rest) = line.strip_prefix("# ") {
            flush(&mut paragraph, &mut blocks);
            blocks.push(Block::Heading { line: inline(rest) });
        } else if let Some(rest) = line.strip_prefix("-# ") {
            flush(&mut paragraph, &mut blocks);
            blocks.push(Block::Note { line: inline(rest) });
        } else if line.trim().is_empty() {
            flush(&mut paragraph, &mut blocks);
        } else {
            paragraph.push(inline(line));
        }
    }
    flush(&mut paragraph, &mut blocks);
    blocks
}

fn flush(paragraph: &mut Vec<Line>, blocks: &mut Vec<Block>) {
    if !paragraph.is_empty() {
        blocks.push(Block::Text {
            lines: std::mem::take(paragraph),
        });
    }
}

fn fenced(kind: &str, body: &[&str]) -> Option<Block> {
    let table = |header| {
        let rows: Vec<Vec<String>> = body
            .iter()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                line.split('\t')
                    .map(|cell| unescape(cell).trim().to_owned())
                    .collect()
            })
            .collect();
        (!rows.is_empty()).then_some(Block::Table { header, rows })
    };
    match kind {
        "table" => table(true),
        "fields" => table(false),
        _ => {
            let text = body
                .iter()
                .map(|line| unescape(line))
                .collect::<Vec<_>>()
                .join("\n");
            (!text.trim().is_empty()).then_some(Block::Code { text })
        }
    }
}

/// Where an unescaped `mark` stands in `text`.
fn find(text: &str, mark: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if char == '\\' {
            escaped = true;
        } else if text[at..].starts_with(mark) {
            return Some(at);
        }
    }
    None
}

fn inline(text: &str) -> Line {
    let mut spans = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let wrapped = |mark: &str| {
            let inner = rest.strip_prefix(mark)?;
            let end = find(inner, mark).filter(|end| *end > 0)?;
            Some((unescape(&inner[..end]), &inner[end + mark.len()..]))
        };
        let (span, after) = if let Some((s, after)) = wrapped("**") {
            (Span::Bold { s }, after)
        } else if let Some((s, after)) = wrapped("`") {
            (Span::Code { s }, after)
        } else if let Some((span, after)) = link(rest) {
            (span, after)
        } else {
            let take = if first == '\\' {
                rest.chars().take(2).map(char::len_utf8).sum()
            } else {
                first.len_utf8()
            };
            plain.push_str(&rest[..take]);
            rest = &rest[take..];
            continue;
        };
        if !plain.is_empty() {
            spans.push(Span::Text {
                s: unescape(&std::mem::take(&mut plain)),
            });
        }
        spans.push(span);
        rest = after;
    }
    if !plain.is_empty() {
        spans.push(Span::Text { s: unescape(&plain) });
    }
    spans
}

fn link(rest: &str) -> Option<(Span, &str)> {
    let inner = rest.strip_prefix('[')?;
    let middle = find(inner, "](")?;
    let target = &inner[middle + 2..];
    let end = find(target, ")")?;
    let s = unescape(&inner[..middle]);
    let to = unescape(&target[..end]);
    let after = &target[end + 1..];
    if let Some(say) = to.strip_prefix("say:") {
        return Some((
            Span::Say {
                s,
                say: say.to_owned(),
            },
            after,
        ));
    }
    if let Some((form, say)) = to.strip_prefix("form:").and_then(|to| to.split_once('|')) {
        let (form, say) = (form.to_owned(), say.to_owned());
        return Some((Span::Ask { s, form, say }, after));
    }
    let web = to.starts_with("https://") || to.starts_with("http://");
    Some((
        if web {
            Span::Link { s, url: to }
        } else {
            Span::Text { s }
        },
        after,
    ))
}
