//! Drawings of workflows: SVG with a layout of our own, Graphviz and Mermaid as text.
//!
//! A drawing shows tasks with their actions, joins, repetitions and retries, and transitions with what they wait for.
//! `continue` that nobody wrote is left out; `noop`, `fail` and written `continue` are small ends of their own.

mod layout;
mod outline;
mod picture;
mod state;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use super::definition::Workflow;
use super::graph::Graph;
use picture::Picture;
pub use state::{States, TaskState};

/// A drawing as SVG.
#[must_use]
pub fn svg(workflow: &Workflow, graph: &Graph) -> String {
    svg_with(workflow, graph, &States::new())
}

/// A drawing as SVG with the states of tasks.
#[must_use]
pub fn svg_with(workflow: &Workflow, graph: &Graph, states: &States) -> String {
    let picture = Picture::of(workflow, graph, states);
    svg::write(&picture, &layout::arrange(&picture))
}

/// A drawing for Graphviz.
#[must_use]
pub fn dot(workflow: &Workflow, graph: &Graph) -> String {
    dot_with(workflow, graph, &States::new())
}

/// A drawing for Graphviz with the states of tasks.
#[must_use]
pub fn dot_with(workflow: &Workflow, graph: &Graph, states: &States) -> String {
    text::dot(&Picture::of(workflow, graph, states))
}

/// A drawing for Mermaid, as Markdown pages show it.
#[must_use]
pub fn mermaid(workflow: &Workflow, graph: &Graph) -> String {
    mermaid_with(workflow, graph, &States::new())
}

/// A drawing for Mermaid with the states of tasks.
#[must_use]
pub fn mermaid_with(workflow: &Workflow, graph: &Graph, states: &States) -> String {
    text::mermaid(&Picture::of(workflow, graph, states))
}

/// A drawing as plain text for terminals: tasks in the order of a walk from the start, below each where it leads.
/// Lines are cut at `width` characters.
#[must_use]
pub fn outline(workflow: &Workflow, graph: &Graph, states: &States, width: Option<usize>) -> String {
    outline::write(&Picture::of(workflow, graph, states), width)
}
