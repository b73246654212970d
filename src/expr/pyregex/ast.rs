//! The parsed form of a Python regular expression, with flags already resolved onto each part.

use std::sync::LazyLock;

/// One part of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// One character; `fold` ignores case.
    Literal {
        ch: char,
        fold: bool,
    },
    /// `.`; `newline` says whether it also stands for a line feed.
    Any {
        newline: bool,
    },
    Set(Set),
    At(At),
    /// A capturing group.
    Group {
        index: u32,
        name: Option<String>,
        body: Vec<Node>,
    },
    /// A non-capturing group that changed flags. Plain ones are unpacked into their sequence.
    Scope(Vec<Node>),
    Branch(Vec<Vec<Node>>),
    Repeat {
        min: u32,
        max: Option<u32>,
        kind: RepeatKind,
        body: Vec<Node>,
    },
    Look {
        /// Width in characters when it looks behind.
        behind: Option<u32>,
        negate: bool,
        body: Vec<Node>,
    },
    Atomic(Vec<Node>),
    Backref {
        group: u32,
        fold: bool,
    },
    Conditional {
        group: u32,
        yes: Vec<Node>,
        no: Option<Vec<Node>>,
    },
}

/// How eagerly a repetition takes its turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RepeatKind {
    Greedy,
    Lazy,
    Possessive,
}

/// A place rather than a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// `^`
    Beginning { multi_line: bool },
    /// `\A`
    BeginningString,
    /// `$`
    End { multi_line: bool },
    /// `\Z`
    EndString,
    /// `\b`, or `\B` with `negate`.
    Boundary { negate: bool, ascii: bool },
}

/// A set of characters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set {
    pub(crate) negate: bool,
    pub(crate) fold: bool,
    pub(crate) items: Vec<SetItem>,
}

/// A member of a set. Code points are `u32` because Python lets lone surrogates be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetItem {
    Char(u32),
    Range(u32, u32),
    Category {
        kind: Category,
        negate: bool,
        ascii: bool,
    },
}

/// The classes behind `\d`, `\s` and `\w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Digit,
    Space,
    Word,
}

impl Set {
    /// Whether the set takes `ch`.
    pub(crate) fn contains(&self, ch: char) -> bool {
        let mut found = self.holds(ch);
        if self.fold && !found {
            let folded = fold(ch);
            found = self.holds(folded)
                || self.holds(single(ch.to_lowercase(), ch))
                || self.holds(single(ch.to_uppercase(), ch))
                || self.holds(single(folded.to_uppercase(), folded))
                || self.items.iter().any(|item| match item {
                    SetItem::Char(code) => char::from_u32(*code).is_some_and(|c| fold(c) == folded),
                    _ => false,
                });
        }
        found != self.negate
    }

    fn holds(&self, ch: char) -> bool {
        let code = u32::from(ch);
        self.items.iter().any(|item| match *item {
            SetItem::Char(c) => c == code,
            SetItem::Range(low, high) => (low..=high).contains(&code),
            SetItem::Category { kind, negate, ascii } => kind.contains(ch, ascii) != negate,
        })
    }
}

impl Category {
    /// Whether Python counts `ch` to this class; with `ascii` only ASCII characters belong.
    pub(crate) fn contains(self, ch: char, ascii: bool) -> bool {
        if ch.is_ascii() {
            return match self {
                Category::Digit => ch.is_ascii_digit(),
                // Without the ASCII flag Python also counts the four separators before the blank.
                Category::Space => {
                    matches!(ch, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
                        || (!ascii && ('\x1c'..='\x1f').contains(&ch))
                }
                Category::Word => ch.is_ascii_alphanumeric() || ch == '_',
            };
        }
        if ascii {
            return false;
        }
        match self {
            Category::Digit => in_ranges(&DIGITS, ch),
            Category::Space => ch.is_whitespace(),
            Category::Word => in_ranges(&WORDS, ch),
        }
    }
}

/// The value of a decimal digit of any script.
pub(crate) fn digit_value(ch: char) -> Option<u8> {
    if ch.is_ascii() {
        return ch.to_digit(10).map(|digit| digit as u8);
    }
    // Decimal digits come in blocks of ten, each starting with its zero.
    DIGITS
        .iter()
        .find(|(low, high)| (*low..=*high).contains(&ch))
        .map(|&(low, _)| ((u32::from(ch) - u32::from(low)) % 10) as u8)
}

/// Python's `\d` beyond ASCII: decimal digits.
static DIGITS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| ranges(r"\p{Nd}"));
/// Python's `\w` beyond ASCII: letters and numbers, but no marks (`str.isalnum`).
static WORDS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| ranges(r"[\p{L}\p{N}]"));

fn ranges(class: &str) -> Vec<(char, char)> {
    let parsed = regex_syntax::parse(class);
    match parsed.as_ref().map(regex_syntax::hir::Hir::kind) {
        Ok(regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class))) => {
            class.iter().map(|range| (range.start(), range.end())).collect()
        }
        _ => Vec::new(),
    }
}

fn in_ranges(ranges: &[(char, char)], ch: char) -> bool {
    ranges
        .binary_search_by(|&(low, high)| {
            if high < ch {
                std::cmp::Ordering::Less
            } else if low > ch {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .is_ok()
}

/// Whether Python's `str.isspace` holds: blanks, line ends and separators.
pub(crate) fn is_space(ch: char) -> bool {
    Category::Space.contains(ch, false)
}

/// The form under which characters that differ only in case are equal.
///
/// Lower, then upper, then lower again joins the letters that share an upper case (`s` and `ſ`, `σ`
/// and `ς`), as Python does. Letters whose case mapping is longer than one character stay alone.
pub(crate) fn fold(ch: char) -> char {
    if ch.is_ascii() {
        return ch.to_ascii_lowercase();
    }
    let lower = single(ch.to_lowercase(), ch);
    let upper = single(lower.to_uppercase(), lower);
    single(upper.to_lowercase(), upper)
}

fn single(mut mapped: impl Iterator<Item = char>, otherwise: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(ch), None) => ch,
        _ => otherwise,
    }
}

/// The fewest and most characters that a sequence can take (`u64::MAX` stands for "no end").
pub(crate) fn width(nodes: &[Node], groups: &[Option<(u64, u64)>]) -> (u64, u64) {
    let mut low = 0u64;
    let mut high = 0u64;
    for node in nodes {
        let (l, h) = match node {
            Node::Literal { .. } | Node::Any { .. } | Node::Set(_) => (1, 1),
            Node::At(_) | Node::Look { .. } => (0, 0),
            Node::Group { body, .. } | Node::Scope(body) | Node::Atomic(body) => width(body, groups),
            Node::Branch(branches) => branches.iter().fold((u64::MAX, 0), |(l, h), branch| {
                let (bl, bh) = width(branch, groups);
                (l.min(bl), h.max(bh))
            }),
            Node::Repeat { min, max, body, .. } => {
                let (l, h) = width(body, groups);
                let high = match max {
                    None if h > 0 => u64::MAX,
                    None => 0,
                    Some(max) => h.saturating_mul(u64::from(*max)),
                };
                (l.saturating_mul(u64::from(*min)), high)
            }
            Node::Backref { group, .. } => groups.get(*group as usize).copied().flatten().unwrap_or((0, 0)),
            Node::Conditional { yes, no, .. } => {
                let (l, h) = width(yes, groups);
                match no {
                    Some(no) => {
                        let (nl, nh) = width(no, groups);
                        (l.min(nl), h.max(nh))
                    }
                    None => (0, h),
                }
            }
        };
        low = low.saturating_add(l);
        high = high.saturating_add(h);
    }
    (low, high)
}
