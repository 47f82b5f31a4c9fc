"""Write constraints.txt: one `name==version` for everything that the package and its development tools need.

Pins that are there already are kept; `--upgrade` takes the newest. The file holds versions and markers only, no
addresses, so it is true wherever packages come from. Needs `uv`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "constraints.txt"
OLDEST_PYTHON = "3.11"
HEADING = "# Made by scripts/constraints.py: versions that are known to work together, for CI and development.\n"
PIN = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*==[0-9][0-9a-z.!+]*(?: ; [^#@/\\]+)?")


def compiled(kept: str, upgrade: bool) -> str:
    """What uv resolves for every platform and each Python from the oldest on."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "constraints.txt"
        output.write_text(kept, encoding="utf-8")
        command = ["uv", "pip", "compile", "pyproject.toml", "--group", "dev", "--universal", "--quiet"]
        command += ["--python-version", OLDEST_PYTHON, "--no-annotate", "--no-header", "--output-file", str(output)]
        command += ["--no-emit-index-url", "--no-emit-find-links", *(["--upgrade"] if upgrade else [])]
        subprocess.run(command, cwd=ROOT, check=True)
        return output.read_text(encoding="utf-8")


def pins(text: str) -> list[str]:
    """The lines that are pins.

    Raises:
        SystemExit: a line is neither a pin nor a comment, so it might carry an address.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    strange = [line for line in lines if not PIN.fullmatch(line)]
    if strange:
        raise SystemExit(f"These lines are no plain pins: {strange}")
    return lines


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = parser.parse_args().upgrade
    if shutil.which("uv") is None:
        raise SystemExit("uv is needed; install it first.")
    kept = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    lines = pins(compiled(kept, upgrade))
    FILE.write_text(HEADING + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} pins written to {FILE.name}.")


if __name__ == "__main__":
    sys.exit(main())
