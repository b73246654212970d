"""How long the real packages take for an expression; benches/expr.rs calls this.

JSON on standard input: {"context", "seconds", "rows": [{"mode", "lang", "expr"}]}; the answer is a list with the
seconds of one evaluation for every row.
"""

import json
import sys
import time

import environment


def measure(work, seconds):
    work()
    started = time.perf_counter()
    times = 0
    while time.perf_counter() - started < seconds:
        work()
        times += 1
    return (time.perf_counter() - started) / times


def main():
    environment.enter()
    sys.path.insert(0, str(environment.HERE))
    from reference import orquesta_layer, render

    given = json.load(sys.stdin)
    context = given["context"]
    answers = []
    for row in given["rows"]:
        expression = row["expr"]
        if row["mode"] == "render":
            answers.append(measure(lambda: render.render(expression, context, None, False), given["seconds"]))
        else:
            language = row["lang"]
            answers.append(measure(lambda: orquesta_layer.text(language, expression, context), given["seconds"]))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
