"""The HTTP door as one ASGI app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from mcp_memory.rest.docs import reference_routes
from mcp_memory.rest.failures import EXCEPTION_HANDLERS, ErrorsAsJson
from mcp_memory.rest.serving import routes_of
from mcp_memory.rest.table import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute
    from starlette.types import Lifespan

    from mcp_memory.rest.endpoint import Endpoint, MemorySource, Probe


def build_app(
    memory: MemorySource,
    *,
    endpoints: Sequence[Endpoint | Probe] = ENDPOINTS,
    routes: Sequence[BaseRoute] = (),
    middleware: Sequence[Middleware] = (),
    lifespan: Lifespan[Any] | None = None,
) -> Starlette:
    """The app: the endpoints over the memory, `/openapi.json` and `/docs`, and whatever else is given.

    Args:
        memory: gives the opened memory; called with every request.
        endpoints: the REST routes.
        routes: other routes, for example those of MCP; they are looked at first.
        middleware: outermost first. What it raises is answered as JSON too.
        lifespan: opens and closes what the app serves from.
    """
    app = Starlette(
        routes=[*routes, *routes_of(endpoints, memory), *reference_routes(endpoints)],
        middleware=[Middleware(ErrorsAsJson), *middleware],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app
