"""What all generators of rows share."""

import random

# What the contexts of packs look like.
CONTEXT = {
    "i": 1,
    "f": 1.5,
    "big": 123456789012345678901234567890,
    "b": True,
    "n": None,
    "s": "abc",
    "e": "",
    "u": "größe ✓",
    "l": [3, 1, 2],
    "ls": ["b", "A", "c"],
    "d": {"a": 1, "b": {"c": [1, {"d": "deep"}]}},
    "items": [{"n": "x", "v": 1}, {"n": "y", "v": 2}, {"n": "z", "v": None}],
    "hosts": [
        {"name": "web1", "ip": "10.0.0.1", "up": True, "tags": ["web", "eu"], "load": 0.5},
        {"name": "db1", "ip": "10.0.0.2", "up": False, "tags": ["db"], "load": 2.25},
    ],
    "json": "{\"a\": [1, 2.0, null], \"z\": \"é\"}",
    "yaml": "a: 1\nb: [x, yes]\n",
    "ver": "1.2.3",
    "path": "/opt/stackstorm/packs/core/actions/echo.yaml",
    "dash-key": 5,
    "multi": "line one\nline two",
    "st2": {"user": "ana", "action_execution_id": "65f0", "api_url": "http://127.0.0.1:9101"},
}

# The scene of a running workflow.
SCENE = CONTEXT | {
    "__state": {
        "tasks": {"t1__r0": 0, "t2__r0": 1, "t3__r1": 2, "t4__r0": 3},
        "sequence": [
            {"id": "t1", "route": 0, "status": "succeeded"},
            {"id": "t2", "route": 0, "status": "failed"},
            {"id": "t3", "route": 1, "status": "running"},
            {"id": "t4", "route": 0, "status": "timeout"},
        ],
        "routes": [[], ["t1__t0"], ["t1__t0", "t2__t1"]],
    },
    "__current_task": {
        "id": "t1",
        "route": 0,
        "result": {"stdout": "hi", "stderr": "", "return_code": 0, "items": [1, 2], "keys": "K", "output": {"x": [1, 2]}},
    },
    "__current_item": {"x": 1, "y": "why"},
}

KV = {
    "system": {"k": "text", "s": {"secret": "plain"}, "a.b": "joined", "number": "5", "json": "{\"x\": 1}"},
    "user": {"mine": "own", "s": {"secret": "hidden"}},
}


class Rows:
    """Collects rows of topics; repeated ones are left out."""

    def __init__(self, seed):
        self.seed = seed
        self.rows = []
        self._known = set()
        self._numbers = {}

    def random(self, topic):
        """A generator of random numbers that other topics do not disturb."""
        return random.Random(f"{self.seed}/{topic}")

    def add(self, topic, expr, mode=None, lang=None, **fields):
        row = {"expr": expr}
        if mode:
            row["mode"] = mode
        if lang:
            row["lang"] = lang
        row.update(fields)
        known = repr(sorted(row.items(), key=lambda item: item[0]))
        if known in self._known:
            return
        self._known.add(known)
        number = self._numbers[topic] = self._numbers.get(topic, 0) + 1
        self.rows.append({"id": f"{topic}/{number}", **row})

    def bare(self, topic, expr, **fields):
        self.add(topic, expr, mode="bare", lang="yaql", **fields)

    def text(self, topic, lang, expr, context=CONTEXT, **fields):
        self.add(topic, expr, lang=lang, context=context, **fields)

    def render(self, topic, expr, context=CONTEXT, **fields):
        self.add(topic, expr, mode="render", lang="jinja", context=context, **fields)


class Grower:
    """Grows expressions at random; deeper ones get simpler parts. Languages add a method for each type."""

    def __init__(self, random):
        self.random = random

    def any(self, depth):
        return self.random.choice([self.number, self.text, self.list, self.truth, self.map])(depth)

    def _pick(self, depth, leaves, grown):
        if depth <= 0 or self.random.random() < 0.15:
            return self.random.choice(leaves)
        if self.random.random() < 0.04:
            return self.any(depth - 1)
        return self.random.choice(grown)(depth - 1)


def lines(block):
    """The lines of a text that say something; a line that begins with `##` is a heading."""
    return [line for line in block.splitlines() if line.strip() and not line.startswith("##")]
