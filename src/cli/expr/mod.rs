//! `sayso expr …`: evaluates expressions of YAQL and Jinja for people and for programs.

mod batch;
mod complete;
mod evaluate;
mod explain;
mod repl;
mod row_scene;
mod scene;
#[cfg(test)]
mod tests;
mod unfinished;

use std::io::{BufReader, IsTerminal as _, Write as _};

use super::args::{EvalArgs, ExplainArgs, ExprCommand, Mode};
use super::output::Format;
use super::{CliError, CliResult, Context};
use crate::expr::ErrorKind;
use crate::expr::value::{self, Value};
use evaluate::{Failure, evaluate};
use scene::Scene;

/// Exit status when the evaluation fails.
const FAILED: u8 = 1;
/// Stack of an evaluation: expressions nest, and builds without optimisation have large frames.
const STACK: usize = 256 << 20;
/// Columns where there is no terminal.
const COLUMNS: usize = 100;

pub(super) async fn expr(context: &mut Context<'_>, command: &ExprCommand) -> CliResult {
    evaluate::bound(context.loaded.settings.expressions.limits());
    match command {
        ExprCommand::Eval(args) => match &args.expression {
            Some(expression) => eval(context, args, expression),
            None => rows(context, args).await,
        },
        ExprCommand::Repl(args) => Box::pin(repl::repl(context, args)).await,
        ExprCommand::Explain(args) => explained(context, args),
    }
}

fn eval(context: &mut Context<'_>, args: &EvalArgs, expression: &str) -> CliResult {
    let mut task = Scene::read(&args.scene)?.task(expression, args.lang, args.mode);
    task.allow_undefined = args.allow_undefined;
    match bounded(move || evaluate(&task)) {
        Ok(Value::Str(text)) if args.mode == Some(Mode::Render) && context.format == Format::Table => {
            context.out.line(&text)?;
            Ok(0)
        }
        Ok(value) => {
            print(context, &value)?;
            Ok(0)
        }
        Err(failure) if context.format != Format::Table => {
            let answer = Value::dict([("error", failure.told())]);
            print(context, &answer)?;
            Ok(FAILED)
        }
        Err(failure) => Err(refusal(&failure)),
    }
}

fn explained(context: &mut Context<'_>, args: &ExplainArgs) -> CliResult {
    let task = Scene::read(&args.scene)?.task(&args.expression, args.lang, None);
    let steps = bounded(move || explain::explain(&task)).map_err(|failure| refusal(&failure))?;
    let failed = steps.iter().any(|step| step.outcome.is_err());
    if context.format == Format::Table {
        for line in explain::lines(&steps, context.out.width.map_or(COLUMNS, usize::from)) {
            context.out.line(&line)?;
        }
    } else {
        print(context, &explain::data(&steps))?;
    }
    Ok(if failed { FAILED } else { 0 })
}

/// Answers rows from standard input, one a line.
async fn rows(context: &mut Context<'_>, args: &EvalArgs) -> CliResult {
    if std::io::stdin().is_terminal() {
        return Err(CliError::new("there is no expression to evaluate")
            .hint("write it behind the command in single quotes, or try `sayso expr repl`"));
    }
    let options = batch::Options {
        language: args.lang,
        legacy_reevaluate: args.scene.legacy_reevaluate,
    };
    let mut out = context.out.stdout();
    let answered = tokio::task::spawn_blocking(move || {
        let written = batch::run(options, BufReader::new(std::io::stdin()), &mut out);
        written.and_then(|()| out.flush())
    })
    .await;
    match answered {
        Ok(written) => written.map_err(CliError::from).map(|()| 0),
        Err(error) => Err(CliError::new(format!("evaluating broke off: {error}")).status(FAILED)),
    }
}

/// Runs an evaluation with enough stack; a panic is told as a failure.
fn bounded<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let broken = || Failure::new(ErrorKind::Other, "the evaluation broke off: please report this");
    match std::thread::Builder::new().stack_size(STACK).spawn(work) {
        Ok(worker) => worker.join().unwrap_or_else(|_| Err(broken())),
        Err(error) => Err(Failure::new(
            ErrorKind::Other,
            format!("no thread can be started: {error}"),
        )),
    }
}

/// A value for people: JSON, with what JSON lacks tagged.
fn print(context: &mut Context<'_>, value: &Value) -> Result<(), CliError> {
    let told = value::to_tagged(value);
    let wide = context.out.width.map_or(COLUMNS, usize::from);
    let nested = matches!(
        value,
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_)
    );
    let yaml = context.format == Format::Yaml;
    if !yaml && (!nested || told.len() <= wide) {
        return context.out.line(&told);
    }
    match serde_json::from_str::<serde_json::Value>(&told) {
        // Numbers that this reader would round are shown on one line instead.
        Ok(read) if yaml || read.to_string().len() == told.len() => context
            .out
            .value(&read, if yaml { Format::Yaml } else { Format::Json }),
        _ => context.out.line(&told),
    }
}

fn refusal(failure: &Failure) -> CliError {
    CliError::new(sentence(failure))
        .hint(failure.hint.clone().unwrap_or_default())
        .status(FAILED)
}

/// A failure for people: what is wrong, the place with a caret, what to do.
fn told(failure: &Failure) -> String {
    let mut text = sentence(failure);
    if let Some(hint) = &failure.hint {
        text.push_str("\nhint: ");
        text.push_str(hint);
    }
    text
}

fn sentence(failure: &Failure) -> String {
    let mut text = format!("{}: {}", failure.kind.as_str(), failure.message);
    for line in failure.snippet.as_deref().unwrap_or_default().lines() {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}
