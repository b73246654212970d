//! `orderBy` and its kin: a stable sort by the operators `<` and `>`, when the first item is drawn.

use std::any::Any;
use std::cmp::Ordering;

use parking_lot::Mutex;

use crate::expr::value::{List, Value};
use crate::expr::yaql::function::{Answer, Library};
use crate::expr::yaql::params::{Arg, Argument, Class, Items, Kind};
use crate::expr::yaql::runtime::Cx;
use crate::expr::yaql::sequence::{Iter, Iterable, Sequence};
use crate::expr::yaql::{Lambda, YaqlError};

use super::common::compare::Operators;
use super::iterator;

pub(super) fn register(to: &mut Library) {
    to.method(
        "orderBy",
        "collection, selector",
        |_: &Cx<'_>, items: Items, by: Lambda| Ordered::of(&items, by, true),
    );
    to.method(
        "orderByDescending",
        "collection, selector",
        |_: &Cx<'_>, items: Items, by: Lambda| Ordered::of(&items, by, false),
    );
    to.method(
        "thenBy",
        "collection, selector",
        |_: &Cx<'_>, items: Sorted, by: Lambda| items.then(by, true),
    );
    to.method(
        "thenByDescending",
        "collection, selector",
        |_: &Cx<'_>, items: Sorted, by: Lambda| items.then(by, false),
    );
}

/// What to sort by, and whether ascending.
type Fields = Vec<(Lambda, bool)>;

/// A collection to be sorted. `thenBy` changes it in place, as in the original.
struct Ordered {
    collection: Value,
    fields: Mutex<Fields>,
    sorted: Mutex<Option<List>>,
}

impl Ordered {
    fn of(items: &Items, by: Lambda, is_ascending: bool) -> Value {
        Sequence::of(Self {
            collection: iterator(items),
            fields: Mutex::new(vec![(by, is_ascending)]),
            sorted: Mutex::new(None),
        })
    }

    fn sorted(&self, cx: &Cx<'_>) -> Result<List, YaqlError> {
        if let Some(sorted) = &*self.sorted.lock() {
            return Ok(sorted.clone());
        }
        let items = Items(self.collection.clone()).collect(cx)?;
        let fields = self.fields.lock().clone();
        let sorted = List::mutable(sort(cx, items, &fields)?);
        *self.sorted.lock() = Some(sorted.clone());
        Ok(sorted)
    }
}

fn ordered(value: &Value) -> Option<&Ordered> {
    value.downcast::<Sequence>().and_then(Sequence::downcast)
}

impl Iterable for Ordered {
    fn class(&self) -> &'static str {
        "OrderingIterable"
    }

    fn repr(&self) -> String {
        "<yaql.standard_library.queries.OrderingIterable object>".to_owned()
    }

    fn iter(&self, this: &Value) -> Iter {
        let (this, mut items) = (this.clone(), None);
        Iter::Source(Box::new(move |cx: &Cx<'_>| {
            let items = match &mut items {
                Some(items) => items,
                None => {
                    let sorted = ordered(&this).map(|ordered| ordered.sorted(cx)).transpose()?;
                    items.insert(Iter::List(sorted.unwrap_or_else(|| List::mutable(Vec::new())), 0))
                }
            };
            items.next(cx)
        }))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A value made by `orderBy`.
struct Sorted(Value);

static ORDERED: Class = Class {
    name: "OrderingIterable",
    is: |value| ordered(value).is_some(),
    iterable: true,
};

impl Argument for Sorted {
    const KIND: Kind = Kind::Class(&ORDERED);

    fn from_arg(arg: Arg, cx: &Cx<'_>) -> Result<Self, YaqlError> {
        Value::from_arg(arg, cx).map(Self)
    }
}

impl Sorted {
    fn then(self, by: Lambda, is_ascending: bool) -> Answer {
        if let Some(ordered) = ordered(&self.0) {
            ordered.fields.lock().push((by, is_ascending));
        }
        Ok(self.0)
    }
}

/// Longest stretch that is sorted by insertion; a list this short is compared in Python's very order.
const RUN: usize = 63;

fn sort(cx: &Cx<'_>, items: Vec<Value>, fields: &Fields) -> Result<Vec<Value>, YaqlError> {
    let len = items.len();
    if len < 2 {
        return Ok(items);
    }
    cx.charge(len * (2 * size_of::<usize>() + fields.len() * size_of::<Option<Value>>()))?;
    let mut sorter = Sorter {
        cx,
        operators: Operators::new(cx, &["#operator_<", "#operator_>"]),
        keys: vec![None; len * fields.len()],
        items,
        fields,
    };
    let mut order: Vec<usize> = (0..len).collect();
    for run in order.chunks_mut(RUN) {
        sorter.insertion_sort(run)?;
    }
    let mut width = RUN;
    let mut merged = Vec::with_capacity(len);
    while width < len {
        for pair in order.chunks(2 * width) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            sorter.merge(left, right, &mut merged)?;
        }
        std::mem::swap(&mut order, &mut merged);
        merged.clear();
        width *= 2;
    }
    let mut items = sorter.items;
    Ok(order
        .into_iter()
        .map(|index| std::mem::take(&mut items[index]))
        .collect())
}

struct Sorter<'a, 'b> {
    cx: &'a Cx<'b>,
    operators: Operators,
    items: Vec<Value>,
    fields: &'a Fields,
    /// What the selectors said, field by field for every item.
    keys: Vec<Option<Value>>,
}

impl Sorter<'_, '_> {
    fn key(&mut self, item: usize, field: usize) -> Result<usize, YaqlError> {
        let place = item * self.fields.len() + field;
        if self.keys[place].is_none() {
            let key = self.fields[field].0.call(self.cx, [self.items[item].clone()])?;
            self.keys[place] = Some(key);
        }
        Ok(place)
    }

    /// Whether the item of index `a` comes before that of `b`.
    fn is_less(&mut self, a: usize, b: usize) -> Result<bool, YaqlError> {
        self.cx.tick()?;
        for field in 0..self.fields.len() {
            let (a, b) = (self.key(a, field)?, self.key(b, field)?);
            let (Some(a), Some(b)) = (&self.keys[a], &self.keys[b]) else {
                continue;
            };
            let order = self.operators.order(self.cx, a, b)?;
            if order != Ordering::Equal {
                return Ok((order == Ordering::Less) == self.fields[field].1);
            }
        }
        Ok(false)
    }

    /// Takes the ordered start as it is (turned around if it descends) and puts the others in by bisection.
    fn insertion_sort(&mut self, run: &mut [usize]) -> Result<(), YaqlError> {
        let Some(&[first, second]) = run.get(..2) else {
            return Ok(());
        };
        let descends = self.is_less(second, first)?;
        let mut ready = 2;
        while ready < run.len() && self.is_less(run[ready], run[ready - 1])? == descends {
            ready += 1;
        }
        if descends {
            run[..ready].reverse();
        }
        for next in ready..run.len() {
            let (mut low, mut high) = (0, next);
            while low < high {
                let middle = low + (high - low) / 2;
                if self.is_less(run[next], run[middle])? {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            run[low..=next].rotate_right(1);
        }
        Ok(())
    }

    /// Appends both, which are sorted, to `out`; of equal items those of `left` come first.
    fn merge(&mut self, left: &[usize], right: &[usize], out: &mut Vec<usize>) -> Result<(), YaqlError> {
        let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            if self.is_less(b, a)? {
                out.push(b);
                right.next();
            } else {
                out.push(a);
                left.next();
            }
        }
        out.extend(left);
        out.extend(right);
        Ok(())
    }
}
