"""The default workspace is the project one works in."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from mcp_memory.project import project_name

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=folder, check=True, capture_output=True
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/team/billing.git",
        "https://example.org/team/billing",
        "https://example.org/team/billing/",
        "git@example.org:team/billing.git",
        "example.org:billing.git",
        "ssh://git@example.org:2222/team/billing.git",
        "/srv/git/billing.git",
        "C:\\work\\billing.git",
    ],
)
def test_the_name_is_that_of_the_git_origin(tmp_path: Path, url: str) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", url)
    inside = tmp_path / "src" / "deep"
    inside.mkdir(parents=True)
    assert project_name(inside) == "billing"


def test_without_an_origin_it_is_the_git_roots_folder(tmp_path: Path) -> None:
    root = tmp_path / "garden"
    (root / "src").mkdir(parents=True)
    git(root, "init", "-q")
    git(root, "remote", "add", "upstream", "https://example.org/other.git")
    assert project_name(root / "src") == "garden"


def test_outside_git_it_is_the_folder(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert project_name(tmp_path / "notes") == "notes"


def test_a_worktree_has_the_name_of_its_repository(tmp_path: Path) -> None:
    root = tmp_path / "main"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "remote", "add", "origin", "https://example.org/team/billing.git")
    git(root, "commit", "-q", "--allow-empty", "-m", "start")
    git(root, "worktree", "add", "-q", str(tmp_path / "feature"))
    assert project_name(tmp_path / "feature") == "billing"


def test_a_damaged_git_folder_falls_back_to_the_folders_name(tmp_path: Path) -> None:
    root = tmp_path / "odd"
    (root / ".git").mkdir(parents=True)
    (root / ".git" / "config").write_bytes(b"[remote \xff\xfe\nurl")
    assert project_name(root) == "odd"
