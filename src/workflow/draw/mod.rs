//! Drawings of workflows: SVG with a layout of our own, Graphviz and Mermaid as text.
//!
//! A drawing shows tasks with their actions, joins, repetitions and retries, and transitions with what they wait for.
//! `continue` that nobody wrote is left out; `noop`, `fail` and written `continue` are small ends of their own.

mod layout;
mod picture;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use super::definition::Workflow;
use super::graph::Graph;
use picture::Picture;

/// A drawing as SVG.
#[must_use]
pub fn svg(workflow: &Workflow, graph: &Graph) -> String {
    let picture = Picture::of(workflow, graph);
    svg::write(&picture, &layout::arrange(&picture))
}

/// A drawing for Graphviz.
#[must_use]
pub fn dot(workflow: &Workflow, graph: &Graph) -> String {
    text::dot(&Picture::of(workflow, graph))
}

/// A drawing for Mermaid, as Markdown pages show it.
#[must_use]
pub fn mermaid(workflow: &Workflow, graph: &Graph) -> String {
    text::mermaid(&Picture::of(workflow, graph))
}
