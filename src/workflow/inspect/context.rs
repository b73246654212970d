//! Is every variable set before it is read? Tasks are walked along their transitions, with what was set on the way.
//!
//! The walk is the reference's: breadth first, a task is looked at again when it was named again before its turn, and
//! what is found is told each time. Its number of steps may grow without bound there; here it is limited.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexSet;

use super::place::{TASK, point};
use super::{Category, Finding, MAX_FINDINGS};
use crate::expr::template::{Evaluator, Found};
use crate::expr::value::Value;
use crate::workflow::definition::{
    Command, Document, Inline, Join, Workflow, entry, from_node, is_falsy, list,
};
use crate::workflow::graph::start_tasks;
use crate::workflow::words::suggestion;
use crate::yaml::Node;

/// Steps that follow every path; behind them only what differs from an earlier step counts.
const MAX_STEPS: usize = 20_000;
/// Steps behind which the walk ends.
const LAST_STEP: usize = 100_000;

/// All findings about variables. `given` are names that are set from the start.
pub(super) fn inspect(
    document: &Document,
    workflow: &Workflow,
    evaluator: &Evaluator,
    given: &[Arc<str>],
    findings: &mut Vec<Finding>,
) {
    let mut names = Names::default();
    let reader = Reader {
        document,
        evaluator,
        workflow,
    };
    let start: Vec<_> = given.iter().map(|name| names.id(name)).collect();
    let input = reader.parts("input", &mut names);
    let vars = reader.parts("vars", &mut names);
    let output = reader.parts("output", &mut names);
    let tasks: HashMap<&str, TaskParts> = workflow
        .tasks
        .keys()
        .map(|name| (&**name, reader.task(name, &mut names)))
        .collect();
    let mut walk = Walk {
        document,
        workflow,
        names: &names,
        tasks: &tasks,
        findings,
    };
    let mut set = Set::new(names.0.len());
    start.iter().for_each(|name| set.insert(*name));
    walk.parts(&input, &mut set);
    walk.parts(&vars, &mut set);
    let mut set = walk.tasks(&set);
    walk.parts(&output, &mut set);
}

/// Names as numbers.
#[derive(Default)]
struct Names(IndexSet<String>);

impl Names {
    fn id(&mut self, name: &str) -> usize {
        match self.0.get_index_of(name) {
            Some(id) => id,
            None => self.0.insert_full(name.to_owned()).0,
        }
    }
}

/// A set of names.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Set(Vec<u64>);

impl Set {
    fn new(names: usize) -> Self {
        Self(vec![0; names.div_ceil(64)])
    }

    fn insert(&mut self, name: usize) {
        self.0[name / 64] |= 1 << (name % 64);
    }

    fn has(&self, name: usize) -> bool {
        self.0[name / 64] & (1 << (name % 64)) != 0
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn extend(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }
}

/// A value with what it reads, and the names that it sets afterwards.
struct Part {
    spec: String,
    schema: String,
    reads: Vec<(usize, Found)>,
    sets: Vec<usize>,
}

struct TaskParts {
    own: Vec<Part>,
    next: Vec<Vec<Part>>,
}

struct Reader<'a> {
    document: &'a Document,
    evaluator: &'a Evaluator,
    workflow: &'a Workflow,
}

impl Reader<'_> {
    /// The parts of a top-level property; each sets names.
    fn parts(&self, name: &str, names: &mut Names) -> Vec<Part> {
        let mut parts = Vec::new();
        if let Some(node) = self.document.get(name) {
            self.property(
                node,
                name.to_owned(),
                format!("properties.{name}"),
                true,
                names,
                &mut parts,
            );
        }
        parts
    }

    fn task(&self, name: &str, names: &mut Names) -> TaskParts {
        let path = format!("tasks.{name}");
        let mut own = Vec::new();
        let body = self
            .document
            .get("tasks")
            .and_then(|tasks| entry(tasks, name))
            .map(|task| &task.value);
        let (Some(body), Some(task)) = (body, self.workflow.task(name)) else {
            return TaskParts {
                own,
                next: Vec::new(),
            };
        };
        let add = |node: &Node, name: &str, parts: &mut Vec<Part>, names: &mut Names| {
            let schema = format!("{TASK}.properties.{}", name.replace('.', ".properties."));
            self.property(node, format!("{path}.{name}"), schema, false, names, parts);
        };
        if let Some(delay) = entry(body, "delay") {
            add(&delay.value, "delay", &mut own, names);
        }
        if let Some(with) = entry(body, "with") {
            if let crate::yaml::Kind::Text(_) = with.value.kind {
                add(&with.value, "with.items", &mut own, names);
            }
            for name in ["items", "concurrency"] {
                if let Some(part) = entry(&with.value, name) {
                    add(&part.value, &format!("with.{name}"), &mut own, names);
                }
            }
        }
        if task.inline.is_some() {
            let action = task.action.as_deref().map_or(Value::Null, Value::from);
            for (name, value) in [("action", &action), ("input", &task.input)] {
                let (spec, schema) = (format!("{path}.{name}"), format!("{TASK}.properties.{name}"));
                self.value(value, spec, schema, false, names, &mut own);
            }
        } else {
            for name in ["action", "input"] {
                if let Some(part) = entry(body, name) {
                    add(&part.value, name, &mut own, names);
                }
            }
        }
        let next = entry(body, "next")
            .map(|next| list(&next.value))
            .unwrap_or_default();
        let next = next
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let mut parts = Vec::new();
                for name in ["when", "publish", "do"] {
                    let published = task.next.get(index).and_then(|next| next.inline.as_ref());
                    if name == "publish" && published.is_some_and(|inline| inline.parameters.is_empty()) {
                        continue;
                    }
                    if let Some(part) = entry(item, name) {
                        let spec = format!("{path}.next[{index}].{name}");
                        let schema = format!("{TASK}.properties.next.items.properties.{name}");
                        self.property(&part.value, spec, schema, name == "publish", names, &mut parts);
                    }
                }
                parts
            })
            .collect();
        TaskParts { own, next }
    }

    fn property(
        &self,
        node: &Node,
        spec: String,
        schema: String,
        sets: bool,
        names: &mut Names,
        parts: &mut Vec<Part>,
    ) {
        if !is_falsy(node) {
            self.value(&from_node(node), spec, schema, sets, names, parts);
        }
    }

    /// Lists are looked at item by item, texts with inline parameters parameter by parameter.
    fn value(
        &self,
        value: &Value,
        spec: String,
        schema: String,
        sets: bool,
        names: &mut Names,
        parts: &mut Vec<Part>,
    ) {
        let inline = value
            .as_str()
            .map(Inline::read)
            .filter(|inline| !inline.parameters.is_empty());
        let items: Vec<Value> = match (inline, value) {
            (Some(inline), _) => inline
                .parameters
                .into_iter()
                .map(|parameter| Value::dict([(parameter.name.as_ref(), parameter.value)]))
                .collect(),
            (None, Value::List(items)) => items.iter().cloned().collect(),
            _ => {
                parts.push(self.part(value, spec, schema, sets, names));
                return;
            }
        };
        for (index, item) in items.iter().enumerate() {
            parts.push(self.part(item, format!("{spec}[{index}]"), schema.clone(), sets, names));
        }
    }

    fn part(&self, value: &Value, spec: String, schema: String, sets: bool, names: &mut Names) -> Part {
        let reads = self
            .evaluator
            .check(value)
            .variables
            .into_iter()
            .map(|found| (names.id(&found.variable), found))
            .collect();
        let mut set = Vec::new();
        if sets {
            names_of(value, &mut |name| set.push(names.id(name)));
        }
        Part {
            spec,
            schema,
            reads,
            sets: set,
        }
    }
}

/// The names that an item of `input`, `vars`, `output` or `publish` sets.
fn names_of(value: &Value, tell: &mut impl FnMut(&str)) {
    match value {
        Value::Str(name) => tell(name),
        Value::Dict(dict) => dict.iter().filter_map(|(key, _)| key.as_str()).for_each(tell),
        Value::List(items) => {
            for item in items.iter() {
                match item {
                    Value::Str(name) => tell(name),
                    Value::Dict(dict) if dict.len() == 1 => {
                        dict.iter()
                            .filter_map(|(key, _)| key.as_str())
                            .for_each(&mut *tell);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

struct Walk<'a> {
    document: &'a Document,
    workflow: &'a Workflow,
    names: &'a Names,
    tasks: &'a HashMap<&'a str, TaskParts>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Walk<'a> {
    fn parts(&mut self, parts: &[Part], set: &mut Set) {
        for part in parts {
            for (name, found) in &part.reads {
                if self.findings.len() >= MAX_FINDINGS {
                    break;
                }
                let variable = &found.variable;
                if variable.starts_with("__") {
                    let message = format!(
                        "Variable \"{variable}\" that is prefixed with double underscores is considered a private \
                         variable and cannot be referenced."
                    );
                    self.report(part, found, message, "give the variable another name".to_owned());
                }
                if !set.has(*name) {
                    let known = self.names.0.iter().enumerate().filter(|(id, _)| set.has(*id));
                    let hint = match suggestion(variable, known.map(|(_, name)| name.as_str())) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "set it before: under `input` or `vars`, or in a `publish` on every way here"
                            .into(),
                    };
                    let message = format!("Variable \"{variable}\" is referenced before assignment.");
                    self.report(part, found, message, hint);
                }
            }
            part.sets.iter().for_each(|name| set.insert(*name));
        }
    }

    fn report(&mut self, part: &Part, found: &Found, message: String, hint: String) {
        let mut finding = Finding::new(Category::Context, message);
        finding.spec_path = Some(part.spec.clone());
        finding.schema_path = Some(part.schema.clone());
        finding.language = Some(found.language);
        finding.hint = hint;
        let name = &found.variable;
        let forms = [
            format!("ctx().{name}"),
            format!("ctx({name})"),
            format!("ctx('{name}')"),
            format!("ctx(\"{name}\")"),
        ];
        let present = forms.iter().filter(|form| found.text.contains(form.as_str()));
        let needles: Vec<_> = present.map(String::as_str).chain([&*found.text]).collect();
        point(self.document, &mut finding, Some(&found.text), &needles);
        finding.expression = Some(found.text.clone());
        self.findings.push(finding);
    }

    /// Walks the tasks with what is set at the start. Gives what is set at the end: by all tasks together.
    fn tasks(&mut self, start: &Set) -> Set {
        let workflow = self.workflow;
        let mut rolling = start.clone();
        let mut at_joins: HashMap<&'a str, Set> = HashMap::new();
        let mut traversed = HashSet::new();
        let mut seen = HashSet::new();
        let mut queue: VecDeque<(&'a str, Option<Rc<Set>>)> = start_tasks(workflow)
            .into_iter()
            .map(|name| (&**name, Some(Rc::new(start.clone()))))
            .collect();
        let mut steps = 0;
        while let Some((name, set)) = queue.pop_front() {
            steps += 1;
            traversed.insert(name);
            let set = match set {
                Some(set) if !set.is_empty() => set,
                _ => Rc::new(
                    at_joins
                        .get(name)
                        .cloned()
                        .unwrap_or_else(|| Set::new(self.names.0.len())),
                ),
            };
            if steps > LAST_STEP || (steps > MAX_STEPS && !seen.insert((name, Rc::clone(&set)))) {
                continue;
            }
            rolling.extend(&set);
            if Command::named(name).is_some() {
                continue;
            }
            let (Some(parts), Some(task)) = (self.tasks.get(name), workflow.task(name)) else {
                continue;
            };
            let mut own = (*set).clone();
            self.parts(&parts.own, &mut own);
            for (next, parts) in task.next.iter().zip(&parts.next) {
                for target in &next.targets {
                    let mut branch = own.clone();
                    self.parts(parts, &mut branch);
                    let target: &'a str = target;
                    let known = workflow.task(target);
                    if traversed.contains(target) || (known.is_none() && Command::named(target).is_none()) {
                        continue;
                    }
                    let joins = matches!(
                        known.and_then(|task| task.join),
                        Some(Join::All) | Some(Join::Count(1..=i64::MAX | i64::MIN..=-1))
                    );
                    if joins {
                        at_joins
                            .entry(target)
                            .and_modify(|set| set.extend(&branch))
                            .or_insert_with(|| branch.clone());
                        queue.push_back((target, None));
                    } else {
                        queue.push_back((target, Some(Rc::new(branch))));
                    }
                }
            }
        }
        rolling
    }
}
