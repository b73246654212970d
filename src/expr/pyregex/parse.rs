//! Parses Python's `re` syntax, refusing what Python refuses with Python's words.
//!
//! Alternatives with a common beginning are factored out and plain non-capturing groups unpacked, as
//! Python does: the automatic anchors of alias formats depend on that shape.

use super::Flags;
use super::ast::{At, Node, RepeatKind, Set, SetItem};
use super::error::SyntaxError;
use super::escape;
use super::tokens::{Token, Tokens};

/// How deep groups may be nested; keeps recursion within the stack.
pub(super) const MAX_DEPTH: usize = 100;
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
    pub(super) flags: Flags,
    pub(super) names: Vec<(String, u32)>,
    pub(super) widths: Vec<Option<(u64, u64)>>,
    pub(super) look_behind_groups: Option<usize>,
    pub(super) forward_refs: Vec<(u32, usize)>,
}

impl Parser<'_> {
    pub(super) fn alternatives(&mut self, flags: Flags, depth: usize) -> Result<Vec<Node>> {
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

    pub(super) fn sequence(&mut self, mut flags: Flags, depth: usize, first: bool) -> Result<Vec<Node>> {
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
}

/// A piece of a sequence before plain groups are unpacked: a quantifier applies to a whole group.
pub(super) enum Item {
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
