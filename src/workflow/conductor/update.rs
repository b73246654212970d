//! What becomes of a workflow when something happens to one of its tasks.

use std::collections::VecDeque;
use std::sync::Arc;

use super::plan::Way;
use super::request::Inbound;
use super::{Conductor, ConductorError, Delta, ErrorEntry, Status, failed, machine, with};
use crate::expr::scene::{CurrentTask, Variables};
use crate::expr::value::{Dict, Value};
use crate::workflow::definition::Command;
use crate::workflow::graph::NodeId;

/// What is logged of an action that failed.
const EXECUTION_FAILED: &str = "Execution failed. See result for details.";

/// Something happened to the action of a task.
#[derive(Clone, Debug)]
pub struct ActionEvent {
    /// Where the action stands now.
    pub status: Status,
    /// Its result so far.
    pub result: Value,
}

/// Something happened to the action of one item of a task.
#[derive(Clone, Debug)]
pub struct ItemEvent {
    /// Number of the item.
    pub item: usize,
    /// Where its action stands now.
    pub status: Status,
    /// The action's result so far.
    pub result: Value,
}

/// One event, whatever it is about.
enum Event<'a> {
    Action(&'a ActionEvent),
    Item(&'a ItemEvent, &'a dyn Fn() -> Value),
    Command(Command),
    Retry,
}

impl Event<'_> {
    const fn status(&self) -> Option<Status> {
        match self {
            Self::Action(event) => Some(event.status),
            Self::Item(event, _) => Some(event.status),
            Self::Command(Command::Fail) => Some(Status::Failed),
            Self::Command(Command::Continue | Command::Noop) => Some(Status::Succeeded),
            Self::Command(Command::Retry) | Self::Retry => None,
        }
    }
}

impl Conductor {
    /// Something happened to a task's action.
    ///
    /// # Errors
    ///
    /// There is no such task, or it was never handed out.
    pub fn action_event(
        &mut self,
        task: &str,
        route: u32,
        event: &ActionEvent,
    ) -> Result<(), ConductorError> {
        self.update(task, route, &Event::Action(event))
    }

    /// Something happened to an item's action. `results` gives the results of all items so far, null where there is
    /// none; it is asked for only when the task has ended.
    ///
    /// # Errors
    ///
    /// There is no such task or item, or it was never handed out.
    pub fn item_event(
        &mut self,
        task: &str,
        route: u32,
        event: &ItemEvent,
        results: &dyn Fn() -> Value,
    ) -> Result<(), ConductorError> {
        self.update(task, route, &Event::Item(event, results))
    }

    /// A command of the engine happens to a task.
    ///
    /// # Errors
    ///
    /// There is no such task, or it was never handed out.
    pub fn engine_event(&mut self, task: &str, route: u32, command: Command) -> Result<(), ConductorError> {
        let event = match command {
            Command::Retry => Event::Retry,
            other => Event::Command(other),
        };
        self.update(task, route, &event)
    }

    fn update(&mut self, task: &str, route: u32, event: &Event<'_>) -> Result<(), ConductorError> {
        let mut commands = VecDeque::new();
        let entry = self.update_one(task, route, event, &mut commands)?;
        // Nothing follows a command, so this ends.
        while let Some((command, route)) = commands.pop_front() {
            let event = Event::Command(command);
            let entry = self.update_one(command.name(), route, &event, &mut commands)?;
            self.ends_with(entry);
        }
        self.ends_with(entry);
        Ok(())
    }

    /// The workflow ends where the task is, when it has ended now.
    fn ends_with(&mut self, entry: usize) {
        if self.state.status.is_completed() && !self.state.sequence[entry].term {
            self.change(Delta::Term { entry, term: true });
        }
    }

    /// Takes in an event; gives the number of the entry that it is about.
    fn update_one(
        &mut self,
        task: &str,
        route: u32,
        event: &Event<'_>,
        commands: &mut VecDeque<(Command, u32)>,
    ) -> Result<usize, ConductorError> {
        let plan = Arc::clone(&self.parts.plan);
        let Some(node) = plan.find(task) else {
            return Err(ConductorError::UnknownTask(task.to_owned()));
        };
        let task = Arc::clone(&plan.node(node).name);
        let staged = self.state.staged(&task, route);
        let has_items = staged.is_some_and(|staged| staged.items.is_some());
        let known = self.state.index(&task, route);
        if staged.is_none() && known.is_none() {
            return Err(ConductorError::NotStaged(task.to_string()));
        }
        if let Event::Item(event, _) = event {
            let count = staged
                .and_then(|staged| staged.items.as_ref())
                .map_or(0, |items| items.statuses().len());
            if staged.is_some() && event.item >= count {
                return Err(ConductorError::UnknownItem {
                    task: task.to_string(),
                    item: event.item,
                });
            }
        }
        let is_staged = staged.is_some();
        let name = self.name_of(&task, route, event);
        if matches!(event.status(), Some(Status::Null | Status::Retrying)) {
            return Err(ConductorError::InvalidEvent(name));
        }
        let begins_anew = known.is_some_and(|index| {
            self.state.sequence[index].status.is_completed()
                && event.status().is_some_and(Status::is_starting)
        });
        let is_command = Command::named(&task).is_some();
        let begins = known.is_none() || is_command || (begins_anew && is_staged);
        let before = match known {
            Some(index) if !begins => self.state.sequence[index].status,
            _ => Status::Null,
        };
        let retries = matches!(event, Event::Retry) && matches!(before, Status::Timeout | Status::Abandoned);
        if matches!(before, Status::Timeout | Status::Abandoned) && !retries {
            let event = name;
            return Err(ConductorError::TaskTransition {
                status: before,
                event,
            });
        }
        let next = if retries {
            // The reference's table ends at these two.
            Some(Status::Retrying)
        } else {
            machine::next_of_task(before, &name).flatten()
        };
        if before == Status::Null && next.is_none() {
            let (task, event) = (task.to_string(), name);
            return Err(ConductorError::NotBegun { task, event });
        }
        let entry = match known {
            Some(index) if !begins_anew && !is_command => index,
            _ if !is_staged => return Err(ConductorError::HasEnded(task.to_string())),
            _ => self.begin(node, route),
        };
        let status = event.status();
        if status.is_some() && is_staged && !has_items {
            self.unstage(&task, route);
        }
        if is_staged && let Event::Item(event, _) = event {
            self.change(Delta::Item {
                task: Arc::clone(&task),
                route,
                item: event.item,
                status: event.status,
            });
        }
        if status == Some(Status::Failed) {
            let result = match event {
                Event::Action(event) => Some(event.result.clone()),
                Event::Item(event, _) => Some(event.result.clone()),
                Event::Command(_) | Event::Retry => None,
            };
            self.note(ErrorEntry {
                message: EXECUTION_FAILED.into(),
                task_id: Some(Arc::clone(&task)),
                route: None,
                task_transition_id: None,
                result: result.filter(|result| !result.is_null()),
            });
        }
        if let Some(status) = next.filter(|status| *status != before) {
            self.change(Delta::Task { entry, status });
        }
        let after = self.state.sequence[entry].status;
        if after == Status::Retrying {
            self.rendered.remove(&(Arc::clone(&task), route));
            self.change(Delta::Retry { entry });
        }
        if after.is_completed() {
            self.ended(node, entry, before, event, commands)?;
            if self.state.sequence[entry].status == Status::Retrying {
                return Ok(entry);
            }
        }
        self.tell(entry);
        Ok(entry)
    }

    /// A new entry for a staged task.
    fn begin(&mut self, node: NodeId, route: u32) -> usize {
        let plan = Arc::clone(&self.parts.plan);
        let task = plan.node(node);
        // Attempts that make no sense were told when the task was handed out.
        let retry = self.attempts(task, route).ok().flatten();
        self.change(Delta::Began {
            task: Arc::clone(&task.name),
            route,
            retry,
        });
        self.state.sequence.len() - 1
    }

    fn unstage(&mut self, task: &Arc<str>, route: u32) {
        let items_at_work = self
            .state
            .staged(task, route)
            .and_then(|staged| staged.items.as_ref())
            .is_some_and(|items| items.count(Status::is_active, None) > 0);
        if !items_at_work {
            self.rendered.remove(&(Arc::clone(task), route));
            self.change(Delta::Unstaged {
                task: Arc::clone(task),
                route,
            });
        }
    }

    /// The name under which the task's state machine knows an event.
    fn name_of(&self, task: &str, route: u32, event: &Event<'_>) -> String {
        let event = match event {
            Event::Action(event) => return format!("action_{}", event.status),
            Event::Command(command) => return format!("task_{}_requested", command.name()),
            Event::Retry => return "task_retry_requested".to_owned(),
            Event::Item(event, _) => event,
        };
        let mut name = format!("action_{}", event.status);
        let matters = matches!(event.status, Status::Resuming | Status::Pending | Status::Paused)
            || event.status.is_completed();
        let items = self
            .state
            .staged(task, route)
            .and_then(|staged| staged.items.as_ref());
        let Some(items) = items.filter(|_| matters) else {
            return name;
        };
        let others = |wanted: fn(Status) -> bool| items.count(wanted, Some(event.item)) > 0;
        let active = others(Status::is_active);
        name.push_str(if active { "_task_active" } else { "_task_dormant" });
        name.push_str(
            if !active && others(|status| matches!(status, Status::Pending | Status::Paused)) {
                "_items_paused"
            } else if !active && others(|status| status == Status::Canceled) {
                "_items_canceled"
            } else if !active && others(Status::is_abended) {
                "_items_failed"
            } else if others(|status| !status.is_completed()) {
                "_items_incomplete"
            } else {
                "_items_completed"
            },
        );
        name
    }

    /// A task has ended: runs it again, or goes on to what follows.
    fn ended(
        &mut self,
        node: NodeId,
        entry: usize,
        before: Status,
        event: &Event<'_>,
        commands: &mut VecDeque<(Command, u32)>,
    ) -> Result<(), ConductorError> {
        let (task, route, status, contexts) = {
            let one = &self.state.sequence[entry];
            (Arc::clone(&one.id), one.route, one.status, one.contexts.clone())
        };
        let has_items = self.parts.plan.node(node).items.is_some();
        if has_items && status.is_abended() {
            self.change(Delta::Completed {
                task: Arc::clone(&task),
                route,
                completed: true,
            });
        } else {
            self.unstage(&task, route);
        }
        let result = match event {
            Event::Action(event) if has_items && event.result.is_null() => Value::list([]),
            Event::Action(event) => event.result.clone(),
            Event::Item(_, results) => results(),
            Event::Command(_) | Event::Retry => Value::Null,
        };
        let variables = contexts.variables().clone();
        if self.state.status.is_active() && !matches!(event, Event::Retry) {
            match self.is_retry_due(node, entry, &variables, &result) {
                Ok(false) => {}
                Ok(true) => {
                    let mut none = VecDeque::new();
                    return self
                        .update_one(&task, route, &Event::Retry, &mut none)
                        .map(|_| ());
                }
                Err(error) => {
                    self.note(ErrorEntry {
                        task_id: Some(Arc::clone(&task)),
                        route: Some(route),
                        ..error
                    });
                    self.fail();
                }
            }
        }
        if status != before {
            self.go_on(node, entry, &variables, &result, commands);
        }
        Ok(())
    }

    fn is_retry_due(
        &self,
        node: NodeId,
        entry: usize,
        variables: &Variables,
        result: &Value,
    ) -> Result<bool, ErrorEntry> {
        let one = &self.state.sequence[entry];
        // What was canceled stays so, whatever a condition says; the reference asks itself without end.
        let stays = one.status == Status::Canceled;
        if stays || one.retry.as_ref().is_none_or(|retry| retry.tally >= retry.count) {
            return Ok(false);
        }
        let rule = self.parts.plan.node(node).retry.as_ref();
        let Some((_, when)) = rule.and_then(|rule| rule.when.as_ref()) else {
            return Ok(one.status.is_abended());
        };
        let current = CurrentTask {
            id: &one.id,
            route: one.route.into(),
            result,
        };
        self.evaluate(when, variables, Some(current), None)
            .map(|value| value.is_true())
            .map_err(|error| failed(&error))
    }

    /// Walks the ways out of a task that has ended, in order of their targets.
    fn go_on(
        &mut self,
        node: NodeId,
        entry: usize,
        variables: &Variables,
        result: &Value,
        commands: &mut VecDeque<(Command, u32)>,
    ) {
        let plan = Arc::clone(&self.parts.plan);
        let task = &plan.node(node).name;
        let route = self.state.sequence[entry].route;
        let ways = plan.ways_out(node);
        if ways.is_empty() {
            self.change(Delta::Term { entry, term: true });
        }
        let current = CurrentTask {
            id: task,
            route: route.into(),
            result,
        };
        let mut ready = Vec::new();
        let mut fails = false;
        for way in ways.iter().map(|way| plan.way(*way)) {
            let target = plan.node(way.target);
            let note = |error: ErrorEntry| ErrorEntry {
                task_id: Some(Arc::clone(task)),
                route: Some(route),
                task_transition_id: Some(Arc::clone(&way.next)),
                ..error
            };
            let taken = match &way.when {
                None => Ok(true),
                Some(when) => self
                    .evaluate(when, variables, Some(current), None)
                    .map(|value| value.is_true()),
            };
            let taken = match taken {
                Ok(taken) => taken,
                Err(error) => {
                    self.note(note(failed(&error)));
                    self.fail();
                    continue;
                }
            };
            self.change(Delta::Next {
                entry,
                transition: Arc::clone(&way.next),
                taken,
            });
            if !taken {
                continue;
            }
            let published = match self.publish(way, variables, current) {
                Ok(published) => published,
                Err(errors) => {
                    for error in errors {
                        self.note(note(error));
                    }
                    self.fail();
                    continue;
                }
            };
            let onward = self.route_to(way, target.is_split, route);
            self.rendered.remove(&(Arc::clone(&target.name), onward));
            self.change(Delta::Reached {
                task: Arc::clone(&target.name),
                route: onward,
                from: entry,
                through: Arc::clone(&way.previous),
                published: (!published.is_empty()).then_some(published),
            });
            let is_ready = self.inbound(way.target, route) == Inbound::Satisfied;
            let was_ready = self
                .state
                .staged(&target.name, onward)
                .is_some_and(|staged| staged.ready);
            if is_ready != was_ready {
                self.change(Delta::Ready {
                    task: Arc::clone(&target.name),
                    route: onward,
                    ready: is_ready,
                });
            }
            match target.command {
                Some(command) => {
                    fails |= command == Command::Fail;
                    commands.push_back((command, onward));
                }
                None if is_ready => ready.push((Arc::clone(&target.name), onward)),
                None => {}
            }
        }
        if fails {
            for (task, route) in ready {
                self.change(Delta::RunOnFail { task, route });
            }
        }
    }

    /// What a way publishes.
    fn publish(
        &self,
        way: &Way,
        variables: &Variables,
        current: CurrentTask<'_>,
    ) -> Result<Dict, Vec<ErrorEntry>> {
        if way.publish.is_empty() {
            return Ok(Dict::default());
        }
        let mut rolling = variables.clone();
        let mut published = Dict::builder(way.publish.len());
        let mut errors = Vec::new();
        for one in &*way.publish {
            match self.evaluate(&one.value, &rolling, Some(current), None) {
                Ok(value) => {
                    rolling = with(&rolling, &one.name, value.clone());
                    published.insert(Value::Str(Arc::clone(&one.name)), value);
                }
                Err(error) => errors.push(failed(&error)),
            }
        }
        if errors.is_empty() {
            Ok(Dict::new(published))
        } else {
            Err(errors)
        }
    }

    /// The route of a way's target: a split begins a new one.
    fn route_to(&mut self, way: &Way, is_split: bool, route: u32) -> u32 {
        if !is_split {
            return route;
        }
        let Some(old) = self.state.routes.get(route as usize) else {
            return route;
        };
        if old.contains(&way.previous) {
            return route;
        }
        let new: Arc<[Arc<str>]> = old.iter().cloned().chain([Arc::clone(&way.previous)]).collect();
        self.change(Delta::Route(new));
        u32::try_from(self.state.routes.len() - 1).unwrap_or(u32::MAX)
    }
}
