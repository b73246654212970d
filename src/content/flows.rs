//! Workflows and action chains are inspected when everything is loaded: their tasks name actions of any pack.
//!
//! A definition with errors cannot start. When its action worked before, that version stays in force; a new one is
//! there and reported, so that whoever runs it is told what is wrong with it, and not that it does not exist.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::checks::Checks;
use super::load::in_parallel;
use super::nearest::nearest_action;
use super::snapshot::{Parts, SITE, Snapshot};
use crate::expr::template::{Evaluator, Limits, Surroundings};
use crate::expr::value::{Date, DateTime};
use crate::model::{Action, Problem, Severity};
use crate::workflow::chain::Chain;
use crate::workflow::definition::{Document, Workflow};
use crate::workflow::graph::Graph;
use crate::workflow::inspect::{ActionShape, Actions, Category, Inspector, Report};
use crate::yaml::{self, Kind};

/// Runner of workflows.
const WORKFLOW: &str = "orquesta";
/// Runner of action chains.
const CHAIN: &str = "action-chain";
/// Variables that every workflow has from the start.
const GIVEN: [&str; 2] = ["st2", "parent"];

/// What was found in one definition, and what it depends on: good until one of them changes.
#[derive(Debug)]
pub(super) struct Inspected {
    key: [u8; 32],
    /// Actions that tasks name, as they were.
    seen: BTreeMap<String, Option<ActionShape>>,
    problems: Vec<Problem>,
}

impl Inspected {
    fn is_broken(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }
}

/// Inspections by reference of the action, for the next reload.
pub(super) type Inspections = BTreeMap<String, Arc<Inspected>>;

/// Whether an action's entry point is a definition that can be inspected.
pub(super) fn is_flow(action: &Action) -> bool {
    matches!(action.runner_type.as_str(), WORKFLOW | CHAIN) && action.entry_point_text.is_some()
}

/// Where actions are looked up.
pub(super) struct Known<'a> {
    pub(super) actions: BTreeMap<&'a str, &'a Action>,
    pub(super) checks: &'a Checks,
    /// Packs whose actions are all here; `None` when all are.
    pub(super) packs: Option<Vec<&'a str>>,
}

/// The actions of `known`, with a note of every question.
struct Asked<'a> {
    known: &'a Known<'a>,
    seen: RefCell<BTreeMap<String, Option<ActionShape>>>,
}

impl Known<'_> {
    fn shape(&self, reference: &str) -> Option<ActionShape> {
        self.actions
            .get(reference)
            .map(|action| self.checks.shape(action))
    }
}

impl Actions for Asked<'_> {
    fn find(&self, reference: &str) -> Option<ActionShape> {
        let shape = self.known.shape(reference);
        self.seen.borrow_mut().insert(reference.to_owned(), shape.clone());
        shape
    }

    fn nearest(&self, reference: &str) -> Option<String> {
        nearest_action(reference, self.known.actions.keys().copied()).map(str::to_owned)
    }

    fn is_in_sight(&self, reference: &str) -> bool {
        let pack = reference.split('.').next().unwrap_or_default();
        self.known
            .packs
            .as_ref()
            .is_none_or(|packs| packs.contains(&pack))
    }
}

/// Inspects all definitions of `parts`, reports what is wrong, and puts the versions of `before` in the place of those
/// that cannot start any more. Gives the inspections and the items that were kept.
pub(super) fn inspect_all(
    parts: &mut Parts,
    before: Option<&Snapshot>,
    checks: &Checks,
) -> (Inspections, Vec<String>) {
    let mut inspections = Inspections::new();
    let mut kept = Vec::new();
    {
        let packs = || parts.items.iter().filter(|(pack, _)| *pack != SITE);
        let actions = packs().flat_map(|(_, items)| items.actions.iter());
        let known = Known {
            actions: actions
                .clone()
                .map(|action| (action.reference.as_str(), &**action))
                .collect(),
            checks,
            packs: None,
        };
        let earlier = |action: &Action| before.and_then(|before| before.inspections.get(&action.reference));
        let mut fresh = Vec::new();
        let mut shapes = HashMap::new();
        for action in actions.filter(|action| is_flow(action)) {
            let shown = shown(&action.pack, action);
            let known_already = earlier(action).filter(|found| {
                found.key == key(action, &shown)
                    && found.seen.iter().all(|(reference, shape)| {
                        let now = shapes
                            .entry(reference.clone())
                            .or_insert_with(|| known.shape(reference));
                        *now == *shape
                    })
            });
            match known_already {
                Some(found) => {
                    inspections.insert(action.reference.clone(), Arc::clone(found));
                }
                None => fresh.push((action, shown)),
            }
        }
        if fresh.is_empty() && inspections.is_empty() {
            return (inspections, kept);
        }
        let evaluator = evaluator();
        let found = in_parallel(&fresh, |(action, shown)| {
            Arc::new(inspect(action, shown, &known, &evaluator))
        });
        for ((action, _), found) in fresh.iter().zip(found) {
            inspections.insert(action.reference.clone(), found);
        }
    }
    for (pack, items) in &mut parts.items {
        let broken: Vec<usize> = items
            .actions
            .iter()
            .enumerate()
            .filter(|(_, action)| {
                inspections
                    .get(&action.reference)
                    .is_some_and(|one| one.is_broken())
            })
            .map(|(index, _)| index)
            .collect();
        for index in broken {
            let now = &items.actions[index];
            let Some(earlier) = working(before, pack, now, checks) else {
                continue;
            };
            let reference = now.reference.clone();
            // Whether it may be used at all is said elsewhere and well known.
            let earlier = Action {
                enabled: now.enabled,
                ..(**earlier).clone()
            };
            Arc::make_mut(items).actions[index] = Arc::new(earlier);
            kept.push(format!("action {reference}"));
        }
    }
    let problems = inspections.values().flat_map(|found| found.problems.iter());
    parts.problems.extend(problems.cloned());
    (inspections, kept)
}

/// The version of an action that is in force and can start, when it is another one than `now`.
fn working<'a>(
    before: Option<&'a Snapshot>,
    pack: &str,
    now: &Action,
    checks: &Checks,
) -> Option<&'a Arc<Action>> {
    let earlier = before?
        .items
        .get(pack)?
        .actions
        .iter()
        .find(|earlier| earlier.reference == now.reference)?;
    if earlier.digest == now.digest || earlier.pack_dir != now.pack_dir {
        return None;
    }
    // Its runner may be gone with a new version of the service.
    let runs = checks.runners.is_empty() || checks.runners.contains_key(&earlier.runner_type);
    let before = before?.inspections.get(&now.reference);
    // What was found before belongs to the file of then, which is not the version in force when that one was kept.
    let broken = before
        .is_some_and(|found| found.is_broken() && found.key == key(earlier, &shown(&earlier.pack, earlier)));
    (runs && !broken).then_some(earlier)
}

/// What is wrong with the definitions of one pack, for `pack lint`. Files are shown below `folder`.
pub(super) fn of_pack<'a>(
    actions: impl Iterator<Item = &'a Arc<Action>>,
    folder: &str,
    known: &Known<'_>,
) -> Vec<Problem> {
    let evaluator = evaluator();
    actions
        .filter(|action| is_flow(action))
        .flat_map(|action| inspect(action, &shown(folder, action), known, &evaluator).problems)
        .collect()
}

/// What is wrong with a definition that belongs to no action.
pub(super) fn of_text(text: &str, known: &Known<'_>) -> Report {
    let asked = Asked {
        known,
        seen: RefCell::default(),
    };
    let evaluator = evaluator();
    let inspector = Inspector::new(&evaluator).with_context(GIVEN);
    inspector.with_actions(&asked).inspect_text(text)
}

fn shown(folder: &str, action: &Action) -> String {
    format!("{folder}/actions/{}", action.entry_point)
}

/// Everything that an inspection depends on, except other actions.
fn key(action: &Action, shown: &str) -> [u8; 32] {
    let mut key = Sha256::new();
    for part in [shown, &action.digest] {
        key.update((part.len() as u64).to_le_bytes());
        key.update(part);
    }
    key.finalize().into()
}

fn inspect(action: &Action, shown: &str, known: &Known<'_>, evaluator: &Evaluator) -> Inspected {
    let asked = Asked {
        known,
        seen: RefCell::default(),
    };
    let text = action.entry_point_text.as_deref().unwrap_or_default();
    let problems = if action.runner_type == CHAIN {
        chain(text, shown, &asked)
    } else {
        workflow(action, text, shown, &asked, evaluator)
    };
    Inspected {
        key: key(action, shown),
        seen: asked.seen.into_inner(),
        problems,
    }
}

fn workflow(
    action: &Action,
    text: &str,
    shown: &str,
    asked: &Asked<'_>,
    evaluator: &Evaluator,
) -> Vec<Problem> {
    let mut inspector = Inspector::new(evaluator).with_context(GIVEN);
    // Without runners, their parameters are unknown as well.
    if !asked.known.checks.runners.is_empty() {
        inspector = inspector.with_actions(asked);
    }
    let Ok(document) = Document::parse(text) else {
        let errors = inspector.inspect_text(text).errors;
        return errors
            .iter()
            .map(|finding| finding.problem(shown, text))
            .collect();
    };
    if let Some(old) = mistral(&document, text, shown) {
        return vec![old];
    }
    let workflow = Workflow::read(&document);
    let graph = Graph::compose(&workflow);
    let report = inspector.inspect(&document, &workflow, &graph);
    let mut problems: Vec<Problem> = report
        .errors
        .iter()
        .chain(&report.warnings)
        .map(|finding| {
            let mut problem = finding.problem(shown, text);
            if finding.category == Category::Content {
                // With it the workflow cannot start.
                problem.severity = Severity::Error;
            }
            problem
        })
        .collect();
    problems.append(&mut inputs(action, &workflow, text, shown));
    problems
}

/// Parameters of the action and inputs of its workflow that do not meet.
fn inputs(action: &Action, workflow: &Workflow, text: &str, shown: &str) -> Vec<Problem> {
    let warning = |line: u32, column: u32, message: String, hint: String| Problem {
        severity: Severity::Warning,
        file: shown.to_owned(),
        line: line as usize,
        column: column as usize,
        message,
        hint,
        text: yaml::line_text(text, line),
    };
    let mut problems = Vec::new();
    for input in &workflow.input {
        if !action.parameters.contains_key(&*input.name) {
            let message = format!(
                "the input `{}` is no parameter of {}: it is always {}",
                input.name,
                action.reference,
                if input.has_default {
                    "its default"
                } else {
                    "nothing"
                },
            );
            let hint = format!("add `{}` to `parameters` in {}", input.name, action.metadata_file);
            problems.push(warning(input.at.line, input.at.column, message, hint));
        }
    }
    for (name, schema) in &action.parameters {
        // The runner's own parameter with another default is none of the workflow's.
        let of_runner = name == "notify" || schema.get("immutable") == Some(&true.into());
        if !of_runner && workflow.input.iter().all(|input| *input.name != **name) {
            let message = format!(
                "the parameter `{name}` of {} is no input of the workflow: what is given there is not used",
                action.reference
            );
            problems.push(warning(0, 0, message, format!("add `- {name}` to `input`")));
        }
    }
    problems
}

/// The definition as one of Mistral, which the reference ran before orquesta: one plain sentence instead of an error
/// for each of its keys.
fn mistral(document: &Document, text: &str, shown: &str) -> Option<Problem> {
    let version = document.get("version")?;
    let is_two = match &version.kind {
        Kind::Text(version) => version.as_str() == "2.0",
        _ => version.to_json().as_f64() == Some(2.0),
    };
    (is_two && document.get("tasks").is_none()).then(|| Problem {
        severity: Severity::Error,
        file: shown.to_owned(),
        line: version.at.line as usize,
        column: version.at.column as usize,
        message: "this is a workflow for Mistral, which is gone; orquesta cannot run it".into(),
        hint: "rewrite it with `version: 1.0` and `tasks`; see docs/workflows.md".into(),
        text: yaml::line_text(text, version.at.line),
    })
}

/// What is wrong with an action chain, and the actions that its tasks name and nobody has.
fn chain(text: &str, shown: &str, asked: &Asked<'_>) -> Vec<Problem> {
    let report = Chain::read(text, shown);
    let mut problems = report.problems;
    let nodes = report.chain.iter().flat_map(|chain| &chain.nodes);
    for node in nodes.filter(|node| !node.action.contains("{{")) {
        let reference = node.action.as_str();
        if asked.find(reference).is_some() || !asked.is_in_sight(reference) {
            continue;
        }
        let hint = match asked.nearest(reference) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "install its pack, or correct the name".to_owned(),
        };
        problems.push(Problem {
            severity: Severity::Warning,
            file: shown.to_owned(),
            line: node.at.line as usize,
            column: node.at.column as usize,
            message: format!("task `{}`: there is no action `{reference}`", node.name),
            hint,
            text: yaml::line_text(text, node.at.line),
        });
    }
    problems
}

/// Expressions are read here and never evaluated.
fn evaluator() -> Evaluator {
    Evaluator::new(Limits::default(), Arc::new(Still))
}

/// No time passes.
struct Still;

impl Surroundings for Still {
    fn now(&self) -> DateTime {
        DateTime::utc(Date::new(1970, 1, 1).expect("the day exists"), 0)
    }

    fn random(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests;
