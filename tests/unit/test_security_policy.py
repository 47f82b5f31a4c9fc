"""From settings to what the HTTP door lets in."""

from __future__ import annotations

import pytest

from mcp_memory.errors import SettingsError
from mcp_memory.rest.security.authority import Authority, Origin
from mcp_memory.rest.security.policy import Policy, check_bind
from mcp_memory.settings import PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def test_by_default_only_this_machine_is_served_and_no_foreign_page() -> None:
    settings = load_settings()
    policy = Policy.of(settings)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 61_001)
    assert policy.origins == frozenset()
    assert not policy.serves(Authority("memory.example.org"))
    assert (policy.body_bytes, policy.rate_per_minute, policy.failures_per_minute) == (2 * 1024 * 1024, 240, 12)
    assert policy.timeout == 60


def test_hosts_and_origins_are_read_from_lists_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_HTTP_ALLOWED_HOSTS", " Memory.example.org, [2001:db8::1]:8443 ,")
    monkeypatch.setenv("MCP_MEMORY_HTTP_ALLOWED_ORIGINS", "https://app.example.org,http://localhost:3000")
    policy = Policy.of(load_settings())
    assert policy.hosts == {Authority("memory.example.org"), Authority("2001:db8::1", 8443), Authority("127.0.0.1")}
    assert policy.origins == {Origin("https", "app.example.org", 443), Origin("http", "localhost", 3000)}


@pytest.mark.parametrize("host", ["*", "*.example.org", "https://a.example", "a.example/x", "a b"])
def test_a_host_that_is_none_is_refused_by_its_name(host: str) -> None:
    with pytest.raises(SettingsError, match=r"MCP_MEMORY_HTTP_ALLOWED_HOSTS names .* which is no host"):
        Policy.of(load_settings(http_allowed_hosts=host))


@pytest.mark.parametrize("origin", ["*", "null", "a.example", "https://a.example/app"])
def test_an_origin_that_is_none_is_refused_by_its_name(origin: str) -> None:
    with pytest.raises(SettingsError, match=r"MCP_MEMORY_HTTP_ALLOWED_ORIGINS names .* which is no origin"):
        Policy.of(load_settings(http_allowed_origins=origin))


def test_the_address_served_on_may_be_named_as_host_but_the_one_for_all_addresses_may_not() -> None:
    assert Policy.of(load_settings(http_host="192.168.1.5")).serves(Authority("192.168.1.5", 61_001))
    assert Policy.of(load_settings(http_host="fd00::5")).serves(Authority("fd00::5", 61_001))
    assert not Policy.of(load_settings(http_host="0.0.0.0")).serves(Authority("0.0.0.0"))
    assert not Policy.of(load_settings(http_host="::")).serves(Authority("::"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.9"])
def test_serving_this_machine_alone_needs_no_key(host: str) -> None:
    check_bind(host, has_keys=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "memory.example.org", "", "2001:db8::1"])
def test_serving_others_without_a_key_does_not_start_and_says_how_to_make_one(host: str) -> None:
    with pytest.raises(SettingsError, match="mcp-memory keys create NAME"):
        check_bind(host, has_keys=False)
    check_bind(host, has_keys=True)


def test_a_name_for_a_reverse_proxy_without_a_key_does_not_start_either() -> None:
    with pytest.raises(SettingsError, match=r"Serving as memory\.example\.org"):
        check_bind("127.0.0.1", has_keys=False, allowed_hosts="localhost, memory.example.org")
    check_bind("127.0.0.1", has_keys=False, allowed_hosts="localhost")
    check_bind("127.0.0.1", has_keys=True, allowed_hosts="memory.example.org")


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PORT", "70000"), ("HTTP_BODY_MB", "0"), ("HTTP_TIMEOUT", "0"), ("HTTP_TIMEOUT", "inf"),
     ("HTTP_RATE_PER_MINUTE", "-1"), ("HTTP_AUTH_FAILURES_PER_MINUTE", "0"), ("HTTP_HOST", "")],
)  # fmt: skip
def test_a_limit_that_is_none_is_refused_by_its_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"MCP_MEMORY_{name}", value)
    with pytest.raises(SettingsError, match=f"MCP_MEMORY_{name}"):
        load_settings()
