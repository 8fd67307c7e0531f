"""Reader of the public preview pages of Telegram channels: no account, no sign-in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from core.coverage import Gap
from core.errors import SourceError
from core.records import RawPost, Source
from crawlers.found import Found
from crawlers.recent import gone_since
from crawlers.telegram_page import PARSER, Message, parse_message, parse_page
from crawlers.web import Answer, Ask, Pass, Step, host_of

FIRST_PAGES = 2
"""A new source brings its last two pages, about 40 messages: enough context, no flood of old."""
MAX_PAGES = 20
"""About 400 messages after an outage; what lies between is reported as a gap, filled next time."""
_CHANNEL = re.compile(r"@?([A-Za-z][A-Za-z0-9_]{3,63})")


def preview_url(source: Source) -> str:
    """Address of a channel's preview page; raises SourceError.

    ``source.address`` is the channel's name, ``@name``, or the address of its page.
    """
    text = source.address.strip()
    name = _CHANNEL.fullmatch(text)
    if name:
        return f"https://t.me/s/{name[1]}"
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    channel = parts.path.strip("/").removeprefix("s/") if host else ""
    if not host or parts.scheme not in ("http", "https") or not _CHANNEL.fullmatch(channel):
        raise SourceError(
            f"source {source.name!r}: {text!r} is no address of a public channel; give its name, "
            "or https://t.me/s/NAME"
        )
    return f"{parts.scheme}://{parts.netloc}/s/{channel}"


class TelegramPreviewReader:
    """Pages back from the newest message to the last one that was read."""

    def hosts(self, source: Source) -> frozenset[str]:
        """See WebReader."""
        return frozenset({host_of(preview_url(source), source)})

    def start(self, source: Source, progress: Mapping[str, object]) -> tuple[Ask, ...]:
        """See WebReader."""
        return (Ask(preview_url(source), conditional=True),)

    def read(self, turn: Pass, answer: Answer) -> Step:
        """A page's messages, then the page before while the last pass is not reached."""
        if answer.media_type not in ("text/html", "application/xhtml+xml"):
            raise SourceError(f"{answer.url} is no page but {answer.media_type}")
        kept = turn.progress.get("looks")
        looks: dict[str, str] = dict(kept) if isinstance(kept, dict) else {}
        page = parse_page(answer.body, answer.encoding, answer.url, looks)
        turn.pages += 1
        turn.skipped += page.skipped
        shown = {int(name.rpartition("/")[2]): name for name in page.digests}
        before = advance(turn, list(shown), page.before, answer)
        media_type = f"text/html; charset={answer.encoding}"
        found = tuple(_found(message, media_type) for message in page.messages)
        gone: tuple[str, ...] = ()
        if turn.pages == 1:
            gone = gone_since(turn.progress, shown, unreadable=page.skipped > 0)
            turn.progress["looks"] = dict(page.digests)
        asks = () if before is None else (Ask(f"{preview_url(turn.source)}?before={before}"),)
        return Step(found, asks, gone, known=len(page.unchanged))

    def again(self, raw: RawPost, source: Source, posted_at: datetime) -> Found | None:
        """See WebReader."""
        encoding = raw.media_type.rpartition("charset=")[2] or "utf-8"
        message = parse_message(raw.payload, encoding, raw.url or preview_url(source))
        return None if message is None else _found(message, raw.media_type)


def _found(message: Message, media_type: str) -> Found:
    return Found(
        native_id=message.native_id,
        text=message.text,
        posted_at=message.posted_at,
        payload=message.payload,
        media_type=media_type,
        parser=PARSER,
        url=message.url,
        forwarded_from=message.forwarded_from,
        reply_to=message.reply_to,
        media=message.media,
        attachments=message.attachments,
        lat=message.lat,
        lon=message.lon,
        extra={"views": message.views, "edited": message.edited},
    )


def advance(turn: Pass, numbers: Sequence[int], before: int | None, answer: Answer) -> int | None:
    """Note how far a pass has come; the number before which to go on, ``None`` at its end."""
    lowest: int | None = turn.state.get("lowest")
    if numbers:
        turn.state["lowest"] = min(numbers) if lowest is None else min(lowest, *numbers)
        newest = max(*numbers, int(turn.newest or 0))
        turn.newest = str(max(newest, int(turn.last_id or 0)))
    if before is None or before <= 1:
        return None
    if lowest is not None and before >= lowest:
        raise SourceError("older pages lead in a circle; the page's structure has changed")
    since = None if turn.last_id is None else int(turn.last_id)
    if since is None:
        return before if turn.pages < FIRST_PAGES else None
    if before <= since + 1:
        return None
    if turn.pages >= MAX_PAGES:
        missing = before - 1 - since
        turn.gaps.append(
            Gap(
                first=str(since + 1),
                last=str(before - 1),
                found_at=answer.at,
                why=f"more than {MAX_PAGES} pages were new at once",
                missing=missing,
            )
        )
        return None
    return before
