"""Photos and videos of posts: fetched once, on the shelf of their record, no longer than it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.inputs import make_post
from core.records import Audience, MediaRef, Post
from core.settings import MediaSettings, Settings
from media.files import Shelf
from media.index import TRIES, MediaIndex, Use
from media.keeping import MediaKeeper
from store.sqlite import SqliteStore
from tests.media.test_describing import jpeg, scene
from tests.store.contract import assess

NOW = datetime(2026, 3, 20, 14, tzinfo=UTC)
URL = "https://cdn.example/1.jpg"
PHOTO = jpeg(scene(1))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[SqliteStore]:
    store = SqliteStore(settings.under_home(settings.store.path))
    yield store
    store.close()


@pytest.fixture
def keeper(store: SqliteStore, settings: Settings) -> MediaKeeper:
    return MediaKeeper(store, settings)


def a_post(store: SqliteStore, number: int, *refs: MediaRef) -> Post:
    row = {"id": str(number), "text": "өрт", "posted_at": NOW.isoformat()}
    post = make_post(row, now=NOW, key=b"k" * 32)
    post = post.model_copy(update={"media": refs or (MediaRef(url=URL),)})
    store.accept_posts([(post, None)])
    return post


def _files(keeper: MediaKeeper, shelf: Shelf) -> int:
    folder = keeper.files.root / shelf.value
    return sum(len(p.name) == 62 for p in folder.rglob("*") if p.is_file())


def test_the_same_file_under_ten_posts_is_one_and_asked_once(
    store: SqliteStore, keeper: MediaKeeper
) -> None:
    posts = [a_post(store, n) for n in range(10)]
    assert [ref.url for ref in keeper.wanted(posts[0])] == [URL]
    assert keeper.keep(posts[0], URL, PHOTO)
    for post in posts:
        assert keeper.wanted(post) == []
        assert [use.digest is None for use in keeper.index.of_post(post.id, Shelf.PENDING)] == [
            False
        ]
    assert _files(keeper, Shelf.PENDING) == 1
    other = a_post(store, 77, MediaRef(url="https://cdn2.example/moved.jpg"))
    assert keeper.keep(other, "https://cdn2.example/moved.jpg", PHOTO)
    assert _files(keeper, Shelf.PENDING) == 1, "another address, the same content"


@pytest.mark.parametrize("first", ["assessed", "fetched"])
def test_it_comes_to_its_records_shelf_whichever_is_first(
    store: SqliteStore, keeper: MediaKeeper, first: str
) -> None:
    post = a_post(store, 1)
    stays = a_post(store, 2, MediaRef(url="https://cdn.example/2.jpg"))
    keeper.keep(stays, "https://cdn.example/2.jpg", PHOTO)
    if first == "fetched":
        keeper.keep(post, URL, PHOTO)
    assess(store, post.id, audience=Audience.CONFIDENTIAL)
    if first == "fetched":
        keeper.settle(post.id, Shelf.CONFIDENTIAL)
    else:
        keeper.keep(post, URL, PHOTO)
    assert _files(keeper, Shelf.CONFIDENTIAL) == 1
    assert _files(keeper, Shelf.PENDING) == 1, "another pending post has the same picture"
    assert keeper.index.of_post(post.id, Shelf.PENDING) == []
    assess(store, stays.id)
    keeper.settle(stays.id, Shelf.OPEN)
    assert (_files(keeper, Shelf.OPEN), _files(keeper, Shelf.PENDING)) == (1, 0)


def test_what_turns_confidential_leaves_the_open_shelf(
    store: SqliteStore, keeper: MediaKeeper
) -> None:
    post, other = a_post(store, 1), a_post(store, 2)
    assess(store, post.id)
    assess(store, other.id)
    keeper.keep(post, URL, PHOTO)
    assert keeper.wanted(other) == []
    for turned, left in ((post, 1), (other, 0)):
        keeper.settle(turned.id, Shelf.CONFIDENTIAL)
        assert _files(keeper, Shelf.OPEN) == left
        assert keeper.index.of_post(turned.id, Shelf.OPEN) == []
    assert _files(keeper, Shelf.CONFIDENTIAL) == 1


def test_media_go_with_the_last_post_that_has_them(store: SqliteStore, keeper: MediaKeeper) -> None:
    first, second = a_post(store, 1), a_post(store, 2)
    keeper.keep(first, URL, PHOTO)
    assert keeper.wanted(second) == []
    assert keeper.drop([first.id], Shelf.PENDING) == 0
    assert _files(keeper, Shelf.PENDING) == 1
    assert keeper.drop([second.id], Shelf.PENDING) == 1
    assert _files(keeper, Shelf.PENDING) == 0


def test_a_sweep_removes_what_belongs_to_nobody(store: SqliteStore, keeper: MediaKeeper) -> None:
    kept = a_post(store, 1)
    keeper.keep(kept, URL, PHOTO)
    removed = kept.model_copy(update={"id": "0" * 24})
    keeper.keep(removed, "https://cdn.example/2.jpg", jpeg(scene(2)))
    assert _files(keeper, Shelf.PENDING) == 2
    assert (keeper.sweep(), keeper.sweep()) == (1, 0)
    assert _files(keeper, Shelf.PENDING) == 1
    assert keeper.index.of_post(removed.id, Shelf.PENDING) == []


def test_failures_are_tried_again_and_given_up(store: SqliteStore, keeper: MediaKeeper) -> None:
    post = a_post(store, 1)
    for _ in range(TRIES):
        assert keeper.wanted(post)
        keeper.failed(post, URL, "404")
    assert keeper.wanted(post) == []
    page = a_post(store, 2, MediaRef(url="https://cdn.example/page"))
    assert not keeper.keep(page, "https://cdn.example/page", b"<html>no photo</html>")
    assert keeper.wanted(page) == []
    assert list((keeper.files.root / "incoming").iterdir()) == []


def test_kinds_and_sizes_are_the_operators(store: SqliteStore, settings: Settings) -> None:
    chosen = settings.model_copy(
        update={"media": MediaSettings(videos=False, max_photo_bytes=len(PHOTO) - 1)}
    )
    keeper = MediaKeeper(store, chosen)
    refs = (
        MediaRef(url="https://c/1.mp4", media_type="video/mp4"),
        MediaRef(url="https://c/2.jpg", media_type="image/jpeg", size_bytes=len(PHOTO)),
        MediaRef(url="https://c/3.jpg"),
    )
    post = a_post(store, 1, *refs)
    assert [ref.url for ref in keeper.wanted(post)] == ["https://c/3.jpg"]
    assert not keeper.keep(post, "https://c/3.jpg", PHOTO)
    assert keeper.limit(MediaRef(url="x")) == len(PHOTO) - 1


def test_an_index_survives_threads_and_reopening(tmp_path: Path) -> None:
    index = MediaIndex(tmp_path)
    use = Use("p", "u", "d" * 64, "image/jpeg", 5)
    index.put(use, Shelf.OPEN)
    assert MediaIndex(tmp_path).of_post("p", Shelf.OPEN) == [use]
    assert (tmp_path / "open" / "index.db").stat().st_mode & 0o077 == 0
