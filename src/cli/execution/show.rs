//! The lines that show a workflow's tree, and what can be done next. Pure.

use jiff::Timestamp;

use crate::chat::card::display_width;
use crate::workflow::progress::{Flow, Task, is_failed, is_over};

/// Of more tasks at one level the succeeded ones in a row are folded.
const MANY: usize = 60;
/// How many of a folded row are shown at either end.
const ENDS: usize = 2;
/// Narrower terminals do not show actions.
const WITH_ACTION: usize = 72;
/// Narrower terminals do not show ids.
const WITH_ID: usize = 110;
/// Widest column of actions.
const ACTION: usize = 36;

/// How lines are written.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Look {
    /// Columns of the terminal; `None`: as wide as needed.
    pub(in crate::cli) width: Option<usize>,
    pub(in crate::cli) colour: bool,
    pub(in crate::cli) now: Timestamp,
}

/// A task, or a remark below one.
enum Row {
    Task {
        lead: String,
        name: String,
        status: String,
        action: String,
        about: String,
        id: String,
    },
    Remark {
        lead: String,
        text: String,
        bad: bool,
    },
}

/// The sign of a status.
pub(in crate::cli) fn mark(status: &str) -> &'static str {
    match status {
        "succeeded" => "✓",
        "failed" | "timeout" | "abandoned" => "✗",
        "running" | "resuming" => "▶",
        "pending" => "?",
        "paused" | "pausing" => "‖",
        "canceled" | "canceling" => "–",
        _ => "·",
    }
}

/// A status in its colour.
pub(in crate::cli) fn painted(text: &str, status: &str, colour: bool) -> String {
    let code = match status {
        "succeeded" => 32,
        "failed" | "timeout" | "abandoned" => 31,
        "running" | "resuming" | "pending" | "paused" | "pausing" => 33,
        "canceled" | "canceling" => 35,
        _ => 0,
    };
    if colour && code != 0 {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Seconds for people: `0.8s`, `42s`, `3m 07s`, `2h 05m`, `3d 04h`.
pub(in crate::cli) fn span(seconds: f64) -> String {
    // Ages of executions are far below 2^63 seconds, and never negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..=9 => format!("{:.1}s", (seconds.max(0.0) * 10.0).floor() / 10.0),
        10..=59 => format!("{whole}s"),
        60..=3599 => format!("{}m {:02}s", whole / 60, whole % 60),
        3600..=86_399 => format!("{}h {:02}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d {:02}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// The text in at most `width` columns; what is left out in the middle is `…`.
pub(in crate::cli) fn fitted(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let take = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let mut taken = Vec::new();
        for c in chars {
            used += display_width(c.encode_utf8(&mut [0; 4]));
            if used > room {
                break;
            }
            taken.push(c);
        }
        taken
    };
    // Names differ most at their ends.
    let tail_room = room / 2;
    let head: String = take(&mut text.chars(), room - tail_room).into_iter().collect();
    let tail: String = take(&mut text.chars().rev(), tail_room)
        .into_iter()
        .rev()
        .collect();
    if width == 0 {
        String::new()
    } else {
        format!("{head}…{tail}")
    }
}

/// The lines of a tree.
pub(in crate::cli) fn lines(flow: &Flow, look: Look) -> Vec<String> {
    let mut rows = Vec::new();
    below(flow, "", look, &mut rows);
    let width = look.width.unwrap_or(usize::MAX);
    let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let status = widest(&|row| match row {
        Row::Task { status, about, .. } => display_width(status) + 1 + display_width(about),
        Row::Remark { .. } => 0,
    });
    let id = if width >= WITH_ID { 26 } else { 0 };
    let action = if width >= WITH_ACTION {
        widest(&|row| match row {
            Row::Task { action, .. } => display_width(action) + 2,
            Row::Remark { .. } => 0,
        })
        .min(ACTION + 2)
    } else {
        0
    };
    let left = width.saturating_sub(status + action + id + 2).max(12);
    let name = widest(&|row| match row {
        Row::Task { lead, name, .. } => display_width(lead) + 2 + display_width(name),
        Row::Remark { .. } => 0,
    })
    .min(left);
    rows.iter()
        .map(|row| match row {
            Row::Task {
                lead,
                name: title,
                status: word,
                action: reference,
                about,
                id: own,
            } => {
                let room = name.saturating_sub(display_width(lead) + 2).max(4);
                let title = fitted(title, room);
                let used = display_width(lead) + 2 + display_width(&title);
                let mut line = format!(
                    "{lead}{} {title}{}",
                    painted(mark(word), word, look.colour),
                    blanks(name.saturating_sub(used) + 2)
                );
                if action > 0 {
                    let reference = fitted(reference, ACTION);
                    let pad = action.saturating_sub(display_width(&reference));
                    line += &format!("{reference}{}", blanks(pad));
                }
                line += &painted(word, word, look.colour);
                if !about.is_empty() {
                    line += &format!(" {about}");
                }
                if id > 0 {
                    let pad = status.saturating_sub(display_width(word) + 1 + display_width(about));
                    let gap = if about.is_empty() { 1 } else { 0 };
                    line += &format!("{}  {own}", blanks(pad + gap));
                }
                cut(line.trim_end(), look)
            }
            Row::Remark { lead, text, bad } => {
                let room = width.saturating_sub(display_width(lead)).max(12);
                let text = fitted_end(text, room);
                let text = painted(&text, if *bad { "failed" } else { "" }, look.colour);
                format!("{lead}{text}")
            }
        })
        .collect()
}

fn blanks(count: usize) -> String {
    " ".repeat(count)
}

/// The start of a text in at most `width` columns.
fn fitted_end(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += display_width(c.encode_utf8(&mut [0; 4]));
        if used > width {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// A line that still does not fit, in the narrowest terminals, without colour and cut.
fn cut(line: &str, look: Look) -> String {
    match look.width {
        Some(width) if !look.colour => fitted_end(line, width),
        _ => line.to_owned(),
    }
}

fn below(flow: &Flow, lead: &str, look: Look, rows: &mut Vec<Row>) {
    for reason in &flow.reasons {
        rows.push(Row::Remark {
            lead: format!("{lead}  "),
            text: reason.clone(),
            bad: true,
        });
    }
    let folded = folded(&flow.tasks);
    let last = folded.len().saturating_sub(1);
    for (place, piece) in folded.iter().enumerate() {
        let (branch, under) = if place == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        match piece {
            Piece::Folded(count) => rows.push(Row::Remark {
                lead: format!("{lead}{branch}"),
                text: format!("⋯ {count} more succeeded"),
                bad: false,
            }),
            Piece::Task(task) => {
                rows.push(row(task, &format!("{lead}{branch}"), look));
                let under = format!("{lead}{under}");
                if let Some(reason) = &task.reason {
                    rows.push(Row::Remark {
                        lead: format!("{under}  "),
                        text: reason.clone(),
                        bad: true,
                    });
                }
                for inner in &task.inner {
                    below(inner, &under, look, rows);
                }
            }
        }
    }
}

fn row(task: &Task, lead: &str, look: Look) -> Row {
    let mut about = Vec::new();
    if let Some(items) = task.items {
        about.push(match items.failed {
            0 => format!("{}/{}", items.ended, items.all),
            failed => format!("{}/{}, {failed} failed", items.ended, items.all),
        });
    }
    if task.tries > 1 {
        about.push(format!("{} tries", task.tries));
    }
    if let Some(seconds) = task.run.seconds(look.now) {
        about.push(span(seconds));
    }
    Row::Task {
        lead: lead.to_owned(),
        name: task.name.clone(),
        status: task.run.status.clone(),
        action: task.run.action.clone(),
        about: about.join("  "),
        id: task.run.id.clone(),
    }
}

enum Piece<'a> {
    Task(&'a Task),
    Folded(usize),
}

/// All tasks; of very many, long rows of succeeded ones without their middle.
fn folded(tasks: &[Task]) -> Vec<Piece<'_>> {
    if tasks.len() <= MANY {
        return tasks.iter().map(Piece::Task).collect();
    }
    let plain = |task: &Task| task.run.status == "succeeded";
    let mut pieces = Vec::new();
    for group in tasks.chunk_by(|a, b| plain(a) && plain(b)) {
        if group.len() > 2 * ENDS + 1 {
            pieces.extend(group[..ENDS].iter().map(Piece::Task));
            pieces.push(Piece::Folded(group.len() - 2 * ENDS));
            pieces.extend(group[group.len() - ENDS..].iter().map(Piece::Task));
        } else {
            pieces.extend(group.iter().map(Piece::Task));
        }
    }
    pieces
}

/// What can be done about a workflow now: a command, and what it does.
pub(in crate::cli) fn next_steps(flow: &Flow) -> Vec<(String, String)> {
    let id = &flow.run.id;
    let mut steps = Vec::new();
    let mut waiting = Vec::new();
    let mut failed = Vec::new();
    leaves(flow, &mut waiting, &mut failed);
    for task in waiting.iter().take(3) {
        let (command, what) = if task.run.action == "core.approve" {
            ("approval get", "shows what is to be approved in")
        } else {
            ("inquiry respond", "answers")
        };
        steps.push((
            format!("sayso {command} {}", task.run.id),
            format!("{what} `{}`", task.name),
        ));
    }
    if folded(&flow.tasks)
        .iter()
        .any(|piece| matches!(piece, Piece::Folded(_)))
    {
        steps.push((
            format!("sayso execution children {id} --depth 1"),
            "lists all its tasks".to_owned(),
        ));
    }
    match flow.run.status.as_str() {
        // The answer lets it go on.
        "paused" if !waiting.is_empty() => {}
        "paused" => steps.push((format!("sayso execution resume {id}"), "lets it go on".to_owned())),
        status if is_failed(status) || status == "canceled" => {
            for task in failed.iter().filter(|task| !task.run.id.is_empty()).take(3) {
                steps.push((
                    format!("sayso execution output {}", task.run.id),
                    format!("shows the log of `{}`", task.name),
                ));
            }
            let mut names: Vec<&str> = Vec::new();
            for task in flow.tasks.iter().filter(|task| is_failed(&task.run.status)) {
                if !names.contains(&task.name.as_str()) {
                    names.push(&task.name);
                }
            }
            if names.is_empty() {
                steps.push((
                    format!("sayso execution re-run {id}"),
                    "runs it again from the start".to_owned(),
                ));
            } else {
                let what = match names.as_slice() {
                    [one] => format!("goes on from `{one}`"),
                    _ => "goes on from what failed".to_owned(),
                };
                steps.push((
                    format!("sayso execution re-run {id} --tasks {}", names.join(",")),
                    what,
                ));
            }
        }
        status if !is_over(status) => {
            steps.push((format!("sayso execution tail {id}"), "follows it".to_owned()))
        }
        _ => {}
    }
    steps
}

/// Tasks without tasks of their own that wait for people, or failed.
fn leaves<'a>(flow: &'a Flow, waiting: &mut Vec<&'a Task>, failed: &mut Vec<&'a Task>) {
    for task in &flow.tasks {
        if task.inner.is_empty() {
            if task.run.status == "pending" {
                waiting.push(task);
            } else if is_failed(&task.run.status) {
                failed.push(task);
            }
        }
        for inner in &task.inner {
            leaves(inner, waiting, failed);
        }
    }
}
