//! What happens to the actions of a simulated workflow, and when somebody interferes.

use crate::expr::value::Value;
use crate::workflow::conductor::{RerunTask, Status};

/// Most steps of a simulation that says nothing about it.
const MAX_STEPS: u64 = 5000;
/// Most steps that a simulation may ask for.
const MOST_STEPS: u64 = 1_000_000;

/// A script: results of actions, interference, keys of the datastore.
#[derive(Clone, Debug)]
pub struct Script {
    default: Vec<Happening>,
    rules: Vec<Rule>,
    pub(super) control: Vec<Control>,
    pub(super) kv: Value,
    pub(super) max_steps: u64,
}

/// Something that happens to an execution.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) status: Status,
    pub(super) result: Value,
    /// Seconds after the one before, or after the start.
    pub(super) after: i64,
}

#[derive(Clone, Debug)]
struct Rule {
    task: String,
    route: Option<u32>,
    item: Option<usize>,
    attempt: Option<u64>,
    happenings: Vec<Happening>,
}

/// Interference with a workflow.
#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) op: Op,
    /// When; without it when nothing else is to come.
    pub(super) at: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Pause,
    Resume,
    Cancel,
    Fail,
    Rerun(Option<Vec<RerunTask>>),
}

impl Op {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Fail => "fail",
            Self::Rerun(_) => "rerun",
        }
    }
}

/// A script that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadScript(pub(super) String);

impl Default for Script {
    fn default() -> Self {
        Self {
            default: vec![Happening {
                status: Status::Succeeded,
                result: Value::Null,
                after: 1,
            }],
            rules: Vec::new(),
            control: Vec::new(),
            kv: Value::Null,
            max_steps: MAX_STEPS,
        }
    }
}

impl Script {
    /// Reads a script as `sayso workflow simulate --help` describes it; null is an empty one.
    ///
    /// # Errors
    ///
    /// A part has the wrong type, or a status or command does not exist.
    pub fn read(script: &Value) -> Result<Self, BadScript> {
        let mut read = Self::default();
        if script.is_null() {
            return Ok(read);
        }
        if script.as_dict().is_none() {
            return Err(wrong("the script", "a mapping", script));
        }
        if let Some(default) = present(script, "default") {
            read.default = happenings("default", default)?;
        }
        for (number, rule) in items(script, "results")?.iter().enumerate() {
            let place = format!("results[{number}]");
            let task = present(rule, "task").and_then(Value::as_str);
            let task = task.ok_or_else(|| BadScript(format!("{place} has no text `task`")))?;
            read.rules.push(Rule {
                task: task.to_owned(),
                route: number_of(&place, rule, "route")?,
                item: number_of(&place, rule, "item")?,
                attempt: number_of(&place, rule, "attempt")?,
                happenings: happenings(&place, rule)?,
            });
        }
        for (number, control) in items(script, "control")?.iter().enumerate() {
            read.control
                .push(self::control(&format!("control[{number}]"), control)?);
        }
        read.kv = script.get("kv").cloned().unwrap_or_default();
        if let Some(steps) = number_of::<u64>("the script", script, "max_steps")? {
            read.max_steps = steps.min(MOST_STEPS);
        }
        Ok(read)
    }

    /// What happens to an execution: of the rules that fit it the one that says most about it.
    pub(super) fn of(&self, task: &str, route: u32, item: Option<usize>, attempt: u64) -> &[Happening] {
        let fits = |rule: &&Rule| {
            rule.task == task
                && rule.route.is_none_or(|wanted| wanted == route)
                && rule.item.is_none_or(|wanted| Some(wanted) == item)
                && rule.attempt.is_none_or(|wanted| wanted == attempt)
        };
        let weight = |rule: &Rule| {
            8 * u32::from(rule.attempt.is_some())
                + 4 * u32::from(rule.item.is_some())
                + 2 * u32::from(rule.route.is_some())
        };
        // The first one of those that say most.
        let best = self
            .rules
            .iter()
            .filter(fits)
            .rev()
            .max_by_key(|rule| weight(rule));
        best.map_or(&self.default, |rule| &rule.happenings)
    }
}

fn wrong(place: &str, wanted: &str, found: &Value) -> BadScript {
    BadScript(format!("{place} is {} instead of {wanted}", found.type_name()))
}

fn present<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|value| !value.is_null())
}

fn items<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], BadScript> {
    match present(value, name) {
        None => Ok(&[]),
        Some(list) => list.as_items().ok_or_else(|| wrong(name, "a list", list)),
    }
}

fn number_of<N: TryFrom<i64>>(place: &str, value: &Value, name: &str) -> Result<Option<N>, BadScript> {
    let Some(found) = present(value, name) else {
        return Ok(None);
    };
    let number = found.as_i64().and_then(|number| N::try_from(number).ok());
    number
        .map(Some)
        .ok_or_else(|| wrong(&format!("`{name}` of {place}"), "a number from 0", found))
}

fn happenings(place: &str, value: &Value) -> Result<Vec<Happening>, BadScript> {
    match present(value, "sequence") {
        None => Ok(vec![happening(place, value)?]),
        Some(sequence) => {
            let list = sequence
                .as_items()
                .ok_or_else(|| wrong(&format!("{place}.sequence"), "a list", sequence))?;
            let one =
                |(number, value): (usize, &Value)| happening(&format!("{place}.sequence[{number}]"), value);
            list.iter().enumerate().map(one).collect()
        }
    }
}

fn happening(place: &str, value: &Value) -> Result<Happening, BadScript> {
    let status = match present(value, "status") {
        None => Status::Succeeded,
        Some(status) => {
            let text = status
                .as_str()
                .ok_or_else(|| wrong(&format!("{place}.status"), "a text", status))?;
            text.parse()
                .map_err(|error| BadScript(format!("{place}: {error}")))?
        }
    };
    let after = number_of::<u32>(place, value, "duration")?.map_or(1, i64::from);
    Ok(Happening {
        status,
        result: value.get("result").cloned().unwrap_or_default(),
        after,
    })
}

fn control(place: &str, value: &Value) -> Result<Control, BadScript> {
    let op = match value.get("op").and_then(Value::as_str) {
        Some("pause") => Op::Pause,
        Some("resume") => Op::Resume,
        Some("cancel") => Op::Cancel,
        Some("fail") => Op::Fail,
        Some("rerun") => Op::Rerun(match present(value, "tasks") {
            None => None,
            Some(_) => Some(rerun_tasks(place, items(value, "tasks")?)?),
        }),
        _ => {
            let message = format!("{place} has no `op`; those are pause, resume, cancel, fail and rerun");
            return Err(BadScript(message));
        }
    };
    let at = number_of::<u32>(place, value, "at")?.map(i64::from);
    Ok(Control { op, at })
}

/// Tasks to run again: `{"task", "route", "reset_items"}`.
pub(super) fn rerun_tasks(place: &str, tasks: &[Value]) -> Result<Vec<RerunTask>, BadScript> {
    let one = |task: &Value| {
        let name = task.get("task").and_then(Value::as_str);
        Ok(RerunTask {
            task: name
                .ok_or_else(|| BadScript(format!("a task of {place} has no `task`")))?
                .to_owned(),
            route: number_of(place, task, "route")?.unwrap_or_default(),
            reset_items: task.get("reset_items").is_some_and(Value::is_true),
        })
    };
    tasks.iter().map(one).collect()
}
