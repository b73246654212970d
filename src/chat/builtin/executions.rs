//! `ps`, `history`, `show` and `log`: what is going on, what was, and what came out.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{Answer, Call, Refusal, find};
use crate::chat::say::{execution_view, readable, sections};
use crate::model::{Execution, Id, Status, Timestamp};
use crate::store::{ExecutionFilter, Page};

/// Chunks of output read at once.
const CHUNKS: u32 = 500;
/// Characters of one line of output that are shown.
const LINE: usize = 2000;
/// Lines of a result in `show`.
const SHOW_LINES: usize = 40;

fn line(execution: &Execution, now: Timestamp) -> Value {
    json!({
        "id": execution.id,
        "status": execution.status,
        "age": now.seconds_since(execution.start),
        "start": execution.start,
        "elapsed": execution.elapsed_seconds(),
        "user": execution.request.user,
        "action": execution.request.action,
        "text": execution.request.origin.text,
    })
}

/// Filters that both lists have.
fn filter(call: &Call<'_>) -> Result<ExecutionFilter, Refusal> {
    let list = |name: &str| {
        call.text(name)
            .map(|text| vec![text.to_owned()])
            .unwrap_or_default()
    };
    let mut filter = ExecutionFilter {
        user: list("user"),
        action: list("action"),
        top_level: true,
        without_builtin: true,
        ..ExecutionFilter::default()
    };
    if let Some(status) = call.text("status") {
        filter.status.push(status.parse().map_err(Refusal::new)?);
    }
    Ok(filter)
}

pub(super) async fn ps(call: &Call<'_>) -> Answer {
    let mut filter = filter(call)?;
    if filter.status.is_empty() {
        filter.status = Status::ALL
            .into_iter()
            .filter(|status| !status.is_completed())
            .collect();
    }
    let limit = call.number("limit").unwrap_or(20).clamp(1, 200);
    let page = Page {
        limit: u32::try_from(limit).ok(),
        count: true,
        ..Page::default()
    };
    let found = call.desk.engine.store().executions(filter, page).await?;
    let now = Timestamp::now();
    let row = |execution: &Execution| {
        let mut row = line(execution, now);
        // Why it waits is what people look for here.
        let waits = call.desk.engine.waits(execution).map(|waits| waits.told());
        let said = [waits.as_deref(), execution.request.origin.text.as_deref()];
        row["said"] = said.into_iter().flatten().collect::<Vec<_>>().join(": ").into();
        row
    };
    let rows: Vec<Value> = found.items.iter().map(row).collect();
    let stats = call.desk.engine.stats();
    let running = found
        .items
        .iter()
        .filter(|it| it.status == Status::Running)
        .count();
    let total = usize::try_from(found.total.unwrap_or(0)).unwrap_or(usize::MAX);
    Ok(json!({
        "running": running,
        "waiting": stats.waiting + stats.delayed + stats.held_back,
        "omitted": total.saturating_sub(rows.len()),
        "executions": rows,
    }))
}

pub(super) async fn history(call: &Call<'_>) -> Answer {
    let mut filter = filter(call)?;
    let limit = call.number("limit").unwrap_or(20).clamp(1, 200);
    let mut words: Vec<String> = call
        .text("words")
        .unwrap_or_default()
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let before = words.len();
    words.retain(|word| word != "mine" && word != "me");
    if words.len() != before {
        filter.user = vec![call.identity.user.clone()];
    }
    let everywhere = words.iter().any(|word| word == "all" || word == "everywhere");
    words.retain(|word| !matches!(word.as_str(), "all" | "everywhere" | "here"));
    let filtered = !words.is_empty()
        || !filter.user.is_empty()
        || !filter.action.is_empty()
        || !filter.status.is_empty();
    if filter.status.is_empty() {
        filter.status = Status::ALL
            .into_iter()
            .filter(|status| status.is_completed())
            .collect();
    }
    if let Some(place) = call
        .place
        .as_ref()
        .filter(|_| !everywhere && filter.user.is_empty())
    {
        filter.place = Some((place.gateway.clone(), place.conversation.clone()));
    } else if !everywhere && filter.user.is_empty() {
        filter.user = vec![call.identity.user.clone()];
    }
    // Words are looked for in what was read, newest first; a bounded number of executions is looked through.
    let read = if words.is_empty() { limit } else { 5000 };
    let page = Page {
        limit: u32::try_from(read).ok(),
        ..Page::default()
    };
    let found = call.desk.engine.store().executions(filter, page).await?;
    let now = Timestamp::now();
    let fits = |execution: &&Execution| {
        let request = &execution.request;
        let text = format!(
            "{} {} {}",
            request.action,
            request.user,
            request.origin.text.as_deref().unwrap_or_default()
        );
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    let rows: Vec<Value> = found
        .items
        .iter()
        .filter(fits)
        .take(limit)
        .map(|execution| line(execution, now))
        .collect();
    Ok(json!({"executions": rows, "filtered": filtered}))
}

pub(super) async fn show(call: &Call<'_>) -> Answer {
    let execution = find::execution(call, call.text("id").unwrap_or("last")).await?;
    let shown = call.desk.engine.shown(&execution, false);
    let parameters: Vec<Value> = shown
        .parameters
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| json!({"name": name, "value": readable(value)}))
        .collect();
    let children = ExecutionFilter {
        parent: Some(execution.id),
        ..ExecutionFilter::default()
    };
    let page = Page {
        limit: Some(30),
        order: crate::store::SortOrder::Ascending,
        ..Page::default()
    };
    let children = call.desk.engine.store().executions(children, page).await?.items;
    let children: Vec<Value> = children
        .iter()
        .map(|child| line(child, Timestamp::now()))
        .collect();
    Ok(json!({
        "execution": execution_view(&execution),
        "parameters": parameters,
        "sections": sections(&shown.result.unwrap_or(Value::Null), SHOW_LINES),
        "children": children,
        "running": !execution.status.is_completed(),
    }))
}

/// Which lines of an output are wanted.
enum Wanted {
    /// So many from this one on, counted from 0.
    From(usize),
    /// The last ones.
    Last,
    /// Those that contain a text, from the first on.
    With(String),
}

/// Lines picked out of an output while it is read once.
struct Picker {
    wanted: Wanted,
    limit: usize,
    picked: VecDeque<(usize, String)>,
    /// Lines that fit the wish.
    fitting: usize,
    lines: usize,
    rest: String,
}

impl Picker {
    fn new(wanted: Wanted, limit: usize) -> Self {
        Self {
            wanted,
            limit,
            picked: VecDeque::new(),
            fitting: 0,
            lines: 0,
            rest: String::new(),
        }
    }

    fn text(&mut self, text: &str) {
        let mut text = text;
        while let Some((line, after)) = text.split_once('\n') {
            if self.rest.is_empty() {
                self.line(line);
            } else {
                self.rest.push_str(line);
                let line = std::mem::take(&mut self.rest);
                self.line(&line);
            }
            text = after;
        }
        // A line without an end in sight is not collected for ever.
        if self.rest.len() < LINE * 4 {
            self.rest.push_str(text);
        }
    }

    fn line(&mut self, line: &str) {
        let number = self.lines;
        self.lines += 1;
        let fits = match &self.wanted {
            Wanted::From(first) => number >= *first,
            Wanted::Last => true,
            Wanted::With(text) => line.to_lowercase().contains(text.as_str()),
        };
        if !fits {
            return;
        }
        self.fitting += 1;
        if matches!(self.wanted, Wanted::Last) && self.picked.len() == self.limit {
            self.picked.pop_front();
        }
        if self.picked.len() < self.limit {
            self.picked
                .push_back((number, line.trim_end_matches('\r').chars().take(LINE).collect()));
        }
    }

    fn finish(mut self) -> Self {
        if !self.rest.is_empty() {
            let line = std::mem::take(&mut self.rest);
            self.line(&line);
        }
        self
    }
}

pub(super) async fn log(call: &Call<'_>) -> Answer {
    let execution = find::execution(call, call.text("id").unwrap_or("last")).await?;
    let id = execution.id;
    let limit = call.number("lines").unwrap_or(40).clamp(1, 2000);
    let subject = format!("log {id}");
    let grep = call.text("grep").map(str::to_lowercase);
    let wanted = match (&grep, call.text("part"), call.number("page")) {
        (Some(text), _, _) => Wanted::With(text.clone()),
        (None, _, Some(page)) => Wanted::From(page.saturating_sub(1).saturating_mul(limit)),
        (None, Some("tail"), None) => Wanted::Last,
        (None, Some("more"), None) => Wanted::From(call.position(&subject)),
        _ => Wanted::From(0),
    };
    let mut picker = Picker::new(wanted, limit);
    let mut next = 0;
    loop {
        let chunks = call.desk.engine.store().output(id, next, CHUNKS, None).await?;
        let Some(last) = chunks.last() else { break };
        next = last.number + 1;
        chunks.iter().for_each(|chunk| picker.text(&chunk.text));
    }
    if next == 0 {
        // Nothing was streamed: the result is all there is.
        let result = call
            .desk
            .engine
            .shown(&execution, false)
            .result
            .unwrap_or(Value::Null);
        picker.text(&result_text(&result));
    }
    Ok(view(
        call,
        &execution,
        id,
        &subject,
        grep.as_deref(),
        &picker.finish(),
    ))
}

/// The output inside a result.
fn result_text(result: &Value) -> String {
    let Some(map) = result
        .as_object()
        .filter(|map| map.contains_key("stdout") || map.contains_key("stderr"))
    else {
        return readable(result);
    };
    let part = |name: &str| map.get(name).map(readable).unwrap_or_default();
    [part("stdout"), part("stderr"), part("error")]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn view(
    call: &Call<'_>,
    execution: &Execution,
    id: Id,
    subject: &str,
    grep: Option<&str>,
    picker: &Picker,
) -> Value {
    let first = picker.picked.front().map_or(0, |(number, _)| number + 1);
    let last = picker.picked.back().map_or(0, |(number, _)| number + 1);
    let text = picker
        .picked
        .iter()
        .map(|(_, line)| line.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    let (shown, more) = match picker.wanted {
        Wanted::With(_) => (
            format!(
                "{} of {} lines with that text",
                picker.picked.len(),
                picker.fitting
            ),
            None,
        ),
        _ => {
            // Past the end the place stays, for what is written later.
            if last > 0 {
                call.set_position(subject, last);
            }
            let more = (last < picker.lines && last > 0).then(|| format!("log {id} more"));
            (format!("lines {first} to {last} of {}", picker.lines), more)
        }
    };
    json!({
        "id": id,
        "text": text,
        "shown": shown,
        "lines": picker.lines,
        "past": grep.is_none() && text.is_empty() && picker.lines > 0,
        "more": more,
        "grep": grep,
        "running": !execution.status.is_completed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(wanted: Wanted, limit: usize) -> (Vec<usize>, usize) {
        let mut picker = Picker::new(wanted, limit);
        for text in ["one\ntw", "o\nthree\n", "four error\nfive"] {
            picker.text(text);
        }
        let picker = picker.finish();
        (
            picker.picked.iter().map(|(number, _)| number + 1).collect(),
            picker.lines,
        )
    }

    #[test]
    fn lines_are_picked_across_chunks() {
        assert_eq!(pick(Wanted::From(0), 2), (vec![1, 2], 5));
        assert_eq!(pick(Wanted::From(3), 10), (vec![4, 5], 5));
        assert_eq!(pick(Wanted::Last, 2), (vec![4, 5], 5));
        assert_eq!(pick(Wanted::With("error".into()), 9), (vec![4], 5));
    }
}
