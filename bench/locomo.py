"""Memories found on LoCoMo, through the real server over stdio.

    uv run python -m bench.locomo --data ../shared/data/locomo/locomo10.json

One workspace per conversation, all in one file; each turn is one memory (`Speaker: words`, the image's caption
appended), the session its context, the session's date its time. Each question with evidence is one recall with
default settings. recall@k is the share of a question's evidence turns among the first k results, averaged over
questions; MRR is of the first evidence turn. The baseline beside it is BM25 alone over the same turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from bench.harness import Timer, call, server, table
from mcp_memory.text import fts_query, keyword_terms, segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
DEPTH = 10


@dataclass(frozen=True)
class Turn:
    id: str
    session: str
    speaker: str
    content: str
    moment: datetime


@dataclass(frozen=True)
class Score:
    category: int
    recall5: float
    recall10: float
    hit5: float
    reciprocal: float
    ndcg10: float
    neighbours5: float


def turns(conversation: dict[str, Any]) -> Iterator[Turn]:
    number = 1
    while (session := f"session_{number}") in conversation:
        began = datetime.strptime(conversation[f"{session}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for position, turn in enumerate(conversation[session]):
            caption = f" [image: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            content = f"{turn['speaker']}: {turn['text']}{caption}"
            yield Turn(turn["dia_id"], session, turn["speaker"], content, began + timedelta(seconds=position))
        number += 1


def questions(sample: dict[str, Any], known: set[str]) -> Iterator[tuple[str, int, set[str]]]:
    for question in sample["qa"]:
        evidence = set(re.findall(r"D\d+:\d+", " ".join(question.get("evidence", [])))) & known
        if evidence:
            yield question["question"], question["category"], evidence


def score(category: int, evidence: set[str], found: Sequence[str], around: Sequence[set[str]]) -> Score:
    ranks = [rank for rank, one in enumerate(found, 1) if one in evidence]
    gain = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= DEPTH)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(evidence), DEPTH) + 1))
    within = set(found[:5]).union(*around[:5]) if found else set()
    return Score(
        category,
        len(evidence & set(found[:5])) / len(evidence),
        len(evidence & set(found[:10])) / len(evidence),
        float(bool(evidence & set(found[:5]))),
        1 / ranks[0] if ranks else 0.0,
        gain / ideal,
        len(evidence & within) / len(evidence),
    )


async def measure(sample: dict[str, Any], data_dir: Path, timers: dict[str, Timer], most: int) -> list[Score]:
    everything = list(turns(sample["conversation"]))
    ids: dict[str, str] = {}
    async with server(data_dir, sample["sample_id"]) as client:
        for turn in everything:
            arguments = {
                "content": turn.content,
                "type": "episodic",
                "context_id": turn.session,
                "author": turn.speaker,
                "occurred_at": turn.moment.isoformat(),
                "metadata": {"turn": turn.id},
            }
            stored = await timers["remember"].measure(lambda given=arguments: call(client, "memory_remember", **given))
            ids.setdefault(stored["memory_id"], turn.id)
        scores = []
        for question, category, evidence in list(questions(sample, {turn.id for turn in everything}))[:most]:
            arguments = {"query": question, "limit": DEPTH, "include_neighbors": 1}
            answer = await timers["recall"].measure(lambda given=arguments: call(client, "memory_recall", **given))
            if answer.get("degraded"):
                raise RuntimeError(answer["degraded"])
            found = [ids[memory["id"]] for memory in answer["memories"]]
            around = [{ids[near["id"]] for near in memory.get("neighbors", [])} for memory in answer["memories"]]
            scores.append(score(category, evidence, found, around))
    return scores


def baseline(sample: dict[str, Any], most: int) -> list[Score]:
    """BM25 alone: one FTS5 table of the conversation's turns, any of the question's words."""
    everything = list(turns(sample["conversation"]))
    database = apsw.Connection(":memory:")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(content, tokenize='porter unicode61')")
    database.executemany("INSERT INTO words(content) VALUES (?)", [(segment(turn.content),) for turn in everything])
    scores = []
    for question, category, evidence in list(questions(sample, {turn.id for turn in everything}))[:most]:
        rows = database.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?",
            (fts_query(keyword_terms(question)), DEPTH),
        )
        scores.append(score(category, evidence, [everything[row[0] - 1].id for row in rows], []))
    return scores


def means(scores: Sequence[Score]) -> list[float | int]:
    def mean(name: str, factor: float = 100) -> float:
        return factor * sum(getattr(one, name) for one in scores) / len(scores)

    return [
        len(scores),
        *(mean(name) for name in ("recall5", "recall10", "hit5")),
        mean("reciprocal", 1),
        mean("ndcg10", 1),
        mean("neighbours5"),
    ]


def report(scores: Sequence[Score], plain: Sequence[Score], timers: dict[str, Timer]) -> str:
    by_category: dict[int, list[Score]] = defaultdict(list)
    for one in scores:
        by_category[one.category].append(one)
    rows = [[name, *means(by_category[number])] for number, name in CATEGORIES.items() if by_category[number]]
    rows += [["**all**", *means(scores)], ["baseline: BM25 alone", *means(plain)[:-1], "-"]]
    header = ["category", "questions", "recall@5", "recall@10", "hit@5", "MRR", "nDCG@10", "evidence@5 with neighbours"]
    speed = [[timer.name, len(timer.spans), timer.p50, timer.p95] for timer in timers.values()]
    return table(header, rows) + "\n\n" + table(["call over stdio", "calls", "p50 ms", "p95 ms"], speed)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--conversations", type=int, default=10)
    parser.add_argument("--questions", type=int, default=10_000, help="at most so many of each conversation")
    options = parser.parse_args()
    timers = {name: Timer(name) for name in ("remember", "recall")}
    scores: list[Score] = []
    plain: list[Score] = []
    with tempfile.TemporaryDirectory() as folder:
        for sample in json.loads(options.data.read_text())[: options.conversations]:
            scores += await measure(sample, Path(folder), timers, options.questions)
            plain += baseline(sample, options.questions)
            print(f"{sample['sample_id']}: recall@5 so far {means(scores)[1]:.1f}", flush=True)
    print("\n" + report(scores, plain, timers))


if __name__ == "__main__":
    asyncio.run(main())
