"""Every route of `/openapi.json`, tried with what it allows and with what it does not, by schemathesis.

The requests are made up from the reference alone and sent to a real `mcp-memory serve`; what comes back is held against
the same reference. They are the same in every run.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from mcp_memory.rest.openapi import openapi
from mcp_memory.rest.table import ENDPOINTS
from tests.support.server import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemathesis import Case

DESCRIPTION = openapi(ENDPOINTS)

WITH_HEADERS = "/v1/memories"
"""The path whose optional headers are varied too: one piece of code reads them for all."""


def _lighter(description: dict[str, Any]) -> dict[str, Any]:
    """The description without the optional headers of all paths but one: a third of the requests."""
    light = copy.deepcopy(description)
    for path, methods in light["paths"].items():
        for operation in methods.values():
            operation["parameters"] = [
                one
                for one in operation["parameters"]
                if path == WITH_HEADERS or one["in"] != "header" or one["required"]
            ]
    return light


ANYTHING = schemathesis.openapi.from_dict(
    _lighter(DESCRIPTION),
    config=SchemathesisConfig.from_dict({"phases": {"coverage": {"unexpected-methods": ["PATCH", "TRACE"]}}}),
)
"""With good and bad requests, the edges of every field among them, to ids that are mostly nothing's."""

GOOD = schemathesis.openapi.from_dict(
    DESCRIPTION,
    config=SchemathesisConfig.from_dict(
        {"generation": {"mode": "positive"}, "phases": {"coverage": {"enabled": False}}}
    ),
).include(path_regex=r"{|/context/")
"""With good requests alone, of the routes that are about something that must be there."""

CONFORMS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CHECKS = [*CONFORMS, negative_data_rejection, missing_required_header, unsupported_method]

LINES = "application/x-ndjson"
"""Any text is lines: those that cannot be read are told in the answer."""

same_every_time = settings(
    max_examples=3, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@schemathesis.serializer(LINES)
def _as_it_is(_: schemathesis.SerializationContext, text: Any) -> Any:
    return str(text).encode(errors="replace")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("schemathesis") / "data") as process:
        yield process


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture(scope="module")
def things(server: ServerProcess, session: requests.Session) -> Things:
    return Things(server.url, session)


class Things:
    """Makes what a route can be about, anew for each request: some routes erase it."""

    workspace = "full-of-things"

    def __init__(self, url: str, session: requests.Session) -> None:
        self._url = url
        self._session = session
        self._made = 0
        self._makers: dict[str, Callable[[], str]] = {
            "memory_id": self._memory,
            "workspace_id": lambda: self._post("/v1/workspaces", name="A workspace")["id"],
            "session_id": lambda: self._post("/v1/sessions")["id"],
            "contradiction_id": self._contradiction,
            "entity_id": lambda: "ana",
        }

    def fill(self, case: Case) -> None:
        """Let the request be about things that are there, in the workspace they are in."""
        names = list(case.path_parameters or ())
        if "association_id" in names:
            source, link = self._link()
            found = {"memory_id": source, "association_id": link}
        else:
            found = {name: self._makers[name]() for name in names}
        case.path_parameters = {name: found[name] for name in names}
        case.headers = {**case.headers, "X-Workspace-ID": self.workspace}
        if "X-Session-ID" in case.headers or "/context/" in case.path:
            case.headers["X-Session-ID"] = self._makers["session_id"]()
        for given in (case.query, case.body):
            if isinstance(given, dict):
                given.pop("workspace_id", None)
        if isinstance(case.body, dict) and "target_id" in case.body:
            case.body["target_id"] = self._memory()

        if case.path.endswith("/restore"):
            self._send("DELETE", f"/v1/memories/{found['memory_id']}")
        if case.path.endswith("/{session_id}/memory") and case.method == "GET":
            case.query.pop("key", None)

    def _memory(self) -> str:
        self._made += 1
        made: str = self._post("/v1/memories", content=f"Thing number {self._made} is on shelf {self._made}.")["id"]
        return made

    def _link(self) -> tuple[str, str]:
        source = self._memory()
        made = self._post(f"/v1/memories/{source}/associate", target_id=self._memory(), relationship="related_to")
        return source, made["id"]

    def _contradiction(self) -> str:
        self._made += 1
        for word in ("Always", "Never"):
            self._post("/v1/memories", content=f"{word} enable the cache of machine {self._made} in production.")
        path = f"/v1/workspaces/{self.workspace}/contradictions"
        self._post(f"{path}/scan")
        made: str = self._send("GET", path, params={"limit": 500}).json()["contradictions"][-1]["id"]
        return made

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        made: dict[str, Any] = self._send("POST", path, json=body).json()
        return made

    def _send(self, method: str, path: str, **request: Any) -> requests.Response:
        headers = {"X-Workspace-ID": self.workspace}
        response = self._session.request(method, f"{self._url}{path}", headers=headers, **request)
        assert response.ok, response.text
        return response


@ANYTHING.parametrize()
@same_every_time
def test_a_route_keeps_to_the_reference(case: Case, server: ServerProcess, session: requests.Session) -> None:
    response = case.call(base_url=server.url, session=session)
    case.validate_response(response, checks=CONFORMS if case.media_type == LINES else CHECKS)


@GOOD.parametrize()
@same_every_time
def test_a_route_that_is_about_something_finds_it(
    case: Case, server: ServerProcess, session: requests.Session, things: Things
) -> None:
    things.fill(case)
    response = case.call(base_url=server.url, session=session)
    case.validate_response(response, checks=CONFORMS)
    assert response.status_code != 404, response.text


@pytest.mark.parametrize("year", [1, 486, 999, 1000, 9999])
def test_a_memory_of_any_year_can_be_read_again(server: ServerProcess, session: requests.Session, year: int) -> None:
    body = {"content": f"It happened in the year {year}.", "occurred_at": f"{year:04}-07-02", "workspace_id": "years"}
    assert session.post(f"{server.url}/v1/memories", json=body).status_code == 201
    listed = session.get(f"{server.url}/v1/memories", params={"workspace_id": "years"})
    assert f"{year:04}-07-02" in [one["occurred_at"][:10] for one in listed.json()["memories"]]
