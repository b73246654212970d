//! Helpers for templates. All give values, so that what they give is escaped like any other value.

use handlebars::{
    Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, RenderErrorReason, ScopedJson,
};
use serde_json::Value;

use crate::model::{Status, Timestamp};

/// Seconds in words that fit their size: `80 ms`, `1.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    // Times shown to people are far below 2^53 seconds and not negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        _ if seconds < 0.0995 => format!("{:.0} ms", seconds.max(0.0) * 1e3),
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => pair(whole, 60, "min", 1, "s"),
        3600..86_400 => pair(whole, 3600, "h", 60, "min"),
        _ => pair(whole, 86_400, "d", 3600, "h"),
    }
}

fn pair(whole: u64, big: u64, big_name: &str, small: u64, small_name: &str) -> String {
    let rest = whole % big / small;
    if rest == 0 {
        format!("{} {big_name}", whole / big)
    } else {
        format!("{} {big_name} {rest} {small_name}", whole / big)
    }
}

/// A time for people, `2026-11-22 13:00:27` (UTC).
#[must_use]
pub fn moment(time: Timestamp) -> String {
    let text = time.to_string();
    match text.get(..19) {
        Some(head) => head.replace('T', " "),
        None => text,
    }
}

fn icon(status: &str) -> &'static str {
    match status.parse::<Status>() {
        Ok(Status::Succeeded) => "✔",
        Ok(Status::Failed | Status::Timeout | Status::Abandoned) => "✘",
        Ok(Status::Canceled | Status::Canceling) => "⊘",
        Ok(Status::Pending | Status::Paused | Status::Pausing | Status::Delayed) => "⏸",
        Ok(_) => "▶",
        Err(_) => "•",
    }
}

type Give = fn(&[&Value]) -> Result<Value, String>;

struct Named(&'static str, Give);

impl HelperDef for Named {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let values: Vec<&Value> = helper
            .params()
            .iter()
            .map(handlebars::PathAndJson::value)
            .collect();
        (self.1)(&values)
            .map(ScopedJson::Derived)
            .map_err(|reason| RenderErrorReason::Other(format!("`{}`: {reason}", self.0)).into())
    }
}

pub(super) fn register(registry: &mut Handlebars<'_>) {
    let all: [(&'static str, Give); 12] = [
        ("duration", |values| {
            number(values, 0).map(|seconds| duration(seconds).into())
        }),
        ("moment", |values| {
            let text = text(values, 0);
            Ok(text.parse::<Timestamp>().map_or(text, moment).into())
        }),
        ("truncate", |values| {
            Ok(truncate(&text(values, 0), size(values, 1)?).into())
        }),
        ("cell", |values| {
            let one_line = text(values, 0).split_whitespace().collect::<Vec<_>>().join(" ");
            let limit = if values.len() > 1 { size(values, 1)? } else { 60 };
            Ok(truncate(&one_line, limit).into())
        }),
        ("indent", |values| {
            let pad = " ".repeat(size(values, 1)?.min(40));
            let lines: Vec<String> = text(values, 0)
                .lines()
                .map(|line| format!("{pad}{line}"))
                .collect();
            Ok(lines.join("\n").into())
        }),
        ("icon", |values| Ok(icon(&text(values, 0)).into())),
        ("plural", |values| {
            let one = number(values, 0).is_ok_and(|count| (count - 1.0).abs() < f64::EPSILON);
            let word = if one { 1 } else { 2 };
            Ok(format!("{} {}", text(values, 0), text(values, word)).into())
        }),
        ("json", |values| {
            let value = values.first().copied().unwrap_or(&Value::Null);
            serde_json::to_string(value)
                .map(Value::from)
                .map_err(|error| error.to_string())
        }),
        ("short", |values| {
            Ok(text(values, 0).chars().take(24).collect::<String>().into())
        }),
        ("join", |values| {
            let separator = if values.len() > 1 {
                text(values, 1)
            } else {
                ", ".to_owned()
            };
            let items = values
                .first()
                .and_then(|value| value.as_array())
                .ok_or("needs a list")?;
            Ok(items
                .iter()
                .map(shown)
                .collect::<Vec<_>>()
                .join(&separator)
                .into())
        }),
        ("oneline", |values| {
            Ok(text(values, 0)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .into())
        }),
        ("has", |values| {
            Ok(match values.first() {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::String(text)) => !text.is_empty(),
                Some(Value::Array(items)) => !items.is_empty(),
                Some(Value::Object(map)) => !map.is_empty(),
                Some(_) => true,
            }
            .into())
        }),
    ];
    for (name, give) in all {
        registry.register_helper(name, Box::new(Named(name, give)));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn text(values: &[&Value], index: usize) -> String {
    values.get(index).map(|value| shown(value)).unwrap_or_default()
}

fn number(values: &[&Value], index: usize) -> Result<f64, String> {
    values
        .get(index)
        .and_then(|value| value.as_f64())
        .ok_or_else(|| format!("needs a number in place {}", index + 1))
}

fn size(values: &[&Value], index: usize) -> Result<usize, String> {
    let number = values.get(index).and_then(|value| value.as_u64());
    number
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| format!("needs a whole number in place {}", index + 1))
}

fn truncate(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
