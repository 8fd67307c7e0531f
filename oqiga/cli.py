"""The command line. Each command reads its arguments and calls one function of a stage.

Exit codes: 0 done (with a summary on standard error), 1 nothing could be read or done,
2 wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InputError, OqigaError
from core.lines import read_lines
from core.settings import Settings, load_sources
from oqiga import keeping_commands, learn_commands, report_commands, stage_commands
from oqiga.files import reading, writing
from oqiga.opening import log_as, open_context, open_settings, parse_time
from oqiga.progress import Bar, tracked
from oqiga.store_commands import app as store_app

if TYPE_CHECKING:
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
key = typer.Typer(help="API keys of the systems that send reports.", no_args_is_help=True)
sources = typer.Typer(help="What is read: the sources file.", no_args_is_help=True)
telegram = typer.Typer(help="The Telegram account that reads.", no_args_is_help=True)
app.add_typer(ingest, name="ingest")
app.add_typer(gazetteer, name="gazetteer")
app.add_typer(report_commands.app, name="report")
app.add_typer(stage_commands.app, name="stage")
app.add_typer(keeping_commands.app, name="retention")
app.add_typer(learn_commands.app, name="learn")
app.command("remove")(keeping_commands.remove)
app.command("seal")(keeping_commands.seal)
app.command("set-aside")(keeping_commands.set_aside)
app.add_typer(key, name="key")
app.add_typer(sources, name="sources")
app.add_typer(telegram, name="telegram")
app.add_typer(store_app, name="store")

Input = Annotated[Path | None, typer.Option("--input", "-i", help="default: standard input")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="default: standard output")]
NOTHING_READ, WRONG_USAGE = 1, 2
SHOWN_PROBLEMS = 50


@app.command()
def assess(input: Input = None, output: Output = None) -> None:
    """Judge posts: JSON lines in, one line of judgement a post out."""
    from oqiga.offline import Reading, assess_lines
    from oqiga.places import assessor_of

    context, found = open_context(), Reading()
    assessor = assessor_of(context)
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
            parser=parse_time,
            metavar="TIME",
        ),
    ] = None,
) -> None:
    """Whole offline run: posts and reports in, one line an event out. No store needed."""
    from oqiga import offline
    from oqiga.places import assessor_of

    context = open_context()
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
    assessor = assessor_of(context)
    with Bar("correlating", len(chosen) + len(kept)) as bar, writing(output) as out:
        for event in offline.correlate_all(
            chosen,
            kept,
            assessor=assessor,
            model=context.pair_model,
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
def pairs(
    input: Input = None,
    output: Output = None,
    text_likeness: Annotated[
        bool,
        typer.Option("--text-likeness", help="by the two texts alone, whatever they are about"),
    ] = False,
) -> None:
    """Explain pairs: {"left", "right"} a line in, probability of the same event out."""
    from oqiga.offline import Reading, pair_rows
    from oqiga.places import assessor_of, own_assessor

    context, found = open_context(), Reading()
    with reading(input) as file, writing(output) as out:
        if text_likeness:
            from oqiga.likeness import AssessmentWords, likeness_rows

            alike = likeness_rows(
                read_lines(file),
                space=AssessmentWords(own_assessor(context).vectors),
                model=context.pair_model,
                reading=found,
            )
            for row in tracked(alike, "comparing texts"):
                out.write(row + "\n")
            _finish(found, "pairs")
            return
        rows = pair_rows(
            read_lines(file),
            assessor=assessor_of(context),
            model=context.pair_model,
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

    context = open_context()
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

    context = open_context()
    with reading(file) as lines:
        summary = into.ingest_reports(
            context.store,
            tracked(read_lines(lines), "ingesting reports"),
            where=file.name,
            clock=context.clock,
            key=context.key,
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

    events = open_context().store.events(EventQuery(flagged=True, limit=limit), OPEN)
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
    sources_file: Annotated[
        Path | None, typer.Option("--sources", help="sources to read; default: from settings")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65_535)] = None,
) -> None:
    """Everything, live, in one process group; Ctrl-C stops it."""
    from oqiga.runtime import Plan, run_all

    settings = open_settings()
    changes: dict[str, Any] = {}
    if port is not None:
        changes["console"] = settings.console.model_copy(update={"port": port})
    if sources_file is not None:
        changes["crawlers"] = settings.crawlers.model_copy(
            update={"sources_file": sources_file.resolve()}
        )
    settings = settings.model_copy(update=changes)
    for path in replay or []:
        if not path.is_file():
            raise InputError(f"{path}: no such file; name a file of JSON lines")
    load_sources(settings.crawlers.sources_file)
    raise typer.Exit(
        run_all(Plan(settings=settings, demo=demo, replay=tuple(replay or ()), speed=speed))
    )


@app.command()
def part(
    name: Annotated[str, typer.Argument(metavar="readers|pipeline|console")],
    from_parent: Annotated[bool, typer.Option("--from-parent", hidden=True)] = False,
) -> None:
    """One process of the runtime alone, for machines that share an Elasticsearch store."""
    from oqiga.parts import PARTS, run_part

    if name not in PARTS:
        raise InputError(f"no part {name!r}; there are: {', '.join(PARTS)}")
    if not from_parent:
        raise typer.Exit(run_part(name, open_settings()))
    settings = Settings.model_validate_json(sys.stdin.buffer.readline())
    log_as(settings)
    raise typer.Exit(run_part(name, settings, watch_parent=True))


@app.command()
def crawl(name: str) -> None:
    """Read one source of sources.toml once."""
    from crawlers.run import crawl_once

    context = open_context()
    path = context.settings.crawlers.sources_file
    known = {source.name: source for source in load_sources(path)}
    if name not in known:
        raise InputError(f"no source {name!r} in {path}; there are: {', '.join(known) or 'none'}")
    summary = crawl_once(context.store, known[name], context.settings, context.clock)
    typer.echo(str(summary), err=True)


@sources.command("check")
def sources_check() -> None:
    """Try each source once and say what works, what does not, and what to do."""
    from crawlers.checking import check_sources

    context = open_context()
    path = context.settings.crawlers.sources_file
    known = load_sources(path)
    if not known:
        raise InputError(f"{path} has no sources; remove the # before one of its examples")
    bad = 0
    for verdict in check_sources(known, context.settings, context.clock):
        bad += verdict.problem is not None
        typer.echo(str(verdict))
    typer.echo(f"{len(known) - bad} of {len(known)} sources work", err=True)
    if bad:
        raise typer.Exit(NOTHING_READ)


@telegram.command("login")
def telegram_login() -> None:
    """Sign in with the account that reads, in this terminal, once; nothing is joined."""
    import getpass

    from crawlers.account_run import login

    def ask(text: str) -> str:
        return str(typer.prompt(text.rstrip(": ")))

    who = login(open_settings(), ask, getpass.getpass)
    typer.echo(f"signed in as the account whose number ends in {who}")


@app.command()
def reparse(
    source: Annotated[str | None, typer.Option("--source", help="posts of one source")] = None,
    days: Annotated[float, typer.Option("--days", min=0.0, help="how far back")] = 30.0,
) -> None:
    """Derive posts again from their kept payloads, after a parser has improved."""
    from datetime import timedelta

    from crawlers.reparse import reparse as again

    context = open_context()
    known = {each.name: each for each in load_sources(context.settings.crawlers.sources_file)}
    since = context.clock.now() - timedelta(days=days)
    with Bar("reading posts again"):
        found = again(
            context.store, known, context.clock, key=context.key, since=since, only=source
        )
    typer.echo(str(found), err=True)


@app.command()
def listen() -> None:
    """All live readers and the drop folder, without console and correlation; Ctrl-C stops."""
    from oqiga.parts import run_part

    raise typer.Exit(run_part("readers", open_settings()))


@gazetteer.command("find")
def gazetteer_find(text: str) -> None:
    """What the gazetteer makes of a text, and why."""
    from oqiga.places import find_rows
    from oqiga.places import gazetteer as places

    for row in find_rows(places(open_context()), text):
        typer.echo(json.dumps(row, ensure_ascii=False))


@gazetteer.command("check")
def gazetteer_check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False)],
) -> None:
    """How far our points lie from reference files, a line a kind of place."""
    from nlp.gazetteer.checking import check, table
    from oqiga.places import gazetteer as places

    typer.echo(table(check(places(open_context()), folder)))


@gazetteer.command("import")
def gazetteer_import(
    kind: Annotated[str, typer.Argument(metavar="osm|csv|geojson")],
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
) -> None:
    """Own places: an OpenStreetMap extract (.osm.pbf), CSV or GeoJSON."""
    from nlp.gazetteer import importers

    context = open_context()
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


@app.command()
def query(
    name: Annotated[str | None, typer.Argument(help="none: list all queries")] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="NAME=VALUE, repeatable")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", "-f", help="table, csv, geojson or map")
    ] = "table",
    output: Output = None,
    confidential: Annotated[
        bool, typer.Option("--confidential", help="ask what internal security alone may ask")
    ] = False,
) -> None:
    """Ask a saved query of the production store."""
    from oqiga import query as queries

    settings = open_settings()
    if name is None:
        for known, about, parameters in queries.listing():
            typer.echo(f"{known}: {about}\n    {parameters}")
        return
    if form not in ("table", "csv", "geojson", "map"):
        raise typer.BadParameter(f"{form!r} is not one of table, csv, geojson, map")
    saved, rows = queries.rows_of(settings, name, param or [], confidential=confidential)
    if form == "table":
        queries.as_table(rows)
        return
    if form == "map":
        path = output or Path(f"{name}.html")
        path.write_text(queries.as_map(saved, rows, datetime.now(UTC).date()), encoding="utf-8")
        typer.echo(str(path))
        if output is None:
            typer.launch(str(path))
        return
    with writing(output) as out:
        out.write(queries.as_csv(rows) if form == "csv" else queries.as_geojson(rows) + "\n")


@key.command("new")
def key_new(
    name: str,
    feed: Annotated[bool, typer.Option("--feed", help="a key to read the feeds")] = False,
) -> None:
    """Make an API key for POST /api/reports; it is shown once and only its hash is kept."""
    from intake.keys import new_key

    settings = open_settings()
    file = settings.console.feed_keys_file if feed else settings.intake.keys_file
    typer.echo(new_key(settings.under_home(file), name))


@app.command()
def train() -> None:
    """Fit the models from the project's corpus."""
    from nlp.train import train as fit
    from oqiga.context import CORPUS, STREAMS

    context = open_context()
    with Bar("training") as bar:
        streams = STREAMS / "train_posts.jsonl"
        result = fit(CORPUS, context.shipped_model_dir, bar.to, stream_file=streams)
    typer.echo(str(result), err=True)


@app.command()
def evaluate(
    external: Annotated[
        Path | None, typer.Option(help="folder with external test sets", file_okay=False)
    ] = None,
    all_authors: Annotated[
        bool, typer.Option("--all", help="cross-validate over all authors (ten minutes)")
    ] = False,
    charts: Annotated[
        Path | None, typer.Option(help="folder to write charts (SVG) to", file_okay=False)
    ] = None,
) -> None:
    """The models' figures per language and category, on posts they have not learned."""
    from nlp.charts import charts as draw
    from nlp.evaluate import evaluate as measure
    from nlp.figures import table
    from oqiga.context import CORPUS, STREAMS
    from oqiga.places import own_assessor

    context = open_context()
    assessor = own_assessor(context)
    with Bar("evaluating") as bar:
        figures, judged = measure(
            CORPUS,
            assessor,
            stream_file=STREAMS / "train_posts.jsonl",
            external_dir=external,
            all_authors=all_authors,
            progress=bar.to,
        )
    typer.echo(table(figures))
    if charts is not None:
        charts.mkdir(parents=True, exist_ok=True)
        for name, drawing in draw(figures, judged).items():
            (charts / name).write_text(drawing, encoding="utf-8")
    if external is not None:
        from oqiga import likeness

        space = likeness.AssessmentWords(assessor.vectors)
        alike = likeness.external_figures(external, space=space, model=context.pair_model)
        typer.echo("\n" + likeness.table(alike))


@app.command()
def status() -> None:
    """Sources, gaps, feeds' heartbeats, backlog, latencies."""
    from oqiga import tables

    context = open_context()
    known = load_sources(context.settings.crawlers.sources_file)
    tables.print_status(context.store, known, context.clock.now())


@app.command()
def verify() -> None:
    """Check the evidence and audit hash chains."""
    from oqiga.verify import broken

    found = False
    for chain, count, problems in broken(open_context().store):
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
