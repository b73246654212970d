//! The workflow functions as Jinja has them: globals and filters with Python's arguments.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Answer, Failure, common, datastore, workflow};
use crate::expr::jinja::{ExprError, Host, check_defined, items_of};
use crate::expr::scene::{Scene, Variables};
use crate::expr::value::Value;

/// The names of functions that the scene answers.
const NAMES: [&str; 11] = [
    "ctx",
    "item",
    "result",
    "succeeded",
    "failed",
    "completed",
    "task_status",
    "task",
    "json",
    "zip",
    "st2kv",
];

/// A scene as the host of an evaluation of Jinja.
pub(crate) struct SceneHost<'s> {
    scene: &'s dyn Scene,
    /// The class of the exception that a function of ours raised last.
    class: Cell<Option<&'static str>>,
}

impl<'s> SceneHost<'s> {
    pub(crate) fn new(scene: &'s dyn Scene) -> Self {
        Self {
            scene,
            class: Cell::new(None),
        }
    }

    /// The class of the exception that ended the evaluation, if one of our functions raised it.
    pub(crate) fn class(&self) -> Option<&'static str> {
        self.class.get()
    }

    fn answer(&self, name: &str, args: &[Value], keywords: &[(Arc<str>, Value)]) -> Answer {
        let bind = |names: &[&str], required: usize| bind(name, names, required, args, keywords);
        let none = Value::Null;
        let at = |bound: &[Option<Value>], index: usize| bound[index].clone().unwrap_or(Value::Null);
        match name {
            "ctx" => {
                let key = at(&bind(&["key"], 0)?, 0);
                if self.scene.variables().is_none() {
                    return Err(no_context(&key));
                }
                workflow::ctx(self.scene, &key, Variables::public)
            }
            "item" => workflow::item(self.scene, &at(&bind(&["key"], 0)?, 0)),
            "result" => bind(&[], 0).and_then(|_| workflow::result(self.scene)),
            "succeeded" => bind(&[], 0).and_then(|_| workflow::succeeded(self.scene)),
            "failed" => bind(&[], 0).and_then(|_| workflow::failed(self.scene)),
            "completed" => bind(&[], 0).and_then(|_| workflow::completed(self.scene)),
            "task_status" => {
                let bound = bind(&["task_id", "route"], 1)?;
                workflow::task_status(self.scene, &at(&bound, 0), &at(&bound, 1))
            }
            "task" => {
                let bound = bind(&["task_id", "route"], 0)?;
                workflow::task(self.scene, &at(&bound, 0), &at(&bound, 1))
            }
            "json" => common::json(&at(&bind(&["s"], 1)?, 0), |_| true),
            "zip" => {
                let pad = keywords
                    .iter()
                    .find(|(key, _)| **key == *"pad")
                    .map_or(&none, |(_, pad)| pad);
                match args {
                    [Value::Null] => Ok(Value::list([])),
                    [only] => Ok(only.clone()),
                    lists => common::zip(lists, pad, &mut zipped).map(Value::from),
                }
            }
            _ => {
                let find = |wanted: &str| {
                    keywords
                        .iter()
                        .find(|(key, _)| **key == *wanted)
                        .map(|(_, value)| value)
                };
                let key = match (args, find("key")) {
                    ([key], None) => key,
                    ([], Some(key)) => key,
                    ([], None) => return Err(missing(name, "key")),
                    _ => {
                        return Err(too_many(
                            name,
                            1..=1,
                            args.len() + usize::from(find("key").is_some()),
                        ));
                    }
                };
                datastore::st2kv(self.scene, key, find("decrypt"), find("default").cloned())
            }
        }
    }
}

impl Host for SceneHost<'_> {
    fn has(&self, name: &str) -> bool {
        NAMES.contains(&name)
    }

    fn names(&self) -> Vec<&str> {
        NAMES.to_vec()
    }

    fn call(&self, name: &str, args: &[Value], keywords: &[(Arc<str>, Value)]) -> Result<Value, ExprError> {
        // Python fails as soon as it looks into an undefined argument; `json` only asks for its type.
        if name != "json" {
            for arg in args.iter().chain(keywords.iter().map(|(_, value)| value)) {
                check_defined(arg)?;
            }
        }
        self.answer(name, args, keywords).map_err(|failure| {
            self.class.set(Some(failure.class));
            let error = ExprError::new(failure.kind, failure.message);
            match failure.hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })
    }
}

/// What `zip` takes: anything that Python iterates.
fn zipped(list: &Value) -> Result<Option<Vec<Value>>, Failure> {
    match items_of(list) {
        Ok(items) => Ok(items.map(Iterator::collect)),
        Err(error) => Err(Failure::new(error.kind, "UndefinedError", error.message)),
    }
}

/// The arguments in the order of the parameters, as Python binds them.
fn bind(
    function: &str,
    names: &[&str],
    required: usize,
    args: &[Value],
    keywords: &[(Arc<str>, Value)],
) -> Result<Vec<Option<Value>>, Failure> {
    if args.len() > names.len() {
        return Err(too_many(function, required..=names.len(), args.len()));
    }
    let mut bound: Vec<Option<Value>> = args.iter().cloned().map(Some).collect();
    bound.resize(names.len(), None);
    for (keyword, value) in keywords {
        let Some(index) = names.iter().position(|name| *name == &**keyword) else {
            return Err(Failure::type_error(format!(
                "{function}_() got an unexpected keyword argument '{keyword}'"
            )));
        };
        if bound[index].is_some() {
            return Err(Failure::type_error(format!(
                "{function}_() got multiple values for argument '{keyword}'"
            )));
        }
        bound[index] = Some(value.clone());
    }
    match bound.iter().take(required).position(Option::is_none) {
        Some(index) => Err(missing(function, names[index])),
        None => Ok(bound),
    }
}

fn missing(function: &str, parameter: &str) -> Failure {
    Failure::type_error(format!(
        "{function}_() missing 1 required positional argument: '{parameter}'"
    ))
}

fn too_many(function: &str, takes: RangeInclusive<usize>, given: usize) -> Failure {
    // Python counts the hidden context too.
    let (least, most, given) = (takes.start() + 1, takes.end() + 1, given + 1);
    let takes = match (least, most) {
        (1, 1) => "1 positional argument".to_owned(),
        (least, most) if least == most => format!("{most} positional arguments"),
        (least, most) => format!("from {least} to {most} positional arguments"),
    };
    Failure::type_error(format!("{function}_() takes {takes} but {given} were given"))
}

/// Without any context the reference looks into nothing.
fn no_context(key: &Value) -> Failure {
    if key.is_true() {
        Failure::type_error("argument of type 'NoneType' is not iterable")
    } else {
        Failure::new(
            crate::expr::ErrorKind::Attribute,
            "AttributeError",
            "'NoneType' object has no attribute 'items'",
        )
    }
}
