//! A workflow under a clock that nobody waits for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::picture;
use super::records::Records;
use super::script::{Control, Happening, Op, Script};
use crate::expr::value::{Dict, Value};
use crate::workflow::conductor::{
    ActionEvent, Conductor, ConductorError, Dispatch, ItemEvent, Parts, Status,
};

/// When something happens; at the same time actions come before interference, then what was planned first.
type When = (i64, bool, u64);

/// An action of a task, or of one of its items.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Which {
    task: Arc<str>,
    route: u32,
    item: Option<usize>,
}

#[derive(Debug)]
enum Event {
    /// Something happens to an execution of an action: its number, and how many of its happenings came before.
    Action {
        which: Which,
        execution: usize,
        at: usize,
    },
    Control(usize),
}

#[derive(Debug)]
struct Execution {
    happenings: Vec<Happening>,
    completed: bool,
}

pub(super) struct Driver<'s> {
    script: &'s Script,
    conductor: Conductor,
    records: Arc<Records>,
    now: i64,
    planned: BTreeMap<When, Event>,
    last: u64,
    executions: Vec<Execution>,
    attempts: HashMap<Which, u64>,
    dispatches: Vec<Value>,
    trace: Vec<Value>,
    steps: u64,
    truncated: bool,
}

/// A conductor that starts over between events, from what it would have stored.
type Between<'a> = Option<&'a dyn Fn(Conductor) -> Conductor>;

impl<'s> Driver<'s> {
    pub(super) fn new(
        parts: Parts,
        records: Arc<Records>,
        script: &'s Script,
        inputs: &Dict,
        context: &Dict,
    ) -> Self {
        Self {
            script,
            conductor: Conductor::new(parts, inputs, context),
            records,
            now: 0,
            planned: BTreeMap::new(),
            last: 0,
            executions: Vec::new(),
            attempts: HashMap::new(),
            dispatches: Vec::new(),
            trace: Vec::new(),
            steps: 0,
            truncated: false,
        }
    }

    /// Runs the workflow until nothing is to come. `between` is applied to the conductor after every event.
    pub(super) fn run(mut self, between: Between<'_>) -> (Conductor, Value) {
        if self.conductor.status() == Status::Failed {
            self.conductor.render_output();
            self.told("start", None, None, None);
            return self.shown();
        }
        let mut asked = Ok(());
        for status in [Status::Requested, Status::Running] {
            asked = asked.and_then(|()| self.conductor.request(status));
        }
        self.told("start", None, None, asked.err());
        let mut later = Vec::new();
        for (number, control) in self.script.control.iter().enumerate() {
            match control.at {
                Some(at) => self.plan(at, Event::Control(number)),
                None => later.push(number),
            }
        }
        later.reverse();
        self.dispatch();
        while !self.truncated {
            if let Some(between) = between {
                self.conductor = between(self.conductor);
            }
            let event = match self.planned.pop_first() {
                Some(((time, ..), event)) => {
                    self.now = self.now.max(time);
                    event
                }
                None => match later.pop() {
                    Some(number) => Event::Control(number),
                    None => break,
                },
            };
            if !self.step() {
                break;
            }
            match event {
                Event::Action { which, execution, at } => self.action(&which, execution, at),
                Event::Control(number) => {
                    let script = self.script;
                    self.control(&script.control[number]);
                }
            }
        }
        self.shown()
    }

    fn shown(self) -> (Conductor, Value) {
        let mut shown = match picture::picture(&self.conductor) {
            Value::Dict(members) => members.into_map(),
            _ => Dict::builder(0),
        };
        let mut add = |name: &str, value: Value| shown.insert(Value::text(name), value);
        add("dispatches", Value::list(self.dispatches));
        add("trace", Value::list(self.trace));
        add("clock", Value::from(self.now));
        if self.truncated {
            add("truncated", Value::from(true));
        }
        (self.conductor, Value::Dict(Dict::new(shown)))
    }

    /// Counts a step; false when there were too many.
    fn step(&mut self) -> bool {
        self.steps += 1;
        self.truncated |= self.steps > self.script.max_steps;
        !self.truncated
    }

    fn plan(&mut self, time: i64, event: Event) {
        self.last += 1;
        let is_control = matches!(event, Event::Control(_));
        self.planned.insert((time, is_control, self.last), event);
    }

    /// Starts what there is to start.
    fn dispatch(&mut self) {
        while self.step() {
            let tasks = self.conductor.next_tasks();
            if tasks.is_empty() {
                break;
            }
            for task in &tasks {
                self.dispatches.push(picture::dispatch(task, Some(self.now)));
            }
            for task in &tasks {
                self.begin(task);
            }
            for task in &tasks {
                self.schedule(task);
            }
        }
        self.render_at_end();
    }

    fn render_at_end(&mut self) {
        if self.conductor.status().is_completed() {
            self.conductor.render_output();
        }
    }

    /// Marks all actions of a task as running.
    fn begin(&mut self, task: &Dispatch) {
        self.records
            .began(&task.id, task.route, task.items_count, self.now);
        let items: Vec<Option<usize>> = match task.items_count {
            Some(0) | None => vec![None],
            Some(_) => task.actions.iter().map(|call| call.item).collect(),
        };
        for item in items {
            let which = Which {
                task: Arc::clone(&task.id),
                route: task.route,
                item,
            };
            self.tell("running", &which, Status::Running, &Value::Null);
        }
    }

    fn schedule(&mut self, task: &Dispatch) {
        let which = |item| Which {
            task: Arc::clone(&task.id),
            route: task.route,
            item,
        };
        let has_work = task
            .actions
            .iter()
            .any(|call| !call.action.is_null() || call.item.is_some());
        if !has_work {
            let which = which(None);
            self.happen(&which, Status::Succeeded, &Value::Null);
            return;
        }
        for call in &task.actions {
            let which = which(call.item);
            let attempt = self.attempts.entry(which.clone()).or_default();
            *attempt += 1;
            let happenings = self.script.of(&task.id, task.route, call.item, *attempt).to_vec();
            let waits = match (call.item, task.concurrency) {
                (Some(item), Some(most)) => i64::try_from(item).is_ok_and(|item| item < most),
                _ => true,
            };
            let delay = task.delay.filter(|_| waits).unwrap_or_default();
            let Some(first) = happenings.first() else {
                continue;
            };
            let time = self.now.saturating_add(delay).saturating_add(first.after);
            let execution = self.executions.len();
            self.executions.push(Execution {
                happenings,
                completed: false,
            });
            self.plan(
                time,
                Event::Action {
                    which,
                    execution,
                    at: 0,
                },
            );
        }
    }

    fn action(&mut self, which: &Which, execution: usize, at: usize) {
        let Some(happening) = self.executions[execution].happenings.get(at).cloned() else {
            return;
        };
        if let Some(next) = self.executions[execution].happenings.get(at + 1) {
            let time = self.now.saturating_add(next.after);
            let which = which.clone();
            let at = at + 1;
            self.plan(time, Event::Action { which, execution, at });
        }
        if self.executions[execution].completed {
            self.told("action", Some(which), Some((happening.status, true)), None);
            return;
        }
        let pauses = self.conductor.status().is_paused();
        if happening.status == Status::Running && pauses {
            // An inquiry was answered: what waits for it goes on.
            if let Err(error) = self.conductor.request(Status::Running) {
                self.broken(Some(which), &error);
            }
        }
        self.executions[execution].completed = happening.status.is_completed();
        self.happen(which, happening.status, &happening.result);
        if happening.status.is_completed() {
            self.dispatch();
        }
    }

    fn happen(&mut self, which: &Which, status: Status, result: &Value) {
        self.records
            .happened(&which.task, which.route, which.item, status, result, self.now);
        self.tell("action", which, status, result);
        self.render_at_end();
    }

    /// Tells the conductor, and the trace.
    fn tell(&mut self, op: &str, which: &Which, status: Status, result: &Value) {
        let told = self.event(which, status, result.clone());
        if let Err(error) = &told {
            self.broken(Some(which), error);
        }
        let event = (op == "action").then_some((status, false));
        self.told(op, Some(which), event, told.err());
    }

    fn event(&mut self, which: &Which, status: Status, result: Value) -> Result<(), ConductorError> {
        let Some(item) = which.item else {
            let event = ActionEvent { status, result };
            return self.conductor.action_event(&which.task, which.route, &event);
        };
        let event = ItemEvent { item, status, result };
        let records = Arc::clone(&self.records);
        let results = || records.results(&which.task, which.route);
        self.conductor
            .item_event(&which.task, which.route, &event, &results)
    }

    /// The conductor refused: the task and the workflow have failed.
    fn broken(&mut self, which: Option<&Which>, error: &ConductorError) {
        if let Some(which) = which {
            // Where it refuses this as well there is nothing more to tell.
            let _ = self.event(which, Status::Failed, Value::Null);
        }
        let _ = self.conductor.request(Status::Failed);
        let message = format!("{}: {error}", error.class());
        self.conductor.log_error(
            &message,
            which.map(|which| &*which.task),
            which.map(|which| which.route),
        );
    }

    fn control(&mut self, control: &Control) {
        let done = match &control.op {
            Op::Pause => self.conductor.request(Status::Paused),
            Op::Resume => self.conductor.request(Status::Resuming),
            Op::Cancel => self.conductor.request(Status::Canceled),
            Op::Fail => self.conductor.request(Status::Failed),
            Op::Rerun(tasks) => self.conductor.rerun(tasks.as_deref()),
        };
        if let Err(error) = &done {
            self.broken(None, error);
        }
        self.told(control.op.name(), None, None, done.err());
        if matches!(control.op, Op::Resume | Op::Rerun(_)) {
            self.dispatch();
        }
    }

    fn told(
        &mut self,
        op: &str,
        which: Option<&Which>,
        event: Option<(Status, bool)>,
        raised: Option<ConductorError>,
    ) {
        let mut members = vec![("time", Value::from(self.now)), ("op", Value::text(op))];
        if let Some(which) = which {
            members.push(("task", Value::Str(Arc::clone(&which.task))));
            members.push(("route", Value::from(which.route)));
            members.extend(which.item.map(|item| ("item", Value::from(item))));
        }
        if let Some((status, ignored)) = event {
            members.push(("event", Value::text(status.as_str())));
            if ignored {
                members.push(("ignored", Value::from(true)));
            }
        }
        members.extend(raised.map(|error| ("raises", Value::dict([("type", Value::text(error.class()))]))));
        members.push(("status", Value::text(self.conductor.status().as_str())));
        self.trace.push(Value::dict(members));
    }
}
