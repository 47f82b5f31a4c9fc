"""Names of servers, as requests give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.rest.security.authority import Authority, neighbourhood, parse_authority, parse_origin
from mcp_memory.rest.security.policy import Policy

LOOPBACK = [
    "127.0.0.1:61001", "127.0.0.1", "localhost", "LocalHost:1", "localhost.:8080", "[::1]:61001", "[::1]",
    "[0:0:0:0:0:0:0:1]:80", "127.8.9.10:5",
]  # fmt: skip

FOREIGN = [
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost", "0.0.0.0:61001", "[::]",
    "2130706433", "0x7f.0.0.1", "127.1", "127.000.000.001", "[::ffff:127.0.0.1]", "192.168.1.5",
]  # fmt: skip

NONSENSE = [
    "", " ", ".", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:80:80", "127.0.0.1:+80", "127.0.0.1 ",
    "user@127.0.0.1", "127.0.0.1@evil.example", "127.0.0.1,evil.example", "127.0.0.1/..", "127.0.0.1?x", "127.0.0.1#x",
    "127.0.0.1\\evil.example", "::1", "[::1", "[::1%25eth0]", "[127.0.0.1]", "http://127.0.0.1", "local\thost",
    "localhost\0", "ⓛocalhost", "lo\u0441alhost", "*", "-localhost", "localhost..",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_served_under_every_spelling_of_its_loopback_names(host: str) -> None:
    authority = parse_authority(host)
    assert authority is not None
    assert Policy().serves(authority)


@pytest.mark.parametrize("host", FOREIGN)
def test_other_names_are_not_served_even_if_they_look_like_loopback(host: str) -> None:
    authority = parse_authority(host)
    assert authority is None or not Policy().serves(authority)


@pytest.mark.parametrize("host", NONSENSE)
def test_what_is_more_or_less_than_a_host_and_a_port_is_no_host(host: str) -> None:
    assert parse_authority(host) is None


def test_case_a_dot_at_the_end_and_the_spelling_of_ipv6_make_no_difference() -> None:
    assert parse_authority("Memory.Example.ORG.:8443") == Authority("memory.example.org", 8443)
    assert parse_authority("[2001:0DB8::0001]") == parse_authority("[2001:db8::1]") == Authority("2001:db8::1")


@given(st.text(max_size=60))
def test_any_text_is_a_plain_host_or_none(text: str) -> None:
    authority = parse_authority(text)
    if authority is not None:
        assert authority.name == authority.name.lower()
        assert not set(authority.name) & set("@/?#\\, \t\r\n[]")


@given(st.ip_addresses(), st.none() | st.integers(1, 65_535))
def test_every_address_is_read_as_itself(address: object, port: int | None) -> None:
    written = f"[{address}]" if ":" in str(address) else str(address)
    authority = parse_authority(written if port is None else f"{written}:{port}")
    assert authority == Authority(str(address), port)


def test_a_host_allowed_without_a_port_is_allowed_with_any_and_one_with_a_port_with_that_alone() -> None:
    policy = Policy(hosts=frozenset((Authority("a.example"), Authority("b.example", 8443))))
    served = [policy.serves(Authority(*one)) for one in (("a.example",), ("a.example", 1), ("b.example", 8443))]
    assert served == [True, True, True]
    assert not policy.serves(Authority("b.example"))
    assert not policy.serves(Authority("b.example", 443))
    assert not policy.serves(Authority("sub.a.example"))


@pytest.mark.parametrize(
    "origin",
    ["null", "", "file://", "http://", "https://a.example/path", "http://a@b.example", "ftp://a.example",
     "http://a.example http://b.example", "HTTP//a.example", "http://a.example:0", "chrome-extension://abc"],
)  # fmt: skip
def test_what_is_no_origin_of_a_web_page_is_none(origin: str) -> None:
    assert parse_origin(origin) is None


def test_an_origin_is_of_a_host_when_name_and_port_agree_with_the_schemes_own_port_left_out() -> None:
    def is_of(origin: str, host: str) -> bool:
        page, server = parse_origin(origin), parse_authority(host)
        assert page is not None
        assert server is not None
        return page.is_of(server)

    assert is_of("http://127.0.0.1:61001", "127.0.0.1:61001")
    assert is_of("https://memory.example.org", "memory.example.org")
    assert is_of("https://memory.example.org", "memory.example.org:443")
    assert not is_of("http://127.0.0.1:3000", "127.0.0.1:61001")
    assert not is_of("http://localhost:61001", "127.0.0.1:61001")
    assert not is_of("http://127.0.0.1", "127.0.0.1:61001")


def test_an_ipv6_caller_counts_as_its_whole_network_and_a_mapped_one_as_the_ipv4_it_is() -> None:
    assert neighbourhood("2001:db8:1:2:3:4:5:6") == neighbourhood("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert neighbourhood("::ffff:203.0.113.7") == neighbourhood("203.0.113.7") == "203.0.113.7"
