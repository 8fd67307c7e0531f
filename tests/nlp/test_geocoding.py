"""Addresses asked of a geocoder: real HTTP to a server on 127.0.0.1 that speaks its protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlparse

import pytest

from core.errors import SettingsError
from core.records import Assessment, Category
from core.settings import GeocoderSettings, NlpSettings, Settings
from nlp.assessor import Assessor
from nlp.geocoding import HOUSE_RADIUS_M, REASON, Geocoder, GeocodingAssessor
from nlp.reading import Subject

TEXT = "СРОЧНО! горит квартира, люди кричат на балконе, ул. Неведомская 5, тел. соседки Марии"
NEAR_KOSTANAI = (53.2301, 63.6402)


class Server:
    """Answers like a Nominatim, a Photon or a Pelias, and keeps what it was asked."""

    def __init__(self) -> None:
        self.point: tuple[float, float] | None = NEAR_KOSTANAI
        self.status = 200
        self.asked: list[str] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlparse(self.path)
                query = parse_qs(url.query)
                outer.paths.append(self.path)
                outer.asked.append((query.get("q") or query.get("text") or [""])[0])
                body = json.dumps(outer.answer(url.path)).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                del args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, path: str) -> object:
        if path == "/search":
            if self.point is None:
                return []
            lat, lon = self.point
            return [{"lat": str(lat), "lon": str(lon), "display_name": "Неведомская"}]
        features = []
        if self.point is not None:
            lat, lon = self.point
            features.append(
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [lon, lat]},
                    "properties": {"name": "Неведомская", "label": "Неведомская"},
                }
            )
        return {"type": "FeatureCollection", "features": features}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


def geocoder(server: Server, folder: Path, kind: str = "nominatim") -> Geocoder:
    settings = GeocoderSettings.model_validate(
        {"kind": kind, "address": server.address, "interval_s": 0}
    )
    return Geocoder(settings, folder / "geocodes.sqlite")


class Said:
    """Another assessor's judgement, whatever the text."""

    id = "said"

    def __init__(self, inner: Assessor, **update: object) -> None:
        self._inner, self._update = inner, update

    def assess(self, items: list[Subject]) -> list[Assessment]:
        found = self._inner.assess(items)
        return [a.model_copy(update={"incident": 0.9, **self._update}) for a in found]


def subject(at: object, number: int = 1) -> Subject:
    return Subject(str(number), 1, TEXT, at, "Костанай")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["nominatim", "photon", "pelias"])
def test_an_address_is_asked_and_nothing_else(
    server: Server, tmp_path: Path, assessor: Assessor, at: object, kind: str
) -> None:
    asking = GeocodingAssessor(
        Said(assessor), assessor.gazetteer, geocoder(server, tmp_path, kind), Settings()
    )
    (found,) = asking.assess([subject(at)])
    assert server.asked == ["Неведомская, 5, Костанай"]
    assert "Мари" not in "".join(server.paths)
    assert found.location is not None
    assert (found.location.lat, found.location.lon) == NEAR_KOSTANAI
    assert found.location.radius_m == HOUSE_RADIUS_M
    assert found.location_reasons == (REASON,)
    house = next(p for p in found.places if p.kind == "house")
    assert (house.lat, house.lon) == NEAR_KOSTANAI
    assert found.assessor == f"said geocoder={kind}"


def test_an_answer_is_kept_on_disk(server: Server, tmp_path: Path) -> None:
    assert geocoder(server, tmp_path).ask("Неведомская, 5, Костанай") == NEAR_KOSTANAI
    server.point = None
    assert geocoder(server, tmp_path).ask("Неведомская, 5, Костанай") == NEAR_KOSTANAI
    assert geocoder(server, tmp_path).ask("Иная, 1, Костанай") is None
    assert geocoder(server, tmp_path).ask("Иная, 1, Костанай") is None
    assert len(server.asked) == 2


def test_questions_are_apart_in_time(server: Server, tmp_path: Path) -> None:
    clock, waited = [100.0], []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        clock[0] += seconds

    settings = GeocoderSettings(kind="nominatim", address=server.address, interval_s=1.5)
    asking = Geocoder(settings, tmp_path / "c.sqlite", wait=wait, now=lambda: clock[0])
    for number in range(3):
        asking.ask(f"Улица, {number}")
    assert waited == [0.0, 1.5, 1.5]


def test_a_geocoder_that_is_away_changes_nothing(
    server: Server, tmp_path: Path, assessor: Assessor, at: object
) -> None:
    asking = GeocodingAssessor(
        Said(assessor), assessor.gazetteer, geocoder(server, tmp_path), Settings()
    )
    server.status = 503
    (found,) = asking.assess([subject(at)])
    assert found.location_reasons == ("city_of_unknown_street",)
    server.status = 200
    (found,) = asking.assess([subject(at)])
    assert found.location_reasons == (REASON,)


def test_an_answer_far_outside_the_city_is_not_used(
    server: Server, tmp_path: Path, assessor: Assessor, at: object
) -> None:
    server.point = (43.24, 76.95)
    asking = GeocodingAssessor(
        Said(assessor), assessor.gazetteer, geocoder(server, tmp_path), Settings()
    )
    (found,) = asking.assess([subject(at)])
    assert found.location_reasons == ("city_of_unknown_street",)


@pytest.mark.parametrize(
    "update",
    [{"incident": 0.2}, {"categories": {Category.POLICE_CORRUPTION: 0.4}}],
)
def test_what_is_no_incident_or_may_be_confidential_is_never_asked(
    server: Server, tmp_path: Path, assessor: Assessor, at: object, update: dict[str, object]
) -> None:
    asking = GeocodingAssessor(
        Said(assessor, **update), assessor.gazetteer, geocoder(server, tmp_path), Settings()
    )
    asking.assess([subject(at)])
    assert server.asked == []


def test_few_questions_a_batch(
    server: Server, tmp_path: Path, assessor: Assessor, at: object
) -> None:
    settings = Settings(nlp=NlpSettings(), geocoder=GeocoderSettings(kind="nominatim", per_batch=2))
    asking = GeocodingAssessor(
        Said(assessor), assessor.gazetteer, geocoder(server, tmp_path), settings
    )
    texts = [f"горит дом, ул. Неведомская {n}" for n in range(1, 6)]
    asking.assess([Subject(t, 1, t, at, "Костанай") for t in texts])  # type: ignore[arg-type]
    assert len(server.asked) == 2


def test_off_by_default_and_an_address_is_needed(tmp_path: Path) -> None:
    assert Settings().geocoder.kind == "off"
    with pytest.raises(SettingsError, match="name your server"):
        Geocoder(GeocoderSettings(kind="photon"), tmp_path / "c.sqlite")
