"""YAQL expressions by hand: every function as it is meant, and its edges. `$` is DATA."""

from .base import lines

DATA = {
    "i": 7,
    "f": 2.5,
    "s": "Hello, World",
    "n": None,
    "t": True,
    "l": [3, 1, 2, 3],
    "w": ["pear", "Apple", "fig", "apple"],
    "m": [[1, "a"], [2, "b"]],
    "d": {"a": 1, "b": [1, 2], "c": {"x": "y"}},
    "p": [
        {"name": "ana", "age": 30, "team": "ops", "langs": ["go", "py"]},
        {"name": "bo", "age": 25, "team": "dev", "langs": []},
        {"name": "cy", "age": 30, "team": "ops", "langs": ["rust"]},
    ],
    "z": [],
    "nul": [None, 1, None],
    "tree": {"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]},
}

LITERALS = r"""
1
0
-0
00012
1.0
1.50
0.1
-0.0
1.
.5
1e3
1.5e3
0x10
1_000
12a
123456789012345678901234567890
1.7976931348623157
0.1 + 0.2
1.1 * 3
100000000000000000.0
0.00001
1.0 * 1000000000000000000
''
'a'
"a"
`a`
'it\'s'
"say \"x\""
`a\n`
`a\`b`
'a\nb'
'a\tb'
'\x41\u0042'
'\101'
'\q'
'\\'
'\N{BULLET}'
'a' 'b'
'ünï'
"é✓"
'a
b'
abc
abc_1
_x
__x
x__y
Abc.Def
a.b
a-b
true
false
null
True
None
TRUE
not
in
$
$x
$1
$_
$__x
$.i
$['i']
$[i]
$.
$ .i
$. i
[]
[1]
[1,]
[1, 2, [3]]
[,]
[1 2]
{}
{a=>1}
{a=>1,}
{a => 1, 'b' => 2}
{1=>a, 1.5=>b, null=>c, true=>d}
{1 => a, true => b}
{1=>a, 1.0=>b}
{[1,2]=>a}
{{a=>1}=>b}
{a}
{a, b}
{a=>1, a=>2}
{a=>1}.a
{a=>1}[a]
{a=>{b=>{c=>1}}}.a.b.c
(1)
((1))
()
(1
1)
1 2
a b
,
.
=>
a => 1
1 +
+ 1
- 1
--1
-+1
+-+1
not not true
not
# comment
1 # comment
1;2
$a = 1
a = b = c
(a = b) = c
1 < 2 < 3
(1 < 2) and (2 < 3)
not 1 = 2
not (1 = 2)
not true and false
not (true and false)
true or false and false
(true or false) and false
1 + 2 * 3
(1 + 2) * 3
2 * 3 mod 4
-2 * 3
-2 mod 3
- 2 + 3
1 - 1 - 1
8 / 2 / 2
2 + 3 in [5]
a in [a] and b in [b]
1 = 1 = true
a -> b
$ -> $
1 -> $ + 1
[1,2] -> $.len()
[1,2,3] -> $.where($ > 1) -> $.sum()
1 => 2
foo()
foo(1)
$.foo()
1.foo()
'a'.foo()
[].foo()
foo.bar()
len()
len(1, 2)
len (abc)
abc.len
abc.len()
'abc'.len()
$.l.len() + 1
$?.i
$?.foo
null?.foo
null?.foo.bar
null?.foo()
$.n?.foo
$.n.foo
$.n?.len()
$.s?.len()
$.d.a
$.d.zz
$.d.get(zz)
$.d.get(zz, 5)
$.d.get(a, 5)
$.d?.zz
$.d[a]
$.d[zz]
$.d[zz, 5]
$.d[a, 5]
$.d[a][b]
$.d['a']
$.l[0]
$.l[-1]
$.l[4]
$.l[-5]
$.l[1.0]
$.l[true]
$.l['0']
$.l[null]
$.l[0, 1]
$.l[]
$.l[$ > 1]
$.s[0]
$.p.name
$.p.langs
$.p.foo
$.p[0].name
$.p.name[0]
$.p.where($.age > 26).name
$.p.where($.age > 26)[0]
$.p.langs.flatten()
$.m[0][1]
$.z.name
$.nul.foo
[{a=>1},{b=>2}].a
[[{a=>1}],[{a=>2}]].a
$.tree.kids.v
$.tree.kids.kids.v
$x + 1
let(x => 5) -> $x + 1
let(5) -> $1
let(5, y => 6) -> $1 + $y
let(x => 1) -> let(x => 2) -> $x
let(x => 1, y => $.i) -> $x + $y
let(x => 1) -> $.i
with(1, 2) -> $1 + $2
with([1, 2]) -> $1.len()
with() -> $
with(1) -> $
with(x => 1) -> $x
def(f, $ + 1) -> f(2)
def(f, $1 + $2) -> f(2, 3)
def(sq, $ * $) -> $.l.select(sq($))
def(f, $.a) -> f({a => 1})
def(fact, switch($ <= 1 => 1, true => $ * fact($ - 1))) -> fact(5)
def(f, $x) -> f(x => 1)
f(1)
call(len, [[1, 2]], {})
call(abs, [-1], {})
call(range, [1, 4], {})
call('foo', [], {})
call(timespan, [], {hours => 1})
call(len, [], {})
$.l.call(len, [], {})
'abc'.call(toUpper, [], {})
"""

COLLECTIONS = r"""
list()
list(1)
list(1, 2, [3, 4])
list(range(3))
list(set(1))
list(a => 1)
list({a=>1})
list($.l.where($ > 1))
flatten([1])
[1, [2, [3, [4]]]].flatten()
[[1, 2], 'ab', {a=>1}].flatten()
[set(1, 2), [3]].flatten().len()
'abc'.flatten()
$.z.flatten()
[1, 2].toList()
'ab'.toList()
set(1, 2).toList()
$.d.toList()
dict()
dict(a => 1)
dict(a => 1, b => 2)
dict([[a, 1], [b, 2]])
dict([[a, 1, 2]])
dict([[a]])
dict([ab, cd])
dict([1, 2])
dict($.m)
dict({a => 1})
dict($.d.items())
dict(1)
dict(null)
dict('ab' => 1)
dict(1 => 2)
$.d.keys()
$.d.keys().toList()
$.d.keys().orderBy($)
$.d.keys().len()
$.d.values()
$.d.values().len()
$.d.items()
$.d.items().toList()
$.d.items().select($[0])
$.d.items().orderBy($[0]).select($[1])
$.d.len()
$.d.set(z, 1)
$.d.set(a, 2).a
$.d.set({z => 1})
$.d.set(z => 1, y => 2)
$.d.set(1, 2)
$.d.set(a => 1)
$.d.delete(a)
$.d.delete(a, b)
$.d.delete(zz)
$.d.delete()
$.d.deleteAll([a, b])
$.d.deleteAll([])
$.d.deleteAll(a)
$.d.containsKey(a)
$.d.containsKey(zz)
$.d.containsKey(1)
$.d.containsKey([1])
$.d.containsValue(1)
$.d.containsValue([1, 2])
$.d.containsValue({x => y})
$.d.containsValue(zz)
$.l.contains(3)
$.l.contains('3')
$.l.contains(true)
'abc'.contains(b)
set(1, 2).contains(1)
$.d.contains(a)
3 in $.l
[1] in [[1]]
{a => 1} in [{a => 1}]
b in abc
'' in abc
1 in abc
null in [null]
a in $.d
1 in set(1)
1 in null
isList($.l)
isList(set(1))
isList(range(2))
isList(null)
isDict($.d)
isDict($.l)
isDict(dict())
isSet(set())
isSet($.l)
isSet($.d.keys())
isIterable($.l)
isIterable($.d)
isIterable(abc)
isIterable(range(3))
isIterable(set(1))
isString(abc)
isString(1)
isString(null)
isBoolean(true)
isBoolean(1)
isInteger(1)
isInteger(1.0)
isInteger(true)
isNumber(1)
isNumber(1.5)
isNumber(true)
isNumber('1')
isRegex(regex(a))
isRegex(a)
isDatetime(now())
isDatetime(1)
isTimespan(timespan())
isTimespan(1)
set()
set(1, 2, 2)
set([1])
set([1, 2], 3)
set({a => 1})
set(1, 1.0, true)
set(null)
set(1).add(2)
set(1).add(2, 3)
set(1).add()
set(1, 2).remove(1)
set(1, 2).remove(3)
set(1, 2).union(set(3))
set(1, 2).union([3])
set(1, 2).intersect(set(2, 3))
set(1, 2).difference(set(2))
set(1, 2).symmetricDifference(set(2, 3))
set(1, 2) - set(2)
set(1, 2) + set(3)
set(1, 2) + [3]
set(1) < set(1, 2)
set(1, 2) <= set(1, 2)
set(1, 2) > set(1)
set(1) >= set(2)
set(1, 2) = set(2, 1)
set(1) = [1]
set(1, 2).len()
set(1, 2).sum()
set(1, 2).select($ + 1)
set(1, 2).where($ > 1)
[1, 2, 1].toSet()
[[1]].toSet()
[{a=>1}].toSet()
$.w.toSet().len()
set(1, 2)[0]
set(5, 3, 9).toList()
set(5, 3, 9).orderBy($)
[1, 2] + [3]
[1] + 2
[] + []
range(2) + range(2)
{a => 1} + {b => 2}
{a => 1, b => 1} + {a => 2}
{a => 1} + [1]
[1, 2] * 2
2 * [1, 2]
[1] * 0
[1] * -1
[1] * 1.5
[1] - [1]
[1, 2] = [1, 2]
[1, 2] = [1.0, 2]
{a => 1} = {a => 1.0}
{a => 1} != {b => 1}
[1] < [2]
$.l.replace(0, 9)
$.l.replace(0, 9, 2)
$.l.replace(9, 9)
$.l.replace(-1, 9)
$.l.replaceMany(0, [8, 9])
$.l.replaceMany(1, [8, 9], 2)
$.l.replaceMany(9, [8])
$.l.delete(0)
$.l.delete(1, 2)
$.l.delete(9)
$.l.delete(0, -1)
$.l.insert(0, 9)
$.l.insert(1, 9)
$.l.insert(9, 9)
$.l.insert(-1, 9)
$.l.where($ > 1).insert(1, 9)
$.l.where($ > 1).insert(9, 9)
$.l.insertMany(1, [8, 9])
$.l.insertMany(9, [8, 9])
$.l.insertMany(-1, [8])
"""

QUERIES = r"""
$.l.where($ > 1)
$.l.where(true)
$.l.where(0)
$.l.where($ = 3)
$.l.filter($ > 1)
$.p.where($.age = 30 and $.team = ops)
$.p.where($.foo)
$.p.where($.name =~ '^a')
$.l.select($ * 2)
$.l.map($ * 2)
$.p.select($.name)
$.p.select({n => $.name, a => $.age})
$.p.select([$.name, $.age])
$.p.select($.name).join(', ')
$.p.selectMany($.langs)
$.l.selectMany([$, $])
$.l.selectMany($)
$.w.selectMany($)
$.l.skip(1)
$.l.skip(0)
$.l.skip(9)
$.l.skip(-1)
$.l.limit(2)
$.l.limit(0)
$.l.limit(-1)
$.l.take(2)
$.l.take(9)
$.l.take(-1)
$.l.append(9)
$.l.append(8, 9)
append($.l, 9)
$.l.append()
$.l.distinct()
distinct($.l)
$.p.distinct($.team)
$.p.distinct($.team).name
[true, 1, 1.0].distinct()
[[1], [1]].distinct()
[{a=>1}, {a=>1}].distinct()
$.l.enumerate()
$.l.enumerate(1)
enumerate($.w)
$.w.enumerate().select($[1])
$.l.any()
$.z.any()
$.l.any($ > 2)
$.l.any($ > 5)
any($.l)
$.nul.any()
$.nul.any($)
$.l.all()
$.nul.all()
$.l.all($ > 0)
$.z.all()
$.z.all(false)
all($.l, $ > 0)
concat($.l, $.w)
$.l.concat($.w, [1])
concat([1], [2])
concat(a, b)
concat()
$.l.count()
$.l.where($ > 1).count()
'abc'.count()
$.l.len()
range(3).len()
$.l.memorize().len()
$.l.where($ > 1).memorize()
$.l.sum()
$.l.sum(10)
$.z.sum()
$.z.sum(0)
$.w.sum()
$.w.sum('')
[0.1, 0.2, 0.3].sum()
[1, 2.5].sum()
[[1], [2]].sum()
[null, 1].sum()
$.l.max()
$.l.max(10)
$.z.max()
$.z.max(0)
$.w.max()
[1, a].max()
[null, 1].max()
[1, null].min()
max(1, 2)
max(1, 2.5)
max(a, b)
max(1, a)
max(true, false)
max(null, 1)
$.l.min()
$.l.min(-1)
$.z.min()
min(1, 2)
min(2.5, 1)
min(b, a)
$.l.first()
$.z.first()
$.z.first(9)
$.z.first(null)
$.l.first(9)
$.l.last()
$.z.last()
$.z.last(9)
$.l.where($ < 3).last()
$.l.single()
[1].single()
$.z.single()
'abc'.first()
$.d.first()
range(0)
range(3)
range(1, 4)
range(1, 10, 3)
range(5, 1, -2)
range(5, 1)
range(0, 5, 0)
range(-2)
range(1.5)
range('3')
range(3).select($ * 2)
range(10).where($ mod 2 = 0)
sequence().take(3)
sequence(5).take(3)
sequence(5, 2).take(3)
sequence(5, -2).take(3)
sequence(0, 0).take(2)
sequence().takeWhile($ < 3)
sequence().where($ > 2).first()
$.l.cycle().take(7)
$.z.cycle().take(1)
$.l.takeWhile($ > 2)
$.l.skipWhile($ > 2)
$.l.takeWhile(false)
$.l.indexOf(1)
$.l.indexOf(9)
$.l.lastIndexOf(3)
$.l.lastIndexOf(9)
$.l.indexWhere($ < 3)
$.l.indexWhere($ > 9)
$.l.lastIndexWhere($ = 3)
$.l.lastIndexWhere($ > 9)
$.l.slice(2)
$.l.slice(1)
$.l.slice(9)
$.l.slice(0)
$.l.slice(-1)
$.l.splitWhere($ = 1)
$.l.splitWhere($ > 9)
$.l.sliceWhere($ = 3)
$.l.sliceWhere($ > 9)
$.l.splitAt(2)
$.l.splitAt(0)
$.l.splitAt(9)
$.l.splitAt(-1)
$.l.aggregate($1 + $2)
$.l.aggregate($1 + $2, 10)
$.z.aggregate($1 + $2)
$.z.aggregate($1 + $2, 10)
$.l.reduce($1 * $2)
$.l.reduce(max($1, $2), 0)
$.l.accumulate($1 + $2)
$.l.accumulate($1 + $2, 10)
$.z.accumulate($1 + $2)
$.z.accumulate($1 + $2, 1)
$.l.orderBy($)
$.l.orderBy(-$)
$.l.orderByDescending($)
$.w.orderBy($)
$.w.orderBy($.toLower())
$.p.orderBy($.age)
$.p.orderBy($.age).thenBy($.name)
$.p.orderBy($.age).thenByDescending($.name)
$.p.orderByDescending($.age).thenBy($.name).name
$.p.orderBy($.team).thenBy($.age).thenBy($.name).name
$.nul.orderBy($)
[1, a].orderBy($)
[true, false].orderBy($)
[1.5, 1].orderBy($)
[[1], [0]].orderBy($)
[[2, b], [1, a]].orderBy($[0])
$.l.thenBy($)
$.l.reverse()
$.z.reverse()
'abc'.reverse()
$.l.zip($.w)
$.l.zip($.w, [1, 2])
$.l.zip()
$.l.zip([])
$.l.zipLongest([1])
$.l.zipLongest([1], default => 0)
$.l.zipLongest()
$.l.join([1, 2], $1 = $2, [$1, $2])
$.l.join([1, 2], $1 > $2, $1 * 10 + $2)
$.p.join($.p, $1.age < $2.age, [$1.name, $2.name])
$.p.groupBy($.team)
$.p.groupBy($.team, $.name)
$.p.groupBy($.team, $.age, $.sum())
$.p.groupBy($.team, $.age, [$[0], $[1].sum()])
$.p.groupBy($.age, $.name, $.join('+'))
$.p.groupBy($.langs)
$.z.groupBy($)
$.p.toDict($.name)
$.p.toDict($.name, $.age)
$.p.toDict($.team, $.name)
$.l.toDict($)
$.l.toDict(str($), $ * 2)
generate(0, $ < 5, $ + 1)
generate(0, $ < 5, $ + 1, $ * 10)
generate(0, $ < 3, ($ + 1) mod 3, decycle => true)
generate(1, $ < 100, $ * 2).last()
generate(0, false, $ + 1)
generateMany($.tree, $.kids, $.v)
generateMany($.tree, $.kids, $.v, depthFirst => true)
generateMany(1, [($ + 1) mod 3], decycle => true)
generateMany(1, switch($ < 4 => [$ + 1], true => []))
$.l.defaultIfEmpty([9])
$.z.defaultIfEmpty([9])
$.z.defaultIfEmpty([])
repeat(1, 3)
1.repeat(3)
'a'.repeat(2)
1.repeat(0)
1.repeat().take(2)
[1, 2].repeat(2)
$.d.mergeWith({e => 1})
$.d.mergeWith({c => {z => 1}})
$.d.mergeWith({b => [3]})
$.d.mergeWith({b => [2, 3]})
$.d.mergeWith({a => 2})
$.d.mergeWith({a => 2}, itemMerger => $1 + $2)
$.d.mergeWith({b => [3]}, listMerger => $1 + $2)
$.d.mergeWith({b => [3]}, $1 + $2)
$.d.mergeWith({c => {x => 1}}, maxLevels => 1)
$.d.mergeWith({c => 5})
{a => {b => {c => 1}}}.mergeWith({a => {b => {d => 2}}})
{a => {b => {c => 1}}}.mergeWith({a => {b => {d => 2}}}, maxLevels => 2)
[1, 2].unpack(a, b) -> $a + $b
[1, 2].unpack() -> $1 + $2
[1, 2].unpack(a) -> $a
[1, 2].unpack(a, b, c) -> $c
$.l.assert($.len() > 1)
$.l.assert($.len() > 9)
$.l.assert($.len() > 9, 'too short')
1.assert($ = 1)
"""

TEXTS = r"""
$.s.len()
''.len()
$.s.toUpper()
$.s.toLower()
'straße'.toUpper()
'İ'.toLower().len()
'ÀÉ'.toLower()
$.s.split(', ')
$.s.split()
' a  b '.split()
' a  b '.split(' ')
'a,b,c'.split(',', 1)
'a,b,c'.split(',', 0)
'a,b,c'.split(',', -1)
'a,b,c'.split('')
'a,b,c'.split(null)
'a,b,c'.split(maxSplits => 1)
'a b c'.split(null, 1)
''.split()
''.split(',')
'a,b,c'.rightSplit(',', 1)
'a b  c'.rightSplit()
'a b c'.rightSplit(null, 1)
$.s.substring(0)
$.s.substring(7)
$.s.substring(0, 5)
$.s.substring(-5)
$.s.substring(-5, 2)
$.s.substring(99)
$.s.substring(2, 0)
$.s.substring(2, -1)
$.s.substring(2, -2)
'größe'.substring(2, 2)
$.s.indexOf(o)
$.s.indexOf(o, 5)
$.s.indexOf(zz)
$.s.indexOf(o, 0, 3)
$.s.indexOf(o, -5)
$.s.indexOf(o, 5, -1)
$.s.indexOf('')
$.s.lastIndexOf(o)
$.s.lastIndexOf(o, 0, 6)
$.s.lastIndexOf(zz)
$.s.lastIndexOf(o, 5)
$.s.startsWith(He)
$.s.startsWith(x, He)
$.s.startsWith('')
$.s.startsWith()
$.s.endsWith(ld)
$.s.endsWith(x)
$.s.endsWith(x, ld)
$.s.replace(o, 0)
$.s.replace(o, 0, 1)
$.s.replace(o, 0, 0)
$.s.replace('', '-')
$.s.replace(l, '')
$.s.replace({H => J, W => V})
$.s.replace({l => L}, 1)
$.s.replace({})
$.s.replace({1 => 2})
'a1'.replace({1 => 2})
$.s.replace({a => null})
$.s.toCharArray()
''.toCharArray()
$.s.toCharArray().len()
' a '.trim()
'xxaxx'.trim(x)
'xyax'.trim(xy)
' a '.trimLeft()
' a '.trimRight()
'xa'.trimLeft(x)
'ax'.trimRight(x)
'a'.trim('')
norm(' a ')
norm(' ')
norm('')
norm(null)
' x '.norm()
norm(xax, x)
isEmpty('')
isEmpty(' ')
isEmpty(' ', false)
isEmpty(' ', trimSpaces => false)
isEmpty(xx, chars => x)
isEmpty(null)
isEmpty([])
isEmpty(a)
''.isEmpty()
[a, b].join(',')
','.join([a, b])
[1, null, true, 2.5].join(',')
[].join(',')
','.join([])
[[1], {a=>1}].join(',')
[a].join(1)
','.join(ab)
abc.join(',')
$.w.join('')
$.d.keys().orderBy($).join(',')
str(1)
str(1.0)
str(2.50)
str(null)
str(true)
str(false)
str(abc)
str('')
str([])
str([1])
str([1, null, 'a', true])
str({})
str({a => 1})
str({a => [1, {b => null}]})
str([[1, 2], [3]])
str('it\'s')
str(["it's", 'say "x"', 'both \' and "'])
str(["\n\t\\", 'é', '\x00'])
str(set(1))
str(set())
str([1.0, 100000000000000000.0, 0.00001])
str(123456789012345678901234567890)
str(timespan(hours => 25))
str(timespan(hours => -1))
str(timespan(milliseconds => 1))
str(datetime(2020, 1, 2))
str(datetime(2020, 1, 2, 3, 4, 5, 6))
int(1)
int(1.9)
int(-1.9)
int('5')
int(' 42 ')
int('4.2')
int('abc')
int('')
int('1_000')
int('+5')
int('-5')
int('0x10')
int(null)
int(true)
int([])
int('٣')
int(100000000000000000000.5)
float(1)
float('1.5')
float(' 1.5 ')
float('1e3')
float('abc')
float('nan')
float('inf')
float('-infinity')
float('1_0.5')
float(null)
float(true)
float([])
bool(1)
bool(0)
bool(0.0)
bool('')
bool('false')
bool([])
bool([0])
bool(null)
bool({})
bool(range(0))
hex(255)
hex(-255)
hex(0)
hex(1.5)
hex(abc)
characters(digits => true)
characters(octdigits => true).len()
characters(hexdigits => true, digits => true).len()
characters(punctuation => true).len()
characters(whitespace => true).len()
characters(asciiLetters => true).len()
characters(asciiUppercase => true, asciiLowercase => true).len()
characters(letters => true).len()
characters(printable => true).len()
characters()
characters(foo => true)
'a' + 'b'
'a' + 1
'a' + null
'a' + str(1)
1 + 'a'
'ab' * 3
3 * 'ab'
'ab' * 0
'ab' * -1
'ab' * 1.5
'a' < 'b'
'a' < 'B'
'a' >= 'a'
'é' > 'z'
'a' = 'a'
'a' != 'b'
'1' = 1
'' = null
abc.len() = 3
escapeRegex('a.b*c')
escapeRegex('a b-c')
escapeRegex('é_1')
regex('a.c')
regex('a.c').matches(abc)
'abc'.matches('a.c')
'abcd'.matches('a.c')
'xabc'.matches('a.c')
matches(abc, 'a')
regex('b').matches(abc)
'abc' =~ 'b'
'abc' =~ '^b'
'abc' =~ regex('B', ignoreCase => true)
'abc' !~ 'b'
'abc' !~ regex(x)
'abc' =~ '['
regex('(')
regex('[a')
regex('a{2,1}')
regex('(?P<x>a)(?P=x)').search(aa)
regex('b(.)').search(abc)
regex('b(.)').search(abc, $1)
regex('b(.)').search(abc, $2)
regex('b(.)').search(abc, $2.value)
regex('b(.)').search(abc, $1.start)
regex('(b)(.)').search(abc, [$1, $2, $3])
regex('(b)(.)').search(abc, format($1))
regex('x').search(abc)
regex('x').search(abc, $)
regex('b').search(abc, $)
regex('b').search(abc, $.value)
regex('b').search(abc, $.end)
regex('(?P<n>b)').search(abc, $n)
regex('(?P<n>b)').search(abc, $n.value)
regex('[a-z]').searchAll('a1b2')
regex('([a-z])(.)').searchAll('a1b2', $2.value)
regex('([a-z])(.)').searchAll('a1b2')
regex('(?P<l>[a-z])').searchAll('a1b2', $l.value)
regex('x').searchAll(abc)
regex(',').split('a,b,c')
regex('(,)').split('a,b,c')
regex(',').split('a,b,c', 1)
'a,b'.split(regex(','))
'a1b2'.split(regex('[0-9]'))
regex('').split(abc)
regex('b').replace(abc, X)
'abc'.replace(regex(b), X)
regex('(b)').replace(abc, `[\1]`)
regex('(?P<n>b)').replace(abc, `[\g<n>]`)
regex('[a-z]').replace(abc, x, 2)
regex('b').replace(abc, `\9`)
regex('[a-z]').replaceBy(abc, $.value.toUpper())
'abc'.replaceBy(regex('[ab]'), $.value + '-')
regex('[a-z]').replaceBy(abc, $.start)
regex('[a-z]').replaceBy(abc, str($.start), 1)
regex('^b', multiLine => true).searchAll('a\nb')
regex('a.b', dotAll => true).matches('a\nb')
regex('\\d+').search('a12')
regex('\\w+').searchAll('größe und 1')
regex(`\bfoo\b`).search('a foo b')
regex('(?i)ABC').matches(abc)
regex('(?<=a)b').search(abc)
regex('a(?!b)').search('abac', $.start)
isRegex(regex('a'))
"""

NUMBERS = r"""
1 + 1
1 + 1.0
0.1 + 0.2
1 - 2
2 * 3
2 * 2.5
7 / 2
-7 / 2
7 / -2
7.0 / 2
7 / 2.0
1 / 0
1.0 / 0
1 / 0.0
0 / 1
7 mod 3
-7 mod 3
7 mod -3
7.5 mod 2
-7.5 mod 2
7 mod 0
7.0 mod 0
2 mod 2.5
1 > 0
1 >= 1.0
1 = 1.0
1 != 1.0
1 < 1.5
1 < 'a'
1 < null
null < 1
null > null
null <= null
null >= null
null = null
null != 1
1 > null
null < 'a'
null < []
true < false
true > 0
true = 1
true = 1.0
false = 0
false = ''
true + 1
true + true
-true
not 1
not 0
not ''
not 'a'
not null
not []
not [1]
1 and 2
0 and 2
1 or 2
0 or 2
0 or 'x'
'' or null
null and foo()
1 or foo()
0 or foo()
true and 'a'
-1
-(-1)
+1
-'a'
+null
--1
abs(-5)
abs(-5.5)
abs('a')
abs(true)
abs(null)
sign(-3)
sign(0)
sign(2.5)
sign(-0.0)
round(2.5)
round(3.5)
round(-2.5)
round(2.675, 2)
round(1234)
round(1234, -2)
round(1250, -2)
round(1234.5678, -2)
round(1.5, 1.5)
round('a')
round(0.5)
round(1.25, 1)
round(100000000000000000000)
int(1.5)
pow(2, 10)
pow(2, -1)
pow(2, 0.5)
pow(2, 10, 1000)
pow(2, 10, 0)
pow(-8, 0.5)
pow(0, 0)
pow(0, -1)
pow(2.5, 2)
pow(2, 100)
pow(10, 400) > 1
pow(10.0, 400)
pow(3, 2, -5)
bitwiseAnd(6, 3)
bitwiseOr(6, 3)
bitwiseXor(6, 3)
bitwiseNot(6)
bitwiseNot(-1)
bitwiseAnd(-6, 3)
bitwiseAnd(6.0, 3)
bitwiseAnd(true, 3)
shiftBitsLeft(1, 10)
shiftBitsLeft(1, 100)
shiftBitsLeft(1, -1)
shiftBitsRight(1024, 3)
shiftBitsRight(-1024, 3)
shiftBitsRight(1, 100)
123456789012345678901234567890 + 1
123456789012345678901234567890 * 123456789012345678901234567890
123456789012345678901234567890 / 7
-123456789012345678901234567890 / 7
123456789012345678901234567890 mod 1000
123456789012345678901234567890 = 123456789012345678901234567890.0
123456789012345678901234567890 > 1.5
123456789012345678901234567890 / 2.0
123456789012345678901234567890 * 1.0
float(123456789012345678901234567890)
9007199254740993 + 0.0
9007199254740993 = 9007199254740992.0
9223372036854775807 + 1
-9223372036854775808 - 1
9223372036854775807 * 2
-(-9223372036854775808)
bitwiseXor(123456789012345678901234567890, 1)
hex(123456789012345678901234567890)
int('123456789012345678901234567890')
str(pow(2, 70))
abs(-123456789012345678901234567890)
round(123456789012345678901234567890, -20)
random() >= 0
random(1, 1)
random(5, 1)
random(1, 3) in [1, 2, 3]
[1, 2.0, 3].sum()
1 + 2 = 3 and 2 * 2 = 4
switch($.i > 5 => big, true => small)
switch(false => 1)
switch(false => 1, null => 2, 1 => 3)
switch()
switch(1)
selectCase($.i > 9, $.i > 5)
selectCase($.i > 9, $.i > 8)
selectCase()
selectAllCases($.i > 5, $.i > 9, $.i > 1)
selectAllCases()
1.switchCase(a, b, c)
0.switchCase(a, b)
9.switchCase(a, b)
selectCase($.i > 9, $.i > 5).switchCase(a, b)
(-1).switchCase(a, b)
'x'.switchCase(a)
null.switchCase(a, b)
1.switchCase()
coalesce(null, 1)
coalesce(null, null)
coalesce()
coalesce(0, 1)
coalesce('', 1)
coalesce($.n, $.i)
coalesce($.d.get(x), 'none')
examine(true, false)
examine($ > 1, 5)
$.l.examine($)
"""

TIMES = r"""
timespan()
timespan(days => 1)
timespan(1, 2, 3, 4, 5, 6)
timespan(hours => 25, minutes => 61)
timespan(hours => -1)
timespan(milliseconds => 1500)
timespan(microseconds => 1)
timespan(days => 1.5)
timespan(days => 999999999)
timespan(days => 1000000000)
timespan(1)
timespan(foo => 1)
timespan(hours => 1) + timespan(minutes => 1)
timespan(hours => 1) - timespan(minutes => 1)
timespan(hours => 1) * 2
2 * timespan(hours => 1)
timespan(hours => 1) * 1.5
timespan(hours => 1) / 2
timespan(hours => 1) / timespan(minutes => 7)
timespan(hours => 1) / timespan(minutes => 30)
timespan(hours => 1) / 0
timespan(hours => 1) / timespan()
timespan(hours => 1) < timespan(hours => 2)
timespan(hours => 1) >= timespan(minutes => 60)
timespan(hours => 1) = timespan(minutes => 60)
timespan(hours => 1) = 3600
timespan(hours => 1) < 1
-timespan(hours => 1)
+timespan(hours => 1)
timespan(hours => 36).days
timespan(hours => 36).hours
timespan(hours => 36).minutes
timespan(hours => 36).seconds
timespan(hours => 36).milliseconds
timespan(hours => 36).microseconds
timespan(hours => 36).foo
[timespan(hours => 2), timespan(hours => 1)].min()
[timespan(hours => 2), timespan(hours => 1)].orderBy($)
[timespan(hours => 2), timespan(hours => 1)].sum()
datetime(2020, 2, 29)
datetime(2020, 2, 30)
datetime(2020, 13, 1)
datetime(0, 1, 1)
datetime(9999, 12, 31)
datetime(10000, 1, 1)
datetime(2020, 2, 29, 13, 14, 15, 16)
datetime(2020, 2, 29, 25)
datetime(2020, 2, 29, hour => 5)
datetime(2020, 2, 29, offset => timespan(hours => 2))
datetime(year => 2020, month => 1, day => 2)
datetime(2020, 2)
datetime(2020)
datetime(0)
datetime(1.5)
datetime(1582934400)
datetime(1582934400.5)
datetime(-1)
datetime(1582934400, timespan(hours => 3))
datetime(1582934400, offset => timespan(hours => -3, minutes => -30))
datetime(99999999999999)
datetime('2020-02-29')
datetime('2020-02-29T13:14:15')
datetime('2020-02-29T13:14:15Z')
datetime('2020-02-29T13:14:15.123456')
datetime('2020-02-29T13:14:15.5+02:00')
datetime('2020-02-29 13:14:15 +0530')
datetime('Feb 29 2020')
datetime('29 February 2020 1:02 pm')
datetime('02/03/2020')
datetime('20200229')
datetime('13:14')
datetime('foo')
datetime('')
datetime('2020-02-29', '%Y-%m-%d')
datetime('29.02.2020 13:14', '%d.%m.%Y %H:%M')
datetime('2020', '%Y')
datetime('2020-02-30', '%Y-%m-%d')
datetime('x', '%Y')
datetime(2020, 2, 29).year
datetime(2020, 2, 29).month
datetime(2020, 2, 29).day
datetime(2020, 2, 29, 13, 14, 15, 16).hour
datetime(2020, 2, 29, 13, 14, 15, 16).minute
datetime(2020, 2, 29, 13, 14, 15, 16).second
datetime(2020, 2, 29, 13, 14, 15, 16).microsecond
datetime(2020, 2, 29).weekday
datetime(2020, 2, 29).timestamp
datetime(2020, 2, 29, 13, 14, 15, 16).timestamp
datetime(1960, 2, 29).timestamp
datetime(2020, 2, 29).offset
datetime(2020, 2, 29, offset => timespan(hours => 2)).offset
datetime(2020, 2, 29, offset => timespan(hours => 2)).utc
datetime(2020, 2, 29, 1, offset => timespan(hours => 2)).timestamp
datetime(2020, 2, 29, 13).date
datetime(2020, 2, 29, 13).time
datetime(2020, 2, 29).foo
datetime(2020, 2, 29) + timespan(days => 1)
timespan(days => 1) + datetime(2020, 2, 29)
datetime(2020, 2, 29) - timespan(days => 1)
datetime(2020, 3, 1) - datetime(2020, 2, 28)
datetime(2020, 3, 1) - datetime(2020, 2, 28, offset => timespan(hours => 1))
datetime(2020, 2, 29) + datetime(2020, 2, 29)
datetime(2020, 2, 29) + 1
datetime(9999, 12, 31) + timespan(days => 1)
datetime(1, 1, 1) - timespan(days => 1)
datetime(2020, 2, 29) < datetime(2020, 3, 1)
datetime(2020, 2, 29) = datetime(2020, 2, 29)
datetime(2020, 2, 29) = datetime('2020-02-29')
datetime(2020, 2, 29, 2, offset => timespan(hours => 2)) = datetime(2020, 2, 29)
datetime(2020, 2, 29) > 1
datetime(2020, 2, 29) > null
datetime(2020, 2, 29).replace(year => 2021)
datetime(2020, 2, 29).replace(year => 2024)
datetime(2020, 2, 29).replace(month => 1, day => 5)
datetime(2020, 2, 29).replace(hour => 5).hour
datetime(2020, 2, 29).replace(offset => timespan(hours => 2))
datetime(2020, 2, 29).replace()
datetime(2020, 2, 29).format('%Y-%m-%d')
datetime(2020, 2, 29, 13, 4, 5, 6).format('%H:%M:%S.%f %j %a %A %b %B %p %I %y %U %w %%')
datetime(2020, 2, 29, offset => timespan(hours => 2)).format('%z %Z')
datetime(2020, 2, 29).format('')
datetime(2020, 2, 29).format('%Q')
datetime(2020, 2, 29).format()
localtz()
utctz()
now() > datetime(2020, 1, 1)
now() - now() < timespan(seconds => 1)
now(timespan(hours => 2)).offset
now(utctz()).offset
now().year > 2000
[datetime(2020, 2, 1), datetime(2020, 1, 1)].max()
[datetime(2020, 2, 1), datetime(2020, 1, 1)].orderBy($)
set(datetime(2020, 1, 1), datetime(2020, 1, 1)).len()
{datetime(2020, 1, 1) => a}
str(datetime(2020, 2, 29, offset => timespan(hours => 2)))
str(timespan(days => -1, microseconds => 1))
str(timespan(days => 2))
str(timespan(hours => 1, microseconds => 5))
str([timespan(hours => 1)])
str([datetime(2020, 1, 1)])
"""

STACKSTORM = r"""
json('{"a": [1, 2.0, null, true]}')
json('[1, 2')
json('')
json(' 1 ')
json('1e3')
json('NaN')
json('"x"')
json('{"a": 1, "a": 2}')
json(1)
json({a => 1})
json([1])
json(null)
zip([1, 2], [a, b])
zip([1, 2], [a])
zip([1, 2], [a], pad => x)
zip([1, 2])
zip(null)
zip(null, [1])
zip()
zip(ab, cd)
zip(1, 2)
zip({a => 1}, [1])
from_json_string('{"a": 1}')
fromJsonString('{"a": 1}')
json_parse('[1]')
json_dump([1, 2])
json_dump({a => 1})
to_json_string({a => 1, b => 2})
to_json_string({a => {b => 1}})
to_json_string([1, null])
to_json_string([{a => 1}])
to_json_string(abc)
to_json_string('é"')
to_json_string(1.0)
to_json_string(null)
to_json_string({a => 1}, indent => 2)
to_json_string({b => 1, a => 2}, sortKeys => true)
to_json_string({b => 1, a => 2}, sort_keys => true)
to_json_string({b => 1, a => 2}, null, true)
to_yaml_string({a => 1, b => x})
to_yaml_string([1, 2])
to_yaml_string(abc)
to_yaml_string({a => [1]})
to_yaml_string({a => 'é'}, allowUnicode => false)
yaml_dump({a => 1})
to_yaml_string(datetime(2020, 1, 2))
to_yaml_string({a => datetime(2020, 1, 2, 3, 4, 5, 6, timespan(hours => 2))})
to_yaml_string(timespan(hours => 2))
to_yaml_string(set(1, 2))
to_yaml_string({a => set(b)})
to_yaml_string({1 => a, b => c})
to_yaml_string(100000000000000000000)
from_yaml_string('a: 1')
from_yaml_string('yes')
from_yaml_string('017')
from_yaml_string('1e3')
from_yaml_string('2020-01-01')
from_yaml_string('[1, 2')
from_yaml_string('{1: a}')
from_yaml_string('{1: a}').get(1)
from_yaml_string('2020-01-01 10:00:00Z') + timespan(hours => 1)
from_yaml_string('100000000000000000000') + 1
from_yaml_string('!!set {a, b}').contains(a)
from_yaml_string('')
yaml_parse('[a, b]')
json_escape('a"b')
json_escape("x\ny")
json_escape('"')
json_escape(1)
json_escape(null)
jsonpath_query({a => [{b => 1}, {b => 2}]}, 'a[*].b')
jsonpath_query({a => 1}, 'x')
jsonpath_query({a => 1}, '$.a')
jsonpath_query([1], '[0]')
jsonpath_query({a => 100000000000000000000}, a)
jsonpath_query({a => datetime(2020, 1, 2)}, a)
jsonpath_query({a => set(1)}, a)
jsonpath_query({a => 1}, '((')
regex_match(abc, a)
regex_match(abc, b)
regex_match(abc, A, true)
regex_match(abc, A, ignorecase => true)
regex_match(1, '1')
regex_search(abc, b)
regex_search(abc, '[')
regex_replace(abc, b, x)
regex_replace(abc, '(b)', `<\1>`)
regex_replace(abc, B, x, true)
regex_substring(abc, '[a-b]')
regex_substring(abc, '[a-b]', 1)
regex_substring(abc, '[a-b]', 5)
regex_substring(abc, '(a)(b)')
regex_substring(abc, x)
version_compare('1.0.0', '1.0.1')
version_compare('1.0', '1.0.1')
version_compare('1.0.0-rc.1', '1.0.0')
version_compare('1.0.0+a', '1.0.0+b')
version_more_than('2.0.0', '1.0.0')
version_less_than('2.0.0', '1.0.0')
version_equal('2.0.0', '2.0.0')
version_match('2.0.0', '>=1.0.0')
version_match('2.0.0', '~1.0.0')
version_match('2.0.0', '2.0.0')
version_bump_major('1.2.3')
version_bump_minor('1.2.3-rc')
version_bump_patch('1.2.3')
version_strip_patch('1.2.3')
version_strip_patch('x')
version_strip_patch(1)
to_human_time_from_seconds(61)
to_human_time_from_seconds(90061)
to_human_time_from_seconds(2678400)
to_human_time_from_seconds(0)
to_human_time_from_seconds(0.25)
to_human_time_from_seconds(-5)
to_human_time_from_seconds(3600)
to_human_time_from_seconds(59.7)
to_human_time_from_seconds(31536000)
to_human_time_from_seconds(abc)
to_human_time_from_seconds(null)
use_none(null)
use_none(1)
basename('/a/b.txt')
basename('')
basename(1)
dirname('/a/b.txt')
dirname('b')
dirname(null)
abc.regex_match(a)
'1.2.3'.version_bump_major()
"""


def add(rows):
    for topic, block in {
        "literals": LITERALS,
        "collections": COLLECTIONS,
        "queries": QUERIES,
        "texts": TEXTS,
        "numbers": NUMBERS,
        "times": TIMES,
        "stackstorm": STACKSTORM,
    }.items():
        for expression in lines(block):
            rows.bare(f"yaql-{topic}", expression, data=DATA)
    rows.bare("yaql-literals", "$x + $y", data=None, vars={"x": 1, "y": 2})
    rows.bare("yaql-literals", "$list.select($ + $x)", data=None, vars={"x": 1, "list": [1, 2]})
    rows.bare("yaql-literals", "a\n.len()", data=None)
    rows.bare("yaql-literals", "1\n+\n1", data=None)
    rows.bare("yaql-literals", "", data=None)
    rows.bare("yaql-literals", " ", data=None)
