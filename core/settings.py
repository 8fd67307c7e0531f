"""The one Settings object: a TOML file, overridden by environment variables.

The file is the one named by ``OQIGA_CONFIG`` (default ``oqiga.toml``; absent means defaults).
``OQIGA_<SECTION>__<FIELD>`` overrides a field, lists as JSON. Nothing else reads the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import SettingsError
from core.records import Category, Role, Source

Port = Annotated[int, Field(ge=0, le=65_535)]
Share = Annotated[float, Field(ge=0, le=1)]


PSEUDONYM_KEY = Path("pseudonym.key")
"""The file, under home, with the key of authors' pseudonyms and of what is sealed."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(_Section):
    """Where records are kept. ``path``: the SQLite file, relative to home."""

    kind: Literal["sqlite", "elasticsearch"] = "sqlite"
    path: Path = Path("oqiga.db")


class IntakeSettings(_Section):
    """The 102 side. Limits are those of the app; ``keys_file`` holds one API key a line."""

    keys_file: Path = Path("intake-keys")
    drop_folder: Path = Path("drop")
    drop_interval_s: float = Field(default=2.0, gt=0)
    feeds: tuple[str, ...] = ("app", "calls")
    heartbeat_limit_s: float = Field(default=300.0, gt=0)
    max_files: int = 5
    max_photo_bytes: int = 10_000_000
    max_video_bytes: int = 100_000_000


class CrawlerSettings(_Section):
    """Politeness of the readers."""

    sources_file: Path = Path("sources.toml")
    user_agent: str = "Oqiga/0.1 (+mailto:operator@example.org)"
    contact: str = "operator@example.org"
    delay_s: float = Field(default=1.0, ge=0)
    timeout_s: float = Field(default=20.0, gt=0)
    allow_private_addresses: bool = False


class NlpSettings(_Section):
    """Assessment. ``confidential_at``: probability of police corruption from which a post is kept
    from everybody but internal security; low, because a leak cannot be undone. At 0.1 one in ten
    such posts is still missed and 2 % of other incidents are hidden; see docs/evaluation.md.
    """

    model_dir: Path | None = None
    gazetteer_file: Path = Path("gazetteer.sqlite")
    incident_at: Share = 0.5
    confidential_at: Share = 0.1
    batch: int = Field(default=64, ge=1)


class CorrelatorSettings(_Section):
    """Correlation. Windows in hours; categories not named use ``window_h``.

    ``link_at``: probability from which two records are the same event.
    """

    link_at: Share = 0.5
    window_h: float = Field(default=12.0, gt=0)
    windows_h: dict[Category, float] = Field(
        default_factory=lambda: {Category.MISSING_PERSON: 96.0, Category.FIRE_EMERGENCY: 24.0}
    )


class OverdueSettings(_Section):
    """Minutes in which an event of each severity is to be decided."""

    urgent: float = Field(default=5.0, gt=0)
    raised: float = Field(default=15.0, gt=0)
    calm: float = Field(default=60.0, gt=0)


class ConsoleSettings(_Section):
    """The web console and the intake's HTTP API, on one port.

    ``tiles``: where the map finds tiles, an address with {z}, {x} and {y} or a .pmtiles file;
    empty: outlines and the gazetteer's places. ``alerts_per_h``: alerts a specialist and hour at
    most. ``factor_for``: roles that need a second factor. ``feed_keys_file``: keys of systems
    that read the feeds.
    """

    host: str = "127.0.0.1"
    port: Port = 8102
    session_h: float = Field(default=12.0, gt=0)
    time_zone: str = "Asia/Almaty"
    tiles: str = ""
    tiles_credit: str = ""
    overdue_min: OverdueSettings = OverdueSettings()
    alerts_per_h: int = Field(default=30, ge=1)
    factor_for: tuple[Role, ...] = ()
    feed_keys_file: Path = Path("feed-keys")


class AlertRule(_Section):
    """Who is told of which events. Empty lists mean any; names as in the console's addresses.

    ``channel``: email, webhook or telegram; ``to``: an address, a URL, a chat's id. ``audience``:
    a confidential rule hears of confidential events alone, an open one of open events alone.
    ``quiet``: local hours, as "22:00-07:00", in which only what is urgent is told.
    """

    name: str = Field(pattern="^[A-Za-z0-9_.-]{1,64}$")
    channel: Literal["email", "webhook", "telegram"]
    to: str = Field(min_length=1, max_length=500)
    audience: Literal["open", "confidential"] = "open"
    categories: tuple[Category, ...] = ()
    regions: tuple[str, ...] = ()
    levels: tuple[Literal["urgent", "raised", "calm"], ...] = ("urgent",)
    overdue: bool = False
    quiet: str | None = Field(default=None, pattern=r"^\d\d:\d\d-\d\d:\d\d$")
    language: Literal["ru", "kk", "en"] = "ru"


class AlertSettings(_Section):
    """Reaching people outside of the console. The passwords stand in files, one line each.

    ``base_url``: the console's address as people reach it. ``webhook_secret_file``: the key of
    the signature, made on first use. ``telegram_api``: Telegram's, or a gateway's, address.
    """

    rules: tuple[AlertRule, ...] = ()
    base_url: str = "http://127.0.0.1:8102"
    smtp_host: str = ""
    smtp_port: Port = 25
    smtp_tls: Literal["none", "starttls", "implicit"] = "starttls"
    smtp_user: str = ""
    smtp_password_file: Path = Path("smtp-password")
    email_from: str = "oqiga@localhost"
    webhook_secret_file: Path = Path("webhook.key")
    telegram_api: str = "https://api.telegram.org"
    telegram_token_file: Path = Path("telegram-token")
    attempts: int = Field(default=8, ge=1)
    timeout_s: float = Field(default=10.0, gt=0)


class Settings(_Section):
    """All settings. ``home``: where data lies."""

    home: Path = Path("data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    store: StoreSettings = StoreSettings()
    intake: IntakeSettings = IntakeSettings()
    crawlers: CrawlerSettings = CrawlerSettings()
    nlp: NlpSettings = NlpSettings()
    correlator: CorrelatorSettings = CorrelatorSettings()
    console: ConsoleSettings = ConsoleSettings()
    alerts: AlertSettings = AlertSettings()

    def under_home(self, path: Path) -> Path:
        """``path`` below home unless it is absolute."""
        return self.home / path


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises SettingsError that lists every mistake."""
    env = os.environ if environment is None else environment
    path = Path(env.get("OQIGA_CONFIG", "oqiga.toml"))
    named = "OQIGA_CONFIG" in env
    values: dict[str, object] = _toml(path) if named or path.exists() else {}
    if "OQIGA_HOME" in env:
        values["home"] = env["OQIGA_HOME"]
    for name, text in env.items():
        if name.startswith("OQIGA_") and "__" in name:
            section, field = name.removeprefix("OQIGA_").lower().split("__", 1)
            table = values.setdefault(section, {})
            if isinstance(table, dict):
                table[field] = _value(text)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_mistakes(str(path), error)) from error


def load_sources(path: Path) -> list[Source]:
    """Sources of a sources.toml; an absent file means none; raises SettingsError."""
    if not path.exists():
        return []
    tables = _toml(path).get("source", [])
    if not isinstance(tables, list):
        raise SettingsError(f"{path}: [[source]] must be a list of tables")
    sources: list[Source] = []
    mistakes: list[str] = []
    for number, table in enumerate(tables, 1):
        try:
            sources.append(Source.model_validate(table))
        except ValidationError as error:
            mistakes.append(_mistakes(f"{path}, source {number}", error))
    names = [source.name for source in sources]
    mistakes += [
        f"{path}: two sources are named {name!r}; names must differ"
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return sources


def secret_key(path: Path, n_bytes: int = 32) -> bytes:
    """The key kept in ``path``, made on first use and readable by its owner only.

    Two processes that start at once end with the same key: the file appears whole, by a link.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(n_bytes))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key is it
            os.link(draft, path)
        draft.unlink()
    return bytes.fromhex(path.read_text().strip())


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: no TOML: {error}") from error


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _mistakes(where: str, error: ValidationError) -> str:
    return "\n".join(
        f"{where}: {'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )
