//! Lists, dictionaries and sets: shared, ordered, and aware of whether they hold plain data only.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap, IndexSet};

use super::Value;

/// The hasher of dictionaries and sets: fast, and seeded per map so that keys cannot be made to collide.
pub type Hasher = foldhash::fast::RandomState;
/// The members of a [`Dict`].
pub type DictMap = IndexMap<Value, Value, Hasher>;
/// The items of a [`Set`].
pub type SetItems = IndexSet<Value, Hasher>;

/// The items of a list or a tuple. A clone shares them.
pub type List = Collection<Vec<Value>>;
/// The members of a dictionary, in order of insertion. A clone shares them.
pub type Dict = Collection<DictMap>;
/// The items of a set, in order of insertion. A clone shares them.
pub type Set = Collection<SetItems>;

/// Values that are shared by clones and never change.
pub struct Collection<T>(Arc<Data<T>>);

struct Data<T> {
    content: T,
    plain: bool,
    mutable: bool,
    size: Size,
}

impl<T> Collection<T> {
    fn of(content: T, size: Size, plain: bool, mutable: bool) -> Self {
        Self(Arc::new(Data {
            content,
            plain,
            mutable,
            size,
        }))
    }

    /// Whether it was made by [`List::mutable`] or [`Dict::mutable`].
    pub fn is_mutable(&self) -> bool {
        self.0.mutable
    }

    /// See [`Value::is_plain`].
    pub fn is_plain(&self) -> bool {
        self.0.plain
    }

    /// See [`Value::depth`].
    pub fn depth(&self) -> u32 {
        self.0.size.depth
    }

    /// See [`Value::weight`].
    pub fn weight(&self) -> u64 {
        self.0.size.weight
    }

    /// Where it is in memory: the same for clones.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Whether both are the same object.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Clone> Collection<T> {
    /// What is inside; copied only when someone else still holds it.
    fn into_content(self) -> T {
        match Arc::try_unwrap(self.0) {
            Ok(data) => data.content,
            Err(shared) => shared.content.clone(),
        }
    }
}

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Collection<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.content
    }
}

impl<T: fmt::Debug> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.content.fmt(f)
    }
}

impl List {
    /// A list of data.
    pub fn new(items: Vec<Value>) -> Self {
        let plain = items.iter().all(Value::is_plain);
        let size = Size::of(&items);
        Self::of(items, size, plain, false)
    }

    /// A list that stays a list in YAQL (printed with brackets, never a key, unequal to any tuple), where lists
    /// of data count as tuples.
    pub fn mutable(items: Vec<Value>) -> Self {
        let size = Size::of(&items);
        Self::of(items, size, false, true)
    }

    /// The items as a vector; copied only when someone else still holds them.
    pub fn into_vec(self) -> Vec<Value> {
        self.into_content()
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(items.into_iter().collect())
    }
}

impl Dict {
    /// A dictionary of data.
    pub fn new(map: DictMap) -> Self {
        let plain = map
            .iter()
            .all(|(key, value)| value.is_plain() && is_plain_key(key));
        let size = Size::of(map.keys().chain(map.values()));
        Self::of(map, size, plain, false)
    }

    /// A dictionary that YAQL does not take as a key, see [`List::mutable`].
    pub fn mutable(map: DictMap) -> Self {
        let size = Size::of(map.keys().chain(map.values()));
        Self::of(map, size, false, true)
    }

    /// The value of a key that is a text, without making a [`Value`] of the text.
    pub fn get_str(&self, key: &str) -> Option<&Value> {
        self.get(&StrKey(key))
    }

    /// The members as a map; copied only when someone else still holds them.
    pub fn into_map(self) -> DictMap {
        self.into_content()
    }

    /// The empty map to fill for [`Dict::new`].
    pub fn builder(capacity: usize) -> DictMap {
        DictMap::with_capacity_and_hasher(capacity, Hasher::default())
    }
}

impl Default for Dict {
    fn default() -> Self {
        Self::new(DictMap::default())
    }
}

impl FromIterator<(Value, Value)> for Dict {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(members: I) -> Self {
        Self::new(members.into_iter().collect())
    }
}

impl Set {
    /// A set; the items must be hashable, see [`super::check_hashable`].
    pub fn new(items: SetItems) -> Self {
        let plain = items.iter().all(is_plain_key);
        let size = Size::of(&items);
        Self::of(items, size, plain, false)
    }

    /// The empty items to fill for [`Set::new`].
    pub fn builder(capacity: usize) -> SetItems {
        SetItems::with_capacity_and_hasher(capacity, Hasher::default())
    }
}

impl FromIterator<Value> for Set {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(items.into_iter().collect())
    }
}

/// Collections as keys or in a set are a failure of YAQL's output, so whatever holds them is not plain.
fn is_plain_key(key: &Value) -> bool {
    key.depth() == 0 && key.is_plain()
}

/// How large a collection is with all that is inside, counted when it is made.
#[derive(Clone, Copy)]
struct Size {
    depth: u32,
    weight: u64,
}

impl Size {
    fn of<'a>(items: impl IntoIterator<Item = &'a Value>) -> Self {
        let start = Self {
            depth: 1,
            weight: super::SCALAR_WEIGHT,
        };
        items.into_iter().fold(start, |size, item| Self {
            depth: size.depth.max(item.depth().saturating_add(1)),
            weight: size.weight.saturating_add(item.weight()),
        })
    }
}

/// A text that finds the equal [`Value::Str`] among keys.
#[derive(Debug, Clone, Copy)]
pub struct StrKey<'a>(pub &'a str);

impl Hash for StrKey<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        super::compare::hash_text(self.0, state);
    }
}

impl Equivalent<Value> for StrKey<'_> {
    fn equivalent(&self, key: &Value) -> bool {
        matches!(key, Value::Str(text) if **text == *self.0)
    }
}

/// One hash that does not depend on order, as frozen dictionaries and sets have.
pub(super) fn unordered_hash<T: Hash>(items: impl Iterator<Item = T>) -> u64 {
    let state = foldhash::fast::FixedState::default();
    items.fold(0, |sum: u64, item| sum.wrapping_add(state.hash_one(item)))
}
