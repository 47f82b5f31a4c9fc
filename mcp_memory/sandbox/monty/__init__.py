"""The sandbox over Monty: a Python written in Rust, in worker processes with an empty environment."""

from mcp_memory.sandbox.monty.pool import MontySandbox

__all__ = ["MontySandbox"]
