"""`palate tune`: parameters and weights, found by trying."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer import Argument, Option

from learn.blend import TunedBlend, apply_blend, tune_blend
from learn.mixer import apply_mixer, tune_mixer
from learn.tracking import tracked
from learn.tuning import Tuned
from learn.tuning import tune as study_of
from palate.errors import MisuseError
from serve.cli.command import command
from serve.cli.options import Json, Seed
from serve.cli.output import as_json, err, print_json, say, warn, when_stopped
from serve.cli.session import Session
from serve.cli.tables import print_facts
from serve.cli.text import number
from serve.cli.train import check_installed

_WEIGHTS = {
    "blend": (tune_blend, apply_blend, "search"),
    "mixer": (tune_mixer, apply_mixer, "recommendation"),
}
_TRIALS = 30


@dataclass(frozen=True)
class Study:
    """How long parameters are tried."""

    trials: Annotated[
        int | None,
        Option(min=1, help="Attempts that the study is to have, earlier ones too: 30."),
    ] = None
    timeout: Annotated[
        float | None, Option(min=1, help="Seconds after which no attempt begins.")
    ] = None
    study: Annotated[
        str | None, Option(help="The study's name. Without: one for this model and data.")
    ] = None


@dataclass(frozen=True)
class Weights:
    """What becomes of weights that were found."""

    apply: Annotated[bool, Option(help="Weights: use them without asking.")] = False
    force: Annotated[bool, Option(help="Weights: even if they do worse.")] = False


@command(
    "palate tune svd --trials 30",
    "palate tune order --trials 50 --timeout 600",
    "palate tune blend --apply",
    "palate tune mixer",
)
def tune(
    session: Session,
    model: Annotated[
        str,
        Argument(
            help="svd, ease, als, bpr, two-tower, order; or weights: blend of searches, mixer of "
            "recommendations."
        ),
    ],
    study: Study,
    weights: Weights,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Try parameters of a model, or tune the weights of searches or of recommendations.

    Tried on ratings that `palate evaluate` never measures on. Stopped at any time, a study goes on
    with the same command; nothing in use changes until its parameters are trained with, or the
    weights are applied.
    """
    check_installed()
    if model in _WEIGHTS:
        if study != Study():
            raise MisuseError(
                "Weights are found by a search of their own, without a study. Nothing was tried. "
                "Leave out --trials, --timeout and --study."
            )
        _tune_weights(session, model, seed, weights, json=json)
        return
    if weights != Weights():
        raise MisuseError(
            "--apply and --force belong to blend and mixer. Nothing was tried. Train with what a "
            "study found."
        )
    _tune_model(session, model, study, seed, json=json)


def _tune_model(session: Session, model: str, study: Study, seed: int, *, json: bool) -> None:
    with (
        session.database(migrate=True) as database,
        tracked(session.settings, f"tune {model}", warn, epochs=False) as run,
        err().status("") as status,
    ):

        def tried(attempt: int, value: float, _: Any) -> None:
            run.metrics({"objective": value}, attempt)

        with when_stopped("What was tried is kept; the same command goes on."):
            found = study_of(
                database, model, trials=study.trials or _TRIALS, timeout=study.timeout,
                study=study.study, seed=seed, tell=status.update, tried=tried,
            )  # fmt: skip
        run.parameters(found.parameters)
        run.metrics({"best": found.value})
        run.tags({"palate.study": found.study, "palate.model": model})
        run.artefact("study.json", as_json(found).encode())
    if json:
        print_json({**found.__dict__, "command": found.command})
    else:
        _print_study(found)


def _print_study(found: Tuned) -> None:
    print_facts(
        ("study", found.study),
        ("attempts", f"{found.trials}, {found.pruned} of them given up early"),
        ("nDCG@10", f"{found.value:.4f}, with the defaults {number(found.before, 4)}"),
        *found.parameters.items(),
    )
    if found.command is not None:
        say(f"Use them: {found.command}")
    else:
        say(f"SQL has no {found.model}; `palate evaluate recommend --model {found.model}` has.")


def _tune_weights(session: Session, which: str, seed: int, weights: Weights, *, json: bool) -> None:
    find, use, answers = _WEIGHTS[which]
    with session.database(migrate=True) as database:
        with tracked(session.settings, f"tune {which}", warn) as run, err().status("") as status:
            found = find(database, seed=seed, tell=status.update)
            run.metrics({"before": found.ndcg_before, "after": found.ndcg_after})
            run.parameters(found.after)
        if not json:
            _print_blend(found)
        applied = weights.apply or (not json and typer.confirm("Use these weights?", err=True))
        if applied:
            use(database, found, force=weights.force)
    if json:
        print_json({**found.__dict__, "applied": applied})
    elif applied:
        say(f"The next {answers} uses them.")


def _print_blend(found: TunedBlend) -> None:
    print_facts(
        ("measured on", f"{found.queries:,}"),
        ("nDCG@10", f"{found.ndcg_after:.4f}, with those in use {found.ndcg_before:.4f}"),
        *(
            (f"weight of {name}", f"{weight:.4f}, now {found.before[name]:.4f}")
            for name, weight in found.after.items()
        ),
    )
