//! Turns a parsed pattern into instructions for the matcher in [`super::vm`].

use std::sync::Arc;

use super::ast::{At, Node, RepeatKind, Set, fold, width};
use super::error::SyntaxError;
use super::parse::Parsed;

/// Most instructions that a pattern may have; counted repetitions are unrolled.
const MAX_INSTRUCTIONS: usize = 20_000;

/// Something that takes exactly one character.
#[derive(Debug, Clone)]
pub(super) enum Unit {
    Char(char),
    /// A character already folded.
    Folded(char),
    Any,
    NotNewline,
    Set(Arc<Set>),
}

impl Unit {
    pub(super) fn matches(&self, ch: char) -> bool {
        match self {
            Unit::Char(c) => *c == ch,
            Unit::Folded(c) => fold(ch) == *c,
            Unit::Any => true,
            Unit::NotNewline => ch != '\n',
            Unit::Set(set) => set.contains(ch),
        }
    }
}

/// One step of the matcher; targets are indexes of instructions.
#[derive(Debug, Clone)]
pub(super) enum Inst {
    Unit(Unit),
    /// Try `first`, later `second`. `memo` numbers the splits whose failures are remembered.
    Split {
        first: u32,
        second: u32,
        memo: Option<u32>,
    },
    Jump(u32),
    Save(u32),
    At(At),
    /// A look-around over one character.
    Peek {
        behind: bool,
        negate: bool,
        unit: Unit,
    },
    /// A general look-around; its program follows and ends with `Done`, then `next`.
    Look {
        behind: u32,
        negate: bool,
        next: u32,
    },
    /// An atomic group; its program follows and ends with `Done`, then `next`.
    Atomic {
        next: u32,
    },
    Backref {
        group: u32,
        fold: bool,
    },
    /// Goes on with the next instruction when the group took part, else at `otherwise`.
    IfGroup {
        group: u32,
        otherwise: u32,
    },
    /// Remembers where a turn of a loop begins …
    TurnStart(u32),
    /// … and leaves the loop when the turn took nothing.
    TurnCheck {
        register: u32,
        exit: u32,
    },
    Done,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(super) code: Vec<Inst>,
    /// Number of groups with the whole match.
    pub(super) groups: u32,
    pub(super) registers: u32,
    /// Number of splits with remembered failures; 0 with back-references, which forbid it.
    pub(super) memos: u32,
    /// The match can only begin at the start of the text.
    pub(super) anchored: bool,
    pub(crate) names: Arc<[(String, u32)]>,
}

impl Program {
    pub(crate) fn new(parsed: &Parsed) -> Result<Self> {
        let mut compiler = Compiler {
            code: Vec::new(),
            registers: 0,
            memos: 0,
            memo: !depends_on_groups(&parsed.nodes),
            widths: &parsed.widths,
        };
        compiler.sequence(&parsed.nodes)?;
        compiler.push(Inst::Done)?;
        Ok(Program {
            code: compiler.code,
            groups: parsed.groups,
            registers: compiler.registers,
            memos: compiler.memos,
            anchored: matches!(
                parsed.nodes.first(),
                Some(Node::At(
                    At::BeginningString | At::Beginning { multi_line: false }
                ))
            ),
            names: parsed.names.clone().into(),
        })
    }
}

struct Compiler<'p> {
    code: Vec<Inst>,
    registers: u32,
    memos: u32,
    memo: bool,
    widths: &'p [Option<(u64, u64)>],
}

type Result<T> = std::result::Result<T, SyntaxError>;

impl Compiler<'_> {
    fn push(&mut self, inst: Inst) -> Result<usize> {
        if self.code.len() >= MAX_INSTRUCTIONS {
            return Err(SyntaxError::bare("the pattern is too large"));
        }
        self.code.push(inst);
        Ok(self.code.len() - 1)
    }

    fn here(&self) -> u32 {
        // At most MAX_INSTRUCTIONS, see push().
        u32::try_from(self.code.len()).unwrap_or(u32::MAX)
    }

    fn split(&mut self) -> Result<usize> {
        let memo = self.memo.then_some(self.memos);
        self.memos += u32::from(self.memo);
        self.push(Inst::Split {
            first: 0,
            second: 0,
            memo,
        })
    }

    /// Sets both ways of a split; `lazy` swaps them.
    fn aim(&mut self, at: usize, into: u32, out: u32, lazy: bool) {
        if let Inst::Split { first, second, .. } = &mut self.code[at] {
            (*first, *second) = if lazy { (out, into) } else { (into, out) };
        }
    }

    fn sequence(&mut self, nodes: &[Node]) -> Result<()> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &Node) -> Result<()> {
        if let Some(unit) = unit(node) {
            self.push(Inst::Unit(unit))?;
            return Ok(());
        }
        match node {
            Node::Literal { .. } | Node::Any { .. } | Node::Set(_) => {}
            Node::At(at) => {
                self.push(Inst::At(*at))?;
            }
            Node::Group { index, body, .. } => {
                self.push(Inst::Save(index * 2))?;
                self.sequence(body)?;
                self.push(Inst::Save(index * 2 + 1))?;
            }
            Node::Scope(body) => self.sequence(body)?,
            Node::Branch(branches) => self.branch(branches)?,
            Node::Repeat {
                min,
                max,
                kind: RepeatKind::Possessive,
                body,
            } => {
                let greedy = Node::Repeat {
                    min: *min,
                    max: *max,
                    kind: RepeatKind::Greedy,
                    body: body.clone(),
                };
                self.atomic(&[greedy])?;
            }
            Node::Repeat { min, max, kind, body } => {
                self.repeat(*min, *max, *kind == RepeatKind::Lazy, body)?;
            }
            Node::Look { behind, negate, body } => match body.as_slice() {
                [one] if unit(one).is_some() => {
                    if let Some(unit) = unit(one) {
                        self.push(Inst::Peek {
                            behind: behind.is_some(),
                            negate: *negate,
                            unit,
                        })?;
                    }
                }
                _ => {
                    let at = self.push(Inst::Look {
                        behind: behind.unwrap_or(0),
                        negate: *negate,
                        next: 0,
                    })?;
                    self.inner(body)?;
                    let end = self.here();
                    if let Inst::Look { next, .. } = &mut self.code[at] {
                        *next = end;
                    }
                }
            },
            Node::Atomic(body) => self.atomic(body)?,
            Node::Backref { group, fold } => {
                self.push(Inst::Backref {
                    group: *group,
                    fold: *fold,
                })?;
            }
            Node::Conditional { group, yes, no } => {
                let at = self.push(Inst::IfGroup {
                    group: *group,
                    otherwise: 0,
                })?;
                self.sequence(yes)?;
                let jump = self.push(Inst::Jump(0))?;
                let else_part = self.here();
                self.sequence(no.as_deref().unwrap_or(&[]))?;
                let end = self.here();
                if let Inst::IfGroup { otherwise, .. } = &mut self.code[at] {
                    *otherwise = else_part;
                }
                self.code[jump] = Inst::Jump(end);
            }
        }
        Ok(())
    }

    fn atomic(&mut self, body: &[Node]) -> Result<()> {
        let at = self.push(Inst::Atomic { next: 0 })?;
        self.inner(body)?;
        self.code[at] = Inst::Atomic { next: self.here() };
        Ok(())
    }

    /// A program of its own: it is entered at many places and may succeed more than once, so that
    /// remembering its states as failed would be wrong.
    fn inner(&mut self, body: &[Node]) -> Result<()> {
        let memo = std::mem::replace(&mut self.memo, false);
        self.sequence(body)?;
        self.memo = memo;
        self.push(Inst::Done)?;
        Ok(())
    }

    fn branch(&mut self, branches: &[Vec<Node>]) -> Result<()> {
        let mut ends = Vec::with_capacity(branches.len());
        for (index, branch) in branches.iter().enumerate() {
            if index + 1 == branches.len() {
                self.sequence(branch)?;
                break;
            }
            let split = self.split()?;
            let into = self.here();
            self.sequence(branch)?;
            ends.push(self.push(Inst::Jump(0))?);
            let next = self.here();
            self.aim(split, into, next, false);
        }
        let end = self.here();
        for jump in ends {
            self.code[jump] = Inst::Jump(end);
        }
        Ok(())
    }

    fn repeat(&mut self, min: u32, max: Option<u32>, lazy: bool, body: &[Node]) -> Result<()> {
        if body.is_empty() {
            return Ok(());
        }
        let may_be_empty = width(body, self.widths).0 == 0;
        for _ in 0..min {
            // Unrolling something that emits nothing would never reach the size limit.
            let before = self.code.len();
            self.sequence(body)?;
            if self.code.len() == before {
                return Ok(());
            }
        }
        match max {
            Some(max) => {
                let mut splits = Vec::new();
                for _ in min..max {
                    let split = self.split()?;
                    let into = self.here();
                    self.sequence(body)?;
                    splits.push((split, into));
                }
                let end = self.here();
                for (split, into) in splits {
                    self.aim(split, into, end, lazy);
                }
            }
            None => {
                let split = self.split()?;
                let into = self.here();
                let register = self.registers;
                if may_be_empty {
                    self.registers += 1;
                    self.push(Inst::TurnStart(register))?;
                }
                self.sequence(body)?;
                let check = may_be_empty
                    .then(|| self.push(Inst::TurnCheck { register, exit: 0 }))
                    .transpose()?;
                let target = u32::try_from(split).unwrap_or(u32::MAX);
                self.push(Inst::Jump(target))?;
                let end = self.here();
                self.aim(split, into, end, lazy);
                if let Some(check) = check {
                    self.code[check] = Inst::TurnCheck { register, exit: end };
                }
            }
        }
        Ok(())
    }
}

fn unit(node: &Node) -> Option<Unit> {
    match node {
        Node::Literal { ch, fold: true } => Some(Unit::Folded(fold(*ch))),
        Node::Literal { ch, fold: false } => Some(Unit::Char(*ch)),
        Node::Any { newline: true } => Some(Unit::Any),
        Node::Any { newline: false } => Some(Unit::NotNewline),
        Node::Set(set) => Some(Unit::Set(Arc::new(set.clone()))),
        _ => None,
    }
}

/// Whether what matches later may depend on what a group took earlier.
fn depends_on_groups(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Backref { .. } | Node::Conditional { .. } => true,
        Node::Group { body, .. } | Node::Scope(body) | Node::Atomic(body) => depends_on_groups(body),
        Node::Repeat { body, .. } | Node::Look { body, .. } => depends_on_groups(body),
        Node::Branch(branches) => branches.iter().any(|branch| depends_on_groups(branch)),
        Node::Literal { .. } | Node::Any { .. } | Node::Set(_) | Node::At(_) => false,
    })
}
