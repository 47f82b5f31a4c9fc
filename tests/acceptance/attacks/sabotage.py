"""Programs that attack what the sandbox does for itself around the code: previews, lists of variables, dumps."""

from __future__ import annotations

from tests.acceptance.attacks.program import (
    BROKEN,
    TIME,
    TOO_LARGE,
    VALUE,
    Program,
    fails,
    stopped,
)

_REBOUND = (
    *("len", "type", "str", "print", "isinstance", "sorted", "repr", "locals", "list", "dict", "int", "range", "sum"),
    *("hasattr", "getattr", "setattr", "min", "max", "exec", "eval", "iter", "next", "enumerate", "zip", "map", "any"),
    *("Exception", "NameError", "ArithmeticError", "json", "dumps", "loads", "say", "show", "walk", "final", "space"),
    *("given", "own", "Module", "module", "modules", "variables", "everything", "everything_here", "box", "give"),
)
_FROZEN = fails("FrozenInstanceError")
_OWN = "class A:\n    def __repr__(self):\n        {}\n        return 'a'\n"


def _past_the_freezing(name: str, value: str) -> str:
    """Hangs something onto the sandbox's own object, which refuses plain assignment."""
    return f"object.__setattr__(_mm, {name!r}, {value})"


def _for_all(name: str, value: str) -> str:
    """Replaces one of the functions that the sandbox itself calls, where its object has it from."""
    return f"type(_mm).{name} = {value}"


def _lying(text: str) -> str:
    """The list of variables is this text."""
    return f"def f(*a):\n    print({text}, end='')\n    return {text}\n" + _for_all("variables", "f")


def _with_a_size(digits: str) -> str:
    return _lying(f"'1:a3:int' + str(len({digits})) + ':' + {digits} + '0:0:0:'")


REBINDING = (
    Program("every-builtin", " = ".join(_REBOUND) + " = 5", VALUE, None, ("[len, type, str]", "[5, 5, 5]")),
    Program(
        "print-that-lies",
        "def print(*a, **k):\n    raise ValueError('no')\nlocals = repr = print\n1",
        VALUE,
        "1",
    ),
    Program("own-name", "_mm = 5\n1", VALUE, "1", ("1 + 1", "2")),
    Program("own-name-as-a-function", "def _mm(*a):\n    return _mm", VALUE, None, ("1 + 1", "2")),
    Program("own-name-in-lookalike-letters", "_ｍｍ = 5", VALUE, None, ("1 + 1", "2")),
    Program("name-of-the-result", "_mm_r = 'mine'\n6 * 7", VALUE, "42", ("1 + 1", "2")),
    Program("name-of-the-input", "_mm_in = ['mine']\n6 * 7", VALUE, "42", ("1 + 1", "2")),
    Program("answer-as-a-number", "answer = 5\n1", VALUE, "1", ("1 + 1", "2")),
    Program("FINAL-as-a-number", "FINAL = FINAL_VAR = 5\n1", VALUE, "1", ("FINAL(1)\n1", "1")),
    Program("FINAL_VAR-with-code", "FINAL_VAR('().__class__')", fails("NameError")),
    Program("FINAL_VAR-of-the-insides", "FINAL_VAR('_mm')\n1", VALUE, "1", ("1 + 1", "2")),
    Program("next-as-a-number", "next = 5\n1", VALUE, "1", ("1 + 1", "2")),
    Program("plain-assignment", "_mm.variables = _mm.show = _mm.names = print", _FROZEN),
    Program("setattr", "setattr(_mm, 'variables', print)", _FROZEN),
    Program("tables-of-the-sandbox", "_mm.HIDDEN.clear()", fails("AttributeError"), None, ("1 + 1", "2")),
    Program("state-of-the-sandbox", "_mm.shared['x'] = _mm.final", fails("AttributeError"), None, ("1 + 1", "2")),
    Program("class-of-the-sandbox", "type(_mm).variables = type(_mm).tell = print\n1", BROKEN, None, ("1 + 1", "2")),
    Program("list-of-another-shape", _lying("'0:' * 6"), BROKEN),
    Program("size-that-is-no-number", _with_a_size("'x'"), BROKEN),
    Program("size-of-thirty-digits", _with_a_size("'9' * 30"), BROKEN),
    Program("size-of-five-thousand-digits", _with_a_size("'9' * 5000"), BROKEN),
    Program("size-below-nothing", _with_a_size("'-99999999999'"), BROKEN),
    Program("list-without-end", _lying("'0:' * 3 * 10**6"), BROKEN),
    Program(
        "list-that-prints-without-end",
        "def f(*a):\n    while True:\n        print('0:' * 500_000, end='')\n" + _for_all("variables", "f"),
        stopped("SandboxBroken", "TimeoutError"),
    ),
    Program("odd-number-of-values", _for_all("json_of", "lambda *a: '1:a'") + "\nx = 1", BROKEN),
    Program("values-that-are-no-json", _for_all("json_of", "lambda *a: '1:x3:{]}'") + "\nx = 1", VALUE),
    Program("function-on-its-own-object", _past_the_freezing("variables", "print"), BROKEN),
    Program(
        "values-larger-than-they-are-told",
        _for_all("json_of", "lambda *a: '1:x' + str(9 * 10**6) + ':' + '5' * 9 * 10**6") + "\nx = 1",
        stopped("SandboxBroken", "LimitExceeded"),
    ),
    Program(
        "ten-thousand-variables-invented",
        _for_all("variables", "lambda *a: ''.join([f'5:{i:05}3:int1:10:0:1:z' for i in range(10_000)])"),
        stopped("SandboxBroken", "LimitExceeded"),
    ),
    Program("preview-without-end", _for_all("shown", "lambda *a: 'z' * 10**7") + "\n1", BROKEN),
    Program("variables-invented", _for_all("everything_here", "lambda: {'b' * 10**6: 1}"), BROKEN),
    Program("modules-that-are-none", _for_all("modules", "lambda: [[], _mm]"), VALUE, None, ("1 + 1", "2")),
    Program(
        "modules-that-spin",
        "def f():\n    while True:\n        pass\n" + _for_all("modules", "f"),
        VALUE,
        None,
        ("1 + 1", "2"),
    ),
    Program("gigabytes-of-its-own", _past_the_freezing("x", "['x' * 10**6] * 10**5"), BROKEN, None, ("1 + 1", "2")),
    Program(
        "gigabytes-for-a-function",
        _past_the_freezing("fail", "['x' * 10**6] * 10**5"),
        BROKEN,
        None,
        ("1 + 1", "2"),
    ),
    Program(
        "gigabytes-in-a-module",
        "import heapq\nobject.__setattr__(heapq, 'x', ['x' * 10**6] * 10**5)",
        VALUE,
        None,
        ("import heapq\n1 + 1", "2"),
    ),
    Program(
        "gigabytes-for-a-function-of-a-module",
        "import heapq\nobject.__setattr__(heapq, 'heappop', ['x' * 10**6] * 10**5)",
        VALUE,
        None,
        ("import heapq\n1 + 1", "2"),
    ),
    Program(
        "gigabytes-in-a-module-of-the-engine",
        "import json\njson.x = ['x' * 10**6] * 10**5",
        fails("AttributeError"),
        None,
        ("import json\n1 + 1", "2"),
    ),
)

OBJECTS = (
    Program("representation-that-spins", _OWN.format("while True:\n            pass") + "x = A()", TIME),
    Program("representation-that-prints", _OWN.format("print('5:hello', end='')") + "A()", VALUE, "a"),
    Program(
        "representation-that-invents-a-variable",
        _OWN.format("print('1:z3:int1:10:0:1:z', end='')") + "x = A()\n1",
        VALUE,
        "1",
    ),
    Program(
        "representation-that-floods",
        _OWN.format("[print('0:' * 100_000, end='') for _ in range(100)]") + "x = A()\nx",
        VALUE,
        "a",
    ),
    Program("representation-of-another-type", "class A:\n    def __repr__(self):\n        return 5\nA()", VALUE),
    Program(
        "representation-without-end",
        "class A:\n    def __repr__(self):\n        return 'y' * 10**7\n[A()] * 1000",
        VALUE,
    ),
    Program("representation-that-raises", _OWN.format("raise ValueError('no')") + "x = A()\nx", VALUE),
    Program("representation-that-interrupts", _OWN.format("raise KeyboardInterrupt") + "A()", BROKEN),
    Program(
        "representation-that-recurses",
        "class A:\n    def __repr__(self):\n        return repr(self)\nx = A()\nx",
        VALUE,
    ),
    Program("representation-that-rebinds", _OWN.format("_mm.say = print") + "x = A()\nx", VALUE, "<A>"),
    Program(
        "comparison-that-spins",
        "class A:\n    def __eq__(self, o):\n        while True:\n            pass\nA() == A()",
        TIME,
    ),
    Program(
        "hash-that-spins",
        "class A:\n    def __hash__(self):\n        while True:\n            pass\nx = {A(): 1}",
        TIME,
    ),
    Program("length-that-lies", "class A:\n    def __len__(self):\n        return -1\nx = A()\nx", VALUE),
    Program("attributes-of-a-dataclass", "class A:\n    pass\nx = A()\nx.__dataclass_fields__ = ['nothing']\nx", VALUE),
    Program("class-by-another-name", "class list:\n    pass\nx = list()\nx", VALUE),
    Program("class-named-like-the-sandbox", "class Module:\n    pass\nx = Module()\n1", VALUE, "1"),
    Program("attribute-of-its-own-name", "class A:\n    pass\nA.__name__ = 'deque'\nx = A()\nx", VALUE),
    Program(
        "text-with-methods", "class A:\n    x = 'a'\n    def upper(self):\n        return self\nA().upper()", VALUE
    ),
    Program("subclass-of-text", "class A(str):\n    pass", fails("SyntaxError", "NotImplementedError")),
)

NAMES = (
    Program("dunder-names", "__class__ = __dict__ = __builtins__ = 5\n1", VALUE, "1", ("__class__", "5")),
    Program("name-of-a-million-characters", "exec('x' * 10**6 + ' = 1')", TOO_LARGE, None, ("1 + 1", "2")),
    Program("name-of-60000-characters", "x" * 60_000 + " = 1", TOO_LARGE),
    Program("type-with-a-huge-name", "n = 'C' * 10**5\nexec(f'class {n}:\\n    pass\\nx = {n}()')", TOO_LARGE),
    Program("lookalike-letters", "ｘ = 5\nx", VALUE, "5", ("ｘ", "5")),
    Program("letters-of-every-script", "переменная = 変数 = متغير = 5\n変数", VALUE, "5", ("переменная", "5")),
    Program("right-to-left-in-a-name", "a\u202eb = 5", fails("SyntaxError")),
    Program("names-through-locals", "locals()['smuggled'] = 1\n1", VALUE, "1"),
    Program("names-of-the-store", "state = seal = session_id = kept_ = 5\n1", VALUE, "1", ("seal", "5")),
    Program("loop-variable-of-every-name", "for kept_, in [(n,) for n in range(3)]:\n    pass\nkept_", VALUE, "2"),
)

TEXTS = (
    Program("only-line-ends", "\n" * 63_000 + "1", VALUE, "1"),
    Program("line-ends-and-blanks", " \n" * 31_000 + "1", VALUE),
    Program("words-like-import", "#" + "import " * 9_000, VALUE),
    Program("words-like-from", "#" + "from heap " * 6_000, VALUE),
    Program("words-like-def", "#" + "def " * 15_000, VALUE),
    Program("dots", "#" + ". " * 31_000, VALUE),
    Program("quotes", "'" * 63_001, fails("SyntaxError")),
    Program("brackets", "(" * 63_000, fails("SyntaxError", "RecursionError")),
    Program("minus-signs", "-" * 63_000 + "1", fails("SyntaxError", "RecursionError")),
    Program("nested-lambdas", "lambda: " * 7_900 + "0", fails("SyntaxError", "RecursionError")),
    Program(
        "nested-blocks",
        "\n".join(" " * n + "if 1:" for n in range(300)) + "\n" + " " * 300 + "1",
        fails("SyntaxError", "RecursionError", "IndentationError"),
    ),
    Program("nested-fields", "f'" + '{f"' * 5_000, fails("SyntaxError")),
    Program("attributes", "a" + ".a" * 31_000, fails("SyntaxError", "RecursionError", "NameError")),
    Program("powers", "1" + "**1" * 20_000, fails("SyntaxError", "RecursionError")),
    Program("backslashes", "\\\n" * 30_000 + "1", VALUE),
    Program("byte-order-mark", "\ufeff6 * 7", fails("SyntaxError")),
    Program("no-code-at-all", "# nothing", VALUE),
)
