"""Where requests may go."""

from __future__ import annotations

import pytest

from core.errors import SourceError
from crawlers.guard import check_url, is_public

HOSTS = {"t.me", "8.8.8.8", "127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:10.0.0.1"}


@pytest.mark.parametrize("url", ["https://t.me/s/x", "http://t.me:8080/s/x", "http://8.8.8.8/s/x"])
def test_public_addresses_of_sources_pass(url: str) -> None:
    check_url(url, HOSTS, allow_private=False)


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://127.0.0.1/s/x", "private"),
        ("http://10.0.0.7/s/x", "private"),
        ("http://169.254.169.254/latest/meta-data", "private"),
        ("http://[::1]/", "private"),
        ("http://[::ffff:10.0.0.1]/", "private"),
        ("https://t.me.example.org/s/x", "no configured source"),
        ("http://2130706433/", "no configured source"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://t.me/x", "scheme"),
        ("https://user:word@t.me/s/x", "user name"),
        ("https://t.me:99999/", "cannot be read"),
        ("https://[t.me/", "cannot be read"),
    ],
)
def test_all_else_is_refused_with_a_reason(url: str, word: str) -> None:
    with pytest.raises(SourceError, match=word):
        check_url(url, HOSTS, allow_private=False)


def test_private_addresses_pass_only_when_allowed() -> None:
    check_url("http://127.0.0.1:8000/s/x", HOSTS, allow_private=True)
    with pytest.raises(SourceError, match="no configured source"):
        check_url("http://192.168.0.1/", HOSTS, allow_private=True)


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        ("https://cdn4.telesco.pe/file/x.jpg", True),
        ("https://telesco.pe/file/x.jpg", True),
        ("https://a.b.telesco.pe/x", True),
        ("https://eviltelesco.pe/x", False),
        ("https://telesco.pe.example.org/x", False),
        ("http://10.0.0.1/x.jpg", False),
    ],
)
def test_a_leading_dot_stands_for_subdomains(url: str, passes: bool) -> None:
    if passes:
        check_url(url, {".telesco.pe"}, allow_private=False)
    else:
        with pytest.raises(SourceError):
            check_url(url, {".telesco.pe"}, allow_private=False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("149.154.167.99", True),
        ("2001:67c:4e8:f004::9", True),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("224.0.0.1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:192.168.1.1", False),
        ("::ffff:149.154.167.99", True),
    ],
)
def test_public_means_reachable_from_anywhere(address: str, public: bool) -> None:
    assert is_public(address) is public
