//! Words of a command with their places, quotes respected; for carets and suggestions.

use std::ops::Range;

use super::Unusable;

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its text without the quotes around it.
    pub text: String,
    /// Where it stands, in bytes, quotes included.
    pub span: Range<usize>,
}

/// Splits at white space; `"…"` and `'…'` at the start of a word keep it together.
///
/// # Errors
/// When a double quote is not closed.
pub fn words(text: &str) -> Result<Vec<Word>, Unusable> {
    if let Some(at) = unclosed_quote(text, &[]) {
        return Err(Unusable::UnclosedQuote {
            line: text.to_owned(),
            column: text[..at].chars().count(),
        });
    }
    let mut words = Vec::new();
    let mut rest = 0;
    while let Some(start) = text[rest..]
        .find(|c: char| !c.is_whitespace())
        .map(|at| rest + at)
    {
        let tail = &text[start..];
        let quote = tail.chars().next().filter(|first| matches!(first, '"' | '\''));
        let quoted = quote.and_then(|quote| {
            tail[1..]
                .find(quote)
                .map(|at| (start + 1..start + 1 + at, start + at + 2))
        });
        let (inner, end) = quoted.unwrap_or_else(|| {
            let end = tail.find(char::is_whitespace).map_or(text.len(), |at| start + at);
            (start..end, end)
        });
        words.push(Word {
            text: text[inner].to_owned(),
            span: start..end,
        });
        rest = end;
    }
    Ok(words)
}

/// Where a double quote opens that is never closed. Only a quote at the start of a word or after `=`
/// opens; apostrophes and inch marks do not. Parts in `protected` are not looked at.
pub(super) fn unclosed_quote(text: &str, protected: &[Range<usize>]) -> Option<usize> {
    let mut open = None;
    let mut before = ' ';
    for (at, char) in text.char_indices() {
        if protected.iter().any(|range| range.contains(&at)) {
            before = 'x';
            continue;
        }
        if char == '"' {
            match open {
                Some(_) => open = None,
                None if before.is_whitespace() || before == '=' => open = Some(at),
                None => {}
            }
        }
        before = char;
    }
    open
}
