//! Objects that templates call or ask: methods, functions, macros, loops, cyclers, namespaces, blocks.

use super::{as_any, class_of, holds, text_of};

use crate::expr::jinja::syntax::ast::{For, Macro};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::{Dict, DictMap, Opaque, Value, repr};
use parking_lot::Mutex;
use std::any::Any;
use std::sync::Arc;

/// A method that was named but not called.
#[derive(Debug)]
pub(crate) struct BoundMethod {
    pub(crate) owner: Value,
    pub(crate) name: &'static str,
}

impl Opaque for BoundMethod {
    fn class(&self) -> &str {
        if self.is_format() {
            "function"
        } else {
            "builtin_function_or_method"
        }
    }

    fn repr(&self) -> String {
        let owner = class_of(&self.owner);
        if self.is_format() {
            return format!("<function str.{}>", self.name);
        }
        format!("<built-in method {} of {owner} object>", self.name)
    }

    holds!(this, vec![&this.owner]);

    as_any!();
}

impl BoundMethod {
    fn is_format(&self) -> bool {
        matches!(self.name, "format" | "format_map") && text_of(&self.owner).is_some()
    }
}

/// A global function of Jinja.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global {
    Range,
    Dict,
    Lipsum,
    Cycler,
    Joiner,
    Namespace,
}

impl Opaque for Global {
    fn class(&self) -> &str {
        match self {
            Self::Range | Self::Lipsum => "function",
            _ => "type",
        }
    }

    fn repr(&self) -> String {
        match self {
            Self::Range => "<function safe_range>",
            Self::Lipsum => "<function generate_lorem_ipsum>",
            Self::Dict => "<class 'dict'>",
            Self::Cycler => "<class 'jinja2.utils.Cycler'>",
            Self::Joiner => "<class 'jinja2.utils.Joiner'>",
            Self::Namespace => "<class 'jinja2.utils.Namespace'>",
        }
        .to_owned()
    }

    fn equals(&self, other: &Value) -> bool {
        other.downcast::<Self>() == Some(self)
    }

    fn hash_code(&self) -> u64 {
        *self as u64
    }

    as_any!();
}

/// A function that the host provides, or one of `StackStorm`'s filters used as a function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Arc<str>,
}

impl Opaque for Function {
    fn class(&self) -> &str {
        "function"
    }

    fn repr(&self) -> String {
        format!("<function {}>", self.name)
    }

    fn equals(&self, other: &Value) -> bool {
        other
            .downcast::<Self>()
            .is_some_and(|other| other.name == self.name)
    }

    fn hash_code(&self) -> u64 {
        self.name.len() as u64
    }

    as_any!();
}

/// A macro, or the body of a call block.
#[derive(Debug)]
pub(crate) struct MacroValue {
    pub(crate) definition: Arc<Macro>,
    /// The frame that it was defined in.
    pub(crate) frame: u32,
    pub(crate) autoescape: bool,
}

impl Opaque for MacroValue {
    fn class(&self) -> &str {
        "jinja2.runtime.Macro"
    }

    fn repr(&self) -> String {
        match &self.definition.name {
            Some(name) => format!("<Macro {}>", str_repr(name)),
            None => "<Macro anonymous>".to_owned(),
        }
    }

    as_any!();
}

/// `loop`
#[derive(Debug)]
pub(crate) struct LoopValue {
    pub(crate) state: Mutex<LoopState>,
    /// The loop to run for `loop(items)`, and the frame that it stands in.
    pub(crate) recurse: Option<(Arc<For>, u32)>,
    pub(crate) depth0: usize,
}

#[derive(Debug, Default)]
pub(crate) struct LoopState {
    pub(crate) index0: usize,
    pub(crate) length: usize,
    pub(crate) previous: Option<Value>,
    pub(crate) current: Value,
    pub(crate) next: Option<Value>,
    pub(crate) changed: Option<Vec<Value>>,
}

impl Opaque for LoopValue {
    fn class(&self) -> &str {
        "jinja2.runtime.LoopContext"
    }

    fn repr(&self) -> String {
        let state = self.state.lock();
        format!("<LoopContext {}/{}>", state.index0 + 1, state.length)
    }

    as_any!();
}

/// `cycler(...)`
#[derive(Debug)]
pub(crate) struct Cycler {
    pub(crate) items: Vec<Value>,
    pub(crate) at: Mutex<usize>,
}

impl Opaque for Cycler {
    fn class(&self) -> &str {
        "jinja2.utils.Cycler"
    }

    holds!(this, this.items.iter().collect());

    as_any!();
}

/// `joiner(...)`
#[derive(Debug)]
pub(crate) struct Joiner {
    pub(crate) separator: Value,
    pub(crate) used: Mutex<bool>,
}

impl Opaque for Joiner {
    fn class(&self) -> &str {
        "jinja2.utils.Joiner"
    }

    holds!(this, vec![&this.separator]);

    as_any!();
}

/// `namespace(...)`
#[derive(Debug)]
pub(crate) struct Namespace(pub(crate) Mutex<DictMap>);

impl Opaque for Namespace {
    fn class(&self) -> &str {
        "jinja2.utils.Namespace"
    }

    fn repr(&self) -> String {
        // A namespace may hold itself.
        match self.0.try_lock() {
            Some(attributes) => format!(
                "<Namespace {}>",
                repr(&Value::Dict(Dict::new(attributes.clone())))
            ),
            None => "<Namespace ...>".to_owned(),
        }
    }

    // A namespace may hold itself: what is locked is being looked at already.
    fn depth(&self) -> u32 {
        let attributes = self.0.try_lock();
        let depths = attributes.iter().flat_map(|map| map.values()).map(Value::depth);
        depths.max().map_or(0, |depth| depth.saturating_add(1))
    }

    fn weight(&self) -> u64 {
        let attributes = self.0.try_lock();
        let inner = attributes.iter().flat_map(|map| map.values());
        inner.fold(64, |sum, value| sum.saturating_add(value.weight()))
    }

    as_any!();
}

/// `self` and `super` inside a block.
#[derive(Debug)]
pub(crate) struct BlockReference {
    /// Absent for `self`, whose attributes are the blocks.
    pub(crate) block: Option<Arc<str>>,
}

impl Opaque for BlockReference {
    fn class(&self) -> &str {
        match self.block {
            Some(_) => "jinja2.runtime.BlockReference",
            None => "jinja2.runtime.TemplateReference",
        }
    }

    fn repr(&self) -> String {
        match self.block {
            Some(_) => "<BlockReference object>".to_owned(),
            None => "<TemplateReference None>".to_owned(),
        }
    }

    as_any!();
}
