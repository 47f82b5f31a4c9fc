"""The nine core tools."""

from __future__ import annotations

from mcp_memory.core.memory import Memory
from mcp_memory.models.association import Associate, Associated, GraphQuery, GraphResult
from mcp_memory.models.audit import AuditRequest, AuditResult
from mcp_memory.models.briefing import Briefing, BriefingRequest
from mcp_memory.models.memory import Forget, Forgotten, Remember, Remembered
from mcp_memory.models.recall import Recall, RecallResult, Reflect, ReflectResult
from mcp_memory.models.statistics import Statistics, StatisticsRequest
from mcp_memory.tools.spec import ToolSpec

CORE_TOOLS = (
    ToolSpec(
        name="memory_remember",
        description=(
            "Store one fact, decision, preference, event or how-to, self-contained and in the words used. "
            "The same content again only confirms it."
        ),
        verb=Memory.remember,
        request=Remember,
        result=Remembered,
        parameters={
            "content": "",
            "type": "default: classified",
            "subtype": "",
            "importance": "",
            "tags": "",
            "metadata": "",
            "context_id": "",
            "author": "who said it",
            "occurred_at": "ISO 8601",
        },
        read_only=False,
        leading=("memory_id", "outcome", "type", "message"),
    ),
    ToolSpec(
        name="memory_recall",
        description="Find memories by meaning and words, best first. Query `*` browses newest first.",
        verb=Memory.recall,
        request=Recall,
        result=RecallResult,
        parameters={
            "query": "",
            "types": "",
            "subtypes": "as in memory_remember",
            "tags": "all of them",
            "limit": "",
            "mode": "llm: by a language model; hybrid: where rag is not enough",
            "min_relevance": "",
            "tolerance": "",
            "context_id": "",
            "user_id": "",
            "subject_id": "",
            "created_after": "ISO 8601",
            "created_before": "",
            "include_archived": "",
            "exclude_ids": "",
            "include_neighbors": "also what came before and after",
            "include_associations": "also linked memories",
            "traverse_depth": "",
            "max_tokens": "",
            "detail_level": "",
        },
        leading=("memories", "total_count", "mode_used"),
        unlisted=("subtypes",),
    ),
    ToolSpec(
        name="memory_reflect",
        description="Summarise what is remembered about a question, with sources, timeline and conflicts.",
        verb=Memory.reflect,
        request=Reflect,
        result=ReflectResult,
        parameters={"query": "", "detail_level": "", "include_sources": "", "depth": "hops along links"},
        leading=("reflection", "source_memories", "confidence"),
    ),
    ToolSpec(
        name="memory_forget",
        description="Forget one memory. Restorable, unless `hard` erases it for ever.",
        verb=Memory.forget,
        request=Forget,
        result=Forgotten,
        parameters={"memory_id": "", "reason": "", "hard": ""},
        read_only=False,
        destructive=True,
        idempotent=False,
        leading=("memory_id", "message"),
    ),
    ToolSpec(
        name="memory_associate",
        description="Link two memories; again sets the strength.",
        verb=Memory.associate,
        request=Associate,
        result=Associated,
        parameters={
            "source_id": "",
            "target_id": "",
            "relationship": "e.g. causes, solves, supersedes, part_of, contradicts",
            "strength": "",
        },
        read_only=False,
        leading=("association_id", "outcome", "message"),
    ),
    ToolSpec(
        name="memory_briefing",
        description="What matters now: directives, recent and important memories, topics, conflicts. For a new start.",
        verb=Memory.briefing,
        request=BriefingRequest,
        result=Briefing,
        parameters={
            "time_window_minutes": "",
            "detail_level": "",
            "limit": "",
            "include_memories": "",
            "include_contradictions": "",
        },
        leading=("total_memories", "memories", "active_topics", "contradictions_found"),
    ),
    ToolSpec(
        name="memory_statistics",
        description="Count this workspace's memories and links.",
        verb=Memory.statistics,
        request=StatisticsRequest,
        result=Statistics,
        parameters={"include_breakdown": ""},
        leading=("total_memories", "total_associations"),
    ),
    ToolSpec(
        name="memory_graph_query",
        description="Follow links from a memory; whole paths, strongest first.",
        verb=Memory.graph_query,
        request=GraphQuery,
        result=GraphResult,
        parameters={
            "start_memory_id": "",
            "relationship_types": "",
            "max_depth": "",
            "direction": "",
            "max_paths": "",
        },
        leading=("paths", "total_paths", "unique_nodes"),
    ),
    ToolSpec(
        name="memory_audit",
        description="Check one memory or all for contradictions, duplicates, stale or broken links, cycles.",
        verb=Memory.audit,
        request=AuditRequest,
        result=AuditResult,
        parameters={"memory_id": "", "auto_resolve": "mend only what is certain"},
        read_only=False,
        leading=("findings", "counts", "resolved"),
    ),
)
