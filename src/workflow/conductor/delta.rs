//! Changes of a workflow's state: small, in order, enough to make the state again.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::codec;
use super::contexts::Contexts;
use super::items::Items;
use super::state::{Entry, ErrorEntry, RetryState, Staged, State};
use super::status::Status;
use crate::expr::value::Dict;

/// One change. Applying all deltas of a workflow in order to an empty state gives its state; the cost of each does
/// not depend on what came before.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delta {
    /// The start context is known.
    Begin {
        /// Variables of the caller, inputs and vars.
        #[serde(with = "codec::dict")]
        context: Dict,
    },
    /// The workflow's status.
    Status(Status),
    /// A new route; it gets the next number.
    Route(Arc<[Arc<str>]>),
    /// A task begins: an entry with what its staged task holds.
    Began {
        /// The task.
        task: Arc<str>,
        /// Its route.
        route: u32,
        /// Its attempts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<RetryState>,
    },
    /// A task's status.
    Task {
        /// Number of the entry.
        entry: usize,
        /// The new status.
        status: Status,
    },
    /// Whether a way out was taken.
    Next {
        /// Number of the entry.
        entry: usize,
        /// `<target>__t<transition>`
        transition: Arc<str>,
        /// Taken or not.
        taken: bool,
    },
    /// Whether the workflow ends at an entry.
    Term {
        /// Number of the entry.
        entry: usize,
        /// Ends or not.
        term: bool,
    },
    /// A task is to be run again by itself.
    Retry {
        /// Number of the entry.
        entry: usize,
    },
    /// A first task waits to be handed out.
    Root {
        /// The task.
        task: Arc<str>,
    },
    /// A way out of a task was taken: its target is staged, or gets one more branch.
    Reached {
        /// The target.
        task: Arc<str>,
        /// Its route.
        route: u32,
        /// Number of the entry that leads there.
        from: usize,
        /// `<source>__t<transition>`
        through: Arc<str>,
        /// What was published on the way.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "codec::maybe_dict")]
        published: Option<Dict>,
    },
    /// Whether a staged task may be handed out.
    Ready {
        /// The task.
        task: Arc<str>,
        /// Its route.
        route: u32,
        /// May or may not.
        ready: bool,
    },
    /// A staged task runs although the workflow has failed.
    RunOnFail {
        /// The task.
        task: Arc<str>,
        /// Its route.
        route: u32,
    },
    /// A task is not staged any more.
    Unstaged {
        /// The task.
        task: Arc<str>,
        /// Its route.
        route: u32,
    },
    /// A staged task has so many items.
    Items {
        /// The task.
        task: Arc<str>,
        /// Its route.
        route: u32,
        /// How many.
        count: usize,
    },
    /// An item's status.
    Item {
        /// The task.
        task: Arc<str>,
        /// Its route.
        route: u32,
        /// Number of the item.
        item: usize,
        /// The new status.
        status: Status,
    },
    /// A failed task with items is kept to be run again, or is about to be.
    Completed {
        /// The task.
        task: Arc<str>,
        /// Its route.
        route: u32,
        /// Kept or about to be.
        completed: bool,
    },
    /// Something went wrong.
    Error(ErrorEntry),
    /// A task is run again: what went wrong in it is forgotten.
    Forgiven {
        /// The task.
        task: Arc<str>,
    },
    /// A task is run again on request: a new entry, staged with what the entry held.
    Again {
        /// Number of the entry.
        entry: usize,
        /// The attempts of the new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<RetryState>,
    },
    /// Entries that a request runs again.
    Rerun(Vec<usize>),
    /// The workflow's output, or that there is none any more.
    Output(#[serde(with = "codec::maybe_dict")] Option<Dict>),
}

impl State {
    /// Makes one change. Deltas that do not fit the state (a damaged journal) change nothing.
    pub(super) fn apply(&mut self, delta: &Delta) {
        match delta {
            Delta::Begin { context } => {
                self.routes.push(Arc::from([]));
                self.start = Some(Contexts::start(context.clone()));
            }
            Delta::Status(status) => self.status = *status,
            Delta::Route(route) => self.routes.push(Arc::clone(route)),
            Delta::Began { task, route, retry } => self.began(task, *route, retry.clone()),
            Delta::Task { entry, status } => {
                if *entry < self.sequence.len() {
                    self.set_status(*entry, *status);
                }
            }
            Delta::Next {
                entry,
                transition,
                taken,
            } => {
                if let Some(entry) = self.sequence.get_mut(*entry) {
                    entry.next.insert(Arc::clone(transition), *taken);
                }
            }
            Delta::Term { entry, term } => {
                if let Some(entry) = self.sequence.get_mut(*entry) {
                    entry.term = *term;
                }
            }
            Delta::Retry { entry } => self.retry(*entry),
            Delta::Root { task } => self.root(task),
            Delta::Reached {
                task,
                route,
                from,
                through,
                published,
            } => self.reached(task, *route, *from, through, published.as_ref()),
            Delta::Unstaged { task, route } => self.staging.remove(task, *route),
            Delta::Error(error) => self.push_error(error.clone()),
            Delta::Forgiven { task } => self.errors.retain(|error| error.task_id.as_ref() != Some(task)),
            Delta::Again { entry, retry } => self.again(*entry, retry.clone()),
            Delta::Rerun(entries) => self.reruns.push(entries.clone()),
            Delta::Output(output) => self.output.clone_from(output),
            Delta::Ready { task, route, .. }
            | Delta::RunOnFail { task, route }
            | Delta::Items { task, route, .. }
            | Delta::Item { task, route, .. }
            | Delta::Completed { task, route, .. } => {
                if let Some(staged) = self.staging.get_mut(task, *route) {
                    staged.apply(delta);
                }
            }
        }
    }

    fn began(&mut self, task: &Arc<str>, route: u32, retry: Option<RetryState>) {
        if let Some(staged) = self.staging.get(task, route) {
            let entry = entry_of(task, route, staged.prev.clone(), staged.contexts.clone(), retry);
            self.push_entry(entry);
        }
    }

    fn retry(&mut self, entry: usize) {
        let Some(one) = self.sequence.get_mut(entry) else {
            return;
        };
        if let Some(retry) = &mut one.retry {
            retry.tally += 1;
        }
        let staged = Staged {
            retry: one.retry.clone(),
            ..staged_of(&one.id, one.route, one.prev.clone(), one.contexts.clone(), true)
        };
        self.staging.insert(staged);
    }

    fn root(&mut self, task: &Arc<str>) {
        if let Some(start) = &self.start {
            let staged = staged_of(task, 0, IndexMap::new(), start.clone(), true);
            self.staging.insert(staged);
        }
    }

    fn reached(
        &mut self,
        task: &Arc<str>,
        route: u32,
        from: usize,
        through: &Arc<str>,
        published: Option<&Dict>,
    ) {
        let Some(source) = self.sequence.get(from) else {
            return;
        };
        let mut contexts = source.contexts.clone();
        if let Some(own) = published {
            contexts = contexts.and(own.clone());
        }
        match self.staging.get_mut(task, route) {
            Some(staged) => {
                staged.contexts = staged.contexts.join(&contexts);
                staged.prev.insert(Arc::clone(through), from);
                staged.items = None;
                staged.completed = false;
            }
            None => {
                let prev = IndexMap::from([(Arc::clone(through), from)]);
                let staged = staged_of(task, route, prev, contexts, false);
                self.staging.insert(staged);
            }
        }
    }

    fn again(&mut self, entry: usize, retry: Option<RetryState>) {
        let Some(one) = self.sequence.get(entry) else {
            return;
        };
        let (id, route) = (Arc::clone(&one.id), one.route);
        let (prev, contexts) = (one.prev.clone(), one.contexts.clone());
        let staged = staged_of(&id, route, prev.clone(), contexts.clone(), true);
        self.push_entry(entry_of(&id, route, prev, contexts, retry));
        self.staging.insert(staged);
    }
}

impl Staged {
    fn apply(&mut self, delta: &Delta) {
        match delta {
            Delta::Ready { ready, .. } => self.ready = *ready,
            Delta::RunOnFail { .. } => self.run_on_fail = true,
            Delta::Items { count, .. } => self.items = Some(Items::new(*count)),
            Delta::Item { item, status, .. } => {
                if let Some(items) = &mut self.items {
                    items.set(*item, *status);
                }
            }
            Delta::Completed { completed, .. } => self.completed = *completed,
            _ => {}
        }
    }
}

fn entry_of(
    id: &Arc<str>,
    route: u32,
    prev: IndexMap<Arc<str>, usize>,
    contexts: Contexts,
    retry: Option<RetryState>,
) -> Entry {
    Entry {
        id: Arc::clone(id),
        route,
        status: Status::Null,
        prev,
        next: IndexMap::new(),
        term: false,
        retry,
        contexts,
    }
}

fn staged_of(
    id: &Arc<str>,
    route: u32,
    prev: IndexMap<Arc<str>, usize>,
    contexts: Contexts,
    ready: bool,
) -> Staged {
    Staged {
        id: Arc::clone(id),
        route,
        ready,
        items: None,
        completed: false,
        run_on_fail: false,
        prev,
        retry: None,
        contexts,
    }
}
