"""What `mcp-memory demo` does: two real servers, one after the other, over the same file."""

from __future__ import annotations

import os
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mcp import Client, StdioServerParameters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

WORKSPACE: Final = "demo"

PATIENCE_SECONDS: Final = 60.0
"""How long one answer may take before the demonstration gives up; a cold machine needs a few seconds."""

MEMORIES: Final[tuple[Mapping[str, Any], ...]] = (
    {"content": "Ana drinks green tea before work and never touches coffee.", "tags": ["people"]},
    {"content": "We chose PostgreSQL over MongoDB for billing, because invoices need transactions."},
    {"content": "Error ERR-4031 means that the licence server's clock is wrong; an NTP sync mends it."},
    {"content": "The staging environment is rebuilt every night at 02:30 and is down for twenty minutes."},
    {"content": "Tomás leads the Lisbon office; his team meets on Thursdays."},
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, how its answer is found, and which memory answers it."""

    text: str
    how: str
    answer: str


QUESTIONS: Final = (
    Question("Which hot beverage does she like in the morning?", "meaning", str(MEMORIES[0]["content"])),
    Question("Why do we not use a document store?", "meaning", str(MEMORIES[1]["content"])),
    Question("When is the test system unavailable?", "meaning", str(MEMORIES[3]["content"])),
    Question("ERR-4031", "identifier", str(MEMORIES[2]["content"])),
)


@dataclass(frozen=True, slots=True)
class Recalled:
    """What came back first for a question."""

    question: str
    how: str
    found: str
    relevance: float | None
    hit: bool
    """Whether it is the memory that answers the question."""
    milliseconds: float


@dataclass(slots=True)
class Demonstration:
    """What happened, and how long it took; times are wall-clock milliseconds seen by the client."""

    data_dir: str
    database: str = ""
    tools: list[str] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    """From starting each process to its list of tools."""
    remembers: list[float] = field(default_factory=list)
    """The first one includes making the database."""
    recalls: list[Recalled] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Whether every question got its memory."""
        return bool(self.recalls) and all(recalled.hit for recalled in self.recalls)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"success": self.success, **asdict(self)}


class DemonstrationFailed(Exception):
    """The server did not do what was asked; the text is its own."""


async def demonstrate(data_dir: Path) -> Demonstration:
    """Remember in one process, recall in the next.

    Raises:
        DemonstrationFailed: a server did not start, or refused a call.
    """
    shown = Demonstration(str(data_dir))
    async with _server(data_dir, shown) as client:
        for memory in MEMORIES:
            started = time.perf_counter()
            await _call(client, "memory_remember", memory)
            shown.remembers.append(_milliseconds(started))
    async with _server(data_dir, shown) as client:
        for question in QUESTIONS:
            shown.recalls.append(await _recall(client, question))
        statistics = await _call(client, "memory_statistics", {"include_breakdown": False})
        shown.database = statistics["storage"]["location"]
    return shown


@asynccontextmanager
async def _server(data_dir: Path, shown: Demonstration) -> AsyncIterator[Client]:
    """This very program as a child process, with a client that has its list of tools; ended at the end."""
    place = {"MCP_MEMORY_DATA_DIR": str(data_dir), "MCP_MEMORY_WORKSPACE": WORKSPACE}
    command = StdioServerParameters(command=sys.executable, args=["-m", "mcp_memory"], env={**os.environ, **place})
    started = time.perf_counter()
    async with Client(command, read_timeout_seconds=PATIENCE_SECONDS) as client:
        shown.tools = [tool.name for tool in (await client.list_tools()).tools]
        shown.starts.append(_milliseconds(started))
        yield client


async def _recall(client: Client, question: Question) -> Recalled:
    started = time.perf_counter()
    answer = await _call(client, "memory_recall", {"query": question.text, "limit": 3})
    elapsed = _milliseconds(started)
    first = answer["memories"][0] if answer["memories"] else {}
    found = first.get("content", "")
    return Recalled(question.text, question.how, found, first.get("relevance_score"), found == question.answer, elapsed)


async def _call(client: Client, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    result = await client.call_tool(tool, dict(arguments))
    if result.is_error or result.structured_content is None:
        raise DemonstrationFailed(" ".join(getattr(part, "text", "") for part in result.content))
    return dict(result.structured_content)


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
