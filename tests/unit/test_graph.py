from __future__ import annotations

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.core.paths import Step, strongest_paths

Edge = tuple[str, str, float]

NODES = "abcdef"
# Powers of two multiply exactly, so that equal products are equal numbers in any order.
STRENGTHS = st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0])
EDGES = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), STRENGTHS), max_size=16).map(
    lambda edges: [edge for edge in edges if edge[0] != edge[1]]
)


def every_simple_path(edges: list[Edge], start: str, depth: int) -> list[tuple[float, tuple[int, ...]]]:
    """All of them, as strength and edge numbers, by plain enumeration."""
    found: list[tuple[float, tuple[int, ...]]] = []

    def walk(node: str, seen: set[str], strength: float, taken: tuple[int, ...]) -> None:
        if taken:
            found.append((strength, taken))
        if len(taken) == depth:
            return
        for number, (source, target, weight) in enumerate(edges):
            if source == node and target not in seen:
                walk(target, seen | {target}, strength * weight, (*taken, number))

    walk(start, {start}, 1.0, ())
    return found


def search(
    edges: list[Edge], depth: int = 5, most: int = 500, floor: float = 0.0
) -> tuple[list[tuple[float, tuple[int, ...]]], bool, list[list[str]]]:
    asked: list[list[str]] = []

    async def fetch(ids: object) -> list[Step]:
        wanted = list(ids)  # type: ignore[call-overload]
        asked.append(wanted)
        return [
            Step(source, target, str(number), None, weight, inverse=False)
            for number, (source, target, weight) in enumerate(edges)
            if source in wanted
        ]

    async def run() -> tuple[list[tuple[float, tuple[int, ...]]], bool]:
        paths, more = await strongest_paths("a", fetch, depth=depth, most=most, floor=floor)
        return [(path.strength, tuple(int(step.name or "") for step in path.steps)) for path in paths], more

    return (*anyio.run(run), asked)


@settings(deadline=None, max_examples=200)
@given(EDGES, st.integers(1, 5), st.integers(1, 12), STRENGTHS)
def test_the_strongest_paths_are_those_that_plain_enumeration_finds(
    edges: list[Edge], depth: int, most: int, floor: float
) -> None:
    everything = [path for path in every_simple_path(edges, "a", depth) if path[0] >= floor]
    expected = sorted((strength for strength, _ in everything), reverse=True)[:most]

    paths, more, _ = search(edges, depth, most, floor)

    assert [strength for strength, _ in paths] == expected
    assert set(paths) <= set(everything)
    assert len(set(paths)) == len(paths)
    assert more == (len(everything) > most)


@settings(deadline=None, max_examples=100)
@given(EDGES, st.integers(1, 5))
def test_each_memory_is_opened_once_and_levels_are_read_together(edges: list[Edge], depth: int) -> None:
    _, _, asked = search(edges, depth)
    opened = [node for batch in asked for node in batch]
    assert len(opened) == len(set(opened))
    assert len(asked) <= depth


def test_a_cycle_is_walked_round_once() -> None:
    paths, more, _ = search([("a", "b", 1.0), ("b", "c", 1.0), ("c", "a", 1.0)])
    assert [edges for _, edges in paths] == [(0,), (0, 1)]
    assert not more


def test_a_detour_of_strong_links_comes_before_a_weak_direct_one() -> None:
    paths, _, _ = search([("a", "c", 0.125), ("a", "b", 1.0), ("b", "c", 0.5)])
    assert paths == [(1.0, (1,)), (0.5, (1, 2)), (0.125, (0,))]


def test_a_memory_that_only_a_detour_makes_strong_is_still_opened() -> None:
    # With one path asked for, `x` is left out at first; nothing may depend on when it was seen.
    edges = [("a", "x", 0.125), ("a", "b", 1.0), ("b", "x", 1.0), ("x", "y", 1.0)]
    paths, more, _ = search(edges, most=3)
    assert paths == [(1.0, (1,)), (1.0, (1, 2)), (1.0, (1, 2, 3))]
    assert more


@pytest.mark.parametrize("depth", [3, 5])
def test_a_graph_with_millions_of_paths_answers_with_the_few_that_were_asked_for(depth: int) -> None:
    crowd = [f"n{number}" for number in range(60)]
    edges = [("a", node, 0.9) for node in crowd]
    edges += [(one, other, 0.9) for one in crowd for other in crowd if one != other]
    paths, more, asked = search(edges, depth, most=50)
    assert len(paths) == 50
    assert more
    assert sum(map(len, asked)) <= 61
