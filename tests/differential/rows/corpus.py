"""Expressions as packs write them: conditions, publishing, inputs, outputs, notifications, rules."""

from .base import KV, SCENE, lines

# Workflows: mostly ctx(), succeeded(), failed(), result() in `when`, `publish`, `input` and `output`.
YAQL = r"""
<% succeeded() %>
<% failed() %>
<% completed() %>
<% succeeded() and ctx().i = 1 %>
<% succeeded() and ctx().b %>
<% succeeded() and not ctx().b %>
<% succeeded() and result().stdout = 'hi' %>
<% succeeded() and result().return_code = 0 and ctx().s != '' %>
<% failed() and ctx().i < 3 %>
<% failed() or result().return_code != 0 %>
<% succeeded() and len(ctx().hosts) > 0 %>
<% succeeded() and ctx().hosts.len() = 0 %>
<% succeeded() and (ctx().l.len() > 2 or ctx().n = null) %>
<% succeeded() and ctx().hosts.any($.up) %>
<% succeeded() and 'web' in ctx().hosts[0].tags %>
<% succeeded() and ctx().s in ['abc', 'def'] %>
<% succeeded() and ctx().s =~ '^a' %>
<% succeeded() and result().get(state, unknown) = 'unknown' %>
<% result() %>
<% result().stdout %>
<% result().stdout.trim() %>
<% result().output.x %>
<% result().output.x.first() %>
<% result().output.x[0] %>
<% result().items.len() %>
<% result().get('items') %>
<% result().stdout.split(',') %>
<% result().stdout.toUpper() %>
<% str(result().return_code) %>
<% task(t1).result %>
<% task_status(t1) %>
<% task_status(t1) = succeeded and task_status(t2) = failed %>
<% ctx().i + 1 %>
<% ctx(i) + 1 %>
<% ctx().l + [ctx().i] %>
<% ctx().l.append(ctx().i) %>
<% ctx().d + dict(new => ctx().i) %>
<% ctx().d.set(new, ctx().i) %>
<% ctx().hosts.where($.up = true).name %>
<% ctx().hosts.where($.name = 'web1').first().ip %>
<% ctx().hosts.where($.load > 1).select($.ip) %>
<% ctx().hosts.select($.name).join(',') %>
<% ctx().hosts.select(dict(host => $.name, address => $.ip)) %>
<% ctx().hosts.select({name => $.name, url => 'http://' + $.ip}) %>
<% ctx().hosts.name.orderBy($) %>
<% ctx().hosts.orderBy($.load).last().name %>
<% ctx().hosts.toDict($.name, $.ip) %>
<% ctx().hosts.tags.flatten().distinct() %>
<% ctx().hosts.groupBy($.up).select($[0]) %>
<% ctx().hosts.load.sum() %>
<% ctx().hosts.load.max() %>
<% ctx().d.keys().orderBy($) %>
<% ctx().d.get(b, {}).get(c, []) %>
<% ctx().d.b.c.first() %>
<% coalesce(ctx().n, 'default') %>
<% switch(ctx().i = 1 => 'one', ctx().i = 2 => 'two', true => 'many') %>
<% let(up => ctx().hosts.where($.up)) -> $up.name %>
<% item() %>
<% item(x) %>
<% item(y) %>
<% item().y %>
<% item(x) + ctx().i %>
x in <% ctx().l %>
i, h in <% zip(ctx().l, ctx().ls) %>
<% ctx().l.enumerate() %>
<% range(1, ctx().i + 2) %>
<% zip(ctx().l, ctx().ls) %>
<% st2kv('system.k') %>
<% st2kv('system.s', decrypt => true) %>
<% st2kv('nope', default => 'none') %>
<% 'Deploying ' + ctx().s + ' to ' + ctx().hosts.first().name %>
Deploying <% ctx().s %> to <% ctx().hosts.first().name %> (<% ctx().i %>)
https://<% ctx().hosts[0].ip %>:8443/api/<% ctx().ver %>
{"text": "<% ctx().s %>", "count": <% ctx().i %>}
echo "<% ctx().s %>" && exit <% ctx().i %>
<% ctx().st2.user %>
<% ctx(st2).action_execution_id %>
<% now().format('%Y') > '2000' %>
<% int(ctx().f) %>
<% ctx().path.split('/').last() %>
<% ctx().ver.split('.')[0] %>
<% ctx().s.replace('b', '-') %>
<% ctx().multi.split("\n").len() %>
<% ctx().u.len() %>
<% isString(ctx().s) and not isString(ctx().i) %>
<% ctx().json.len() > 5 %>
<% json(ctx().json).z %>
<% from_json_string(ctx().json).a.len() %>
<% regex_match(ctx().s, '^ab') %>
<% abs(ctx().i - 5) %>
<% random(1, 1) %>
<% ctx().hosts.len() >= ctx().i and ctx().hosts.len() <= 10 %>
"""

JINJA = r"""
{{ succeeded() }}
{{ succeeded() and ctx().i == 1 }}
{{ succeeded() and result().stdout == 'hi' }}
{{ failed() or result().return_code != 0 }}
{{ result().stdout }}
{{ result().output.x }}
{{ result()['items'] }}
{{ result().stdout | trim | upper }}
{{ ctx().i + 1 }}
{{ ctx('i') + 1 }}
{{ ctx().l + [4] }}
{{ ctx().hosts | selectattr('up') | map(attribute='name') | list }}
{{ ctx().hosts | map(attribute='ip') | join(',') }}
{{ ctx().hosts | length > 1 }}
{{ ctx().hosts[0].name }}
{{ ctx().d.b.c | first }}
{{ ctx().n or 'default' }}
{{ ctx().n | default('default', true) }}
{{ ctx().s if ctx().b else ctx().e }}
{{ item('x') }}
{{ item().y }}
{{ st2kv('system.k') }}
{{ st2kv('system.s', decrypt=true) }}
Deploying {{ ctx().s }} to {{ ctx().hosts[0].name }} ({{ ctx().i }})
https://{{ ctx().hosts[0].ip }}:8443/api/{{ ctx().ver }}
{% for h in ctx().hosts %}{{ h.name }}{% if not loop.last %}, {% endif %}{% endfor %}
{% if ctx().b %}all is well{% else %}look at {{ ctx().path }}{% endif %}
{% set up = ctx().hosts | selectattr('up') | list %}{{ up | length }} of {{ ctx().hosts | length }}
{{ ctx().json | from_json_string }}
{{ (ctx().json | from_json_string).a | length }}
{{ ctx().d | to_json_string }}
{{ ctx().ver | version_match('>=1.0.0') }}
{{ ctx().s | regex_replace('[aeiou]', '-') }}
{{ zip(ctx().l, ctx().ls) }}
{{ range(1, ctx().i + 2) | list }}
"""

# Rules, action parameters, aliases.
RENDERED = r"""
{{ s }}
{{ st2.user }}
{{ d.a }}
{{ hosts[0].name }}
{{ i | int + 1 }}
{{ l | join(',') }}
{{ n | default('x', true) }}
{{ e | default('none given', true) }}
{{ hosts | map(attribute='name') | join(' ') }}
{{ hosts | to_json_string }}
{{ d | to_json_string }}
{{ json | from_json_string }}
{{ path | basename }}
{{ s | upper }}-{{ ver }}
{{ ver.split('.')[0] }}
{% if b %}--force{% endif %}
{% if hosts | length > 1 %}{{ hosts[1].ip }}{% endif %}
{% for h in hosts %}{{ h.name }}={{ h.ip }} {% endfor %}
user {{ st2.user }} said: {{ s }}
{{ st2kv.system.k }}
{{ 'yes' if b else 'no' }}
{{ f | round(1) }}
{{ s | regex_replace('b', '') }}
{{ multi | replace('\n', ' ') }}
{{ 3661 | to_human_time_from_seconds }}
{{ [1, 2, 3] | sum }}
{{ d.get('nope', 'fallback') }}
{{ hosts | selectattr('up') | list | length }}
{{ hosts | sort(attribute='load', reverse=true) | first }}
{{ {'a': s, 'b': i} | to_json_string }}
"""


def add(rows):
    for text in lines(YAQL):
        if "task(" in text:
            continue  # reads the database of executions
        rows.text("pack-yaql", "yaql", text, SCENE, kv=KV)
    for text in lines(JINJA):
        rows.text("pack-jinja", "jinja", text, SCENE, kv=KV)
        rows.add("pack-auto", {"k": [text]}, mode="auto", lang="auto", context=SCENE, kv=KV)
    for text in lines(RENDERED):
        rows.render("pack-render", text, kv=KV)
        rows.add("pack-values", {"p": text}, mode="values", lang="jinja", context=SCENE, kv=KV)
