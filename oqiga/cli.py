"""The command line. Each command reads its arguments and calls one function of a stage.

Exit codes: 0 done (with a summary on standard error), 1 nothing could be read or done,
2 wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InputError, OqigaError
from core.lines import read_lines
from core.log import configure, new_run_id
from core.settings import Settings, load_settings, load_sources
from oqiga.files import reading, writing
from oqiga.progress import Bar, tracked

if TYPE_CHECKING:
    from nlp.assessor import Assessor
    from oqiga.context import Context
    from oqiga.offline import Reading
    from store.ingest import IngestSummary

app = typer.Typer(
    help="Finds public posts about incidents that nobody sent to police line 102.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
ingest = typer.Typer(help="Records into the configured store.", no_args_is_help=True)
gazetteer = typer.Typer(help="Places: look up, import your own.", no_args_is_help=True)
report = typer.Typer(help="Reports for people.", no_args_is_help=True)
key = typer.Typer(help="API keys of the systems that send reports.", no_args_is_help=True)
app.add_typer(ingest, name="ingest")
app.add_typer(gazetteer, name="gazetteer")
app.add_typer(report, name="report")
app.add_typer(key, name="key")

Input = Annotated[Path | None, typer.Option("--input", "-i", help="default: standard input")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="default: standard output")]
NOTHING_READ, WRONG_USAGE = 1, 2
SHOWN_PROBLEMS = 50


@app.command()
def assess(input: Input = None, output: Output = None) -> None:
    """Judge posts: JSON lines in, one line of judgement a post out."""
    from oqiga.offline import Reading, assess_lines

    context, found = _context(), Reading()
    assessor = _assessor(context)
    with reading(input) as file, writing(output) as out:
        rows = assess_lines(read_lines(file), assessor, found, batch=context.settings.nlp.batch)
        for row in tracked(rows, "assessing posts"):
            out.write(row + "\n")
    _finish(found, "posts")


@app.command()
def correlate(
    posts: Annotated[Path, typer.Option("--posts", help="posts, JSON lines")],
    reports: Annotated[Path, typer.Option("--reports", help="reports, JSON lines")],
    output: Output = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            "--as-of",
            help="what was known at this time, ISO 8601 with offset; default: the latest time",
            parser=lambda text: _time(text),
            metavar="TIME",
        ),
    ] = None,
) -> None:
    """Whole offline run: posts and reports in, one line an event out. No store needed."""
    from correlator.model import PairModel
    from oqiga import offline

    context = _context()
    post_reading, report_reading = offline.Reading(), offline.Reading()
    with reading(posts) as file:
        all_posts = list(offline.posts_of(read_lines(file), post_reading))
    with reading(reports) as file:
        all_reports = list(offline.reports_of(read_lines(file), report_reading))
    if as_of is None:
        as_of = max(
            [p.known_at for p in all_posts] + [r.received_at for r in all_reports],
            default=offline.EPOCH,
        )
    chosen = offline.one_version_each(all_posts, as_of, post_reading)
    kept = offline.one_report_each(all_reports, as_of, report_reading)
    assessor = _assessor(context)
    with Bar("correlating", len(chosen) + len(kept)) as bar, writing(output) as out:
        for event in offline.correlate_all(
            chosen,
            kept,
            assessor=assessor,
            model=PairModel.load(),
            settings=context.settings,
            as_of=as_of,
            advance=bar.advance,
        ):
            row = offline.event_row(event, {p.id: p.native_id for p in chosen})
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    _problems(report_reading, "reports")
    if post_reading.nothing and report_reading.nothing:
        raise typer.Exit(NOTHING_READ)
    _finish(post_reading, "posts")


@app.command()
def pairs(input: Input = None, output: Output = None) -> None:
    """Explain pairs: {"left", "right"} a line in, probability of the same event out."""
    from correlator.model import PairModel
    from oqiga.offline import Reading, pair_rows

    context, found = _context(), Reading()
    with reading(input) as file, writing(output) as out:
        rows = pair_rows(
            read_lines(file),
            assessor=_assessor(context),
            model=PairModel.load(),
            settings=context.settings,
            reading=found,
        )
        for row in tracked(rows, "scoring pairs"):
            out.write(row + "\n")
    _finish(found, "pairs")


@ingest.command("posts")
def ingest_posts(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Posts into the store: JSON lines of the input contract; - is standard input."""
    from store import ingest as into

    context = _context()
    with reading(file) as lines:
        summary = into.ingest_posts(
            context.store,
            tracked(read_lines(lines), "ingesting posts"),
            where=file.name,
            clock=context.clock,
            key=context.key,
        )
    _ingested(summary, "posts")


@ingest.command("reports")
def ingest_reports(file: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Reports into the store: JSON lines of the input contract; - is standard input."""
    from store import ingest as into

    context = _context()
    with reading(file) as lines:
        summary = into.ingest_reports(
            context.store,
            tracked(read_lines(lines), "ingesting reports"),
            where=file.name,
            clock=context.clock,
        )
    _ingested(summary, "reports")


@app.command()
def flags(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 200,
) -> None:
    """The queue: events that 102 does not know of. Confidential ones are never listed here."""
    from oqiga import tables
    from store.protocol import OPEN, EventQuery

    events = _context().store.events(EventQuery(flagged=True, limit=limit), OPEN)
    if as_json:
        for event in events:
            typer.echo(json.dumps(tables.flag_row(event), ensure_ascii=False))
    else:
        tables.print_flags(events)


@app.command()
def run(
    demo: Annotated[bool, typer.Option("--demo", help="replay the built-in demonstration")] = False,
    replay: Annotated[
        list[Path] | None,
        typer.Option("--replay", help="recorded posts or reports, fed as if live; repeatable"),
    ] = None,
    speed: Annotated[float, typer.Option("--speed", min=1.0, help="times as fast as life")] = 60.0,
    sources: Annotated[
        Path | None, typer.Option("--sources", help="sources to read; default: from settings")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535)] = None,
) -> None:
    """Everything, live, in one process group; Ctrl-C stops it."""
    from oqiga.runtime import Plan, run_all

    settings = _settings()
    changes: dict[str, Any] = {}
    if port is not None:
        changes["console"] = settings.console.model_copy(update={"port": port})
    if sources is not None:
        changes["crawlers"] = settings.crawlers.model_copy(
            update={"sources_file": sources.resolve()}
        )
    settings = settings.model_copy(update=changes)
    for path in replay or []:
        if not path.is_file():
            raise InputError(f"{path}: no such file; name a file of JSON lines")
    load_sources(settings.crawlers.sources_file)
    raise typer.Exit(
        run_all(Plan(settings=settings, demo=demo, replay=tuple(replay or ()), speed=speed))
    )


@app.command(hidden=True)
def part(name: str, settings_json: str) -> None:
    """One process of the runtime; started by ``run``."""
    from oqiga.parts import run_part

    settings = Settings.model_validate_json(settings_json)
    _log(settings)
    raise typer.Exit(run_part(name, settings, watch_parent=True))


@app.command()
def crawl(name: str) -> None:
    """Read one source of sources.toml once."""
    from crawlers.run import crawl_once

    context = _context()
    path = context.settings.crawlers.sources_file
    known = {source.name: source for source in load_sources(path)}
    if name not in known:
        raise InputError(f"no source {name!r} in {path}; there are: {', '.join(known) or 'none'}")
    summary = crawl_once(context.store, known[name], context.settings, context.clock)
    typer.echo(str(summary), err=True)


@app.command()
def listen() -> None:
    """All live readers and the drop folder, without console and correlation; Ctrl-C stops."""
    from oqiga.parts import run_part

    raise typer.Exit(run_part("readers", _settings()))


@gazetteer.command("find")
def gazetteer_find(text: str) -> None:
    """What the gazetteer makes of a text, and why."""
    from oqiga.places import find_rows
    from oqiga.places import gazetteer as places

    for row in find_rows(places(_context()), text):
        typer.echo(json.dumps(row, ensure_ascii=False))


@gazetteer.command("import")
def gazetteer_import(
    kind: Annotated[str, typer.Argument(metavar="osm|csv|geojson")],
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
) -> None:
    """Own places: an OpenStreetMap extract (.osm.pbf), CSV or GeoJSON."""
    from nlp.gazetteer import importers

    context = _context()
    target = context.settings.under_home(context.settings.nlp.gazetteer_file)
    target.parent.mkdir(parents=True, exist_ok=True)
    with Bar(f"importing {file.name}") as bar:
        if kind == "osm":
            count = importers.import_osm(file, target, lambda step, n: bar.reach(step, n))
        elif kind == "csv":
            count = importers.import_csv(file, target)
        elif kind == "geojson":
            count = importers.import_geojson(file, target)
        else:
            raise typer.BadParameter(f"{kind!r} is not one of osm, csv, geojson")
    typer.echo(f"{count} places into {target}", err=True)


@report.command("nightly")
def report_nightly(
    day: Annotated[
        date | None,
        typer.Option(
            "--date",
            parser=lambda text: _day(text),
            metavar="DATE",
            help="local day, as 2026-03-20; default: yesterday",
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="folder")] = None,
) -> None:
    """The nightly report: HTML, CSV and JSON."""
    from reports.run import write_nightly

    context = _context()
    folder = output or context.settings.under_home(Path("reports"))
    for path in write_nightly(context.store, context.settings, context.clock, day, folder):
        typer.echo(str(path))


@key.command("new")
def key_new(
    name: str,
    feed: Annotated[bool, typer.Option("--feed", help="a key to read the feeds")] = False,
) -> None:
    """Make an API key for POST /api/reports; it is shown once and only its hash is kept."""
    from intake.keys import new_key

    settings = _settings()
    file = settings.console.feed_keys_file if feed else settings.intake.keys_file
    typer.echo(new_key(settings.under_home(file), name))


@app.command()
def train() -> None:
    """Fit the models from the project's corpus."""
    from nlp.train import train as fit
    from oqiga.context import CORPUS, STREAMS

    context = _context()
    with Bar("training") as bar:
        streams = STREAMS / "train_posts.jsonl"
        result = fit(CORPUS, context.model_dir, bar.to, stream_file=streams)
    typer.echo(str(result), err=True)


@app.command()
def evaluate(
    external: Annotated[
        Path | None, typer.Option(help="folder with external test sets", file_okay=False)
    ] = None,
    all_authors: Annotated[
        bool, typer.Option("--all", help="cross-validate over all authors (ten minutes)")
    ] = False,
) -> None:
    """The models' figures per language and category, on posts they have not learned."""
    from nlp.evaluate import evaluate as measure
    from nlp.evaluate import table
    from oqiga.context import CORPUS, STREAMS

    assessor = _assessor(_context())
    with Bar("evaluating") as bar:
        figures = measure(
            CORPUS,
            assessor,
            stream_file=STREAMS / "train_posts.jsonl",
            langid_dir=None if external is None else external / "langid",
            all_authors=all_authors,
            progress=bar.to,
        )
    typer.echo(table(figures))


@app.command()
def status() -> None:
    """Sources, gaps, feeds' heartbeats, backlog, latencies."""
    from oqiga import tables

    context = _context()
    sources = load_sources(context.settings.crawlers.sources_file)
    tables.print_status(context.store, sources, context.clock.now())


@app.command()
def verify() -> None:
    """Check the evidence and audit hash chains."""
    from oqiga.verify import broken

    found = False
    for chain, count, problems in broken(_context().store):
        typer.echo(f"{chain}: {count} links, {len(problems)} broken")
        for problem in problems[:SHOWN_PROBLEMS]:
            found = True
            typer.echo(f"  {problem}", err=True)
    if found:
        raise typer.Exit(NOTHING_READ)


def main() -> None:
    """The program's entry: errors become one line on standard error."""
    try:
        app()
    except InputError as error:
        typer.echo(f"oqiga: {error}", err=True)
        sys.exit(WRONG_USAGE)
    except OqigaError as error:
        typer.echo(f"oqiga: {error}", err=True)
        sys.exit(NOTHING_READ)
    except BrokenPipeError:
        # The reader of our output (head, less) has left: nothing more to say, nothing failed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _settings() -> Settings:
    settings = load_settings()
    _log(settings)
    return settings


def _context() -> Context:
    from oqiga.context import Context

    return Context(_settings())


def _log(settings: Settings) -> None:
    configure(new_run_id(datetime.now(UTC).isoformat(), os.getpid()), settings.log_level)


def _assessor(context: Context) -> Assessor:
    from nlp.assessor import Assessor

    return Assessor.load(context.model_dir, context.gazetteer_file)


def _finish(found: Reading, what: str) -> None:
    _problems(found, what)
    if found.nothing:
        raise typer.Exit(NOTHING_READ)


def _problems(found: Reading, what: str) -> None:
    _say(found.problems)
    typer.echo(f"{what}: {len(found.numbers)} read, {len(found.problems)} refused", err=True)


def _ingested(summary: IngestSummary, what: str) -> None:
    _say(summary.problems)
    typer.echo(
        f"{what}: {summary.accepted} accepted, {summary.repeated} repeated, "
        f"{summary.refused} refused"
    )
    if summary.read == 0 and summary.refused:
        raise typer.Exit(NOTHING_READ)


def _say(problems: list[tuple[int, str]]) -> None:
    for number, problem in problems[:SHOWN_PROBLEMS]:
        typer.echo(f"line {number}: {problem}", err=True)
    if len(problems) > SHOWN_PROBLEMS:
        typer.echo(f"… and {len(problems) - SHOWN_PROBLEMS} more lines", err=True)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; as 2026-03-20T19:05:00+05:00") from error
    if time.tzinfo is None:
        raise typer.BadParameter("has no offset from UTC; as 2026-03-20T19:05:00+05:00")
    return time.astimezone(UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; as 2026-03-20") from error
