"""Facts of every kept photo and video, found out by a process that may die of them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from core.settings import MediaSettings
from media.check import HEAD_BYTES, kind_of
from media.facts import MediaFacts
from media.files import MediaFiles

log = logging.getLogger(__name__)

START_S = 60.0
FILES_A_PROCESS = 500
"""A fresh process now and then: what native code leaks goes with the old one."""
REST_S = 0.5


class Decoder:
    """Asks the decoding process; one file at a time, each within its time."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._done = 0

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def describe(self, path: Path, digest: str, thumbnail: Path) -> MediaFacts:
        """Facts of a file; a file that kills, hangs or bloats the process has a ``problem``."""
        size = path.stat().st_size
        with path.open("rb") as file:
            media_type = kind_of(file.read(HEAD_BYTES))
        if media_type is None:
            return _facts(digest, "application/octet-stream", size, {"problem": "no known kind"})
        asked = {
            "path": str(path),
            "media_type": media_type,
            "thumbnail": str(thumbnail),
            "frames": self._settings.key_frames,
        }
        return _facts(digest, media_type, size, self._ask(asked))

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._done >= FILES_A_PROCESS:
            self.close()
        process = self._process or self._start()
        self._done += 1
        try:
            self._write(process, json.dumps(asked).encode() + b"\n")
            line = self._line(process, self._settings.decode_s)
        except (OSError, TimeoutError) as error:
            self.close()
            slow = isinstance(error, TimeoutError)
            why = "takes longer than is allowed" if slow else "ended the process that did it"
            return {"problem": f"decoding it {why}"}
        return dict(json.loads(line))

    def _start(self) -> subprocess.Popen[bytes]:
        self._done = 0
        environment = {"PATH": os.defpath, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "media.decoding", str(self._settings.decode_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parent.parent,
            env=environment,
        )
        self._line(self._process, START_S)
        return self._process

    def _write(self, process: subprocess.Popen[bytes], data: bytes) -> None:
        stream = process.stdin
        if stream is None:
            raise BrokenPipeError
        stream.write(data)
        stream.flush()

    def _line(self, process: subprocess.Popen[bytes], limit_s: float) -> bytes:
        stream = process.stdout
        if stream is None:
            raise BrokenPipeError
        with selectors.DefaultSelector() as waiting:
            waiting.register(stream, selectors.EVENT_READ)
            if not waiting.select(limit_s):
                raise TimeoutError
        line = stream.readline()
        if not line.endswith(b"\n"):
            raise BrokenPipeError
        return line


class Describer:
    """Writes facts and thumbnail beside every content that waits for them."""

    def __init__(self, files: MediaFiles, decoder: Decoder) -> None:
        self._files = files
        self._decoder = decoder

    def step(self) -> int:
        """Describe what waits; how many contents."""
        done = 0
        for digest in self._files.undescribed():
            self._describe(digest)
            done += 1
        return done

    def watch(self, stop: threading.Event, limit_s: float) -> None:
        """Describe what comes until ``stop``, for at most ``limit_s`` seconds."""
        until = time.monotonic() + limit_s
        while not stop.is_set() and time.monotonic() < until:
            try:
                done = self.step()
            except OSError as error:
                log.error("photos and videos could not be described: %s", error.strerror)
                done = 0
            if not done:
                stop.wait(REST_S)

    def _describe(self, digest: str) -> None:
        path = self._files.find(digest)
        if path is None:  # removed since, with its record
            self._files.described(digest, None, None)
            return
        draft = self._files.draft()
        draft.finish()
        try:
            facts = self._decoder.describe(path, digest, draft.path)
            picture = draft.path if draft.path.stat().st_size else None
            self._files.described(digest, facts.model_dump_json().encode(), picture)
            if facts.problem is not None:
                log.info("a file was not decoded: %s", facts.problem)
        except FileNotFoundError:
            return  # it moved to another shelf in this moment: the next step finds it there
        finally:
            draft.path.unlink(missing_ok=True)


def _facts(digest: str, media_type: str, size: int, found: dict[str, Any]) -> MediaFacts:
    known = {"digest": digest, "media_type": media_type, "size_bytes": size}
    try:
        return MediaFacts.model_validate({**found, **known})
    except ValidationError:
        return MediaFacts(**known, problem="what it says of itself makes no sense")
