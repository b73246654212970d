"""Workflows by hand, one theme after the other, with scripts of results and interference."""

VERSION = "version: 1.0\n"
rows = []


def add(name, text, *scripts, inputs=None, context=None):
    """A definition with each of its scripts."""
    for number, script in enumerate(scripts or [{}]):
        row = {"id": f"{name}-{number}", "definition": VERSION + text, "script": script}
        if inputs is not None:
            row["inputs"] = inputs
        if context is not None:
            row["context"] = context
        rows.append(row)


def result(task, status="succeeded", value=None, **more):
    return {"task": task, "status": status, "result": value, **more}


def script(*results, control=(), **more):
    return {"results": list(results), "control": list(control), **more}


def at(time, op, **more):
    return {"op": op, "at": time, **more}


FAIL = "failed"

# ---- sequence, data, output ------------------------------------------------------------------------------------------

SEQUENCE = """
input: [name, {greeting: hello}]
vars:
  - text: <% ctx(greeting) + ' ' + ctx(name) %>
  - deep: {a: {b: 1}, l: [1, 2]}
tasks:
  ask:
    action: core.echo message=<% ctx(text) %>
    next:
      - when: <% succeeded() %>
        publish:
          - said: <% result() %>
          - twice: <% ctx(said) %> and <% ctx(said) %>
          - deep: {a: {c: 2}}
        do: think
      - when: <% failed() %>
        publish: broken=true
        do: mend
  think:
    action: core.echo
    input: {message: "{{ ctx('twice') }}", all: <% ctx(deep) %>, "<% ctx(name) %>": 1}
    next:
      - publish: [thought: <% result() %>]
  mend:
    action: core.noop
output:
  - said: <% ctx().get(said) %>
  - deep: <% ctx(deep) %>
  - again: <% ctx(said) %>!
"""
add(
    "sequence", SEQUENCE,
    script(result("ask", value="yes"), result("think", value={"n": 1})),
    script(result("ask", FAIL, {"stderr": "no"})),
    script(result("ask", "timeout")),
    script(result("ask", "abandoned")),
    script(result("ask", "canceled")),
    script(result("think", FAIL, "x")),
    inputs={"name": "ana", "undeclared": 5},
)  # fmt: skip
add("sequence-null-input", SEQUENCE, script(result("ask", value=1)), inputs={"name": "bo", "greeting": None})
add("sequence-context", SEQUENCE, script(), inputs={"name": "bo"}, context={"st2": {"user": "bo"}, "deep": {"z": 1}})

add("no-action", "tasks:\n  a: {next: [{do: b}]}\n  b: {delay: 3}\n")
add("roots", "tasks:\n  c: {action: x.c}\n  a: {action: x.a}\n  b: {action: x.b}\n", script(result("b", FAIL)), script())
add("input-fails", "input: [{a: <% ctx(zz) %>}, {b: <% ctx(a) %>}]\nvars: [{c: <% 1/0 %>}]\ntasks: {a: {action: x.y}}\noutput: [{o: 1}]\n")
add("vars-fail", "vars: [{c: <% ctx(no) %>}]\ntasks: {a: {action: x.y}}\n")
add("output-fails", "tasks: {a: {action: x.y}}\noutput: [{o: 1}, {p: <% ctx(zz) %>}, {q: <% ctx(o) %>}]\n", script(), script(result("a", "canceled")), script(result("a", FAIL)))
add("publish-fails", "tasks:\n  a:\n    action: x.y\n    next:\n      - publish: [{p: 1}, {q: <% ctx(zz) %>}, {r: <% ctx(yy) %>}]\n        do: b\n      - publish: [{s: 2}]\n        do: c\n  b: {action: x.y}\n  c: {action: x.y}\noutput: [{s: <% ctx().get(s) %>}]\n")
add("when-fails", "tasks:\n  a:\n    action: x.y\n    next:\n      - {when: <% ctx(zz) %>, do: b}\n      - {when: <% succeeded() %>, do: c}\n  b: {action: x.y}\n  c: {action: x.y}\n")
add("render-fails", "tasks:\n  a: {action: x.y, input: {m: <% ctx(zz) %>}}\n  b: {action: <% ctx(yy) %>}\n  c: {action: x.y}\n")
add("render-fails-later", "tasks:\n  a: {action: x.y, next: [{do: 'b, c'}]}\n  b: {action: x.y, input: {m: <% ctx(zz) %>}}\n  c: {action: x.y}\n")
add("publish-null-resets", "vars: [{d: {x: 1}}]\ntasks:\n  a: {action: x.y, next: [{publish: [{d: {y: 2}}], do: b}]}\n  b: {action: x.y, next: [{publish: [{d: null}], do: c}]}\n  c: {action: x.y, next: [{publish: [{d: {z: 3}}]}]}\noutput: [{d: <% ctx(d) %>}]\n")
add("publish-per-target", "tasks:\n  a: {action: x.y, next: [{publish: [{n: 1}], do: [b, c]}]}\n  b: {action: x.y, next: [{publish: [{n: <% ctx(n) + 10 %>}], do: d}]}\n  c: {action: x.y, next: [{publish: [{n: <% ctx(n) + 100 %>}], do: d}]}\n  d: {join: all, action: x.y}\noutput: [{n: <% ctx(n) %>}]\n",
    script(), script(result("b", duration=5)), script(result("c", duration=5)))
for number, when in enumerate(["foo", "x <% false %>", "<% 'false' %>", "<% 0 %>", "<% '' %>", "<% [] %>", "{{ none }}", "{{ false }}", "{% if false %}y{% endif %}", "<% result() = 5 %>", "<% completed() %>", "<% task_status(a) = 'succeeded' %>", "<% task_status(b) = 'null' %>"]):
    add(f"when-{number}", f"tasks:\n  a: {{action: x.y, next: [{{when: \"{when}\", do: b}}]}}\n  b: {{action: x.y}}\n", script(result("a", value=5)), script(result("a", FAIL, 5)))

# ---- joins -----------------------------------------------------------------------------------------------------------

for join in ("all", 1, 2, 0, 5):
    for when in ("succeeded()", "completed()", "failed()"):
        text = "tasks:\n"
        for number, task in enumerate("abc"):
            text += f"  {task}:\n    action: x.y\n    next:\n      - when: <% {when} %>\n        publish: [{{last: {task}}}, {{{task}: {number}}}]\n        do: j\n"
        text += f"  j:\n    join: {join}\n    action: x.y m=<% ctx(last) %>\n    next: [{{do: k}}]\n  k: {{action: x.y}}\noutput: [{{last: <% ctx().get(last) %>}}]\n"
        add(
            f"join-{join}-{when[:-2]}", text, script(), script(result("b", FAIL)), script(result("a", FAIL, duration=3)),
            script(result("a", duration=3), result("b", duration=2)), script(result("c", duration=9)),
            script(result("c", duration=3), result("j", duration=5)), script(result("c", FAIL, duration=9), result("a", FAIL)),
            script(result("b", "pending")),
        )  # fmt: skip
add("join-from-one", "tasks:\n  a: {action: x.y, next: [{do: b}, {do: [b, c]}]}\n  b: {action: x.y, next: [{do: j}]}\n  c: {action: x.y, next: [{do: j}, {when: <% failed() %>, do: j}]}\n  j: {join: all, action: x.y}\n", script(), script(result("c", FAIL)))
add("join-deep", "tasks:\n  a: {action: x.y, next: [{do: [b, c, d]}]}\n  b: {action: x.y, next: [{do: e}]}\n  c: {action: x.y, next: [{do: e}]}\n  e: {join: all, action: x.y, next: [{do: f}]}\n  d: {action: x.y, next: [{do: f}]}\n  f: {join: all, action: x.y}\n",
    script(), script(result("b", FAIL)), script(result("d", FAIL)), script(result("d", duration=7)), script(result("e", FAIL)))
add("join-never-reached", "tasks:\n  a: {action: x.y, next: [{when: <% failed() %>, do: j}]}\n  b: {action: x.y, next: [{when: <% failed() %>, do: j}]}\n  j: {join: all, action: x.y}\n", script(), script(result("a", FAIL)), script(result("a", FAIL), result("b", FAIL)))
add("join-remedied-elsewhere", "tasks:\n  a: {action: x.y, next: [{when: <% succeeded() %>, do: j}, {when: <% failed() %>, do: h}]}\n  b: {action: x.y, next: [{do: j}]}\n  h: {action: x.y}\n  j: {join: all, action: x.y}\n", script(result("a", FAIL)), script(result("a", FAIL, duration=4)), script(result("a", FAIL), result("h", FAIL)))

# ---- splits and routes -------------------------------------------------------------------------------------------------

add("split", "tasks:\n  a: {action: x.a, next: [{publish: [{from: a}], do: c}]}\n  b: {action: x.b, next: [{publish: [{from: b}], do: c}]}\n  c: {action: x.c m=<% ctx(from) %>, next: [{do: d}]}\n  d: {action: x.d}\noutput: [{from: <% ctx(from) %>}]\n",
    script(), script(result("a", duration=5)), script(result("c", FAIL, route=1)), script(result("c", FAIL, route=2)))
add("split-twice-from-one", "tasks:\n  a: {action: x.a, next: [{publish: [{n: 1}], do: b}, {publish: [{n: 2}], do: b}]}\n  b: {action: x.b m=<% ctx(n) %>}\n")
add("split-same-transition", "tasks:\n  a: {action: x.a, next: [{do: [b, b2]}, {when: <% failed() %>, do: b}]}\n  b: {action: x.b}\n  b2: {action: x.b}\n", script(), script(result("a", FAIL)))
add("split-join", "tasks:\n  a: {action: x.a, next: [{do: c}]}\n  b: {action: x.b, next: [{do: c}]}\n  c: {action: x.c, next: [{do: [d, e]}]}\n  d: {action: x.d, next: [{do: j}]}\n  e: {action: x.e, next: [{do: j}]}\n  j: {join: all, action: x.j}\n",
    script(), script(result("d", FAIL, route=1)), script(result("d", duration=9, route=2)))
add("split-nested", "tasks:\n  a: {action: x.y, next: [{do: [b, c]}]}\n  b: {action: x.y, next: [{do: d}]}\n  c: {action: x.y, next: [{do: d}]}\n  d: {action: x.y, next: [{do: [e, f]}]}\n  e: {action: x.y, next: [{do: g}]}\n  f: {action: x.y, next: [{do: g}]}\n  g: {action: x.y, next: [{do: h}]}\n  h: {action: x.y}\n", script(), script(result("e", FAIL, route=1)))
add("split-task-status", "tasks:\n  a: {action: x.y, next: [{do: c}]}\n  b: {action: x.y, next: [{do: c}]}\n  c: {action: x.y, next: [{publish: [{s: \"<% task_status(a) %> <% task_status(c) %> <% task_status(b) %>\"}], do: d}]}\n  d: {action: x.y m=<% ctx(s) %>}\noutput: [{s: <% ctx(s) %>}]\n")
add("split-commands", "tasks:\n  a: {action: x.y, next: [{do: noop}]}\n  b: {action: x.y, next: [{do: noop}]}\n  c: {action: x.y, next: [{when: <% failed() %>, do: fail}]}\n  d: {action: x.y, next: [{when: <% failed() %>, do: fail}]}\n", script(), script(result("a", FAIL)), script(result("c", FAIL), result("d", FAIL)))

# ---- cycles --------------------------------------------------------------------------------------------------------------

add("cycle", "vars: [{n: 0}]\ntasks:\n  lead: {next: [{do: t}]}\n  t:\n    action: x.y n=<% ctx(n) %>\n    next:\n      - {when: <% ctx(n) < 3 %>, publish: [{n: <% ctx(n) + 1 %>}], do: t}\n      - {when: <% ctx(n) >= 3 %>, do: done}\n  done: {action: x.y}\noutput: [{n: <% ctx(n) %>}]\n", script(), script(result("t", FAIL, attempt=2)))
add("cycle-of-three", "vars: [{n: 0}]\ntasks:\n  lead: {action: x.y, next: [{do: a}]}\n  a: {action: x.y, next: [{publish: [{n: <% ctx(n) + 1 %>}], do: b}]}\n  b: {action: x.y, next: [{when: <% ctx(n) < 3 %>, do: [a, side]}]}\n  side: {action: x.y n=<% ctx(n) %>}\noutput: [{n: <% ctx(n) %>}]\n", script(), script(result("side", duration=5)), script(result("side", FAIL)))
add("cycle-join", "vars: [{n: 0}]\ntasks:\n  lead: {next: [{do: s}]}\n  s: {action: x.y, next: [{publish: [{n: <% ctx(n) + 1 %>}], do: [p, q]}]}\n  p: {action: x.y, next: [{publish: [{p: <% ctx(n) %>}], do: j}]}\n  q: {action: x.y, next: [{publish: [{q: <% ctx(n) %>}], do: j}]}\n  j: {join: all, action: x.y, next: [{when: <% ctx(n) < 4 %>, do: s}]}\noutput: [{n: <% ctx(n) %>}, {p: <% ctx(p) %>}, {q: <% ctx(q) %>}]\n",
    script(), script(result("p", duration=3)), script(result("q", FAIL, attempt=2)))
add("cycle-retry", "vars: [{n: 0}]\ntasks:\n  lead: {next: [{do: t}]}\n  t:\n    action: x.y\n    retry: {count: 2, delay: 4}\n    next:\n      - {when: <% succeeded() and ctx(n) < 2 %>, publish: [{n: <% ctx(n) + 1 %>}], do: t}\n", script(result("t", FAIL, attempt=2)), script(result("t", FAIL, attempt=2), result("t", FAIL, attempt=3), result("t", FAIL, attempt=4)))

# ---- items -----------------------------------------------------------------------------------------------------------------

for concurrency in (None, 1, 2, 3, "<% ctx(c) %>", "<% null %>", "<% 0 %>", "<% 'x' %>"):
    with_ = "with: <% ctx(l) %>" if concurrency is None else f"with: {{items: <% ctx(l) %>, concurrency: {concurrency}}}"
    text = f"input: [l, {{c: 2}}]\ntasks:\n  t:\n    {with_}\n    action: core.echo m=<% item() %>\n    next:\n      - {{when: <% succeeded() %>, publish: [{{r: <% result() %>}}], do: u}}\n      - {{when: <% failed() %>, publish: [{{r: <% result() %>}}], do: v}}\n  u: {{action: x.y m=<% ctx(r) %>}}\n  v: {{action: x.y}}\noutput: [{{r: <% ctx().get(r) %>}}]\n"
    add(
        f"items-{concurrency}", text,
        script(*(result("t", value=number * 10, item=number) for number in range(5))),
        script(result("t", FAIL, "f", item=1)), script(result("t", FAIL, "f", item=4), result("t", duration=3, item=0)),
        script(result("t", "timeout", item=0)), script(result("t", "canceled", item=1)),
        script(result("t", item=1, sequence=[{"status": "pending"}, {"status": "succeeded", "duration": 6}]), control=[at(20, "resume")]),
        script(result("t", item=2, sequence=[{"status": "paused"}, {"status": "running", "duration": 6}, {"status": "succeeded"}]), control=[at(20, "resume")]),
        script(result("t", duration=4), control=[at(2, "pause"), at(9, "resume")]),
        script(result("t", duration=4), control=[at(2, "cancel")]),
        script(*(result("t", duration=number + 1, item=number) for number in range(5)), control=[at(3, "pause"), at(9, "resume")]),
        script(result("t", FAIL, item=1, attempt=1), control=[{"op": "rerun"}]),
        script(result("t", FAIL, item=1, attempt=1), control=[{"op": "rerun", "tasks": [{"task": "t", "reset_items": True}]}]),
        inputs={"l": [1, "b", None, {"k": 1}, [5]]},
    )  # fmt: skip
for number, (with_, items) in enumerate([
    ("x in <% ctx(l) %>", [1, 2]), ("x in <% ctx(l) %>", [[1, 2], [3, 4]]), ("x, y in <% ctx(l) %>", [[1, 2], [3, 4, 5]]),
    ("x, y in <% ctx(l) %>", [[1]]), ("x, y in <% ctx(l) %>", [1]), ("<% ctx(l) %>", []), ("<% ctx(l) %>", None),
    ("<% ctx(l) %>", "text"), ("<% ctx(l) %>", {"a": 1}), ("x, y in <% zip(ctx(l), ctx(l)) %>", [1, 2]), ("<% range(0, 3) %>", None),
    ("<% ctx(l).keys() %>", {"a": 1}), ("{{ ctx('l') }}", [1]), ("i in {{ ctx('l') }}", [1]), ("<% ctx(l).where($ in [1]) %>", [1, 2]), ("<% ctx(zz) %>", [1]),
]):  # fmt: skip
    add(f"items-of-{number}", f"input: [l]\ntasks:\n  t:\n    with: \"{with_}\"\n    action: core.echo m=<% item() %>\n    next: [{{publish: [{{r: <% result() %>}}]}}]\noutput: [{{r: <% ctx(r) %>}}]\n", script(), inputs={"l": items})
add("items-named", "tasks:\n  t:\n    with: x, y in <% list(list(1, 2), list(3, 4)) %>\n    action: core.echo x=<% item(x) %> y=<% item(y) %>\n")
add("items-item-fails", "tasks:\n  t:\n    with: <% list(dict(a=>1), dict(b=>1)) %>\n    action: core.echo a=<% item(a) %>\n")
add("items-delay", "tasks:\n  t:\n    with: {items: '<% list(1, 2, 3, 4) %>', concurrency: 2}\n    delay: 10\n    action: core.echo m=<% item() %>\n")
add("items-delay-all", "tasks:\n  t:\n    with: <% list(1, 2) %>\n    delay: 10\n    action: core.echo m=<% item() %>\n")
add("items-retry", "tasks:\n  t:\n    with: <% list(1, 2) %>\n    action: core.echo m=<% item() %>\n    retry: {count: 2, delay: 3}\n", script(result("t", FAIL, item=1, attempt=1)), script(result("t", FAIL, item=0)))
add("items-cycle", "vars: [{n: 0}]\ntasks:\n  lead: {next: [{do: t}]}\n  t:\n    with: <% list(1, 2) %>\n    action: core.echo m=<% item() %>\n    next: [{when: <% ctx(n) < 2 %>, publish: [{n: <% ctx(n) + 1 %>}], do: t}]\n", script(), script(result("t", FAIL, item=1, attempt=2)))
add("items-remedied", "tasks:\n  t:\n    with: <% list(1, 2) %>\n    action: core.echo m=<% item() %>\n    next: [{when: <% failed() %>, do: noop}]\n", script(result("t", FAIL, item=1)), script())
add("items-beside", "tasks:\n  s: {action: x.y, next: [{when: <% failed() %>, do: h}]}\n  t:\n    with: {items: '<% list(1, 2, 3) %>', concurrency: 1}\n    action: core.echo m=<% item() %>\n  h: {action: x.y}\n", script(result("s", FAIL)), script(result("s", FAIL), result("h", FAIL)), script(result("t", FAIL, item=0), result("s", duration=5)))

# ---- retry and delay ---------------------------------------------------------------------------------------------------------

for number, retry in enumerate(["{count: 2}", "{count: 2, delay: 5}", "{count: 0}", "{count: <% ctx(n) %>, delay: <% ctx(n) %>}", "{count: 3, when: <% succeeded() %>}", "{count: 3, when: <% failed() and result() != 3 %>}", "{count: 2, when: <% false %>}", "{count: 2, when: 'text'}"]):
    add(
        f"retry-{number}", f"vars: [{{n: 2}}]\ntasks:\n  a:\n    action: x.y\n    delay: 7\n    retry: {retry}\n    next: [{{when: <% failed() %>, do: h}}]\n  h: {{action: x.y}}\n",
        script(), script(result("a", FAIL)), script(result("a", FAIL, attempt=1)), script(result("a", FAIL, 3, attempt=2), result("a", FAIL, attempt=1)),
        script(result("a", "timeout", attempt=1)), script(result("a", FAIL, duration=5), control=[at(9, "pause"), at(20, "resume")]), script(result("a", FAIL, duration=5), control=[at(9, "cancel")]),
    )  # fmt: skip
add("retry-command", "tasks:\n  a: {action: x.y, retry: {count: 9}, next: [{when: <% failed() %>, publish: [{p: 1}], do: retry}, {when: <% succeeded() %>, do: b}]}\n  b: {action: x.y}\noutput: [{p: <% ctx().get(p) %>}]\n", script(result("a", FAIL)), script(result("a", FAIL, attempt=1)), script())
add("retry-command-always", "tasks:\n  a: {action: x.y, next: [{do: retry}]}\n", script(), script(result("a", FAIL)))
add("retry-beside", "tasks:\n  a: {action: x.y, retry: {count: 1, delay: 5}}\n  b: {action: x.y}\n", script(result("a", FAIL), result("b", duration=3)), script(result("a", FAIL, attempt=1), result("b", FAIL, duration=3)))
for number, delay in enumerate(["3", "0", "<% 4 %>", "<% 0 %>", "'3'", "abc", "<% 1.5 %>", "<% null %>", "<% true %>", "{% if true %}3{% endif %}", "<% ctx(zz) %>"]):
    add(f"delay-{number}", f"tasks:\n  a: {{action: x.y, delay: \"{delay}\"}}\n" if "%" in delay else f"tasks:\n  a: {{action: x.y, delay: {delay}}}\n")

# ---- failure, remedies, engine commands ------------------------------------------------------------------------------------------

for number, next_ in enumerate(["", "next: [{publish: [{p: 1}]}]", "next: [{publish: [{p: 1}], do: continue}]", "next: [{publish: [{p: 1}], do: noop}]", "next: [{publish: [{p: 1}], do: b}]", "next: [{do: fail}]", "next: [{publish: [{p: 1}], do: [b, fail]}]", "next: [{do: b}, {do: fail}]", "next: [{when: <% failed() %>, do: noop}]", "next: [{when: <% succeeded() %>, do: fail}]", "next: [{do: [noop, fail]}]", "next: [{do: [continue, b]}]"]):
    add(f"remedy-{number}", f"tasks:\n  a:\n    action: x.y\n    {next_}\n  b: {{action: x.y, next: [{{do: c}}]}}\n  c: {{action: x.y}}\n  z: {{action: x.y, next: [{{do: y}}]}}\n  y: {{action: x.y}}\noutput: [{{p: <% ctx().get(p) %>}}]\n" if "b" in next_ else f"tasks:\n  a:\n    action: x.y\n    {next_}\n  z: {{action: x.y, next: [{{do: y}}]}}\n  y: {{action: x.y}}\noutput: [{{p: <% ctx().get(p) %>}}]\n",
        script(), script(result("a", FAIL, {"e": 1})), script(result("a", FAIL), result("z", duration=4)), script(result("a", FAIL, duration=4)), script(result("a", "canceled")), script(result("b", FAIL)))
add("fail-fast", "tasks:\n  a: {action: x.y}\n  b: {action: x.y, next: [{publish: [{p: 1}], do: c}]}\n  c: {action: x.y}\noutput: [{p: <% ctx().get(p) %>}]\n", script(result("a", FAIL), result("b", duration=4)), script(result("a", FAIL, duration=4)), script(result("a", FAIL), result("b", FAIL, duration=4)))

# ---- pause, resume, cancel, pending ---------------------------------------------------------------------------------------------------

PAIR = "tasks:\n  a: {action: x.y, next: [{when: <% succeeded() %>, publish: [{p: 1}], do: c}]}\n  b: {action: x.y, next: [{do: d}]}\n  c: {action: x.y}\n  d: {action: x.y}\noutput: [{p: <% ctx().get(p) %>}]\n"
ASK = [{"status": "pending", "duration": 2}, {"status": "succeeded", "result": "yes", "duration": 5}]
ASK_RUN = [{"status": "pending", "duration": 2}, {"status": "running", "duration": 4}, {"status": "succeeded", "duration": 1}]
SUB = [{"status": "paused", "duration": 2}, {"status": "running", "duration": 6}, {"status": "succeeded", "duration": 2}]
SUBS = [{"status": "pausing", "duration": 1}, {"status": "paused", "duration": 2}, {"status": "resuming", "duration": 4}, {"status": "running", "duration": 1}, {"status": "succeeded", "duration": 1}]
STOP = [{"status": "canceling", "duration": 1}, {"status": "canceled", "duration": 2}]
add(
    "pause", PAIR,
    script(result("a", duration=4), control=[at(2, "pause"), at(8, "resume")]),
    script(result("a", duration=4), result("b", duration=6), control=[at(2, "pause"), at(5, "resume")]),
    script(control=[at(1, "pause"), {"op": "resume"}]),
    script(control=[at(2, "pause"), {"op": "resume"}]),
    script(control=[at(2, "pause"), at(2, "pause"), at(2, "resume"), at(2, "resume")]),
    script(control=[at(1, "cancel")]), script(result("a", duration=4), control=[at(2, "cancel"), at(3, "cancel"), at(3, "resume")]),
    script(result("a", FAIL, duration=4), control=[at(2, "cancel")]), script(result("a", FAIL, duration=4), control=[at(2, "pause"), at(8, "resume")]),
    script(control=[at(1, "fail")]), script(control=[{"op": "pause"}, {"op": "cancel"}, {"op": "resume"}, {"op": "fail"}]),
    script(result("a", duration=4), control=[at(2, "pause"), at(3, "cancel")]), script(result("a", duration=4), result("b", duration=4), control=[at(2, "pause"), at(5, "cancel")]),
    script(result("a", sequence=ASK)), script(result("a", sequence=ASK), control=[at(9, "resume")]), script(result("a", sequence=ASK_RUN)), script(result("a", sequence=ASK_RUN), result("b", duration=3)),
    script(result("a", sequence=ASK), result("b", duration=4), control=[at(9, "resume")]), script(result("a", sequence=ASK), control=[at(4, "resume")]), script(result("a", sequence=ASK), control=[at(4, "cancel")]),
    script(result("a", sequence=SUB)), script(result("a", sequence=SUB), result("b", duration=5)), script(result("a", sequence=SUBS)), script(result("a", sequence=SUBS), result("b", sequence=SUB)),
    script(result("a", sequence=STOP)), script(result("a", sequence=STOP), result("b", duration=5)), script(result("a", sequence=STOP), result("b", FAIL, duration=2)),
    script(result("a", sequence=SUB), control=[at(4, "cancel")]), script(result("a", sequence=SUB), control=[at(1, "pause"), at(4, "resume")]), script(result("a", sequence=SUBS), control=[at(2, "cancel")]),
)  # fmt: skip
add("pause-alone", "tasks:\n  a: {action: x.y, next: [{when: <% failed() %>, do: b}]}\n  b: {action: x.y}\n",
    script(control=[at(1, "pause"), {"op": "resume"}]), script(result("a", duration=4), control=[at(2, "pause"), {"op": "resume"}]), script(result("a", FAIL, duration=4), control=[at(2, "pause"), {"op": "resume"}]),
    script(result("a", sequence=ASK), control=[{"op": "resume"}]), script(result("a", sequence=ASK_RUN)), script(result("a", sequence=SUB)), script(result("a", duration=4), control=[at(2, "cancel")]))

# ---- rerun ---------------------------------------------------------------------------------------------------------------------------------

LINE = "tasks:\n  a: {action: x.y, next: [{when: <% succeeded() %>, publish: [{n: <% result() %>}], do: b}]}\n  b: {action: x.y, next: [{when: <% succeeded() %>, do: c}]}\n  c: {action: x.y}\noutput: [{n: <% ctx().get(n) %>}]\n"


def again(*tasks):
    return {"op": "rerun", "tasks": [{"task": task} if isinstance(task, str) else task for task in tasks]}


RERUN = {"op": "rerun"}
add(
    "rerun", LINE,
    script(result("b", FAIL, attempt=1), control=[RERUN]), script(result("b", FAIL), control=[RERUN, RERUN]), script(control=[again("b")]), script(control=[again("a")]),
    script(result("b", FAIL, attempt=1), control=[again("b")]), script(result("b", FAIL, attempt=1), control=[again("a")]), script(result("b", FAIL, attempt=1), control=[again("a", "b")]),
    script(result("b", FAIL, attempt=1), control=[again("zz")]), script(result("b", FAIL, attempt=1), control=[again("c")]), script(control=[again("a"), again("c")]), script(result("b", FAIL, duration=3), control=[at(2, "rerun")]),
    script(control=[at(1, "cancel"), again("a")]), script(control=[at(1, "cancel"), RERUN]),
)  # fmt: skip
add("rerun-parallel", PAIR, script(result("a", FAIL, attempt=1), result("b", FAIL, attempt=1, duration=2), control=[RERUN]), script(result("c", FAIL, attempt=1), control=[RERUN]), script(result("c", FAIL, attempt=1), result("d", FAIL, attempt=1), control=[again("c", "d")]), script(result("a", FAIL, attempt=1), result("b", duration=5), control=[RERUN]))
add("rerun-join", "tasks:\n  a: {action: x.y, next: [{when: <% succeeded() %>, do: j}]}\n  b: {action: x.y, next: [{when: <% succeeded() %>, do: j}]}\n  j: {join: all, action: x.y}\n", script(result("a", FAIL, attempt=1), control=[RERUN]), script(result("a", FAIL, attempt=1), result("b", FAIL, attempt=1), control=[RERUN]), script(result("a", FAIL, attempt=1, duration=3), control=[again("a")]), script(result("j", FAIL, attempt=1), control=[again("a")]), script(result("j", FAIL, attempt=1), control=[RERUN]))
add("rerun-handled", "tasks:\n  a: {action: x.y, next: [{when: <% failed() %>, do: h}]}\n  h: {action: x.y}\n", script(result("a", FAIL), control=[again("a")]), script(result("a", FAIL), result("h", FAIL, attempt=1), control=[RERUN]), script(result("a", FAIL, attempt=1), result("h", FAIL, attempt=1), control=[again("a")]))
add("rerun-split", "tasks:\n  a: {action: x.a, next: [{do: c}]}\n  b: {action: x.b, next: [{do: c}]}\n  c: {action: x.c, next: [{do: d}]}\n  d: {action: x.d}\n", script(result("c", FAIL, route=1, attempt=1), control=[again({"task": "c", "route": 1})]), script(result("c", FAIL, attempt=1), control=[RERUN]))
add("rerun-retry", "tasks:\n  a: {action: x.y, retry: {count: 1}}\n", script(result("a", FAIL, attempt=1), result("a", FAIL, attempt=2), control=[RERUN]))


# ---- calls one by one --------------------------------------------------------------------------------------------------------------------------

STATUSES = "requested scheduled delayed running pending pausing paused resuming succeeded failed timeout abandoned retrying canceling canceled".split()
calls = []


def call(name, text, *ops):
    calls.append({"id": name, "definition": VERSION + text, "ops": list(ops)})


def request(status):
    return {"op": "request_status", "status": status}


def act(task, status, value=None, route=0):
    return {"op": "action_event", "task": task, "route": route, "status": status, "result": value}


START = [request("requested"), request("running"), {"op": "next_tasks"}]
NEXT = {"op": "next_tasks"}
ONE = "tasks:\n  a: {action: x.y, next: [{when: <% succeeded() %>, do: b}]}\n  b: {action: x.y}\n"
for first in STATUSES:
    for second in STATUSES:
        call(f"request-{first}-{second}", ONE, *START, act("a", "running"), request(first), request(second), NEXT, {"op": "roundtrip"}, act("a", "succeeded"), NEXT)
        call(f"action-{first}-{second}", ONE, *START, act("a", first), act("a", second), {"op": "roundtrip"}, NEXT, act("a", "running"), act("a", "succeeded"), NEXT)
        call(f"dormant-{first}-{second}", ONE, request(first), request(second), NEXT, request("running"), NEXT, act("a", "running"), act("a", "failed"), {"op": "render_output"})
for bad in [act("zz", "running"), act("b", "running"), act("a", "nonsense"), act("a", "running", route=7), request("nonsense"), {"op": "rerun", "tasks": None}, {"op": "rerun", "tasks": [{"task": "zz"}]}]:
    call(f"bad-{len(calls)}", ONE, *START, bad, NEXT, act("a", "running"), bad, act("a", "failed"), bad, NEXT)
for name in ("noop", "continue", "fail", "retry"):
    call(f"engine-{name}", "tasks:\n  a: {action: x.y, retry: {count: 1}, next: [{do: [" + ("b" if name == "retry" else f"b, {name}") + "]}]}\n  b: {action: x.y}\n", *START, act("a", "running"), act("a", "succeeded"), {"op": "engine_event", "task": "a", "route": 0, "name": name}, NEXT)
