//! Workflows that the tests run.

use serde_json::{Value, json};

/// Name and text of each.
pub(super) const ALL: &[(&str, &str)] = &[
    ("chain_of_noops", CHAIN),
    ("held", HELD),
    ("fork", FORK),
    ("many", MANY),
    ("few_at_once", FEW),
    ("tries", TRIES),
    ("outer", OUTER),
    ("inner", INNER),
    ("late", LATE),
    (
        "flawed",
        "version: 1.0\ntasks:\n  a:\n    action: demo.noop\n    next:\n      - do: nowhere\n",
    ),
    (
        "stranger",
        "version: 1.0\ntasks:\n  a:\n    action: demo.nosuch\n    input:\n      x: 1\n",
    ),
    ("asks_back", ASKS),
    ("secretive", SECRET),
    ("asks", QUESTION),
    ("asks_many", QUESTIONS),
    ("mends", MENDS),
    ("policed", POLICED),
    ("marks_line", MARKS_LINE),
    ("marks_fork", MARKS_FORK),
    ("marks_items", MARKS_ITEMS),
    ("marks_tries", MARKS_TRIES),
    ("marks_turns", MARKS_TURNS),
    ("marks_outer", MARKS_OUTER),
    ("marks_approval", MARKS_APPROVAL),
    ("marks_question", MARKS_QUESTION),
];

/// What the action of a workflow declares.
pub(super) fn parameters(name: &str) -> Value {
    match name {
        "chain_of_noops" => json!({"rounds": {"type": "integer", "default": 3}}),
        "many" | "few_at_once" => json!({"items": {"type": "array", "required": true}}),
        "mends" => json!({"flag": {"type": "string", "required": true}}),
        "secretive" => json!({"pin": {"type": "string", "secret": true}}),
        _ => json!({}),
    }
}

const POLICED: &str = "
version: 1.0
tasks:
  all:
    with: <% [1, 2, 3] %>
    action: demo.one
    input:
      n: <% item() %>
    next:
      - do: fails
  fails:
    action: demo.flaky
    input:
      cmd: 'false'
";

const CHAIN: &str = "
version: 1.0
input:
  - rounds
vars:
  - round: 0
tasks:
  begin:
    action: demo.noop
    next:
      - do: again
  again:
    action: demo.noop
    next:
      - when: <% succeeded() and ctx().round < ctx().rounds %>
        publish: round=<% ctx().round + 1 %>
        do: next
  next:
    action: demo.noop
    next:
      - when: <% succeeded() %>
        do: again
output:
  - round: <% ctx().round %>
  - who: <% ctx(st2).user %>
";

const HELD: &str = "
version: 1.0
tasks:
  first:
    action: demo.hold n=1
    next:
      - when: <% succeeded() %>
        publish: seen=<% result().parameters.n %>
        do: second
  second:
    action: demo.hold n=<% ctx().seen + 1 %>
    next:
      - publish: last=<% result().parameters.n %>
output:
  - last: <% ctx().last %>
";

const FORK: &str = "
version: 1.0
tasks:
  left:
    action: demo.hold n=1
    next:
      - when: <% succeeded() %>
        publish: left=<% result().parameters.n %>
        do: both
  right:
    action: demo.hold n=2
    next:
      - when: <% succeeded() %>
        publish: right=<% result().parameters.n %>
        do: both
  both:
    join: all
    action: demo.noop
output:
  - sum: <% ctx().left + ctx().right %>
";

const MANY: &str = "
version: 1.0
input:
  - items
tasks:
  each:
    with: <% ctx().items %>
    action: demo.noop
    next:
      - publish: n=<% len(result()) %>
output:
  - n: <% ctx().n %>
";

const FEW: &str = "
version: 1.0
input:
  - items
tasks:
  each:
    with:
      items: i in <% ctx().items %>
      concurrency: 2
    action: demo.hold n=<% item(i) %>
    next:
      - publish: seen=<% result().select($.parameters.n) %>
output:
  - seen: <% ctx().seen %>
";

const TRIES: &str = "
version: 1.0
tasks:
  flaky:
    action: demo.shell cmd=\"exit 3\"
    retry:
      count: 2
  never:
    action: demo.noop
";

const OUTER: &str = "
version: 1.0
tasks:
  inside:
    action: demo.inner
    next:
      - when: <% succeeded() %>
        publish: got=<% result().output.last %>
output:
  - got: <% ctx().got %>
";

const INNER: &str = "
version: 1.0
tasks:
  one:
    action: demo.hold n=7
    next:
      - when: <% succeeded() %>
        publish: last=<% result().parameters.n %>
        do: two
  two:
    action: demo.noop
output:
  - last: <% ctx().last %>
";

const LATE: &str = "
version: 1.0
tasks:
  wait:
    action: demo.noop
    delay: 3600
";

const ASKS: &str = "
version: 1.0
tasks:
  one:
    action: demo.noop
    next:
      - do: two
  two:
    action: demo.noop
    next:
      - publish: one=<% task(one).status %>
output:
  - one: <% ctx().one %>
";

const MENDS: &str = "
version: 1.0
input:
  - flag
tasks:
  each:
    with: word in <% [a, b, c] %>
    action: demo.shell cmd=<% 'test ' + item(word) + ' != b -o -e ' + ctx().flag + ' && echo ' + item(word) %>
    next:
      - when: <% succeeded() %>
        publish: said=<% result().select($.stdout) %>
output:
  - said: <% ctx().get(said) %>
";

const QUESTION: &str = "
version: 1.0
tasks:
  beside:
    action: demo.noop
  question:
    action: demo.question
    next:
      - when: <% succeeded() %>
        publish: said=<% result().response.continue %>
        do: after
  after:
    action: demo.noop
output:
  - said: <% ctx().get(said) %>
";

const QUESTIONS: &str = "
version: 1.0
tasks:
  questions:
    with: <% [1, 2] %>
    action: demo.question
    next:
      - when: <% succeeded() %>
        do: after
  after:
    action: demo.noop
";

const SECRET: &str = "
version: 1.0
input:
  - pin
tasks:
  use:
    action: demo.hold pin=<% ctx().pin %>
";

const MARKS_LINE: &str = "
version: 1.0
tasks:
  a:
    action: demo.again_mark
    input:
      mark: a
    next:
      - when: <% succeeded() %>
        publish: a=<% result().mark %>
        do: b
  b:
    action: demo.again_mark
    input:
      mark: b
    next:
      - when: <% succeeded() %>
        publish: b=<% result().mark %>
        do: c
  c:
    action: demo.noop
output:
  - all: <% ctx().a + ctx().b %>
";

const MARKS_FORK: &str = "
version: 1.0
tasks:
  begin:
    action: demo.noop
    next:
      - do: left, right, beside
  left:
    action: demo.again_mark
    input:
      mark: left
    next:
      - when: <% succeeded() %>
        publish: left=<% result().mark %>
        do: both
  right:
    action: demo.again_mark
    input:
      mark: right
    next:
      - when: <% succeeded() %>
        publish: right=<% result().mark %>
        do: both
  beside:
    action: demo.noop
    next:
      - do: split
  both:
    join: all
    action: demo.again_mark
    input:
      mark: both
    next:
      - do: split
  split:
    action: demo.again_mark
    input:
      mark: split
output:
  - all: <% ctx().left + ctx().right %>
";

const MARKS_ITEMS: &str = "
version: 1.0
tasks:
  each:
    with:
      items: i in <% [1, 2, 3, 4, 5] %>
      concurrency: 2
    action: demo.again_mark
    input:
      mark: i<% item(i) %>
    next:
      - when: <% succeeded() %>
        publish: all=<% result().select($.mark) %>
        do: none
  none:
    with: <% list() %>
    action: demo.again_mark
output:
  - all: <% ctx().all %>
";

const MARKS_TRIES: &str = "
version: 1.0
tasks:
  flaky:
    action: demo.again_mark
    input:
      mark: flaky
      fails: 2
    retry:
      count: 3
    next:
      - when: <% succeeded() %>
        do: after
  after:
    action: demo.again_mark
    input:
      mark: after
";

const MARKS_TURNS: &str = "
version: 1.0
vars:
  - n: 0
tasks:
  begin:
    next:
      - do: turn
  turn:
    action: demo.again_mark
    input:
      mark: turn<% ctx().n %>
    next:
      - when: <% succeeded() and ctx().n < 3 %>
        publish: n=<% ctx().n + 1 %>
        do: turn
output:
  - n: <% ctx().n %>
";

const MARKS_OUTER: &str = "
version: 1.0
tasks:
  inside:
    action: demo.marks_line
    next:
      - when: <% succeeded() %>
        publish: got=<% result().output.all %>
        do: after
  after:
    action: demo.again_mark
    input:
      mark: after
output:
  - got: <% ctx().got %>
";

const MARKS_APPROVAL: &str = "
version: 1.0
tasks:
  ask:
    action: core.approve
    input:
      title: Go on
      by: [bo]
    next:
      - when: <% succeeded() %>
        publish: status=<% result().status %>
        do: after
  beside:
    action: demo.again_mark
    input:
      mark: beside
  after:
    action: demo.again_mark
    input:
      mark: after
output:
  - status: <% ctx().status %>
";

const MARKS_QUESTION: &str = "
version: 1.0
tasks:
  ask:
    action: demo.question
    next:
      - when: <% succeeded() %>
        publish: said=<% result().response.continue %>
        do: after
  after:
    action: demo.again_mark
    input:
      mark: after
output:
  - said: <% ctx().said %>
";
