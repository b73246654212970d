//! Splitting texts: `split`, `rightSplit`.

use std::sync::Arc;

use super::super::super::error::YaqlError;
use super::super::super::function::{Answer, Library};
use super::super::super::params::Int;
use super::super::super::runtime::Cx;
use super::index;
use crate::expr::pyregex::is_space;
use crate::expr::value::Value;

pub(super) fn register(to: &mut Library) {
    to.method("split", "string, separator=null, maxSplits=-1", split);
    to.method("rightSplit", "string, separator=null, maxSplits=-1", right_split);
}

fn split(cx: &Cx<'_>, string: Arc<str>, separator: Option<Arc<str>>, max_splits: Int) -> Answer {
    let most = most(&max_splits)?;
    let mut parts = Parts::new(cx, &string)?;
    let mut rest = &*string;
    match checked(separator.as_deref())? {
        Some(separator) => {
            while parts.len() < most
                && let Some((part, after)) = rest.split_once(separator)
            {
                parts.push(part)?;
                rest = after;
            }
            parts.push(rest)?;
        }
        None => {
            rest = rest.trim_start_matches(is_space);
            while !rest.is_empty() {
                match rest.find(is_space).filter(|_| parts.len() < most) {
                    Some(end) => {
                        parts.push(&rest[..end])?;
                        rest = rest[end..].trim_start_matches(is_space);
                    }
                    None => {
                        parts.push(rest)?;
                        break;
                    }
                }
            }
        }
    }
    Ok(Value::mutable_list(parts.items))
}

fn right_split(cx: &Cx<'_>, string: Arc<str>, separator: Option<Arc<str>>, max_splits: Int) -> Answer {
    let most = most(&max_splits)?;
    let mut parts = Parts::new(cx, &string)?;
    let mut rest = &*string;
    match checked(separator.as_deref())? {
        Some(separator) => {
            while parts.len() < most
                && let Some((before, part)) = rest.rsplit_once(separator)
            {
                parts.push(part)?;
                rest = before;
            }
            parts.push(rest)?;
        }
        None => {
            rest = rest.trim_end_matches(is_space);
            while !rest.is_empty() {
                let blank = rest.char_indices().rev().find(|(_, c)| is_space(*c));
                match blank.filter(|_| parts.len() < most) {
                    Some((at, c)) => {
                        parts.push(&rest[at + c.len_utf8()..])?;
                        rest = rest[..at].trim_end_matches(is_space);
                    }
                    None => {
                        parts.push(rest)?;
                        break;
                    }
                }
            }
        }
    }
    parts.items.reverse();
    Ok(Value::mutable_list(parts.items))
}

fn most(max_splits: &Int) -> Result<usize, YaqlError> {
    // Every negative number means all.
    Ok(usize::try_from(index(max_splits)?).unwrap_or(usize::MAX))
}

fn checked(separator: Option<&str>) -> Result<Option<&str>, YaqlError> {
    match separator {
        Some("") => Err(YaqlError::value_error("empty separator")),
        separator => Ok(separator),
    }
}

/// Parts of a text, each paid for.
struct Parts<'c> {
    cx: &'c Cx<'c>,
    items: Vec<Value>,
}

impl<'c> Parts<'c> {
    fn new(cx: &'c Cx<'c>, text: &str) -> Result<Self, YaqlError> {
        cx.spend(text.len() / 32)?;
        Ok(Self {
            cx,
            items: Vec::new(),
        })
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn push(&mut self, part: &str) -> Result<(), YaqlError> {
        self.cx.tick()?;
        self.cx.charge(part.len() + size_of::<Value>() + 16)?;
        self.items.push(Value::from(part));
        Ok(())
    }
}
