//! Expressions here and in the Python packages, in one run: how many times faster, and how long in absolute terms.
//!
//! The Python side is tests/differential/bench.py in the environment that tests/differential/run.py makes; without it
//! (`python3` is missing, or the packages cannot be installed) only our own times are printed.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sayso::expr::jinja::{Context, Jinja, Undefined};
use sayso::expr::scene::Variables;
use sayso::expr::template::{Evaluator, Limits, Options, Surroundings};
use sayso::expr::value::{Date, DateTime, Value, loads};
use serde_json::{Value as Json, json};

/// How long a case is measured on each side.
const TIME: Duration = Duration::from_millis(1500);
const ITEMS: usize = 1000;

struct Fixed;

impl Surroundings for Fixed {
    fn now(&self) -> DateTime {
        let day = Date {
            year: 2020,
            month: 2,
            day: 29,
        };
        DateTime::utc(day, 0)
    }

    fn random(&self) -> u64 {
        4
    }
}

struct Case {
    name: &'static str,
    mode: &'static str,
    language: &'static str,
    text: String,
    /// How many times faster than Python it is to be.
    target: f64,
}

fn context() -> Json {
    let hosts: Vec<Json> = (0..ITEMS)
        .map(|number| {
            json!({
                "name": format!("host{number}"), "ip": format!("10.0.{}.{}", number / 250, number % 250),
                "up": number % 3 != 0, "load": number as f64 / 100.0, "tags": ["web", format!("rack{}", number % 7)],
            })
        })
        .collect();
    json!({"x": {"y": {"z": 5}}, "name": "ana", "count": 3, "hosts": hosts, "few": hosts[..20]})
}

/// A Jinja block of about 10 kB: what a long notification or configuration file looks like.
fn block(variables: &str) -> String {
    let part = "## Hosts\n{% for h in VARS.few %}\n{% if h.up %}\n- {{ h.name | upper }} ({{ h.ip }}): {{ '%.2f' % h.load }} [{{ h.tags | join(', ') }}]\n\
                {% else %}\n- {{ h.name }} is down\n{% endif %}\n{% endfor %}\nSaid by {{ VARS.name | default('nobody') }}: {{ VARS.count * 2 }}.\n";
    let mut text = String::new();
    while text.len() < 10_000 {
        text.push_str(&part.replace("VARS.", variables));
    }
    text
}

fn cases() -> Vec<Case> {
    let case = |name, mode, language, text: &str, target| Case {
        name,
        mode,
        language,
        text: text.to_owned(),
        target,
    };
    vec![
        case("YAQL variable", "text", "yaql", "<% ctx().x %>", 100.0),
        case("YAQL path", "text", "yaql", "<% ctx().x.y %>", 100.0),
        case(
            "YAQL condition",
            "text",
            "yaql",
            "<% ctx().count > 2 and ctx().name = 'ana' %>",
            100.0,
        ),
        case(
            "YAQL filter chain, 1,000 items",
            "text",
            "yaql",
            "<% ctx().hosts.where($.up and $.load > 2).select({name => $.name, ip => $.ip}).orderBy($.name).take(10) %>",
            100.0,
        ),
        case(
            "YAQL text, three parts",
            "text",
            "yaql",
            "Deploying <% ctx().name %> to <% ctx().few.first().name %> (<% ctx().count + 1 %>)",
            100.0,
        ),
        case("Jinja variable", "text", "jinja", "{{ ctx().x }}", 5.0),
        case(
            "Jinja text, three parts",
            "text",
            "jinja",
            "Deploying {{ ctx().name }} to {{ ctx().few[0].name }} ({{ ctx().count + 1 }})",
            5.0,
        ),
        case(
            "Jinja filter chain, 1,000 items",
            "text",
            "jinja",
            "{{ ctx().hosts | selectattr('up') | map(attribute='name') | sort | join(',') }}",
            5.0,
        ),
        case(
            "Jinja block, 10 kB, workflow",
            "text",
            "jinja",
            &block("ctx()."),
            5.0,
        ),
        case(
            "Jinja text, render",
            "render",
            "jinja",
            "user {{ name }} said: {{ few[0].name | upper }}",
            5.0,
        ),
        case("Jinja block, 10 kB, render", "render", "jinja", &block(""), 5.0),
    ]
}

/// Seconds of one evaluation.
fn measure(mut work: impl FnMut()) -> f64 {
    for _ in 0..3 {
        work();
    }
    let started = Instant::now();
    let mut times = 0_u32;
    let mut batch = 1;
    while started.elapsed() < TIME {
        for _ in 0..batch {
            work();
        }
        times += batch;
        batch = (batch * 2).min(4096);
    }
    started.elapsed().as_secs_f64() / f64::from(times)
}

fn ours(case: &Case, context: &Value) -> f64 {
    let Value::Dict(dict) = context else {
        return f64::NAN;
    };
    if case.mode == "render" {
        let jinja = Jinja::default();
        let variables = Context::from_dict(dict.clone());
        return measure(|| {
            let rendered = jinja.render(&case.text, &variables, Undefined::Strict);
            black_box(rendered.expect("it renders"));
        });
    }
    let evaluator = Evaluator::new(Limits::default(), Arc::new(Fixed));
    let scene = Variables::new(dict.clone());
    let text: Arc<str> = case.text.as_str().into();
    measure(|| {
        let value = evaluator.evaluate_text(&text, None, &scene, Options::default());
        black_box(value.expect("it evaluates"));
    })
}

/// Seconds of one evaluation in Python, case by case.
fn python(cases: &[Case], context: &Json) -> Option<Vec<f64>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/bench.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let rows: Vec<Json> = cases
        .iter()
        .map(|case| json!({"mode": case.mode, "lang": case.language, "expr": case.text}))
        .collect();
    let given = json!({"context": context, "seconds": TIME.as_secs_f64(), "rows": rows});
    let mut stdin = child.stdin.take()?;
    stdin.write_all(given.to_string().as_bytes()).ok()?;
    drop(stdin);
    let output = child.wait_with_output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

fn shown(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.2} µs", seconds * 1e6)
    } else {
        format!("{:.2} ms", seconds * 1e3)
    }
}

fn main() {
    let cases = cases();
    let json = context();
    let value = loads(&json.to_string()).expect("valid JSON");
    let theirs = python(&cases, &json);
    println!(
        "{:34} {:>12} {:>12} {:>8} {:>8}",
        "", "Sayso", "Python", "ratio", "target"
    );
    for (index, case) in cases.iter().enumerate() {
        let ours = ours(case, &value);
        let theirs = theirs.as_ref().and_then(|all| all.get(index)).copied();
        let (python, ratio) = theirs.map_or((String::new(), String::new()), |theirs| {
            (shown(theirs), format!("{:.0}x", theirs / ours))
        });
        let missed = theirs.is_some_and(|theirs| theirs / ours < case.target);
        let mark = if missed { "  missed" } else { "" };
        println!(
            "{:34} {:>12} {python:>12} {ratio:>8} {:>7}x{mark}",
            case.name,
            shown(ours),
            case.target
        );
    }
}
