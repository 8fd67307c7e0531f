"""Which reader reads which kind of web source."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from core.errors import SourceError
from core.records import Source
from core.settings import Settings
from crawlers.web import Kind, WebReader

WEB_KINDS = (
    Kind.TELEGRAM_PREVIEW,
    Kind.VK,
    Kind.INSTAGRAM,
    Kind.THREADS,
    Kind.FEED,
    Kind.SITEMAP,
    Kind.SITE,
)
FILE_KINDS = (Kind.RECORDED, Kind.TELEGRAM_EXPORT)
KINDS = (*WEB_KINDS, Kind.TELEGRAM, *FILE_KINDS)


class Readers:
    """Makes each kind's reader when it is first needed; tokens are looked up then."""

    def __init__(self, settings: Settings) -> None:
        self._made: Callable[[str, str | None], WebReader] = cache(
            lambda kind, token: _make(kind, token, settings)
        )

    def of(self, source: Source) -> WebReader:
        """The reader of a web source; raises SourceError, or SettingsError for a missing token."""
        need_kind(source)
        return self._made(source.kind, source.token)


def need_kind(source: Source) -> None:
    """Raises SourceError for a kind that there is not."""
    if source.kind not in KINDS:
        raise SourceError(
            f"source {source.name!r} is of the unknown kind {source.kind!r}; "
            f"the kinds are {', '.join(KINDS)}"
        )


def _make(kind: str, token: str | None, settings: Settings) -> WebReader:
    if kind == Kind.VK:
        from crawlers.vk import VkReader

        return VkReader.of(settings, token)
    if kind == Kind.INSTAGRAM:
        from crawlers.instagram import InstagramReader

        return InstagramReader.of(settings, token)
    if kind == Kind.THREADS:
        from crawlers.threads import ThreadsReader

        return ThreadsReader.of(settings, token)
    if kind == Kind.FEED:
        from crawlers.feed import FeedReader

        return FeedReader()
    if kind == Kind.SITEMAP:
        from crawlers.sitemap import SitemapReader

        return SitemapReader()
    if kind == Kind.SITE:
        from crawlers.site import SiteReader

        return SiteReader()
    from crawlers.telegram_preview import TelegramPreviewReader

    return TelegramPreviewReader()
