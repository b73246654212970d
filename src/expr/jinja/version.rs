//! `StackStorm`'s version filters, on strict semantic versions.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Value};
use semver::Version;

use super::args::{Args, More};
use super::error::{ErrorKind, fail};
use super::value::{to_text, type_name};

pub(crate) fn add(env: &mut Environment<'_>) {
    env.add_filter("version_compare", |value: Value, args: More| {
        compare("version_compare", &value, args).map(|order| order as i64)
    });
    env.add_filter("version_more_than", |value: Value, args: More| {
        compare("version_more_than", &value, args).map(Ordering::is_gt)
    });
    env.add_filter("version_less_than", |value: Value, args: More| {
        compare("version_less_than", &value, args).map(Ordering::is_lt)
    });
    env.add_filter("version_equal", |value: Value, args: More| {
        compare("version_equal", &value, args).map(Ordering::is_eq)
    });
    env.add_filter("version_match", version_match);
    env.add_filter("version_bump_major", |value: Value| {
        let version = parse_value(&value)?;
        next(version.major).map(|major| format!("{major}.0.0"))
    });
    env.add_filter("version_bump_minor", |value: Value| {
        let version = parse_value(&value)?;
        next(version.minor).map(|minor| format!("{}.{minor}.0", version.major))
    });
    env.add_filter("version_bump_patch", |value: Value| {
        let version = parse_value(&value)?;
        next(version.patch).map(|patch| format!("{}.{}.{patch}", version.major, version.minor))
    });
    env.add_filter("version_strip_patch", |value: Value| {
        parse_value(&value).map(|version| format!("{}.{}", version.major, version.minor))
    });
}

fn next(number: u64) -> Result<u64, Error> {
    number
        .checked_add(1)
        .ok_or_else(|| fail(ErrorKind::Overflow, "the version number is too large"))
}

fn parse_value(value: &Value) -> Result<Version, Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Plain => parse(&to_text(value)),
        _ => Err(fail(
            ErrorKind::Type,
            format!("a version must be a text, not {}", type_name(value)),
        )),
    }
}

fn parse(text: &str) -> Result<Version, Error> {
    Version::parse(text).map_err(|_| fail(ErrorKind::Value, format!("{text} is not valid SemVer string")))
}

fn compare(filter: &'static str, value: &Value, args: More) -> Result<Ordering, Error> {
    let args = Args::bind(filter, &["pattern"], args)?;
    Ok(parse_value(value)?.cmp_precedence(&parse(&args.text(0)?)?))
}

fn version_match(value: &Value, args: More) -> Result<bool, Error> {
    let args = Args::bind("version_match", &["pattern"], args)?;
    let pattern = args.text(0)?;
    type Holds = fn(Ordering) -> bool;
    let operators: [(&str, Holds); 6] = [
        (">=", Ordering::is_ge),
        ("<=", Ordering::is_le),
        ("==", Ordering::is_eq),
        ("!=", Ordering::is_ne),
        (">", Ordering::is_gt),
        ("<", Ordering::is_lt),
    ];
    let Some((holds, wanted)) = operators
        .iter()
        .find_map(|(operator, holds)| Some((holds, pattern.strip_prefix(operator)?)))
    else {
        return Err(fail(
            ErrorKind::Value,
            format!(
                "match_expr parameter should be in format <op><ver>, where <op> is one of ['<', '>', '==', '<=', '>=', '!=']. You provided: {pattern:?}"
            ),
        ));
    };
    Ok(holds(parse_value(value)?.cmp_precedence(&parse(wanted)?)))
}
