//! Reads a pattern character by character, an escape counting as one.

use super::error::{SyntaxError, repr};

/// The next thing in a pattern: a character, or a backslash and the character after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    Escape(char),
}

impl Token {
    pub(super) fn len(self) -> usize {
        match self {
            Token::Char(_) => 1,
            Token::Escape(_) => 2,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Token::Char(c) => c.to_string(),
            Token::Escape(c) => format!("\\{c}"),
        }
    }
}

/// Position in a pattern.
pub(super) struct Tokens<'p> {
    pattern: &'p str,
    chars: Vec<char>,
    index: usize,
    next: Option<Token>,
}

type Result<T> = std::result::Result<T, SyntaxError>;

impl<'p> Tokens<'p> {
    pub(super) fn new(pattern: &'p str) -> Result<Self> {
        let mut tokens = Tokens {
            pattern,
            chars: pattern.chars().collect(),
            index: 0,
            next: None,
        };
        tokens.advance()?;
        Ok(tokens)
    }

    fn advance(&mut self) -> Result<()> {
        self.next = match self.chars.get(self.index) {
            None => None,
            Some('\\') => match self.chars.get(self.index + 1) {
                Some(&c) => Some(Token::Escape(c)),
                None => {
                    return Err(SyntaxError::at(
                        "bad escape (end of pattern)",
                        self.pattern,
                        self.chars.len() - 1,
                    ));
                }
            },
            Some(&c) => Some(Token::Char(c)),
        };
        self.index += self.next.map_or(0, Token::len);
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<Token> {
        self.next
    }

    pub(super) fn next_is(&self, c: char) -> bool {
        self.next == Some(Token::Char(c))
    }

    pub(super) fn get(&mut self) -> Result<Option<Token>> {
        let this = self.next;
        self.advance()?;
        Ok(this)
    }

    /// Takes `c` if it is next.
    pub(super) fn accept(&mut self, c: char) -> Result<bool> {
        let found = self.next_is(c);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn take_while(&mut self, most: usize, wanted: impl Fn(char) -> bool) -> Result<String> {
        let mut out = String::new();
        while out.len() < most {
            match self.next {
                Some(Token::Char(c)) if wanted(c) => out.push(c),
                _ => break,
            }
            self.advance()?;
        }
        Ok(out)
    }

    pub(super) fn take_until(&mut self, end: char, what: &str) -> Result<String> {
        let mut out = String::new();
        loop {
            let this = self.get()?;
            match this {
                None if out.is_empty() => return Err(self.error(format!("missing {what}"), 0)),
                None => {
                    let back = out.chars().count();
                    return Err(self.error(format!("missing {end}, unterminated name"), back));
                }
                Some(Token::Char(c)) if c == end => {
                    if out.is_empty() {
                        return Err(self.error(format!("missing {what}"), 1));
                    }
                    return Ok(out);
                }
                Some(token) => out.push_str(&token.text()),
            }
        }
    }

    pub(super) fn tell(&self) -> usize {
        self.index - self.next.map_or(0, Token::len)
    }

    pub(super) fn seek(&mut self, index: usize) -> Result<()> {
        self.index = index;
        self.advance()
    }

    /// An error `back` characters before the present position.
    pub(super) fn error(&self, message: impl Into<String>, back: usize) -> SyntaxError {
        SyntaxError::at(message, self.pattern, self.tell().saturating_sub(back))
    }

    /// An error at a position known already.
    pub(super) fn error_at(&self, message: impl Into<String>, position: usize) -> SyntaxError {
        SyntaxError::at(message, self.pattern, position)
    }

    pub(super) fn check_group_name(&self, name: &str) -> Result<()> {
        if is_identifier(name) {
            return Ok(());
        }
        let message = format!("bad character in group name {}", repr(name));
        Err(self.error(message, name.chars().count() + 1))
    }
}

/// Whether Python's `str.isidentifier` holds.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}
