from __future__ import annotations

import ast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcp_memory.sandbox.monty.source import keep_last_value, last_expression

EXPRESSIONS = [
    "x",
    "len(memories)",
    "a, b",
    "*a, b",
    "(x := 1)",
    "not x",
    "await f(x)",
    "-1",
    '"text; with # and = inside"',
    "'''over\nlines\n'''",
    '"""\nx = 1\n"""',
    "r'\\d+'",
    'f"{x!r:>10} {{}}"',
    'rb"\\x00"',
    "[\n  1,\n  2,\n]",
    "{'a': 1, **b}",
    "f(\n    key=lambda m: m['x'],  # ( [\n)",
    "x == 1",
    "x <= y != z",
    "x if y else z",
    "[i for i in range(3) if i]",
    "x[1:2]",
    "1 + \\\n  2",
    "print(x) ; y",
    "x;",
    "a = 1; a",
    "é + ß",
    "...",
    "1.5e3",
    "0x1f",
]
OTHERS = [
    "x = 1",
    "x += 1",
    "x //= 2",
    "x: int = 5",
    "x: int",
    "pass",
    "import json",
    "from a import b",
    "if x:\n    y",
    "if x: y; z",
    "if x:\n    y\nelse:\n    z",
    "for a in b:\n    print(a)\n    a",
    "while x: x -= 1",
    "def f(a, b=1):\n    return a\n",
    "@decorator\ndef f():\n    x",
    "class A:\n    x = 1\n    y",
    "with a as b:\n    c",
    "try:\n    x\nexcept E as e:\n    y\nfinally:\n    z",
    "match x:\n    case 1:\n        y",
    "return x",
    "raise ValueError",
    "assert x",
    "del x",
    "global x",
    "x = '''\ny\n'''",
    "x = \\\n  y",
    "x = 1;",
    "x = [\n1\n]",
    "async def f():\n    await g",
]


def start_by_ast(code: str) -> int | None:
    """Where the last statement begins, if it is an expression."""
    last = ast.parse(code).body[-1:]
    if not last or not isinstance(last[0], ast.Expr):
        return None
    lines = code.split("\n")
    before = sum(len(line) + 1 for line in lines[: last[0].lineno - 1])
    return before + len(lines[last[0].lineno - 1].encode()[: last[0].col_offset].decode())


@pytest.mark.parametrize("code", EXPRESSIONS)
def test_an_expression_at_the_end_is_found_where_it_begins(code: str) -> None:
    assert last_expression(code) == start_by_ast(code) is not None


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_no_expression_is_left_alone(code: str) -> None:
    assert keep_last_value(code) == (code, False)
    assert start_by_ast(code) is None


statements = st.sampled_from([*EXPRESSIONS, *OTHERS])
separators = st.sampled_from(["\n", "\n\n", "\n# a comment; with ' and (\n", "  # note\n", "\n   \n", ";\n"])


@given(st.lists(st.tuples(statements, separators), max_size=5), st.sampled_from([*EXPRESSIONS, *OTHERS]), separators)
@settings(max_examples=200, deadline=None)
def test_any_program_of_statements_is_read_as_cpython_reads_it(
    before: list[tuple[str, str]], last: str, end: str
) -> None:
    code = "".join(statement + separator for statement, separator in before) + last + end
    try:
        expected = start_by_ast(code)
    except SyntaxError:
        return
    assert last_expression(code) == expected


tokens = st.sampled_from(
    ["x", "f", "r", "b", "1", " ", "  ", "\n", "\n", ";", "#", "'", '"', "'''", '"""', "\\", "\\\n", "(", ")", "[", "]",
     "{", "}", "=", ":", ",", "if ", "else ", "lambda ", "not ", "@", "\t", "==", ":=", "+", "*", ".", "print", "\f"]
)  # fmt: skip


@given(st.lists(tokens, max_size=25).map("".join))
@example("x = '''\\\n'''\ny")
@example("if x: \\\ny")
@example("f'{x}' '\\\n'")
@settings(max_examples=800, deadline=None)
def test_whatever_is_found_is_the_last_statement_and_an_expression(code: str) -> None:
    found = last_expression(code)
    if found is None:
        return
    try:
        expected = start_by_ast(code)
    except (SyntaxError, ValueError):
        return
    assert found == expected


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_it(code: str) -> None:
    kept, _found = keep_last_value(code)
    assert kept.count("\n") == code.count("\n")


def test_a_string_with_quotes_of_its_own_kind_inside_is_not_guessed_at() -> None:
    assert last_expression('f"{d["a;b"]}"') is None


def test_a_long_program_takes_linear_time() -> None:
    assert last_expression("x = '" + "a" * 500_000 + "'\n" + "[" * 5_000 + "]" * 5_000) is not None
