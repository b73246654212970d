"""Jinja by hand: templates as StackStorm renders them."""

from .base import lines

# Written as expressions; each is rendered as `{{ … }}` and evaluated by orquesta with its type.
EXPRESSIONS = r"""
1
1.0
1.50
.5
1.
1e3
1e-7
0x1F
0b101
0o17
1_000
017
10000000000000000000000
'a'
"a"
'a\nb'
'\x41\u00e9'
'it\'s'
'a' 'b'
'a' ~ 1 ~ none ~ true
true
True
false
none
None
[]
[1, 'a', none]
[1,]
(1,)
(1)
()
(1, 2)
1, 2
{}
{'a': 1}
{'a': 1, 2: 'b', none: 3}
{1: 2, true: 3}
{'a': {'b': [1, 2.0]}}
1 + 2
1 - 2
2 * 3
7 / 2
8 / 2
7 // 2
-7 // 2
7 % 3
-7 % 3
7.5 // 2
2 ** 10
2 ** -1
2 ** 0.5
-2 ** 2
2 ** 3 ** 2
1 / 0
1 // 0
1 % 0
1.5 + 1
'a' + 'b'
'a' + 1
1 + 'a'
'a' * 3
[1] + [2]
[1] * 2
(1, 2) + (3,)
{'a': 1} + {'b': 2}
'%s-%d' % ('a', 5)
'%s' % 'a'
'%.2f' % 1.005
'%5s|%-5s|%05d' % ('a', 'b', 3)
'%x %o %e %g %r %%' % (255, 8, 12345.678, 0.0001, 'q')
'%(a)s' % {'a': 1}
'%d' % 'a'
-1
+1
- -1
-'a'
not true
not 0
not ''
not []
1 and 2
0 and 2
1 or 2
0 or 'x'
none or false
1 < 2
1 < 2 < 3
1 < 2 > 1
3 > 2 > 2
1 == 1.0
1 == true
'1' == 1
'a' < 'b'
'a' < 1
none < 1
[1] < [2]
[1, 2] == (1, 2)
{'a': 1} == {'a': 1.0}
1 in [1]
'a' in 'abc'
1 in 'abc'
'a' in {'a': 1}
1 not in [2]
'x' if true
'x' if false
'x' if false else 'y'
'x' if 0 else 'y' if 0 else 'z'
i
missing
missing.x
missing | default('d')
missing.x | default('d')
missing is defined
missing.x is defined
n | default('d')
n | default('d', true)
e | default('d', true)
d.a
d['a']
d.b.c[0]
d.b.c[1].d
d.b.c[9]
d.x
d.x.y
d.items
d.items()
d.items() | list
d.keys() | list
d.values() | list
d.get('a')
d.get('x', 5)
d.pop('a')
d.update({'x': 1})
d['x']
d.a.b
l[0]
l[-1]
l[9]
l[1:]
l[:2]
l[::2]
l[::-1]
l[-2:]
l[1:2]
l['0']
l.0
l.index(1)
l.index(9)
l.count(3)
l.append(1)
l.sort()
l.copy()
s[0]
s[-1]
s[1:]
s[::-1]
s.x
s.upper()
s.lower()
s.title()
s.capitalize()
s.swapcase()
s.startswith('a')
s.startswith(('x', 'a'))
s.endswith('c')
s.find('b')
s.find('x')
s.index('x')
s.rfind('b')
s.count('b')
s.replace('a', 'x')
s.replace('a', 'x', 1)
s.split('b')
s.split()
s.rsplit('b', 1)
s.partition('b')
s.rpartition('b')
s.strip('a')
s.lstrip('a')
s.rstrip('c')
s.isdigit()
s.isalpha()
s.isalnum()
s.isupper()
s.islower()
s.isspace()
s.istitle()
s.isnumeric()
s.isdecimal()
s.isidentifier()
s.zfill(5)
s.center(7)
s.center(7, '*')
s.ljust(5, '.')
s.rjust(5, '.')
s.join(['1', '2'])
s.join([1])
s.encode()
s.encode('utf-8').decode()
s.expandtabs()
s.splitlines()
multi.splitlines()
s.removeprefix('a')
s.removesuffix('c')
s.casefold()
s.translate({97: 'x'})
s.format()
'{} {}'.format(1, 'a')
'{0} {a} {0!r}'.format('q', a=1)
'{:5.2f}|{:>4}|{:<4}|{:^4}|{:04d}|{:,}|{:x}|{:b}|{:e}|{:%}'.format(1.5, 'a', 'b', 'c', 7, 1234567, 255, 5, 1.5, 0.5)
'{0.a}'.format(d)
'{0[a]}'.format(d)
'{0.__class__}'.format(s)
'{a}'.format_map({'a': 1})
s.__class__
''.__class__.__mro__
d.__class__
l.__len__()
(1).bit_length()
(1.5).is_integer()
i.real
i.numerator
range(3)
range(3) | list
range(1, 10, 3) | list
range(5, 0, -2) | list
range(100000) | length
range(100001)
range(3)[1]
range(3) | length
2 in range(3)
dict(a=1, b=2)
dict(d, x=1)
dict([('a', 1)])
namespace(a=1).a
joiner(',')
cycler('a', 'b').next()
lipsum
lipsum(n=1) | length > 10
foo()
foo
s()
i()
d()
l.foo()
s | foo
s is foo
s |
| s
(s
s)
[1
{'a': 1
{'a'}
1 2
s s
s.
.s
s..x
s['a
s[]
s[1:2:3:4]
s | upper | lower
s | upper() | lower
s|upper|replace('A','x')
(s | upper).lower()
s.upper() | lower
not s | upper
-i | abs
i + i | string
[1, 2] | sum + 1
s is string and i is number
s is not none
not s is string
i is divisibleby 2
i is divisibleby(2)
i is in [1, 2]
i is in([1, 2])
5 is odd
i is sameas 1
i == 1 and not b
(i, s)
{'x': i, 'y': [s, n]}
hosts | map(attribute='name') | list
hosts | map(attribute='name') | join(', ')
hosts | map(attribute='missing') | list
hosts | map(attribute='missing', default='-') | list
hosts | map(attribute='tags.0') | list
hosts | map(attribute='tags.5') | list
hosts | map('upper') | list
ls | map('upper') | list
ls | map('upper')
ls | map('replace', 'A', 'x') | list
ls | map('foo') | list
ls | map()
l | map('string') | join
hosts | selectattr('up') | map(attribute='name') | list
hosts | selectattr('load', 'gt', 1) | list | length
hosts | selectattr('name', 'equalto', 'db1') | first
hosts | selectattr('name', '==', 'db1') | list
hosts | selectattr('tags', 'contains', 'x') | list
hosts | rejectattr('up') | list | length
hosts | rejectattr('name', 'in', ['db1']) | map(attribute='name') | list
hosts | selectattr('missing') | list
hosts | selectattr('missing', 'defined') | list
l | select('odd') | list
l | select('gt', 1) | list
l | select | list
l | reject('odd') | list
l | reject('foo') | list
l | select('in', [1, 2]) | list
hosts | groupby('up') | list
hosts | groupby('up') | map(attribute='grouper') | list
hosts | groupby('up') | map(attribute=1) | list
hosts | groupby('missing', default='x') | list
hosts | sort(attribute='load') | map(attribute='name') | list
hosts | sort(attribute='load', reverse=true) | map(attribute='name') | list
hosts | sort(attribute='up,name') | map(attribute='name') | list
hosts | sum(attribute='load')
hosts | sum('load')
hosts | sum(attribute='load', start=10)
hosts | max(attribute='load')
hosts | min(attribute='name')
hosts | unique(attribute='up') | list
hosts | join(',', attribute='name')
hosts | join(attribute='name')
hosts | first
hosts | last
hosts | length
hosts | list == hosts
hosts | batch(1) | list
hosts | dictsort
d | dictsort
d | dictsort(by='value')
d | dictsort(reverse=true)
{'b': 1, 'A': 2} | dictsort
{'b': 1, 'A': 2} | dictsort(true)
d | items | list
d | list
d | length
d | tojson
d | tojson(2)
'<&>\'"' | tojson
u | tojson
1.0 | tojson
n | tojson
missing | tojson
d | pprint
hosts | pprint
d | to_json_string
d | to_json_string(indent=2)
d | to_json_string(2, true)
hosts | to_json_string
u | to_json_string
d | to_yaml_string
hosts | to_yaml_string
u | to_yaml_string
d | to_yaml_string(indent=4)
d | to_yaml_string(indent=1)
u | to_yaml_string(allow_unicode=false)
big | to_yaml_string
[big, 1.0, 1e100, 1e-7] | to_yaml_string
[none, true, '', 'yes', '2020-01-01', '1:30', '=', '<<', '0o17', '1e3'] | to_yaml_string
{1: 'a', 2.5: 'b', true: 'c'} | to_yaml_string
{'b': 1, 1: 2, none: 3} | to_yaml_string
{(1, 2): [3], (): []} | to_yaml_string
{'': 1, 'two\nlines': 2} | to_yaml_string
{('x' * 122): 1, ('y' * 123): 2} | to_yaml_string
{('x' * 122 ~ ' z'): 'long ' * 40} | to_yaml_string
[l, l] | to_yaml_string
{'a': d, 'b': {'c': d.b}} | to_yaml_string
[[l], (l, ()), {}, [], {'x': []}] | to_yaml_string
'2020-01-01' | from_yaml_string | to_yaml_string
['2020-01-01 1:02:03.5 +2', '2020-01-01T00:00:00Z', '2020-01-01'] | map('from_yaml_string') | list | to_yaml_string
'!!set {b, a, c}' | from_yaml_string | to_yaml_string
['!!set {a}' | from_yaml_string] | to_yaml_string
{'s': '!!set {a, b: }' | from_yaml_string, 't': 1} | to_yaml_string
{'t': 'x'.encode(), 'u': ['y'.encode()]} | to_yaml_string
('abc' * 60).encode() | to_yaml_string
range(3) | to_yaml_string
d.keys() | to_yaml_string
missing | to_yaml_string
json | from_json_string
(json | from_json_string).a
'{' | from_json_string
yaml | from_yaml_string
(yaml | from_yaml_string).b[1]
'017' | from_yaml_string
'2020-01-01' | from_yaml_string
'a: [' | from_yaml_string
'{1: a, 2.5: b, null: c, yes: d, 2020-01-01: e}' | from_yaml_string
'[1_000.5, 1:30.5, 190:20:30, -0b11, +0x_f]' | from_yaml_string
'123456789012345678901234567890' | from_yaml_string
'[2020-01-01 10:00:00, 2020-01-01t10:00:00.123456789-3, 2020-01-01 10:00:00 +05:30, 2020-1-1 1:00:00Z]' | from_yaml_string
'2020-13-01' | from_yaml_string
'2020-01-01 10:00:00 +30' | from_yaml_string
'!!set {a, b}' | from_yaml_string
'!!omap [a: 1, b: 2]' | from_yaml_string
'!!pairs [a: 1, a: 2]' | from_yaml_string
'!!omap [a]' | from_yaml_string
'!!binary aGVsbG8=' | from_yaml_string
'!!binary a' | from_yaml_string
'!!timestamp 2020-01-01' | from_yaml_string
'!!int abc' | from_yaml_string
'!!int 12' | from_yaml_string
'!!float 1' | from_yaml_string
'!!bool on' | from_yaml_string
'!!bool x' | from_yaml_string
'!!null x' | from_yaml_string
'!!str 2020-01-01' | from_yaml_string
'!!str [a]' | from_yaml_string
'!!seq {a: 1}' | from_yaml_string
'!!python/tuple [a]' | from_yaml_string
'[=]' | from_yaml_string
'=: 1' | from_yaml_string
'[<<]' | from_yaml_string
'? [a]\n: b' | from_yaml_string
'a: &x {p: 1}\nb: *x' | from_yaml_string | to_yaml_string
'a: &x {p: 1, q: 2}\nb:\n  <<: [*x, {q: 3, r: 4}]\n  p: 9' | from_yaml_string
'a: 1\na: 2' | from_yaml_string
'--- a\n--- b' | from_yaml_string
'' | from_yaml_string
s | json_escape
'a"b\n' | json_escape
'"' | json_escape
d | jsonpath_query('b.c[0]')
d | jsonpath_query('nope')
d | jsonpath_query('$..d')
{'hosts': hosts} | jsonpath_query('hosts[*].name')
hosts | jsonpath_query('[*].tags[0]')
hosts | jsonpath_query('[*].name[0]')
hosts | jsonpath_query('[0].name | ip')
hosts | jsonpath_query('[0].name | [1].name')
hosts | jsonpath_query('[*].(name where ip)')
hosts | jsonpath_query('[*] where tags')
hosts | jsonpath_query('[*].tags where name')
hosts | jsonpath_query('$..name.`parent`.ip')
hosts | jsonpath_query('[0].name.`parent`.`parent`')
hosts | jsonpath_query('[0].name[*].`parent`')
hosts | jsonpath_query('$..[0]')
hosts | jsonpath_query('[0].tags..[0]')
hosts | jsonpath_query('[-1].name')
hosts | jsonpath_query('[-3].name')
hosts | jsonpath_query('[5].name')
hosts | jsonpath_query('[0:1].name')
hosts | jsonpath_query('[-1:].name')
hosts | jsonpath_query('[0].load[*]')
hosts | jsonpath_query('[0].up[*]')
hosts | jsonpath_query('[0].*')
hosts | jsonpath_query('[0].name,ip')
hosts | jsonpath_query('[0][name,ip]')
hosts | jsonpath_query("[0]['name']")
hosts | jsonpath_query('[0].`this`.ip')
hosts | jsonpath_query('`parent`')
hosts | jsonpath_query('..name')
hosts | jsonpath_query('[0] & [1]')
{1: 'a', 'b': {2: 'c'}} | jsonpath_query('*')
{1: 'a', 'b': {2: 'c'}} | jsonpath_query('b.*')
{1: 'a', 'b': {2: 'c'}} | jsonpath_query('[1]')
{1: 'a', 'b': {2: 'c'}} | jsonpath_query('[0]')
{1: 'a', 'b': {2: 'c'}} | jsonpath_query('[5]')
{'t': (1, (2, 3)), 'x': big} | jsonpath_query('t[1][0]')
{'t': (1, (2, 3)), 'x': big} | jsonpath_query('$..[0]')
{'t': (1, (2, 3)), 'x': big} | jsonpath_query('t[*]')
{'t': (1, (2, 3)), 'x': big} | jsonpath_query('x')
{'x': '2020-01-01' | from_yaml_string} | jsonpath_query('x')
{'x': none} | jsonpath_query('x')
{'x': none} | jsonpath_query('x[*]')
{'x': none} | jsonpath_query('x[0]')
{'x': none} | jsonpath_query('x.y')
{'x': 'text'} | jsonpath_query('x[1]')
{'x': 'text'} | jsonpath_query('x[*]')
s | regex_match('a')
s | regex_match('b')
s | regex_match('A', true)
s | regex_match('A', ignorecase=true)
i | regex_match('1')
s | regex_search('b')
s | regex_search('[')
s | regex_replace('b', 'x')
s | regex_replace('(b)', '<\\1>')
s | regex_replace(pattern='B', replacement='x', ignorecase=true)
s | regex_substring('[a-b]')
s | regex_substring('[a-b]', 1)
s | regex_substring('[a-b]', -1)
s | regex_substring('(a)(b)')
s | regex_substring('x')
ver | version_compare('1.2.4')
ver | version_more_than('1.2.2')
ver | version_less_than('1.2.2')
ver | version_equal('1.2.3')
ver | version_match('>=1.0.0')
ver | version_match('1.0.0')
ver | version_match('>=1.0')
ver | version_bump_major
ver | version_bump_minor
ver | version_bump_patch
ver | version_strip_patch
s | version_bump_patch
i | version_bump_patch
61 | to_human_time_from_seconds
0.5 | to_human_time_from_seconds
2678400 | to_human_time_from_seconds
31536000 | to_human_time_from_seconds
s | to_human_time_from_seconds
n | use_none
i | use_none
path | basename
path | dirname
i | basename
s | in
i is in l
"""

TEMPLATES = r"""
plain text
{{ s }}
{{s}}
{{- s -}}
  {{- s -}}  x
{{ s }}{{ i }}
a {{ s }} b {{ i }} c
{{ s }} {{ missing }}
{{ '{{' }}
{{ '}}' }}
{{ "{% if %}" }}
{{ s
{{ s }
{ { s } }
}}
%}
{%
{% %}
{{ }}
{{ {} }}
{{ {'a': {'b': 1}}}}
{{ {'a': {'b': 1}}.a.b }}
{# comment #}
a{# comment #}b
{# {{ s }} #}
{# unclosed
{% if b %}yes{% endif %}
{% if n %}yes{% endif %}
{% if n %}yes{% else %}no{% endif %}
{% if n %}1{% elif b %}2{% else %}3{% endif %}
{% if missing %}yes{% endif %}
{% if missing is defined %}yes{% else %}no{% endif %}
{% if b %}unclosed
{% endif %}
{% else %}
{% if %}x{% endif %}
{% foo %}
{% for x in l %}{{ x }}{% endfor %}
{% for x in l %}{{ x }},{% endfor %}
{% for x in l %}{{ loop.index }}/{{ loop.length }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.depth }}{% endfor %}
{% for x in l %}{{ loop.previtem | default('-') }}{{ loop.nextitem | default('-') }}{% endfor %}
{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for x in l %}{{ loop.changed(x) }}{% endfor %}
{% for x in l if x > 1 %}{{ x }}{% endfor %}
{% for x in [] %}{{ x }}{% else %}none{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}
{% for k in d %}{{ k }}{% endfor %}
{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}
{% for c in s %}{{ c }}.{% endfor %}
{% for x in i %}{{ x }}{% endfor %}
{% for x in missing %}{{ x }}{% endfor %}
{% for x in l %}{% break %}{% endfor %}
{% for h in hosts %}{% for t in h.tags %}{{ loop.index }}{{ t }} {% endfor %}{% endfor %}
{% for h in hosts recursive %}{{ h.name }}{% endfor %}
{% for x in [[1, [2]], 3] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %}{% endfor %}
{% for x in l %}{% set y = x %}{% endfor %}{{ y }}
{% set x = 5 %}{{ x }}
{% set x, y = 1, 2 %}{{ x }}{{ y }}
{% set x %}block {{ s }}{% endset %}{{ x }}
{% set x | upper %}block{% endset %}{{ x }}
{% set ns = namespace(n=0) %}{% for x in l %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}
{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b }}
{% set d.x = 1 %}
{% with a = 1 %}{{ a }}{% endwith %}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ b }}
{% with %}{% set a = 1 %}{% endwith %}{{ a }}
{% filter upper %}abc {{ s }}{% endfilter %}
{% filter replace('a', 'x') %}abca{% endfilter %}
{% raw %}{{ s }}{% endraw %}
{% raw %}{% if %}{% endraw %} {{ s }}
{% raw -%} x {%- endraw %}
{%raw%}{{ s }}{%endraw%}
{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(a=5) }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, x=2) }}
{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}in{% endcall %}
{% macro m(x) %}{{ caller(x) }}{% endmacro %}{% call(y) m(5) %}<{{ y }}>{% endcall %}
{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}
{% include 'x' %}
{% import 'x' as x %}
{% extends 'x' %}
{% block a %}x{% endblock %}
{% block a %}x{% endblock %}{{ self.a() }}
{% autoescape true %}{{ '<' }}{% endautoescape %}
{% do 1 %}
{% print s %}
{% if b -%}  x  {%- endif %}
{% if b +%}
  x
{%+ endif %}
{{ '<b>' }}
{{ '<b>' | e }}
{{ '<b>' | safe }}
{{ '<b>' | safe | e }}
{{ '<b>' | forceescape }}
{{ d }}
{{ hosts }}
{{ l }}
{{ n }}
{{ b }}
{{ f }}
{{ big }}
{{ 1e100 }}
{{ 0.1 + 0.2 }}
{{ 1e16 }} {{ 1e15 }} {{ 1e-4 }} {{ 1e-5 }}
{{ u }}
{{ 'é' }}{{ 'é' | length }}
{{ ['é', "it's", 'a\nb', '\\'] }}
{{ (1,) }}{{ () }}{{ (1, 'a') }}
{{ {'a': none, 1: true} }}
{{ range(3) }}
{{ d.keys() }} {{ d.values() }} {{ d.items() }}
{{ l | map('string') }}
{{ s.upper }}
{{ true and 'x' }}
{{ i if i else 'no' }}
{{ 'x' if n }}
{{ st2.user }} {{ st2['api_url'] }}
{{ dash-key }}
{{ __context }}
{{ self }}
{{ loop }}
{{ caller }}
{{ range }}
"""

MULTILINE = [
    "line\n",
    "line\n\n",
    "\nline",
    "{{ s }}\n",
    "{{ s }}\n\n",
    "{% if b %}\nyes\n{% endif %}\nafter",
    "  {% if b %}\n  yes\n  {% endif %}\nafter",
    "  {%- if b -%}\n  yes\n  {%- endif -%}\nafter",
    "{% for x in l %}\n{{ x }}\n{% endfor %}",
    "{% for x in l -%}\n  {{ x }}\n{%- endfor %}",
    "a\n  {# note #}\nb",
    "{{ 'a\nb' }}",
    "{{\n s\n}}",
    "{%\n if b\n %}x{% endif %}",
    "{% set x = 1 %}\n{{ x }}\n",
    "a\r\nb\r\n{{ s }}\r\n",
    "{% raw %}\n{{ s }}\n{% endraw %}\n",
    "{% macro m() %}\n x\n{% endmacro %}\n{{ m() }}",
    "# comment\n{{ s }}",
    "{% for h in hosts %}\n{{ h.name }}: {% for t in h.tags %}{{ t }}{% if not loop.last %}, {% endif %}{% endfor %}\n\n{% else %}\nnone\n{% endfor %}\ndone",
]


def add(rows):
    for expression in lines(EXPRESSIONS):
        rows.render("jinja-expressions", f"{{{{ {expression} }}}}")
        rows.text("jinja-typed", "jinja", f"{{{{ {in_workflow(expression)} }}}}")
    for template in [*lines(TEMPLATES), *MULTILINE]:
        rows.render("jinja-templates", template)
        rows.render("jinja-lenient", template, allow_undefined=True)
    for expression in ("missing", "missing.x", "missing + 1", "missing | upper", "missing == 1", "missing | length",
                       "d.x.y", "d.x", "d.x | upper", "missing or 1", "missing | list", "missing ~ 'a'", "missing()",
                       "missing is none", "[missing]", "missing | join", "missing in [1]", "-missing", "missing[0]",
                       "missing | tojson", "missing | int", "missing | string", "missing | first", "{'a': missing}"):  # fmt: skip
        rows.render("jinja-lenient", f"{{{{ {expression} }}}}", allow_undefined=True)
        rows.render("jinja-lenient", f"{{{{ {expression} }}}}")
        rows.render("jinja-lenient", f"{{% if {expression} %}}x{{% endif %}}", allow_undefined=True)


def in_workflow(expression):
    """Names of the context as workflows read them: `s` is `ctx().s`."""
    import re

    from .base import CONTEXT

    names = "|".join(name for name in CONTEXT if name.isidentifier() and name != "items")
    bare = rf"(?<![\w.'\"])({names})\b(?![\w'\"=:(])"
    return re.sub(bare, r"ctx().\1", expression)
