"""`Memory`: one method per verb. Every door calls these, and only these."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_memory.core.access import AccessLog
from mcp_memory.core.administration import Administration
from mcp_memory.core.environment.environments import Environments
from mcp_memory.core.maintenance import Maintenance
from mcp_memory.core.session_policy import SessionPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from mcp_memory.core.doctor import DoctorReport
    from mcp_memory.core.environment.progress import Report
    from mcp_memory.core.portability import ImportReport
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.association import Associate, Associated, Association, GraphQuery, GraphResult
    from mcp_memory.models.audit import AuditRequest, AuditResult
    from mcp_memory.models.briefing import Briefing, BriefingRequest
    from mcp_memory.models.contradiction import (
        ContradictionScan,
        ListContradictions,
        RecordedContradiction,
        ResolveContradiction,
        ScanContradictions,
    )
    from mcp_memory.models.editing import (
        Batch,
        BatchResult,
        Decay,
        Dissociated,
        GetMemory,
        ListAssociations,
        MemoryRecord,
        Trace,
        UpdateMemory,
    )
    from mcp_memory.models.entity import (
        DerivedInsights,
        DeriveInsights,
        EntityCard,
        EntityCardRequest,
        EntityInsights,
        EntityInsightsRequest,
    )
    from mcp_memory.models.environment import (
        ContextAnswered,
        ContextCheckpoint,
        ContextCheckpointed,
        ContextCleaned,
        ContextCleanup,
        ContextExec,
        ContextExecuted,
        ContextInject,
        ContextInjected,
        ContextInspect,
        ContextInspected,
        ContextLoad,
        ContextLoaded,
        ContextQuery,
        ContextRlm,
        ContextRlmResult,
        ContextStatus,
        ContextStatusRequest,
    )
    from mcp_memory.models.memory import Forget, Forgotten, Remember, Remembered, Restored
    from mcp_memory.models.recall import Recall, RecallResult, Reflect, ReflectResult
    from mcp_memory.models.session import (
        OpenSession,
        Session,
        SessionCommit,
        SessionCommitted,
        SessionEnd,
        SessionEnded,
        SessionOpened,
        SessionStart,
        SessionStarted,
        SessionStatus,
        SessionStatusRequest,
        WorkingEntry,
        WorkingSet,
    )
    from mcp_memory.models.statistics import Statistics, StatisticsRequest
    from mcp_memory.models.transfer import ExportRequest, WorkspaceExportData


class Memory(Administration):
    """Long-term memory. `scope` is where a call without one happens.

    A verb's module is imported at its first call: a server that has just started has not paid for any.

    Every verb raises `InvalidRequest` for a call that cannot be carried out, `StoreError` where the database
    cannot do it, and never anything in between.
    """

    def __init__(
        self,
        resources: Resources,
        scope: Scope,
        sessions: SessionPolicy | None = None,
        environments: Environments | None = None,
    ) -> None:
        self.resources = resources
        self.scope = scope
        self.sessions = sessions or SessionPolicy()
        self.environments = environments or Environments()
        self._maintenance = Maintenance(resources, self.sessions)
        self._access = AccessLog(resources.store, resources.now)

    async def open(self) -> None:
        """Open the store; the first verb does it too."""
        await self.resources.store.open()

    def warm_up(self) -> None:
        """Begin loading the encoder and embedding what is pending, in the background."""
        self.resources.indexer.warm_up()

    def maintain(self) -> None:
        """Begin to sweep expired sessions in the background, for as long as this process serves."""
        self._maintenance.start()

    async def close(self) -> None:
        """Finish what is running; acknowledged writes are safe with or without it."""
        await self._maintenance.close()
        await self._access.flush()
        await self.environments.close()
        if self.resources.model is not None:
            await self.resources.model.close()
        await self.resources.indexer.close()
        await self.resources.store.close()

    def scope_of(self, author: str) -> Scope:
        """The default scope, with who calls."""
        return replace(self.scope, author=author)

    async def scope_in(self, workspace_id: str) -> Scope:
        """A scope in another workspace, which must exist.

        Raises:
            UnknownWorkspace: names the nearest ones.
        """
        from mcp_memory.core.workspaces import existing_scope

        return await existing_scope(self.resources, self.scope, workspace_id)

    async def remember(self, request: Remember, scope: Scope | None = None) -> Remembered:
        """Store a memory, or confirm the one that says the same.

        Raises:
            InvalidRequest: the scope's session is no longer active; nothing was written.
        """
        from mcp_memory.core.remember import remember

        where = scope or self.scope
        if where.session_id and not request.session_id:
            from mcp_memory.core.sessions import usable

            await usable(self.resources, self.sessions, where.session_id, where.workspace_id)
        if where.context_id and not request.context_id:
            request = request.model_copy(update={"context_id": where.context_id})
        return await remember(self.resources, request, where)

    async def recall(self, request: Recall, scope: Scope | None = None) -> RecallResult:
        """Find memories by meaning and words."""
        from mcp_memory.core.recall import recall

        result = await recall(self.resources, request, scope or self.scope)
        self._access.note(memory.id for memory in result.memories)
        return result

    async def reflect(self, request: Reflect, scope: Scope | None = None) -> ReflectResult:
        """Sum up what is remembered."""
        from mcp_memory.core.reflect import reflect

        return await reflect(self.resources, request, scope or self.scope)

    async def forget(self, request: Forget, scope: Scope | None = None) -> Forgotten:
        """Turn a memory into a tombstone, or erase it."""
        from mcp_memory.core.forget import forget

        return await forget(self.resources, request, scope or self.scope)

    async def restore(self, memory_id: str, scope: Scope | None = None) -> Restored:
        """Bring a tombstone back."""
        from mcp_memory.core.forget import restore

        return await restore(self.resources, memory_id, scope or self.scope)

    async def associate(self, request: Associate, scope: Scope | None = None) -> Associated:
        """Link two memories."""
        from mcp_memory.core.graph import associate

        return await associate(self.resources, request, scope or self.scope)

    async def briefing(self, request: BriefingRequest, scope: Scope | None = None) -> Briefing:
        """What the next window should know."""
        from mcp_memory.core.briefing import briefing

        return await briefing(self.resources, request, scope or self.scope)

    async def statistics(self, request: StatisticsRequest, scope: Scope | None = None) -> Statistics:
        """Count."""
        from mcp_memory.core.statistics import statistics

        return await statistics(self.resources, request, scope or self.scope)

    async def graph_query(self, request: GraphQuery, scope: Scope | None = None) -> GraphResult:
        """Follow links."""
        from mcp_memory.core.graph import graph_query

        return await graph_query(self.resources, request, scope or self.scope)

    async def audit(self, request: AuditRequest, scope: Scope | None = None) -> AuditResult:
        """Check whether what is remembered holds together."""
        from mcp_memory.core.audit import audit

        return await audit(self.resources, request, scope or self.scope)

    async def start_session(self, request: SessionStart, scope: Scope | None = None) -> SessionStarted:
        """Begin a session, or go on with one."""
        from mcp_memory.core.sessions import start_session

        return await start_session(self.resources, self.sessions, request, scope or self.scope)

    async def end_session(self, request: SessionEnd, scope: Scope | None = None) -> SessionEnded:
        """Commit the scope's session unless told not to, and end it with a handover."""
        from mcp_memory.core.sessions import end_session

        return await end_session(self.resources, self.sessions, request, scope or self.scope)

    async def commit_session(self, request: SessionCommit, scope: Scope | None = None) -> SessionCommitted:
        """Turn what the scope's session holds into long-term memories; it goes on."""
        from mcp_memory.core.sessions import commit_session

        return await commit_session(self.resources, self.sessions, request, scope or self.scope)

    async def session_status(self, _: SessionStatusRequest, scope: Scope | None = None) -> SessionStatus:
        """Where the scope's session stands, whatever its state."""
        from mcp_memory.core.sessions import session_status

        return await session_status(self.resources, scope or self.scope)

    async def list_sessions(self, include_ended: bool = False, scope: Scope | None = None) -> list[Session]:
        """The workspace's sessions, latest use first; only the active ones unless told otherwise."""
        from mcp_memory.core.sessions import list_sessions

        return await list_sessions(self.resources, include_ended, scope or self.scope)

    async def touch_session(self, extend_seconds: int | None = None, scope: Scope | None = None) -> Session:
        """Let the scope's session last its TTL, or `extend_seconds`, from now; never shortens."""
        from mcp_memory.core.sessions import touch_session

        return await touch_session(self.resources, self.sessions, extend_seconds, scope or self.scope)

    async def set_working(self, request: WorkingSet, scope: Scope | None = None) -> WorkingEntry:
        """Hold a value in hand under a key of the scope's session."""
        from mcp_memory.core.working import set_working

        return await set_working(self.resources, self.sessions, request, scope or self.scope)

    async def working(self, scope: Scope | None = None) -> list[WorkingEntry]:
        """What the scope's session holds in hand, by key."""
        from mcp_memory.core.working import working

        return await working(self.resources, self.sessions, scope or self.scope)

    # What a remote door needs besides

    async def get_memory(self, request: GetMemory, scope: Scope | None = None) -> MemoryRecord:
        """One memory by its id; reading it counts as no access.

        Raises:
            UnknownMemory: it is forgotten, another session's note, or cannot be seen from here.
        """
        from mcp_memory.core.editing import get_memory

        return await get_memory(self.resources, request, scope or self.scope)

    async def update_memory(self, request: UpdateMemory, scope: Scope | None = None) -> MemoryRecord:
        """Change a memory, with a revision.

        Raises:
            UnknownMemory: it is forgotten, or cannot be seen from here.
            Conflict: another memory holds the new content already.
        """
        from mcp_memory.core.editing import update_memory

        return await update_memory(self.resources, request, scope or self.scope)

    async def decay(self, request: Decay, scope: Scope | None = None) -> MemoryRecord:
        """Let a memory fade, with a revision.

        Raises:
            UnknownMemory: it is forgotten, or cannot be seen from here.
            Conflict: it is pinned.
        """
        from mcp_memory.core.editing import decay

        return await decay(self.resources, request, scope or self.scope)

    async def batch(self, request: Batch, scope: Scope | None = None) -> BatchResult:
        """Create, update and forget in one call; each operation succeeds or fails by itself.

        Raises:
            InvalidRequest: the scope's session is no longer active; nothing was written.
        """
        from mcp_memory.core.batch import batch

        where = scope or self.scope
        if where.session_id:
            from mcp_memory.core.sessions import usable

            await usable(self.resources, self.sessions, where.session_id, where.workspace_id)
        return await batch(self.resources, request, where)

    async def trace(self, memory_id: str, scope: Scope | None = None) -> Trace:
        """Where a memory comes from.

        Raises:
            UnknownMemory: it is forgotten, or cannot be seen from here.
        """
        from mcp_memory.core.trace import trace

        return await trace(self.resources, memory_id, scope or self.scope)

    async def associations(self, request: ListAssociations, scope: Scope | None = None) -> list[Association]:
        """A memory's links, strongest first.

        Raises:
            UnknownMemory: it is forgotten, or cannot be seen from here.
            UnknownRelationship: offers the nearest names.
        """
        from mcp_memory.core.links import associations

        return await associations(self.resources, request, scope or self.scope)

    async def dissociate(self, association_id: str, scope: Scope | None = None) -> Dissociated:
        """Remove a link.

        Raises:
            UnknownRecord: there is none with this id here.
        """
        from mcp_memory.core.links import dissociate

        return await dissociate(self.resources, association_id, scope or self.scope)

    async def scan_contradictions(self, request: ScanContradictions, scope: Scope | None = None) -> ContradictionScan:
        """Look for contradictions and record the new ones; what was settled is not recorded again."""
        from mcp_memory.core.settling import scan_contradictions

        return await scan_contradictions(self.resources, request, scope or self.scope)

    async def list_contradictions(
        self, request: ListContradictions, scope: Scope | None = None
    ) -> list[RecordedContradiction]:
        """Recorded contradictions that are not settled, surest first."""
        from mcp_memory.core.settling import list_contradictions

        return await list_contradictions(self.resources, request, scope or self.scope)

    async def resolve_contradiction(
        self, request: ResolveContradiction, scope: Scope | None = None
    ) -> RecordedContradiction:
        """Settle a recorded contradiction.

        Raises:
            UnknownRecord: there is none with this id here.
            Conflict: it is settled already, or what should be kept is forgotten.
        """
        from mcp_memory.core.settling import resolve_contradiction

        return await resolve_contradiction(self.resources, request, scope or self.scope)

    async def open_session(self, request: OpenSession, scope: Scope | None = None) -> SessionOpened:
        """Begin a session under an id of the caller's choice, or go on with the active one of that id.

        Raises:
            Conflict: the id is another workspace's, or its session is over and `replace` was not said.
            InvalidRequest: what it should hold from the start is too much or no JSON.
        """
        from mcp_memory.core.opening import open_session

        return await open_session(self.resources, self.sessions, request, scope or self.scope)

    async def get_session(self, session_id: str, scope: Scope | None = None) -> Session:
        """A session of the workspace, whatever its state; see `Session.state`.

        Raises:
            UnknownRecord: the workspace has none of this id.
        """
        from mcp_memory.core.opening import get_session

        return await get_session(self.resources, session_id, scope or self.scope)

    async def delete_session(self, session_id: str, scope: Scope | None = None) -> Session:
        """End a session without committing it: what it holds leaves with it, its notes become tombstones.

        Raises:
            UnknownRecord: the workspace has none of this id, or it has ended.
        """
        from mcp_memory.core.opening import delete_session

        return await delete_session(self.resources, session_id, scope or self.scope)

    async def working_value(self, key: str, scope: Scope | None = None) -> WorkingEntry:
        """What the scope's session holds under a key.

        Raises:
            UnknownRecord: nothing, or not any more.
            InvalidRequest: the session cannot be used.
        """
        from mcp_memory.core.opening import working_value

        return await working_value(self.resources, self.sessions, key, scope or self.scope)

    async def entity_card(self, request: EntityCardRequest, scope: Scope | None = None) -> EntityCard:
        """What is remembered about a subject, summed up now."""
        from mcp_memory.core.entities import entity_card

        return await entity_card(self.resources, request, scope or self.scope)

    async def entity_insights(self, request: EntityInsightsRequest, scope: Scope | None = None) -> EntityInsights:
        """What was inferred about a subject, newest first."""
        from mcp_memory.core.entities import entity_insights

        return await entity_insights(self.resources, request, scope or self.scope)

    async def derive_insights(self, request: DeriveInsights, scope: Scope | None = None) -> DerivedInsights:
        """Infer from the number of memories about a subject; again changes only what has changed."""
        from mcp_memory.core.entities import derive_insights

        return await derive_insights(self.resources, request, scope or self.scope)

    def export_workspace(self, request: ExportRequest) -> AsyncIterator[dict[str, object]]:
        """One workspace, or part of it, as lines that `import_lines` and clients of MemoryLayer read.

        Raises:
            UnknownWorkspace: there is none with this id.
        """
        from mcp_memory.core.exchange import export_workspace

        return export_workspace(self.resources, request)

    async def import_workspace(self, data: WorkspaceExportData, workspace_id: str) -> ImportReport:
        """Take an export that comes as one object into a workspace; safe to repeat."""
        from mcp_memory.core.exchange import import_workspace

        return await import_workspace(self.resources, data, workspace_id)

    # The context environment

    async def context_exec(self, request: ContextExec, scope: Scope | None = None) -> ContextExecuted:
        """Run code in the session's environment; what went wrong in the code is part of the result.

        Raises:
            SandboxUnavailable: it cannot run here.
        """
        from mcp_memory.core.environment.executing import execute

        return await execute(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def context_inspect(self, request: ContextInspect, scope: Scope | None = None) -> ContextInspected:
        """Look at the environment's variables."""
        from mcp_memory.core.environment.inspecting import inspect

        return await inspect(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def context_load(self, request: ContextLoad, scope: Scope | None = None) -> ContextLoaded:
        """Recall memories into a variable."""
        from mcp_memory.core.environment.loading import load

        return await load(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def context_inject(self, request: ContextInject, scope: Scope | None = None) -> ContextInjected:
        """Bind a name to a value."""
        from mcp_memory.core.environment.loading import inject

        return await inject(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def context_query(self, request: ContextQuery, scope: Scope | None = None) -> ContextAnswered:
        """Ask the language model about variables.

        Raises:
            LanguageModelError: there is none, or it did not answer.
        """
        from mcp_memory.core.environment.querying import query

        return await query(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def context_rlm(
        self, request: ContextRlm, scope: Scope | None = None, report: Report | None = None
    ) -> ContextRlmResult:
        """Let the language model work on the environment with code until it has reached a goal; `report` is told of
        each turn.

        Raises:
            LanguageModelUnavailable: there is none; the text tells the caller how to do the same itself.
        """
        from mcp_memory.core.environment.rlm.loop import pursue

        return await pursue(self.resources, self.sessions, self.environments, request, scope or self.scope, report)

    async def context_status(self, request: ContextStatusRequest, scope: Scope | None = None) -> ContextStatus:
        """Where the environment stands; changes nothing."""
        from mcp_memory.core.environment.inspecting import status

        return await status(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def context_checkpoint(self, request: ContextCheckpoint, scope: Scope | None = None) -> ContextCheckpointed:
        """Name the environment's present state, or return to a named one."""
        from mcp_memory.core.environment.checkpoints import checkpoint

        return await checkpoint(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def context_cleanup(self, request: ContextCleanup, scope: Scope | None = None) -> ContextCleaned:
        """Remove the environment with its checkpoints."""
        from mcp_memory.core.environment.checkpoints import cleanup

        return await cleanup(self.resources, self.sessions, self.environments, request, scope or self.scope)

    async def reindex(self, progress: Callable[[int, int], None]) -> int:
        """Embed what has no vector of the encoder in use; how many there were."""
        return await self.resources.indexer.reindex(progress)

    def export(self, workspace_id: str | None = None) -> AsyncIterator[dict[str, object]]:
        """Every memory, revision and link as JSON lines; None: all workspaces."""
        from mcp_memory.core.portability import export

        return export(self.resources, workspace_id)

    async def import_lines(self, lines: Iterable[str], workspace_id: str = "") -> ImportReport:
        """Take in what `export` wrote; safe to repeat."""
        from mcp_memory.core.portability import import_lines

        return await import_lines(self.resources, lines, workspace_id)

    async def doctor(self) -> DoctorReport:
        """Check the installation from end to end."""
        from mcp_memory.core.doctor import doctor

        return await doctor(self.resources, self.scope)
