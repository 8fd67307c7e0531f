"""A multipart body, read piece by piece: files go to disk, only fields stay in memory.

The parser is that of python-multipart; what is here decides what is kept of each part.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from core.errors import InputError
from core.records import MediaRef
from media.check import (
    HEAD_BYTES,
    Limits,
    check_photo,
    is_photo,
    need_kind,
    too_large,
    too_many,
)
from media.files import Draft, DraftWriter, MediaFiles

MAX_FIELD_BYTES = 1_000_000
"""The longest text has 100,000 characters, 400,000 bytes at most."""
MAX_FIELDS = 64
MEDIA_FIELD = "media"


@dataclass
class _File:
    name: str
    head: bytearray = field(default_factory=bytearray)
    size_bytes: int = 0
    media_type: str | None = None
    writer: DraftWriter | None = None
    problem: str | None = None


class Upload:
    """One multipart body on its way in. Feed it, finish it, then read what it brought.

    ``fields``: text fields by name. ``over``: what to tell the sender about files over a limit;
    ``wrong``: about files that are no photo or video. Files are drafts until ``kept``.
    """

    def __init__(self, content_type: str, files: MediaFiles, limits: Limits) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise InputError("Content-Type: multipart/form-data has no boundary; add it")
        self.fields: dict[str, str] = {}
        self.over: list[str] = []
        self.wrong: list[str] = []
        self._drafts: list[tuple[Draft, str]] = []
        self._files = files
        self._limits = limits
        self._count = 0
        self._ended = False
        self._header = (bytearray(), bytearray())
        self._disposition = ""
        self._field: tuple[str, bytearray] | None = None
        self._file: _File | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        """The next piece of the body; raises InputError, or OSError when the disk is full."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InputError(f"the multipart body is malformed: {error}") from error

    def finish(self) -> list[MediaRef]:
        """The files, on disk but not yet on a shelf; raises InputError for a body cut off."""
        if not self._ended:
            raise InputError("the multipart body ends before its last boundary; send it again")
        problem = too_many(self._count, self._limits)
        if problem:
            self.over.insert(0, problem)
        return [
            MediaRef(digest=draft.digest, media_type=media_type, size_bytes=draft.size_bytes)
            for draft, media_type in self._drafts
        ]

    @property
    def drafts(self) -> list[Draft]:
        """The finished files, for a shelf."""
        return [draft for draft, _ in self._drafts]

    def discard(self) -> None:
        """Remove every file that is on no shelf."""
        if self._file is not None and self._file.writer is not None:
            self._file.writer.discard()
        for draft in self.drafts:
            draft.path.unlink(missing_ok=True)

    # -- the parser's calls -------------------------------------------------------------------

    def _part_begins(self) -> None:
        self._disposition = ""
        self._clear_header()

    def _clear_header(self) -> None:
        self._header[0].clear()
        self._header[1].clear()

    def _header_ends(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1].decode("latin-1")
        self._clear_header()

    def _headers_end(self) -> None:
        # Latin-1 in, Latin-1 out: the options are the bytes that were sent, UTF-8 by RFC 7578.
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if not name:
            raise InputError("a part of the multipart body has no name; name it in its header")
        if b"filename" not in options:
            self._begin_field(name)
            return
        shown = options[b"filename"].decode("utf-8", "replace")[:120]
        if name != MEDIA_FIELD:
            raise InputError(f"file {shown!r} came in the field {name[:80]!r}; files go in media")
        self._file = _File(shown)

    def _begin_field(self, name: str) -> None:
        if name == MEDIA_FIELD:
            raise InputError("media: is a text field here; attach the photo or video as a file")
        if name in self.fields:
            raise InputError(f"{name[:80]}: was sent twice; send it once")
        if len(self.fields) >= MAX_FIELDS:
            raise InputError(f"more than {MAX_FIELDS} fields were sent; send fewer")
        self._field = (name, bytearray())

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field is not None:
            self._field[1].extend(data[start:end])
            if len(self._field[1]) > MAX_FIELD_BYTES:
                raise InputError(
                    f"{self._field[0][:80]}: has more than {MAX_FIELD_BYTES} bytes; shorten it"
                )
        elif self._file is not None:
            self._file_data(self._file, data[start:end])

    def _file_data(self, file: _File, data: bytes) -> None:
        if file.size_bytes == 0 and data:
            self._count += 1
        file.size_bytes += len(data)
        if len(file.head) < HEAD_BYTES and file.media_type is None:
            file.head.extend(data)
            if len(file.head) < HEAD_BYTES:
                return
            data = b""
            self._open(file)
        self._write(file, data)

    def _open(self, file: _File) -> None:
        """Decide by the file's beginning what it is and whether any of it is kept."""
        try:
            file.media_type = need_kind(file.name, bytes(file.head[:HEAD_BYTES]))
        except InputError as error:
            file.problem = str(error)
            file.media_type = ""
            return
        if self._count <= self._limits.max_files:
            file.writer = self._files.draft()
            self._write(file, bytes(file.head))

    def _write(self, file: _File, data: bytes) -> None:
        if file.writer is None:
            return
        if file.size_bytes > self._limits.of_kind(file.media_type or ""):
            file.writer.discard()  # the rest is only counted, so that the answer can name its size
            file.writer = None
        elif data:
            file.writer.write(data)

    def _part_ends(self) -> None:
        if self._field is not None:
            name, value = self._field
            self._field = None
            try:
                self.fields[name] = value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{name[:80]}: not UTF-8 at byte {error.start}; send the form in UTF-8"
                ) from error
        elif self._file is not None:
            self._end_file(self._file)
            self._file = None

    def _end_file(self, file: _File) -> None:
        if file.size_bytes == 0:
            return  # an empty file input of a form
        if file.media_type is None:
            self._open(file)
        if file.problem is not None:
            self.wrong.append(file.problem)
            return
        media_type = file.media_type or ""
        problem = too_large(file.name, media_type, file.size_bytes, self._limits)
        if problem is not None:
            self.over.append(problem)
        if file.writer is None:
            return
        draft = file.writer.finish()
        file.writer = None
        self._drafts.append((draft, media_type))
        if is_photo(media_type):
            try:
                check_photo(file.name, draft.path)
            except InputError as error:
                self.wrong.append(str(error))

    def _end(self) -> None:
        self._ended = True
