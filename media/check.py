"""What a file is, by its content, and whether it may be kept.

Names and declared types are the sender's words; the first bytes are what a viewer will act on.
"""

from __future__ import annotations

import struct
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.errors import InputError
from core.settings import IntakeSettings

HEAD_BYTES = 256
"""Enough for every signature here: an ``ftyp`` box with 60 brands, a WebM header."""
MAX_PIXELS = 2 * 89_478_485
"""Pillow refuses more (a 24-bit picture of 512 MB once decoded); a 108-megapixel phone passes."""

_PHOTO_BRANDS = {
    **dict.fromkeys(("heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"), "image/heic"),
    **dict.fromkeys(("mif1", "msf1"), "image/heif"),
    **dict.fromkeys(("avif", "avis"), "image/avif"),
}
_VIDEO_BRANDS = {
    **dict.fromkeys(("isom", "mp41", "mp42", "avc1", "dash", "MSNV", "M4V ", "M4VH"), "video/mp4"),
    **dict.fromkeys((f"iso{n}" for n in range(2, 10)), "video/mp4"),
    "qt  ": "video/quicktime",
}
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide")
KINDS = "JPEG, PNG, WebP, GIF, HEIC, HEIF, AVIF, MP4, MOV, 3GP, WebM, MKV, AVI"

_PARSER = threading.Lock()
"""One header at a time: the parsers are native code, and muting Pillow's warning is global."""
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
)
"""What Pillow and its plugins raise on hostile input; see its fuzzers' list of known errors."""


@dataclass(frozen=True)
class Limits:
    """How much a report may carry. ``max_photo_bytes`` and ``max_video_bytes`` are a file's."""

    max_files: int
    max_photo_bytes: int
    max_video_bytes: int

    @classmethod
    def of(cls, settings: IntakeSettings) -> Limits:
        """The limits of the settings."""
        return cls(settings.max_files, settings.max_photo_bytes, settings.max_video_bytes)

    def of_kind(self, media_type: str) -> int:
        """Bytes that a file of this media type may have."""
        return self.max_photo_bytes if is_photo(media_type) else self.max_video_bytes


def is_photo(media_type: str) -> bool:
    """Whether a media type of ``kind_of`` is that of a photo."""
    return media_type.startswith("image/")


def is_video(media_type: str) -> bool:
    """Whether a media type of ``kind_of`` is that of a video."""
    return media_type.startswith("video/")


def kind_of(head: bytes) -> str | None:
    """Media type by the first ``HEAD_BYTES`` bytes, ``None`` for what is no photo and no video.

    Signatures: JPEG (ITU T.81), PNG (ISO 15948), GIF89a, RIFF containers, ISO base media
    (ISO 14496-12, brands registered at mp4ra.org), EBML (RFC 8794).
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF"):
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(head[8:12])
    if head.startswith(b"\x1aE\xdf\xa3"):
        start = head[:64]
        if b"webm" in start:
            return "video/webm"
        return "video/x-matroska" if b"matroska" in start else None
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    return "video/quicktime" if head[4:8] in _OLD_QUICKTIME else None


def need_kind(name: str, head: bytes) -> str:
    """Media type of a file; raises InputError for what is neither photo nor video."""
    found = kind_of(head)
    if found is None:
        raise InputError(
            f"file {name!r}: its content is no photo and no video that is taken; "
            f"send it as one of {KINDS}"
        )
    return found


def too_large(name: str, media_type: str, size_bytes: int, limits: Limits) -> str | None:
    """What to tell the sender of a file over its limit, ``None`` within it."""
    limit = limits.of_kind(media_type)
    if size_bytes <= limit:
        return None
    what, remedy = (
        ("photo", "send it in a lower resolution")
        if is_photo(media_type)
        else ("video", "cut it shorter or send it in a lower resolution")
    )
    return (
        f"file {name!r}: this {what} has {size_bytes} bytes, the limit for a {what} is "
        f"{limit} bytes ({limit / 1e6:g} MB); {remedy}"
    )


def too_many(count: int, limits: Limits) -> str | None:
    """What to tell the sender of too many files, ``None`` within the limit."""
    if count <= limits.max_files:
        return None
    return (
        f"{count} files were sent, at most {limits.max_files} are taken with one report; "
        "send the rest with a further report under an id of its own"
    )


def check_photo(name: str, path: Path) -> None:
    """Read a photo's headers; raises InputError when they are broken or ask for a bomb.

    Pixels are not decoded: a photo that was cut off on its way is still evidence.
    """
    from PIL import Image

    open_heif()
    try:
        with _PARSER, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
                image.verify()
    except Image.DecompressionBombError as error:
        raise InputError(_bomb(name)) from error
    except _BROKEN as error:
        raise InputError(
            f"file {name!r}: the photo is damaged and cannot be opened; take or export it again"
        ) from error
    if width * height > MAX_PIXELS:
        raise InputError(_bomb(name))


def _bomb(name: str) -> str:
    return (
        f"file {name!r}: the photo has more than {MAX_PIXELS // 1_000_000} megapixels; "
        "send it in a lower resolution"
    )


def _by_brands(head: bytes) -> str | None:
    """The major brand decides; one that is unknown leaves it to the compatible brands."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12]] + [head[at : at + 4] for at in range(16, size - 3, 4)]
    names = [brand.decode("latin-1") for brand in brands]
    for name in names:
        if name == "M4A ":
            return None
        if name in ("mif1", "msf1"):  # the general brand: a codec's own brand may follow
            specific = [_PHOTO_BRANDS[n] for n in names if n in _PHOTO_BRANDS]
            return next((kind for kind in specific if kind != "image/heif"), "image/heif")
        found = _PHOTO_BRANDS.get(name) or _VIDEO_BRANDS.get(name)
        if found:
            return found
        if name.startswith("3gp"):
            return "video/3gpp"
        if name.startswith("3g2"):
            return "video/3gpp2"
    return None


@lru_cache(maxsize=1)
def open_heif() -> None:
    """Teach Pillow HEIC, HEIF and AVIF, once a process."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
