//! A workflow's state in one piece: what takes the place of a journal that has grown long.
//!
//! Contexts are written once each and referred to by number, as they are shared.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::codec;
use super::contexts::{Contexts, Origin};
use super::items::Items;
use super::patch::{Change, Patch};
use super::state::{Entry, ErrorEntry, RetryState, Staged, State};
use super::status::Status;
use crate::expr::value::{Dict, Value};

/// A workflow's state in one piece. [`Conductor::snapshot`](super::Conductor::snapshot) makes it; what it looks like
/// inside may change, [`Snapshot::VERSION`] tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    status: Status,
    contexts: Vec<Context>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<usize>,
    routes: Vec<Arc<[Arc<str>]>>,
    sequence: Vec<EntryRow>,
    staged: Vec<StagedRow>,
    errors: Vec<ErrorEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "codec::maybe_dict")]
    output: Option<Dict>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reruns: Vec<Vec<usize>>,
}

/// A snapshot that makes no sense: damaged, or of a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot of the workflow cannot be read: {0}")]
pub struct BadSnapshot(pub String);

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Context {
    Start(#[serde(with = "codec::dict")] Dict),
    Published(usize, #[serde(with = "codec::dict")] Dict),
    Joined(usize, Vec<ChangeRow>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeRow {
    Set(
        #[serde(with = "codec::one")] Value,
        #[serde(with = "codec::one")] Value,
    ),
    Merge(#[serde(with = "codec::one")] Value, Vec<ChangeRow>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct EntryRow {
    id: Arc<str>,
    route: u32,
    status: Status,
    context: usize,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    prev: IndexMap<Arc<str>, usize>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    next: IndexMap<Arc<str>, bool>,
    #[serde(default, skip_serializing_if = "is_false")]
    term: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<RetryState>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StagedRow {
    id: Arc<str>,
    route: u32,
    context: usize,
    #[serde(default, skip_serializing_if = "is_false")]
    ready: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    completed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    run_on_fail: bool,
    /// Statuses of items, each with how many in a row have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<Vec<(Status, usize)>>,
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    prev: IndexMap<Arc<str>, usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<RetryState>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Most items that a snapshot is believed to have.
const MOST_ITEMS: usize = 10_000_000;

impl Snapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;

    pub(super) fn of(state: &State) -> Self {
        let mut writer = Writer::default();
        let start = state.start.as_ref().map(|start| writer.number(start));
        let sequence = state.sequence.iter().map(|entry| writer.entry(entry)).collect();
        let staged = state.staging.iter().map(|staged| writer.staged(staged)).collect();
        Self {
            version: Self::VERSION,
            status: state.status,
            start,
            routes: state.routes.clone(),
            sequence,
            staged,
            errors: state.errors.clone(),
            output: state.output.clone(),
            reruns: state.reruns.clone(),
            contexts: writer.contexts,
        }
    }

    pub(super) fn state(&self) -> Result<State, BadSnapshot> {
        if self.version != Self::VERSION {
            let message = format!(
                "it has version {}, this program reads {}",
                self.version,
                Self::VERSION
            );
            return Err(BadSnapshot(message));
        }
        let mut contexts: Vec<Contexts> = Vec::with_capacity(self.contexts.len());
        let missing = || BadSnapshot("it refers to a context that it does not have".to_owned());
        for context in &self.contexts {
            let get = |number: usize| contexts.get(number).cloned().ok_or_else(missing);
            let origin = match context {
                Context::Start(start) => Origin::Start(start.clone()),
                Context::Published(before, own) => Origin::Published {
                    before: get(*before)?,
                    own: own.clone(),
                },
                Context::Joined(start, changes) => Origin::Joined {
                    start: match get(*start)?.origin() {
                        Origin::Start(start) => start.clone(),
                        _ => return Err(missing()),
                    },
                    patch: patch(changes),
                },
            };
            contexts.push(Contexts::new(origin));
        }
        let get = |number: usize| contexts.get(number).cloned().ok_or_else(missing);
        let mut state = State::default();
        state.status = self.status;
        state.start = self.start.map(get).transpose()?;
        state.routes.clone_from(&self.routes);
        state.output.clone_from(&self.output);
        state.reruns.clone_from(&self.reruns);
        for row in &self.sequence {
            if row.prev.values().any(|prev| *prev >= self.sequence.len()) {
                return Err(BadSnapshot(
                    "it refers to a task that it does not have".to_owned(),
                ));
            }
            state.push_entry(Entry {
                id: Arc::clone(&row.id),
                route: row.route,
                status: row.status,
                prev: row.prev.clone(),
                next: row.next.clone(),
                term: row.term,
                retry: row.retry.clone(),
                contexts: get(row.context)?,
            });
        }
        for row in &self.staged {
            let items = row.items.as_ref().map(|runs| items(runs)).transpose()?;
            state.staging.insert(Staged {
                id: Arc::clone(&row.id),
                route: row.route,
                ready: row.ready,
                items,
                completed: row.completed,
                run_on_fail: row.run_on_fail,
                prev: row.prev.clone(),
                retry: row.retry.clone(),
                contexts: get(row.context)?,
            });
        }
        for error in &self.errors {
            state.push_error(error.clone());
        }
        Ok(state)
    }
}

fn items(runs: &[(Status, usize)]) -> Result<Items, BadSnapshot> {
    let count = runs
        .iter()
        .fold(0_usize, |sum, (_, count)| sum.saturating_add(*count));
    if count > MOST_ITEMS {
        return Err(BadSnapshot(format!("a task has {count} items")));
    }
    let statuses = runs
        .iter()
        .flat_map(|(status, count)| std::iter::repeat_n(*status, *count));
    Ok(Items::of(statuses.collect()))
}

fn rows(patch: &Patch) -> Vec<ChangeRow> {
    let row = |(key, change): (&Value, &Change)| match change {
        Change::Set(value) => ChangeRow::Set(key.clone(), value.clone()),
        Change::Merge(inner) => ChangeRow::Merge(key.clone(), rows(inner)),
    };
    patch.changes().map(row).collect()
}

fn patch(rows: &[ChangeRow]) -> Patch {
    Patch::from_changes(rows.iter().map(|row| match row {
        ChangeRow::Set(key, value) => (key.clone(), Change::Set(value.clone())),
        ChangeRow::Merge(key, inner) => (key.clone(), Change::Merge(patch(inner))),
    }))
}

#[derive(Default)]
struct Writer {
    contexts: Vec<Context>,
    known: HashMap<usize, usize>,
    start: Option<usize>,
}

impl Writer {
    /// The number of a context; it is written if it was not before, after those that it builds on.
    fn number(&mut self, contexts: &Contexts) -> usize {
        let mut open = vec![contexts];
        while let Some(Origin::Published { before, .. }) = open.last().map(|last| last.origin()) {
            if self.known.contains_key(&open[open.len() - 1].address()) {
                break;
            }
            open.push(before);
        }
        let mut number = 0;
        while let Some(context) = open.pop() {
            number = match self.known.get(&context.address()) {
                Some(number) => *number,
                None => {
                    let row = match context.origin() {
                        Origin::Start(start) => Context::Start(start.clone()),
                        Origin::Published { own, .. } => Context::Published(number, own.clone()),
                        Origin::Joined { patch, .. } => {
                            Context::Joined(self.start.unwrap_or_default(), rows(patch))
                        }
                    };
                    let number = self.contexts.len();
                    if matches!(row, Context::Start(_)) {
                        self.start = Some(number);
                    }
                    self.contexts.push(row);
                    self.known.insert(context.address(), number);
                    number
                }
            };
        }
        number
    }

    fn entry(&mut self, entry: &Entry) -> EntryRow {
        EntryRow {
            id: Arc::clone(&entry.id),
            route: entry.route,
            status: entry.status,
            context: self.number(&entry.contexts),
            prev: entry.prev.clone(),
            next: entry.next.clone(),
            term: entry.term,
            retry: entry.retry.clone(),
        }
    }

    fn staged(&mut self, staged: &Staged) -> StagedRow {
        let runs = |items: &Items| {
            let runs = items.statuses().chunk_by(|a, b| a == b);
            runs.map(|run| (run[0], run.len())).collect()
        };
        StagedRow {
            id: Arc::clone(&staged.id),
            route: staged.route,
            context: self.number(&staged.contexts),
            ready: staged.ready,
            completed: staged.completed,
            run_on_fail: staged.run_on_fail,
            items: staged.items.as_ref().map(runs),
            prev: staged.prev.clone(),
            retry: staged.retry.clone(),
        }
    }
}
