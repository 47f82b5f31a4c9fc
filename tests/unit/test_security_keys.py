"""Who is let in: keys, and callers of this machine."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from mcp_memory.rest.caller import LOCAL, Caller
from tests.unit.security_support import FAR_CLIENT, SECRET, Bench

pytestmark = pytest.mark.anyio

OTHER = "mcpm_ffff0000_" + "B" * 43


def bearer(secret: str = SECRET) -> tuple[str, str]:
    return ("Authorization", f"Bearer {secret}")


def caller_in(scope: dict[str, Any]) -> Caller:
    found = scope["state"]["caller"]
    assert isinstance(found, Caller)
    return found


async def test_before_any_key_is_made_this_machine_may_do_everything() -> None:
    bench = Bench()
    assert (await bench("/v1/memories", "POST")).status == 200
    assert caller_in(bench.seen[0]) is LOCAL


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "X-Forwarded-Host", "X-Forwarded-Proto"]
)
async def test_what_a_proxy_on_this_machine_passes_on_is_not_taken_for_local(header: str) -> None:
    assert (await Bench()("/v1/memories", "GET", (header, "127.0.0.1"))).status == 401


async def test_a_caller_from_elsewhere_needs_a_key_though_none_is_made() -> None:
    answer = await Bench()("/v1/memories", client=FAR_CLIENT)
    assert answer.status == 401
    assert "mcp-memory keys create" in answer.json()["detail"]


async def test_the_first_key_shuts_the_door_and_revoking_the_last_does_not_open_it() -> None:
    bench = Bench()
    assert (await bench("/v1/memories")).status == 200
    bench.memory.make()
    bench.wait(2.1)
    assert (await bench("/v1/memories")).status == 401
    bench.memory.revoke()
    bench.wait(3600)
    assert (await bench("/v1/memories")).status == 401


async def test_a_key_can_be_required_before_one_is_made() -> None:
    assert (await Bench(require_key=True)("/v1/memories")).status == 401


@pytest.mark.parametrize("path", ["/", "/health", "/health/ready", "/docs", "/openapi.json"])
async def test_health_and_docs_need_no_key_and_their_caller_may_do_nothing_else(path: str) -> None:
    bench = Bench(require_key=True)
    assert (await bench(path)).status == 200
    assert caller_in(bench.seen[0]).rights == frozenset()


@pytest.mark.parametrize(
    "path",
    ["//", "/health/", "/Health", "/health/../v1/memories", "/health/ready/x", "/docs/", "/v1/health", "/metrics"],
)
async def test_no_other_path_is_taken_for_health(path: str) -> None:
    assert (await Bench(require_key=True)(path)).status == 401


@pytest.mark.parametrize(
    "header",
    [
        bearer(),
        ("authorization", f"bearer {SECRET}"),
        ("Authorization", f"BEARER   {SECRET} "),
        ("Authorization", SECRET),
        ("X-API-Key", SECRET),
    ],
)
async def test_a_key_is_taken_as_a_bearer_token_bare_or_in_its_own_header(header: tuple[str, str]) -> None:
    bench = Bench()
    made = bench.memory.make(workspace_id="team")
    assert (await bench("/v1/memories", "GET", header)).status == 200
    assert caller_in(bench.seen[0]) == Caller("ana", frozenset(("read", "write")), "team", made.id)


@pytest.mark.parametrize(
    "wrong",
    [
        SECRET[:-1], SECRET + "A", SECRET.upper(), SECRET.replace("mcpm_", "MCPM_"), SECRET.replace("0123", "0124"),
        SECRET[:20] + " " + SECRET[20:], SECRET.replace("mcpm_0123abcd_", ""), "mcpm_0123abcd", "*", "%", "é",
        f'"{SECRET}"', OTHER, f"Bearer {SECRET}", f"{SECRET},{SECRET}",
    ],
)  # fmt: skip
async def test_a_key_that_is_not_exactly_one_that_was_made_is_unknown(wrong: str) -> None:
    bench = Bench()
    bench.memory.make()
    answer = await bench("/v1/memories", "GET", bearer(wrong))
    assert (answer.status, bench.seen) == (401, [])
    assert answer.json()["detail"] == "This API key is not known here."
    assert wrong not in str(answer.headers) or wrong in "*%"


@pytest.mark.parametrize("value", ["Basic YW5hOnBhc3M=", "Bearer", "Bearer ", "", "Digest x"])
async def test_other_ways_to_say_who_one_is_are_none(value: str) -> None:
    bench = Bench()
    bench.memory.make()
    assert (await bench("/v1/memories", "GET", ("Authorization", value))).status == 401


async def test_two_different_keys_are_refused_and_the_same_twice_is_one() -> None:
    bench = Bench()
    bench.memory.make()
    bench.memory.make(OTHER, name="ben")
    for headers in ([bearer(), ("X-API-Key", OTHER)], [bearer(), bearer(OTHER)]):
        assert (await bench("/v1/memories", "GET", *headers)).status == 401
    assert (await bench("/v1/memories", "GET", bearer(), ("X-API-Key", SECRET))).status == 200


async def test_an_expired_key_is_told_so() -> None:
    bench = Bench()
    bench.memory.make(expires_at=bench.memory.time + timedelta(seconds=60))
    assert (await bench("/v1/memories", "GET", bearer())).status == 200
    bench.wait(60)
    answer = await bench("/v1/memories", "GET", bearer())
    assert (answer.status, "expired" in answer.json()["detail"]) == (401, True)


async def test_a_key_expires_at_its_second_though_it_was_just_let_in() -> None:
    bench = Bench()
    bench.memory.make(expires_at=bench.memory.time + timedelta(seconds=1))
    assert (await bench("/v1/memories", "GET", bearer())).status == 200
    bench.wait(1)
    assert (await bench("/v1/memories", "GET", bearer())).status == 401
    assert bench.memory.asked == 1


async def test_a_revoked_key_is_out_after_two_seconds() -> None:
    bench = Bench()
    bench.memory.make()
    assert (await bench("/v1/memories", "GET", bearer())).status == 200
    bench.memory.revoke()
    bench.wait(2.0)
    answer = await bench("/v1/memories", "GET", bearer())
    assert (answer.status, "revoked" in answer.json()["detail"]) == (401, True)


async def test_a_key_in_use_is_looked_up_once_in_two_seconds_and_an_unknown_one_every_time() -> None:
    bench = Bench()
    bench.memory.make()
    for _ in range(20):
        await bench("/v1/memories", "GET", bearer())
    assert bench.memory.asked == 1
    await bench("/v1/memories", "GET", bearer(OTHER))
    bench.memory.make(OTHER)
    assert (await bench("/v1/memories", "GET", bearer(OTHER))).status == 200


async def test_the_secret_is_kept_nowhere_in_the_process_behind_the_door() -> None:
    bench = Bench()
    bench.memory.make()
    await bench("/v1/memories", "GET", bearer())
    ring = bench.door.keys
    assert SECRET not in repr(vars(ring))
    state = {name: value for name, value in bench.seen[0].items() if name != "headers"}
    assert SECRET not in repr(state) + repr(vars(state["user"])) + repr(state["user"].access_token)


async def test_while_keys_cannot_be_looked_up_nobody_is_let_in_and_no_path_is_told() -> None:
    bench = Bench()
    bench.memory.make()
    bench.memory.broken = True
    for headers in ((), (bearer(),)):
        answer = await bench("/v1/memories", "GET", *headers)
        assert (answer.status, bench.seen) == (503, [])
        assert "secret-place" not in answer.body.decode()
    assert (await bench("/health")).status == 200


async def test_rest_says_how_to_get_in_and_mcp_says_where_that_is_described() -> None:
    bench = Bench(require_key=True)
    rest = (await bench("/v1/memories")).header("WWW-Authenticate")
    assert rest == 'Bearer realm="mcp-memory"'
    for path in ("/mcp", "/sse", "/messages/"):
        told = (await bench(path, "POST", bearer(OTHER))).header("WWW-Authenticate")
        assert told is not None
        assert 'error="invalid_token"' in told
        door = path.rstrip("/")
        where = f"http://127.0.0.1:61001/.well-known/oauth-protected-resource{door}"
        assert f'resource_metadata="{where}"' in told
        described = await bench(f"/.well-known/oauth-protected-resource{door}")
        assert described.json()["resource"] == f"http://127.0.0.1:61001{door}"
        assert described.json()["bearer_methods_supported"] == ["header"]


async def test_who_looks_for_a_place_to_log_in_is_told_that_there_is_none() -> None:
    bench = Bench(require_key=True)
    for place in ("oauth-protected-resource/v1", "oauth-authorization-server", "oauth-authorization-server/mcp",
                  "openid-configuration"):  # fmt: skip
        answer = await bench(f"/.well-known/{place}")
        assert (answer.status, answer.json()) == (404, {"detail": "Not Found"})
    assert (await bench("/.well-known/other")).status == 401
    assert (await bench("/.well-known/oauth-protected-resource/mcp", "POST")).status == 401
    assert bench.seen == []


async def test_a_key_in_the_query_is_none() -> None:
    bench = Bench()
    bench.memory.make()
    for name in ("api_key", "key", "token", "access_token"):
        answer = await bench("/v1/memories", "GET", query_string=f"{name}={SECRET}".encode())
        assert answer.status == 401


async def test_which_keys_were_used_is_written_down_together() -> None:
    bench = Bench()
    first, second = bench.memory.make(), bench.memory.make(OTHER)
    for secret in (SECRET, OTHER, SECRET):
        await bench("/v1/memories", "GET", bearer(secret))
    assert bench.memory.used == []
    await bench.door.flush()
    await bench.door.flush()
    assert bench.memory.used == sorted([first.id, second.id])


async def test_a_thirteenth_failure_in_a_minute_is_one_too_many_and_a_good_key_still_gets_in() -> None:
    bench = Bench()
    bench.memory.make()
    statuses = [(await bench("/v1/memories", "GET", bearer(OTHER), client=FAR_CLIENT)).status for _ in range(12)]
    assert statuses == [401] * 12
    refused = await bench("/v1/memories", "GET", bearer(OTHER), client=FAR_CLIENT)
    assert refused.status == 429
    assert refused.json()["retry_after"] == int(refused.header("Retry-After") or 0) == 5
    assert (await bench("/v1/memories", "GET", bearer(), client=FAR_CLIENT)).status == 200
    assert (await bench("/v1/memories", "GET", client=("203.0.113.8", 1))).status == 401
    bench.wait(5)
    assert (await bench("/v1/memories", "GET", client=FAR_CLIENT)).status == 401


async def test_another_address_in_a_header_or_the_same_ipv6_network_resets_no_limit() -> None:
    bench = Bench(require_key=True, failures_per_minute=1)
    for number in range(3):
        answer = await bench("/v1/x", "GET", ("X-Forwarded-For", f"198.51.100.{number}"), client=FAR_CLIENT)
        assert answer.status == (429 if number else 401)
    for number in range(3):
        answer = await bench("/v1/x", client=(f"2001:db8::{number + 1}", 1))
        assert answer.status == (429 if number else 401)


async def test_a_request_too_many_says_when_to_come_back() -> None:
    bench = Bench(rate_per_minute=240)
    bench.memory.make()
    bench.memory.make(OTHER)
    answers = [await bench("/v1/memories", "GET", bearer()) for _ in range(241)]
    assert [one.status for one in answers] == [200] * 240 + [429]
    refused = answers[-1]
    assert refused.json() == {"detail": "Rate limit exceeded", "retry_after": 1}
    assert refused.header("Retry-After") == "1"
    assert refused.header("X-RateLimit-Limit") == "240"
    assert refused.header("X-RateLimit-Remaining") == "0"
    assert answers[0].header("X-RateLimit-Remaining") == "239"
    assert (await bench("/v1/memories", "GET", bearer(OTHER))).status == 200
    bench.wait(1)
    assert (await bench("/v1/memories", "GET", bearer())).status == 200


async def test_without_keys_the_address_is_limited_but_health_is_not() -> None:
    bench = Bench(rate_per_minute=1)
    statuses = [(await bench(path)).status for path in ("/v1/x", "/v1/x", "/health", "/health", "/docs")]
    assert statuses == [200, 429, 200, 200, 429]


async def test_no_rate_means_no_limit_and_no_header() -> None:
    bench = Bench(rate_per_minute=0)
    answers = [await bench("/v1/x") for _ in range(300)]
    assert {one.status for one in answers} == {200}
    assert answers[0].header("X-RateLimit-Limit") is None


async def test_the_sdk_knows_whose_request_it_is_and_forgets_it_afterwards() -> None:
    from mcp.server.auth.middleware.auth_context import get_access_token
    from mcp.server.auth.middleware.bearer_auth import authorization_context

    known = []

    async def app(scope: Any, _: Any, send: Any) -> None:
        known.append((get_access_token(), authorization_context(scope["user"])))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    bench = Bench(app)
    made = bench.memory.make(workspace_id="team")
    await bench("/mcp", "POST", bearer())
    [(token, context)] = known
    assert token is not None
    assert (token.client_id, token.scopes) == (made.id, ["read", "write"])
    assert token.claims == {"name": "ana", "workspace_id": "team"}
    assert context["client_id"] == made.id
    assert SECRET not in json.dumps(token.model_dump())
    assert get_access_token() is None
