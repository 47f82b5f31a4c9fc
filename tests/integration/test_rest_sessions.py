"""Sessions over REST: what a client of MemoryLayer does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.door import NOW, Clock, clocked, with_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.rest import Rest


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rest, Clock]]:
    with clocked(tmp_path_factory.mktemp("rest")) as both:
        yield both


@pytest.fixture
def rest(door: tuple[Rest, Clock]) -> Rest:
    return door[0].alone()


@pytest.fixture
def clock(door: tuple[Rest, Clock]) -> Iterator[Clock]:
    door[1].time = NOW
    yield door[1]
    door[1].time = NOW


# -------------------------------------------------------------------------------------------------------- beginning


def test_a_new_session_comes_back_both_wrapped_and_bare(rest: Rest, clock: Clock) -> None:
    made = rest.post("/v1/sessions", {"ttl_seconds": 7200, "metadata": {"a": None}}, status=201)
    session = made["session"]
    assert made == {"session": session, **session, "briefing": None, "outcome": "created"}
    assert (session["workspace_id"], session["tenant_id"], session["state"]) == (rest.workspace, "_default", "active")
    assert (session["metadata"], session["context_id"]) == ({"a": None}, "_default")
    assert (session["created_at"], session["expires_at"]) == (
        "2026-05-07T14:30:00.000000Z", "2026-05-07T16:30:00.000000Z",
    )  # fmt: skip
    assert None not in session.values()


def test_the_body_names_the_workspace_before_the_header_does(rest: Rest) -> None:
    elsewhere = rest.alone()
    made = rest.post("/v1/sessions", {"workspace_id": elsewhere.workspace}, status=201)
    assert made["workspace_id"] == elsewhere.workspace


def test_a_session_has_the_id_that_its_caller_chose_and_holds_what_it_was_given(rest: Rest) -> None:
    wanted = {"session_id": f"{rest.workspace} mine", "working_memory": {"file": {"line": 4}, "none": None}}
    made = rest.post("/v1/sessions", wanted, status=201)
    assert made["id"] == wanted["session_id"]
    assert rest.get(f"/v1/sessions/{made['id']}/memory") == wanted["working_memory"]


def test_an_active_id_again_goes_on_with_its_session_and_keeps_what_it_holds(rest: Rest, clock: Clock) -> None:
    name = {"session_id": f"{rest.workspace}-again"}
    first = rest.post("/v1/sessions", {**name, "working_memory": {"a": 1, "b": 1}}, status=201)
    clock.later(minutes=30)
    again = rest.post("/v1/sessions", {**name, "working_memory": {"b": 2}}, status=201)
    assert (again["outcome"], again["created_at"]) == ("continued", first["created_at"])
    assert again["expires_at"] > first["expires_at"]
    assert rest.get(f"/v1/sessions/{first['id']}/memory") == {"a": 1, "b": 2}


@pytest.mark.parametrize("over", ["ended", "expired"])
def test_the_id_of_a_session_that_is_over_is_a_fresh_one_and_empty(rest: Rest, clock: Clock, over: str) -> None:
    name = {"session_id": f"{rest.workspace}-{over}"}
    first = rest.post("/v1/sessions", {**name, "working_memory": {"a": 1}}, status=201)
    clock.later(minutes=1)
    if over == "ended":
        rest.ask("DELETE", f"/v1/sessions/{first['id']}", status=204)
    else:
        clock.later(hours=2)
    fresh = rest.post("/v1/sessions", name, status=201)
    assert fresh["outcome"] == "replaced"
    assert fresh["created_at"] > first["created_at"]
    assert rest.get(f"/v1/sessions/{first['id']}/memory") == {}


def test_the_id_of_another_workspaces_session_is_refused(rest: Rest) -> None:
    rest.post("/v1/sessions", {"session_id": f"{rest.workspace}-taken"}, status=201)
    detail = rest.alone().refusal(409, "POST", "/v1/sessions", json={"session_id": f"{rest.workspace}-taken"})
    assert rest.workspace not in detail.replace(f"{rest.workspace}-taken", "")


def test_a_session_tells_what_it_should_know_where_that_is_asked_for(rest: Rest) -> None:
    rest.remember("We decided to keep the blue logo.", subtype="decision")
    options = {"lookback_hours": 24, "detail_level": "full", "limit": 5}
    made = rest.post("/v1/sessions", {"briefing": True, "briefing_options": options}, status=201)
    assert made["briefing"]["workspace_summary"]["total_memories"] == 1
    assert [one["content"] for one in made["briefing"]["decisions"]] == ["We decided to keep the blue logo."]


@pytest.mark.parametrize(
    "body",
    [
        {"ttl_seconds": 59}, {"ttl_seconds": 86_401}, {"ttl_seconds": "3600"}, {"session_id": "x" * 201},
        {"unknown": 1}, {"metadata": []}, {"working_memory": "x"}, {"briefing_options": {"nonsense": 1}},
        {"briefing": "yes"},
    ],
)  # fmt: skip
def test_what_no_session_can_be_begun_with_is_told_and_none_is_begun(rest: Rest, body: dict[str, object]) -> None:
    [finding, *_] = rest.refusal(422, "POST", "/v1/sessions", json=body)
    assert finding["loc"][:2] == ["body", next(iter(body))]
    assert rest.get("/v1/sessions")["total_count"] == 0


# ---------------------------------------------------------------------------------------------------------- reading


def test_a_session_is_read_both_wrapped_and_bare_until_it_is_over(rest: Rest, clock: Clock) -> None:
    session_id = rest.post("/v1/sessions", {}, status=201)["id"]
    read = rest.get(f"/v1/sessions/{session_id}")
    assert read == {"session": read["session"], **read["session"]}
    clock.later(hours=2)
    assert "expired" in rest.refusal(404, "GET", f"/v1/sessions/{session_id}")
    assert rest.get(f"/v1/sessions/{session_id}", include_expired="true")["state"] == "expired"


def test_sessions_are_listed_latest_use_first_without_those_that_are_over(rest: Rest, clock: Clock) -> None:
    first, second, third = (
        rest.post("/v1/sessions", {"context_id": name}, status=201)["id"] for name in ("a", "b", "a")
    )
    rest.ask("DELETE", f"/v1/sessions/{second}", status=204)
    clock.later(minutes=1)
    rest.post(f"/v1/sessions/{first}/touch")
    listed = rest.get("/v1/sessions")
    assert ([one["id"] for one in listed["sessions"]], listed["total_count"]) == ([first, third], 2)
    every = rest.get("/v1/sessions", include_expired="true")["sessions"]
    assert {one["id"]: one["state"] for one in every} == {first: "active", second: "ended", third: "active"}
    assert [one["id"] for one in rest.get("/v1/sessions", context_id="a")["sessions"]] == [first, third]
    assert rest.get("/v1/sessions", workspace_id="ws_nowhere") == {"sessions": [], "total_count": 0}


def test_a_session_of_another_workspace_is_found_by_whoever_names_none_and_by_nobody_else(
    rest: Rest, door: tuple[Rest, Clock]
) -> None:
    session_id = rest.post("/v1/sessions", {"working_memory": {"a": 1}}, status=201)["id"]
    assert door[0].get(f"/v1/sessions/{session_id}/memory") == {"a": 1}
    for path in ("", "/memory"):
        rest.alone().refusal(404, "GET", f"/v1/sessions/{session_id}{path}")
    bound = with_key(door[0], "read", "write", workspace_id="ws_theirs")
    for method, path in (("GET", ""), ("GET", "/memory"), ("DELETE", ""), ("POST", "/commit"), ("POST", "/touch")):
        bound.refusal(404, method, f"/v1/sessions/{session_id}{path}")
    assert rest.get(f"/v1/sessions/{session_id}")["state"] == "active"


# --------------------------------------------------------------------------------------------------- working memory


def test_any_json_is_held_under_a_key_until_another_takes_its_place(rest: Rest) -> None:
    path = f"/v1/sessions/{rest.post('/v1/sessions', {}, status=201)['id']}/memory"
    for value in (1, None, "text", [1, {"deep": None}], {"a": {"b": [True]}}):
        kept = rest.post(path, {"key": "k", "value": value, "ttl_seconds": 60}, status=201)
        assert (kept["key"], kept["value"], kept["ttl_seconds"]) == ("k", value, 60)
        assert rest.get(path) == {"k": value}


def test_a_value_goes_when_its_own_time_is_over(rest: Rest, clock: Clock) -> None:
    path = f"/v1/sessions/{rest.post('/v1/sessions', {}, status=201)['id']}/memory"
    rest.post(path, {"key": "short", "value": 1, "ttl_seconds": 60}, status=201)
    rest.post(path, {"key": "long", "value": 2}, status=201)
    clock.later(seconds=60)
    assert rest.get(path) == {"long": 2}


def test_several_keys_are_asked_for_between_commas_but_a_key_with_a_comma_counts_first(rest: Rest) -> None:
    held = {"a": 1, "b": 2, "a,b": 3, "c": None}
    path = f"/v1/sessions/{rest.post('/v1/sessions', {'working_memory': held}, status=201)['id']}/memory"
    assert rest.get(path, key="a") == {"a": 1}
    assert rest.get(path, key="a,b") == {"a,b": 3}
    assert rest.get(path, key="b, c,nothing") == {"b": 2, "c": None}
    assert rest.get(path, key="") == held
    assert "nothing" in rest.refusal(404, "GET", path, params={"key": "nothing,at all"})


@pytest.mark.parametrize("body", [{"key": "k"}, {"key": "", "value": 1}, {"key": "k", "value": 1, "ttl_seconds": 0}])
def test_what_cannot_be_held_is_told(rest: Rest, body: dict[str, object]) -> None:
    session_id = rest.post("/v1/sessions", {}, status=201)["id"]
    rest.refusal(422, "POST", f"/v1/sessions/{session_id}/memory", json=body)
    assert rest.get(f"/v1/sessions/{session_id}/memory") == {}


def test_a_value_that_is_too_long_is_told_and_not_held(rest: Rest) -> None:
    session_id = rest.post("/v1/sessions", {}, status=201)["id"]
    body = {"key": "k", "value": "x" * 200_000}
    assert "100,000" in rest.refusal(400, "POST", f"/v1/sessions/{session_id}/memory", json=body)
    assert rest.get(f"/v1/sessions/{session_id}/memory") == {}


# -------------------------------------------------------------------------------------------------- living and ending


def test_using_a_session_lets_it_live_on(rest: Rest, clock: Clock) -> None:
    session_id = rest.post("/v1/sessions", {}, status=201)["id"]
    for use in ("", "/memory"):
        clock.later(minutes=50)
        rest.get(f"/v1/sessions/{session_id}{use}")
    assert rest.get(f"/v1/sessions/{session_id}")["expires_at"] == "2026-05-07T17:10:00.000000Z"


def test_a_key_that_may_only_read_does_not_let_it_live_on(rest: Rest, clock: Clock) -> None:
    made = rest.post("/v1/sessions", {}, status=201)
    clock.later(minutes=50)
    assert with_key(rest, "read").get(f"/v1/sessions/{made['id']}")["expires_at"] == made["expires_at"]


def test_touching_extends_by_query_or_body_or_by_its_own_time_and_never_shortens(rest: Rest) -> None:
    path = f"/v1/sessions/{rest.post('/v1/sessions', {}, status=201)['id']}/touch"
    assert rest.post(path)["expires_at"] == "2026-05-07T15:30:00.000000Z"
    touched = rest.post(path, {"ttl_seconds": 7200})
    assert touched["expires_at"] == touched["session"]["expires_at"] == "2026-05-07T16:30:00.000000Z"
    assert rest.post(f"{path}?extend_seconds=10800")["expires_at"] == "2026-05-07T17:30:00.000000Z"
    assert rest.post(path, {"ttl_seconds": 60})["expires_at"] == "2026-05-07T17:30:00.000000Z"
    rest.refusal(422, "POST", f"{path}?extend_seconds=59")
    rest.refusal(422, "POST", path, json={"ttl_seconds": 86_401})


def test_a_commit_makes_memories_of_what_the_session_holds(rest: Rest) -> None:
    held = {"choice": "Ana prefers green tea over coffee.", "n": 3}
    session_id = rest.post("/v1/sessions", {"working_memory": held}, status=201)["id"]
    options = {"min_importance": 0.5, "deduplicate": True, "max_memories": 50, "categories": ["preferences"]}
    done = rest.post(f"/v1/sessions/{session_id}/commit", options)
    assert (done["session_id"], done["memories_created"], done["breakdown"]) == (session_id, 1, {"preferences": 1})
    assert {"memories_extracted", "memories_deduplicated", "extraction_time_ms"} <= done.keys()
    assert rest.recalled("What does Ana drink?") == ["Ana prefers green tea over coffee."]
    assert rest.post(f"/v1/sessions/{session_id}/commit", options)["memories_created"] == 0
    rest.refusal(422, "POST", f"/v1/sessions/{session_id}/commit", json={"categories": ["nonsense"]})


def test_an_ended_session_is_gone_and_what_it_committed_stays(rest: Rest) -> None:
    session_id = rest.post("/v1/sessions", {"working_memory": {"tea": "Ana prefers green tea."}}, status=201)["id"]
    rest.post(f"/v1/sessions/{session_id}/commit")
    rest.post(f"/v1/sessions/{session_id}/memory", {"key": "late", "value": "Bruno repairs bicycles."}, status=201)
    assert rest.ask("DELETE", f"/v1/sessions/{session_id}", status=204) is None
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/memory"), ("POST", "/commit"), ("POST", "/touch")):
        assert "ended" in rest.refusal(404, method, f"/v1/sessions/{session_id}{path}")
    body = {"key": "k", "value": 1}
    assert "ended" in rest.refusal(404, "POST", f"/v1/sessions/{session_id}/memory", json=body)
    assert rest.recalled("*") == ["Ana prefers green tea."]


def test_a_session_that_never_was_is_404_everywhere(rest: Rest) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/memory"), ("POST", "/commit"), ("POST", "/touch")):
        assert "nothing" in rest.refusal(404, method, f"/v1/sessions/nothing{path}")


# --------------------------------------------------------------------------------------------------------- briefing


def test_a_briefing_has_the_shape_that_clients_want_both_wrapped_and_bare(rest: Rest) -> None:
    rest.remember("We decided to keep the blue logo.", type="semantic", subtype="decision", author="ann")
    rest.remember("The release of version 3 is planned for next week.", type="semantic", tags=["todo"])
    told = rest.get("/v1/sessions/briefing", lookback_minutes=60, detail_level="abstract", limit=10)
    assert told == {"briefing": told["briefing"], **told["briefing"]}
    summary = told["workspace_summary"]
    assert (summary["total_memories"], summary["recent_memories"], summary["memory_types"]) == (2, 2, {"semantic": 2})
    assert sum(one["memories_created"] for one in told["recent_activity"]) == 2
    assert [text for one in told["recent_activity"] for text in one["key_decisions"]] == [
        "We decided to keep the blue logo."
    ]
    for thread in told["open_threads"]:
        assert thread["key_memories"] == [one["id"] for one in thread["memories"]]
    assert all(one["abstract"] == one["content"] for one in told["memories"])


def test_contradictions_of_a_briefing_have_both_sets_of_names_and_can_be_resolved_once_recorded(rest: Rest) -> None:
    rest.remember("The server listens on port 8080.", importance=0.9)
    rest.remember("The server listens on port 9090.", importance=0.9)
    [found] = rest.get("/v1/sessions/briefing")["contradictions_detected"]
    assert (found["memory_a"], found["memory_b"]) == (found["memory_a_id"], found["memory_b_id"])
    assert (found["relationship"], found["needs_resolution"]) == ("contradicts", True)
    assert "id" not in found
    rest.post(f"/v1/workspaces/{rest.workspace}/contradictions/scan")
    [recorded] = rest.get("/v1/sessions/briefing")["contradictions_detected"]
    rest.post(f"/v1/contradictions/{recorded['id']}/resolve", {"resolution": "keep_b"})
    assert rest.get("/v1/sessions/briefing")["contradictions_detected"] == []


def test_a_briefing_leaves_out_what_is_not_asked_for(rest: Rest) -> None:
    rest.remember("The server listens on port 8080.", importance=0.9)
    rest.remember("The server listens on port 9090.", importance=0.9)
    told = rest.get("/v1/sessions/briefing", include_memories="false", include_contradictions="false")
    assert (told["memories"], told["contradictions_detected"]) == ([], [])
    for query in ({"limit": 0}, {"detail_level": "nonsense"}, {"lookback_minutes": 0}, {"include_memories": "perhaps"}):
        rest.refusal(422, "GET", "/v1/sessions/briefing", params=query)


# ---------------------------------------------------------------------------------------------------------- isolation


def test_a_bound_key_begins_and_sees_sessions_of_its_own_workspace_alone(rest: Rest) -> None:
    rest.post("/v1/sessions", {}, status=201)
    bound = with_key(rest.having(X_Workspace_ID=""), "read", "write", workspace_id=f"{rest.workspace}-b")
    assert bound.post("/v1/sessions", {}, status=201)["workspace_id"] == f"{rest.workspace}-b"
    assert bound.get("/v1/sessions")["total_count"] == 1
    for query in ("/v1/sessions", "/v1/sessions/briefing"):
        bound.refusal(403, "GET", query, params={"workspace_id": rest.workspace})
    bound.refusal(403, "POST", "/v1/sessions", json={"workspace_id": rest.workspace})


def test_a_key_that_may_only_read_changes_no_session(rest: Rest) -> None:
    session_id = rest.post("/v1/sessions", {}, status=201)["id"]
    reader = with_key(rest, "read")
    reader.refusal(403, "POST", "/v1/sessions", json={})
    for method, path in (("DELETE", ""), ("POST", "/memory"), ("POST", "/commit"), ("POST", "/touch")):
        reader.refusal(403, method, f"/v1/sessions/{session_id}{path}")
    assert reader.get(f"/v1/sessions/{session_id}")["state"] == "active"


def test_sessions_outlive_the_server(tmp_path: Path) -> None:
    with clocked(tmp_path) as (rest, _):
        rest.post("/v1/sessions", {"session_id": "mine", "working_memory": {"a": 1}}, status=201)
    with clocked(tmp_path) as (rest, _):
        assert rest.get("/v1/sessions/mine/memory") == {"a": 1}
