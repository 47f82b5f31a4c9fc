"""Token buckets: how many requests a caller may send. Their memory is bounded."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.rest.security.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_memory.rest.security.refused import Reason

MOST_BUCKETS: Final = 10_000
"""Those not used for longest are dropped first, which fills them: about 2 MB."""


ROUNDING: Final = 1e-6
"""Of a token: whoever waited as long as told is not sent away over a last digit."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands after a request."""

    allowed: bool
    limit: int
    """Requests a minute, and at once after a minute's rest."""
    remaining: int
    """Requests that may follow at once."""
    full_in: int
    """Seconds until `limit` requests may be sent at once."""
    retry_after: int
    """Seconds until the next request is allowed; 0: it is."""

    def headers(self) -> dict[str, str]:
        """For every answer."""
        told = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.full_in),
        }
        return told if self.allowed else {**told, "Retry-After": str(self.retry_after)}


class Buckets:
    """One bucket for each caller."""

    def __init__(self, per_minute: int, clock: Callable[[], float], most: int = MOST_BUCKETS) -> None:
        self._limit = per_minute
        self._clock = clock
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Tokens, and when there were so many."""

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, who: str) -> Standing:
        """Spend a token, if there is one."""
        now = self._clock()
        tokens, since = self._levels.pop(who, (float(self._limit), now))
        tokens = min(float(self._limit), tokens + (now - since) * self._limit / 60)
        allowed = tokens >= 1 - ROUNDING
        tokens = max(0.0, tokens - 1) if allowed else tokens
        self._levels[who] = (tokens, now)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return self._standing(tokens, allowed)

    def _standing(self, tokens: float, allowed: bool) -> Standing:
        seconds_each = 60 / self._limit
        return Standing(
            allowed=allowed,
            limit=self._limit,
            remaining=int(tokens + ROUNDING),
            full_in=math.ceil((self._limit - tokens) * seconds_each),
            retry_after=0 if allowed else max(1, math.ceil((1 - ROUNDING - tokens) * seconds_each)),
        )


def too_many(standing: Standing, reason: Reason, detail: str) -> Refused:
    """The refusal of one request too many."""
    return Refused(429, reason, detail, standing.headers(), retry_after=standing.retry_after)
