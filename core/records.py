"""All records of Oqiga on one page, in the order in which the data travels.

Records are immutable and validated when made. Datetimes are aware and UTC inside;
probabilities and scores lie in [0, 1]; ``None`` means "not known" unless said otherwise.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Category(StrEnum):
    """What the patrol would be sent for; the order is that of the contract."""

    THREAT_TO_LIFE = "threat_to_life"
    ROAD_CRASH = "road_crash"
    DRUNK_DRIVING = "drunk_driving"
    VIOLENCE = "violence"
    DOMESTIC_VIOLENCE = "domestic_violence"
    ANIMAL_CRUELTY = "animal_cruelty"
    SUSPICIOUS_PERSON = "suspicious_person"
    POLICE_CORRUPTION = "police_corruption"
    THEFT_ROBBERY = "theft_robbery"
    FIRE_EMERGENCY = "fire_emergency"
    MISSING_PERSON = "missing_person"
    DRUGS = "drugs"
    WEAPON = "weapon"
    HOOLIGANISM = "hooliganism"
    NONE = "none"

    __hash__ = str.__hash__
    """That of its value, as equality is; the one of Enum costs a call, and tables by category are
    read a hundred times a post."""


INCIDENT_CATEGORIES = tuple(c for c in Category if c is not Category.NONE)


class Language(StrEnum):
    """``kk`` includes Kazakh typed without its special letters; ``translit`` is Latin script."""

    RU = "ru"
    KK = "kk"
    MIXED = "mixed"
    TRANSLIT = "translit"
    OTHER = "other"


class Channel(StrEnum):
    """How a report reached 102."""

    APP_MESSAGE = "app_message"
    APP_PHOTO = "app_photo"
    APP_VIDEO = "app_video"
    APP_VIDEO_CALL = "app_video_call"
    CALL_CARD = "call_card"
    INTERNAL_SECURITY = "internal_security"
    OTHER = "other"


class ReportState(StrEnum):
    """What 102 knows of an event."""

    UNREPORTED = "unreported"
    REPORTED_BEFORE = "reported_before"
    REPORTED_AFTER = "reported_after"
    UNKNOWN = "unknown"


class Audience(StrEnum):
    """Who may read a record.

    ``pending``: not yet assessed, the pipeline alone. ``confidential``: internal security alone.
    """

    PENDING = "pending"
    OPEN = "open"
    CONFIDENTIAL = "confidential"


class Point(Record):
    """A place on the map with the radius, in metres, that covers the truth 9 times in 10."""

    lat: Latitude
    lon: Longitude
    radius_m: float = Field(gt=0)


class MediaRef(Record):
    """A photo or video: where it was seen and, once fetched, its content digest (SHA-256 hex)."""

    url: str | None = None
    digest: str | None = None
    media_type: str | None = None
    size_bytes: int | None = Field(default=None, ge=0)


class RawPost(Record):
    """What a source served, untouched, so that posts can be derived again.

    In every store ``payload`` and ``url`` are sealed (``core.sealing.open_payload``). In JSON the
    payload is base64: pages come in any encoding, and not all bytes are UTF-8.
    """

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    id: str
    source: str
    native_id: str
    url: str | None
    fetched_at: UtcDatetime
    media_type: str
    payload: bytes
    parser: str


class Post(Record):
    """One version of a public post.

    ``id`` is the digest of (source, native id); ``version`` counts from 1. ``author`` is a keyed
    pseudonym, never a handle. ``native_id`` is the id that the input carried. ``handle``: the
    author's handle, sealed (``core.sealing``, place: the post's id); opened for a case alone.
    ``url``: the address, or its pseudonym (``core.links``) where it carries a handle; then the
    address itself is ``sealed_url``, with the same place. ``forwarded_from``: the post or public
    channel, or the pseudonym of a person (``core.links.kept_origin``).
    """

    id: str
    source: str
    native_id: str
    version: int = Field(ge=1)
    text: str
    posted_at: UtcDatetime
    edited_at: UtcDatetime | None = None
    deleted_at: UtcDatetime | None = None
    accepted_at: UtcDatetime
    url: str | None = None
    sealed_url: str | None = None
    author: str | None = None
    handle: str | None = None
    home: str | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    reply_to: str | None = None
    forwarded_from: str | None = None
    media: tuple[MediaRef, ...] = ()
    extra: dict[str, object] = Field(default_factory=dict)
    content: str = Field(description="digest of what the source said, to tell repeats from edits")

    @property
    def known_at(self) -> datetime:
        """When this version came to be at its source (UTC)."""
        return max(t for t in (self.posted_at, self.edited_at, self.deleted_at) if t is not None)


class Report(Record):
    """What somebody told 102, by any channel."""

    id: str
    channel: Channel
    text: str
    received_at: UtcDatetime
    accepted_at: UtcDatetime
    category: Category | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    accuracy_m: float | None = Field(default=None, ge=0)
    media: tuple[MediaRef, ...] = ()
    extra: dict[str, object] = Field(default_factory=dict)
    content: str


class Place(Record):
    """A place mention. ``start`` and ``end`` are character offsets into the text.

    ``path`` holds gazetteer ids from the entry up to the country; ``lat``, ``lon`` and
    ``radius_m`` are ``None`` together, when the mention could not be resolved.
    """

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    name: str
    kind: str
    lat: Latitude | None = None
    lon: Longitude | None = None
    radius_m: float | None = None
    score: Probability
    path: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class Cue(Record):
    """A stretch of text that moved a judgement. ``weight`` is in log-odds, signed."""

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    judgement: str
    weight: float


class LanguagePart(Record):
    """A stretch of a mixed text that is in one language."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    language: Language


class Assessment(Record):
    """What the text of one version of a post or report says, by one assessor.

    ``language_parts``: of a mixed text its parts in order, of any other none.
    """

    subject: str
    version: int = Field(ge=1)
    assessor: str
    language: Language
    language_parts: tuple[LanguagePart, ...] = ()
    incident: Probability
    category: Category
    categories: dict[Category, Probability]
    urgency: Probability
    places: tuple[Place, ...] = ()
    location: Point | None = None
    location_path: tuple[str, ...] = ()
    location_reasons: tuple[str, ...] = ()
    event_at: UtcDatetime | None = None
    vector: tuple[float, ...] = ()
    concepts: tuple[str, ...] = ()
    cues: tuple[Cue, ...] = ()


class Contribution(Record):
    """One feature's part in a probability: its value, its log-odds and a sentence to read."""

    feature: str
    value: float
    weight: float
    sentence: str


class Link(Record):
    """A post or report in an event, with why it is there.

    ``to`` is the member it was compared with, ``None`` for an event's first member.
    """

    kind: str = Field(pattern="^(post|report)$")
    id: str
    at: UtcDatetime
    to: str | None = None
    probability: Probability = 1.0
    contributions: tuple[Contribution, ...] = ()


class PriorityFactor(Record):
    """One factor of the priority, shown to the specialist."""

    name: str
    value: float


class Event(Record):
    """Posts and reports judged to be the same real-world event, at one version.

    ``lead_s``: seconds from the first post to the first report when the state is
    ``reported_after``. ``candidates``: reports that were near but judged other, best first.
    ``flagged``: probably real, recent, local and not known to 102. ``aliases``: ids of events
    that were merged into this one. ``merged_into``: set on the last version of an event that has
    no members any more. ``decided``: ``confirm`` or ``reject`` once a person decided.
    """

    id: str
    version: int = Field(ge=1)
    audience: Audience
    category: Category
    incident: Probability
    urgency: Probability
    location: Point | None
    location_path: tuple[str, ...] = ()
    started_at: UtcDatetime
    last_at: UtcDatetime
    posts: tuple[Link, ...] = ()
    reports: tuple[Link, ...] = ()
    candidates: tuple[Link, ...] = ()
    report_state: ReportState
    lead_s: float | None = None
    flagged: bool
    priority: Probability
    priority_factors: tuple[PriorityFactor, ...] = ()
    headline: str = ""
    decided: str | None = None
    aliases: tuple[str, ...] = ()
    merged_into: str | None = None
    updated_at: UtcDatetime


class DecisionKind(StrEnum):
    """What a person can decide about an event."""

    CONFIRM = "confirm"
    REJECT = "reject"
    LINK = "link"
    UNLINK = "unlink"
    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"
    SNOOZE = "snooze"
    CATEGORY = "category"
    NOTE = "note"
    UNSURE = "unsure"
    UNDO = "undo"


class Decision(Record):
    """A person's judgement, append-only. ``undoes`` names the decision an undo takes back.

    ``members`` are ids of posts or reports the decision speaks of; for ``link`` and ``unlink``
    each of them is said to be (not) the same event as ``anchor``, a post or report of the event;
    ``unsure`` says of each that there is not enough to tell. In a ``split`` the members leave, and
    ``staying`` are those that do not. ``category``: what a ``category`` says the event is.
    ``batch``: decisions that were taken in one go, and are undone so.
    """

    id: str
    event: str
    event_version: int
    kind: DecisionKind
    by: str
    at: UtcDatetime
    reason: str | None = None
    anchor: str | None = None
    members: tuple[str, ...] = ()
    point: Point | None = None
    until: UtcDatetime | None = None
    undoes: str | None = None
    category: Category | None = None
    staying: tuple[str, ...] = ()
    batch: str | None = None
    audience: Audience = Audience.OPEN


class Claim(Record):
    """Somebody works on an event until ``until``, which each heartbeat of the page puts off."""

    event: str
    by: str
    at: UtcDatetime
    until: UtcDatetime
    audience: Audience = Audience.OPEN


class SetAside(Record):
    """An input that could not be accepted, kept so that a person can look at it.

    ``record`` is the refused bytes, at most ``MAX_KEPT`` of them, and encrypted when ``sealed``
    (``core.sealing.open_aside``); ``where`` says file and line.
    """

    id: str
    kind: str
    where: str
    problem: str
    at: UtcDatetime
    size_bytes: int
    record: bytes
    sealed: bool = False


class Outcome(StrEnum):
    """What became of a record that was offered to the store."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    CONFLICT = "conflict"


class Heartbeat(Record):
    """A feed's last sign of life."""

    feed: str
    at: UtcDatetime
    limit_s: float


class Selectors(Record):
    """Where the parts of an item stand on a page, as CSS selectors; ``::attr(name)`` takes one.

    ``item``: one entry of the listing. The others are looked for inside it. With ``article`` the
    link is opened and the text taken from there. ``time_zone``: of times without an offset.
    """

    item: str
    link: str = "a::attr(href)"
    text: str | None = None
    time: str | None = None
    time_format: str | None = None
    time_zone: str = "Asia/Almaty"
    media: str | None = None
    next: str | None = None


class Source(Record):
    """A configured source; ``home`` is the settlement it is about.

    ``interval_s``: the shortest time between two readings. ``comments``: read them where the
    platform gives them. ``article``: open each item's link and take the text from there.
    ``token``: name of the token to use, the kind's own by default. ``hosts``: further hosts that
    the source's links may lead to.
    """

    name: str
    kind: str
    address: str
    home: str | None = None
    interval_s: float = Field(default=60.0, gt=0)
    comments: bool = True
    article: bool = False
    token: str | None = None
    hosts: tuple[str, ...] = ()
    selectors: Selectors | None = None


class Role(StrEnum):
    """What an account may do; see ``console/roles.py``."""

    SPECIALIST = "specialist"
    SUPERVISOR = "supervisor"
    ANALYST = "analyst"
    INTERNAL_SECURITY = "internal_security"
    ADMINISTRATOR = "administrator"


class User(Record):
    """An account. ``password_hash`` is argon2id.

    ``subject``: issuer and subject by which an OpenID Connect provider vouches for the person,
    ``None`` for a local account. ``totp``: the second factor's secret (base32), ``None`` without
    one; ``totp_step``: the time step of the last code that was used, so that none is used twice.
    """

    name: str
    role: Role
    password_hash: str
    created_at: UtcDatetime
    disabled: bool = False
    subject: str | None = None
    totp: str | None = None
    totp_step: int | None = None


class Session(Record):
    """A signed-in browser. ``id`` is the digest of the cookie, so that the store can't sign in."""

    id: str
    user: str
    created_at: UtcDatetime
    expires_at: UtcDatetime
    csrf: str


class AuditEntry(Record):
    """Who did what when. Entries form a hash chain per audience; see ``core/chain.py``."""

    at: UtcDatetime
    by: str
    action: str
    subject: str
    audience: Audience = Audience.OPEN
    detail: str = ""


class ChainLink(Record):
    """One link of a hash chain: position, digest of what it vouches for, and the chain's hash."""

    position: int = Field(ge=1)
    subject: str
    digest: str
    hash: str


class Assessed(Record):
    """A post or report together with its newest assessment: what the correlator reads."""

    subject: Post | Report
    assessment: Assessment
    audience: Audience
