//! A workflow made ready to be conducted: its graph with names in place and all of its texts read, once for all of its
//! executions.

use std::sync::Arc;

use crate::expr::template::{Evaluator, Statement};
use crate::expr::value::Value;
use crate::workflow::definition::{Assignment, Command, Join, Retry, Task, Workflow};
use crate::workflow::graph::{Graph, NodeId};

/// A workflow made ready. Shared by all of its executions.
#[derive(Debug)]
pub struct Plan {
    workflow: Arc<Workflow>,
    graph: Graph,
    tasks: Vec<TaskPlan>,
    ways: Vec<Way>,
    pub(super) inputs: Vec<Named>,
    pub(super) vars: Vec<Named>,
    pub(super) output: Vec<Named>,
}

/// A variable and what it is rendered from.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: Arc<str>,
    pub(super) value: Statement,
}

/// A node of the graph, made ready.
#[derive(Debug)]
pub(super) struct TaskPlan {
    pub(super) name: Arc<str>,
    pub(super) command: Option<Command>,
    pub(super) join: Option<Join>,
    pub(super) is_split: bool,
    /// How many tasks lead here.
    pub(super) sources: usize,
    pub(super) action: Statement,
    pub(super) input: Statement,
    pub(super) delay: Option<Number>,
    pub(super) items: Option<ItemsPlan>,
    pub(super) retry: Option<RetryPlan>,
}

/// A number that is written down or rendered.
#[derive(Debug)]
pub(super) enum Number {
    Written(i64),
    Rendered(Statement),
}

#[derive(Debug)]
pub(super) struct ItemsPlan {
    pub(super) names: Vec<Arc<str>>,
    /// As written, for messages.
    pub(super) text: Arc<str>,
    pub(super) list: Statement,
    pub(super) concurrency: Option<Statement>,
}

#[derive(Debug)]
pub(super) struct RetryPlan {
    pub(super) when: Option<(Arc<str>, Statement)>,
    pub(super) count: Number,
    pub(super) delay: Option<Number>,
}

/// A way from one task to another.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) source: NodeId,
    pub(super) target: NodeId,
    pub(super) when: Option<Statement>,
    pub(super) publish: Arc<[Named]>,
    /// `<target>__t<key>`: the way as its source knows it.
    pub(super) next: Arc<str>,
    /// `<source>__t<key>`: the way as its target knows it.
    pub(super) previous: Arc<str>,
}

impl Plan {
    /// Whether the workflow defines a task of this name.
    #[must_use]
    pub fn has_task(&self, name: &str) -> bool {
        self.workflow.tasks.contains_key(name)
    }

    /// Makes a workflow ready. Texts that make no sense are told of when they are evaluated.
    #[must_use]
    pub fn new(workflow: Arc<Workflow>, evaluator: &Evaluator) -> Self {
        let graph = Graph::compose(&workflow);
        let named = |all: &[Assignment]| -> Vec<Named> {
            let one = |one: &Assignment| Named {
                name: Arc::clone(&one.name),
                value: evaluator.statement(&one.value),
            };
            all.iter().map(one).collect()
        };
        let inputs = workflow.input.iter().map(|input| Named {
            name: Arc::clone(&input.name),
            value: evaluator.statement(&input.default),
        });
        let inputs = inputs.collect();
        let (vars, output) = (named(&workflow.vars), named(&workflow.output));
        let task = |node: NodeId| {
            let index = graph.node(node).task?;
            workflow.tasks.get_index(index).map(|(_, task)| task)
        };
        let tasks = (0..graph.nodes().len())
            .map(|node| TaskPlan::new(&graph, node, task(node), evaluator))
            .collect();
        // Ways of one transition share what it publishes.
        let published: Vec<Vec<Arc<[Named]>>> = (0..graph.nodes().len())
            .map(|node| {
                let next = task(node).map_or(&[][..], |task| &task.next);
                next.iter().map(|next| named(&next.publish).into()).collect()
            })
            .collect();
        let ways = graph.edges().iter().enumerate().map(|(id, edge)| Way {
            source: edge.from,
            target: edge.to,
            when: edge
                .when
                .as_ref()
                .map(|when| evaluator.statement(&Value::Str(Arc::clone(when)))),
            publish: published
                .get(edge.from)
                .and_then(|all| all.get(edge.transition))
                .cloned()
                .unwrap_or_else(|| Arc::from([])),
            next: graph.next_name(id).into(),
            previous: graph.previous_name(id).into(),
        });
        let ways = ways.collect();
        Self {
            graph,
            tasks,
            ways,
            inputs,
            vars,
            output,
            workflow,
        }
    }

    /// The workflow.
    #[must_use]
    pub fn workflow(&self) -> &Arc<Workflow> {
        &self.workflow
    }

    /// Its graph.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(super) fn find(&self, task: &str) -> Option<NodeId> {
        self.graph.find(task)
    }

    pub(super) fn node(&self, node: NodeId) -> &TaskPlan {
        &self.tasks[node]
    }

    pub(super) fn task(&self, task: &str) -> Option<&TaskPlan> {
        self.find(task).map(|node| &self.tasks[node])
    }

    pub(super) fn way(&self, way: usize) -> &Way {
        &self.ways[way]
    }

    pub(super) fn roots(&self) -> &[NodeId] {
        self.graph.roots()
    }

    /// Ways out of a task, by name of target, then as written.
    pub(super) fn ways_out(&self, node: NodeId) -> &[usize] {
        &self.graph.node(node).outgoing
    }

    pub(super) fn ways_into(&self, node: NodeId) -> impl Iterator<Item = &Way> {
        self.graph.node(node).incoming.iter().map(|way| &self.ways[*way])
    }
}

impl TaskPlan {
    fn new(graph: &Graph, id: NodeId, task: Option<&Task>, evaluator: &Evaluator) -> Self {
        let node = graph.node(id);
        let statement = |value: &Value| evaluator.statement(value);
        let text = |text: &Arc<str>| evaluator.statement(&Value::Str(Arc::clone(text)));
        let action = task.and_then(|task| task.action.as_ref());
        Self {
            name: Arc::clone(&node.name),
            command: node.command,
            join: node.barrier,
            is_split: node.is_split,
            sources: graph.sources(id),
            action: action.map_or_else(|| statement(&Value::Null), text),
            // The reference hands out null where nothing is written.
            input: task
                .map(|task| &task.input)
                .filter(|input| input.as_dict().is_none_or(|input| !input.is_empty()))
                .map_or_else(|| statement(&Value::Null), statement),
            delay: task
                .and_then(|task| task.delay.as_ref())
                .filter(|delay| delay.is_true())
                .map(|delay| Number::new(delay, evaluator)),
            items: task.and_then(|task| task.with.as_ref()).map(|with| ItemsPlan {
                names: with.items.names.clone(),
                text: Arc::clone(&with.items.expression),
                list: text(&with.items.expression),
                concurrency: with.concurrency.as_ref().map(statement),
            }),
            retry: node.retry.as_ref().map(|retry| RetryPlan::new(retry, evaluator)),
        }
    }
}

impl Number {
    fn new(value: &Value, evaluator: &Evaluator) -> Self {
        match value {
            Value::Int(number) => Self::Written(*number),
            other => Self::Rendered(evaluator.statement(other)),
        }
    }
}

impl RetryPlan {
    fn new(retry: &Retry, evaluator: &Evaluator) -> Self {
        let when = retry.when.as_ref().map(|when| {
            let statement = evaluator.statement(&Value::Str(Arc::clone(when)));
            (Arc::clone(when), statement)
        });
        Self {
            when,
            count: retry
                .count
                .as_ref()
                .map_or(Number::Written(0), |count| Number::new(count, evaluator)),
            delay: retry.delay.as_ref().map(|delay| Number::new(delay, evaluator)),
        }
    }
}
