"""What went wrong, in one sentence."""

from __future__ import annotations

import json

import click

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


class Interrupted(click.ClickException):
    """Stopped by Ctrl-C; the text says what is done and how to go on."""

    exit_code = INTERRUPTED


def report(error: BaseException, *, as_json: bool) -> int:
    """Say it: on standard error, or as JSON on standard output.

    Returns:
        The exit code.
    """
    status = _status(error)
    if as_json:
        complaint = {"success": False, "error": sentence(error), "kind": type(error).__name__, "exit_code": status}
        click.echo(json.dumps(complaint, ensure_ascii=False, indent=2))
    elif isinstance(error, click.UsageError):
        error.show()
    else:
        click.echo(sentence(error), err=True)
    return status


def sentence(error: BaseException) -> str:
    """The error's own text, or what the system said and about which file."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, click.Abort):
        return "Stopped."
    if isinstance(error, OSError):
        about = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{about}."
    return str(error)


def _status(error: BaseException) -> int:
    if isinstance(error, click.ClickException):
        return error.exit_code
    return INTERRUPTED if isinstance(error, click.Abort) else 1
