"""What a file is and whether it may be kept."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from media.check import HEAD_BYTES, Limits, check_photo, kind_of, need_kind, too_large, too_many

LIMITS = Limits(max_files=5, max_photo_bytes=10_000_000, max_video_bytes=100_000_000)
KINDS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
}


@pytest.mark.parametrize(("encoder", "media_type"), KINDS.items())
def test_photos_by_their_content(
    photo: Callable[..., bytes], tmp_path: Path, encoder: str, media_type: str
) -> None:
    data = photo(encoder)
    assert kind_of(data[:HEAD_BYTES]) == media_type
    path = tmp_path / "named.txt"
    path.write_bytes(data)
    check_photo("named.txt", path)


@pytest.mark.parametrize(
    ("brands", "media_type"),
    [
        (("isom", "iso2", "mp41"), "video/mp4"),
        (("mp42", "isom"), "video/mp4"),
        (("qt  ",), "video/quicktime"),
        (("3gp5", "isom"), "video/3gpp"),
        (("3g2a",), "video/3gpp2"),
        (("heic", "mif1"), "image/heic"),
        (("mif1", "heic"), "image/heic"),  # Samsung writes the general brand first
        (("mif1", "avif"), "image/avif"),
        (("mif1", "miaf"), "image/heif"),
        (("XYZW", "isom"), "video/mp4"),  # a camera's own brand
        (("M4A ", "isom"), None),  # sound alone
        (("XYZW",), None),
    ],
)
def test_boxes_by_their_brands(
    box_file: Callable[..., bytes], brands: tuple[str, ...], media_type: str | None
) -> None:
    assert kind_of(box_file(*brands)[:HEAD_BYTES]) == media_type


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"\0\0\0\x08wide\0\0\1\0mdat", "video/quicktime"),
        (b"%PDF-1.7", None),
        (b"MZ\x90\0", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"", None),
    ],
)
def test_other_beginnings(head: bytes, media_type: str | None) -> None:
    assert kind_of(head) == media_type


def test_a_program_named_as_a_photo_is_refused_with_what_is_taken() -> None:
    with pytest.raises(InputError, match=r"'foto\.jpg': its content is no photo.*JPEG, PNG"):
        need_kind("foto.jpg", b"MZ\x90\0")


def test_limits_say_which_file_how_large_and_what_to_do() -> None:
    assert too_large("a.heic", "image/heic", 10_000_000, LIMITS) is None
    text = too_large("a.heic", "image/heic", 10_000_001, LIMITS)
    assert text is not None
    assert "'a.heic'" in text
    assert "10000001 bytes" in text
    assert "10 MB" in text
    assert "lower resolution" in text
    assert too_large("v.mp4", "video/mp4", 100_000_000, LIMITS) is None
    assert "cut it shorter" in str(too_large("v.mp4", "video/mp4", 100_000_001, LIMITS))
    assert too_many(5, LIMITS) is None
    assert "6 files" in str(too_many(6, LIMITS))


def _png_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_of(60_000, 60_000))
    with pytest.raises(InputError, match="megapixels"):
        check_photo("bomb.png", path)


def test_a_photo_of_108_megapixels_is_taken(tmp_path: Path) -> None:
    # Common phones take them; Pillow warns from 89 megapixels on, and a warning is no refusal.
    path = tmp_path / "large.png"
    path.write_bytes(_png_of(12_000, 9_000))
    check_photo("large.png", path)


@pytest.mark.parametrize("encoder", KINDS)
def test_damaged_photos_are_refused_or_taken_and_never_crash(
    photo: Callable[..., bytes], tmp_path: Path, encoder: str
) -> None:
    data = photo(encoder)
    rng = random.Random(102)
    problems = []
    for _ in range(60):
        broken = bytearray(data[: rng.randrange(1, len(data))])
        for _ in range(rng.randrange(8)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path = tmp_path / "broken"
        path.write_bytes(broken)
        try:
            check_photo("broken", path)
        except InputError as error:
            problems.append(str(error))
    assert problems
    assert all("damaged" in text or "megapixels" in text for text in problems)


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_bytes_have_a_kind_or_none(data: bytes) -> None:
    assert kind_of(data) is None or "/" in str(kind_of(data))
