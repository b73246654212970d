//! Cards as embeds with buttons, forms as modals: always within Discord's limits, and nothing in them can ring.

use serde_json::{Value, json};
use serenity::builder::{CreateActionRow, CreateButton, CreateEmbed, CreateInputText, CreateModal};
use serenity::model::application::{ButtonStyle, InputTextStyle};

use super::limits::{self, cut};
use crate::chat::card::{Block, Card, Span, Style, Tone, without_buttons};
use crate::chat::forms::{Field, FieldKind, Form};
use crate::model::Id;

/// Id of the form with one whole sentence.
pub(super) const SENTENCE: &str = "sentence";

/// What a component leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Custom {
    /// A command to be said.
    Say(String),
    /// A command to be said once, whoever presses.
    Once(String),
    /// A form to be opened.
    Ask(String),
    /// A form that was sent.
    Form(String),
}

/// The id of a component: the text itself where it fits, so that a button works for ever; else its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// All of it.
    Whole(Custom),
    /// The text is stored under this name; the custom holds nothing yet.
    Stored(Custom, String),
}

impl Custom {
    const fn parts(&self) -> (&'static str, &String) {
        match self {
            Self::Say(text) => ("say", text),
            Self::Once(text) => ("once", text),
            Self::Ask(text) => ("ask", text),
            Self::Form(text) => ("form", text),
        }
    }

    /// The id, and the text that must be stored under its hash when it does not fit.
    pub(super) fn id(&self) -> (String, Option<(String, String)>) {
        let (kind, text) = self.parts();
        let whole = format!("{kind}:{text}");
        if units(&whole) <= limits::CUSTOM_ID {
            return (whole, None);
        }
        let hash = Id::of_name(text).to_string();
        (format!("{kind}#{hash}"), Some((hash, text.clone())))
    }

    /// Reads an id of [`Custom::id`].
    pub(super) fn read(id: &str) -> Option<Read> {
        let at = id.find([':', '#'])?;
        let (kind, rest) = (&id[..at], &id[at + 1..]);
        let of = |text: &str| {
            Some(match kind {
                "say" => Self::Say(text.to_owned()),
                "once" => Self::Once(text.to_owned()),
                "ask" => Self::Ask(text.to_owned()),
                "form" => Self::Form(text.to_owned()),
                _ => return None,
            })
        };
        if id[at..].starts_with(':') {
            of(rest).map(Read::Whole)
        } else {
            of("").map(|custom| Read::Stored(custom, rest.to_owned()))
        }
    }

    /// The same with its text.
    pub(super) fn filled(self, text: String) -> Self {
        match self {
            Self::Say(_) => Self::Say(text),
            Self::Once(_) => Self::Once(text),
            Self::Ask(_) => Self::Ask(text),
            Self::Form(_) => Self::Form(text),
        }
    }
}

/// UTF-16 units, what Discord's clients count; never fewer than characters.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A card, ready to be posted.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) embeds: Vec<Value>,
    pub(super) components: Vec<Value>,
    /// Texts of buttons that do not fit into their ids, with their hashes.
    pub(super) long: Vec<(String, String)>,
}

const fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Neutral => 0x005c_6370,
        Tone::Good => 0x002e_7d32,
        Tone::Warning => 0x00ef_6c00,
        Tone::Bad => 0x00c6_2828,
        Tone::Busy => 0x0002_77bd,
    }
}

/// Makes a card into an embed with buttons.
pub(super) fn show(card: &Card) -> Shown {
    let mut shown = Shown::default();
    let mut card = card.clone();
    shown.components = buttons(&card, &mut shown.long);
    for block in &mut card.blocks {
        if let Block::Note { line } = block {
            without_buttons(line);
        }
    }
    card.blocks
        .retain(|block| !matches!(block, Block::Note { line } if line.is_empty()));
    let mut embed = CreateEmbed::new().colour(colour(card.tone));
    let mut room = limits::EMBED_TOTAL;
    if let Some(Block::Heading { line }) = card.blocks.first() {
        let head = Card {
            tone: card.tone,
            blocks: vec![Block::Text {
                lines: vec![line.clone()],
            }],
        };
        let title = head.text(Style::Markdown);
        if units(&title) <= limits::EMBED_TITLE && !title.trim().is_empty() && !title.contains('\n') {
            room -= units(&title);
            embed = embed.title(title);
            card.blocks.remove(0);
        }
    }
    let description = fitted(&card, limits::EMBED_DESCRIPTION.min(room));
    // An embed with nothing in it is refused.
    let description = if description.trim().is_empty() && room == limits::EMBED_TOTAL {
        "…".to_owned()
    } else {
        description
    };
    if !description.trim().is_empty() {
        embed = embed.description(description);
    }
    shown.embeds.extend(serde_json::to_value(embed).ok());
    shown
}

/// A card as Markdown of at most `limit` characters, however they are counted.
pub(super) fn fitted(card: &Card, limit: usize) -> String {
    let mut most = limit;
    loop {
        let mut card = card.clone();
        card.fit(Style::Markdown, most);
        let text = card.text(Style::Markdown);
        if units(&text) <= limit {
            return text;
        }
        if most < 8 {
            return text.chars().take(limit / 2).collect();
        }
        most = most * 3 / 4;
    }
}

/// Text for a message's content, not longer than it may be.
pub(super) fn content(text: &str) -> String {
    let mut most = limits::CONTENT;
    loop {
        let text = cut(text, most);
        if units(&text) <= limits::CONTENT {
            // An empty message is refused.
            return if text.trim().is_empty() {
                "…".to_owned()
            } else {
                text
            };
        }
        most = most * 3 / 4;
    }
}

/// Rows of buttons for what can be said or filled in.
fn buttons(card: &Card, long: &mut Vec<(String, String)>) -> Vec<Value> {
    let mut known: Vec<String> = Vec::new();
    let mut made = Vec::new();
    let lines = card.blocks.iter().flat_map(|block| match block {
        Block::Heading { line } | Block::Note { line } => std::slice::from_ref(line),
        Block::Text { lines } => lines.as_slice(),
        Block::Code { .. } | Block::Table { .. } => &[],
    });
    for span in lines.flatten() {
        let (label, custom, asks) = match span {
            Span::Say { s, say } => (
                if s.is_empty() { say } else { s },
                Custom::Say(say.clone()),
                false,
            ),
            Span::Ask { s, form, say } => (
                if s.is_empty() { say } else { s },
                Custom::Ask(form.clone()),
                true,
            ),
            _ => continue,
        };
        if made.len() == limits::ROWS * limits::BUTTONS {
            break;
        }
        let (id, stored) = custom.id();
        let label = shortened(label, limits::BUTTON_LABEL);
        if known.contains(&id) || label.trim().is_empty() {
            continue;
        }
        known.push(id.clone());
        long.extend(stored);
        let style = if asks {
            ButtonStyle::Primary
        } else {
            ButtonStyle::Secondary
        };
        made.push(CreateButton::new(id).label(label).style(style));
    }
    made.chunks(limits::BUTTONS)
        .filter_map(|row| serde_json::to_value(CreateActionRow::Buttons(row.to_vec())).ok())
        .collect()
}

/// Cut, however characters are counted.
fn shortened(text: &str, most: usize) -> String {
    let mut keep = most;
    loop {
        let short = cut(text, keep);
        if units(&short) <= most || keep == 0 {
            return short;
        }
        keep -= 1;
    }
}

/// One button, as a row.
pub(super) fn button(label: &str, custom: &Custom) -> (Value, Option<(String, String)>) {
    let (id, stored) = custom.id();
    let button = CreateButton::new(id)
        .label(shortened(label, limits::BUTTON_LABEL))
        .style(ButtonStyle::Primary);
    let row = CreateActionRow::Buttons(vec![button]);
    (serde_json::to_value(row).unwrap_or_default(), stored)
}

/// The id of an input tells how its value is to be read again.
fn input_id(field: &Field) -> String {
    let kind = match &field.takes {
        FieldKind::Toggle => "b",
        FieldKind::Choices { .. } => "m",
        _ => "s",
    };
    format!("{kind}:{}", field.name)
}

/// A form as a modal, with the text to store when its id does not fit. Required fields come first when not all do.
pub(super) fn modal(form: &Form) -> (Value, Option<(String, String)>) {
    let (id, stored) = Custom::Form(form.id.clone()).id();
    let usable = |field: &&Field| units(&input_id(field)) <= limits::CUSTOM_ID;
    let mut fields: Vec<&Field> = form.fields.iter().filter(usable).collect();
    if fields.len() > limits::MODAL_INPUTS {
        fields.sort_by_key(|field| !field.required);
        fields.truncate(limits::MODAL_INPUTS);
    }
    let rows = fields
        .into_iter()
        .map(|field| CreateActionRow::InputText(input(field)))
        .collect();
    let title = shortened(
        if form.title.trim().is_empty() {
            "Sayso"
        } else {
            &form.title
        },
        limits::MODAL_TITLE,
    );
    let modal = CreateModal::new(id, title).components(rows);
    let response = serenity::builder::CreateInteractionResponse::Modal(modal);
    (serde_json::to_value(response).unwrap_or_default(), stored)
}

fn input(field: &Field) -> CreateInputText {
    let style = match &field.takes {
        FieldKind::Paragraph => InputTextStyle::Paragraph,
        _ => InputTextStyle::Short,
    };
    let label = if field.label.trim().is_empty() {
        &field.name
    } else {
        &field.label
    };
    let mut input = CreateInputText::new(style, shortened(label, limits::INPUT_LABEL), input_id(field))
        .required(field.required)
        .max_length(4000);
    let expected = match &field.takes {
        FieldKind::Choice { options } => Some(format!("one of: {}", options.join(", "))),
        FieldKind::Choices { options } => Some(format!("some of, with commas: {}", options.join(", "))),
        FieldKind::Toggle => Some("yes or no".to_owned()),
        FieldKind::Number { integer, least, most } => {
            let what = if *integer { "a whole number" } else { "a number" };
            Some(match (least, most) {
                (Some(least), Some(most)) => format!("{what} from {least} to {most}"),
                (Some(least), None) => format!("{what}, at least {least}"),
                (None, Some(most)) => format!("{what}, at most {most}"),
                (None, None) => what.to_owned(),
            })
        }
        FieldKind::Line | FieldKind::Paragraph => None,
    };
    let hints: Vec<String> = field.hint.iter().cloned().chain(expected).collect();
    if !hints.is_empty() {
        input = input.placeholder(shortened(&hints.join(" · "), limits::INPUT_PLACEHOLDER));
    }
    let initial = match &field.initial {
        _ if field.secret => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Bool(yes)) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        Some(Value::Array(items)) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Some(texts.join(", "))
        }
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    match initial.filter(|text| !text.is_empty() && units(text) <= limits::INPUT_VALUE) {
        Some(text) => input.value(text),
        None => input,
    }
}

/// Values of a modal by field, as [`crate::chat::forms::Filled::values`] has them.
pub(super) fn values(given: &serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
    let mut values = serde_json::Map::new();
    for (id, value) in given {
        let Some((kind, name)) = id.split_once(':') else {
            continue;
        };
        let text = value.as_str().unwrap_or_default().trim();
        if value.is_string() && text.is_empty() {
            continue;
        }
        let value = match kind {
            "b" => match text.to_lowercase().as_str() {
                "yes" | "y" | "true" | "on" | "1" => json!(true),
                "no" | "n" | "false" | "off" | "0" => json!(false),
                _ => value.clone(),
            },
            "m" if value.is_string() => {
                let parts: Vec<&str> = text
                    .split([',', '\n'])
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .collect();
                json!(parts)
            }
            _ => value.clone(),
        };
        values.insert(name.to_owned(), value);
    }
    values
}
