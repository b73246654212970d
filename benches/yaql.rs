//! What an evaluation of a compiled YAQL expression costs, from reading a member to queries over 1,000 items.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sayso::expr::value::{Date, DateTime, Value};
use sayso::expr::yaql::{Env, Limits, Yaql};

const ITEMS: i64 = 1_000;

fn data() -> Value {
    let host = |index: i64| {
        Value::dict([
            ("name", Value::text(format!("host-{index}"))),
            ("up", Value::Bool(index % 3 != 0)),
            ("load", Value::Int(index % 17)),
        ])
    };
    Value::dict([("x", Value::Int(1)), ("hosts", Value::list((0..ITEMS).map(host)))])
}

fn evaluate(c: &mut Criterion) {
    let data = data();
    let now = || {
        DateTime::utc(
            Date {
                year: 2020,
                month: 1,
                day: 1,
            },
            0,
        )
    };
    let env = Env {
        data: &data,
        vars: None,
        scene: None,
        now: &now,
        random: &|| 4,
        limits: Limits::default(),
    };
    for (name, expr) in [
        ("member", "$.x"),
        ("sum", "$.x + 1"),
        ("call", "str($.x)"),
        ("method", "$.hosts.len()"),
        ("filter 1,000", "$.hosts.where($.up)"),
        (
            "filter and select 1,000",
            "$.hosts.where($.up and $.load > 5).select($.name)",
        ),
        ("order 1,000", "$.hosts.orderBy($.load).select($.name)"),
        ("group 1,000", "$.hosts.groupBy($.load, $.name)"),
        ("sum 1,000", "$.hosts.load.sum()"),
    ] {
        let compiled = Yaql::standard().compile(expr).expect("the expression is right");
        compiled.eval(&env).expect("the evaluation succeeds");
        c.bench_function(name, |bench| bench.iter(|| black_box(compiled.eval(&env))));
    }
    c.bench_function("compile", |bench| {
        bench
            .iter(|| black_box(Yaql::standard().compile("$.hosts.where($.up and $.load > 5).select($.name)")))
    });
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
