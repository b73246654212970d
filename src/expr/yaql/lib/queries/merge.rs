//! `mergeWith`: one dictionary over another, deeply.

use crate::expr::value::{Dict, DictMap, Value};
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Int, Items};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::{Lambda, YaqlError};

use super::collections::{joined, to_list};
use super::common::cost;
use super::select::distinct;

pub(super) fn register(to: &mut Library) {
    to.method(
        "mergeWith",
        "dict, another, listMerger=null, itemMerger=null, maxLevels=0",
        merge_with,
    );
}

fn merge_with(
    cx: &Cx<'_>,
    dict: Dict,
    another: Dict,
    list_merger: Option<Lambda>,
    item_merger: Option<Lambda>,
    max_levels: Int,
) -> Answer {
    let merger = Merger {
        lists: list_merger,
        items: item_merger,
    };
    merger.dicts(cx, &dict, &another, max_levels.clamped())
}

struct Merger {
    lists: Option<Lambda>,
    items: Option<Lambda>,
}

impl Merger {
    /// A fresh dictionary of both. At the last of `levels` lists and dictionaries count as items; 0 and less: no last.
    fn dicts(&self, cx: &Cx<'_>, a: &Dict, b: &Dict, levels: i64) -> Answer {
        cx.charge((a.len() + b.len()) * cost::MEMBER)?;
        let mut out = DictMap::with_capacity_and_hasher(a.len() + b.len(), Default::default());
        for (key, mine) in a.iter() {
            cx.tick()?;
            let merged = match b.get(key) {
                Some(other) => self.values(cx, mine, other, levels)?,
                None => mine.clone(),
            };
            out.insert(key.clone(), merged);
        }
        for (key, other) in b.iter() {
            cx.tick()?;
            if !out.contains_key(key) {
                out.insert(key.clone(), other.clone());
            }
        }
        Ok(Dict::mutable(out).into())
    }

    fn values(&self, cx: &Cx<'_>, mine: &Value, other: &Value, levels: i64) -> Answer {
        let is_list = |value: &Value| matches!(value, Value::List(_) | Value::Tuple(_) | Value::Bytes(_));
        match (mine, other) {
            (Value::Dict(mine), Value::Dict(other)) if levels != 1 => {
                let levels = if levels == 0 { 0 } else { levels.saturating_sub(1) };
                cx.runtime.deeper(|| self.dicts(cx, mine, other, levels))
            }
            (mine, Value::Dict(_)) if levels != 1 => Err(mismatch(mine, other)),
            (mine, other) if levels != 1 && is_list(other) => {
                if !is_list(mine) {
                    return Err(mismatch(mine, other));
                }
                match &self.lists {
                    Some(merger) => merger.call(cx, [mine.clone(), other.clone()]),
                    None => both(cx, mine, other),
                }
            }
            (mine, other) => match &self.items {
                Some(merger) => merger.call(cx, [mine.clone(), other.clone()]),
                None => Ok(other.clone()),
            },
        }
    }
}

/// The distinct items of two lists.
fn both(cx: &Cx<'_>, mine: &Value, other: &Value) -> Answer {
    let (Value::List(a) | Value::Tuple(a), Value::List(b) | Value::Tuple(b)) = (mine, other) else {
        return Err(YaqlError::type_error("can only concatenate lists"));
    };
    if a.is_mutable() != b.is_mutable() {
        let name = |is_mutable| if is_mutable { "list" } else { "tuple" };
        return Err(YaqlError::type_error(format!(
            "can only concatenate {} (not \"{}\") to {0}",
            name(a.is_mutable()),
            name(b.is_mutable())
        )));
    }
    let all = joined(cx, a, b)?;
    to_list(cx, &Items(distinct(cx, Items(all), None)))
}

fn mismatch(a: &Value, b: &Value) -> YaqlError {
    YaqlError::type_error(format!("Cannot merge {} with {}", class(a), class(b)))
}

/// Python's text of a value's class.
fn class(value: &Value) -> String {
    match super::collections::class_name(value) {
        "FrozenDict" => "<class 'yaql.language.utils.FrozenDict'>".to_owned(),
        name => format!("<class '{name}'>"),
    }
}
