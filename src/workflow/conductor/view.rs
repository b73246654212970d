//! What expressions of a workflow see.

use std::sync::Arc;

use super::Outside;
use super::state::State;
use crate::expr::jinja::KeyLookup;
use crate::expr::scene::{CurrentTask, Scene, Variables};
use crate::expr::value::Value;

/// The workflow at one point: its variables there, the task that ended or the item in hand.
pub(super) struct View<'a> {
    pub(super) state: &'a State,
    pub(super) outside: &'a dyn Outside,
    pub(super) variables: &'a Variables,
    pub(super) task: Option<CurrentTask<'a>>,
    pub(super) item: Option<&'a Value>,
}

impl Scene for View<'_> {
    fn variables(&self) -> Option<&Variables> {
        Some(self.variables)
    }

    fn current_task(&self) -> Option<CurrentTask<'_>> {
        self.task
    }

    fn current_item(&self) -> Option<&Value> {
        self.item
    }

    fn task_status(&self, task: &str, route: i64) -> Option<&str> {
        let entry = self.state.entry(task, u32::try_from(route).ok()?)?;
        Some(entry.status.as_str())
    }

    fn route(&self, route: i64) -> Option<&[Arc<str>]> {
        let route = self.state.routes.get(usize::try_from(route).ok()?)?;
        Some(&**route)
    }

    fn task_execution(&self, task: &str, route: i64) -> Option<Value> {
        let route = u32::try_from(route).ok()?;
        self.state.entry(task, route)?;
        self.outside.task_execution(task, route)
    }

    fn datastore(&self) -> Option<&dyn KeyLookup> {
        self.outside.datastore()
    }
}
