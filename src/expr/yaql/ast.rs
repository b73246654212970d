//! The tree of a YAQL expression, each node with its place in the text.

use std::fmt;

use num_bigint::BigInt;

use crate::expr::pyvalue;

/// A part of the expression's text, in bytes: from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The first byte after it.
    pub end: u32,
}

impl Span {
    /// The part of `text`, or nothing if `text` is not what the span was made for.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// From the start of `self` to the end of `other`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            start: self.start,
            end: other.end,
        }
    }
}

/// A node and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub node: Node,
    /// Where it stands.
    pub span: Span,
}

/// What an expression can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `1`, `'text'`, `null`.
    Literal(Literal),
    /// A bare word, which is a text, a property's name after a dot or an argument's name before `=>`.
    Word(String),
    /// `$` or `$name`, with its `$`.
    Variable(String),
    /// `name(args)`.
    Call {
        /// The function's name.
        name: String,
        /// What stands between the parentheses.
        args: Vec<Arg>,
    },
    /// `left op right`; `a.b` and `a.f()` are operators too.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Where the operator stands.
        at: Span,
        /// The operand before it.
        left: Box<Expr>,
        /// The operand after it.
        right: Box<Expr>,
    },
    /// `op operand`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// The operand after it.
        operand: Box<Expr>,
    },
    /// `target[args]`.
    Index {
        /// What is indexed.
        target: Box<Expr>,
        /// What stands between the brackets.
        args: Vec<Arg>,
    },
    /// `[args]`.
    List(Vec<Arg>),
    /// `{args}`.
    Map(Vec<Arg>),
    /// `(inner)`. Kept apart from `inner`: an operator looks at the form of its operands.
    Group(Box<Expr>),
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` and `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond 64 bits.
    BigInt(BigInt),
    /// A number with a point.
    Float(f64),
    /// A text in quotes or backticks, its escapes decoded.
    Text(String),
}

/// One argument of a call, index, list or map.
#[derive(Debug, Clone, PartialEq)]
pub enum Arg {
    /// `value`
    Value(Expr),
    /// Nothing between two commas: the parameter's default.
    Skipped,
    /// `key => value`
    Named(Expr, Expr),
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `.`
    Dot,
    /// `?.`
    SafeDot,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `mod`
    Modulo,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
    /// `!=`
    NotEqual,
    /// `=`
    Equal,
    /// `in`
    In,
    /// `and`
    And,
    /// `or`
    Or,
    /// `->`
    Arrow,
}

impl BinaryOp {
    /// How it is written.
    pub const fn symbol(self) -> &'static str {
        self.names().0
    }

    /// The name under which its function is registered.
    pub const fn function(self) -> &'static str {
        self.names().1
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Dot => (".", "#operator_."),
            Self::SafeDot => ("?.", "#operator_?."),
            Self::Matches => ("=~", "#operator_=~"),
            Self::MatchesNot => ("!~", "#operator_!~"),
            Self::Multiply => ("*", "#operator_*"),
            Self::Divide => ("/", "#operator_/"),
            Self::Modulo => ("mod", "#operator_mod"),
            Self::Add => ("+", "#operator_+"),
            Self::Subtract => ("-", "#operator_-"),
            Self::Greater => (">", "#operator_>"),
            Self::Less => ("<", "#operator_<"),
            Self::GreaterOrEqual => (">=", "#operator_>="),
            Self::LessOrEqual => ("<=", "#operator_<="),
            Self::NotEqual => ("!=", "*not_equal"),
            Self::Equal => ("=", "*equal"),
            Self::In => ("in", "#operator_in"),
            Self::And => ("and", "#operator_and"),
            Self::Or => ("or", "#operator_or"),
            Self::Arrow => ("->", "#operator_->"),
        }
    }

    /// How tightly it binds, higher is tighter: 10 is an index, 9 a sign, 4 is `not`.
    pub(super) const fn power(self) -> u8 {
        match self {
            Self::Dot | Self::SafeDot => 11,
            Self::Matches | Self::MatchesNot => 8,
            Self::Multiply | Self::Divide | Self::Modulo => 7,
            Self::Add | Self::Subtract => 6,
            Self::Greater
            | Self::Less
            | Self::GreaterOrEqual
            | Self::LessOrEqual
            | Self::NotEqual
            | Self::Equal
            | Self::In => 5,
            Self::And => 3,
            Self::Or => 2,
            Self::Arrow => 1,
        }
    }
}

/// An operator before its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `not`
    Not,
}

impl UnaryOp {
    /// How it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Not => "not",
        }
    }

    /// The name under which its function is registered.
    pub const fn function(self) -> &'static str {
        match self {
            Self::Plus => "#unary_operator_+",
            Self::Minus => "#unary_operator_-",
            Self::Not => "#unary_operator_not",
        }
    }

    pub(super) const fn power(self) -> u8 {
        match self {
            Self::Plus | Self::Minus => 9,
            Self::Not => 4,
        }
    }
}

/// How tightly `[` after an operand binds.
pub(super) const INDEX_POWER: u8 = 10;

/// The tree in prefix form, `(#operator_+ 1 (len $))`: bare words are written `w:word`, texts as JSON, a skipped
/// argument `_`.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Literal(literal) => literal.fmt(f),
            Node::Word(word) => write!(f, "w:{word}"),
            Node::Variable(name) => f.write_str(name),
            Node::Call { name, args } => list(f, name, None, args),
            Node::Binary { op, left, right, .. } => write!(f, "({} {left} {right})", op.function()),
            Node::Unary { op, operand } => write!(f, "({} {operand})", op.function()),
            Node::Index { target, args } => list(f, "#indexer", Some(target), args),
            Node::List(args) => list(f, "#list", None, args),
            Node::Map(args) => list(f, "#map", None, args),
            Node::Group(inner) => write!(f, "(wrap {inner})"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, target: Option<&Expr>, args: &[Arg]) -> fmt::Result {
    write!(f, "({name}")?;
    if let Some(target) = target {
        write!(f, " {target}")?;
    }
    for arg in args {
        match arg {
            Arg::Value(value) => write!(f, " {value}")?,
            Arg::Skipped => f.write_str(" _")?,
            Arg::Named(key, value) => write!(f, " (=> {key} {value})")?,
        }
    }
    f.write_str(")")
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&serde_json::Value::from(text.as_str()).to_string()),
            other => f.write_str(&other.python()),
        }
    }
}

impl Literal {
    /// `str()` of the value in Python.
    pub(super) fn python(&self) -> String {
        match self {
            Self::Null => "None".to_owned(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Int(value) => value.to_string(),
            Self::BigInt(value) => value.to_string(),
            Self::Float(value) => pyvalue::float_repr(*value),
            Self::Text(text) => text.clone(),
        }
    }
}
