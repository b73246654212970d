"""Orquesta's evaluators, from its package: patched where 1.6.0 differs, with StackStorm's functions.

The package on the index is 1.2.0. Its plugin loading is replaced by fixed tables, its Jinja environment by the
sandboxed one of later versions with functions as globals too.
"""

import collections.abc
import functools

import jinja2
import jinja2.sandbox
from orquesta.expressions.functions import base as functions_base
from orquesta.expressions.functions import common, workflow
from yaql.language import conventions, specs, yaqltypes
from yaql.language import utils as yaql_utils

from . import st2_functions


def item_(context, key=None):
    """As in 1.6.0: the name of the abstract class in the message has changed."""
    if not context:
        raise workflow.exc.ExpressionEvaluationException("The context is not set.")
    item = context["__current_item"]
    if not key:
        return item
    if not isinstance(item, collections.abc.Mapping):
        raise workflow.exc.ExpressionEvaluationException("Item is not type of collections.abc.Mapping.")
    if key not in item:
        raise workflow.exc.ExpressionEvaluationException(f'Item does not have key "{key}".')
    return item[key]


_datastore = {}


def st2kv_(context, key, **kwargs):
    return st2_functions.st2kv_for(_datastore)(context, key, **kwargs)


CATALOGUE = {
    "completed": workflow.completed_,
    "ctx": common.ctx_,
    "failed": workflow.failed_,
    "item": item_,
    "json": common.json_,
    "result": workflow.result_,
    "st2kv": st2kv_,
    "succeeded": workflow.succeeded_,
    "task_status": workflow.task_status_,
    "zip": common.zip_,
} | st2_functions.ORQUESTA

# The evaluators read the table while they are imported.
functions_base._EXP_FUNC_CATALOG = CATALOGUE

from orquesta.expressions import base, jinja, yql  # noqa: E402

base._EXP_EVALUATORS = {"jinja": jinja.JinjaEvaluator, "yaql": yql.YAQLEvaluator}

_environment = jinja2.sandbox.SandboxedEnvironment(
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_environment.filters.update(CATALOGUE)
_environment.tests["in"] = st2_functions.is_in
jinja.JinjaEvaluator._jinja_env = _environment


def use_datastore(kv):
    """The datastore of the row that is evaluated next."""
    _datastore.clear()
    _datastore.update(kv or {})


def text(language, expression, context):
    """Mode `text`: an evaluator on a whole text."""
    evaluator = {"yaql": yql.YAQLEvaluator, "jinja": jinja.JinjaEvaluator}[language]
    return evaluator.evaluate(expression, context)


def auto(expression, context):
    """Mode `auto`: the facade on any value."""
    return base.evaluate(expression, context)


def check(expression):
    """Mode `check`: what validation reports, and which variables a text reads."""
    variables = [list(variable) for variable in base.extract_vars(expression)]
    return {"errors": base.validate(expression)["errors"], "vars": variables}


def bare(expression, data, variables, context):
    """Mode `bare`: one YAQL expression, with `$` and named variables."""
    scope = yql.YAQLEvaluator.contextualize(context)
    for name, value in (variables or {}).items():
        scope[f"${name}"] = yaql_utils.convert_input_data(value)
    return yql.YAQLEvaluator._engine(expression).evaluate(data=data, context=scope)


class DataYaql(yql.YAQLEvaluator):
    """Values are data: what an expression gives is not looked at again, and is put where the expression stood."""

    @classmethod
    def evaluate(cls, text, data=None):
        parts = list(cls._regex_parser.finditer(text))
        results = [cls._one(part.group(), data) for part in parts]
        return _put(text, parts, results)

    @classmethod
    def _one(cls, expression, data):
        result = cls._engine(cls.strip_delimiter(expression)).evaluate(context=cls.contextualize(data))
        return list(result) if yql.inspect.isgenerator(result) else result


class DataJinja(jinja.JinjaEvaluator):
    """The same for Jinja. Raw parts and blocks are Jinja's own business."""

    @classmethod
    def evaluate(cls, text, data=None):
        scope = cls.contextualize(data)
        if cls._regex_block_parser.search(text):
            return cls._jinja_env.from_string(text).render(scope)
        parts = list(cls._regex_parser.finditer(text))
        results = []
        unresolved = []
        for part in parts:
            source = cls.strip_delimiter(part.group())
            result = cls._jinja_env.compile_expression(source, undefined_to_none=False)(**scope)
            if jinja.inspect.isgenerator(result):
                result = list(result)
            if isinstance(result, jinja2.runtime.StrictUndefined):
                unresolved.append(source)
            results.append(result)
        if unresolved:
            raise jinja.JinjaEvaluationException(
                f"There are unresolved variables: {', '.join(unresolved)}"
            )
        return _put(text, parts, results)


def _put(text, parts, results):
    if len(parts) == 1 and parts[0].group() == text:
        return results[0]
    out = []
    end = 0
    for part, result in zip(parts, results):
        out += [text[end:part.start()], str(result)]
        end = part.end()
    return "".join([*out, text[end:]])


def data_text(language, expression, context):
    """Mode `text` without re-evaluation."""
    return {"yaql": DataYaql, "jinja": DataJinja}[language].evaluate(expression, context)


def data_auto(value, context):
    """Mode `auto` without re-evaluation."""
    again = functools.partial(data_auto, context=context)
    if isinstance(value, dict):
        return {again(key): again(item) for key, item in value.items()}
    if isinstance(value, list):
        return [again(item) for item in value]
    if isinstance(value, str):
        for evaluator in (DataJinja, DataYaql):
            if evaluator.has_expressions(value):
                return evaluator.evaluate(value, context)
    return value


def _definitions():
    """What is registered in the engine, by name."""
    found = {}
    scope = yql.YAQLEvaluator._root_ctx
    while scope is not None:
        for name, overloads in getattr(scope, "_functions", {}).items():
            for overload in overloads:
                found.setdefault(name, []).append(overload[0] if isinstance(overload, tuple) else overload)
        scope = scope.parent
    return found


_DEFINITIONS = _definitions()


def functions():
    """Every name of the standard library that expressions can call."""
    return sorted(name for name in _DEFINITIONS if name[0].isalpha() and name not in CATALOGUE)


def callable_as(name):
    """Whether it can be called as a function, and as a method."""
    overloads = _DEFINITIONS.get(name, [])
    return any(one.is_function for one in overloads), any(one.is_method for one in overloads)


def signatures(name):
    """For each overload its parameters as (name in calls, type, optional, repeated), and whether it is a method."""
    convention = conventions.CamelCaseConvention()
    found = []
    for overload in _DEFINITIONS.get(name, []):
        parameters = []
        by_position = sorted(
            overload.parameters.items(), key=lambda item: (item[1].position is None, item[1].position or 0)
        )
        for key, parameter in by_position:
            kind = parameter.value_type
            if isinstance(kind, yaqltypes.HiddenParameterType) or parameter.name == "**":
                continue
            python_type = getattr(kind, "python_type", None)
            python_type = python_type[0] if isinstance(python_type, tuple) else python_type
            of = python_type.__name__ if type(kind) is yaqltypes.PythonType else type(kind).__name__
            of = {"FrozenDict": "dict", "Mapping": "dict", "frozenset": "set", "Set": "set"}.get(of, of)
            optional = parameter.default is not specs.NO_DEFAULT
            parameters.append((convention.convert_parameter_name(parameter.name), of, optional, key == "*"))
        found.append((parameters, overload.is_method))
    return found
