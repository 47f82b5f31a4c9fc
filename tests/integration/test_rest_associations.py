"""Links and paths over REST, and the contradictions and subjects that memories are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.rest import Rest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    with serving(tmp_path_factory.mktemp("rest")) as rest:
        yield rest


@pytest.fixture
def rest(server: Rest) -> Rest:
    return server.alone()


def ids(rest: Rest, *contents: str) -> list[str]:
    return [rest.remember(content)["id"] for content in contents]


def link(rest: Rest, source: str, target: str, relationship: str, **fields: Any) -> dict[str, Any]:
    body = {"target_id": target, "relationship": relationship, **fields}
    made: dict[str, Any] = rest.post(f"/v1/memories/{source}/associate", body, status=201)
    return made


def test_a_link_comes_back_both_wrapped_and_bare_with_the_contracts_default_strength(rest: Rest) -> None:
    pump, flood = ids(rest, "The pump broke on Monday.", "The cellar was flooded on Tuesday.")
    made = link(rest, pump, flood, "causes", metadata={"sure": True})
    assert made == {"association": made["association"], **made["association"]}
    assert (made["source_id"], made["target_id"], made["relationship"]) == (pump, flood, "causes")
    assert (made["strength"], made["metadata"], made["workspace_id"]) == (0.5, {"sure": True}, rest.workspace)


def test_the_same_link_again_changes_its_strength_and_makes_no_twin(rest: Rest) -> None:
    pump, flood = ids(rest, "The pump broke.", "The cellar was flooded.")
    first = link(rest, pump, flood, "causes", strength=0.3)
    again = link(rest, pump, flood, "causes", strength=0.9)
    assert (again["id"], again["strength"]) == (first["id"], 0.9)
    assert rest.get(f"/v1/memories/{pump}/associations")["total_count"] == 1


@pytest.mark.parametrize(
    ("relationships", "found"),
    [("", 2), ("causes", 1), ("CAUSES, related_to", 2), ("supports", 0), (" causes ,", 1)],
)
def test_links_are_filtered_by_relationship(rest: Rest, relationships: str, found: int) -> None:
    pump, flood, bill = ids(rest, "The pump broke.", "The cellar was flooded.", "The plumber's bill was high.")
    link(rest, pump, flood, "causes")
    link(rest, pump, bill, "related_to")
    answer = rest.get(f"/v1/memories/{pump}/associations", relationships=relationships)
    assert answer["total_count"] == len(answer["associations"]) == found


@pytest.mark.parametrize(("direction", "found"), [("outgoing", 1), ("incoming", 0), ("both", 1)])
def test_links_are_filtered_by_direction(rest: Rest, direction: str, found: int) -> None:
    pump, flood = ids(rest, "The pump broke.", "The cellar was flooded.")
    link(rest, pump, flood, "causes")
    assert rest.get(f"/v1/memories/{pump}/associations", direction=direction)["total_count"] == found


def test_a_link_that_cannot_be_is_refused_with_a_reason(rest: Rest) -> None:
    pump, flood = ids(rest, "The pump broke.", "The cellar was flooded.")
    path = f"/v1/memories/{pump}/associate"
    assert "itself" in rest.refusal(400, "POST", path, json={"target_id": pump, "relationship": "causes"})
    unknown = rest.refusal(400, "POST", path, json={"target_id": flood, "relationship": "causess"})
    assert "causes" in unknown
    rest.refusal(404, "POST", path, json={"target_id": "mem_0", "relationship": "causes"})
    rest.refusal(400, "GET", f"/v1/memories/{pump}/associations", params={"relationships": "nonsense"})
    rest.refusal(422, "GET", f"/v1/memories/{pump}/associations", params={"direction": "sideways"})
    assert rest.get(f"/v1/memories/{pump}/associations")["associations"] == []


def test_a_removed_link_is_gone_and_only_once(rest: Rest) -> None:
    pump, flood = ids(rest, "The pump broke.", "The cellar was flooded.")
    made = link(rest, pump, flood, "causes")
    rest.alone().refusal(404, "DELETE", f"/v1/associations/{made['id']}")
    rest.ask("DELETE", f"/v1/associations/{made['id']}", status=204)
    rest.refusal(404, "DELETE", f"/v1/associations/{made['id']}")
    assert rest.get(f"/v1/memories/{pump}/associations")["total_count"] == 0


def test_a_link_can_be_changed_and_removed_through_either_of_its_ends(rest: Rest) -> None:
    pump, flood, other = ids(rest, "The pump broke.", "The cellar was flooded.", "Nothing to do with it.")
    made = link(rest, pump, flood, "causes", metadata={"by": "ann"})
    path = f"/v1/memories/{flood}/associations/{made['id']}"
    changed = rest.ask("PATCH", path, json={"strength": 0.9, "metadata": {"sure": True}})
    assert (changed["id"], changed["association"]["strength"]) == (made["id"], 0.9)
    assert changed["metadata"] == {"by": "ann", "sure": True}
    for method in ("PATCH", "DELETE"):
        rest.refusal(404, method, f"/v1/memories/{other}/associations/{made['id']}", content=b"{}")
    rest.ask("DELETE", path, status=204)
    rest.refusal(404, "DELETE", path)


@pytest.fixture
def chain(rest: Rest) -> list[str]:
    """Frost causes leak causes flood leads to claim, and the leak is related to the plumber."""
    made = ids(rest, "Frost came early.", "A pipe leaked.", "The hall was flooded.", "A claim was filed.", "A plumber.")
    frost, leak, flood, claim, plumber = made
    link(rest, frost, leak, "causes", strength=0.9)
    link(rest, leak, flood, "causes", strength=0.8)
    link(rest, flood, claim, "leads_to", strength=0.7)
    link(rest, leak, plumber, "related_to", strength=0.2)
    return made


def walked(rest: Rest, start: str, **body: Any) -> set[str]:
    found = rest.post(f"/v1/memories/{start}/traverse", body)
    assert found["total_paths"] == len(found["paths"])
    return {path["nodes"][-1] for path in found["paths"]}


def test_a_traversal_gives_whole_paths_of_stored_links(rest: Rest, chain: list[str]) -> None:
    frost, leak, flood, *_ = chain
    found = rest.post(f"/v1/memories/{frost}/traverse", {"relationship_types": ["causes"], "max_depth": 3})
    longest = max(found["paths"], key=lambda path: path["depth"])
    assert longest["nodes"] == [frost, leak, flood]
    assert longest["total_strength"] == pytest.approx(0.72)
    assert [edge["relationship"] for edge in longest["edges"]] == ["causes", "causes"]
    assert all(edge["id"].startswith("assoc_") for edge in longest["edges"])
    assert set(found["unique_nodes"]) == {frost, leak, flood} == {one["id"] for one in found["memories"]}
    assert isinstance(found["query_latency_ms"], int)


def test_a_link_walked_backwards_reads_by_its_inverse_and_is_told_as_stored(rest: Rest, chain: list[str]) -> None:
    frost, leak, *_ = chain
    found = rest.post(f"/v1/memories/{leak}/traverse", {"direction": "incoming", "max_depth": 1})
    [edge] = [edge for path in found["paths"] for edge in path["edges"] if frost in path["nodes"]]
    assert (edge["source_id"], edge["target_id"], edge["relationship"]) == (frost, leak, "causes")
    assert (edge["walked_from"], edge["walked_to"], edge["reads"]) == (leak, frost, "caused_by")


def test_depth_strength_categories_and_types_bound_a_traversal(rest: Rest, chain: list[str]) -> None:
    frost, leak, flood, claim, plumber = chain
    assert walked(rest, frost) == {leak, flood, plumber}
    assert walked(rest, frost, max_depth=3) == {leak, flood, plumber, claim}
    assert walked(rest, frost, max_depth=3, min_strength=0.6) == {leak, flood}
    assert walked(rest, leak, relationship_categories=["similarity"]) == {plumber}
    both = {"relationship_categories": ["similarity"], "relationship_types": ["causes"], "max_depth": 1}
    assert walked(rest, leak, **both) == {frost, flood, plumber}
    assert walked(rest, flood, direction="incoming", max_depth=5) >= {leak, frost}


def test_the_strongest_paths_and_few_memories_are_kept(rest: Rest, chain: list[str]) -> None:
    frost, leak, flood, *_ = chain
    assert walked(rest, frost, max_depth=3, max_paths=1) == {leak}
    few = rest.post(f"/v1/memories/{frost}/traverse", {"max_depth": 3, "max_nodes": 3})
    assert set(few["unique_nodes"]) == {frost, leak, flood}
    assert few["truncated"]


def test_a_traversal_without_links_is_the_memory_alone(rest: Rest) -> None:
    [alone] = ids(rest, "Nothing hangs on this.")
    found = rest.ask("POST", f"/v1/memories/{alone}/traverse")
    assert (found["paths"], found["unique_nodes"], found["truncated"]) == ([], [alone], False)


# ------------------------------------------------------------------------------------ contradictions and subjects


def test_a_contradiction_is_found_listed_and_settled(rest: Rest) -> None:
    old = rest.remember("The meeting is at 10:00.")
    rest.remember("The meeting is at 11:00.")
    base = f"/v1/workspaces/{rest.workspace}/contradictions"
    scanned = rest.ask("POST", f"{base}/scan", json={"batch_size": 50})
    assert scanned["contradictions_found"] == scanned["unresolved"] == 1
    [one] = rest.get(base)["contradictions"]
    assert one["memory_a_id"] == one["memory_a"] == old["id"]
    assert one["newer_memory_id"] == one["memory_b"]
    assert one["contradiction_type"] == "semantic_value_conflict"
    settled = rest.post(f"/v1/contradictions/{one['id']}/resolve", {"resolution": "keep_b"})
    assert (settled["resolution"], "resolved_at" in settled) == ("keep_b", True)
    assert rest.get(base) == {"contradictions": [], "count": 0}
    rest.refusal(404, "GET", f"/v1/memories/{old['id']}")
    rest.refusal(409, "POST", f"/v1/contradictions/{one['id']}/resolve", json={"resolution": "keep_a"})


def test_a_merge_needs_its_content_and_a_scan_an_existing_workspace(rest: Rest) -> None:
    rest.refusal(422, "POST", "/v1/contradictions/contra_0/resolve", json={"resolution": "merge"})
    rest.refusal(404, "POST", "/v1/contradictions/contra_0/resolve", json={"resolution": "keep_a"})
    rest.refusal(404, "GET", "/v1/workspaces/nobody-has-this/contradictions")
    rest.refusal(404, "POST", "/v1/workspaces/nobody-has-this/contradictions/scan")


def test_a_subject_has_a_card_and_derived_insights(rest: Rest) -> None:
    for content in ("Ana prefers tea.", "Ana prefers trains to planes.", "Ana prefers short meetings."):
        rest.remember(content, subject_id="ana", subtype="preference")
    derived = rest.ask("POST", "/v1/entities/ana/derive", json={"force": True})
    assert derived["insights_created"] == len(derived["insights"]) > 0
    listed = rest.get("/v1/entities/ana/insights", limit=5)
    assert listed["total_count"] == len(derived["insights"])
    card = rest.get("/v1/entities/ana/card", force_refresh="true")
    assert card["entity_id"] == "ana"
    assert card["source_memories"]
    assert not card["cached"]


def test_the_audit_trail_tells_what_was_done_but_no_text(rest: Rest) -> None:
    made = rest.remember("The safe opens with 4711.")
    rest.ask("DELETE", f"/v1/memories/{made['id']}", status=204)
    trail = rest.get("/v1/audit/events", event_type="memory", since="2020-01-01T00:00:00Z")
    assert [one["action"] for one in trail["events"]] == ["delete", "create"]
    assert trail["events"][0]["resource_id"] == made["id"]
    assert "4711" not in str(trail)
    assert rest.get("/v1/audit/events/summary") == {
        "workspace_id": rest.workspace,
        "summary": {"memory": 2},
        "total": 2,
    }
    rest.refusal(422, "GET", "/v1/audit/events", params={"since": "yesterday"})


def test_the_check_of_memories_and_the_counts_are_there_too(rest: Rest) -> None:
    rest.remember("The meeting is at 10:00.")
    rest.remember("The meeting is at 11:00.")
    assert [one["kind"] for one in rest.ask("POST", "/v1/audit")["findings"]] == ["value_conflict"]
    counts = rest.get("/v1/statistics")
    assert (counts["workspace_id"], counts["total_memories"]) == (rest.workspace, 2)
    assert "location" not in counts["storage"]
