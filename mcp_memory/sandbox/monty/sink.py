"""Where the sandbox prints to: a head and a tail, and a count of what lies between."""

from __future__ import annotations

from collections import deque


class PrintSink:
    """Keeps the first and the last characters printed. It holds no more than these, whatever is printed."""

    def __init__(self, head: int, tail: int) -> None:
        self._room = head
        self._most = tail
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._held = 0
        self._cut = 0

    def __call__(self, _stream: str, text: str) -> None:
        """Take what was printed to either stream."""
        if self._room:
            self._head.append(text[: self._room])
            text, self._room = text[self._room :], max(0, self._room - len(text))
        if text:
            self._keep_last(text)

    def _keep_last(self, text: str) -> None:
        over = max(0, len(text) - self._most)
        self._cut += over
        self._tail.append(text[over:])
        self._held += len(text) - over
        while self._tail and self._held - len(self._tail[0]) >= self._most:
            gone = self._tail.popleft()
            self._held -= len(gone)
            self._cut += len(gone)

    def take(self) -> tuple[str, int]:
        """What is kept, and how many characters are left out of its middle."""
        head, tail = "".join(self._head), "".join(self._tail)
        over = max(0, len(tail) - self._most)
        cut = self._cut + over
        if not cut:
            return head + tail, 0
        return f"{head}\n… ({cut} characters left out) …\n{tail[over:]}", cut
