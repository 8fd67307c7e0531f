"""What every backend has to pass of removal and of sealing what was kept in the open."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InputError, StaleWriteError
from core.links import channels_of
from core.records import Audience, Outcome, Post, RawPost, Report, SetAside
from core.sealing import open_aside, open_extra, open_payload, seal, unseal
from store.protocol import ALL, OPEN, EventWrite
from tests.store.contract import (
    NOW,
    a_decision,
    a_post,
    a_report,
    accept,
    an_event,
    assess,
    need_whole,
    write,
)

MARK = "бірегейсөз"
"""A word that stands nowhere else, so that finding it in a file means it was left."""
HANDLE = "aigul.synaq"
KEY = b"k" * 32


def raw_of(number: str, payload: str = f"<p>{MARK}</p>", url: str | None = None) -> RawPost:
    return RawPost(
        id=a_post(number).id,
        source="s",
        native_id=number,
        url=url,
        fetched_at=NOW,
        media_type="text/html",
        payload=payload.encode(),
        parser="p/1",
    )


def aside_of(name: str, record: str, where: str = "f:1") -> SetAside:
    return SetAside(
        id=name, kind="post", where=where, problem="p", at=NOW, size_bytes=1,
        record=record.encode(),
    )  # fmt: skip


def in_the_open(number: str, **changes: Any) -> Post:
    """A post as an earlier program kept it: addresses, origin and unknown fields as they came."""
    post = a_post(number)
    kept = {"url": f"https://threads.net/@{HANDLE}/post/{number}", **changes}
    return post.model_copy(update=kept)


class RemovalContract:
    """Each test gets an empty store of its own."""

    def traces(self, store: Any) -> str:
        """Everything that the store has anywhere, readable."""
        raise NotImplementedError

    def lose_the_second(self, store: Any) -> None:
        """Take the second post out of the store behind its back."""
        raise NotImplementedError

    def test_one_call_removes_a_post_everywhere(self, store: Any) -> None:
        gone = a_post("1", f"{MARK} бір")
        edit = a_post("1", f"{MARK} екі", edited_at="2026-03-20T19:05:00+05:00")
        other, report = a_post("2", "апат"), a_report()
        store.accept_posts([(gone, raw_of("1")), (edit, None), (other, None)])
        store.accept_reports([report])
        for version in (1, 2):
            assess(store, gone.id, version=version)
        for subject in (other.id, report.id):
            assess(store, subject)
        store.set_aside([aside_of("a", MARK, where=f"post {gone.id}")])
        write(store, an_event("alone", 1, gone, headline=MARK))
        write(store, an_event("alone", 2, headline=""))
        write(store, an_event("shared", 1, gone, other, headline=MARK))
        write(store, an_event("shared", 2, gone, other, report, headline=MARK))
        store.add_decision(a_decision("d", "shared", 2))
        assert MARK in self.traces(store)
        told = store.last_change()
        removed = store.remove_post(gone.id, by="lawyer", demand="Н-17/2026", at=NOW)
        assert removed is not None
        assert (removed.versions, set(removed.events)) == (2, {"alone", "shared"})
        assert store.post_versions(gone.id, ALL) == store.search_posts(MARK, ALL) == []
        assert store.event("alone", ALL) is None
        shared = store.event_versions("shared", ALL)
        assert [[link.id for link in e.posts] for e in shared] == [[other.id], [other.id]]
        assert {change.id for change in store.changes(told)} == {other.id, report.id}
        assert store.set_aside_items() == []
        assert accept(store, gone) == [Outcome.REPEATED], "it is not taken in again"
        assert store.unassessed(9) == []
        with pytest.raises(StaleWriteError, match="was removed"):
            store.write_events([EventWrite(an_event("shared", 3, gone, other), 2)])
        entry = next(e for e in store.audit(OPEN) if e.action == "remove")
        assert (entry.by, entry.subject, entry.detail) == ("lawyer", gone.id, "Н-17/2026")
        need_whole(store)
        assert store.remove_post(gone.id, by="lawyer", demand="Н-17/2026", at=NOW) is None
        assert store.maintain() == "ok"
        assert MARK not in self.traces(store)

    def test_what_waits_to_be_assessed_is_removed_too(self, store: Any) -> None:
        accept(store, a_post("1", MARK), a_post("2", "басқа"))
        removed = store.remove_post(a_post("1").id, by="l", demand="1", at=NOW)
        assert removed is not None
        assert [post.id for post in store.unassessed(9)] == [a_post("2").id]
        assert store.broken_links("evidence") == []
        assert MARK not in self.traces(store)

    def test_any_other_change_is_still_found(self, store: Any) -> None:
        """A removal vouches for itself alone."""
        accept(store, a_post("1"), a_post("2"), a_post("3"))
        store.remove_post(a_post("1").id, by="l", demand="1", at=NOW)
        self.lose_the_second(store)
        assert store.broken_links("evidence") == [2]

    def test_what_was_kept_in_the_open_is_sealed_afterwards(self, store: Any) -> None:
        url = f"https://threads.net/@{HANDLE}/post/"
        waiting = in_the_open("1", extra={"nick": HANDLE})
        crawled = in_the_open("2", forwarded_from=f"Айгуль {HANDLE}", extra={"views": 7})
        hidden = in_the_open("3", reply_to=f"{url}1", handle=seal(HANDLE, KEY, a_post("3").id))
        report = a_report().model_copy(update={"extra": {"caller": HANDLE}})
        store.accept_posts(
            [(waiting, None), (crawled, raw_of("2", HANDLE, f"{url}2")), (hidden, None)]
        )
        store.accept_reports([report])
        assess(store, crawled.id, report.id)
        assess(store, hidden.id, audience=Audience.CONFIDENTIAL)
        store.set_aside([aside_of("a", f"{{{HANDLE}")])
        assert HANDLE in self.traces(store)
        done = store.seal_old(KEY, channels_of, by="root", at=NOW)
        assert (done.posts, done.reports, done.payloads, done.set_aside) == (3, 1, 1, 1)
        store.maintain()
        assert HANDLE not in self.traces(store)
        need_whole(store)
        posts = [store.post_versions(p.id, ALL)[0] for p in (waiting, crawled, hidden)]
        assert [unseal(p.sealed_url or "", KEY, p.id) for p in posts] == [
            f"{url}{n}" for n in (1, 2, 3)
        ]
        assert posts[2].reply_to == posts[0].url, "a reply still finds its post"
        assert posts[1].extra == {"views": 7}, "what our reader knew is no unknown field"
        assert open_extra(posts[0], KEY) == {"nick": HANDLE}
        kept = store.report(report.id, ALL)
        assert isinstance(kept, Report)
        assert open_extra(kept, KEY) == {"caller": HANDLE}
        (raw,) = store.raw_posts(crawled.id, ALL)
        assert open_payload(raw, KEY).payload == HANDLE.encode()
        (aside,) = store.set_aside_items()
        assert open_aside(aside, KEY).record == f"{{{HANDLE}".encode()
        assert [e.action for e in store.audit(OPEN)] == ["seal"]
        assert not store.seal_old(KEY, channels_of, by="root", at=NOW), "repeating changes nothing"
        assert store.post_versions(waiting.id, ALL) == posts[:1]
        assert accept(store, waiting) == [Outcome.REPEATED]
        assess(store, waiting.id)
        need_whole(store)

    def test_with_another_key_nothing_is_sealed(self, store: Any) -> None:
        accept(store, in_the_open("1", handle=seal(HANDLE, KEY, a_post("1").id)))
        with pytest.raises(InputError, match="key is another"):
            store.seal_old(b"x" * 32, channels_of, by="root", at=NOW)
        assert store.unassessed(1)[0].url.endswith(f"@{HANDLE}/post/1")
