"""Memory and time of importing a country's OpenStreetMap extract, on one made up for it.

``python -m benchmarks.gazetteer_import [FOLDER]`` writes an extract as large as Kazakhstan's into a
temporary folder (under FOLDER), imports it in a process of its own and prints what that took. The
extract is not kept. Of its ways one in eight is a named street or landmark, as in a country where
most ways are houses and tracks without a name; nobody's real data are in it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

NODES, WAYS = 12_000_000, 1_500_000
NODES_A_WAY = 8
NAMED_EVERY = 8
PLACE_EVERY, LANDMARK_EVERY, STONE_EVERY = 2_000, 300, 6_000
SOUTH, NORTH, WEST, EAST = 41.0, 55.0, 47.0, 87.0
ROW = 4_000
"""Nodes a row of the grid."""
LIMIT_MB = 1_500
CODE = "import sys; from pathlib import Path; from nlp.gazetteer.importers import import_osm;"


@dataclass(frozen=True)
class Taken:
    """What an import took."""

    entries: int
    seconds: float
    peak_mb: float
    extract_mb: float


def lines(nodes: int, ways: int) -> Iterator[str]:
    """An extract in OSM's line format (OPL), nodes before ways."""
    rows = nodes // ROW + 1
    for number in range(1, nodes + 1):
        row, column = divmod(number, ROW)
        lon = WEST + (EAST - WEST) * column / ROW
        lat = SOUTH + (NORTH - SOUTH) * row / rows
        yield f"n{number} v1 dV x{lon:.7f} y{lat:.7f}{_tags_of_node(number)}\n"
    step = max(1, nodes // ways)
    for number in range(1, ways + 1):
        first = (number - 1) * step % max(1, nodes - NODES_A_WAY) + 1
        refs = ",".join(f"n{first + i}" for i in range(NODES_A_WAY))
        yield f"w{number} v1 dV T{_tags_of_way(number)} N{refs}\n"


def _tags_of_node(number: int) -> str:
    if number % PLACE_EVERY == 0:
        return f" Tplace=village,name=Ауыл%20%{number}"
    if number % LANDMARK_EVERY == 0:
        return f" Tamenity=school,name=Мектеп%20%{number}"
    if number % STONE_EVERY == 7:
        return f" Thighway=milestone,distance={number % 900},ref=M-{number % 40 + 1}"
    return ""


def _tags_of_way(number: int) -> str:
    if number % NAMED_EVERY:
        return "building=yes" if number % 3 else "highway=track"
    if number % (NAMED_EVERY * 10) == 0:
        return f"leisure=park,name=Саябақ%20%{number}"
    return f"highway=residential,name=Көше%20%{number % 5_000},name:ru=Улица%20%{number % 5_000}"


def write_extract(folder: Path, nodes: int, ways: int) -> Path:
    """The extract as a PBF file; the text that it is made from is deleted."""
    import osmium

    text, packed = folder / "country.osm.opl", folder / "country.osm.pbf"
    found = lines(nodes, ways)
    with text.open("w", encoding="utf-8") as file:
        while part := list(islice(found, 100_000)):
            file.writelines(part)
    with osmium.SimpleWriter(str(packed)) as writer:
        osmium.apply(str(text), writer)
    text.unlink()
    return packed


def import_alone(extract: Path, into: Path) -> Taken:
    """Import in a process of its own; its peak of resident memory as the system counts it."""
    call = f"print(import_osm(Path({str(extract)!r}), Path({str(into)!r})))"
    begun = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", CODE + call], check=True, capture_output=True, text=True
    )
    seconds = time.monotonic() - begun
    peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return Taken(int(done.stdout), seconds, peak_kb / 1024, extract.stat().st_size / 2**20)


def main(arguments: list[str]) -> None:
    """Measure and print."""
    folder = Path(arguments[0]) if arguments else None
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=folder) as name:
        extract = write_extract(Path(name), NODES, WAYS)
        taken = import_alone(extract, Path(name) / "own.sqlite")
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    sys.stdout.write(
        f"Measured {now}, {os.cpu_count()} processors, load {load:.1f} before: "
        f"{NODES:,} nodes and {WAYS:,} ways ({taken.extract_mb:.0f} MB) gave "
        f"{taken.entries:,} entries in {taken.seconds:.0f} s, {taken.peak_mb:.0f} MB of memory at "
        f"most (aim: under {LIMIT_MB:,} MB).\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
