//! From the tasks of a workflow to its graph, node by node from the start tasks on.

use std::collections::VecDeque;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Edge, Graph, Node, NodeId, Undefined, cycles, splits};
use crate::expr::value::Value;
use crate::workflow::definition::{Command, Retry, Task, Workflow};

/// The number of attempts that `do: retry` asks for.
const COMMANDED_RETRIES: i64 = 3;
/// The condition of `do: retry` without `when`.
const COMMANDED_WHEN: &str = "<% completed() %>";

/// A naming of a target by a transition of a task.
pub(crate) struct Naming<'w> {
    pub(crate) target: &'w Arc<str>,
    pub(crate) when: Option<&'w Arc<str>>,
    pub(crate) transition: usize,
}

/// All namings of a task by name of target, those of one target in order of writing.
pub(crate) fn namings(task: &Task) -> Vec<Naming<'_>> {
    let mut namings: Vec<_> = task
        .next
        .iter()
        .flat_map(|next| {
            next.targets.iter().map(|target| Naming {
                target,
                when: next.when.as_ref(),
                transition: next.index,
            })
        })
        .collect();
    namings.sort_by(|a, b| a.target.cmp(b.target));
    namings
}

/// How often each name is named by any task.
pub(crate) fn times_named(workflow: &Workflow) -> IndexMap<&str, usize> {
    let mut times = IndexMap::new();
    for target in workflow
        .tasks
        .values()
        .flat_map(|task| &task.next)
        .flat_map(|next| &next.targets)
    {
        *times.entry(&**target).or_insert(0) += 1;
    }
    times
}

/// Tasks that nobody names, by name.
pub(crate) fn start_tasks(workflow: &Workflow) -> Vec<&Arc<str>> {
    let named = times_named(workflow);
    let mut starts: Vec<_> = workflow
        .tasks
        .keys()
        .filter(|name| !named.contains_key(&***name))
        .collect();
    starts.sort();
    starts
}

struct Composer<'w> {
    workflow: &'w Workflow,
    times_named: IndexMap<&'w str, usize>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    names: IndexMap<Arc<str>, NodeId>,
    undefined: Vec<Undefined>,
}

pub(super) fn graph(workflow: &Workflow) -> Graph {
    let mut composer = Composer {
        workflow,
        times_named: times_named(workflow),
        nodes: Vec::with_capacity(workflow.tasks.len()),
        edges: Vec::new(),
        names: IndexMap::with_capacity(workflow.tasks.len()),
        undefined: Vec::new(),
    };
    let starts = start_tasks(workflow);
    composer.walk(&starts);
    let Composer {
        mut nodes,
        edges,
        names,
        undefined,
        ..
    } = composer;
    let next: Vec<Vec<_>> = nodes
        .iter()
        .map(|node| node.outgoing.iter().map(|edge| edges[*edge].to).collect())
        .collect();
    for (node, in_cycle) in nodes.iter_mut().zip(cycles::on_cycles(&next)) {
        node.in_cycle = in_cycle;
        node.is_split &= !in_cycle;
    }
    let mut roots: Vec<_> = (0..nodes.len())
        .filter(|id| nodes[*id].incoming.is_empty())
        .collect();
    roots.sort_by(|a, b| nodes[*a].name.cmp(&nodes[*b].name));
    let on_the_way = splits::of_all(&nodes, &next, &roots);
    for (node, splits) in nodes.iter_mut().zip(on_the_way) {
        node.splits = splits;
    }
    let unreached = workflow
        .tasks
        .keys()
        .filter(|name| !names.contains_key(*name))
        .cloned()
        .collect();
    Graph {
        nodes,
        edges,
        names,
        roots,
        undefined,
        unreached,
    }
}

impl<'w> Composer<'w> {
    /// Adds everything that can be reached, breadth first: this order numbers the nodes.
    fn walk(&mut self, starts: &[&'w Arc<str>]) {
        let mut queue: VecDeque<&'w Arc<str>> = starts.iter().copied().collect();
        while let Some(name) = queue.pop_front() {
            let id = self.node(name);
            let Some(task) = self.nodes[id]
                .task
                .and_then(|index| self.workflow.tasks.get_index(index))
            else {
                continue;
            };
            for naming in namings(task.1) {
                if Command::named(naming.target) == Some(Command::Retry) {
                    self.nodes[id].retry = Some(commanded(task.1, &naming));
                    self.nodes[id].retry_by_command = true;
                    continue;
                }
                let known = Command::named(naming.target).is_some()
                    || self.workflow.tasks.contains_key(naming.target);
                if !known {
                    self.undefined.push(Undefined {
                        task: Arc::clone(name),
                        transition: naming.transition,
                        target: Arc::clone(naming.target),
                    });
                    continue;
                }
                if !self.names.contains_key(naming.target) {
                    queue.push_back(naming.target);
                }
                let to = self.node(naming.target);
                self.edge(id, to, &naming);
            }
        }
    }

    fn node(&mut self, name: &Arc<str>) -> NodeId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let command = Command::named(name);
        let task = match command {
            Some(_) => None,
            None => self.workflow.tasks.get_full(name),
        };
        let times = self.times_named.get(&**name).copied().unwrap_or_default();
        let barrier = task.and_then(|(_, _, task)| task.join);
        let id = self.nodes.len();
        self.nodes.push(Node {
            name: Arc::clone(name),
            command,
            task: task.map(|(index, _, _)| index),
            barrier,
            retry: task.and_then(|(_, _, task)| task.retry.clone()),
            retry_by_command: false,
            is_split: barrier.is_none() && times > 1,
            in_cycle: false,
            splits: Vec::new(),
            outgoing: Vec::new(),
            incoming: Vec::new(),
        });
        self.names.insert(Arc::clone(name), id);
        id
    }

    /// Adds an edge, unless the same transition leads there under the same condition already.
    fn edge(&mut self, from: NodeId, to: NodeId, naming: &Naming<'_>) {
        // Namings come sorted by target: parallel edges are the last ones.
        let parallel = self.nodes[from]
            .outgoing
            .iter()
            .rev()
            .take_while(|edge| self.edges[**edge].to == to);
        let key = parallel.clone().count();
        if parallel
            .into_iter()
            .any(|edge| self.edges[*edge].transition == naming.transition)
        {
            return;
        }
        let id = self.edges.len();
        self.edges.push(Edge {
            from,
            to,
            key,
            when: naming.when.cloned(),
            transition: naming.transition,
        });
        self.nodes[from].outgoing.push(id);
        self.nodes[to].incoming.push(id);
    }
}

/// The retry that a transition with `do: retry` stands for. Nothing of the task's own retry stays.
fn commanded(task: &Task, naming: &Naming<'_>) -> Retry {
    Retry {
        when: Some(naming.when.cloned().unwrap_or_else(|| COMMANDED_WHEN.into())),
        count: Some(Value::Int(COMMANDED_RETRIES)),
        delay: None,
        at: task.next.get(naming.transition).map_or(task.at, |next| next.at),
    }
}
