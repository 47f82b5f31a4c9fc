"""Values that are cheap inside and ruinous outside: cycles, depth, shared references, odd texts and numbers."""

from __future__ import annotations

from tests.acceptance.attacks.program import (
    BOMB,
    MEMORY,
    TIME,
    TIME_OR_MEMORY,
    TOO_LARGE,
    VALUE,
    Program,
    fails,
    stopped,
)

NESTED = (
    Program("deep-list", "x = []\nfor _ in range(10**4):\n    x = [x]\nx", VALUE, "[[[[[[[…]]]]]]]"),
    Program("deep-dict", "x = {}\nfor _ in range(10**4):\n    x = {'a': x}\nx", VALUE),
    Program("deep-tuple", "x = ()\nfor _ in range(10**4):\n    x = (x,)\nx", VALUE),
    Program("list-in-itself", "x = []\nx.append(x)\nx", VALUE, "[[[[[[[…]]]]]]]", ("len(x)", "1")),
    Program("dict-in-itself", "x = {}\nx['x'] = x\nx", VALUE, None, ("x['x']['x'] is x", "True")),
    Program("cycle-of-two", "x = []\ny = {'x': x}\nx.append(y)\n[x, y]", VALUE, None, ("x[0] is y", "True")),
    Program("object-in-itself", "class A:\n    pass\na = A()\na.a = [a]\na", VALUE, None, ("a.a[0] is a", "True")),
    Program(
        "dataclass-in-itself",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    d: list\nd = D([])\nd.d.append(d)\nd",
        VALUE,
    ),
    Program("cycle-in-print", "x = []\nx.append(x)\nprint(x)", VALUE),
    Program("cycle-compared", "x = []\nx.append(x)\ny = []\ny.append(y)\nx == y", fails("RecursionError")),
    Program("cycle-as-json", "import json\nx = []\nx.append(x)\njson.dumps(x)", fails("ValueError")),
    Program("cycle-in-an-error", "x = []\nx.append(x)\nraise ValueError(x)", fails("ValueError", "RuntimeError")),
)

SHARED = (
    Program("as-result", f"{BOMB}bomb()", VALUE),
    Program("as-variable", f"{BOMB}x = bomb()", TIME_OR_MEMORY),
    Program("as-variable-in-a-dict", "x = {'a': 1}\nfor _ in range(40):\n    x = {'a': x, 'b': x}", TIME_OR_MEMORY),
    Program("as-variable-in-a-tuple", "x = ('a',)\nfor _ in range(40):\n    x = (x, x)", TIME_OR_MEMORY),
    Program("in-result_var", f"{BOMB}bomb()", TIME_OR_MEMORY, result_var="x"),
    Program("text-references-in-result_var", "['a' * 10**5] * 10**5", TIME_OR_MEMORY, result_var="x"),
    Program("as-text-references", "x = ['a' * 10**5] * 10**5", TIME_OR_MEMORY),
    Program("in-a-default", f"{BOMB}def f(a=bomb()):\n    return len(a)", VALUE, None, ("f()", "2")),
    Program(
        "in-a-closure", f"{BOMB}def g():\n    a = bomb()\n    return lambda: len(a)\nf = g()", VALUE, None, ("f()", "2")
    ),
    Program("in-an-object", f"{BOMB}class A:\n    pass\na = A()\na.x = bomb()\na", VALUE, None, ("len(a.x)", "2")),
    Program("in-print", f"{BOMB}print(bomb())", TIME_OR_MEMORY),
    Program("in-print-of-references", "print(['x' * 10**6] * 10**5)", TIME_OR_MEMORY),
    Program("in-repr", f"{BOMB}repr(bomb())", TIME_OR_MEMORY),
    Program("in-format", f"{BOMB}f'{{bomb()}}'", TIME_OR_MEMORY),
    Program("in-an-error", f"{BOMB}raise ValueError(str(bomb()))", TIME_OR_MEMORY),
    Program("in-an-assertion", f"{BOMB}assert bomb() == 1, str(bomb())", TIME_OR_MEMORY),
    Program("as-a-missing-key", "x = ('a',)\nfor _ in range(40):\n    x = (x, x)\n{}[x]", TIME_OR_MEMORY),
    Program("compared", f"{BOMB}bomb() == bomb()", TIME),
    Program("copied", f"{BOMB}import copy\nlen(copy.deepcopy(bomb()))", VALUE, "2"),
    Program("as-json", f"{BOMB}import json\njson.dumps(bomb())", TIME_OR_MEMORY),
    Program("in-the-answer", f"{BOMB}answer['content'] = bomb()\nanswer['ready'] = True", VALUE),
    Program("in-FINAL", f"{BOMB}FINAL(bomb())", VALUE),
    Program("of-gigabytes-in-the-answer", "answer['content'] = ['x' * 10**6] * 10**5", VALUE, None, ("1 + 1", "2")),
    Program("of-gigabytes-in-FINAL", "FINAL(['x' * 10**6] * 10**5)", VALUE, None, ("1 + 1", "2")),
)

ODD = (
    Program("half-a-surrogate-pair", "x = '\\ud800'\nx", VALUE),
    Program("surrogate-by-number", "chr(0xD800)", fails("ValueError")),
    Program("surrogate-in-json", "import json\njson.loads('\"\\\\ud800\"')", fails("JSONDecodeError")),
    Program("nul", "x = 'a\\x00b'\nprint(x)\nx", VALUE, "a\x00b", ("x", "a\x00b")),
    Program("nul-in-the-code", "x = 'a\x00b'\nlen(x)", VALUE, "3"),
    Program("right-to-left", "x = '\\u202e\\u2066abc'\nx", VALUE, "\u202e\u2066abc"),
    Program("terminal-escape", "'\\x1b]0;title\\x07\\x1b[2J\\x1b[8m'", VALUE, "\x1b]0;title\x07\x1b[2J\x1b[8m"),
    Program("carriage-returns", "print('safe\\rEVIL')", VALUE),
    Program("nan", "x = float('nan')\nx", VALUE, "nan", ("x != x", "True")),
    Program("infinity", "x = [float('inf'), -float('inf')]\nx", VALUE, "[inf, -inf]", ("x[0] > 10**300", "True")),
    Program("number-of-5000-digits", "x = 10**5000\nx", VALUE, None, ("x == 10**5000", "True")),
    Program("number-of-5000-digits-in-a-dict", "x = {'a': 10**5000}\nx", VALUE, None, ("x['a'] > 1", "True")),
    Program("number-of-80-megabits", "x = (1 << 8 * 10**7) - 1\nx", stopped("MemoryError", "LimitExceeded")),
    Program("negative-zero-and-denormals", "x = [-0.0, 5e-324]\nx", VALUE, "[-0.0, 5e-324]"),
    Program(
        "keys-of-every-kind", "x = {1: 1, None: 2, (1, 2): 3, 1.5: 4, True: 5}\nlen(x)", VALUE, "4", ("x[(1, 2)]", "3")
    ),
    Program("bytes-that-are-no-text", "x = b'\\x00\\xff\\xed\\xa0'\nlen(x)", VALUE, "4", ("x[1]", "255")),
    Program(
        "furthest-dates",
        "import datetime\nx = datetime.datetime.max\ny = datetime.timedelta.max\n[x.year]",
        VALUE,
        "[9999]",
    ),
    Program("views-and-iterators", "x = {}.items()\ny = iter([1])\nz = range(10**18)\nz", VALUE),
    Program("combining-marks", "'a' + '\\u0301' * 10**5", VALUE),
)

ROOMY = (
    Program("text-over-the-quota", "x = 'x' * 5 * 2**20", TOO_LARGE),
    Program("many-texts-over-the-quota", "x = ['x' * 1000 for _ in range(6000)]", TOO_LARGE),
    Program("set-over-the-quota", "x = {str(n) * 8 for n in range(80_000)}", TOO_LARGE),
    Program("hidden-in-a-closure", "def g():\n    a = 'x' * 6 * 2**20\n    return lambda: a\nf = g()", TOO_LARGE),
    Program("hidden-in-the-answer", "answer['content'] = 'x' * 6 * 2**20", TOO_LARGE),
    Program("kept-in-a-name-of-the-sandbox", "_mm_r = 'x' * 6 * 2**20", VALUE, then=("_mm_r", None)),
    Program("ten-thousand-variables", "exec('\\n'.join(f'v{i} = {i}' for i in range(10_000)))", TOO_LARGE),
    Program("variables-in-a-loop", "for i in range(500):\n    exec(f'v{i} = i')", TOO_LARGE),
    Program("nearly-all-memory", "x = 'x' * 31 * 2**20", MEMORY),
)
