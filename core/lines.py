"""Reading JSON lines from anywhere in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO, TypeVar

from core.ids import digest
from core.inputs import MAX_KEPT, MAX_LINE_BYTES
from core.records import SetAside
from core.sealing import seal_aside

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """One line: its number from 1, its bytes without the newline, and its true size.

    ``served``: the line as its source had it, where ``data`` is not that any more. Of a line
    longer than ``MAX_LINE_BYTES`` only that many bytes plus one are held, so that whoever parses
    it sees that it is too long.
    """

    number: int
    data: bytes
    size_bytes: int
    served: bytes | None = None

    @property
    def origin(self) -> bytes:
        """The bytes as the source had them."""
        return self.data if self.served is None else self.served


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """The lines of a binary file that are not blank; memory stays bounded by one line's limit."""
    number = 0
    while head := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        size = len(head)
        tail = head
        while not tail.endswith(b"\n") and len(tail) == MAX_LINE_BYTES + 1:
            tail = file.readline(MAX_LINE_BYTES + 1)
            size += len(tail)
        if head.strip():
            data = head.rstrip(b"\r\n")
            yield Line(number, data, size if size > len(head) else len(data))


def refused(
    *,
    kind: str,
    where: str,
    problem: str,
    record: bytes,
    size_bytes: int,
    at: datetime,
    key: bytes,
) -> SetAside:
    """What is kept of an input that was not accepted; the same input again has the same id.

    Its bytes are sealed with ``key``: what could not be read may name anybody.
    """
    made = SetAside(
        id=digest(kind, where, problem, record.decode("utf-8", "replace")),
        kind=kind,
        where=where,
        problem=problem,
        at=at,
        size_bytes=size_bytes,
        record=record[:MAX_KEPT],
    )
    return seal_aside(made, key)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """``items`` in lists of at most ``size``, lazily."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
