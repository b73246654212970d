//! `sayso workflow …`: validates, draws and tries workflow definitions; needs no server.

#[path = "workflow_runs.rs"]
mod runs;

pub(super) use runs::bounded;

use std::fs;
use std::io::{BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use super::args::WorkflowCommand;
use super::output::Format;
use super::table::visible;
use super::{CliError, CliResult, Context};
use crate::expr::template::{Evaluator, Limits, Surroundings};
use crate::expr::value::DateTime;
use crate::workflow::batch;
use crate::workflow::batch_runs::Asked;
use crate::workflow::definition::{Document, Workflow};
use crate::workflow::draw;
use crate::workflow::graph::Graph;
use crate::workflow::inspect::{Inspector, Report};
use crate::yaml;

/// Exit status of a definition that may not run.
const INVALID: u8 = 1;

pub(super) async fn workflow(context: &mut Context<'_>, command: &WorkflowCommand) -> CliResult {
    match command {
        WorkflowCommand::Validate { batch: true, .. } => rows_of_standard_input(context).await,
        WorkflowCommand::Validate {
            file: Some(file),
            context: names,
            ..
        } => validate(context, file, names.as_deref()),
        WorkflowCommand::Validate { file: None, .. } => Err(CliError::new("there is no file to validate")
            .hint("name one, or use --batch for rows of standard input")),
        WorkflowCommand::Graph {
            file, dot, mermaid, ..
        } => {
            let text = read(file)?;
            let document = Document::parse(&text).map_err(|error| {
                CliError::new(format!("{}: {error}", file.display()))
                    .hint(error.hint)
                    .status(INVALID)
            })?;
            let workflow = Workflow::read(&document);
            let graph = Graph::compose(&workflow);
            let drawing = match (dot, mermaid) {
                (true, _) => draw::dot(&workflow, &graph),
                (_, true) => draw::mermaid(&workflow, &graph),
                _ => draw::svg(&workflow, &graph),
            };
            context.out.text(&drawing)?;
            Ok(0)
        }
        WorkflowCommand::Simulate {
            workflow: Some(file),
            scene,
            ..
        } => runs::simulate(context, file, scene),
        WorkflowCommand::Simulate { scene, .. } => {
            runs::batch(context, Asked::Simulate, scene.legacy_reevaluate).await
        }
        WorkflowCommand::Replay {
            workflow: Some(file),
            ops: Some(ops),
            inputs,
            context: caller,
            legacy_reevaluate,
            ..
        } => {
            let scene = [inputs.as_deref(), caller.as_deref()];
            runs::replay(context, file, ops, scene, *legacy_reevaluate)
        }
        WorkflowCommand::Replay {
            legacy_reevaluate, ..
        } => runs::batch(context, Asked::Replay, *legacy_reevaluate).await,
        WorkflowCommand::DryRun {
            file,
            scene,
            input,
            fail,
        } => runs::dry_run(context, file, scene, input, fail),
    }
}

pub(super) fn read(file: &Path) -> Result<String, CliError> {
    let fail = |error: String| CliError::new(format!("cannot read {}: {error}", file.display()));
    let size = fs::metadata(file).map_err(|error| fail(error.to_string()))?.len();
    if size > yaml::MAX_BYTES as u64 {
        return Err(fail(format!(
            "it is larger than {} MiB",
            yaml::MAX_BYTES / 1024 / 1024
        )));
    }
    fs::read_to_string(file).map_err(|error| fail(error.to_string()))
}

/// Reads and evaluates expressions with the process's clock and randomness.
pub(super) fn evaluator() -> Evaluator {
    Evaluator::new(Limits::default(), Arc::new(Process))
}

/// The process's clock and randomness.
struct Process;

impl Surroundings for Process {
    fn now(&self) -> DateTime {
        let micros = jiff::Timestamp::now().as_microsecond();
        DateTime::from_local_micros(i128::from(micros), Some(0), Some("UTC".into()))
            .expect("the clock is within the years 1 to 9999")
    }

    fn random(&self) -> u64 {
        rand::random()
    }
}

async fn rows_of_standard_input(context: &mut Context<'_>) -> CliResult {
    let mut out = context.out.stdout();
    let answered = tokio::task::spawn_blocking(move || {
        let evaluator = evaluator();
        let written = batch::validate(BufReader::new(std::io::stdin().lock()), &mut out, &evaluator);
        written.and_then(|()| out.flush())
    })
    .await;
    match answered {
        Ok(written) => written.map_err(CliError::from).map(|()| 0),
        Err(error) => Err(CliError::new(format!("validation broke off: {error}")).status(INVALID)),
    }
}

fn validate(context: &mut Context<'_>, file: &Path, names: Option<&Path>) -> CliResult {
    let names = names.map_or_else(|| Ok(Vec::new()), names_in)?;
    let text = read(file)?;
    let evaluator = evaluator();
    let report = Inspector::new(&evaluator).with_context(names).inspect_text(&text);
    let status = if report.is_valid() { 0 } else { INVALID };
    if context.format == Format::Table {
        tell(context, &file.display().to_string(), &text, &report)?;
    } else {
        context.out.value(&batch::shown(&report, &text), context.format)?;
    }
    Ok(status)
}

/// The names of a context in a YAML or JSON file.
fn names_in(file: &Path) -> Result<Vec<String>, CliError> {
    let text = read(file)?;
    let document = yaml::parse(&text).map_err(|fault| {
        CliError::new(
            fault
                .problem(&file.display().to_string(), Some(&text))
                .to_string(),
        )
    })?;
    match document.root.kind {
        yaml::Kind::Map(entries) => Ok(entries.into_iter().map(|entry| entry.key).collect()),
        yaml::Kind::Null => Ok(Vec::new()),
        _ => Err(CliError::new(format!(
            "{} is {} instead of a mapping",
            file.display(),
            document.root.describe()
        ))
        .hint("write the context's variables as `name: value`")),
    }
}

/// Findings for people: place, line and caret, hint; then one sentence.
fn tell(context: &mut Context<'_>, file: &str, text: &str, report: &Report) -> Result<(), CliError> {
    let findings = report.errors.iter().map(|one| ("error", one));
    let mut findings: Vec<_> = findings
        .chain(report.warnings.iter().map(|one| ("warning", one)))
        .collect();
    findings.sort_by_key(|(_, one)| one.at);
    findings.dedup_by(|(_, a), (_, b)| a.at == b.at && a.message == b.message);
    for (label, finding) in &findings {
        let problem = finding.problem(file, text).to_string();
        let problem = problem.lines().map(visible).collect::<Vec<_>>().join("\n");
        context.out.line(&format!("{label}: {problem}\n"))?;
    }
    let count = |label: &str, word: &str| {
        let count = findings.iter().filter(|(one, _)| *one == label).count();
        format!("{count} {word}{}", if count == 1 { "" } else { "s" })
    };
    let verdict = match (report.is_valid(), report.warnings.is_empty()) {
        (true, true) => "valid".to_owned(),
        (true, false) => format!("valid, {}", count("warning", "warning")),
        (false, true) => count("error", "error"),
        (false, false) => format!("{}, {}", count("error", "error"), count("warning", "warning")),
    };
    context.out.line(&format!("{file}: {verdict}"))
}
