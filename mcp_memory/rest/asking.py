"""From a REST body to the request of a verb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from mcp_memory.rest.failures import invalid

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mcp_memory.models.base import Request

RequestT = TypeVar("RequestT", bound="Request")


def asked(model: type[RequestT], place: str = "body", **fields: Any) -> RequestT:
    """The request with these fields; those that are None keep their default.

    Raises:
        Invalid: 422; a value is none that the verb takes.
    """
    try:
        return model(**{name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise invalid(error, place) from None


def shared(model: type[Request], given: BaseModel) -> dict[str, Any]:
    """The fields of a body that the verb's request has too, as they were given; those that are None left out."""
    return {
        name: value
        for name in type(given).model_fields
        if name in model.model_fields and (value := getattr(given, name)) is not None
    }
