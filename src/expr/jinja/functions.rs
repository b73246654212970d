//! `StackStorm`'s pure functions: data, regular expressions, versions, times, paths. They are filters everywhere, and
//! functions as well in workflows.

mod data;
mod paths;
mod patterns;
mod times;
mod versions;

use std::sync::Arc;

use super::Setting;
use super::bind::{Bound, Signature};
use super::error::{ErrorKind, ExprError};
use super::fault::{Fault, Run, fail};
use super::machine::{CallArgs, Machine};
use crate::expr::NONE_MARKER;
use crate::expr::value::Value;

type Body = fn(Option<&mut Machine<'_>>, &Value, &Bound) -> Run<Value>;

/// Where a function exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Everywhere,
    /// Only outside of workflows.
    Rendering,
    /// Only in workflows.
    Workflows,
}

struct Entry {
    name: &'static str,
    place: Place,
    names: &'static [&'static str],
    required: usize,
    run: Body,
}

const fn entry(
    name: &'static str,
    place: Place,
    names: &'static [&'static str],
    required: usize,
    run: Body,
) -> Entry {
    Entry {
        name,
        place,
        names,
        required,
        run,
    }
}

use Place::{Everywhere, Rendering, Workflows};

/// All functions by name, sorted.
static FUNCTIONS: [Entry; 29] = [
    entry("basename", Everywhere, &[], 0, paths::basename),
    entry("decrypt_kv", Rendering, &[], 0, decrypt_kv),
    entry("dirname", Everywhere, &[], 0, paths::dirname),
    entry("from_json_string", Everywhere, &[], 0, data::from_json_string),
    entry("from_yaml_string", Everywhere, &[], 0, data::from_yaml_string),
    entry("json_dump", Workflows, data::JSON_NAMES, 0, data::to_json_string),
    entry("json_escape", Everywhere, &[], 0, data::json_escape),
    entry("json_parse", Workflows, &[], 0, data::from_json_string),
    entry("jsonpath_query", Everywhere, &["query"], 1, data::jsonpath_query),
    entry(
        "regex_match",
        Everywhere,
        &["pattern", "ignorecase"],
        0,
        patterns::matches,
    ),
    entry(
        "regex_replace",
        Everywhere,
        &["pattern", "replacement", "ignorecase"],
        0,
        patterns::replace,
    ),
    entry(
        "regex_search",
        Everywhere,
        &["pattern", "ignorecase"],
        0,
        patterns::search,
    ),
    entry(
        "regex_substring",
        Everywhere,
        &["pattern", "result_index", "ignorecase"],
        0,
        patterns::substring,
    ),
    entry("to_complex", Rendering, &[], 0, data::to_complex),
    entry(
        "to_human_time_from_seconds",
        Everywhere,
        &[],
        0,
        times::human_time,
    ),
    entry(
        "to_json_string",
        Everywhere,
        data::JSON_NAMES,
        0,
        data::to_json_string,
    ),
    entry(
        "to_yaml_string",
        Everywhere,
        data::YAML_NAMES,
        0,
        data::to_yaml_string,
    ),
    entry("use_none", Everywhere, &[], 0, use_none),
    entry("version_bump_major", Everywhere, &[], 0, versions::bump_major),
    entry("version_bump_minor", Everywhere, &[], 0, versions::bump_minor),
    entry("version_bump_patch", Everywhere, &[], 0, versions::bump_patch),
    entry("version_compare", Everywhere, &["pattern"], 1, versions::compare),
    entry("version_equal", Everywhere, &["pattern"], 1, versions::equal),
    entry(
        "version_less_than",
        Everywhere,
        &["pattern"],
        1,
        versions::less_than,
    ),
    entry("version_match", Everywhere, &["pattern"], 1, versions::matches),
    entry(
        "version_more_than",
        Everywhere,
        &["pattern"],
        1,
        versions::more_than,
    ),
    entry("version_strip_patch", Everywhere, &[], 0, versions::strip_patch),
    entry("yaml_dump", Workflows, data::YAML_NAMES, 0, data::to_yaml_string),
    entry("yaml_parse", Workflows, &[], 0, data::from_yaml_string),
];

fn find(name: &str) -> Option<&'static Entry> {
    let at = FUNCTIONS.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
    FUNCTIONS.get(at)
}

impl Place {
    fn has(self, setting: Setting) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Rendering => setting != Setting::Workflow,
            Self::Workflows => setting == Setting::Workflow,
        }
    }
}

/// Whether workflows know a function of this name.
pub fn is_known(name: &str) -> bool {
    find(name).is_some_and(|entry| entry.place.has(Setting::Workflow))
}

/// The names of all functions that workflows know, sorted.
pub fn all_names() -> impl Iterator<Item = &'static str> {
    names(Setting::Workflow)
}

pub(crate) fn is_filter(setting: Setting, name: &str) -> bool {
    find(name).is_some_and(|entry| entry.place.has(setting))
}

pub(crate) fn names(setting: Setting) -> impl Iterator<Item = &'static str> {
    FUNCTIONS
        .iter()
        .filter(move |entry| entry.place.has(setting))
        .map(|entry| entry.name)
}

/// Calls a function of workflows with all its arguments; `None` when there is none of this name.
///
/// # Errors
///
/// What the function fails with, as Python words it.
pub fn call(name: &str, args: &[Value], keywords: &[(Arc<str>, Value)]) -> Option<Result<Value, ExprError>> {
    if !is_known(name) {
        return None;
    }
    let mut call = CallArgs {
        positional: args.to_vec(),
        keywords: keywords.to_vec(),
    };
    let value = if call.positional.is_empty() {
        call.take_keyword("value")
    } else {
        Some(call.positional.remove(0))
    };
    let result = match value {
        Some(value) => run(None, name, &value, call),
        None => fail(
            ErrorKind::Type,
            format!("{name}() missing 1 required positional argument: 'value'"),
        ),
    };
    Some(result.map_err(|fault| fault.told("")))
}

pub(crate) fn run(
    machine: Option<&mut Machine<'_>>,
    name: &str,
    value: &Value,
    args: CallArgs,
) -> Run<Value> {
    let Some(entry) = find(name) else {
        return Err(Fault::new(
            ErrorKind::UnknownFunction,
            format!("there is no function {name}"),
        ));
    };
    let signature = Signature {
        function: entry.name,
        hidden: 1,
        names: entry.names,
        required: entry.required,
    };
    let bound = signature.bind(args)?;
    super::object::check_weight(value, super::object::MAX_WEIGHT)?;
    match machine {
        Some(machine) => {
            machine.weigh(value)?;
            (entry.run)(Some(machine), value, &bound)
        }
        None => (entry.run)(None, value, &bound),
    }
}

fn use_none(_: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    Ok(if value.is_null() {
        Value::from(NONE_MARKER)
    } else {
        value.clone()
    })
}

fn decrypt_kv(machine: Option<&mut Machine<'_>>, value: &Value, _: &Bound) -> Run<Value> {
    super::object::defined(value)?;
    let plain = match machine {
        Some(machine) => machine.decrypt(value),
        None => Err("secrets cannot be decrypted here: there is no datastore".to_owned()),
    };
    match plain {
        Ok(text) => Ok(Value::from(text)),
        Err(message) => fail(ErrorKind::Value, message),
    }
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn the_table_is_sorted() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
