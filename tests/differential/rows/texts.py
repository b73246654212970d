"""Texts of workflows: orquesta's evaluators and facade, StackStorm's values, validation."""

from .base import CONTEXT, KV, SCENE, lines

YAQL = r"""
<% ctx().i %>
<%ctx().i%>
<% ctx(i) %>
<% ctx('i') %>
<% ctx("i") %>
 <% ctx().i %>
<% ctx().i %> 
x<% ctx().i %>
<% ctx().i %><% ctx().b %>
<% ctx().i %>-<% ctx().i %>
<% ctx().n %>
a<% ctx().n %>
a<% ctx().f %>
a<% ctx().big %>
a<% ctx().d %>
a<% ctx().l %>
a<% ctx().hosts %>
a<% ctx().b %>
a<% ctx().u %>
a<% ctx().multi %>
a<% set(1) %>
a<% ctx().d.keys().toList() %>
a<% timespan(hours => 25) %>
a<% datetime(2020, 1, 2) %>
a<% [timespan(hours => 1)] %>
a<% [datetime(2020, 1, 2)] %>
a<% {a => timespan(days => 1)} %>
a<% 1.0 * 100000000000000000 %>
a<% ctx().l.where($ > 1) %>
a<% ctx().d.items() %>
a<% ["it's"] %>
a<% ['a"b'] %>
<% ctx().l %>
<% ctx().d %>
<% ctx().d.a %>
<% ctx().d.b.c[1].d %>
<% ctx().d.zz %>
<% ctx().zz %>
<% ctx(zz) %>
<% ctx('zz') %>
<% ctx().get(zz) %>
<% ctx().get(zz, 9) %>
<% ctx().zz.foo %>
<% ctx(i).foo %>
<% ctx(__secret) %>
<% ctx('__state') %>
<% ctx().__state %>
<% ctx().get('__state') %>
<% ctx(dash-key) %>
<% ctx('dash-key') %>
<% ctx().get('dash-key') %>
<% ctx()['dash-key'] %>
<% ctx() %>
<% ctx().keys().len() %>
<% ctx(null) %>
<% ctx('') %>
<% ctx(0) %>
<% ctx(1) %>
<% ctx([]) %>
<% ctx(i, s) %>
<% ctx(key => i) %>
<% ctx(foo => i) %>
<% ctx %>
<% ctx.i %>
<% $ %>
<% $.i %>
<% $i %>
<% i %>
<% %>
<%%>
<% 
%>
<% ctx().i
<% ctx( %>
ctx().i %>
<% ctx().i %
<% '%>' %>
<% '<%' %>
<%% ctx().i %%>
<% ctx().i > 0 %>
<% ctx().i<5 %>
<% ctx().hosts.name %>
<% ctx().hosts.where($.up).name %>
<% ctx().hosts.where($.load > ctx().i).name %>
<% ctx().hosts.select($.tags).flatten() %>
<% ctx().hosts.len() %>
<% ctx().items.n %>
<% ctx().get(items) %>
<% ctx(items).v %>
<% ctx().items.where($.v).n %>
<% ctx().json %>
<% json(ctx().json) %>
<% json(ctx().json).a[1] %>
<% json(ctx().d) %>
<% from_yaml_string(ctx().yaml).b %>
<% to_json_string(ctx().d) %>
<% to_json_string(ctx().hosts) %>
<% to_yaml_string(ctx().d) %>
<% to_json_string(ctx().l) %>
<% json_dump(ctx().s) %>
<% json_escape(ctx().multi) %>
<% jsonpath_query(ctx().d, 'b.c[0]') %>
<% jsonpath_query(ctx().hosts, '[*].name') %>
<% regex_replace(ctx().s, 'b', 'x') %>
<% version_bump_minor(ctx().ver) %>
<% basename(ctx().path) %>
<% dirname(ctx().path) %>
<% use_none(ctx().n) %>
<% zip(ctx().l, ctx().ls) %>
<% zip(ctx().l, [1], pad => 0) %>
<% zip(ctx().l) %>
<% coalesce(ctx().n, ctx().s) %>
<% switch(ctx().i = 1 => one, true => other) %>
<% ctx().i = 1 and ctx().s = abc %>
<% ctx().i == 1 %>
<% not ctx().b %>
<% str(ctx().i) + 'x' %>
<% ctx().s + ctx().i %>
<% ctx().l + [4] %>
<% ctx().d + {z => 1} %>
<% ctx().d.set(z, ctx().i) %>
<% dict(a => ctx().i) %>
<% ctx().l.sum() / ctx().l.len() %>
<% range(0, 3) %>
<% ctx().l.select($ * 2) %>
<% let(x => ctx().i) -> $x + 1 %>
<% ctx().st2.user %>
<% ctx(st2).user %>
<% now() > datetime(2020, 1, 1) %>
<% foo() %>
<% ctx().foo() %>
<% 1 / 0 %>
<% ctx().s.len() %> of <% ctx().l.len() %>
text only
100 % sure <% ctx().i %>
<b>html</b> <% ctx().s %>
<% ctx().s %>\n<% ctx().i %>
{{ ctx().i }} and <% ctx().i %>
"""

JINJA = r"""
{{ ctx().i }}
{{ctx().i}}
{{ ctx('i') }}
{{ ctx("i") }}
{{ ctx(i) }}
{{ ctx().i }} 
 {{ ctx().i }}
x{{ ctx().i }}
{{ ctx().i }}{{ ctx().b }}
{{ ctx().i }}-{{ ctx().i }}
{{ ctx().n }}
x{{ ctx().n }}
x{{ ctx().d }}
x{{ ctx().l }}
x{{ ctx().hosts }}
x{{ ctx().f }}
x{{ ctx().u }}
x{{ ctx().multi }}
x{{ (1, 2) }}
x{{ [(1,)] }}
x{{ range(3) }}
x{{ ctx().d.keys() }}
{{ ctx().d }}
{{ ctx().l }}
{{ ctx().d.a }}
{{ ctx().d['a'] }}
{{ ctx().d.b.c[1].d }}
{{ ctx().zz }}
{{ ctx('zz') }}
{{ ctx().d.zz }}
{{ ctx().d.zz.yy }}
{{ ctx().l[9] }}
x{{ ctx().zz }}y{{ ctx().i }}
{{ ctx().zz | default('D') }}
{{ ctx().d.zz | default(5) }}
{{ ctx().get('zz') }}
{{ ctx('__state') }}
{{ ctx('__nope') }}
{{ ctx().__state }}
{{ __vars }}
{{ __state }}
{{ ctx().items }}
{{ ctx()['items'] }}
{{ ctx().items() | list | length }}
{{ ctx().keys() | list | length }}
{{ ctx()['dash-key'] }}
{{ ctx().dash-key }}
{{ ctx() }}
{{ ctx }}
{{ ctx() | length }}
{{ 'i' | ctx }}
{{ '{"a": 1}' | json }}
{{ json('{"a": 1}') }}
{{ json(ctx().json).a }}
{{ ctx().json | from_json_string }}
{{ json_parse(ctx().json) }}
{{ ctx().d | to_json_string }}
{{ to_json_string(ctx().d) }}
{{ ctx().hosts | to_json_string }}
{{ json_dump(ctx().d) }}
{{ yaml_dump(ctx().d) }}
{{ yaml_parse(ctx().yaml) }}
{{ ctx().d | tojson }}
{{ zip(ctx().l, ctx().ls) }}
{{ zip(ctx().l, [1], pad=0) }}
{{ ctx().l | zip(ctx().ls) }}
{{ ctx().hosts | map(attribute='name') | list }}
{{ ctx().hosts | map(attribute='name') }}
{{ ctx().hosts | selectattr('up') | map(attribute='name') | join(', ') }}
{{ ctx().l | sort }}
{{ ctx().l | sum }}
{{ ctx().l | length }}
{{ ctx().ls | map('upper') }}
{{ ctx().hosts | groupby('up') }}
{{ range(3) }}
{{ range(0, 3) | list }}
{{ 'x' if ctx().b else 'y' }}
{{ 'x' if false }}
x{{ 'x' if false }}
{{ none }}
{{ '' }}
{{ '{{ 1 }}' }}
{{ '}}' }}
{{ {'a': 1} }}
{{ {'a': {'b': 1}} }}
{{ {'a': {'b': 1} } }}
{{ }}
{{}}
{{ ctx( }}
{{ ctx().i
ctx().i }}
{{ ctx().i | foo }}
{{ foo() }}
{{ foo }}
{{ 1 / 0 }}
{{ ctx().i + 'a' }}
{{ ''.__class__ }}
{{ ctx.__globals__ }}
{{ ctx().st2.user }}
{{ regex_replace(ctx().s, 'b', 'x') }}
{{ ctx().s | regex_replace('b', 'x') }}
{{ version_bump_major(ctx().ver) }}
{{ ctx().ver | version_compare('1.2.4') }}
{{ basename(ctx().path) }}
{{ use_none(ctx().n) }}
{{ jsonpath_query(ctx().d, 'b.c[*]') }}
{{ to_complex(1) }}
{{ to_human_time_from_seconds(61) }}
{{ from_yaml_string('2020-01-01') }}
x{{ from_yaml_string('2020-01-01') }}
{% if ctx().b %}yes{% endif %}
{% if ctx().b %}{{ ctx().i }}{% endif %}
{% for x in ctx().l %}{{ x }},{% endfor %}
{% for h in ctx().hosts %}{{ h.name }} {% endfor %}and {{ ctx().s }}
{% set x = ctx().i %}{{ x }}
{% if ctx().zz %}x{% endif %}
{% if true %}{{ ctx().zz }}{% endif %}
{% if true %}{{ '{{' }} 1 }}{% endif %}
{% raw %}{{ ctx().i }}{% endraw %}
a {% raw %}{{ x }}{% endraw %} {{ ctx().i }}
{% raw %}a{% endraw %}{% raw %}b{% endraw %}
{% raw %}{{ x }}{% endraw %}{% if ctx().b %}{{ ctx().i }}{% endif %}
{0} {% raw %}x{% endraw %} {{ ctx().i }}
{%raw%}{{ x }}{%endraw%}
{% foo %}
{% if %}
{# comment #}
{# comment #}{{ ctx().i }}
{# comment #}{% if true %}x{% endif %}
text only
{{ ctx().s }} <% ctx().s %>
"""

SCENES = r"""
result()
result().stdout
result().output.x
result().output.x[0]
result().missing
result().get(missing)
result().items
result()['items']
result().keys
result().get(keys)
succeeded()
failed()
completed()
task_status('t1')
task_status(t1)
task_status('t2')
task_status('t3')
task_status('t3', 1)
task_status('t3', route=>1)
task_status('t4')
task_status('nope')
task_status('nope', 2)
task_status('t1', 2)
task_status()
item()
item(x)
item('x')
item('y')
item('zz')
item('')
item().x
result().return_code = 0
result().return_code == 0
succeeded() and result().stdout = hi
succeeded() and result().stdout == 'hi'
not failed()
ctx().i
st2kv('system.k')
st2kv('mine')
st2kv('system.s')
st2kv('system.s', decrypt=>true)
st2kv('system.s', decrypt=true)
st2kv('system.s', true)
st2kv('s', decrypt=>true)
st2kv('system.a.b')
st2kv('nope')
st2kv('system.nope')
st2kv('nope', default=>x)
st2kv('nope', default=>null)
st2kv('nope', default='x')
st2kv('mine', decrypt=>1)
st2kv(1)
st2kv('system.number') + 1
"""

CHECKED = [
    "text", "", "<% ctx().x %>", "<% ctx(x) %>", "<% ctx('x') %>", '<% ctx("x") %>', "<% ctx().x.y + ctx(z) %>",
    "<% ctx()['x'] %>", "<% ctx().get(x) %>", "<% ctx().x() %>", "<% ctx().x.len() %>", "<% ctx( %>", "<% 1 == 1 %>",
    "<% ctx(__x) %>", "<% %>", "<% ctx().x %> <% ctx().x %>", "<% ctx().b + ctx().a %>", "<% ctx(dash-key) %>",
    "{{ ctx().x }}", "{{ ctx('x') }}", "{{ ctx(x) }}", "{{ ctx( }}", "{{ ctx().x | foo }}", "{{ ctx().x }} {{ ctx().y.z }}",
    "{% if ctx().x %}a{% endif %}", "{% if %}", "{% for x in ctx().l %}{{ x }}", "{{ 1 + }} {{ ctx().x }}", "{{ }}",
    "{{ ctx() }} <% ctx() %>", "{{ ctx().x }} <% ctx( %>", ["<% ctx().x %>", {"<% ctx().k %>": "{{ ctx().v }}"}],
    {"a": {"b": ["<% ctx( %>", "{{ ctx( }}"]}}, 5, None, True, 1.5, [], {}, "<% ctx().x\n %>", "{{ ctx().x\n }}",
    "<% '%>' %>", "{% raw %}{{ ctx().x }}{% endraw %}", "{# {{ ctx().x }} #}", "<% foo(1) %>", "<% ctx().x.where($.y) %>",
    "<% result().x %>", "{{ ctx().x }", "{{ ctx().x", "%}", "<% ctx().st2.user %>", "<% ctx(st2).user %>",
    "<% ctx() . x %>", "<% ctx( x ) %>", "<% ctx( 'x' ) %>", "<% xctx().y %>", "<% ctx().x-y %>", "<% ctx('a.b') %>",
    "<% ctx('a b') %>", "<% ctx().x[0] %>", "<% ctx().ünï %>", "{{ ctx().x['y'] }}", "{{ ctx()['x'] }}",
    "{{ ctx('x').y }}", "{{ ctx ('x') }}", "<% ctx().x in ctx().y %>", "<% not ctx().x %>", "<% len(ctx().x) %>",
    "<% st2kv('system.k') %>", "<% ctx().x => 1 %>", "<% [ctx().x, {a => ctx(y)}] %>", "<% ctx(ctx().x) %>",
]  # fmt: skip

VALUES = [
    "{{ i }}", "{{ s }}", "x{{ i }}", "{{ n }}", "{{ b }}", "{{ d }}", "{{ l }}", "text", "", 5, 1.5, None, True,
    ["{{ i }}"], {"a": "{{ i }}"}, {"{{ s }}": 1}, ["{{ s }}", {"k": "{{ d.a }}"}], ["text", 1], [], {},
    ["{{ 'x' }}"], ['{{ "x" }}'], ["{{ d | to_json_string }}"], ["{{ multi }}"], ["{{ u }}"], ["ünï {{ i }}"],
    ["{{ 'é' }}"], ["{{ 'é' | length }}"], {"a": "{{ missing }}"}, "{{ missing }}", "{{ missing | default('x') }}",
    "{{ __context }}", "{{ __context.s }}", "{{ __context['d'].a }}", "{{ __context | length }}", ["{{ __context.i }}"],
    "{% if b %}x{% endif %}", ["{% if b %}x{% endif %}"], "{{ s", "{{ }}", "{{ 1/0 }}", ["{{ 1/0 }}"], "<% ctx().i %>",
    "{{ s | to_complex }}", ["{{ s | to_complex }}"], "{{ d | to_complex }}", "{{ [1, 'a'] | to_complex }}",
    '{{ "quote\\"d" }}', ["back\\slash {{ i }}"], ["a\nb {{ i }}"], "a\n", "{{ s }}\n", ["{{ s }}\n"], {"a": {"b": {"c": "{{ f }}"}}},
    "{# x #}", ["{# x #}"], "{{ st2.user }}", 12345678901234567890123, -0.0, 1e100, ["{{ big }}"], [1.0, "{{ i }}"],
    ["{{ '<' }}", "é", "\u2028"], "{{ d.items }}", "{{ d.items() }}", {"a": None, "b": True, "c": "{{ i }}"},
    "{{ 'a' ~ none }}", "{{ true }}", "{{ st2kv.system.k }}",
]  # fmt: skip

AUTO = [
    "<% ctx().i %>", "{{ ctx().i }}", "{{ ctx().i }} <% ctx().i %>", "text", 5, None, True, 1.5, [], {}, "",
    ["<% ctx().i %>", "{{ ctx().s }}", 5], {"<% ctx().s %>": "{{ ctx().i }}"}, {"{{ ctx().s }}": {"x": ["<% ctx().l %>"]}},
    {"<% ctx().i %>": 1}, {"<% ctx().n %>": 1}, {"<% ctx().l %>": 1}, {"<% ctx().d %>": 1}, {"{{ ctx().f }}": 1},
    {"a": "<% ctx().zz %>"}, ["{{ ctx().zz }}"], {"k": {"k": {"k": "<% ctx().d.b.c %>"}}}, "{% if true %}<% ctx().i %>{% endif %}",
    {"<% ctx().s %>": 1, "abc": 2}, {"<% ctx().b %>": 1, "<% ctx().i %>": 2}, [["<% ctx().l.len() %>"]], "{# <% ctx().i %> #}",
    "{{ '<% ctx().i %>' }}", "<% '{{ ctx().i }}' %>", "<% ctx().s %>{% raw %}{{ x }}{% endraw %}",
]  # fmt: skip

# Values that look like expressions.
HOSTILE = CONTEXT | {
    "y": "<% ctx().i %>",
    "j": "{{ ctx().i }}",
    "yy": "<% ctx().y %>",
    "jj": "{{ ctx().j }}",
    "blk": "{% if true %}x{% endif %}",
    "bad": "<% foo( %>",
    "badj": "{{ foo( }}",
    "undef": "{{ ctx().zz }}",
    "part": "<% ctx().i",
    "list": ["<% ctx().i %>", "{{ ctx().i }}"],
    "map": {"k": "<% ctx().i %>"},
    "raw": "{% raw %}{{ ctx().i }}{% endraw %}",
    "zero": "{0}",
}

INJECTED = [
    "<% ctx().{} %>", "x <% ctx().{} %>", "<% ctx().{} %><% ctx().i %>", "<% ctx().i %> <% ctx().{} %>", "<% ctx().get({}) %>",
    "<% str(ctx().{}) %>", "<% [ctx().{}] %>", "<% '<' + '% ctx().i %' + '>' %>",
]  # fmt: skip

INJECTED_JINJA = [
    "{{ ctx().# }}", "x {{ ctx().# }}", "{{ ctx().# }}{{ ctx().i }}", "{{ ctx().i }} {{ ctx().# }}", "{{ ctx().# | string }}",
    "{{ [ctx().#] }}", "{% if true %}{{ ctx().# }}{% endif %}", "{% for x in [ctx().#] %}{{ x }} {% endfor %}",
    "{% raw %}{{ x }}{% endraw %} {{ ctx().# }}",
]  # fmt: skip


def add(rows):
    for text in [*lines(YAQL), "<% ctx().i\n %>", "<% ctx().s\n + 'x' %>", "a\n<% ctx().i %>\nb", "\n<% ctx().i %>", "<% ctx().i %>\n"]:
        rows.text("text-yaql", "yaql", text)
    for text in [*lines(JINJA), "{{ ctx().i\n }}", "a\n{{ ctx().i }}\nb", "{% if ctx().b %}\nx\n{% endif %}\n", "{{ ctx().i }}\n",
                 "{%\nif true %}x{% endif %}", "{% raw %}\n{{ x }}\n{% endraw %}\n{{ ctx().i }}"]:
        rows.text("text-jinja", "jinja", text)
    for source in lines(SCENES):
        rows.text("text-scene", "yaql", f"<% {source} %>", SCENE, kv=KV)
        rows.text("text-scene", "jinja", f"{{{{ {source} }}}}", SCENE, kv=KV)
    bare = CONTEXT | {"__current_task": None}
    for source in ("result()", "succeeded()", "failed()", "completed()", "task_status(t1)", "item()", "item(x)", "task_status('t1', 3)"):
        for context in (CONTEXT, bare, None, {}, SCENE | {"__current_item": 5}, SCENE | {"__current_item": [1]}):
            rows.text("text-scene", "yaql", f"<% {source} %>", context)
            rows.text("text-scene", "jinja", f"{{{{ {source} }}}}", context)
    for context in (None, {}):
        for text in ("<% ctx() %>", "<% ctx().x %>", "<% ctx(x) %>", "<% 1 %>", "x", "<% $ %>"):
            rows.text("text-yaql", "yaql", text, context)
        for text in ("{{ ctx() }}", "{{ ctx().x }}", "{{ ctx('x') }}", "{{ 1 }}", "x", "{% if true %}x{% endif %}"):
            rows.text("text-jinja", "jinja", text, context)
    for value in CHECKED:
        rows.add("check", value, mode="check", lang="auto")
    for value in VALUES:
        rows.add("values", value, mode="values", lang="jinja", context=CONTEXT, kv=KV)
        rows.add("values", value, mode="values", lang="jinja", context=CONTEXT, allow_undefined=True)
    for value in ("{{ 1 }}", ["{{ 1 }}"], "{{", 5):
        rows.add("values", value, mode="values", lang="jinja")
        rows.add("values", value, mode="values", lang="jinja", context={})
    for template in ("{{ st2kv.system.k }}", "{{ st2kv.system.a.b }}", "{{ st2kv.user.mine }}", "{{ st2kv.system.nope }}",
                     "{{ st2kv.system.s }}", "{{ st2kv.system.s | decrypt_kv }}", "{{ st2kv.system['k'] }}", "{{ st2kv.user.nope.x }}",
                     "{{ st2kv.system.number | int + 1 }}", "{{ st2kv.system.k | upper }}", "{{ st2kv.system.json | from_json_string }}"):
        rows.render("text-datastore", template, kv=KV)
    for value in AUTO:
        rows.add("auto", value, mode="auto", lang="auto", context=CONTEXT)
    for name in sorted(set(HOSTILE) - set(CONTEXT)):
        for again in (True, False):
            extra = {} if again else {"reevaluate": False}
            topic = "hostile" if again else "data"
            for pattern in INJECTED:
                rows.text(topic, "yaql", pattern.replace("{}", name), HOSTILE, **extra)
            for pattern in INJECTED_JINJA:
                rows.text(topic, "jinja", pattern.replace("#", name), HOSTILE, **extra)
            rows.add(topic, {"a": f"<% ctx().{name} %>", "b": [f"{{{{ ctx().{name} }}}}"]}, mode="auto", lang="auto", context=HOSTILE, **extra)
            rows.add(topic, {f"<% ctx().{name} %>": 1}, mode="auto", lang="auto", context=HOSTILE, **extra)
    for text in lines(YAQL):
        rows.text("data", "yaql", text, reevaluate=False)
    for text in lines(JINJA):
        if "raw" not in text:
            rows.text("data", "jinja", text, reevaluate=False)
