"""Facts of photos and videos from a process that may die of them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.settings import MediaSettings
from media.describing import Decoder, Describer
from media.facts import MediaFacts, differing_bits, look_alike
from media.files import FACTS, THUMBNAIL, Draft, MediaFiles, Shelf

SIZE = (640, 480)


def scene(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture with structure, the same for a seed at any size."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90, exif: Image.Exif | None = None) -> bytes:
    """Its bytes as JPEG."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, **({} if exif is None else {"exif": exif}))
    return file.getvalue()


def video(path: Path, seeds: tuple[int, ...], **metadata: str) -> bytes:
    """A video that shows each scene for a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.gop_size = 5
        container.metadata.update(metadata)
        for seed in seeds:
            picture = scene(seed, (320, 240))
            for _ in range(10):
                container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(MediaSettings()) as decoder:
        yield decoder


def facts_of(decoder: Decoder, folder: Path, data: bytes) -> MediaFacts:
    """Facts of these bytes; the thumbnail lies beside them."""
    path = folder / "content"
    path.write_bytes(data)
    return decoder.describe(path, "0" * 64, folder / "thumb")


def test_a_photo_with_time_and_place(decoder: Decoder, tmp_path: Path) -> None:
    exif = Image.Exif()
    inner = exif.get_ifd(0x8769)
    inner[36867], inner[36881] = "2026:03:20 19:05:00", "+05:00"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (43.0, 15.0, 0.0), "E", (76.0, 57.0, 0.0)
    facts = facts_of(decoder, tmp_path, jpeg(scene(1), exif=exif))
    assert (facts.media_type, facts.width, facts.height) == ("image/jpeg", 640, 480)
    assert facts.taken_local == "2026-03-20T19:05:00"
    assert facts.taken_at is not None
    assert facts.taken_at.isoformat() == "2026-03-20T14:05:00+00:00"
    assert (facts.lat, facts.lon) == (43.25, 76.95)
    with Image.open(tmp_path / "thumb") as thumb:
        assert max(thumb.size) == 320


def test_the_same_picture_is_known_again_and_others_are_not(
    decoder: Decoder, tmp_path: Path
) -> None:
    whole = facts_of(decoder, tmp_path, jpeg(scene(1)))
    small = facts_of(decoder, tmp_path, jpeg(scene(1).resize((210, 160)), quality=40))
    others = [facts_of(decoder, tmp_path, jpeg(scene(n))) for n in range(2, 12)]
    assert differing_bits(whole.hashes[0], small.hashes[0]) <= 6
    assert look_alike(whole, small)
    assert not any(look_alike(whole, other) for other in others)


def test_a_video_has_length_key_frames_time_and_place(decoder: Decoder, tmp_path: Path) -> None:
    data = video(
        tmp_path / "v.mp4",
        (1, 2, 3),
        creation_time="2026-03-20T14:05:00Z",
        location="+43.2500+076.9500/",
    )
    facts = facts_of(decoder, tmp_path, data)
    assert facts.problem is None
    assert facts.length_s == pytest.approx(3.0, abs=0.2)
    assert len(facts.hashes) >= 3
    still = facts_of(decoder, tmp_path, jpeg(scene(2, (320, 240))))
    assert look_alike(facts, still), "a frame of the video is known again as a photo"
    assert facts.taken_at is not None
    assert (facts.lat, facts.lon) == (43.25, 76.95)
    assert (tmp_path / "thumb").stat().st_size > 500


def _png(width: int, height: int) -> bytes:
    """A PNG that says it is that large; its data are a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 10_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_hostile_files_become_a_problem_and_kill_nothing(decoder: Decoder, tmp_path: Path) -> None:
    good = video(tmp_path / "v.mp4", (1,))
    hostile = {
        "bomb": _png(60_000, 60_000),
        "cut video": good[: len(good) // 3],
        "no video at all": good[:40] + b"\xff" * 5_000,
        "broken photo": jpeg(scene(1))[:300],
        "unknown": b"#!/bin/sh\necho\n",
    }
    for name, data in hostile.items():
        facts = facts_of(decoder, tmp_path, data)
        assert facts.problem is not None, name
        assert facts.hashes == ()
    assert facts_of(decoder, tmp_path, jpeg(scene(1))).problem is None, "it still works"


def test_memory_and_time_are_bounded(tmp_path: Path) -> None:
    with Decoder(MediaSettings(decode_s=0.0001)) as slow:
        facts = facts_of(slow, tmp_path, jpeg(scene(1, (2000, 2000))))
        assert "longer than is allowed" in (facts.problem or "")
    file = io.BytesIO()
    Image.new("RGB", (12_000, 12_000)).save(file, "PNG", compress_level=1)
    with Decoder(MediaSettings(decode_bytes=700_000_000)) as small:
        assert facts_of(small, tmp_path, file.getvalue()).problem is not None
        assert facts_of(small, tmp_path, jpeg(scene(1))).problem is None


def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with Decoder(MediaSettings()) as decoder:
        assert facts_of(decoder, tmp_path, jpeg(scene(1))).problem is None
        assert decoder._process is not None
        decoder._process.kill()
        decoder._process.wait()
        assert "ended the process" in (facts_of(decoder, tmp_path, jpeg(scene(1))).problem or "")
        assert facts_of(decoder, tmp_path, jpeg(scene(1))).problem is None


def _keep(files: MediaFiles, data: bytes, shelf: Shelf) -> Draft:
    writer = files.draft()
    writer.write(data)
    draft = writer.finish()
    files.keep(draft, shelf)
    return draft


def test_facts_lie_beside_the_content_and_go_with_it(decoder: Decoder, tmp_path: Path) -> None:
    files = MediaFiles(tmp_path / "media")
    kept = _keep(files, jpeg(scene(1)), Shelf.PENDING)
    broken = _keep(files, jpeg(scene(2))[:300], Shelf.SET_ASIDE)
    describer = Describer(files, decoder)
    assert describer.step() == 2
    assert describer.step() == 0
    path = files.path(kept.digest, Shelf.PENDING)
    assert path.with_name(path.name + THUMBNAIL).is_file()
    facts = MediaFacts.model_validate_json(files.facts(kept.digest) or b"")
    assert len(facts.hashes) == 1
    assert MediaFacts.model_validate_json(files.facts(broken.digest) or b"").problem is not None
    files.move(kept.digest, Shelf.PENDING, Shelf.CONFIDENTIAL)
    moved = files.path(kept.digest, Shelf.CONFIDENTIAL)
    assert moved.with_name(moved.name + FACTS).is_file()
    assert list(path.parent.iterdir()) == [], "nothing of it stays behind"
    files.remove(kept.digest, Shelf.CONFIDENTIAL)
    assert list(moved.parent.iterdir()) == []
    _keep(files, jpeg(scene(1)), Shelf.OPEN)
    files.remove(kept.digest, Shelf.OPEN)
    assert describer.step() == 1, "what was removed meanwhile waits no more"
    assert files.undescribed() == []
