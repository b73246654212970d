//! Expressions.

use serde_json::Value as Json;

use super::{Machine, Slot};
use crate::expr::jinja::checks;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Fault, Run, fail};
use crate::expr::jinja::filters;
use crate::expr::jinja::methods;
use crate::expr::jinja::object::{Markup, Undefined, is_markup, undefined};
use crate::expr::jinja::ops;
use crate::expr::jinja::syntax::ast::{Apply, Args, BinaryOp, CompareOp, Cond, Expr, ExprKind, SliceOf};
use crate::expr::jinja::text::escape_html;
use crate::expr::pyvalue::str_repr;
use crate::expr::value::{List, Value, from_json};

use super::CallArgs;

impl Machine<'_> {
    pub(crate) fn eval(&mut self, expr: &Expr) -> Run<Value> {
        match &expr.kind {
            ExprKind::Const(value) => Ok(value.clone()),
            ExprKind::Name(name) => self.read(name),
            _ => {
                self.step(1)?;
                self.deeper(|machine| machine.eval_inner(expr))
                    .map_err(|fault| placed(fault, expr))
            }
        }
    }

    fn eval_inner(&mut self, expr: &Expr) -> Run<Value> {
        match &expr.kind {
            ExprKind::Const(_) | ExprKind::Name(_) => self.eval(expr),
            ExprKind::Attr(base, name) => {
                // The common case first: a member of a variable, which need not be held for it.
                if let ExprKind::Name(owner) = &base.kind
                    && let Slot::Value(Value::Dict(dict)) = self.slot(owner.place)
                    && let Some(value) = dict.get_str(name)
                    && !methods::is_dict_attribute(name)
                {
                    return Ok(value.clone());
                }
                if let Some(json) = self.json_at(expr) {
                    return Ok(from_json(json));
                }
                let object = self.eval(base)?;
                self.attr(&object, name)
                    .map_err(|fault| self.advised(fault, &object))
            }
            ExprKind::Item(pair) => {
                if let Some(json) = self.json_at(expr) {
                    return Ok(from_json(json));
                }
                let object = self.eval(&pair.0)?;
                let index = self.eval(&pair.1)?;
                self.item(&object, &index)
                    .map_err(|fault| self.advised(fault, &object))
            }
            ExprKind::Call(call) => self.call_expr(&call.callee, &call.args, None),
            ExprKind::Filter(apply) => self.filter(apply, None),
            ExprKind::Test(apply) => self.test(apply).map(Value::Bool),
            ExprKind::Binary(op, pair) => self.binary(*op, &pair.0, &pair.1),
            ExprKind::And(pair) => {
                let left = self.eval(&pair.0)?;
                if self.truth(&left)? {
                    self.eval(&pair.1)
                } else {
                    Ok(left)
                }
            }
            ExprKind::Or(pair) => {
                let left = self.eval(&pair.0)?;
                if self.truth(&left)? {
                    Ok(left)
                } else {
                    self.eval(&pair.1)
                }
            }
            ExprKind::Not(inner) => {
                let value = self.eval(inner)?;
                Ok(Value::Bool(!self.truth(&value)?))
            }
            ExprKind::Neg(inner) => {
                let value = self.eval(inner)?;
                ops::negate(&value).map_err(|fault| self.advised(fault, &value))
            }
            ExprKind::Pos(inner) => {
                let value = self.eval(inner)?;
                ops::plus(&value).map_err(|fault| self.advised(fault, &value))
            }
            ExprKind::Concat(parts) => self.concat(parts),
            ExprKind::Compare(..) => self.compare(expr).map(Value::Bool),
            ExprKind::Cond(cond) => self.cond(cond, expr),
            ExprKind::Tuple(items) => {
                let tuple = Value::Tuple(List::new(self.eval_all(items)?));
                self.charge(&tuple).map(|()| tuple)
            }
            ExprKind::List(items) => {
                let list = Value::from(self.eval_all(items)?);
                self.charge(&list).map(|()| list)
            }
            ExprKind::Dict(members) => {
                let dict = self.dict(members)?;
                self.charge(&dict).map(|()| dict)
            }
            ExprKind::Slice(slice) => self.slice(slice),
            ExprKind::NsRef(name, _) => self.read(name),
        }
    }

    /// Python's truth, with advice about misspelt names.
    pub(crate) fn truth(&self, value: &Value) -> Run<bool> {
        ops::truth(value).map_err(|fault| self.advised(fault, value))
    }

    /// Adds the nearest name when it was this value that failed.
    pub(crate) fn advised(&self, fault: Box<Fault>, value: &Value) -> Box<Fault> {
        match undefined(value) {
            Some(missing) if fault.kind == ErrorKind::Undefined => self.advise(fault, missing),
            _ => fault,
        }
    }

    fn eval_all(&mut self, items: &[Expr]) -> Run<Vec<Value>> {
        items.iter().map(|item| self.eval(item)).collect()
    }

    fn dict(&mut self, members: &[(Expr, Expr)]) -> Run<Value> {
        let mut pairs = Vec::with_capacity(members.len());
        for (key, value) in members {
            pairs.push((self.eval(key)?, self.eval(value)?));
        }
        ops::dict(pairs)
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Run<Value> {
        let a = self.eval(left)?;
        let b = self.eval(right)?;
        let value = ops::binary(op, &a, &b).map_err(|fault| {
            let fault = self.advised(fault, &a);
            self.advised(fault, &b)
        })?;
        self.charge(&value)?;
        Ok(value)
    }

    fn concat(&mut self, parts: &[Expr]) -> Run<Value> {
        let values = self.eval_all(parts)?;
        let escape = self.autoescape && values.iter().any(is_markup);
        let mut out = String::new();
        for value in &values {
            let text = self.text(value).map_err(|fault| self.advised(fault, value))?;
            if escape && !is_markup(value) {
                out.push_str(&escape_html(&text));
            } else {
                out.push_str(&text);
            }
            ops::check_len(out.len())?;
        }
        self.step(out.len() / 64)?;
        Ok(if escape {
            Markup::value(out)
        } else {
            Value::from(out)
        })
    }

    fn compare(&mut self, expr: &Expr) -> Run<bool> {
        let ExprKind::Compare(first, rest) = &expr.kind else {
            return Ok(false);
        };
        let mut left = self.eval(first)?;
        for (op, right) in rest {
            let right = self.eval(right)?;
            // Of two collections the lighter one decides how much there is to compare.
            let heavy = left.weight().min(right.weight());
            self.step(usize::try_from(heavy / 64).unwrap_or(usize::MAX))?;
            if matches!(op, CompareOp::In | CompareOp::NotIn) {
                self.charge(&right)?;
            }
            let holds = ops::compare(*op, &left, &right).map_err(|fault| {
                let fault = self.advised(fault, &left);
                self.advised(fault, &right)
            })?;
            if !holds {
                return Ok(false);
            }
            left = right;
        }
        Ok(true)
    }

    fn cond(&mut self, cond: &Cond, expr: &Expr) -> Run<Value> {
        let test = self.eval(&cond.test)?;
        if self.truth(&test)? {
            return self.eval(&cond.then);
        }
        match &cond.otherwise {
            Some(otherwise) => self.eval(otherwise),
            None => Ok(Undefined::hinted(
                format!(
                    "the inline if-expression on line {} evaluated to false and no else section was defined.",
                    self.template.line_of(expr.span.start)
                ),
                false,
            )),
        }
    }

    fn slice(&mut self, slice: &SliceOf) -> Run<Value> {
        let object = self.eval(&slice.object)?;
        let mut bounds = [None, None, None];
        for (bound, expr) in bounds.iter_mut().zip([&slice.start, &slice.stop, &slice.step]) {
            if let Some(expr) = expr {
                *bound = Some(self.eval(expr)?);
            }
        }
        let [start, stop, step] = &bounds;
        match ops::slice(&object, start.as_ref(), stop.as_ref(), step.as_ref()) {
            Ok(value) => self.charge(&value).map(|()| value),
            // Jinja works out slices of constants beforehand, by other rules: what cannot be is undefined.
            Err(fault) if fault.kind == ErrorKind::Type && slice.is_constant() => {
                Ok(Undefined::failed(&fault, self.strict()))
            }
            Err(fault) => Err(self.advised(fault, &object)),
        }
    }

    /// JSON that a chain of constant names and indexes leads to, without making values of what is on the way.
    fn json_at(&self, expr: &Expr) -> Option<&Json> {
        match &expr.kind {
            ExprKind::Name(name) => match self.slot(name.place) {
                Slot::Json(json) => Some(json.json()),
                _ => None,
            },
            ExprKind::Attr(base, name) => {
                let object = self.json_at(base)?.as_object()?;
                if methods::is_dict_attribute(name) {
                    return None;
                }
                object.get(&**name)
            }
            ExprKind::Item(pair) => {
                let ExprKind::Const(index) = &pair.1.kind else {
                    return None;
                };
                match (self.json_at(&pair.0)?, index) {
                    (Json::Object(object), Value::Str(key)) => object.get(&**key),
                    (Json::Array(items), index) => items.get(ops::index_of(index, items.len())?),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(crate) fn args(&mut self, args: &Args) -> Run<CallArgs> {
        let mut out = CallArgs {
            positional: Vec::with_capacity(args.positional.len()),
            keywords: Vec::with_capacity(args.keywords.len()),
        };
        for arg in &args.positional {
            out.positional.push(self.eval(arg)?);
        }
        if let Some(star) = &args.star {
            let more = self.eval(star)?;
            out.positional.extend(self.collect(&more)?);
        }
        for (name, arg) in &args.keywords {
            if out.keywords.iter().any(|(known, _)| known == name) {
                return fail(ErrorKind::Parse, format!("keyword argument repeated: {name}"));
            }
            let value = self.eval(arg)?;
            out.keywords.push((name.clone(), value));
        }
        if let Some(stars) = &args.stars {
            let more = self.eval(stars)?;
            self.add_keywords(&mut out, &more)?;
        }
        Ok(out)
    }

    fn add_keywords(&mut self, out: &mut CallArgs, more: &Value) -> Run<()> {
        let Value::Dict(more) = more else {
            crate::expr::jinja::object::defined(more)?;
            return fail(
                ErrorKind::Type,
                format!(
                    "argument after ** must be a mapping, not {}",
                    crate::expr::jinja::object::class_of(more)
                ),
            );
        };
        for (name, value) in more.iter() {
            let Value::Str(name) = name else {
                return fail(ErrorKind::Type, "keywords must be strings");
            };
            if out.keywords.iter().any(|(known, _)| known == name) {
                return fail(
                    ErrorKind::Type,
                    format!("got multiple values for keyword argument {}", str_repr(name)),
                );
            }
            out.keywords.push((name.clone(), value.clone()));
        }
        Ok(())
    }

    /// A filter on its value, or on the text of a block.
    pub(crate) fn filter(&mut self, apply: &Apply, block: Option<Value>) -> Run<Value> {
        let value = match (&apply.value, block) {
            (Some(inner), block) => match (&inner.kind, block) {
                (ExprKind::Filter(inner), Some(block)) => self.filter(inner, Some(block))?,
                _ => self.eval(inner)?,
            },
            (None, Some(block)) => block,
            (None, None) => Value::Null,
        };
        let made = match apply.stock {
            Some(filter) => {
                let simply = if apply.args.is_positional() {
                    filter.run_simply(self, &value, &apply.args.positional)
                } else {
                    None
                };
                match simply {
                    Some(made) => made,
                    None => {
                        let args = self.args(&apply.args)?;
                        self.charge(&value)?;
                        filter.run(self, &value, args)
                    }
                }
            }
            None => {
                let args = self.args(&apply.args)?;
                self.charge(&value)?;
                filters::apply(self, &apply.name, &value, args, " found.")
            }
        };
        let made = made.map_err(|fault| self.advised(fault, &value))?;
        self.charge(&made)?;
        Ok(made)
    }

    pub(crate) fn test(&mut self, apply: &Apply) -> Run<bool> {
        let value = match &apply.value {
            Some(value) => self.eval(value)?,
            None => Value::Null,
        };
        let args = self.args(&apply.args)?;
        self.charge(&value)?;
        checks::apply(self, &apply.name, &value, &args, " found.")
            .map_err(|fault| self.advised(fault, &value))
    }
}

/// Adds the place unless a part of the expression has told a closer one.
fn placed(mut fault: Box<Fault>, expr: &Expr) -> Box<Fault> {
    fault.span.get_or_insert(expr.span);
    fault
}
