"""One person's words for what memory does, whichever door they come through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import httpx2

    from tests.support.agents import Agent

WORKSPACE = "contract"
SESSION = "session-of-the-suite"


class Person(Protocol):
    """What can be asked for at every door. `complaint_about` names the way a call is refused."""

    async def remember(self, content: str, **fields: Any) -> str:
        """The id of a new memory."""

    async def recalled(self, query: str, **fields: Any) -> list[str]:
        """The contents found, best first."""

    async def forget(self, memory_id: str) -> None:
        """Forget a memory."""

    async def link(self, source: str, relationship: str, target: str) -> None:
        """Link two memories."""

    async def reached_from(self, memory_id: str) -> set[str]:
        """The ids of the memories that links lead to."""

    async def summed_up(self, query: str) -> tuple[str, list[str]]:
        """A summary, and the ids of its sources."""

    async def count(self) -> int:
        """How many memories the workspace has."""

    async def contradictions(self) -> set[frozenset[str]]:
        """The pairs of ids that an audit finds to contradict each other."""

    async def told(self) -> str:
        """The briefing, as it came."""

    async def commit(self) -> int:
        """Turn what the session holds into memories; how many became of it."""

    async def run(self, code: str) -> tuple[str | None, str | None]:
        """The result of code in the environment, and what went wrong in it."""

    async def load(self, variable: str, query: str) -> int:
        """Load memories into a variable; how many."""

    async def inject(self, name: str, value: Any) -> None:
        """Set a variable."""

    async def variables(self) -> list[str]:
        """The names of the variables."""

    async def seen(self, variable: str) -> str:
        """What a variable looks like."""

    async def checkpoint(self, name: str = "", restore: str = "") -> None:
        """Name the state of the environment, or return to it."""

    async def complaint_about_question(self, query: str) -> str:
        """Why the environment's question to a language model is not answered."""

    async def complaint_about_recall(self, **fields: Any) -> str:
        """Why a recall is refused."""


class ByTool:
    """Through MCP, at whatever transport."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.remember = agent.remember
        self.recalled = agent.recalled

    async def forget(self, memory_id: str) -> None:
        await self.agent.ask("memory_forget", memory_id=memory_id)

    async def link(self, source: str, relationship: str, target: str) -> None:
        named = {"source_id": source, "target_id": target, "relationship": relationship}
        await self.agent.ask("memory_associate", **named)

    async def reached_from(self, memory_id: str) -> set[str]:
        answer = await self.agent.ask("memory_graph_query", start_memory_id=memory_id)
        return {node for path in answer["paths"] for node in path["nodes"]} - {memory_id}

    async def summed_up(self, query: str) -> tuple[str, list[str]]:
        answer = await self.agent.ask("memory_reflect", query=query)
        return answer["reflection"], answer["source_memories"]

    async def count(self) -> int:
        return (await self.agent.ask("memory_statistics"))["total_memories"]

    async def contradictions(self) -> set[frozenset[str]]:
        findings = (await self.agent.ask("memory_audit"))["findings"]
        return {frozenset(one["memory_ids"]) for one in findings if one["kind"].endswith("_conflict")}

    async def told(self) -> str:
        return await self.agent.text("memory_briefing")

    async def commit(self) -> int:
        return (await self.agent.ask("memory_session_commit"))["memories_created"]

    async def run(self, code: str) -> tuple[str | None, str | None]:
        told = (await self.agent.call("memory_context_exec", {"code": code})).structured_content or {}
        return told.get("result"), (told.get("error") or {}).get("message")

    async def load(self, variable: str, query: str) -> int:
        return (await self.agent.ask("memory_context_load", var=variable, query=query))["count"]

    async def inject(self, name: str, value: Any) -> None:
        await self.agent.ask("memory_context_inject", key=name, value=value)

    async def variables(self) -> list[str]:
        return (await self.agent.ask("memory_context_status"))["variables"]

    async def seen(self, variable: str) -> str:
        return (await self.agent.ask("memory_context_inspect", variable=variable))["preview"]

    async def checkpoint(self, name: str = "", restore: str = "") -> None:
        given = {"name": name, "restore": restore}
        await self.agent.ask("memory_context_checkpoint", **{key: value for key, value in given.items() if value})

    async def complaint_about_question(self, query: str) -> str:
        return await self.agent.complaint("memory_context_query", prompt=query, variables=["x"])

    async def complaint_about_recall(self, **fields: Any) -> str:
        return await self.agent.complaint("memory_recall", **fields)


class ByRest:
    """Through the REST mirror."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """The body of an answer that is no refusal."""
        sent = {} if body is None else {"json": body}
        answer = await self.http.request(method, path, params=query, **sent)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else {}

    async def remember(self, content: str, **fields: Any) -> str:
        return (await self.ask("POST", "/v1/memories", {"content": content, **fields}))["id"]

    async def recalled(self, query: str, **fields: Any) -> list[str]:
        found = await self.ask("POST", "/v1/memories/recall", {"query": query, **fields})
        return [one["content"] for one in found["memories"]]

    async def forget(self, memory_id: str) -> None:
        await self.ask("DELETE", f"/v1/memories/{memory_id}")

    async def link(self, source: str, relationship: str, target: str) -> None:
        body = {"target_id": target, "relationship": relationship}
        await self.ask("POST", f"/v1/memories/{source}/associate", body)

    async def reached_from(self, memory_id: str) -> set[str]:
        answer = await self.ask("POST", f"/v1/memories/{memory_id}/traverse", {})
        return {node for path in answer["paths"] for node in path["nodes"]} - {memory_id}

    async def summed_up(self, query: str) -> tuple[str, list[str]]:
        answer = await self.ask("POST", "/v1/memories/reflect", {"query": query})
        return answer["reflection"], answer["source_memories"]

    async def count(self) -> int:
        return (await self.ask("GET", "/v1/statistics"))["total_memories"]

    async def contradictions(self) -> set[frozenset[str]]:
        findings = (await self.ask("POST", "/v1/audit", {}))["findings"]
        return {frozenset(one["memory_ids"]) for one in findings if one["kind"].endswith("_conflict")}

    async def told(self) -> str:
        return (await self.http.get("/v1/sessions/briefing")).text

    async def commit(self) -> int:
        return (await self.ask("POST", f"/v1/sessions/{SESSION}/commit", {}))["memories_created"]

    async def run(self, code: str) -> tuple[str | None, str | None]:
        told = await self.ask("POST", "/v1/context/execute", {"code": code})
        return told["result"], told["error"]

    async def load(self, variable: str, query: str) -> int:
        return (await self.ask("POST", "/v1/context/load", {"var": variable, "query": query}))["count"]

    async def inject(self, name: str, value: Any) -> None:
        assert (await self.ask("POST", "/v1/context/inject", {"key": name, "value": value}))["error"] is None

    async def variables(self) -> list[str]:
        return (await self.ask("GET", "/v1/context/status"))["variables"] or []

    async def seen(self, variable: str) -> str:
        return (await self.ask("POST", "/v1/context/inspect", variable=variable))["preview"]

    async def checkpoint(self, name: str = "", restore: str = "") -> None:
        given = {"name": name, "restore": restore}
        await self.ask("POST", "/v1/context/checkpoint", {key: value for key, value in given.items() if value})

    async def complaint_about_question(self, query: str) -> str:
        return (await self.ask("POST", "/v1/context/query", {"prompt": query, "variables": ["x"]}))["error"]

    async def complaint_about_recall(self, **fields: Any) -> str:
        answer = await self.http.post("/v1/memories/recall", json=fields)
        assert answer.status_code in (400, 422), answer.text
        return answer.text
