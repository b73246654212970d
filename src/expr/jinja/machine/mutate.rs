//! Methods that change what they are called on, such as `list.append`. Values are shared and never change here:
//! the variable (or the member of a variable) gets a changed value instead. Other names of the same object in
//! Python would see the change too; here they keep what they had.

use super::{Machine, Slot};
use crate::expr::jinja::fault::Run;
use crate::expr::jinja::methods;
use crate::expr::jinja::object::Namespace;
use crate::expr::jinja::ops;
use crate::expr::jinja::syntax::ast::{Args, Expr, ExprKind};
use crate::expr::value::{Dict, List, Value};

/// Takes a value and gives the changed one, and what the method returns.
type Change<'c> = Box<dyn FnOnce(Value) -> Run<(Value, Value)> + 'c>;

impl Machine<'_> {
    /// Calls a changing method on what an expression names; `None` when it is no such method of that value.
    pub(super) fn change(&mut self, owner: &Expr, method: &str, args: &Args) -> Run<Option<Value>> {
        let now = self.eval(owner)?;
        if !methods::changes(&now, method) {
            return Ok(None);
        }
        self.charge(&now)?;
        drop(now);
        let mut call = self.args(args)?;
        if let Some(more) = call.positional.first().cloned()
            && matches!(method, "extend" | "update")
            && !matches!(more, Value::Dict(_))
        {
            // What is iterated is a list when it comes to the change.
            call.positional[0] = Value::from(self.collect(&more)?);
        }
        let method = method.to_owned();
        self.change_at(
            owner,
            Box::new(move |value| methods::change(value, &method, call)),
        )
        .map(Some)
    }

    fn change_at(&mut self, expr: &Expr, change: Change<'_>) -> Run<Value> {
        match &expr.kind {
            ExprKind::Name(name) => {
                let value = match std::mem::replace(self.slot_mut(name.place), Slot::Missing) {
                    Slot::Value(value) => value,
                    Slot::Json(json) => json.value(),
                    Slot::Missing => return self.change_temporary(expr, change),
                };
                let (value, result) = change(value)?;
                self.charge(&value)?;
                self.set_slot(name.place, Slot::Value(value));
                Ok(result)
            }
            ExprKind::Attr(base, name) => self.change_member(expr, base, Value::Str(name.clone()), change),
            ExprKind::Item(pair) => {
                let index = self.eval(&pair.1)?;
                self.change_member(expr, &pair.0, index, change)
            }
            _ => self.change_temporary(expr, change),
        }
    }

    /// What is no part of a variable changes and is gone.
    fn change_temporary(&mut self, expr: &Expr, change: Change<'_>) -> Run<Value> {
        let value = self.eval(expr)?;
        change(value).map(|(_, result)| result)
    }

    fn change_member(&mut self, expr: &Expr, base: &Expr, index: Value, change: Change<'_>) -> Run<Value> {
        let container = self.eval(base)?;
        if let Some(namespace) = container.downcast::<Namespace>() {
            let mut attributes = namespace.0.lock();
            if let Some(slot) = attributes.get_mut(&index) {
                let (value, result) = change(std::mem::take(slot))?;
                *slot = value;
                return Ok(result);
            }
        }
        match &container {
            Value::Dict(dict) if ops::key(&index).is_ok_and(|key| dict.contains_key(&key)) => {
                drop(container);
                self.change_at(base, Box::new(move |owner| change_in_dict(owner, &index, change)))
            }
            Value::List(items) => match ops::index_of(&index, items.len()) {
                Some(at) => {
                    drop(container);
                    self.change_at(base, Box::new(move |owner| change_in_list(owner, at, change)))
                }
                None => self.change_temporary(expr, change),
            },
            _ => self.change_temporary(expr, change),
        }
    }
}

fn change_in_dict(owner: Value, key: &Value, change: Change<'_>) -> Run<(Value, Value)> {
    let Value::Dict(dict) = owner else {
        return Ok((owner, Value::Null));
    };
    let mut map = dict.into_map();
    let Some(slot) = map.get_mut(key) else {
        return Ok((Value::Dict(Dict::new(map)), Value::Null));
    };
    let (value, result) = change(std::mem::take(slot))?;
    *slot = value;
    Ok((Value::Dict(Dict::new(map)), result))
}

fn change_in_list(owner: Value, at: usize, change: Change<'_>) -> Run<(Value, Value)> {
    let Value::List(list) = owner else {
        return Ok((owner, Value::Null));
    };
    let mut items = list.into_vec();
    let Some(slot) = items.get_mut(at) else {
        return Ok((Value::from(items), Value::Null));
    };
    let (value, result) = change(std::mem::take(slot))?;
    *slot = value;
    Ok((Value::List(List::new(items)), result))
}
