"""A summary in a language model's words, every sentence of which cites the memories that it rests on.

The model is given the evidence as numbered sources, delimited as data, and cites numbers; ids are written in here,
after each citation was checked. An answer of which nothing is left then, an error text for example, is no answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.core.citations import cited_sentences, rendered, within
from mcp_memory.core.prompting import as_data, prompt
from mcp_memory.core.summarise import ranked
from mcp_memory.core.synthesis import BUDGETS
from mcp_memory.core.terms import terms
from mcp_memory.errors import LanguageModelUnusable
from mcp_memory.llm.base import Message
from mcp_memory.models.memory import DetailLevel
from mcp_memory.text import clip, estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from mcp_memory.core.citations import Cited
    from mcp_memory.core.summarise import Source
    from mcp_memory.llm.base import Completion, LanguageModel
    from mcp_memory.models.audit import Contradiction

EVIDENCE_TOKENS: Final = {DetailLevel.ABSTRACT: 3000, DetailLevel.OVERVIEW: 6000, DetailLevel.FULL: 12_000}
"""Tokens of memory text that the model is given, the best found first."""

SOURCE_CHARS: Final = 2000
"""Of a longer memory the model is given its best sentences for the question."""

WORDS: Final = {DetailLevel.ABSTRACT: 60, DetailLevel.OVERVIEW: 200, DetailLevel.FULL: 1500}
"""Words the model is asked to keep to, so that with the ids the text stays within `BUDGETS`."""

THINKING_TOKENS: Final = 1024
"""Tokens beyond the budget of the text, for models that think aloud before they answer."""

CUT: Final = "The language model's answer was cut at its most tokens; the unfinished sentence is left out."

LONGER: Final = "The language model's answer was longer than the detail level allows; its end is left out."

_OWN_MARK: Final = re.compile(r"\[(\d+)\]")
"""In a source it would look like a citation."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be summed up, from what, and how long."""

    query: str
    """Empty where nothing is asked and everything is to be summed up."""
    today: date
    sources: Sequence[Source]
    conflicts: Sequence[Contradiction]
    detail: DetailLevel
    with_sources: bool
    """Whether the text names the ids of its sources."""


@dataclass(frozen=True, slots=True)
class Written:
    """A summary that was checked, and what it rests on."""

    text: str
    cited: tuple[Source, ...]
    """The memories cited, in the order of the text."""
    note: str | None
    """What is missing in it, as a sentence."""


async def write(model: LanguageModel, question: Question) -> Written:
    """The summary that the model makes of the sources.

    Raises:
        LanguageModelError: it made none, or one that cites nothing of them.
    """
    numbered = excerpts(question)
    messages = [
        Message("system", _instructions(question)),
        Message("user", _material(question, numbered)),
    ]
    completion = await model.complete(messages, max_tokens=BUDGETS[question.detail] + THINKING_TOKENS)
    return _checked(completion, question, list(numbered))


def excerpts(question: Question) -> dict[Source, str]:
    """The sources that the model is given, best found first, each with as much of its text as it is given."""
    left = EVIDENCE_TOKENS[question.detail]
    given: dict[Source, str] = {}
    for source in sorted(question.sources, key=lambda one: (-one.weight, one.id)):
        text = _excerpt(question.query, source)
        left -= estimate_tokens(text)
        if left < 0 and given:
            break
        given[source] = text
    return given


def _excerpt(query: str, source: Source) -> str:
    """The text of a memory, or of a long one the best sentences in their order."""
    if len(source.content) <= SOURCE_CHARS:
        return source.content
    room, best = SOURCE_CHARS, []
    for sentence in ranked(query, [source]):
        if len(sentence.text) <= room:
            best.append(sentence)
            room -= len(sentence.text)
    said = [one.text for one in sorted(best, key=lambda one: one.place)]
    return " … ".join(said) or clip(source.content, SOURCE_CHARS)


def _instructions(question: Question) -> str:
    form = prompt(f"reflect_{question.detail.value}", words=WORDS[question.detail])
    return prompt("reflect", form=form, today=question.today.isoformat(), data_rule=prompt("data_rule"))


def _material(question: Question, numbered: Mapping[Source, str]) -> str:
    numbers = {source.id: number for number, source in enumerate(numbered, start=1)}
    asked = as_data("question", question.query) if question.query else "Sum up all of the sources."
    blocks = [as_data(_label(source, numbers), _spoken(source, text)) for source, text in numbered.items()]
    return "\n\n".join([asked, *blocks, *_disputes(question.conflicts, numbers)])


def _label(source: Source, numbers: Mapping[str, int]) -> str:
    """What stands above a source; nothing in it was written by anybody."""
    facts = [f"source [{numbers[source.id]}]", f"{source.moment:%Y-%m-%d}", source.kind]
    if source.superseded_by:
        newer = numbers.get(source.superseded_by)
        facts.append(f"replaced by source [{newer}]" if newer else "replaced by a newer one")
    return ", ".join(facts)


def _spoken(source: Source, text: str) -> str:
    author = " ".join(source.author.split())
    speaker = f"{author}: " if author and not text.startswith(author) else ""
    return _OWN_MARK.sub(r"(\1)", speaker + text)


def _disputes(conflicts: Sequence[Contradiction], numbers: Mapping[str, int]) -> Iterator[str]:
    for one in conflicts:
        if one.memory_a in numbers and one.memory_b in numbers:
            pair = f"Sources [{numbers[one.memory_a]}] and [{numbers[one.memory_b]}] contradict each other"
            newer = f"; [{numbers[one.newer]}] is the newer one" if one.newer in numbers else ""
            yield f"{pair}{newer}."


def _checked(completion: Completion, question: Question, numbered: Sequence[Source]) -> Written:
    if completion.text.strip(" .*_\n").upper() == "NOTHING":
        raise LanguageModelUnusable("The language model finds no answer in what is remembered.")
    found = cited_sentences(completion.text, len(numbered), completion.truncated)
    if not found or not _says_what_they_say(found, numbered):
        raise LanguageModelUnusable("The language model's answer cites nothing of what is remembered.")

    def mark(number: int) -> str:
        return f"[{numbered[number - 1].id}]" if question.with_sources else ""

    kept = within(found, BUDGETS[question.detail], mark)
    if not kept:
        raise LanguageModelUnusable("The language model's answer is one sentence that is longer than was asked for.")
    cited = dict.fromkeys(number for one in kept for number in one.numbers)
    note = LONGER if len(kept) < len(found) else CUT if completion.truncated else None
    return Written(rendered(kept, mark), tuple(numbered[number - 1] for number in cited), note)


def _says_what_they_say(found: Sequence[Cited], numbered: Sequence[Source]) -> bool:
    """Whether at least one sentence shares a word with a source that it cites: an error text does not."""
    return any(
        terms(one.words) & terms(f"{source.author} {source.content}")
        for one in found
        for source in (numbered[number - 1] for number in one.numbers)
    )
