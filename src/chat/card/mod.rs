//! What an answer says, without any platform's markup.
//!
//! Templates write a small markup (`# heading`, `-# note`, `**bold**`, `` `code` ``, fences, links) with every
//! value escaped; [`Card::parse`] turns that into blocks, and `render` writes blocks for a platform. Text
//! of users therefore never meets a platform's markup directly.

mod parse;
mod render;
mod width;

use serde::{Deserialize, Serialize};

pub use parse::escape;
pub use render::display_width;

/// How an answer feels: its colour where there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Neutral,
    /// It worked.
    Good,
    /// Look here.
    Warning,
    /// It did not work.
    Bad,
    /// Still at work.
    Busy,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum Span {
    /// Plain text.
    Text {
        /// The text.
        s: String,
    },
    /// Emphasised text.
    Bold {
        /// The text.
        s: String,
    },
    /// Something to copy: an id, a command, a value.
    Code {
        /// The text.
        s: String,
    },
    /// A link.
    Link {
        /// What is shown.
        s: String,
        /// Where it leads; `http` or `https`.
        url: String,
    },
    /// A command that may be said next: a button where there are buttons.
    Say {
        /// What the button is called.
        s: String,
        /// The command.
        say: String,
    },
    /// A form that may be filled in: a button where there are forms, else the command that does the same.
    Ask {
        /// What the button is called.
        s: String,
        /// The form, [`crate::chat::forms::Form::id`].
        form: String,
        /// The command for places without forms.
        say: String,
    },
}

/// A line of text.
pub type Line = Vec<Span>;

/// A part of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "lowercase")]
pub enum Block {
    /// The first line, which says it all.
    Heading {
        /// The line.
        line: Line,
    },
    /// A paragraph.
    Text {
        /// Its lines.
        lines: Vec<Line>,
    },
    /// Small print.
    Note {
        /// The line.
        line: Line,
    },
    /// Text in a fixed width, as it is: output, scripts.
    Code {
        /// The text.
        text: String,
    },
    /// Rows of cells; with `header` the first row names the columns.
    Table {
        /// Whether the first row is a header.
        header: bool,
        /// Rows of cells.
        rows: Vec<Vec<String>>,
    },
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// How it feels.
    pub tone: Tone,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// Colours of a terminal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// None.
    Plain,
    /// ANSI.
    Terminal,
    /// Slack's mrkdwn.
    Slack,
    /// Markdown.
    Markdown,
}

impl From<super::gateway::Markup> for Style {
    fn from(markup: super::gateway::Markup) -> Self {
        match markup {
            super::gateway::Markup::Plain => Self::Plain,
            super::gateway::Markup::Terminal => Self::Terminal,
            super::gateway::Markup::Slack => Self::Slack,
            super::gateway::Markup::Markdown => Self::Markdown,
        }
    }
}

impl Card {
    /// Reads what a template wrote.
    #[must_use]
    pub fn parse(tone: Tone, text: &str) -> Self {
        Self {
            tone,
            blocks: parse::blocks(text),
        }
    }

    /// A card of one plain paragraph.
    #[must_use]
    pub fn plain(tone: Tone, text: &str) -> Self {
        let lines = text
            .lines()
            .map(|line| {
                vec![Span::Text {
                    s: parse::visible(line),
                }]
            })
            .collect();
        Self {
            tone,
            blocks: vec![Block::Text { lines }],
        }
    }

    /// The card as text in a style.
    #[must_use]
    pub fn text(&self, style: Style) -> String {
        render::text(self, style)
    }

    /// The card as text in a style whose lines, except those of code, have at most `columns` columns if that can be.
    #[must_use]
    pub fn text_within(&self, style: Style, columns: usize) -> String {
        render::text_within(self, style, Some(columns))
    }

    /// Cuts code and tables in the middle, then whole blocks at the end, until the text in `style` has at
    /// most `limit` characters. Returns whether something was left out.
    pub fn fit(&mut self, style: Style, limit: usize) -> bool {
        render::fit(self, style, limit)
    }
}

/// The first and last lines of a long text; what was left out is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// First lines; everything when nothing was left out.
    pub head: String,
    /// Last lines; empty when nothing was left out.
    pub tail: String,
    /// Lines left out between them.
    pub omitted: usize,
    /// Lines of the whole text.
    pub lines: usize,
}

impl Excerpt {
    /// Keeps at most `lines` lines (a third of them from the start, where things are announced; the rest
    /// from the end, where they fail) and cuts lines of more than 2,000 characters.
    #[must_use]
    pub fn of(text: &str, lines: usize) -> Self {
        let text = text.trim_end_matches(['\n', ' ', '\t', '\r']);
        let cut = |line: &str| match line.char_indices().nth(2000) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line.to_owned(),
        };
        let join = |part: &[&str]| part.iter().map(|line| cut(line)).collect::<Vec<_>>().join("\n");
        let all: Vec<&str> = text.lines().collect();
        let lines = lines.max(3);
        if all.len() <= lines {
            return Self {
                head: join(&all),
                tail: String::new(),
                omitted: 0,
                lines: all.len(),
            };
        }
        let head = lines / 3;
        let tail = lines - head;
        Self {
            head: join(&all[..head]),
            tail: join(&all[all.len() - tail..]),
            omitted: all.len() - lines,
            lines: all.len(),
        }
    }
}

/// Small print loses what became a button, and what stood between: for platforms with buttons of their own.
pub(crate) fn without_buttons(line: &mut Line) {
    let had = line.len();
    line.retain(|span| !matches!(span, Span::Say { .. } | Span::Ask { .. }));
    if line.len() == had {
        return;
    }
    // Texts that have come together are one; of its parts those with nothing in them go.
    let mut kept: Line = Vec::with_capacity(line.len());
    for span in line.drain(..) {
        match (kept.last_mut(), span) {
            (Some(Span::Text { s }), Span::Text { s: more }) => s.push_str(&more),
            (_, span) => kept.push(span),
        }
    }
    let last = kept.len().saturating_sub(1);
    for (at, span) in kept.iter_mut().enumerate() {
        let Span::Text { s } = span else { continue };
        let parts: Vec<&str> = s.split('·').collect();
        let (begins, ends) = (at == 0, at == last);
        let stays = |(number, part): &(usize, &&str)| {
            !part.trim().is_empty() || (*number == 0 && !begins) || (*number == parts.len() - 1 && !ends)
        };
        let parts: Vec<&str> = parts
            .iter()
            .enumerate()
            .filter(stays)
            .map(|(_, part)| *part)
            .collect();
        *s = parts.join("·");
        if begins {
            *s = s.trim_start().to_owned();
        }
        if ends {
            s.truncate(s.trim_end().len());
        }
    }
    kept.retain(|span| !matches!(span, Span::Text { s } if s.is_empty()));
    *line = kept;
}

#[cfg(test)]
mod tests;
