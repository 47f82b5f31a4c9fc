"""The server of `mcp-memory serve` in a thread of the test: all of it but the process and its signals."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp_memory.rest.serve import Server, address_of, config_of, listening
from mcp_memory.rest.service import Service
from mcp_memory.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAITING_SECONDS = 30.0


@contextmanager
def served(data_dir: Path, **settings: Any) -> Iterator[str]:
    """The address of a server over the store in `data_dir`."""
    given = {"data_dir": data_dir, "http_port": 0, "http_rate_per_minute": 0, "http_grace": 1, **settings}
    parsed = load_settings(**given)
    service = Service(parsed)
    started = threading.Event()
    with listening(parsed.http_host, parsed.http_port) as listener:
        server = Server(config_of(service, parsed), service, started.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert started.wait(WAITING_SECONDS), "the server did not start"
            yield address_of(parsed, listener)
        finally:
            server.should_exit = True
            thread.join(WAITING_SECONDS)
            assert not thread.is_alive(), "the server did not end"
