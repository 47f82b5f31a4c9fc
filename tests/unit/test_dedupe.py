from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.core.dedupe import are_different_facts, close_pairs, content_hash, near_duplicate

DIFFERENT = [
    ("Invoice 1041 was paid", "Invoice 1042 was paid"),
    ("The timeout is 10 ms", "The timeout is 10 seconds"),
    ("The price is 1,000 euros", "The price is 1,000 dollars"),
    ("The service must be restarted", "The service must not be restarted"),
    ("You can merge on red", "You can't merge on red"),
    ("Ana lives in Lisbon", "Bob lives in Lisbon"),
    ("Ana lives in Lisbon", "Ana lives in Porto"),
    ("The review is on Monday", "The review is on Tuesday"),
    ("The release was on 2024-05-06", "The release was on 2024-05-07"),
    ("The backup runs before the deploy", "The backup runs after the deploy"),
    ("The cache is enabled", "The cache is disabled"),
    ("We keep three replicas", "We keep five replicas"),
    ("Use Python 3.11", "Use Python 3.12"),
    ("ERR-4031 means the token expired", "ERR-4032 means the token expired"),
    ("Der Server darf neu starten", "Der Server darf nicht neu starten"),
    ("服务器可以重启", "服务器不可以重启"),
]

THE_SAME = [
    ("Ana prefers short answers.", "Ana likes answers to be short."),
    ("Always run the tests before pushing", "Run the tests always before you push"),
    ("We use PostgreSQL as the main database", "PostgreSQL is our main database"),
    ("The team meets every Monday at 10:00", "Every Monday at 10:00 the team meets"),
    ("Invoices are paid monthly", "The invoices get paid monthly"),
    ("Remember that Ana likes tea", "Ana likes tea"),
    ("The limit is 1,000 rows", "The limit is 1000 rows"),
    ("Keep two replicas", "Keep 2 replicas"),
    ("It waits 30 seconds", "It waits 30s"),
    ("The user's dog is called Rex", "The dog of the user is named Rex"),
]


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_texts_that_differ_in_a_number_name_date_or_negation_are_different_facts(a: str, b: str) -> None:
    assert are_different_facts(a, b)
    assert not near_duplicate(a, b, 0.99)


@pytest.mark.parametrize(("a", "b"), THE_SAME)
def test_a_rewording_is_the_same_fact(a: str, b: str) -> None:
    assert not are_different_facts(a, b)
    assert near_duplicate(a, b, 0.96)


def test_a_text_far_in_meaning_is_no_near_duplicate() -> None:
    assert not near_duplicate("The build is green", "The office is closed for lunch", 0.5)


def test_one_swapped_word_needs_to_be_closer_than_a_rewording() -> None:
    assert not near_duplicate("The laptop runs the build", "The desktop runs the build", 0.92)
    assert near_duplicate("The laptop runs the build", "The build is run on the laptop", 0.92)


@given(st.text(max_size=60), st.text(max_size=60))
def test_being_different_facts_does_not_depend_on_the_order(a: str, b: str) -> None:
    assert are_different_facts(a, b) == are_different_facts(b, a)


@given(st.text(max_size=60))
def test_a_text_is_no_different_fact_from_itself(text: str) -> None:
    assert not are_different_facts(text, text)


def test_the_hash_ignores_space_and_unicode_form_and_nothing_else() -> None:
    assert content_hash("Café  au\nlait") == content_hash("Cafe\u0301 au lait")
    assert content_hash("Invoice 1041") != content_hash("Invoice 1042")
    assert content_hash("the password is Hunter2") != content_hash("the password is hunter2")


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1300), st.integers(0, 2**32 - 1))
def test_close_pairs_are_those_of_a_plain_double_loop(rows: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(rows, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    expected = int((np.triu(cosines, k=1) >= 0.9995).sum())

    found = close_pairs(list(vectors), 0.9995)

    assert abs(len(found) - expected) <= 2  # sums in another order may fall on the other side of the border
    assert all(first < second for first, second, _ in found)
    assert [cosine for _, _, cosine in found] == sorted((cosine for _, _, cosine in found), reverse=True)
