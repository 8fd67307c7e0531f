"""What would leak: confidential text is looked for in every table and in the bytes of the file."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StaleWriteError
from core.folding import fold_words
from core.records import Audience, AuditEntry, Event, Link, RawPost
from store.protocol import ALL, CONFIDENTIAL, OPEN, EventQuery
from store.sqlite import SqliteStore
from tests.store.contract import (
    NOW,
    a_decision,
    a_post,
    a_report,
    accept,
    an_assessment,
    an_event,
    assess,
    write,
)

SECRET = "жемкорлыкбелгиси"
"""Of letters that folding keeps, so that one look finds it in text and index."""


def places_of(store: SqliteStore, secret: str) -> set[str]:
    """Tables whose rows hold the text; full-text indexes by their terms."""
    db = store._connection()
    found: set[str] = set()
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for row in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - names from the schema
            for value in row:
                held = value if isinstance(value, bytes) else str(value).encode()
                if secret.encode() in held:
                    found.add(table)
    for audience in Audience:
        name = f"words_{audience}"
        db.execute(f"CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, {name}, row)")
        if db.execute("SELECT 1 FROM terms WHERE term LIKE ? || '%'", (secret,)).fetchall():
            found.add(name)
        db.execute("DROP TABLE temp.terms")
    return found


def pages_with(path: Path, secret: str) -> set[str]:
    """Owners of the file's pages that hold the text; ``free`` for pages that nobody owns."""
    db = apsw.Connection(str(path))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    size = db.execute("PRAGMA page_size").fetchone()[0]
    owners = dict(db.execute("SELECT pageno, name FROM dbstat").fetchall())
    db.close()
    data = path.read_bytes()
    return {
        owners.get(number + 1, "free")
        for number in range(len(data) // size)
        if secret.encode() in data[number * size : (number + 1) * size]
    }


def only_confidential(places: set[str]) -> bool:
    return all("confidential" in place for place in places)


def test_the_look_finds_what_is_there(store: SqliteStore) -> None:
    """These tests could not fail if it did not."""
    post = a_post(text=f"гаишник {SECRET}")
    accept(store, post)
    assert places_of(store, SECRET) == {"post_pending"}
    assess(store, post.id)
    write(store, an_event("e", 1, post, headline=SECRET))
    assert {"post_open", "event_open", "words_open"} <= places_of(store, SECRET)
    assert {"post_open", "event_open"} <= pages_with(store._path, SECRET)


@pytest.mark.parametrize("long", [1, 2000])
def test_a_post_judged_confidential_at_once(store: SqliteStore, long: int) -> None:
    """``long``: a text that needs pages of its own, which become free when it moves."""
    post = a_post(text=f"{SECRET} " * long, media=[f"https://example.org/{SECRET}"])
    raw = RawPost(
        id=post.id, source=post.source, native_id="1", url=None, fetched_at=NOW,
        media_type="text/html", payload=SECRET.encode(), parser="p1",
    )  # fmt: skip
    store.accept_posts([(post, raw)])
    report = a_report(text=f"{SECRET} " * long)
    store.accept_reports([report])
    assess(store, post.id, report.id, audience=Audience.CONFIDENTIAL)
    write(store, an_event("e", 1, post, report, headline=SECRET, audience=Audience.CONFIDENTIAL))
    assert len(places_of(store, SECRET)) >= 4
    assert only_confidential(places_of(store, SECRET))
    assert only_confidential(pages_with(store._path, SECRET))
    db = store._connection()
    raws = [db.execute(f"SELECT count(*) FROM raw_{a}").fetchone() for a in Audience]  # noqa: S608
    assert raws == [(0,), (0,), (1,)], "compressed, so no look finds its text"
    assert store.search_posts(SECRET, OPEN) == []
    assert store.events(EventQuery(text=SECRET), OPEN) == []


@pytest.mark.parametrize("long", [1, 2000])
def test_a_post_that_turns_confidential_later(store: SqliteStore, long: int) -> None:
    post = a_post(text=f"{SECRET} " * long)
    fillers = [a_post(str(i), f"өрт {i} көше") for i in range(2, 40)]
    accept(store, post, *fillers)
    assess(store, *(p.id for p in (post, *fillers)))
    write(store, an_event("e", 1, post, headline=SECRET), an_event("f", 1, *fillers))
    write(store, an_event("e", 2, post, headline=SECRET, priority=0.1))
    store.add_decision(a_decision("d", "e", version=2, reason=SECRET))
    store.add_audit(AuditEntry(at=NOW, by="ann", action="reveal", subject="e", detail=SECRET))
    store.save_assessments(
        [(an_assessment(post.id, concepts=(SECRET,)), Audience.CONFIDENTIAL)], NOW
    )
    assert len(places_of(store, SECRET)) >= 5
    assert only_confidential(places_of(store, SECRET))
    assert only_confidential(pages_with(store._path, SECRET))
    assert len(store.search_posts("өрт", OPEN)) == len(fillers)


class Town:
    """A small town: posts that carry their number as text, events that quote them."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.secret: set[int] = set()

    @staticmethod
    def text(number: int) -> str:
        return f"белги{number}белги"

    def do(self, step: tuple[str, int, int]) -> None:
        what, number, other = step
        post, event_id = a_post(str(number), self.text(number)), f"e{other}"
        accept(self.store, post)
        if what == "edit":
            at = f"2026-03-20T19:0{1 + other}:00+05:00"
            accept(self.store, a_post(str(number), f"{self.text(number)} {other}", edited_at=at))
        if what in ("open", "confidential"):
            for version in self.store.unassessed(100):
                if version.id == post.id:
                    assess(self.store, post.id, version=getattr(version, "version", 1))
        if what == "confidential":
            self.secret.add(number)
            assess(self.store, post.id, audience=Audience.CONFIDENTIAL)
        if what in ("join", "candidate"):
            self.write(event_id, post.id, number, what)
        if what == "decide":
            event = self.store.event(event_id, ALL)
            if event is not None:
                quoted = " ".join(link.id for link in event.posts)
                name = f"d{event_id}{event.version}"
                self.store.add_decision(
                    a_decision(name, event_id, version=event.version, reason=quoted)
                )

    def write(self, event_id: str, post_id: str, number: int, what: str) -> None:
        """Write it open unless a member is known to be confidential: the store has to object."""
        old = self.store.event(event_id, ALL)
        link = Link(kind="post", id=post_id, at=NOW)
        posts = (link,) if what == "join" else ()
        if old is not None and what == "join" and old.version % 3:
            posts = (*(o for o in old.posts if o.id != post_id), link)
        kept = {a.subject.id for a in self.store.assessed([p.id for p in posts], CONFIDENTIAL)}
        event: Event = an_event(
            event_id,
            1 if old is None else old.version + 1,
            headline=" ".join(self.text(int(n)) for n in self.numbers(p.id for p in posts)),
            audience=Audience.CONFIDENTIAL if kept else Audience.OPEN,
        ).model_copy(update={"posts": posts, "candidates": (link,) if what == "candidate" else ()})
        try:
            write(self.store, event)
        except StaleWriteError:
            assert number in self.secret

    def numbers(self, ids: object) -> list[str]:
        known = {a_post(str(n)).id: str(n) for n in range(4)}
        return [known[i] for i in ids]  # type: ignore[attr-defined]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["edit", "open", "confidential", "join", "candidate", "decide"]),
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        max_size=25,
    )
)
@settings(max_examples=40, deadline=None)
def test_whatever_happens_nothing_leaks(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("town") / "o.db")
    try:
        town = Town(store)
        for step in steps:
            town.do(step)
        for number in town.secret:
            post_id = a_post(str(number)).id
            text = " ".join(fold_words(town.text(number)))
            places = places_of(store, text) - {"post_pending"}
            assert only_confidential(places), "a version that waits for assessment aside"
            naming = places_of(store, post_id) - {"evidence", "change", "post_pending"}
            assert only_confidential(naming)
            assert store.search_posts(text, OPEN) == []
            assert store.post_versions(post_id, CONFIDENTIAL) != []
        events = {e.id for e in store.events(EventQuery(), OPEN)}
        assert not events & {e.id for e in store.events(EventQuery(), CONFIDENTIAL)}
        for event_id in ("e0", "e1", "e2"):
            versions = [e.version for e in store.event_versions(event_id, ALL)]
            assert versions == list(range(1, len(versions) + 1)), "no version is lost or twice"
            newest = store.event(event_id, ALL)
            assert (newest.version if newest else 0) == len(versions)
        taken = [d.id for d in store.decisions(ALL)]
        assert len(taken) == len(set(taken))
        for chain in ("evidence", "audit_open", "audit_confidential"):
            assert store.broken_links(chain) == []
    finally:
        store.close()
