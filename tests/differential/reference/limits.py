"""Time and memory that a row may take. What an engine does in C is not interrupted: the parent ends the worker then."""

import contextlib
import resource
import signal
import sys


class TimeLimit(BaseException):
    """Not an `Exception`: the engines must not catch it."""


def _out_of_time(_signal, _frame):
    raise TimeLimit("no answer in time")


def set_up(memory_bytes):
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    signal.signal(signal.SIGALRM, _out_of_time)
    sys.set_int_max_str_digits(0)


@contextlib.contextmanager
def seconds(limit):
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
