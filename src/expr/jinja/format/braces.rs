//! `'text {}'.format(values)`, with the sandbox's rules for attributes.

use std::sync::Arc;

use super::percent::ascii;
use super::spec::format_value;
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, value_error};
use crate::expr::jinja::machine::{Machine, text_of_data};
use crate::expr::jinja::object::{Markup, is_markup, shown, text_of};
use crate::expr::jinja::ops::check_len;
use crate::expr::jinja::text::escape_html;
use crate::expr::pyvalue::str_repr;
use crate::expr::value::Value;

/// Where fields find their values.
pub(crate) struct Fields<'v> {
    pub(crate) positional: &'v [Value],
    pub(crate) named: &'v dyn Fn(&str) -> Option<Value>,
}

/// Whether fields are numbered by their writer or by their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbering {
    Unknown,
    Automatic(usize),
    Manual,
}

struct Formatter<'m, 'r, 'v> {
    machine: &'m mut Machine<'r>,
    fields: &'v Fields<'v>,
    numbering: Numbering,
    escape: bool,
}

pub(crate) fn format(machine: &mut Machine<'_>, template: &Value, fields: &Fields<'_>) -> Run<Value> {
    let Some(text) = text_of(template) else {
        return Ok(Value::Null);
    };
    let text = Arc::clone(text);
    let escape = is_markup(template);
    let mut formatter = Formatter {
        machine,
        fields,
        numbering: Numbering::Unknown,
        escape,
    };
    let out = formatter.expand(&text, 3)?;
    Ok(if escape {
        Markup::value(out)
    } else {
        Value::from(out)
    })
}

impl Formatter<'_, '_, '_> {
    fn expand(&mut self, text: &str, depth: usize) -> Run<String> {
        if depth == 0 {
            return value_error("Max string recursion exceeded");
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = rest.as_bytes()[at];
            rest = &rest[at + 1..];
            if rest.as_bytes().first() == Some(&brace) {
                out.push(char::from(brace));
                rest = &rest[1..];
                continue;
            }
            if brace == b'}' {
                return value_error("Single '}' encountered in format string");
            }
            if rest.is_empty() {
                return value_error("Single '{' encountered in format string");
            }
            let end = field_end(rest)?;
            let text = self.field(&rest[..end], depth)?;
            out.push_str(&text);
            check_len(out.len())?;
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(&mut self, field: &str, depth: usize) -> Run<String> {
        self.machine.step(1)?;
        // Brackets may hold anything but brackets.
        let mut inside = false;
        let end = field.find(|c: char| {
            inside = (inside || c == '[') && c != ']';
            !inside && (c == '!' || c == ':')
        });
        let (name, rest) = field.split_at(end.unwrap_or(field.len()));
        if name.contains('{') {
            return value_error("unexpected '{' in field name");
        }
        let (conversion, spec) = match rest.strip_prefix('!') {
            Some(rest) => {
                let mut chars = rest.chars();
                let Some(conversion) = chars.next() else {
                    return value_error("end of string while looking for conversion specifier");
                };
                match chars.as_str().strip_prefix(':') {
                    Some(spec) => (Some(conversion), spec),
                    None if chars.as_str().is_empty() => (Some(conversion), ""),
                    None => return value_error("expected ':' after conversion specifier"),
                }
            }
            None => (None, rest.strip_prefix(':').unwrap_or("")),
        };
        let value = self.value(name)?;
        let value = match conversion {
            None => value,
            Some('s') => Value::from(text_of_data(&value)?),
            Some('r') => Value::from(shown(&value)),
            Some('a') => Value::from(ascii(&shown(&value))),
            Some(other) => return value_error(format!("Unknown conversion specifier {other}")),
        };
        let spec = self.expand(spec, depth - 1)?;
        let text = format_value(&value, &spec)?;
        Ok(if self.escape && !is_markup(&value) {
            escape_html(&text).into_owned()
        } else {
            text
        })
    }

    fn value(&mut self, name: &str) -> Run<Value> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(end);
        let mut value = self.first(first)?;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return value_error("Empty attribute in format string");
                }
                value = self.machine.attr(&value, &after[..end])?;
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let Some(end) = after.find(']') else {
                    return value_error("Missing ']' in format string");
                };
                let key = &after[..end];
                if key.is_empty() {
                    return value_error("Empty attribute in format string");
                }
                let key = match key.parse::<i64>() {
                    Ok(index) if key.bytes().all(|byte| byte.is_ascii_digit()) => Value::Int(index),
                    _ => Value::from(key),
                };
                value = self.machine.item(&value, &key)?;
                rest = &after[end + 1..];
            } else {
                return value_error("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        Ok(value)
    }

    fn first(&mut self, name: &str) -> Run<Value> {
        let number = if name.is_empty() {
            let next = match self.numbering {
                Numbering::Manual => {
                    return value_error(
                        "cannot switch from manual field specification to automatic field numbering",
                    );
                }
                Numbering::Unknown => 0,
                Numbering::Automatic(next) => next,
            };
            self.numbering = Numbering::Automatic(next + 1);
            Some(next)
        } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
            if matches!(self.numbering, Numbering::Automatic(_)) {
                return value_error(
                    "cannot switch from manual field specification to automatic field numbering",
                );
            }
            self.numbering = Numbering::Manual;
            match name.parse::<usize>() {
                Ok(number) => Some(number),
                Err(_) => return value_error("Too many decimal digits in format string"),
            }
        } else {
            None
        };
        match number {
            Some(number) => match self.fields.positional.get(number) {
                Some(value) => Ok(value.clone()),
                None => fail(
                    ErrorKind::Index,
                    format!("Replacement index {number} out of range for positional args tuple"),
                ),
            },
            None => match (self.fields.named)(name) {
                Some(value) => Ok(value),
                None => fail(ErrorKind::Key, str_repr(name)),
            },
        }
    }
}

/// Where the field that begins at `rest` ends.
fn field_end(rest: &str) -> Run<usize> {
    let (mut open, mut inside) = (1, false);
    for (at, c) in rest.char_indices() {
        match c {
            '[' if open == 1 => inside = true,
            ']' => inside = false,
            '{' if !inside => open += 1,
            '}' if !inside => {
                open -= 1;
                if open == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
    }
    value_error("expected '}' before end of string")
}
