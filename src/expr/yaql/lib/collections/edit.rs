//! Lists with items put in, taken out or replaced; drawn lazily where the original is.

use crate::expr::value::Value;
use crate::expr::yaql::YaqlError;
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Int, Items, ItemsNoSet, Sequence};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Iter, lazy};

pub(super) fn register(to: &mut Library) {
    to.method("delete", "collection, position, count=1", delete);
    to.method("replace", "collection, position, value, count=1", replace);
    to.method(
        "replaceMany",
        "collection, position, values, count=1",
        replace_many,
    );
    to.method("insert", "collection, position, value", iter_insert);
    to.method("insert", "collection, position, value", list_insert);
    to.method("insertMany", "collection, position, values", insert_many);
}

/// The positions that `position` and `count` name: all from `position` on if `count` is negative.
#[derive(Clone, Copy)]
struct Stretch {
    from: i64,
    to: i64,
}

impl Stretch {
    fn new(position: &Int, count: &Int) -> Self {
        let (from, count) = (position.clamped(), count.clamped());
        let to = if count < 0 {
            i64::MAX
        } else {
            from.saturating_add(count)
        };
        Self { from, to }
    }

    fn has(self, index: i64) -> bool {
        self.from <= index && index < self.to
    }
}

fn delete(_: &Cx<'_>, collection: Items, position: Int, count: Int) -> Value {
    let stretch = Stretch::new(&position, &count);
    let (mut items, mut index) = (collection.iter(), -1);
    lazy("generator", move |cx: &Cx<'_>| {
        while let Some(item) = items.next(cx)? {
            index += 1;
            if !stretch.has(index) {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })
}

fn replace(cx: &Cx<'_>, collection: Items, position: Int, value: Value, count: Int) -> Value {
    replace_many(cx, collection, position, Items(Value::tuple([value])), count)
}

/// In place of the items of a stretch, if it has any, `values` once.
fn replace_many(_: &Cx<'_>, collection: Items, position: Int, values: Items, count: Int) -> Value {
    let stretch = Stretch::new(&position, &count);
    let (mut items, mut index) = (collection.iter(), -1);
    let mut values = Some(values);
    let mut inner: Option<Iter> = None;
    lazy("generator", move |cx: &Cx<'_>| {
        loop {
            if let Some(values) = &mut inner {
                match values.next(cx)? {
                    Some(value) => return Ok(Some(value)),
                    None => inner = None,
                }
            }
            let Some(item) = items.next(cx)? else {
                return Ok(None);
            };
            index += 1;
            if !stretch.has(index) {
                return Ok(Some(item));
            }
            inner = values.take().map(|values| values.iter());
        }
    })
}

fn iter_insert(_: &Cx<'_>, collection: ItemsNoSet, position: Int, value: Value) -> Value {
    let position = position.clamped();
    let (mut items, mut index) = (collection.0.iter(), -1);
    let mut pending = None;
    let mut ended = false;
    lazy("generator", move |cx: &Cx<'_>| {
        if let Some(item) = pending.take() {
            return Ok(Some(item));
        }
        if ended {
            return Ok(None);
        }
        match items.next(cx)? {
            Some(item) => {
                index += 1;
                if index == position {
                    pending = Some(item);
                    return Ok(Some(value.clone()));
                }
                Ok(Some(item))
            }
            None => {
                ended = true;
                Ok((position > index).then(|| value.clone()))
            }
        }
    })
}

/// A fresh list with the value before the position; negative positions count from the end.
fn list_insert(cx: &Cx<'_>, collection: Sequence, position: Int, value: Value) -> Answer {
    let Some(position) = position.to_i64() else {
        return Err(YaqlError::overflow(
            "Python int too large to convert to C ssize_t",
        ));
    };
    let items = match collection.0 {
        Value::List(items) | Value::Tuple(items) => items,
        Value::Bytes(bytes) => bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect(),
        _ => Vec::new().into_iter().collect(),
    };
    cx.spend(items.len() / 8)?;
    cx.charge((items.len() + 1) * size_of::<Value>())?;
    let len = items.len();
    let place = if position < 0 {
        len.saturating_sub(usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        usize::try_from(position).map_or(len, |position| position.min(len))
    };
    let mut copy = Vec::with_capacity(len + 1);
    copy.extend_from_slice(&items[..place]);
    copy.push(value);
    copy.extend_from_slice(&items[place..]);
    Ok(Value::mutable_list(copy))
}

/// Where `insertMany` stands.
enum Phase {
    /// Before the first item.
    Start,
    /// Among the items.
    Items,
    /// After the last one.
    End,
}

fn insert_many(_: &Cx<'_>, collection: Items, position: Int, values: Items) -> Value {
    let position = position.clamped();
    let (mut items, mut index) = (collection.iter(), -1);
    let mut inner: Option<Iter> = None;
    let mut pending = None;
    let mut phase = Phase::Start;
    lazy("generator", move |cx: &Cx<'_>| {
        loop {
            if let Some(values) = &mut inner {
                match values.next(cx)? {
                    Some(value) => return Ok(Some(value)),
                    None => inner = None,
                }
            }
            if let Some(item) = pending.take() {
                return Ok(Some(item));
            }
            match phase {
                Phase::Start => {
                    phase = Phase::Items;
                    if position < 0 {
                        inner = Some(values.iter());
                    }
                }
                Phase::Items => match items.next(cx)? {
                    Some(item) => {
                        index += 1;
                        if index != position {
                            return Ok(Some(item));
                        }
                        pending = Some(item);
                        inner = Some(values.iter());
                    }
                    None => {
                        phase = Phase::End;
                        if position > index {
                            inner = Some(values.iter());
                        }
                    }
                },
                Phase::End => return Ok(None),
            }
        }
    })
}
