"""Batches over REST, in every dialect that MemoryLayer's clients speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.rest import Rest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE = "mem_0123456789abcdef"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    with serving(tmp_path_factory.mktemp("rest")) as rest:
        yield rest


@pytest.fixture
def rest(server: Rest) -> Rest:
    return server.alone()


def batch(rest: Rest, *operations: Any) -> dict[str, Any]:
    answer: dict[str, Any] = rest.post("/v1/memories/batch", {"operations": list(operations)})
    return answer


DIALECTS = {
    "server": lambda memory_id: [
        {"op": "create", "content": "Owls see at night.", "type": "semantic", "tags": ["bird"]},
        {"op": "update", "memory_id": memory_id, "importance": 0.9, "tags": ["bird"]},
        {"op": "delete", "memory_id": memory_id, "hard": False},
    ],
    "documented": lambda memory_id: [
        {"type": "create", "data": {"content": "Owls see at night.", "type": "semantic", "tags": ["bird"]}},
        {"type": "update", "data": {"memory_id": memory_id, "importance": 0.9, "tags": ["bird"]}},
        {"type": "delete", "data": {"id": memory_id, "hard": False}},
    ],
    "typescript": lambda memory_id: [
        {"op": "create", "memory": {"content": "Owls see at night.", "type": "semantic", "tags": ["bird"]}},
        {"op": "update", "memory_id": memory_id, "updates": {"importance": 0.9, "tags": ["bird"]}},
        {"op": "delete", "memory_id": memory_id, "hard": False},
    ],
    "typescript types": lambda memory_id: [
        {"action": "create", "memory": {"content": "Owls see at night.", "tags": ["bird"], "contextId": "zoo"}},
        {"action": "update", "memory_id": memory_id, "updates": {"importance": 0.9, "tags": ["bird"]}},
        {"action": "delete", "memory_id": memory_id},
    ],
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_creates_updates_and_deletes(rest: Rest, dialect: str) -> None:
    bat = rest.remember("Bats hear at night.")
    create, update, delete = DIALECTS[dialect](bat["id"])
    made, changed = batch(rest, create, update)["results"]
    assert made["memory"]["content"] == "Owls see at night."
    assert made["memory"]["tags"] == ["bird"]
    assert (changed["memory"]["id"], changed["memory"]["importance"]) == (bat["id"], 0.9)
    [gone] = batch(rest, delete)["results"]
    assert (gone["type"], gone["memory_id"], gone["success"]) == ("delete", bat["id"], True)
    assert rest.recalled("*") == ["Owls see at night."]


def test_an_answer_has_the_names_of_all_dialects(rest: Rest) -> None:
    answer = batch(rest, {"op": "create", "content": "One."}, {"op": "delete", "memory_id": GONE})
    assert (answer["total_operations"], answer["total_processed"]) == (2, 2)
    assert (answer["successful"], answer["failed"], answer["success"]) == (1, 1, False)
    good, bad = answer["results"]
    assert (good["index"], good["type"], good["status"], good["success"]) == (0, "create", "success", True)
    assert good["memory"]["id"] == good["memory_id"]
    assert (bad["index"], bad["type"], bad["status"], bad["success"]) == (1, "delete", "error", False)
    assert GONE in bad["error"]
    assert "memory" not in bad


def test_one_operation_that_fails_stops_no_other(rest: Rest) -> None:
    answer = batch(
        rest,
        {"op": "create", "content": "Before."},
        {"op": "update", "memory_id": GONE, "content": "Never."},
        {"op": "create", "content": "After."},
    )
    assert [one["status"] for one in answer["results"]] == ["success", "error", "success"]
    assert rest.recalled("*") == ["After.", "Before."]


@pytest.mark.parametrize(
    ("operation", "where"),
    [
        ({}, [0]),
        ({"op": "upsert", "content": "x"}, [0]),
        ({"op": "create"}, [0, "flat_create", "content"]),
        ({"op": "create", "content": "x", "memory_id": "m"}, [0, "flat_create", "memory_id"]),
        ({"op": "create", "memory": {"content": "  "}}, [0, "nested_create", "memory", "content"]),
        (
            {"op": "update", "memory_id": "m", "updates": {"importance": 2}},
            [0, "nested_update", "updates", "importance"],
        ),
        ({"type": "create", "data": {"content": 5}}, [0, "typed_create", "data", "content"]),
        ({"type": "delete", "data": {}}, [0, "typed_delete", "data", "memory_id"]),
        ("create", [0]),
        (None, [0]),
    ],
)
def test_an_operation_that_does_not_fit_is_422_and_nothing_is_done(
    rest: Rest, operation: Any, where: list[Any]
) -> None:
    operations = [operation, {"op": "create", "content": "Not done either."}]
    [finding] = rest.refusal(422, "POST", "/v1/memories/batch", json={"operations": operations})
    assert finding["loc"] == ["body", "operations", *where]
    assert rest.recalled("*") == []


@pytest.mark.parametrize("count", [0, 501])
def test_a_batch_has_one_to_five_hundred_operations(rest: Rest, count: int) -> None:
    operations = [{"op": "create", "content": f"Number {number}."} for number in range(count)]
    rest.refusal(422, "POST", "/v1/memories/batch", json={"operations": operations})
    assert rest.recalled("*") == []


def test_a_batch_sees_only_the_workspace_it_names(rest: Rest) -> None:
    other = rest.alone()
    foreign = other.remember("Somebody else's.")
    answer = batch(rest, {"op": "update", "memory_id": foreign["id"], "content": "Mine now."})
    assert answer["failed"] == 1
    assert other.recalled("*") == ["Somebody else's."]
    placed = rest.post(
        "/v1/memories/batch",
        {"workspace_id": other.workspace, "operations": [{"op": "create", "content": "Placed by the body."}]},
    )
    assert placed["workspace_id"] == other.workspace
