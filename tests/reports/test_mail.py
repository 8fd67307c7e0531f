"""Sending: through a real SMTP server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from benchmarks.harness import free_port
from core.clock import FixedClock
from core.errors import OqigaError, SettingsError
from core.filing import listed, one
from core.settings import ReportCopy
from reports.mail import send_report
from reports.run import make_report
from store.sqlite import SqliteStore
from tests.reports.days import DAY, MORNING, alive, fill, settings_at

HEAD = ReportCopy(name="country", to=("head@example.org", "deputy@example.org"))


class Inbox:
    """Keeps what was delivered."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        if self.answer.startswith("250"):
            self.messages.append(message)
        return self.answer


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Iterator[Controller]:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "oqiga.db")
    alive(store, MORNING)
    yield store
    store.close()


def through(server: Controller, **more: object) -> dict[str, object]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_tls": "none",
        "sender": "oqiga@example.org",
        **more,
    }


def test_sent_once_with_the_short_version_and_the_pdf(
    store: SqliteStore, inbox: Inbox, server: Controller, tmp_path: Path
) -> None:
    fill(store, 12)
    settings = settings_at(tmp_path, reports=through(server))
    with pytest.raises(OqigaError, match="make it with"):
        send_report(store, settings, HEAD, "nightly", DAY, MORNING)
    make_report(store, settings, FixedClock(MORNING), copy=HEAD)
    assert send_report(store, settings, HEAD, "nightly", DAY, MORNING) == 2
    assert send_report(store, settings, HEAD, "nightly", DAY, MORNING) == 0, "a retry"
    (message,) = inbox.messages
    assert message["Subject"] == "Oqiga country nightly-2026-03-20"
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "происшествий: 12" in text
    assert "оқиға: 12" in text
    parts = list(message.iter_attachments())
    assert [part.get_filename() for part in parts] == [
        "nightly-2026-03-20.pdf",
        "nightly-2026-03-20.kk.pdf",
    ]
    assert parts[0].get_content().startswith(b"%PDF-")


def test_a_refusal_is_told_and_tried_again(
    store: SqliteStore, inbox: Inbox, server: Controller, tmp_path: Path
) -> None:
    settings = settings_at(tmp_path, reports=through(server))
    make_report(store, settings, FixedClock(MORNING), copy=HEAD)
    inbox.answer = "451 try later"
    with pytest.raises(OqigaError, match="was not sent"):
        send_report(store, settings, HEAD, "nightly", DAY, MORNING)
    inbox.answer = "250 OK"
    assert send_report(store, settings, HEAD, "nightly", DAY, MORNING) == 2


def test_nothing_confidential_in_the_clear(store: SqliteStore, tmp_path: Path) -> None:
    own = ReportCopy(name="own", audience="confidential", to=("own@example.org",))
    settings = settings_at(tmp_path, reports={"smtp_host": "mail.example.org", "smtp_tls": "none"})
    make_report(store, settings, FixedClock(MORNING), copy=own)
    with pytest.raises(SettingsError, match="in the clear"):
        send_report(store, settings, own, "nightly", DAY, MORNING)


def test_the_subject_of_a_confidential_one_says_nothing(
    store: SqliteStore, inbox: Inbox, server: Controller, tmp_path: Path
) -> None:
    own = ReportCopy(name="own", audience="confidential", to=("own@example.org",))
    settings = settings_at(tmp_path, reports=through(server))
    make_report(store, settings, FixedClock(MORNING), copy=own)
    assert send_report(store, settings, own, "nightly", DAY, MORNING) == 1
    assert inbox.messages[0]["Subject"] == "Oqiga nightly-2026-03-20"


def test_filed_and_listed_by_audience(store: SqliteStore, tmp_path: Path) -> None:
    own = ReportCopy(name="own", audience="confidential")
    settings = settings_at(tmp_path)
    for copy in (HEAD, own):
        make_report(store, settings, FixedClock(MORNING), copy=copy)
    folder = tmp_path / "reports"
    assert [r.copy for r in listed(folder, "open")] == ["country"]
    assert [r.copy for r in listed(folder, "confidential")] == ["own"]
    assert one(folder, "open", "country", "nightly-2026-03-20.kk.pdf") is not None
    for copy_name, name in (
        ("own", "nightly-2026-03-20.pdf"),
        ("../confidential/own", "nightly-2026-03-20.pdf"),
        ("country", "../../../oqiga.db"),
    ):
        assert one(folder, "open", copy_name, name) is None
