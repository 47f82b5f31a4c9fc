"""The door of the HTTP server: one ASGI app around everything that is served."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import McpMemoryError
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.logs import Paths, log_access, method_of
from mcp_memory.rest.security import cors
from mcp_memory.rest.security.authentication import ANYBODY, Authentication, address_of, caller_with
from mcp_memory.rest.security.bodies import capped, let_run_out, refuse_declared
from mcp_memory.rest.security.discovery import document
from mcp_memory.rest.security.exchange import REQUEST_ID, Exchange
from mcp_memory.rest.security.gate import addressed, is_local, origin_of
from mcp_memory.rest.security.headers import values
from mcp_memory.rest.security.keys import USES_SECONDS, KeyRing, acting_with
from mcp_memory.rest.security.later import Later
from mcp_memory.rest.security.rates import Buckets, too_many
from mcp_memory.rest.security.refusals import Kind, RefusalLog
from mcp_memory.rest.security.timing import in_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mcp_memory.core.memory import Memory
    from mcp_memory.models.administration import ApiKey
    from mcp_memory.rest.security.authority import Authority
    from mcp_memory.rest.security.policy import Policy
    from mcp_memory.rest.security.refused import Reason

logger = logging.getLogger(__name__)

HEALTH: Final = frozenset(("/", "/health", "/health/ready"))
"""What needs no key and counts for no limit: that the server lives is no secret, and nothing else is told there."""

OPEN: Final = HEALTH | {"/docs", "/openapi.json"}
"""What needs no key: the description of the API is the same everywhere."""

CLOSING_SECONDS: Final = 2.0
"""How long writing down what is gathered may take at the end."""

POLICY_VIOLATION: Final = 1008
"""How a WebSocket is turned away; there are none here."""


class Security:
    """Checks, counts, bounds and logs every request, before and while the app serves it.

    In this order: an id; the Host, then the Origin; the declared size; the key; the rates; the app, with a cap on what
    it reads and a limit to its time. However it ends, it is logged, and a refusal goes into the audit trail.
    """

    def __init__(
        self,
        app: ASGIApp,
        memory: Callable[[], Awaitable[Memory]],
        policy: Policy,
        *,
        open_paths: frozenset[str] = OPEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stand before `app`.

        Args:
            app: what is served; its routes, if it has any, name the paths in the logs.
            memory: gives the memory, opened; asked when a key is looked up or something is written down.
            policy: what is let in.
            open_paths: paths that need no key.
            clock: seconds, for rates and for how long keys are believed.
        """
        self._app = app
        self._policy = policy
        self._open = open_paths
        self.keys = KeyRing(memory, clock)
        self._authentication = Authentication(self.keys, policy, clock)
        self._rates = Buckets(policy.rate_per_minute, clock) if policy.rate_per_minute else None
        self.refusals = RefusalLog(memory)
        self._paths = Paths(getattr(app, "routes", ()))
        self._used: set[str] = set()
        self._uses = Later(self._write_uses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            exchange = Exchange(scope, send)
            scope["state"]["note_refused"] = partial(self._note, exchange, 403, "not_allowed")
            await self._serve(exchange, receive)
        elif scope["type"] == "lifespan":
            await self._app(scope, self._until_shutdown(receive), send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    async def flush(self) -> None:
        """Write down what is gathered: refusals, and which keys were used."""
        await self.refusals.flush()
        await self._uses.now()

    async def _serve(self, exchange: Exchange, receive: Receive) -> None:
        context = REQUEST_ID.set(exchange.id)
        try:
            await self._let_in(exchange, receive)
            if exchange.broken is not None:
                raise exchange.broken
        except Refusal as refusal:
            if refusal.status == 413 and not exchange.received and not values(exchange.scope, b"expect"):
                await let_run_out(receive)
            await exchange.refuse(refusal)
        except Exception:
            if not exchange.complete and exchange.broken is None:
                logger.exception("the request %s failed unexpectedly", exchange.id)
            await exchange.fail()
        finally:
            self._account_for(exchange)
            REQUEST_ID.reset(context)

    async def _let_in(self, exchange: Exchange, receive: Receive) -> None:
        scope, policy = exchange.scope, self._policy
        host = addressed(scope, policy)
        if self._is_shared(exchange, host) and cors.is_preflight(scope):
            await exchange.answer(204, None, cors.PREFLIGHT)
            return
        refuse_declared(scope, policy.body_bytes)
        described = document(scope)
        if described is not None:
            await exchange.answer(200, described)
            return
        with acting_with(await self._identified(exchange, host), scope):
            served = self._app(scope, capped(receive, exchange, policy.body_bytes), exchange.send)
            await in_time(served, exchange, policy.timeout)

    def _is_shared(self, exchange: Exchange, host: Authority) -> bool:
        """Whether a page of an allowed origin sent it; then that page may read the answer."""
        page = origin_of(exchange.scope, host, self._policy)
        if self._policy.origins:
            exchange.add_headers({"Vary": "Origin"})
        if page is not None:
            exchange.add_headers(cors.shared(exchange.scope))
        return page is not None

    async def _identified(self, exchange: Exchange, host: Authority) -> ApiKey | None:
        """The key that lets the request in, its caller made known below; None where none is needed."""
        scope = exchange.scope
        if scope["path"] in self._open:
            exchange.let_in(ANYBODY)
            if scope["path"] not in HEALTH:
                self._spend(exchange, f"address {address_of(scope)}")
            return None
        key = await self._authentication.key_of(scope, is_local(scope, host))
        exchange.let_in(caller_with(key), "" if key is None else key.prefix)
        self._spend(exchange, f"address {address_of(scope)}" if key is None else key.id)
        if key is not None:
            self._used.add(key.id)
            self._uses.within(USES_SECONDS)
        return key

    def _spend(self, exchange: Exchange, who: str) -> None:
        if self._rates is None:
            return
        standing = self._rates.take(who)
        exchange.add_headers(standing.headers())
        if not standing.allowed:
            raise too_many(standing, "too_many_requests", "Rate limit exceeded")

    def _account_for(self, exchange: Exchange) -> None:
        log_access(exchange, self._paths.template(exchange.scope))
        reason = exchange.why_refused()
        if reason is not None:
            self._note(exchange, exchange.status, reason)

    def _note(self, exchange: Exchange, status: int, reason: Reason) -> None:
        caller = exchange.caller or ANYBODY
        self.refusals.note(
            Kind(
                status=status,
                reason=reason,
                method=method_of(exchange.scope),
                path=self._paths.template(exchange.scope),
                client=address_of(exchange.scope),
                author=caller.name,
                key_prefix=exchange.key_prefix,
                workspace_id=caller.workspace_id,
            )
        )

    async def _write_uses(self) -> None:
        used, self._used = self._used, set()
        if not used:
            return
        try:
            await self.keys.note_use(sorted(used))
        except McpMemoryError as error:
            logger.warning("When keys were last used is not written down: %s", error)

    def _until_shutdown(self, receive: Receive) -> Receive:
        async def read() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.flush(), CLOSING_SECONDS)
            return message

        return read
