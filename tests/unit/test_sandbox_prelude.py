"""The modules written for the sandbox give what CPython's give, or raise."""

from __future__ import annotations

import ast
import heapq
import math
import operator
import statistics
import string
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.sandbox.monty.inside import POLYFILLS, inside
from mcp_memory.sandbox.monty.prelude import heapq as our_heapq
from mcp_memory.sandbox.monty.prelude import operator as our_operator
from mcp_memory.sandbox.monty.prelude import statistics as our_statistics
from mcp_memory.sandbox.monty.prelude import string as our_string
from mcp_memory.sandbox.monty.prelude import textwrap as our_textwrap

if TYPE_CHECKING:
    from collections.abc import Callable

numbers = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(-1e9, 1e9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
samples = st.one_of(
    st.lists(st.integers(-1000, 1000), max_size=12),
    st.lists(st.floats(-1e6, 1e6), max_size=12),
    st.lists(numbers, max_size=12),
)
words = st.text(alphabet="ab Z0_-.,!?'\n\t\x0b é", max_size=60)


def same(ours: Any, theirs: Any) -> bool:
    if type(ours) is not type(theirs):
        return False
    return repr(ours) == repr(theirs)


def agree(ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
    try:
        expected = theirs()
    except Exception:  # noqa: BLE001 - whatever CPython raises
        with pytest.raises(Exception):  # noqa: B017, PT011 - which one differs between versions of CPython
            ours()
        return
    assert same(ours(), expected), f"{ours()!r} is not {expected!r}"


@pytest.mark.parametrize("name", ["mean", "median", "median_low", "median_high", "mode", "multimode", "variance",
                                  "pvariance", "stdev", "pstdev", "fmean"])  # fmt: skip
def test_statistics_are_cpythons(name: str) -> None:
    @given(samples)
    @settings(max_examples=150, deadline=None)
    def check(data: list[Any]) -> None:
        try:
            expected = getattr(statistics, name)(list(data))
        except OverflowError:
            return
        except statistics.StatisticsError:
            with pytest.raises(our_statistics.StatisticsError):
                getattr(our_statistics, name)(list(data))
            return
        if isinstance(expected, float) and not math.isfinite(expected):
            return
        ours = getattr(our_statistics, name)(list(data))
        assert same(ours, expected), f"{ours!r} is not {expected!r}"

    check()


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=9), st.integers(1, 12), st.booleans())
def test_quantiles_are_cpythons(data: list[int], n: int, inclusive: bool) -> None:
    method = "inclusive" if inclusive else "exclusive"
    assert same(our_statistics.quantiles(data, n=n, method=method), statistics.quantiles(data, n=n, method=method))


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6), st.integers(-10, 10))
def test_variance_around_a_given_centre_is_cpythons(data: list[int], centre: int) -> None:
    agree(lambda: our_statistics.variance(data, centre), lambda: statistics.variance(data, centre))
    agree(lambda: our_statistics.pvariance(data, centre), lambda: statistics.pvariance(data, centre))


@pytest.mark.parametrize("data", [["a"], [None, 1], [1 + 2j]])
def test_statistics_of_what_is_no_number_raise(data: list[Any]) -> None:
    with pytest.raises(TypeError):
        our_statistics.mean(data)


@given(st.lists(st.integers(0, 9), max_size=30), st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=30))
def test_heaps_have_cpythons_layout_all_along(start: list[int], steps: list[int | None]) -> None:
    ours, theirs = list(start), list(start)
    our_heapq.heapify(ours)
    heapq.heapify(theirs)
    for step in steps:
        if step is None and theirs:
            assert our_heapq.heappop(ours) == heapq.heappop(theirs)
        elif step is not None and step % 3 == 0:
            assert our_heapq.heappushpop(ours, step) == heapq.heappushpop(theirs, step)
        elif step is not None:
            our_heapq.heappush(ours, step)
            heapq.heappush(theirs, step)
        assert ours == theirs


@given(st.lists(st.tuples(st.integers(0, 5), st.integers())), st.integers(-1, 12), st.booleans())
def test_the_n_best_are_cpythons(data: list[tuple[int, int]], n: int, keyed: bool) -> None:
    key = (lambda pair: pair[0]) if keyed else None
    assert our_heapq.nlargest(n, data, key=key) == heapq.nlargest(n, data, key=key)
    assert our_heapq.nsmallest(n, data, key=key) == heapq.nsmallest(n, data, key=key)


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)))), st.booleans(), st.booleans())
def test_merging_is_cpythons(lists: list[list[tuple[int, int]]], keyed: bool, reverse: bool) -> None:
    key = (lambda pair: pair[0]) if keyed else None
    parts = [sorted(part, key=key, reverse=reverse) for part in lists]
    expected = list(heapq.merge(*parts, key=key, reverse=reverse))
    assert our_heapq.merge(*parts, key=key, reverse=reverse) == expected


@given(st.text(max_size=30), st.one_of(st.none(), st.text(min_size=1, max_size=2)))
def test_capwords_is_cpythons(text: str, sep: str | None) -> None:
    assert our_string.capwords(text, sep) == string.capwords(text, sep)


@pytest.mark.parametrize("name", [name for name in dir(our_string) if hasattr(string, name) and name.islower()
                                  and isinstance(getattr(our_string, name), str) and "__" not in name])  # fmt: skip
def test_characters_are_cpythons(name: str) -> None:
    assert getattr(our_string, name) == getattr(string, name)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "floordiv", "mod", "eq", "ne", "lt", "le", "gt", "ge",
                                  "and_", "or_", "xor", "is_", "contains", "getitem", "concat"])  # fmt: skip
@given(st.sampled_from([0, 1, 3, "ab", "", [1, 2], {"a": 1}, None]), st.sampled_from([0, 1, 2, "a", [1], None]))
def test_operators_are_cpythons(name: str, a: Any, b: Any) -> None:
    if name == "concat" and not isinstance(a, (str, list)):
        return
    agree(lambda: getattr(our_operator, name)(a, b), lambda: getattr(operator, name)(a, b))


def test_getters_and_callers_are_cpythons() -> None:
    row = {"a": 1, "b": [2, 3]}
    assert our_operator.itemgetter("a")(row) == operator.itemgetter("a")(row)
    assert our_operator.itemgetter("a", "b")(row) == operator.itemgetter("a", "b")(row)
    assert our_operator.attrgetter("real")(3) == 3
    assert our_operator.attrgetter("real", "numerator.real")(3) == (3, 3)
    assert our_operator.methodcaller("split", ",", maxsplit=1)("a,b,c") == ["a", "b,c"]
    with pytest.raises(AttributeError):
        our_operator.methodcaller("split(), value.x")("a")


@given(words, st.integers(1, 25), st.sampled_from(["", "> ", "    "]), st.sampled_from([None, 1, 2, 3]), st.booleans(),
       st.booleans(), st.sampled_from([" [...]", "…", "--"]))  # fmt: skip
@settings(max_examples=800, deadline=None)
def test_wrapping_is_cpythons(
    text: str, width: int, indent: str, most: int | None, long_words: bool, hyphens: bool, placeholder: str
) -> None:
    options: dict[str, Any] = {
        "width": width + len(indent),  # where an indent leaves no room, CPython's never ends
        "initial_indent": indent,
        "subsequent_indent": indent,
        "max_lines": most,
        "break_long_words": long_words,
        "break_on_hyphens": hyphens,
        "placeholder": placeholder,
    }
    agree(lambda: our_textwrap.wrap(text, **options), lambda: textwrap.wrap(text, **options))
    agree(lambda: our_textwrap.fill(text, width), lambda: textwrap.fill(text, width))


@given(words, st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_shortening_is_cpythons(text: str, width: int) -> None:
    agree(lambda: our_textwrap.shorten(text, width), lambda: textwrap.shorten(text, width))


@given(st.text(alphabet="a \t\nb", max_size=40), st.sampled_from(["", "> ", "\t"]))
@settings(max_examples=300, deadline=None)
def test_indenting_and_dedenting_are_cpythons(text: str, prefix: str) -> None:
    assert our_textwrap.dedent(text) == textwrap.dedent(text)
    assert our_textwrap.indent(text, prefix) == textwrap.indent(text, prefix)
    assert our_textwrap.indent(text, prefix, len) == textwrap.indent(text, prefix, len)


@pytest.mark.parametrize("name", [*POLYFILLS, "housekeeping"])
def test_what_goes_inside_has_no_comments_annotations_or_docstrings(name: str) -> None:
    source = inside(name).source
    assert "#" not in source.replace("#$", "")
    assert '"""' not in source
    assert "Any" not in source
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    assert not [node for node in functions if node.returns or any(arg.annotation for arg in node.args.args)]


def test_every_public_name_of_a_module_goes_inside() -> None:
    assert {"itemgetter", "attrgetter", "methodcaller", "add", "concat", "contains"} <= set(inside("operator").names)
    assert {"mean", "stdev", "quantiles", "StatisticsError"} <= set(inside("statistics").names)
