"""The process that decodes strangers' photos and videos: ``python -m media.decoding``.

It reads one JSON object a line (``path``, ``media_type``, ``thumbnail``, ``frames``) and answers
with one. Its memory, its files and its time are bounded; whatever a hostile file does to it, only
it dies. It writes nothing but the thumbnail.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from media.check import MAX_PIXELS, is_photo

THUMBNAIL = 320
"""Longest side in pixels: a card in the queue."""
WORKING = 1024
"""JPEG is decoded at the smallest scale above this: hash and thumbnail need no more."""
MAX_THUMBNAIL_BYTES = 2_000_000
EXIF_IFD, GPS_IFD = 0x8769, 0x8825


def main() -> None:
    """Answer until the input ends."""
    bound(int(sys.argv[1]))
    warnings.simplefilter("ignore")
    _warm()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = describe(asked)
        except MemoryError:
            answer = {"problem": "decoding it takes more memory than is allowed"}
        except Exception as error:
            answer = {"problem": f"it cannot be decoded: {type(error).__name__}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def bound(memory_bytes: int) -> None:
    """Limit this process for good: address space, no core file, small files only."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_THUMBNAIL_BYTES, MAX_THUMBNAIL_BYTES))


def describe(asked: dict[str, Any]) -> dict[str, Any]:
    """Facts of one file."""
    path, thumbnail = Path(asked["path"]), Path(asked["thumbnail"])
    if is_photo(asked["media_type"]):
        return _photo(path, thumbnail)
    return _video(path, thumbnail, int(asked["frames"]))


def _photo(path: Path, thumbnail: Path) -> dict[str, Any]:
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            return {"width": width, "height": height, "problem": "it has too many pixels"}
        facts = {"width": width, "height": height, **_exif(image)}
        image.draft("RGB", (WORKING, WORKING))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    facts["hashes"] = [_hash(upright)]
    _save(upright, thumbnail)
    return facts


def _video(path: Path, thumbnail: Path, frames: int) -> dict[str, Any]:
    import av

    facts: dict[str, Any] = {}
    with av.open(str(path), mode="r", timeout=10.0) as container:
        streams = container.streams.video
        if not streams:
            return {"problem": "it has no picture"}
        stream = streams[0]
        context = stream.codec_context
        width, height = context.width, context.height
        if width * height > MAX_PIXELS:
            return {"width": width, "height": height, "problem": "it has too many pixels"}
        facts.update(width=width, height=height, **_tags(dict(container.metadata)))
        length_s = None if container.duration is None else container.duration / 1e6
        facts["length_s"] = length_s
        context.skip_frame = "NONKEY"
        hashes: list[str] = []
        for number in range(frames):
            if number and not length_s:
                break
            if number and length_s:
                container.seek(int(length_s * number / frames * 1e6))
            frame = next(container.decode(stream), None)
            if frame is None:
                break
            picture = frame.to_image()  # type: ignore[no-untyped-call]
            if not hashes:
                _save(picture, thumbnail)
            found = _hash(picture)
            if found not in hashes:
                hashes.append(found)
        facts["hashes"] = hashes
    return facts


def _hash(image: Any) -> str:
    import imagehash

    return str(imagehash.phash(image))


def _save(image: Any, path: Path) -> None:
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    small.convert("RGB").save(path, "JPEG", quality=80)


def _exif(image: Any) -> dict[str, Any]:
    """Time and place that the camera wrote (EXIF 2.32: tags 36867, 36881, GPS 1 to 4)."""
    exif = image.getexif()
    if not exif:
        return {}
    facts: dict[str, Any] = {}
    inner, gps = exif.get_ifd(EXIF_IFD), exif.get_ifd(GPS_IFD)
    written = str(inner.get(36867) or exif.get(306) or "").strip("\0 ")
    try:
        local = datetime.strptime(written, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - no zone in it
    except ValueError:
        local = None
    if local is not None and 1990 <= local.year <= 2100:
        facts["taken_local"] = local.isoformat()
        offset = str(inner.get(36881) or "").strip("\0 ")
        if offset:
            facts["taken_at"] = _aware(f"{local.isoformat()}{offset}")
    point = _degrees(gps.get(2), gps.get(1)), _degrees(gps.get(4), gps.get(3))
    return {**facts, **_place(*point)}


def _tags(metadata: dict[str, str]) -> dict[str, Any]:
    """Time and place of a video's container (QuickTime and 3GPP; ISO 6709)."""
    import re

    tags = {name.lower(): value for name, value in metadata.items()}
    facts: dict[str, Any] = {}
    created = tags.get("com.apple.quicktime.creationdate") or tags.get("creation_time") or ""
    time = _aware(created.strip())
    if time is not None:
        facts["taken_at"] = time
    where = tags.get("com.apple.quicktime.location.iso6709") or tags.get("location") or ""
    found = re.match(r"([+-]\d{1,2}\.?\d*)([+-]\d{1,3}\.?\d*)", where)
    return facts if not found else {**facts, **_place(float(found[1]), float(found[2]))}


def _aware(text: str) -> str | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None or not 1990 <= time.year <= 2100:
        return None
    return time.astimezone(UTC).isoformat()


def _degrees(parts: Any, side: Any) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    return -value if str(side).strip("\0 ") in ("S", "W") else value


def _place(lat: float | None, lon: float | None) -> dict[str, Any]:
    if lat is None or lon is None or not (abs(lat) <= 90 and abs(lon) <= 180) or lat == lon == 0:
        return {}
    return {"lat": lat, "lon": lon}


def _warm() -> None:
    """Load the libraries before the first file, so that its time is its own."""
    import av
    import imagehash
    from PIL import Image

    from media.check import open_heif

    open_heif()
    Image.init()
    imagehash.phash(Image.new("RGB", (8, 8)))
    av.logging.set_level(None)


if __name__ == "__main__":
    main()
