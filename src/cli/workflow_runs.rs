//! Workflows without their actions: `sayso workflow simulate`, `replay` and `dry-run`.

use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::super::args::RunScene;
use super::super::output::Format;
use super::super::table::visible;
use super::super::{CliError, CliResult, Context};
use super::{INVALID, evaluator, read, tell};
use crate::expr::template::Options;
use crate::expr::value::{self, Dict, Value, to_tagged};
use crate::workflow::batch_runs::{self, Asked};
use crate::workflow::definition::from_node;
use crate::workflow::simulate::{self, Case, Refusal, Script};
use crate::yaml;

/// Stack of a run: evaluations nest, and builds without optimisation have large frames.
const STACK: usize = 256 << 20;

/// Answers rows of standard input.
pub(super) async fn batch(context: &mut Context<'_>, asked: Asked, legacy_reevaluate: bool) -> CliResult {
    let mut out = context.out.stdout();
    let options = Options { legacy_reevaluate };
    let answered = tokio::task::spawn_blocking(move || {
        let evaluator = Arc::new(evaluator());
        let input = BufReader::new(std::io::stdin());
        batch_runs::run(asked, input, &mut out, &evaluator, options).and_then(|()| out.flush())
    })
    .await;
    match answered {
        Ok(written) => written.map_err(CliError::from).map(|()| 0),
        Err(error) => Err(CliError::new(format!("the runs broke off: {error}")).status(INVALID)),
    }
}

/// Runs work that may need a lot of stack.
pub(in crate::cli) fn bounded<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, CliError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)?;
        thread
            .join()
            .map_err(|_| CliError::new("the run broke off: please report this"))
    })
}

/// The value in a YAML or JSON file; null without a file.
fn value_in(file: Option<&Path>) -> Result<Value, CliError> {
    let Some(file) = file else {
        return Ok(Value::Null);
    };
    let text = read(file)?;
    let document = yaml::parse(&text).map_err(|fault| {
        let problem = fault.problem(&file.display().to_string(), Some(&text));
        CliError::new(problem.to_string())
    })?;
    Ok(from_node(&document.root))
}

fn mapping_in(file: Option<&Path>) -> Result<Dict, CliError> {
    match value_in(file)? {
        Value::Null => Ok(Dict::default()),
        Value::Dict(dict) => Ok(dict),
        other => {
            let file = file.unwrap_or_else(|| Path::new("")).display();
            let message = format!("{file} holds {} instead of a mapping", other.type_name());
            Err(CliError::new(message).hint("write `name: value`, one a line"))
        }
    }
}

/// A run that was read from files.
struct Prepared {
    text: String,
    inputs: Dict,
    context: Dict,
    script: Value,
    options: Options,
}

impl Prepared {
    fn read(file: &Path, scene: &RunScene) -> Result<Self, CliError> {
        Ok(Self {
            text: read(file)?,
            inputs: mapping_in(scene.inputs.as_deref())?,
            context: mapping_in(scene.context.as_deref())?,
            script: value_in(scene.results.as_deref())?,
            options: Options {
                legacy_reevaluate: scene.legacy_reevaluate,
            },
        })
    }

    fn case(&self) -> Case<'_> {
        Case {
            definition: &self.text,
            inputs: self.inputs.clone(),
            context: self.context.clone(),
            inspect: true,
        }
    }

    /// The picture that the run leads to.
    fn run(&self) -> Result<Result<Value, Refusal>, CliError> {
        let script = Script::read(&self.script).map_err(|error| CliError::new(error.to_string()))?;
        let case = self.case();
        bounded(|| simulate::simulate(&case, &script, &Arc::new(evaluator()), self.options))
    }
}

/// Prints what a run leads to, or why there is none.
fn show(
    context: &mut Context<'_>,
    file: &Path,
    text: &str,
    outcome: Result<Value, Refusal>,
    people: impl FnOnce(&Value) -> String,
) -> CliResult {
    let (status, answer) = match (outcome, context.format) {
        (Ok(picture), Format::Table) => {
            context.out.text(&people(&picture))?;
            return Ok(0);
        }
        (Err(Refusal::Invalid(report)), Format::Table) => {
            tell(context, &file.display().to_string(), text, &report)?;
            return Ok(INVALID);
        }
        (Err(Refusal::Load(message)), Format::Table) => {
            return Err(CliError::new(format!("{}: {message}", file.display())).status(INVALID));
        }
        (Err(Refusal::Script(bad)), Format::Table) => {
            return Err(CliError::new(bad.to_string()).status(INVALID));
        }
        (Ok(picture), _) => (0, vec![("ok", Value::from(true)), ("value", picture)]),
        (Err(refusal), _) => {
            let error = batch_runs::refused(&refusal, text);
            (INVALID, vec![("ok", Value::from(false)), ("error", error)])
        }
    };
    let answer = to_tagged(&Value::dict(answer));
    if context.format == Format::Json {
        context.out.line(&answer)?;
    } else {
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        context.out.value(&answer, context.format)?;
    }
    Ok(status)
}

/// Runs a workflow by a script.
pub(super) fn simulate(context: &mut Context<'_>, file: &Path, scene: &RunScene) -> CliResult {
    let prepared = Prepared::read(file, scene)?;
    let outcome = prepared.run()?;
    show(context, file, &prepared.text, outcome, |picture| {
        let mut told = String::new();
        for step in items(picture, "trace") {
            let _ = writeln!(told, "{}", traced(step)); // writing to a text does not fail
        }
        told + &summary(picture)
    })
}

/// Makes calls on a conductor.
pub(super) fn replay(
    context: &mut Context<'_>,
    file: &Path,
    ops: &Path,
    [inputs, caller]: [Option<&Path>; 2],
    legacy_reevaluate: bool,
) -> CliResult {
    let text = read(file)?;
    let case = Case {
        definition: &text,
        inputs: mapping_in(inputs)?,
        context: mapping_in(caller)?,
        inspect: false,
    };
    let calls = value_in(Some(ops))?;
    let Some(calls) = calls.as_items() else {
        let message = format!("{} holds no list of calls", ops.display());
        return Err(CliError::new(message).hint("write `- op: next_tasks`, one a line"));
    };
    let options = Options { legacy_reevaluate };
    let outcome = bounded(|| simulate::replay(&case, calls, &Arc::new(evaluator()), options))?;
    show(context, file, &text, outcome, |value| {
        let mut told = String::new();
        for (call, step) in calls.iter().zip(items(value, "steps")) {
            let raised = step.get("raises").map(|raised| {
                let of = |name| raised.get(name).map(value::str).unwrap_or_default();
                format!(": {}: {}", of("type"), of("message"))
            });
            let op = call.get("op").map(value::str).unwrap_or_default();
            let status = step.get("status").map(value::str).unwrap_or_default();
            let line = format!("{op} → {status}{}", raised.unwrap_or_default());
            let _ = writeln!(told, "{}", visible(&line));
        }
        told
    })
}

/// Shows what a workflow would run.
pub(super) fn dry_run(
    context: &mut Context<'_>,
    file: &Path,
    scene: &RunScene,
    input: &[String],
    fail: &[String],
) -> CliResult {
    let mut prepared = Prepared::read(file, scene)?;
    let mut inputs = prepared.inputs.clone().into_map();
    for given in input {
        let (name, value) = given.split_once('=').ok_or_else(|| {
            CliError::new(format!("`{given}` sets nothing")).hint("write --input name=value")
        })?;
        let value = value::loads(value).unwrap_or_else(|_| Value::text(value));
        inputs.insert(Value::text(name), value);
    }
    prepared.inputs = Dict::new(inputs);
    if !fail.is_empty() {
        let failures = fail
            .iter()
            .map(|task| Value::dict([("task", Value::text(&**task)), ("status", Value::text("failed"))]));
        let known = prepared
            .script
            .get("results")
            .and_then(Value::as_items)
            .unwrap_or_default();
        let results = Value::list(known.iter().cloned().chain(failures));
        let mut script = prepared.script.as_dict().cloned().unwrap_or_default().into_map();
        script.insert(Value::text("results"), results);
        prepared.script = Value::Dict(Dict::new(script));
    }
    let outcome = prepared.run()?;
    let succeeds = outcome
        .as_ref()
        .is_ok_and(|picture| picture.get("status").and_then(Value::as_str) == Some("succeeded"));
    let shown = show(context, file, &prepared.text, outcome, |picture| {
        let mut told = String::new();
        for dispatch in items(picture, "dispatches") {
            told += &handed_out(dispatch);
        }
        told + &unreached(picture, &prepared.text) + &summary(picture)
    });
    Ok(shown?.max(u8::from(!succeeds)))
}

fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_items).unwrap_or_default()
}

fn text_of(value: &Value, name: &str) -> String {
    value.get(name).map(value::str).unwrap_or_default()
}

/// `task`, or `task (route 2)`.
fn named(value: &Value, name: &str) -> String {
    match value.get("route").and_then(Value::as_i64) {
        None | Some(0) => text_of(value, name),
        Some(route) => format!("{} (route {route})", text_of(value, name)),
    }
}

/// A step of the trace in a line.
fn traced(step: &Value) -> String {
    let mut line = format!("{:>6} s  {}", text_of(step, "time"), text_of(step, "op"));
    if step.get("task").is_some() {
        line += &format!(" {}", named(step, "task"));
    }
    if let Some(item) = step.get("item") {
        line += &format!(" item {}", value::str(item));
    }
    if let Some(event) = step.get("event") {
        line += &format!(": {}", value::str(event));
    }
    if step.get("ignored").is_some() {
        line += " (ignored: it had ended)";
    }
    if let Some(raised) = step.get("raises") {
        line += &format!(" (refused: {})", text_of(raised, "type"));
    }
    visible(&format!("{line} → {}", text_of(step, "status")))
}

/// A task that would start, with its parameters.
fn handed_out(dispatch: &Value) -> String {
    let mut told = format!("{:>6} s  {}", text_of(dispatch, "time"), named(dispatch, "id"));
    if let Some(count) = dispatch.get("items_count") {
        told += &format!(", {} items", value::str(count));
        if let Some(most) = dispatch.get("concurrency").filter(|most| !most.is_null()) {
            told += &format!(", {} at a time", value::str(most));
        }
    }
    if let Some(delay) = dispatch
        .get("delay")
        .and_then(Value::as_i64)
        .filter(|delay| *delay != 0)
    {
        told += &format!(", {delay} s later");
    }
    told.push('\n');
    for call in items(dispatch, "actions") {
        let item = call.get("item_id").map(|item| format!("[{}] ", value::str(item)));
        let action = match call.get("action") {
            None | Some(Value::Null) => "no action".to_owned(),
            Some(action) => value::str(action),
        };
        let line = format!("          {}{action}", item.unwrap_or_default());
        told += &visible(&line);
        told.push('\n');
        match call.get("input") {
            Some(Value::Dict(input)) => {
                for (name, value) in input.iter() {
                    let line = format!("            {}: {}", value::str(name), to_tagged(value));
                    told += &visible(&line);
                    told.push('\n');
                }
            }
            None | Some(Value::Null) => {}
            Some(other) => {
                told += &visible(&format!("            {}", to_tagged(other)));
                told.push('\n');
            }
        }
    }
    told
}

/// Tasks that did not run.
fn unreached(picture: &Value, text: &str) -> String {
    let Ok(document) = crate::workflow::definition::Document::parse(text) else {
        return String::new();
    };
    let workflow = crate::workflow::definition::Workflow::read(&document);
    let ran = items(picture, "tasks");
    let missed: Vec<&str> = workflow
        .tasks
        .keys()
        .map(|name| &**name)
        .filter(|name| {
            !ran.iter()
                .any(|task| task.get("id").and_then(Value::as_str) == Some(name))
        })
        .collect();
    if missed.is_empty() {
        return String::new();
    }
    format!("not reached: {}\n", visible(&missed.join(", ")))
}

/// How it ends.
fn summary(picture: &Value) -> String {
    let mut told = String::new();
    for error in items(picture, "errors") {
        let task = error
            .get("task_id")
            .map(|_| format!("{}: ", named(error, "task_id")));
        let line = format!("error: {}{}", task.unwrap_or_default(), text_of(error, "message"));
        told += &visible(&line);
        told.push('\n');
    }
    if let Some(Value::Dict(output)) = picture.get("output") {
        told += "output:\n";
        for (name, value) in output.iter() {
            told += &visible(&format!("  {}: {}", value::str(name), to_tagged(value)));
            told.push('\n');
        }
    }
    let end = format!(
        "{} after {} s",
        text_of(picture, "status"),
        text_of(picture, "clock")
    );
    told += &visible(&end);
    if picture.get("truncated").is_some() {
        told += " (stopped: too many steps)";
    }
    told.push('\n');
    told
}
