//! Iteration over anything that Python iterates.

use std::sync::Arc;

use super::Machine;
use crate::expr::jinja::fault::{Run, type_error};
use crate::expr::jinja::object::{DictView, Generator, LoopValue, Range, class_of, text_of, undefined};
use crate::expr::jinja::ops::items_of;
use crate::expr::value::{Dict, List, Set, Value};

/// An iteration.
pub(crate) enum Items {
    List(List, usize),
    Keys(Dict, usize),
    Set(Set, usize),
    Chars(Arc<str>, usize),
    Range(Range, usize),
    /// A view of a dictionary.
    View(Value, usize),
    Made(std::vec::IntoIter<Value>),
}

impl Items {
    /// How many items are left.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::List(items, at) => items.len().saturating_sub(*at),
            Self::Keys(dict, at) => dict.len().saturating_sub(*at),
            Self::Set(set, at) => set.len().saturating_sub(*at),
            Self::Chars(text, at) => text[*at..].chars().count(),
            Self::Range(range, at) => range.len.saturating_sub(*at),
            Self::View(view, at) => view
                .downcast::<DictView>()
                .map_or(0, |view| view.dict.len().saturating_sub(*at)),
            Self::Made(items) => items.len(),
        }
    }
}

impl Iterator for Items {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match self {
            Self::List(items, at) => {
                *at += 1;
                items.get(*at - 1).cloned()
            }
            Self::Keys(dict, at) => {
                *at += 1;
                dict.get_index(*at - 1).map(|(key, _)| key.clone())
            }
            Self::Set(set, at) => {
                *at += 1;
                set.get_index(*at - 1).cloned()
            }
            // The characters of a safe text are plain ones.
            Self::Chars(text, at) => {
                let char = text[*at..].chars().next()?;
                *at += char.len_utf8();
                Some(Value::from(char))
            }
            Self::Range(range, at) => {
                *at += 1;
                (*at <= range.len).then(|| range.at(*at - 1))
            }
            Self::View(view, at) => {
                *at += 1;
                view.downcast::<DictView>()?.at(*at - 1)
            }
            Self::Made(items) => items.next(),
        }
    }
}

/// `iter(value)`; `None` where Python cannot iterate.
pub(crate) fn try_items(value: &Value) -> Run<Option<Items>> {
    Ok(Some(match value {
        Value::Dict(dict) => Items::Keys(dict.clone(), 0),
        Value::Set(set) => Items::Set(set.clone(), 0),
        Value::Bytes(bytes) => {
            let numbers: Vec<Value> = bytes.iter().map(|byte| Value::from(i64::from(*byte))).collect();
            Items::Made(numbers.into_iter())
        }
        other => {
            if let Some(items) = items_of(other) {
                Items::List(items.clone(), 0)
            } else if let Some(text) = text_of(other) {
                Items::Chars(Arc::clone(text), 0)
            } else if let Some(range) = other.downcast::<Range>() {
                Items::Range(*range, 0)
            } else if other.downcast::<DictView>().is_some() {
                Items::View(other.clone(), 0)
            } else if let Some(generator) = other.downcast::<Generator>() {
                Items::Made(generator.drain()?.into_iter())
            } else if let Some(missing) = undefined(other) {
                if missing.is_strict() {
                    return Err(missing.fault());
                }
                Items::Made(Vec::new().into_iter())
            } else {
                return Ok(None);
            }
        }
    }))
}

/// Whether `iter(value)` works.
pub(crate) fn is_iterable(value: &Value) -> bool {
    if value.downcast::<Generator>().is_some() || value.downcast::<LoopValue>().is_some() {
        return true;
    }
    matches!(try_items(value), Ok(Some(_)))
}

impl Machine<'_> {
    /// `iter(value)`
    pub(crate) fn items(&mut self, value: &Value) -> Run<Items> {
        match try_items(value)? {
            Some(items) => Ok(items),
            None => type_error(format!("'{}' object is not iterable", class_of(value))),
        }
    }

    /// `list(value)`
    pub(crate) fn collect(&mut self, value: &Value) -> Run<Vec<Value>> {
        let items = self.items(value)?;
        self.step(items.len())?;
        Ok(items.collect())
    }
}
