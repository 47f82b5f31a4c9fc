"""Take every step, and tell of each in a line of JSON. Where to go comes as JSON on standard input."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
import sys
import traceback
import warnings

from tests.support.memorylayer_client import steps
from tests.support.memorylayer_client.user import STEPS, User

STEP_SECONDS = 60.0


async def main() -> None:
    """All of them, one after another."""
    for module in pkgutil.iter_modules(steps.__path__):
        importlib.import_module(f"{steps.__name__}.{module.name}")
    place = json.load(sys.stdin)
    for (kind, name), take in STEPS.items():
        why = ""
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await take(User(kind=kind, **place))
        except Exception as error:  # noqa: BLE001 - each step fails by itself
            told = traceback.TracebackException.from_exception(error, capture_locals=True, compact=True)
            why = "".join(told.format())
        print(json.dumps({"kind": kind, "step": name, "why": why}), flush=True)  # noqa: T201


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asyncio.run(main())
