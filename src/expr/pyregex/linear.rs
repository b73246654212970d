//! Writes a pattern in the syntax of the linear-time `regex` crate, where that means the same.

use std::fmt::Write as _;

use super::ast::{At, Category, Node, RepeatKind, Set, SetItem, width};

/// A pattern for the `regex` crate and the texts it may be used on.
pub(super) struct Linear {
    pub(super) pattern: String,
    /// Only on ASCII: case folding and `\b` differ in details elsewhere.
    pub(super) ascii_only: bool,
    /// Not on texts that end in a line feed: Python's `$` matches before it.
    pub(super) no_last_newline: bool,
}

/// Longest unrolled repetition that is handed over.
const MAX_REPEAT: u32 = 100;

/// Translates; `None` when the pattern needs look-around, back-references or atomic groups.
pub(super) fn translate(nodes: &[Node]) -> Option<Linear> {
    let mut out = Linear {
        pattern: String::new(),
        ascii_only: false,
        no_last_newline: false,
    };
    out.sequence(nodes)?;
    Some(out)
}

impl Linear {
    fn sequence(&mut self, nodes: &[Node]) -> Option<()> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &Node) -> Option<()> {
        match node {
            Node::Literal { ch, fold } => {
                if *fold {
                    if !ch.is_ascii() {
                        return None;
                    }
                    self.ascii_only = true;
                }
                let code = u32::from(*ch);
                let open = if *fold { "(?i:" } else { "(?:" };
                write!(self.pattern, "{open}\\x{{{code:x}}})").ok()?;
            }
            Node::Any { newline } => self.pattern.push_str(if *newline { "(?s:.)" } else { "[^\\n]" }),
            Node::Set(set) => self.set(set)?,
            Node::At(at) => self.at(*at),
            Node::Group { body, .. } => {
                self.pattern.push('(');
                self.sequence(body)?;
                self.pattern.push(')');
            }
            Node::Scope(body) => {
                self.pattern.push_str("(?:");
                self.sequence(body)?;
                self.pattern.push(')');
            }
            Node::Branch(branches) => {
                self.pattern.push_str("(?:");
                for (index, branch) in branches.iter().enumerate() {
                    if index > 0 {
                        self.pattern.push('|');
                    }
                    self.sequence(branch)?;
                }
                self.pattern.push(')');
            }
            Node::Repeat { min, max, kind, body } => {
                let long = *min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT);
                // The engines disagree on what groups hold after an empty turn of a loop.
                let may_be_empty = width(body, &[]).0 == 0;
                if *kind == RepeatKind::Possessive || long || may_be_empty {
                    return None;
                }
                self.pattern.push_str("(?:");
                self.sequence(body)?;
                match max {
                    Some(max) => write!(self.pattern, "){{{min},{max}}}").ok()?,
                    None => write!(self.pattern, "){{{min},}}").ok()?,
                }
                if *kind == RepeatKind::Lazy {
                    self.pattern.push('?');
                }
            }
            Node::Look { .. } | Node::Atomic(_) | Node::Backref { .. } | Node::Conditional { .. } => {
                return None;
            }
        }
        Some(())
    }

    fn at(&mut self, at: At) {
        match at {
            At::BeginningString | At::Beginning { multi_line: false } => self.pattern.push_str("\\A"),
            At::Beginning { multi_line: true } => self.pattern.push_str("(?m:^)"),
            At::EndString => self.pattern.push_str("\\z"),
            At::End { multi_line: false } => {
                self.no_last_newline = true;
                self.pattern.push_str("\\z");
            }
            At::End { multi_line: true } => self.pattern.push_str("(?m:$)"),
            At::Boundary { negate, .. } => {
                self.ascii_only = true;
                self.pattern.push_str(if negate { "\\B" } else { "\\b" });
            }
        }
    }

    fn set(&mut self, set: &Set) -> Option<()> {
        if set.fold {
            self.ascii_only = true;
            self.pattern.push_str("(?i:");
        }
        self.pattern.push_str(if set.negate { "[^" } else { "[" });
        for item in &set.items {
            match *item {
                SetItem::Char(code) => {
                    let ch = char::from_u32(code)?;
                    if set.fold && !ch.is_ascii() {
                        return None;
                    }
                    write!(self.pattern, "\\x{{{code:x}}}").ok()?;
                }
                SetItem::Range(low, high) => {
                    let (low, high) = (char::from_u32(low)?, char::from_u32(high)?);
                    if set.fold && !high.is_ascii() {
                        return None;
                    }
                    write!(
                        self.pattern,
                        "\\x{{{:x}}}-\\x{{{:x}}}",
                        u32::from(low),
                        u32::from(high)
                    )
                    .ok()?;
                }
                SetItem::Category { kind, negate, ascii } => {
                    let not = if negate { "^" } else { "" };
                    let members = match (kind, ascii) {
                        (Category::Digit, true) => "0-9",
                        (Category::Digit, false) => "\\d",
                        (Category::Space, true) => "\\t-\\r ",
                        (Category::Space, false) => "\\s\\x1c-\\x1f",
                        (Category::Word, true) => "0-9A-Za-z_",
                        (Category::Word, false) => "\\p{L}\\p{N}_",
                    };
                    write!(self.pattern, "[{not}{members}]").ok()?;
                }
            }
        }
        self.pattern.push(']');
        if set.fold {
            self.pattern.push(')');
        }
        Some(())
    }
}
