//! Which tasks to start now.

use std::sync::Arc;

use super::plan::{Number, TaskPlan};
use super::state::{RetryState, Staged};
use super::{Conductor, Delta, ErrorEntry, Status, complaint, failed};
use crate::expr::scene::{CurrentTask, Variables};
use crate::expr::template::Statement;
use crate::expr::value::{Dict, List, Value};

/// A task to start. The caller says of each action that it runs before it asks for the next tasks again.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Name of the task.
    pub id: Arc<str>,
    /// Number of its route.
    pub route: u32,
    /// Seconds to wait before it starts; of a task with items and a bound of how many may be at work only those
    /// items wait whose number is below it.
    pub delay: Option<i64>,
    /// How many items it has, when it has items.
    pub items_count: Option<usize>,
    /// How many of them may be at work at once, as it was rendered.
    pub concurrency: Option<i64>,
    /// The variables that it starts with.
    pub variables: Dict,
    /// What to run: one action, or one for each item that may start now. A task without action has one whose
    /// reference is null; it and a task without items are to be told as succeeded at once.
    pub actions: Vec<ActionCall>,
}

/// An action with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionCall {
    /// Reference of the action; null for a task without one. Inspection cannot know what an expression gives, so this
    /// need not be a text.
    pub action: Value,
    /// Its parameters: null where none are written, else what should be a dictionary.
    pub input: Value,
    /// The item that it is for.
    pub item: Option<usize>,
}

/// A staged task with its numbers evaluated. The parameters of items are rendered when they are handed out, so that
/// many items take no more room than their list.
#[derive(Debug)]
pub(super) struct Rendered {
    variables: Variables,
    delay: Option<i64>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Action(ActionCall),
    Items { list: List, concurrency: Option<i64> },
}

/// A value of the wrong type, in the reference's words.
fn type_error(message: &str) -> ErrorEntry {
    complaint("TypeError", message)
}

impl Conductor {
    /// The tasks to start now, sorted by name and route. What cannot be rendered is noted and fails the workflow.
    pub fn next_tasks(&mut self) -> Vec<Dispatch> {
        let state = &self.state;
        let remedies: Vec<(Arc<str>, u32)> = state
            .ready()
            .filter(|staged| state.status == Status::Failed && staged.run_on_fail)
            .map(key)
            .collect();
        let candidates = if !remedies.is_empty() {
            remedies
        } else if state.status.is_running() {
            state.ready().map(key).collect()
        } else {
            return Vec::new();
        };
        let mut found = Vec::with_capacity(candidates.len());
        let mut broken = false;
        for (id, route) in candidates {
            match self.dispatch(&id, route) {
                Ok(dispatch) => found.extend(dispatch),
                Err(error) => {
                    broken = true;
                    self.note(ErrorEntry {
                        task_id: Some(id),
                        route: Some(route),
                        ..error
                    });
                }
            }
        }
        if broken {
            self.fail();
            return Vec::new();
        }
        found.sort_by(|a, b| (&a.id, a.route).cmp(&(&b.id, b.route)));
        found
    }

    /// A staged task as it can be started now; none if all places of its items are taken.
    fn dispatch(&mut self, id: &Arc<str>, route: u32) -> Result<Option<Dispatch>, ErrorEntry> {
        let plan = Arc::clone(&self.parts.plan);
        let Some(task) = plan.task(id) else {
            return Ok(None);
        };
        let rendered = self.rendered(task, route)?;
        let Some(staged) = self.state.staged(id, route) else {
            return Ok(None);
        };
        let mut dispatch = Dispatch {
            id: Arc::clone(id),
            route,
            delay: match &staged.retry {
                Some(retry) => Some(retry.delay.unwrap_or(0)),
                None => rendered.delay,
            },
            items_count: None,
            concurrency: None,
            variables: rendered.variables.public().clone(),
            actions: Vec::new(),
        };
        let (list, concurrency) = match &rendered.work {
            Work::Action(call) => {
                dispatch.actions.push(call.clone());
                return Ok(Some(dispatch));
            }
            Work::Items { list, concurrency } => (list, *concurrency),
        };
        dispatch.items_count = Some(list.len());
        dispatch.concurrency = concurrency;
        let known = staged.items.as_ref().map_or(0, |items| items.statuses().len());
        if known == 0 {
            self.change(Delta::Items {
                task: Arc::clone(id),
                route,
                count: list.len(),
            });
        }
        let items = self
            .state
            .staging
            .get_mut(id, route)
            .and_then(|staged| staged.items.as_mut());
        let starting = items.map_or_else(Vec::new, |items| {
            let places = concurrency.map_or(usize::MAX, |most| {
                let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
                most.saturating_sub(items.count(Status::is_active, None))
            });
            items.unset(places)
        });
        for number in starting {
            let value = list.get(number).cloned().unwrap_or_default();
            let call = self.call(task, route, &rendered.variables, Some((number, &value)))?;
            dispatch.actions.push(call);
        }
        Ok((list.is_empty() || !dispatch.actions.is_empty()).then_some(dispatch))
    }

    fn rendered(&mut self, task: &TaskPlan, route: u32) -> Result<Arc<Rendered>, ErrorEntry> {
        let key = (Arc::clone(&task.name), route);
        if let Some(known) = self.rendered.get(&key) {
            return Ok(Arc::clone(known));
        }
        let (variables, is_new, is_retried) = match self.state.staged(&task.name, route) {
            Some(staged) => (
                staged.contexts.variables().clone(),
                staged.items.is_none(),
                staged.retry.is_some(),
            ),
            None => (Variables::default(), true, false),
        };
        let rendered = Arc::new(self.render(task, route, variables, is_new)?);
        if !is_retried {
            // Attempts that make no sense are told now, not when the action runs already.
            self.attempts(task, route)?;
        }
        self.rendered.insert(key, Arc::clone(&rendered));
        Ok(rendered)
    }

    fn render(
        &self,
        task: &TaskPlan,
        route: u32,
        variables: Variables,
        is_new: bool,
    ) -> Result<Rendered, ErrorEntry> {
        let current = CurrentTask {
            id: &task.name,
            route: route.into(),
            result: &Value::Null,
        };
        let evaluate = |statement: &Statement| {
            self.evaluate(statement, &variables, Some(current), None)
                .map_err(|error| failed(&error))
        };
        let work = match &task.items {
            None => Work::Action(self.call(task, route, &variables, None)?),
            Some(items) => {
                let Value::List(list) = evaluate(&items.list)? else {
                    return Err(type_error(&format!(
                        "The value of \"{}\" is not type of list.",
                        items.text
                    )));
                };
                let list = match items.names.is_empty() {
                    true => list,
                    false => list.iter().map(|value| named_item(&items.names, value)).collect(),
                };
                if is_new {
                    // All or none: what is wrong with the last item is told before the first one starts.
                    for item in list.iter().enumerate() {
                        self.call(task, route, &variables, Some(item))?;
                    }
                }
                let concurrency = match &items.concurrency {
                    None => None,
                    Some(statement) => match evaluate(statement)? {
                        Value::Null => None,
                        value => Some(integer(&value).ok_or_else(|| {
                            type_error(&format!(
                                "The value of task concurrency is not type of integer but {}.",
                                value.type_name()
                            ))
                        })?),
                    },
                };
                Work::Items { list, concurrency }
            }
        };
        let delay = match &task.delay {
            None => None,
            Some(Number::Written(seconds)) => Some(*seconds),
            Some(Number::Rendered(statement)) => {
                let wrong = || type_error("The value of task delay is not type of integer.");
                Some(integer(&evaluate(statement)?).ok_or_else(wrong)?)
            }
        };
        Ok(Rendered {
            variables,
            delay,
            work,
        })
    }

    fn call(
        &self,
        task: &TaskPlan,
        route: u32,
        variables: &Variables,
        item: Option<(usize, &Value)>,
    ) -> Result<ActionCall, ErrorEntry> {
        let current = CurrentTask {
            id: &task.name,
            route: route.into(),
            result: &Value::Null,
        };
        let evaluate = |statement: &Statement| {
            self.evaluate(statement, variables, Some(current), item.map(|(_, value)| value))
                .map_err(|error| failed(&error))
        };
        Ok(ActionCall {
            action: evaluate(&task.action)?,
            input: evaluate(&task.input)?,
            item: item.map(|(number, _)| number),
        })
    }

    /// How often a task may be run again, when it may.
    pub(super) fn attempts(&self, task: &TaskPlan, route: u32) -> Result<Option<RetryState>, ErrorEntry> {
        let Some(rule) = &task.retry else {
            return Ok(None);
        };
        let staged = self.state.staged(&task.name, route);
        let entry = || self.state.entry(&task.name, route);
        let contexts = staged
            .map(|staged| &staged.contexts)
            .or_else(|| entry().map(|entry| &entry.contexts));
        let variables = contexts
            .map(|contexts| contexts.variables().clone())
            .unwrap_or_default();
        let number = |number: &Number, what: &str| match number {
            Number::Written(number) => Ok(*number),
            Number::Rendered(statement) => {
                let value = self
                    .evaluate(statement, &variables, None, None)
                    .map_err(|error| failed(&error))?;
                integer(&value).ok_or_else(|| {
                    let message = format!("The retry {what} for task \"{}\" is not an integer.", task.name);
                    complaint("ValueError", &message)
                })
            }
        };
        Ok(Some(RetryState {
            when: rule.when.as_ref().map(|(when, _)| Arc::clone(when)),
            count: number(&rule.count, "count")?,
            delay: rule
                .delay
                .as_ref()
                .map(|delay| number(delay, "delay"))
                .transpose()?,
            tally: 0,
        }))
    }
}

fn key(staged: &Staged) -> (Arc<str>, u32) {
    (Arc::clone(&staged.id), staged.route)
}

/// An integer as Python has it: true is 1.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64()
}

/// An item under its names: a list is taken apart, of anything else one name gets all.
fn named_item(names: &[Arc<str>], value: &Value) -> Value {
    match value.as_items() {
        Some(parts) => Value::dict(names.iter().cloned().map(Value::Str).zip(parts.iter().cloned())),
        None if names.len() == 1 => Value::dict([(Value::Str(Arc::clone(&names[0])), value.clone())]),
        None => value.clone(),
    }
}
