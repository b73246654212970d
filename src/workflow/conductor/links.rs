//! The ways between tasks as the conductor walks them, found once per workflow.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::expr::value::Value;
use crate::workflow::definition::{Command, Join, Workflow};

/// A way from one task to another.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) source: Arc<str>,
    pub(super) target: Arc<str>,
    pub(super) criteria: Option<Arc<str>>,
    /// Place of the transition in the source's `next`.
    pub(super) transition: usize,
    /// `<target>__t<key>`: the way as the source knows it. Parallel ways are numbered.
    pub(super) to: Arc<str>,
    /// `<source>__t<key>`: the way as the target knows it.
    pub(super) from: Arc<str>,
}

/// Attempts as a workflow defines them.
#[derive(Clone, Debug)]
pub(super) struct RetryRule {
    pub(super) when: Option<Arc<str>>,
    pub(super) count: Value,
    pub(super) delay: Option<Value>,
}

#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) roots: Vec<Arc<str>>,
    /// Sorted by target, then as written.
    out: HashMap<Arc<str>, Vec<Way>>,
    into: HashMap<Arc<str>, Vec<Way>>,
    joins: HashMap<Arc<str>, Join>,
    /// Tasks that begin a new route with each way that leads to them.
    splits: HashSet<Arc<str>>,
    retries: HashMap<Arc<str>, RetryRule>,
    tasks: HashSet<Arc<str>>,
}

/// How often `do: retry` runs a task again.
const RETRY_COMMAND_COUNT: i64 = 3;
/// When it does.
const RETRY_COMMAND_WHEN: &str = "<% completed() %>";

impl Links {
    pub(super) fn of(workflow: &Workflow) -> Self {
        let mut links = Self::default();
        let named: HashSet<&str> = workflow
            .tasks
            .values()
            .flat_map(|task| &task.next)
            .flat_map(|transition| &transition.targets)
            .map(|target| &**target)
            .collect();
        let mut roots: Vec<Arc<str>> = workflow
            .tasks
            .keys()
            .filter(|name| !named.contains(&***name))
            .cloned()
            .collect();
        roots.sort();
        let mut open: Vec<Arc<str>> = roots.iter().rev().cloned().collect();
        while let Some(name) = open.pop() {
            if links.tasks.insert(Arc::clone(&name)) {
                links.add(workflow, &name, &mut open);
            }
        }
        for ways in links.into.values_mut() {
            ways.sort_by(|a, b| (&a.source, &a.from).cmp(&(&b.source, &b.from)));
        }
        let splits: Vec<Arc<str>> = links
            .tasks
            .iter()
            .filter(|name| !links.joins.contains_key(*name))
            .filter(|name| links.into.get(*name).is_some_and(|ways| ways.len() > 1))
            .filter(|name| !links.in_cycle(name))
            .cloned()
            .collect();
        links.splits.extend(splits);
        links.roots = roots;
        links
    }

    fn add(&mut self, workflow: &Workflow, name: &Arc<str>, open: &mut Vec<Arc<str>>) {
        let Some(task) = workflow.task(name) else {
            return;
        };
        if let Some(join) = task.join {
            self.joins.insert(Arc::clone(name), join);
        }
        if let Some(retry) = &task.retry {
            let rule = RetryRule {
                when: retry.when.clone(),
                count: retry.count.clone().unwrap_or(Value::Int(0)),
                delay: retry.delay.clone(),
            };
            self.retries.insert(Arc::clone(name), rule);
        }
        let mut ways: BTreeMap<Arc<str>, Vec<(usize, Option<Arc<str>>)>> = BTreeMap::new();
        for (index, transition) in task.next.iter().enumerate() {
            for target in &transition.targets {
                if Command::named(target) == Some(Command::Retry) {
                    let rule = RetryRule {
                        when: Some(transition.when.clone().unwrap_or_else(|| RETRY_COMMAND_WHEN.into())),
                        count: Value::Int(RETRY_COMMAND_COUNT),
                        delay: None,
                    };
                    self.retries.insert(Arc::clone(name), rule);
                    continue;
                }
                let way = (index, transition.when.clone());
                let parallel = ways.entry(Arc::clone(target)).or_default();
                if !parallel.contains(&way) {
                    parallel.push(way);
                }
            }
        }
        for (target, parallel) in ways {
            for (key, (transition, criteria)) in parallel.into_iter().enumerate() {
                let way = Way {
                    source: Arc::clone(name),
                    target: Arc::clone(&target),
                    criteria,
                    transition,
                    to: format!("{target}__t{key}").into(),
                    from: format!("{name}__t{key}").into(),
                };
                self.into.entry(Arc::clone(&target)).or_default().push(way.clone());
                self.out.entry(Arc::clone(name)).or_default().push(way);
            }
            open.push(target);
        }
    }

    /// Whether a task can be reached from itself.
    fn in_cycle(&self, name: &Arc<str>) -> bool {
        let mut seen = HashSet::new();
        let mut open: Vec<&Arc<str>> = self.ways_out(name).iter().map(|way| &way.target).collect();
        while let Some(next) = open.pop() {
            if next == name {
                return true;
            }
            if seen.insert(next) {
                open.extend(self.ways_out(next).iter().map(|way| &way.target));
            }
        }
        false
    }

    pub(super) fn has(&self, task: &str) -> bool {
        self.tasks.contains(task)
    }

    pub(super) fn ways_out(&self, task: &str) -> &[Way] {
        self.out.get(task).map_or(&[], Vec::as_slice)
    }

    pub(super) fn ways_into(&self, task: &str) -> &[Way] {
        self.into.get(task).map_or(&[], Vec::as_slice)
    }

    pub(super) fn join(&self, task: &str) -> Option<Join> {
        self.joins.get(task).copied()
    }

    pub(super) fn is_split(&self, task: &str) -> bool {
        self.splits.contains(task)
    }

    pub(super) fn retry(&self, task: &str) -> Option<&RetryRule> {
        self.retries.get(task)
    }
}
