"""Which project a folder belongs to: its name is the default workspace."""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING

from mcp_memory.names import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from pathlib import Path


def project_name(folder: Path) -> str:
    """The git origin's name, else the name of the git root's folder, else of the folder itself.

    Reads git's files directly, so that it works without git and costs no process.
    """
    root = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)
    if root is None:
        return folder.name or DEFAULT_WORKSPACE
    return _origin_name(_git_folder(root / ".git")) or root.name or DEFAULT_WORKSPACE


def _git_folder(dot_git: Path) -> Path:
    """Where `config` lies; worktrees and submodules have a file that points elsewhere."""
    if dot_git.is_dir():
        return dot_git
    pointer = _text_of(dot_git).removeprefix("gitdir:").strip()
    folder = (dot_git.parent / pointer).resolve()
    common = _text_of(folder / "commondir").strip()
    return (folder / common).resolve() if common else folder


def _origin_name(git_folder: Path) -> str:
    config = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        config.read_string(_text_of(git_folder / "config"))
    except configparser.Error:
        return ""
    url = config.get('remote "origin"', "url", fallback="") or ""
    return url.rstrip("/").replace("\\", "/").replace(":", "/").rsplit("/", 1)[-1].removesuffix(".git")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
