//! Cards as blocks with buttons: always within Slack's limits, and nothing in them can ring.

use serde_json::{Value, json};

use super::limits::{self, cut};
use crate::chat::card::{Block, Card, Span, Style, without_buttons};
use crate::model::Id;

/// Characters of the texts of all buttons, so that something is left for the message.
const BUTTONS_TOTAL: usize = 5000;
/// Commands that ask back before they are said.
const DANGEROUS: &[&str] = &["cancel", "kill", "delete", "remove", "uninstall", "purge"];

/// What a button leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Press {
    /// A command to be said.
    Say(String),
    /// A command to be said once, whoever presses.
    Once(String),
    /// A form to be opened.
    Ask(String),
}

/// A text that is stored under a name, because it is too long to be carried around.
pub(super) type Kept = (String, String);

/// UTF-16 units; never fewer than characters.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text as it is carried in `most` characters, with what has to be stored when it does not fit.
fn carried(text: &str, most: usize) -> (bool, String, Option<Kept>) {
    if units(text) <= most {
        return (false, text.to_owned(), None);
    }
    let name = Id::of_name(text).to_string();
    (true, name.clone(), Some((name, text.to_owned())))
}

/// What a button's ids say: the press, and whether its text is stored under that name.
pub(super) fn pressed(action: &str, value: &str) -> Option<(Press, bool)> {
    let kind = action.split(':').next().unwrap_or_default();
    let stored = kind.ends_with('#');
    Some(match kind.trim_end_matches('#') {
        "say" => (Press::Say(value.to_owned()), stored),
        "once" => (Press::Once(value.to_owned()), stored),
        "ask" => (Press::Ask(value.to_owned()), stored),
        _ => return None,
    })
}

/// A button.
fn button(label: &str, press: &Press, number: usize) -> (Value, Option<Kept>) {
    let (kind, text) = match press {
        Press::Say(text) => ("say", text),
        Press::Once(text) => ("once", text),
        Press::Ask(text) => ("ask", text),
    };
    let (stored, value, kept) = carried(text, limits::BUTTON_VALUE);
    let mark = if stored { "#" } else { "" };
    let mut button = json!({
        "type": "button",
        "action_id": format!("{kind}{mark}:{number}"),
        "text": {"type": "plain_text", "text": cut(label, limits::BUTTON), "emoji": false},
        "value": value,
    });
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    if let Press::Say(command) | Press::Once(command) = press
        && DANGEROUS.contains(&first.as_str())
    {
        button["style"] = json!("danger");
        button["confirm"] = json!({
            "title": plain("Are you sure?", limits::CONFIRM_TITLE),
            "text": plain(command, limits::CONFIRM_TEXT),
            "confirm": plain(label, limits::CONFIRM_BUTTON),
            "deny": plain("No", limits::CONFIRM_BUTTON),
            "style": "danger",
        });
    } else if matches!(press, Press::Ask(_)) {
        button["style"] = json!("primary");
    }
    (button, kept)
}

pub(super) fn plain(text: &str, most: usize) -> Value {
    let text = if text.trim().is_empty() { "…" } else { text };
    json!({"type": "plain_text", "text": cut(text, most), "emoji": false})
}

pub(super) fn mrkdwn(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

/// A card, ready to be posted.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) blocks: Vec<Value>,
    pub(super) kept: Vec<Kept>,
}

/// Makes a card into at most `most` blocks.
pub(super) fn show(card: &Card, most: usize) -> Shown {
    made(card, most, &presses(card))
}

/// The same with buttons that work once.
pub(super) fn show_once(card: &Card, most: usize) -> Shown {
    let once = |(label, press)| match press {
        Press::Say(command) => (label, Press::Once(command)),
        press => (label, press),
    };
    let presses: Vec<_> = presses(card).into_iter().map(once).collect();
    made(card, most, &presses)
}

fn made(card: &Card, most: usize, presses: &[(String, Press)]) -> Shown {
    let mut shown = Shown::default();
    let mut card = card.clone();
    for block in &mut card.blocks {
        if let Block::Note { line } = block {
            without_buttons(line);
        }
    }
    card.blocks
        .retain(|block| !matches!(block, Block::Note { line } if line.is_empty()));
    let (rows, labels) = rows(presses, &mut shown.kept);
    // Texts of buttons count as well.
    let room = limits::BLOCKS_TOTAL.saturating_sub(labels + 200);
    fit(&mut card, room);
    let most = most.saturating_sub(rows.len() + 1);
    let mut left_out = false;
    let mut used = 0;
    for block in &card.blocks {
        for (text, small) in texts(block) {
            let size = units(&text);
            if shown.blocks.len() >= most || used + size > room {
                left_out = true;
                continue;
            }
            used += size;
            shown.blocks.push(if small {
                json!({"type": "context", "elements": [mrkdwn(&text)]})
            } else {
                json!({"type": "section", "text": mrkdwn(&text)})
            });
        }
    }
    if left_out {
        shown
            .blocks
            .push(json!({"type": "context", "elements": [mrkdwn("… more was left out")]}));
    }
    if shown.blocks.is_empty() {
        shown.blocks.push(json!({"type": "section", "text": mrkdwn("…")}));
    }
    shown.blocks.extend(rows);
    shown
}

/// Rows of buttons, as many as there is room for, and the characters of their texts.
fn rows(presses: &[(String, Press)], kept: &mut Vec<Kept>) -> (Vec<Value>, usize) {
    let mut total = 0;
    let mut rows = Vec::new();
    for row in presses.chunks(limits::ACTIONS) {
        let mut elements = Vec::new();
        for (number, (label, press)) in row.iter().enumerate() {
            let (button, long) = button(label, press, number);
            let size = size(&button);
            if total + size > BUTTONS_TOTAL {
                break;
            }
            total += size;
            elements.push(button);
            kept.extend(long);
        }
        if !elements.is_empty() {
            rows.push(json!({"type": "actions", "elements": elements}));
        }
    }
    (rows, total)
}

/// Characters of all texts in a block.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| match field {
                Value::String(text) if name == "text" => units(text),
                field => size(field),
            })
            .sum(),
        Value::Array(items) => items.iter().map(size).sum(),
        _ => 0,
    }
}

/// Cuts a card until its text has at most `most` characters, however they are counted.
fn fit(card: &mut Card, most: usize) {
    let mut limit = most;
    while units(&card.text(Style::Slack)) > most && limit > 16 {
        card.fit(Style::Slack, limit);
        limit = limit * 3 / 4;
    }
}

/// A block as texts, each within a section; true: small print.
fn texts(block: &Block) -> Vec<(String, bool)> {
    match block {
        Block::Heading { line } => pieces(Block::Heading { line: line.clone() }, limits::SECTION, false),
        Block::Note { line } => pieces(Block::Note { line: line.clone() }, limits::CONTEXT, true),
        Block::Text { lines } => {
            let whole = written(block);
            if units(&whole) <= limits::SECTION {
                return some(whole, false);
            }
            let mut made: Vec<(String, bool)> = Vec::new();
            for line in lines {
                let one = Block::Text {
                    lines: vec![line.clone()],
                };
                for (text, _) in pieces(one, limits::SECTION, false) {
                    match made.last_mut() {
                        Some((last, _)) if units(last) + units(&text) < limits::SECTION => {
                            last.push('\n');
                            last.push_str(&text);
                        }
                        _ => made.push((text, false)),
                    }
                }
            }
            made
        }
        Block::Code { text } => code(text),
        Block::Table { .. } => {
            let whole = written(block);
            if units(&whole) <= limits::SECTION {
                return some(whole, false);
            }
            let text = Card {
                blocks: vec![block.clone()],
                ..Card::default()
            };
            code(&text.text(Style::Plain))
        }
    }
}

fn some(text: String, small: bool) -> Vec<(String, bool)> {
    if text.trim().is_empty() {
        Vec::new()
    } else {
        vec![(text, small)]
    }
}

fn written(block: &Block) -> String {
    let card = Card {
        blocks: vec![block.clone()],
        ..Card::default()
    };
    card.text(Style::Slack)
}

/// One line, whole or, when that is too long, cut as bare text.
fn pieces(block: Block, most: usize, small: bool) -> Vec<(String, bool)> {
    let whole = written(&block);
    if units(&whole) <= most {
        return some(whole, small);
    }
    let bare = Card {
        blocks: vec![block],
        ..Card::default()
    }
    .text(Style::Plain);
    let mut keep = most;
    loop {
        let short = written(&Block::Text {
            lines: vec![vec![Span::Text { s: cut(&bare, keep) }]],
        });
        if units(&short) <= most || keep < 4 {
            return some(short, small);
        }
        keep = keep * 3 / 4;
    }
}

/// Text in a fixed width, in as many pieces as it needs.
fn code(text: &str) -> Vec<(String, bool)> {
    let whole = written(&Block::Code {
        text: text.to_owned(),
    });
    if units(&whole) <= limits::SECTION {
        return some(whole, false);
    }
    let mut made = Vec::new();
    let mut piece = String::new();
    let shown = |piece: &str| {
        written(&Block::Code {
            text: piece.to_owned(),
        })
    };
    for line in text.lines() {
        let mut line = line.to_owned();
        // `&` becomes five characters.
        while units(&shown(&line)) > limits::SECTION {
            let keep = line.chars().count() * 2 / 3;
            line = line.chars().take(keep).collect::<String>() + "…";
        }
        let longer = if piece.is_empty() {
            line.clone()
        } else {
            format!("{piece}\n{line}")
        };
        if units(&shown(&longer)) > limits::SECTION {
            made.extend(some(shown(&piece), false));
            piece = line;
        } else {
            piece = longer;
        }
    }
    made.extend(some(shown(&piece), false));
    made
}

/// What can be said or filled in, each once.
fn presses(card: &Card) -> Vec<(String, Press)> {
    let mut made: Vec<(String, Press)> = Vec::new();
    let lines = card.blocks.iter().flat_map(|block| match block {
        Block::Heading { line } | Block::Note { line } => std::slice::from_ref(line),
        Block::Text { lines } => lines.as_slice(),
        Block::Code { .. } | Block::Table { .. } => &[],
    });
    for span in lines.flatten() {
        let (label, press) = match span {
            Span::Say { s, say } => (if s.is_empty() { say } else { s }, Press::Say(say.clone())),
            Span::Ask { s, form, say } => (if s.is_empty() { say } else { s }, Press::Ask(form.clone())),
            _ => continue,
        };
        let empty =
            matches!(&press, Press::Say(text) | Press::Once(text) | Press::Ask(text) if text.is_empty());
        if made.len() < 2 * limits::ACTIONS
            && !empty
            && !label.trim().is_empty()
            && made.iter().all(|(_, known)| *known != press)
        {
            made.push((label.clone(), press));
        }
    }
    made
}
