"""The HTTP server's process: it answers from its first moment, and ends without losing what it has acknowledged."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final, NoReturn

import uvicorn

from mcp_memory.errors import SettingsError
from mcp_memory.rest.logs import RequestIds, access
from mcp_memory.rest.security.policy import check_bind
from mcp_memory.rest.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_memory.settings import Settings

HEADER_BYTES: Final = 32 * 1024
"""Most a request's line and headers may have together."""

WAITING_CONNECTIONS: Final = 2048
"""That the system holds while all others are being accepted."""


def serve(settings: Settings, started: Callable[[str], None]) -> NoReturn:
    """Serve until the process is told to end (SIGTERM, SIGINT); then the exit code is 0.

    Args:
        settings: where and how.
        started: told the address, once requests to it are answered.

    Raises:
        SettingsError: it would be open to others without a key, the address cannot be used, or a setting will not do.
    """
    from mcp_memory.app import has_keys

    check_bind(settings.http_host, has_keys(settings), settings.http_allowed_hosts)
    service = Service(settings)
    with listening(settings.http_host, settings.http_port) as listener:
        _log_to_stderr(settings)
        server = Server(config_of(service, settings), service, lambda: started(address_of(settings, listener)))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.asked_to_end)
        server.run(sockets=[listener])
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0 if server.started else 1)


class Server(uvicorn.Server):
    """uvicorn's server: it says when it has begun, and ends streams before it waits for what runs."""

    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._service = service
        self._on_start = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more, end streams, let requests finish, and close the memory."""
        self._service.end_streams()
        await super().shutdown(sockets)

    def asked_to_end(self, *_: object) -> None:
        """A signal that comes before or after uvicorn listens to signals itself: it raises them again at the end."""
        self.should_exit = True


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens, so that clients can connect from now on.

    Raises:
        SettingsError: the address cannot be used.
    """
    try:
        [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"Cannot serve on {host} (MCP_MEMORY_HTTP_HOST): {error.strerror}.") from None
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(WAITING_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot serve on {host}, port {port}: {error.strerror}. Choose another with --host and --port "
            "(MCP_MEMORY_HTTP_HOST, MCP_MEMORY_HTTP_PORT); port 0 is any that is free."
        ) from None
    return listener


def address_of(settings: Settings, listener: socket.socket) -> str:
    """Where it serves, with the port it really has."""
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    return f"http://{host}:{listener.getsockname()[1]}"


def config_of(service: Service, settings: Settings) -> uvicorn.Config:
    """What uvicorn has to know."""
    return uvicorn.Config(
        service.app,
        http="h11",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        ws="none",
        lifespan="on",
        proxy_headers=bool(settings.http_trusted_proxies),
        forwarded_allow_ips=settings.http_trusted_proxies or None,
        timeout_keep_alive=settings.http_keep_alive,
        timeout_graceful_shutdown=settings.http_grace,
        h11_max_incomplete_event_size=HEADER_BYTES,
    )


def _log_to_stderr(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RequestIds())
    logging.basicConfig(
        level=settings.log_level,
        handlers=[handler],
        format="%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s",
    )
    access.setLevel(logging.INFO if settings.http_access_log else logging.CRITICAL)
