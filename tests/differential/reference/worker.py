"""Answers rows: JSON Lines in, one JSON line out for every row, in order."""

import inspect
import json
import sys

from . import encode, errors, limits, orquesta_layer, render

SECONDS = 2
MEMORY = 2 << 30
# Longer answers tell nothing that a shorter one does not.
LONGEST = 40_000


def evaluate(row):
    """The value of a row."""
    mode = row.get("mode") or "text"
    language = row.get("lang")
    context = row.get("context")
    orquesta_layer.use_datastore(row.get("kv"))
    again = row.get("reevaluate", True)
    if mode == "text":
        of_text = orquesta_layer.text if again else orquesta_layer.data_text
        return of_text(language, row["expr"], context)
    if mode == "auto":
        return (orquesta_layer.auto if again else orquesta_layer.data_auto)(row["expr"], context)
    if mode == "bare":
        return orquesta_layer.bare(row["expr"], row.get("data"), row.get("vars"), context)
    if mode == "render":
        return render.render(row["expr"], context, row.get("kv"), row.get("allow_undefined", False))
    if mode == "values":
        return render.values(row["expr"], context, row.get("kv"), row.get("allow_undefined", False))
    if mode == "check":
        return orquesta_layer.check(row["expr"])
    raise ValueError(f"no mode {mode}")


def answer(row):
    """The answer to a row."""
    try:
        with limits.seconds(SECONDS):
            value = evaluate(row)
            if inspect.isgenerator(value):
                value = list(value)
            value = encode.tagged(value)
            told = encode.line({"id": row["id"], "ok": True, "value": value})
        if len(told) > LONGEST:
            return encode.line({"id": row["id"], "skip": "too large"})
        told.encode()
        return told
    except encode.TooLarge:
        return encode.line({"id": row["id"], "skip": "too deep"})
    except (Exception, limits.TimeLimit) as error:
        try:
            told = errors.answer(error)
        except (Exception, limits.TimeLimit):  # a message that cannot be made
            told = {"kind": errors.kind(error), "message": "", "type": type(error).__name__}
        return encode.line({"id": row["id"], "ok": False, "error": told})


def main():
    limits.set_up(MEMORY)
    for source in sys.stdin:
        sys.stdout.write(answer(json.loads(source)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
