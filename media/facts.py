"""What is known of a photo or video by decoding it: size, length, hashes, time and place inside."""

from __future__ import annotations

from core.records import Latitude, Longitude, Record, UtcDatetime

HASH_BITS = 64
NEAR_BITS = 10
"""Two photos this near are most probably one: of 64 bits, 10 or fewer differ. Measured on photos of
our own scaled to a third and saved at quality 40: at most 6 bits; between different ones: 18 up."""


class MediaFacts(Record):
    """Facts of one content. ``digest`` is the SHA-256 of the file.

    ``hashes``: perceptual hashes in hex, one of a photo, one a key frame of a video, in order.
    ``taken_at``: where the file says it with an offset; ``taken_local``: as the camera's clock
    stood, ISO 8601 without an offset. ``problem``: why it could not be decoded.
    """

    digest: str
    media_type: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    length_s: float | None = None
    hashes: tuple[str, ...] = ()
    taken_at: UtcDatetime | None = None
    taken_local: str | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    problem: str | None = None


def differing_bits(left: str, right: str) -> int:
    """Bits in which two perceptual hashes differ, 0 to 64; raises ValueError for what is none."""
    return (int(left, 16) ^ int(right, 16)).bit_count()


def look_alike(left: MediaFacts, right: MediaFacts) -> bool:
    """Whether any frame of the one is any frame of the other, to the eye."""
    return any(differing_bits(a, b) <= NEAR_BITS for a in left.hashes for b in right.hashes)
