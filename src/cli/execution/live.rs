//! `execution tail` of a workflow: a line when a task starts, waits or ends, and what its actions write.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::Value;

use super::fetch::descendants;
use super::show::{mark, next_steps, painted, span};
use crate::cli::connect::Connection;
use crate::cli::table::visible;
use crate::cli::{CliError, Context, query, segment};
use crate::workflow::progress::{Flow, Run, is_failed, is_flow, is_over, reason, task_name};

const EVENTS: &str = "st2.execution__create,st2.execution__update,st2.execution.output__create";
const OUTPUT: &str = "st2.execution.output__create";
const LAGGED: &str = "sayso.stream__lagged";
/// Exit status after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;
/// Longest line of output that waits for its end.
const LONGEST: usize = 16 * 1024;

/// What is known of the executions below a workflow while it runs. Pure: executions and output in, lines out.
pub(super) struct Follower {
    /// When the workflow started: lines tell the time since then.
    start: Option<Timestamp>,
    seen: HashMap<String, Seen>,
    /// How many items of a task have ended and failed.
    items: HashMap<String, (usize, usize)>,
    colour: bool,
}

struct Seen {
    depth: usize,
    name: String,
    status: String,
    /// The part of a line that came without its end.
    rest: String,
}

impl Follower {
    pub(super) fn new(root: &Value, colour: bool) -> Self {
        let run = Run::of(root);
        let seen = Seen {
            depth: 0,
            name: String::new(),
            status: run.status,
            rest: String::new(),
        };
        Self {
            start: run.started,
            seen: HashMap::from([(run.id, seen)]),
            items: HashMap::new(),
            colour,
        }
    }

    /// The lines that tell what is new about an execution; none when it is not below the workflow.
    pub(super) fn execution(&mut self, execution: &Value) -> Vec<String> {
        let run = Run::of(execution);
        let Some(known) = self.seen.get_mut(&run.id) else {
            let parent = execution["parent"].as_str().and_then(|id| self.seen.get(id));
            let Some(depth) = parent.map(|parent| parent.depth + 1) else {
                return Vec::new();
            };
            let name = visible(task_name(execution));
            let seen = Seen {
                depth,
                name: name.clone(),
                status: String::new(),
                rest: String::new(),
            };
            self.seen.insert(run.id.clone(), seen);
            let mut lines = Vec::new();
            if self.is_first_item(execution) {
                let what = if is_flow(execution) { "  (workflow)" } else { "" };
                let text = format!("{name}  {}{what}  {}", run.action, run.id);
                lines.push(self.line(run.started, depth, "running", &text));
            }
            lines.append(&mut self.execution(execution));
            return lines;
        };
        // Events of different steps may overtake each other: what is over stays over.
        if known.depth == 0 || known.status == run.status || is_over(&known.status) {
            return Vec::new();
        }
        known.status.clone_from(&run.status);
        let (depth, name) = (known.depth, known.name.clone());
        let mut lines = Vec::new();
        let rest = std::mem::take(&mut known.rest);
        if !rest.is_empty() && is_over(&run.status) {
            lines.push(output_line(depth, &name, &rest));
        }
        let at = run.ended.or(run.started);
        let item = execution["context"]["orquesta"]["item_id"].as_u64();
        match run.status.as_str() {
            status if is_over(status) => {
                let mut title = name;
                let mut tell = true;
                if let Some(item) = item {
                    let count = self.items.entry(items_key(execution)).or_default();
                    count.0 += 1;
                    count.1 += usize::from(is_failed(status));
                    tell = is_failed(status) || is_round(count.0);
                    title = if is_failed(status) {
                        format!("{title} item {item}")
                    } else {
                        format!("{title}  {} items ended", count.0)
                    };
                }
                if tell {
                    let took = run
                        .seconds(Timestamp::MIN)
                        .map(|seconds| format!("  {}", span(seconds)));
                    let text = format!(
                        "{title}  {}{}",
                        painted(status, status, self.colour),
                        took.unwrap_or_default()
                    );
                    lines.push(self.line(at, depth, status, &text));
                    if is_failed(status)
                        && let Some(why) = reason(execution)
                    {
                        lines.push(format!(
                            "{}  {}",
                            indent(depth),
                            painted(&why, status, self.colour)
                        ));
                    }
                }
            }
            "pending" => {
                let command = if run.action == "core.approve" {
                    "approval get"
                } else {
                    "inquiry respond"
                };
                let text = format!("{name}  waits for people: sayso {command} {}", run.id);
                lines.push(self.line(at, depth, "pending", &text));
            }
            status @ ("paused" | "pausing" | "canceling" | "delayed") => {
                lines.push(self.line(None, depth, status, &format!("{name}  {status}")));
            }
            _ => {}
        }
        lines
    }

    /// The whole lines that came to an end with this piece of output.
    pub(super) fn output(&mut self, id: &str, data: &str) -> Vec<String> {
        let Some(known) = self.seen.get_mut(id).filter(|known| known.depth > 0) else {
            return Vec::new();
        };
        known.rest.push_str(data);
        let mut lines = Vec::new();
        while let Some(end) = known.rest.find('\n') {
            let line: String = known.rest.drain(..=end).collect();
            lines.push(output_line(known.depth, &known.name, line.trim_end()));
        }
        if known.rest.len() > LONGEST {
            lines.push(output_line(
                known.depth,
                &known.name,
                &std::mem::take(&mut known.rest),
            ));
        }
        lines
    }

    /// Whether an execution is no item, or the first one of its task.
    fn is_first_item(&mut self, execution: &Value) -> bool {
        if execution["context"]["orquesta"]["item_id"].is_null() {
            return true;
        }
        let key = items_key(execution);
        let first = !self.items.contains_key(&key);
        self.items.entry(key).or_default();
        first
    }

    fn line(&self, at: Option<Timestamp>, depth: usize, status: &str, text: &str) -> String {
        let since = match (self.start, at) {
            (Some(start), Some(at)) => format!("+{}", span(at.duration_since(start).as_secs_f64())),
            _ => String::new(),
        };
        let sign = painted(mark(status), status, self.colour);
        format!("{since:>8}{} {sign} {text}", "  ".repeat(depth.saturating_sub(1)))
    }
}

fn indent(depth: usize) -> String {
    " ".repeat(9 + 2 * depth.saturating_sub(1))
}

fn output_line(depth: usize, name: &str, text: &str) -> String {
    format!("{}  {name} │ {}", indent(depth), visible(text))
}

fn items_key(execution: &Value) -> String {
    let id = execution["context"]["orquesta"]["task_execution_id"].as_str();
    id.unwrap_or_default().to_owned()
}

/// 10, 20, 50, 100, 200, 500 …: often enough to see that it goes on, seldom enough to read.
const fn is_round(mut count: usize) -> bool {
    while count >= 100 && count.is_multiple_of(10) {
        count /= 10;
    }
    matches!(count, 10 | 20 | 50)
}

/// Follows a workflow until it ends.
pub(super) async fn follow(
    context: &mut Context<'_>,
    connection: &Connection,
    id: &str,
) -> Result<(), CliError> {
    let parts = [
        ("events", EVENTS.to_owned()),
        ("end_event", "st2.execution__update".to_owned()),
        ("end_execution_id", id.to_owned()),
    ];
    // Listening begins before looking, so that nothing falls between.
    let mut events = connection
        .client
        .events(&format!("/api/v1/stream?{}", query(&parts)))
        .await?;
    let root = connection
        .client
        .get(&format!("/api/v1/executions/{}", segment(id)))
        .await?;
    let mut follower = Follower::new(&root, context.out.colour);
    let (mut known, _) = descendants(connection, &root).await?;
    known.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    for one in &known {
        tell(context, &follower.execution(one))?;
    }
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = tokio::signal::ctrl_c() => {
                return Err(CliError::new("").status(INTERRUPTED));
            }
        };
        let Some(event) = event.transpose()? else { break };
        match event.event.as_str() {
            "EOF" => break,
            OUTPUT => {
                let chunk: Value = event.json()?;
                if let (Some(id), Some(data)) = (chunk["execution_id"].as_str(), chunk["data"].as_str()) {
                    tell(context, &follower.output(id, data))?;
                }
            }
            LAGGED => context
                .out
                .note("some events were lost: more happened than could be shown"),
            _ => tell(context, &follower.execution(&event.json()?))?,
        }
    }
    let root = connection
        .client
        .get(&format!("/api/v1/executions/{}", segment(id)))
        .await?;
    let (all, _) = descendants(connection, &root).await?;
    // What ended while events were lost.
    for one in &all {
        tell(context, &follower.execution(one))?;
    }
    let flow = Flow::of(&root, &all);
    for reason in &flow.reasons {
        context.out.line(&format!("{}{reason}", indent(1)))?;
    }
    if is_failed(&flow.run.status) {
        for (command, what) in next_steps(&flow) {
            context.out.note(&format!("{command}  {what}"));
        }
    }
    Ok(())
}

fn tell(context: &mut Context<'_>, lines: &[String]) -> Result<(), CliError> {
    lines.iter().try_for_each(|line| context.out.line(line))
}
