"""How many steps a second the reference's conductor takes; benches/conductor.rs calls this.

JSON on standard input: a list of definitions; the answer is a list with two numbers for each: steps a second, and steps
a second with the state serialised after each, as the reference's engine does it.
"""

import json
import sys
import time

import environment

environment.REQUIREMENTS = environment.HERE / "workflow" / "requirements.txt"
environment.enter()

import yaml  # noqa: E402

from workflow import reference  # noqa: E402

# The reference merges in place; the comparison of answers wants it otherwise, and that takes time.
reference.dictionary.merge_dicts = reference._merge


def run(definition, store):
    """Runs a workflow to its end; gives how many steps that were, and how long they took, in seconds of the processor."""
    conductor = reference.Conductor(yaml.safe_load(definition), {}, {}).real
    started = time.process_time()
    steps = 0
    conductor.request_workflow_status(reference.statuses.REQUESTED)
    conductor.request_workflow_status(reference.statuses.RUNNING)
    while tasks := conductor.get_next_tasks():
        for status in (reference.statuses.RUNNING, reference.statuses.SUCCEEDED):
            for task in tasks:
                for action in task["actions"]:
                    if "item_id" in action:
                        event = reference.events.TaskItemActionExecutionEvent(
                            action["item_id"], status, result=None, accumulated_result=[]
                        )
                    else:
                        event = reference.events.ActionExecutionEvent(status, result=None)
                    conductor.update_task_state(task["id"], task["route"], event)
                    steps += 1
                    if store:
                        json.dumps(conductor.serialize())
    conductor.render_workflow_output()
    assert conductor.get_workflow_status() == reference.statuses.SUCCEEDED, conductor.errors
    return steps, time.process_time() - started


def main():
    answers = []
    for definition in json.load(sys.stdin):
        rates = []
        for store in (False, True):
            steps, seconds = run(definition, store)
            rates.append(steps / seconds)
        answers.append(rates)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
