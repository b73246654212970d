//! Tests of the grammar: definitions and inline parameters by rows.

use super::*;
use crate::expr::value::repr;

fn read(text: &str) -> Workflow {
    Workflow::read(&Document::parse(text).unwrap())
}

/// Inline parameters as Python would print them.
fn parameters(text: &str) -> Vec<String> {
    Inline::read(text)
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, repr(&parameter.value)))
        .collect()
}

#[test]
fn inline_parameters_are_read_as_the_reference_does() {
    for (text, wanted) in [
        (r#"core.echo message="hi there""#, &["message: 'hi there'"][..]),
        ("core.echo message=hello", &[]),
        (
            "x a=1 b=1.5 c=true d=null e=-3",
            &["a: 1", "b: 1.5", "c: True", "d: None", "e: -3"],
        ),
        ("x a=True", &["a: True"]),
        (r#"x a='1' b="true""#, &["a: '1'", "b: 'true'"]),
        (r#"x a=[1,2,"x"]"#, &[r#"a: '[1,2,"x"]'"#]),
        ("x a=[1, [2]] b=3", &["a: [1, [2]]", "b: 3"]),
        (r#"x a={"k": 1}"#, &[]),
        (r#"x a='{"k": 1}'"#, &["a: {'k': 1}"]),
        ("x a=.5", &["a: '.5'"]),
        ("x a=1e3", &["a: 1"]),
        ("x a = 1", &[]),
        (r#"x a="""#, &["a: ''"]),
        (r#"x cmd="echo 'q'""#, &["cmd: \"echo 'q\""]),
        ("x a='it''s'", &["a: 'it'"]),
        (
            "x m=<% ctx(a) %> n=<% ctx(b).c %>",
            &["m: '<% ctx(a) %>'", "n: '<% ctx(b).c %>'"],
        ),
        (r#"x m="pre <% ctx(a) %> post""#, &["m: 'pre <% ctx(a) %> post'"]),
        ("x list=[<% ctx(a) %>]", &["list: '[<% ctx(a) %>]'"]),
        ("a=1, b=2", &["a: 1", "b: 2"]),
        ("x m={{ ctx('a') }} é=1", &["m: \"{{ ctx('a') }}\"", "é: 1"]),
        ("x a='", &[]),
        ("x a=NULL", &[]),
        ("x a=FALSE b=nullable", &["a: False", "b: None"]),
    ] {
        assert_eq!(parameters(text), wanted, "{text}");
    }
}

#[test]
fn what_is_no_parameter_is_told() {
    for (text, wanted) in [
        ("core.echo message=hello", &["message=hello"][..]),
        ("x a=1e3", &["a=1e3"]),
        (r#"x a={"k": 1} b=2"#, &[r#"a={"k":"#]),
        (r#"x a="b=c" d='e f=g'"#, &[]),
        ("a=1, b=<% ctx(b) %>; c=true", &[]),
        ("x a=1 b=yes c=2", &["b=yes"]),
        ("x list=[<% ctx(a) %>]", &[]),
        ("core.local cmd=date", &["cmd=date"]),
    ] {
        assert_eq!(Inline::read(text).ignored(), wanted, "{text}");
    }
}

#[test]
fn actions_lose_their_inline_parameters() {
    let one = |action: &str, input: &str| {
        let text = format!("tasks:\n  t:\n    action: {action}\n    input: {{kept: 1}}\n");
        let task = read(&text).tasks.swap_remove("t").unwrap();
        assert_eq!(repr(&task.input), input, "{action}");
        task.action.unwrap().to_string()
    };
    assert_eq!(one("core.echo message='hi'", "{'message': 'hi'}"), "core.echo");
    assert_eq!(
        one("core.echo message=hello", "{'kept': 1}"),
        "core.echo message=hello"
    );
    assert_eq!(one("core.echo", "{'kept': 1}"), "core.echo");
    assert_eq!(one("<% ctx(a) %> m=1", "{'m': 1}"), "<%");
    assert_eq!(one("m=1", "{'kept': 1}"), "m=1");
    assert_eq!(one("core.echo a=1 a=2", "{'a': 2}"), "core.echo");
}

#[test]
fn items_are_named_or_not() {
    for (text, names, expression, good) in [
        ("<% ctx(xs) %>", &[][..], "<% ctx(xs) %>", true),
        ("  {{ ctx('xs') }} ", &[], "{{ ctx('xs') }}", true),
        ("x in <% ctx(xs) %>", &["x"], "<% ctx(xs) %>", true),
        (
            " x, y,z  in  <% zip(ctx(xs), ctx(ys)) %> ",
            &["x", "y", "z"],
            "<% zip(ctx(xs), ctx(ys)) %>",
            true,
        ),
        (
            "<% ctx(xs).where($ in [1, 2]) %>",
            &[],
            "<% ctx(xs).where($ in [1, 2]) %>",
            true,
        ),
        (
            "x in <% ctx(xs).where($ in [1]) %>",
            &["x"],
            "<% ctx(xs).where($ in [1]) %>",
            true,
        ),
        (
            "x in <% ctx(xs)\n  .where($) %>",
            &["x"],
            "<% ctx(xs)\n  .where($) %>",
            true,
        ),
        ("x in [1, 2]", &["x"], "[1, 2]", false),
        ("x y in <% ctx(xs) %>", &[], "x y in <% ctx(xs) %>", false),
        ("xs", &[], "xs", false),
        ("", &[], "", false),
    ] {
        let items = Items::read(text);
        assert_eq!(
            items.names.iter().map(|name| &**name).collect::<Vec<_>>(),
            names,
            "{text}"
        );
        assert_eq!(&*items.expression, expression, "{text}");
        assert_eq!(items.is_well_formed(), good, "{text}");
    }
}

#[test]
fn a_whole_definition_is_read() {
    let workflow = read(
        r#"
version: 1.0
description: All of the grammar.
input:
  - host
  - count: 3
  - none: null
vars:
  - a: <% ctx(count) %>
tasks:
  first:
    delay: 5
    with: x in <% ctx(hosts) %>
    action: core.noop
    next:
      - when: <% succeeded() %>
        publish: b=<% result() %> c=1
        do: second, third
      - publish:
          - d: [1, {e: f}]
      - do: [noop]
  second:
    with: {items: "<% ctx(hosts) %>", concurrency: "<% ctx(n) %>"}
    action: core.echo message="hi"
    retry: {when: "<% failed() %>", count: 2, delay: 1}
  third:
    join: all
    input: <% ctx(all) %>
  fourth:
    join: 0
output:
  - o: <% ctx(b) %>
"#,
    );
    assert_eq!(repr(&workflow.version), "1.0");
    let inputs: Vec<_> = workflow
        .input
        .iter()
        .map(|input| format!("{} {} {}", input.name, repr(&input.default), input.has_default))
        .collect();
    assert_eq!(inputs, ["host None false", "count 3 true", "none None true"]);
    let first = workflow.task("first").unwrap();
    assert_eq!(repr(first.delay.as_ref().unwrap()), "5");
    assert_eq!(first.at, Position { line: 11, column: 3 });
    let with = first.with.as_ref().unwrap();
    assert_eq!(
        (&*with.items.names[0], &*with.items.expression),
        ("x", "<% ctx(hosts) %>")
    );
    let shown: Vec<_> = first
        .next
        .iter()
        .map(|next| {
            let publish: Vec<_> = next
                .publish
                .iter()
                .map(|one| format!("{}={}", one.name, repr(&one.value)))
                .collect();
            format!(
                "{:?} {publish:?} {:?} {}",
                next.when.as_deref(),
                next.targets,
                next.explicit
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"Some("<% succeeded() %>") ["b='<% result() %>'", "c=1"] ["second", "third"] true"#,
            r#"None ["d=[1, {'e': 'f'}]"] ["continue"] false"#,
            r#"None [] ["noop"] true"#,
        ]
    );
    let second = workflow.task("second").unwrap();
    assert_eq!(
        second
            .with
            .as_ref()
            .unwrap()
            .concurrency
            .as_ref()
            .unwrap()
            .as_str(),
        Some("<% ctx(n) %>")
    );
    assert_eq!(repr(second.retry.as_ref().unwrap().count.as_ref().unwrap()), "2");
    let third = workflow.task("third").unwrap();
    assert_eq!(third.join, Some(Join::All));
    assert_eq!(third.input.as_str(), Some("<% ctx(all) %>"));
    assert_eq!(workflow.task("fourth").unwrap().join, Some(Join::Count(0)));
    assert_eq!(workflow.output.len(), 1);
}

#[test]
fn parts_are_found_by_their_path() {
    let text =
        "version: 1.0\ntasks:\n  t1:\n    action: a.b\n    next:\n      - do: [x, y]\n  t.2: {join: all}\n";
    let document = Document::parse(text).unwrap();
    for (path, line, column) in [
        ("", 1, 1),
        ("version", 1, 10),
        ("tasks", 2, 1),
        ("tasks.t1", 3, 3),
        ("tasks.t1.action", 4, 13),
        ("tasks.t1.next[0].do", 6, 13),
        ("tasks.t1.next[0].do[1]", 6, 17),
        ("tasks.t1.next[7].do", 5, 5),
        ("tasks.t.2.join", 7, 15),
        ("nowhere", 1, 1),
    ] {
        assert_eq!(document.locate(path), Position { line, column }, "{path}");
    }
}

#[test]
fn texts_that_are_no_definition_are_refused() {
    for (text, part, line) in [
        ("", "empty", 1),
        ("{}", "empty", 1),
        ("just words", "text instead of a mapping", 1),
        ("- a\n- b\n", "a list instead of a mapping", 1),
        (
            "tasks: {a: 1}\ntasks: {b: 2}\n",
            "this key is given twice: `tasks`",
            2,
        ),
        ("tasks: [", "`[` is never closed", 1),
    ] {
        let error = Document::parse(text).unwrap_err();
        assert!(error.message.contains(part), "{text}: {error}");
        assert_eq!(error.at.line, line, "{text}");
    }
}

#[test]
fn dates_and_keys_keep_their_types() {
    let workflow = read("vars:\n  - a: {2: x, yes: 2020-01-31, c: 2020-01-31T10:20:30.5}\n");
    assert_eq!(
        repr(&workflow.vars[0].value),
        "{2: 'x', True: datetime.date(2020, 1, 31), 'c': datetime.datetime(2020, 1, 31, 10, 20, 30, 500000)}"
    );
}
