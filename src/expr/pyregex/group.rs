//! What may follow an opening parenthesis: groups, look-around, conditionals, references, flags.

use super::Flags;
use super::ast::{Node, width};
use super::error::{SyntaxError, repr};
use super::parse::{Item, MAX_DEPTH, Parser};
use super::tokens::{Token, is_identifier};

type Result<T> = std::result::Result<T, SyntaxError>;

impl Parser<'_> {
    /// Parses what follows `(`; `None` for comments and global flags.
    pub(super) fn group(&mut self, flags: &mut Flags, depth: usize, at_start: bool) -> Result<Option<Item>> {
        let start = self.tokens.tell() - 1;
        let unterminated = "missing ), unterminated subpattern";
        if !self.tokens.accept('?')? {
            return self.capture(None, *flags, depth, start).map(Some);
        }
        let Some(kind) = self.tokens.get()? else {
            return Err(self.tokens.error("unexpected end of pattern", 0));
        };
        match kind {
            Token::Char('P') => {
                if self.tokens.accept('<')? {
                    let name = self.tokens.take_until('>', "group name")?;
                    self.tokens.check_group_name(&name)?;
                    return self.capture(Some(name), *flags, depth, start).map(Some);
                }
                if self.tokens.accept('=')? {
                    return self.named_backref(*flags).map(|node| Some(Item::Node(node)));
                }
                match self.tokens.get()? {
                    None => Err(self.tokens.error("unexpected end of pattern", 0)),
                    Some(token) => {
                        let message = format!("unknown extension ?P{}", token.text());
                        Err(self.tokens.error(message, token.len() + 2))
                    }
                }
            }
            Token::Char(':') => {
                let body = self.alternatives(*flags, depth + 1)?;
                self.close(start, unterminated)?;
                Ok(Some(Item::Plain(body)))
            }
            Token::Char('#') => loop {
                match self.tokens.peek() {
                    None => {
                        return Err(self.tokens.error_at("missing ), unterminated comment", start));
                    }
                    Some(_) => {
                        if self.tokens.get()? == Some(Token::Char(')')) {
                            return Ok(None);
                        }
                    }
                }
            },
            Token::Char(kind @ ('=' | '!' | '<')) => self.look(kind, *flags, depth, start).map(Some),
            Token::Char('(') => self.conditional(*flags, depth, start).map(Some),
            Token::Char('>') => {
                let body = self.alternatives(*flags, depth + 1)?;
                self.close(start, unterminated)?;
                Ok(Some(Item::Node(Node::Atomic(body))))
            }
            Token::Char(c) if c == '-' || Flags::letter(c) => {
                let Some((add, remove)) = self.inline_flags(c)? else {
                    if !at_start {
                        let message = "global flags not at the start of the expression";
                        return Err(self.tokens.error_at(message, start));
                    }
                    *flags = self.flags;
                    return Ok(None);
                };
                let scoped = flags.changed(&add, &remove);
                let body = self.alternatives(scoped, depth + 1)?;
                self.close(start, unterminated)?;
                Ok(Some(Item::Node(Node::Scope(body))))
            }
            other => {
                let message = format!("unknown extension ?{}", other.text());
                Err(self.tokens.error(message, other.len() + 1))
            }
        }
    }

    fn close(&mut self, start: usize, message: &str) -> Result<()> {
        if self.tokens.accept(')')? {
            Ok(())
        } else {
            Err(self.tokens.error_at(message, start))
        }
    }

    fn capture(&mut self, name: Option<String>, flags: Flags, depth: usize, start: usize) -> Result<Item> {
        let index = u32::try_from(self.widths.len()).unwrap_or(u32::MAX);
        if let Some(name) = &name {
            if let Some((_, other)) = self.names.iter().find(|(known, _)| known == name) {
                let message = format!(
                    "redefinition of group name {} as group {index}; was group {other}",
                    repr(name)
                );
                return Err(self.tokens.error(message, name.chars().count() + 1));
            }
            self.names.push((name.clone(), index));
        }
        self.widths.push(None);
        let body = self.alternatives(flags, depth + 1)?;
        self.close(start, "missing ), unterminated subpattern")?;
        self.widths[index as usize] = Some(width(&body, &self.widths));
        Ok(Item::Node(Node::Group { index, name, body }))
    }

    fn named_backref(&mut self, flags: Flags) -> Result<Node> {
        let name = self.tokens.take_until(')', "group name")?;
        self.tokens.check_group_name(&name)?;
        let back = name.chars().count() + 1;
        let Some(&(_, group)) = self.names.iter().find(|(known, _)| *known == name) else {
            return Err(self
                .tokens
                .error(format!("unknown group name {}", repr(&name)), back));
        };
        if self.widths[group as usize].is_none() {
            return Err(self.tokens.error("cannot refer to an open group", back));
        }
        self.check_look_behind(group)?;
        Ok(Node::Backref {
            group,
            fold: flags.ignore_case,
        })
    }

    /// A reference by number, `\1`; `length` is that of the escape.
    pub(super) fn numbered_backref(&mut self, group: u64, length: usize, flags: Flags) -> Result<Node> {
        match usize::try_from(group)
            .ok()
            .and_then(|index| self.widths.get(index))
        {
            Some(None) => Err(self.tokens.error("cannot refer to an open group", length)),
            Some(Some(_)) => {
                let group = u32::try_from(group).unwrap_or(u32::MAX);
                self.check_look_behind(group)?;
                Ok(Node::Backref {
                    group,
                    fold: flags.ignore_case,
                })
            }
            None => Err(self
                .tokens
                .error(format!("invalid group reference {group}"), length - 1)),
        }
    }

    fn check_look_behind(&self, group: u32) -> Result<()> {
        let Some(first) = self.look_behind_groups else {
            return Ok(());
        };
        if self.widths.get(group as usize).copied().flatten().is_none() {
            return Err(self.tokens.error("cannot refer to an open group", 0));
        }
        if group as usize >= first {
            let message = "cannot refer to group defined in the same lookbehind subpattern";
            return Err(self.tokens.error(message, 0));
        }
        Ok(())
    }

    fn look(&mut self, kind: char, flags: Flags, depth: usize, start: usize) -> Result<Item> {
        let mut kind = kind;
        let behind = kind == '<';
        let outer = self.look_behind_groups;
        if behind {
            kind = match self.tokens.get()? {
                None => return Err(self.tokens.error("unexpected end of pattern", 0)),
                Some(Token::Char(c @ ('=' | '!'))) => c,
                Some(token) => {
                    let message = format!("unknown extension ?<{}", token.text());
                    return Err(self.tokens.error(message, token.len() + 2));
                }
            };
            if outer.is_none() {
                self.look_behind_groups = Some(self.widths.len());
            }
        }
        let body = self.alternatives(flags, depth + 1)?;
        self.look_behind_groups = outer;
        self.close(start, "missing ), unterminated subpattern")?;
        let width = if behind {
            let (low, high) = width(&body, &self.widths);
            match u32::try_from(low) {
                Ok(low_width) if low == high => Some(low_width),
                _ => return Err(SyntaxError::bare("look-behind requires fixed-width pattern")),
            }
        } else {
            None
        };
        Ok(Item::Node(Node::Look {
            behind: width,
            negate: kind == '!',
            body,
        }))
    }

    fn conditional(&mut self, flags: Flags, depth: usize, start: usize) -> Result<Item> {
        let name = self.tokens.take_until(')', "group name")?;
        let back = name.chars().count() + 1;
        let group = if is_identifier(&name) {
            match self.names.iter().find(|(known, _)| *known == name) {
                Some(&(_, group)) => group,
                None => {
                    return Err(self
                        .tokens
                        .error(format!("unknown group name {}", repr(&name)), back));
                }
            }
        } else {
            let group = match name.trim().parse::<u32>() {
                Ok(0) => return Err(self.tokens.error("bad group number", back)),
                Ok(group) => group,
                Err(_) => {
                    let message = format!("bad character in group name {}", repr(&name));
                    return Err(self.tokens.error(message, back));
                }
            };
            self.forward_refs.push((group, self.tokens.tell() - back));
            group
        };
        self.check_look_behind(group)?;
        if depth >= MAX_DEPTH {
            return Err(self.tokens.error("pattern is nested too deeply", 0));
        }
        let yes = self.sequence(flags, depth + 1, false)?;
        let no = if self.tokens.accept('|')? {
            let no = self.sequence(flags, depth + 1, false)?;
            if self.tokens.next_is('|') {
                return Err(self
                    .tokens
                    .error("conditional backref with more than two branches", 0));
            }
            Some(no)
        } else {
            None
        };
        self.close(start, "missing ), unterminated subpattern")?;
        Ok(Item::Node(Node::Conditional { group, yes, no }))
    }

    /// Reads `i`, `im-s:` and the like after `(?`. `None`: they were global and are now in force.
    fn inline_flags(&mut self, first: char) -> Result<Option<(String, String)>> {
        let mut add = String::new();
        let mut remove = String::new();
        let unknown = |token: Token, otherwise: &str| match token {
            Token::Char(c) if c.is_alphabetic() => "unknown flag".to_owned(),
            _ => otherwise.to_owned(),
        };
        let mut current = Token::Char(first);
        if first != '-' {
            while let Token::Char(letter) = current {
                if letter == 'L' {
                    let message = "bad inline flags: cannot use 'L' flag with a str pattern";
                    return Err(self.tokens.error(message, 0));
                }
                add.push(letter);
                if add.contains('a') && add.contains('u') {
                    let message = "bad inline flags: flags 'a', 'u' and 'L' are incompatible";
                    return Err(self.tokens.error(message, 0));
                }
                let Some(next) = self.tokens.get()? else {
                    return Err(self.tokens.error("missing -, : or )", 0));
                };
                match next {
                    Token::Char(')' | '-' | ':') => {
                        current = next;
                        break;
                    }
                    Token::Char(c) if Flags::letter(c) => current = next,
                    other => {
                        return Err(self
                            .tokens
                            .error(unknown(other, "missing -, : or )"), other.len()));
                    }
                }
            }
        }
        if current == Token::Char(')') {
            self.flags = self.flags.changed(&add, "");
            return Ok(None);
        }
        if add.contains('t') {
            return Err(self
                .tokens
                .error("bad inline flags: cannot turn on global flag", 1));
        }
        if current == Token::Char('-') {
            let Some(mut next) = self.tokens.get()? else {
                return Err(self.tokens.error("missing flag", 0));
            };
            let mut missing = "missing flag";
            loop {
                match next {
                    Token::Char(':') if !remove.is_empty() => break,
                    Token::Char(c) if Flags::letter(c) => {
                        if matches!(c, 'a' | 'u' | 'L') {
                            let message = "bad inline flags: cannot turn off flags 'a', 'u' and 'L'";
                            return Err(self.tokens.error(message, 0));
                        }
                        remove.push(c);
                    }
                    other => return Err(self.tokens.error(unknown(other, missing), other.len())),
                }
                missing = "missing :";
                next = match self.tokens.get()? {
                    Some(token) => token,
                    None => return Err(self.tokens.error("missing :", 0)),
                };
            }
        }
        if remove.contains('t') {
            return Err(self
                .tokens
                .error("bad inline flags: cannot turn off global flag", 1));
        }
        if add.chars().any(|c| remove.contains(c)) {
            return Err(self.tokens.error("bad inline flags: flag turned on and off", 1));
        }
        Ok(Some((add, remove)))
    }
}
