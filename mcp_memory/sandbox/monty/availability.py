"""Whether Monty can run here: its module, its binary, and what it says about itself."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_memory.errors import SandboxUnavailable

if TYPE_CHECKING:
    from types import ModuleType

BINARY = "monty.exe" if os.name == "nt" else "monty"
INSTALL = "install it with `pip install 'pydantic-monty>=1.4,<2'`"


def load_engine() -> ModuleType:
    """The module `pydantic_monty`. It takes 0.15 s the first time: call it in a thread.

    Raises:
        SandboxUnavailable: it is not installed, or not for this platform.
    """
    try:
        return import_module("pydantic_monty")
    except ModuleNotFoundError as error:
        if error.name != "pydantic_monty":
            raise SandboxUnavailable(f"The sandbox's engine is incomplete ({error}); {INSTALL} again.") from error
        raise SandboxUnavailable(f"The sandbox's engine is not installed{_why()}; {INSTALL}.") from None
    except ImportError as error:
        raise SandboxUnavailable(f"The sandbox's engine cannot be loaded on this platform: {error}.") from error


def find_binary() -> Path:
    """The worker's executable, from the directory where this Python's packages put theirs.

    Neither `PATH` nor the environment is asked: what runs the code of others is not for them to choose.

    Raises:
        SandboxUnavailable: it is not there.
    """
    places = script_directories()
    for place in places:
        binary = place / BINARY
        if binary.is_file():
            return binary
    looked = ", ".join(str(place) for place in places)
    raise SandboxUnavailable(f"The sandbox's worker, `{BINARY}`, is not in {looked}{_why()}; {INSTALL}.")


def script_directories() -> list[Path]:
    """Where packages of this Python put executables, most specific first."""
    paths = [sysconfig.get_path("scripts")]
    if f"{os.name}_user" in sysconfig.get_scheme_names():
        paths.append(sysconfig.get_path("scripts", f"{os.name}_user"))
    return [Path(path) for path in paths]


def _why() -> str:
    """What is known to make it impossible here, as a clause."""
    if platform.python_implementation() != "CPython":
        return f" (there is none for {platform.python_implementation()})"
    if sys.platform == "win32" and platform.machine().upper() == "ARM64":
        return " (there is none for Windows on ARM64)"
    return ""
