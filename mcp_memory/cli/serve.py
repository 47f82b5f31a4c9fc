"""The command that serves over HTTP: serve."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from mcp_memory.cli.call import Call, command

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_memory.settings import Settings

HOST: Final = "Address to serve on [default: MCP_MEMORY_HTTP_HOST, else 127.0.0.1]."
PORT: Final = "Port to serve on; 0 is any that is free [default: MCP_MEMORY_HTTP_PORT, else 61001]."


@command("serve")
@click.option("--host", default="", metavar="ADDRESS", help=HOST)
@click.option("--port", type=click.IntRange(0, 65_535), default=None, help=PORT)
def serve(call: Call, host: str, port: int | None) -> None:
    """Serve over HTTP: MCP, a REST mirror and its docs.

    MCP clients connect to /mcp (streamable HTTP) or /sse, scripts to /v1; /docs describes that. Beyond this machine it
    serves only where there is an API key: see `mcp-memory keys`. Ctrl-C or SIGTERM end it when running requests are
    done.
    """
    given = {"http_host": host or None, "http_port": port}
    from mcp_memory.settings import load_settings

    settings = load_settings(**call.overrides(), **{name: value for name, value in given.items() if value is not None})
    from mcp_memory.rest.serve import serve as serve_until_ended

    serve_until_ended(settings, _told(call, settings))


def _told(call: Call, settings: Settings) -> Callable[[str], None]:
    """Says where it serves; as JSON on one line, as whoever reads it waits for no more."""
    from mcp_memory import __version__

    def tell(address: str) -> None:
        if call.as_json:
            click.echo(json.dumps({"success": True, "url": address}))
        else:
            click.echo(f"mcp-memory {__version__} serves {address} ({', '.join(_doors(settings))}).", err=True)

    return tell


def _doors(settings: Settings) -> list[str]:
    doors = {
        "MCP at /mcp": settings.http_mcp,
        "SSE at /sse": settings.http_sse,
        "figures at /metrics": settings.http_metrics,
    }
    return [*(door for door, open_ in doors.items() if open_), "REST at /v1", "docs at /docs"]
