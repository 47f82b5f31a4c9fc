"""JSON schemas as small as they can be: a tool list is paid for in every conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_memory.models.base import Request, Result

_KEPT = (
    "type",
    "enum",
    "items",
    "minimum",
    "maximum",
    "default",
)

NOTABLE_MAXIMUM = 1000
"""A larger limit is not worth its characters: who runs into it is told."""


def input_schema(request: type[Request], parameters: Mapping[str, str], unlisted: Sequence[str]) -> dict[str, Any]:
    """The request's schema for `parameters` alone, without titles, references or `null` branches.

    The values of `unlisted` parameters stand in another tool's schema and are not repeated.
    """
    full = request.model_json_schema()
    definitions = full.get("$defs", {})
    properties = {
        name: _reduced(full["properties"][name], definitions) | ({"description": hint} if hint else {})
        for name, hint in parameters.items()
    }
    for name in unlisted:
        properties[name]["items"].pop("enum")
    required = [name for name in full.get("required", []) if name in parameters]
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def output_schema(result: type[Result], leading: Sequence[str]) -> dict[str, Any]:
    """The result's leading fields by type, one level deep; the first of them is always there."""
    full = result.model_json_schema(mode="serialization")
    definitions = full.get("$defs", {})
    properties = {name: {"type": _json_type(full["properties"][name], definitions)} for name in leading}
    return {"type": "object", "properties": properties, "required": [leading[0]]}


def _reduced(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    resolved = _resolved(schema, definitions)
    reduced = {key: _short(resolved[key]) for key in _KEPT if key in resolved}
    if "items" in reduced:
        reduced["items"] = _reduced(reduced["items"], definitions)
    if not reduced.get("default"):
        reduced.pop("default", None)
    if reduced.get("maximum", 0) > NOTABLE_MAXIMUM:
        reduced.pop("maximum")
    return reduced


def _short(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    branches = [branch for branch in schema.get("anyOf", []) if branch.get("type") != "null"]
    merged = {**schema, **(branches[0] if branches else {})}
    reference = merged.pop("$ref", "")
    return {**definitions[reference.rsplit("/", 1)[-1]], **merged} if reference else merged


def _json_type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    return str(_resolved(schema, definitions)["type"])
