//! `sayso workflow simulate --batch` and `replay --batch`: answers for rows of JSON Lines.

use std::io::{self, BufRead, Write};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use super::simulate::{Case, Refusal, Script, replay, simulate};
use crate::expr::template::{Evaluator, Options};
use crate::expr::value::{self, Dict, Value, to_tagged};
use crate::model::rows::{MAX_ROW, next_row};

/// Stack of a worker: evaluations nest, and builds without optimisation have large frames.
const STACK: usize = 256 << 20;
/// Rows that are answered at the same time.
const WORKERS: usize = 8;

/// What is asked of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A run by a script.
    Simulate,
    /// Calls one by one.
    Replay,
}

/// Answers every row of `input` with one line on `output`, in any order.
///
/// # Errors
///
/// The input cannot be read or the output cannot be written; a row that makes no sense is answered.
pub fn run(
    asked: Asked,
    input: impl BufRead + Send,
    output: impl Write + Send,
    evaluator: &Arc<Evaluator>,
    options: Options,
) -> io::Result<()> {
    let (input, output) = (Mutex::new(input), Mutex::new(output));
    let work = || -> io::Result<()> {
        let mut row = Vec::new();
        loop {
            let taken = next_row(&mut *input.lock(), &mut row)?;
            let Some(whole) = taken else { break };
            if row.trim_ascii().is_empty() {
                continue;
            }
            let mut told = if whole {
                answer(asked, &row, evaluator, options)
            } else {
                shown(
                    &Value::text(""),
                    Err(engine(format!("the row is longer than {MAX_ROW} bytes"))),
                )
            };
            told.push('\n');
            output.lock().write_all(told.as_bytes())?;
        }
        Ok(())
    };
    let workers = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(WORKERS);
    std::thread::scope(|scope| {
        let running = (0..workers)
            .map(|_| {
                std::thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, work)
            })
            .collect::<io::Result<Vec<_>>>()?;
        for worker in running {
            let ended = worker.join();
            ended.unwrap_or_else(|_| Err(io::Error::other("a worker broke off")))?;
        }
        Ok::<_, io::Error>(())
    })?;
    output.lock().flush()
}

fn answer(asked: Asked, row: &[u8], evaluator: &Arc<Evaluator>, options: Options) -> String {
    let read = std::str::from_utf8(row)
        .map_err(|error| error.to_string())
        .and_then(|text| value::loads(text).map_err(|error| error.to_string()));
    let row = match read {
        Ok(row @ Value::Dict(_)) => row,
        Ok(_) => {
            return shown(
                &Value::text(""),
                Err(engine("the row is no JSON object".to_owned())),
            );
        }
        Err(error) => {
            return shown(
                &Value::text(""),
                Err(engine(format!("the row is no JSON: {error}"))),
            );
        }
    };
    let id = row.get("id").cloned().unwrap_or_else(|| Value::text(""));
    // A panic is a mistake of ours; the other rows still get their answers.
    let outcome = catch_unwind(AssertUnwindSafe(|| ask(asked, &row, evaluator, options)));
    shown(
        &id,
        outcome.unwrap_or_else(|_| Err(engine("the run broke off: please report this".to_owned()))),
    )
}

fn ask(asked: Asked, row: &Value, evaluator: &Arc<Evaluator>, options: Options) -> Result<Value, Value> {
    let definition = row.get("definition").and_then(Value::as_str);
    let definition = definition.ok_or_else(|| engine("the row has no text `definition`".to_owned()))?;
    let case = Case {
        definition,
        inputs: dict(row, "inputs")?,
        context: dict(row, "context")?,
        inspect: asked == Asked::Simulate && row.get("inspect").is_none_or(Value::is_true),
    };
    let outcome = match asked {
        Asked::Simulate => {
            let script = Script::read(row.get("script").unwrap_or(&Value::Null));
            let script = script.map_err(|error| engine(error.to_string()))?;
            simulate(&case, &script, evaluator, options)
        }
        Asked::Replay => {
            let ops = row.get("ops").and_then(Value::as_items).unwrap_or_default();
            replay(&case, ops, evaluator, options)
        }
    };
    outcome.map_err(|refusal| refused(&refusal, definition))
}

fn dict(row: &Value, name: &str) -> Result<Dict, Value> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(Dict::default()),
        Some(Value::Dict(dict)) => Ok(dict.clone()),
        Some(_) => Err(engine(format!("`{name}` of the row is no mapping"))),
    }
}

fn error(kind: &str, message: String) -> Vec<(&'static str, Value)> {
    vec![("kind", Value::text(kind)), ("message", Value::text(message))]
}

fn engine(message: String) -> Value {
    Value::dict(error("engine", message))
}

/// A refusal as answers show it. `definition` is the text that was refused.
#[must_use]
pub fn refused(refusal: &Refusal, definition: &str) -> Value {
    Value::dict(match refusal {
        Refusal::Load(message) => error("load", message.clone()),
        Refusal::Script(bad) => error("engine", bad.to_string()),
        Refusal::Invalid(report) => {
            let mut members = error("invalid", "the definition is not valid".to_owned());
            let findings = report
                .errors
                .iter()
                .map(|finding| Value::from(finding.to_json(definition)));
            members.push(("errors", Value::list(findings)));
            members
        }
    })
}

fn shown(id: &Value, outcome: Result<Value, Value>) -> String {
    let id = to_tagged(id);
    match outcome {
        Ok(value) => format!(r#"{{"id":{id},"ok":true,"value":{}}}"#, to_tagged(&value)),
        Err(error) => format!(r#"{{"id":{id},"ok":false,"error":{}}}"#, to_tagged(&error)),
    }
}
