//! A workflow's tasks on a card: few lines, and never without those that matter.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::chat::gateway::{Step, StepState};
use crate::workflow::progress::{Flow, Task, is_failed, is_over};

/// Tasks on one card.
const MOST: usize = 14;
/// Tasks of one workflow that are told of one by one.
const STEPS: usize = 50;
/// Levels of workflows inside workflows.
const LEVELS: usize = 2;

/// One task.
struct Row<'a> {
    task: &'a Task,
    level: usize,
}

/// The tasks for templates: `rows`, each with `level`, `status`, `name`, `about` and `reason`, and how many `more` there
/// are, all of which succeeded unless there are very many. `reasons` is what went wrong besides.
pub(super) fn tasks_view(flow: &Flow, cut: bool, now: Timestamp) -> Value {
    let mut all = Vec::new();
    collect(flow, 0, &mut all);
    let mut shown: Vec<bool> = all.iter().map(|row| matters(row.task)).collect();
    // What matters comes first, the newest of it when that is too much; then what ended last.
    let mut room = MOST;
    for keep in [true, false] {
        for index in (0..all.len()).rev() {
            if matters(all[index].task) != keep {
                continue;
            }
            shown[index] = room > 0;
            room = room.saturating_sub(1);
        }
    }
    let more = shown.iter().filter(|shown| !**shown).count();
    let rows: Vec<Value> = all
        .iter()
        .zip(&shown)
        .filter(|(_, shown)| **shown)
        .map(|(row, _)| view(row, now))
        .collect();
    json!({
        "rows": rows,
        "more": more,
        "cut": cut,
        "reasons": flow.reasons,
    })
}

/// What somebody who looks at the card wants to know of.
fn matters(task: &Task) -> bool {
    is_failed(&task.run.status) || !is_over(&task.run.status)
}

fn collect<'a>(flow: &'a Flow, level: usize, rows: &mut Vec<Row<'a>>) {
    for task in &flow.tasks {
        rows.push(Row { task, level });
        if level + 1 < LEVELS {
            // What went well inside is not told.
            let inner = task.inner.iter().filter(|_| matters(task));
            for flow in inner {
                collect(flow, level + 1, rows);
            }
        }
    }
}

/// The tasks of a workflow in the order in which they began, without those inside them: the first fifty, which stay the
/// same ones for as long as it runs.
pub(super) fn steps(flow: &Flow) -> Vec<Step> {
    let step = |(number, task): (usize, &Task)| {
        let mut title = task.name.clone();
        let mut about = about(task);
        // How long it has taken so far would be news every time; how long it took is not.
        if is_over(&task.run.status) {
            about.extend(duration(task, Timestamp::UNIX_EPOCH));
        }
        if !about.is_empty() {
            title.push_str(&format!(" · {}", about.join(", ")));
        }
        if let Some(reason) = &task.reason {
            title.push_str(&format!(": {reason}"));
        }
        let state = match task.run.status.as_str() {
            "succeeded" => StepState::Done,
            "running" => StepState::Running,
            status if is_over(status) => StepState::Failed,
            _ => StepState::Waiting,
        };
        Step {
            id: format!("t{number}"),
            title,
            state,
        }
    };
    flow.tasks.iter().enumerate().take(STEPS).map(step).collect()
}

fn duration(task: &Task, now: Timestamp) -> Option<String> {
    let seconds = task.run.seconds(now).filter(|seconds| *seconds >= 1.0);
    seconds.map(crate::chat::templates::duration)
}

/// What is to be said beside the name, without times.
fn about(task: &Task) -> Vec<String> {
    let mut about = Vec::new();
    if !matches!(task.run.status.as_str(), "succeeded" | "running") {
        about.push(task.run.status.clone());
    }
    if let Some(items) = task.items {
        let failed = match items.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        about.push(format!("{} of {} items{failed}", items.ended, items.all));
    }
    if task.tries > 1 {
        about.push(format!("try {}", task.tries));
    }
    about
}

fn view(row: &Row<'_>, now: Timestamp) -> Value {
    let task = row.task;
    let mut about = about(task);
    about.extend(duration(task, now));
    json!({
        "level": row.level,
        "status": task.run.status,
        "name": task.name,
        "about": about.join(", "),
        "reason": task.reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::progress::Run;

    fn task(name: &str, status: &str) -> Task {
        Task {
            name: name.to_owned(),
            run: Run {
                status: status.to_owned(),
                ..Run::default()
            },
            tries: 1,
            items: None,
            reason: None,
            inner: Vec::new(),
        }
    }

    fn names(view: &Value) -> Vec<&str> {
        let rows = view["rows"].as_array().unwrap();
        rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn of_many_tasks_those_that_matter_and_the_latest_are_shown_in_order() {
        let mut tasks: Vec<Task> = (0..40).map(|n| task(&format!("t{n}"), "succeeded")).collect();
        tasks[3] = task("broken", "failed");
        tasks[39] = task("now", "running");
        let flow = Flow {
            run: Run::default(),
            tasks,
            reasons: Vec::new(),
        };
        let view = tasks_view(&flow, false, Timestamp::UNIX_EPOCH);
        let names = names(&view);
        assert_eq!(names.len(), MOST);
        assert_eq!((names[0], names[13], names[12]), ("broken", "now", "t38"));
        assert_eq!(view["more"], 26);
    }

    #[test]
    fn steps_keep_their_ids_and_tell_times_only_at_the_end() {
        let at = |seconds| Some(Timestamp::from_second(seconds).unwrap());
        let mut broken = task("deploy", "failed");
        broken.reason = Some("no route".to_owned());
        (broken.run.started, broken.run.ended) = (at(10), at(15));
        let mut busy = task("check", "running");
        busy.run.started = at(10);
        busy.items = Some(crate::workflow::progress::Items {
            ended: 1,
            failed: 0,
            all: 3,
        });
        let flow = Flow {
            run: Run::default(),
            tasks: vec![broken, busy, task("wait", "pending"), task("done", "succeeded")],
            reasons: Vec::new(),
        };
        let steps = steps(&flow);
        let told: Vec<_> = steps
            .iter()
            .map(|step| (&*step.id, &*step.title, step.state))
            .collect();
        assert_eq!(
            told,
            [
                ("t0", "deploy · failed, 5.0 s: no route", StepState::Failed),
                ("t1", "check · 1 of 3 items", StepState::Running),
                ("t2", "wait · pending", StepState::Waiting),
                ("t3", "done", StepState::Done),
            ]
        );
    }

    #[test]
    fn tasks_inside_are_shown_while_they_matter() {
        let inner = |status: &str| Flow {
            run: Run::default(),
            tasks: vec![task("inside", status)],
            reasons: Vec::new(),
        };
        let mut good = task("good", "succeeded");
        good.inner = vec![inner("succeeded")];
        let mut busy = task("busy", "running");
        busy.inner = vec![inner("pending")];
        let flow = Flow {
            run: Run::default(),
            tasks: vec![good, busy],
            reasons: Vec::new(),
        };
        let view = tasks_view(&flow, false, Timestamp::UNIX_EPOCH);
        assert_eq!(names(&view), ["good", "busy", "inside"]);
        assert_eq!(view["rows"][2]["about"], "pending");
        assert_eq!(view["rows"][2]["level"], 1);
    }
}
