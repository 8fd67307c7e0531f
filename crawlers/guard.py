"""Where requests may go: http and https, the hosts of the configured sources, public addresses.

An address is checked twice: as it stands in a link or redirect, and after DNS, on the very
address that is connected to, so that a name cannot be bound anew in between.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.error import DNSLookupError

from core.errors import SourceError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from twisted.internet.defer import Deferred


def is_public(address: str) -> bool:
    """Whether an IP address can be reached from anywhere: not private, loopback, link-local."""
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        found = mapped
    return found.is_global and not found.is_multicast


def check_url(url: str, hosts: Collection[str], *, allow_private: bool) -> None:
    """Raises SourceError, with the reason, for an address that must not be asked.

    ``hosts``: names that may be asked; one that begins with a dot stands for its subdomains too.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        _ = parts.port
    except ValueError as error:
        raise SourceError("the address cannot be read; correct it in the sources file") from error
    if parts.scheme not in ("http", "https"):
        raise SourceError(f"{parts.scheme or 'no'} scheme: only http and https are asked")
    if parts.username is not None or parts.password is not None:
        raise SourceError("the address carries a user name; only public pages are read")
    if host not in hosts and not _below(host, hosts):
        raise SourceError(
            f"host {host!r} belongs to no configured source; if the channel has moved, give its "
            "new address in the sources file"
        )
    if allow_private:
        return
    try:
        public = is_public(host)
    except ValueError:
        return  # a name: judged after DNS
    if not public:
        raise SourceError(f"{host} is a private address; only public ones are asked")


def _below(host: str, hosts: Collection[str]) -> bool:
    parts = host.split(".")
    return any("." + ".".join(parts[start:]) in hosts for start in range(len(parts)))


class GuardMiddleware:
    """Stops every request, redirects too, that leads anywhere else."""

    def __init__(self, hosts: Collection[str], allow_private: bool) -> None:
        self._hosts = hosts
        self._allow_private = allow_private

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> GuardMiddleware:
        """Reads OQIGA_HOSTS and OQIGA_ALLOW_PRIVATE of the crawl's settings."""
        settings = crawler.settings
        return cls(frozenset(settings["OQIGA_HOSTS"]), settings.getbool("OQIGA_ALLOW_PRIVATE"))

    def process_request(self, request: Request) -> None:
        """Raises IgnoreRequest for an address that must not be asked."""
        try:
            check_url(request.url, self._hosts, allow_private=self._allow_private)
        except SourceError as error:
            raise IgnoreRequest(str(error)) from error


class GuardedResolver(CachingThreadedResolver):
    """Refuses names that lead to private addresses."""

    def __init__(self, reactor: Any, *, timeout_s: float, allow_private: bool) -> None:
        super().__init__(reactor, 0, timeout_s)  # no cache of its own: what is checked is used
        self._allow_private = allow_private

    def getHostByName(self, name: str, timeout: Any = ()) -> Deferred[str]:
        """The IPv4 address of a name, or a failure with DNSLookupError."""
        found: Deferred[str] = super().getHostByName(name, timeout)
        return found.addCallback(self._checked, name)

    def _checked(self, address: str, name: str) -> str:
        if not self._allow_private and not is_public(address):
            raise DNSLookupError(f"{name} leads to a private address; only public ones are asked")
        return address
