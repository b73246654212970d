//! Evaluation gives what the reference gives: the rows of `tests/data/expr/yaql/eval`, whose answers `answer.py`
//! there took from the reference.

use std::fs;

use super::*;
use crate::expr::value::{Date, DateTime, Dict, Value, loads, to_tagged};

/// Evaluates an expression with the standard library.
pub(crate) fn eval(expr: &str, data: &Value, vars: Option<&Dict>) -> Result<Value, YaqlError> {
    eval_within(expr, data, vars, Limits::default())
}

/// Evaluates an expression within limits.
pub(super) fn eval_within(
    expr: &str,
    data: &Value,
    vars: Option<&Dict>,
    limits: Limits,
) -> Result<Value, YaqlError> {
    let now = || DateTime::utc(Date::new(2020, 2, 29).unwrap(), 0);
    let env = Env {
        data,
        vars,
        scene: None,
        now: &now,
        random: &|| 4,
        limits,
    };
    Yaql::standard().compile(expr)?.eval(&env)
}

/// The tagged JSON with the items of sets sorted: their order is of no meaning.
fn comparable(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Array(items) => items.iter().map(comparable).collect(),
        serde_json::Value::Object(map) => {
            let mut map: serde_json::Map<_, _> = map
                .iter()
                .map(|(key, value)| (key.clone(), comparable(value)))
                .collect();
            if map.get("$type").is_some_and(|tag| tag == "set")
                && let Some(serde_json::Value::Array(items)) = map.get_mut("items")
            {
                items.sort_by_key(ToString::to_string);
            }
            if map.get("$type").is_some_and(|tag| tag == "opaque") {
                map.remove("class");
            }
            map.into()
        }
        other => other.clone(),
    }
}

fn check(row: &Value) -> Result<(), String> {
    let text = |name: &str| {
        row.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let expr = text("expr");
    let data = row.get("data").cloned().unwrap_or_default();
    let vars = row.get("vars").and_then(Value::as_dict);
    let got = eval(&expr, &data, vars);
    match (row.get("value"), got) {
        (Some(expected), Ok(value)) => {
            let (expected, got) = (to_tagged(expected), to_tagged(&value));
            let parse = |text: &str| comparable(&serde_json::from_str(text).unwrap());
            // Texts first: `1` and `1.0` are different, and integers may be too large for serde_json.
            let (one, other) = (parse(&expected).to_string(), parse(&got).to_string());
            if expected == got || one == other {
                return Ok(());
            }
            Err(format!("{expr}\n   want {expected}\n    got {got}"))
        }
        (None, Err(error)) => {
            let (kind, message) = (text("error"), text("message"));
            if kind == error.kind.as_str() && (message == error.message || row.get("note").is_some()) {
                return Ok(());
            }
            Err(format!(
                "{expr}\n   want {kind}: {message}\n    got {}: {}",
                error.kind.as_str(),
                error.message
            ))
        }
        (Some(expected), Err(error)) => Err(format!(
            "{expr}\n   want {}\n    got {}: {error}",
            to_tagged(expected),
            error.kind.as_str()
        )),
        (None, Ok(value)) => Err(format!(
            "{expr}\n   want {}: {}\n    got {}",
            text("error"),
            text("message"),
            to_tagged(&value)
        )),
    }
}

/// Checks the rows of one file.
pub(super) fn check_file(name: &str) {
    let path = format!(
        "{}/tests/data/expr/yaql/eval/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let rows = loads(&fs::read_to_string(&path).unwrap()).unwrap();
    let rows = rows.as_items().unwrap();
    assert!(!rows.is_empty(), "{path} has no rows");
    let failures: Vec<String> = rows.iter().filter_map(|row| check(row).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} rows of {name}:\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n")
    );
}

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check_file(stringify!($name));
        }
    )*};
}

files! { core }

#[test]
fn depth_fits_a_small_stack() {
    let deep = |open: &str, inner: &str, close: &str, times| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for expr in [
        deep("[", "1", "]", 140),
        deep("(", "1", " and 1)", 140),
        deep("not (", "1", ")", 70),
        deep("let(1) -> (", "$", ")", 70),
        deep("switch(true => ", "$", ")", 140),
        deep("1.switchCase(1, ", "$", ")", 140),
        "def(f, switch($ <= 0 => 0, true => f($))) -> f(1)".to_owned(),
        "def(f, [f($)]) -> f(1)".to_owned(),
        "def(f, 1.switchCase(0, f($))) -> f(1)".to_owned(),
    ] {
        // Half of what a worker thread has.
        let run = move || eval(&expr, &Value::Null, None).is_ok();
        let thread = std::thread::Builder::new()
            .stack_size(1024 * 1024)
            .spawn(run)
            .unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn nothing_is_endless() {
    let small = Limits {
        steps: 100_000,
        bytes: 4_000_000,
        ..Limits::default()
    };
    for expr in [
        "def(f, f($)) -> f(1)",
        "def(f, [f($), f($)]) -> f(1)",
        "sequence()",
        "sequence().where($ < 0)",
        "sequence().count()",
        "sequence().orderBy($)",
        "[1].cycle().sum()",
        "generate(1, true, $)",
        "'ab' * 1000000000",
        "[1] * 1000000000",
        "pow(2, 1000000000)",
        "pow(pow(2, 1000000), 1000000)",
        "shiftBitsLeft(1, 1000000000)",
        "range(100000).aggregate([$1])",
        "range(100000).aggregate($1.select($), [1])",
        "range(100000).aggregate($1.concat([$2]), [1]).first() = 2",
        "range(100000).aggregate($1.orderBy($), [1])",
        "range(100000).aggregate($1.memorize().select($), [1])",
        "range(100000).aggregate(let(x => $1), null)",
        "range(1000).aggregate($1 + $1, 'a')",
        "range(200).aggregate([$1, $1], 1)",
        "range(200).aggregate({a => $1, b => $1}, 1)",
        "str(range(200).aggregate([$1, $1], 1))",
        "range(200).aggregate([$1, $1], 1) = range(200).aggregate([$1, $1], 1)",
        "set(range(200).aggregate([$1, $1], 1)).len()",
        "range(200).aggregate([$1, $1], 1).nope()",
        "range(200).aggregate({a => $1, b => $1}, 1).keys().nope()",
        "range(200).aggregate({a => $1, b => $1}, 1).nope",
        "range(100000000).toList()",
        "' '.join(range(100000000).select('x'))",
        "'a'.repeat().toList()",
        "regex('(a+)+$').search('a' * 5000 + 'b')",
    ] {
        let started = std::time::Instant::now();
        let answer = eval_within(expr, &Value::Null, None, small).map_err(|error| error.kind);
        let seconds = started.elapsed().as_secs_f64();
        // What matters is that there is an answer, soon; a debug build on a busy machine is slow.
        assert!(seconds < 5.0, "{expr}: {answer:?} after {seconds} s");
    }
}
