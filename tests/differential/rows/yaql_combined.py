"""Every YAQL function with arguments of every type; every operator with every pair of types."""

from reference import orquesta_layer

# Values of every type, as expressions; short, so that a difference can be read.
ODD = [
    "null", "true", "0", "2", "-3", "2.5", "''", "'abc'", "'5'", "[]", "[3, 1, 2]", "[a, b]", "[[1, 2], [3, 4]]",
    "{}", "{a => 1}", "set()", "set(1, 2)", "range(3)", "[1, 2].where($ > 0)", "timespan(hours => 1)",
    "datetime(2020, 2, 29)", "regex('a(.)')", "123456789012345678901234567890",
]  # fmt: skip

LAMBDAS = ["$", "$ > 1", "$ + 1", "$.a", "$1 + $2", "[$, 1]", "str($)", "$[0]", "$.len()", "foo()"]

# They never end, or answer differently every time.
LEFT_OUT = {"sequence", "cycle", "now", "random", "localtz", "generate", "generateMany", "repeat"}

BINARY = [
    "+", "-", "*", "/", "mod", "=", "!=", "<", "<=", ">", ">=", "and", "or", "in", "=~", "!~", "->",
]  # fmt: skip

PAIRED = [
    "null", "true", "false", "0", "1", "-7", "2.5", "-0.5", "''", "'a'", "'ab'", "'1'", "[]", "[1, 2]", "[a]", "{}",
    "{a => 1}", "set(1)", "range(2)", "timespan(minutes => 90)", "datetime(2020, 2, 29)", "regex(a)",
    "36893488147419103232",
]  # fmt: skip


def add(rows):
    _operators(rows)
    names = [name for name in orquesta_layer.functions() if name not in LEFT_OUT]
    for name in names:
        _function(rows, name)
    for name in sorted(set(orquesta_layer.CATALOGUE) - {"ctx", "item", "result", "task_status", "st2kv"}):
        _function(rows, name, topic="yaql-stackstorm-calls")
    for name in sorted(LEFT_OUT - {"random", "now", "localtz"}):
        _endless(rows, name)


def _operators(rows):
    for operator in BINARY:
        for left in PAIRED:
            for right in PAIRED:
                rows.bare("yaql-operators", f"{left} {operator} {right}")
    for operator in ("not", "-", "+"):
        for value in PAIRED:
            rows.bare("yaql-operators", f"{operator} {value}")
    for value in PAIRED:
        for index in ("0", "-1", "a", "null", "1.0", "true", "[0]", "0, 1", "a, 5"):
            rows.bare("yaql-operators", f"({value})[{index}]")
        for name in ("a", "foo", "len()", "foo()", "hours", "a.b"):
            rows.bare("yaql-operators", f"({value}).{name}")
            rows.bare("yaql-operators", f"({value})?.{name}")


def _function(rows, name, topic="yaql-calls"):
    random = rows.random(name)
    rows.bare(topic, f"{name}()")
    for value in ODD:
        rows.bare(topic, f"{name}({value})")
        rows.bare(topic, f"({value}).{name}()")
        rows.bare(topic, f"({value}).{name}({random.choice(ODD)})")
        rows.bare(topic, f"({value}).{name}({random.choice(LAMBDAS)})")
    for _ in range(12):
        one, two, three, four = (random.choice(ODD) for _ in range(4))
        some = random.choice(LAMBDAS)
        rows.bare(topic, f"{name}({one}, {two})")
        rows.bare(topic, f"({one}).{name}({two}, {three})")
        rows.bare(topic, f"({one}).{name}({some}, {two})")
        rows.bare(topic, f"{name}({one}, {two}, {three})")
    rows.bare(topic, f"({one}).{name}({two}, {three}, {four})")
    rows.bare(topic, f"({one}).{name}(foo => {two})")
    rows.bare(topic, f"[1, a, null].{name}({some})")
    rows.bare(topic, f"[[2, 1], [1]].{name}({some})")


def _endless(rows, name):
    """Only where something bounds them."""
    random = rows.random(name)
    for _ in range(60):
        one, two, three = (random.choice(ODD) for _ in range(3))
        call = random.choice([f"{name}({one}, {two})", f"({one}).{name}({two})", f"({one}).{name}()", f"{name}({one})"])
        rows.bare("yaql-endless", f"{call}.take({random.choice([0, 1, 5])})")
        rows.bare("yaql-endless", f"{name}({one}, $ < 9, {random.choice(LAMBDAS)}).take(4)")
        rows.bare("yaql-endless", f"{name}({one}, {random.choice(LAMBDAS)}, {three}).take(4)")
    for endless in (
        "sequence()", "sequence().len()", "sequence().toList()", "[1].cycle()", "1.repeat()", "sequence().sum()",
        "sequence().where($ < 0).first()", "sequence().orderBy($)", "sequence().last()", "sequence() + [1]",
        "generate(0, true, $ + 1)", "generateMany(1, [$ + 1])", "def(f, f($)) -> f(1)", "sequence().count()",
        "range(1000000000000).sum()", "'a' * 10000000000000", "[1] * 10000000000000", "pow(10, 100000000) > 1",
        "shiftBitsLeft(1, 100000000000000000)", "[1, 2].cycle().distinct().len()", "sequence() = 1",
        "regex('(a+)+$').search('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab')", "1 in sequence().where($ < 0)",
    ):  # fmt: skip
        rows.bare("yaql-endless", endless)
