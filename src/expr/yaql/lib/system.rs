//! Contexts, definitions and properties: `let`, `with`, `def`, `->`, `.`, `call`, `assert`.

use super::super::error::YaqlError;
use super::super::function::{Answer, Library};
use super::super::params::{Keyword, Named, Rest};
use super::super::runtime::{Cx, Scope};
use crate::expr::value::{Opaque, Value};

pub(super) fn register_fallbacks(to: &mut Library) {
    to.function("#operator_.", "obj, name", get_property);
}

pub(super) fn register(to: &mut Library) {
    to.function("with", "*args", with);
    to.function("let", "*args, **kwargs", let_);
}

/// A scope as a value: what `let()` and its kin return for `->`.
#[derive(Debug)]
pub(crate) struct Context(pub(crate) Scope);

impl Opaque for Context {
    fn class(&self) -> &str {
        "Context"
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn get_property(cx: &Cx<'_>, obj: Value, name: Keyword) -> Answer {
    cx.call(&format!("#property#{}", name.0), [obj])
}

fn with(cx: &Cx<'_>, args: Rest<Value>) -> Result<Value, YaqlError> {
    Ok(Value::opaque(Context(cx.scope().with_numbered(args.0))))
}

fn let_(cx: &Cx<'_>, args: Rest<Value>, kwargs: Named) -> Value {
    Value::opaque(Context(cx.scope().with_both(args.0, kwargs.0)))
}
