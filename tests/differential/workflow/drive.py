"""The virtual clock of the command-line contract around the reference's conductor, and calls one by one."""

import copy
import heapq

from . import reference
from .reference import events, statuses

ENGINE = {
    "noop": events.TaskNoopEvent, "continue": events.TaskContinueEvent,
    "fail": events.TaskFailEvent, "retry": events.TaskRetryEvent,
}  # fmt: skip


class Run:
    def __init__(self, row):
        self.script = row.get("script") or {}
        self.conductor = reference.Conductor(row["definition"], row.get("inputs") or {}, row.get("context") or {})
        self.now = 0
        self.heap = []
        self.last = 0
        self.attempts = {}
        self.items = {}
        self.executions = []
        self.dispatches = []
        self.trace = []
        self.steps = 0
        self.truncated = False

    # ---- the conductor -------------------------------------------------------------------------------------------

    def request(self, status):
        _, error = self.conductor.guarded(lambda real: real.request_workflow_status(status))
        return error

    def tell(self, op, task, route, item, status, result):
        error = self.event(task, route, item, status, result)
        if error is not None:
            self.broken(task, route, item, error)
        step = {"op": op, "task": task, "route": route}
        if item is not None:
            step["item"] = item
        if op == "action":
            step["event"] = status
        self.told(step, error)

    def event(self, task, route, item, status, result):
        if item is None:
            event = events.ActionExecutionEvent(status, result=copy.deepcopy(result))
        else:
            done = [None if one is None else one[1] for one in self.items[(task, route)]]
            event = events.TaskItemActionExecutionEvent(
                item, status, result=copy.deepcopy(result), accumulated_result=copy.deepcopy(done)
            )
        _, error = self.conductor.guarded(lambda real: real.update_task_state(task, route, event))
        return error

    def broken(self, task, route, item, error):
        if task is not None:
            self.event(task, route, item, statuses.FAILED, None)
        self.request(statuses.FAILED)
        self.conductor.real.log_error(error, task_id=task, route=route)

    def told(self, step, error):
        entry = {"time": self.now, **step}
        if error is not None:
            entry["raises"] = {"type": type(error).__name__}
        entry["status"] = self.conductor.status
        self.trace.append(entry)

    def render(self):
        if self.conductor.is_completed():
            self.conductor.real.render_workflow_output()

    # ---- the clock -----------------------------------------------------------------------------------------------

    def step(self):
        self.steps += 1
        if self.steps > self.script.get("max_steps", 5000):
            self.truncated = True
        return not self.truncated

    def plan(self, time, is_control, what):
        self.last += 1
        heapq.heappush(self.heap, (time, is_control, self.last, what))

    def run(self):
        if self.conductor.status == statuses.FAILED:
            self.conductor.real.render_workflow_output()
            self.told({"op": "start"}, None)
            return self.shown()
        error = self.request(statuses.REQUESTED) or self.request(statuses.RUNNING)
        self.told({"op": "start"}, error)
        later = []
        for control in self.script.get("control") or []:
            if control.get("at") is None:
                later.append(control)
            else:
                self.plan(control["at"], True, ("control", control))
        self.dispatch()
        while not self.truncated:
            if self.heap:
                time, _, _, what = heapq.heappop(self.heap)
                self.now = max(self.now, time)
            elif later:
                what = ("control", later.pop(0))
            else:
                break
            if not self.step():
                break
            if what[0] == "control":
                self.control(what[1])
            else:
                self.action(*what[1:])
        return self.shown()

    def shown(self):
        shown = reference.picture(self.conductor)
        shown["dispatches"] = self.dispatches
        shown["trace"] = self.trace
        shown["clock"] = self.now
        if self.truncated:
            shown["truncated"] = True
        return shown

    def dispatch(self):
        while self.step():
            tasks = self.conductor.real.get_next_tasks()
            if not tasks:
                break
            for task in tasks:
                self.dispatches.append({"time": self.now, **reference.dispatch(task)})
            for task in tasks:
                key = (task["id"], task["route"])
                count = task.get("items_count")
                if count is not None:
                    entry = self.conductor.real.get_task_state_entry(*key)
                    if key not in self.items or not entry or entry.get("status") in (
                        *statuses.COMPLETED_STATUSES, statuses.RETRYING, None,
                    ):  # fmt: skip
                        staged = self.conductor.real.workflow_state.get_staged_task(*key)
                        fresh = all(item["status"] == statuses.UNSET for item in staged.get("items", []))
                        if key not in self.items or fresh:
                            self.items[key] = [None] * count
                items = [action.get("item_id") for action in task["actions"]] if count else [None]
                for item in items:
                    self.tell("running", *key, item, statuses.RUNNING, None)
            for task in tasks:
                self.schedule(task)
        self.render()

    def schedule(self, task):
        key = (task["id"], task["route"])
        work = [one for one in task["actions"] if one.get("action") is not None or one.get("item_id") is not None]
        if not work:
            self.happen(*key, None, statuses.SUCCEEDED, None)
            return
        for one in work:
            item = one.get("item_id")
            self.attempts[(*key, item)] = self.attempts.get((*key, item), 0) + 1
            happenings = self.scripted(*key, item, self.attempts[(*key, item)])
            delay = task.get("delay") or 0
            if item is not None and task.get("concurrency") is not None and item >= task["concurrency"]:
                delay = 0
            self.executions.append(False)
            number = len(self.executions) - 1
            self.plan(self.now + delay + happenings[0][2], False, ("action", *key, item, number, happenings, 0))

    def scripted(self, task, route, item, attempt):
        best, most = None, -1
        for rule in self.script.get("results") or []:
            if rule["task"] != task:
                continue
            weight = 0
            for name, value, points in (("attempt", attempt, 8), ("item", item, 4), ("route", route, 2)):
                if rule.get(name) is not None:
                    if rule[name] != value:
                        break
                    weight += points
            else:
                if weight > most:
                    best, most = rule, weight
        rule = best or self.script.get("default") or {}
        sequence = rule.get("sequence") or [rule]
        return [(one.get("status", "succeeded"), one.get("result"), one.get("duration", 1)) for one in sequence]

    def action(self, task, route, item, number, happenings, at):
        status, result, _ = happenings[at]
        if at + 1 < len(happenings):
            again = ("action", task, route, item, number, happenings, at + 1)
            self.plan(self.now + happenings[at + 1][2], False, again)
        if self.executions[number]:
            step = {"op": "action", "task": task, "route": route}
            if item is not None:
                step["item"] = item
            self.told({**step, "event": status, "ignored": True}, None)
            return
        if status == statuses.RUNNING and self.conductor.status in statuses.PAUSE_STATUSES:
            error = self.request(statuses.RUNNING)
            if error is not None:
                self.broken(task, route, item, error)
        self.executions[number] = status in statuses.COMPLETED_STATUSES
        self.happen(task, route, item, status, result)
        if status in statuses.COMPLETED_STATUSES:
            self.dispatch()

    def happen(self, task, route, item, status, result):
        if item is not None:
            self.items[(task, route)][item] = (status, result)
        self.tell("action", task, route, item, status, result)
        self.render()

    def control(self, control):
        op = control["op"]
        if op == "rerun":
            error = rerun(self.conductor, control.get("tasks"))
        else:
            wanted = {"pause": "paused", "resume": "resuming", "cancel": "canceled", "fail": "failed"}[op]
            error = self.request(wanted)
        if error is not None:
            self.broken(None, None, None, error)
        self.told({"op": op}, error)
        if op in ("resume", "rerun"):
            self.dispatch()


def rerun(conductor, tasks):
    from orquesta import requests

    wanted = None
    if tasks is not None:
        wanted = [
            requests.TaskRerunRequest(one["task"], one.get("route", 0), reset_items=one.get("reset_items", False))
            for one in tasks
        ]
    return conductor.guarded(lambda real: real.request_workflow_rerun(task_requests=wanted))[1]


def replay(row):
    """Calls on one conductor."""
    conductor = reference.Conductor(row["definition"], row.get("inputs") or {}, row.get("context") or {})
    steps = []
    for op in row["ops"]:
        step, error = {}, None
        kind = op["op"]
        task, route = op.get("task"), op.get("route", 0)
        if kind == "request_status":
            _, error = conductor.guarded(lambda real: real.request_workflow_status(op["status"]))
        elif kind == "next_tasks":
            tasks, error = conductor.guarded(lambda real: real.get_next_tasks())
            step["next"] = [reference.dispatch(one) for one in tasks or []]
        elif kind == "rerun":
            error = rerun(conductor, op.get("tasks"))
        elif kind == "render_output":
            conductor.guarded(lambda real: real.render_workflow_output())
        elif kind == "roundtrip":
            conductor.reload()
        else:
            def call(real):
                if kind == "action_event":
                    event = events.ActionExecutionEvent(op["status"], result=op.get("result"))
                elif kind == "item_event":
                    event = events.TaskItemActionExecutionEvent(
                        op["item"], op["status"], result=op.get("result"),
                        accumulated_result=op.get("accumulated_result"),
                    )  # fmt: skip
                else:
                    event = ENGINE[op["name"]]()
                real.update_task_state(task, route, event)

            _, error = conductor.guarded(call)
        state = conductor.real.workflow_state
        step["status"] = conductor.status
        step["tasks"] = [[entry["id"], entry["route"], entry.get("status")] for entry in state.sequence]
        step["errors"] = len(conductor.real.errors)
        if error is not None:
            step["raises"] = {"type": type(error).__name__, "message": str(error)}
        steps.append(step)
    return {"steps": steps, "final": reference.picture(conductor)}
