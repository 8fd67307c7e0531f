"""Reaching people: rules, outbox, and the channels against real local servers."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from console.alerts.channels import SIGNATURE, TIMESTAMP, signature
from console.alerts.outbox import Outbox, State
from console.alerts.rules import News, applies, over_budget, quiet
from console.assembly import make_console
from console.rows import Level
from console.times import zone
from core.clock import FixedClock
from core.records import Audience, Category, Role
from core.secret_files import secret_key
from core.settings import AlertRule, AlertSettings, ConsoleSettings, Settings
from store.protocol import ALL
from store.troubles import raise_trouble
from tests.console.conftest import NOW
from tests.secret_files import keep

TOKEN = "123456:secret-of-the-bot"


class Receiver:
    """A local HTTP server that keeps what it is sent; ``answers`` are its next status codes."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Mailbox(socketserver.ThreadingTCPServer):
    """A local SMTP server: it speaks enough of RFC 5321 to take a mail in."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.mails: list[str] = []
        super().__init__(("127.0.0.1", 0), _Smtp)


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.say("220 local")
        data: list[str] | None = None
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            if data is not None:
                if line == ".":
                    self.server.mails.append("\n".join(data))  # type: ignore[attr-defined]
                    data = None
                    self.say("250 kept")
                else:
                    data.append(line)
            elif line.upper().startswith("DATA"):
                data = []
                self.say("354 go on")
            elif line.upper().startswith("QUIT"):
                self.say("221 bye")
                return
            else:
                self.say("250 local")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A local HTTP server."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A local mail server."""
    with Mailbox() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def rule(**more: Any) -> AlertRule:
    """A rule for open urgent events by webhook, unless said otherwise."""
    values = {"name": "duty", "channel": "webhook", "to": "http://127.0.0.1:1/", **more}
    return AlertRule.model_validate(values)


def news(**more: Any) -> News:
    """An urgent open fire in Astana, unless said otherwise."""
    values: dict[str, Any] = {
        "audience": "open",
        "category": Category.FIRE_EMERGENCY,
        "region": "astana-city",
        "level": Level.URGENT,
        **more,
    }
    return News(**values)


@pytest.mark.parametrize(
    ("given", "about", "expected"),
    [
        ({}, {}, True),
        ({}, {"level": Level.RAISED}, False),
        ({"levels": ["urgent", "raised"]}, {"level": Level.RAISED}, True),
        ({"categories": ["weapon"]}, {}, False),
        ({"regions": ["abay"]}, {}, False),
        ({"regions": ["astana-city"]}, {}, True),
        ({}, {"audience": "confidential"}, False),
        ({"audience": "confidential"}, {}, False),
        ({}, {"overdue": True}, False),
        ({"overdue": True}, {"overdue": True, "level": Level.CALM}, True),
    ],
)
def test_which_rule_is_about_what(
    given: dict[str, Any], about: dict[str, Any], expected: bool
) -> None:
    assert applies(rule(**given), news(**about)) is expected


@pytest.mark.parametrize(
    ("hour", "level", "expected"),
    [(23, Level.RAISED, True), (6, Level.RAISED, True), (7, Level.RAISED, False),
     (12, Level.RAISED, False), (23, Level.URGENT, False)],
)  # fmt: skip
def test_quiet_hours_are_local_and_pass_midnight(hour: int, level: Level, expected: bool) -> None:
    local = zone("Asia/Almaty")
    at = datetime(2026, 3, 20, hour, 30, tzinfo=local).astimezone(UTC)
    assert quiet(rule(quiet="22:00-07:00"), news(level=level), at, local) is expected


def test_the_budget_counts_the_last_hour() -> None:
    sent = [NOW - timedelta(minutes=m) for m in (1, 30, 59, 61)]
    assert over_budget(sent, NOW, 3)
    assert not over_budget(sent, NOW, 4)


class Moving:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        """The time that the test set."""
        return self.at


def alerts_of(filled: Any, tmp_path: Path, rules: list[AlertRule], **more: Any) -> Any:
    """A console's alerts, its outbox and the clock of its tries."""
    given = AlertSettings(rules=tuple(rules), timeout_s=2, **more)
    console = ConsoleSettings(alerts_per_h=3)
    settings = Settings(home=tmp_path, alerts=given, console=console)
    real = Moving()
    made = make_console(filled.store, settings, FixedClock(NOW), real)
    return made.alerts, made.outbox, real, settings


def states(outbox: Outbox) -> list[str]:
    """How many deliveries stand how."""
    return sorted(d.state.value for d in outbox.deliveries(ALL))


def test_a_webhook_is_signed_and_each_event_told_once(
    filled: Any, tmp_path: Path, receiver: Receiver
) -> None:
    alerts, outbox, _, settings = alerts_of(filled, tmp_path, [rule(to=f"{receiver.url}/in")])
    alerts.round()
    alerts.round()
    assert len(receiver.got) == 3  # the budget of this test
    assert set(states(outbox)) == {"sent", "held"}
    again, _, _, _ = alerts_of(filled, tmp_path, [rule(to=f"{receiver.url}/in")])
    again.round()  # as after a start of the program
    assert len(receiver.got) == 3
    path, headers, body = receiver.got[0]
    assert path == "/in"
    key = secret_key(settings.under_home(settings.alerts.webhook_secret_file))
    assert headers[SIGNATURE] == "sha256=" + signature(key, headers[TIMESTAMP], body)
    told = json.loads(body)
    assert told["severity"] == "urgent"
    assert told["url"].endswith(f"/events/{told['event']}")
    assert len({json.loads(body)["id"] for _, _, body in receiver.got}) == 3


def test_a_failure_is_tried_again_later_and_leaves_a_trace(
    filled: Any, tmp_path: Path, receiver: Receiver
) -> None:
    receiver.answers = [500, 503]
    only = rule(to=receiver.url, categories=["road_crash"])
    alerts, outbox, real, _ = alerts_of(filled, tmp_path, [only])
    alerts.round()
    first = len(receiver.got)
    alerts.round()
    assert len(receiver.got) == first  # not before its time
    for _ in range(6):
        real.at += timedelta(seconds=30)
        alerts.round()
    assert set(states(outbox)) == {"sent"}
    tried = max(outbox.deliveries(ALL), key=lambda d: len(d.attempts))
    assert tried.attempts[0].problem is not None
    assert tried.attempts[-1].problem is None


def test_what_cannot_be_delivered_is_given_up_and_can_be_tried_anew(
    filled: Any, tmp_path: Path
) -> None:
    only = rule(to="http://127.0.0.1:9/", categories=["road_crash"])
    alerts, outbox, real, _ = alerts_of(filled, tmp_path, [only], attempts=2)
    for _ in range(4):
        alerts.round()
        real.at += timedelta(minutes=1)
    assert set(states(outbox)) == {"failed"}
    one = outbox.deliveries(ALL)[0]
    assert [a.problem for a in one.attempts] == ["no answer (ConnectError)"] * 2
    assert outbox.again(one.id, {Audience.OPEN})
    assert not outbox.again(one.id, {Audience.CONFIDENTIAL})
    assert "waiting" in states(outbox)
    real.at += timedelta(days=15)
    failed = states(outbox).count("failed")
    assert outbox.clear() == failed
    assert set(states(outbox)) == {"waiting"}


def test_mail_and_the_telegram_bot(
    filled: Any, tmp_path: Path, mailbox: Mailbox, receiver: Receiver, caplog: Any
) -> None:
    caplog.set_level("DEBUG")
    keep(tmp_path / "telegram-token", TOKEN)
    rules = [
        rule(name="mail", channel="email", to="duty@example.org", categories=["road_crash"]),
        rule(name="bot", channel="telegram", to="-100200", categories=["road_crash"],
             language="kk"),
    ]  # fmt: skip
    alerts, outbox, _, _ = alerts_of(
        filled,
        tmp_path,
        rules,
        smtp_host="127.0.0.1",
        smtp_port=mailbox.server_address[1],
        smtp_tls="none",
        telegram_api=receiver.url,
    )
    alerts.round()
    assert set(states(outbox)) == {"sent"}
    assert any("To: duty@example.org" in mail for mail in mailbox.mails)
    path, _, body = receiver.got[0]
    assert path == f"/bot{TOKEN}/sendMessage"
    assert json.loads(body)["chat_id"] == "-100200"
    assert "ЖКО" in json.loads(body)["text"] or "Жол" in json.loads(body)["text"]
    assert "222 33 44" not in json.loads(body)["text"]
    assert TOKEN not in caplog.text


def test_failures_of_scheduled_work_reach_those_whom_a_rule_names(
    filled: Any, tmp_path: Path, receiver: Receiver, mailbox: Mailbox
) -> None:
    rules = [
        rule(name="ops", channel="email", to="ops@example.org", about="failures", language="en"),
        rule(name="hook", to=f"{receiver.url}/ops", about="failures"),
        rule(name="own", to=f"{receiver.url}/own", about="failures", audience="confidential"),
    ]
    alerts, outbox, real, _ = alerts_of(
        filled,
        tmp_path,
        rules,
        smtp_host="127.0.0.1",
        smtp_port=mailbox.server_address[1],
        smtp_tls="none",
    )
    for where, minutes in (("crawl.read", 0), ("old.one", 400)):
        at = FixedClock(NOW - timedelta(minutes=minutes))
        raise_trouble(filled.store, at, where=where, problem="failed after 4 tries", key=where)
    alerts.round()
    alerts.round()
    ((path, _, body),) = receiver.got
    assert path == "/ops"
    told = json.loads(body)
    assert (told["occasion"], told["where"]) == ("failure", "crawl.read")
    (mail,) = mailbox.mails
    assert "Scheduled work failed: crawl.read" in mail
    assert set(states(outbox)) == {"sent"}
    real.at += timedelta(days=15)
    fresh = alerts_of(filled, tmp_path, rules)[1]
    assert len(fresh.troubles()) == 2
    outbox.clear()
    assert fresh.troubles() == [], "after two weeks they are forgotten"


def test_a_group_of_three_has_three_budgets_and_what_matters_most_goes_first(
    filled: Any, tmp_path: Path, receiver: Receiver
) -> None:
    group = rule(to=receiver.url, people=3, levels=["urgent", "raised", "calm"])
    alerts, outbox, _, _ = alerts_of(filled, tmp_path, [group])
    alerts.round()
    assert states(outbox).count("sent") == 9
    sent = {d.event for d in outbox.deliveries(ALL) if d.state is State.SENT}
    held = {d.event for d in outbox.deliveries(ALL) if d.state is State.HELD}
    priority = {e: filled.store.event(e, ALL).priority for e in sent | held}
    assert min(priority[e] for e in sent) >= max(priority[e] for e in held)


def test_confidential_events_reach_only_their_rules(
    filled: Any, tmp_path: Path, receiver: Receiver
) -> None:
    every = ["urgent", "raised", "calm"]
    rules = [
        rule(name="open", to=f"{receiver.url}/open", levels=every),
        rule(name="own", to=f"{receiver.url}/own", levels=every, audience="confidential"),
    ]
    alerts, _, real, _ = alerts_of(filled, tmp_path, rules)
    for _ in range(3):
        alerts.round()
        real.at += timedelta(hours=1)
    by_path: dict[str, set[str]] = {}
    for path, _, body in receiver.got:
        by_path.setdefault(path, set()).add(json.loads(body)["event"])
    assert by_path["/own"] == {filled.confidential}
    assert filled.confidential not in by_path["/open"]


def test_what_turned_confidential_while_it_waited_is_not_sent(
    filled: Any, tmp_path: Path, receiver: Receiver
) -> None:
    outbox_rule = rule(to=receiver.url, categories=["road_crash"])
    alerts, outbox, _, _ = alerts_of(filled, tmp_path, [outbox_rule])
    outbox.add(
        rule="duty",
        channel="webhook",
        event=filled.confidential,
        audience=Audience.OPEN,
        occasion="flag:urgent",
    )
    alerts.round()
    told = {json.loads(body)["event"] for _, _, body in receiver.got}
    assert filled.confidential not in told
    dropped = [d for d in outbox.deliveries(ALL) if d.state is State.DROPPED]
    assert [d.event for d in dropped] == [filled.confidential]


def test_the_trace_is_on_the_page_and_of_ones_own_audience(
    person: Callable[[Role], Any], filled: Any, app: Any
) -> None:
    outbox = app.state.console.outbox
    for event, audience in (
        (filled.crash, Audience.OPEN),
        (filled.confidential, Audience.CONFIDENTIAL),
    ):
        outbox.add(
            rule="duty", channel="email", event=event, audience=audience, occasion="flag:urgent",
            state=State.HELD,
        )  # fmt: skip
    boss, officer = person(Role.SUPERVISOR), person(Role.INTERNAL_SECURITY)
    assert filled.crash in boss.get("/alerts").text
    assert filled.confidential not in boss.get("/alerts").text
    assert filled.confidential in officer.get("/alerts").text
    (held,) = outbox.deliveries({Audience.CONFIDENTIAL})
    assert boss.form(f"/alerts/{held.id}/again").status_code == 404
    assert officer.form(f"/alerts/{held.id}/again").status_code == 303
