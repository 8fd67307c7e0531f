"""``oqiga learn``: decisions to labels, audit sample, candidate, judgement, promotion."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import ModelError
from oqiga.opening import open_context

if TYPE_CHECKING:
    from learning.run import Grounding
    from oqiga.context import Context

app = typer.Typer(help="Learning from decisions.", no_args_is_help=True)
VERDICT = Path("verdict.json")


@app.command("labels")
def labels() -> None:
    """Turn decisions into labelled data; prints how many posts were labelled."""
    from learning.run import write_labels

    context = open_context()
    _print(write_labels(context.store, context.learning_dir, context.clock.now()))


@app.command("sample")
def sample() -> None:
    """Draw the audit sample of the shift that has ended; prints how many events to judge."""
    from learning.run import sample as draw

    context = open_context()
    _print(len(draw(context.store, context.clock.now())))


@app.command("recall")
def recall() -> None:
    """Estimate from the judged samples which share of the incidents was flagged."""
    from learning.run import estimate_recall

    context = open_context()
    found = estimate_recall(context.store, context.clock.now())
    _print("nothing audited yet" if found is None else asdict(found))


@app.command("candidate")
def candidate() -> None:
    """Fit a candidate from corpus and decisions; prints its digest."""
    from learning.bounds import Bound
    from learning.run import make_candidate

    context = open_context()
    (context.learning_dir / VERDICT).unlink(missing_ok=True)
    _print(make_candidate(_grounding(context), Bound()))


@app.command("judge")
def judge() -> None:
    """Replay the last days, ask the gate and fresh decisions; prints what would change."""
    from learning.bounds import Bound
    from learning.run import judge_candidate
    from nlp.model import files_digest

    context = open_context()
    verdict, difference = judge_candidate(
        context.store, context.settings, context.clock, _grounding(context), Bound()
    )
    told = {
        "candidate": files_digest(context.learning_dir / "candidate"),
        **asdict(verdict),
        "replay": difference.model_dump(),
    }
    text = json.dumps(told, ensure_ascii=False)
    (context.learning_dir / VERDICT).write_text(text, encoding="utf-8")
    typer.echo(text)


@app.command("promote")
def promote() -> None:
    """Put the candidate in use if it was judged better; prints what became of it."""
    from learning import registry
    from nlp.model import files_digest

    context = open_context()
    path = context.learning_dir / VERDICT
    if not path.exists():
        raise ModelError(f"{path}: the candidate was not judged; run `oqiga learn judge`")
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if not told["promote"]:
        _print("not promoted: " + "; ".join(told["against"]))
        return
    digest = files_digest(context.learning_dir / "candidate")
    if digest != told["candidate"]:
        raise ModelError(f"{path}: another candidate was judged; run `oqiga learn judge`")
    why = {"figures": told["figures"], "replay": told["replay"]}
    registry.promote(context.learning_dir, digest, context.clock.now(), why)
    path.unlink()
    _print(f"promoted {digest}")


@app.command("rollback")
def rollback(by: Annotated[str, typer.Option("--by", help="who goes back")]) -> None:
    """Put the model before the current one in use again."""
    from learning import registry

    context = open_context()
    _print(f"back to {registry.roll_back(context.learning_dir, context.clock.now(), by)}")


def _grounding(context: Context) -> Grounding:
    from learning import registry
    from learning.run import Grounding
    from nlp.assessor import Assessor
    from nlp.model import Model
    from oqiga.context import CORPUS, STREAMS

    return Grounding(
        folder=context.learning_dir,
        corpus=CORPUS,
        streams=STREAMS / "train_posts.jsonl",
        running=Assessor.load(context.model_dir, context.gazetteer_file),
        gazetteer=context.model_dir,
        language=Model.load(context.model_dir).language,
        running_labels=registry.current(context.learning_dir),
    )


def _print(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
