"""YAQL expressions grown at random, mostly well-typed: an expression of a type out of smaller ones."""

from .base import Grower
from .yaql_hand import DATA

NAMES = ["a", "b", "name", "age"]
WORDS = ["'a'", "'ab'", "'Hello'", "ops", "'x,y,z'", "''", "'10'", "`q`"]


class Expressions(Grower):
    """Grows expressions: an expression of a type out of smaller ones."""

    def number(self, depth):
        leaves = ["0", "1", "2", "7", "-3", "2.5", "10", "$.i", "$.f", "100000000000000000000"]
        number, text, lst = self.number, self.text, self.list
        operator = self.random.choice(["+", "-", "*", "/", "mod"])
        return self._pick(depth, leaves, [
            lambda d: f"{number(d)} {operator} {number(d)}",
            lambda d: f"({number(d)} {operator} {number(d)})",
            lambda d: f"abs({number(d)})",
            lambda d: f"-{number(d)}",
            lambda d: f"{lst(d)}.len()",
            lambda d: f"len({text(d)})",
            lambda d: f"{lst(d)}.sum({number(d)})",
            lambda d: f"{lst(d)}.max({number(d)})",
            lambda d: f"max({number(d)}, {number(d)})",
            lambda d: f"{lst(d)}.first({number(d)})",
            lambda d: f"{lst(d)}.indexOf({number(d)})",
            lambda d: f"{lst(d)}.aggregate($1 + $2, {number(d)})",
            lambda d: f"{lst(d)}[{number(0)}]",
            lambda d: f"int({text(d)})",
            lambda d: f"round({number(d)})",
            lambda d: f"switch({self.truth(d)} => {number(d)}, true => {number(d)})",
            lambda d: f"coalesce({self.map(d)}.get({self.random.choice(NAMES)}), {number(d)})",
            lambda d: f"let(x => {number(d)}) -> $x + {self.random.choice(['1', '$x'])}",
        ])  # fmt: skip

    def text(self, depth):
        leaves = [*WORDS, "$.s", "$.d.c.x"]
        text, number = self.text, self.number
        return self._pick(depth, leaves, [
            lambda d: f"{text(d)} + {text(d)}",
            lambda d: f"({text(d)} + {text(d)})",
            lambda d: f"str({self.any(d)})",
            lambda d: f"{text(d)}.toUpper()",
            lambda d: f"{text(d)}.toLower()",
            lambda d: f"{text(d)}.trim({self.random.choice(['', 'a'])})",
            lambda d: f"{text(d)}.replace({text(0)}, {text(0)})",
            lambda d: f"{text(d)}.substring({number(0)})",
            lambda d: f"{text(d)}.substring({number(0)}, {number(0)})",
            lambda d: f"{self.list(d)}.select(str($)).join({text(0)})",
            lambda d: f"{self.list(d)}.join({text(0)})",
            lambda d: f"{text(d)} * {self.random.choice(['0', '2', '3'])}",
            lambda d: f"coalesce({self.map(d)}.get(name), {text(d)})",
            lambda d: f"regex('[a-z]').replace({text(d)}, '-')",
        ])  # fmt: skip

    def truth(self, depth):
        leaves = ["true", "false", "$.t", "null", "$.n"]
        truth, number, text = self.truth, self.number, self.text
        comparison = self.random.choice(["=", "!=", "<", "<=", ">", ">="])
        return self._pick(depth, leaves, [
            lambda d: f"{number(d)} {comparison} {number(d)}",
            lambda d: f"{text(d)} {comparison} {text(d)}",
            lambda d: f"({truth(d)} and {truth(d)})",
            lambda d: f"{truth(d)} or {truth(d)}",
            lambda d: f"not {truth(d)}",
            lambda d: f"{number(d)} in {self.list(d)}",
            lambda d: f"{text(d)} in {text(d)}",
            lambda d: f"{self.list(d)}.any({self.predicate(d)})",
            lambda d: f"{self.list(d)}.all({self.predicate(d)})",
            lambda d: f"{text(d)} =~ '[a-c]+'",
            lambda d: f"{self.map(d)}.containsKey({self.random.choice(NAMES)})",
            lambda d: f"bool({self.any(d)})",
            lambda d: f"is{self.random.choice(['String', 'List', 'Dict', 'Integer', 'Number', 'Boolean'])}({self.any(d)})",
            lambda d: f"{self.list(d)} = {self.list(d)}",
        ])  # fmt: skip

    def predicate(self, depth):
        return self._pick(depth, ["$", "$ > 1", "$ = 2", "true"], [
            lambda d: f"$ > {self.number(d)}",
            lambda d: f"$ mod 2 = {self.number(0)}",
            lambda d: f"$ in {self.list(d)}",
            lambda d: f"not $ = {self.number(d)}",
        ])  # fmt: skip

    def mapper(self, depth):
        return self._pick(depth, ["$", "$ + 1", "$ * $", "[$]", "str($)", "-$"], [
            lambda d: f"$ + {self.number(d)}",
            lambda d: f"{{a => $, b => {self.any(d)}}}",
            lambda d: f"switch($ > 1 => {self.any(d)}, true => $)",
            lambda d: f"[$, {self.any(d)}]",
        ])  # fmt: skip

    def list(self, depth):
        leaves = ["[]", "[1, 2]", "$.l", "[3, 1, 2, 2]", "range(4)", "$.d.b"]
        lst, number = self.list, self.number
        return self._pick(depth, leaves, [
            lambda d: f"[{number(d)}, {number(d)}]",
            lambda d: f"{lst(d)}.where({self.predicate(d)})",
            lambda d: f"{lst(d)}.select({self.mapper(d)})",
            lambda d: f"{lst(d)}.orderBy($)",
            lambda d: f"{lst(d)}.orderByDescending({self.random.choice(['$', '-$', 'str($)'])})",
            lambda d: f"({lst(d)} + {lst(d)})",
            lambda d: f"{lst(d)}.distinct()",
            lambda d: f"{lst(d)}.reverse()",
            lambda d: f"{lst(d)}.take({number(0)})",
            lambda d: f"{lst(d)}.skip({number(0)})",
            lambda d: f"{lst(d)}.append({self.any(d)})",
            lambda d: f"{lst(d)}.zip({lst(d)})",
            lambda d: f"{lst(d)}.enumerate()",
            lambda d: f"{lst(d)}.groupBy({self.random.choice(['$', '$ mod 2', '$ > 1'])})",
            lambda d: f"{lst(d)}.insert({number(0)}, {number(d)})",
            lambda d: f"{lst(d)}.slice(2)",
            lambda d: f"{lst(d)}.takeWhile({self.predicate(d)})",
            lambda d: f"{lst(d)}.accumulate($1 + $2, {number(0)})",
            lambda d: f"{lst(d)}.toList()",
            lambda d: f"{lst(d)}.flatten()",
            lambda d: f"{self.text(d)}.split(',')",
            lambda d: f"$.p.{self.random.choice(['age', 'name', 'team', 'langs'])}",
            lambda d: f"$.p.where($.age {self.random.choice(['>', '<', '='])} {number(0)}).select({{n => $.name}})",
            lambda d: f"{self.map(d)}.values()",
            lambda d: f"{self.map(d)}.items().orderBy($[0])",
            lambda d: f"{lst(d)}.memorize()",
        ])  # fmt: skip

    def map(self, depth):
        leaves = ["{}", "{a => 1}", "$.d", "$.p.first()", "{name => bo, age => 3}"]
        mapping = self.map
        return self._pick(depth, leaves, [
            lambda d: f"{{a => {self.any(d)}, b => {self.any(d)}}}",
            lambda d: f"{mapping(d)}.set({self.random.choice(NAMES)}, {self.any(d)})",
            lambda d: f"{mapping(d)}.delete({self.random.choice(NAMES)})",
            lambda d: f"({mapping(d)} + {mapping(d)})",
            lambda d: f"{mapping(d)}.mergeWith({mapping(d)})",
            lambda d: f"dict(a => {self.any(d)})",
            lambda d: f"{self.list(d)}.toDict(str($), {self.mapper(0)})",
        ])  # fmt: skip


def add(rows, count):
    random = rows.random("yaql-grammar")
    grower = Expressions(random)
    for _ in range(count):
        rows.bare("yaql-grammar", grower.any(random.randint(1, 4)), data=DATA)
