"""Retention and removal on SQLite: afterwards nothing of the text is found, in no byte."""

from __future__ import annotations

import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from core.records import Audience, RawPost
from core.settings import RetentionSettings
from store.protocol import ALL, OPEN
from store.sqlite import SqliteStore
from store.upkeep import SourceVolume, volumes
from tests.store.contract import (
    NOW,
    a_post,
    a_report,
    accept,
    an_event,
    assess,
    write,
)
from tests.store.removal_contract import MARK, RemovalContract, aside_of, raw_of

LIMITS = RetentionSettings()
NEVER = RetentionSettings(
    **dict.fromkeys(
        (
            f"{kind}_days"
            for kind in ("no_incident", "raw", "posts", "reports", "events", "set_aside")
        ),
        None,
    )
)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "o.db")


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_each_kind_goes_at_its_limit_and_what_is_no_incident_first(store: SqliteStore) -> None:
    chat, crash, report = a_post("1", "сөйлесу"), a_post("2", "апат"), a_report()
    store.accept_posts([(chat, raw_of("1")), (crash, raw_of("2"))])
    store.accept_reports([report])
    for subject in (chat.id, crash.id, report.id):
        assess(store, subject)
    write(store, an_event("chat", 1, chat, incident=0.1, flagged=False))
    write(store, an_event("crash", 1, crash, report, headline="апат"))
    kept = {}
    for days in (29, 31, 91, 366, 1_096):
        store.retain(NOW + timedelta(days=days), LIMITS)
        db = store._connection()
        kept[days] = (
            [v.text for post in (chat, crash) for v in store.post_versions(post.id, ALL)],
            db.execute("SELECT count(*) FROM raw_open").fetchone()[0],
            [e.headline for e in store.open_events(NOW, OPEN)],
            store.report(report.id, ALL) is not None,
        )
        assert store.broken_links("evidence") == []
    assert kept == {
        29: (["сөйлесу", "апат"], 2, ["", "апат"], True),
        31: (["апат"], 1, ["апат"], True),
        91: (["апат"], 0, ["апат"], True),
        366: ([], 0, [""], True),
        1_096: ([], 0, [], False),
    }
    store.close()


def test_what_people_decided_on_or_102_knew_is_kept_longer(store: SqliteStore) -> None:
    first, second, report = a_post("1"), a_post("2"), a_report()
    accept(store, first, second)
    store.accept_reports([report])
    for subject in (first.id, second.id, report.id):
        assess(store, subject)
    write(store, an_event("decided", 1, first, incident=0.1, decided="confirm"))
    write(store, an_event("known", 1, second, report, incident=0.1))
    store.retain(NOW + timedelta(days=31), LIMITS)
    assert {e.id for e in store.open_events(NOW, OPEN)} == {"decided", "known"}
    store.close()


def test_nothing_is_found_afterwards(store: SqliteStore, tmp_path: Path) -> None:
    """Not in tables, not in the full-text index, not in free pages, not in the log."""
    posts = [a_post(str(n), f"{MARK} {n} " * 40) for n in range(60)]
    store.accept_posts([(post, raw_of(post.native_id)) for post in posts])
    reports = [a_report(f"r{n}", f"{MARK} хабар {n}") for n in range(20)]
    store.accept_reports(reports)
    for item in (*posts, *reports):
        audience = Audience.CONFIDENTIAL if item.id.endswith("7") else Audience.OPEN
        assess(store, item.id, audience=audience)
    for post in posts:
        if not post.id.endswith("7"):
            write(store, an_event(f"e{post.id}", 1, post, headline=MARK, incident=0.3))
    store.set_aside([aside_of("a", MARK)])
    before = bytes_of(tmp_path)
    assert before.count(MARK.encode()) > 200
    removed = store.retain(NOW + timedelta(days=2_000), LIMITS)
    assert removed["set_aside"] == 1
    assert sum(removed.values()) >= 80
    store.close()
    assert MARK.encode() not in bytes_of(tmp_path)
    again = SqliteStore(tmp_path / "o.db")
    assert again.broken_links("evidence") == []
    assert set(again.retain(NOW + timedelta(days=2_000), LIMITS).values()) == {0}
    again.close()


def test_without_limits_nothing_goes(store: SqliteStore) -> None:
    accept(store, a_post())
    assess(store, a_post().id)
    write(store, an_event("e", 1, a_post(), incident=0.0))
    assert set(store.retain(NOW + timedelta(days=9_999), NEVER).values()) == {0}
    assert store.maintain() == "ok"
    store.close()


class TestSqliteRemoval(RemovalContract):
    """The contract on SQLite."""

    def traces(self, store: SqliteStore) -> str:
        """The files as they lie there, and what is packed in their rows."""
        store.compact()
        texts = [bytes_of(store._path.parent).decode("utf-8", "replace")]
        for audience in Audience:
            rows = store._rows(f"SELECT body FROM raw_{audience.value}")  # noqa: S608
            for (body,) in rows:
                raw = RawPost.model_validate_json(zlib.decompress(body))
                texts.append(f"{raw.url} {raw.payload.decode('utf-8', 'replace')}")
        return "\n".join(texts)

    def lose_the_second(self, store: SqliteStore) -> None:
        store._connection().execute("DELETE FROM post_pending WHERE id = ?", (a_post("2").id,))


def test_volumes(store: SqliteStore) -> None:
    """The fast count is that of any store."""
    accept(
        store,
        a_post("1", source="a"),
        a_post("2", source="b"),
        a_post("3", source="b", posted_at="2026-03-20T19:30:00+05:00"),
        a_post("4", source="b", posted_at="2026-03-21T19:00:00+05:00"),
        a_post("5", source="c"),
    )
    for number, source in (("1", "a"), ("2", "b"), ("3", "b"), ("4", "b")):
        assess(store, a_post(number, source=source).id)
    assess(store, a_post("5", source="c").id, audience=Audience.CONFIDENTIAL)
    since, until = NOW - timedelta(hours=1), NOW + timedelta(hours=12)
    found = volumes(store, since, until, OPEN)
    assert [(v.source, v.posts) for v in found] == [("a", 1), ("b", 2)]
    assert isinstance(found[0], SourceVolume)

    class Slow:
        window = store.window

    assert volumes(Slow(), since, until, OPEN) == found  # type: ignore[arg-type]
    store.close()
