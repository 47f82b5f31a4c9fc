"""What every tool promises, at every door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mcp import MCPError

if TYPE_CHECKING:
    from tests.support.agents import Agent

pytestmark = pytest.mark.anyio

TOOLS = [
    "memory_remember",
    "memory_recall",
    "memory_reflect",
    "memory_forget",
    "memory_associate",
    "memory_briefing",
    "memory_statistics",
    "memory_graph_query",
    "memory_audit",
    "memory_session_start",
    "memory_session_end",
    "memory_session_commit",
    "memory_session_status",
    "memory_context_exec",
    "memory_context_inspect",
    "memory_context_load",
    "memory_context_inject",
    "memory_context_query",
    "memory_context_rlm",
    "memory_context_status",
    "memory_context_checkpoint",
]


async def test_the_tool_list_is_complete_annotated_and_cheap(agent: Agent) -> None:
    listed = await agent.client.list_tools()
    assert [tool.name for tool in listed.tools] == TOOLS
    assert len(listed.model_dump_json(by_alias=True, exclude_none=True).encode()) <= 16_384
    for tool in listed.tools:
        assert tool.description
        assert tool.annotations is not None
        assert tool.output_schema is not None


async def test_what_is_remembered_is_found_by_meaning_and_by_identifier(agent: Agent) -> None:
    tea = await agent.remember("Ana prefers green tea to coffee in the morning.")
    crash = await agent.remember("ERR-4031 appears when the upload token has expired.")
    drinks = await agent.ask("memory_recall", query="which hot drink does she like after getting up?")
    assert drinks["memories"][0]["id"] == tea
    assert drinks["memories"][0]["relevance_score"] > 0.2
    assert drinks["memories"][0]["why"]
    assert drinks["mode_used"] == "rag"
    assert "degraded" not in drinks
    assert (await agent.ask("memory_recall", query="ERR-4031"))["memories"][0]["id"] == crash


async def test_remember_says_what_it_did(agent: Agent) -> None:
    result = await agent.ask(
        "memory_remember",
        content="  We decided to use PostgreSQL for billing.  ",
        type="semantic",
        subtype="decision",
        importance=0.9,
        tags=["Billing", "db", "billing"],
        metadata={"ticket": 12},
        context_id="backend",
        author="Ines",
        occurred_at="2026-03-05",
    )
    assert result["outcome"] == "created"
    assert result["workspace_id"] == "contract"
    assert result["type"] == "semantic"
    assert result["importance"] == 0.9
    assert result["tags"] == ["billing", "db"]
    [memory] = (await agent.ask("memory_recall", query="*"))["memories"]
    assert memory["content"] == "We decided to use PostgreSQL for billing."
    assert memory["subtype"] == "decision"
    assert memory["metadata"] == {"ticket": 12}
    assert memory["context_id"] == "backend"
    assert memory["author"] == "Ines"
    assert memory["occurred_at"].startswith("2026-03-05T00:00:00")


async def test_the_same_words_twice_are_one_memory_with_united_tags(agent: Agent) -> None:
    first = await agent.ask("memory_remember", content="The office closes at six.", tags=["hours"])
    again = await agent.ask("memory_remember", content=" The office  closes at six.\n", tags=["office"])
    assert again["outcome"] == "confirmed"
    assert again["memory_id"] == first["memory_id"]
    assert again["tags"] == ["hours", "office"]
    assert len(await agent.recalled("*")) == 1


async def test_facts_that_differ_in_one_number_both_stay(agent: Agent) -> None:
    await agent.remember("Invoice 1041 was paid in March.")
    await agent.remember("Invoice 1042 was paid in March.")
    assert sorted(await agent.recalled("Which invoices were paid?")) == [
        "Invoice 1041 was paid in March.",
        "Invoice 1042 was paid in March.",
    ]


async def test_filters_narrow_what_can_be_found(agent: Agent) -> None:
    await agent.remember("Deploy with the blue button.", type="procedural", tags=["deploy", "50%_off"])
    await agent.remember("The blue button was added in May.", type="episodic", tags=["deploy"], context_id="ui")
    assert await agent.recalled("blue button", types=["procedural"]) == ["Deploy with the blue button."]
    assert await agent.recalled("blue button", tags=["deploy", "50%_off"]) == ["Deploy with the blue button."]
    assert await agent.recalled("blue button", tags=["50%Xoff"]) == []
    assert await agent.recalled("blue button", context_id="ui") == ["The blue button was added in May."]
    assert await agent.recalled("blue button", created_after="2999-01-01") == []
    assert len(await agent.recalled("blue button", created_before="2999-01-01")) == 2
    assert len(await agent.recalled("blue button", tags='["deploy"]', types=None)) == 2


async def test_browsing_is_newest_first_and_filtered(agent: Agent) -> None:
    for number in range(3):
        await agent.remember(f"Note number {number}.", tags=["even"] if number % 2 == 0 else [])
    assert await agent.recalled("*") == ["Note number 2.", "Note number 1.", "Note number 0."]
    assert await agent.recalled("*", tags=["even"]) == ["Note number 2.", "Note number 0."]
    page = await agent.ask("memory_recall", query="*", limit=1)
    assert page["total_count"] == 3


async def test_neighbours_and_budget_shape_the_answer(agent: Agent) -> None:
    for line in ("Shall we go hiking?", "Yes, to the Serra da Estrela on Sunday.", "I will bring the tent."):
        await agent.remember(line, context_id="chat-1")
    [memory, *_] = (await agent.ask("memory_recall", query="Serra da Estrela", limit=1, include_neighbors=1))[
        "memories"
    ]
    assert [(near["position"], near["content"]) for near in memory["neighbors"]] == [
        (-1, "Shall we go hiking?"),
        (1, "I will bring the tent."),
    ]
    long = "A first sentence about lighthouses. " + "More about lighthouses follows here. " * 200
    await agent.remember(long)
    cut = await agent.ask("memory_recall", query="lighthouses", max_tokens=100, limit=3)
    assert cut["truncated"]
    assert len(cut["memories"][0]["content"]) < 500
    brief = await agent.ask("memory_recall", query="lighthouses", detail_level="abstract", limit=1)
    assert brief["memories"][0]["content"].startswith("A first sentence about lighthouses.")
    assert len(brief["memories"][0]["content"]) <= 101


async def test_linked_memories_come_along_when_asked(agent: Agent) -> None:
    cause = await agent.remember("The disk of the build machine was full.")
    effect = await agent.remember("Nightly compilation stopped on Tuesday.")
    await agent.ask("memory_associate", source_id=cause, target_id=effect, relationship="causes", strength=0.9)
    answer = await agent.ask("memory_recall", query="full disk", include_associations=True, tolerance="strict")
    linked = next(memory for memory in answer["memories"] if memory["id"] == effect)
    assert any("causes" in reason for reason in linked["why"])


async def test_links_are_followed_as_whole_paths(agent: Agent) -> None:
    one, two, three = [await agent.remember(text) for text in ("Rain fell.", "The river rose.", "The bridge closed.")]
    made = await agent.ask("memory_associate", source_id=one, target_id=two, relationship="causes", strength=0.9)
    assert made["outcome"] == "created"
    await agent.ask("memory_associate", source_id=two, target_id=three, relationship="causes", strength=0.5)
    graph = await agent.ask("memory_graph_query", start_memory_id=one, max_depth=3, direction="outgoing")
    longest = max(graph["paths"], key=lambda path: len(path["nodes"]))
    assert longest["nodes"] == [one, two, three]
    assert longest["total_strength"] == pytest.approx(0.45)
    assert sorted(graph["unique_nodes"]) == sorted([one, two, three])
    backwards = await agent.ask("memory_graph_query", start_memory_id=three, direction="incoming")
    assert {edge["relationship"] for path in backwards["paths"] for edge in path["edges"]} == {"caused_by"}
    again = await agent.ask("memory_associate", source_id=one, target_id=two, relationship="causes", strength=0.2)
    assert again["outcome"] == "updated"
    assert again["association_id"] == made["association_id"]


async def test_reflect_cites_what_it_says(agent: Agent) -> None:
    port = await agent.remember("The staging API listens on port 8443.", type="semantic")
    await agent.remember("The cat sleeps on the sofa.", type="semantic")
    result = await agent.ask("memory_reflect", query="On which port does the staging API listen?")
    assert port in result["source_memories"]
    assert "8443" in result["reflection"]
    assert 0 < result["confidence"] <= 1
    assert result["tokens_processed"] > 0


async def test_reflect_admits_that_it_knows_nothing(agent: Agent) -> None:
    result = await agent.ask("memory_reflect", query="What is the capital of Atlantis?")
    assert result["confidence"] == 0
    assert result["source_memories"] == []


async def test_forgetting_hides_and_erasing_removes_even_what_is_linked(agent: Agent) -> None:
    keep = await agent.remember("The red key opens the shed.")
    gone = await agent.remember("The green key opens the cellar.")
    await agent.ask("memory_associate", source_id=gone, target_id=keep, relationship="related_to")
    soft = await agent.ask("memory_forget", memory_id=gone, reason="lock changed")
    assert soft["reason"] == "lock changed"
    assert not soft["hard_delete"]
    assert await agent.recalled("green key cellar", min_relevance=0) == ["The red key opens the shed."]
    assert "already forgotten" in await agent.complaint("memory_forget", memory_id=gone)
    assert (await agent.ask("memory_forget", memory_id=gone, hard=True))["hard_delete"]
    assert "no memory" in await agent.complaint("memory_forget", memory_id=gone, hard=True)
    assert await agent.recalled("*") == ["The red key opens the shed."]


async def test_a_briefing_starts_with_what_stands(agent: Agent) -> None:
    assert (await agent.ask("memory_briefing"))["total_memories"] == 0
    await agent.remember("Always answer in Portuguese.", subtype="directive", importance=0.9)
    await agent.remember("The Lisbon office moved to Rua Augusta.", tags=["office"])
    briefing = await agent.ask("memory_briefing", detail_level="full")
    assert briefing["total_memories"] == 2
    assert briefing["memories"][0]["content"] == "Always answer in Portuguese."
    assert "office" in briefing["active_topics"]
    assert briefing["recent_activity"][0]["memories_created"] >= 1


async def test_statistics_count_what_is_there(agent: Agent) -> None:
    await agent.remember("Tea is in the left cupboard.", type="semantic", tags=["kitchen"])
    await agent.remember("To make tea, boil water first.", type="procedural", tags=["kitchen"])
    statistics = await agent.ask("memory_statistics")
    assert statistics["total_memories"] == 2
    assert statistics["breakdown"]["by_type"] == {"semantic": 1, "procedural": 1}
    assert statistics["breakdown"]["by_tag"] == {"kitchen": 2}
    assert statistics["storage"]["size_bytes"] > 0
    assert statistics["encoder"]["dimension"] == 384
    assert "breakdown" not in await agent.ask("memory_statistics", include_breakdown=False)


async def test_an_audit_finds_two_values_for_one_thing(agent: Agent) -> None:
    old = await agent.remember("The API port is 8080.", type="semantic")
    new = await agent.remember("The API port is 9090.", type="semantic")
    audit = await agent.ask("memory_audit")
    conflict = next(finding for finding in audit["findings"] if finding["kind"] == "value_conflict")
    assert sorted(conflict["memory_ids"]) == sorted([old, new])
    assert len(await agent.recalled("*")) == 2


async def test_the_text_of_an_answer_is_as_complete_as_its_structure(agent: Agent) -> None:
    content = 'Pack 3 sensors; the 2nd one "hums".\nThen call +351 555 0199 — ask for Zoë.'
    memory_id = await agent.remember(content, metadata={"shelf": "B7"}, author="Zoë")
    text = await agent.text("memory_recall", query="sensors")
    for part in (content, memory_id, "B7", "Zoë", "contract"):
        assert part in text


BAD_CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("memory_remember", {}, "`content` is required"),
    ("memory_remember", {"content": ""}, "blank"),
    ("memory_remember", {"content": " \n\t "}, "blank"),
    ("memory_remember", {"content": "a\0b"}, "NUL"),
    ("memory_remember", {"content": "x" * 100_001}, "MCP_MEMORY_MAX_CONTENT_CHARS"),
    ("memory_remember", {"content": "x", "importance": 99}, "at most 1"),
    ("memory_remember", {"content": "x", "importance": -0.1}, "at least 0"),
    ("memory_remember", {"content": "x", "importance": "high"}, "must be a number"),
    ("memory_remember", {"content": "x", "type": "sematic"}, "semantic"),
    ("memory_remember", {"content": "x", "subtype": "rule"}, "directive"),
    ("memory_remember", {"content": "x", "tags": "one, two"}, "list"),
    ("memory_remember", {"content": "x", "metadata": "none"}, "object"),
    ("memory_remember", {"content": "x", "occurred_at": "last spring"}, "ISO 8601"),
    ("memory_remember", {"content": "x", "text": "y"}, "`text`"),
    ("memory_recall", {"query": "  "}, "blank"),
    ("memory_recall", {"query": "x", "limit": 0}, "at least 1"),
    ("memory_recall", {"query": "x", "limit": 101}, "at most 100"),
    ("memory_recall", {"query": "x", "types": ["fact"]}, "semantic"),
    ("memory_recall", {"query": "x", "tolerance": "lax"}, "loose"),
    ("memory_recall", {"query": "x", "min_relevance": 2}, "at most 1"),
    ("memory_recall", {"query": "x", "include_neighbors": 3}, "at most 2"),
    ("memory_reflect", {"query": ""}, "blank"),
    ("memory_reflect", {"query": "x", "depth": 9}, "at most 5"),
    ("memory_forget", {"memory_id": "mem_0000000000000000"}, "no memory"),
    ("memory_graph_query", {"start_memory_id": "mem_0000000000000000"}, "no memory"),
    ("memory_graph_query", {"start_memory_id": "x", "direction": "up"}, "outgoing"),
    ("memory_briefing", {"limit": 51}, "at most 50"),
    ("memory_audit", {"memory_id": "mem_0000000000000000"}, "no memory"),
]


async def test_a_wrong_call_says_how_to_mend_it_and_changes_nothing(agent: Agent) -> None:
    await agent.remember("The only memory.")
    for tool, arguments, hint in BAD_CALLS:
        complaint = await agent.complaint(tool, **arguments)
        assert hint.lower() in complaint.lower(), (tool, arguments, complaint)
        assert "pydantic" not in complaint
    assert await agent.recalled("*") == ["The only memory."]


async def test_a_wrong_link_says_how_to_mend_it(agent: Agent) -> None:
    one, two = await agent.remember("One thing."), await agent.remember("Another thing.")
    cases = [
        ({"source_id": one, "target_id": one, "relationship": "causes"}, "itself"),
        ({"source_id": one, "target_id": two, "relationship": "casues"}, "causes"),
        ({"source_id": one, "target_id": "mem_ffffffffffffffff", "relationship": "causes"}, "mem_ffffffffffffffff"),
        ({"source_id": one, "target_id": two, "relationship": "causes", "strength": 1.5}, "at most 1"),
    ]
    for arguments, hint in cases:
        assert hint in await agent.complaint("memory_associate", **arguments)
    assert (await agent.ask("memory_statistics"))["total_associations"] == 0


async def test_an_unknown_tool_is_a_protocol_error_that_names_the_tools(agent: Agent) -> None:
    with pytest.raises(MCPError, match="memory_recall"):
        await agent.client.call_tool("memory_recal", {"query": "x"})


@pytest.mark.parametrize("query", ['"', "a AND", "NEAR(", "content:x", "x*", "-x", "100%", "a_b", "(((", "^start", "'"])
async def test_search_syntax_in_a_query_means_itself(tmp_path: Any, query: str) -> None:
    from tests.contract.conftest import connected

    async with connected("in-process", "legacy", tmp_path) as agent:
        await agent.remember(f"Here stands {query} in the text.")
        await agent.remember("Something entirely different.")
        assert (await agent.recalled(query, tolerance="loose", min_relevance=0))[0].startswith("Here stands")
