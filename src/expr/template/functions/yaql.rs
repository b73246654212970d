//! The workflow functions as YAQL has them: parameters by the names and types that the reference's signatures give.

use std::sync::Arc;

use super::{Failure, common, datastore, workflow};
use crate::expr::ErrorKind;
use crate::expr::jinja::functions as pure_functions;
use crate::expr::scene::{NoScene, Scene, Variables};
use crate::expr::template::error::jinja_class;
use crate::expr::value::{Dict, List, Value};
use crate::expr::yaql::params::{Int, Named, Rest};
use crate::expr::yaql::{Cx, Library, YaqlError, sequence};

/// Declares all of them.
pub(crate) fn register(to: &mut Library) {
    to.function("ctx", "key=null", |cx: &Cx<'_>, key: Value| {
        answer(workflow::ctx(scene(cx), &key, Variables::public_fresh))
    });
    to.function("item", "key=null", |cx: &Cx<'_>, key: Value| {
        answer(workflow::item(scene(cx), &key))
    });
    to.function("result", "", |cx: &Cx<'_>| answer(workflow::result(scene(cx))));
    to.function("succeeded", "", |cx: &Cx<'_>| {
        answer(workflow::succeeded(scene(cx)))
    });
    to.function("failed", "", |cx: &Cx<'_>| answer(workflow::failed(scene(cx))));
    to.function("completed", "", |cx: &Cx<'_>| {
        answer(workflow::completed(scene(cx)))
    });
    to.function(
        "task_status",
        "taskId, route=null",
        |cx: &Cx<'_>, task: Value, route: Value| answer(workflow::task_status(scene(cx), &task, &route)),
    );
    to.function(
        "task",
        "taskId=null, route=null",
        |cx: &Cx<'_>, task: Value, route: Value| made(cx, workflow::task(scene(cx), &task, &route)),
    );
    to.function("json", "s", |cx: &Cx<'_>, s: Value| {
        cx.charge(s.as_str().map_or(0, str::len) * 8)?;
        let read = common::json(&s, Dict::is_mutable)?;
        // A dictionary is answered as it is.
        if matches!(s, Value::Dict(_)) {
            Ok(read)
        } else {
            fresh(cx, read)
        }
    });
    to.function("zip", "*args, **kwargs", zip);
    to.function("st2kv", "key, **kwargs", st2kv);
    register_pure(to);
}

/// The functions of values alone, shared with Jinja. YAQL finds them by these names and types.
fn register_pure(to: &mut Library) {
    type Text = Option<Arc<str>>;
    type Flag = Option<bool>;
    for name in [
        "json_escape",
        "use_none",
        "version_bump_major",
        "version_bump_minor",
        "version_bump_patch",
        "version_strip_patch",
        "from_json_string",
        "json_parse",
        "from_yaml_string",
        "yaml_parse",
    ] {
        to.function(name, "value", move |cx: &Cx<'_>, value: Value| {
            pure(cx, name, [value])
        });
    }
    to.function(
        "to_human_time_from_seconds",
        "seconds",
        |cx: &Cx<'_>, seconds: Value| pure(cx, "to_human_time_from_seconds", [seconds]),
    );
    for name in ["basename", "dirname"] {
        to.function(name, "path", move |cx: &Cx<'_>, path: Value| {
            pure(cx, name, [path])
        });
    }
    for name in [
        "version_compare",
        "version_more_than",
        "version_less_than",
        "version_equal",
        "version_match",
    ] {
        to.function(
            name,
            "value, pattern",
            move |cx: &Cx<'_>, value: Value, pattern: Value| pure(cx, name, [value, pattern]),
        );
    }
    to.function(
        "jsonpath_query",
        "value, query",
        |cx: &Cx<'_>, value: Value, query: Value| pure(cx, "jsonpath_query", [value, query]),
    );
    for name in ["to_json_string", "json_dump"] {
        to.function(
            name,
            "value, indent=null, sortKeys=false, separators?",
            move |cx: &Cx<'_>, value: Value, indent: Value, sort_keys: Flag, separators: Maybe| {
                let mut args = vec![value, indent, sort_keys.unwrap_or(false).into()];
                args.extend(separators.0);
                pure(cx, name, args)
            },
        );
    }
    for name in ["to_yaml_string", "yaml_dump"] {
        to.function(
            name,
            "value, indent=null, allowUnicode=true",
            move |cx: &Cx<'_>, value: Value, indent: Value, unicode: Flag| {
                let mut args = vec![value];
                if !indent.is_null() || unicode != Some(true) {
                    args.extend([
                        if indent.is_null() { Value::Int(2) } else { indent },
                        unicode.unwrap_or(false).into(),
                    ]);
                }
                pure(cx, name, args)
            },
        );
    }
    for name in ["regex_match", "regex_search"] {
        to.function(
            name,
            "value, pattern='', ignorecase=false",
            move |cx: &Cx<'_>, value: Value, pattern: Text, ignore_case: Flag| {
                pure(cx, name, [value, text(pattern), ignore_case.into()])
            },
        );
    }
    to.function(
        "regex_replace",
        "value='', pattern='', replacement='', ignorecase=false",
        |cx: &Cx<'_>, value: Text, pattern: Text, replacement: Text, ignore_case: Flag| {
            let args = [text(value), text(pattern), text(replacement), ignore_case.into()];
            pure(cx, "regex_replace", args)
        },
    );
    to.function(
        "regex_substring",
        "value='', pattern='', resultIndex=0, ignorecase=false",
        |cx: &Cx<'_>, value: Text, pattern: Text, index: Option<Int>, ignore_case: Flag| {
            let index = index.map_or(Value::Null, Value::from);
            pure(
                cx,
                "regex_substring",
                [text(value), text(pattern), index, ignore_case.into()],
            )
        },
    );
}

type Maybe = crate::expr::yaql::params::Maybe<Value>;

fn text(text: Option<Arc<str>>) -> Value {
    text.into()
}

fn scene<'a>(cx: &Cx<'a>) -> &'a dyn Scene {
    cx.scene().unwrap_or(&NoScene)
}

fn answer(answer: super::Answer) -> Result<Value, YaqlError> {
    answer.map_err(YaqlError::from)
}

/// An answer that the reference builds of Python's own lists and dictionaries.
fn made(cx: &Cx<'_>, made: super::Answer) -> Result<Value, YaqlError> {
    fresh(cx, made?)
}

/// The same value as YAQL sees what a function made: lists and dictionaries that are no keys.
fn fresh(cx: &Cx<'_>, value: Value) -> Result<Value, YaqlError> {
    Ok(match value {
        Value::List(items) => {
            cx.spend(items.len())?;
            let items = items.iter().map(|item| fresh(cx, item.clone()));
            Value::mutable_list(items.collect::<Result<_, _>>()?)
        }
        Value::Dict(dict) => {
            cx.spend(dict.len())?;
            let mut members = Dict::builder(dict.len());
            for (key, item) in dict.iter() {
                members.insert(key.clone(), fresh(cx, item.clone())?);
            }
            Value::Dict(Dict::mutable(members))
        }
        other => other,
    })
}

fn zip(cx: &Cx<'_>, lists: Rest<Value>, mut named: Named) -> Result<Value, YaqlError> {
    let mut lists = lists.0;
    if lists.len() == 1 {
        return Ok(match lists.remove(0) {
            Value::Null => Value::mutable_list(Vec::new()),
            only => only,
        });
    }
    let pad = named.0.iter().position(|(name, _)| **name == *"pad");
    let pad = pad.map_or(Value::Null, |index| named.0.swap_remove(index).1);
    let mut broken = None;
    let mut items = |list: &Value| {
        if let Some(items) = common::items_of_data(list) {
            return Ok(Some(items));
        }
        let Some(mut iterator) = sequence::iterate(list) else {
            return Ok(None);
        };
        let mut items = Vec::new();
        loop {
            match iterator
                .next(cx)
                .and_then(|item| cx.charge(size_of::<Value>()).map(|()| item))
            {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return Ok(Some(items)),
                Err(error) => {
                    let failure = Failure::new(error.kind, error.class, error.message.clone());
                    broken = Some(error);
                    return Err(failure);
                }
            }
        }
    };
    let columns = lists.len();
    let rows = common::zip(&lists, &pad, &mut items);
    match (rows, broken) {
        (_, Some(error)) => Err(error),
        (Err(failure), None) => Err(failure.into()),
        (Ok(rows), None) => {
            cx.charge(rows.len() * columns * size_of::<Value>())?;
            Ok(Value::from(List::mutable(rows)))
        }
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the signature tells the library the parameters' types"
)]
fn st2kv(cx: &Cx<'_>, key: Value, named: Named) -> Result<Value, YaqlError> {
    let find = |wanted: &str| {
        named
            .0
            .iter()
            .find(|(name, _)| **name == *wanted)
            .map(|(_, value)| value)
    };
    answer(datastore::st2kv(
        scene(cx),
        &key,
        find("decrypt"),
        find("default").cloned(),
    ))
}

/// Calls a function that Jinja has as a filter, with the failures that frozen dictionaries cause in Python.
fn pure(cx: &Cx<'_>, name: &'static str, args: impl AsRef<[Value]>) -> Result<Value, YaqlError> {
    let args = args.as_ref();
    let weight: usize = args.iter().map(|arg| arg.as_str().map_or(64, str::len)).sum();
    cx.spend(weight / 16)?;
    if let Some(failure) = frozen(name, args.first().unwrap_or(&Value::Null)) {
        return Err(failure.into());
    }
    let result = pure_functions::call(name, args, &[]).unwrap_or(Ok(Value::Null));
    match result {
        Ok(value) => {
            cx.charge(value.as_str().map_or(64, str::len))?;
            if name == "use_none" {
                Ok(value)
            } else {
                fresh(cx, value)
            }
        }
        Err(error) => {
            let class = jinja_class(error.kind, &error.message);
            let failed = YaqlError::new(error.kind, class, error.message);
            Err(match error.hint {
                Some(hint) => failed.hint(hint),
                None => failed,
            })
        }
    }
}

/// Python's `json` and `yaml` do not write YAQL's frozen dictionaries. `StackStorm` copies the outermost one for `json`.
fn frozen(name: &str, value: &Value) -> Option<Failure> {
    let hint =
        || Some("YAQL freezes dictionaries; in Jinja ({{ … }}) the same function takes them".to_owned());
    match name {
        "to_json_string" | "json_dump" | "to_yaml_string" | "yaml_dump" => {
            let inside = match value {
                Value::Dict(dict) => dict.values().any(has_frozen),
                other => has_frozen(other),
            };
            inside.then(|| {
                if name.ends_with("yaml_string") || name == "yaml_dump" {
                    let message = "('cannot represent an object', FrozenDict)";
                    Failure::new(ErrorKind::Other, "RepresenterError", message).hint(hint())
                } else {
                    Failure::type_error("Object of type FrozenDict is not JSON serializable").hint(hint())
                }
            })
        }
        "json_escape" => has_frozen(value)
            .then(|| Failure::type_error("Object of type FrozenDict is not JSON serializable").hint(hint())),
        _ => None,
    }
}

fn has_frozen(value: &Value) -> bool {
    match value {
        Value::Dict(dict) => !dict.is_mutable() || dict.values().any(has_frozen),
        Value::List(items) | Value::Tuple(items) => items.iter().any(has_frozen),
        _ => false,
    }
}
