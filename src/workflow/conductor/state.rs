//! The state of a running workflow. It changes by [`Delta`]s only (`delta.rs`), so the deltas are a journal from
//! which it can be made again.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::contexts::Contexts;
use super::items::Items;
use super::status::Status;
use crate::expr::value::{Dict, Value};

/// A task in a route: its name and the number of the route.
pub(super) type Key = (Arc<str>, u32);

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
#[derive(Clone, Debug, PartialEq)]
pub struct RetryState {
    /// The condition for another attempt; without one failures ask for it.
    pub when: Option<Arc<str>>,
    /// How many more attempts there may be.
    pub count: i64,
    /// Seconds before each.
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
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorEntry {
    /// What.
    pub message: Arc<str>,
    /// In which task.
    pub task_id: Option<Arc<str>>,
    /// In which of its routes.
    pub route: Option<u32>,
    /// On which way out of it.
    pub task_transition_id: Option<Arc<str>>,
    /// The result of the failed action.
    pub result: Option<Value>,
}

/// Everything that is known of a running workflow.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) start: Option<Contexts>,
    pub(super) contexts: Vec<Dict>,
    pub(super) routes: Vec<Arc<[Arc<str>]>>,
    pub(super) sequence: Vec<Entry>,
    /// The latest entry of each task and route.
    pub(super) latest: HashMap<Key, usize>,
    pub(super) staged: IndexMap<Key, Staged>,
    pub(super) errors: Vec<ErrorEntry>,
    pub(super) output: Option<Dict>,
    pub(super) reruns: Vec<Vec<usize>>,
    /// How many of the latest entries have each status.
    counts: [u32; Status::ALL.len()],
}

impl State {
    pub(super) fn entry(&self, id: &str, route: u32) -> Option<&Entry> {
        self.index(id, route).map(|index| &self.sequence[index])
    }

    pub(super) fn index(&self, id: &str, route: u32) -> Option<usize> {
        self.latest.get(&(Arc::from(id), route)).copied()
    }

    pub(super) fn staged(&self, id: &str, route: u32) -> Option<&Staged> {
        self.staged.get(&(Arc::from(id), route))
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
        self.staged.values().filter(|staged| staged.ready && !staged.completed)
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
        let entry = &mut self.sequence[index];
        let is_latest = self.latest.get(&(Arc::clone(&entry.id), entry.route)) == Some(&index);
        if is_latest {
            self.counts[entry.status as usize] -= 1;
            self.counts[status as usize] += 1;
        }
        entry.status = status;
    }
}
