"""The 102 side over HTTP: reports of the app and call cards, heartbeats of the feeds.

An answer of 201 or 200 means that the report and its files are on disk. Nothing of a report's
text is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from core.clock import Clock
from core.errors import InputError, OqigaError
from core.inputs import make_report, parse_object
from core.lines import refused
from core.records import Channel, Heartbeat, MediaRef, Outcome, Report
from core.sealing import seal_extra
from core.settings import Settings
from intake.feeds import feed_of, need_feed, need_media
from intake.keys import load, sender
from intake.upload import Upload
from media.check import Limits
from media.files import MEDIA_FOLDER, Draft, MediaFiles, Shelf
from store.ingest import CONFLICT
from store.keyring import key_of
from store.protocol import ALL, Store

log = logging.getLogger(__name__)

MAX_REPORTS = 1000
MAX_JSON_BYTES = 16_000_000
"""A thousand call cards of 4,000 characters in two-byte script, twice over."""
FORM_OVERHEAD_BYTES = 2_000_000
"""Fields and part headers of a multipart body beside its files."""
LINGER_BYTES = 64_000_000
LINGER_S = 5.0
OPTIONAL = ("channel", "category", "lat", "lon", "accuracy_m")
"""Fields of a form that mean "not given" when they are empty."""

CREATED, OK, MULTI, UNAUTHORISED, CONFLICTING = 201, 200, 207, 401, 409
TOO_LARGE, WRONG_TYPE, INVALID, UNAVAILABLE = 413, 415, 422, 503


@dataclass(frozen=True)
class Answer:
    """What became of one report. ``outcome``: accepted, repeated, conflict or refused."""

    status: int
    id: str | None
    outcome: str
    problems: list[str] = field(default_factory=list)

    @property
    def body(self) -> dict[str, object]:
        """As it is sent."""
        return {"id": self.id, "outcome": self.outcome, "problems": self.problems}


class TooLargeError(InputError):
    """A body over all limits."""


class LingeringResponse(JSONResponse):
    """An answer to a body that was not read to its end.

    Closing at once would reset the connection, and the sender would never see why; so the answer
    goes out first and a part of the rest is read and dropped (RFC 9112, section 9.6).
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, drain, close."""
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await _drain(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Body:
    """A request's body, and whether it has been read to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.read = False

    async def receive(self) -> Message:
        """The next piece."""
        message = await self._receive()
        self.read = message["type"] != "http.request" or not message.get("more_body")
        return message


def intake_router(store: Store, settings: Settings, clock: Clock) -> APIRouter:
    """The routes ``POST /api/reports`` and ``POST /api/heartbeat``; each needs an API key."""
    desk = Desk(store, settings, clock)
    desk.files.sweep()  # what a crash left half received
    router = APIRouter(tags=["intake"])

    @router.post("/api/reports", status_code=CREATED, openapi_extra=_REPORTS_DOC)
    async def reports(request: Request) -> Response:
        """Take one report (JSON or multipart), or up to 1,000 as {"reports": [...]}."""
        return await _guarded(desk, request, desk.reports)

    @router.post("/api/heartbeat", openapi_extra=_HEARTBEAT_DOC)
    async def heartbeat(request: Request) -> Response:
        """Take a feed's sign of life: {"feed": name}."""
        return await _guarded(desk, request, desk.heartbeat)

    return router


class Desk:
    """Takes what arrives; all that blocks runs in threads."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self.store = store
        self.settings = settings
        self.clock = clock
        self.key = key_of(store, settings)
        self.limits = Limits.of(settings.intake)
        self.files = MediaFiles(settings.under_home(MEDIA_FOLDER))
        self.keys_file = settings.under_home(settings.intake.keys_file)

    def sender(self, request: Request) -> str | None:
        """Name of whoever holds the request's API key, ``None`` for nobody."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        return sender(load(self.keys_file), key)

    async def heartbeat(self, request: Request, name: str) -> Response:
        """Keep a sign of life."""
        value = parse_object(await _body(request, MAX_JSON_BYTES))
        feed = need_feed(value.get("feed"), self.settings.intake.feeds)
        at = self.clock.now()
        await run_in_threadpool(self._beat, feed)
        log.debug("heartbeat of feed %s from %s", feed, name)
        return JSONResponse({"feed": feed, "at": at.isoformat(), "outcome": "accepted"})

    async def reports(self, request: Request, name: str) -> Response:
        """Take the reports of a request."""
        kind = request.headers.get("content-type", "")
        plain = kind.partition(";")[0].strip().lower()
        if plain == "multipart/form-data":
            return await self._form(request, kind, name)
        if plain in ("application/json", ""):
            body = await _body(request, MAX_JSON_BYTES)
            return await run_in_threadpool(self._json, body, name)
        return _refusal(
            WRONG_TYPE,
            f"Content-Type: {plain[:80]!r} is not taken; send application/json, or "
            "multipart/form-data with files in the field media",
        )

    # -- JSON ---------------------------------------------------------------------------------

    def _json(self, body: bytes, name: str) -> Response:
        where = f"api:{name}"
        try:
            value = parse_object(body, MAX_JSON_BYTES)
        except InputError as error:
            return _one(self._refuse(INVALID, where, body, None, [str(error)]))
        if "reports" not in value or "id" in value:
            return _one(self._take([(where, value)])[0])
        items = value["reports"]
        if not isinstance(items, list) or not items:
            return _refusal(INVALID, "reports: must be a list of at least one report")
        if len(items) > MAX_REPORTS:
            return _refusal(
                TOO_LARGE,
                f"reports: {len(items)} were sent, at most {MAX_REPORTS} are taken at once; "
                "send them in several requests",
            )
        answers = self._take([(f"{where}:{n}", item) for n, item in enumerate(items, 1)])
        statuses = {answer.status for answer in answers}
        status = statuses.pop() if len(statuses) == 1 else MULTI
        counts = {outcome: 0 for outcome in ("accepted", "repeated", "conflict", "refused")}
        for answer in answers:
            counts[answer.outcome] += 1
        return JSONResponse({**counts, "results": [a.body for a in answers]}, status)

    def _take(self, items: list[tuple[str, Any]]) -> list[Answer]:
        """Reports into the store, one answer each, in order."""
        made: list[Report | Answer] = []
        for where, value in items:
            try:
                if not isinstance(value, dict):
                    raise InputError(f"a report is a JSON object, this is a {_kind(value)}")
                made.append(seal_extra(make_report(value, now=self.clock.now()), self.key))
            except InputError as error:
                record = _dump(value)
                made.append(self._refuse(INVALID, where, record, _id(value), [str(error)]))
        good = [report for report in made if isinstance(report, Report)]
        outcomes = iter(self.store.accept_reports(good) if good else [])
        answers = []
        for (where, value), each in zip(items, made, strict=True):
            if isinstance(each, Report):
                answers.append(self._answer(each, next(outcomes), where, _dump(value)))
            else:
                answers.append(each)
        self._beat_for(good, answers)
        log.info(
            "reports: %d taken, %d refused",
            sum(a.status in (OK, CREATED) for a in answers),
            sum(a.status not in (OK, CREATED) for a in answers),
        )
        return answers

    def _answer(self, report: Report, outcome: Outcome, where: str, record: bytes) -> Answer:
        if outcome is Outcome.CONFLICT:
            answer = self._refuse(CONFLICTING, where, record, report.id, [CONFLICT])
            return Answer(answer.status, report.id, outcome.value, answer.problems)
        status = CREATED if outcome is Outcome.ACCEPTED else OK
        return Answer(status, report.id, outcome.value)

    def _refuse(
        self, status: int, where: str, record: bytes, report_id: str | None, problems: list[str]
    ) -> Answer:
        """Set a record aside and say why."""
        item = refused(
            kind="report",
            where=where,
            problem="; ".join(problems),
            record=record,
            size_bytes=len(record),
            at=self.clock.now(),
            key=self.key,
        )
        self.store.set_aside([item])
        return Answer(status, report_id, "refused", problems)

    # -- multipart ----------------------------------------------------------------------------

    async def _form(self, request: Request, content_type: str, name: str) -> Response:
        limit = FORM_OVERHEAD_BYTES + self.limits.max_files * max(
            self.limits.max_photo_bytes, self.limits.max_video_bytes
        )
        upload = Upload(content_type, self.files, self.limits)
        try:
            await _stream(request, limit, upload.feed, self._too_large)
            return _one(await run_in_threadpool(self._take_form, upload, f"api:{name}"))
        finally:
            await run_in_threadpool(upload.discard)

    def _take_form(self, upload: Upload, where: str) -> Answer:
        media = upload.finish()
        value: dict[str, Any] = {
            key: text for key, text in upload.fields.items() if text or key not in OPTIONAL
        }
        if media:
            value["media"] = [ref.model_dump(exclude_none=True) for ref in media]
        if upload.over:  # nothing is set aside: too large is what is not wanted on disk
            return Answer(TOO_LARGE, _id(value), "refused", upload.over + upload.wrong)
        if upload.wrong:
            return self._aside(upload.drafts, INVALID, where, value, upload.wrong)
        try:
            report = make_report(value, now=self.clock.now())
            need_media(report.channel, media)
        except InputError as error:
            return self._aside(upload.drafts, INVALID, where, value, [str(error)])
        return self._keep(upload.drafts, report, media, where, value)

    def _keep(
        self,
        drafts: list[Draft],
        report: Report,
        media: list[MediaRef],
        where: str,
        value: dict[str, Any],
    ) -> Answer:
        """Files first, then the report, so that an accepted report never lacks a file.

        The files of a known report lie where its assessment put them, and stay there.
        """
        known = self.store.report(report.id, ALL)
        if known is None:
            confidential = report.channel is Channel.INTERNAL_SECURITY
            shelf = Shelf.CONFIDENTIAL if confidential else Shelf.PENDING
            self._shelve(drafts, shelf)
        elif known.content != report.content:
            self._shelve(drafts, Shelf.SET_ASIDE)
        answer = self._take([(where, value)])[0]
        if answer.status == CREATED:
            log.info("report with %d files taken", len(media))
        return answer

    def _aside(
        self,
        drafts: list[Draft],
        status: int,
        where: str,
        value: dict[str, Any],
        problems: list[str],
    ) -> Answer:
        self._shelve(drafts, Shelf.SET_ASIDE)
        return self._refuse(status, where, _dump(value), _id(value), problems)

    def _shelve(self, drafts: list[Draft], shelf: Shelf) -> None:
        for draft in drafts:
            self.files.keep(draft, shelf)

    def _too_large(self, size: int | None, limit: int) -> str:
        what = f"has {size} bytes" if size is not None else f"has more than {limit} bytes"
        return (
            f"the request {what}, at most {limit} are taken: {self.limits.max_files} files, "
            f"{self.limits.max_photo_bytes / 1e6:g} MB a photo and "
            f"{self.limits.max_video_bytes / 1e6:g} MB a video; send fewer or smaller files"
        )

    # -- feeds --------------------------------------------------------------------------------

    def _beat_for(self, reports: list[Report], answers: list[Answer]) -> None:
        taken = {answer.id for answer in answers if answer.status in (OK, CREATED)}
        found = {feed_of(report.channel) for report in reports if report.id in taken}
        for feed in sorted(found & set(self.settings.intake.feeds), key=str):
            self._beat(str(feed))

    def _beat(self, feed: str) -> None:
        limit_s = self.settings.intake.heartbeat_limit_s
        self.store.beat(Heartbeat(feed=feed, at=self.clock.now(), limit_s=limit_s))


async def _guarded(
    desk: Desk, request: Request, work: Callable[[Request, str], Awaitable[Response]]
) -> Response:
    """Check the key, do the work, and turn every error into an answer."""
    body = _Body(request.receive)
    request = Request(request.scope, body.receive)
    try:
        name = await run_in_threadpool(desk.sender, request)
        if name is None:
            response = _failed(
                body,
                UNAUTHORISED,
                "the API key is missing or unknown; send it as 'Authorization: Bearer KEY' or "
                "'X-API-Key: KEY', and ask the administrator of Oqiga for one",
            )
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        return await work(request, name)
    except ClientDisconnect:
        return Response(status_code=INVALID)  # nobody is there to read it
    except TooLargeError as error:
        return _failed(body, TOO_LARGE, str(error))
    except InputError as error:
        return _failed(body, INVALID, str(error))
    except (OqigaError, OSError) as error:
        log.error("a request could not be served: %s", type(error).__name__, exc_info=error)
        return _failed(
            body,
            UNAVAILABLE,
            "the report could not be kept because of a fault here; send it again in a minute "
            "under the same id",
        )


async def _drain(receive: Receive) -> None:
    drained = 0
    while drained < LINGER_BYTES:
        message = await receive()
        drained += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _stream(
    request: Request,
    limit: int,
    feed: Callable[[bytes], None],
    sentence: Callable[[int | None, int], str],
) -> None:
    """The body in pieces, each fed in a thread; raises TooLargeError as soon as it is certain."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLargeError(sentence(int(declared), limit))
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > limit:
            raise TooLargeError(sentence(None, limit))
        if chunk:
            await run_in_threadpool(feed, chunk)


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()

    def sentence(size: int | None, limit: int) -> str:
        what = f"has {size} bytes" if size is not None else "goes on"
        return f"the request {what}, at most {limit} bytes of JSON are taken; send it in parts"

    await _stream(request, limit, body.extend, sentence)
    return bytes(body)


def _one(answer: Answer) -> JSONResponse:
    return JSONResponse(answer.body, answer.status)


def _refusal(status: int, problem: str) -> JSONResponse:
    return JSONResponse(Answer(status, None, "refused", [problem]).body, status)


def _failed(body: _Body, status: int, problem: str) -> JSONResponse:
    """A refusal, lingering where the body was not read to its end."""
    if body.read:
        return _refusal(status, problem)
    return LingeringResponse(Answer(status, None, "refused", [problem]).body, status)


def _id(value: object) -> str | None:
    found = value.get("id") if isinstance(value, dict) else None
    return str(found)[:300] if isinstance(found, (str, int)) else None


def _kind(value: object) -> str:
    return type(value).__name__


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")


_REPORTS_DOC: dict[str, Any] = {
    "security": [{"bearer": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": 'a report, or {"reports": [report, ...]}',
                    "properties": {
                        "id": {"type": "string"},
                        "text": {"type": "string"},
                        "received_at": {"type": "string", "format": "date-time"},
                        "channel": {"type": "string", "enum": [c.value for c in Channel]},
                        "category": {"type": "string"},
                        "lat": {"type": "number"},
                        "lon": {"type": "number"},
                        "accuracy_m": {"type": "number"},
                    },
                }
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["id", "text", "received_at"],
                    "properties": {
                        "media": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            },
        },
    },
}
_HEARTBEAT_DOC: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["feed"],
                    "properties": {"feed": {"type": "string"}},
                }
            }
        },
    },
}
