//! Filters that apply others: `map`, `select`, `reject` and their kind.

use super::sorting::Path;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail};
use crate::expr::jinja::machine::{CallArgs, Machine};
use crate::expr::jinja::object::Generator;
use crate::expr::jinja::{checks, ops};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

fn name_of(value: &Value) -> Run<String> {
    crate::expr::jinja::machine::text_of_data(value)
}

pub(super) fn map(machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    Generator::lazy("sync_do_map", |out| map_into(machine, value, args, out))
}

fn map_into(machine: &mut Machine<'_>, value: &Value, mut args: CallArgs, out: &mut Vec<Value>) -> Run<()> {
    if !machine.truth(value)? {
        return Ok(());
    }
    if args.positional.is_empty()
        && let Some(attribute) = args.take_keyword("attribute")
    {
        let default = args.take_keyword("default").filter(|default| !default.is_null());
        if let Some((keyword, _)) = args.keywords.first() {
            return fail(
                ErrorKind::Argument,
                format!("Unexpected keyword argument {}", str_repr(keyword)),
            );
        }
        let path = Path::new(Some(&attribute));
        if let Some(items) = ops::items_of(value) {
            machine.step(items.len())?;
            out.reserve(items.len());
            for item in items.iter() {
                out.push(path.get(machine, item, default.as_ref())?);
            }
            return Ok(());
        }
        for item in machine.collect(value)? {
            out.push(path.get(machine, &item, default.as_ref())?);
        }
        return Ok(());
    }
    if args.positional.is_empty() {
        return fail(ErrorKind::Argument, "map requires a filter argument");
    }
    let name = name_of(&args.positional.remove(0))?;
    for item in machine.collect(value)? {
        machine.step(1)?;
        let made = machine.deeper(|machine| super::apply(machine, &name, &item, args.clone(), "."))?;
        machine.charge(&made)?;
        out.push(made);
    }
    Ok(())
}

pub(super) fn select(machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    pick(machine, value, args, true, false)
}

pub(super) fn reject(machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    pick(machine, value, args, false, false)
}

pub(super) fn selectattr(machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    pick(machine, value, args, true, true)
}

pub(super) fn rejectattr(machine: &mut Machine<'_>, value: &Value, args: CallArgs) -> Run<Value> {
    pick(machine, value, args, false, true)
}

fn pick(
    machine: &mut Machine<'_>,
    value: &Value,
    args: CallArgs,
    wanted: bool,
    by_attribute: bool,
) -> Run<Value> {
    Generator::lazy("select_or_reject", |out| {
        if !machine.truth(value)? {
            return Ok(());
        }
        pick_into(machine, value, args, (wanted, by_attribute), out)
    })
}

fn pick_into(
    machine: &mut Machine<'_>,
    value: &Value,
    mut args: CallArgs,
    (wanted, by_attribute): (bool, bool),
    out: &mut Vec<Value>,
) -> Run<()> {
    let path = if by_attribute {
        if args.positional.is_empty() {
            return fail(ErrorKind::Argument, "Missing parameter for attribute name");
        }
        Path::new(Some(&args.positional.remove(0)))
    } else {
        Path::new(None)
    };
    let test = match args.positional.is_empty() {
        true => None,
        false => Some(name_of(&args.positional.remove(0))?),
    };
    let items = machine.items(value)?;
    machine.step(items.len().saturating_mul(2))?;
    for item in items {
        let tested = path.get(machine, &item, None)?;
        let holds = match &test {
            Some(test) => checks::apply(machine, test, &tested, &args, ".")?,
            None => ops::truth(&tested)?,
        };
        if holds == wanted {
            out.push(item);
        }
    }
    Ok(())
}
