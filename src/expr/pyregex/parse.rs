//! Parses Python's `re` syntax, refusing what Python refuses with Python's words.
//!
//! Alternatives with a common beginning are factored out and plain non-capturing groups unpacked, as
//! Python does: the automatic anchors of alias formats depend on that shape.

use super::Flags;
use super::ast::{At, Node, RepeatKind, Set, SetItem, width};
use super::error::{SyntaxError, repr};
use super::escape;
use super::tokens::{Token, Tokens, is_identifier};

/// How deep groups may be nested; keeps recursion within the stack.
const MAX_DEPTH: usize = 100;
/// Longest pattern in bytes.
const MAX_PATTERN: usize = 64 * 1024;
/// Python's own bound on the number of repetitions.
const MAX_REPEAT: u64 = u32::MAX as u64;

type Result<T> = std::result::Result<T, SyntaxError>;

/// A parsed pattern.
pub(crate) struct Parsed {
    pub(crate) nodes: Vec<Node>,
    /// Names of groups with their numbers, in order.
    pub(crate) names: Vec<(String, u32)>,
    /// Number of groups, the whole match (group 0) included.
    pub(crate) groups: u32,
    pub(crate) widths: Vec<Option<(u64, u64)>>,
}

/// Parses `pattern` under `flags`.
pub(crate) fn parse(pattern: &str, flags: Flags) -> Result<Parsed> {
    if pattern.len() > MAX_PATTERN {
        return Err(SyntaxError::bare(format!(
            "the pattern is longer than {MAX_PATTERN} bytes"
        )));
    }
    let mut parser = Parser {
        tokens: Tokens::new(pattern)?,
        flags,
        names: Vec::new(),
        widths: vec![None],
        look_behind_groups: None,
        forward_refs: Vec::new(),
    };
    let nodes = parser.alternatives(flags, 0)?;
    if parser.tokens.peek().is_some() {
        return Err(parser.tokens.error("unbalanced parenthesis", 0));
    }
    for &(group, position) in &parser.forward_refs {
        if group as usize >= parser.widths.len() {
            return Err(parser
                .tokens
                .error_at(format!("invalid group reference {group}"), position));
        }
    }
    let groups = u32::try_from(parser.widths.len()).unwrap_or(u32::MAX);
    Ok(Parsed {
        nodes,
        names: parser.names,
        groups,
        widths: parser.widths,
    })
}

/// State while parsing; `widths` holds an entry for each group, `None` while the group is open.
pub(super) struct Parser<'p> {
    pub(super) tokens: Tokens<'p>,
    flags: Flags,
    names: Vec<(String, u32)>,
    widths: Vec<Option<(u64, u64)>>,
    look_behind_groups: Option<usize>,
    forward_refs: Vec<(u32, usize)>,
}

impl Parser<'_> {
    fn alternatives(&mut self, flags: Flags, depth: usize) -> Result<Vec<Node>> {
        if depth > MAX_DEPTH {
            return Err(self.tokens.error("pattern is nested too deeply", 0));
        }
        let mut flags = flags;
        let mut items = Vec::new();
        loop {
            let first = depth == 0 && items.is_empty();
            items.push(self.sequence(flags, depth, first)?);
            if !self.tokens.accept('|')? {
                break;
            }
            if depth == 0 {
                flags = self.flags;
            }
        }
        if items.len() == 1 {
            return Ok(items.remove(0));
        }
        Ok(factor(items))
    }

    fn sequence(&mut self, mut flags: Flags, depth: usize, first: bool) -> Result<Vec<Node>> {
        let mut out: Vec<Item> = Vec::new();
        while let Some(next) = self.tokens.peek() {
            if matches!(next, Token::Char('|' | ')')) {
                break;
            }
            self.tokens.get()?;
            let this = match next {
                Token::Escape(c) => {
                    out.push(Item::Node(escape::outside_set(self, c, flags)?));
                    continue;
                }
                Token::Char(c) => c,
            };
            if flags.verbose {
                if matches!(this, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c') {
                    continue;
                }
                if this == '#' {
                    while !matches!(self.tokens.get()?, None | Some(Token::Char('\n'))) {}
                    continue;
                }
            }
            match this {
                '[' => out.push(Item::Node(self.set(flags)?)),
                '*' | '+' | '?' | '{' => self.repeat(this, flags, &mut out)?,
                '.' => out.push(Item::Node(Node::Any {
                    newline: flags.dot_all,
                })),
                '(' => {
                    let at_start = first && out.is_empty();
                    if let Some(item) = self.group(&mut flags, depth, at_start)? {
                        out.push(item);
                    }
                }
                '^' => out.push(Item::Node(Node::At(At::Beginning {
                    multi_line: flags.multi_line,
                }))),
                '$' => out.push(Item::Node(Node::At(At::End {
                    multi_line: flags.multi_line,
                }))),
                c => out.push(Item::Node(Node::Literal {
                    ch: c,
                    fold: flags.ignore_case,
                })),
            }
        }
        let mut nodes = Vec::with_capacity(out.len());
        for item in out {
            match item {
                Item::Node(node) => nodes.push(node),
                Item::Plain(inner) => nodes.extend(inner),
            }
        }
        Ok(nodes)
    }

    fn set(&mut self, flags: Flags) -> Result<Node> {
        let here = self.tokens.tell() - 1;
        let negate = self.tokens.accept('^')?;
        let mut items: Vec<SetItem> = Vec::new();
        let unterminated = |tokens: &Tokens<'_>| Err(tokens.error_at("unterminated character set", here));
        loop {
            let Some(this) = self.tokens.get()? else {
                return unterminated(&self.tokens);
            };
            if this == Token::Char(']') && !items.is_empty() {
                break;
            }
            let low = self.set_member(this, flags)?;
            if !self.tokens.accept('-')? {
                items.push(low);
                continue;
            }
            let Some(that) = self.tokens.get()? else {
                return unterminated(&self.tokens);
            };
            if that == Token::Char(']') {
                items.push(low);
                items.push(SetItem::Char(u32::from('-')));
                break;
            }
            let high = self.set_member(that, flags)?;
            match (low, high) {
                (SetItem::Char(low), SetItem::Char(high)) if low <= high => {
                    items.push(SetItem::Range(low, high));
                }
                _ => {
                    let message = format!("bad character range {}-{}", this.text(), that.text());
                    return Err(self.tokens.error(message, this.len() + 1 + that.len()));
                }
            }
        }
        let mut unique: Vec<SetItem> = Vec::with_capacity(items.len());
        for item in items {
            if !unique.contains(&item) {
                unique.push(item);
            }
        }
        if let ([SetItem::Char(code)], false) = (unique.as_slice(), negate)
            && let Some(ch) = char::from_u32(*code)
        {
            return Ok(Node::Literal {
                ch,
                fold: flags.ignore_case,
            });
        }
        Ok(Node::Set(Set {
            negate,
            fold: flags.ignore_case,
            items: unique,
        }))
    }

    fn set_member(&mut self, token: Token, flags: Flags) -> Result<SetItem> {
        match token {
            Token::Char(c) => Ok(SetItem::Char(u32::from(c))),
            Token::Escape(c) => escape::inside_set(self, c, flags),
        }
    }

    fn repeat(&mut self, this: char, flags: Flags, out: &mut Vec<Item>) -> Result<()> {
        let here = self.tokens.tell();
        let literal = Item::Node(Node::Literal {
            ch: '{',
            fold: flags.ignore_case,
        });
        let (min, max) = match this {
            '?' => (0, Some(1)),
            '*' => (0, None),
            '+' => (1, None),
            _ => {
                if self.tokens.next_is('}') {
                    out.push(literal);
                    return Ok(());
                }
                let low = self.tokens.take_while(usize::MAX, |c| c.is_ascii_digit())?;
                let high = if self.tokens.accept(',')? {
                    self.tokens.take_while(usize::MAX, |c| c.is_ascii_digit())?
                } else {
                    low.clone()
                };
                if !self.tokens.accept('}')? {
                    out.push(literal);
                    self.tokens.seek(here)?;
                    return Ok(());
                }
                let number = |digits: &str| match digits.parse::<u64>() {
                    Ok(n) if n < MAX_REPEAT => Ok(u32::try_from(n).unwrap_or(u32::MAX)),
                    _ => Err(SyntaxError::bare("the repetition number is too large")),
                };
                let min = if low.is_empty() { 0 } else { number(&low)? };
                let max = if high.is_empty() {
                    None
                } else {
                    Some(number(&high)?)
                };
                if max.is_some_and(|max| max < min) {
                    return Err(self.tokens.error_at("min repeat greater than max repeat", here));
                }
                (min, max)
            }
        };
        let back = self.tokens.tell() - here + 1;
        let body = match out.pop() {
            None | Some(Item::Node(Node::At(_))) => {
                return Err(self.tokens.error("nothing to repeat", back));
            }
            Some(Item::Node(Node::Repeat { .. })) => {
                return Err(self.tokens.error("multiple repeat", back));
            }
            Some(Item::Node(node)) => vec![node],
            Some(Item::Plain(nodes)) => nodes,
        };
        let kind = if self.tokens.accept('?')? {
            RepeatKind::Lazy
        } else if self.tokens.accept('+')? {
            RepeatKind::Possessive
        } else {
            RepeatKind::Greedy
        };
        out.push(Item::Node(Node::Repeat { min, max, kind, body }));
        Ok(())
    }

    /// Parses what follows `(`; `None` for comments and global flags.
    fn group(&mut self, flags: &mut Flags, depth: usize, at_start: bool) -> Result<Option<Item>> {
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
            loop {
                let Token::Char(letter) = current else { break };
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

/// A piece of a sequence before plain groups are unpacked: a quantifier applies to a whole group.
enum Item {
    Node(Node),
    Plain(Vec<Node>),
}

/// Takes the common beginning out of alternatives; single characters become one set.
fn factor(mut items: Vec<Vec<Node>>) -> Vec<Node> {
    let mut out = Vec::new();
    while let Some(prefix) = items[0].first().cloned() {
        if !items.iter().all(|item| item.first() == Some(&prefix)) {
            break;
        }
        for item in &mut items {
            item.remove(0);
        }
        out.push(prefix);
    }
    let mut members: Vec<SetItem> = Vec::new();
    let mut folded = None;
    let single = items.iter().all(|item| {
        let (more, fold) = match item.as_slice() {
            [Node::Literal { ch, fold }] => (vec![SetItem::Char(u32::from(*ch))], *fold),
            [Node::Set(set)] if !set.negate => (set.items.clone(), set.fold),
            _ => return false,
        };
        members.extend(more);
        *folded.get_or_insert(fold) == fold
    });
    match folded {
        Some(fold) if single => out.push(Node::Set(Set {
            negate: false,
            fold,
            items: members,
        })),
        _ => out.push(Node::Branch(items)),
    }
    out
}
