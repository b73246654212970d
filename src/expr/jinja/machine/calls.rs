//! Calls: methods, macros, Jinja's own functions and those of the host.

use std::sync::Arc;

use super::{Frame, Machine, Slot};
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error};
use crate::expr::jinja::filters;
use crate::expr::jinja::globals;
use crate::expr::jinja::methods;
use crate::expr::jinja::object::{
    BlockReference, BoundMethod, Function, Global, Joiner, LoopValue, MacroValue, Undefined, class_of,
    defined,
};
use crate::expr::jinja::syntax::ast::{Args, Expr, ExprKind, Macro};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::{Dict, List, Value};

/// The arguments of one call.
#[derive(Debug, Default, Clone)]
pub(crate) struct CallArgs {
    pub(crate) positional: Vec<Value>,
    pub(crate) keywords: Vec<(Arc<str>, Value)>,
}

impl CallArgs {
    pub(crate) fn positional(values: Vec<Value>) -> Self {
        Self {
            positional: values,
            keywords: Vec::new(),
        }
    }

    /// Takes a keyword argument out.
    pub(crate) fn take_keyword(&mut self, name: &str) -> Option<Value> {
        let at = self.keywords.iter().position(|(known, _)| **known == *name)?;
        Some(self.keywords.remove(at).1)
    }
}

impl Machine<'_> {
    /// A call; `caller` is the body of a call block.
    pub(super) fn call_expr(&mut self, callee: &Expr, args: &Args, caller: Option<Value>) -> Run<Value> {
        let target = if let ExprKind::Attr(base, name) = &callee.kind {
            if methods::may_change(name)
                && let Some(result) = self.change(base, name, args)?
            {
                return Ok(result);
            }
            let object = self.eval(base)?;
            if let Some(method) = methods::find(&object, name) {
                let mut call = self.args(args)?;
                call.keywords
                    .extend(caller.map(|caller| ("caller".into(), caller)));
                self.charge(&object)?;
                let value = methods::call(self, &object, method, call)?;
                self.charge(&value)?;
                return Ok(value);
            }
            self.attr(&object, name)
                .map_err(|fault| self.advised(fault, &object))?
        } else {
            self.eval(callee)?
        };
        let mut call = self.args(args)?;
        call.keywords
            .extend(caller.map(|caller| ("caller".into(), caller)));
        let value = self
            .call(&target, call)
            .map_err(|fault| self.advised(fault, &target))?;
        self.charge(&value)?;
        Ok(value)
    }

    /// Calls a value.
    pub(crate) fn call(&mut self, callee: &Value, args: CallArgs) -> Run<Value> {
        defined(callee)?;
        let Value::Opaque(object) = callee else {
            return type_error(format!("'{}' object is not callable", class_of(callee)));
        };
        let object = object.as_any();
        if let Some(method) = object.downcast_ref::<BoundMethod>() {
            return methods::call(self, &method.owner, method.name, args);
        }
        if let Some(global) = object.downcast_ref::<Global>() {
            return globals::call(self, *global, args);
        }
        if let Some(function) = object.downcast_ref::<Function>() {
            return self.call_function(&function.name, args);
        }
        if let Some(value) = object.downcast_ref::<MacroValue>() {
            return self.call_macro(value, args);
        }
        if let Some(value) = object.downcast_ref::<LoopValue>() {
            return self.recurse(value, &args);
        }
        if let Some(joiner) = object.downcast_ref::<Joiner>() {
            let mut used = joiner.used.lock();
            let first = !std::mem::replace(&mut *used, true);
            return Ok(if first {
                Value::from("")
            } else {
                joiner.separator.clone()
            });
        }
        if let Some(reference) = object.downcast_ref::<BlockReference>()
            && let Some(name) = &reference.block
        {
            let text = self.capture(|machine| machine.named_block(name))?;
            return Ok(self.made(text));
        }
        type_error(format!("'{}' object is not callable", class_of(callee)))
    }

    /// A function of the host, or one of `StackStorm`'s filters as a function.
    fn call_function(&mut self, name: &Arc<str>, mut args: CallArgs) -> Run<Value> {
        if let Some(host) = self.host.filter(|host| host.has(name)) {
            let result = host.call(name, &args.positional, &args.keywords);
            return Ok(result?);
        }
        if args.positional.is_empty() {
            // The filtered value may be given by its name.
            match args.take_keyword("value") {
                Some(value) => args.positional.push(value),
                None => {
                    return type_error(format!(
                        "{name}() missing 1 required positional argument: 'value'"
                    ));
                }
            }
        }
        let value = args.positional.remove(0);
        filters::apply(self, name, &value, args, " found.")
    }

    pub(super) fn new_frame(&mut self, slots: u16, parent: Option<u32>) -> Run<u32> {
        let depth = match parent {
            Some(parent) => match self.frames.get(parent as usize) {
                Some(frame) => frame.depth + 1,
                None => return fail(ErrorKind::Runtime, "the macro belongs to another template"),
            },
            None => 0,
        };
        self.step(usize::from(slots))?;
        self.frames.push(Frame {
            slots: vec![Slot::Missing; usize::from(slots)],
            parent,
            depth,
            pinned: false,
        });
        Ok(u32::try_from(self.frames.len() - 1).unwrap_or(u32::MAX))
    }

    /// Runs in a new frame, which is dropped at the end unless a macro was defined in it.
    pub(super) fn in_frame<T>(&mut self, frame: u32, run: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        let outer = std::mem::replace(&mut self.current, frame);
        let done = self.deeper(run)?;
        self.current = outer;
        if self.frames.len() == frame as usize + 1 && !self.frames[frame as usize].pinned {
            self.frames.pop();
        }
        Ok(done)
    }

    /// A macro as a value; its frame is kept until the end.
    pub(super) fn define(&mut self, definition: &Arc<Macro>) -> Value {
        self.frames[self.current as usize].pinned = true;
        Value::opaque(MacroValue {
            definition: Arc::clone(definition),
            frame: self.current,
            autoescape: self.autoescape,
        })
    }

    fn call_macro(&mut self, value: &MacroValue, mut args: CallArgs) -> Run<Value> {
        let definition = Arc::clone(&value.definition);
        let count = definition.args.len();
        let name = definition
            .name
            .as_deref()
            .map_or_else(|| "None".to_owned(), str_repr);
        let mut positional = std::mem::take(&mut args.positional);
        let extra = if positional.len() > count {
            positional.split_off(count)
        } else {
            Vec::new()
        };
        let explicit_caller = definition.args.iter().any(|arg| &*arg.name == "caller");
        let mut given: Vec<Option<Value>> = positional.into_iter().map(Some).collect();
        let found_caller = explicit_caller;
        while given.len() < count {
            let name = &definition.args[given.len()].name;
            given.push(args.take_keyword(name));
        }
        let caller = match definition.caller {
            Some(slot) if !found_caller => {
                let caller = args.take_keyword("caller").filter(|caller| !caller.is_null());
                let strict = self.strict();
                Some((
                    slot,
                    caller.unwrap_or_else(|| Undefined::hinted("No caller defined", strict)),
                ))
            }
            _ => None,
        };
        if definition.kwargs.is_none()
            && let Some((keyword, _)) = args.keywords.first()
        {
            if args.keywords.iter().any(|(known, _)| &**known == "caller") {
                return type_error(format!(
                    "macro {name} was invoked with two values for the special caller argument. This is most likely a bug."
                ));
            }
            return type_error(format!(
                "macro {name} takes no keyword argument {}",
                str_repr(keyword)
            ));
        }
        if definition.varargs.is_none() && !extra.is_empty() {
            return type_error(format!("macro {name} takes not more than {count} argument(s)"));
        }
        let frame = self.new_frame(definition.slots, Some(value.frame))?;
        let outer_escape = self.autoescape;
        self.autoescape = value.autoescape;
        let text = self.in_frame(frame, |machine| {
            machine.enter(&definition.scope)?;
            if let Some((slot, caller)) = caller {
                machine.set_own(slot, Slot::Value(caller));
            }
            if let Some(slot) = definition.kwargs {
                let members = args
                    .keywords
                    .into_iter()
                    .map(|(name, value)| (Value::Str(name), value));
                machine.set_own(slot, Slot::Value(Value::Dict(members.collect::<Dict>())));
            }
            if let Some(slot) = definition.varargs {
                machine.set_own(slot, Slot::Value(Value::Tuple(List::new(extra))));
            }
            machine.fill_arguments(&definition, given)?;
            machine.capture(|machine| machine.exec(&definition.body))
        })?;
        self.autoescape = outer_escape;
        Ok(self.made(text))
    }

    fn fill_arguments(&mut self, definition: &Macro, given: Vec<Option<Value>>) -> Run<()> {
        let first_default = definition.args.len() - definition.defaults.len();
        let mut missing = Vec::new();
        for (index, (arg, value)) in definition.args.iter().zip(given).enumerate() {
            match value {
                Some(value) => self.set_own(arg.place.slot, Slot::Value(value)),
                None => missing.push((index, arg)),
            }
        }
        for (index, arg) in missing {
            let value = match index
                .checked_sub(first_default)
                .and_then(|at| definition.defaults.get(at))
            {
                Some(default) => self.eval(default)?,
                None => Undefined::hinted(
                    format!("parameter {} was not provided", str_repr(&arg.name)),
                    self.strict(),
                ),
            };
            self.set_own(arg.place.slot, Slot::Value(value));
        }
        Ok(())
    }

    /// `loop(items)`
    fn recurse(&mut self, value: &LoopValue, args: &CallArgs) -> Run<Value> {
        let Some((node, frame)) = &value.recurse else {
            return type_error("The loop must have the 'recursive' marker to be called recursively.");
        };
        let [items] = args.positional.as_slice() else {
            return type_error("LoopContext.__call__() missing 1 required positional argument: 'iterable'");
        };
        let text = self.capture(|machine| machine.loop_function(node, items, *frame, value.depth0 + 1))?;
        Ok(self.made(text))
    }
}
