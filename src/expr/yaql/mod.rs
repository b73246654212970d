//! YAQL: the query language of `<% … %>`, with the grammar, the functions and the errors of its 3.2.0.

mod ast;
mod error;
pub mod function;
mod lambda;
mod lexer;
mod lib;
pub mod params;
mod parser;
mod raise;
mod resolve;
pub mod runtime;
pub mod sequence;
mod token;

pub use ast::{Arg, BinaryOp, Expr, Literal, Node, Span, UnaryOp};
pub use error::YaqlError;
pub use function::Library;
pub use lambda::{Lambda, LazyRule};
pub use parser::{MAX_DEPTH, MAX_LENGTH, parse};
pub use runtime::{Cx, Env, Limits, Scope};

#[cfg(test)]
mod syntax_tests;
