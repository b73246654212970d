//! What a drawing shows, whatever its format: boxes and arrows.

use std::collections::HashMap;

use super::state::{States, TaskState};
use crate::expr::value::{Value, str};
use crate::workflow::definition::{Command, Join, Task, Transition, Workflow};
use crate::workflow::graph::Graph;

/// Longest label, in characters.
const LONGEST: usize = 32;

/// Boxes and arrows.
pub(super) struct Picture {
    pub(super) boxes: Vec<Shape>,
    pub(super) arrows: Vec<Arrow>,
}

/// A task or an end.
pub(super) struct Shape {
    /// The name.
    pub(super) title: String,
    /// The action.
    pub(super) action: Option<String>,
    /// Join, repetition, delay, retry.
    pub(super) notes: Vec<String>,
    pub(super) kind: Kind,
    /// The state of the task, when it has started.
    pub(super) state: Option<TaskState>,
}

/// How a box looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Task,
    /// Nothing leads to it from a start.
    Unreached,
    Command(Command),
}

/// A transition to one target.
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: String,
    pub(super) mood: Mood,
}

/// What a transition waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mood {
    Always,
    Success,
    Failure,
    Condition,
}

impl Picture {
    pub(super) fn of(workflow: &Workflow, graph: &Graph, states: &States) -> Self {
        let mut picture = Self {
            boxes: Vec::new(),
            arrows: Vec::new(),
        };
        let mut places = HashMap::new();
        let reached = graph
            .nodes()
            .iter()
            .filter(|node| node.task.is_some())
            .map(|node| (&node.name, Kind::Task));
        let others = graph.unreached().iter().map(|name| (name, Kind::Unreached));
        for (name, kind) in reached.chain(others) {
            if let Some(task) = workflow.task(name).filter(|_| Command::named(name).is_none()) {
                places.insert(&**name, picture.boxes.len());
                let state = states.get(&**name).cloned();
                picture.boxes.push(shape(task, kind, state));
            }
        }
        let mut tasks: Vec<_> = places.iter().map(|(name, place)| (*place, *name)).collect();
        tasks.sort_unstable();
        for (from, name) in tasks {
            let Some(task) = workflow.task(name) else { continue };
            for next in &task.next {
                for target in &next.targets {
                    picture.arrow(from, next, target, &places);
                }
            }
        }
        picture
    }

    fn arrow(&mut self, from: usize, next: &Transition, target: &str, places: &HashMap<&str, usize>) {
        let (mood, label) = condition(next.when.as_deref());
        let to = match Command::named(target) {
            Some(Command::Continue) if !next.explicit => return,
            Some(Command::Retry) => {
                let why = if label.is_empty() {
                    String::new()
                } else {
                    format!(" when {label}")
                };
                self.boxes[from].notes.push(shortened(&format!("retry{why}")));
                return;
            }
            Some(command) => {
                self.boxes.push(Shape {
                    title: command.name().to_owned(),
                    action: None,
                    notes: Vec::new(),
                    kind: Kind::Command(command),
                    state: None,
                });
                self.boxes.len() - 1
            }
            None => match places.get(target) {
                Some(place) => *place,
                None => return,
            },
        };
        self.arrows.push(Arrow {
            from,
            to,
            label,
            mood,
        });
    }
}

fn shape(task: &Task, kind: Kind, state: Option<TaskState>) -> Shape {
    let mut notes = Vec::new();
    match task.join {
        Some(Join::All) => notes.push("join all".to_owned()),
        Some(Join::Count(count)) => notes.push(format!("join {count}")),
        None => {}
    }
    let value = |value: &Value| match value {
        Value::Str(_) => "…".to_owned(),
        other => str(other),
    };
    if let Some(with) = &task.with {
        let at_once = with
            .concurrency
            .as_ref()
            .map(|count| format!(", {} at once", value(count)));
        notes.push(format!("for each item{}", at_once.unwrap_or_default()));
    }
    if let Some(delay) = &task.delay {
        notes.push(format!("after {} s", value(delay)));
    }
    if let Some(count) = task.retry.as_ref().and_then(|retry| retry.count.as_ref()) {
        notes.push(format!("retry {}×", value(count)));
    }
    Shape {
        title: shortened(&task.name),
        action: task.action.as_deref().map(shortened),
        notes,
        kind,
        state,
    }
}

/// What a condition waits for, and the words for it; the two usual ones are told by colour alone.
fn condition(when: Option<&str>) -> (Mood, String) {
    let Some(when) = when else {
        return (Mood::Always, String::new());
    };
    let bare = when.trim().trim_matches(['<', '%', '>', '{', '}']).trim();
    match bare {
        "succeeded()" => (Mood::Success, "succeeded".to_owned()),
        "failed()" => (Mood::Failure, "failed".to_owned()),
        "completed()" => (Mood::Always, "completed".to_owned()),
        _ if bare.starts_with("succeeded() and ") => {
            (Mood::Success, shortened(&bare["succeeded() and ".len()..]))
        }
        _ if bare.starts_with("failed() and ") => (Mood::Failure, shortened(&bare["failed() and ".len()..])),
        _ => (Mood::Condition, shortened(bare)),
    }
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST - 1) {
        Some((end, _)) if line.chars().count() > LONGEST => format!("{}…", &line[..end]),
        _ => line,
    }
}
