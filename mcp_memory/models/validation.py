"""Turning pydantic's findings into sentences that say how to mend the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

_PHRASES = {
    "missing": "is required",
    "string_type": "must be text",
    "list_type": 'must be a list, for example ["one", "two"]',
    "dict_type": "must be an object",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
}
_MOMENTS = ("datetime", "date_from_datetime", "timezone")


def explain(error: ValidationError, known: tuple[str, ...] = ()) -> str:
    """One sentence for each finding; `known` are the parameter names to offer for an unknown one."""
    return " ".join(f"{_sentence(finding, known)}." for finding in error.errors(include_url=False))


def _sentence(finding: Any, known: tuple[str, ...]) -> str:
    name = ".".join(str(part) for part in finding["loc"]) or "the request"
    kind, context = finding["type"], finding.get("ctx", {})
    if kind == "extra_forbidden":
        return f"`{name}` is not a parameter here; the parameters are {', '.join(known)}"
    if kind in ("enum", "literal_error"):
        return f"`{name}` must be one of {_choices(context['expected'])}, not {finding['input']!r}"
    return f"`{name}` {_phrase(kind, context, finding)}"


def _phrase(kind: str, context: dict[str, Any], finding: Any) -> str:
    if kind in _PHRASES:
        return _PHRASES[kind]
    if kind.startswith(_MOMENTS):
        return "must be a date or time in ISO 8601, for example 2026-05-07 or 2026-05-07T14:30:00Z"
    if kind in ("greater_than_equal", "less_than_equal"):
        border = context.get("ge", context.get("le"))
        return f"must be at {'least' if 'ge' in context else 'most'} {border}, not {finding['input']}"
    if kind == "too_long":
        return f"may hold at most {context['max_length']} entries, not {context['actual_length']}"
    if kind == "string_too_long":
        return f"may have at most {context['max_length']} characters"
    if kind == "value_error":
        return str(context["error"])
    return str(finding["msg"])


def _choices(expected: str) -> str:
    return expected.replace("'", "").replace(" or ", ", ")
