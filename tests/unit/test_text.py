"""What a text's words, sentences and sizes are, and that FTS5 reads any text literally."""

from __future__ import annotations

import unicodedata

import apsw
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcp_memory import text as t

STORABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
ALPHABET = st.text("abcABC01 \t\n\"'*^:-+()_%{}.,?!|&~东京の한é", max_size=40)
OPERATORS = st.sampled_from(
    [
        "NEAR",
        "AND",
        "OR",
        "NOT",
        "content",
        "context",
        "content:",
        "*",
        "^",
        '"',
        "NEAR(a b, 2)",
        "{content}",
        "--",
        "+",
    ]
)
HOSTILE = st.lists(st.one_of(OPERATORS, ALPHABET, STORABLE), max_size=5).map(" ".join)


class KeywordIndex:
    """The keyword index as the store declares it."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.connection.execute(
            "CREATE VIRTUAL TABLE fts USING fts5(content, context, content='', contentless_delete=1,"
            " tokenize='porter unicode61 remove_diacritics 2')"
        )

    def holding(self, *contents: str) -> KeywordIndex:
        self.connection.execute("DELETE FROM fts")
        for key, content in enumerate(contents, start=1):
            self.connection.execute(
                "INSERT INTO fts(rowid, content, context) VALUES (?, ?, '')", (key, t.segment(content))
            )
        return self

    def matching(self, expression: str) -> list[int]:
        found = self.connection.execute("SELECT rowid FROM fts WHERE fts MATCH ? ORDER BY bm25(fts)", (expression,))
        return [key for (key,) in found]

    def search(self, query: str) -> list[int]:
        return self.matching(t.fts_query(t.keyword_terms(query)))


@pytest.fixture(scope="module")
def index() -> KeywordIndex:
    return KeywordIndex()


# ------------------------------------------------------------------------------------------------- literal search


@given(HOSTILE)
@example('"')
@example('a" OR "b')
@example("content : x")
@example("NEAR(a b)")
@example("\x1a")
def test_any_text_with_a_letter_finds_itself_and_nothing_raises(index: KeywordIndex, text: str) -> None:
    index.holding(text, "unrelated")
    found = index.matching(t.fts_phrase(text))
    has_token = any(char.isascii() and char.isalnum() for char in text)
    assert 1 in found or not has_token


@given(HOSTILE)
def test_any_query_that_has_terms_can_be_searched(index: KeywordIndex, query: str) -> None:
    index.holding("something")
    terms = t.keyword_terms(query)
    assert not terms or set(index.matching(t.fts_query(terms))) <= {1}


def test_a_nul_or_a_lone_surrogate_in_a_phrase_only_separates(index: KeywordIndex) -> None:
    index.holding("left right")
    assert index.matching(t.fts_phrase("left\0right")) == [1]
    assert index.matching(t.fts_phrase("left\ud800right")) == [1]


@pytest.mark.parametrize(
    "query", ["one AND two", "one NOT two", "-two", "content:two", "NEAR(one two)", "tw*", "^two", '"one two']
)
def test_operators_in_a_query_are_words(index: KeywordIndex, query: str) -> None:
    index.holding("two", "unrelated words")
    expected = [] if query == "tw*" else [1]
    assert index.search(query) == expected


@pytest.mark.parametrize("identifier", ["ERR-4031", "foo_bar", "v2.3.1", "path/to/file.py", "me@example.com"])
def test_an_identifier_finds_the_memory_that_holds_it_before_those_that_hold_a_part(
    index: KeywordIndex, identifier: str
) -> None:
    parts = " and ".join(reversed(t.words(identifier.replace("_", " "))))
    index.holding(parts, f"It says {identifier}.", "Nothing of the kind.")
    assert index.search(f"What is {identifier}?")[0] == 2


def test_a_part_of_a_path_finds_the_path_and_the_path_finds_its_part(index: KeywordIndex) -> None:
    index.holding("Edit src/app/server.py first.", "The file server.py is big.")
    assert set(index.search("server.py")) == {1, 2}
    assert set(index.search("src/app/server.py")) == {1, 2}


def test_words_are_stemmed_and_stripped_of_accents(index: KeywordIndex) -> None:
    index.holding("She adopted two dogs in Zürich.")
    assert index.search("adopting dog") == [1]
    assert index.search("Zurich") == [1]


@pytest.mark.parametrize(
    ("content", "query"),
    [
        ("我们的数据库部署在东京。", "数据库在哪里？"),
        ("毎週金曜日にバックアップを取る。", "バックアップはいつ？"),
        ("회의는 매주 월요일에 열린다.", "월요일 회의"),
        ("使用Python编程", "Python"),
        ("使用Python编程", "编程"),
    ],
)
def test_text_without_spaces_is_found_by_a_part_of_it(index: KeywordIndex, content: str, query: str) -> None:
    index.holding("完全に別の話題です", content, "nothing")
    assert index.search(query)[0] == 2


def test_decomposed_and_composed_text_are_found_by_each_other(index: KeywordIndex) -> None:
    composed = "한국어 café"
    index.holding(unicodedata.normalize("NFD", composed))
    assert index.search(composed) == [1]


def test_no_terms_make_no_expression() -> None:
    assert t.fts_query(()) == ""


# ------------------------------------------------------------------------------------------------------ words


def test_words_are_lower_case_and_cjk_characters_stand_alone() -> None:
    assert t.words("Don't STOP: 東京 foo_bar") == ["don't", "stop", "東", "京", "foo", "bar"]


def test_segment_leaves_text_with_spaces_as_it_is() -> None:
    assert t.segment("Plain, old text.") == "Plain, old text."
    assert t.segment("naïve café") == "naïve café"


@given(STORABLE)
def test_segment_adds_nothing_but_spaces_and_is_stable(text: str) -> None:
    segmented = t.segment(text)
    assert segmented.replace(" ", "") == unicodedata.normalize("NFC", text).replace(" ", "")
    assert t.segment(segmented) == segmented


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("When did Caroline go to the support group?", ("caroline", "go", "support", "group")),
        ("Caroline's dog and James' car", ("caroline", "dog", "james", "car")),
        ("What does ERR-4031 mean?", ("err-4031", "err", "4031", "mean")),
        ("What is it?", ("what", "is", "it")),
        ("the IT department in the US", ("it", "department", "us")),
        ("WHAT IS THE PLAN", ("plan",)),
        ("dog DOG Dog", ("dog",)),
        ("“smart” – ‘quotes’", ("smart", "quotes")),
        ("?!… ***", ()),
        ("", ()),
    ],
)
def test_the_words_worth_searching(query: str, terms: tuple[str, ...]) -> None:
    assert t.keyword_terms(query) == terms


def test_a_long_query_keeps_its_identifiers() -> None:
    query = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(200)) + " ERR-4031"
    terms = t.keyword_terms(query)
    assert len(terms) == t.MAX_TERMS
    assert "err-4031" in terms


@given(STORABLE)
def test_terms_are_distinct_bounded_and_never_blank(query: str) -> None:
    terms = t.keyword_terms(query)
    assert len(terms) == len(set(terms)) <= t.MAX_TERMS
    assert all(term.strip() for term in terms)


@pytest.mark.parametrize(
    "term", ["ERR-4031", "v2", "foo_bar", "a/b", "file.py", "1041", "getName", "10:30", "std::map"]
)
def test_codes_versions_paths_and_names_in_code_are_identifiers(term: str) -> None:
    assert t.is_identifier_like(term)


@pytest.mark.parametrize("term", ["hello", "well-known", "Caroline", "NASA", "42", "e.g", "東京", ""])
def test_words_are_no_identifiers(term: str) -> None:
    assert not t.is_identifier_like(term)


def test_proper_nouns_are_capitalized_and_not_question_words() -> None:
    assert t.proper_nouns("What did Caroline's friend Zoë do in New York? Did Caroline go?") == (
        "Caroline",
        "Zoë",
        "New",
        "York",
    )


# --------------------------------------------------------------------------------------------- rare and frequent


def test_a_frequent_word_is_not_searched_where_a_rarer_one_is_there() -> None:
    assert t.telling_terms({"anna": 0.6, "dog": 0.02}, 100) == ("dog",)
    assert t.telling_terms({"anna": 0.6}, 100) == ("anna",)


def test_no_word_is_frequent_in_a_small_store() -> None:
    assert t.telling_terms({"anna": 1.0, "dog": 0.2}, 5) == ("anna", "dog")


@pytest.mark.parametrize(
    ("holders", "total", "is_rare"),
    [
        (3, 100, True),
        (4, 100, False),
        (50, 10_000, True),
        (51, 10_000, False),
        (1, 2, True),
        (2, 5, False),
        (0, 9, False),
    ],
)
def test_a_word_is_rare_in_three_memories_or_half_a_percent(holders: int, total: int, is_rare: bool) -> None:
    assert (t.rare_terms({"word": holders / total}, total) == ("word",)) is is_rare


# ------------------------------------------------------------------------------------------------------- context


def test_the_context_of_a_memory_is_the_two_before_it() -> None:
    assert t.context_window("now", ["first", "second", "third"]) == "second\nthird"
    assert t.context_window("now", []) == ""


def test_sixty_words_of_each_earlier_memory_count() -> None:
    long = " ".join(f"w{n}" for n in range(100))
    assert t.context_window("now", [long]).split() == [f"w{n}" for n in range(60)]


def test_a_memory_of_more_than_a_hundred_words_needs_no_context() -> None:
    assert t.context_window("word " * 100, ["before"]) == "before"
    assert t.context_window("word " * 101, ["before"]) == ""


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Anna: How was it?", True),
        ("いつですか？", True),
        ("I went home.", False),
        ("Why? Because.", False),
        ("word " * 50 + "right?", False),
        ("", False),
    ],
)
def test_a_short_question_only_asks(text: str, asks: bool) -> None:
    assert t.is_short_question(text) is asks


# ------------------------------------------------------------------------------------------- sentences and sizes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Who met J. R. R. Tolkien. He left.", ["Dr. Who met J. R. R. Tolkien.", "He left."]),
        ("It costs 2.5 dollars. See e.g. this one.", ["It costs 2.5 dollars.", "See e.g. this one."]),
        ("We use Node.js. It runs v2.3.1 now.", ["We use Node.js.", "It runs v2.3.1 now."]),
        ("She works at Acme Inc. The pay is good.", ["She works at Acme Inc.", "The pay is good."]),
        ("Is it so? No. That is wrong.", ["Is it so?", "No.", "That is wrong."]),
        ('"Really?" she asked. "Yes."', ['"Really?" she asked.', '"Yes."']),
        ("今天天气很好。我们去公园吧！「好的。」他说。", ["今天天气很好。", "我们去公园吧！", "「好的。」", "他说。"]),
        ("Plan:\n- first item\n* second\n1. third\n\nEnd", ["Plan:", "first item", "second", "third", "End"]),
        ("no end", ["no end"]),
        ("---\n***\n", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert t.sentences(text) == expected


@given(ALPHABET | STORABLE)
def test_sentences_lose_no_letter(text: str) -> None:
    kept = "".join("".join(t.sentences(text)).split())
    letters = [char for char in text if char.isalpha() and char.isascii()]
    lost = len(letters) - sum(char.isalpha() and char.isascii() for char in kept)
    assert lost <= text.count(")") + text.count(".")  # list markers like "a)"


def test_a_clipped_text_ends_between_words_with_an_ellipsis() -> None:
    assert t.clip("The quick brown fox", 12) == "The quick…"
    assert t.clip("  spaced \n out ", 20) == "spaced out"
    assert t.clip("今天天气很好我们去公园", 5) == "今天天气…"


@given(STORABLE, st.integers(0, 50))
def test_a_clipped_text_is_never_too_long_and_a_short_one_is_whole(text: str, chars: int) -> None:
    clipped = t.clip(text, chars)
    folded = " ".join(text.split())
    assert len(clipped) <= chars
    assert clipped == folded or len(folded) > chars


def test_first_sentences_are_whole_where_they_fit() -> None:
    assert t.first_sentences("One two. Three four. Five.", 20) == "One two. Three four."
    assert t.first_sentences("A very long sentence here without an end", 12) == "A very long…"


@given(STORABLE, st.integers(1, 80))
def test_first_sentences_fit(text: str, chars: int) -> None:
    assert len(t.first_sentences(text, chars)) <= chars


def test_a_cjk_character_counts_as_a_token_and_four_others_do() -> None:
    assert t.estimate_tokens("今天天气") == 4
    assert t.estimate_tokens("12345678") == 2
    assert t.estimate_tokens("9") == 1
    assert t.estimate_tokens("") == 0


# ---------------------------------------------------------------------------------------------------- duplicates


def test_space_and_unicode_form_make_no_other_memory() -> None:
    assert t.content_hash("Straße  zum\n Café ") == t.content_hash("Straße zum Cafe\u0301")


def test_case_makes_another_memory() -> None:
    assert t.content_hash("The password is Hunter2") != t.content_hash("The password is hunter2")


def test_a_number_or_a_negation_makes_another_memory() -> None:
    assert t.content_hash("Invoice 1041 was paid") != t.content_hash("Invoice 1042 was paid")
    assert t.content_hash("must be restarted") != t.content_hash("must not be restarted")


@given(STORABLE)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert t.normalised(t.normalised(text)) == t.normalised(text)


def test_a_word_that_is_nowhere_does_not_silence_the_frequent_ones() -> None:
    assert t.telling_terms({"nowhere": 0.0, "everywhere": 1.0}, 400) == ("nowhere", "everywhere")
    assert t.telling_terms({"everywhere": 1.0}, 40_000) == ("everywhere",)
    assert t.telling_terms({"nowhere": 0.0, "everywhere": 1.0}, 40_000) == ("nowhere",)
    assert t.telling_terms({"nowhere": 0.0, "everywhere": 1.0, "somewhere": 0.01}, 400) == ("nowhere", "somewhere")
