"""When it is no use to go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mcp_memory.errors import LanguageModelError

MOST_ERRORS: Final = 3
"""Turns in a row that came to nothing."""
MOST_MODEL_FAILURES: Final = 2
"""Calls in a row that the model did not answer."""


class Stuck(Exception):
    """Going on is no use; the text says why."""


@dataclass(slots=True)
class Patience:
    """Counts what goes wrong in a row."""

    was_answered: bool = False
    """The model has answered at least once."""
    model_failure: LanguageModelError | None = None
    """Why it did not answer last time; None where it did."""
    _errors: int = 0
    _model_failures: int = 0

    def answered(self) -> None:
        """The model has replied, with whatever."""
        self.was_answered = True
        self.model_failure = None
        self._model_failures = 0

    def not_answered(self, error: LanguageModelError) -> None:
        """The model has failed."""
        self.model_failure = error
        self._model_failures += 1
        self._errors += 1

    def in_vain(self) -> None:
        """A turn has come to nothing."""
        self._errors += 1

    def got_on(self) -> None:
        """A turn has come to something."""
        self._errors = 0

    def check(self, last: str) -> None:
        """Whether to go on; `last` says what went wrong in the last turn.

        Raises:
            Stuck: no.
        """
        if self._model_failures >= MOST_MODEL_FAILURES:
            raise Stuck(f"The language model failed {self._model_failures} times in a row: {last}")
        if self._errors >= MOST_ERRORS:
            raise Stuck(f"{self._errors} turns in a row came to nothing, the last with: {last}")
