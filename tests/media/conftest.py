"""Photos and videos made on the spot: real encoders for photos, real boxes for videos."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pytest
from PIL import Image

Photo = Callable[..., bytes]


@pytest.fixture
def photo() -> Photo:
    def make(kind: str = "JPEG", size: tuple[int, int] = (64, 48), color: str = "gray") -> bytes:
        if kind == "HEIF":
            from pillow_heif import register_heif_opener

            register_heif_opener()
        file = io.BytesIO()
        Image.new("RGB", size, color).save(file, kind)
        return file.getvalue()

    return make


@pytest.fixture
def box_file() -> Callable[..., bytes]:
    """The first box of an ISO base media file: major brand and compatible brands."""

    def make(major: str, *compatible: str) -> bytes:
        body = major.encode() + b"\0\0\2\0" + b"".join(c.encode() for c in compatible)
        return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + b"\0" * 300

    return make
