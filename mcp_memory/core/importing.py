"""Taking in what `portability.export` wrote, or MemoryLayer's NDJSON.

Lines are gathered into batches, and each batch is one transaction, so a store of any size goes through constant
memory and an import that stops is simply begun again: what is here already, by id or by content, is left as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from mcp_memory.core.counting import counted
from mcp_memory.core.incoming import ContextFields, WorkspaceFields
from mcp_memory.core.indexing import BATCH, BULK_PATIENCE
from mcp_memory.core.interchange import Footer, Header, LineError, LineReader, NewerFormatError
from mcp_memory.errors import Conflict, EmbedderUnavailable, InvalidRequest
from mcp_memory.models.association import Association
from mcp_memory.models.base import Result
from mcp_memory.models.workspace import Context, Workspace
from mcp_memory.names import DEFAULT_CONTEXT, DEFAULT_WORKSPACE
from mcp_memory.storage.base import Portable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from mcp_memory.core.interchange import Record
    from mcp_memory.core.resources import Resources
    from mcp_memory.embedding.base import EncoderIdentity

LINKS: Final = 500
"""Links written per transaction."""

REPORTED: Final = 100
"""Problems described one by one; further ones are only counted."""


class LineProblem(Result):
    """A line that was passed over, and how to mend it."""

    line: int
    """Counted from 1."""
    problem: str


class ImportReport(Result):
    """What became of the lines."""

    success: bool = True
    """Whether every line could be read and the file was whole."""
    lines: int = 0
    memories_imported: int = 0
    memories_present: int = 0
    """Already here, by id or by content, and left as they are."""
    associations_imported: int = 0
    associations_present: int = 0
    associations_dangling: int = 0
    """Not written, as a memory they need is missing."""
    embedded: int = 0
    """Vectors made here; those that came with the file do not count."""
    pending: int = 0
    """Imported without a vector; they are embedded when the encoder works."""
    unreadable: int = 0
    problems: list[LineProblem] = Field(default_factory=list)
    """The first hundred."""
    notes: list[str] = Field(default_factory=list)
    message: str = ""


async def import_lines(
    resources: Resources,
    lines: Iterable[str | bytes] | AsyncIterable[str | bytes],
    workspace_id: str = "",
    *,
    fallback: str = DEFAULT_WORKSPACE,
    progress: Callable[[ImportReport, int], None] | None = None,
) -> ImportReport:
    """Take in what `export` wrote, or MemoryLayer's NDJSON.

    Args:
        lines: JSON Lines as text or UTF-8, with or without line ends.
        workspace_id: where everything goes; empty: where each line says. Ids stay the same and are unique in a
            store, so this does not copy a memory from one workspace of a store into another.
        fallback: the workspace of lines that name none.
        progress: gets the report so far after each batch, and how many lines the header promised (0: unknown).

    Raises:
        InvalidRequest: the file was written by a newer version; nothing after its header was taken.
        StoreError: the store cannot go on; every batch before it is kept.
    """
    reader = LineReader(workspace_id or None, fallback, resources.now(), resources.limits.max_content_chars)
    importer = _Importer(resources, reader, progress or _silently)
    async for line in _each(lines):
        await importer.take(line)
    report = await importer.finish()
    await resources.store.record_event(workspace_id or fallback, "import", "memories", "", _tally(report))
    return report


def _silently(report: ImportReport, expected: int) -> None:
    """Progress that nobody watches."""


async def _each(lines: Iterable[str | bytes] | AsyncIterable[str | bytes]) -> AsyncIterator[str | bytes]:
    if isinstance(lines, AsyncIterable):
        async for line in lines:
            yield line
    else:
        for line in lines:
            yield line


def _tally(report: ImportReport) -> dict[str, Any]:
    return {name: value for name, value in report if isinstance(value, int)}


class _Importer:
    """Reads, gathers batches of one kind, and writes each in one transaction."""

    def __init__(self, resources: Resources, reader: LineReader, progress: Callable[[ImportReport, int], None]) -> None:
        self.report = ImportReport()
        self._store = resources.store
        self._indexer = resources.indexer
        self._now = resources.now
        self._reader = reader
        self._progress = progress
        self._memories: list[Portable] = []
        self._edges: list[tuple[int, Association]] = []
        self._section = _Section()
        self._encoder_works = True

    async def take(self, raw: str | bytes) -> None:
        """One line more."""
        self.report.lines += 1
        try:
            record = self._reader.read(raw)
        except NewerFormatError as error:
            raise InvalidRequest(str(error)) from None
        except LineError as error:
            self.report.unreadable += 1
            self._section.lines += 1
            self._describe(self.report.lines, str(error))
        else:
            await self._place(record)

    async def _place(self, record: Record | None) -> None:
        match record:
            case None:
                return
            case Header():
                await self._begin_section(record)
            case Footer():
                self._section.footer = record
            case Portable():
                self._memories.append(record)
            case Association():
                self._edges.append((self.report.lines, record))
            case WorkspaceFields():
                await self._ensure_workspace(record)
            case ContextFields():
                await self._ensure_context(record)
        self._section.lines += 1
        if len(self._memories) >= BATCH:
            await self._flush_memories()
        if len(self._edges) >= LINKS:
            await self._flush()

    async def _ensure_workspace(self, fields: WorkspaceFields) -> None:
        """With its name and settings where it is new; one that is here stays as it is."""
        if await self._store.workspace(fields.id) is not None:
            return
        now = self._now()
        workspace = Workspace(
            id=fields.id, name=fields.name or fields.id, settings=fields.settings, created_at=now, updated_at=now
        )
        with suppress(Conflict):
            await self._store.create_workspace(workspace, "")

    async def _ensure_context(self, fields: ContextFields) -> None:
        """With its description and settings where it is new; one that is here stays as it is."""
        standing = await self._store.contexts(fields.workspace_id)
        if fields.name == DEFAULT_CONTEXT or fields.name in {name for one in standing for name in (one.id, one.name)}:
            return
        context = Context(**fields.model_dump(), id=fields.name, created_at=self._now())
        with suppress(InvalidRequest):
            await self._store.create_context(context)

    async def finish(self) -> ImportReport:
        """Write what is left, and sum up."""
        await self._flush()
        self._close_section()
        self.report.success = not self.report.unreadable and not self._section.was_cut
        self.report.message = _summary(self.report)
        return self.report

    async def _begin_section(self, header: Header) -> None:
        await self._flush()
        self._close_section()
        self._section = _Section(header, was_cut=self._section.was_cut)

    def _close_section(self) -> None:
        complaint = self._section.complaint()
        if complaint:
            self._section.was_cut = True
            self.report.notes.append(complaint)

    async def _flush(self) -> None:
        await self._flush_memories()
        await self._flush_edges()

    async def _flush_memories(self) -> None:
        batch, self._memories = self._memories, []
        if not batch:
            return
        encoder = await self._encoder()
        prepared, made = await self._with_vectors(batch, encoder)
        outcomes = await self._store.transplant(prepared, encoder)
        for portable, outcome in zip(prepared, outcomes, strict=True):
            if outcome == "present":
                self.report.memories_present += 1
                continue
            self.report.memories_imported += 1
            self.report.embedded += portable.memory.id in made
            self.report.pending += portable.vector is None
        self._progress(self.report, self._section.expected)

    async def _encoder(self) -> EncoderIdentity | None:
        """Whose vectors this batch gets: the store's own encoder, else the one of the file."""
        if self._indexer.identity is None:
            await self._embed(["."])
        return self._indexer.identity or self._section.encoder

    async def _with_vectors(
        self, batch: list[Portable], encoder: EncoderIdentity | None
    ) -> tuple[list[Portable], frozenset[str]]:
        """The batch with every vector of `encoder` that can be had, and the ids of those made here.

        Vectors that came along are kept if they are this encoder's; what is present already gets none.
        """
        if encoder != self._section.encoder:
            batch = [replace(portable, vector=None) for portable in batch]
        present = await self._store.keys_of([portable.memory.id for portable in batch])
        bare = [one for one in batch if one.vector is None and one.memory.id not in present]
        vectors = await self._embed([one.memory.content for one in bare])
        made = dict(zip((one.memory.id for one in bare), vectors, strict=False))
        return [replace(one, vector=made.get(one.memory.id, one.vector)) for one in batch], frozenset(made)

    async def _embed(self, texts: Sequence[str]) -> Sequence[object]:
        """Vectors of the texts; none at all once the encoder has failed."""
        if not texts or not self._encoder_works:
            return []
        try:
            return list(await self._indexer.embedder.embed(texts, patience=BULK_PATIENCE))
        except EmbedderUnavailable as error:
            self._encoder_works = False
            self.report.notes.append(
                f"{error} What was imported is found by its words; by meaning too once the encoder works."
            )
            return []

    async def _flush_edges(self) -> None:
        batch, self._edges = self._edges, []
        if not batch:
            return
        outcomes = await self._store.transplant_associations([edge for _, edge in batch])
        for (line, edge), outcome in zip(batch, outcomes, strict=True):
            if outcome == "imported":
                self.report.associations_imported += 1
            elif outcome == "present":
                self.report.associations_present += 1
            else:
                self.report.associations_dangling += 1
                self._describe(line, _dangling(edge))
        self._progress(self.report, self._section.expected)

    def _describe(self, line: int, problem: str) -> None:
        if len(self.report.problems) < REPORTED:
            self.report.problems.append(LineProblem(line=line, problem=problem))


@dataclass(slots=True)
class _Section:
    """One export within the file; usually there is one."""

    header: Header | None = None
    lines: int = 0
    """Those that say something, readable or not."""
    footer: Footer | None = None
    was_cut: bool = False

    @property
    def encoder(self) -> EncoderIdentity | None:
        return self.header.encoder if self.header else None

    @property
    def expected(self) -> int:
        return self.header.memories + self.header.associations if self.header else 0

    def complaint(self) -> str:
        """What is missing at its end; empty when it is whole, or a fragment that promised nothing."""
        if self.header is None:
            return ""
        if self.footer is None:
            return "The file ends without its last line, so it was cut off; export it again and import the whole file."
        missing = self.footer.lines - self.lines
        return f"The file is not whole ({counted(missing, 'line')} missing); export it again." if missing > 0 else ""


def _dangling(edge: Association) -> str:
    return (
        f"The link {edge.source_id} {edge.relationship} {edge.target_id} was left out, as one of the two memories is "
        "not here; import the memory, then this file again."
    )


def _summary(report: ImportReport) -> str:
    memories, links = counted(report.memories_imported, "memory"), counted(report.associations_imported, "link")
    present = f"{counted(report.memories_present, 'memory')} and {counted(report.associations_present, 'link')}"
    parts = [f"Imported {memories} and {links}", f"here already: {present}"]
    if report.associations_dangling:
        parts.append(f"left out, as a memory is missing: {counted(report.associations_dangling, 'link')}")
    if report.unreadable:
        parts.append(
            f"passed over: {counted(report.unreadable, 'line')} that cannot be read; mend them and import again"
        )
    return "; ".join(parts) + "."
