"""``oqiga learn``: decisions to labels, audit sample, candidate, judgement, promotion."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import ModelError
from learning import registry
from oqiga.opening import open_context

if TYPE_CHECKING:
    from learning.gate import Verdict
    from learning.pair_run import PairGrounding
    from learning.place_run import Places
    from learning.replay import Difference
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


@app.command("places")
def places() -> None:
    """What moves say of places: how far off events were shown, and which places are proposed."""
    from learning.place_run import propose

    context = open_context()
    told, found = propose(context.store, _places(context), context.learning_dir)
    _print({**told.model_dump(), "proposals": [proposal.model_dump() for proposal in found]})


@app.command("accept-place")
def accept_place(
    proposal: Annotated[str, typer.Argument(help="its id, as `oqiga learn places` prints it")],
    by: Annotated[str, typer.Option("--by", help="who accepts it")],
) -> None:
    """Put a proposed place into the operator's own gazetteer."""
    from learning.place_run import accept

    context = open_context()
    found = accept(
        context.store, context.clock, _places(context), context.learning_dir, proposal, by
    )
    _print(f"accepted {found.id}: {found.name}")


@app.command("candidate")
def candidate() -> None:
    """Fit candidates from the decisions: for posts and for pairs, where there are enough.

    Prints the digest of each; nothing, with the reasons beside it, when there are too few.
    """
    from learning.bounds import Bound
    from learning.pair_run import make_pair_candidate
    from learning.pairing import PAIR_BOUND
    from learning.run import make_candidate

    context = open_context()
    (context.learning_dir / VERDICT).unlink(missing_ok=True)
    for folder in _registries(context).values():
        shutil.rmtree(folder / registry.CANDIDATE, ignore_errors=True)
    attempts: dict[str, Callable[[], str]] = {
        "posts": lambda: make_candidate(_grounding(context), Bound()),
        "pairs": lambda: make_pair_candidate(context.store, _pair_grounding(context), PAIR_BOUND),
    }
    made = {}
    for name, attempt in attempts.items():
        try:
            made[name] = attempt()
        except ModelError as error:
            typer.echo(str(error), err=True)
    _print(made)


@app.command("judge")
def judge() -> None:
    """Replay the last days, ask the gate and fresh decisions; prints what would change."""
    from learning.bounds import Bound
    from learning.pair_run import candidate_digest, judge_pair_candidate
    from learning.pairing import PAIR_BOUND
    from learning.run import judge_candidate
    from nlp.model import files_digest

    context, told = open_context(), {}
    store, settings, clock = context.store, context.settings, context.clock
    posts = context.learning_dir / registry.CANDIDATE
    if posts.is_dir():
        found = judge_candidate(store, settings, clock, _grounding(context), Bound())
        told["posts"] = _told(files_digest(posts), *found)
    pairs = candidate_digest(context.learning_dir)
    if pairs is not None:
        grounding = _pair_grounding(context)
        found = judge_pair_candidate(store, settings, clock, grounding, PAIR_BOUND)
        told["pairs"] = _told(pairs, *found)
    if not told:
        raise ModelError("there is no candidate; make one with `oqiga learn candidate`")
    text = json.dumps(told, ensure_ascii=False)
    (context.learning_dir / VERDICT).write_text(text, encoding="utf-8")
    typer.echo(text)


@app.command("promote")
def promote() -> None:
    """Put in use each candidate that was judged better; prints what became of them."""
    from learning.pair_run import candidate_digest
    from nlp.model import files_digest

    context = open_context()
    path = context.learning_dir / VERDICT
    if not path.exists():
        raise ModelError(f"{path}: no candidate was judged; run `oqiga learn judge`")
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    outcome = {}
    for name, folder in _registries(context).items():
        if name not in told:
            continue
        said = told[name]
        if not said["promote"]:
            outcome[name] = "not promoted: " + "; ".join(said["against"])
            continue
        posts = folder / registry.CANDIDATE
        digest = candidate_digest(context.learning_dir) if name == "pairs" else files_digest(posts)
        if digest is None or digest != said["candidate"]:
            raise ModelError(f"{path}: another candidate was judged; run `oqiga learn judge`")
        why = {"figures": said["figures"], "replay": said["replay"]}
        registry.promote(folder, digest, context.clock.now(), why)
        outcome[name] = f"promoted {digest}"
    path.unlink()
    _print(outcome)


@app.command("rollback")
def rollback(
    by: Annotated[str, typer.Option("--by", help="who goes back")],
    model: Annotated[
        str | None, typer.Option("--model", help="posts or pairs; default: the one changed last")
    ] = None,
) -> None:
    """Put the model before the current one in use again."""
    context = open_context()
    folders = _registries(context)
    if model is not None and model not in folders:
        raise typer.BadParameter(f"{model!r} is not one of {', '.join(folders)}")
    name = model or max(folders, key=lambda each: registry.changed_at(folders[each]))
    back = registry.roll_back(folders[name], context.clock.now(), by)
    _print(f"{name}: back to {back}")


def _places(context: Context) -> Places:
    from learning.place_run import Places
    from nlp.train import GAZETTEER_FILE
    from oqiga.context import CORPUS

    own = context.settings.under_home(context.settings.nlp.gazetteer_file)
    return Places(context.model_dir / GAZETTEER_FILE, own, CORPUS)


def _registries(context: Context) -> dict[str, Path]:
    return {"posts": context.learning_dir, "pairs": context.learning_dir / registry.PAIRS}


def _told(candidate: str, verdict: Verdict, difference: Difference) -> dict[str, Any]:
    return {"candidate": candidate, **asdict(verdict), "replay": difference.model_dump()}


def _pair_grounding(context: Context) -> PairGrounding:
    from learning.pair_run import PairGrounding
    from oqiga.context import STREAMS
    from oqiga.places import own_assessor

    return PairGrounding(
        learning=context.learning_dir,
        streams=STREAMS,
        assessor=own_assessor(context),
    )


def _grounding(context: Context) -> Grounding:
    from learning.run import Grounding
    from nlp.assessor import Assessor
    from nlp.encoder import encoder_of
    from nlp.model import Model
    from oqiga.context import CORPUS, STREAMS

    encoder = encoder_of(context.settings)
    return Grounding(
        folder=context.learning_dir,
        corpus=CORPUS,
        streams=STREAMS / "train_posts.jsonl",
        running=Assessor.load(context.model_dir, context.gazetteer_file, encoder),
        gazetteer=context.model_dir,
        language=Model.load(context.model_dir).language,
        pairs=context.pair_model,
        running_labels=registry.current(context.learning_dir),
        own_places=context.gazetteer_file,
        encoder=encoder,
    )


def _print(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
