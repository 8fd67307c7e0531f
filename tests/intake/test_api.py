"""Reports and heartbeats over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.errors import StoreError
from core.records import Channel
from core.sealing import open_aside
from core.settings import pseudonym_key
from intake.api import MAX_REPORTS
from intake.keys import new_key
from store.protocol import ALL

from .conftest import NOW, Intake

Report = Callable[..., dict[str, Any]]


def test_accepted_repeated_conflict(intake: Intake, client: TestClient, report: Report) -> None:
    first = client.post("/api/reports", json=report())
    assert (first.status_code, first.json()) == (
        201,
        {"id": "r-1", "outcome": "accepted", "problems": []},
    )
    again = client.post("/api/reports", json=report())
    assert (again.status_code, again.json()["outcome"]) == (200, "repeated")
    other = client.post("/api/reports", json=report(text="совсем о другом"))
    assert (other.status_code, other.json()["outcome"]) == (409, "conflict")
    assert "other content" in other.json()["problems"][0]
    kept = intake.store.report("r-1", ALL)
    assert kept is not None
    assert kept.text == report()["text"]
    [aside] = intake.store.set_aside_items()
    assert aside.where == "api:app"
    assert "совсем".encode() not in aside.record, "it is sealed"
    opened = open_aside(aside, pseudonym_key(intake.settings))
    assert json.loads(opened.record)["text"] == "совсем о другом"


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "no"}, {"Authorization": "Bearer no"}])
def test_without_a_key_nothing_is_taken(
    intake: Intake, report: Report, headers: dict[str, str]
) -> None:
    with TestClient(intake.app) as client:
        for path in ("/api/reports", "/api/heartbeat"):
            answer = client.post(path, json=report(), headers=headers)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "Authorization: Bearer" in answer.json()["problems"][0]
    assert intake.store.report("r-1", ALL) is None
    assert intake.store.heartbeats() == []


def test_both_headers_open_and_a_new_key_works_at_once(intake: Intake, report: Report) -> None:
    key = new_key(intake.settings.under_home(intake.settings.intake.keys_file), "second")
    with TestClient(intake.app) as client:
        answer = client.post("/api/reports", json=report(), headers={"X-API-Key": key})
        assert answer.status_code == 201


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"received_at": "2026-03-20T19:00:00"}, "offset"),
        ({"received_at": "вчера"}, "ISO 8601"),
        ({"lat": 143.0, "lon": 76.9}, "lat"),
        ({"lat": 43.2}, "together"),
        ({"channel": "fax"}, "channel"),
        ({"category": "politics"}, "category"),
        ({"text": "чу\u202eдо"}, "U+202E"),
        ({"text": None}, "text"),
        ({"accuracy_m": -1}, "accuracy_m"),
    ],
)
def test_what_is_wrong_is_said_and_set_aside(
    intake: Intake, client: TestClient, report: Report, changes: dict[str, Any], word: str
) -> None:
    answer = client.post("/api/reports", json=report(**changes))
    assert answer.status_code == 422
    assert answer.json()["outcome"] == "refused"
    assert answer.json()["id"] == "r-1"
    assert word in answer.json()["problems"][0]
    [aside] = intake.store.set_aside_items()
    assert word in aside.problem
    assert intake.store.heartbeats() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"a":NaN}', b"\xff\xfe", b"[" * 100_000])
def test_bodies_that_are_no_report(intake: Intake, client: TestClient, body: bytes) -> None:
    answer = client.post("/api/reports", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert len(intake.store.set_aside_items()) == 1


def test_other_kinds_of_body_are_refused(client: TestClient) -> None:
    answer = client.post("/api/reports", content=b"<r/>", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["problems"][0]


def test_a_batch_answers_each_report(intake: Intake, client: TestClient, report: Report) -> None:
    client.post("/api/reports", json=report("r-2"))
    rows = [report("r-1"), report("r-2"), report("r-2", text="иное"), {"id": "r-3"}, 7]
    answer = client.post("/api/reports", json={"reports": rows})
    assert answer.status_code == 207
    body = answer.json()
    assert [r["outcome"] for r in body["results"]] == [
        "accepted",
        "repeated",
        "conflict",
        "refused",
        "refused",
    ]
    assert [r["id"] for r in body["results"]] == ["r-1", "r-2", "r-2", "r-3", None]
    assert body["accepted"] == body["repeated"] == body["conflict"] == 1
    assert {a.where for a in intake.store.set_aside_items()} == {
        "api:app:3",
        "api:app:4",
        "api:app:5",
    }


def test_a_batch_of_good_reports_is_created_then_repeated(
    client: TestClient, report: Report
) -> None:
    rows = {"reports": [report(f"r-{n}") for n in range(MAX_REPORTS)]}
    assert client.post("/api/reports", json=rows).status_code == 201
    assert client.post("/api/reports", json=rows).status_code == 200


@pytest.mark.parametrize(("rows", "status"), [([], 422), ("r-1", 422), ([{}] * 1001, 413)])
def test_batches_of_the_wrong_size(client: TestClient, rows: object, status: int) -> None:
    answer = client.post("/api/reports", json={"reports": rows})
    assert answer.status_code == status
    assert answer.json()["problems"][0].startswith("reports: ")


@pytest.mark.parametrize("channel", list(Channel))
def test_each_channel_is_taken_and_beats_its_feed(
    intake: Intake, client: TestClient, report: Report, channel: Channel
) -> None:
    answer = client.post("/api/reports", json=report(channel=channel.value, lat=43.2, lon=76.9))
    assert answer.status_code == 201
    feeds = [beat.feed for beat in intake.store.heartbeats()]
    expected = {Channel.CALL_CARD: ["calls"], Channel.OTHER: []}.get(channel, ["app"])
    assert feeds == expected


def test_heartbeats(intake: Intake, client: TestClient) -> None:
    assert client.post("/api/heartbeat", json={"feed": "calls"}).status_code == 200
    [beat] = intake.store.heartbeats()
    assert (beat.feed, beat.at, beat.limit_s) == ("calls", NOW, 300.0)
    for body in ({"feed": "fax"}, {}, {"feed": ["app"]}):
        answer = client.post("/api/heartbeat", json=body)
        assert answer.status_code == 422
        assert "app, calls" in answer.json()["problems"][0]
    assert client.post("/api/heartbeat", content=b"{").status_code == 422
    assert len(intake.store.heartbeats()) == 1


# -- forms ----------------------------------------------------------------------------------------


def test_a_form_with_photos(
    intake: Intake, client: TestClient, report: Report, jpeg: bytes, heic: bytes
) -> None:
    data = report(channel="app_photo", lat="43.2383", lon="76.8425", accuracy_m="12", category="")
    files = [("media", ("фото.jpg", jpeg)), ("media", ("IMG_1.HEIC", heic))]
    answer = client.post("/api/reports", data=data, files=files)
    assert (answer.status_code, answer.json()["outcome"]) == (201, "accepted")
    kept = intake.store.report("r-1", ALL)
    assert kept is not None
    assert (kept.lat, kept.lon, kept.accuracy_m, kept.category) == (43.2383, 76.8425, 12.0, None)
    assert [m.media_type for m in kept.media] == ["image/jpeg", "image/heic"]
    assert [m.size_bytes for m in kept.media] == [len(jpeg), len(heic)]
    assert sorted(p.read_bytes() for p in intake.shelf("pending")) == sorted([jpeg, heic])
    assert len(intake.media) == 2


def test_a_form_without_files_equals_the_same_report_in_json(
    client: TestClient, report: Report
) -> None:
    data = report(lat="43.2", lon="76.9")
    # Only fields: a multipart body has to be asked for.
    form = client.post("/api/reports", files=[(k, (None, v)) for k, v in data.items()])
    assert form.status_code == 201
    again = client.post("/api/reports", json=report(lat=43.2, lon=76.9))
    assert again.status_code == 200


def test_a_repeated_form_leaves_no_second_copy_even_after_assessment(
    intake: Intake, client: TestClient, report: Report, jpeg: bytes
) -> None:
    files = [("media", ("a.jpg", jpeg))]
    data = report(channel="app_photo")
    assert client.post("/api/reports", data=data, files=files).status_code == 201
    [pending] = intake.shelf("pending")
    moved = intake.settings.home / "media" / "open" / pending.parent.name / pending.name
    moved.parent.mkdir(parents=True)
    pending.rename(moved)  # as after its assessment
    assert client.post("/api/reports", data=data, files=files).status_code == 200
    assert intake.media == [moved]


def test_a_conflicting_form_keeps_its_files_aside(
    intake: Intake, client: TestClient, report: Report, jpeg: bytes, mp4: bytes
) -> None:
    data = report(channel="app_video")
    client.post("/api/reports", data=data, files=[("media", ("a.mp4", mp4))])
    answer = client.post("/api/reports", data=data, files=[("media", ("b.mp4", mp4 + b"\0"))])
    assert (answer.status_code, answer.json()["outcome"]) == (409, "conflict")
    assert [p.read_bytes() for p in intake.shelf("set_aside")] == [mp4 + b"\0"]
    assert [p.read_bytes() for p in intake.shelf("pending")] == [mp4]


def test_files_for_internal_security_are_never_with_others(
    intake: Intake, client: TestClient, report: Report, jpeg: bytes
) -> None:
    data = report(channel="internal_security", text="инспектор на посту просит деньги")
    client.post("/api/reports", data=data, files=[("media", ("a.jpg", jpeg))])
    assert intake.media == intake.shelf("confidential")
    assert len(intake.media) == 1


@pytest.mark.parametrize(("channel", "word"), [("app_photo", "photo"), ("app_video", "video")])
def test_a_photo_report_needs_its_photo_and_a_video_report_its_video(
    intake: Intake,
    client: TestClient,
    report: Report,
    jpeg: bytes,
    mp4: bytes,
    channel: str,
    word: str,
) -> None:
    wrong = mp4 if channel == "app_photo" else jpeg
    data = report(channel=channel)
    answer = client.post("/api/reports", data=data, files=[("media", ("x", wrong))])
    assert answer.status_code == 422
    assert f"at least one {word}" in answer.json()["problems"][0]
    assert intake.store.report("r-1", ALL) is None
    assert intake.media == intake.shelf("set_aside")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"MZ\x90\0 a program", "no photo and no video"),
        (b"\xff\xd8\xff\xe0 cut off at once", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "damaged"),
    ],
)
def test_hostile_files_are_refused_by_name(
    intake: Intake, client: TestClient, report: Report, content: bytes, word: str
) -> None:
    files = [("media", ("evil.jpg", content))]
    answer = client.post("/api/reports", data=report(channel="app_photo"), files=files)
    assert answer.status_code == 422
    assert "'evil.jpg'" in answer.json()["problems"][0]
    assert word in answer.json()["problems"][0]
    assert intake.store.report("r-1", ALL) is None


def test_files_in_another_field_and_fields_sent_twice(
    client: TestClient, report: Report, jpeg: bytes
) -> None:
    answer = client.post("/api/reports", data=report(), files=[("photo", ("a.jpg", jpeg))])
    assert answer.status_code == 422
    assert "media" in answer.json()["problems"][0]
    twice = [(k, (None, v)) for k, v in report().items()] + [("text", (None, "ещё раз"))]
    assert "twice" in client.post("/api/reports", files=twice).json()["problems"][0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary here",
        b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\nr-1',
        b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\nr-1\r\n',
        b"--b\r\nContent-Disposition: form-data\r\n\r\nr-1\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\xfe\r\n--b--\r\n',
        b"--b\r\n" + b"X: y\r\n" * 1000 + b"\r\n\r\n--b--\r\n",
    ],
)
def test_broken_forms_leave_nothing(intake: Intake, client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/api/reports", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]
    assert intake.media == []
    headers = {"Content-Type": "multipart/form-data"}
    assert client.post("/api/reports", content=body, headers=headers).status_code == 422


def test_a_fault_of_ours_is_503_and_leaves_no_report_without_its_file(
    intake: Intake,
    client: TestClient,
    report: Report,
    jpeg: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    files = [("media", ("a.jpg", jpeg))]
    with monkeypatch.context() as patch:
        patch.setattr("media.files.MediaFiles.keep", full)
        answer = client.post("/api/reports", data=report(channel="app_photo"), files=files)
    assert answer.status_code == 503
    assert "same id" in answer.json()["problems"][0]
    assert intake.store.report("r-1", ALL) is None
    assert intake.media == []

    def locked(*_: object) -> None:
        raise StoreError("locked")

    with monkeypatch.context() as patch:
        patch.setattr(intake.store, "accept_reports", locked)
        assert client.post("/api/reports", json=report()).status_code == 503
    again = client.post("/api/reports", data=report(channel="app_photo"), files=files)
    assert again.status_code == 201


def test_no_text_is_logged(
    intake: Intake,
    client: TestClient,
    report: Report,
    caplog: pytest.LogCaptureFixture,
    jpeg: bytes,
) -> None:
    caplog.set_level(logging.DEBUG)
    client.post("/api/reports", json=report())
    client.post("/api/reports", json=report(text="другой текст"))
    client.post("/api/reports", json=report("r-9", lat=500))
    client.post("/api/reports", data=report("r-8"), files=[("media", ("тайна.jpg", jpeg))])
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("intake", "store"))]
    assert ours
    for word in ("Абай", "другой", "тайна", "500"):
        assert not [line for line in ours if word in line]
