"""`/openapi.json`, and `/docs`: the same for people, as one page that needs no network and no script."""

from __future__ import annotations

import json
from functools import cache, partial
from html import escape
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse, Response

from mcp_memory.rest.openapi import openapi
from mcp_memory.rest.serving import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import Route

    from mcp_memory.rest.endpoint import Endpoint, Probe

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE: Final = """\
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:0.875em ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid #8884;border-radius:.375rem}
details{border-top:1px solid #8884;padding:.4rem 0}
summary{cursor:pointer}
summary b{display:inline-block;width:4.5rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
.quiet{opacity:.7}
"""


def reference_routes(endpoints: Sequence[Endpoint | Probe]) -> list[Route]:
    """The routes of the reference; it is made when it is first asked for."""
    from starlette.routing import Route

    described = cache(partial(openapi, tuple(endpoints)))
    return [
        Route("/openapi.json", Resource({"GET": _serving(lambda: _as_json(described()))})),
        Route("/docs", Resource({"GET": _serving(lambda: _as_page(described()))})),
    ]


def _serving(render: Callable[[], Response]) -> Any:
    async def serve(_: Request) -> Response:
        return render()

    return serve


def _as_json(description: Mapping[str, Any]) -> Response:
    return Response(json.dumps(description, ensure_ascii=False, separators=(",", ":")), media_type="application/json")


def _as_page(description: Mapping[str, Any]) -> Response:
    return HTMLResponse(page(description), headers={"Content-Security-Policy": POLICY})


def page(description: Mapping[str, Any]) -> str:
    """The reference as HTML."""
    info = description["info"]
    components = description["components"]
    refusals = {name.removeprefix("Refused"): answer for name, answer in components["responses"].items()}
    body = "\n".join(
        [
            *_operations(description),
            "<h2>Refusals</h2><p>Every call may be answered with one of these.</p>",
            _answers(refusals),
            "<h2>Models</h2>",
            *_models(components["schemas"]),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(info["title"])} <span class="quiet">{escape(info["version"])}</span></h1>'
        f'<p>{escape(info["description"])} The same as data: <a href="openapi.json">openapi.json</a>.</p>'
        f"{body}</body></html>"
    )


def _operations(description: Mapping[str, Any]) -> Iterator[str]:
    for heading, operations in _by_heading(description).items():
        yield f"<h2>{escape(heading)}</h2>"
        for path, method, operation in operations:
            yield _operation(path, method, operation)


def _by_heading(description: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            found.setdefault(next(iter(operation.get("tags", ())), ""), []).append((path, method, operation))
    return found


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = [
        _parameters(operation["parameters"]),
        _body(operation.get("requestBody")),
        _answers(operation["responses"]),
    ]
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {escape(operation['summary'])}"
        f"</summary>{''.join(parts)}</details>"
    )


def _parameters(parameters: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}{', required' if one['required'] else ''}</td>"
        f"<td>{_kind(one['schema'])}</td></tr>"
        for one in parameters
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _body(body: Mapping[str, Any] | None) -> str:
    if body is None:
        return ""
    kinds = ", ".join(f"{escape(media)}: {_kind(one['schema'])}" for media, one in body["content"].items())
    return f"<p>Body{'' if body['required'] else ' (may be left out)'}: {kinds}</p>"


def _answers(answers: Mapping[str, Any]) -> str:
    """The operation's own; refusals are told once, under their heading."""
    rows = [
        f"<tr><td>{status}</td><td>{escape(answer['description'])}</td><td>{_content(answer)}</td></tr>"
        for status, answer in answers.items()
        if "$ref" not in answer
    ]
    return f"<table>{''.join(rows)}</table>"


def _content(answer: Mapping[str, Any]) -> str:
    return ", ".join(_kind(one["schema"]) for one in answer.get("content", {}).values())


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words; a model by its name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_kind(one) for one in schema[choice])
    if "enum" in schema:
        return escape(", ".join(str(one) for one in schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("type", "anything"))) + _limits(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    named = {"minimum": "from", "maximum": "to", "default": "default"}
    said = [f"{word} {escape(json.dumps(schema[name]))}" for name, word in named.items() if name in schema]
    return f' <span class="quiet">{", ".join(said)}</span>' if said else ""


def _models(schemas: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in schemas.items():
        text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
        yield f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary><pre>{text}</pre></details>'
