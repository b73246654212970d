//! YAQL: the query language of `<% … %>`, with the grammar, the functions and the errors of its 3.2.0.

mod ast;
mod error;
pub mod function;
mod lambda;
mod lib;
pub mod params;
mod raise;
mod resolve;
pub mod runtime;
pub mod sequence;

pub use ast::{Arg, BinaryOp, Expr, Literal, Node, Span, UnaryOp};
pub use error::YaqlError;
pub use function::Library;
pub use lambda::{Lambda, LazyRule};
pub use runtime::{Cx, Env, Limits, Scope};
