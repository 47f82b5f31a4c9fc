"""Reserved names of workspaces and contexts."""

from __future__ import annotations

DEFAULT_CONTEXT = "_default"
"""Where a memory goes that names no context."""

DEFAULT_WORKSPACE = "_default"
"""Where memories go when not even a folder gives a name."""

GLOBAL_WORKSPACE = "_global"
"""Searched from every workspace."""
