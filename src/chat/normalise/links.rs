//! The `<…>` forms of Slack and Discord: links, mentions, dates.

use std::ops::Range;

use super::{Mention, MentionKind};
use crate::chat::gateway::Dialect;

/// Text without `<…>` forms, and the mentions with their places in it.
pub(super) struct Unwrapped {
    pub(super) text: String,
    pub(super) mentions: Vec<(Range<usize>, Mention)>,
}

pub(super) fn unwrap(text: &str, dialect: Dialect) -> Unwrapped {
    let mut out = Unwrapped {
        text: String::with_capacity(text.len()),
        mentions: Vec::new(),
    };
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        push(&mut out.text, &rest[..open], dialect);
        let inner = &rest[open + 1..];
        let form = inner
            .find(['>', '<', '\n'])
            .filter(|close| inner[*close..].starts_with('>'))
            .and_then(|close| {
                let read = match dialect {
                    Dialect::Slack => slack(&inner[..close]),
                    Dialect::Discord => discord(&inner[..close]),
                    Dialect::Console => None,
                };
                read.map(|read| (read, close))
            });
        let Some((form, close)) = form else {
            out.text.push('<');
            rest = inner;
            continue;
        };
        match form {
            Form::Text(text) => push(&mut out.text, text, dialect),
            Form::Word(word) => out.text.push_str(word),
            Form::Mention(kind, id) => {
                let start = out.text.len();
                out.text.push_str(id);
                out.mentions.push((
                    start..out.text.len(),
                    Mention {
                        kind,
                        id: id.to_owned(),
                    },
                ));
            }
        }
        rest = &inner[close + 1..];
    }
    push(&mut out.text, rest, dialect);
    out
}

enum Form<'a> {
    Text(&'a str),
    Word(&'static str),
    Mention(MentionKind, &'a str),
}

fn push(out: &mut String, text: &str, dialect: Dialect) {
    if dialect == Dialect::Slack {
        out.push_str(&decode_entities(text));
    } else {
        out.push_str(text);
    }
}

fn slack(form: &str) -> Option<Form<'_>> {
    let (target, label) = form
        .split_once('|')
        .map_or((form, None), |(target, label)| (target, Some(label)));
    if let Some(id) = target.strip_prefix('@') {
        return is_id(id).then_some(Form::Mention(MentionKind::User, id));
    }
    if let Some(id) = target.strip_prefix('#') {
        return is_id(id).then_some(Form::Mention(MentionKind::Channel, id));
    }
    if let Some(special) = target.strip_prefix('!') {
        if let Some(id) = special.strip_prefix("subteam^") {
            return is_id(id).then_some(Form::Mention(MentionKind::Group, id));
        }
        return match special {
            "here" => Some(Form::Word("@here")),
            "channel" => Some(Form::Word("@channel")),
            "everyone" => Some(Form::Word("@everyone")),
            _ => Some(Form::Text(label.unwrap_or(special))),
        };
    }
    let bare = ["https://", "http://", "mailto:", "tel:"]
        .iter()
        .find_map(|scheme| target.strip_prefix(scheme))?;
    // Slack links what looks like an address; the label is then what was typed.
    Some(match label {
        Some(label) if label == bare || label == target || bare.strip_suffix('/') == Some(label) => {
            Form::Text(label)
        }
        Some(_) if target.starts_with("mailto:") || target.starts_with("tel:") => Form::Text(bare),
        None if target.starts_with("mailto:") || target.starts_with("tel:") => Form::Text(bare),
        _ => Form::Text(target),
    })
}

fn discord(form: &str) -> Option<Form<'_>> {
    let (kind, id) = if let Some(id) = form.strip_prefix("@&") {
        (MentionKind::Group, id)
    } else if let Some(id) = form.strip_prefix("@!").or_else(|| form.strip_prefix('@')) {
        (MentionKind::User, id)
    } else if let Some(id) = form.strip_prefix('#') {
        (MentionKind::Channel, id)
    } else {
        // `<https://…>` is a link without preview.
        return (form.starts_with("https://") || form.starts_with("http://")).then_some(Form::Text(form));
    };
    is_id(id).then_some(Form::Mention(kind, id))
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.chars().all(|char| char.is_ascii_alphanumeric())
}

/// The three entities that Slack uses, decoded once.
pub(super) fn decode_entities(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let (char, length) = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
            .into_iter()
            .find(|(entity, _)| tail.starts_with(entity))
            .map_or(('&', 1), |(entity, char)| (char, entity.len()));
        out.push(char);
        rest = &tail[length..];
    }
    out.push_str(rest);
    out
}
