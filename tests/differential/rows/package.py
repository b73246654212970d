"""Expressions in the tests of the installed yaql package. They are read from there, and never stored."""

import ast
import json
import pathlib

import yaql


def add(rows):
    for file in sorted(pathlib.Path(yaql.__file__).parent.glob("tests/test_*.py")):
        if file.stem in ("test_legacy", "test_contexts"):
            continue
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                _add_function(rows, function)


def _add_function(rows, function):
    known = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            known[node.targets[0].id] = node.value
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "eval"):
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        try:
            expression = _literal(node.args[0], known)
            data = _literal(named["data"], known) if "data" in named else None
            json.dumps(data)
        except (ValueError, TypeError, IndexError, SyntaxError, RecursionError):
            continue  # made while the test runs
        if isinstance(expression, str):
            rows.bare("yaql-package", expression, data=data)


def _literal(node, known):
    while isinstance(node, ast.Name) and node.id in known:
        node = known[node.id]
    return ast.literal_eval(node)
