//! Rows of expressions from standard input: JSON Lines in, exactly one answer a row, whatever the row holds.

use std::io::{self, BufRead, Write};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parking_lot::Mutex;

use super::evaluate::{Failure, Task, evaluate};
use crate::cli::args::{Language, Mode};
use crate::expr::ErrorKind;
use crate::expr::value::{self, Dict, Value};

/// Longest row in bytes; longer ones are answered with an error.
const MAX_ROW: usize = 16 << 20;
/// Stack of a worker: evaluations nest, and builds without optimisation have large frames.
const STACK: usize = 256 << 20;
/// Rows that are evaluated at the same time.
const WORKERS: usize = 8;

/// How all rows are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) language: Language,
    pub(super) legacy_reevaluate: bool,
}

/// Answers every row of `input` with one line on `output`, in any order.
pub(super) fn run(options: Options, input: impl BufRead + Send, output: impl Write + Send) -> io::Result<()> {
    let input = Mutex::new(input);
    let output = Mutex::new(output);
    let work = || -> io::Result<()> {
        let mut row = Vec::new();
        loop {
            let taken = next_row(&mut *input.lock(), &mut row)?;
            let Some(whole) = taken else { break };
            if row.trim_ascii().is_empty() {
                continue;
            }
            let mut told = answer(options, &row, whole);
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
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a worker broke off")))?;
        }
        Ok::<_, io::Error>(())
    })?;
    output.lock().flush()
}

/// Reads a line; `None` at the end, else whether it was short enough.
fn next_row(input: &mut impl BufRead, row: &mut Vec<u8>) -> io::Result<Option<bool>> {
    row.clear();
    let mut whole = true;
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok((!row.is_empty() || !whole).then_some(whole));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if row.len() + taken > MAX_ROW {
            whole = false;
        } else if whole {
            row.extend_from_slice(&chunk[..taken]);
        }
        let consumed = end.map_or(taken, |end| end + 1);
        input.consume(consumed);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

fn answer(options: Options, row: &[u8], whole: bool) -> String {
    let (id, task) = read(options, row, whole);
    let outcome = task.and_then(|task| {
        // A panic is a mistake of ours; the other rows still get their answers.
        catch_unwind(AssertUnwindSafe(|| {
            evaluate(&task).map(|value| value::to_tagged(&value))
        }))
        .unwrap_or_else(|_| {
            Err(Failure::new(
                ErrorKind::Other,
                "the evaluation broke off: please report this",
            ))
        })
    });
    let id = value::to_tagged(&id);
    match outcome {
        Ok(value) => format!(r#"{{"id":{id},"ok":true,"value":{value}}}"#),
        Err(failure) => format!(
            r#"{{"id":{id},"ok":false,"error":{}}}"#,
            value::to_tagged(&failure.told())
        ),
    }
}

/// The id of a row, and what it asks for.
fn read(options: Options, row: &[u8], whole: bool) -> (Value, Result<Task, Failure>) {
    let no_id = || Value::text("");
    let refused = |kind, message: String| (no_id(), Err(Failure::new(kind, message)));
    if !whole {
        let message = format!("the row is longer than {MAX_ROW} bytes");
        let id = readable_id(row).unwrap_or_else(no_id);
        return (id, Err(Failure::new(ErrorKind::Limit, message)));
    }
    let text = match std::str::from_utf8(row) {
        Ok(text) => text,
        Err(error) => return refused(ErrorKind::Value, format!("the row is no UTF-8: {error}")),
    };
    match value::loads(text) {
        Ok(Value::Dict(row)) => {
            let id = row.get_str("id").cloned().unwrap_or_else(no_id);
            (id, task(options, &row))
        }
        Ok(_) => refused(ErrorKind::Type, "the row is no JSON object".to_owned()),
        Err(error) => refused(ErrorKind::Value, format!("the row is no JSON: {error}")),
    }
}

/// The id of a row that was cut off, when it stands at the beginning.
fn readable_id(row: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(row.get(..200.min(row.len()))?).into_owned();
    let rest = text
        .split_once("\"id\"")?
        .1
        .trim_start()
        .strip_prefix(':')?
        .trim_start();
    let id = rest.strip_prefix('"')?.split('"').next()?;
    Some(Value::text(id))
}

fn task(options: Options, row: &Dict) -> Result<Task, Failure> {
    let field = |name: &str| row.get_str(name).filter(|value| !value.is_null()).cloned();
    let expr = row
        .get_str("expr")
        .cloned()
        .ok_or_else(|| Failure::new(ErrorKind::Argument, "the row has no field `expr`"))?;
    let mode = match field("mode") {
        None if options.language == Language::Auto => Mode::Auto,
        None => Mode::Text,
        Some(mode) => named_mode(&mode)?,
    };
    Ok(Task {
        language: options.language,
        mode,
        expr,
        context: field("context"),
        data: field("data").unwrap_or_default(),
        vars: field("vars"),
        kv: field("kv"),
        allow_undefined: field("allow_undefined").is_some_and(|value| value.is_true()),
        legacy_reevaluate: options.legacy_reevaluate,
    })
}

fn named_mode(mode: &Value) -> Result<Mode, Failure> {
    Ok(match mode.as_str() {
        Some("text") => Mode::Text,
        Some("bare") => Mode::Bare,
        Some("render") => Mode::Render,
        Some("values") => Mode::Values,
        Some("auto") => Mode::Auto,
        Some("check") => Mode::Check,
        _ => {
            return Err(Failure::new(
                ErrorKind::Argument,
                format!(
                    "there is no mode {}; modes are text, bare, render, values, auto and check",
                    value::repr(mode)
                ),
            ));
        }
    })
}
