#!/usr/bin/env python3
"""Workflows under both conductors: makes them, asks the reference and `sayso workflow`, and compares.

    python3 tests/differential/workflows.py                  # by hand and random; a few minutes
    python3 tests/differential/workflows.py --random 3000 --seed 2
    python3 tests/differential/workflows.py --store          # rewrite tests/data/workflow/*.jsonl.gz

It ends with 1 when a row differs in a way that workflow/expected.toml does not name with a reason.
"""

import argparse
import collections
import gzip
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tomllib

import environment

environment.REQUIREMENTS = environment.HERE / "workflow" / "requirements.txt"
environment.enter()

import yaml  # noqa: E402

from reference.encode import tagged  # noqa: E402
from workflow import cases, drive, grow  # noqa: E402

ROOT = environment.HERE.parent.parent
DATA = ROOT / "tests" / "data" / "workflow"
# Seconds for one row of the reference.
PATIENCE = 20


class Hung(Exception):
    pass


def _alarm(*_):
    raise Hung


def ask(row):
    """The reference's answer; None where it has none."""
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(PATIENCE)
    try:
        whole = {**row, "definition": yaml.safe_load(row["definition"])}
        answer = drive.replay(whole) if "ops" in row else drive.Run(whole).run()
        return json.loads(json.dumps(tagged(answer)))
    except Hung:
        return None
    except Exception as error:
        return {"raises": f"{type(error).__name__}: {error}"}
    finally:
        signal.alarm(0)


def sayso(command, rows):
    program = environment.target() / "debug" / "sayso"
    source = "".join(json.dumps(row) + "\n" for row in rows)
    done = subprocess.run(
        [program, "workflow", command, "--batch", "--json"], input=source, capture_output=True, text=True,
        encoding="utf-8", env=os.environ | {"TZ": "UTC"}, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {answer["id"]: answer for answer in answers}


def plain(value):
    """What is compared of an answer: of messages only the class in front."""
    if isinstance(value, dict):
        if value.get("$type") == "opaque":
            return "opaque"
        cleaned = {key: plain(item) for key, item in value.items() if key not in ("staged", "log", "raises")}
        if "raises" in value:
            cleaned["raises"] = value["raises"]["type"]
        if value.get("type") == "error" and isinstance(value.get("message"), str):
            cleaned["message"] = value["message"].split(": ")[0]
        return cleaned
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def different(left, right, path=""):
    """The first place where two values differ."""
    if type(left) is not type(right):
        return path or "."
    if isinstance(left, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            if key not in left or key not in right:
                return f"{path}.{key}"
            place = different(left[key], right[key], f"{path}.{key}")
            if place:
                return place
        return None
    if isinstance(left, list):
        for number, (one, other) in enumerate(zip(left, right)):
            place = different(one, other, f"{path}[{number}]")
            if place:
                return place
        return f"{path}[{min(len(left), len(right))}]" if len(left) != len(right) else None
    return None if left == right else path or "."


def without_failed_items(answer):
    """The answer without what the reference changes in the record of a failed run when its task begins again."""
    tasks = [
        {key: value for key, value in task.items() if key not in ("prev", "context")}
        if task["status"] == "failed" else task
        for task in answer.get("tasks", [])
    ]  # fmt: skip
    return {**answer, "tasks": tasks}


def meant(row, reference, answer):
    """Why a difference is meant, for those that can be told from what differs; docs/compatibility.md has the table."""
    nothing = "no task has failed"
    if nothing in json.dumps(answer) and nothing not in json.dumps(reference):
        return "a re-run of nothing is refused"
    if "RecursionError" in json.dumps(reference):
        return "a retry that is canceled ends"
    if any(step.get("raises", {}).get("type") == "AttributeError" for step in reference.get("trace", [])):
        return "items of a task that is run again begin"
    left, right = without_failed_items(plain(reference)), without_failed_items(plain(answer))
    if "with:" in row["definition"] and different(left, right) is None:
        return "the record of a failed run stays as it was"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int, default=1500)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seed", default=1)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--show", type=int, default=10)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    with open(environment.HERE / "workflow" / "expected.toml", "rb") as file:
        expected = tomllib.load(file)
    runs = [*cases.rows, *grow.rows(options.random, options.seed)]
    runs = [{**row, "inspect": False} for row in runs if row["id"].startswith(options.only)]
    calls = [*cases.calls, *grow.call_rows(options.calls, options.seed)]
    calls = [row for row in calls if row["id"].startswith(options.only)]
    failures = 0
    for command, rows in (("simulate", runs), ("replay", calls)):
        with multiprocessing.Pool(2) as pool:
            references = pool.map(ask, rows, chunksize=20)
        answers = sayso(command, rows)
        counts = collections.Counter()
        stored, places, shown = [], collections.Counter(), 0
        for row, reference in zip(rows, references):
            answer = answers[row["id"]]
            if reference is None or "raises" in reference:
                counts["reference broke off"] += 1
                if reference and counts["reference broke off"] <= 3:
                    print(f"{row['id']}: the reference raises {reference['raises'][:200]}", file=sys.stderr)
                continue
            if not answer["ok"]:
                place = f"refused: {answer['error']['kind']}"
            else:
                place = different(plain(reference), plain(answer["value"]))
            if place is None:
                counts["same"] += 1
                stored.append({**row, "expected": reference})
                continue
            reason = next((reason for reason, ids in expected.items() if row["id"] in ids["rows"]), None)
            reason = reason or (meant(row, reference, answer["value"]) if answer["ok"] else None)
            if reason:
                counts[f"meant: {reason}"] += 1
                continue
            counts["different"] += 1
            places[place] += 1
            failures += 1
            if shown < options.show:
                shown += 1
                print(f"{row['id']}: {place}")
        print(command, len(rows), dict(counts))
        if options.store:
            chosen = [row for row in stored if not row["id"].startswith(("random", "calls"))]
            grown = [row for row in stored if row["id"].startswith(("random", "calls"))]
            write(DATA / f"{command}.jsonl.gz", chosen + grown[:500])
    sys.exit(1 if failures else 0)


def write(path, rows):
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
