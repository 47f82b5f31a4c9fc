"""Made-up memories of the kind agents write: reproducible, every one different, words distributed as in prose."""

from __future__ import annotations

import random

PEOPLE = "Ana Bruno Chloe Dmitri Elif Farid Greta Hugo Ines Jonas Kofi Lena Mateo Nadia Omar Priya Quentin Rosa".split()
THINGS = """
    parser scheduler invoice dashboard pipeline cache gateway ledger queue index migration backup report schema token
    webhook cluster license printer router sensor contract budget roadmap release pull-request deployment notebook
    garden bicycle recipe guitar apartment passport library museum kitchen balcony train lecture workshop concert
    database server container network firewall certificate password session account payment refund warehouse shelf
    forecast survey interview draft chapter translation podcast newsletter campaign logo catalogue supplier shipment
""".split()
DEEDS = """
    fixed rewrote reviewed postponed approved tested measured renamed deleted restored documented migrated cancelled
    ordered repaired painted visited booked planned presented compared translated archived profiled disabled enabled
""".split()
QUALITIES = """
    slow broken new old shared private nightly weekly urgent quiet fragile green blue expensive cheap northern
    internal public experimental legacy encrypted temporary annual missing duplicate automatic manual remote
""".split()
REASONS = (
    "the tests were flaky",
    "the customer asked for it",
    "memory ran out at night",
    "the deadline moved to Friday",
    "nobody used it any more",
    "the vendor changed the price",
    "it blocked the release",
    "the numbers did not add up",
    "the door would not close",
    "the results were hard to read",
)
PLACES = "Lisbon Oslo Nairobi Kyoto Toronto Krakow Lima Dublin Porto Vienna".split()


def memories(count: int, seed: int = 7) -> list[str]:
    """`count` different statements of 15 to 35 words."""
    dice = random.Random(seed)
    return [_statement(dice, number) for number in range(count)]


def questions(count: int, seed: int = 11) -> list[str]:
    """Questions about such statements, one in five with an identifier."""
    dice = random.Random(seed)
    return [_question(dice, number) for number in range(count)]


def _zipf(dice: random.Random, words: list[str] | tuple[str, ...]) -> str:
    return words[
        min(int(dice.paretovariate(0.7)) - 1, len(words) - 1) if dice.random() < 0.6 else dice.randrange(len(words))
    ]


def _statement(dice: random.Random, number: int) -> str:
    thing, other = _zipf(dice, THINGS), _zipf(dice, THINGS)
    start = f"{_zipf(dice, PEOPLE)} {_zipf(dice, DEEDS)} the {_zipf(dice, QUALITIES)} {thing} in {dice.choice(PLACES)}"
    middle = f"because {dice.choice(REASONS)} and the {_zipf(dice, QUALITIES)} {other} depended on it"
    return f"{start} {middle}; ticket {dice.choice('ABCDE')}{number:06d}, took {dice.randrange(2, 90)} minutes."


def _question(dice: random.Random, number: int) -> str:
    if number % 5 == 0:
        return f"What happened in ticket {dice.choice('ABCDE')}{dice.randrange(10_000):06d}?"
    return dice.choice(
        (
            f"Why was the {_zipf(dice, QUALITIES)} {_zipf(dice, THINGS)} {_zipf(dice, DEEDS)}?",
            f"What did {_zipf(dice, PEOPLE)} do about the {_zipf(dice, THINGS)} in {dice.choice(PLACES)}?",
            f"Who {_zipf(dice, DEEDS)} the {_zipf(dice, THINGS)} when {dice.choice(REASONS)}?",
            f"How long did the {_zipf(dice, QUALITIES)} {_zipf(dice, THINGS)} take?",
        )
    )
