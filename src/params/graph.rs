//! Which value needs which: the order in which templated parameters are rendered.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{ParamError, ParamErrorKind};
use crate::expr::jinja::{ErrorKind, ExprError, Jinja, is_template, nearest};

/// Where a value comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'v> {
    /// As it is.
    Value(&'v Value),
    /// Known to the template context already.
    Context,
    /// A text to render.
    Text(&'v str),
    /// A list or object with texts to render inside.
    Deep(&'v Value),
}

/// A named value and the names that it needs.
#[derive(Debug)]
pub(crate) struct Node<'v> {
    pub(crate) name: &'v str,
    pub(crate) source: Source<'v>,
    pub(crate) needs: BTreeSet<String>,
}

/// Named values in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Graph<'v> {
    nodes: Vec<Node<'v>>,
    index: HashMap<&'v str, usize>,
}

impl<'v> Graph<'v> {
    pub(crate) fn nodes(&self) -> &[Node<'v>] {
        &self.nodes
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node<'v>> {
        self.index.get(name).map(|at| &self.nodes[*at])
    }

    /// Whether a name has no value, or null.
    pub(crate) fn lacks(&self, name: &str) -> bool {
        self.get(name)
            .is_none_or(|node| matches!(node.source, Source::Value(value) if value.is_null()))
    }

    pub(crate) fn add_context(&mut self, name: &'v str) {
        self.put(Node {
            name,
            source: Source::Context,
            needs: BTreeSet::new(),
        });
    }

    pub(crate) fn add_value(&mut self, name: &'v str, value: &'v Value) {
        self.put(Node {
            name,
            source: Source::Value(value),
            needs: BTreeSet::new(),
        });
    }

    /// Adds a value that may be or hold templates. What cannot be parsed as a template is no template.
    pub(crate) fn add(&mut self, jinja: &Jinja, name: &'v str, value: &'v Value) -> Result<(), ExprError> {
        let mut needs = BTreeSet::new();
        let source = match (value, has_template(value)) {
            (_, false) => Source::Value(value),
            (Value::String(text), true) => Source::Text(text),
            (_, true) => Source::Deep(value),
        };
        if !matches!(source, Source::Value(_)) {
            match collect(jinja, value, &mut needs) {
                Ok(()) => {}
                Err(error) if error.kind == ErrorKind::Parse => {
                    self.add_value(name, value);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.put(Node { name, source, needs });
        Ok(())
    }

    fn put(&mut self, node: Node<'v>) {
        match self.index.get(node.name) {
            Some(at) => self.nodes[*at] = node,
            None => {
                self.index.insert(node.name, self.nodes.len());
                self.nodes.push(node);
            }
        }
    }

    /// Indexes of all nodes, each after what it needs.
    pub(crate) fn order(&self) -> Result<Vec<usize>, ParamError> {
        for node in &self.nodes {
            if let Some(missing) = node
                .needs
                .iter()
                .find(|name| !self.index.contains_key(name.as_str()))
            {
                let message = format!("Dependency unsatisfied in variable \"{missing}\"");
                let error = ParamError::new(ParamErrorKind::Dependency, message).of(node.name);
                return Err(match nearest(missing, self.index.keys().copied()) {
                    Some(near) => error.hint(format!("did you mean '{near}'?")),
                    None => error.hint(format!("the template of '{}' names it", node.name)),
                });
            }
        }
        let mut waits: Vec<usize> = self.nodes.iter().map(|node| node.needs.len()).collect();
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            for name in &node.needs {
                needed_by[self.index[name.as_str()]].push(at);
            }
        }
        let mut order: Vec<usize> = (0..self.nodes.len()).filter(|at| waits[*at] == 0).collect();
        let mut done = 0;
        while let Some(&at) = order.get(done) {
            done += 1;
            for &next in &needed_by[at] {
                waits[next] -= 1;
                if waits[next] == 0 {
                    order.push(next);
                }
            }
        }
        if order.len() == self.nodes.len() {
            Ok(order)
        } else {
            Err(self.cycle(&waits))
        }
    }

    /// The error for nodes that wait for each other: one name for every circle.
    fn cycle(&self, waits: &[usize]) -> ParamError {
        let mut names: Vec<&str> = Vec::new();
        let mut explained = vec![false; self.nodes.len()];
        let mut first_path: Option<Vec<&str>> = None;
        for start in 0..self.nodes.len() {
            if waits[start] == 0 || explained[start] {
                continue;
            }
            if let Some(path) = self.path_back(start, waits) {
                for &at in &path {
                    explained[at] = true;
                }
                names.push(self.nodes[start].name);
                first_path.get_or_insert_with(|| path.iter().map(|at| self.nodes[*at].name).collect());
            }
        }
        names.sort_unstable();
        let message = format!(
            "Cyclic dependency found in the following variables: {}. Likely the variable is referencing itself",
            names.join(", ")
        );
        let error = ParamError::new(ParamErrorKind::Cycle, message);
        match first_path {
            Some(mut path) => {
                let start = path[0];
                path.push(start);
                error
                    .of(start)
                    .hint(format!("each needs the next: {}", path.join(" -> ")))
            }
            None => error,
        }
    }

    /// The shortest way from a node along its needs back to itself.
    fn path_back(&self, start: usize, waits: &[usize]) -> Option<Vec<usize>> {
        let mut came_from: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for name in &self.nodes[at].needs {
                let next = self.index[name.as_str()];
                if next == start {
                    let mut path = vec![at];
                    let mut back = at;
                    while back != start {
                        back = came_from[back]?;
                        path.push(back);
                    }
                    path.reverse();
                    return Some(path);
                }
                if waits[next] > 0 && came_from[next].is_none() {
                    came_from[next] = Some(at);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// Whether a value is a text with `{{` or `{%`, or has one inside (keys too).
pub(crate) fn has_template(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_template),
        Value::Object(map) => map
            .iter()
            .any(|(key, item)| is_template(key) || has_template(item)),
        _ => false,
    }
}

fn collect(jinja: &Jinja, value: &Value, needs: &mut BTreeSet<String>) -> Result<(), ExprError> {
    let mut text = |text: &str| {
        if is_template(text) {
            needs.extend(jinja.variables(text)?.iter().cloned());
        }
        Ok(())
    };
    match value {
        Value::String(leaf) => text(leaf),
        Value::Array(items) => items.iter().try_for_each(|item| collect(jinja, item, needs)),
        Value::Object(map) => map.iter().try_for_each(|(key, item)| {
            if is_template(key) {
                needs.extend(jinja.variables(key)?.iter().cloned());
            }
            collect(jinja, item, needs)
        }),
        _ => Ok(()),
    }
}
