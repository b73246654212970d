//! Attributes and items, with the sandbox's rules.

use super::Machine;
use crate::expr::jinja::context::{Datastore, StoredKey};
use crate::expr::jinja::fault::Run;
use crate::expr::jinja::methods;
use crate::expr::jinja::object::{
    BlockReference, BoundMethod, Cycler, LoopValue, MacroValue, Namespace, Undefined,
};
use crate::expr::jinja::{globals, ops};
use crate::expr::value::Value;

/// An attribute as Python's `getattr` finds it.
enum Attribute {
    None,
    Unsafe,
    Value(Value),
}

impl Machine<'_> {
    /// `object.name`: the attribute before the item.
    pub(crate) fn attr(&mut self, object: &Value, name: &str) -> Run<Value> {
        // The common case first: a key that no method hides.
        if let Value::Dict(dict) = object
            && !name.starts_with("__")
            && methods::find(object, name).is_none()
        {
            return Ok(match dict.get_str(name) {
                Some(value) => value.clone(),
                None => Undefined::of(Some(object.clone()), Value::from(name), self.strict()),
            });
        }
        match self.attribute(object, name)? {
            Attribute::Value(value) => Ok(value),
            Attribute::Unsafe => Ok(Undefined::unsafe_attribute(object, name, self.strict())),
            Attribute::None => {
                let key = Value::from(name);
                let found = ops::item(object, &key)?;
                Ok(found.unwrap_or_else(|| Undefined::of(Some(object.clone()), key, self.strict())))
            }
        }
    }

    /// `object[index]`: the item before the attribute.
    pub(crate) fn item(&mut self, object: &Value, index: &Value) -> Run<Value> {
        if let Some(key) = object.downcast::<StoredKey>()
            && let Some(name) = index.as_str()
        {
            return Ok(key.longer(name));
        }
        if let Some(value) = ops::item(object, index)? {
            return Ok(value);
        }
        if let Some(name) = crate::expr::jinja::object::text_of(index) {
            match self.attribute(object, name)? {
                Attribute::Value(value) => return Ok(value),
                Attribute::Unsafe => return Ok(Undefined::unsafe_attribute(object, name, self.strict())),
                Attribute::None => {}
            }
        }
        Ok(Undefined::of(Some(object.clone()), index.clone(), self.strict()))
    }

    /// Whether an object has an attribute of its own (not an item), for the filter `attr`.
    pub(crate) fn own_attribute(&mut self, object: &Value, name: &str) -> Run<Value> {
        Ok(match self.attribute(object, name)? {
            Attribute::Value(value) => value,
            Attribute::Unsafe => Undefined::unsafe_attribute(object, name, self.strict()),
            Attribute::None => Undefined::of(Some(object.clone()), Value::from(name), self.strict()),
        })
    }

    fn attribute(&mut self, object: &Value, name: &str) -> Run<Attribute> {
        if name.starts_with("__") && name.ends_with("__") && object.downcast::<Namespace>().is_none() {
            return Ok(if methods::has_dunder(object, name) {
                Attribute::Unsafe
            } else {
                Attribute::None
            });
        }
        if let Some(value) = methods::data_attribute(object, name) {
            return Ok(Attribute::Value(value));
        }
        if let Some(name) = methods::find(object, name) {
            return Ok(Attribute::Value(Value::opaque(BoundMethod {
                owner: object.clone(),
                name,
            })));
        }
        let Value::Opaque(opaque) = object else {
            return Ok(Attribute::None);
        };
        let opaque = opaque.as_any();
        if let Some(missing) = opaque.downcast_ref::<Undefined>() {
            return Err(missing.fault());
        }
        let found = if let Some(value) = opaque.downcast_ref::<LoopValue>() {
            self.loop_attribute(object, value, name)
        } else if let Some(namespace) = opaque.downcast_ref::<Namespace>() {
            namespace.0.lock().get(&Value::from(name)).cloned()
        } else if let Some(store) = opaque.downcast_ref::<Datastore>() {
            store.attribute(name)
        } else if let Some(key) = opaque.downcast_ref::<StoredKey>() {
            Some(key.longer(name))
        } else if let Some(cycler) = opaque.downcast_ref::<Cycler>() {
            (name == "current").then(|| cycler.items[*cycler.at.lock()].clone())
        } else if let Some(value) = opaque.downcast_ref::<MacroValue>() {
            macro_attribute(value, name)
        } else if let Some(reference) = opaque.downcast_ref::<BlockReference>() {
            return Ok(match self.block_attribute(reference, name) {
                Some(value) => Attribute::Value(value),
                None => Attribute::None,
            });
        } else {
            globals::attribute(object, name)
        };
        Ok(found.map_or(Attribute::None, Attribute::Value))
    }

    fn loop_attribute(&self, object: &Value, value: &LoopValue, name: &str) -> Option<Value> {
        let state = value.state.lock();
        let strict = self.strict();
        Some(match name {
            "index" => Value::from(state.index0 + 1),
            "index0" => Value::from(state.index0),
            "revindex" => Value::from(state.length.saturating_sub(state.index0)),
            "revindex0" => Value::from(state.length.saturating_sub(state.index0 + 1)),
            "first" => Value::Bool(state.index0 == 0),
            "last" => Value::Bool(state.index0 + 1 >= state.length),
            "length" => Value::from(state.length),
            "depth" => Value::from(value.depth0 + 1),
            "depth0" => Value::from(value.depth0),
            "previtem" => match &state.previous {
                Some(item) => item.clone(),
                None => Undefined::hinted("there is no previous item", strict),
            },
            "nextitem" => match &state.next {
                Some(item) => item.clone(),
                None => Undefined::hinted("there is no next item", strict),
            },
            "cycle" | "changed" => Value::opaque(BoundMethod {
                owner: object.clone(),
                name: if name == "cycle" { "cycle" } else { "changed" },
            }),
            _ => return None,
        })
    }

    fn block_attribute(&self, reference: &BlockReference, name: &str) -> Option<Value> {
        match &reference.block {
            None => {
                let block = self.template.blocks.iter().find(|block| *block.name == *name)?;
                Some(Value::opaque(BlockReference {
                    block: Some(block.name.clone()),
                }))
            }
            Some(block) if name == "super" => Some(Undefined::hinted(
                format!(
                    "there is no parent block called {}.",
                    crate::expr::pyvalue::str_repr(block)
                ),
                self.strict(),
            )),
            Some(_) => None,
        }
    }
}

fn macro_attribute(value: &MacroValue, name: &str) -> Option<Value> {
    let definition = &value.definition;
    Some(match name {
        "name" => definition.name.clone().into(),
        "arguments" => Value::tuple(definition.args.iter().map(|arg| Value::Str(arg.name.clone()))),
        "catch_kwargs" => Value::Bool(definition.kwargs.is_some()),
        "catch_varargs" => Value::Bool(definition.varargs.is_some()),
        "caller" => Value::Bool(definition.caller.is_some()),
        _ => return None,
    })
}
