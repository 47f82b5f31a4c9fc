"""Workspaces and their contexts over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.door import clocked, with_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.rest import Rest


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    with clocked(tmp_path_factory.mktemp("rest")) as (rest, _):
        yield rest


@pytest.fixture
def rest(server: Rest) -> Rest:
    """In a workspace that nobody else uses, and which is there."""
    alone = server.alone()
    alone.post("/v1/workspaces", {"name": "Somewhere", "workspace_id": alone.workspace}, status=201)
    return alone


def where(rest: Rest, path: str = "") -> str:
    return f"/v1/workspaces/{rest.workspace}{path}"


# --------------------------------------------------------------------------------------------------------- workspaces


def test_a_new_workspace_comes_back_both_wrapped_and_bare(server: Rest) -> None:
    made = server.post("/v1/workspaces", {"name": " My project ", "settings": {"colour": None}}, status=201)
    workspace = made["workspace"]
    assert made == {"workspace": workspace, **workspace}
    assert (workspace["name"], workspace["settings"], workspace["tags"]) == ("My project", {"colour": None}, [])
    assert workspace["id"].startswith("ws_")
    assert workspace["tenant_id"] == "_default"
    assert server.get(f"/v1/workspaces/{workspace['id']}") == made


def test_an_id_that_is_taken_is_refused_and_nothing_is_overwritten(rest: Rest) -> None:
    detail = rest.refusal(409, "POST", "/v1/workspaces", json={"name": "Other", "workspace_id": rest.workspace})
    assert rest.workspace in detail
    assert rest.get(where(rest))["name"] == "Somewhere"


def test_all_workspaces_are_listed_those_that_a_memory_made_too(rest: Rest) -> None:
    other = rest.alone()
    other.remember("Ana drinks tea.")
    listed = rest.get("/v1/workspaces")
    ids = [one["id"] for one in listed["workspaces"]]
    assert ids == sorted(ids)
    assert {rest.workspace, other.workspace} <= set(ids)
    assert listed["total_count"] == len(ids)


def test_a_change_replaces_what_is_given_and_leaves_the_rest(rest: Rest) -> None:
    changed = rest.ask("PUT", where(rest), json={"settings": {"a": 1, "b": [None]}})
    assert (changed["name"], changed["settings"]) == ("Somewhere", {"a": 1, "b": [None]})
    changed = rest.ask("PUT", where(rest), json={"name": "Elsewhere", "settings": None})
    assert (changed["name"], changed["settings"]) == ("Elsewhere", {"a": 1, "b": [None]})
    assert rest.ask("PUT", where(rest), json={"settings": {"c": 2}})["settings"] == {"c": 2}
    assert rest.ask("PUT", where(rest), json={}) == rest.get(where(rest))


def test_workspaces_are_found_by_their_tags_which_new_settings_leave_alone(server: Rest) -> None:
    made = server.post("/v1/workspaces", {"name": "Tagged", "tags": ["Finance", "knowledge "]}, status=201)
    assert made["tags"] == ["finance", "knowledge"]
    kept = server.ask("PUT", f"/v1/workspaces/{made['id']}", json={"settings": {"a": 1}})
    assert (kept["tags"], kept["settings"]["a"]) == (["finance", "knowledge"], 1)

    def found(**query: str) -> bool:
        return made["id"] in [one["id"] for one in server.get("/v1/workspaces", **query)["workspaces"]]

    assert found(tags="finance,knowledge")
    assert found(tags="finance,other", match="any")
    assert not found(tags="finance,other")
    assert not found(tags="other", match="any")
    assert server.ask("PUT", f"/v1/workspaces/{made['id']}", json={"tags": []})["tags"] == []


def test_a_deleted_workspace_is_gone_with_all_that_was_in_it(rest: Rest) -> None:
    memory_id = rest.remember("Ana drinks tea.")["id"]
    session_id = rest.post("/v1/sessions", {}, status=201)["id"]
    assert rest.ask("DELETE", where(rest), status=204) is None
    assert rest.workspace in rest.refusal(404, "GET", where(rest))
    rest.refusal(404, "DELETE", where(rest))
    rest.refusal(404, "GET", f"/v1/memories/{memory_id}")
    rest.refusal(404, "GET", f"/v1/sessions/{session_id}")


@pytest.mark.parametrize("lasting", ["_default", "_global"])
def test_what_every_call_may_fall_back_on_cannot_be_deleted(server: Rest, lasting: str) -> None:
    elsewhere = server.having(X_Workspace_ID=lasting)
    memory_id = elsewhere.remember(f"Kept in {lasting}.")["id"]
    assert "cannot be deleted" in server.refusal(409, "DELETE", f"/v1/workspaces/{lasting}")
    assert elsewhere.get(f"/v1/memories/{memory_id}")["status"] == "active"


def test_the_schema_names_what_memories_and_links_can_be(rest: Rest) -> None:
    schema = rest.get(where(rest, "/schema"))
    assert schema["relationship_types"] == sorted(schema["relationship_types"])
    assert {"causes", "related_to"} <= set(schema["relationship_types"])
    assert (len(schema["memory_subtypes"]), schema["can_customize"]) == (13, False)


def test_a_workspace_that_is_not_there_is_404_and_reading_makes_none(server: Rest) -> None:
    nowhere = server.alone()
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/schema"), ("GET", "/contexts")):
        body = {"json": {"name": "x"}} if method == "PUT" else {}
        nowhere.refusal(404, method, where(nowhere, path), **body)
    nowhere.refusal(404, "POST", where(nowhere, "/contexts"), json={"name": "kitchen"})
    assert nowhere.workspace not in [one["id"] for one in server.get("/v1/workspaces")["workspaces"]]


@pytest.mark.parametrize(
    "body", [{}, {"name": " "}, {"name": "x" * 201}, {"name": 1}, {"name": "x", "settings": []}, {"name": "x", "y": 1}]
)
def test_what_no_workspace_can_be_made_of_is_told(server: Rest, body: dict[str, object]) -> None:
    before = server.get("/v1/workspaces")["total_count"]
    server.refusal(422, "POST", "/v1/workspaces", json=body)
    assert server.get("/v1/workspaces")["total_count"] == before


# ----------------------------------------------------------------------------------------------------------- contexts


def test_a_new_context_comes_back_both_wrapped_and_bare_and_is_listed(rest: Rest) -> None:
    wanted = {"name": "kitchen", "description": "Where we cook", "settings": {"a": None}}
    made = rest.post(where(rest, "/contexts"), wanted, status=201)
    context = made["context"]
    assert made == {"context": context, **context}
    assert {name: context[name] for name in wanted} == wanted
    assert (context["id"], context["workspace_id"], context["tenant_id"]) == ("kitchen", rest.workspace, "_default")
    assert context in rest.get(where(rest, "/contexts"))["contexts"]


def test_a_context_that_a_memory_made_is_listed_too(rest: Rest) -> None:
    rest.remember("The oven is hot.", context_id="kitchen")
    assert "kitchen" in [one["name"] for one in rest.get(where(rest, "/contexts"))["contexts"]]


def test_a_name_that_is_taken_or_none_is_told(rest: Rest) -> None:
    rest.post(where(rest, "/contexts"), {"name": "kitchen"}, status=201)
    assert "kitchen" in rest.refusal(409, "POST", where(rest, "/contexts"), json={"name": "kitchen"})
    rest.refusal(400, "POST", where(rest, "/contexts"), json={"name": "_default"})
    rest.refusal(422, "POST", where(rest, "/contexts"), json={"name": ""})


# ---------------------------------------------------------------------------------------------------------- isolation


def test_a_bound_key_sees_its_own_workspace_and_no_other(rest: Rest, server: Rest) -> None:
    other = server.alone()
    other.remember("Only for the lab.")
    bound = with_key(server, "read", "write", "admin", workspace_id=rest.workspace)
    assert [one["id"] for one in bound.get("/v1/workspaces")["workspaces"]] == [rest.workspace]
    assert bound.get(where(rest))["id"] == rest.workspace
    paths = (("GET", ""), ("DELETE", ""), ("GET", "/schema"), ("GET", "/contexts"), ("GET", "/export"))
    for method, path in paths:
        bound.refusal(403, method, where(other, path))
    bound.refusal(403, "PUT", where(other), json={"name": "Mine"})
    bound.refusal(403, "POST", where(other, "/contexts"), json={"name": "kitchen"})
    bound.refusal(403, "POST", "/v1/workspaces", json={"name": "New"})
    bound.refusal(403, "POST", "/v1/workspaces", json={"name": "New", "workspace_id": f"{rest.workspace}-2"})
    assert server.get(where(other))["name"] == other.workspace


def test_deleting_needs_the_right_to_administrate(rest: Rest) -> None:
    with_key(rest, "read", "write").refusal(403, "DELETE", where(rest))
    with_key(rest, "read").refusal(403, "PUT", where(rest), json={"name": "x"})
    with_key(rest, "read").refusal(403, "POST", where(rest, "/contexts"), json={"name": "x"})
    with_key(rest, "admin").ask("DELETE", where(rest), status=204)
