"""Asks both sides: the reference in workers that may hang, Sayso as people call it."""

import json
import os
import select
import subprocess
import sys
import threading

from environment import HERE

# Longer than the worker's own limit: this is for what an engine does in C.
PATIENCE = 6


class Worker:
    """One process of the reference; it is replaced when it hangs or dies."""

    def __init__(self, hash_seed):
        self.hash_seed = hash_seed
        self.process = None

    def _start(self):
        environment = os.environ | {
            "PYTHONHASHSEED": str(self.hash_seed), "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(HERE),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reference.worker"], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, row):
        if self.process is None:
            self._start()
        try:
            self.process.stdin.write(json.dumps(row) + "\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            told = self.process.stdout.readline() if ready else ""
        except BrokenPipeError:
            told = ""
        if told:
            return json.loads(told)
        self.stop()
        return {"id": row["id"], "ok": False, "error": {"kind": "limit", "message": "the worker hung or died"}}


def reference(rows):
    """Answers by two workers that keep sets in different orders; returns both answers of every row.

    Each row is answered by one worker, and what has a value by the other one too: where they differ the answer hangs
    on chance. Failures hardly do, and count twice.
    """
    answers = [[None] * len(rows), [None] * len(rows)]
    workers = [Worker(1), Worker(2)]

    def in_parallel(work):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def first(number):
        for at in range(number, len(rows), 2):
            answers[0][at] = answers[1][at] = workers[number].ask(rows[at])

    def second(number):
        for at in range(1 - number, len(rows), 2):
            if answers[0][at].get("ok"):
                answers[1][at] = workers[number].ask(rows[at])

    in_parallel(first)
    in_parallel(second)
    for worker in workers:
        worker.stop()
    return answers


def sayso(program, rows, seconds):
    """Our answers by id; a row without one is missing."""
    groups = {}
    for row in rows:
        groups.setdefault((row["lang"], row.get("reevaluate", True)), []).append(row)
    answers = {}
    for (language, again), group in groups.items():
        command = [program, "expr", "eval", "--lang", language] + (["--legacy-reevaluate"] if again else [])
        source = "".join(json.dumps(_sent(row)) + "\n" for row in group)
        try:
            done = subprocess.run(
                command, input=source, capture_output=True, text=True, encoding="utf-8",
                timeout=seconds, env=os.environ | {"TZ": "UTC"},
            )  # fmt: skip
            out, status, told = done.stdout, done.returncode, done.stderr
        except subprocess.TimeoutExpired as error:
            out, status, told = (error.stdout or b"").decode(), "timeout", ""
        for line in out.splitlines():
            try:
                answer = json.loads(line)
                answers[answer["id"]] = answer
            except (ValueError, KeyError):
                print(f"no answer: {line[:200]}", file=sys.stderr)
        missing = [row for row in group if row["id"] not in answers]
        if status != 0 or missing:
            print(f"{' '.join(command)}: status {status}, {len(missing)} rows without answer\n{told[-2000:]}", file=sys.stderr)
            for row in missing[:3]:
                print(f"  first without answer: {row['expr']!r}", file=sys.stderr)
    return answers


def _sent(row):
    """The row as the contract has it."""
    return {key: value for key, value in row.items() if key not in ("lang", "reevaluate")}
