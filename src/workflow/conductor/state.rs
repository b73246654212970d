//! The state of a running workflow. It changes by [`Delta`](super::Delta)s only, so the deltas are a journal from which
//! it can be made again.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};
use serde::{Deserialize, Serialize};

use super::codec;
use super::contexts::Contexts;
use super::items::Items;
use super::status::Status;
use crate::expr::value::{Dict, Value, to_tagged};

/// A task in a route: its name and the number of the route.
pub(super) type Key = (Arc<str>, u32);

/// A key to look up with.
struct Wanted<'a>(&'a str, u32);

impl Hash for Wanted<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
    }
}

impl Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.1 == key.1 && self.0 == &*key.0
    }
}

/// An execution of a task, in the sequence in which they began.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name of the task or engine command.
    pub id: Arc<str>,
    /// Number of its route.
    pub route: u32,
    /// Where it stands.
    pub status: Status,
    /// Where it came from: `<source>__t<transition>` and the number of that entry.
    pub prev: IndexMap<Arc<str>, usize>,
    /// Where it could go: `<target>__t<transition>` and whether it went.
    pub next: IndexMap<Arc<str>, bool>,
    /// The workflow ended here, or would have.
    pub term: bool,
    /// Its attempts, when it may be run again by itself.
    pub retry: Option<RetryState>,
    pub(super) contexts: Contexts,
}

/// Attempts of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryState {
    /// The condition for another attempt; without one failures ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Arc<str>>,
    /// How many more attempts there may be.
    pub count: i64,
    /// Seconds before each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<i64>,
    /// How many there were.
    pub tally: i64,
}

/// A task that waits: for its other branches, or to be handed out.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Name of the task.
    pub id: Arc<str>,
    /// Number of its route.
    pub route: u32,
    /// May be handed out.
    pub ready: bool,
    /// Statuses of its items, when it has items and was handed out before.
    pub items: Option<Items>,
    /// A failed task with items, kept to be run again.
    pub completed: bool,
    /// Runs although the workflow has failed.
    pub run_on_fail: bool,
    pub(super) prev: IndexMap<Arc<str>, usize>,
    pub(super) retry: Option<RetryState>,
    pub(super) contexts: Contexts,
}

/// Something that went wrong, as it is shown in the workflow's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// What.
    pub message: Arc<str>,
    /// In which task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Arc<str>>,
    /// In which of its routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<u32>,
    /// On which way out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_transition_id: Option<Arc<str>>,
    /// The result of the failed action.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "codec::maybe")]
    pub result: Option<Value>,
}

impl ErrorEntry {
    /// As the workflow's result shows it.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut members = vec![
            ("type", Value::text("error")),
            ("message", Value::Str(Arc::clone(&self.message))),
        ];
        members.extend(self.task_id.clone().map(|task| ("task_id", Value::Str(task))));
        members.extend(self.route.map(|route| ("route", Value::from(route))));
        let transition = self.task_transition_id.clone();
        members.extend(transition.map(|transition| ("task_transition_id", Value::Str(transition))));
        members.extend(self.result.clone().map(|result| ("result", result)));
        Value::dict(members)
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = BuildHasherDefault::<DefaultHasher>::default().build_hasher();
        (&self.message, &self.task_id, self.route, &self.task_transition_id).hash(&mut hasher);
        self.result.as_ref().map(to_tagged).hash(&mut hasher);
        hasher.finish()
    }
}

/// Everything that is known of a running workflow.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) start: Option<Contexts>,
    pub(super) routes: Vec<Arc<[Arc<str>]>>,
    pub(super) sequence: Vec<Entry>,
    /// The latest entry of each task and route.
    latest: IndexMap<Key, usize>,
    pub(super) staging: Staging,
    pub(super) errors: Vec<ErrorEntry>,
    pub(super) output: Option<Dict>,
    pub(super) reruns: Vec<Vec<usize>>,
    /// How many of the latest entries have each status.
    counts: [u32; Status::ALL.len()],
    /// What makes out errors, as the same one is noted once.
    known_errors: HashSet<u64>,
}

/// Tasks that wait, in the order in which they got there.
#[derive(Clone, Debug, Default)]
pub(super) struct Staging {
    waiting: BTreeMap<u64, Staged>,
    places: IndexMap<Key, u64>,
    last: u64,
}

impl Staging {
    pub(super) fn get(&self, id: &str, route: u32) -> Option<&Staged> {
        self.places
            .get(&Wanted(id, route))
            .and_then(|place| self.waiting.get(place))
    }

    pub(super) fn get_mut(&mut self, id: &str, route: u32) -> Option<&mut Staged> {
        let place = self.places.get(&Wanted(id, route))?;
        self.waiting.get_mut(place)
    }

    /// Takes a task in, at the end; one that is there already is replaced.
    pub(super) fn insert(&mut self, staged: Staged) {
        self.remove(&staged.id, staged.route);
        self.last += 1;
        self.places
            .insert((Arc::clone(&staged.id), staged.route), self.last);
        self.waiting.insert(self.last, staged);
    }

    pub(super) fn remove(&mut self, id: &str, route: u32) {
        if let Some(place) = self.places.swap_remove(&Wanted(id, route)) {
            self.waiting.remove(&place);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Staged> {
        self.waiting.values()
    }
}

impl State {
    pub(super) fn entry(&self, id: &str, route: u32) -> Option<&Entry> {
        self.index(id, route).map(|index| &self.sequence[index])
    }

    pub(super) fn index(&self, id: &str, route: u32) -> Option<usize> {
        self.latest.get(&Wanted(id, route)).copied()
    }

    pub(super) fn staged(&self, id: &str, route: u32) -> Option<&Staged> {
        self.staging.get(id, route)
    }

    /// Numbers of the latest entries, in the order in which the tasks began first.
    pub(super) fn latest(&self) -> impl Iterator<Item = usize> {
        self.latest.values().copied()
    }

    /// Whether the latest execution of some task has one of these statuses.
    pub(super) fn any(&self, wanted: impl Fn(Status) -> bool) -> bool {
        Status::ALL
            .into_iter()
            .any(|status| self.counts[status as usize] > 0 && wanted(status))
    }

    pub(super) fn has_active(&self) -> bool {
        self.any(Status::is_active)
    }

    /// Tasks that may be handed out, in the order in which they got there.
    pub(super) fn ready(&self) -> impl Iterator<Item = &Staged> {
        self.staging
            .iter()
            .filter(|staged| staged.ready && !staged.completed)
    }

    pub(super) fn has_ready(&self) -> bool {
        self.ready().next().is_some()
    }

    pub(super) fn push_entry(&mut self, entry: Entry) {
        let index = self.sequence.len();
        if let Some(before) = self.latest.insert((Arc::clone(&entry.id), entry.route), index) {
            self.counts[self.sequence[before].status as usize] -= 1;
        }
        self.counts[entry.status as usize] += 1;
        self.sequence.push(entry);
    }

    pub(super) fn set_status(&mut self, index: usize, status: Status) {
        let entry = &self.sequence[index];
        if self.index(&entry.id, entry.route) == Some(index) {
            self.counts[entry.status as usize] -= 1;
            self.counts[status as usize] += 1;
        }
        self.sequence[index].status = status;
    }

    pub(super) fn is_noted(&self, error: &ErrorEntry) -> bool {
        self.known_errors.contains(&error.fingerprint()) && self.errors.contains(error)
    }

    pub(super) fn push_error(&mut self, error: ErrorEntry) {
        self.known_errors.insert(error.fingerprint());
        self.errors.push(error);
    }
}
