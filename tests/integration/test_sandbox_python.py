"""Code as language models write it over memories: the sandbox gives what CPython gives, or fails clearly."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.sandbox.base import SandboxLimits
from mcp_memory.sandbox.monty import MontySandbox

if TYPE_CHECKING:
    from mcp_memory.sandbox.base import Ran

SUBJECTS = ["Project Alpha", "the API", "Mia", "the invoice", "Postgres", "the café in Zürich", "deploy #42", "tea"]
VERBS = ["was delayed", "is owned by Tom", "costs $1,250.50", "moved to 2026-03-01", "broke: error E1042", "is done"]
TAGS = ["work", "bug", "person", "billing", "travel", "todo"]
TYPES = ["semantic", "episodic", "procedural", "working"]


def memories() -> list[dict[str, Any]]:
    """300 memories, always the same."""
    dice = random.Random(7)
    return [
        {
            "id": f"mem_{number:04d}",
            "content": f"{dice.choice(SUBJECTS)} {dice.choice(VERBS)}. By {dice.choice(['Ann', 'Bo'])} #{number % 9}",
            "type": dice.choice(TYPES),
            "importance": round(dice.random(), 3),
            "tags": sorted(dice.sample(TAGS, dice.randint(0, 3))),
            "created_at": f"2026-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}T{dice.randint(0, 23):02d}:15:00Z",
            "metadata": {"source": dice.choice(["chat", "mail", None]), "turn": dice.randint(0, 40)},
        }
        for number in range(300)
    ]


@dataclass(frozen=True)
class Snippet:
    name: str
    code: str
    lacks: str = ""
    """Words of the hint, where the sandbox cannot run it."""


SNIPPETS = [
    Snippet("count by type", """
        counts = {}
        for m in memories:
            counts[m['type']] = counts.get(m['type'], 0) + 1
        result = counts
    """),
    Snippet("counter of tags", """
        from collections import Counter
        tags = Counter(t for m in memories for t in m['tags'])
        result = tags.most_common(3)
        print(f"{len(tags)} tags, top {result[0][0]!r}")
    """),
    Snippet("group by month", """
        from collections import defaultdict
        by_month = defaultdict(list)
        for m in memories:
            by_month[m['created_at'][:7]].append(m['id'])
        for month, ids in sorted(by_month.items()):
            print(f"{month}: {len(ids):>3} {ids[0]}")
        result = {k: len(v) for k, v in by_month.items()}
    """),
    Snippet("itertools groupby", """
        from itertools import groupby
        rows = sorted(memories, key=lambda m: (m['type'], -m['importance']))
        result = {k: [m['id'] for m in g][:2] for k, g in groupby(rows, key=lambda m: m['type'])}
    """),
    Snippet("top by importance", """
        top = sorted(memories, key=lambda m: m['importance'], reverse=True)[:5]
        result = [(m['id'], m['importance']) for m in top]
        for m in top:
            print('- %s (%.2f)' % (m['content'][:40], m['importance']))
    """),
    Snippet("regex for amounts", r"""
        import re
        amounts = [float(a.replace(',', '')) for m in memories for a in re.findall(r'\$([\d,]+\.\d{2})', m['content'])]
        result = (len(amounts), round(sum(amounts), 2))
    """),
    Snippet("regex with names", r"""
        import re
        pattern = re.compile(r'(?P<code>E\d+)')
        result = sorted({hit.group('code') for m in memories if (hit := pattern.search(m['content']))})
    """),
    Snippet("regex substitution", r"""
        import re
        result = [re.sub(r'#(\d)', r'<\1>', m['content']) for m in memories[:5]]
    """),
    Snippet("regex split and word counts", r"""
        import re
        from collections import Counter
        words = Counter()
        for m in memories:
            words.update(w for w in re.split(r'\W+', m['content'].lower()) if len(w) > 3)
        result = sorted(words.items(), key=lambda kv: (-kv[1], kv[0]))[:8]
    """),
    Snippet("dates between", """
        from datetime import datetime, timedelta
        start = datetime.fromisoformat('2026-03-01T00:00:00+00:00')
        end = start + timedelta(days=30)
        hits = [m for m in memories if start <= datetime.fromisoformat(m['created_at'].replace('Z', '+00:00')) < end]
        result = len(hits), max((m['created_at'] for m in hits), default=None)
    """),
    Snippet("date formats", """
        from datetime import datetime
        when = [datetime.strptime(m['created_at'], '%Y-%m-%dT%H:%M:%SZ') for m in memories]
        result = [d.strftime('%d %b %Y, %A') for d in when[:4]], (max(when) - min(when)).days
    """),
    Snippet("statistics", """
        import statistics
        values = [m['importance'] for m in memories]
        result = [statistics.mean(values), statistics.median(values), statistics.stdev(values),
                  statistics.quantiles(values, n=4)]
    """),
    Snippet("statistics by name", """
        from statistics import mode, multimode, pvariance, fmean
        turns = [m['metadata']['turn'] for m in memories]
        result = mode(turns), multimode(turns)[:3], pvariance(turns), fmean(turns)
    """),
    Snippet("heap of the best", """
        import heapq
        result = [m['id'] for m in heapq.nlargest(4, memories, key=lambda m: m['importance'])]
        heap = []
        for m in memories[:20]:
            heapq.heappush(heap, (m['importance'], m['id']))
        result += [heapq.heappop(heap)[1] for _ in range(3)]
    """),
    Snippet("operator getters", """
        from operator import itemgetter, attrgetter
        rows = sorted(memories, key=itemgetter('type', 'importance'))
        from datetime import date
        result = [itemgetter('id')(m) for m in rows[:3]], attrgetter('year', 'month')(date(2026, 5, 1))
    """),
    Snippet("string constants", """
        import string
        text = ''.join(m['content'] for m in memories)
        result = {c: text.count(c) for c in string.punctuation if c in text}, string.capwords('a long day')
    """),
    Snippet("wrapped text", """
        import textwrap
        print(textwrap.fill(' '.join(m['content'] for m in memories[:4]), width=50))
        result = textwrap.shorten(memories[0]['content'], 30), textwrap.indent('a\\nb', '> ')
    """),
    Snippet("first that fits", """
        first = next((m for m in memories if 'Zürich' in m['content']), None)
        result = first['id'] if first else None, next((m for m in memories if 'nowhere' in m['content']), 'none')
    """),
    Snippet("any and all", """
        result = (any('tea' in m['content'] for m in memories), all(m['importance'] >= 0 for m in memories),
                  sum(1 for m in memories if not m['tags']), max(len(m['content']) for m in memories))
    """),
    Snippet("jaccard pairs", """
        from itertools import combinations
        sets = {m['id']: set(m['content'].lower().split()) for m in memories[:40]}
        pairs = []
        for a, b in combinations(sets, 2):
            score = len(sets[a] & sets[b]) / len(sets[a] | sets[b])
            if score > 0.7:
                pairs.append((round(score, 4), a, b))
        result = sorted(pairs, reverse=True)[:5]
    """),
    Snippet("tf-idf", """
        import math
        from collections import Counter
        docs = [Counter(m['content'].lower().split()) for m in memories]
        df = Counter(w for d in docs for w in d)
        def score(d, query):
            return sum(d[w] * math.log(len(docs) / df[w]) for w in query if w in d)
        ranked = sorted(range(len(docs)), key=lambda i: (-score(docs[i], ['invoice', 'broke:']), i))
        result = [(memories[i]['id'], round(score(docs[i], ['invoice', 'broke:']), 9)) for i in ranked[:3]]
    """),
    Snippet("duplicates", """
        seen, doubles = {}, []
        for m in memories:
            key = ' '.join(m['content'].split()[:4]).casefold()
            if key in seen:
                doubles.append((seen[key], m['id']))
            else:
                seen[key] = m['id']
        result = len(doubles), doubles[:3], len(seen)
    """),
    Snippet("json out and in", """
        import json
        text = json.dumps(memories[:2], indent=2, sort_keys=True, ensure_ascii=False)
        print(text)
        result = json.loads(text) == memories[:2], len(json.dumps(memories))
    """),
    Snippet("markdown table", """
        lines = ['| id | type | importance |', '|---|---|---:|']
        for m in memories[:4]:
            lines.append(f"| {m['id']} | {m['type']:<10} | {m['importance']:.1%} |")
        result = '\\n'.join(lines)
    """),
    Snippet("classes and methods", """
        class Index:
            def __init__(self, rows):
                self.rows = rows
                self.words = {}
                for i, row in enumerate(rows):
                    for word in row['content'].split():
                        self.words.setdefault(word, set()).add(i)
            def find(self, *words):
                hits = [self.words.get(w, set()) for w in words]
                return sorted(set.intersection(*hits)) if hits and all(hits) else []
        found = Index(memories).words.get('Mia', set())
        result = len(found), sorted(found)[:3]
    """),
    Snippet("dataclass", """
        from dataclasses import dataclass, field
        @dataclass
        class Theme:
            name: str
            ids: list = field(default_factory=list)
            def size(self):
                return len(self.ids)
        themes = {}
        for m in memories:
            for tag in m['tags']:
                themes.setdefault(tag, Theme(tag)).ids.append(m['id'])
        result = sorted((t.name, t.size()) for t in themes.values())
    """),
    Snippet("named tuples", """
        from collections import namedtuple
        Row = namedtuple('Row', 'id score')
        rows = sorted((Row(m['id'], m['importance']) for m in memories), key=lambda r: r.score)
        result = [tuple(r) for r in rows[:2]], rows[0]._replace(id='x').id
    """),
    Snippet("match statement", """
        def kind(m):
            match m:
                case {'type': 'semantic', 'tags': [first, *_]}:
                    return 'tagged ' + first
                case {'metadata': {'source': None}}:
                    return 'no source'
                case {'type': t} if t.startswith('e'):
                    return 'episode'
                case _:
                    return 'other'
        from collections import Counter
        result = sorted(Counter(kind(m) for m in memories).items())
    """),
    Snippet("errors caught", """
        problems = []
        for value in ['1', 'x', None, '2.5']:
            try:
                problems.append(int(value))
            except ValueError as e:
                problems.append(f'bad {value}: {e}')
            except TypeError:
                problems.append('none')
            finally:
                pass
        try:
            memories[0]['missing']
        except KeyError as e:
            problems.append(str(e))
        result = problems
    """),
    Snippet("walrus and while", """
        queue, steps = list(memories[:10]), 0
        while queue and (m := queue.pop(0)):
            steps += 1
            if m['importance'] > 0.9:
                break
        else:
            steps = -1
        result = steps
    """),
    Snippet("functools", """
        from functools import reduce, lru_cache, partial
        @lru_cache(maxsize=None)
        def fib(n):
            return n if n < 2 else fib(n - 1) + fib(n - 2)
        total = reduce(lambda a, m: a + m['metadata']['turn'], memories, 0)
        result = fib(60), total, partial(max, key=len)(['a', 'bcd', 'ef'])
    """),
    Snippet("bisect and slices", """
        import bisect
        values = sorted(m['importance'] for m in memories)
        result = bisect.bisect_left(values, 0.5), values[::-75], values[-3:]
    """),
    Snippet("set algebra and sorting of mixed keys", """
        by_tag = {t: {m['id'] for m in memories if t in m['tags']} for t in ['work', 'bug', 'todo']}
        result = (len(by_tag['work'] & by_tag['bug']), len(by_tag['work'] - by_tag['todo']),
                  sorted(by_tag['work'] ^ by_tag['bug'], key=lambda i: (len(i), i))[:2])
    """),
    Snippet("hashes and base64", """
        import hashlib, base64
        joined = ''.join(m['id'] for m in memories).encode()
        result = hashlib.sha256(joined).hexdigest(), base64.b64encode(joined[:10]).decode()
    """),
    Snippet("string methods", """
        t = memories[3]['content']
        result = [t.title(), t.swapcase(), t.partition('.'), t.rsplit(' ', 1), t.zfill(80), t.center(70, '*'),
                  t.find('a'), t.startswith(('M', 'P', 't')), t.encode('utf-8').hex()[:20], t.removesuffix('1')]
    """),
    Snippet("number formats", """
        result = [f'{1234567.891:,.2f}', f'{0.000012:.3e}', f'{255:#x} {255:08b}', round(2.5), round(-1.45, 1), 7 // -2,
                  -7 % 3, divmod(17, 5), 0.1 + 0.2, 1e16, 1 / 3, int('ff', 16), str(1e-7), f'{3:+d}', f'{"é":>4}|']
    """),
    Snippet("nested comprehension and zip", """
        matrix = [[round(m['importance'] * k, 2) for k in (1, 2)] for m in memories[:5]]
        result = list(zip(*matrix)), dict(zip('abc', range(3))), list(enumerate('ab', 1)), [*range(3), *'xy']
    """),
    Snippet("decimal money", """
        from decimal import Decimal, ROUND_HALF_UP
        total = sum((Decimal('1250.50') for m in memories if '$' in m['content']), Decimal('0'))
        result = str(total), str((total / 7).quantize(Decimal('0.01'), rounding=ROUND_HALF_UP))
    """),
    Snippet("generator given to a function twice removed", """
        def longest(rows):
            return max((len(r['content']), r['id']) for r in rows)
        result = longest(m for m in memories if m['type'] == 'semantic'), ','.join(str(i) for i in range(5))
    """),
    Snippet("delete a key", """
        slim = [dict(m) for m in memories[:3]]
        for m in slim:
            del m['metadata']
        result = slim
    """, lacks="d.pop"),
    Snippet("generator function", """
        def chunks(rows, size):
            for i in range(0, len(rows), size):
                yield rows[i:i + size]
        result = [len(c) for c in chunks(memories, 70)]
    """, lacks="build a list"),
    Snippet("own exception", """
        class NotFound(Exception):
            pass
        try:
            raise NotFound('x')
        except NotFound as e:
            result = str(e)
    """, lacks="cannot inherit"),
    Snippet("enum", """
        from enum import Enum
        class Kind(Enum):
            A = 1
        result = Kind.A.name
    """, lacks="plain"),
    Snippet("method as a key", """
        result = sorted((t for m in memories for t in m['tags']), key=str.lower)[:3]
    """, lacks="lambda"),
    Snippet("largest of a dict by its get", """
        counts = {'a': 2, 'b': 5}
        result = max(counts, key=counts.get)
    """, lacks="lambda"),
    Snippet("substitution by a function", r"""
        import re
        result = re.sub(r'\d+', lambda m: str(int(m.group()) + 1), memories[0]['content'])
    """, lacks="finditer"),
    Snippet("json of dates", """
        import json
        from datetime import datetime
        result = json.dumps({'at': datetime(2026, 1, 1)}, default=str)
    """, lacks="convert"),
    Snippet("difflib", """
        import difflib
        result = difflib.SequenceMatcher(None, 'abc', 'abd').ratio()
    """, lacks="sets of words"),
    Snippet("translate", """
        import string
        result = memories[0]['content'].translate(str.maketrans('', '', string.punctuation))
    """, lacks="replace"),
    Snippet("property", """
        class Row:
            def __init__(self, m): self.m = m
            @property
            def size(self): return len(self.m['content'])
        result = Row(memories[0]).size
    """, lacks="plain method"),
    Snippet("ordered dict", """
        from collections import OrderedDict
        result = list(OrderedDict((m['type'], 1) for m in memories))
    """, lacks="keeps its order"),
    Snippet("pandas", """
        import pandas as pd
        result = pd.DataFrame(memories).groupby('type').size().to_dict()
    """, lacks="plain Python"),
]  # fmt: skip


def dedented(code: str) -> str:
    lines = code.strip("\n").split("\n")
    return "\n".join(line[8:] for line in lines).rstrip()


def by_cpython(code: str, data: list[dict[str, Any]]) -> tuple[str, str]:
    """What it prints, and the `repr` of its result."""
    printed = io.StringIO()
    space: dict[str, Any] = {"memories": data, "__name__": "snippet"}
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "snippet", "exec", dont_inherit=True), space)
    return printed.getvalue(), repr(space["result"])


async def in_the_sandbox(code: str, data: list[dict[str, Any]]) -> Ran:
    sandbox = MontySandbox(SandboxLimits(output_head=100_000))
    try:
        async with sandbox.session() as session:
            await session.put("memories", json.dumps(data))
            return await session.run(code + "\nrepr(result)", {}, result_chars=1_000_000)
    finally:
        await sandbox.close()


@pytest.mark.parametrize("snippet", [one for one in SNIPPETS if not one.lacks], ids=lambda one: one.name)
def test_the_sandbox_gives_what_cpython_gives(snippet: Snippet) -> None:
    code = dedented(snippet.code)
    ran = asyncio.run(in_the_sandbox(code, memories()))
    assert ran.failure is None
    assert (ran.output, ran.result) == by_cpython(code, memories())


@pytest.mark.parametrize("snippet", [one for one in SNIPPETS if one.lacks], ids=lambda one: one.name)
def test_what_the_sandbox_cannot_run_fails_clearly_with_advice(snippet: Snippet) -> None:
    ran = asyncio.run(in_the_sandbox(dedented(snippet.code), memories()))
    assert ran.failure is not None
    assert not ran.failure.fatal
    assert ran.failure.line is not None
    assert snippet.lacks in ran.failure.hint
    assert ran.result is None


def test_there_are_snippets_enough() -> None:
    assert sum(not one.lacks for one in SNIPPETS) >= 30
