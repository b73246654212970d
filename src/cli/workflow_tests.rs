//! `sayso pack test`: runs the tests of workflows that lie beside them; needs no server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::output::Format;
use super::table::visible;
use super::workflow::{evaluator, read};
use super::{CliError, CliResult, Context};
use crate::workflow::rehearsal::{Outcome, Rehearsal};

/// Exit status when a test fails.
const FAILED: u8 = 1;
/// Not tests of workflows, though they lie among them.
const EXAMPLES_OF_ALIASES: &str = "tests/aliases.yaml";
/// Most files of tests in a pack.
const MOST_FILES: usize = 10_000;

/// What became of the tests in a file.
struct Told {
    file: PathBuf,
    outcomes: Result<Vec<Outcome>, String>,
}

/// Runs the tests in packs and files.
pub(super) fn test(context: &mut Context<'_>, paths: &[PathBuf]) -> CliResult {
    let mut files = Vec::new();
    for path in paths {
        files.extend(tests_in(path)?);
    }
    if files.is_empty() {
        return Err(CliError::new("there are no tests").hint(
            "write them below tests/ of the pack, as YAML with `workflow:` and `tests:`; see docs/workflows.md",
        ));
    }
    let told: Vec<Told> = super::workflow::bounded(move || {
        let evaluator = Arc::new(evaluator());
        let run = |(root, file): (PathBuf, PathBuf)| {
            let outcomes = run(&root, &file, &evaluator);
            Told { file, outcomes }
        };
        files.into_iter().map(run).collect()
    })?;
    let failed = told.iter().any(|told| match &told.outcomes {
        Ok(outcomes) => outcomes.iter().any(|outcome| !outcome.failures.is_empty()),
        Err(_) => true,
    });
    if context.format == Format::Table {
        people(context, &told)?;
    } else {
        context.out.value(&as_json(&told, !failed), context.format)?;
    }
    Ok(if failed { FAILED } else { 0 })
}

/// Files of tests with the pack that each belongs to: a file alone, or all of a pack's in order of their names.
fn tests_in(path: &Path) -> Result<Vec<(PathBuf, PathBuf)>, CliError> {
    let fail = |error: std::io::Error| {
        let told = CliError::new(format!("cannot read {}: {error}", path.display()));
        told.hint("name the folder of a pack, or a file of tests in it")
    };
    if std::fs::metadata(path).map_err(fail)?.is_file() {
        let root = path.ancestors().find(|folder| folder.join("pack.yaml").is_file());
        let root = root.or_else(|| path.parent()).unwrap_or(path);
        return Ok(vec![(root.to_owned(), path.to_owned())]);
    }
    let folder = path.join("tests");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            // Links are not followed: they could lead in circles.
            let kind = entry.file_type().map_err(fail)?;
            let file = entry.path();
            if kind.is_dir() && entry.file_name() != "fixtures" {
                open.push(file);
            } else if kind.is_file() && file == path.join(EXAMPLES_OF_ALIASES) {
                // `sayso alias test` runs these.
            } else if kind.is_file() && file.extension().is_some_and(|end| end == "yaml" || end == "yml") {
                found.push((path.to_owned(), file));
            }
            if found.len() + open.len() > MOST_FILES {
                return Err(CliError::new(format!(
                    "{} has more than {MOST_FILES} tests",
                    path.display()
                )));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Runs the tests in a file.
fn run(
    root: &Path,
    file: &Path,
    evaluator: &Arc<crate::expr::template::Evaluator>,
) -> Result<Vec<Outcome>, String> {
    let text = read(file).map_err(|error| error.message)?;
    let beside = file.parent().unwrap_or(root);
    let load = |name: &str| {
        find(root, beside, file, name).and_then(|path| read(&path).map_err(|error| error.message))
    };
    let rehearsal =
        Rehearsal::read(&text, &file.display().to_string(), &load).map_err(|error| error.to_string())?;
    let definition = load(&rehearsal.workflow)?;
    Ok(rehearsal.run(&definition, evaluator))
}

/// The file that a test names: beside the test, or in the pack where workflows lie. A test may be called as its workflow.
fn find(root: &Path, beside: &Path, test: &Path, name: &str) -> Result<PathBuf, String> {
    let wanted = Path::new(name);
    let stays = wanted.components().all(|part| {
        matches!(
            part,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    });
    if !stays {
        return Err(format!("`{name}` leads out of the pack: write a path below it"));
    }
    let folders = [
        beside.to_owned(),
        root.to_owned(),
        // The metadata of a workflow's action is often called as its definition.
        root.join("actions/workflows"),
        root.join("actions"),
    ];
    folders
        .iter()
        .map(|folder| folder.join(wanted))
        .find(|path| path.is_file() && path != test)
        .ok_or_else(|| {
            format!("there is no file `{name}` beside the test, in the pack, or below its actions/")
        })
}

fn people(context: &mut Context<'_>, told: &[Told]) -> Result<(), CliError> {
    let (mut passed, mut failed) = (0, 0);
    for told in told {
        let file = told.file.display();
        match &told.outcomes {
            Err(error) => {
                failed += 1;
                context.out.line(&format!("FAILED  {file}"))?;
                for line in error.lines() {
                    context.out.line(&visible(&format!("        {line}")))?;
                }
            }
            Ok(outcomes) => {
                for outcome in outcomes {
                    let name = match outcome.name.as_str() {
                        "" => String::new(),
                        name => format!(": {name}"),
                    };
                    let ok = outcome.failures.is_empty();
                    let word = if ok { "ok    " } else { "FAILED" };
                    context.out.line(&visible(&format!("{word}  {file}{name}")))?;
                    for failure in &outcome.failures {
                        context.out.line(&visible(&format!("        {failure}")))?;
                    }
                    passed += usize::from(ok);
                    failed += usize::from(!ok);
                }
            }
        }
    }
    context.out.line(&format!("{passed} passed, {failed} failed"))
}

fn as_json(told: &[Told], ok: bool) -> Json {
    let files = told.iter().map(|told| {
        let file = told.file.display().to_string();
        match &told.outcomes {
            Err(error) => json!({"file": file, "ok": false, "error": error}),
            Ok(outcomes) => {
                let tests: Vec<Json> = outcomes
                    .iter()
                    .map(|outcome| {
                        json!({"name": outcome.name, "ok": outcome.failures.is_empty(), "failures": outcome.failures})
                    })
                    .collect();
                let ok = outcomes.iter().all(|outcome| outcome.failures.is_empty());
                json!({"file": file, "ok": ok, "tests": tests})
            }
        }
    });
    json!({"ok": ok, "files": files.collect::<Vec<_>>()})
}
