"""API keys."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.errors import InputError, SettingsError
from intake.keys import load, new_key, sender


def test_a_key_opens_and_stands_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "home" / "keys"
    key = new_key(path, "app-102")
    other = new_key(path, "cards")
    assert key not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.joinpath("home").iterdir()) == [path]
    keys = load(path)
    assert sender(keys, key) == "app-102"
    assert sender(keys, other) == "cards"
    assert sender(keys, key[:-1]) is None
    assert sender(keys, "") is None
    assert sender(load(tmp_path / "absent"), key) is None


@pytest.mark.parametrize("name", ["", "a:b", "с кириллицей", "-x", "a" * 65, "a\nb"])
def test_names_that_would_break_the_file_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name an API key"):
        new_key(tmp_path / "keys", name)


def test_a_name_is_used_once(tmp_path: Path) -> None:
    new_key(tmp_path / "keys", "app")
    with pytest.raises(InputError, match="exists"):
        new_key(tmp_path / "keys", "app")


def test_all_mistakes_of_a_keys_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# comment\n\napp:{'0' * 64}\napp:{'1' * 64}\nplain-key\n")
    with pytest.raises(SettingsError, match=r"line 4.*\n.*line 5") as caught:
        load(path)
    assert "line 1" not in str(caught.value)
