//! The tree of a template. Names are resolved to places in the frames of functions, see `scope.rs`.

use std::sync::Arc;

use crate::expr::jinja::filters::Filter;
pub(crate) use crate::expr::pynum::Op as BinaryOp;
use crate::expr::value::Value;

/// Bytes of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let clamp = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            start: clamp(start),
            end: clamp(end),
        }
    }

    pub(super) fn to(self, end: Self) -> Self {
        Self {
            start: self.start,
            end: end.end.max(self.start),
        }
    }
}

/// Where a variable is kept: the function that owns it, by how many functions are around that one, and the slot in
/// the function's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) function: u16,
    pub(crate) slot: u16,
}

#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) name: Arc<str>,
    pub(crate) place: Place,
}

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Const(Value),
    Name(Name),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Not(Box<Expr>),
    Neg(Box<Expr>),
    Pos(Box<Expr>),
    Binary(BinaryOp, Box<(Expr, Expr)>),
    And(Box<(Expr, Expr)>),
    Or(Box<(Expr, Expr)>),
    Concat(Vec<Expr>),
    Compare(Box<Expr>, Vec<(CompareOp, Expr)>),
    Cond(Box<Cond>),
    Attr(Box<Expr>, Arc<str>),
    Item(Box<(Expr, Expr)>),
    Slice(Box<SliceOf>),
    Call(Box<Call>),
    Filter(Box<Apply>),
    Test(Box<Apply>),
    /// `ns.name` as a target.
    NsRef(Name, Arc<str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

impl CompareOp {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Cond {
    pub(crate) test: Expr,
    pub(crate) then: Expr,
    pub(crate) otherwise: Option<Expr>,
}

#[derive(Debug)]
pub(crate) struct SliceOf {
    pub(crate) object: Expr,
    pub(crate) start: Option<Expr>,
    pub(crate) stop: Option<Expr>,
    pub(crate) step: Option<Expr>,
}

impl SliceOf {
    /// Whether nothing in it depends on variables.
    pub(crate) fn is_constant(&self) -> bool {
        let bounds = [&self.start, &self.stop, &self.step];
        self.object.is_literal() && bounds.into_iter().flatten().all(Expr::is_literal)
    }
}

impl Expr {
    fn is_literal(&self) -> bool {
        match &self.kind {
            ExprKind::Const(_) => true,
            ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().all(Self::is_literal),
            ExprKind::Dict(members) => members
                .iter()
                .all(|(key, value)| key.is_literal() && value.is_literal()),
            ExprKind::Neg(inner) | ExprKind::Pos(inner) => inner.is_literal(),
            _ => false,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) callee: Expr,
    pub(crate) args: Args,
}

/// A filter or a test.
#[derive(Debug)]
pub(crate) struct Apply {
    /// What it is applied to; the captured text of a block where there is none.
    pub(crate) value: Option<Expr>,
    pub(crate) name: Arc<str>,
    /// The filter of Jinja that has this name.
    pub(crate) stock: Option<&'static Filter>,
    pub(crate) args: Args,
    /// Inside a condition: that the name does not exist is found out only when it is used.
    pub(crate) soft: bool,
}

impl Args {
    /// Whether there are neither names nor stars.
    pub(crate) fn is_positional(&self) -> bool {
        self.keywords.is_empty() && self.star.is_none() && self.stars.is_none()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) positional: Vec<Expr>,
    pub(crate) keywords: Vec<(Arc<str>, Expr)>,
    pub(crate) star: Option<Expr>,
    pub(crate) stars: Option<Expr>,
}

#[derive(Debug)]
pub(crate) enum Target {
    Name(Name, Span),
    Tuple(Vec<Target>, Span),
    NsRef(Name, Arc<str>, Span),
}

/// What is done to a slot when the scope that owns it is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Filled by whoever enters.
    Parameter,
    /// Looked up in the context, under the slot's name.
    Resolve,
    /// A copy of an outer variable.
    Alias(Place),
    /// Not there yet.
    Undefined,
}

/// The variables that a scope begins with.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) loads: Vec<(u16, Load, Arc<str>)>,
}

#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Expr(Expr),
}

#[derive(Debug)]
pub(crate) enum Stmt {
    Output(Vec<Piece>),
    For(Arc<For>),
    If(Box<If>),
    Macro(Arc<Macro>, Name),
    CallBlock(Box<CallBlock>),
    FilterBlock(Box<FilterBlock>),
    Set(Box<(Target, Expr)>),
    SetBlock(Box<SetBlock>),
    With(Box<With>),
    Autoescape(Box<Autoescape>),
    Block(Arc<Block>),
    Refused(Box<Refused>),
}

#[derive(Debug)]
pub(crate) struct For {
    pub(crate) target: Target,
    /// The same names inside the scope of the condition.
    pub(crate) test_target: Option<Target>,
    pub(crate) iter: Expr,
    pub(crate) test: Option<Expr>,
    pub(crate) test_scope: Scope,
    pub(crate) body: Vec<Stmt>,
    pub(crate) scope: Scope,
    pub(crate) otherwise: Vec<Stmt>,
    pub(crate) else_scope: Scope,
    pub(crate) recursive: bool,
    /// The slot of `loop`, where the body uses it.
    pub(crate) loop_slot: Option<u16>,
    /// Slots of a recursive loop's own frame.
    pub(crate) slots: u16,
}

#[derive(Debug)]
pub(crate) struct If {
    pub(crate) test: Expr,
    pub(crate) body: Vec<Stmt>,
    /// The `elif`s, each without branches of its own.
    pub(crate) elifs: Vec<If>,
    pub(crate) otherwise: Vec<Stmt>,
}

#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) span: Span,
    /// Absent for the body of a call block.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) args: Vec<Name>,
    pub(crate) defaults: Vec<Expr>,
    pub(crate) body: Vec<Stmt>,
    pub(crate) scope: Scope,
    pub(crate) caller: Option<u16>,
    pub(crate) kwargs: Option<u16>,
    pub(crate) varargs: Option<u16>,
    pub(crate) slots: u16,
}

#[derive(Debug)]
pub(crate) struct CallBlock {
    pub(crate) definition: Arc<Macro>,
    pub(crate) call: Expr,
}

#[derive(Debug)]
pub(crate) struct FilterBlock {
    pub(crate) filter: Expr,
    pub(crate) body: Vec<Stmt>,
    pub(crate) scope: Scope,
}

#[derive(Debug)]
pub(crate) struct SetBlock {
    pub(crate) target: Target,
    pub(crate) filter: Option<Expr>,
    pub(crate) body: Vec<Stmt>,
    pub(crate) scope: Scope,
}

#[derive(Debug)]
pub(crate) struct With {
    pub(crate) targets: Vec<Target>,
    pub(crate) values: Vec<Expr>,
    pub(crate) body: Vec<Stmt>,
    pub(crate) scope: Scope,
}

#[derive(Debug)]
pub(crate) struct Autoescape {
    pub(crate) on: Expr,
    pub(crate) body: Vec<Stmt>,
    pub(crate) scope: Scope,
}

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) name: Arc<str>,
    pub(crate) span: Span,
    pub(crate) scoped: bool,
    pub(crate) required: bool,
    pub(crate) body: Vec<Stmt>,
    pub(crate) scope: Scope,
    pub(crate) self_slot: Option<u16>,
    pub(crate) super_slot: Option<u16>,
    pub(crate) slots: u16,
    /// The variables around it, for a scoped block.
    pub(crate) around: Vec<Name>,
}

/// A tag that needs other templates.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) template: Expr,
    pub(crate) stores: Vec<Name>,
    pub(crate) span: Span,
}

/// A whole template or a single expression.
#[derive(Debug, Default)]
pub(crate) struct Template {
    pub(crate) body: Vec<Stmt>,
    pub(crate) expression: Option<Expr>,
    pub(crate) scope: Scope,
    pub(crate) slots: u16,
    pub(crate) blocks: Vec<Arc<Block>>,
    /// Filters and tests that are used outside of conditions.
    pub(crate) hard_names: Vec<HardName>,
    /// Names that are looked up in the context, sorted.
    pub(crate) free_names: Vec<Arc<str>>,
    /// Where lines begin, the first not counted.
    pub(crate) lines: Vec<u32>,
}

impl Template {
    /// The line of a byte, from 1.
    pub(crate) fn line_of(&self, byte: u32) -> usize {
        self.lines.partition_point(|start| *start <= byte) + 1
    }
}

#[derive(Debug)]
pub(crate) struct HardName {
    pub(crate) name: Arc<str>,
    pub(crate) span: Span,
    pub(crate) is_test: bool,
}
