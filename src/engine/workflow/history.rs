//! What a workflow's children did before its driver was there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::children::{self, Child, Children};
use super::heard::{listed, result_of};
use super::results::{Beginning, ItemResults, TaskExecutions, TaskKey};
use super::veils::Veils;
use serde_json::Value as Json;

use crate::engine::state::State;
use crate::expr::value::Value;
use crate::model::{Execution, Id, Status};
use crate::store::{ExecutionFilter, Page, SortOrder, StoreError};
use crate::workflow::definition::Command;
use crate::workflow::flow::Flow;

/// Executions that are read at once.
const PAGE: u32 = 500;
/// Executions that a workflow may have gone on from, one after the other; those before are not asked for results.
const GENERATIONS: usize = 100;

/// Statuses of children that have not ended.
const UNFINISHED: [Status; 9] = [
    Status::Requested,
    Status::Scheduled,
    Status::Delayed,
    Status::Running,
    Status::Canceling,
    Status::Pending,
    Status::Pausing,
    Status::Paused,
    Status::Resuming,
];
/// Statuses of children whose results the workflow's errors may carry.
const FAILED: [Status; 3] = [Status::Failed, Status::Timeout, Status::Abandoned];

/// A task, or one item of it.
type Spot = (TaskKey, Option<usize>);

/// What there is to know.
#[derive(Default)]
pub(super) struct Past {
    /// Children that have not ended.
    pub(super) children: Children,
    /// Results of items of tasks that have not ended.
    pub(super) items: ItemResults,
    /// The tasks of a chain that have ended, as its result lists them.
    pub(super) listed: Vec<Json>,
    /// Secrets of failed children.
    pub(super) veils: Veils,
    /// Children that ended without the workflow hearing of it, because its driver had given up.
    pub(super) missed: Vec<Arc<Execution>>,
}

/// Reads the children of a workflow, and of those that it goes on with. Those that have ended are read only when
/// somebody may ask for what they gave, or when the workflow may not have heard of their end.
pub(super) async fn read(
    state: &State,
    workflow: &Execution,
    flow: &Flow,
    executions: &TaskExecutions,
) -> Result<Past, StoreError> {
    let mut past = Past::default();
    let mut unfinished = HashSet::new();
    for (task, route, count) in flow.unfinished_items() {
        let key = (task, route);
        past.items.begin(key.clone(), count);
        unfinished.insert(key);
    }
    let is_chain = matches!(flow, Flow::Chain(_));
    let asked = is_chain || executions.wanted() || !unfinished.is_empty();
    let mut reader = Reader {
        state,
        workflow: workflow.id,
        executions,
        unfinished,
        is_chain,
        at_work: at_work(flow),
        past,
    };
    let earlier = generations(state, workflow).await?;
    let mut all = asked;
    if !all {
        reader.read(workflow.id, &UNFINISHED).await?;
        all = reader.at_work.values().any(|last| *last != Some(Last::AtWork));
    }
    if all {
        for before in earlier {
            reader.read(before, &[]).await?;
        }
        reader.read(workflow.id, &[]).await?;
    } else {
        for parent in earlier.into_iter().chain([workflow.id]) {
            reader.read(parent, &FAILED).await?;
        }
    }
    if executions.wanted() {
        tasks_without_children(workflow, flow, executions);
    }
    let missed = reader.at_work.into_values().filter_map(|last| match last {
        Some(Last::Ended(id)) => Some(id),
        _ => None,
    });
    let mut missed: Vec<Id> = missed.collect();
    missed.sort_unstable();
    let mut past = reader.past;
    for id in missed {
        past.missed
            .extend(state.parts.store.execution(id).await?.map(Arc::new));
    }
    Ok(past)
}

/// What `task()` shows of tasks without action. They begin and end within one step; when that was is not stored.
fn tasks_without_children(workflow: &Execution, flow: &Flow, executions: &TaskExecutions) {
    for (entry, task) in flow.tasks().into_iter().enumerate() {
        let key = (task.id, task.route);
        let is_command = Command::named(&key.0).is_some();
        if is_command || flow.latest(&key.0, key.1) != Some(entry) {
            continue;
        }
        let beginning = Beginning {
            id: children::task_execution_id(workflow.id, entry),
            workflow: workflow.id,
            items: None,
            at: workflow.start,
        };
        if executions.began(&key, beginning) && task.status.is_completed() {
            let status = children::from_conductor(task.status);
            executions.happened(&key, None, status, &Value::Null, workflow.start);
        }
    }
}

/// The executions that a workflow goes on with, oldest first.
async fn generations(state: &State, workflow: &Execution) -> Result<Vec<Id>, StoreError> {
    let mut found = Vec::new();
    let mut next = workflow
        .request
        .continues
        .as_ref()
        .map(|continues| continues.execution);
    while let Some(id) = next.filter(|_| found.len() < GENERATIONS) {
        found.push(id);
        let execution = state.parts.store.execution(id).await?;
        next = execution.and_then(|execution| Some(execution.request.continues.as_ref()?.execution));
    }
    found.reverse();
    Ok(found)
}

/// The last child for something that the flow takes to be at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    AtWork,
    Ended(Id),
}

struct Reader<'a> {
    state: &'a State,
    workflow: Id,
    executions: &'a TaskExecutions,
    /// Of a chain every result is wanted: they are listed in its own.
    is_chain: bool,
    /// Tasks with items that have not ended.
    unfinished: HashSet<TaskKey>,
    /// What the conductor takes to be at work.
    at_work: HashMap<Spot, Option<Last>>,
    past: Past,
}

impl Reader<'_> {
    /// Reads the children of an execution that have one of these statuses; all of them when there are none.
    async fn read(&mut self, parent: Id, statuses: &[Status]) -> Result<(), StoreError> {
        let mut page = Page {
            order: SortOrder::Ascending,
            limit: Some(PAGE),
            ..Page::default()
        };
        loop {
            let filter = ExecutionFilter {
                parent: Some(parent),
                status: statuses.to_vec(),
                ..ExecutionFilter::default()
            };
            let store = &self.state.parts.store;
            let found = store.executions(filter, page.clone()).await?.items;
            for child in &found {
                self.take(child, parent == self.workflow).await?;
            }
            match found.last() {
                Some(last) if found.len() == PAGE as usize => page.after = Some(last.id),
                _ => return Ok(()),
            }
        }
    }

    async fn take(&mut self, child: &Execution, own: bool) -> Result<(), StoreError> {
        let Some((task, item, id)) = children::place(child) else {
            return Ok(());
        };
        let has_ended = child.status.is_completed();
        if own {
            if let Some(last) = self.at_work.get_mut(&(task.clone(), item)) {
                // One that is at work is the last there, also when those before it are read later.
                if !has_ended {
                    *last = Some(Last::AtWork);
                } else if *last != Some(Last::AtWork) {
                    *last = Some(Last::Ended(child.id));
                }
            }
            if !has_ended {
                let runner = self.state.parts.runners.get(&child.request.runner);
                let child_now = Child {
                    status: child.status,
                    conducted: runner.is_some_and(|runner| runner.conducts().is_some()),
                };
                self.past.children.insert(child.id, child_now);
            }
        }
        let wanted = self.executions.wanted();
        if wanted {
            let beginning = Beginning {
                id,
                workflow: child.request.parent.unwrap_or(self.workflow),
                items: children::items_of(child),
                at: child.start,
            };
            self.executions.began(&task, beginning);
            if matches!(child.status, Status::Paused | Status::Pending) {
                self.executions
                    .happened(&task, item, child.status, &Value::Null, child.start);
            }
        }
        let asked = wanted || self.is_chain || item.is_some() && self.unfinished.contains(&task);
        if !has_ended || !(asked || child.status.is_failure()) {
            return Ok(());
        }
        // Lists carry no results.
        if let Some(whole) = self.state.parts.store.execution(child.id).await? {
            let result = result_of(self.state, &whole);
            let unheard = self
                .at_work
                .values()
                .any(|last| *last == Some(Last::Ended(child.id)));
            if !unheard {
                self.past
                    .veils
                    .take(&self.state.parts.key, self.workflow, &whole, &result);
            }
            if self.is_chain && !unheard {
                self.past
                    .listed
                    .push(listed(self.state, self.workflow, &whole, &task.0));
            }
            if wanted {
                let at = whole.end.unwrap_or(whole.start);
                self.executions.happened(&task, item, whole.status, &result, at);
            }
            if let Some(item) = item.filter(|_| self.unfinished.contains(&task)) {
                self.past.items.set(&task, item, result);
            }
        }
        Ok(())
    }
}

/// Tasks and items that the flow takes to be at work.
fn at_work(flow: &Flow) -> HashMap<Spot, Option<Last>> {
    let places = flow.at_work().into_iter();
    places
        .map(|(task, route, item)| (((task, route), item), None))
        .collect()
}
