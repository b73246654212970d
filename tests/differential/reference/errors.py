"""Python exceptions as the kinds of error of the command-line contract."""

import re

import jinja2
from orquesta import exceptions as orquesta_exceptions
from yaql.language import exceptions as yaql_exceptions

from . import limits

KINDS = [
    (limits.TimeLimit, "limit"),
    (MemoryError, "limit"),
    (RecursionError, "recursion"),
    (yaql_exceptions.YaqlParsingException, "parse"),
    (yaql_exceptions.NoFunctionRegisteredException, "unknown_function"),
    (yaql_exceptions.NoMethodRegisteredException, "unknown_method"),
    (yaql_exceptions.NoMatchingFunctionException, "no_match"),
    (yaql_exceptions.NoMatchingMethodException, "no_match"),
    (yaql_exceptions.AmbiguousFunctionException, "ambiguous"),
    (yaql_exceptions.AmbiguousMethodException, "ambiguous"),
    (yaql_exceptions.CollectionTooLargeException, "limit"),
    (yaql_exceptions.MemoryQuotaExceededException, "limit"),
    (yaql_exceptions.YaqlException, "argument"),
    (orquesta_exceptions.VariableUndefinedError, "undefined"),
    (orquesta_exceptions.VariableInaccessibleError, "private"),
    (jinja2.exceptions.SecurityError, "security"),
    (jinja2.exceptions.UndefinedError, "undefined"),
    (jinja2.exceptions.TemplateSyntaxError, "parse"),
    (jinja2.exceptions.FilterArgumentError, "argument"),
    (jinja2.exceptions.TemplateError, "runtime"),
    (re.error, "regex"),
    (StopIteration, "empty"),
    (KeyError, "key"),
    (IndexError, "index"),
    (ZeroDivisionError, "zero_division"),
    (OverflowError, "overflow"),
    (TypeError, "type"),
    (ValueError, "value"),
    (AttributeError, "attribute"),
    (orquesta_exceptions.ExpressionEvaluationException, "evaluation"),
    (RuntimeError, "runtime"),
]


def innermost(error):
    """The exception that the layers around the engines have wrapped."""
    seen = 0
    while seen < 50:
        seen += 1
        wrapped = getattr(error, "wrapped", None)
        layered = type(error).__name__ in ("YaqlEvaluationException", "JinjaEvaluationException")
        if isinstance(wrapped, BaseException):
            error = wrapped
        elif layered and error.__context__ is not None:
            error = error.__context__
        else:
            break
    return error


def kind(error):
    """The contract's name for what went wrong."""
    inner = innermost(error)
    message = str(inner)
    if message.startswith("There are unresolved variables"):
        return "unresolved"
    if isinstance(inner, jinja2.exceptions.TemplateAssertionError) and message.startswith("No "):
        return "unknown_filter"
    if isinstance(inner, jinja2.exceptions.TemplateRuntimeError) and message.startswith("No "):
        return "unknown_filter"
    if isinstance(inner, RuntimeError) and isinstance(inner.__cause__, StopIteration):
        return "empty"
    for known, name in KINDS:
        if isinstance(inner, known):
            return name
    return "other"


def answer(error):
    """The `error` of an answer."""
    inner = innermost(error)
    return {"kind": kind(error), "message": str(error), "type": type(inner).__name__}
