//! YAQL: the query language of `<% … %>`, with the grammar, the functions and the errors of its 3.2.0.

mod ast;
mod error;
mod lexer;
mod parser;
mod token;

pub use ast::{Arg, BinaryOp, Expr, Literal, Node, Span, UnaryOp};
pub use error::YaqlError;
pub use parser::{MAX_DEPTH, MAX_LENGTH, parse};

#[cfg(test)]
mod syntax_tests;
