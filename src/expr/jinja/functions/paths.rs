//! Parts of paths.

use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::context::StoredKey;
use crate::expr::jinja::fault::{Run, type_error};
use crate::expr::jinja::machine::Machine;
use crate::expr::jinja::object::{class_of, defined, text_of};
use crate::expr::value::Value;

fn path_of(value: &Value) -> Run<String> {
    if let Some(text) = text_of(value) {
        return Ok(text.to_string());
    }
    if let Some(key) = value.downcast::<StoredKey>() {
        return Ok(key.text());
    }
    defined(value)?;
    type_error(format!(
        "expected str, bytes or os.PathLike object, not {}",
        class_of(value)
    ))
}

/// What comes before the last `/` (with it) and after.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |at| at + 1))
}

pub(super) fn basename(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let path = path_of(value)?;
    Ok(Value::from(split(&path).1))
}

pub(super) fn dirname(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    let path = path_of(value)?;
    let head = split(&path).0;
    let trimmed = head.trim_end_matches('/');
    Ok(Value::from(if trimmed.is_empty() { head } else { trimmed }))
}
