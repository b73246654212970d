//! What a workflow's children did before its driver was there.

use std::collections::HashMap;
use std::sync::Arc;

use super::children::{self, Child, Children};
use super::heard::{listed, result_of, task_shown};
use super::results::{ItemResults, TaskExecutions, TaskKey};
use serde_json::Value as Json;

use crate::engine::state::State;
use crate::model::{Execution, Id};
use crate::store::{ExecutionFilter, Page, SortOrder, StoreError};
use crate::workflow::flow::Flow;

/// Executions that are read at once.
const PAGE: u32 = 500;
/// Executions that a workflow may have gone on from, one after the other; those before are not asked for results.
const GENERATIONS: usize = 100;

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
    /// Children that ended without the workflow hearing of it, because its driver had given up.
    pub(super) missed: Vec<Arc<Execution>>,
}

/// Reads the children of a workflow, and of those that it goes on with.
pub(super) async fn read(
    state: &State,
    workflow: &Execution,
    flow: &Flow,
    executions: &TaskExecutions,
) -> Result<Past, StoreError> {
    let mut past = Past::default();
    let mut unfinished = Vec::new();
    for (task, route, count) in flow.unfinished_items() {
        let key = (task, route);
        past.items.begin(key.clone(), count);
        unfinished.push(key);
    }
    let mut reader = Reader {
        state,
        executions,
        unfinished,
        is_chain: matches!(flow, Flow::Chain(_)),
        at_work: at_work(flow),
        past,
    };
    for earlier in generations(state, workflow).await? {
        reader.read(earlier, false).await?;
    }
    reader.read(workflow.id, true).await?;
    let mut missed: Vec<Id> = reader.at_work.into_values().flatten().collect();
    missed.sort_unstable();
    let mut past = reader.past;
    for id in missed {
        past.missed
            .extend(state.parts.store.execution(id).await?.map(Arc::new));
    }
    Ok(past)
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

struct Reader<'a> {
    state: &'a State,
    executions: &'a TaskExecutions,
    /// Of a chain every result is wanted: they are listed in its own.
    is_chain: bool,
    /// Tasks with items that have not ended.
    unfinished: Vec<TaskKey>,
    /// What the conductor takes to be at work, and the last child there when it has ended.
    at_work: HashMap<Spot, Option<Id>>,
    past: Past,
}

impl Reader<'_> {
    async fn read(&mut self, parent: Id, own: bool) -> Result<(), StoreError> {
        let mut page = Page {
            order: SortOrder::Ascending,
            limit: Some(PAGE),
            ..Page::default()
        };
        loop {
            let filter = ExecutionFilter {
                parent: Some(parent),
                ..ExecutionFilter::default()
            };
            let found = self
                .state
                .parts
                .store
                .executions(filter, page.clone())
                .await?
                .items;
            for child in &found {
                self.take(child, own).await?;
            }
            match found.last() {
                Some(last) if found.len() == PAGE as usize => page.after = Some(last.id),
                _ => return Ok(()),
            }
        }
    }

    async fn take(&mut self, child: &Execution, own: bool) -> Result<(), StoreError> {
        let Some((task, item, _)) = children::place(child) else {
            return Ok(());
        };
        let has_ended = child.status.is_completed();
        if own {
            if let Some(last) = self.at_work.get_mut(&(task.clone(), item)) {
                *last = has_ended.then_some(child.id);
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
        let asked = match item {
            Some(_) => self.unfinished.contains(&task),
            None => self.executions.wanted() || self.is_chain,
        };
        if !has_ended || !asked {
            return Ok(());
        }
        // Lists carry no results.
        if let Some(whole) = self.state.parts.store.execution(child.id).await? {
            let result = result_of(self.state, &whole);
            let unheard = self.at_work.values().any(|last| *last == Some(child.id));
            if self.is_chain && !unheard {
                self.past.listed.push(listed(&whole, &task.0));
            }
            match item {
                Some(item) => self.past.items.set(&task, item, result),
                None => self
                    .executions
                    .set(task.clone(), task_shown(&whole, &task, &result)),
            }
        }
        Ok(())
    }
}

/// Tasks and items that the flow takes to be at work.
fn at_work(flow: &Flow) -> HashMap<Spot, Option<Id>> {
    let places = flow.at_work().into_iter();
    places
        .map(|(task, route, item)| (((task, route), item), None))
        .collect()
}
