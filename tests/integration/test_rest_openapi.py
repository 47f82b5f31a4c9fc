"""The reference of the REST door, and that every verb is there on every door it belongs to."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from mcp_memory.rest.table import ENDPOINTS
from tests.support.rest import Rest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


REFUSED = {"400", "401", "403", "404", "413", "422", "429", "500", "503"}


@pytest.fixture(scope="module")
def rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    with serving(tmp_path_factory.mktemp("rest")) as rest:
        yield rest


@pytest.fixture(scope="module")
def description(rest: Rest) -> dict[str, Any]:
    found: dict[str, Any] = rest.get("/openapi.json")
    return found


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_route_that_does_anything_is_described_once(description: dict[str, Any]) -> None:
    described = [(method, path) for method, path, _ in operations(description)]
    served = [one for one in ENDPOINTS if one.status != 501]
    assert sorted(described) == sorted((one.method, re.sub(r":\w+}", "}", one.path)) for one in served)
    assert "501" in description["info"]["description"]
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(names) == len(set(names))


def test_all_references_lead_somewhere_and_all_schemas_are_schemas(description: dict[str, Any]) -> None:
    for reference in set(references(description)):
        found: Any = description
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    for schema in description["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for _, _, operation in operations(description):
        for parameter in operation["parameters"]:
            schema = parameter["schema"]
            Draft202012Validator.check_schema(schema)
            assert "default" not in schema or Draft202012Validator(schema).is_valid(schema["default"]), parameter


def test_every_operation_says_what_it_takes_and_gives(description: dict[str, Any]) -> None:
    for method, path, operation in operations(description):
        where = f"{method} {path}"
        in_path = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), where
        assert operation["summary"].endswith("."), where
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert len(good) == 1, where
        if path.startswith("/v1/"):
            assert {"400", "401", "403", "404", "413", "422", "429", "500", "503"} <= operation["responses"].keys(), (
                where
            )
        answer = operation["responses"][good[0]]
        assert ("content" in answer) == (good[0] != "204"), where


def test_bodies_are_closed_in_the_reference_too(description: dict[str, Any]) -> None:
    for method, path, operation in operations(description):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            schema = description["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
            assert schema["additionalProperties"] is False, f"{method} {path}"


def test_the_page_shows_every_operation_and_loads_nothing(rest: Rest, description: dict[str, Any]) -> None:
    response = rest.http.get("/docs")
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    page = _Page(response.text)
    assert page.loaded == []
    assert page.ids >= description["components"]["schemas"].keys()
    assert page.targets <= page.ids
    for method, path, operation in operations(description):
        assert f"{method} {path} {operation['summary']}" in page.text


class _Page(HTMLParser):
    """What a page says, what it would load, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self._words: list[str] = []
        self.feed(html)
        self.text = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name == "src" or tag in ("script", "link"):
                self.loaded.append(tag)
            elif name == "href" and (value or "").startswith("#"):
                self.targets.add((value or "")[1:])

    def handle_data(self, data: str) -> None:
        self._words.append(data)
