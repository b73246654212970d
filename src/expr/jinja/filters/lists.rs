//! Filters about lists, dictionaries and anything that is iterated.

use super::only_value;
use super::sorting::Path;
use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Fault, Run, fail, type_error};
use crate::expr::jinja::machine::{CallArgs, Machine};
use crate::expr::jinja::methods;
use crate::expr::jinja::object::{
    Generator, Markup, Undefined, class_of, defined, is_markup, text_of, undefined,
};
use crate::expr::jinja::ops::{self, check_items, check_len};
use crate::expr::jinja::syntax::ast::BinaryOp;
use crate::expr::jinja::text::escape_html;
use crate::expr::value::{List, Value};

pub(super) fn default(_: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let boolean = args.flag(1, false)?;
    let wanted = undefined(value).is_some() || (boolean && !ops::truth(value)?);
    Ok(if wanted {
        args.given(0).cloned().unwrap_or_else(|| Value::from(""))
    } else {
        value.clone()
    })
}

#[expect(clippy::needless_pass_by_value, reason = "all filters have one form")]
pub(super) fn length(_: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    only_value("len", &args)?;
    if let Some(len) = ops::length(value) {
        return Ok(Value::from(len));
    }
    if let Some(missing) = undefined(value) {
        return if missing.is_strict() {
            Err(missing.fault())
        } else {
            Ok(Value::Int(0))
        };
    }
    if let Some(looping) = value.downcast::<crate::expr::jinja::object::LoopValue>() {
        return Ok(Value::from(looping.state.lock().length));
    }
    type_error(format!("object of type '{}' has no len()", class_of(value)))
}

pub(super) fn list(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    machine.collect(value).map(Value::from)
}

pub(super) fn items(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    Generator::lazy("do_items", |out| {
        let dict = match value {
            Value::Dict(dict) => dict,
            _ if undefined(value).is_some() => return Ok(()),
            _ => return type_error("Can only get item pairs from a mapping."),
        };
        machine.step(dict.len())?;
        out.extend(
            dict.iter()
                .map(|(key, value)| Value::tuple([key.clone(), value.clone()])),
        );
        Ok(())
    })
}

pub(super) fn first(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    if let Some(generator) = value.downcast::<Generator>() {
        if let Some(item) = generator.next()? {
            return Ok(item);
        }
    } else if let Some(item) = machine.items(value)?.next() {
        return Ok(item);
    }
    Ok(Undefined::hinted(
        "No first item, sequence was empty.",
        machine.strict(),
    ))
}

pub(super) fn last(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    let last = if let Some(text) = text_of(value) {
        text.chars().next_back().map(Value::from)
    } else {
        let backwards = reversed(value)?;
        machine.items(&backwards)?.next()
    };
    Ok(last.unwrap_or_else(|| Undefined::hinted("No last item, sequence was empty.", machine.strict())))
}

/// `reversed(value)` of what is no text.
fn reversed(value: &Value) -> Run<Value> {
    if let Some(missing) = undefined(value) {
        return if missing.is_strict() {
            Err(missing.fault())
        } else {
            Ok(Value::from(Vec::new()))
        };
    }
    match methods::reversed(value) {
        Some(backwards) => Ok(backwards),
        None => type_error(format!("'{}' object is not reversible", class_of(value))),
    }
}

pub(super) fn reverse(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    if let Some(text) = text_of(value) {
        let backwards: String = text.chars().rev().collect();
        return Ok(if is_markup(value) {
            Markup::value(backwards)
        } else {
            Value::from(backwards)
        });
    }
    if let Some(len) = ops::length(value) {
        machine.step(len)?;
    }
    match reversed(value) {
        Ok(backwards) => Ok(backwards),
        Err(fault) if fault.kind == ErrorKind::Type => {
            let Ok(mut items) = machine.collect(value) else {
                return fail(ErrorKind::Argument, "argument must be iterable");
            };
            items.reverse();
            Ok(Value::from(items))
        }
        Err(fault) => Err(fault),
    }
}

pub(super) fn random(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    defined(value)?;
    let Some(len) = ops::length(value) else {
        return type_error(format!("object of type '{}' has no len()", class_of(value)));
    };
    if len == 0 {
        return Ok(Undefined::hinted(
            "No random item, sequence was empty.",
            machine.strict(),
        ));
    }
    let at = usize::try_from(rand::random::<u64>() % len as u64).unwrap_or(0);
    match value {
        Value::Dict(_) => match ops::item(value, &Value::from(at))? {
            Some(item) => Ok(item),
            None => fail(ErrorKind::Key, at.to_string()),
        },
        Value::Set(_) => type_error("'set' object is not subscriptable"),
        _ => Ok(machine.items(value)?.nth(at).unwrap_or_default()),
    }
}

/// The texts of items with something in between.
fn joined(machine: &mut Machine<'_>, items: &[Value], between: &str) -> Run<Value> {
    machine.step(items.len())?;
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        match item {
            Value::Str(text) => out.push_str(text),
            other => out.push_str(&machine.text(other)?),
        }
        check_len(out.len())?;
    }
    Ok(Value::from(out))
}

pub(super) fn join(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let path = args.get(1).map(|attribute| Path::new(Some(attribute)));
    if path.is_none()
        && !machine.autoescape
        && let Some(items) = ops::items_of(value)
    {
        let between = match args.given(0) {
            Some(separator) => machine.text(separator)?,
            None => "".into(),
        };
        return joined(machine, items, &between);
    }
    let mut items = machine.collect(value)?;
    if let Some(path) = path {
        for item in &mut items {
            *item = path.get(machine, item, None)?;
        }
    }
    let separator = args.given(0).cloned().unwrap_or_else(|| Value::from(""));
    let escape = machine.autoescape && (is_markup(&separator) || items.iter().any(is_markup));
    let between = machine.text(&separator)?;
    let between = if escape && !is_markup(&separator) {
        escape_html(&between).into_owned()
    } else {
        between.to_string()
    };
    let mut out = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(&between);
        }
        let text = machine.text(item)?;
        if escape && !is_markup(item) {
            out.push_str(&escape_html(&text));
        } else {
            out.push_str(&text);
        }
        check_len(out.len())?;
    }
    Ok(if escape {
        Markup::value(out)
    } else {
        Value::from(out)
    })
}

pub(super) fn sum(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let path = args.get(0).map(|attribute| Path::new(Some(attribute)));
    let items = machine.collect(value)?;
    let mut total = args.given(1).cloned().unwrap_or(Value::Int(0));
    for (kind, hint) in [("str", "''.join(seq)"), ("bytes", "b''.join(seq)")] {
        if class_of(&total) == kind {
            let what = if kind == "str" { "strings" } else { "bytes" };
            return type_error(format!("sum() can't sum {what} [use {hint} instead]"));
        }
    }
    for item in items {
        let item = match &path {
            Some(path) => path.get(machine, &item, None)?,
            None => item,
        };
        total = ops::binary(BinaryOp::Add, &total, &item)?;
        machine.charge(&total)?;
    }
    Ok(total)
}

pub(super) fn attr(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    let Some(name) = args.given(0).and_then(text_of) else {
        return type_error("attribute name must be string, not 'int'");
    };
    let name = std::sync::Arc::clone(name);
    machine.own_attribute(value, &name)
}

/// A count of items that an argument gives.
fn count(args: &Bound) -> Run<i64> {
    args.integer(0, 0)
}

pub(super) fn batch(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    Generator::lazy("do_batch", |out| batches(machine, value, args, out))
}

fn batches(machine: &mut Machine<'_>, value: &Value, args: &Bound, out: &mut Vec<Value>) -> Run<()> {
    let wanted = count(args)?;
    let items = machine.collect(value)?;
    let mut line: Vec<Value> = Vec::new();
    for item in items {
        if i64::try_from(line.len()).is_ok_and(|len| len == wanted) {
            out.push(Value::from(std::mem::take(&mut line)));
        }
        line.push(item);
    }
    if !line.is_empty() {
        if let Some(filling) = args.get(1) {
            let wanted = usize::try_from(wanted).unwrap_or(0);
            check_items(wanted)?;
            machine.step(wanted)?;
            while line.len() < wanted {
                line.push(filling.clone());
            }
        }
        out.push(Value::from(line));
    }
    Ok(())
}

pub(super) fn slice(machine: &mut Machine<'_>, value: &Value, args: &Bound) -> Run<Value> {
    Generator::lazy("sync_do_slice", |out| slices(machine, value, args, out))
}

fn slices(machine: &mut Machine<'_>, value: &Value, args: &Bound, out: &mut Vec<Value>) -> Run<()> {
    let items = machine.collect(value)?;
    let slices = count(args)?;
    if slices == 0 {
        return Err(Fault::new(
            ErrorKind::ZeroDivision,
            "integer division or modulo by zero",
        ));
    }
    let slices = usize::try_from(slices).unwrap_or(0);
    check_items(slices)?;
    machine.step(slices)?;
    let (per_slice, with_extra) = match slices {
        0 => (0, 0),
        slices => (items.len() / slices, items.len() % slices),
    };
    let mut at = 0;
    for number in 0..slices {
        let len = per_slice + usize::from(number < with_extra);
        let mut part: Vec<Value> = items[at..at + len].to_vec();
        at += len;
        if number >= with_extra
            && let Some(filling) = args.get(1)
        {
            part.push(filling.clone());
        }
        out.push(Value::List(List::new(part)));
    }
    Ok(())
}
