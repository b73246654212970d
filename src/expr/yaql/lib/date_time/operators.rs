//! Arithmetic and order of times and spans.

use std::cmp::Ordering;

use num_bigint::BigInt;

use super::super::super::error::YaqlError;
use super::super::super::function::{Answer, Library};
use super::super::super::params::{Number, Timespan};
use super::super::super::runtime::Cx;
use super::span::{from_float_micros, from_micros};
use super::{moved, out_of_range};
use crate::expr::pynum::{self, Op, arithmetic};
use crate::expr::value::{DateTime, Value};

type Test = fn(Ordering) -> bool;

pub(super) fn register(to: &mut Library) {
    to.function(
        "#operator_+",
        "dt, ts",
        |_: &Cx<'_>, time: DateTime, span: Timespan| moved(&time, span),
    );
    to.function(
        "#operator_+",
        "ts, dt",
        |_: &Cx<'_>, span: Timespan, time: DateTime| moved(&time, span),
    );
    to.function(
        "#operator_-",
        "dt, ts",
        |_: &Cx<'_>, time: DateTime, span: Timespan| {
            Timespan::from_micros(-span.micros())
                .ok_or_else(out_of_range)
                .and_then(|span| moved(&time, span))
        },
    );
    to.function(
        "#operator_-",
        "dt1, dt2",
        |_: &Cx<'_>, a: DateTime, b: DateTime| a.since(&b).ok_or_else(out_of_range),
    );
    to.function(
        "#operator_+",
        "ts1, ts2",
        |_: &Cx<'_>, a: Timespan, b: Timespan| from_micros(&(a.micros() + b.micros()).into()),
    );
    to.function(
        "#operator_-",
        "ts1, ts2",
        |_: &Cx<'_>, a: Timespan, b: Timespan| from_micros(&(a.micros() - b.micros()).into()),
    );
    let tests: [(&str, Test); 4] = [
        ("#operator_>", Ordering::is_gt),
        ("#operator_>=", Ordering::is_ge),
        ("#operator_<", Ordering::is_lt),
        ("#operator_<=", Ordering::is_le),
    ];
    for (name, test) in tests {
        to.function(name, "dt1, dt2", move |_: &Cx<'_>, a: DateTime, b: DateTime| {
            a.compare(&b).is_some_and(test)
        });
        to.function(name, "ts1, ts2", move |_: &Cx<'_>, a: Timespan, b: Timespan| {
            test(a.cmp(&b))
        });
    }
    to.function("#unary_operator_-", "ts", |_: &Cx<'_>, span: Timespan| {
        from_micros(&(-span.micros()).into())
    });
    to.function("#unary_operator_+", "ts", |_: &Cx<'_>, span: Timespan| span);
    to.function("#operator_*", "ts, n", |_: &Cx<'_>, span: Timespan, n: Number| {
        multiplied(span, &n)
    });
    to.function("#operator_*", "n, ts", |_: &Cx<'_>, n: Number, span: Timespan| {
        multiplied(span, &n)
    });
    to.function(
        "#operator_/",
        "ts1, ts2",
        |_: &Cx<'_>, a: Timespan, b: Timespan| quotient(a, &Value::Float(b.micros() as f64)),
    );
    to.function("#operator_/", "ts, n", divided);
}

fn number(value: &Value) -> pynum::Number {
    pynum::Number::of(value).unwrap_or(pynum::Number::Int(0))
}

/// `span * n`, rounded to microseconds.
fn multiplied(span: Timespan, n: &Number) -> Result<Timespan, YaqlError> {
    let micros = number(&Value::from(span.micros()));
    match arithmetic(Op::Mul, &micros, &number(&n.0))? {
        Value::Float(micros) => from_float_micros(micros),
        micros => from_micros(&number(&micros).to_big().unwrap_or_default()),
    }
}

/// The microseconds of a span as a float, divided by a float.
fn quotient(span: Timespan, by: &Value) -> Answer {
    let micros = pynum::Number::Float(span.micros() as f64);
    Ok(arithmetic(Op::Div, &micros, &number(by))?)
}

/// `span / n`, rounded to microseconds.
fn divided(_: &Cx<'_>, span: Timespan, n: Number) -> Result<Timespan, YaqlError> {
    match number(&n.0) {
        pynum::Number::Float(by) => match quotient(span, &Value::Float(by))? {
            Value::Float(micros) => from_float_micros(micros),
            _ => Ok(span),
        },
        by => {
            let by = by.to_big().unwrap_or_default();
            from_float_micros(pynum::true_division(&BigInt::from(span.micros()), &by)?)
        }
    }
}
