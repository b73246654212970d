//! The words that YAQL is made of.

use super::ast::{BinaryOp, Literal};

/// A word of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'s> {
    /// A constant.
    Literal(Literal),
    /// A bare word.
    Word(&'s str),
    /// `$` or `$name`.
    Variable(&'s str),
    /// A name with a parenthesis right after it, which belongs to the token.
    Function(&'s str),
    /// An operator; the signs stand for the unary ones too.
    Operator(BinaryOp),
    Not,
    /// `=>`
    Mapping,
    /// `[`
    OpenList,
    /// `{`
    OpenMap,
    /// `(` that belongs to no name.
    OpenGroup,
    /// `)`
    CloseGroup,
    /// `]`
    CloseList,
    /// `}`
    CloseMap,
    Comma,
    End,
}

impl Token<'_> {
    /// How a message names it: the decoded text, the number as Python writes it, the function without parenthesis.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Literal(literal) => literal.python(),
            Self::Word(text) | Self::Variable(text) | Self::Function(text) => (*text).to_owned(),
            Self::Operator(op) => op.symbol().to_owned(),
            Self::Not => "not".to_owned(),
            Self::Mapping => "=>".to_owned(),
            Self::OpenList => "[".to_owned(),
            Self::OpenMap => "{".to_owned(),
            Self::OpenGroup => "(".to_owned(),
            Self::CloseGroup => ")".to_owned(),
            Self::CloseList => "]".to_owned(),
            Self::CloseMap => "}".to_owned(),
            Self::Comma => ",".to_owned(),
            Self::End => String::new(),
        }
    }
}
