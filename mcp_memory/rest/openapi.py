"""`/openapi.json`: made from the table of endpoints and their models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from mcp_memory import __version__
from mcp_memory.rest.endpoint import Endpoint, NoBody
from mcp_memory.rest.fields import MOST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from mcp_memory.rest.endpoint import Probe

    Described = Endpoint | Probe
    Schemas = Mapping[tuple[type[BaseModel], str], dict[str, Any]]

NOT_IMPLEMENTED: Final = 501

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

REFERENCES: Final = "#/components/schemas/{model}"

DETAIL: Final[dict[str, Any]] = {
    "title": "Detail",
    "description": "Why the request was refused.",
    "type": "object",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}
FINDINGS: Final[dict[str, Any]] = {
    "title": "Findings",
    "description": "What does not fit, and where.",
    "type": "object",
    "properties": {
        "detail": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "msg": {"type": "string"},
                    "input": {},
                },
                "required": ["type", "loc", "msg", "input"],
            },
        }
    },
    "required": ["detail"],
}

LINES: Final[dict[str, Any]] = {"application/x-ndjson": {"schema": {"type": "string"}}}
"""Lines of JSON, as one text."""

REFUSALS: Final = {
    "400": "It cannot be carried out as written.",
    "401": "A key is missing, unknown, expired or revoked.",
    "403": "The key does not allow it, or not there.",
    "404": "There is nothing with this id here.",
    "408": "It took too long.",
    "409": "Something that is there already stands against it.",
    "413": "The body is too large.",
    "421": "The request is for another host.",
    "429": "Too many requests; `Retry-After` says when to go on.",
    "500": "The server failed unexpectedly.",
    "503": "The memory cannot serve now.",
    "504": "The answer did not come in time.",
}
"""What may be answered to any call about memory."""

ID: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": MOST_NAME,
    "pattern": r"^[^\u0000/]*[^\s\u0000/][^\u0000/]*$",
}
NAME: Final = {"type": "string", "maxLength": MOST_NAME}


DESCRIPTION: Final = (
    "Memories, links, sessions and workspaces of mcp-memory. What other servers of this API have besides "
    "(documents, datasets, chat threads, registries of entities and more) is answered with 501 and is not described."
)


def openapi(endpoints: Sequence[Described]) -> dict[str, Any]:
    """The description of these endpoints, OpenAPI 3.1; of those that do anything."""
    endpoints = [endpoint for endpoint in endpoints if endpoint.status != NOT_IMPLEMENTED]
    refs, schemas = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(_template(endpoint), {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "mcp-memory",
            "version": __version__,
            "summary": "Long-term memory for AI agents.",
            "description": DESCRIPTION,
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Detail": DETAIL, "Findings": FINDINGS},
            "responses": _refusals(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in endpoints if one.tag)],
    }


def _template(endpoint: Described) -> str:
    """The path without Starlette's convertors."""
    return re.sub(r"{(\w+):\w+}", r"{\1}", endpoint.path)


def _schemas(endpoints: Iterable[Described]) -> tuple[Schemas, dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for endpoint in endpoints:
        if isinstance(endpoint, Endpoint) and endpoint.body is not NoBody:
            wanted[(endpoint.body, "validation")] = None
        if endpoint.answer is not None:
            wanted[(endpoint.answer, "serialization")] = None
    refs, definitions = models_json_schema(list(wanted), ref_template=REFERENCES)
    return refs, dict(definitions.get("$defs", {}))  # type: ignore[return-value]


def _operation(endpoint: Described, refs: Schemas) -> dict[str, Any]:
    name = f"{endpoint.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', endpoint.path.lower()).strip('_')}".rstrip("_")
    described: dict[str, Any] = {"operationId": name, "summary": endpoint.summary}
    if endpoint.tag:
        described["tags"] = [endpoint.tag]
    parameters = _path_parameters(endpoint)
    if isinstance(endpoint, Endpoint):
        parameters += [*_query_parameters(endpoint), *_headers(endpoint)]
        described |= _request_body(endpoint, refs)
    else:
        described["security"] = []
    return described | {"parameters": parameters, "responses": _responses(endpoint, refs)}


def _path_parameters(endpoint: Described) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", _template(endpoint))
    return [{"name": name, "in": "path", "required": True, "schema": ID} for name in names]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = endpoint.query.model_json_schema(ref_template=REFERENCES)
    required = schema.get("required", [])
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": name in required, **_written(_inlined(field, definitions))}
        for name, field in schema.get("properties", {}).items()
    ]


def _written(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter's schema; a list stands between commas."""
    if schema.get("type") != "array":
        return {"schema": schema}
    listed = {name: value for name, value in schema.items() if name != "default"}
    return {"schema": listed, "style": "form", "explode": False}


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with what it refers to in its place."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in schema.items()}


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    needed = endpoint.session == "required"
    names = ["X-Workspace-ID"] + (["X-Session-ID"] if endpoint.session != "none" else [])
    return [
        {"name": name, "in": "header", "required": needed and name == "X-Session-ID", "schema": NAME} for name in names
    ]


def _request_body(endpoint: Endpoint, refs: Schemas) -> dict[str, Any]:
    if endpoint.body is NoBody:
        return {}
    content: dict[str, Any] = {"application/json": {"schema": refs[(endpoint.body, "validation")]}}
    if endpoint.raw_body:
        content |= LINES
    return {"requestBody": {"required": not endpoint.optional_body, "content": content}}


def _responses(endpoint: Described, refs: Schemas) -> dict[str, Any]:
    responses = {str(endpoint.status): _success(endpoint, refs)}
    if not isinstance(endpoint, Endpoint):
        return responses | {str(status): responses[str(endpoint.status)] for status in endpoint.also}
    return {status: {"$ref": f"#/components/responses/Refused{status}"} for status in (*REFUSALS, "422")} | responses


def _refusals() -> dict[str, Any]:
    """What every call may be answered with, by its status."""
    detail = _json({"$ref": "#/components/schemas/Detail"})
    findings = _json({"$ref": "#/components/schemas/Findings"})
    refused = {f"Refused{status}": {"description": text, "content": detail} for status, text in REFUSALS.items()}
    return {**refused, "Refused422": {"description": "It does not fit its model.", "content": findings}}


def _success(endpoint: Described, refs: Schemas) -> dict[str, Any]:
    if endpoint.status == 204:
        return {"description": "Done."}
    content = _json({"type": "object"} if endpoint.answer is None else refs[(endpoint.answer, "serialization")])
    if isinstance(endpoint, Endpoint) and endpoint.lines:
        return {"description": "Lines of JSON, or one object where `Accept` asks for it.", "content": LINES | content}
    return {"description": "Done.", "content": content}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": dict(schema)}}
