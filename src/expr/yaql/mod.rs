//! YAQL: the query language of `<% … %>`, with the grammar, the functions and the errors of its 3.2.0.

mod ast;
mod code;
mod engine;
mod error;
mod fast;
pub mod function;
mod lambda;
mod lexer;
mod lib;
mod output;
pub mod params;
mod parser;
mod plan;
mod raise;
pub mod runtime;
pub mod sequence;
mod token;

pub use ast::{Arg, BinaryOp, Expr, Literal, Node, Span, UnaryOp};
pub use engine::{Compiled, Yaql};
pub use error::YaqlError;
pub(crate) use error::{position, snippet};
pub use function::Library;
pub use lambda::{Lambda, LazyRule};
pub use parser::{MAX_DEPTH, MAX_LENGTH, parse};
pub use runtime::{Cx, Env, Limits, Scope};

#[cfg(test)]
mod syntax_tests;
#[cfg(test)]
mod tests;
