//! Global functions of templates that differ from the engine's own.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Rest};
use minijinja::{Environment, Error, Value};
use minijinja_contrib::globals::{cycler, joiner};

use super::error::{ErrorKind, fail};

/// Most numbers that a `range` may have.
const MAX_RANGE: i64 = 100_000;

/// Names that templates can use without a variable of that name.
pub(crate) const NAMES: [&str; 6] = ["range", "dict", "namespace", "cycler", "joiner", "debug"];

pub(crate) fn add(env: &mut Environment<'_>) {
    env.add_function("range", range);
    env.add_function("cycler", |items: Rest<Value>| cycler(items.0));
    env.add_function("joiner", joiner);
}

/// `range(stop)`, `range(start, stop, step)`
#[derive(Debug)]
pub(crate) struct Range {
    start: i64,
    stop: i64,
    step: i64,
    len: usize,
}

fn range(first: i64, stop: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (start, stop) = stop.map_or((0, first), |stop| (first, stop));
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(fail(ErrorKind::Value, "range() arg 3 must not be zero"));
    }
    let (distance, width) = (i128::from(stop) - i128::from(start), i128::from(step));
    let len = if (distance > 0) == (step > 0) {
        (distance.abs() + width.abs() - 1) / width.abs()
    } else {
        0
    };
    if len > i128::from(MAX_RANGE) {
        return Err(fail(
            ErrorKind::Overflow,
            format!("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MAX_RANGE})."),
        ));
    }
    Ok(Value::from_object(Range {
        start,
        stop,
        step,
        len: usize::try_from(len).unwrap_or(0),
    }))
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = key.as_usize().filter(|index| *index < self.len)?;
        Some(Value::from(self.start.saturating_add(
            self.step.saturating_mul(i64::try_from(index).ok()?),
        )))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.len)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            1 => write!(f, "range({}, {})", self.start, self.stop),
            step => write!(f, "range({}, {}, {step})", self.start, self.stop),
        }
    }
}
