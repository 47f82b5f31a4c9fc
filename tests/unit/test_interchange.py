"""Reading the lines of an export that anyone may have written."""

from __future__ import annotations

import base64
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.interchange import (
    Footer,
    Header,
    LineError,
    LineReader,
    NewerFormatError,
    header_line,
    memory_line,
)
from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.models.association import Association
from mcp_memory.models.memory import Memory, MemoryType, Revision
from mcp_memory.storage.base import Portable
from mcp_memory.text import content_hash

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ENCODER = EncoderIdentity("tiny", "1", 2)


def memory(**fields: Any) -> Memory:
    whole = {
        "id": "mem_1",
        "workspace_id": "w",
        "content": "Tea.",
        "content_hash": content_hash("Tea."),
        "type": "semantic",
    }
    return Memory.model_validate({**whole, "created_at": NOW, "updated_at": NOW, **fields})


def reader(workspace_id: str | None = None) -> LineReader:
    return LineReader(workspace_id, "fallback", NOW, max_content_chars=1000)


def own_line(**fields: Any) -> dict[str, Any]:
    line = memory_line(Portable(memory()))
    return {**line, "data": {**line["data"], **fields}}


def read(line: dict[str, Any]) -> Any:
    return reader().read(json.dumps(line))


def test_a_memory_line_comes_back_as_it_was() -> None:
    history = (Revision(memory_id="mem_1", number=1, action="created", snapshot={"content": "Tea."}, created_at=NOW),)
    whole = Portable(memory(tags=["a"], metadata={"k": [1, None, "ü"]}, status="deleted", access_count=3), history)
    assert read(memory_line(whole)) == whole


def test_a_vector_survives_to_the_last_bit() -> None:
    np = pytest.importorskip("numpy")
    vector = np.array([0.6, 0.8], dtype=np.float32)
    lines = reader()
    lines.read(json.dumps(header_line(Header(exported_at=NOW, encoder=ENCODER))))
    portable = lines.read(json.dumps(memory_line(Portable(memory(), vector=vector))))
    assert isinstance(portable, Portable)
    assert portable.vector.tobytes() == vector.tobytes()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "encoded",
    [
        "no base64!",
        base64.b64encode(b"1234").decode(),
        base64.b64encode(struct.pack("<2f", 3, 4)).decode(),
        base64.b64encode(struct.pack("<2f", float("nan"), 0)).decode(),
        7,
    ],
)
def test_a_vector_that_cannot_be_one_is_refused(encoded: object) -> None:
    lines = reader()
    lines.read(json.dumps(header_line(Header(exported_at=NOW, encoder=ENCODER))))
    with pytest.raises(LineError, match="vector"):
        lines.read(json.dumps({**own_line(), "vector": encoded}))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ("7", "must be a JSON object"),
        (b"\xff\xfe", "not UTF-8"),
        ("[" * 100_000, "nested too deep"),
        ('{"type": "memory", "n": ' + "9" * 5000 + "}", "number in it is too long"),
        ('{"type": "diary"}', "`type` must be one of"),
        ('{"type": ["memory"]}', "`type` must be one of"),
        ('{"type": "memory"}', "`data` must be an object"),
        ('{"type": "footer"}', "`memories` must be a whole number"),
        ('{"type": "header", "format": "diary"}', "`format` is 'diary'"),
    ],
)
def test_a_line_that_is_none_is_refused_with_the_reason(raw: str | bytes, said: str) -> None:
    with pytest.raises(LineError, match=said):
        reader().read(raw)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"content": "  "}, "`content` is blank"),
        ({"content": "a\0b"}, "NUL"),
        ({"content": "\ud800"}, "surrogate"),
        ({"content": "x" * 1001}, "limit is 1,000"),
        ({"importance": 2}, "`importance` must be at most 1"),
        ({"importance": "NaN"}, "`importance`"),
        ({"type": "thought"}, "`type` must be one of"),
        ({"status": "gone"}, "`status` must be one of"),
        ({"access_count": -1}, "`access_count`"),
        ({"created_at": "yesterday"}, "ISO 8601"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "years 1 to 9999"),
        ({"importanse": 0.5}, "`importanse` is not a parameter here"),
        ({"id": ""}, "`id` is blank"),
    ],
)
def test_a_field_that_will_not_do_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(LineError, match=said):
        read(own_line(**fields))


def test_the_hash_is_computed_and_never_taken_on_trust() -> None:
    assert read(own_line(content_hash="0" * 64)).memory.content_hash == content_hash("Tea.")


@pytest.mark.parametrize("raw", ["", "   \n", "\ufeff\n", b"\r\n"])
def test_a_blank_line_says_nothing(raw: str | bytes) -> None:
    assert reader().read(raw) is None


def test_a_byte_order_mark_before_the_header_is_passed_over() -> None:
    header = reader().read("\ufeff" + json.dumps(header_line(Header(exported_at=NOW, memories=2))))
    assert header == Header(exported_at=NOW, memories=2)


def test_a_newer_format_is_refused_as_a_whole() -> None:
    line = header_line(Header(exported_at=NOW)) | {"version": 2}
    with pytest.raises(NewerFormatError, match="update mcp-memory"):
        read(line)


def test_with_a_target_everything_goes_there() -> None:
    moved = reader("elsewhere").read(json.dumps(own_line()))
    assert isinstance(moved, Portable)
    assert moved.memory.workspace_id == "elsewhere"


def test_lines_of_memorylayer_are_read_with_what_they_have() -> None:
    lines = reader()
    lines.read('{"type": "header", "version": "1.0", "workspace_id": "team", "exported_at": "2026-01-02T03:04:05Z"}')
    portable = lines.read(
        '{"type": "memory", "index": 0, "data": {"id": "mem_9", "content": " Tea. ", "type": "diary", "subtype": "odd",'
        ' "importance": 0.7, "tags": ["B", "a"], "abstract": "Tea", "created_at": "2026-01-01T00:00:00"}}'
    )
    assert isinstance(portable, Portable)
    taken = portable.memory
    assert (taken.workspace_id, taken.content, taken.type, taken.subtype) == ("team", "Tea.", MemoryType.EPISODIC, None)
    assert (taken.importance, taken.tags) == (0.7, ["a", "b"])
    assert taken.created_at == taken.updated_at == datetime(2026, 1, 1, tzinfo=UTC)
    edge = lines.read(
        '{"type": "association", "data": {"source_id": "mem_9", "target_id": "mem_8", "relationship_type": "causes"}}'
    )
    assert isinstance(edge, Association)
    assert (edge.workspace_id, edge.relationship, edge.strength) == ("team", "causes", 0.5)
    assert lines.read('{"type": "footer", "memories_exported": 1, "associations_exported": 1}') == Footer(1, 1, 4)


def test_a_link_without_an_id_gets_the_same_one_each_time() -> None:
    raw = '{"type": "association", "data": {"source_id": "a", "target_id": "b", "relationship_type": "causes"}}'
    assert reader().read(raw).id == reader().read(raw).id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"source_id": "a", "target_id": "a", "relationship_type": "causes"}, "linked to itself"),
        ({"source_id": "a", "target_id": "b", "relationship_type": "cuases"}, "causes"),
        ({"source_id": "a", "relationship_type": "causes"}, "`target_id` is required"),
        ({"source_id": "a", "target_id": "b", "relationship_type": "causes", "strength": 9}, "`strength`"),
    ],
)
def test_a_link_that_cannot_be_is_refused(data: dict[str, Any], said: str) -> None:
    with pytest.raises(LineError, match=said):
        read({"type": "association", "data": data})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from([*memory_line(Portable(memory()))["data"], "index"])


def complaint(raw: bytes | str) -> str:
    """Why the line was refused; `.` when it was not."""
    try:
        reader().read(raw)
    except LineError as error:
        return str(error)
    return "."


@given(st.binary() | st.text())
def test_any_bytes_are_a_line_or_a_reason(raw: bytes | str) -> None:
    assert complaint(raw).endswith(".")


@given(st.dictionaries(_FIELDS, _JSON, max_size=4), st.sampled_from(["memory", "association", "header", "context"]))
def test_any_value_in_any_field_is_taken_or_explained(fields: dict[str, Any], kind: str) -> None:
    assert complaint(json.dumps({**own_line(**fields), **fields, "type": kind})).endswith(".")
