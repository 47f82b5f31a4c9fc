"""The field types of REST bodies, which take what `/openapi.json` says and nothing else.

The tools' own types are more generous: some models send a list or an object as its JSON text.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from mcp_memory.models.base import Label, Line, Metadata, in_utc
from mcp_memory.models.base import Tags as ToolTags
from mcp_memory.ontology import RELATIONSHIPS

VISIBLE: Final = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
"""At least one visible character, and no NUL. What stands beside `\\s` is white space to Python alone."""

NO_NUL: Final = r"^[^\u0000]*$"

MOST_NAME: Final = 200
"""Characters of a name or identifier."""


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 10.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value.upper() if _ISO.fullmatch(value.upper()) else "")
    except ValueError:
        raise ValueError("must be a date or a time as in ISO 8601, for example 2026-03-01T09:30:00Z") from None


Text = Annotated[Line, WithJsonSchema({"type": "string", "minLength": 1, "pattern": VISIBLE})]
"""Visible text, stripped."""

Name = Annotated[Label, WithJsonSchema({"type": "string", "maxLength": MOST_NAME, "pattern": NO_NUL})]
"""A short name or identifier; empty: none."""

Key = Annotated[
    Line,
    Field(max_length=MOST_NAME),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MOST_NAME, "pattern": VISIBLE}),
]
"""A short name or identifier that must be there."""

Ids = Annotated[list[Key], Field(max_length=1000)]
"""Identifiers of memories."""

Tags = Annotated[
    ToolTags,
    WithJsonSchema(
        {
            "type": "array",
            "maxItems": 100,
            "items": {"type": "string", "maxLength": MOST_NAME, "pattern": NO_NUL},
        }
    ),
]
"""Lower-cased, stripped, distinct and sorted."""

Meta = Annotated[Metadata, WithJsonSchema({"type": "object"})]
"""Any JSON object."""

Relationship = Annotated[Key, WithJsonSchema({"type": "string", "enum": list(RELATIONSHIPS)})]
"""A relationship's name. The verbs refuse others, and offer the nearest."""

WHOLE: Final = BeforeValidator(_whole)
"""For an integer that may be written as 10.0; stands last, so that the schema keeps the limits."""

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
"""A number from 0 to 1."""

Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(in_utc),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}),
]
"""An instant; one without an offset is taken as UTC, a date alone as its midnight."""
