//! Texts as bytes and back, and tables of characters.

use super::texts::call;
use crate::expr::jinja::bind::{arity, text_arg};
use crate::expr::jinja::error::ErrorKind;
use crate::expr::jinja::fault::{Run, fail, type_error, value_error};

use crate::expr::jinja::machine::{CallArgs, Machine};
use crate::expr::jinja::object::text_of;
use crate::expr::jinja::ops::{self, check_len};
use crate::expr::jinja::text::char_len;
use crate::expr::value::Value;
use std::sync::Arc;

pub(super) fn encode(text: &str, mut args: CallArgs) -> Run<Value> {
    let encoding = args
        .take_keyword("encoding")
        .or_else(|| args.positional.first().cloned());
    let errors = args
        .take_keyword("errors")
        .or_else(|| args.positional.get(1).cloned());
    let name = |value: Option<Value>, default: &str| match value {
        None => Ok(default.to_owned()),
        Some(value) => text_arg("encode", 1, &value).map(str::to_owned),
    };
    let (encoding, errors) = (name(encoding, "utf-8")?, name(errors, "strict")?);
    let (highest, shown) = match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" | "u8" => return Ok(Value::Bytes(text.as_bytes().into())),
        "ascii" | "us-ascii" | "646" => (0x80, "ascii"),
        "latin-1" | "latin1" | "iso-8859-1" | "l1" => (0x100, "latin-1"),
        _ => return fail(ErrorKind::Key, format!("unknown encoding: {encoding}")),
    };
    let mut bytes = Vec::with_capacity(text.len());
    let chars: Vec<char> = text.chars().collect();
    for (position, c) in chars.iter().copied().enumerate() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) if u32::from(byte) < highest => bytes.push(byte),
            _ => match errors.as_str() {
                "ignore" => {}
                "replace" => bytes.push(b'?'),
                "xmlcharrefreplace" => bytes.extend(format!("&#{};", u32::from(c)).into_bytes()),
                "backslashreplace" => {
                    let shown = crate::expr::jinja::format::percent::ascii(&c.to_string());
                    bytes.extend(shown.into_bytes());
                }
                _ => {
                    let code = crate::expr::jinja::format::percent::ascii(&c.to_string());
                    let beyond = |c: &&char| u32::from(**c) >= highest;
                    let run = chars[position..].iter().take_while(beyond).count();
                    if run > 1 {
                        let last = position + run - 1;
                        return value_error(format!(
                            "'{shown}' codec can't encode characters in position {position}-{last}: ordinal not in range({highest})"
                        ));
                    }
                    let code = if code.len() == 1 {
                        format!("\\x{:02x}", u32::from(c))
                    } else {
                        code
                    };
                    return value_error(format!(
                        "'{shown}' codec can't encode character '{code}' in position {position}: ordinal not in range({highest})"
                    ));
                }
            },
        }
    }
    Ok(Value::Bytes(bytes.into()))
}

/// `str.maketrans`: a dictionary from code points.
pub(super) fn make_table(args: &CallArgs) -> Run<Value> {
    let code = |c: char| Value::from(u32::from(c));
    let texts: Vec<Option<&Arc<str>>> = args.positional.iter().map(text_of).collect();
    match (args.positional.as_slice(), texts.as_slice()) {
        ([Value::Dict(dict)], _) => {
            let mut members = Vec::new();
            for (key, value) in dict.iter() {
                let key = match text_of(key).map(|text| (text.chars().next(), char_len(text))) {
                    Some((Some(char), 1)) => code(char),
                    Some(_) => return value_error("string keys in translate table must be of length 1"),
                    None => key.clone(),
                };
                members.push((key, value.clone()));
            }
            ops::dict(members)
        }
        (_, [Some(from), Some(to), rest @ ..]) => {
            if char_len(from) != char_len(to) {
                return value_error("the first two maketrans arguments must have equal length");
            }
            let pairs = from
                .chars()
                .zip(to.chars())
                .map(|(from, to)| (code(from), code(to)));
            let gone = rest
                .iter()
                .flatten()
                .flat_map(|text| text.chars())
                .map(|c| (code(c), Value::Null));
            ops::dict(pairs.chain(gone).collect::<Vec<_>>())
        }
        _ => type_error("if you give only one argument to maketrans it must be a dict"),
    }
}

pub(super) fn translate(text: &str, args: &CallArgs) -> Run<Value> {
    arity("str", "translate", args, 1, 1)?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match ops::item(&args.positional[0], &Value::from(u32::from(c)))? {
            None => out.push(c),
            Some(Value::Null) => {}
            Some(value) => match (text_of(&value), value.as_i64()) {
                (Some(text), _) => out.push_str(text),
                (None, Some(code)) => match u32::try_from(code).ok().and_then(char::from_u32) {
                    Some(char) => out.push(char),
                    None => return value_error("character mapping must be in range(0x110000)"),
                },
                _ => return type_error("character mapping must return integer, None or str"),
            },
        }
        check_len(out.len())?;
    }
    Ok(Value::from(out))
}

/// Methods of bytes: as those of texts, where there is a text.
pub(super) fn bytes(
    machine: &mut Machine<'_>,
    bytes: &Arc<[u8]>,
    name: &str,
    mut args: CallArgs,
) -> Run<Value> {
    match name {
        "decode" => {
            let errors = args
                .take_keyword("errors")
                .or_else(|| args.positional.get(1).cloned());
            let encoding = args
                .take_keyword("encoding")
                .or_else(|| args.positional.first().cloned());
            let encoding = encoding
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or("utf-8")
                .to_lowercase();
            let lenient = errors
                .as_ref()
                .and_then(Value::as_str)
                .is_some_and(|errors| errors != "strict");
            if matches!(
                encoding.replace('_', "-").as_str(),
                "latin-1" | "latin1" | "iso-8859-1"
            ) {
                return Ok(Value::from(
                    bytes.iter().map(|byte| char::from(*byte)).collect::<String>(),
                ));
            }
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::from(text)),
                Err(_) if lenient => Ok(Value::from(String::from_utf8_lossy(bytes).as_ref())),
                Err(error) => {
                    let at = error.valid_up_to();
                    value_error(format!(
                        "'utf-8' codec can't decode byte 0x{:02x} in position {at}: invalid start byte",
                        bytes[at]
                    ))
                }
            }
        }
        "hex" => Ok(Value::from(hex::encode(bytes))),
        _ => {
            // Latin-1 keeps every byte, so the methods of texts do.
            let as_text =
                |bytes: &[u8]| Value::from(bytes.iter().map(|byte| char::from(*byte)).collect::<String>());
            for arg in &mut args.positional {
                if let Value::Bytes(bytes) = arg {
                    *arg = as_text(bytes);
                } else if text_of(arg).is_some() {
                    return type_error("a bytes-like object is required, not 'str'");
                }
            }
            let text = as_text(bytes);
            let found = call(machine, &text, name, args)?;
            Ok(back(found))
        }
    }
}

fn back(value: Value) -> Value {
    match value {
        Value::Str(text) => Value::Bytes(
            text.chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                .collect(),
        ),
        Value::List(items) => Value::list(items.iter().cloned().map(back)),
        other => other,
    }
}
