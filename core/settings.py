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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import SettingsError
from core.records import Category, Channel, Role, Source

Port = Annotated[int, Field(ge=0, le=65_535)]
Share = Annotated[float, Field(ge=0, le=1)]


PSEUDONYM_KEY = Path("pseudonym.key")
"""The file, under home, with the key of authors' pseudonyms and of what is sealed."""
PSEUDONYM_VARIABLE = "OQIGA_PSEUDONYM_KEY"
"""The same key in the environment, for machines that share a store."""


VECTOR_DIMS = 96
"""Length of the vectors that our own models make."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ElasticsearchSettings(_Section):
    """The cluster. Files are relative to home; a key is used before user and password.

    ``prefix``: beginning of all index names. ``period``: span of one timed index. ``vector_dims``:
    length of the assessments' vectors; not set, what ``nlp.vector_model`` makes. ``outbox_bytes``:
    what is kept on disk while the cluster is away. ``assess_part`` of ``assess_parts``: the share
    of what waits that this process assesses first. Retention in days, by kind; ``None`` keeps for
    ever.
    """

    hosts: tuple[str, ...] = ("http://127.0.0.1:9200",)
    prefix: str = Field(default="oqiga", pattern="^[a-z][a-z0-9_]*$")
    api_key_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout_s: float = Field(default=30.0, gt=0)
    shards: int = Field(default=1, ge=1, le=64)
    replicas: int = Field(default=1, ge=0, le=5)
    period: Literal["day", "month"] = "month"
    vector_dims: int = Field(default=VECTOR_DIMS, ge=1, le=4096)
    assess_part: int = Field(default=0, ge=0)
    assess_parts: int = Field(default=1, ge=1, le=64)
    outbox_bytes: int = Field(default=4_000_000_000, ge=1_000_000)
    snapshot_repository: str = "oqiga"
    keep_no_incident_days: float | None = Field(default=30.0, gt=0)
    keep_posts_days: float | None = Field(default=365.0, gt=0)
    keep_reports_days: float | None = Field(default=1095.0, gt=0)
    keep_events_days: float | None = Field(default=1095.0, gt=0)
    keep_raw_days: float | None = Field(default=90.0, gt=0)


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


class FollowSettings(_Section):
    """An index or alias of reports that is followed, never written to; ``None``: none is.

    ``fields``: field of an input report (id, text, received_at, lat, lon, point, accuracy_m,
    category, channel) to the dotted path in a document. ``categories`` and ``channels`` translate
    the origin's words. ``zone``: of times without offset. ``overlap_s``: how far back each round
    reads again; what was written or changed later than that is found by ``full_every_h``.
    ``feeds``: what the index is a sign of life of.
    """

    index: str | None = None
    hosts: tuple[str, ...] = ("http://127.0.0.1:9200",)
    api_key_file: Path | None = None
    ca_file: Path | None = None
    fields: dict[str, str] = Field(
        default_factory=lambda: {"id": "id", "text": "text", "received_at": "received_at"}
    )
    categories: dict[str, str] = Field(default_factory=dict)
    channels: dict[str, str] = Field(default_factory=dict)
    channel: Channel | None = None
    time_field: str = "received_at"
    id_field: str = "id"
    id_prefix: str = ""
    zone: str = "Asia/Almaty"
    interval_s: float = Field(default=5.0, gt=0)
    overlap_s: float = Field(default=900.0, ge=0)
    full_every_h: float = Field(default=6.0, gt=0)
    full_back_h: float = Field(default=72.0, gt=0)
    page: int = Field(default=500, ge=1, le=10_000)
    feeds: tuple[str, ...] = ()


class CrawlerSettings(_Section):
    """Politeness of the readers.

    ``requests_per_hour``: budget for each host; ``host_budgets`` names others for some hosts (the
    Telegram account's is that of ``telegram``). ``longest_interval_s``: a quiet source is read at
    least that often. ``tokens_folder``: one file a token, relative to home. ``telegram_server``
    (host:port) and ``telegram_server_key`` (PEM) lead to a test server of your own, as
    ``allow_private_addresses`` does for pages.
    """

    sources_file: Path = Path("sources.toml")
    user_agent: str = "Oqiga/0.1 (+mailto:operator@example.org)"
    contact: str = "operator@example.org"
    delay_s: float = Field(default=1.0, ge=0)
    timeout_s: float = Field(default=20.0, gt=0)
    allow_private_addresses: bool = False
    requests_per_hour: float = Field(default=1800.0, gt=0)
    host_budgets: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    longest_interval_s: float = Field(default=1800.0, gt=0)
    tokens_folder: Path = Path("tokens")
    vk_api: str = "https://api.vk.com/method"
    instagram_api: str = "https://graph.facebook.com/v23.0"
    threads_api: str = "https://graph.threads.net/v1.0"
    telegram_session: Path = Path("telegram.session")
    telegram_server: str | None = None
    telegram_server_key: Path | None = None

    def budget_per_hour(self, host: str) -> float:
        """Requests that a host may be asked in an hour."""
        return self.host_budgets.get(host, self.requests_per_hour)


class MediaSettings(_Section):
    """Photos and videos of public posts: which are fetched, and the bounds of decoding.

    ``hosts``: further hosts (and their subdomains) that media may come from, beside those that
    each kind of source is known for. ``decode_s`` and ``decode_bytes`` bound one file.
    """

    photos: bool = True
    videos: bool = True
    max_photo_bytes: int = Field(default=10_000_000, gt=0)
    max_video_bytes: int = Field(default=50_000_000, gt=0)
    hosts: tuple[str, ...] = ()
    decode_s: float = Field(default=20.0, gt=0)
    decode_bytes: int = Field(default=3_000_000_000, gt=0)
    key_frames: int = Field(default=8, ge=1, le=64)


class NlpSettings(_Section):
    """Assessment. ``confidential_at``: probability of police corruption from which a post is kept
    from everybody but internal security; low, because a leak cannot be undone. At 0.1 one in ten
    such posts is still missed and 2 % of other incidents are hidden; see docs/evaluation.md.
    ``vector_model``: folder or name of a SentenceTransformer whose vectors take the place of ours;
    ``vector_prompt`` stands before each text that it reads ("query: " for multilingual-e5).
    """

    model_dir: Path | None = None
    gazetteer_file: Path = Path("gazetteer.sqlite")
    incident_at: Share = 0.5
    confidential_at: Share = 0.1
    batch: int = Field(default=64, ge=1)
    vector_model: str = ""
    vector_prompt: str = ""


class GeocoderSettings(_Section):
    """The operator's own geocoder, for addresses that the gazetteer lacks; off by default.

    ``address``: scheme, host and port. ``interval_s``: least time between two questions.
    ``per_batch``: most questions while one batch is assessed. ``cache``: file of the answers,
    under home.
    """

    kind: Literal["off", "nominatim", "photon", "pelias"] = "off"
    address: str | None = None
    interval_s: float = Field(default=1.0, ge=0)
    timeout_s: float = Field(default=3.0, gt=0)
    per_batch: int = Field(default=4, ge=1)
    cache: Path = Path("geocodes.sqlite")


class CorrelatorSettings(_Section):
    """Correlation. Windows in hours; categories not named use ``window_h``.

    ``link_at``: probability from which two records are the same event. ``known_at``: chance that
    102 knows of an event that no report is in, from which it is not flagged; 1 flags it always.
    """

    link_at: Share = 0.5
    known_at: Share = 0.7
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
    most, until a supervisor chooses otherwise. ``factor_for``: roles that need a second factor.
    ``feed_keys_file``: keys of systems that read the feeds.
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


class OidcSettings(_Section):
    """Sign-in by the organisation's own OpenID Connect provider; without ``issuer`` there is none.

    ``client_secret_file``: one line, under home; without it the client is a public one.
    ``base_url``: the console's address as browsers reach it (default: that of the alerts); the
    provider has to know it with ``/login/oidc/callback``. ``name_claim``: the account's name.
    ``role_claim``: a name or path ("realm_access.roles") whose values ``roles`` maps; the first
    that fits counts. ``factor``: the provider asks for a second factor itself; without it nobody
    whose role needs one signs in this way. ``label``: the button's words.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret_file: Path | None = None
    base_url: str = ""
    scope: str = "openid profile"
    name_claim: str = "preferred_username"
    role_claim: str = "roles"
    roles: dict[str, Role] = Field(default_factory=dict)
    factor: bool = False
    label: str = Field(default="", max_length=60)
    timeout_s: float = Field(default=10.0, gt=0)
    key_file: Path = Path("oidc.key")


class AlertRule(_Section):
    """Who is told of what. Empty lists mean any; names as in the console's addresses.

    ``about``: events, or failures of scheduled work. ``people``: how many specialists read there;
    so many times the alert budget is theirs. ``channel``: email, webhook or telegram; ``to``: an
    address, a URL, a chat's id. ``audience``: a confidential rule hears of confidential events
    alone, an open one of open events alone. ``quiet``: local hours, as "22:00-07:00", in which
    only what is urgent is told.
    """

    name: str = Field(pattern="^[A-Za-z0-9_.-]{1,64}$")
    channel: Literal["email", "webhook", "telegram"]
    to: str = Field(min_length=1, max_length=500)
    about: Literal["events", "failures"] = "events"
    people: int = Field(default=1, ge=1, le=1_000)
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


class ReportCopy(_Section):
    """One copy of the reports: for whom, about what, when. ``region``: a gazetteer id, ``None``
    for the whole country. ``to``: e-mail addresses. It is made at ``hour`` o'clock of its zone.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
    audience: Literal["open", "confidential"] = "open"
    region: str | None = None
    time_zone: str = "Asia/Almaty"
    hour: int = Field(default=6, ge=0, le=23)
    languages: tuple[Literal["ru", "kk"], ...] = ("ru", "kk")
    spans: tuple[Literal["nightly", "weekly", "monthly"], ...] = ("nightly", "weekly", "monthly")
    to: tuple[str, ...] = ()


class ReportSettings(_Section):
    """Reports. ``folder``: where they are filed, relative to home. Aims of service in seconds:
    the readers' interval, the live latency that was asked for, and a shift's own aim.
    ``smtp_password_file`` holds the password alone.
    """

    folder: Path = Path("reports")
    copies: tuple[ReportCopy, ...] = (
        ReportCopy(name="country"),
        ReportCopy(name="internal_security", audience="confidential"),
    )
    publish_to_accept_s: float = 120.0
    accept_to_screen_s: float = 5.0
    screen_to_decision_s: float = 300.0
    smtp_host: str | None = None
    smtp_port: Port = 25
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    smtp_user: str | None = None
    smtp_password_file: Path | None = None
    smtp_timeout_s: float = Field(default=30.0, gt=0)
    sender: str = "oqiga@localhost"


class RetentionSettings(_Section):
    """How many days each kind of record is kept; ``None`` for ever.

    ``no_incident``: posts in events that are no incident (below ``incident_at``), that 102 knew
    nothing of and nobody decided on; they go first. ``media``: photos and videos by the time
    they were kept. ``reports_filed``: the nightly reports. ``dropped``: files of the drop folder
    that were read. ``at``: local time at which the live runtime removes what is over its limit.
    """

    at: str = Field(default="02:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    no_incident_days: float | None = Field(default=30.0, gt=0)
    raw_days: float | None = Field(default=90.0, gt=0)
    posts_days: float | None = Field(default=365.0, gt=0)
    reports_days: float | None = Field(default=1_095.0, gt=0)
    events_days: float | None = Field(default=1_095.0, gt=0)
    set_aside_days: float | None = Field(default=90.0, gt=0)
    media_days: float | None = Field(default=90.0, gt=0)
    reports_filed_days: float | None = Field(default=1_095.0, gt=0)
    dropped_days: float | None = Field(default=30.0, gt=0)
    incident_at: Share = 0.5

    def before(self, now: datetime, kind: str) -> datetime | None:
        """What is older than this is over the kind's limit; ``None``: nothing ever is."""
        days: float | None = getattr(self, f"{kind}_days")
        return None if days is None else now - timedelta(days=days)


class Settings(_Section):
    """All settings. ``home``: where data lies."""

    home: Path = Path("data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    store: StoreSettings = StoreSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    intake: IntakeSettings = IntakeSettings()
    follow: FollowSettings = FollowSettings()
    crawlers: CrawlerSettings = CrawlerSettings()
    media: MediaSettings = MediaSettings()
    nlp: NlpSettings = NlpSettings()
    geocoder: GeocoderSettings = GeocoderSettings()
    correlator: CorrelatorSettings = CorrelatorSettings()
    console: ConsoleSettings = ConsoleSettings()
    oidc: OidcSettings = OidcSettings()
    reports: ReportSettings = ReportSettings()
    retention: RetentionSettings = RetentionSettings()
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


def token(name: str, settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """The token of a platform, from ``OQIGA_TOKEN_<NAME>`` or its file; raises SettingsError.

    The file is ``<home>/<tokens_folder>/<name>`` and must be readable by its owner only. Tokens
    never stand in a settings or sources file, and never in a command line.
    """
    env = os.environ if environment is None else environment
    variable = "OQIGA_TOKEN_" + "".join(c if c.isalnum() else "_" for c in name).upper()
    if env.get(variable, "").strip():
        return env[variable].strip()
    path = settings.under_home(settings.crawlers.tokens_folder) / name
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"no token {name!r}: write it to {path} (chmod 600), or set {variable}"
        ) from error
    _need_private(path, mode)
    if not text:
        raise SettingsError(f"{path} is empty; write the token {name!r} into it")
    return text


def pseudonym_key(settings: Settings, environment: Mapping[str, str] | None = None) -> bytes:
    """The key of authors' pseudonyms and of all that is sealed; raises SettingsError.

    From ``OQIGA_PSEUDONYM_KEY`` (64 hex characters), else from its file, made on first use. Where
    both are given they have to agree, so that none is used by mistake.
    """
    env = os.environ if environment is None else environment
    path = settings.under_home(PSEUDONYM_KEY)
    text = env.get(PSEUDONYM_VARIABLE, "").strip()
    if not text:
        return secret_key(path)
    given = _key_of(text, PSEUDONYM_VARIABLE)
    if path.exists() and secret_key(path) != given:
        raise SettingsError(
            f"{PSEUDONYM_VARIABLE} and {path} hold different keys; keep the one that the data was "
            "written with and remove the other"
        )
    return given


def secret_key(path: Path, n_bytes: int = 32) -> bytes:
    """The key kept in ``path``, made on first use and readable by its owner only.

    Two processes that start at once end with the same key: the file appears whole, by a link.
    Raises SettingsError for a file that others can read or that holds no key.
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
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the key cannot be read ({error}); mend the file") from error
    _need_private(path, mode)
    return _key_of(text, str(path), n_bytes)


def _need_private(path: Path, mode: int) -> None:
    if mode & 0o077:
        raise SettingsError(f"{path} can be read by others; run: chmod 600 {path}")


def _key_of(text: str, where: str, n_bytes: int = 32) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != n_bytes:
        raise SettingsError(
            f"{where} holds no key ({2 * n_bytes} hexadecimal characters are expected); restore it "
            "from your copy, as what was sealed with it opens with no other"
        )
    return key


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
