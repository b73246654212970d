//! Does a definition make sense? Reserved names, undefined tasks, a place to start, joins that can be reached.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::place::{TASK, task};
use super::{Category, Finding};
use crate::workflow::definition::{Command, Document, Workflow};
use crate::workflow::graph::{Graph, NodeId, start_tasks};
use crate::workflow::words::{list_of_names, suggestion};

/// Steps of a walk that follows every path; behind it each task counts once only.
const MAX_STEPS: usize = 20_000;

/// All findings about the sense.
pub(super) fn inspect(document: &Document, workflow: &Workflow, graph: &Graph, findings: &mut Vec<Finding>) {
    let mut report = |message: String, (spec, schema): (String, String), hint: String| {
        let mut finding = Finding::new(Category::Semantics, message);
        finding.at = document.locate(&spec);
        finding.spec_path = Some(spec);
        finding.schema_path = Some(schema);
        finding.hint = hint;
        findings.push(finding);
    };
    for name in workflow
        .tasks
        .keys()
        .filter(|name| Command::named(name).is_some())
    {
        let message = format!("The task name \"{name}\" is reserved with special function.");
        report(message, task(name), "give the task another name".to_owned());
    }
    let starts = start_tasks(workflow);
    if !workflow.tasks.is_empty() && starts.is_empty() {
        let message = "Unable to identify any tasks to start the workflow. If the workflow has a loop, please add a \
                       task that serves as an entry point (or lead) into the loop.";
        let hint = "every task is named by another one: add one that nothing leads to".to_owned();
        report(
            message.to_owned(),
            ("tasks".to_owned(), "properties.tasks".to_owned()),
            hint,
        );
    }
    for (name, transition, target) in undefined(workflow, &starts) {
        let (spec, schema) = task(name);
        let commands = Command::ALL.iter().map(|command| command.name());
        let names = workflow.tasks.keys().map(|name| &**name).chain(commands);
        let hint = match suggestion(target, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "tasks here: {}",
                list_of_names(workflow.tasks.keys().map(|name| &**name))
            ),
        };
        report(
            format!("The task \"{target}\" is not defined."),
            (
                format!("{spec}.next[{transition}].do"),
                format!("{schema}.properties.next.items.properties.do"),
            ),
            hint,
        );
    }
    for node in unreachable_joins(graph) {
        let name = &graph.node(node).name;
        let message = format!(
            "The join task \"{name}\" is unreachable. A join task is determined to be unreachable if there are \
             nested forks from multi-referenced tasks that join on the said task. This is ambiguous to the workflow \
             engine because it does not know at which level should the join occurs."
        );
        let hint = "a task before it that several transitions lead to runs once for each of them: give that task a \
                    `join`, or join before it";
        report(message, task(name), hint.to_owned());
    }
    for item in workflow
        .tasks
        .values()
        .filter(|task| task.with.is_some() && task.action.is_none())
    {
        let message = "The action property is required for with items task.".to_owned();
        report(message, (item.path(), TASK.to_owned()), "add `action`".to_owned());
    }
}

/// Names in `do` that are neither tasks nor commands, of tasks that can be reached; once for each arrival.
fn undefined<'w>(workflow: &'w Workflow, starts: &[&'w Arc<str>]) -> Vec<(&'w str, usize, &'w str)> {
    let mut found = Vec::new();
    let mut traversed = HashSet::new();
    let mut queue: VecDeque<&str> = starts.iter().map(|name| &***name).collect();
    let mut steps = 0;
    while let Some(name) = queue.pop_front() {
        steps += 1;
        let again = !traversed.insert(name);
        if again && steps > MAX_STEPS {
            continue;
        }
        let Some(task) = workflow.task(name).filter(|_| Command::named(name).is_none()) else {
            continue;
        };
        for next in &task.next {
            for target in &next.targets {
                if Command::named(target).is_some() || traversed.contains(&**target) {
                    continue;
                }
                if workflow.tasks.contains_key(target) {
                    queue.push_back(target);
                } else {
                    found.push((name, next.index, &**target));
                }
            }
        }
    }
    found
}

/// Split tasks passed on a way, in order of their numbers.
type Splits = Rc<Vec<NodeId>>;

/// Joins where ways meet that passed other split tasks than all ways to the join together.
fn unreachable_joins(graph: &Graph) -> Vec<NodeId> {
    let nodes = graph.nodes();
    let joins = || (0..nodes.len()).filter(|id| nodes[*id].barrier.is_some());
    if joins().next().is_none() || !nodes.iter().any(|node| node.is_split) {
        return Vec::new();
    }
    let mut passed: Vec<Option<HashSet<NodeId>>> = vec![None; nodes.len()];
    let mut sources: Vec<HashSet<NodeId>> = vec![HashSet::new(); nodes.len()];
    let mut seen: HashSet<(Option<NodeId>, NodeId, Splits)> = HashSet::new();
    let mut queue: VecDeque<_> = graph
        .roots()
        .iter()
        .map(|root| (None, *root, Splits::default()))
        .collect();
    while let Some((before, id, mut splits)) = queue.pop_front() {
        let node = &nodes[id];
        // What arrives a second time in the same way changes nothing.
        if node.task.is_none() || !seen.insert((before, id, Rc::clone(&splits))) {
            continue;
        }
        if seen.len() > MAX_STEPS {
            return Vec::new();
        }
        if node.is_split
            && let Err(place) = splits.binary_search(&id)
        {
            Rc::make_mut(&mut splits).insert(place, id);
        }
        passed[id].get_or_insert_default().extend(splits.iter());
        sources[id].extend(before);
        for (_, edge) in graph.outgoing(id) {
            if passed[edge.to].is_none() || !nodes[edge.to].in_cycle {
                queue.push_back((Some(id), edge.to, Rc::clone(&splits)));
            }
        }
    }
    joins()
        .filter(|join| {
            sources[*join]
                .iter()
                .any(|source| passed[*source] != passed[*join])
        })
        .collect()
}
