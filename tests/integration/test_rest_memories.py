"""Memories over REST: what a client of MemoryLayer does with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.rest import Rest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
GONE = "mem_0123456789abcdef"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    with serving(tmp_path_factory.mktemp("rest")) as rest:
        yield rest


@pytest.fixture
def rest(server: Rest) -> Rest:
    return server.alone()


# ------------------------------------------------------------------------------------------------------- writing


def test_a_new_memory_comes_back_whole_both_wrapped_and_bare(rest: Rest) -> None:
    made = rest.remember("Ana prefers green tea.", type="semantic", tags=["B", "a ", "b"], metadata={"n": [1, None]})
    memory = made["memory"]
    assert made == {"memory": memory, **memory}
    assert memory["tags"] == ["a", "b"]
    assert memory["metadata"] == {"n": [1, None]}
    assert memory["workspace_id"] == rest.workspace
    assert (memory["tenant_id"], memory["status"], memory["pinned"]) == ("_default", "active", False)
    assert MOMENT.fullmatch(memory["created_at"])


def test_no_field_of_a_memory_is_null_and_no_vector_is_sent_unasked(rest: Rest) -> None:
    made = rest.remember("Ben's bus leaves at seven.")
    assert None not in made["memory"].values()
    assert "embedding" not in made
    read = rest.get(f"/v1/memories/{made['id']}", include_embedding="true")
    assert len(read["embedding"]) == 384


def test_the_same_content_again_is_the_same_memory_and_still_201(rest: Rest) -> None:
    first = rest.remember("The build takes ten minutes.", tags=["ci"])
    again = rest.remember("The build takes ten minutes.", tags=["slow"])
    assert again["id"] == first["id"]
    assert again["tags"] == ["ci", "slow"]


def test_the_body_names_the_workspace_before_the_header_does(rest: Rest) -> None:
    elsewhere = rest.alone()
    made = rest.remember("Kept elsewhere.", workspace_id=elsewhere.workspace)
    assert made["workspace_id"] == elsewhere.workspace
    assert rest.recalled("*") == []
    assert elsewhere.recalled("*") == ["Kept elsewhere."]


def test_memories_named_in_associations_are_linked(rest: Rest) -> None:
    first = rest.remember("The release is on Friday.")
    second = rest.remember("The release notes are unfinished.", associations=[first["id"]])
    [link] = rest.get(f"/v1/memories/{second['id']}/associations", relationships="related_to")["associations"]
    assert {link["source_id"], link["target_id"]} == {first["id"], second["id"]}


def test_an_unknown_memory_in_associations_stores_nothing(rest: Rest) -> None:
    detail = rest.refusal(404, "POST", "/v1/memories", json={"content": "Never kept.", "associations": [GONE]})
    assert GONE in detail
    assert rest.recalled("*") == []


def test_a_put_changes_what_it_names_and_nothing_else(rest: Rest) -> None:
    made = rest.remember("Rent is 900 euros.", tags=["money"], importance=0.4)
    changed = rest.ask("PUT", f"/v1/memories/{made['id']}", json={"content": "Rent is 950 euros.", "tags": None})
    assert changed["memory"]["content"] == changed["content"] == "Rent is 950 euros."
    assert (changed["tags"], changed["importance"]) == (["money"], 0.4)
    assert rest.recalled("rent") == ["Rent is 950 euros."]
    assert changed["updated_at"] > made["updated_at"]


def test_a_put_to_words_that_another_memory_holds_is_a_conflict(rest: Rest) -> None:
    rest.remember("Dora plays chess.")
    other = rest.remember("Dora plays go.")
    rest.refusal(409, "PUT", f"/v1/memories/{other['id']}", json={"content": "Dora plays chess."})
    assert rest.get(f"/v1/memories/{other['id']}")["content"] == "Dora plays go."


def test_decay_multiplies_importance_and_spares_what_is_pinned(rest: Rest) -> None:
    made = rest.remember("The server room is cold.", importance=0.8)
    faded = rest.post(f"/v1/memories/{made['id']}/decay", {"decay_rate": 0.5})
    assert (faded["memory"]["importance"], faded["decay_factor"]) == (0.4, 0.5)
    rest.ask("PUT", f"/v1/memories/{made['id']}", json={"pinned": True})
    rest.refusal(409, "POST", f"/v1/memories/{made['id']}/decay")


def test_a_deleted_memory_is_gone_until_it_is_restored(rest: Rest) -> None:
    made = rest.remember("The spare key is under the mat.")
    path = f"/v1/memories/{made['id']}"
    assert rest.send("DELETE", path).content == b""
    rest.refusal(404, "GET", path)
    rest.refusal(404, "DELETE", path)
    assert rest.recalled("spare key") == []
    assert rest.post(f"{path}/restore")["memory"]["content"] == "The spare key is under the mat."
    assert rest.recalled("spare key") == ["The spare key is under the mat."]


def test_an_erased_memory_cannot_be_restored(rest: Rest) -> None:
    made = rest.remember("The password hint is a colour.")
    rest.ask("DELETE", f"/v1/memories/{made['id']}", status=204, params={"hard": "true"})
    rest.refusal(404, "POST", f"/v1/memories/{made['id']}/restore")


def test_a_trace_tells_sources_and_revisions_both_wrapped_and_bare(rest: Rest) -> None:
    made = rest.remember("The kiln reaches 1200 degrees.")
    rest.ask("PUT", f"/v1/memories/{made['id']}", json={"importance": 0.9})
    traced = rest.get(f"/v1/memories/{made['id']}/trace")
    assert [step["memory_id"] for step in traced["chain"]] == [made["id"]]
    assert [one["action"] for one in traced["revisions"]] == ["created", "updated"]
    assert traced == {"trace": traced["trace"], **traced["trace"]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("POST", "/decay"),
        ("GET", "/trace"),
        ("GET", "/associations"),
        ("POST", "/traverse"),
    ],
)
def test_an_unknown_memory_is_404_everywhere(rest: Rest, method: str, path: str) -> None:
    body = {"json": {}} if method in ("PUT", "POST") else {}
    assert GONE in rest.refusal(404, method, f"/v1/memories/{GONE}{path}", **body)


# ------------------------------------------------------------------------------------- where an id is looked for


def test_an_id_is_not_found_from_another_workspace(rest: Rest) -> None:
    made = rest.remember("Only here.")
    other = rest.alone()
    for method in ("GET", "DELETE"):
        other.refusal(404, method, f"/v1/memories/{made['id']}")
    other.refusal(404, "PUT", f"/v1/memories/{made['id']}", json={"content": "Taken over."})
    assert rest.get(f"/v1/memories/{made['id']}")["content"] == "Only here."


def test_a_local_caller_who_names_no_workspace_finds_an_id_anywhere(rest: Rest) -> None:
    made = rest.remember("The async client names no workspace.")
    nowhere = rest.having(X_Workspace_ID="")
    path = f"/v1/memories/{made['id']}"
    assert nowhere.get(path)["workspace_id"] == rest.workspace
    assert nowhere.ask("PUT", path, json={"importance": 0.9})["workspace_id"] == rest.workspace
    assert nowhere.get(f"{path}/associations")["total_count"] == 0
    nowhere.ask("DELETE", path, status=204)
    rest.refusal(404, "GET", path)


def test_what_is_global_is_found_by_id_from_every_workspace(rest: Rest) -> None:
    made = rest.remember("Tests run before every merge.", workspace_id="_global")
    assert rest.get(f"/v1/memories/{made['id']}")["workspace_id"] == "_global"
    rest.ask("DELETE", f"/v1/memories/{made['id']}", status=204)


# ------------------------------------------------------------------------------------------------------- finding


def test_a_recall_answers_with_integers_scores_and_whole_memories(rest: Rest) -> None:
    made = rest.remember("Ana prefers green tea.", metadata={"by": "chat"})
    answer = rest.post("/v1/memories/recall", {"query": "What does Ana like to drink?"})
    [memory] = answer["memories"]
    for name in ("total_count", "query_tokens", "search_latency_ms"):
        assert isinstance(answer[name], int), name
    assert answer["query_tokens"] == 7
    assert memory["metadata"] == {"by": "chat"}
    assert memory["updated_at"] == made["updated_at"]
    assert 0.3 < memory["relevance_score"] <= 1
    assert memory["boosted_score"] > 0
    assert (memory["source_scope"], answer["mode_used"]) == ("same_workspace", "rag")


def test_detail_level_shortens_what_recall_tells(rest: Rest) -> None:
    rest.remember("Backups run at night. " + "They are copied to a second site over a slow line. " * 10)
    [brief] = rest.recalled("backups", detail_level="abstract")
    [full] = rest.recalled("backups", detail_level="full")
    assert brief == "Backups run at night. They are copied to a second site over a slow line."
    assert len(full) > 400


def test_every_filter_of_a_recall_is_obeyed(rest: Rest) -> None:
    keep = rest.remember("Deploys happen on Tuesday.", type="procedural", subtype="workflow", tags=["ops", "ci"])
    rest.remember("Deploys are announced in chat.", type="semantic", tags=["ops"])
    everything = {
        "types": ["procedural"],
        "subtypes": ["workflow"],
        "tags": ["ops", "ci"],
        "limit": 5,
        "min_relevance": 0.0,
        "tolerance": "loose",
        "created_after": "2020-01-01",
        "created_before": "2100-01-01T00:00:00+02:00",
        "recency_weight": 0.2,
        "include_associations": True,
        "traverse_depth": 2,
        "max_expansion": 10,
        "include_archived": False,
        "exclude_ids": [],
        "context": [{"role": "user", "content": "When do we deploy?"}],
        "rag_threshold": 0.8,
        "mode": "rag",
        "user_id": None,
    }
    assert rest.recalled("deploys", **everything) == ["Deploys happen on Tuesday."]
    assert rest.recalled("deploys", exclude_ids=[keep["id"]]) == ["Deploys are announced in chat."]
    assert rest.recalled("deploys", created_before="2020-01-01T00:00:00Z") == []


def test_an_asterisk_browses_newest_first(rest: Rest) -> None:
    for content in ("first", "second", "third"):
        rest.remember(content)
    assert rest.recalled("*", limit=2) == ["third", "second"]
    assert rest.recalled("*", limit=2, offset=2) == ["first"]


def test_the_context_of_a_recall_lifts_and_hides_nothing(rest: Rest) -> None:
    rest.remember("The mug is blue.", context_id="kitchen")
    rest.remember("The mug is red.", context_id="office")
    answer = rest.post("/v1/memories/recall", {"query": "mug", "context_id": "office"})
    assert [one["content"] for one in answer["memories"]] == ["The mug is red.", "The mug is blue."]
    assert [one["source_scope"] for one in answer["memories"]] == ["same_context", "same_workspace"]


def test_where_a_found_memory_comes_from_is_told(rest: Rest) -> None:
    shared = rest.remember("Otters sleep holding hands.", workspace_id="_global")
    near = rest.remember("Otters hold hands asleep, said the zoo.")
    far = rest.remember("Visiting hours end at six.")
    rest.post(
        f"/v1/memories/{near['id']}/associate",
        {"target_id": far["id"], "relationship": "leads_to", "strength": 1.0},
        status=201,
    )
    question = {"query": "how do otters sleep", "include_associations": True, "tolerance": "strict"}
    answer = rest.post("/v1/memories/recall", question)
    rest.ask("DELETE", f"/v1/memories/{shared['id']}", status=204)
    scopes = {one["content"]: one["source_scope"] for one in answer["memories"]}
    assert scopes == {
        "Otters sleep holding hands.": "global_workspace",
        "Otters hold hands asleep, said the zoo.": "same_workspace",
        "Visiting hours end at six.": "association",
    }


def test_a_mode_that_needs_a_language_model_says_that_there_is_none(rest: Rest) -> None:
    rest.remember("The lease ends in May.")
    answer = rest.post("/v1/memories/recall", {"query": "lease", "mode": "llm"})
    assert [one["content"] for one in answer["memories"]] == ["The lease ends in May."]
    assert "language model" in answer["degraded"]


def test_vectors_come_with_a_recall_that_asks_for_them(rest: Rest) -> None:
    rest.remember("Foxes are shy.")
    answer = rest.post("/v1/memories/recall", {"query": "foxes", "include_embedding": True})
    assert len(answer["memories"][0]["embedding"]) == 384


def test_ten_memories_fit_into_eight_kilobytes(rest: Rest) -> None:
    operations = [
        {"op": "create", "content": f"Shelf {number} holds the parts for pump {number * 7}, ordered from Brno."}
        for number in range(20)
    ]
    rest.post("/v1/memories/batch", {"operations": operations})
    response = rest.send("POST", "/v1/memories/recall", json={"query": "which parts are on the shelves", "limit": 10})
    assert len(response.json()["memories"]) == 10
    assert len(response.content) < 8_000


def test_a_reflection_names_its_sources_and_keeps_to_its_budget(rest: Rest) -> None:
    for day in range(1, 15):
        rest.remember(f"On day {day} the boiler in the cellar failed and was repaired by the {day}th plumber.")
    long = rest.post("/v1/memories/reflect", {"query": "boiler", "detail_level": None, "depth": 2})
    short = rest.post("/v1/memories/reflect", {"query": "boiler", "max_tokens": 60, "include_sources": True})
    assert len(short["reflection"]) <= 60 * 4 < len(long["reflection"])
    assert short["reflection"]
    assert 0 < long["confidence"] <= 1
    assert set(short["source_memories"]) <= set(long["source_memories"]) != set()
    assert all(one in short["reflection"] for one in short["source_memories"])


def test_a_reflection_on_nothing_says_so_without_null(rest: Rest) -> None:
    answer = rest.post("/v1/memories/reflect", {"query": "unicorns"})
    assert (answer["confidence"], answer["source_memories"]) == (0.0, [])
    assert answer["reflection"]


# ------------------------------------------------------------------- what version 0.2 of the Python client asks for


def test_relations_between_entities_are_said_not_to_be_kept(rest: Rest) -> None:
    relation = {"source_entity_name": "Ana", "target_entity_name": "tea", "relationship": "likes", "confidence": 1}
    made = rest.remember("Ana likes tea.", relations=[relation])
    assert made["relation_write_result"]["unresolved"] == 1
    assert made["relation_write_result"]["errors"] != []
    assert "relation_write_result" not in rest.remember("Ana likes cake.")


def test_memories_are_listed_newest_first_page_by_page(rest: Rest) -> None:
    for number in range(5):
        rest.remember(f"Line {number}.", type="episodic" if number % 2 else "semantic", tags=["Odd"] * (number % 2))
    first = rest.get("/v1/memories", limit=3)
    second = rest.get("/v1/memories", limit=3, offset=3)
    assert [one["content"] for one in (*first["memories"], *second["memories"])] == [
        f"Line {number}." for number in (4, 3, 2, 1, 0)
    ]
    assert first["total_count"] == 5
    assert [one["content"] for one in rest.get("/v1/memories", type="episodic", tag="odd")["memories"]] == [
        "Line 3.",
        "Line 1.",
    ]


@pytest.fixture
def trips(rest: Rest) -> Rest:
    for year, city in ((2021, "Rome"), (2022, "Oslo"), (2023, "Bonn"), (2024, "Kyiv")):
        rest.remember(f"We travelled by train to {city}.", occurred_at=f"{year}-06-01T12:00:00Z")
    return rest


def test_a_span_of_time_is_when_things_happened(trips: Rest) -> None:
    found = trips.recalled("train", event_after="2022-01-01", event_before="2023-12-31T00:00:00", time_order="asc")
    assert found == ["We travelled by train to Oslo.", "We travelled by train to Bonn."]
    assert trips.recalled("train", event_after="2025-01-01") == []


def test_what_was_found_can_be_put_in_the_order_of_time(trips: Rest) -> None:
    forwards = trips.recalled("train", time_order="asc")
    assert forwards == [f"We travelled by train to {city}." for city in ("Rome", "Oslo", "Bonn", "Kyiv")]
    assert trips.recalled("train", time_order="desc") == forwards[::-1]


def test_pages_of_a_search_do_not_overlap_and_lose_nothing(trips: Rest) -> None:
    whole = trips.recalled("train to Oslo")
    pages = [trips.recalled("train to Oslo", limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [one for page in pages for one in page] == whole
    assert len(whole) == 4


def test_what_is_global_can_be_left_out(rest: Rest) -> None:
    shared = rest.remember("Moles dig tunnels in spring.", workspace_id="_global")
    rest.remember("Moles dig tunnels in autumn too.")
    both, own = rest.recalled("moles"), rest.recalled("moles", include_global=False, include_global_user=True)
    rest.ask("DELETE", f"/v1/memories/{shared['id']}", status=204)
    assert sorted(both) == ["Moles dig tunnels in autumn too.", "Moles dig tunnels in spring."]
    assert own == ["Moles dig tunnels in autumn too."]


def test_a_token_budget_is_kept_and_accounted_for(trips: Rest) -> None:
    answer = trips.post("/v1/memories/recall", {"query": "train", "budget_tokens": 100})
    summary = answer["budget_summary"]
    assert summary["requested"] == 100
    assert len(answer["memories"]) + summary["omitted_items"] == 4
    assert answer["truncated"]
    assert summary["omitted_items"] > 0


def test_confidence_is_told_where_it_is_asked_for(trips: Rest) -> None:
    sure = trips.post("/v1/memories/recall", {"query": "We travelled by train to Rome", "include_confidence": True})
    unsure = trips.post("/v1/memories/recall", {"query": "quantum chromodynamics", "include_confidence": True})
    assert (sure["retrieval_confidence"], unsure["retrieval_confidence"]) == ("strong", "weak")
    assert sure["confidence_reasons"]
    assert "retrieval_confidence" not in trips.post("/v1/memories/recall", {"query": "Rome"})


# ------------------------------------------------------------------------------------------------------ sessions


def test_a_session_says_the_workspace_and_context_of_calls(rest: Rest) -> None:
    inside = rest.having(X_Session_ID=f"s-{rest.workspace}")
    inside.remember("Said in a session that was begun for it.")
    bare = inside.having(X_Workspace_ID="")
    made = bare.remember("Said without naming a workspace.")
    assert made["workspace_id"] == rest.workspace
    assert made["session_id"] == f"s-{rest.workspace}"


def test_a_session_that_nobody_began_is_404_without_a_workspace(rest: Rest) -> None:
    lost = rest.having(X_Session_ID="sess_nowhere", X_Workspace_ID="")
    assert "sess_nowhere" in lost.refusal(404, "POST", "/v1/memories", json={"content": "Lost."})
