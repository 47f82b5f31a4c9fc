"""Whole workspaces out and in again over REST."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.door import clocked, with_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.rest import Rest

Lines = list[dict[str, Any]]

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    with clocked(tmp_path_factory.mktemp("rest")) as (rest, _):
        yield rest


@pytest.fixture
def rest(server: Rest) -> Rest:
    return server.alone()


def where(rest: Rest, path: str) -> str:
    return f"/v1/workspaces/{rest.workspace}{path}"


def exported(rest: Rest, **query: Any) -> Lines:
    answer = rest.send("GET", where(rest, "/export"), params=query)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.strip().split("\n")]


def as_object(rest: Rest, **query: Any) -> dict[str, Any]:
    headers = {**rest.headers, "Accept": "application/json"}
    answer = rest.http.get(where(rest, "/export"), params=query, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    told: dict[str, Any] = answer.json()
    return told


def taken_in(rest: Rest, lines: Lines) -> dict[str, Any]:
    body = "\n".join(json.dumps(line) for line in lines)
    told: dict[str, Any] = rest.ask("POST", where(rest, "/import"), content=body, headers=NDJSON)
    return told


def kept(export: Any) -> Any:
    """Without the moment of the export."""
    return {key: value for key, value in export.items() if key != "exported_at"}


def as_client(lines: Lines) -> dict[str, Any]:
    """The object that MemoryLayer's Python client makes of the lines."""
    return {
        "version": lines[0]["version"],
        "workspace_id": lines[0]["workspace_id"],
        "exported_at": lines[0]["exported_at"],
        "total_memories": lines[0]["total_memories"],
        "total_associations": lines[0]["total_associations"],
        "memories": [line["data"] for line in lines if line["type"] == "memory"],
        "associations": [line["data"] for line in lines if line["type"] == "association"],
    }


def furnished(rest: Rest) -> list[str]:
    """The ids of five memories with a history, a forgotten one among them, links, settings and a context."""
    rest.post(
        "/v1/workspaces", {"name": "The desk", "settings": {"a": None}, "workspace_id": rest.workspace}, status=201
    )
    rest.post(where(rest, "/contexts"), {"name": "kitchen", "description": "Where we cook"}, status=201)
    ids = [
        rest.remember(f"The fact {name}.", tags=[name], metadata={"n": None}, author="bob", context_id="kitchen")["id"]
        for name in ("alpha", "beta", "gamma", "delta", "\u2028 epsilon")
    ]
    rest.ask("PUT", f"/v1/memories/{ids[0]}", json={"content": "The fact omega.", "pinned": True})
    rest.ask("DELETE", f"/v1/memories/{ids[4]}", params={"reason": "wrong"}, status=204)
    for source, target in ((0, 1), (1, 2), (3, 2)):
        body = {"target_id": ids[target], "relationship": "supports", "strength": 0.7, "metadata": {"why": "x"}}
        rest.post(f"/v1/memories/{ids[source]}/associate", body, status=201)
    return ids


# ----------------------------------------------------------------------------------------------------------------- out


def test_an_export_is_lines_as_memorylayer_writes_them_with_all_of_ours_in_them(rest: Rest) -> None:
    ids = furnished(rest)
    header, *others, footer = exported(rest)
    assert (header["type"], header["version"], header["workspace_id"]) == ("header", "1.0", rest.workspace)
    assert (header["total_memories"], header["total_associations"], header["offset"], header["limit"]) == (5, 3, 0, 0)
    memories = [line for line in others if line["type"] == "memory"]
    assert [(line["index"], line["data"]["id"]) for line in memories] == list(enumerate(ids))
    assert {"content", "content_hash", "type", "subtype", "importance", "tags", "metadata", "session_id"} <= memories[
        0
    ]["data"].keys()
    links = [line["data"] for line in others if line["type"] == "association"]
    assert {(one["source_id"], one["target_id"]) for one in links} == {
        (ids[0], ids[1]),
        (ids[1], ids[2]),
        (ids[3], ids[2]),
    }
    assert {(one["relationship_type"], one["strength"]) for one in links} == {("supports", 0.7)}
    assert (footer["type"], footer["memories_exported"], footer["associations_exported"]) == ("footer", 5, 3)


def test_an_export_is_one_object_where_that_is_asked_for(rest: Rest) -> None:
    furnished(rest)
    lines, whole = exported(rest), as_object(rest)
    assert kept(as_client(lines)).items() <= whole.items()
    assert (whole["workspace"]["name"], whole["workspace"]["settings"]) == ("The desk", {"a": None})
    assert "Where we cook" in [one["description"] for one in whole["contexts"]]


def test_parts_follow_one_another_and_links_are_left_out_on_request(rest: Rest) -> None:
    ids = furnished(rest)
    parts = [as_object(rest, offset=offset, limit=2) for offset in (0, 2, 4, 6)]
    assert [[one["id"] for one in part["memories"]] for part in parts] == [ids[:2], ids[2:4], ids[4:], []]
    assert [(part["offset"], part["limit"], part["total_memories"]) for part in parts[:2]] == [(0, 2, 5), (2, 2, 5)]
    assert as_object(rest, include_associations="false")["associations"] == []
    rest.refusal(422, "GET", where(rest, "/export"), params={"offset": -1})


# ------------------------------------------------------------------------------------------------------- out and in


@pytest.mark.parametrize("form", ["lines", "object"])
def test_what_was_exported_and_deleted_comes_in_again_whole(rest: Rest, form: str) -> None:
    furnished(rest)
    lines, before = exported(rest), as_object(rest)
    rest.ask("DELETE", where(rest, ""), status=204)
    told = taken_in(rest, lines) if form == "lines" else rest.post(where(rest, "/import"), {"data": before})
    assert (told["imported"], told["skipped_duplicates"], told["errors"], told["details"]) == (5, 0, 0, [])
    assert told["associations_imported"] == 3
    assert told["success"]
    assert kept(as_object(rest)) == kept(before)
    assert rest.recalled("fact omega")[0] == "The fact omega."


def test_what_a_client_made_of_the_lines_comes_in_again_whole(rest: Rest) -> None:
    furnished(rest)
    before = as_object(rest)
    data = as_client(exported(rest))
    rest.ask("DELETE", where(rest, ""), status=204)
    assert rest.post(where(rest, "/import"), {"data": data})["imported"] == 5
    after = as_object(rest)
    assert (after["memories"], after["associations"]) == (before["memories"], before["associations"])


def test_taking_it_in_twice_makes_nothing_twice(rest: Rest) -> None:
    furnished(rest)
    before = as_object(rest)
    told = taken_in(rest, exported(rest))
    assert (told["imported"], told["skipped_duplicates"], told["associations_present"]) == (0, 5, 3)
    assert kept(as_object(rest)) == kept(before)


def test_a_workspace_is_copied_into_another_with_its_links_and_only_once(rest: Rest) -> None:
    ids = furnished(rest)
    copy, before = rest.alone(), as_object(rest)
    for imported in (5, 0):
        told = copy.post(where(copy, "/import"), {"data": as_object(rest)})
        assert (told["imported"], told["skipped_duplicates"], told["errors"]) == (imported, 5 - imported, 0)
    copied = as_object(copy)
    assert [one["content"] for one in copied["memories"]] == [one["content"] for one in before["memories"]]
    assert not {one["id"] for one in copied["memories"]} & set(ids)
    own = {one["id"] for one in copied["memories"]}
    assert len(copied["associations"]) == 3
    assert all({one["source_id"], one["target_id"]} <= own for one in copied["associations"])
    assert kept(as_object(rest)) == kept(before)


def test_parts_of_a_workspace_are_copied_one_after_another_with_all_links(rest: Rest) -> None:
    furnished(rest)
    copy = rest.alone()
    for offset in (0, 2, 4):
        assert taken_in(copy, exported(rest, offset=offset, limit=2))["success"] or offset == 0
    again = taken_in(copy, exported(rest))
    assert (again["imported"], again["skipped_duplicates"]) == (0, 5)
    assert len(as_object(copy)["associations"]) == 3


# ------------------------------------------------------------------------------------------------------------------ in

THEIRS: dict[str, Any] = {
    "version": "1.0", "workspace_id": "theirs", "exported_at": "2026-04-01T10:00:00Z", "offset": 0, "limit": 0,
    "memories": [
        {
            "id": "mem_a", "content": "Ana drinks green tea.", "content_hash": "", "type": "semantic",
            "subtype": "preference", "importance": 0.8, "tags": ["people"], "metadata": {"n": 1},
            "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z",
        },
        {"id": "mem_b", "content": "Bruno repairs bicycles.", "content_hash": "x", "type": "nonsense"},
    ],
    "associations": [
        {"source_id": "mem_a", "target_id": "mem_b", "relationship_type": "related_to", "strength": 0.4, "metadata": {}}
    ],
}  # fmt: skip


def theirs(name: str) -> dict[str, Any]:
    """The same with ids of its own."""
    told: dict[str, Any] = json.loads(json.dumps(THEIRS).replace("mem_", f"mem_{name}_"))
    return told


def test_an_export_of_memorylayers_own_comes_in(rest: Rest) -> None:
    told = rest.post(where(rest, "/import"), {"data": theirs("own")})
    assert (told["imported"], told["errors"], told["associations_imported"]) == (2, 0, 1)
    tea = rest.get("/v1/memories/mem_own_a")
    assert (tea["subtype"], tea["importance"], tea["created_at"]) == ("preference", 0.8, "2026-03-01T10:00:00.000000Z")
    assert rest.recalled("Who mends two-wheelers?")[0] == "Bruno repairs bicycles."


def test_an_object_without_the_fields_that_nobody_needs_comes_in(rest: Rest) -> None:
    data = {"memories": theirs("bare")["memories"]}
    assert rest.post(where(rest, "/import"), {"data": data})["imported"] == 2


def test_lines_that_cannot_be_read_are_told_and_the_others_kept(rest: Rest) -> None:
    first, second = theirs("lines")["memories"]
    unreadable = ["{not json", '{"type": "memory", "data": {"id": 1}}', '["a list"]', '{"type": "nonsense"}', ""]
    readable = [json.dumps({"type": "memory", "index": 0, "data": one}) for one in (first, second)]
    body = "\n".join([readable[0], *unreadable, readable[1]])
    told = rest.ask("POST", where(rest, "/import"), content=body, headers=NDJSON)
    assert (told["imported"], told["errors"], told["success"]) == (2, 4, False)
    assert [detail.partition(":")[0] for detail in told["details"]] == ["Line 2", "Line 3", "Line 4", "Line 5"]


def test_entries_of_an_object_that_cannot_be_read_are_told_by_their_place(rest: Rest) -> None:
    data = theirs("places")
    data["memories"].insert(1, {"id": "mem_x"})
    data["associations"] += [{"source_id": "mem_places_a"}, {**data["associations"][0], "target_id": "mem_gone"}]
    told = rest.post(where(rest, "/import"), {"data": data})
    assert (told["imported"], told["errors"], told["associations_imported"]) == (2, 3, 1)
    assert sorted(detail.partition(":")[0] for detail in told["details"]) == [
        "associations[1]", "associations[2]", "memories[1]",
    ]  # fmt: skip


def test_a_file_that_was_cut_off_is_told(rest: Rest) -> None:
    furnished(rest)
    copy = rest.alone()
    told = taken_in(copy, exported(rest)[:-1])
    assert (told["success"], told["imported"]) == (False, 5)
    assert "cut off" in told["details"][-1]


def test_lines_split_anywhere_on_their_way_are_read_whole(rest: Rest) -> None:
    furnished(rest)
    raw = rest.send("GET", where(rest, "/export")).content
    copy = rest.alone()

    def pieces() -> Iterator[bytes]:
        yield from (raw[start : start + 7] for start in range(0, len(raw), 7))

    told = copy.ask("POST", where(copy, "/import"), content=pieces(), headers=NDJSON)
    assert (told["imported"], told["associations_imported"], told["errors"]) == (5, 3, 0)


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", '{"data": []}', '{"data": {"memories": {}}}', '{"data": {}, "x": 1}']
)
def test_a_body_that_is_no_export_is_told_and_makes_no_workspace(rest: Rest, body: str) -> None:
    rest.refusal(422, "POST", where(rest, "/import"), content=body, headers={"Content-Type": "application/json"})
    rest.refusal(404, "GET", where(rest, ""))


def test_a_file_of_a_newer_version_is_refused(rest: Rest) -> None:
    header = {"type": "header", "format": "mcp-memory", "version": 99, "exported_at": "2026-04-01T10:00:00Z"}
    body = json.dumps(header)
    assert "update" in rest.refusal(400, "POST", where(rest, "/import"), content=body, headers=NDJSON)


# ----------------------------------------------------------------------------------------------------------- isolation


def test_no_link_comes_in_that_leads_into_another_workspace(rest: Rest) -> None:
    secret = rest.alone().remember("Only for the lab.")["id"]
    mine = rest.remember("Ana drinks tea.")["id"]
    link = {"source_id": mine, "target_id": secret, "relationship_type": "related_to"}
    told = taken_in(rest, [{"type": "association", "data": link}])
    assert (told["associations_imported"], told["errors"]) == (0, 1)
    assert rest.get(f"/v1/memories/{mine}/associations")["total_count"] == 0


def test_lines_that_name_another_workspace_come_into_the_one_of_the_path(rest: Rest) -> None:
    other = rest.alone()
    other.remember("Only for the lab.")
    before = as_object(other)
    memory = {**theirs("named")["memories"][0], "workspace_id": other.workspace}
    workspace = {"id": other.workspace, "name": "Mine now", "settings": {"a": 1}}
    told = taken_in(rest, [{"type": "workspace", "data": workspace}, {"type": "memory", "index": 0, "data": memory}])
    assert told["imported"] == 1
    assert rest.get("/v1/memories/mem_named_a")["workspace_id"] == rest.workspace
    assert kept(as_object(other)) == kept(before)


def test_a_bound_key_takes_nothing_out_of_another_workspace_and_puts_nothing_in(rest: Rest) -> None:
    rest.remember("Only for the lab.")
    bound = with_key(rest.having(X_Workspace_ID=""), "read", "write", workspace_id="ws_theirs")
    bound.refusal(403, "GET", where(rest, "/export"))
    bound.refusal(403, "POST", where(rest, "/import"), json={"data": theirs("bound")})
    with_key(rest, "read").refusal(403, "POST", where(rest, "/import"), json={"data": theirs("bound")})
    assert [one["content"] for one in as_object(rest)["memories"]] == ["Only for the lab."]
