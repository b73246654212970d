//! Blocks as text: plain, for terminals, for Slack, as Markdown.

use super::{Block, Card, Excerpt, Span, Style, Tone, width};

const RESET: &str = "\u{1b}[0m";

pub(super) fn text(card: &Card, style: Style) -> String {
    text_within(card, style, None)
}

/// Within `columns` everything but code is broken between words.
pub(super) fn text_within(card: &Card, style: Style, columns: Option<usize>) -> String {
    let broken = |line: String| match columns {
        Some(columns) => width::wrap(&line, columns).join("\n"),
        None => line,
    };
    let mut out = String::new();
    for (index, block) in card.blocks.iter().enumerate() {
        let part = match block {
            Block::Heading { line } => broken(heading(card.tone, line, style)),
            Block::Text { lines } => lines
                .iter()
                .map(|line| broken(spans(line, style)))
                .collect::<Vec<_>>()
                .join("\n"),
            Block::Note { line } => broken(note(line, style)),
            Block::Code { text } => code(text, style),
            Block::Table { header, rows } => table(rows, *header, style, columns),
        };
        if index > 0 {
            out.push('\n');
            // Paragraphs stay apart; everything else is set off by its form.
            let before = card.blocks.get(index - 1);
            if matches!((before, block), (Some(Block::Text { .. }), Block::Text { .. })) {
                out.push('\n');
            }
        }
        out.push_str(&part);
    }
    out
}

fn heading(tone: Tone, line: &[Span], style: Style) -> String {
    match style {
        Style::Plain => spans(line, style),
        Style::Terminal => {
            let colour = match tone {
                Tone::Neutral => "\u{1b}[1m",
                Tone::Good => "\u{1b}[1;32m",
                Tone::Warning => "\u{1b}[1;33m",
                Tone::Bad => "\u{1b}[1;31m",
                Tone::Busy => "\u{1b}[1;36m",
            };
            format!("{colour}{}{RESET}", spans(line, Style::Plain))
        }
        Style::Slack | Style::Markdown => {
            // Emphasis around pieces that are no code themselves: platforms do not nest the two.
            line.iter()
                .map(|span| match span {
                    Span::Text { s } if !s.trim().is_empty() => {
                        let inner = s.trim();
                        let at = s.find(inner).unwrap_or(0);
                        let bold = span_text(&Span::Bold { s: inner.to_owned() }, style);
                        format!("{}{bold}{}", &s[..at], &s[at + inner.len()..])
                    }
                    other => span_text(other, style),
                })
                .collect()
        }
    }
}

fn note(line: &[Span], style: Style) -> String {
    match style {
        Style::Terminal => format!("\u{1b}[2m{}{RESET}", spans(line, Style::Plain)),
        Style::Markdown => format!("-# {}", spans(line, style)),
        Style::Plain | Style::Slack => spans(line, style),
    }
}

fn spans(line: &[Span], style: Style) -> String {
    line.iter().map(|span| span_text(span, style)).collect()
}

fn span_text(span: &Span, style: Style) -> String {
    match (span, style) {
        // A form for which there is no command in words.
        (Span::Ask { say, .. }, _) if say.is_empty() => String::new(),
        (Span::Text { s } | Span::Bold { s } | Span::Code { s }, Style::Plain) => s.clone(),
        (Span::Link { s, url }, Style::Plain | Style::Terminal) => {
            if s == url {
                url.clone()
            } else {
                format!("{s} ({url})")
            }
        }
        (Span::Say { s, say } | Span::Ask { s, say, .. }, Style::Plain) => named(s, say, say),
        (Span::Text { s }, Style::Terminal) => s.clone(),
        (Span::Bold { s }, Style::Terminal) => format!("\u{1b}[1m{s}{RESET}"),
        (Span::Code { s }, Style::Terminal) => format!("\u{1b}[36m{s}{RESET}"),
        (Span::Say { s, say } | Span::Ask { s, say, .. }, Style::Terminal) => {
            named(s, say, &format!("\u{1b}[36m{say}{RESET}"))
        }
        (Span::Text { s }, style) => inert(s, style),
        (Span::Bold { s }, Style::Slack) => format!("*{}*", inert(s, style)),
        (Span::Bold { s }, _) => format!("**{}**", inert(s, style)),
        (Span::Code { s }, style) => code_span(s, style),
        (Span::Link { s, url }, Style::Slack) => {
            format!(
                "<{}|{}>",
                slack_entities(url).replace('|', "%7C"),
                slack_entities(s).replace('|', "¦")
            )
        }
        (Span::Link { s, url }, _) => {
            format!("[{}](<{}>)", inert(s, style), url.replace(['<', '>', '\n'], ""))
        }
        (Span::Say { s, say } | Span::Ask { s, say, .. }, style) => {
            named(&inert(s, style), say, &code_span(say, style))
        }
    }
}

/// `label: command`, or only the command when there is no other label.
fn named(label: &str, say: &str, shown: &str) -> String {
    if label.is_empty() || label == say {
        shown.to_owned()
    } else {
        format!("{label}: {shown}")
    }
}

fn code_span(text: &str, style: Style) -> String {
    let text = text.replace('`', "ˋ").replace('\n', " ");
    if text.trim().is_empty() {
        return String::new();
    }
    if style == Style::Slack {
        format!("`{}`", slack_entities(&text))
    } else {
        format!("`{text}`")
    }
}

fn code(text: &str, style: Style) -> String {
    // A fence inside the text would end ours: a zero-width space breaks it up and keeps it readable.
    let safe = || text.replace("```", "`\u{200b}`\u{200b}`");
    match style {
        Style::Plain | Style::Terminal => text.to_owned(),
        Style::Slack => format!("```\n{}\n```", slack_entities(&safe())),
        Style::Markdown => format!("```\n{}\n```", safe()),
    }
}

fn slack_entities(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// User text in a platform's markup: shown, never obeyed; mentions do not ring.
fn inert(text: &str, style: Style) -> String {
    if style == Style::Slack {
        // A zero-width space beside a marker keeps Slack from pairing it.
        let mut out = String::with_capacity(text.len());
        for char in slack_entities(text).chars() {
            if matches!(char, '*' | '~' | '`') || char == '@' {
                out.push('\u{200b}');
            }
            out.push(char);
        }
        return out;
    }
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(
            char,
            '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' | '>' | '#'
        ) {
            out.push('\\');
        }
        out.push(char);
        if char == '@' {
            out.push('\u{200b}');
        }
    }
    out
}

/// Columns that a text takes in a terminal; wide East Asian characters and emoji take two.
#[must_use]
pub fn display_width(text: &str) -> usize {
    text.chars()
        .map(|char| match u32::from(char) {
            0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1faff
            | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

fn table(rows: &[Vec<String>], header: bool, style: Style, columns: Option<usize>) -> String {
    let mut lines = width::table(rows, columns);
    if style == Style::Terminal && header {
        for line in lines.iter_mut().take(1).flatten() {
            *line = format!("\u{1b}[2m{line}{RESET}");
        }
    }
    let text = lines.concat().join("\n");
    match style {
        Style::Plain | Style::Terminal => text,
        Style::Slack | Style::Markdown => code(&text, style),
    }
}

pub(super) fn fit(card: &mut Card, style: Style, limit: usize) -> bool {
    let size = |card: &Card| text(card, style).chars().count();
    let mut cut = false;
    let mut keep = 60;
    while size(card) > limit && keep >= 4 {
        for block in &mut card.blocks {
            match block {
                Block::Code { text } if text.lines().count() > keep => {
                    let excerpt = Excerpt::of(text, keep);
                    *text = format!(
                        "{}\n… {} lines left out …\n{}",
                        excerpt.head, excerpt.omitted, excerpt.tail
                    );
                    cut = true;
                }
                Block::Code { text } if keep <= 8 && text.chars().count() > limit / 2 => {
                    let take = |text: &str, n: usize| text.chars().take(n).collect::<String>();
                    let tail: String = {
                        let count = text.chars().count();
                        text.chars().skip(count.saturating_sub(limit / 4)).collect()
                    };
                    *text = format!("{}\n…\n{tail}", take(text, limit / 8));
                    cut = true;
                }
                Block::Table { rows, .. } if rows.len() > keep => {
                    let omitted = rows.len() - keep;
                    rows.truncate(keep);
                    rows.push(vec![format!("… {omitted} more")]);
                    cut = true;
                }
                _ => {}
            }
        }
        keep /= 2;
    }
    while size(card) > limit && card.blocks.len() > 1 {
        // The heading stays: it says it all.
        card.blocks.pop();
        cut = true;
    }
    // Escaping makes texts longer, so the first try may not be enough.
    let whole = text(card, Style::Plain);
    let mut keep = limit;
    while size(card) > limit && keep > 0 {
        keep = keep * 3 / 4;
        let start: String = whole.chars().take(keep).collect();
        *card = Card::plain(card.tone, &format!("{start}…"));
        cut = true;
    }
    cut
}
