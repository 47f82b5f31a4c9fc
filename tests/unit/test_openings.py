"""What words leave open, and what they say is finished."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.decisions import tells_of_decision
from mcp_memory.core.openings import TOPIC_CHARS, finishes, is_finished, opening_of, question_of


@pytest.mark.parametrize(
    ("text", "status", "topic"),
    [
        ("Billing is blocked by the security audit.", "blocked", "Billing is blocked by the security audit"),
        ("I'm waiting for the review of the gateway.", "blocked", "the review of the gateway"),
        ("We cannot release until the licence is renewed.", "blocked", "until the licence is renewed"),
        ("Refactoring the parser; the tokenizer is not done yet.", "begun", "the tokenizer"),
        ("We have started to port the tests to Windows.", "begun", "port the tests to Windows"),
        ("I am working on the import of old chats.", "begun", "the import of old chats"),
        ("We still need to test the import on Windows.", "begun", "test the import on Windows"),
        ("Caroline: I applied to adoption agencies! It's a big step.", "begun", "adoption agencies"),
        ("Ana promised to send the contract by Friday.", "promised", "send the contract by Friday"),
        ("I'll send Tom the invoice tomorrow.", "promised", "send Tom the invoice tomorrow"),
        ("TODO: rotate the API keys", "planned", "rotate the API keys"),
        ("Next step: write the release notes.", "planned", "write the release notes"),
        ("Melanie: We're thinking about going camping next month.", "planned", "going camping next month"),
        ("We plan to move to PostgreSQL, because invoices matter.", "planned", "move to PostgreSQL"),
        ("Open question: which region hosts the backups", "asked", "which region hosts the backups"),
        ("It is unclear whether the cache survives a restart.", "asked", "whether the cache survives a restart"),
    ],
)
def test_what_is_left_open_has_a_status_and_a_topic(text: str, status: str, topic: str) -> None:
    opening = opening_of(text)
    assert opening is not None
    assert opening.status == status
    assert topic in opening.topic


@pytest.mark.parametrize(
    "text",
    [
        "Ana prefers tea.",
        "Use ruff for linting.",
        "The server restarts every night.",
        "The licence server's clock is wrong.",
        "I'll be there. She'll love it.",
        "We planned to migrate billing, and the migration is done.",
        "Have you started to port the tests?",
    ],
)
def test_facts_and_what_is_done_leave_nothing_open(text: str) -> None:
    assert opening_of(text) is None


@pytest.mark.parametrize("text", ["The migration is finished.", "We shipped 2.1 on Monday.", "The audit was approved."])
def test_what_is_over_says_so(text: str) -> None:
    assert is_finished(text)
    assert finishes(text)


@pytest.mark.parametrize(
    "text",
    ["The migration is not done yet.", "It will be released in May.", "Wait until the tests have passed.", "It's due."],
)
def test_what_is_not_over_does_not(text: str) -> None:
    assert not is_finished(text)


def test_a_question_is_about_something() -> None:
    asked = question_of("Will the vendor support IPv6?")
    assert asked is not None
    assert asked.topic == "Will the vendor support IPv6?"
    assert question_of("Really?") is None


@pytest.mark.parametrize(
    "text",
    [
        "We decided to use PostgreSQL.",
        "Decision: releases happen on Tuesdays.",
        "The team agreed on two reviewers.",
        "Ana chose the blue logo.",
        "It was decided to drop Python 3.9.",
        "We're going with Hetzner.",
        "Caroline: I chose them 'cause they help with adoption.",
        "I've finally made up my mind.",
    ],
)
def test_words_tell_of_a_decision(text: str) -> None:
    assert tells_of_decision(text)


@pytest.mark.parametrize(
    "text",
    [
        "What made you decide to move?",
        "Have we decided which database to use?",
        "We have not decided on a region.",
        "Agreed, that is a nice picture!",
        "The decision tree has four levels.",
        "We decided what, exactly?",
    ],
)
def test_questions_and_mere_mentions_are_no_decisions(text: str) -> None:
    assert not tells_of_decision(text)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    opening = opening_of(text) or question_of(text)
    assert opening is None or len(opening.topic) <= TOPIC_CHARS
    assert isinstance(tells_of_decision(text), bool)
    assert isinstance(finishes(text), frozenset)
