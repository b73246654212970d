//! The graph of a workflow: tasks and engine commands as nodes, transitions as edges.
//!
//! Only what can be reached from a start task is in it. Inspection, the conductor and drawings share it, so it knows
//! nothing of layout. Indices ([`NodeId`], [`EdgeId`]) are stable: the same definition gives the same numbers.

mod compose;
mod cycles;
mod splits;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::json;

use super::definition::{Command, Join, Retry, Workflow};

use crate::expr::value::to_json;
pub(crate) use compose::start_tasks;

/// The number of a node, in the order in which a walk from the start tasks meets them.
pub type NodeId = usize;
/// The number of an edge.
pub type EdgeId = usize;

/// A workflow's graph.
#[derive(Debug, Clone)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    names: IndexMap<Arc<str>, NodeId>,
    roots: Vec<NodeId>,
    undefined: Vec<Undefined>,
    unreached: Vec<Arc<str>>,
}

/// A task or an engine command.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name.
    pub name: Arc<str>,
    /// The command, when it is one.
    pub command: Option<Command>,
    /// The index of its task in [`Workflow::tasks`]; `None` for commands.
    pub task: Option<usize>,
    /// What it waits for when it is a join.
    pub barrier: Option<Join>,
    /// Its retry: the task's own, or what a transition with `do: retry` puts in its place.
    pub retry: Option<Retry>,
    /// Whether the retry comes from a transition.
    pub retry_by_command: bool,
    /// Whether several transitions lead here without a join, outside of any cycle: each arrival then opens a new
    /// route and everything behind runs once per arrival. Transitions of tasks that are never reached count too.
    pub is_split: bool,
    /// Whether it can come back to itself.
    pub in_cycle: bool,
    /// Split tasks on the way to it, first to last, itself included.
    pub splits: Vec<NodeId>,
    /// Edges out of it by name of target, then by order of writing.
    pub outgoing: Vec<EdgeId>,
    /// Edges into it, in the order in which a walk meets them.
    pub incoming: Vec<EdgeId>,
}

/// A transition from a task to one of its targets.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Where from.
    pub from: NodeId,
    /// Where to.
    pub to: NodeId,
    /// Its number among the edges between these two nodes.
    pub key: usize,
    /// The condition; without one it holds.
    pub when: Option<Arc<str>>,
    /// The index of the transition in the task's `next`.
    pub transition: usize,
}

/// A name in `do` that is neither a task nor a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undefined {
    /// The task that names it.
    pub task: Arc<str>,
    /// The index of the transition in the task's `next`.
    pub transition: usize,
    /// The name.
    pub target: Arc<str>,
}

impl Graph {
    /// The graph of a workflow. Names in `do` that do not exist have no edges, see [`Graph::undefined`].
    #[must_use]
    pub fn compose(workflow: &Workflow) -> Self {
        compose::graph(workflow)
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// All edges.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// A node by number.
    ///
    /// # Panics
    /// When the number is of another graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// An edge by number.
    ///
    /// # Panics
    /// When the number is of another graph.
    #[must_use]
    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.edges[id]
    }

    /// The node of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// Nodes that nothing leads to, by name: where the workflow starts.
    #[must_use]
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// Nodes that lead nowhere, by name.
    #[must_use]
    pub fn leaves(&self) -> Vec<NodeId> {
        let mut leaves: Vec<_> = (0..self.nodes.len())
            .filter(|id| self.nodes[*id].outgoing.is_empty())
            .collect();
        leaves.sort_by(|a, b| self.nodes[*a].name.cmp(&self.nodes[*b].name));
        leaves
    }

    /// Edges out of a node by name of target, then by order of writing.
    pub fn outgoing(&self, id: NodeId) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.nodes[id]
            .outgoing
            .iter()
            .map(|edge| (*edge, &self.edges[*edge]))
    }

    /// Edges into a node.
    pub fn incoming(&self, id: NodeId) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.nodes[id]
            .incoming
            .iter()
            .map(|edge| (*edge, &self.edges[*edge]))
    }

    /// How many tasks lead to a node.
    #[must_use]
    pub fn sources(&self, id: NodeId) -> usize {
        let mut sources: Vec<_> = self.incoming(id).map(|(_, edge)| edge.from).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.len()
    }

    /// The name of an edge seen from its source: `<target>__t<key>`.
    #[must_use]
    pub fn next_name(&self, id: EdgeId) -> String {
        let edge = &self.edges[id];
        format!("{}__t{}", self.nodes[edge.to].name, edge.key)
    }

    /// The name of an edge seen from its target, as routes are made of: `<source>__t<key>`.
    #[must_use]
    pub fn previous_name(&self, id: EdgeId) -> String {
        let edge = &self.edges[id];
        format!("{}__t{}", self.nodes[edge.from].name, edge.key)
    }

    /// Names in `do` of tasks that can be reached, which are neither tasks nor commands.
    #[must_use]
    pub fn undefined(&self) -> &[Undefined] {
        &self.undefined
    }

    /// Tasks that cannot be reached from any start task, in order of writing.
    #[must_use]
    pub fn unreached(&self) -> &[Arc<str>] {
        &self.unreached
    }

    /// The graph as the reference writes it: nodes with attributes, and for each the edges out of it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let value = |value: Option<&crate::expr::value::Value>| {
            value.and_then(|value| to_json(value).ok()).unwrap_or_default()
        };
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| {
                let mut shown = json!({"id": &*node.name});
                match node.barrier {
                    Some(Join::All) => shown["barrier"] = "*".into(),
                    Some(Join::Count(count)) => shown["barrier"] = count.into(),
                    None => {}
                }
                if !node.splits.is_empty() {
                    let names = node.splits.iter().map(|split| &*self.nodes[*split].name);
                    shown["splits"] = names.collect::<Vec<_>>().into();
                }
                if let Some(retry) = &node.retry {
                    shown["retry"] =
                        json!({"when": retry.when.as_deref(), "count": value(retry.count.as_ref())});
                    if !node.retry_by_command {
                        shown["retry"]["delay"] = value(retry.delay.as_ref());
                    }
                }
                shown
            })
            .collect();
        let adjacency: Vec<Vec<_>> = (0..self.nodes.len())
            .map(|id| {
                self.outgoing(id)
                    .map(|(_, edge)| {
                        json!({
                            "id": &*self.nodes[edge.to].name,
                            "key": edge.key,
                            "ref": edge.transition,
                            "criteria": edge.when.iter().map(|when| &**when).collect::<Vec<_>>(),
                        })
                    })
                    .collect()
            })
            .collect();
        json!({"directed": true, "multigraph": true, "graph": [], "nodes": nodes, "adjacency": adjacency})
    }
}
