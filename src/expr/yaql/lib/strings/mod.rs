//! Texts.

use std::sync::Arc;

use super::super::error::YaqlError;
use super::super::function::{Answer, Library};
use super::super::params::{Int, Number, Rest};
use super::super::runtime::Cx;
use crate::expr::pynum;
use crate::expr::pyregex::is_space;
use crate::expr::value::{Dict, Value};

mod find;
mod replace;
mod split;
mod text;

pub(super) use text::text_of;

pub(super) fn register(to: &mut Library) {
    to.function(
        "#operator_>",
        "left, right",
        |_: &Cx<'_>, a: Arc<str>, b: Arc<str>| a > b,
    );
    to.function(
        "#operator_<",
        "left, right",
        |_: &Cx<'_>, a: Arc<str>, b: Arc<str>| a < b,
    );
    to.function(
        "#operator_>=",
        "left, right",
        |_: &Cx<'_>, a: Arc<str>, b: Arc<str>| a >= b,
    );
    to.function(
        "#operator_<=",
        "left, right",
        |_: &Cx<'_>, a: Arc<str>, b: Arc<str>| a <= b,
    );
    to.function("concat", "*args", concat);
    to.function("#operator_+", "*args", concat);
    to.extension("len", "string", len);
    to.method("toUpper", "string", |cx: &Cx<'_>, string: Arc<str>| {
        cased(cx, &string, str::to_uppercase)
    });
    to.method("toLower", "string", |cx: &Cx<'_>, string: Arc<str>| {
        cased(cx, &string, str::to_lowercase)
    });
    to.method("toCharArray", "string", to_char_array);
    to.method("trim", "string, chars=null", trim);
    to.method("trimLeft", "string, chars=null", trim_left);
    to.method("trimRight", "string, chars=null", trim_right);
    to.extension("norm", "string, chars=null", norm);
    to.extension("isEmpty", "string, trim=true, chars=null", is_empty);
    to.function("isString", "arg", |_: &Cx<'_>, arg: Value| {
        matches!(arg, Value::Str(_))
    });
    to.function("hex", "num", hex);
    to.function(
        "characters",
        "digits=false, hexdigits=false, asciiLowercase=false, asciiUppercase=false, asciiLetters=false, \
         letters=false, octdigits=false, punctuation=false, printable=false, lowercase=false, uppercase=false, \
         whitespace=false",
        characters,
    );
    text::register(to);
    split::register(to);
    find::register(to);
    replace::register(to);
}

/// A count or position as Python's C code takes it, which knows 64 bits.
fn index(number: &Int) -> Result<i64, YaqlError> {
    number
        .to_i64()
        .ok_or_else(|| YaqlError::overflow("Python int too large to convert to C ssize_t"))
}

fn concat(cx: &Cx<'_>, args: Rest<Arc<str>>) -> Result<Arc<str>, YaqlError> {
    let size = args
        .0
        .iter()
        .map(|text| text.len())
        .fold(0, usize::saturating_add);
    cx.charge(size)?;
    cx.spend(size / 1024)?;
    if let [one] = args.0.as_slice() {
        return Ok(Arc::clone(one));
    }
    let mut out = String::with_capacity(size);
    out.extend(args.0.iter().map(|text| &**text));
    Ok(out.into())
}

fn len(cx: &Cx<'_>, string: Arc<str>) -> Result<usize, YaqlError> {
    cx.spend(string.len() / 512)?;
    Ok(string.chars().count())
}

fn cased(cx: &Cx<'_>, string: &str, change: fn(&str) -> String) -> Result<String, YaqlError> {
    // The other case of a character is up to three characters long.
    cx.charge(string.len().saturating_mul(3))?;
    cx.spend(string.len() / 32)?;
    Ok(change(string))
}

fn to_char_array(cx: &Cx<'_>, string: Arc<str>) -> Answer {
    let count = string.chars().count();
    cx.charge(count.saturating_mul(size_of::<Value>() + 24))?;
    cx.spend(count)?;
    Ok(Value::tuple(string.chars().map(Value::from)))
}

/// The sides of a text that are cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sides {
    Both,
    Left,
    Right,
}

/// `strip`, `lstrip` and `rstrip`: without `chars` they cut blanks.
fn strip<'t>(cx: &Cx<'_>, text: &'t str, chars: Option<&str>, sides: Sides) -> Result<&'t str, YaqlError> {
    cx.spend(text.len() / 16 * chars.map_or(1, |chars| chars.len() / 16 + 1))?;
    let cut = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    Ok(match sides {
        Sides::Both => text.trim_matches(cut),
        Sides::Left => text.trim_start_matches(cut),
        Sides::Right => text.trim_end_matches(cut),
    })
}

fn stripped(
    cx: &Cx<'_>,
    string: &Arc<str>,
    chars: Option<&str>,
    sides: Sides,
) -> Result<Arc<str>, YaqlError> {
    let rest = strip(cx, string, chars, sides)?;
    if rest.len() == string.len() {
        return Ok(Arc::clone(string));
    }
    cx.charge(rest.len())?;
    Ok(rest.into())
}

fn trim(cx: &Cx<'_>, string: Arc<str>, chars: Option<Arc<str>>) -> Result<Arc<str>, YaqlError> {
    stripped(cx, &string, chars.as_deref(), Sides::Both)
}

fn trim_left(cx: &Cx<'_>, string: Arc<str>, chars: Option<Arc<str>>) -> Result<Arc<str>, YaqlError> {
    stripped(cx, &string, chars.as_deref(), Sides::Left)
}

fn trim_right(cx: &Cx<'_>, string: Arc<str>, chars: Option<Arc<str>>) -> Result<Arc<str>, YaqlError> {
    stripped(cx, &string, chars.as_deref(), Sides::Right)
}

/// The trimmed text, or null if nothing is left.
fn norm(cx: &Cx<'_>, string: Option<Arc<str>>, chars: Option<Arc<str>>) -> Answer {
    let Some(string) = string else {
        return Ok(Value::Null);
    };
    let rest = stripped(cx, &string, chars.as_deref(), Sides::Both)?;
    Ok((!rest.is_empty()).then_some(rest).into())
}

fn is_empty(
    cx: &Cx<'_>,
    string: Option<Arc<str>>,
    trim: bool,
    chars: Option<Arc<str>>,
) -> Result<bool, YaqlError> {
    match string {
        None => Ok(true),
        Some(string) if trim => Ok(strip(cx, &string, chars.as_deref(), Sides::Both)?.is_empty()),
        Some(string) => Ok(string.is_empty()),
    }
}

/// An integer in hexadecimal digits with `0x`.
fn hex(cx: &Cx<'_>, num: Option<Number>) -> Answer {
    let value = num.map_or(Value::Null, |number| number.0);
    match pynum::Number::of(&value).and_then(|number| number.to_big()) {
        Some(number) => {
            cx.charge(usize::try_from(number.bits() / 4).unwrap_or(usize::MAX))?;
            cx.spend(usize::try_from(number.bits() / 64).unwrap_or(usize::MAX))?;
            Ok(Value::from(format!("{number:#x}")))
        }
        None => Err(YaqlError::type_error(format!(
            "'{}' object cannot be interpreted as an integer",
            value.type_name()
        ))),
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const WHITESPACE: &str = " \t\n\r\x0b\x0c";

/// The distinct characters of classes; in the original they come in no order.
#[expect(clippy::too_many_arguments, reason = "the parameters of the original")]
fn characters(
    _: &Cx<'_>,
    digits: Option<bool>,
    hexdigits: Option<bool>,
    ascii_lowercase: Option<bool>,
    ascii_uppercase: Option<bool>,
    ascii_letters: Option<bool>,
    letters: Option<bool>,
    octdigits: Option<bool>,
    punctuation: Option<bool>,
    printable: Option<bool>,
    lowercase: Option<bool>,
    uppercase: Option<bool>,
    whitespace: Option<bool>,
) -> Answer {
    // Three classes went away with Python 2, and the original still asks for them.
    for (wanted, name) in [
        (letters, "letters"),
        (lowercase, "lowercase"),
        (uppercase, "uppercase"),
    ] {
        if wanted == Some(true) {
            return Err(YaqlError::attribute_error(format!(
                "module 'string' has no attribute '{name}'"
            )));
        }
    }
    let classes: [(Option<bool>, &[&str]); 9] = [
        (digits, &[DIGITS]),
        (hexdigits, &[DIGITS, "abcdefABCDEF"]),
        (ascii_lowercase, &[LOWER]),
        (ascii_uppercase, &[UPPER]),
        (ascii_letters, &[LOWER, UPPER]),
        (octdigits, &["01234567"]),
        (punctuation, &[PUNCTUATION]),
        (printable, &[DIGITS, LOWER, UPPER, PUNCTUATION, WHITESPACE]),
        (whitespace, &[WHITESPACE]),
    ];
    let wanted = classes.iter().filter(|(wanted, _)| *wanted == Some(true));
    let members: Dict = wanted
        .flat_map(|(_, texts)| texts.iter().flat_map(|text| text.chars()))
        .map(|c| (Value::from(c), Value::Null))
        .collect();
    Ok(Value::tuple(members.keys().cloned()))
}
