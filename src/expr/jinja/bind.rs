//! Arguments as Python binds them: by position or by name, with its words when they do not fit.

use smallvec::SmallVec;

use super::fault::{Run, type_error};
use super::machine::CallArgs;
use super::object::{class_of, defined, text_of};
use super::ops;
use crate::expr::value::Value;

/// The parameters of a Python function, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature {
    /// The name of the function in Python.
    pub(crate) function: &'static str,
    /// Parameters that are always given: the filtered value, and what Jinja passes.
    pub(crate) hidden: usize,
    pub(crate) names: &'static [&'static str],
    /// How many of the names have no default.
    pub(crate) required: usize,
}

/// The arguments of one call, by parameter.
pub(crate) struct Bound {
    values: SmallVec<[Option<Value>; 4]>,
}

impl FromIterator<Value> for Bound {
    /// Arguments in the order of the parameters.
    fn from_iter<I: IntoIterator<Item = Value>>(args: I) -> Self {
        Self {
            values: args.into_iter().map(Some).collect(),
        }
    }
}

impl Signature {
    pub(crate) fn bind(&self, args: CallArgs) -> Run<Bound> {
        let function = self.function;
        let most = self.names.len();
        if args.positional.len() > most {
            let (least, given) = (self.hidden + self.required, args.positional.len() + self.hidden);
            let most = most + self.hidden;
            let takes = if self.required == self.names.len() {
                format!("takes {most} positional argument{}", plural(most))
            } else {
                format!("takes from {least} to {most} positional arguments")
            };
            let were = if given == 1 { "was" } else { "were" };
            return type_error(format!("{function}() {takes} but {given} {were} given"));
        }
        let mut values: SmallVec<[Option<Value>; 4]> = args.positional.into_iter().map(Some).collect();
        values.resize(most, None);
        for (keyword, value) in args.keywords {
            let Some(index) = self.names.iter().position(|name| **name == *keyword) else {
                return type_error(format!(
                    "{function}() got an unexpected keyword argument '{keyword}'"
                ));
            };
            if values[index].is_some() {
                return type_error(format!(
                    "{function}() got multiple values for argument '{keyword}'"
                ));
            }
            values[index] = Some(value);
        }
        let missing: Vec<&str> = self.names[..self.required]
            .iter()
            .zip(&values)
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| *name)
            .collect();
        if !missing.is_empty() {
            let quoted: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
            let listed = match quoted.as_slice() {
                [one] => one.clone(),
                [one, other] => format!("{one} and {other}"),
                [all @ .., last] => format!("{}, and {last}", all.join(", ")),
                [] => String::new(),
            };
            return type_error(format!(
                "{function}() missing {} required positional argument{}: {listed}",
                missing.len(),
                plural(missing.len())
            ));
        }
        Ok(Bound { values })
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl Bound {
    /// What was given, `None` of Python too.
    pub(crate) fn given(&self, index: usize) -> Option<&Value> {
        self.values.get(index)?.as_ref()
    }

    /// What was given unless it is Python's `None`.
    pub(crate) fn get(&self, index: usize) -> Option<&Value> {
        self.given(index).filter(|value| !value.is_null())
    }

    pub(crate) fn flag(&self, index: usize, default: bool) -> Run<bool> {
        self.given(index).map_or(Ok(default), ops::truth)
    }

    pub(crate) fn integer(&self, index: usize, default: i64) -> Run<i64> {
        self.given(index).map_or(Ok(default), ops::integer)
    }
}

/// The arguments of a method written in C: by position only, counted with its words.
pub(crate) fn arity(class: &str, name: &str, args: &CallArgs, least: usize, most: usize) -> Run<()> {
    if !args.keywords.is_empty() {
        return type_error(format!("{class}.{name}() takes no keyword arguments"));
    }
    let given = args.positional.len();
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let (bound, count) = if given < least {
        ("least", least)
    } else {
        ("most", most)
    };
    type_error(match (least, most) {
        (0, 0) => format!("{class}.{name}() takes no arguments ({given} given)"),
        (1, 1) => format!("{class}.{name}() takes exactly one argument ({given} given)"),
        _ => format!(
            "{name} expected at {bound} {count} argument{}, got {given}",
            plural(count)
        ),
    })
}

/// A text argument of a method.
pub(crate) fn text_arg<'v>(name: &str, position: usize, value: &'v Value) -> Run<&'v str> {
    match text_of(value) {
        Some(text) => Ok(text),
        None => {
            defined(value)?;
            type_error(format!(
                "{name}() argument {position} must be str, not {}",
                class_of(value)
            ))
        }
    }
}
