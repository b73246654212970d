//! `sayso trace …`: what followed from what.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{list, one, when};
use crate::cli::args::{TraceArgs, TraceCommand};
use crate::cli::connect::Connection;
use crate::cli::output::Format;
use crate::cli::table::{cell, visible};
use crate::cli::{CliError, CliResult, Context};

const PATH: &str = "/api/v1/traces";
const UNKNOWN: (&str, &str) = ("trace", "`sayso trace list` lists the newest");

pub(super) async fn trace(
    context: &mut Context<'_>,
    connection: &Connection,
    command: &TraceCommand,
) -> CliResult {
    match command {
        TraceCommand::List {
            last,
            trace_tag,
            execution,
            rule,
            trigger_instance,
            show,
        } => {
            let mut parts = vec![("limit", last.to_string())];
            for (name, value) in [
                ("trace_tag", trace_tag),
                ("execution", execution),
                ("rule", rule),
                ("trigger_instance", trigger_instance),
            ] {
                parts.extend(value.as_ref().map(|value| (name, value.clone())));
            }
            let own = ["id", "trace_tag", "start_timestamp"];
            list(context, connection, (PATH, &parts), (&own, show), "no traces").await
        }
        TraceCommand::Get(args) => {
            let mut found = one(connection, PATH, &args.id, UNKNOWN).await?;
            let rows = chosen(&parts(&found), args)?;
            if context.format != Format::Table {
                for (name, kind) in LISTS {
                    let of_kind = rows.iter().filter(|(_, row)| row.kind == kind);
                    found[name] = of_kind.map(|(_, row)| row.value.clone()).collect();
                }
                context.out.value(&found, context.format)?;
                return Ok(0);
            }
            let head = [
                ("id", cell(&found["id"])),
                ("trace_tag", cell(&found["trace_tag"])),
                ("start_timestamp", when(&found["start_timestamp"])),
            ];
            for (name, value) in head {
                context.out.line(&visible(&format!("{name}: {value}")))?;
            }
            for (depth, row) in &rows {
                context.out.line(&visible(&row.line(*depth)))?;
            }
            if found["truncated"] == json!(true) {
                context.out.note("there is more in this trace than is shown");
            }
            Ok(0)
        }
    }
}

/// Names of the API's lists, and what their items are called in `caused_by`.
const LISTS: [(&str, &str); 3] = [
    ("trigger_instances", "trigger_instance"),
    ("rules", "rule"),
    ("action_executions", "action_execution"),
];

/// A part of a trace.
#[derive(Clone, Debug)]
struct Part {
    kind: &'static str,
    /// What others name as their cause.
    key: String,
    cause: String,
    value: Value,
}

impl Part {
    fn line(&self, depth: usize) -> String {
        let value = &self.value;
        let time = |name: &str| {
            value[name]
                .as_str()
                .and_then(|text| text.parse::<Timestamp>().ok())
        };
        let clock = time("updated_at").map_or_else(String::new, |at| {
            at.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%H:%M:%S%.3f")
                .to_string()
        });
        let took = match (time("updated_at"), time("end_timestamp")) {
            (Some(from), Some(to)) => format!(" in {:.3} s", to.duration_since(from).as_secs_f64()),
            _ => String::new(),
        };
        let word = match self.kind {
            "trigger_instance" => "event",
            "action_execution" => "execution",
            other => other,
        };
        let id = match self.kind {
            "rule" => String::new(),
            _ => format!("  {}", cell(&value["object_id"])),
        };
        format!(
            "{clock} {:indent$}{word} {}  {}{took}{id}",
            "",
            cell(&value["ref"]),
            cell(&value["status"]),
            indent = 2 * depth,
        )
    }
}

/// All parts of a trace as the API tells it.
fn parts(trace: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    for (name, kind) in LISTS {
        for value in trace[name].as_array().into_iter().flatten() {
            let cause = &value["caused_by"];
            let (id, led) = (cell(&value["object_id"]), cell(&cause["id"]));
            // The same rule may act several times: it is told apart by what it acted on.
            let key = if kind == "rule" {
                format!("rule/{id}:{led}")
            } else {
                format!("{kind}/{id}")
            };
            let cause = cause["type"].as_str().map(|kind| format!("{kind}/{led}"));
            parts.push(Part {
                kind,
                key,
                cause: cause.unwrap_or_default(),
                value: value.clone(),
            });
        }
    }
    parts
}

/// The parts that are wanted, as a tree: depth and part, causes before what followed.
fn chosen(parts: &[Part], args: &TraceArgs) -> Result<Vec<(usize, Part)>, CliError> {
    let by_key: HashMap<&str, usize> = parts
        .iter()
        .enumerate()
        .map(|(place, part)| (part.key.as_str(), place))
        .collect();
    let mut followers: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        match by_key.get(part.cause.as_str()) {
            Some(cause) if *cause != place => followers.entry(*cause).or_default().push(place),
            _ => roots.push(place),
        }
    }
    let wanted = related(parts, &by_key, &followers, args)?;
    let all = !(args.show_executions || args.show_rules || args.show_trigger_instances);
    let is_shown = |place: usize| {
        let part = &parts[place];
        let kind = match part.kind {
            "action_execution" => args.show_executions,
            "rule" => args.show_rules,
            _ => args.show_trigger_instances,
        };
        let noop = part.kind == "trigger_instance" && !followers.contains_key(&place);
        (all || kind) && wanted.contains(&place) && !(args.hide_noop_triggers && noop)
    };
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    let mut open: Vec<(usize, usize)> = roots.into_iter().rev().map(|place| (0, place)).collect();
    while let Some((depth, place)) = open.pop() {
        if !seen.insert(place) {
            continue;
        }
        let shown = is_shown(place);
        if shown {
            rows.push((depth, parts[place].clone()));
        }
        let depth = depth + usize::from(shown);
        let mut next = followers.get(&place).cloned().unwrap_or_default();
        next.sort_by_key(|place| std::cmp::Reverse(cell(&parts[*place].value["updated_at"])));
        open.extend(next.into_iter().map(|place| (depth, place)));
    }
    Ok(rows)
}

/// The parts that one of the named things led to, and those that led to it; all when nothing is named.
fn related(
    parts: &[Part],
    by_key: &HashMap<&str, usize>,
    followers: &HashMap<usize, Vec<usize>>,
    args: &TraceArgs,
) -> Result<HashSet<usize>, CliError> {
    let named = [
        ("action_execution", "execution", &args.execution),
        ("rule", "rule", &args.rule),
        ("trigger_instance", "event", &args.trigger_instance),
    ];
    let mut wanted: HashSet<usize> = (0..parts.len()).collect();
    for (kind, word, name) in named {
        let Some(name) = name else { continue };
        let mut related = HashSet::new();
        let mut open: Vec<usize> = (0..parts.len())
            .filter(|place| {
                let part = &parts[*place];
                part.kind == kind && (part.value["object_id"] == **name || part.value["ref"] == **name)
            })
            .collect();
        if open.is_empty() {
            return Err(CliError::new(format!("the trace has no {word} {name}")));
        }
        let mut causes = open.clone();
        while let Some(place) = causes.pop() {
            if related.insert(place)
                && let Some(cause) = by_key.get(parts[place].cause.as_str())
            {
                causes.push(*cause);
            }
        }
        let mut below = HashSet::new();
        while let Some(place) = open.pop() {
            if below.insert(place) {
                open.extend(followers.get(&place).into_iter().flatten());
            }
        }
        related.extend(below);
        wanted.retain(|place| related.contains(place));
    }
    Ok(wanted)
}
