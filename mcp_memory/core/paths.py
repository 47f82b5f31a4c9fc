"""The strongest simple paths of a graph that is read level by level. Pure but for the reader it is given.

The work is bounded by what is asked for, never by how many paths there are. At most `most` memories are opened for
each level: a path through one left out is no stronger than the paths to each of those opened, so the answer is the
same. Then paths are taken best first from a heap into which each of them puts at most two others.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush, nlargest
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


@dataclass(frozen=True, slots=True)
class Step:
    """One link as walked from `source` to `target`."""

    source: str
    target: str
    name: str | None
    """What `source` is to `target`; None where that has no name."""
    back: str | None
    """What `target` is to `source`; None where that has no name."""
    strength: float
    """0..1."""
    inverse: bool
    """Walked against the way it was stored."""


@dataclass(frozen=True, slots=True)
class Path:
    """Steps that follow each other through distinct memories."""

    steps: tuple[Step, ...]
    strength: float
    """The product of the steps' strengths, 0..1."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The memories on it, the start first."""
        return (self.steps[0].source, *(step.target for step in self.steps))


Steps = dict[str, list[Step]]
"""The steps from each memory that was opened, strongest first."""


async def strongest_paths(
    start: str, fetch: Callable[[Sequence[str]], Awaitable[list[Step]]], *, depth: int, most: int, floor: float
) -> tuple[list[Path], bool]:
    """The `most` strongest simple paths from `start` of at most `depth` steps and at least `floor` strength.

    `fetch` gives all steps from the memories it is given; it is called at most `depth` times.

    Returns:
        The paths, strongest first and shorter ones first among equals, and whether there are more.
    """
    steps: Steps = {}
    reach = {start: 1.0}
    for _ in range(depth):
        unopened = [node for node, strength in reach.items() if node not in steps and strength >= floor]
        if not unopened:
            break
        frontier = nlargest(most, unopened, key=reach.__getitem__)
        _open(steps, frontier, await fetch(frontier))
        reach = _extended(reach, steps)
    return _best_first(start, steps, depth, most, floor)


def _open(steps: Steps, frontier: Sequence[str], found: Sequence[Step]) -> None:
    grouped = defaultdict(list)
    for step in found:
        grouped[step.source].append(step)
    for node in frontier:
        steps[node] = sorted(grouped[node], key=lambda step: (-step.strength, step.target, step.name or ""))


def _extended(reach: dict[str, float], steps: Steps) -> dict[str, float]:
    """The strength of the strongest walk to each memory, with one step more than in `reach`."""
    longer = dict(reach)
    for node, strength in reach.items():
        for step in steps.get(node, ()):
            longer[step.target] = max(longer.get(step.target, 0.0), strength * step.strength)
    return longer


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    """A path not taken yet. Its order is that of the answer; no two entries are equal."""

    weakness: float
    """Its negated strength."""
    nodes: tuple[str, ...]
    choices: tuple[int, ...]
    """Which of the steps from each of its nodes it takes."""

    @property
    def rank(self) -> tuple[float, int, _Entry]:
        return (self.weakness, len(self.nodes), self)


def _best_first(start: str, steps: Steps, depth: int, most: int, floor: float) -> tuple[list[Path], bool]:
    paths: list[Path] = []
    heap: list[tuple[float, int, _Entry]] = []
    _push(heap, _Entry(-1.0, (start,), ()), 0, steps, floor)
    while heap and len(paths) < most:
        entry = heappop(heap)[2]
        path = tuple(steps[node][choice] for node, choice in zip(entry.nodes, entry.choices, strict=False))
        paths.append(Path(path, -entry.weakness))
        _push(heap, _shortened(path, entry), entry.choices[-1] + 1, steps, floor)
        if len(path) < depth:
            _push(heap, entry, 0, steps, floor)
    return paths, bool(heap)


def _shortened(path: tuple[Step, ...], entry: _Entry) -> _Entry:
    """The path without its last step."""
    strength = prod(step.strength for step in path[:-1])
    return _Entry(-strength, entry.nodes[:-1], entry.choices[:-1])


def _push(heap: list[tuple[float, int, _Entry]], prefix: _Entry, choice: int, steps: Steps, floor: float) -> None:
    """Put in the next path that goes on from `prefix`, by the strongest of its steps from `choice` on."""
    choices = steps.get(prefix.nodes[-1], [])
    while choice < len(choices) and choices[choice].target in prefix.nodes:
        choice += 1
    if choice == len(choices):
        return
    step = choices[choice]
    entry = _Entry(prefix.weakness * step.strength, (*prefix.nodes, step.target), (*prefix.choices, choice))
    if -entry.weakness >= floor:
        heappush(heap, entry.rank)
