"""StackStorm's Jinja: one environment, rendering to text, and values through JSON."""

import json

import jinja2
import jinja2.sandbox

from . import st2_functions


def _environment(undefined):
    environment = jinja2.sandbox.SandboxedEnvironment(
        undefined=undefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(st2_functions.RENDER)
    environment.filters["decrypt_kv"] = st2_functions.decrypt_kv
    environment.tests["in"] = st2_functions.is_in
    return environment


_STRICT = _environment(jinja2.StrictUndefined)
_LENIENT = _environment(jinja2.Undefined)


def _scope(context, kv):
    scope = dict(context or {})
    if kv is not None:
        scope["st2kv"] = {name: st2_functions.Lookup(kv, name) for name in ("system", "user")}
    return scope


def render(template, context, kv, allow_undefined):
    """Mode `render`."""
    environment = _LENIENT if allow_undefined else _STRICT
    return environment.from_string(template).render(_scope(context, kv))


def values(value, context, kv, allow_undefined):
    """Mode `values`: everything rendered is a text, except what was JSON before."""
    if not context and kv is None:
        return value
    scope = _scope(context, kv)
    scope["__context"] = scope
    structured = isinstance(value, (dict, list))
    source = json.dumps(value) if structured else str(value)
    environment = _LENIENT if allow_undefined else _STRICT
    rendered = environment.from_string(source).render(scope)
    if rendered == source:
        return value
    return json.loads(rendered) if structured else rendered
