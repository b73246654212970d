//! From the text that a platform delivers to the text that the person meant.
//!
//! One pure function for all gateways: [`normalise`]. It undoes what editors and platforms do to commands
//! (typographic quotes, wrapped links, entities, invisible characters), keeps code blocks as they are, and
//! refuses what cannot be meant as a command (quotations, unclosed quotes). Any input gives an answer.

mod links;
mod words;

use std::fmt;

use super::gateway::Dialect;
pub use words::{Word, words};

/// Bytes that one message may have. More than any platform allows in a message; protects the matcher.
pub const MAX_MESSAGE: usize = 64 << 10;

/// What a mention points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MentionKind {
    /// A person or bot.
    User,
    /// A channel.
    Channel,
    /// A group of people or a role.
    Group,
}

/// A mention in the message; in the text stands its bare id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// What it points to.
    pub kind: MentionKind,
    /// The platform's stable id.
    pub id: String,
}

/// A message after normalisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalised {
    /// The command as meant, trimmed.
    pub text: String,
    /// Mentions in order.
    pub mentions: Vec<Mention>,
    /// What was changed beyond mere typography; shown by `explain` and with errors.
    pub notes: Vec<String>,
    /// The message began with a mention of the bot (which is not part of `text`).
    pub addressed: bool,
}

/// Why a message is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Larger than [`MAX_MESSAGE`]; bytes as received.
    TooLong(usize),
    /// Nothing was left.
    Empty,
    /// A quotation or a piece of code: somebody shows a command and does not give it.
    Quotation,
    /// A double quote was opened and not closed.
    UnclosedQuote {
        /// The line with the quote.
        line: String,
        /// Column of the quote in it, from 0, in characters.
        column: usize,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(
                f,
                "the message is too long ({bytes} bytes; {MAX_MESSAGE} are allowed): put the data in a file and name the file"
            ),
            Self::Empty => f.write_str("the message is empty"),
            Self::Quotation => {
                f.write_str("this is a quotation, so nothing runs: send the command without quoting it")
            }
            Self::UnclosedQuote { line, column } => {
                write!(
                    f,
                    "the quote is not closed\n{line}\n{:>width$}",
                    "^",
                    width = column + 1
                )
            }
        }
    }
}

/// Normalises a message. `bot` is the bot's own id, whose mention at the start is an address, not text.
///
/// # Errors
/// When the text cannot be a command; see [`Unusable`].
pub fn normalise(raw: &str, dialect: Dialect, bot: Option<&str>) -> Result<Normalised, Unusable> {
    if raw.len() > MAX_MESSAGE {
        return Err(Unusable::TooLong(raw.len()));
    }
    let clean = clean_controls(raw);
    let clean = without_quotation(&clean, dialect)?;
    let mut out = Builder {
        dialect,
        ..Builder::default()
    };
    for (index, piece) in split_code(clean, dialect).into_iter().enumerate() {
        match piece {
            Piece::Text(text) => out.text(text, index == 0, bot),
            Piece::Code(code) => out.code(code),
        }
    }
    let Builder {
        text,
        mut mentions,
        notes,
        addressed,
        quoted,
        ..
    } = out;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Unusable::Empty);
    }
    let offset = text.len() - text.trim_start().len();
    let protected: Vec<_> = quoted
        .iter()
        .map(|r| r.start.saturating_sub(offset)..r.end.saturating_sub(offset))
        .collect();
    if let Some(at) = words::unclosed_quote(trimmed, &protected) {
        let start = trimmed[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = trimmed[start..].lines().next().unwrap_or_default().to_owned();
        return Err(Unusable::UnclosedQuote {
            line,
            column: trimmed[start..at].chars().count(),
        });
    }
    mentions.shrink_to_fit();
    Ok(Normalised {
        text: trimmed.to_owned(),
        mentions,
        notes,
        addressed,
    })
}

#[derive(Default)]
struct Builder {
    dialect: Dialect,
    text: String,
    mentions: Vec<Mention>,
    notes: Vec<String>,
    addressed: bool,
    /// Parts of `text` that came out of code blocks: quotes in them mean nothing.
    quoted: Vec<std::ops::Range<usize>>,
}

impl Builder {
    fn text(&mut self, text: &str, first: bool, bot: Option<&str>) {
        let mut text = if self.dialect == Dialect::Console {
            text.to_owned()
        } else {
            let unwrapped = links::unwrap(text, self.dialect);
            let mut mentions = unwrapped.mentions;
            let mut text = unwrapped.text;
            if first
                && let Some(bot) = bot
                && let Some((range, mention)) = mentions.first()
                && mention.id == bot
                && text[..range.start].trim().is_empty()
            {
                text = text[range.end..]
                    .trim_start_matches([':', ',', ' ', '\t'])
                    .to_owned();
                mentions.remove(0);
                self.addressed = true;
            }
            self.mentions
                .extend(mentions.into_iter().map(|(_, mention)| mention));
            text
        };
        text = plain_typography(&text);
        if self.dialect == Dialect::Slack {
            text = text.strip_prefix("• ").unwrap_or(&text).replace("\n• ", "\n");
        }
        self.text.push_str(&flags(&text, &mut self.notes));
    }

    /// A code block or span becomes one argument: quoted when it has several words and a quote is free.
    fn code(&mut self, code: &str) {
        let decoded;
        let code = if self.dialect == Dialect::Slack {
            decoded = links::decode_entities(code);
            decoded.as_str()
        } else {
            code
        };
        let code = code.trim_matches('\n');
        if code.is_empty() {
            return;
        }
        if self.text.chars().next_back().is_some_and(|last| last == '\n') {
            self.text.truncate(self.text.trim_end_matches('\n').len());
        }
        if self
            .text
            .chars()
            .next_back()
            .is_some_and(|last| !last.is_whitespace() && !"=\"'([{".contains(last))
        {
            self.text.push(' ');
        }
        let start = self.text.len();
        let open = self
            .text
            .chars()
            .next_back()
            .is_some_and(|last| last == '"' || last == '\'');
        let quote = if open || !code.contains(char::is_whitespace) {
            None
        } else {
            ['"', '\''].into_iter().find(|quote| !code.contains(*quote))
        };
        self.text.extend(quote);
        self.text.push_str(code);
        self.text.extend(quote);
        self.quoted.push(start..self.text.len());
        self.notes
            .push("a code block was taken as one argument".to_owned());
    }
}

/// Line ends become `\n`; control characters and terminal sequences go.
fn clean_controls(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\r' => {
                chars.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\t' => out.push(char),
            '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\u{1b}' => {
                // A control sequence ends with a letter; a lone escape is dropped by itself.
                if chars.next_if_eq(&'[').is_some() {
                    while chars
                        .next_if(|c| !c.is_ascii_alphabetic() && *c != '\n')
                        .is_some()
                    {}
                    chars.next_if(|c| c.is_ascii_alphabetic());
                }
            }
            char if char.is_control() => {}
            char => out.push(char),
        }
    }
    out
}

/// Drops leading quoted lines; refuses messages that are nothing but a quotation.
fn without_quotation(text: &str, dialect: Dialect) -> Result<&str, Unusable> {
    let is_quote = |line: &str| {
        let line = line.trim_start();
        line.starts_with('>') || (dialect == Dialect::Slack && line.starts_with("&gt;"))
    };
    let mut rest = text.trim();
    let mut quoted = false;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if is_quote(line) {
            // `>>>` quotes everything that follows.
            if line.trim_start().trim_start_matches("&gt;").starts_with(">>>")
                || line.trim_start().starts_with("&gt;&gt;&gt;")
                || line.trim_start().starts_with(">>>")
            {
                return Err(Unusable::Quotation);
            }
            quoted = true;
            rest = after.trim_start();
        } else {
            break;
        }
    }
    if rest.is_empty() {
        return Err(if quoted {
            Unusable::Quotation
        } else {
            Unusable::Empty
        });
    }
    let all_code = rest.len() > 2
        && rest.starts_with('`')
        && rest.ends_with('`')
        && match rest.strip_prefix("```") {
            Some(inner) => inner
                .strip_suffix("```")
                .is_some_and(|inner| !inner.contains("```")),
            None => !rest[1..rest.len() - 1].contains('`'),
        };
    if all_code {
        Err(Unusable::Quotation)
    } else {
        Ok(rest)
    }
}

enum Piece<'a> {
    Text(&'a str),
    Code(&'a str),
}

/// Splits at fenced blocks and, on platforms with markup, at code spans.
fn split_code(text: &str, dialect: Dialect) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('`') {
        let fence = rest[open..].starts_with("```");
        let marker = if fence { "```" } else { "`" };
        let inner = &rest[open + marker.len()..];
        let close = inner
            .find(marker)
            .filter(|close| *close > 0 && (fence || !inner[..*close].contains('\n')));
        let Some(close) = close.filter(|_| fence || dialect != Dialect::Console) else {
            // No code after all: the backtick is text. In a terminal it is the shell's.
            let skip = open + marker.len();
            let next = rest[skip..].find('`').map_or(rest.len(), |next| skip + next);
            pieces.push(Piece::Text(&rest[..next]));
            rest = &rest[next..];
            continue;
        };
        pieces.push(Piece::Text(&rest[..open]));
        let mut code = &inner[..close];
        if fence
            && dialect != Dialect::Slack
            && let Some((language, body)) = code.split_once('\n')
            && !language.contains(char::is_whitespace)
        {
            code = body;
        }
        pieces.push(Piece::Code(code));
        rest = &inner[close + marker.len()..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Typographic characters to the ones that people find on a keyboard; invisible ones go.
fn plain_typography(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '“' | '”' | '„' | '‟' | '«' | '»' | '＂' => out.push('"'),
            '‘' | '’' | '‚' | '‛' | '＇' => out.push('\''),
            '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
                out.push(' ')
            }
            '\u{2010}' | '\u{2011}' => out.push('-'),
            '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => {}
            // Directions that could make a command look like another one.
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            // Joiners hold emoji and some scripts together; between plain letters they only hide.
            '\u{200c}' | '\u{200d}' => {
                let before = out.chars().next_back().is_some_and(|last| !last.is_ascii());
                if before && chars.peek().is_some_and(|next| !next.is_ascii()) {
                    out.push(char);
                }
            }
            char => out.push(char),
        }
    }
    out
}

/// A dash that an editor made of `--` in front of a flag becomes `--` again.
fn flags(text: &str, notes: &mut Vec<String>) -> String {
    if !text.contains(['—', '–']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 4);
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let starts_flag = matches!(char, '—' | '–')
            && before.is_whitespace()
            && !out.trim().is_empty()
            && chars.peek().is_some_and(|next| next.is_ascii_alphabetic());
        if starts_flag {
            out.push_str("--");
            let note = format!("`{char}` before a word was read as `--`");
            if !notes.contains(&note) {
                notes.push(note);
            }
        } else {
            out.push(char);
        }
        before = char;
    }
    out
}

#[cfg(test)]
mod tests;
