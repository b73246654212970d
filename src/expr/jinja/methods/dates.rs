//! Attributes and methods of dates, times and lengths of time.

use crate::expr::jinja::bind::arity;
use crate::expr::jinja::fault::{Run, type_error, value_error};
use crate::expr::jinja::machine::CallArgs;
use crate::expr::jinja::object::class_of;
use crate::expr::jinja::ops;
use crate::expr::strftime;
use crate::expr::value::{Date, DateTime, Timespan, Value};

pub(super) fn attribute(value: &Value, name: &str) -> Option<Value> {
    if let Value::Timespan(span) = value {
        return Some(Value::Int(match name {
            "days" => span.days(),
            "seconds" => span.seconds(),
            "microseconds" => span.microseconds(),
            _ => return None,
        }));
    }
    let (date, time) = parts(value)?;
    Some(match (name, time) {
        ("year", _) => Value::from(date.year),
        ("month", _) => Value::from(u32::from(date.month)),
        ("day", _) => Value::from(u32::from(date.day)),
        ("hour", Some(time)) => Value::from(time.hour()),
        ("minute", Some(time)) => Value::from(time.minute()),
        ("second", Some(time)) => Value::from(time.second()),
        ("microsecond", Some(time)) => Value::from(time.microsecond()),
        ("fold", Some(_)) => Value::Int(0),
        ("tzinfo", Some(time)) if time.offset.is_none() => Value::Null,
        _ => return None,
    })
}

fn parts(value: &Value) -> Option<(Date, Option<&DateTime>)> {
    match value {
        Value::DateTime(time) => Some((time.date, Some(time))),
        Value::Date(date) => Some((*date, None)),
        _ => None,
    }
}

pub(super) fn call(owner: &Value, name: &str, mut args: CallArgs) -> Run<Value> {
    if let Value::Timespan(span) = owner {
        arity("datetime.timedelta", name, &args, 0, 0)?;
        return Ok(Value::Float(span.micros() as f64 / 1e6));
    }
    let Some((date, time)) = parts(owner) else {
        return type_error("a date is needed");
    };
    let class = class_of(owner).to_owned();
    match name {
        "strftime" => {
            let format = args
                .take_keyword("format")
                .or_else(|| args.positional.first().cloned());
            match format.as_ref().and_then(Value::as_str) {
                Some(format) => return strftime(owner, format).map(Value::from),
                None => return type_error("strftime() missing required argument 'format' (pos 1)"),
            }
        }
        "replace" => return replace(date, time, args),
        "isoformat" if time.is_some() => {
            let between = args
                .take_keyword("sep")
                .or_else(|| args.positional.first().cloned());
            let between = between.as_ref().and_then(Value::as_str).unwrap_or("T").to_owned();
            return Ok(Value::from(
                time.map(|time| time.iso(&between)).unwrap_or_default(),
            ));
        }
        "astimezone" | "time" | "timetuple" => {
            return type_error(format!("{name}() is not available in templates; use strftime()"));
        }
        _ => arity(&class, name, &args, 0, 0)?,
    }
    Ok(match name {
        "weekday" => Value::from(u32::from(date.weekday())),
        "isoweekday" => Value::from(u32::from(date.weekday()) + 1),
        "isoformat" => Value::from(date.to_string()),
        "toordinal" => Value::from(date.days() + 719_163),
        "isocalendar" => {
            let (year, week) = strftime::iso_week(date);
            Value::tuple([
                Value::from(year),
                Value::from(week),
                Value::from(u32::from(date.weekday()) + 1),
            ])
        }
        "ctime" => Value::from(strftime(owner, "%a %b %e %H:%M:%S %Y")?),
        "date" => Value::Date(date),
        "timestamp" => Value::Float(time.map_or(0.0, |time| time.utc_micros() as f64 / 1e6)),
        "utcoffset" => match time.and_then(|time| time.offset) {
            Some(offset) => Timespan::from_micros(i128::from(offset)).into(),
            None => Value::Null,
        },
        "tzname" => match time {
            Some(time) => zone_name(time).into(),
            None => Value::Null,
        },
        _ => return type_error(format!("{name}() is not available in templates")),
    })
}

fn zone_name(time: &DateTime) -> Option<String> {
    time.zone.as_ref().map(|name| name.to_string())
}

fn replace(date: Date, time: Option<&DateTime>, mut args: CallArgs) -> Run<Value> {
    let names = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
    let mut fields = [
        i64::from(date.year),
        i64::from(date.month),
        i64::from(date.day),
        time.map_or(0, DateTime::hour),
        time.map_or(0, DateTime::minute),
        time.map_or(0, DateTime::second),
        time.map_or(0, DateTime::microsecond),
    ];
    let known = if time.is_some() { 7 } else { 3 };
    for (index, name) in names.into_iter().enumerate().take(known) {
        let given = args
            .take_keyword(name)
            .or_else(|| args.positional.get(index).cloned());
        if let Some(given) = given {
            fields[index] = ops::integer(&given)?;
        }
    }
    let zone = args.take_keyword("tzinfo");
    if let Some((keyword, _)) = args.keywords.first() {
        return type_error(format!(
            "'{keyword}' is an invalid keyword argument for replace()"
        ));
    }
    let [year, month, day, hour, minute, second, microsecond] = fields;
    let new = i32::try_from(year)
        .ok()
        .zip(u8::try_from(month).ok().zip(u8::try_from(day).ok()))
        .and_then(|(year, (month, day))| Date::new(year, month, day));
    let Some(date) = new else {
        return value_error(if !(1..=12).contains(&month) {
            "month must be in 1..12".to_owned()
        } else if !(1..=9999).contains(&year) {
            format!("year {year} is out of range")
        } else {
            "day is out of range for month".to_owned()
        });
    };
    let Some(time) = time else {
        return Ok(Value::Date(date));
    };
    for (value, most, name) in [(hour, 23, "hour"), (minute, 59, "minute"), (second, 59, "second")] {
        if !(0..=most).contains(&value) {
            return value_error(format!("{name} must be in 0..{most}"));
        }
    }
    if !(0..1_000_000).contains(&microsecond) {
        return value_error("microsecond must be in 0..999999");
    }
    let mut new = time.clone();
    new.date = date;
    new.micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + microsecond;
    if zone.is_some_and(|zone| zone.is_null()) {
        (new.offset, new.zone) = (None, None);
    }
    Ok(Value::from(new))
}

/// `strftime(format)` of a date or a time.
pub(crate) fn strftime(value: &Value, format: &str) -> Run<String> {
    let Some((date, time)) = parts(value) else {
        return type_error("a date is needed");
    };
    let midnight = || DateTime {
        date,
        micros: 0,
        offset: None,
        zone: None,
    };
    let time = time.cloned().unwrap_or_else(midnight);
    let mut made = 0;
    strftime::strftime(&time, format, |bytes| {
        made += bytes;
        ops::check_len(made)
    })
}
