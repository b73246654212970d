//! `execution get --graph`: the definition of a workflow drawn with the states of its tasks.

use jiff::Timestamp;
use serde_json::Value;

use super::fetch::descendants;
use super::show::span;
use crate::cli::args::DrawingArgs;
use crate::cli::connect::Connection;
use crate::cli::table::attribute;
use crate::cli::{CliError, Context, segment};
use crate::workflow::definition::{Document, Workflow};
use crate::workflow::draw::{self, States, TaskState};
use crate::workflow::graph::Graph;
use crate::workflow::progress::{Flow, is_over};

/// Draws the workflow of an execution.
pub(super) async fn draw(
    context: &mut Context<'_>,
    connection: &Connection,
    execution: &Value,
    args: DrawingArgs,
) -> Result<(), CliError> {
    let reference = attribute(execution, "action.ref").as_str().unwrap_or_default();
    let runner = attribute(execution, "action.runner_type").as_str();
    if runner != Some("orquesta") {
        return Err(CliError::new(format!(
            "{reference} is no orquesta workflow: there is nothing to draw"
        )));
    }
    let id = execution["id"].as_str().unwrap_or_default();
    let answer = connection
        .client
        .get(&format!("/api/v1/executions/{}/workflow", segment(id)))
        .await?;
    let Some(text) = answer["definition"].as_str() else {
        return Err(
            CliError::new(format!("the definition of {reference} is not there any more"))
                .hint("without --graph the tasks are shown as a list"),
        );
    };
    let document = Document::parse(text)
        .map_err(|error| CliError::new(format!("the definition of {reference}: {error}")).hint(error.hint))?;
    let workflow = Workflow::read(&document);
    let graph = Graph::compose(&workflow);
    let (children, _) = descendants(connection, execution).await?;
    let states = states(&Flow::of(execution, &children), Timestamp::now());
    let drawing = if args.svg {
        draw::svg_with(&workflow, &graph, &states)
    } else if args.dot {
        draw::dot_with(&workflow, &graph, &states)
    } else if args.mermaid {
        draw::mermaid_with(&workflow, &graph, &states)
    } else {
        draw::outline(&workflow, &graph, &states, context.out.width.map(usize::from))
    };
    context.out.text(&drawing)
}

/// The state of each task by name; of a task that ran more than once what it is in now, and how often it ran.
pub(super) fn states(flow: &Flow, now: Timestamp) -> States {
    let mut states = States::new();
    let mut runs: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for task in &flow.tasks {
        let count = runs.entry(&task.name).or_default();
        *count += 1;
        let mut notes = Vec::new();
        if let Some(items) = task.items {
            notes.push(format!("{}/{}", items.ended, items.all));
        }
        if let Some(seconds) = task.run.seconds(now) {
            notes.push(span(seconds));
        }
        if *count > 1 {
            notes.push(format!("{count} runs"));
        }
        let state = TaskState {
            status: task.run.status.clone(),
            note: notes.join(", "),
        };
        let earlier = states.get(&task.name);
        // Something that still runs on another route says more than what ended after it began.
        if earlier.is_none_or(|earlier: &TaskState| is_over(&earlier.status) || !is_over(&state.status)) {
            states.insert(task.name.clone(), state);
        }
    }
    states
}
