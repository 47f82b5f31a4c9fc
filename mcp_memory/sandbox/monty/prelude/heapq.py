"""The part of `heapq` that exists inside the sandbox. Heaps have the very layout that CPython's have."""

from __future__ import annotations

from typing import Any


def heappush(heap: list[Any], item: Any) -> None:
    """Add an item."""
    heap.append(item)
    _rise(heap, 0, len(heap) - 1)


def heappop(heap: list[Any]) -> Any:
    """Take the smallest item out."""
    last = heap.pop()
    return heapreplace(heap, last) if heap else last


def heapreplace(heap: list[Any], item: Any) -> Any:
    """Take the smallest item out, then add one."""
    smallest = heap[0]
    heap[0] = item
    _sink(heap, 0)
    return smallest


def heappushpop(heap: list[Any], item: Any) -> Any:
    """Add an item, then take the smallest out."""
    return heapreplace(heap, item) if heap and heap[0] < item else item


def heapify(x: list[Any]) -> None:
    """Make a list a heap."""
    for at in range(len(x) // 2 - 1, -1, -1):
        _sink(x, at)


def _rise(heap: list[Any], top: int, at: int) -> None:
    item = heap[at]
    while at > top and item < heap[(at - 1) // 2]:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = item


def _sink(heap: list[Any], top: int) -> None:
    """Move the gap down along the smaller children to a leaf, then the item up from there."""
    item, at, size = heap[top], top, len(heap)
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and not heap[child] < heap[child + 1]:
            child += 1
        heap[at] = heap[child]
        at = child
    heap[at] = item
    _rise(heap, top, at)


def nlargest(n: int, iterable: Any, key: Any = None) -> list[Any]:
    """The n largest, the largest first."""
    return sorted(iterable, key=key, reverse=True)[: max(n, 0)]


def nsmallest(n: int, iterable: Any, key: Any = None) -> list[Any]:
    """The n smallest, the smallest first."""
    return sorted(iterable, key=key)[: max(n, 0)]


def merge(*iterables: Any, key: Any = None, reverse: bool = False) -> list[Any]:
    """Sorted inputs as one; a list, as there are no generators."""
    queues = [list(iterable) for iterable in iterables]
    places = [0] * len(queues)
    merged: list[Any] = []
    while True:
        best, chosen = -1, None
        for at in range(len(queues)):
            if places[at] == len(queues[at]):
                continue
            value = queues[at][places[at]]
            value = value if key is None else key(value)
            if best < 0 or (chosen < value if reverse else value < chosen):
                best, chosen = at, value
        if best < 0:
            return merged
        merged.append(queues[best][places[best]])
        places[best] += 1
