"""The account reader against a server that speaks MTProto: nothing lost, nothing twice."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from telethon.tl import types

from core.clock import SystemClock
from core.errors import SettingsError, SourceError
from core.inputs import post_id
from core.records import Post, Source
from core.settings import CrawlerSettings, Settings
from crawlers.account_run import listen_account, login, read_account_once
from crawlers.keeper import Keeper, Reading
from crawlers.media_queue import MediaQueue
from crawlers.run import TG
from crawlers.telegram_asking import BACK_OFF_NOTE
from media.files import Shelf
from store.coverage import ledger_of
from store.protocol import ALL
from store.sqlite import SqliteStore
from tests.media.test_describing import jpeg, scene
from tests.servers.mtproto.server import MtprotoServer, running
from tests.servers.mtproto.world import CODE, PHONE, World

SOURCE = Source(name="tg", kind="telegram", address="@almaty_synaq", home="Алматы", interval_s=3600)
KEY = b"k" * 32


@pytest.fixture
def world() -> World:
    world = World()
    world.add_channel("almaty_synaq")
    return world


@pytest.fixture
def server(world: World) -> Iterator[MtprotoServer]:
    with running(world) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, server: MtprotoServer) -> Settings:
    return settings_for(tmp_path, server)


def settings_for(folder: Path, server: MtprotoServer, **more: Any) -> Settings:
    """Settings that lead to the test server, with its key and an application's token."""
    home = folder / "home"
    (home / "tokens").mkdir(parents=True, exist_ok=True)
    token = home / "tokens" / "telegram"
    token.write_text("4242:0123456789abcdef")
    token.chmod(0o600)
    key = folder / "server.pem"
    key.write_text(server.key_pem)
    crawlers = CrawlerSettings(
        delay_s=0.0,
        requests_per_hour=1_000_000,
        telegram_server=server.address,
        telegram_server_key=key,
        **more,
    )
    return Settings(home=home, crawlers=crawlers)


@dataclass
class Account:
    """What a test needs: the store, and reading once or live."""

    settings: Settings
    store: SqliteStore
    server: MtprotoServer

    @property
    def keeper(self) -> Keeper:
        return Keeper(self.store, SystemClock(), KEY)

    def once(self, source: Source = SOURCE) -> Reading:
        [reading] = read_account_once(self.store, self.keeper, [source], self.settings)
        return reading

    def once_with_media(self) -> MediaQueue:
        queue = MediaQueue(self.store, self.settings, TG)
        keeper = Keeper(self.store, SystemClock(), KEY, queue.add)
        read_account_once(self.store, keeper, [SOURCE], self.settings, queue)
        return queue

    def texts(self, source: Source = SOURCE) -> list[str]:
        posts = [p for p in self.store.unassessed(10_000) if isinstance(p, Post)]
        return [p.text for p in sorted(posts, key=_number) if p.source == source.name]

    def versions(self, number: int, source: Source = SOURCE) -> list[Post]:
        name = source.address.removeprefix("@")
        return self.store.post_versions(post_id(source.name, f"{name}/{number}"), ALL)


def _number(post: Post) -> tuple[int, int]:
    return int(post.native_id.rpartition("/")[2]), post.version


@pytest.fixture
def account(settings: Settings, server: MtprotoServer) -> Iterator[Account]:
    sign_in(settings)
    store = SqliteStore(settings.under_home(settings.store.path))
    yield Account(settings, store, server)
    store.close()


def sign_in(settings: Settings) -> None:
    """Sign in as the world's account."""
    answers = {"phone": PHONE, "code": CODE}
    login(settings, lambda text: answers[text.split()[0]], lambda _: "")


@pytest.fixture
def live(account: Account) -> Iterator[Callable[..., Account]]:
    """Start to listen; stopped at the end of the test."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(source: Source = SOURCE) -> Account:
        thread = threading.Thread(
            target=listen_account,
            args=(account.store, account.keeper, [source], account.settings, stop),
        )
        thread.start()
        threads.append(thread)
        wait_for(lambda: ledger_of(account.store, source.name).last_ok_at is not None)
        return account

    yield start
    stop.set()
    for thread in threads:
        thread.join(15)
        assert not thread.is_alive()


def wait_for(ready: Callable[[], object], limit_s: float = 10.0) -> float:
    """Seconds until something is true; fails after the limit."""
    started = time.monotonic()
    while not ready():
        assert time.monotonic() - started < limit_s, "it never came"
        time.sleep(0.02)
    return time.monotonic() - started


# -- signing in ----------------------------------------------------------------------------------


def test_two_step_sign_in_and_a_private_session_file(tmp_path: Path) -> None:
    with running(World(password="қатты құпия")) as server:
        settings = settings_for(tmp_path, server)
        codes, secrets = ["1", CODE], ["қате", "қатты құпия"]
        who = login(
            settings,
            lambda text: PHONE if text.startswith("phone") else codes.pop(0),
            lambda _: secrets.pop(0),
        )
        assert who == "…" + PHONE[-2:]
        assert (codes, secrets) == ([], [])
        path = settings.under_home(settings.crawlers.telegram_session)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert login(settings, lambda _: "", lambda _: "") == who, "signed in already: no question"
        assert server.handshakes == 1
        path.chmod(0o644)
        with pytest.raises(SettingsError, match="chmod 600"):
            login(settings, lambda _: "", lambda _: "")


def test_what_stops_a_sign_in_is_said(settings: Settings, world: World) -> None:
    with pytest.raises(SourceError, match="does not know this phone"):
        login(settings, lambda _: "99900", lambda _: "")
    with pytest.raises(SourceError, match="wrong 3 times"):
        login(settings, lambda text: PHONE if text.startswith("phone") else "0", lambda _: "")
    world.floods["SendCode"].append(420)
    with pytest.raises(SourceError, match="wait 420 s"):
        login(settings, lambda _: PHONE, lambda _: "")


def test_without_sign_in_or_token_the_remedy_is_named(
    settings: Settings, server: MtprotoServer
) -> None:
    store = SqliteStore(settings.under_home(settings.store.path))
    account = Account(settings, store, server)
    with pytest.raises(SourceError, match="oqiga telegram login"):
        account.once()
    token = settings.under_home(Path("tokens/telegram"))
    token.write_text("no application")
    with pytest.raises(SettingsError, match="api_id:api_hash"):
        account.once()
    token.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        account.once()
    token.unlink()
    with pytest.raises(SettingsError, match="OQIGA_TOKEN_TELEGRAM"):
        account.once()
    store.close()


# -- history -------------------------------------------------------------------------------------


def test_history_is_read_from_the_last_id_in_pages(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    for n in range(1, 131):
        world.post(channel, f"хабар {n}")
    assert account.once().new == 100, "a new source brings its newest page"
    for n in range(131, 472):
        world.post(channel, f"хабар {n}")
    reading = account.once()
    assert (reading.new, reading.problem) == (341, None)
    assert account.texts() == [f"хабар {n}" for n in range(31, 472)]
    assert account.once().new == 0
    ledger = ledger_of(account.store, "tg")
    assert (ledger.last_id, ledger.posts, ledger.gaps) == ("471", 441, ())
    [post] = account.versions(471)
    assert (post.home, post.author) == ("Алматы", None)
    assert post.url == "https://t.me/almaty_synaq/471"
    assert account.server.asked("ResolveUsername") == 1, "names are remembered in the session"
    assert account.server.asked("JoinChannel") == 0


def test_albums_forwards_replies_places_and_polls(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    origin = world.add_channel("basqa_arna")
    photo = world.photo(b"x" * 100, 7)
    for n, text in enumerate(("", "үш сурет", "")):
        world.post(channel, text, media=photo, grouped_id=55 + n // 9)
    world.post(
        channel,
        "репост",
        fwd_from=types.MessageFwdHeader(
            date=datetime.now(UTC), from_id=types.PeerChannel(origin.id), channel_post=45
        ),
    )
    world.post(channel, "жауап", reply_to=types.MessageReplyHeader(reply_to_msg_id=4))
    world.post(
        channel,
        "осында",
        media=types.MessageMediaVenue(
            geo=types.GeoPoint(long=76.9, lat=43.2, access_hash=1),
            title="Көк базар",
            address="Жібек жолы 53",
            provider="",
            venue_id="",
            venue_type="",
        ),
    )
    world.post(
        channel,
        "",
        media=types.MessageMediaPoll(
            poll=types.Poll(
                id=1,
                hash=0,
                question=types.TextWithEntities("Свет бар ма?", []),
                answers=[types.PollAnswer(types.TextWithEntities("жоқ", []), b"0")],
            ),
            results=types.PollResults(),
        ),
    )
    world.post(channel, "Свет жоқ 😱‏" + "ұ" * 4000, from_id=types.PeerUser(700_001))
    assert account.once().new == 6
    [album] = account.versions(1)
    assert (album.text, len(album.media)) == ("үш сурет", 3)
    assert album.media[0].media_type == "image/jpeg"
    assert album.media[0].size_bytes == 100
    [repost] = account.versions(4)
    assert repost.forwarded_from == "basqa_arna/45"
    [reply] = account.versions(5)
    assert reply.reply_to == "almaty_synaq/4"
    [venue] = account.versions(6)
    assert (venue.lat, venue.lon) == (43.2, 76.9)
    assert venue.text == "осында\nКөк базар\nЖібек жолы 53"
    [poll] = account.versions(7)
    assert poll.text == "Свет бар ма?\nжоқ"
    [last] = account.versions(8)
    assert len(last.text) > 4000
    assert last.author is not None
    assert "700001" not in last.author


def test_an_album_that_a_page_would_cut_is_kept_whole(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    world.post(channel, "бас")
    account.once()
    for n in range(2, 252):
        group = 9 if 98 <= n <= 104 else None
        world.post(channel, "" if group else f"{n}", grouped_id=group, media=world.photo(b"x", 1))
    account.once()
    [album] = account.versions(98)
    assert len(album.media) == 7
    assert account.once().edited == 0


def test_an_album_that_the_newest_page_cuts_is_no_edit(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    for n in range(1, 104):
        group = 9 if n <= 5 else None
        world.post(channel, "" if group else f"{n}", grouped_id=group, media=world.photo(b"x", 1))
    account.once()
    for n in range(104, 107):
        world.post(channel, f"{n}")
    reading = account.once()
    assert (reading.new, reading.edited, reading.deleted) == (3, 0, 0)


def test_edits_and_deletions_while_away_are_found(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    for n in range(1, 6):
        world.post(channel, f"{n}", media=world.photo(b"x", 1), grouped_id=7 if n > 3 else None)
    account.once()
    world.edit(channel, 1, "1 түзетілді")
    world.delete(channel, [2, 4])
    reading = account.once()
    assert (reading.new, reading.edited, reading.deleted) == (0, 2, 1)
    assert [v.text for v in account.versions(1)] == ["1", "1 түзетілді"]
    assert account.versions(2)[-1].deleted_at is not None
    assert [len(v.media) for v in account.versions(4)] == [2, 1], "the album lost a photo"
    again = account.once()
    assert (again.new, again.edited, again.deleted) == (0, 0, 0)
    channel.messages[1].edit_date = datetime.now(UTC) + timedelta(seconds=5)
    assert account.once().edited == 0, "a reaction moves the time of editing, not the text"


def test_comments_of_the_linked_group(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    world.add_group(channel)
    world.add_user(700_001, "Куә")
    world.post(channel, "от бар дейді")
    world.post(channel, "басқа")
    for n in range(130):
        world.comment(channel, 1, f"көрдім {n}", 700_001)
    assert account.once().new == 132
    comments = [
        p
        for p in account.store.unassessed(1000)
        if isinstance(p, Post) and p.native_id.startswith("c/")
    ]
    assert len(comments) == 130
    assert {c.reply_to for c in comments} == {"almaty_synaq/1"}
    assert len({c.author for c in comments}) == 1
    assert "Куә" not in str(comments[0]) + str(comments[0].author)
    assert (comments[0].url or "").startswith("https://t.me/almaty_synaq/1?comment=")
    asked = account.server.asked("GetReplies")
    assert account.once().new == 0
    assert account.server.asked("GetReplies") == asked, "a thread that rests costs nothing"
    world.comment(channel, 1, "тағы", 700_001)
    assert account.once().new == 1


@pytest.mark.parametrize(
    ("address", "word"),
    [("@joq_arna", "private, renamed or gone"), ("https://t.me/+abc", "invitation")],
)
def test_sources_that_cannot_be_read_say_why(account: Account, address: str, word: str) -> None:
    source = SOURCE.model_copy(update={"address": address})
    if "invitation" in word:
        with pytest.raises(SourceError, match=word):
            account.once(source)
    else:
        assert word in (account.once(source).problem or "")


def test_a_channel_that_turned_private(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    world.post(channel, "1")
    account.once()
    channel.forbidden = True
    assert "private" in (account.once().problem or "")
    ledger = ledger_of(account.store, "tg")
    assert ledger.problem_since is not None
    assert ledger.last_id == "1"
    channel.forbidden = False
    assert account.once().problem is None


@pytest.mark.slow
def test_photos_are_fetched_over_the_account(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    world.add_group(channel)
    world.add_user(700_001, "Куә")
    small, large = jpeg(scene(1)), jpeg(scene(2, (2000, 2000))) + b"\0" * 700_000
    world.post(channel, "екі сурет", media=world.photo(small, 1), grouped_id=4)
    world.post(channel, "", media=world.photo(large, 2), grouped_id=4)
    world.post(channel, "бұзылған", media=world.photo(b"no photo at all", 3))
    message, _ = world.comment(channel, 1, "менде де", 700_001)
    message.media = world.photo(small, 5)
    queue = account.once_with_media()
    [album] = account.versions(1)
    uses = queue.keeper.index.of_post(album.id, Shelf.PENDING)
    assert [use.digest for use in uses] == [sha256(small).hexdigest(), sha256(large).hexdigest()]
    assert all(queue.keeper.files.has(use.digest or "", Shelf.PENDING) for use in uses)
    [broken] = account.versions(3)
    [failed] = queue.keeper.index.of_post(broken.id, Shelf.PENDING)
    assert failed.digest is None
    assert queue.keeper.wanted(broken) == []
    asked = account.server.asked("GetFile")
    account.once_with_media()
    assert account.server.asked("GetFile") == asked, "what is here is not asked again"
    [comment] = [
        p for p in account.store.unassessed(10) if isinstance(p, Post) and p.text == "менде де"
    ]
    [use] = queue.keeper.index.of_post(comment.id, Shelf.PENDING)
    assert use.digest == sha256(small).hexdigest()


def test_a_service_whose_clock_runs_ahead(tmp_path: Path) -> None:
    world = World(skew_s=3_600.0)
    world.post(world.add_channel("almaty_synaq"), "болашақтан")
    with running(world) as server:
        settings = settings_for(tmp_path, server)
        sign_in(settings)
        store = SqliteStore(settings.under_home(settings.store.path))
        account = Account(settings, store, server)
        assert account.once().new == 1
        [post] = account.versions(1)
        assert post.posted_at == post.accepted_at
        assert "posted_at_of_source" in post.extra
        assert account.once().edited == 0
        store.close()


# -- waits ---------------------------------------------------------------------------------------


def test_a_flood_wait_is_obeyed_across_restarts(account: Account, world: World) -> None:
    channel = world.channel("almaty_synaq")
    world.post(channel, "1")
    world.floods["GetHistory"].append(420)
    reading = account.once()
    assert "420 s" in (reading.problem or "")
    asked = len(world.asked)
    again = account.once()  # a new client, a new connection: as after a restart
    assert "asks for" in (again.problem or "")
    fresh = world.asked[asked:]
    assert set(fresh) <= {"GetConfig", "GetState", "GetUsers", "GetDifference"}
    account.store.put_note(BACK_OFF_NOTE, (datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    assert account.once().new == 1


def test_an_account_that_telegram_refuses_is_reported(account: Account, world: World) -> None:
    world.errors["GetHistory"].append((401, "USER_DEACTIVATED_BAN"))
    with pytest.raises(SourceError, match="does not accept the account"):
        account.once()


def test_a_network_that_is_down_is_said(account: Account, server: MtprotoServer) -> None:
    server.pause()
    with pytest.raises(SourceError, match="cannot be reached"):
        account.once()
    server.resume()
    assert account.once().problem is None


def test_one_process_alone_uses_a_session(live: Callable[..., Account]) -> None:
    account = live()
    with pytest.raises(SettingsError, match="in use by another process"):
        account.once()


# -- live ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_live_messages_albums_edits_and_deletions(
    live: Callable[..., Account], server: MtprotoServer, world: World
) -> None:
    account = live()
    first = server.post("almaty_synaq", "қазір болды")
    assert wait_for(lambda: account.versions(first)) < 2.0
    photo = world.photo(b"x", 3)
    ids = [
        server.post("almaty_synaq", "альбом" if n == 0 else "", media=photo, grouped_id=5)
        for n in range(3)
    ]
    wait_for(lambda: account.versions(ids[0]))
    [album] = account.versions(ids[0])
    assert (album.text, len(album.media)) == ("альбом", 3)
    server.edit("almaty_synaq", first, "қазір болды, түзету")
    wait_for(lambda: len(account.versions(first)) == 2)
    server.delete("almaty_synaq", first, ids[1])
    wait_for(lambda: account.versions(first)[-1].deleted_at is not None)
    wait_for(lambda: len(account.versions(ids[0])) == 2)
    assert len(account.versions(ids[0])[-1].media) == 2
    ledger = ledger_of(account.store, "tg")
    assert (ledger.posts, ledger.deletions, ledger.gaps_found) == (2, 1, 0)


@pytest.mark.slow
def test_a_late_part_of_an_album_joins_it(
    live: Callable[..., Account], server: MtprotoServer, world: World
) -> None:
    account = live()
    photo = world.photo(b"x", 3)
    first = server.post("almaty_synaq", "альбом", media=photo, grouped_id=5)
    wait_for(lambda: account.versions(first))
    late = server.post("almaty_synaq", "", media=photo, grouped_id=5)
    wait_for(lambda: len(account.versions(first)) == 2)
    assert len(account.versions(first)[-1].media) == 2
    assert account.versions(late) == []


@pytest.mark.slow
def test_dropped_updates_are_found_by_their_ids(
    live: Callable[..., Account], server: MtprotoServer, world: World
) -> None:
    account = live()
    server.post("almaty_synaq", "1")
    wait_for(lambda: account.versions(1))
    lost = [server.post("almaty_synaq", f"жоғалған {n}", silent=True) for n in range(3)]
    channel = world.channel("almaty_synaq")
    channel.log.clear()  # the service itself has forgotten them: no difference brings them
    channel.pts = 2
    shown = server.post("almaty_synaq", "көрінген")
    wait_for(lambda: account.versions(shown))
    wait_for(lambda: all(account.versions(n) for n in lost))
    wait_for(lambda: ledger_of(account.store, "tg").gaps_filled == 1)
    ledger = ledger_of(account.store, "tg")
    assert (ledger.gaps_found, ledger.gaps) == (1, ())
    assert ledger.posts == 5
    assert account.texts() == ["1", "жоғалған 0", "жоғалған 1", "жоғалған 2", "көрінген"]


@pytest.mark.slow
def test_live_comments(live: Callable[..., Account], server: MtprotoServer, world: World) -> None:
    channel = world.channel("almaty_synaq")
    world.add_group(channel)
    world.add_user(700_001, "Куә")
    account = live()
    number = server.post("almaty_synaq", "не болды?")
    wait_for(lambda: account.versions(number))
    server.comment("almaty_synaq", number, "өрт", 700_001)
    wait_for(lambda: "өрт" in account.texts())


@pytest.mark.slow
def test_a_lost_connection_loses_nothing(
    live: Callable[..., Account], server: MtprotoServer, world: World
) -> None:
    account = live(SOURCE.model_copy(update={"interval_s": 0.5}))
    server.post("almaty_synaq", "1")
    wait_for(lambda: account.versions(1))
    server.drop_connections()
    server.post("almaty_synaq", "2", silent=True)
    wait_for(lambda: account.versions(2), 20)
    server.pause()
    world.post(world.channel("almaty_synaq"), "3")
    time.sleep(0.5)
    server.resume()
    wait_for(lambda: account.versions(3), 40)
    server.post("almaty_synaq", "4")
    wait_for(lambda: account.versions(4))
    assert account.texts() == ["1", "2", "3", "4"]
