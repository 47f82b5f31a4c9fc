"""The generated pages are what the code says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "reference.py"
FOLDER = ROOT / "docs" / "reference"


def test_the_reference_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", ["tools.md", "settings.md", "commands.md"])
def test_no_page_names_a_folder_of_the_machine_it_was_made_on(page: str) -> None:
    text = (FOLDER / page).read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert str(ROOT) not in text


def test_every_command_and_setting_has_its_place() -> None:
    from mcp_memory.cli import COMMANDS
    from mcp_memory.settings import PREFIX, Settings

    commands = (FOLDER / "commands.md").read_text(encoding="utf-8")
    settings = (FOLDER / "settings.md").read_text(encoding="utf-8")
    assert all(f"## mcp-memory {name}\n" in commands for name in COMMANDS)
    assert all(f"`{PREFIX}{name.upper()}`" in settings for name in Settings.model_fields)


def test_pins_are_plain_names_versions_and_markers() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 30
    assert all("==" in pin and "/" not in pin and "@" not in pin for pin in pins)
