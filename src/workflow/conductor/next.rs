//! Which tasks to start now.

use std::sync::Arc;

use super::state::Staged;
use super::{Conductor, Delta, ErrorEntry, Status, complaint, failed};
use crate::expr::scene::{CurrentTask, Variables};
use crate::expr::value::{Dict, Value};
use crate::workflow::definition::Task;

/// A task to start. The caller says of each action that it runs before it asks for the next tasks again.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Name of the task.
    pub id: Arc<str>,
    /// Number of its route.
    pub route: u32,
    /// Seconds to wait before it starts.
    pub delay: Option<i64>,
    /// How many items it has, when it has items.
    pub items_count: Option<usize>,
    /// How many of them may be at work at once.
    pub concurrency: Option<i64>,
    /// The variables that it starts with.
    pub variables: Dict,
    /// What to run: one action, or one for each item that may start now. A task without action has one without a name
    /// and succeeds at once, as does a task without items.
    pub actions: Vec<ActionCall>,
}

/// An action with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionCall {
    /// Reference of the action; null for a task without one. Inspection cannot know what an expression gives, so this
    /// need not be a text.
    pub action: Value,
    /// Its parameters; should be a dictionary.
    pub input: Value,
    /// The item that it is for.
    pub item: Option<usize>,
}

/// A staged task with everything evaluated.
#[derive(Debug)]
pub(super) struct Rendered {
    actions: Vec<ActionCall>,
    items: bool,
    delay: Option<i64>,
    concurrency: Option<i64>,
    variables: Variables,
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
        let rendered = self.rendered(id, route)?;
        let Some(staged) = self.state.staged(id, route) else {
            return Ok(None);
        };
        let delay = match &staged.retry {
            Some(retry) => Some(retry.delay.unwrap_or(0)),
            None => rendered.delay,
        };
        let mut dispatch = Dispatch {
            id: Arc::clone(id),
            route,
            delay,
            items_count: None,
            concurrency: rendered.concurrency,
            variables: rendered.variables.public().clone(),
            actions: Vec::new(),
        };
        if !rendered.items {
            dispatch.actions.clone_from(&rendered.actions);
            return Ok(Some(dispatch));
        }
        let count = rendered.actions.len();
        dispatch.items_count = Some(count);
        if staged.items.as_ref().is_none_or(|items| items.statuses().is_empty()) {
            self.change(Delta::Items {
                task: Arc::clone(id),
                route,
                count,
            });
        }
        let items = self
            .state
            .staged
            .get_mut(&(Arc::clone(id), route))
            .and_then(|staged| staged.items.as_mut());
        if let Some(items) = items {
            let places = rendered.concurrency.map_or(usize::MAX, |most| {
                let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
                most.saturating_sub(items.count(Status::is_active, None))
            });
            let starting = items.unset(places);
            dispatch.actions = starting
                .into_iter()
                .filter_map(|item| rendered.actions.get(item).cloned())
                .collect();
        }
        Ok((count == 0 || !dispatch.actions.is_empty()).then_some(dispatch))
    }

    fn rendered(&mut self, id: &Arc<str>, route: u32) -> Result<Arc<Rendered>, ErrorEntry> {
        let key = (Arc::clone(id), route);
        if let Some(known) = self.rendered.get(&key) {
            return Ok(Arc::clone(known));
        }
        let variables = match self.state.staged.get(&key) {
            Some(staged) => staged.contexts.variables().clone(),
            None => Variables::default(),
        };
        let workflow = Arc::clone(&self.parts.workflow);
        let rendered = match workflow.task(id) {
            Some(task) => Arc::new(self.render(task, route, variables)?),
            // Engine commands have nothing to run.
            None => Arc::new(Rendered {
                actions: vec![nothing()],
                items: false,
                delay: None,
                concurrency: None,
                variables,
            }),
        };
        self.rendered.insert(key, Arc::clone(&rendered));
        Ok(rendered)
    }

    fn render(&self, task: &Task, route: u32, variables: Variables) -> Result<Rendered, ErrorEntry> {
        let current = CurrentTask {
            id: &task.name,
            route: route.into(),
            result: &Value::Null,
        };
        let evaluate = |value: &Value, item: Option<&Value>| {
            self.evaluate(value, &variables, Some(current), item)
                .map_err(|error| failed(&error))
        };
        let action = task.action.clone().map_or(Value::Null, Value::Str);
        let call = |item: Option<(usize, &Value)>| -> Result<ActionCall, ErrorEntry> {
            let value = item.map(|(_, value)| value);
            Ok(ActionCall {
                action: evaluate(&action, value)?,
                input: evaluate(&task.input, value)?,
                item: item.map(|(number, _)| number),
            })
        };
        let mut concurrency = None;
        let actions = match &task.with {
            None => vec![call(None)?],
            Some(with) => {
                let list = evaluate(&Value::Str(Arc::clone(&with.items.expression)), None)?;
                let Value::List(list) = &list else {
                    let message = format!("The value of \"{}\" is not type of list.", with.items.expression);
                    return Err(type_error(&message));
                };
                let items: Vec<Value> = list.iter().map(|value| item(&with.items.names, value)).collect();
                let calls = items.iter().enumerate().map(|item| call(Some(item)));
                let calls = calls.collect::<Result<Vec<_>, _>>()?;
                concurrency = match &with.concurrency {
                    None => None,
                    Some(value) => match evaluate(value, None)? {
                        Value::Null => None,
                        value => Some(integer(&value).ok_or_else(|| {
                            type_error(&format!(
                                "The value of task concurrency is not type of integer: {}.",
                                value.type_name()
                            ))
                        })?),
                    },
                };
                calls
            }
        };
        let delay = match &task.delay {
            None => None,
            Some(value) => {
                let value = evaluate(value, None)?;
                let wrong = || type_error("The value of task delay is not type of integer.");
                Some(integer(&value).ok_or_else(wrong)?)
            }
        };
        Ok(Rendered {
            actions,
            items: task.with.is_some(),
            delay: delay.filter(|delay| *delay != 0),
            concurrency,
            variables,
        })
    }
}

fn key(staged: &Staged) -> (Arc<str>, u32) {
    (Arc::clone(&staged.id), staged.route)
}

fn nothing() -> ActionCall {
    ActionCall {
        action: Value::Null,
        input: Value::Dict(Dict::default()),
        item: None,
    }
}

/// An integer as Python has it: true is 1.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Int(value) => Some(*value),
        _ => None,
    }
}

/// An item under its names: a list is taken apart, of anything else one name gets all.
fn item(names: &[Arc<str>], value: &Value) -> Value {
    if names.is_empty() {
        return value.clone();
    }
    match value.as_items() {
        Some(parts) => Value::dict(names.iter().cloned().map(Value::Str).zip(parts.iter().cloned())),
        None if names.len() == 1 => Value::dict([(Value::Str(Arc::clone(&names[0])), value.clone())]),
        None => value.clone(),
    }
}
