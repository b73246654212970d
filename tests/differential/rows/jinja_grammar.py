"""Jinja templates grown at random, mostly well-typed."""

from .base import Grower

ROUNDINGS = ["", "1", "0, 'floor'"]
METHODS = ["upper()", "strip()", "title()", "replace('a', 'x')"]
MAPPERS = ["'string'", "'int'", "'upper'", "'float'", "'default', 1"]
SELECTORS = ["'odd'", "'number'", "'gt', 1", "'none'", ""]
SEPARATORS = ["", "','"]


class Templates(Grower):
    """Grows expressions and templates."""

    def number(self, depth):
        number, lst, text = self.number, self.list, self.text
        operator = self.random.choice(["+", "-", "*", "/", "//", "%", "**"])
        return self._pick(depth, ["0", "1", "2", "7", "-3", "2.5", "i", "f", "1e2", "big"], [
            lambda d: f"{number(d)} {operator} {number(0)}",
            lambda d: f"({number(d)} - {number(d)})",
            lambda d: f"{lst(d)} | length",
            lambda d: f"({lst(d)} | sum)",
            lambda d: f"({text(d)} | int({number(0)}))",
            lambda d: f"({text(d)} | float)",
            lambda d: f"({number(d)} | round({self.random.choice(ROUNDINGS)}))",
            lambda d: f"({lst(d)} | {self.random.choice(['max', 'min', 'first', 'last'])})",
            lambda d: f"({number(d)} | abs)",
            lambda d: f"({number(d)} if {self.truth(d)} else {number(d)})",
            lambda d: f"-{number(d)}",
            lambda d: f"{text(d)}.count({text(0)})",
        ])  # fmt: skip

    def text(self, depth):
        number, lst, text = self.number, self.list, self.text
        return self._pick(depth, ["s", "'a'", "'a b'", "''", "path", "'10'", "u", "'x,y'", "multi"], [
            lambda d: f"{self.any(d)} ~ {self.any(d)}",
            lambda d: f"({text(d)} + {text(d)})",
            lambda d: f"({text(d)} | {self.random.choice(['upper', 'lower', 'title', 'capitalize', 'trim', 'e', 'striptags'])})",
            lambda d: f"({text(d)} | replace({text(0)}, {text(0)}))",
            lambda d: f"({lst(d)} | join({text(0)}))",
            lambda d: f"({self.any(d)} | string)",
            lambda d: f"({self.any(d)} | tojson)",
            lambda d: f"({self.any(d)} | to_json_string)",
            lambda d: f"({text(d)} | default({text(0)}))",
            lambda d: f"({text(d)} | truncate({self.random.choice(['3', '10, true', '1'])}))",
            lambda d: f"({text(d)} | center(9))",
            lambda d: f"({text(d)} | indent(2, true))",
            lambda d: f"({text(d)} | regex_replace('[a-c]', {text(0)}))",
            lambda d: f"({text(d)} | reverse)",
            lambda d: f"({text(d)} * {self.random.choice(['0', '2'])})",
            lambda d: f"{text(d)}[{number(0)}:]",
            lambda d: f"{text(d)}.{self.random.choice(METHODS)}",
            lambda d: f"'%s-%s' % ({self.any(d)}, {self.any(d)})",
            lambda d: f"'{{}}/{{}}'.format({self.any(d)}, {text(d)})",
        ])  # fmt: skip

    def truth(self, depth):
        number, text, truth = self.number, self.text, self.truth
        comparison = self.random.choice(["==", "!=", "<", "<=", ">", ">="])
        return self._pick(depth, ["true", "false", "b", "none", "n", "missing is defined"], [
            lambda d: f"{number(d)} {comparison} {number(d)}",
            lambda d: f"{text(d)} {comparison} {text(d)}",
            lambda d: f"({truth(d)} and {truth(d)})",
            lambda d: f"({truth(d)} or {truth(d)})",
            lambda d: f"(not {truth(d)})",
            lambda d: f"({number(d)} in {self.list(d)})",
            lambda d: f"({text(d)} not in {text(d)})",
            lambda d: f"({self.any(d)} is {self.random.choice(['string', 'number', 'mapping', 'sequence', 'none', 'iterable', 'boolean', 'integer', 'float'])})",
            lambda d: f"({number(d)} is {self.random.choice(['odd', 'even', 'divisibleby 3'])})",
            lambda d: f"({text(d)} | regex_match('[a-c]+'))",
            lambda d: f"({self.any(d)} == {self.any(d)})",
        ])  # fmt: skip

    def list(self, depth):
        lst, number = self.list, self.number
        return self._pick(depth, ["[]", "[1, 2]", "l", "[3, 1, 2, 2]", "range(4)", "ls", "(1, 2)"], [
            lambda d: f"[{self.any(d)}, {self.any(d)}]",
            lambda d: f"({lst(d)} | sort | list)",
            lambda d: f"({lst(d)} | sort(reverse=true))",
            lambda d: f"({lst(d)} | unique | list)",
            lambda d: f"({lst(d)} | reverse | list)",
            lambda d: f"({lst(d)} | map({self.random.choice(MAPPERS)}) | list)",
            lambda d: f"({lst(d)} | {self.random.choice(['select', 'reject'])}({self.random.choice(SELECTORS)}) | list)",
            lambda d: f"({lst(d)} | batch(2) | list)",
            lambda d: f"({lst(d)} | slice(2) | list)",
            lambda d: f"{lst(d)}[{number(0)}:{number(0)}]",
            lambda d: f"{lst(d)}[::{self.random.choice(['1', '-1', '2'])}]",
            lambda d: f"({lst(d)} + {lst(d)})",
            lambda d: f"({lst(d)} | list)",
            lambda d: f"({self.text(d)}.split({self.random.choice(SEPARATORS)}))",
            lambda d: f"(hosts | map(attribute='{self.random.choice(['name', 'load', 'tags', 'up'])}') | list)",
            lambda d: f"(hosts | {self.random.choice(['selectattr', 'rejectattr'])}('up') | list)",
            lambda d: f"({self.map(d)} | dictsort)",
            lambda d: f"({self.map(d)} | list)",
            lambda d: f"({self.map(d)}.values() | list)",
        ])  # fmt: skip

    def map(self, depth):
        return self._pick(depth, ["{}", "{'a': 1}", "d", "hosts[0]", "{1: 2, 'x': none}"], [
            lambda d: f"{{'a': {self.any(d)}, 'b': {self.any(d)}}}",
            lambda d: f"dict(a={self.any(d)})",
            lambda d: f"dict({self.map(d)}, b={self.any(d)})",
            lambda d: f"(json | from_json_string)",
            lambda d: f"({self.map(d)} | items | list)",
        ])  # fmt: skip

    def template(self, depth):
        """A template with blocks."""
        if depth <= 0:
            return self.random.choice(["text", "\n", "  ", f"{{{{ {self.any(1)} }}}}", "a\n"])
        inner = self.template
        kind = self.random.randrange(8)
        if kind == 0:
            return inner(depth - 1) + inner(depth - 1)
        if kind == 1:
            return f"{{% if {self.truth(2)} %}}{inner(depth - 1)}{{% else %}}{inner(depth - 1)}{{% endif %}}"
        if kind == 2:
            return f"{{% for x in {self.list(2)} %}}{{{{ loop.index }}}}:{{{{ x }}}}{inner(depth - 1)}{{% endfor %}}"
        if kind == 3:
            return f"{{% set v = {self.any(2)} %}}{inner(depth - 1)}{{{{ v }}}}"
        if kind == 4:
            return f"{{%- if {self.truth(1)} -%}}\n  {inner(depth - 1)}\n{{%- endif %}}\n"
        if kind == 5:
            return f"{{% filter {self.random.choice(['upper', 'trim', 'indent(2)'])} %}}{inner(depth - 1)}{{% endfilter %}}"
        if kind == 6:
            return f"{{% for k, v in {self.map(1)}.items() %}}{{{{ k }}}}={{{{ v }}}} {{% endfor %}}{inner(depth - 1)}"
        return f"{inner(depth - 1)}{{{{ {self.any(2)} }}}}{inner(depth - 1)}"


def add(rows, count):
    random = rows.random("jinja-grammar")
    grower = Templates(random)
    for number in range(count):
        if number % 3 == 2:
            rows.render("jinja-grammar", grower.template(random.randint(1, 4)))
        else:
            rows.render("jinja-grammar", f"{{{{ {grower.any(random.randint(1, 4))} }}}}")
