//! Choosing what to evaluate: `switch`, `coalesce` and their kin.

use super::super::function::{Answer, Library};
use super::super::params::{Int, Rest};
use super::super::runtime::Cx;
use super::super::sequence::lazy;
use super::super::{Lambda, LazyRule};
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.function("switch", "*args", switch).no_kwargs();
    to.function("selectCase", "*args", select_case);
    to.function("selectAllCases", "*args", select_all_cases);
    to.function("examine", "*args", examine);
    to.method("switchCase", "case, *args", switch_case);
    to.function("coalesce", "*args", coalesce);
}

/// The right side of the first `condition => value` whose left side is true, or null.
fn switch(cx: &Cx<'_>, rules: Rest<LazyRule>) -> Answer {
    for rule in rules.0 {
        if rule.source.get(cx)?.is_true() {
            return rule.destination.get(cx);
        }
    }
    Ok(Value::Null)
}

/// The index of the first true argument, or their number.
fn select_case(cx: &Cx<'_>, args: Rest<Lambda>) -> Answer {
    let mut index = 0;
    for arg in &args.0 {
        if arg.get(cx)?.is_true() {
            break;
        }
        index += 1;
    }
    Ok(Value::Int(index))
}

/// The indexes of all true arguments, drawn lazily.
fn select_all_cases(_: &Cx<'_>, args: Rest<Lambda>) -> Value {
    let mut args = args.0.into_iter().enumerate();
    lazy("generator", move |cx: &Cx<'_>| {
        for (index, arg) in args.by_ref() {
            if arg.get(cx)?.is_true() {
                return Ok(Some(Value::from(index)));
            }
        }
        Ok(None)
    })
}

/// The truth of each argument, drawn lazily.
fn examine(_: &Cx<'_>, args: Rest<Lambda>) -> Value {
    let mut args = args.0.into_iter();
    lazy("generator", move |cx: &Cx<'_>| {
        args.next()
            .map(|arg| Ok(Value::Bool(arg.get(cx)?.is_true())))
            .transpose()
    })
}

/// The argument of the index `case`, or the last one.
fn switch_case(cx: &Cx<'_>, case: Int, args: Rest<Lambda>) -> Answer {
    let args = args.0;
    let chosen = usize::try_from(case.clamped())
        .ok()
        .and_then(|case| args.get(case));
    chosen
        .or_else(|| args.last())
        .map_or(Ok(Value::Null), |arg| arg.get(cx))
}

/// The first argument that is not null.
fn coalesce(cx: &Cx<'_>, args: Rest<Lambda>) -> Answer {
    for arg in &args.0 {
        let value = arg.get(cx)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}
