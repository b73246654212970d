"""Small damage to expressions: most is refused, some means something else."""

import re

TOKENS = re.compile(r"\s+|\w+|'[^']*'|\"[^\"]*\"|[^\w\s]")

YAQL_BITS = [
    "$", ".", "?.", "(", ")", "[", "]", "{", "}", "=>", ",", "+", "-", "*", "/", "=", "!=", "<", ">", "not ", " and ",
    " or ", " in ", "null", "true", "0", "1.5", "'", '"', "`", "\\", "len()", "abc", " mod ", "=~", "->", "é", "\n",
]  # fmt: skip

JINJA_BITS = [
    "|", ".", "(", ")", "[", "]", "{", "}", "{{", "}}", "{%", "%}", "{#", "#}", ",", "+", "-", "*", "**", "//", "%",
    "~", "==", "!=", "<", ">", " not ", " and ", " or ", " in ", " is ", " if ", " else ", "none", "true", "0", "1.5",
    "'", '"', "\\", "|length", "|default('x')", "loop.index", "é", "\n", "x", " not in ", ":",
]  # fmt: skip


def mutated(random, expression, bits, times=1):
    """The expression with so many places changed."""
    for _ in range(times):
        tokens = TOKENS.findall(expression)
        if not tokens:
            return random.choice(bits)
        at = random.randrange(len(tokens))
        what = random.choice([0, 1, 2, 2, 2, 3, 4, 5])
        if what == 0:
            del tokens[at]
        elif what == 1:
            tokens.insert(at, random.choice(bits))
        elif what == 2:
            tokens[at] = _similar(random, tokens[at], bits)
        elif what == 3:
            tokens.insert(at, tokens[random.randrange(len(tokens))])
        elif what == 4:
            other = random.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            text = tokens[at]
            cut = random.randrange(len(text))
            tokens[at] = text[:cut] + text[cut + 1:]
        expression = "".join(tokens)
    return expression


ALIKE = [
    ["+", "-", "*", "/", "mod", "%"],
    ["<", ">", "=", "!="],
    ["and", "or", "in"],
    ["where", "select", "first", "last", "any", "all", "orderBy", "distinct", "len", "sum", "max", "join", "toList"],
    ["upper", "lower", "length", "first", "last", "join", "list", "sort", "sum", "default", "int", "string", "map"],
    ["0", "1", "2", "-1", "1.5", "null", "none", "true", "'a'", "[]", "{}", "$"],
    ["str", "int", "float", "bool", "list", "set", "abs", "round"],
    ["if", "elif", "else", "for", "endif", "endfor", "set"],
]  # fmt: skip


def _similar(random, token, bits):
    """Something of the same sort, where the sort is known."""
    alike = [group for group in ALIKE if token in group]
    if not alike and (token.isdigit() or token.startswith(("'", '"'))):
        alike = [ALIKE[5]]
    return random.choice(random.choice(alike)) if alike else random.choice(bits)


def add(rows, count):
    """Mutates what the other generators have made, no family much more than another."""
    random = rows.random("mutate")
    families = {}
    for row in rows.rows:
        if _wanted(row):
            families.setdefault(row["id"].split("/")[0], []).append(row)
    for _ in range(count):
        row = dict(random.choice(families[random.choice(sorted(families))]))
        topic = row.pop("id").split("/")[0]
        bits = YAQL_BITS if row.get("lang") == "yaql" else JINJA_BITS
        row["expr"] = mutated(random, row["expr"], bits, random.choice([1, 1, 2, 3]))
        family = topic.split("-")[0]
        rows.add(f"{family}-mutated", **row)


def _wanted(row):
    topic = row["id"].split("/")[0]
    return isinstance(row["expr"], str) and topic not in ("yaql-endless", "yaql-operators", "yaql-calls", "yaql-stackstorm-calls")
