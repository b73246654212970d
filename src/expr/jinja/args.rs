//! Arguments of filters as Python binds them: by position or by name.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Error, Value};

use super::error::{ErrorKind, fail};
use super::value::{to_text, type_name};
use crate::expr::pyvalue;

/// What follows the filtered value in a call.
pub(crate) type More = Rest<ValueOrKwargs>;

/// The arguments of one call after the filtered value, by name.
pub(crate) struct Args {
    filter: &'static str,
    names: &'static [&'static str],
    values: Vec<Option<Value>>,
}

impl Args {
    /// Binds arguments to names.
    pub(crate) fn bind(
        filter: &'static str,
        names: &'static [&'static str],
        args: More,
    ) -> Result<Self, Error> {
        let args: Vec<Value> = args.0.into_iter().map(ValueOrKwargs::into_value).collect();
        let (given, keywords): (Rest<Value>, Kwargs) = from_args(&args)?;
        if given.len() > names.len() {
            return Err(fail(
                ErrorKind::Type,
                format!(
                    "{filter}() takes at most {} arguments but {} were given",
                    names.len(),
                    given.len()
                ),
            ));
        }
        let mut values: Vec<Option<Value>> = given.iter().cloned().map(Some).collect();
        values.resize(names.len(), None);
        for keyword in keywords.args() {
            let Some(index) = names.iter().position(|name| *name == keyword) else {
                let known = names.join(", ");
                return Err(fail(
                    ErrorKind::Type,
                    format!("{filter}() got an unexpected keyword argument '{keyword}' (it knows: {known})"),
                ));
            };
            if values[index].is_some() {
                return Err(fail(
                    ErrorKind::Type,
                    format!("{filter}() got multiple values for argument '{keyword}'"),
                ));
            }
            values[index] = Some(keywords.peek(keyword)?);
        }
        Ok(Self {
            filter,
            names,
            values,
        })
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Value> {
        self.values.get(index)?.as_ref().filter(|value| !value.is_none())
    }

    pub(crate) fn given(&self, index: usize) -> Option<&Value> {
        self.values.get(index)?.as_ref()
    }

    /// A text that must be given.
    pub(crate) fn text(&self, index: usize) -> Result<String, Error> {
        let name = self.names[index];
        match self.given(index) {
            None => Err(fail(
                ErrorKind::Type,
                format!(
                    "{}() missing 1 required positional argument: '{name}'",
                    self.filter
                ),
            )),
            Some(value) if value.kind() == ValueKind::Undefined => Err(fail(
                ErrorKind::Undefined,
                format!("argument '{name}' of {} is undefined", self.filter),
            )),
            Some(value) => match value.kind() {
                ValueKind::String | ValueKind::Plain => Ok(to_text(value)),
                _ => Err(fail(
                    ErrorKind::Type,
                    format!(
                        "argument '{name}' of {} must be a text, not {}",
                        self.filter,
                        type_name(value)
                    ),
                )),
            },
        }
    }

    /// A text that may be left out.
    pub(crate) fn text_or(&self, index: usize, default: &str) -> Result<String, Error> {
        if self.get(index).is_some() {
            self.text(index)
        } else {
            Ok(default.to_owned())
        }
    }

    pub(crate) fn flag_or(&self, index: usize, default: bool) -> bool {
        self.given(index).map_or(default, Value::is_true)
    }

    pub(crate) fn integer_or(&self, index: usize, default: i64) -> Result<i64, Error> {
        let Some(value) = self.get(index) else {
            return Ok(default);
        };
        let number = value.as_i64().or_else(|| {
            let text = value.as_str()?;
            i64::try_from(pyvalue::parse_int(text, 10)?).ok()
        });
        number.ok_or_else(|| {
            let name = self.names[index];
            fail(
                ErrorKind::Type,
                format!(
                    "argument '{name}' of {} must be an integer, not {}",
                    self.filter,
                    type_name(value)
                ),
            )
        })
    }
}
