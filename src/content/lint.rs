//! `pack lint`: everything that is wrong in one pack, at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::checks::Checks;
use super::fields;
use super::overrides::Overrides;
use super::pack::{self, Items, Loaded, Surroundings};
use super::source::{self, Source};
use super::{advice, cross, events, flows};
use crate::model::{Action, Pack, Problem, Severity};

/// What was found in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LintReport {
    /// Ref of the pack; the folder's name when pack.yaml does not tell.
    pub pack: String,
    /// Whether the pack can be used: no errors.
    pub ok: bool,
    /// What makes items unusable.
    pub errors: Vec<LintProblem>,
    /// What is probably not as meant.
    pub warnings: Vec<LintProblem>,
    /// How many items of each kind there are.
    pub counts: Counts,
}

/// One problem, as machines read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LintProblem {
    /// File, from the pack's folder on: `core/actions/local.yaml`.
    pub file: String,
    /// Line from 1; 0 for the whole file.
    pub line: usize,
    /// Column from 1; 0 when unknown.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
    /// The line's text, for people.
    #[serde(skip)]
    pub text: String,
}

/// Files of each kind, broken ones included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// `actions/*.yaml`
    pub actions: usize,
    /// `aliases/*.yaml`
    pub aliases: usize,
    /// `rules/*.yaml`
    pub rules: usize,
    /// `actions/workflows/*.yaml`
    pub workflows: usize,
    /// `sensors/*.yaml`
    pub sensors: usize,
    /// `triggers/*.yaml`
    pub triggers: usize,
    /// `policies/*.yaml`
    pub policies: usize,
}

impl From<Problem> for LintProblem {
    fn from(problem: Problem) -> Self {
        let Problem {
            file,
            line,
            column,
            message,
            hint,
            text,
            severity: _,
        } = problem;
        Self {
            file,
            line,
            column,
            message,
            hint,
            text,
        }
    }
}

impl LintProblem {
    /// As a problem again, for printing.
    #[must_use]
    pub fn problem(&self, severity: Severity) -> Problem {
        Problem {
            severity,
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            message: self.message.clone(),
            hint: self.hint.clone(),
            text: self.text.clone(),
        }
    }
}

impl Counts {
    fn new(counts: &BTreeMap<String, usize>) -> Self {
        let count = |kind: &str| counts.get(kind).copied().unwrap_or_default();
        Self {
            actions: count("actions"),
            aliases: count("aliases"),
            rules: count("rules"),
            workflows: count("workflows"),
            sensors: count("sensors"),
            triggers: count("triggers"),
            policies: count("policies"),
        }
    }
}

/// Checks the pack in the folder `path` (or the folder of the pack.yaml given).
#[must_use]
pub fn lint(path: &Path, checks: &Checks) -> LintReport {
    let folder = if path.file_name().is_some_and(|name| name == "pack.yaml") {
        path.parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."))
    } else {
        path
    };
    let real = match folder.canonicalize() {
        Ok(real) if real.is_dir() => real,
        found => {
            let message = match found {
                Ok(_) => "this is no folder".to_owned(),
                Err(error) => format!("the folder cannot be read: {error}"),
            };
            let file = path.to_string_lossy();
            let problem = fields::whole(
                Severity::Error,
                &file,
                message,
                "give the folder of a pack".into(),
            );
            return report(file.clone().into_owned(), vec![problem], Counts::default());
        }
    };
    let name = real
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let overrides = Overrides::default();
    let around = Surroundings {
        checks,
        configs: None,
        overrides: &overrides,
    };
    let Loaded {
        pack,
        items,
        mut problems,
        ..
    } = pack::load(&Source::Disk(real), &name, &around);
    let Some(pack) = pack else {
        return report(name, problems, Counts::default());
    };
    problems.append(&mut warnings(&pack, &items, &name, checks));
    report(pack.reference.clone(), problems, Counts::new(&pack.counts))
}

/// What works and is probably not meant.
fn warnings(pack: &Pack, items: &Items, folder: &str, checks: &Checks) -> Vec<Problem> {
    let mut problems = advice::pack(pack, items, folder);
    let known = |reference: &str| {
        let action = items.actions.iter().find(|action| action.reference == reference);
        match (action, reference.split_once('.')) {
            (Some(action), _) => cross::Target::Known(action),
            // Other packs are not at hand.
            (None, Some((other, _))) if other != pack.reference => cross::Target::Elsewhere,
            (None, _) => cross::Target::Missing,
        }
    };
    let names: Vec<&str> = items
        .actions
        .iter()
        .map(|action| action.reference.as_str())
        .collect();
    for alias in &items.aliases {
        problems.append(&mut cross::alias(
            alias,
            &items.source,
            folder,
            checks,
            &known,
            &names,
        ));
    }
    let builtin = builtin(pack, items, checks);
    problems.append(&mut of_events(pack, items, folder, checks, &builtin));
    problems.append(&mut definitions(pack, items, folder, checks, &builtin));
    problems
}

/// The packs in the binary, when anything of a pack may name what is in them.
fn builtin(pack: &Pack, items: &Items, checks: &Checks) -> Vec<(String, Items)> {
    let flows = items.actions.iter().any(|action| flows::is_flow(action));
    if !flows && items.events.rules.is_empty() && items.events.policies.is_empty() {
        return Vec::new();
    }
    let overrides = Overrides::default();
    let around = Surroundings {
        checks,
        configs: None,
        overrides: &overrides,
    };
    let packs = source::builtin_packs().into_iter();
    packs
        .filter(|name| *name != pack.reference)
        .map(|name| {
            let loaded = pack::load(&Source::Builtin(name.clone()), &name, &around);
            (name, loaded.items)
        })
        .collect()
}

/// What is wrong with rules and policies. As for workflows, other packs are not at hand.
fn of_events(
    pack: &Pack,
    items: &Items,
    folder: &str,
    checks: &Checks,
    builtin: &[(String, Items)],
) -> Vec<Problem> {
    let all = || builtin.iter().map(|(_, items)| items).chain([items]);
    let actions: BTreeMap<&str, &Arc<Action>> = all()
        .flat_map(|items| &items.actions)
        .map(|action| (action.reference.as_str(), action))
        .collect();
    let is_settled = |name: &str| {
        name == pack.reference || builtin.iter().any(|(builtin, _)| builtin == name) || name.is_empty()
    };
    let names: Vec<&str> = actions.keys().copied().collect();
    let known = events::Known {
        target: |reference: &str| {
            let other = reference.split('.').next().unwrap_or_default();
            match actions.get(reference) {
                Some(action) => cross::Target::Known(action),
                None if is_settled(other) => cross::Target::Missing,
                None => cross::Target::Elsewhere,
            }
        },
        actions: &names,
        types: events::all_types(all()),
        is_settled: &is_settled,
        checks,
    };
    events::check(items, folder, &known, &mut Vec::new())
}

/// What is wrong with workflows. Their tasks may name actions of this pack and of those in the binary; other packs
/// are not at hand.
fn definitions(
    pack: &Pack,
    items: &Items,
    folder: &str,
    checks: &Checks,
    builtin: &[(String, Items)],
) -> Vec<Problem> {
    let actions = builtin.iter().flat_map(|(_, items)| &items.actions);
    let known = flows::Known {
        actions: actions
            .chain(&items.actions)
            .map(|action| (action.reference.as_str(), &**action))
            .collect(),
        checks,
        packs: Some(
            builtin
                .iter()
                .map(|(name, _)| name.as_str())
                .chain([pack.reference.as_str()])
                .collect(),
        ),
    };
    flows::of_pack(items.actions.iter(), folder, &known)
}

fn report(pack: String, mut problems: Vec<Problem>, counts: Counts) -> LintReport {
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    problems.dedup();
    let (errors, warnings): (Vec<_>, Vec<_>) = problems
        .into_iter()
        .partition(|problem| problem.severity == Severity::Error);
    let plain = |problems: Vec<Problem>| problems.into_iter().map(LintProblem::from).collect();
    LintReport {
        pack,
        ok: errors.is_empty(),
        errors: plain(errors),
        warnings: plain(warnings),
        counts,
    }
}
