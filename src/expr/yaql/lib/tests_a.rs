//! Numbers, truth, texts, regular expressions, dates and times give what the reference gives, and nothing is endless.

use crate::expr::ErrorKind;
use crate::expr::value::Value;
use crate::expr::yaql::tests::{check_file, eval};

macro_rules! files {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check_file(stringify!($name));
        }
    )*};
}

files! { math boolean strings regex date_time }

#[test]
fn what_would_be_endless_or_huge_is_refused_at_once() {
    let long = "'abcdefghij' * 1000000";
    let rows = [
        "ab * 1000000000".to_owned(),
        "ab * 9000000000000000000".to_owned(),
        "pow(2, 1000000000)".to_owned(),
        "pow(pow(7, 100000), 100000)".to_owned(),
        "pow(pow(3, 10000), pow(3, 10000), pow(3, 10001))".to_owned(),
        "shiftBitsLeft(1, 1000000000000)".to_owned(),
        "range(100).aggregate($1 * $1, 3)".to_owned(),
        format!("let({long}) -> $.replace('', $)"),
        format!("let({long}) -> [$, $, $, $, $, $, $, $].join($)"),
        format!("let({long}) -> $.replace(a, $)"),
        format!("let({long}) -> $.toCharArray()"),
        format!("let({long}) -> $.split(a)"),
        format!("let({long}) -> $.replace(regex('.'), $)"),
        format!("let({long}) -> $.replace(regex('.'), '\\\\g<0>' * 100)"),
        format!("let({long}) -> regex('.').searchAll($).toList()"),
        format!("let({long}) -> $.replaceBy(regex('.'), abcdefghij)"),
        "let(a * 40) -> $.matches('(a|a)*\\\\1c')".to_owned(),
        "let(a * 4000) -> $.matches('(.*)(.*)(.*)(.*)x\\\\1')".to_owned(),
        "datetime(2020, 1, 1).format('%999999999d')".to_owned(),
        "datetime(2020, 1, 1).format('%99999999999999999999999d')".to_owned(),
        "let([a] * 1000) -> let([$] * 1000) -> let([$] * 1000) -> let([$] * 1000) -> str($)".to_owned(),
        "let([a] * 1000) -> let([$] * 1000) -> let([$] * 1000) -> let([$] * 1000) -> $.join('')".to_owned(),
    ];
    for expr in rows {
        let began = std::time::Instant::now();
        let answer = eval(&expr, &Value::Null, None);
        let took = began.elapsed();
        assert_eq!(
            answer.as_ref().map_err(|error| error.kind).map(|_| ()),
            Err(ErrorKind::Limit),
            "{expr}"
        );
        // Far above what it takes even in a debug build, far below what it would take.
        assert!(took.as_secs() < 20, "{expr} took {took:?}");
    }
}
