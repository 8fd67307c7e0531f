"""Ids, chains, clocks, versions, masking, settings, logging."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chain import first_break, next_link
from core.clock import FixedClock, ReplayClock
from core.errors import SettingsError
from core.ids import content_digest, digest
from core.inputs import make_post
from core.log import configure
from core.masking import HIDDEN, mask
from core.records import ChainLink, Outcome, Post
from core.secret_files import CONTAINER_SECRETS, secret_key, secret_text
from core.settings import (
    PSEUDONYM_KEY,
    PSEUDONYM_VARIABLE,
    Settings,
    load_settings,
    load_sources,
    pseudonym_key,
)
from core.versions import judge, newest, speaking

NOW = datetime(2026, 3, 20, 14, 0, tzinfo=UTC)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_digest_tells_lists_apart(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


def test_content_digest_ignores_order_of_keys() -> None:
    assert content_digest({"a": 1, "b": [2]}) == content_digest({"b": [2], "a": 1})
    assert content_digest({"a": 1}) != content_digest({"a": 2})


def chain(n: int) -> list[ChainLink]:
    links: list[ChainLink] = []
    for i in range(n):
        links.append(next_link(links[-1] if links else None, f"s{i}", f"d{i}"))
    return links


@given(st.integers(1, 8), st.data())
def test_chain_finds_change_removal_and_insertion(n: int, data: st.DataObject) -> None:
    links = chain(n)
    assert first_break(links) is None
    index = data.draw(st.integers(0, n - 1))
    changed = [*links]
    changed[index] = links[index].model_copy(update={"digest": "other"})
    assert first_break(changed) == index + 1
    if index < n - 1:
        assert first_break(links[:index] + links[index + 1 :]) == index + 1
    assert first_break([*links[:index], links[index], *links[index:]]) == index + 2


def test_replay_clock_reaches_real_time_without_a_jump() -> None:
    start = NOW - timedelta(hours=3) + timedelta(minutes=3)
    for wall_s, behind_s in [(0, 10620), (90, 5310), (180, 0), (500, 0)]:
        wall = NOW + timedelta(seconds=wall_s)
        clock = ReplayClock(FixedClock(wall), anchor=NOW, start=start, speed=60.0)
        assert (wall - clock.now()).total_seconds() == behind_s


def make(text: str = "пожар", **changes: str) -> Post:
    value = {"id": "1", "text": text, "posted_at": "2026-03-20T19:00:00+05:00", **changes}
    return make_post(value, now=NOW, key=b"k")


def test_versions() -> None:
    first = make()
    edit = make("пожар на Саина", edited_at="2026-03-20T19:05:00+05:00")
    gone = make("пожар", deleted_at="2026-03-20T19:09:00+05:00")
    assert judge([], first) is Outcome.ACCEPTED
    assert judge([first], make()) is Outcome.REPEATED
    assert judge([first], make("другое")) is Outcome.CONFLICT
    assert judge([first], edit) is Outcome.ACCEPTED
    assert judge([edit], first) is Outcome.ACCEPTED, "an original may arrive after its edit"
    assert judge([first, edit], edit) is Outcome.REPEATED
    for order in ([first, edit, gone], [gone, edit, first]):
        assert newest(order) == gone
        assert speaking(order) == edit
    assert speaking([gone]) == gone


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("звоните 8 700 000 00 00 срочно", "8 700 000 00 00"),
        ("тел +77000000000", "77000000000"),
        ("ИИН 000000000000", "000000000000"),
        ("серая камри 000 AAA 00 уехала", "000 AAA 00"),
        ("номер 000ААА00", "000ААА00"),
        ("старый номер A 000 AAA", "A 000 AAA"),
    ],
)
def test_masking_keeps_length(text: str, hidden: str) -> None:
    shown = mask(text)
    assert len(shown) == len(text)
    assert hidden not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "text", ["в 19:45 на Абая 150", "дом 5, кв 12", "2026 год", "8 мкр 25 дом"]
)
def test_masking_leaves_addresses(text: str) -> None:
    assert mask(text) == text


def test_settings_from_file_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('home = "here"\n[console]\nport = 9000\n', encoding="utf-8")
    settings = load_settings({"OQIGA_CONFIG": str(file), "OQIGA_CORRELATOR__LINK_AT": "0.6"})
    assert settings.console.port == 9000
    assert settings.correlator.link_at == 0.6
    assert settings.home == Path("here")
    assert load_settings({"OQIGA_CONFIG": str(file), "OQIGA_HOME": "/x"}).home == Path("/x")


def test_all_mistakes_of_settings_at_once(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('colour = "red"\n[console]\nport = -1\n[store]\nkind = "clay"\n')
    with pytest.raises(SettingsError) as caught:
        load_settings({"OQIGA_CONFIG": str(file)})
    for word in ("colour", "console.port", "store.kind"):
        assert word in str(caught.value)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({"OQIGA_CONFIG": str(tmp_path / "absent.toml")})


def test_sources(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    assert load_sources(file) == []
    table = '[[source]]\nname = "a"\nkind = "telegram_preview"\naddress = "x"\nhome = "Тараз"\n'
    file.write_text(table, encoding="utf-8")
    assert load_sources(file)[0].home == "Тараз"
    file.write_text(table + table + '[[source]]\nname = "b"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="two sources") as caught:
        load_sources(file)
    assert "source 3" in str(caught.value)


def test_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    key = secret_key(path)
    assert secret_key(path) == key
    assert len(key) == 32
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_others_can_read_or_that_is_none_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / PSEUDONYM_KEY
    pseudonym_key(Settings(home=tmp_path), {})
    for mode in (0o640, 0o604):
        path.chmod(mode)
        with pytest.raises(SettingsError, match=f"chmod 600 {path}"):
            pseudonym_key(Settings(home=tmp_path), {})
    path.chmod(0o600)
    for text in ("abc", "zz" * 32, "ab" * 31):
        path.write_text(text)
        with pytest.raises(SettingsError, match="holds no key"):
            pseudonym_key(Settings(home=tmp_path), {})


def test_a_secret_is_private_and_not_empty_and_never_quoted(tmp_path: Path) -> None:
    path = tmp_path / "smtp"
    with pytest.raises(SettingsError, match=r"reports.smtp: .* cannot be read .*; put it there"):
        secret_text(path, "reports.smtp", "put it there")
    path.write_text(" tarantula\n")
    path.chmod(0o644)
    with pytest.raises(SettingsError, match=f"chmod 600 {path}") as caught:
        secret_text(path, "reports.smtp", "put it there")
    assert "tarantula" not in str(caught.value)
    path.chmod(0o600)
    assert secret_text(path, "reports.smtp", "put it there") == "tarantula"
    path.write_text("\n")
    with pytest.raises(SettingsError, match="is empty; put it there"):
        secret_text(path, "reports.smtp", "put it there")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is no text; put it there"):
        secret_text(path, "reports.smtp", "put it there")


def test_secrets_of_a_container_may_be_readable_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(CONTAINER_SECRETS) == "/run/secrets"
    monkeypatch.setattr("core.secret_files.CONTAINER_SECRETS", tmp_path)
    path = tmp_path / "pipeline_key"
    path.write_text("tarantula")
    path.chmod(0o444)
    assert secret_text(path, "elasticsearch.api_key_file", "make one") == "tarantula"


def test_the_key_comes_from_the_environment_too(tmp_path: Path) -> None:
    settings, key = Settings(home=tmp_path), "ab" * 32
    given = {PSEUDONYM_VARIABLE: f" {key}\n"}
    assert pseudonym_key(settings, given) == bytes.fromhex(key)
    assert list(tmp_path.iterdir()) == [], "no file is made beside it"
    with pytest.raises(SettingsError, match=PSEUDONYM_VARIABLE):
        pseudonym_key(settings, {PSEUDONYM_VARIABLE: "ab"})
    other = secret_key(tmp_path / PSEUDONYM_KEY)
    with pytest.raises(SettingsError, match="different keys"):
        pseudonym_key(settings, given)
    assert pseudonym_key(settings, {PSEUDONYM_VARIABLE: other.hex()}) == other


@dataclass
class _Restored:
    handlers: list[logging.Handler]
    level: int


@pytest.fixture
def _root_logger() -> object:
    root = logging.getLogger()
    before = _Restored(root.handlers[:], root.level)
    yield
    root.handlers[:] = before.handlers
    root.setLevel(before.level)


@pytest.mark.usefixtures("_root_logger")
def test_run_id_on_every_line() -> None:
    stream = io.StringIO()
    configure("abc123", stream=stream)
    logging.getLogger("x").info("one %s", 1)
    logging.getLogger("y").warning("two")
    assert [("run=abc123" in line) for line in stream.getvalue().splitlines()] == [True, True]
