//! Arguments that functions evaluate themselves: lambdas and the two sides of `=>`.

use std::sync::Arc;

use super::code::Piece;
use super::error::YaqlError;
use super::runtime::{Cx, Scope};
use crate::expr::value::Value;

/// An argument that is evaluated when the function asks, with `$`, `$1`, `$2` … set to what it is called with.
#[derive(Clone)]
pub struct Lambda {
    body: Body,
    scope: Scope,
}

#[derive(Clone)]
enum Body {
    Code(Arc<Piece>),
    Value(Value),
}

impl Lambda {
    /// A piece of the expression.
    pub(crate) fn code(code: Arc<Piece>, scope: Scope) -> Self {
        Self {
            body: Body::Code(code),
            scope,
        }
    }

    /// A value that it always gives.
    pub(crate) fn value(value: Value) -> Self {
        Self {
            body: Body::Value(value),
            scope: Scope::default(),
        }
    }

    /// Scopes and values within each other, at most.
    pub(crate) fn depth(&self) -> u32 {
        match &self.body {
            Body::Code(_) => self.scope.depth(),
            Body::Value(value) => value.depth(),
        }
    }

    /// The same in another scope.
    pub(crate) fn in_scope(&self, scope: Scope) -> Self {
        Self {
            body: self.body.clone(),
            scope,
        }
    }

    /// Evaluates it; `$1`, `$2` … are `args` and `$` is the first of them.
    pub fn call(&self, cx: &Cx<'_>, args: impl IntoIterator<Item = Value>) -> Result<Value, YaqlError> {
        match &self.body {
            Body::Value(value) => Ok(value.clone()),
            Body::Code(code) => code.run(&cx.within(&self.scope.with_numbered(args)?)),
        }
    }

    /// Evaluates it with `args` as [`Lambda::call`] and `named` as `$name`s.
    pub fn call_named(
        &self,
        cx: &Cx<'_>,
        args: Vec<Value>,
        named: Vec<(Arc<str>, Value)>,
    ) -> Result<Value, YaqlError> {
        match &self.body {
            Body::Value(value) => Ok(value.clone()),
            Body::Code(code) => code.run(&cx.within(&self.scope.with_both(args, named)?)),
        }
    }

    /// Evaluates it as it stands, without arguments.
    pub fn get(&self, cx: &Cx<'_>) -> Result<Value, YaqlError> {
        match &self.body {
            Body::Value(value) => Ok(value.clone()),
            Body::Code(code) => code.run(&cx.within(&self.scope)),
        }
    }

    /// Evaluates it in another scope than its own (`with_context` lambdas: `->`, regular expressions' selectors).
    pub fn get_in(&self, cx: &Cx<'_>, scope: &Scope) -> Result<Value, YaqlError> {
        match &self.body {
            Body::Value(value) => Ok(value.clone()),
            Body::Code(code) => code.run(&cx.within(scope)),
        }
    }

    /// Evaluates it with one argument and says whether Python takes the result as true.
    pub fn test(&self, cx: &Cx<'_>, item: &Value) -> Result<bool, YaqlError> {
        Ok(self.call(cx, [item.clone()])?.is_true())
    }
}

/// An argument `source => destination` whose sides the function evaluates itself (`switch`).
#[derive(Clone)]
pub struct LazyRule {
    /// Before the `=>`.
    pub source: Lambda,
    /// After it.
    pub destination: Lambda,
}
