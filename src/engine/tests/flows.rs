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
