"""Every Jinja filter and test with values of every type and odd arguments; every operator with every pair of types."""

import jinja2.defaults

from reference import st2_functions

ODD = [
    "none", "true", "0", "3", "-2", "2.5", "''", "'abc def'", "'5'", "[]", "[3, 1, 2]", "['b', 'A']", "[[1, 2], [3]]",
    "{}", "{'b': 1, 'a': 2}", "(1, 2)", "range(3)", "missing", "12345678901234567890123", "hosts", "'<b> & \"q\"'",
]  # fmt: skip

ARGUMENTS = {
    "attr": ["'a'", "'upper'", "1", "'__class__'"],
    "batch": ["2", "2, 'x'", "0", "'a'"],
    "center": ["10", "2", "'a'"],
    "default": ["'d'", "'d', true", "default_value=1, boolean=true"],
    "d": ["'d'"],
    "dictsort": ["true", "by='value'", "false, 'key', true", "by='x'"],
    "filesizeformat": ["true", "binary=false"],
    "float": ["1.5", "default=none"],
    "format": ["1", "'a', 2", "a=1"],
    "groupby": ["'name'", "'x'", "0", "attribute='up', default=1"],
    "indent": ["2", "2, true", "'> '", "width=3, blank=true"],
    "int": ["5", "0, 16", "default=9", "0, 2"],
    "join": ["','", "',', 'name'", "1", "attribute='name'"],
    "map": ["'upper'", "attribute='name'", "attribute=0", "'int'", "'default', 'x'", "'join'", "'foo'"],
    "max": ["true", "attribute='name'"],
    "min": ["true", "attribute='load'"],
    "reject": ["'odd'", "'none'", "'gt', 1", "'foo'"],
    "rejectattr": ["'up'", "'name', 'eq', 'db1'"],
    "replace": ["'a', 'x'", "'b', ''", "'', '-'", "'b', 'x', 1", "1, 2", "'a'"],
    "round": ["1", "0, 'ceil'", "0, 'floor'", "-1", "1, 'foo'", "method='floor'"],
    "select": ["'odd'", "'string'", "'lt', 3"],
    "selectattr": ["'up'", "'load', 'gt', 1", "'name', 'foo'"],
    "slice": ["2", "2, 'x'", "0", "5"],
    "sort": ["true", "reverse=true", "attribute='name'", "false, true"],
    "sum": ["start=1", "'load'", "attribute='load', start=1.5", "start=[]"],
    "tojson": ["2", "indent=1"],
    "trim": ["'a'", "chars='fa'"],
    "truncate": ["3", "5, true", "5, true, '', 0", "5, false, '…', 0", "length=4, killwords=true, end='.'"],
    "unique": ["true", "attribute='name'", "case_sensitive=true"],
    "urlize": ["10", "10, true", "target='_blank'"],
    "wordwrap": ["3", "3, false", "4, true, '|'"],
    "xmlattr": ["false"],
    "items": [],
    "to_json_string": ["2", "indent=2, sort_keys=true"],
    "to_yaml_string": ["4", "allow_unicode=false"],
    "jsonpath_query": ["'a'", "'[*]'", "'$'", "'*'"],
    "regex_match": ["'a'", "'A', true", "1"],
    "regex_search": ["'d'", "'D', true", "'('"],
    "regex_replace": ["'[a-c]', '<\\\\g<0>>'", "'a', 'x'", "'', '-'"],
    "regex_substring": ["'[a-z]+'", "'[a-z]+', 1", "'([a-c])([a-c])'"],
    "version_compare": ["'1.0.0'"],
    "version_match": ["'>=1.0.0'"],
}

SHORT_LIVED = {"random"}

TEST_ARGUMENTS = {
    "divisibleby": ["2", "0", "'a'"],
    "sameas": ["true", "none", "3"],
    "in": ["[3, 'abc def', none]", "'abc def'", "{'a': 1}", "3"],
    "filter": [],
    "test": [],
}

BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]

PAIRED = [
    "none", "true", "false", "0", "2", "-7", "2.5", "''", "'a'", "'ab'", "'1'", "[]", "[1, 2]", "['a']", "{}",
    "{'a': 1}", "(1, 2)", "missing", "36893488147419103232", "range(2)", "('<' | safe)",
]  # fmt: skip


def add(rows):
    filters = sorted(set(jinja2.defaults.DEFAULT_FILTERS) | set(st2_functions.RENDER))
    for name in filters:
        if name in SHORT_LIVED:
            continue
        for value in ODD:
            if not name.startswith("regex_"):  # the pattern may be left out, which nobody means
                rows.render("jinja-filters", f"{{{{ {value} | {name} }}}}")
            for arguments in ARGUMENTS.get(name, ["1"]):
                rows.render("jinja-filters", f"{{{{ {value} | {name}({arguments}) }}}}")
            if not name.startswith("regex_"):
                rows.render("jinja-filters", f"{{{{ {value} | {name} | list }}}}")
    for name in sorted(jinja2.defaults.DEFAULT_TESTS):
        for value in ODD:
            if name.isidentifier():
                rows.render("jinja-tests", f"{{{{ {value} is {name} }}}}")
            for arguments in TEST_ARGUMENTS.get(name, ["2", "'abc def'"]):
                if name.isidentifier():
                    rows.render("jinja-tests", f"{{{{ {value} is {name}({arguments}) }}}}")
                rows.render("jinja-tests", f"{{{{ [{value}] | select('{name}', {arguments}) | list }}}}")
    for operator in BINARY:
        for left in PAIRED:
            for right in PAIRED:
                rows.render("jinja-operators", f"{{{{ {left} {operator} {right} }}}}")
    for value in PAIRED:
        for operator in ("not ", "-", "+"):
            rows.render("jinja-operators", f"{{{{ {operator}{value} }}}}")
        for index in ("0", "-1", "'a'", "1:", "::-1", "none", "1.0", "true", "9", "'a':"):
            rows.render("jinja-operators", f"{{{{ ({value})[{index}] }}}}")
            rows.text("jinja-typed", "jinja", f"{{{{ ({value})[{index}] }}}}")
