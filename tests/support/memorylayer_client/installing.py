"""An environment with the package `memorylayer-client`, as its users would have one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "0.2.1"
NEEDS = (3, 12)
SECONDS = 180.0

KNOWS_CLIENT = f"import memorylayer; assert memorylayer.__version__ == {VERSION!r}"
OLD_ENOUGH = f"import sys, venv; assert sys.version_info[:2] >= {NEEDS}"


class CannotBeHad(Exception):
    """There is no Python that is new enough, or the package cannot be installed."""


def interpreter_with_client(folder: Path) -> Path:
    """The interpreter of an environment in `folder`, which is made where it is not there yet.

    Raises:
        CannotBeHad: why not.
    """
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not _runs(interpreter, KNOWS_CLIENT):
        shutil.rmtree(folder, ignore_errors=True)
        _made([str(_new_python()), "-m", "venv", str(folder)])
        _made([str(interpreter), "-m", "pip", "install", "--quiet", f"memorylayer-client=={VERSION}"])
    return interpreter


def _new_python() -> Path:
    for candidate in _pythons():
        if _runs(candidate, OLD_ENOUGH):
            return candidate
    raise CannotBeHad(f"no Python {'.'.join(map(str, NEEDS))} or newer was found")


def _pythons() -> Iterator[Path]:
    yield Path(sys.executable)
    for name in ("python3.12", "python3.13", "python3.14"):
        found = shutil.which(name)
        if found:
            yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from sorted(pyenv.glob("3.1[2-9]*/bin/python"))
    if shutil.which("uv"):
        told = subprocess.run(["uv", "python", "find", "3.12"], capture_output=True, text=True)
        if told.returncode == 0:
            yield Path(told.stdout.strip())


def _runs(python: Path, code: str) -> bool:
    if not python.exists():
        return False
    return subprocess.run([python, "-c", code], capture_output=True, timeout=SECONDS).returncode == 0


def _made(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotBeHad(f"{' '.join(command[1:])} did not end in time") from None
    if done.returncode:
        raise CannotBeHad(f"{' '.join(command[1:])} failed: {done.stderr.strip()[-500:]}")
