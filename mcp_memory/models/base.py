"""What requests and results share, and the field types with their own rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

NOT_BLANK = "is blank; give it at least one visible character"


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("contains a NUL character; remove it")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("contains half of a surrogate pair, which is not valid Unicode; remove it")
    return text


def _visible(text: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise ValueError(NOT_BLANK)
    return stripped


def _decoded_list(value: Any) -> Any:
    return _decoded(value, list, 'must be a list, for example ["one", "two"]')


def _decoded_object(value: Any) -> Any:
    return _decoded(value, dict, 'must be an object, for example {"key": "value"}')


def _decoded(value: Any, kind: type, complaint: str) -> Any:
    """Some clients send a list or an object as its JSON text."""
    if not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        decoded = None
    if not isinstance(decoded, kind):
        raise ValueError(complaint)
    return decoded


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        _storable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise ValueError(f"cannot be stored as JSON: {error}") from None
    return value


def _tidy_tags(tags: list[str]) -> list[str]:
    return sorted({tag.strip().lower() for tag in tags if tag.strip()})


def in_utc(moment: datetime) -> datetime:
    """The same instant in UTC; a time without an offset is taken as UTC.

    Raises:
        ValueError: it is in UTC beyond the years 1 to 9999.
    """
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie in the years 1 to 9999") from None


def stamp(moment: datetime) -> str:
    """Fixed-width ISO 8601 in UTC, so that text order is time order."""
    return in_utc(moment).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


Line = Annotated[str, AfterValidator(_storable), AfterValidator(_visible)]
"""Visible text, stripped."""

Label = Annotated[str, AfterValidator(_storable), AfterValidator(str.strip), Field(max_length=200)]
"""A short name or identifier; may be empty, which means none."""

Tags = Annotated[
    list[Annotated[str, AfterValidator(_storable), Field(max_length=200)]],
    BeforeValidator(_decoded_list),
    AfterValidator(_tidy_tags),
    Field(max_length=100),
]
"""Lower-cased, stripped, distinct and sorted."""

Metadata = Annotated[dict[str, Any], BeforeValidator(_decoded_object), AfterValidator(_storable_json)]

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
"""A number from 0 to 1."""

Moment = Annotated[datetime, AfterValidator(in_utc), PlainSerializer(stamp, return_type=str, when_used="json")]
"""An instant; a time without an offset is taken as UTC."""


Item = TypeVar("Item")

Listed = Annotated[list[Item], BeforeValidator(_decoded_list)]
"""A list that may also come as its JSON text."""


class Request(BaseModel):
    """What a caller asks for. `null` for an optional field means its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        required = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {name: value for name, value in data.items() if value is not None or name in required}


class Result(BaseModel):
    """What came of it."""

    model_config = ConfigDict(extra="forbid")

    @property
    def failed(self) -> bool:
        """Whether what was asked for has failed, although there is much to tell of it."""
        return False

    def lean(self) -> dict[str, Any]:
        """JSON-ready. Of what stands inside, only what differs from its default: an answer is paid for by size."""
        told = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        untold = {name for name in type(self).model_fields if name not in told}
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, include=untold) | told
