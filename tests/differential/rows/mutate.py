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
        what = random.randrange(6)
        if what == 0:
            del tokens[at]
        elif what == 1:
            tokens.insert(at, random.choice(bits))
        elif what == 2:
            tokens[at] = random.choice(bits)
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


def add(rows, count):
    """Mutates what the other generators have made."""
    random = rows.random("mutate")
    sources = [row for row in rows.rows if _wanted(row)]
    for _ in range(count):
        row = dict(random.choice(sources))
        topic = row.pop("id").split("/")[0]
        bits = YAQL_BITS if row.get("lang") == "yaql" else JINJA_BITS
        row["expr"] = mutated(random, row["expr"], bits, random.choice([1, 1, 2, 3]))
        family = topic.split("-")[0]
        rows.add(f"{family}-mutated", **row)


def _wanted(row):
    topic = row["id"].split("/")[0]
    return isinstance(row["expr"], str) and topic not in ("yaql-operators", "yaql-calls", "yaql-endless", "check")
