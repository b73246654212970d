"""The reference's conductor, from its package 1.2.0: made to run here, and changed where 1.6.0 differs.

Values are data here, as they are in Sayso by default, and merging does not change what it merges; docs/compatibility.md
names both as differences from the reference.
"""

import collections
import collections.abc
import copy
import fractions
import json
import math

for _name in ("MutableSequence", "Mapping", "MutableMapping", "Sequence", "Iterable", "Callable", "Set", "MutableSet"):
    if not hasattr(collections, _name):
        setattr(collections, _name, getattr(collections.abc, _name))
if not hasattr(fractions, "gcd"):
    fractions.gcd = math.gcd

import networkx  # noqa: E402
from networkx.classes import reportviews  # noqa: E402

networkx.MultiDiGraph.node = property(lambda graph: graph.nodes)
for _view in (reportviews.DiMultiDegreeView, reportviews.InMultiDegreeView, reportviews.OutMultiDegreeView):
    _view.items = lambda view: list(view)

from orquesta.utils import parameters  # noqa: E402

parameters.REGEX_INLINE_PARAMS = parameters.REGEX_INLINE_PARAMS.replace("(?i)true", "(?i:true)").replace(
    "(?i)false", "(?i:false)"
)

from orquesta.expressions import base as expressions  # noqa: E402

from reference import orquesta_layer  # noqa: E402


def _wrapped(engine, exception):
    """Failures under the class that the reference's evaluators give them."""
    raw = engine.evaluate.__func__

    def evaluate(cls, text, data=None):
        try:
            return raw(cls, text, data)
        except exception:
            raise
        except Exception as error:
            raise exception(f"Unable to evaluate expression '{text}'. {type(error).__name__}: {error}") from error

    engine.evaluate = classmethod(evaluate)


_wrapped(orquesta_layer.DataYaql, orquesta_layer.yql.YaqlEvaluationException)
_wrapped(orquesta_layer.DataJinja, orquesta_layer.jinja.JinjaEvaluationException)


def _evaluate(value, context=None):
    return orquesta_layer.data_auto(value, context)


expressions.evaluate = _evaluate

from orquesta import conducting, events, machines, statuses  # noqa: E402
from orquesta.specs import native  # noqa: E402
from orquesta.utils import dictionary  # noqa: E402

_merge = dictionary.merge_dicts
_merging = False


def _merge_copies(left, right, overwrite=True):
    """The reference's own merge on a copy; it calls itself for what is inside, by this name."""
    global _merging
    if _merging:
        return _merge(left, right, overwrite)
    _merging = True
    try:
        return _merge(copy.deepcopy(left), copy.deepcopy(right), overwrite)
    finally:
        _merging = False


dictionary.merge_dicts = _merge_copies


def _has_barrier_next(state, task, route):
    conductor = state.conductor
    entry = conductor.get_task_state_entry(task, route)
    if not entry or entry.get("status") not in statuses.COMPLETED_STATUSES:
        return False
    for transition in conductor.graph.get_next_transitions(task):
        taken = entry["next"].get(f"{transition[1]}__t{transition[2]}")
        if taken and conductor.graph.has_barrier(transition[1]):
            return True
    return False


def _task_event(cls, state, event):
    """As in 1.6.0: a failure with a way into a join counts as remedied."""
    name = event.name
    has_next = state.has_next_tasks(event.task_id, event.route)
    active = state.has_active_tasks
    if event.status in statuses.ABENDED_STATUSES:
        if has_next or _has_barrier_next(state, event.task_id, event.route):
            name = events.TASK_REMEDIATED
    if name in events.TASK_CONDITIONAL_EVENTS:
        name += "_workflow_active" if active else "_workflow_dormant"
    if not name.startswith((events.TASK_SUCCEEDED, events.TASK_REMEDIATED)):
        return name
    if state.has_canceling_tasks or state.has_canceled_tasks:
        return name + "_canceled"
    if state.has_pausing_tasks or state.has_paused_tasks:
        return name + "_paused"
    if state.has_staged_tasks or has_next:
        return name + "_incomplete"
    return name + "_completed"


machines.WorkflowStateMachine.add_context_to_task_event = classmethod(_task_event)


class Conductor:
    """A conductor that can be put back to where it was, as it is stored."""

    def __init__(self, definition, inputs, context):
        spec = native.WorkflowSpec(copy.deepcopy(definition))
        self.real = conducting.WorkflowConductor(spec, context=copy.deepcopy(context), inputs=copy.deepcopy(inputs))
        self.real.workflow_state

    def reload(self):
        self.real = conducting.WorkflowConductor.deserialize(json.loads(json.dumps(self.real.serialize())))

    def guarded(self, call):
        """Makes a call; when it raises, the state is as before, and the exception is the answer."""
        before = copy.deepcopy(self.real.serialize())
        try:
            return call(self.real), None
        except Exception as error:
            self.real = conducting.WorkflowConductor.deserialize(before)
            return None, error

    @property
    def status(self):
        return self.real.get_workflow_status()

    def is_completed(self):
        return self.status in statuses.COMPLETED_STATUSES


def public(context):
    return {key: value for key, value in context.items() if not key.startswith("__")}


def picture(conductor):
    """What simulations show, as the command-line contract has it."""
    real = conductor.real
    state = real.workflow_state
    tasks = []
    for entry in state.sequence:
        shown = {
            "id": entry["id"], "route": entry["route"], "status": entry.get("status"),
            "terminal": bool(entry.get("term")), "prev": entry["prev"], "next": entry["next"],
            "context": public(real.get_task_context(entry["ctxs"]["in"])),
        }  # fmt: skip
        if "retry" in entry:
            shown["retry"] = {name: entry["retry"].get(name) for name in ("count", "delay", "tally")}
        tasks.append(shown)
    completed = conductor.is_completed()
    return {
        "status": conductor.status, "output": real.get_workflow_output(), "errors": copy.deepcopy(real.errors),
        "log": [], "routes": copy.deepcopy(state.routes), "tasks": copy.deepcopy(tasks),
        "terminal_context": public(real.get_workflow_terminal_context()) if completed else None,
    }  # fmt: skip


def dispatch(task):
    shown = {"id": task["id"], "route": task["route"]}
    if "delay" in task:
        shown["delay"] = task["delay"]
    if "items_count" in task:
        shown["items_count"] = task["items_count"]
        shown["concurrency"] = task["concurrency"]
    shown["context"] = public(task["ctx"])
    shown["actions"] = copy.deepcopy(task["actions"])
    return shown


__all__ = ["Conductor", "dispatch", "events", "picture", "statuses"]
