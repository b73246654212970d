//! Lengths of time in words.

use num_traits::ToPrimitive as _;

use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail};
use crate::expr::jinja::machine::Machine;
use crate::expr::jinja::object::{class_of, defined};
use crate::expr::pynum::Number;
use crate::expr::pyvalue::float_repr;
use crate::expr::value::{Date, Value};

/// `1d2h3m4s`. The time is counted as a date after the first day of year 1, and months are not shown: 31 days are
/// nothing.
pub(super) fn human_time(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    defined(value)?;
    let seconds = match Number::of(value) {
        Some(Number::Float(float)) if float < 1.0 && float != 0.0 => {
            return Ok(Value::from(format!("{}\u{3bc}s", float_repr(float))));
        }
        Some(Number::Float(float)) => float.round_ties_even().to_i64().filter(|_| float.is_finite()),
        Some(Number::Int(seconds)) => Some(seconds),
        Some(Number::Big(_)) => None,
        None => {
            return fail(
                ErrorKind::Other,
                format!(
                    "to_human_time_from_seconds needs a number of seconds, not {}",
                    class_of(value)
                ),
            );
        }
    };
    let Some(seconds) = seconds else {
        return too_long();
    };
    if seconds == 0 {
        return Ok(Value::from("0s"));
    }
    if seconds < 1 {
        return Ok(Value::from(format!("{seconds}\u{3bc}s")));
    }
    let start = Date::new(1, 1, 1).map_or(0, Date::days);
    let Some(date) = Date::from_days(start.saturating_add(seconds / 86_400)) else {
        return too_long();
    };
    let parts = [
        (i64::from(date.year) - 1, 'y'),
        (i64::from(date.day) - 1, 'd'),
        (seconds / 3600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let shown = parts.iter().skip_while(|(amount, _)| *amount == 0);
    let text: String = shown.map(|(amount, unit)| format!("{amount}{unit}")).collect();
    Ok(Value::from(if text.is_empty() { "0s".to_owned() } else { text }))
}

fn too_long<T>() -> Run<T> {
    fail(
        ErrorKind::Overflow,
        "date value out of range: the time is longer than 9998 years",
    )
}
