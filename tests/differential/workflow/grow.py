"""Random workflows, random scripts, random calls."""

import random

import yaml

STATUSES = ["running", "pending", "pausing", "paused", "resuming", "succeeded", "succeeded", "succeeded", "failed", "timeout", "abandoned", "canceling", "canceled"]


def _expression(chance):
    return chance.choice([
        "<% ctx().get(p) %>", "<% ctx().get(q) %>", "{{ ctx().n }}", "<% ctx(n) %>", "<% result() %>", "<% succeeded() %>",
        "<% task_status(t1) %>", "text <% ctx(n) %>", "<% ctx(d) %>", "plain", 7, None, {"k": "<% ctx(n) %>"}, ["<% ctx(n) %>"],
    ])  # fmt: skip


def _when(chance):
    return chance.choice([
        "<% succeeded() %>", "<% succeeded() %>", "<% failed() %>", "<% completed() %>", "<% ctx(n) > 0 %>", "<% ctx(n) < 3 %>",
        "{{ succeeded() }}", "<% result() = 1 %>",
    ])  # fmt: skip


def definition(chance):
    count = chance.randint(2, 8)
    names = [f"t{number}" for number in range(count)]
    tasks = {}
    loops = chance.random() < 0.25
    for number, name in enumerate(names):
        task = {}
        if chance.random() < 0.93:
            task["action"] = chance.choice(["x.y", "x.y", "core.echo m=<% ctx(n) %>"])
        if "action" in task and "=" not in task["action"] and chance.random() < 0.4:
            task["input"] = {"m": _expression(chance)}
        if chance.random() < 0.3:
            task["join"] = chance.choice(["all", "all", "all", 1, 2])
        if "action" in task and chance.random() < 0.15:
            items = chance.choice(["<% list(1, 2, 3) %>", "i in <% list(a, b) %>", "<% ctx(l) %>"])
            task["with"] = items if chance.random() < 0.4 else {"items": items, "concurrency": chance.choice([1, 2, 2, 3])}
        if chance.random() < 0.1:
            task["delay"] = chance.choice([2, "<% ctx(n) %>", 5])
        if chance.random() < 0.15:
            task["retry"] = {"count": chance.choice([1, 2]), **chance.choice([{}, {"delay": 3}, {"when": "<% failed() %>"}])}
        transitions = []
        for _ in range(chance.choice([0, 1, 1, 1, 2, 2])):
            transition = {}
            if chance.random() < 0.6:
                transition["when"] = _when(chance)
            if chance.random() < 0.5:
                transition["publish"] = [
                    {chance.choice(["p", "q", "d"]): _expression(chance)} for _ in range(chance.randint(1, 2))
                ]
            if loops and chance.random() < 0.25 and number:
                transition["do"] = chance.choice(names[1 : number + 1])
                transition["when"] = "<% ctx(n) < 2 %>"
                transition["publish"] = [{"n": "<% ctx(n) + 1 %>"}]
            elif chance.random() < 0.85:
                later = names[number + 1 :]
                targets = chance.sample(later, min(len(later), chance.choice([1, 1, 2, 3]))) if later else []
                if chance.random() < 0.12 or not targets:
                    targets.append(chance.choice(["noop", "fail", "continue", "retry", "noop"]))
                transition["do"] = targets
            if transition:
                transitions.append(transition)
        if transitions:
            task["next"] = transitions
        tasks[name] = task or {"action": "x.y"}
    shown = list(tasks.items())
    chance.shuffle(shown)
    grown = {
        "version": 1.0, "input": ["l"], "vars": [{"n": chance.randint(0, 2)}, {"d": {"a": {"b": 1}}}], "tasks": dict(shown),
        "output": [{"n": "<% ctx(n) %>"}, {"p": "<% ctx().get(p) %>"}, {"q": "<% ctx().get(q) %>"}, {"d": "<% ctx(d) %>"}],
    }  # fmt: skip
    return yaml.safe_dump(grown, sort_keys=False, default_flow_style=None, width=400), names


def _script(chance, names):
    results = []
    for _ in range(chance.randint(0, 6)):
        rule = {"task": chance.choice(names), "duration": chance.randint(0, 9)}
        if chance.random() < 0.2:
            rule["item"] = chance.randint(0, 2)
        if chance.random() < 0.3:
            rule["attempt"] = chance.randint(1, 3)
        if chance.random() < 0.15:
            rule["route"] = chance.randint(0, 2)
        if chance.random() < 0.12:
            rule["sequence"] = chance.choice([
                [{"status": "pending", "duration": 2}, {"status": "succeeded", "duration": 4}],
                [{"status": "pending", "duration": 1}, {"status": "running", "duration": 3}, {"status": "succeeded", "result": 1}],
                [{"status": "paused", "duration": 1}, {"status": "running", "duration": 5}, {"status": "succeeded"}],
                [{"status": "canceling"}, {"status": "canceled", "duration": 2}],
                [{"status": "pausing"}, {"status": "paused"}, {"status": "resuming", "duration": 3}, {"status": "running"}, {"status": "failed"}],
            ])  # fmt: skip
        else:
            rule["status"] = chance.choice(["succeeded", "succeeded", "failed", "failed", "timeout", "canceled"])
            rule["result"] = chance.choice([None, 1, "text", {"k": [1, 2]}])
        results.append(rule)
    control = []
    for _ in range(chance.choice([0, 0, 0, 1, 2, 3])):
        op = chance.choice(["pause", "resume", "cancel", "rerun", "resume", "fail"])
        one = {"op": op}
        if chance.random() < 0.6:
            one["at"] = chance.randint(0, 20)
        if op == "rerun" and chance.random() < 0.5:
            one["tasks"] = [{"task": chance.choice(names)}]
        control.append(one)
    if any(one["op"] == "pause" for one in control):
        control.append({"op": "resume"})
    return {"results": results, "control": control, "max_steps": 400}


def rows(count, seed=1):
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        text, names = definition(chance)
        yield {
            "id": f"random-{seed}-{number}", "definition": text, "inputs": {"l": chance.choice([[], [1], ["x", "y", "z"]])},
            "context": {"st2": {"user": "bo"}, "p": "parent"} if chance.random() < 0.3 else {},
            "script": _script(chance, names), "inspect": False,
        }  # fmt: skip


def _op(chance, names):
    kind = chance.random()
    task = chance.choice(names)
    route = chance.choice([0, 0, 0, 0, 1, 2])
    if kind < 0.3:
        return {"op": "next_tasks"}
    if kind < 0.75:
        return {"op": "action_event", "task": task, "route": route, "status": chance.choice(STATUSES), "result": chance.choice([None, 1, {"k": 1}])}
    if kind < 0.87:
        return {"op": "request_status", "status": chance.choice(["running", "pausing", "paused", "resuming", "canceling", "canceled", "resuming", "failed"])}
    if kind < 0.92:
        return {"op": "rerun", "tasks": chance.choice([None, [{"task": task, "route": route}]])}
    return chance.choice([{"op": "render_output"}, {"op": "roundtrip"}])


def call_rows(count, seed=1):
    """Calls in no sensible order, on workflows without items; tasks are mostly started before they end."""
    for number in range(count):
        chance = random.Random(f"calls-{seed}-{number}")
        text, names = definition(chance)
        grown = yaml.safe_load(text)
        for task in grown["tasks"].values():
            task.pop("with", None)
        text = yaml.safe_dump(grown, sort_keys=False, default_flow_style=None, width=400)
        ops = [{"op": "request_status", "status": "requested"}, {"op": "request_status", "status": "running"}]
        for _ in range(chance.randint(5, 25)):
            op = _op(chance, names)
            if op["op"] == "action_event" and op["status"] != "running" and chance.random() < 0.7:
                ops.append({"op": "next_tasks"})
                ops.append({**op, "status": "running", "result": None})
            ops.append(op)
        yield {"id": f"calls-{seed}-{number}", "definition": text, "inputs": {"l": [1]}, "ops": ops}
