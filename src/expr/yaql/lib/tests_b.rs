//! Collections, queries and comparisons give what the reference gives, and what is endless is refused.

use std::time::Instant;

use crate::expr::ErrorKind;
use crate::expr::value::Value;
use crate::expr::yaql::Limits;
use crate::expr::yaql::tests::{check_file, eval, eval_within};

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check_file(stringify!($name));
        }
    )*};
}

files! { collections queries common }

/// What an endless or huge expression ends with within small limits, which must be soon.
fn refusal(expr: &str) -> ErrorKind {
    let small = Limits {
        steps: 100_000,
        bytes: 4_000_000,
        ..Limits::default()
    };
    let started = Instant::now();
    let answer = eval_within(expr, &Value::Null, None, small).map_err(|error| error.kind);
    let seconds = started.elapsed().as_secs_f64();
    // A debug build on a busy machine is slow; what is not refused takes minutes.
    assert!(seconds < 5.0, "{expr}: {answer:?} after {seconds} s");
    answer.expect_err(expr)
}

#[test]
fn what_has_no_end_is_refused() {
    for expr in [
        "sequence()",
        "sequence().toList()",
        "sequence().len()",
        "sequence().last()",
        "sequence().skip(1000000000)",
        "sequence().where(false).first()",
        "sequence().indexOf(-1)",
        "sequence().toSet()",
        "sequence().distinct(0)",
        "sequence().orderBy($)",
        "sequence().groupBy(0)",
        "sequence().splitAt(1)",
        "sequence().slice(1000000000).first()",
        "sequence().zip(sequence()).any(false)",
        "sequence().join(sequence(), false, 1).first()",
        "sequence().aggregate($1)",
        "sequence().skipWhile(true).first()",
        "sequence().defaultIfEmpty([]).count()",
        "-1 in sequence()",
        "list(sequence())",
        "set(sequence())",
        "dict(sequence().select([$, 1]))",
        "{a => 1}.deleteAll(sequence())",
        "1.repeat().toList()",
        "1.repeat(1000000000000).count()",
        "[1].cycle().toList()",
        "range(1000000000).toList()",
        "range(1000000000).sum()",
        "generate(0, true, $ + 1)",
        "generate(0, true, 0).selectMany($).last()",
        "generateMany(0, [$, $]).last()",
        "generateMany(0, sequence()).last()",
        "generateMany(0, [0], decycle => true, depthFirst => true).concat(sequence()).last()",
    ] {
        assert_eq!(refusal(expr), ErrorKind::Limit, "{expr}");
    }
}

#[test]
fn what_grows_too_large_is_refused_before_it_is_made() {
    for expr in [
        "[1, 2, 3] * 1000000000000",
        "1000000000000 * ([1] * 1000)",
        "range(1000).aggregate($1 + $1, [1])",
        "range(1000).select(list(1) * 100000).sum()",
        "let(list(0) * 10000) -> $.join($, true, [$1, $2]).count()",
        "let(list(0) * 100000) -> $.select(let(list(0) * 100000) -> $.toList() = $).all()",
        "let(list(list(0) * 100000)) -> range(100000).where($x = 1 or list(0) * 100000 in set(1)).count()",
        "let(range(100000).toList()) -> range(100000).select($.toSet()).distinct()",
        "let(x => range(100000).toDict($)) -> range(100000).select($x.set($, 1)).last()",
        "let(x => range(100000).toSet()) -> range(100000).select($x.add($)).last()",
        "let(x => range(100000).toList()) -> range(100000).select($x.insert(0, $)).last()",
    ] {
        let kind = refusal(expr);
        assert!(
            matches!(kind, ErrorKind::Limit | ErrorKind::Type | ErrorKind::NoMatch),
            "{expr}: {kind:?}"
        );
    }
}

/// Sorts of more items than Python compares by insertion only: stable, and by every field.
#[test]
fn long_sorts_are_stable() {
    let value = |expr: &str| eval(expr, &Value::Null, None).expect(expr);
    for (mixed, sorted) in [
        (
            "range(1000).orderBy($ * 7919 mod 1000)",
            "range(1000).toDict($ * 7919 mod 1000, $).items().orderBy($[0]).select($[1])",
        ),
        (
            "range(1000).orderBy($ mod 7)",
            "range(7).selectMany(let(r => $) -> range(1000).where($ mod 7 = $r))",
        ),
        (
            "range(1000).orderByDescending($ mod 7).thenByDescending($)",
            "range(1000).orderBy($ mod 7).thenBy($).reverse()",
        ),
        ("range(500).orderByDescending($)", "range(500).reverse()"),
    ] {
        assert_eq!(value(mixed), value(sorted), "{mixed}");
    }
}
