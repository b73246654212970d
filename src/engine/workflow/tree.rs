//! What has become of a workflow, from the store: for cards and for clients.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::handle::Engine;
use super::load::{self, Unfit};
use crate::model::{Execution, Id};
use crate::store::{ExecutionFilter, Page, SortOrder, StoreError};
use crate::workflow::progress::Flow;

/// Most results that are read to tell why something failed.
const REASONS: usize = 20;

/// A workflow's execution and what is below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// Its tasks.
    pub flow: Flow,
    /// There are more executions below it than were read.
    pub cut: bool,
}

impl Engine {
    /// The tree of a workflow, from at most `most` executions below it, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tree(&self, root: &Execution, most: usize) -> Result<Tree, StoreError> {
        let mut below: Vec<Value> = Vec::new();
        let mut failed: Vec<(usize, Id)> = Vec::new();
        let mut parents = VecDeque::from([root.id]);
        let mut cut = false;
        while let Some(parent) = parents.pop_front() {
            let room = most.saturating_sub(below.len());
            let filter = ExecutionFilter {
                parent: Some(parent),
                ..ExecutionFilter::default()
            };
            let page = Page {
                order: SortOrder::Ascending,
                limit: u32::try_from(room + 1).ok(),
                ..Page::default()
            };
            let items = self.store().executions(filter, page).await?.items;
            cut |= items.len() > room;
            for child in items.into_iter().take(room) {
                if self.conducts(&child) {
                    parents.push_back(child.id);
                }
                if child.status.is_failure() {
                    failed.push((below.len(), child.id));
                }
                below.push(part(&child));
            }
        }
        for (place, id) in failed.into_iter().take(REASONS) {
            if let Some(whole) = self.execution(id).await? {
                below[place]["result"] = self.shown(&whole, false).result.unwrap_or_default();
            }
        }
        let mut top = part(root);
        top["result"] = self.shown(root, false).result.unwrap_or_default();
        Ok(Tree {
            flow: Flow::of(&top, &below),
            cut,
        })
    }

    /// The definition that a workflow runs, as it was accepted; `None` when it is gone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn flow_text(&self, execution: &Execution) -> Result<Option<Arc<str>>, StoreError> {
        match load::text(&self.state, execution).await {
            Ok(text) => Ok(Some(text)),
            Err(Unfit::Flawed(_)) => Ok(None),
            Err(Unfit::Store(error)) => Err(error),
        }
    }

    /// Whether an execution has tasks of its own.
    #[must_use]
    pub fn conducts(&self, execution: &Execution) -> bool {
        crate::workflow::progress::RUNNERS.contains(&execution.request.runner.as_str())
    }
}

/// What a tree needs of an execution, as the API shows it.
fn part(execution: &Execution) -> Value {
    json!({
        "id": execution.id,
        "parent": execution.request.parent,
        "status": execution.status,
        "start_timestamp": execution.start,
        "end_timestamp": execution.end,
        "action": {"ref": execution.request.action, "runner_type": execution.request.runner},
        "context": execution.context(),
    })
}
