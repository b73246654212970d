//! A workflow's tasks on a card: few lines, and never without those that matter.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::workflow::progress::{Flow, Task, is_failed, is_over};

/// Tasks on one card.
const MOST: usize = 14;
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

fn view(row: &Row<'_>, now: Timestamp) -> Value {
    let task = row.task;
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
    if let Some(seconds) = task.run.seconds(now).filter(|seconds| *seconds >= 1.0) {
        about.push(crate::chat::templates::duration(seconds));
    }
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
