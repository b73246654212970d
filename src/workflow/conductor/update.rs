//! What becomes of a workflow when something happens to one of its tasks.

use std::collections::VecDeque;
use std::sync::Arc;

use super::links::{RetryRule, Way};
use super::next::integer;
use super::request::Inbound;
use super::state::RetryState;
use super::{Conductor, ConductorError, Delta, ErrorEntry, Status, complaint, failed, machine, with};
use crate::expr::scene::{CurrentTask, Variables};
use crate::expr::value::{Dict, Value};
use crate::workflow::definition::Command;

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
    pub fn action_event(&mut self, task: &str, route: u32, event: &ActionEvent) -> Result<(), ConductorError> {
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
        self.update_one(task, route, event, &mut commands)?;
        // Commands may follow each other only through tasks, so this ends.
        while let Some((command, route)) = commands.pop_front() {
            self.update_one(command.name(), route, &Event::Command(command), &mut commands)?;
        }
        Ok(())
    }

    fn update_one(
        &mut self,
        task: &str,
        route: u32,
        event: &Event<'_>,
        commands: &mut VecDeque<(Command, u32)>,
    ) -> Result<(), ConductorError> {
        if !self.links.has(task) {
            return Err(ConductorError::UnknownTask(task.to_owned()));
        }
        let task: Arc<str> = Arc::from(task);
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
        let begins_anew = known.is_some_and(|index| {
            self.state.sequence[index].status.is_completed()
                && event.status().is_some_and(Status::is_starting)
        });
        let entry = match known {
            Some(index) if !begins_anew && Command::named(&task).is_none() => index,
            _ if !is_staged => return Err(ConductorError::NotStaged(task.to_string())),
            _ => self.begin(&task, route),
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
        let before = self.state.sequence[entry].status;
        let name = self.name_of(&task, route, event);
        if let Some(Some(status)) = machine::next_of_task(before, &name) {
            self.change(Delta::Task { entry, status });
        }
        let after = self.state.sequence[entry].status;
        if after == Status::Retrying {
            self.rendered.remove(&(Arc::clone(&task), route));
            self.change(Delta::Retry { entry });
        }
        if after.is_completed() {
            self.ended(entry, before, event, commands)?;
            if self.state.sequence[entry].status == Status::Retrying {
                return Ok(());
            }
        }
        self.tell(entry);
        if self.state.status.is_completed() && !self.state.sequence[entry].term {
            self.change(Delta::Term { entry, term: true });
        }
        Ok(())
    }

    /// A new entry for a staged task.
    fn begin(&mut self, task: &Arc<str>, route: u32) -> usize {
        let rule = self.links.retry(task).cloned();
        let retry = rule.and_then(|rule| match self.attempts(task, route, &rule) {
            Ok(retry) => Some(retry),
            Err(error) => {
                self.note(error);
                self.fail();
                None
            }
        });
        self.change(Delta::Began {
            task: Arc::clone(task),
            route,
            retry,
        });
        self.state.sequence.len() - 1
    }

    pub(super) fn attempts(
        &self,
        task: &Arc<str>,
        route: u32,
        rule: &RetryRule,
    ) -> Result<RetryState, ErrorEntry> {
        let in_task = |error: ErrorEntry| ErrorEntry {
            task_id: Some(Arc::clone(task)),
            route: Some(route),
            ..error
        };
        let variables = match (self.state.staged(task, route), self.state.entry(task, route)) {
            (Some(staged), _) => staged.contexts.variables().clone(),
            (None, Some(entry)) => entry.contexts.variables().clone(),
            (None, None) => Variables::default(),
        };
        let number = |value: &Value, what: &str| {
            let value = self
                .evaluate(value, &variables, None, None)
                .map_err(|error| in_task(failed(&error)))?;
            integer(&value).ok_or_else(|| {
                let message = format!("The retry {what} for task \"{task}\" is not an integer.");
                in_task(complaint("ValueError", &message))
            })
        };
        Ok(RetryState {
            when: rule.when.clone(),
            count: number(&rule.count, "count")?,
            delay: rule.delay.as_ref().map(|delay| number(delay, "delay")).transpose()?,
            tally: 0,
        })
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
        let matters = matches!(
            event.status,
            Status::Resuming | Status::Pending | Status::Paused
        ) || event.status.is_completed();
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
        entry: usize,
        before: Status,
        event: &Event<'_>,
        commands: &mut VecDeque<(Command, u32)>,
    ) -> Result<(), ConductorError> {
        let (task, route, status, contexts) = {
            let one = &self.state.sequence[entry];
            (Arc::clone(&one.id), one.route, one.status, one.contexts.clone())
        };
        let has_items = self.parts.workflow.task(&task).is_some_and(|task| task.with.is_some());
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
        if self.state.status.is_active() {
            match self.is_retry_due(entry, &variables, &result) {
                Ok(false) => {}
                Ok(true) => {
                    let mut none = VecDeque::new();
                    return self.update_one(&task, route, &Event::Retry, &mut none);
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
            self.go_on(entry, &variables, &result, commands);
        }
        Ok(())
    }

    fn is_retry_due(&self, entry: usize, variables: &Variables, result: &Value) -> Result<bool, ErrorEntry> {
        let one = &self.state.sequence[entry];
        let Some(retry) = one.retry.as_ref().filter(|retry| retry.tally < retry.count) else {
            return Ok(false);
        };
        let Some(when) = &retry.when else {
            return Ok(one.status.is_abended());
        };
        let current = CurrentTask {
            id: &one.id,
            route: one.route.into(),
            result,
        };
        self.evaluate(&Value::Str(Arc::clone(when)), variables, Some(current), None)
            .map(|value| value.is_true())
            .map_err(|error| failed(&error))
    }

    /// Walks the ways out of a task that has ended, in order of their targets.
    fn go_on(
        &mut self,
        entry: usize,
        variables: &Variables,
        result: &Value,
        commands: &mut VecDeque<(Command, u32)>,
    ) {
        let (task, route) = {
            let one = &self.state.sequence[entry];
            (Arc::clone(&one.id), one.route)
        };
        let links = Arc::clone(&self.links);
        let ways = links.ways_out(&task);
        if ways.is_empty() {
            self.change(Delta::Term { entry, term: true });
        }
        let mut ready = Vec::new();
        let mut fails = false;
        for way in ways {
            let current = CurrentTask {
                id: &task,
                route: route.into(),
                result,
            };
            let note = |error: ErrorEntry| ErrorEntry {
                task_id: Some(Arc::clone(&task)),
                route: Some(route),
                task_transition_id: Some(Arc::clone(&way.to)),
                ..error
            };
            let taken = match &way.criteria {
                None => true,
                Some(when) => {
                    match self.evaluate(&Value::Str(Arc::clone(when)), variables, Some(current), None) {
                        Ok(value) => value.is_true(),
                        Err(error) => {
                            self.note(note(failed(&error)));
                            self.fail();
                            continue;
                        }
                    }
                }
            };
            self.change(Delta::Next {
                entry,
                transition: Arc::clone(&way.to),
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
            let published = (!published.is_empty()).then(|| {
                self.change(Delta::Published(published));
                u32::try_from(self.state.contexts.len() - 1).unwrap_or(u32::MAX)
            });
            let onward = self.route_to(way, route);
            self.rendered.remove(&(Arc::clone(&way.target), onward));
            self.change(Delta::Reached {
                task: Arc::clone(&way.target),
                route: onward,
                from: entry,
                through: Arc::clone(&way.from),
                published,
            });
            let is_ready = self.inbound(&way.target, route) == Inbound::Satisfied;
            let was_ready = self
                .state
                .staged(&way.target, onward)
                .is_some_and(|staged| staged.ready);
            if is_ready != was_ready {
                self.change(Delta::Ready {
                    task: Arc::clone(&way.target),
                    route: onward,
                    ready: is_ready,
                });
            }
            match Command::named(&way.target) {
                Some(command) => {
                    fails |= command == Command::Fail;
                    commands.push_back((command, onward));
                }
                None if is_ready => ready.push((Arc::clone(&way.target), onward)),
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
    fn publish(&self, way: &Way, variables: &Variables, current: CurrentTask<'_>) -> Result<Dict, Vec<ErrorEntry>> {
        let workflow = Arc::clone(&self.parts.workflow);
        let transition = workflow
            .task(&way.source)
            .and_then(|task| task.next.get(way.transition));
        let Some(transition) = transition.filter(|transition| !transition.publish.is_empty()) else {
            return Ok(Dict::default());
        };
        let mut rolling = variables.clone();
        let mut published = Dict::builder(transition.publish.len());
        let mut errors = Vec::new();
        for one in &transition.publish {
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
    fn route_to(&mut self, way: &Way, route: u32) -> u32 {
        if !self.links.is_split(&way.target) {
            return route;
        }
        let Some(old) = self.state.routes.get(route as usize) else {
            return route;
        };
        if old.contains(&way.from) {
            return route;
        }
        let new: Arc<[Arc<str>]> = old.iter().cloned().chain([Arc::clone(&way.from)]).collect();
        self.change(Delta::Route(new));
        u32::try_from(self.state.routes.len() - 1).unwrap_or(u32::MAX)
    }
}
