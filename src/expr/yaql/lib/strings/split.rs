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
    let parts = parts(cx, &string, separator.as_deref(), &max_splits, Side::Left)?;
    Ok(Value::mutable_list(parts))
}

fn right_split(cx: &Cx<'_>, string: Arc<str>, separator: Option<Arc<str>>, max_splits: Int) -> Answer {
    let mut parts = parts(cx, &string, separator.as_deref(), &max_splits, Side::Right)?;
    parts.reverse();
    Ok(Value::mutable_list(parts))
}

/// Where cutting begins.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

impl Side {
    /// The part up to the next separator, and what is left behind it; without a separator blanks separate.
    fn cut<'t>(self, text: &'t str, separator: Option<&str>) -> Option<(&'t str, &'t str)> {
        match (separator, self) {
            (Some(separator), Side::Left) => text.split_once(separator),
            (Some(separator), Side::Right) => text.rsplit_once(separator).map(|(rest, part)| (part, rest)),
            (None, side) => {
                let (part, rest) = match side {
                    Side::Left => text.split_once(is_space)?,
                    Side::Right => text.rsplit_once(is_space).map(|(rest, part)| (part, rest))?,
                };
                Some((part, side.trim(rest)))
            }
        }
    }

    fn trim(self, text: &str) -> &str {
        match self {
            Side::Left => text.trim_start_matches(is_space),
            Side::Right => text.trim_end_matches(is_space),
        }
    }
}

/// The parts in the order of cutting.
fn parts(
    cx: &Cx<'_>,
    text: &str,
    separator: Option<&str>,
    max_splits: &Int,
    side: Side,
) -> Result<Vec<Value>, YaqlError> {
    let most = most(max_splits)?;
    let mut parts = Parts::new(cx, text)?;
    if separator == Some("") {
        return Err(YaqlError::value_error("empty separator"));
    }
    let mut rest = match separator {
        Some(_) => text,
        None => side.trim(text),
    };
    while parts.len() < most
        && let Some((part, after)) = side.cut(rest, separator)
    {
        parts.push(part)?;
        rest = after;
    }
    // Blanks leave no empty part at the end; a separator does.
    if separator.is_some() || !rest.is_empty() {
        parts.push(rest)?;
    }
    Ok(parts.items)
}

fn most(max_splits: &Int) -> Result<usize, YaqlError> {
    // Every negative number means all.
    Ok(usize::try_from(index(max_splits)?).unwrap_or(usize::MAX))
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
