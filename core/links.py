"""Addresses of posts: which name a person, and what is kept of those.

An address such as ``https://threads.net/@name/post/1`` says who wrote it. Of these a keyed
pseudonym is kept, by which replies and forwards still find the post, and the address itself sealed.
An address that names a channel, a community or nobody stays as it is, so that it can be opened.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, parse_qsl, urlsplit

from core.ids import pseudonym
from core.sealing import seal

PSEUDONYM = "link:"
NAME = "name:"
_NEVER = re.compile(r"(?!)")
_VK = re.compile(r"(wall|photo|video|clip|topic)-\d+[\w-]*")
_TELEGRAM = re.compile(r"(s/|c/)?\w+/\d+(/\d+)?")
_THREADS = re.compile(r"t/[\w-]+")
_X = re.compile(r"i/(web/)?status/\d+")
_FACEBOOK = re.compile(r"groups/[\w.-]+/(posts|permalink)/\d+|watch")
_NOBODY = {
    "t.me": _TELEGRAM,
    "telegram.me": _TELEGRAM,
    "vk.com": _VK,
    "vk.ru": _VK,
    "instagram.com": re.compile(r"(p|reel|tv)/[\w-]+"),
    "threads.net": _THREADS,
    "threads.com": _THREADS,
    "facebook.com": _FACEBOOK,
    "x.com": _X,
    "twitter.com": _X,
    "ok.ru": re.compile(r"group/\d+/topic/\d+|video/\d+"),
    "youtube.com": re.compile(r"watch|shorts/[\w-]+"),
    "youtu.be": re.compile(r"[\w-]+"),
    "tiktok.com": _NEVER,
}
"""Paths of platforms that name no person; every other address there is taken for a person's."""
_PERSON = frozenset(
    (
        "user",
        "users",
        "u",
        "profile",
        "profiles",
        "author",
        "authors",
        "member",
        "members",
        "people",
    )
)
_KEPT = re.compile(rf"({PSEUDONYM}|{NAME})[0-9a-f]{{24}}")
_OF_CHANNEL = re.compile(r"(c/)?[A-Za-z0-9_]+/\d+(/\d+)?|wall-\d+_\d+|\d{6,}")
"""How the platforms that we read name a post of a channel, a community, or one by number alone."""
_NUMBERED = re.compile(r"id\d+")
_PERSON_KEYS = _PERSON | {"from_id", "uid", "user_id", "username", "owner_id"}
MIN_HANDLE_CHARS = 3


def carries_handle(url: str, channels: Collection[str] = (), author: str | None = None) -> bool:
    """Whether an address names a person; one that cannot be read counts as if it did.

    ``channels``: names of the source itself, which are shown anyway. ``author``: the handle.
    """
    try:
        address = urlsplit(url)
    except ValueError:
        return True
    if address.scheme not in ("http", "https") or address.username is not None:
        return True
    own = {name.casefold() for name in channels if name}
    segments = [part.casefold() for part in address.path.split("/") if part]
    if _names(author, address, segments, own):
        return True
    first = segments[1] if segments[:1] == ["s"] and len(segments) > 1 else "".join(segments[:1])
    if first.lstrip("@") in own:
        return False
    if any(key.casefold() in _PERSON_KEYS for key, _ in parse_qsl(address.query)):
        return True
    host = (address.hostname or "").removeprefix("www.").removeprefix("m.")
    if host in _NOBODY:
        return _NOBODY[host].fullmatch(address.path.strip("/")) is None
    return any(
        part[0] in "@~"
        or _NUMBERED.fullmatch(part) is not None
        or (part in _PERSON and number + 1 < len(segments))
        for number, part in enumerate(segments)
    )


def channels_of(source: str, address: str = "") -> frozenset[str]:
    """Names by which a source's own addresses call it: its name's and its address's last part."""
    last = address.rstrip("/").rpartition("/")[2].removeprefix("@")
    return frozenset({source.rpartition(":")[2], last} - {""})


def kept_link(
    url: str | None,
    *,
    key: bytes,
    place: str,
    channels: Collection[str] = (),
    author: str | None = None,
) -> tuple[str | None, str | None]:
    """What is kept of an address in the open, and sealed (``None``: it is open anyway).

    ``place``: the id of the post, which is needed again to open the seal.
    """
    if url is None or not carries_handle(url, channels, author):
        return url, None
    return PSEUDONYM + pseudonym(url, key), seal(url, key, place)


def opening(url: str | None) -> str | None:
    """The address as a link that a person may follow; ``None`` for a pseudonym."""
    return url if url is not None and url.startswith(("http://", "https://")) else None


def kept_reference(reference: str | None, key: bytes, channels: Collection[str]) -> str | None:
    """A reply's or forward's reference, as the post that it names is called in the store."""
    if opening(reference) is None:
        return reference
    return kept_link(reference, key=key, place="", channels=channels)[0]


def kept_origin(
    reference: str | None, key: bytes, channels: Collection[str], *, platform: bool
) -> str | None:
    """What is kept of whom or what a post forwards: a person's name or handle as a pseudonym.

    ``platform``: it was read from a platform, whose references to posts have known forms;
    anything else there may be a name. In the input contract it is an id, of any form: there what
    looks like a name (words, letters alone, an @) becomes a pseudonym.
    """
    if reference is None or opening(reference) is not None or _KEPT.fullmatch(reference):
        return kept_reference(reference, key, channels)
    if reference in channels:
        return reference
    if reference.startswith((PSEUDONYM, NAME)):  # as we write them, but not ours
        return NAME + pseudonym(reference, key)
    known = _OF_CHANNEL.fullmatch(reference) is not None if platform else not _a_name(reference)
    return reference if known else NAME + pseudonym(reference, key)


def _a_name(text: str) -> bool:
    letters = re.sub("[-'’.]", "", text)
    return (
        any(c.isspace() or c == "@" for c in text)
        or (letters.isalpha() and not letters.isascii())
        or (len(letters) >= MIN_HANDLE_CHARS and letters.isalpha() and letters.istitle())
    )


def _names(author: str | None, address: SplitResult, segments: list[str], own: set[str]) -> bool:
    """Whether the author's own handle stands in the address."""
    handle = (author or "").rpartition(":")[2].removeprefix("@").casefold()
    if len(handle) < MIN_HANDLE_CHARS or handle in own:
        return False
    parts = [part.lstrip("@~") for part in segments]
    parts += (address.hostname or "").split(".")
    parts += [value.casefold() for _, value in parse_qsl(address.query)]
    return handle in parts
