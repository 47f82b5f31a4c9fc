"""Programs that misuse what they may call."""

from __future__ import annotations

from tests.acceptance.attacks.program import BOMB, TIME_OR_MEMORY, VALUE, Program, fails, stopped

_REFUSED = fails("RuntimeError")
_TYPE = fails("TypeError")


def _shared(one: str, before: str = "") -> str:
    return f"{before}x = 'a'\nfor _ in range(40):\n    x = {one}\nrecall(x)"


_CAUGHT = "try:\n    {}\n    x = 'answered'\nexcept Exception as error:\n    x = type(error).__name__\nx"

ARGUMENTS = (
    Program("limit-minus-one", "recall('key', -1)", _REFUSED),
    Program("limit-of-a-thousand-million", "recall('key', 10**9)", _REFUSED),
    Program("limit-of-many-digits", "recall('key', 10**5000)", _REFUSED),
    Program("limit-true", "recall('key', True)", _REFUSED),
    Program("limit-text", "recall('key', 'x')", _REFUSED),
    Program("limit-nan", "recall('key', float('nan'))", _REFUSED),
    Program("query-none", "recall(None)", _REFUSED),
    Program("query-number", "recall(10**5000)", _REFUSED),
    Program("query-huge", "recall('x' * 10**7)", _REFUSED),
    Program("query-references", "recall(['x' * 10**6] * 10**5)", _REFUSED),
    Program("query-bomb", f"{BOMB}recall(bomb())", _REFUSED),
    Program("query-cycle", "x = []\nx.append(x)\nrecall(x)", _REFUSED),
    Program(
        "query-dataclasses",
        _shared("D(x, x)", "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: object\n    b: object\n"),
        _REFUSED,
    ),
    Program(
        "query-named-tuples",
        _shared("P(x, x)", "from collections import namedtuple\nP = namedtuple('P', 'a b')\n"),
        _REFUSED,
    ),
    Program("query-deques", _shared("deque([x, x])", "from collections import deque\n"), _REFUSED),
    Program("query-dicts", _shared("{'a': x, 'b': x}"), TIME_OR_MEMORY),
    Program("query-tuples", _shared("(x, x)"), TIME_OR_MEMORY),
    Program(
        "query-texts-in-an-object", "class A:\n    pass\na = A()\na.x = ['x' * 10**6] * 10**5\nrecall(a)", _REFUSED
    ),
    Program("query-texts-in-a-dict", "x = 'x' * 10**6\nrecall({n: x for n in range(10**5)})", _REFUSED),
    Program("query-deep", "x = []\nfor _ in range(10**4):\n    x = [x]\nrecall(x)", _REFUSED),
    Program("query-object", "class A:\n    pass\nrecall(A())", _REFUSED),
    Program("query-with-objects-as-keys", "class A:\n    pass\nrecall({A(): 1})", fails("RuntimeError", "TypeError")),
    Program("query-type", "recall(str)", _REFUSED),
    Program("query-exception", "recall(ValueError('x'))", _REFUSED),
    Program("query-bytes", "recall(b'key')", _REFUSED),
    Program(
        "query-named-tuple", "from collections import namedtuple\nP = namedtuple('P', 'a')\nrecall(P('key'))", _REFUSED
    ),
    Program("query-path-decimal-date", "import datetime\nrecall(datetime.timedelta.max)", _REFUSED),
    Program("query-blank", "recall(' \\t\\u200b')", VALUE),
    Program("query-nul", "recall('\\x00')", VALUE, "[]"),
    Program("query-of-the-search-language", "recall('\"* OR NEAR(((')", VALUE),
    Program("query-of-sql", 'recall("\'; DROP TABLE memories; --")', VALUE),
    Program("too-many-arguments", "recall(*range(10**5))", _TYPE),
    Program("unknown-argument", "recall('key', workspace_id='elsewhere')", _TYPE),
    Program("argument-with-a-huge-name", "recall('key', **{'k' * 10**6: 1})", _TYPE),
    Program("a-million-calls", "for _ in range(10**6):\n    recall('key')", _REFUSED),
    Program(
        "a-million-swallowed-calls",
        "while True:\n    try:\n        recall('key')\n    except BaseException:\n        pass",
        stopped("RuntimeError", "TimeoutError"),
    ),
    Program(
        "calls-with-heavy-arguments",
        "while True:\n    try:\n        recall(['x'] * 10**5)\n    except BaseException:\n        pass",
        stopped("RuntimeError", "TimeoutError"),
    ),
    Program(
        "unknown-names-without-end",
        "while True:\n    try:\n        nothing\n    except NameError:\n        pass",
        stopped("RuntimeError", "TimeoutError"),
    ),
    Program(
        "imports-without-end",
        "while True:\n    try:\n        import nothing\n    except ImportError:\n        pass",
        stopped("RuntimeError", "TimeoutError"),
    ),
    Program("shadowed", "recall = 5\nrecall('key')", _TYPE, then=("len(recall('deploy'))", "1")),
    Program(
        "shadowed-by-a-function",
        "def recall(q):\n    return 'mine'\nrecall('x')",
        VALUE,
        "mine",
        ("len(recall('deploy'))", "1"),
    ),
    Program(
        "kept-under-another-name", "search = recall\nlen(search('deploy'))", VALUE, "1", ("len(search('deploy'))", "1")
    ),
    Program("in-a-sort-key", "sorted(['deploy', 'key'], key=recall)", fails("RuntimeError", "NotImplementedError")),
    Program(
        "in-a-sort-key-lambda",
        "sorted(['a', 'b'], key=lambda q: len(recall(q)))",
        fails("RuntimeError", "NotImplementedError"),
    ),
    Program("in-map", "list(map(recall, ['deploy']))", fails("RuntimeError", "NotImplementedError")),
    Program(
        "in-a-representation",
        "class A:\n    def __repr__(self):\n        return str(recall('deploy'))\nx = A()\nx",
        VALUE,
    ),
    Program(
        "awaited",
        "import asyncio\nasync def f():\n    return await recall('deploy')\nasyncio.run(f())",
        fails("TypeError", "RuntimeError"),
    ),
    Program(
        "gathered",
        "import asyncio\nasync def f(q):\n    return recall(q)\nasync def g():\n"
        "    return await asyncio.gather(*[f('deploy') for _ in range(5)])\nlen(asyncio.run(g()))",
        VALUE,
        "5",
    ),
    Program(
        "writing-tools",
        "x = []\nfor name in ('remember', 'forget', 'memory_remember', 'context_exec', 'rlm_query'):\n    try:\n"
        "        eval(name)('x')\n        x.append(name)\n    except NameError:\n        pass\nx",
        VALUE,
        "[]",
    ),
)

PROMPTS = (
    Program("references", "llm_query(['x' * 10**6] * 10**5)", _REFUSED),
    Program("huge", "llm_query('x' * 10**6)", _REFUSED),
    Program("none", "llm_query(None)", _REFUSED),
    Program("blank", "llm_query(' ')", _REFUSED),
    Program("bytes", "llm_query(b'x')", _REFUSED),
    Program("object-as-key", "class A:\n    pass\nllm_query({A(): 1})", fails("RuntimeError", "TypeError")),
    Program("batch-of-references", "llm_query_batched(['x' * 10**6] * 10**5)", _REFUSED),
    Program("batch-of-twenty-large", "llm_query_batched(['x' * 100_000] * 20)", _REFUSED),
    Program("batch-of-texts-in-a-text", "llm_query_batched('x' * 10**6)", _REFUSED),
    Program("batch-bomb", f"{BOMB}llm_query_batched(bomb())", _REFUSED),
    Program("batch-in-a-batch", "llm_query_batched([['x' * 10**6] * 10**5] * 20)", _REFUSED),
    Program("batch-empty", "llm_query_batched([])", _REFUSED),
    Program("batch-dict", "llm_query_batched({'x': 'y'})", _REFUSED),
    Program("batch-endless", "import itertools\nllm_query_batched(itertools.count())", _REFUSED),
    Program("swallowed", _CAUGHT.format("llm_query(5)"), VALUE, "RuntimeError"),
    Program("without-end", "while True:\n    llm_query('again')", _REFUSED),
    Program(
        "swallowed-without-end",
        "while True:\n    try:\n        llm_query('again')\n    except BaseException:\n        pass",
        stopped("RuntimeError", "TimeoutError"),
    ),
    Program("batches-without-end", "while True:\n    llm_query_batched(['again'] * 20)", _REFUSED),
)
