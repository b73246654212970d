"""Compares `sayso expr eval` with the real YAQL, Jinja2 and orquesta on thousands of expressions.

    python3 tests/differential/run.py --sayso target/debug/sayso

Prints agreement by topic and the rows that differ. Ends with 1 when less than 99.5 % agree, or when a row differs
in a way that expected.toml does not name.
"""

import argparse
import collections
import datetime
import gzip
import hashlib
import json
import pathlib
import sys
import time

import environment

ENOUGH = 0.995


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sayso", default=str(environment.target() / "debug" / "sayso"), help="the program to test")
    parser.add_argument("--seed", default="1", help="of what is made at random")
    parser.add_argument("--random", type=int, default=2500, help="how many expressions of each random kind")
    parser.add_argument("--topic", action="append", help="only topics that begin like this; may be repeated")
    parser.add_argument("--show", type=int, default=5, help="differing rows to show of each topic")
    parser.add_argument("--out", type=pathlib.Path, help="folder for all differing rows, a file for each topic")
    parser.add_argument("--strict-kind", action="store_true", help="a different kind of error is a difference")
    parser.add_argument("--strict-message", action="store_true", help="a different message is a difference")
    parser.add_argument("--store", type=pathlib.Path, help="write rows that agree with their answers, compressed")
    parser.add_argument("--stored", type=int, default=10000, help="how many rows to write")
    parser.add_argument("--seconds", type=int, default=150, help="that Sayso may take for all rows of a language")
    return parser.parse_args()


def all_rows(seed, count):
    from rows import corpus, jinja_combined, jinja_grammar, jinja_hand, mutate, package, texts, yaql_combined, yaql_grammar, yaql_hand
    from rows.base import Rows

    rows = Rows(seed)
    for module in (yaql_hand, yaql_combined, jinja_hand, jinja_combined, texts, corpus):
        module.add(rows)
    yaql_grammar.add(rows, count)
    jinja_grammar.add(rows, count)
    mutate.add(rows, count)
    package.add(rows)
    return rows.rows


def answers_of_reference(rows):
    """Kept, because they depend on the rows and the reference only."""
    import engines

    digest = hashlib.sha256()
    for file in sorted(environment.HERE.glob("reference/*.py")) + [environment.REQUIREMENTS]:
        digest.update(file.read_bytes())
    for row in rows:
        digest.update(json.dumps(row).encode())
    kept = environment.target() / "differential" / f"answers-{digest.hexdigest()[:16]}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    answers = engines.reference(rows)
    for old in kept.parent.glob("answers-*.json"):
        if time.time() - old.stat().st_mtime > 3 * 86_400:
            old.unlink()
    kept.write_text(json.dumps(answers))
    return answers


def store(path, rows, answers, agreed, count):
    """Some rows of every topic, with answers that do not depend on chance: those on which Sayso agrees, to stay so."""
    import compare

    topics = collections.defaultdict(list)
    today = datetime.date.today().isoformat()
    for row, first, second in zip(rows, *answers):
        stable = row["id"] in agreed and "skip" not in first and "skip" not in second and first["ok"] == second["ok"]
        stable = stable and (not first["ok"] or compare.same(first["value"], second["value"]))
        stable = stable and not row["id"].startswith("yaql-package")
        # A time without a day is one of today.
        stable = stable and today not in json.dumps(first.get("value"))
        stable = stable and not compare.ADDRESS.search(json.dumps(first.get("value")))
        if stable and not (not first["ok"] and first["error"]["kind"] == "limit") and len(json.dumps(first)) < 2000:
            topics[row["id"].split("/")[0]].append((row, first))
    # Small topics whole, large ones thinned evenly.
    share = count
    while sum(min(share, len(found)) for found in topics.values()) > count:
        share -= 10
    lines = []
    for found in topics.values():
        step = max(1.0, len(found) / share)
        chosen = [found[int(number * step)] for number in range(min(share, len(found)))]
        for row, answer in chosen:
            told = {"ok": True, "value": answer["value"]} if answer["ok"] else {"ok": False, "kind": answer["error"]["kind"]}
            lines.append(json.dumps(row | {"answer": told}, ensure_ascii=False))
    with gzip.GzipFile(path, "wb", compresslevel=9, mtime=0) as file:
        file.write(("\n".join(lines) + "\n").encode("utf-8", "replace"))
    print(f"{len(lines)} rows in {path}, {path.stat().st_size} bytes")


def main():
    chosen = options()
    environment.enter()
    sys.path.insert(0, str(environment.HERE))
    import tomllib

    import compare
    import engines

    started = time.monotonic()
    rows = all_rows(chosen.seed, chosen.random)
    if chosen.topic:
        rows = [row for row in rows if row["id"].startswith(tuple(chosen.topic))]
    answers = answers_of_reference(rows)
    print(f"{len(rows)} rows answered by the reference after {time.monotonic() - started:.0f} s", file=sys.stderr)
    ours = engines.sayso(chosen.sayso, rows, chosen.seconds)
    known = tomllib.loads((environment.HERE / "expected.toml").read_text())
    expected = compare.Expected(known.get("difference", []))
    outcome = Report(chosen, expected)
    for row, first, second in zip(rows, *answers):
        outcome.take(row, first, second, ours.get(row["id"]))
    status = outcome.tell()
    if chosen.store:
        store(chosen.store, rows, answers, outcome.agreed, chosen.stored)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return status


class Report:
    """Counts by topic, and the rows that differ."""

    def __init__(self, chosen, expected):
        self.chosen = chosen
        self.expected = expected
        self.counts = collections.defaultdict(collections.Counter)
        self.kinds = collections.Counter()
        self.differing = collections.defaultdict(list)
        self.agreed = set()

    def take(self, row, first, second, ours):
        import compare

        topic = row["id"].split("/")[0]
        verdict, remarks = compare.verdict(row, first, second, ours)
        strict = {"kind": self.chosen.strict_kind, "message": self.chosen.strict_message}
        if verdict == "agree" and any(strict.get(remark) for remark in remarks):
            verdict = "differ"
        count = self.counts[topic]
        for remark in remarks:
            count[remark] += 1
        if "kind" in remarks:
            self.kinds[f"{first['error']['kind']} -> {ours['error'].get('kind')}"] += 1
        if verdict == "differ":
            name = self.expected.find(row, first, ours)
            verdict = "expected" if name else verdict
            if not name:
                self.differing[topic].append((row, first, ours))
        if verdict in ("agree", "expected"):
            self.agreed.add(row["id"])
        count[verdict] += 1

    def tell(self):
        columns = ["agree", "expected", "differ", "unstable", "given up", "skipped", "kind", "message", "order"]
        print(f"{'topic':24}" + "".join(f"{column:>10}" for column in columns) + "         %")
        total = collections.Counter()
        for topic, count in sorted(self.counts.items()):
            total.update(count)
            self._line(topic, count, columns)
        self._line("all", total, columns)
        for kinds, count in self.kinds.most_common(20):
            print(f"{count:6} kind {kinds}")
        unused = [name for name, used in self.expected.used.items() if not used]
        if unused and not self.chosen.topic:
            print(f"expected but not seen: {', '.join(unused)}")
        if self.chosen.out:
            self.chosen.out.mkdir(parents=True, exist_ok=True)
            for topic in self.counts:
                (self.chosen.out / f"{topic}.txt").unlink(missing_ok=True)
        for topic, found in sorted(self.differing.items()):
            print(f"\n{topic}: {len(found)} differ")
            for entry in found[: self.chosen.show]:
                print(shown(*entry))
            if self.chosen.out:
                (self.chosen.out / f"{topic}.txt").write_text("\n".join(shown(*entry) for entry in found) + "\n")
        compared = total["agree"] + total["differ"] + total["expected"]
        enough = compared and (total["agree"] + total["expected"]) / compared >= ENOUGH
        return 0 if enough and not total["differ"] else 1

    @staticmethod
    def _line(topic, count, columns):
        compared = count["agree"] + count["differ"] + count["expected"]
        share = f"{100 * (count['agree'] + count['expected']) / compared:9.2f}%" if compared else ""
        print(f"{topic:24}" + "".join(f"{count[column] or '':>10}" for column in columns) + share)


def shown(row, theirs, ours):
    """A differing row for people."""
    extra = "".join(f" {name}={json.dumps(row[name])}" for name in ("vars", "allow_undefined", "reevaluate") if name in row)
    head = f"{row['id']} {row['lang']} {row.get('mode', 'text')}{extra}"
    expr = row["expr"] if isinstance(row["expr"], str) else json.dumps(row["expr"], ensure_ascii=False)
    return f"{head}\n  {expr}\n    reference {_brief(theirs)}\n    sayso     {_brief(ours)}"


def _brief(answer):
    if answer is None:
        return "no answer"
    if answer["ok"]:
        return json.dumps(answer["value"], ensure_ascii=False)[:400]
    return f"error {answer['error'].get('kind')}: {answer['error'].get('message', '')[:300]}"


if __name__ == "__main__":
    sys.exit(main())
