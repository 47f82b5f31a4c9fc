"""Reading a request's headers, and the headers every answer has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Scope

Raw = tuple[bytes, bytes]
"""A header as ASGI has it; its name in small letters."""

ALWAYS: Final[Mapping[bytes, bytes]] = {
    b"x-content-type-options": b"nosniff",
    b"cache-control": b"no-store",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cross-origin-resource-policy": b"same-origin",
}
"""What an answer has unless it says otherwise itself."""

DATA_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
"""Of answers that are no page: nothing in them may load or run anything."""

PAGE_POLICY: Final = (
    b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of pages that have no policy of their own: text in its own style, and no script."""


def values(scope: Scope, name: bytes) -> list[str]:
    """Every value a header was sent with, in order; `name` in small letters."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def value(scope: Scope, name: bytes) -> str:
    """The one value of a header; empty where it was not sent or was sent more than once."""
    found = values(scope, name)
    return found[0] if len(found) == 1 else ""


def completed(own: Iterable[Raw], added: Iterable[Raw]) -> list[Raw]:
    """The answer's own headers, those that are added to it, and those every answer has."""
    given = [(name.lower(), content) for name, content in own]
    names = {name for name, _ in given}
    given.extend((name, content) for name, content in added if name == b"vary" or name not in names)
    names = {name for name, _ in given}
    given.extend(item for item in ALWAYS.items() if item[0] not in names)
    if b"content-security-policy" not in names:
        given.append((b"content-security-policy", _policy(given)))
    return given


def media_type(headers: Iterable[Raw]) -> str:
    """The content type without parameters, in small letters."""
    found = next((content for name, content in headers if name.lower() == b"content-type"), b"")
    return found.split(b";")[0].strip().lower().decode("latin-1")


def _policy(headers: Iterable[Raw]) -> bytes:
    return PAGE_POLICY if media_type(headers) == "text/html" else DATA_POLICY
