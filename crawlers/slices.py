"""The elements of an array in a JSON answer, each with its own bytes as they were served. Pure.

A raw payload is evidence: parsing and writing it again would change escapes, spaces and numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def json_text(body: bytes) -> str:
    """An answer's text; JSON between programs is UTF-8 (RFC 8259, 8.1). Raises ValueError."""
    return body.decode("utf-8-sig")


def elements(text: str, *path: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Objects of the array at ``path``, a key a level, with their bytes; none when it is absent.

    ``text``: valid JSON; raises ValueError otherwise. What is no object in the array is left out.
    """
    at: int | None = _skip(text, 0)
    for key in path:
        at = None if at is None else _value_of(text, at, key)
    if at is None or text[at] != "[":
        return
    at = _skip(text, at + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        if isinstance(value, dict):
            yield value, text[at:end].encode()
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _value_of(text: str, at: int, wanted: str) -> int | None:
    """Where the value of a key begins; of a key that stands twice the last counts, as in json."""
    if text[at] != "{":
        return None
    found: int | None = None
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, end) + 1)
        if key == wanted:
            found = at
        _, end = _DECODER.raw_decode(text, at)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
