//! From what is written to what is meant. Parts that make no sense count as absent; inspection reports them.

use std::sync::Arc;

use super::document::{entries, entry, get, is_falsy, list, text};
use super::{
    Assignment, Command, Document, Inline, Input, Items, Join, Retry, Task, Transition, With, Workflow,
    from_node,
};
use crate::expr::value::{Dict, Value};
use crate::yaml::{Entry, Kind, Node};

pub(super) fn workflow(document: &Document) -> Workflow {
    let root = document.root();
    let part = |name| get(root, name);
    Workflow {
        version: part("version").map_or(Value::Null, from_node),
        name: words(root, "name"),
        description: words(root, "description"),
        tags: part("tags")
            .map(|tags| list(tags).iter().map(from_node).collect())
            .unwrap_or_default(),
        input: part("input").map(inputs).unwrap_or_default(),
        vars: part("vars").map(assignments).unwrap_or_default(),
        output: part("output").map(assignments).unwrap_or_default(),
        tasks: part("tasks")
            .map(|tasks| {
                entries(tasks)
                    .iter()
                    .map(|entry| (Arc::from(entry.key.as_str()), task(entry)))
                    .collect()
            })
            .unwrap_or_default(),
    }
}

/// A text that is not empty.
fn words(node: &Node, name: &str) -> Option<Arc<str>> {
    get(node, name)
        .and_then(text)
        .filter(|text| !text.is_empty())
        .map(Arc::from)
}

/// A value that is not null.
fn value(node: &Node, name: &str) -> Option<Value> {
    get(node, name)
        .filter(|node| node.kind != Kind::Null)
        .map(from_node)
}

fn inputs(node: &Node) -> Vec<Input> {
    list(node)
        .iter()
        .filter_map(|item| match &item.kind {
            Kind::Text(name) => Some(Input {
                name: name.as_str().into(),
                default: Value::Null,
                has_default: false,
                at: item.at,
            }),
            Kind::Map(entries) => entries.first().map(|entry| Input {
                name: entry.key.as_str().into(),
                default: from_node(&entry.value),
                has_default: true,
                at: entry.at,
            }),
            _ => None,
        })
        .collect()
}

fn assignments(node: &Node) -> Vec<Assignment> {
    list(node)
        .iter()
        .filter_map(|item| entries(item).first())
        .map(|entry| Assignment {
            name: entry.key.as_str().into(),
            value: from_node(&entry.value),
            at: entry.at,
        })
        .collect()
}

fn task(entry: &Entry) -> Task {
    let body = &entry.value;
    let written = words(body, "action");
    let (action, inline) = match &written {
        Some(text) => action(text),
        None => (None, None),
    };
    let input = match &inline {
        Some(inline) => {
            let mut map = Dict::builder(inline.parameters.len());
            for parameter in &inline.parameters {
                map.insert(Value::text(Arc::clone(&parameter.name)), parameter.value.clone());
            }
            Value::Dict(Dict::new(map))
        }
        None => value(body, "input").unwrap_or_else(|| Value::Dict(Dict::default())),
    };
    Task {
        name: entry.key.as_str().into(),
        action,
        inline,
        input,
        delay: value(body, "delay"),
        join: get(body, "join").and_then(join),
        with: with(body),
        retry: retry(body),
        next: get(body, "next")
            .map(|next| {
                list(next)
                    .iter()
                    .enumerate()
                    .map(|(index, item)| transition(index, item))
                    .collect()
            })
            .unwrap_or_default(),
        at: entry.at,
    }
}

/// Reference and inline parameters of the text of `action`.
fn action(text: &Arc<str>) -> (Option<Arc<str>>, Option<Inline>) {
    let inline = Inline::read(text);
    match text.split_once(' ') {
        Some((reference, _)) if !inline.parameters.is_empty() => (Some(reference.into()), Some(inline)),
        // Without a blank the parameter is the whole text: there is no reference to take it off from.
        _ => (Some(Arc::clone(text)), None),
    }
}

fn join(node: &Node) -> Option<Join> {
    match &node.kind {
        Kind::Text(text) if text == "all" => Some(Join::All),
        Kind::Number(number) => number.as_i64().map(Join::Count),
        _ => None,
    }
}

fn with(body: &Node) -> Option<With> {
    let with = entry(body, "with")?;
    if with.value.kind == Kind::Null {
        return None;
    }
    let items = text(&with.value).or_else(|| get(&with.value, "items").and_then(text));
    Some(With {
        items: Items::read(items.unwrap_or_default()),
        concurrency: value(&with.value, "concurrency"),
        at: with.at,
    })
}

fn retry(body: &Node) -> Option<Retry> {
    let retry = entry(body, "retry").filter(|entry| !is_falsy(&entry.value))?;
    Some(Retry {
        when: words(&retry.value, "when"),
        count: value(&retry.value, "count"),
        delay: value(&retry.value, "delay"),
        at: retry.at,
    })
}

fn transition(index: usize, node: &Node) -> Transition {
    let publish = get(node, "publish");
    let inline = publish.and_then(text).map(Inline::read);
    let assignments = match (&inline, publish) {
        (Some(inline), Some(node)) => inline
            .parameters
            .iter()
            .map(|parameter| Assignment {
                name: Arc::clone(&parameter.name),
                value: parameter.value.clone(),
                at: node.at,
            })
            .collect(),
        (None, Some(node)) => assignments(node),
        (_, None) => Vec::new(),
    };
    let explicit = get(node, "do").filter(|node| !is_falsy(node));
    Transition {
        index,
        when: words(node, "when"),
        publish: assignments,
        inline,
        targets: explicit.map_or_else(|| vec![Command::Continue.name().into()], targets),
        explicit: explicit.is_some(),
        at: node.at,
    }
}

/// Names in `do`: a text with commas between them, or a list.
fn targets(node: &Node) -> Vec<Arc<str>> {
    match &node.kind {
        Kind::Text(text) => text.split(',').map(|name| Arc::from(name.trim())).collect(),
        // A mapping is a mistake; its keys are what the reference takes for names.
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| Arc::from(entry.key.as_str()))
            .collect(),
        _ => list(node).iter().filter_map(text).map(Arc::from).collect(),
    }
}
