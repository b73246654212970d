//! What can go wrong with a pattern, in Python's words.

use std::fmt;

/// A pattern that is refused, or a search that took too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The pattern is no regular expression; the text is that of Python's `re.error`.
    #[error("{0}")]
    Syntax(SyntaxError),
    /// Matching was given up after the allowed number of steps.
    #[error("the regular expression takes too long on this text (step limit reached); simplify the pattern")]
    Limit,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Python's message without the position.
    pub message: String,
    /// Where, in characters from the start of the pattern.
    pub position: Option<usize>,
    /// Line and column (from 1) when the pattern has several lines.
    pub place: Option<(usize, usize)>,
}

impl SyntaxError {
    pub(crate) fn at(message: impl Into<String>, pattern: &str, position: usize) -> Self {
        let place = pattern.contains('\n').then(|| {
            let before: Vec<char> = pattern.chars().take(position).collect();
            let line = before.iter().filter(|&&c| c == '\n').count() + 1;
            let column = before.iter().rev().take_while(|&&c| c != '\n').count() + 1;
            (line, column)
        });
        SyntaxError {
            message: message.into(),
            position: Some(position),
            place,
        }
    }

    pub(crate) fn bare(message: impl Into<String>) -> Self {
        SyntaxError {
            message: message.into(),
            position: None,
            place: None,
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(position) = self.position {
            write!(f, " at position {position}")?;
        }
        if let Some((line, column)) = self.place {
            write!(f, " (line {line}, column {column})")?;
        }
        Ok(())
    }
}

/// Python's `repr` of a text, as its messages quote names.
pub(crate) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for ch in text.chars() {
        match ch {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}
