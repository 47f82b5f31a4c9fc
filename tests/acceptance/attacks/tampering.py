"""Changes to the database behind the memory's back. The environment held `notes = ['ours']` and a function."""

from __future__ import annotations

from tests.acceptance.attacks.program import VALUE, Tampering, fails, stopped

_LOST = "UPDATE environment_states SET state = x'' WHERE session_id = ?"
_OTHER = "(SELECT {0} FROM environment_states o WHERE o.session_id <> environment_states.session_id LIMIT 1)"
_GONE = fails("NameError")


def _state(name: str, change: str) -> Tampering:
    """The state is no longer what was sealed: the variables come back from JSON."""
    return Tampering(name, (f"UPDATE environment_states SET {change} WHERE session_id = ?",), VALUE)


def _byte(name: str, at: str) -> Tampering:
    changed = f"CAST(substr(state, 1, {at}) || x'a5' || substr(state, {at} + 2) AS BLOB)"
    return _state(name, f"state = {changed}")


def _variable(change: str) -> str:
    return f"UPDATE environment_variables SET {change} WHERE name = 'notes' AND session_id = ?"


def _unread(name: str, change: str) -> Tampering:
    """The state is good, so nobody looks at the JSON beside it."""
    return Tampering(name, (_variable(change),), VALUE, told=False)


def _rebuilt(name: str, change: str, shows: str) -> Tampering:
    return Tampering(name, (_variable(change), _LOST), VALUE, shows)


def _lost(name: str, change: str) -> Tampering:
    return Tampering(name, (_variable(change), _LOST), _GONE, None)


STATES = (
    _byte("first-byte", "0"),
    _byte("number-of-the-format", "6"),
    _byte("byte-in-the-middle", "length(state) / 2"),
    _byte("last-byte", "length(state) - 1"),
    _state("half", "state = substr(state, 1, length(state) / 2)"),
    _state("one-byte-more", "state = CAST(state || x'00' AS BLOB)"),
    _state("nothing", "state = x''"),
    _state("zeros", "state = zeroblob(length(state))"),
    _state("hundred-megabytes", "state = zeroblob(100000000)"),
    _state("code-as-a-state", "state = CAST('import os' AS BLOB)"),
    _state("seal-of-zeros", "seal = zeroblob(32)"),
    _state("no-seal", "seal = x''"),
    _state("older-engine", "engine = 'monty 1.3.0/13+1'"),
    _state("newer-engine", "engine = 'monty 99.0.0/99+99'"),
    _state("engine-that-is-none", "engine = '../../bin/sh'"),
    _state("engine-of-a-million-characters", "engine = hex(zeroblob(500000))"),
    _state("state-of-another-session", f"state = {_OTHER.format('state')}"),
    _state(
        "state-with-seal-of-another-session",
        f"(state, seal, engine) = {_OTHER.format('state, seal, engine')}",
    ),
)

VALUES = (
    _unread("value-while-the-state-is-good", "value = '[\"theirs\"]'"),
    _unread("broken-value-while-the-state-is-good", "value = '{]}'"),
    _unread("type-while-the-state-is-good", "type = hex(zeroblob(500000))"),
    _unread("size-while-the-state-is-good", "size = -1"),
    _unread("digest-while-the-state-is-good", "digest = ''"),
    _lost("no-json", "value = '{]}'"),
    _lost("half-a-json", "value = '[\"ours\"'"),
    _lost("empty-text", "value = ''"),
    _lost("no-value", "value = NULL"),
    _lost("code-as-a-value", "value = '__import__(\"os\")'"),
    _lost("deep-json", "value = replace(hex(zeroblob(100000)), '00', '[')"),
    _lost("half-a-surrogate-pair", "value = '\"\\ud800\"'"),
    _lost("digits-without-end", "value = hex(zeroblob(5000))"),
    _rebuilt("other-value", "value = '[\"theirs\"]'", "['theirs']"),
    _rebuilt("keys-twice", 'value = \'{"a": 1, "a": 2}\'', "{'a': 2}"),
    _rebuilt("huge-type", "type = hex(zeroblob(500000))", "['ours']"),
    _rebuilt("negative-size", "size = -9223372036854775807", "['ours']"),
    Tampering(
        "hundred-megabytes-of-json",
        (_variable("value = '[\"' || hex(zeroblob(50000000)) || '\"]'"), _LOST),
        stopped("MemoryError"),
        None,
    ),
    *(
        _lost(f"named-{name}", f"name = {sql}")
        for name, sql in (
            ("like-the-sandbox", "'_mm'"),
            ("like-a-tool", "'recall'"),
            ("like-the-answer", "'answer'"),
            ("like-a-keyword", "'import'"),
            ("like-code", "'x = 1; y'"),
            ("with-a-line-end", "'x' || char(10) || 'y'"),
            ("with-nothing", "''"),
            ("in-lookalike-letters", "'ｎotes2'"),
            ("like-the-sandbox-in-lookalike-letters", "'_ｍｍ'"),
            ("without-end", "hex(zeroblob(500000))"),
        )
    ),
)
