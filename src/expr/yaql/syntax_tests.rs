//! The grammar, against the reference's trees and messages.

use serde::Deserialize;

use super::{MAX_DEPTH, MAX_LENGTH, parse};
use crate::expr::ErrorKind;

#[derive(Deserialize)]
struct Row {
    expr: String,
    tree: Option<String>,
    class: Option<String>,
    message: Option<String>,
}

#[test]
fn trees_and_errors_are_the_references() {
    let rows: Vec<Row> =
        serde_json::from_str(include_str!("../../../tests/data/expr/yaql/syntax.json")).unwrap();
    let mut wrong = Vec::new();
    for row in &rows {
        let answer = match parse(&row.expr) {
            Ok(tree) => (Some(tree.to_string()), None, None),
            Err(error) => (None, Some(error.class.to_owned()), Some(error.message.clone())),
        };
        if answer != (row.tree.clone(), row.class.clone(), row.message.clone()) {
            let wanted = (&row.tree, &row.class, &row.message);
            wrong.push(format!("{:?}\n   is {answer:?}\n  not {wanted:?}", row.expr));
        }
    }
    assert!(rows.len() > 300);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn nesting_is_bounded_in_every_form() {
    // Half of what a thread has by default, and unoptimised code needs several times more than optimised.
    let thread = std::thread::Builder::new().stack_size(1024 * 1024);
    thread.spawn(nest).unwrap().join().unwrap();
}

fn nest() {
    let forms: [(&str, &str, &str); 10] = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{a=>", "1", "}"),
        ("f(", "1", ")"),
        ("a[", "1", "]"),
        ("-", "1", ""),
        ("not ", "1", ""),
        ("1 + ", "1", ""),
        ("a -> ", "1", ""),
        ("", "a", ".b[0]"),
    ];
    for (open, middle, close) in forms {
        let text = |times: usize| format!("{}{middle}{}", open.repeat(times), close.repeat(times));
        assert!(parse(&text(MAX_DEPTH / 3)).is_ok(), "{open}");
        let error = parse(&text(MAX_LENGTH / 20)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Recursion, "{open}");
        assert!(parse(&open.repeat(MAX_LENGTH / 10)).is_err(), "{open}");
    }
    let error = parse(&"a".repeat(MAX_LENGTH + 1)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit);
    let wide = format!("[{}1]", "1,".repeat(20_000));
    assert!(parse(&wide).is_ok());
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let expression = "ctx(i)\n  == 1";
    let error = parse(expression).unwrap_err();
    assert_eq!(error.position(expression), Some((2, 4)));
    assert_eq!(
        error.render(expression),
        "YaqlGrammarException: Parse error: unexpected '=' at position 10 of expression 'ctx(i)\n  == 1'\n  \
         \u{20} == 1\n     ^\n  hint: equality is written with one `=`"
    );
    let long = format!("{} ; {}", "a + ".repeat(40) + "b", "c".repeat(300));
    let snippet = parse(&long).unwrap_err().snippet(&long).unwrap();
    let (line, carets) = snippet.split_once('\n').unwrap();
    assert_eq!(line.chars().count(), 100);
    assert_eq!(line.chars().nth(carets.find('^').unwrap()), Some(';'));
}

#[test]
fn common_slips_get_advice() {
    for (expression, part) in [
        ("a == 1", "one `=`"),
        ("a <> 1", "`!=`"),
        ("a && b", "`and`"),
        ("a || b", "`or`"),
        ("!a", "`not`"),
        ("a ? b : c", "switch("),
        ("len (a)", "len("),
        ("ctx(__x)", "two underscores"),
        ("ctx(a", "closing bracket"),
        ("1e3", "exponent"),
        ("'abc", "no end"),
        ("a % b", "`mod`"),
        ("a not in b", "not a in b"),
        ("{a: 1}", "=>"),
        ("[1, 2,]", "last comma"),
        ("hello world", "quotes"),
        ("a and(b)", "blank after `and`"),
        ("\u{201c}a\u{201d}", "typographic"),
        ("a\u{a0}", "blank"),
        ("'\\xzz'", "escapes"),
    ] {
        let error = parse(expression).err();
        let hint = error
            .as_ref()
            .and_then(|error| error.hint.as_deref())
            .unwrap_or_default();
        assert!(hint.contains(part), "{expression}: {error:?}");
    }
}

#[test]
fn spans_cut_the_text_exactly() {
    use super::{Arg, Node};
    let text = "é + ctx( 'x' ).len( ) - (a[1])";
    let tree = parse(text).unwrap();
    assert_eq!(tree.span.of(text), text);
    let Node::Binary { at, left, right, .. } = &tree.node else {
        panic!("{tree}")
    };
    assert_eq!((at.of(text), right.span.of(text)), ("-", "(a[1])"));
    let Node::Binary { right: call, .. } = &left.node else {
        panic!("{left}")
    };
    assert_eq!(call.span.of(text), "ctx( 'x' ).len( )");
    let Node::Binary { left: ctx, .. } = &call.node else {
        panic!("{call}")
    };
    let Node::Call { args, .. } = &ctx.node else {
        panic!("{ctx}")
    };
    assert!(matches!(&args[..], [Arg::Value(value)] if value.span.of(text) == "'x'"));
}

proptest::proptest! {
    #![proptest_config(crate::testing::cases(256))]

    #[test]
    fn arbitrary_texts_never_panic(text in "[a-c_$'\"`\\\\xuN{}()\\[\\],.?=>!~<+*/ 0-9é\n-]{0,40}") {
        if let Err(error) = parse(&text) {
            let _ = error.render(&text);
        }
    }
}
