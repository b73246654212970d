//! `pprint`: values over several lines, as Python's `pprint.pformat` lays them out.

use super::sorting::sort_by;
use crate::expr::jinja::bind::Bound;
use crate::expr::jinja::fault::{Run, limit};
use crate::expr::jinja::machine::Machine;
use crate::expr::jinja::object::{MAX_WEIGHT, check_weight, text_of};
use crate::expr::jinja::ops::{MAX_TEXT, check_len};
use crate::expr::jinja::text::{char_len, is_space};
use crate::expr::pyvalue::str_repr;
use crate::expr::value::{Value, repr};

/// Columns of a line.
const WIDTH: usize = 80;
/// Deepest nesting that is laid out.
const DEEPEST: usize = 200;

pub(super) fn pprint(machine: &mut Machine<'_>, value: &Value, _: &Bound) -> Run<Value> {
    // Every level is printed again for each level above it.
    machine.weigh(value)?;
    machine.weigh(value)?;
    check_weight(value, MAX_WEIGHT / 16)?;
    let mut out = String::new();
    write(&mut out, value, 0, 0, 0)?;
    machine.step(out.len() / 16)?;
    Ok(Value::from(out))
}

/// `repr` with the members of dictionaries and sets in order.
fn ordered_repr(value: &Value, depth: usize) -> String {
    if depth > DEEPEST {
        return "...".to_owned();
    }
    let joined = |items: &[Value]| {
        let shown: Vec<String> = items.iter().map(|item| ordered_repr(item, depth + 1)).collect();
        shown.join(", ")
    };
    match value {
        Value::Dict(dict) => {
            let shown: Vec<String> = sorted(dict.keys().cloned().collect())
                .iter()
                .map(|key| {
                    let item = dict.get(key).cloned().unwrap_or_default();
                    format!(
                        "{}: {}",
                        ordered_repr(key, depth + 1),
                        ordered_repr(&item, depth + 1)
                    )
                })
                .collect();
            format!("{{{}}}", shown.join(", "))
        }
        Value::List(items) => format!("[{}]", joined(items)),
        Value::Tuple(items) if items.len() == 1 => format!("({},)", joined(items)),
        Value::Tuple(items) => format!("({})", joined(items)),
        other => repr(other),
    }
}

/// In Python's order where there is one, else by the names of the types.
fn sorted(items: Vec<Value>) -> Vec<Value> {
    match sort_by(items.clone(), &items, false) {
        Ok(sorted) => sorted,
        Err(_) => {
            let classes: Vec<Value> = items.iter().map(|item| Value::from(item.type_name())).collect();
            sort_by(items, &classes, false).unwrap_or_default()
        }
    }
}

/// Writes a value that begins at column `indent` and is followed by `allowance` more characters.
fn write(out: &mut String, value: &Value, indent: usize, allowance: usize, depth: usize) -> Run<()> {
    if depth > DEEPEST {
        return limit(format!("the value is nested more than {DEEPEST} deep"));
    }
    check_len(out.len())?;
    let line = ordered_repr(value, depth);
    if char_len(&line) <= WIDTH.saturating_sub(indent + allowance) || out.len() > MAX_TEXT {
        out.push_str(&line);
        return Ok(());
    }
    match value {
        Value::Dict(dict) if !dict.is_empty() => {
            out.push('{');
            let keys = sorted(dict.keys().cloned().collect());
            let last = keys.len() - 1;
            for (index, key) in keys.iter().enumerate() {
                if index > 0 {
                    new_line(out, indent + 1);
                }
                let shown = ordered_repr(key, depth);
                out.push_str(&shown);
                out.push_str(": ");
                let item = dict.get(key).cloned().unwrap_or_default();
                let allowance = if index == last { allowance + 1 } else { 1 };
                write(out, &item, indent + char_len(&shown) + 3, allowance, depth + 1)?;
                if index < last {
                    out.push(',');
                }
            }
            out.push('}');
        }
        Value::List(items) | Value::Tuple(items) if !items.is_empty() => {
            let tuple = matches!(value, Value::Tuple(_));
            let end = match (tuple, items.len()) {
                (true, 1) => ",)",
                (true, _) => ")",
                _ => "]",
            };
            write_items(
                out,
                items,
                (if tuple { "(" } else { "[" }, end),
                indent,
                allowance,
                depth,
            )?;
        }
        Value::Set(set) if !set.is_empty() => {
            let items = sorted(set.iter().cloned().collect());
            write_items(out, &items, ("{", "}"), indent, allowance, depth)?;
        }
        other => match text_of(other) {
            Some(text) if !text.is_empty() && matches!(other, Value::Str(_)) => {
                write_text(out, text, indent, allowance, depth);
            }
            _ => out.push_str(&line),
        },
    }
    Ok(())
}

fn new_line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write_items(
    out: &mut String,
    items: &[Value],
    (open, close): (&str, &str),
    indent: usize,
    allowance: usize,
    depth: usize,
) -> Run<()> {
    out.push_str(open);
    let last = items.len() - 1;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
            new_line(out, indent + 1);
        }
        let allowance = if index == last { allowance + close.len() } else { 1 };
        write(out, item, indent + 1, allowance, depth + 1)?;
    }
    out.push_str(close);
    Ok(())
}

/// A long text as several, one below the other.
fn write_text(out: &mut String, text: &str, indent: usize, allowance: usize, depth: usize) {
    let (indent, allowance) = if depth == 0 {
        (indent + 1, allowance + 1)
    } else {
        (indent, allowance)
    };
    let most = WIDTH.saturating_sub(indent);
    let lines = crate::expr::jinja::text::split_lines(text, true);
    let last_line = lines.len().saturating_sub(1);
    let mut chunks: Vec<String> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let shown = str_repr(line);
        let room = if index == last_line {
            most.saturating_sub(allowance)
        } else {
            most
        };
        if char_len(&shown) <= room {
            chunks.push(shown);
            continue;
        }
        let parts = words(line);
        let last_part = parts.len().saturating_sub(1);
        let mut current = String::new();
        for (at, part) in parts.iter().enumerate() {
            let candidate = format!("{current}{part}");
            let room = if at == last_part && index == last_line {
                most.saturating_sub(allowance)
            } else {
                most
            };
            if char_len(&str_repr(&candidate)) > room {
                if !current.is_empty() {
                    chunks.push(str_repr(&current));
                }
                current = (*part).to_owned();
            } else {
                current = candidate;
            }
        }
        if !current.is_empty() {
            chunks.push(str_repr(&current));
        }
    }
    if chunks.len() == 1 {
        out.push_str(&chunks[0]);
        return;
    }
    if depth == 0 {
        out.push('(');
    }
    for (index, chunk) in chunks.iter().enumerate() {
        if index > 0 {
            new_line(out, indent);
        }
        out.push_str(chunk);
    }
    if depth == 0 {
        out.push(')');
    }
}

/// Words with the blanks behind them.
fn words(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.find(is_space).unwrap_or(rest.len());
        let blanks = rest[word..].find(|c| !is_space(c)).unwrap_or(rest.len() - word);
        out.push(&rest[..word + blanks]);
        rest = &rest[word + blanks..];
    }
    out
}
