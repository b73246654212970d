"""Every YAQL function with arguments of every type; every operator with every pair of types."""

from reference import orquesta_layer

# Values of every type, as expressions; short, so that a difference can be read.
ODD = [
    "null", "true", "0", "2", "-3", "2.5", "''", "'abc'", "'5'", "[]", "[3, 1, 2]", "[a, b]", "[[1, 2], [3, 4]]",
    "{}", "{a => 1}", "set()", "set(1, 2)", "range(3)", "[1, 2].where($ > 0)", "timespan(hours => 1)",
    "datetime(2020, 2, 29)", "regex('a(.)')", "123456789012345678901234567890",
]  # fmt: skip

# What suits a parameter, by its type in the engine.
OF_TYPE = {
    "Number": ["0", "1", "-3", "2.5", "7", "100"],
    "Integer": ["0", "1", "-1", "5"],
    "int": ["0", "1", "-1", "2", "3", "9"],
    "String": ["''", "'abc'", "'a,b,c'", "' x '", "'aXbX'", "'b'", "','", "`a.`"],
    "bool": ["true", "false"],
    "Iterable": ["[]", "[3, 1, 2]", "[a, b, a]", "range(4)", "[[1, 2], [3, 4]]", "[1, 2].where($ > 1)", "set(2)", "[null, 1]"],
    "Sequence": ["[]", "[3, 1, 2]", "[a, b]", "[[1, 2], [3]]"],
    "dict": ["{}", "{a => 1, b => [1, 2]}", "{a => {b => 1}}", "{1 => x}"],
    "set": ["set()", "set(1, 2)", "set(2, 3)", "[1, 2].toSet()"],
    "Lambda": ["$", "$ > 1", "$ + 1", "$1 + $2", "[$, 1]", "str($)", "$ = 'a'", "true", "null", "$1 = $2", "-$"],
    "DateTime": ["datetime(2020, 2, 29, 13, 14, 15, 16)", "datetime(1999, 12, 31, offset => timespan(hours => 2))"],
    "timedelta": ["timespan(hours => 1)", "timespan(days => -2, seconds => 5)", "timespan()"],
    "Pattern": ["regex('a(.)')", "regex('(?P<n>[a-c])')", "regex(',')", "regex('x')"],
    "MappingRule": ["true => 1", "false => 2", "null => 3", "1 > 0 => a"],
    "object": ["null", "1", "'a'", "true", "[1]", "{a => 1}", "2.5"],
}

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
        _function(rows, name, "yaql-stackstorm-calls")
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
    """Odd arguments without regard to what the function wants."""
    random = rows.random(name)
    as_function, as_method = orquesta_layer.callable_as(name)
    rows.bare(topic, f"{name}()")
    if not as_function:
        rows.bare(topic, f"{name}({random.choice(ODD)})")
    if not as_method:
        rows.bare(topic, f"({random.choice(ODD)}).{name}()")
    for value in ODD:
        if as_function:
            rows.bare(topic, f"{name}({value})")
        if as_method:
            rows.bare(topic, f"({value}).{name}()")
            rows.bare(topic, f"({value}).{name}({random.choice(ODD)})")
            rows.bare(topic, f"({value}).{name}({random.choice(LAMBDAS)})")
    for _ in range(6):
        one, two, three = (random.choice(ODD) for _ in range(3))
        if as_function:
            rows.bare(topic, f"{name}({one}, {two})")
            rows.bare(topic, f"{name}({one}, {two}, {three})")
        if as_method:
            rows.bare(topic, f"({one}).{name}({two}, {three})")
            rows.bare(topic, f"({one}).{name}({random.choice(LAMBDAS)}, {two})")
    if as_method:
        rows.bare(topic, f"({random.choice(ODD)}).{name}(foo => {random.choice(ODD)})")
    for signature in orquesta_layer.signatures(name):
        for _ in range(20):
            rows.bare("yaql-typed-calls", _typed(random, name, signature))


def _typed(random, name, signature):
    """A call with arguments of about the right types, some by name, some left out."""
    parameters, is_method = signature
    positional, named = [], []
    receiver = None
    for number, (parameter, kind, optional, repeated) in enumerate(parameters):
        wanted = kind if random.random() < 0.9 else random.choice(list(OF_TYPE))
        value = random.choice(OF_TYPE.get(wanted, ODD))
        if number == 0 and is_method:
            receiver = value
        elif repeated:
            positional += [random.choice(OF_TYPE.get(kind, ODD)) for _ in range(random.randint(0, 3))]
        elif optional and random.random() < 0.5:
            break
        elif optional and random.random() < 0.4:
            named.append(f"{parameter} => {value}")
        else:
            positional.append(value)
    call = f"{name}({', '.join(positional + named)})"
    return f"{_closed(receiver)}.{call}" if receiver is not None else call


def _closed(value):
    return value if value[0] in "[{'" or value.isalnum() else f"({value})"


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
