"""`palate train` and `palate models`: learn from the ratings, and say which model is used."""

from __future__ import annotations

import importlib.util
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from palate.errors import MisuseError, NotInstalledError
from serve.cli.output import (
    as_json,
    err,
    number,
    out,
    print_facts,
    print_json,
    say,
    table,
    warn,
    when_stopped,
)
from serve.cli.parameters import LARGEST_SEED, parse_set, with_types
from serve.cli.session import LARGEST_ID, Json, Yes, examples, session
from serve.cli.towers import chosen_towers, epoch_line, finish_towers

if TYPE_CHECKING:
    from rerank.models.factors import FactorModel
    from rerank.models.lambdarank import LambdaRank
    from rerank.models.registry import StoredModel
    from rerank.models.train import Trained
    from sql.database import Database

EXAMPLES = examples(
    "palate train",
    "palate train ease --rank 128",
    "palate train svd --set shrinkage=0.3 --set order.leaves=31",
    "palate train als --engine spark --features features --master 'local[2]'",
)

AUTO = "auto"

app = typer.Typer(
    no_args_is_help=True, help="Trained models: which there are and which one is used."
)

Force = Annotated[
    bool, typer.Option("--force", help="Use it even if it did worse than the one in use.")
]
Number = Annotated[
    int,
    typer.Argument(
        metavar="ID", min=0, max=LARGEST_ID, help="A model's number, as `list` shows it."
    ),
]


class Kinds(Enum):
    """Kinds of models, of which one each is in use."""

    FACTORS = "factors"
    ORDER = "order"
    RATINGS = "ratings"


def train(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            help="What to train: svd, ease, als or two-tower. auto: what fits the ratings."
        ),
    ] = AUTO,
    rank: Annotated[int | None, typer.Option(min=1, max=2000, help="Numbers a film.")] = None,
    l2: Annotated[float | None, typer.Option(min=0, help="Ridge, where the model has one.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter of the model, or order.NAME of the order. Repeat.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Times through the ratings, where the model has them.")
    ] = None,
    loss: Annotated[
        str | None, typer.Option(help="two-tower: softmax, bpr, mse or combined.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="two-tower: cpu, cuda; auto: a GPU where there is one.")
    ] = AUTO,
    resume: Annotated[
        bool, typer.Option("--resume", help="two-tower: go on where training was stopped.")
    ] = False,
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="two-tower: write the vectors there, too."),
    ] = None,
    order: Annotated[bool, typer.Option(help="Learn an order of search results, too.")] = True,
    ratings: Annotated[
        bool, typer.Option(help="Learn what stars users would give, too; not with --no-evaluate.")
    ] = True,
    evaluate: Annotated[
        bool, typer.Option(help="Hold ratings out to measure, and to tune the blend's weights.")
    ] = True,
    activate: Annotated[bool, typer.Option(help="Use it, unless it does worse.")] = True,
    force: Force = False,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of everything drawn.")
    ] = 0,
    engine: Annotated[
        Literal["local", "spark"], typer.Option(help="spark: als past one machine.")
    ] = "local",
    master: Annotated[str, typer.Option(help="Spark's master.")] = "local[2]",
    features: Annotated[
        Path | None,
        typer.Option(help="spark: the folder that `palate features build` wrote."),
    ] = None,
    json: Json = False,
) -> None:
    """Learn from the ratings in the database; the next search uses what was learned.

    Ratings of synthetic users teach nothing. Stopped at any time, it leaves what is in use as it
    was.
    """
    check_installed()
    from rerank.models.epochs import listening
    from rerank.models.registry import active_model, not_comparable
    from rerank.models.tracking import keep_models, tracked
    from rerank.models.train import train as learn
    from rerank.models.train_ratings import train_ratings

    factors, of_order = parse_set(set_ or ())
    given = {"rank": rank, "l2": l2, "epochs": epochs, "loss": loss, "seed": seed or None}
    given |= factors
    chosen = _model(model, {name: value for name, value in given.items() if value is not None})
    opened = session(context)
    towers = chosen_towers(chosen, opened.settings, device=device, resume=resume, vectors=vectors)
    with (
        when_stopped("Models are in use whole or not at all: `palate models list`."),
        opened.database(migrate=True) as database,
        tracked(opened.settings, "train", warn) as run,
        err().status("") as status,
        listening(lambda epoch, reached: status.update(epoch_line(epoch, reached))),
    ):
        before = {kind.value: active_model(database, kind.value) for kind in Kinds}
        if engine == "spark":
            trained = _on_spark(database, chosen, features, master, activate, force)
        else:
            trained = learn(
                database,
                chosen,
                evaluate=evaluate,
                order=_order(seed, of_order) if order else None,
                activate=activate,
                force=force,
                seed=seed,
                tell=status.update,
            )
        run.tags({"palate.model": model, "palate.seed": str(seed), "palate.engine": engine})
        stars = None
        if ratings and evaluate and engine == "local":
            stars = train_ratings(
                database, activate=activate, force=force, seed=seed, tell=status.update
            )
        made = trained.factors, trained.order, stars.ratings if stars else None
        refused = [*trained.refused, *([stars.refused] if stars and stars.refused else [])]
        stored = [one for one in made if one is not None]
        keep_models(run, database, stored)
        report = dict(zip(("factors", "order", "ratings"), made, strict=True))
        run.artefact("report.json", as_json({**report, "refused": refused}).encode())
    if towers is not None:
        finish_towers(towers, vectors)
    if json:
        print_json({**report, "refused": refused})
        return
    _print_models(stored)
    for why_not in refused:
        warn(why_not)
    for one in stored:
        if one.state == "active" and (why := not_comparable(one, before[one.kind])) is not None:
            say(why)


def _on_spark(
    database: Database,
    model: FactorModel | None,
    features: Path | None,
    master: str,
    activate: bool,
    force: bool,
) -> Trained:
    """Factors learned on Spark; not measured, since what is held out is held out in SQL."""
    from rerank.models.als import Als
    from rerank.models.registry import get_model
    from rerank.models.spark import train_als
    from rerank.models.train import Trained, use

    if not isinstance(model, Als) or features is None:
        raise MisuseError(
            "Spark trains als, from files. Nothing was trained. Run `palate features build FOLDER` "
            "and `palate train als --engine spark --features FOLDER`."
        )
    stored = train_als(database, features, model, master=master)
    refused = use(database, [stored], force=force) if activate else ()
    return Trained(get_model(database, stored), refused=refused)


def _model(name: str, given: dict[str, Any]) -> FactorModel | None:
    """The model of this name with these parameters; None for auto. Raises MisuseError."""
    from rerank.models.train import FACTOR_MODELS

    if name == AUTO:
        if set(given) - {"seed"}:
            raise MisuseError(
                "--rank, --l2 and --set belong to one model. Nothing was trained. Name it: "
                "`palate train svd --rank 64`."
            )
        return None
    if name not in FACTOR_MODELS:
        raise MisuseError(
            f"There is no model {name} that SQL can use. Nothing was trained. "
            f"There are {AUTO}, {', '.join(FACTOR_MODELS)}."
        )
    family = FACTOR_MODELS[name]
    return family(**with_types(name, family().parameters(), given))


def _order(seed: int, given: dict[str, Any]) -> LambdaRank:
    from rerank.models.lambdarank import LambdaRank

    defaults = dict(LambdaRank().__dict__)
    return LambdaRank(**{"seed": seed, **with_types("order", defaults, given)})


@app.command("list", epilog=examples("palate models list"))
def list_(context: typer.Context, json: Json = False) -> None:
    """Show every stored model."""
    from rerank.models.registry import list_models

    with session(context).database() as database:
        found = list_models(database)
    if json:
        print_json(found)
    elif found:
        _print_models(found)
    else:
        say("There are no models yet. `palate train` makes some.")


@app.command(epilog=examples("palate models show 1"))
def show(context: typer.Context, model: Number, json: Json = False) -> None:
    """Show one model: its parameters, metrics and weights."""
    from rerank.models.registry import get_model

    with session(context).database() as database:
        found = get_model(database, model)
    if json:
        print_json(found)
        return
    print_facts(
        [
            ("model", f"{found} ({found.kind}, {found.state})"),
            ("created", f"{found.created_at:%Y-%m-%d %H:%M}"),
            ("learned from", found.fingerprint),
            *(found.parameters.items()),
            *(found.metrics.items()),
            *((f"weight of {name}", weight) for name, weight in (found.weights or {}).items()),
        ]
    )


@app.command(epilog=examples("palate models activate 2", "palate models activate 2 --force"))
def activate(
    context: typer.Context, model: Number, force: Force = False, json: Json = False
) -> None:
    """Use this model from the next search on, with the weights that were tuned with it."""
    from rerank.models.registry import activate as use

    with session(context).database() as database:
        _tell(use(database, model, force=force), json=json)


@app.command(epilog=examples("palate models rollback", "palate models rollback order"))
def rollback(
    context: typer.Context,
    kind: Annotated[Kinds, typer.Argument(help="Which kind of model.")] = Kinds.FACTORS,
    json: Json = False,
) -> None:
    """Use the model again that was in use before."""
    from rerank.models.registry import rollback as back

    with session(context).database() as database:
        _tell(back(database, kind.value), json=json)


@app.command(epilog=examples("palate models off order"))
def off(
    context: typer.Context,
    kind: Annotated[Kinds, typer.Argument(help="Which kind of model.")],
) -> None:
    """Use no model of this kind; it stays stored."""
    from rerank.models.registry import deactivate

    with session(context).database() as database:
        done = deactivate(database, kind.value)
    say(f"No {kind.value} model is in use {'any more' if done else 'anyway'}.")


@app.command(epilog=examples("palate models remove 1 --yes"))
def remove(context: typer.Context, model: Number, yes: Yes = False) -> None:
    """Delete a model that is not in use."""
    from rerank.models.registry import get_model
    from rerank.models.registry import remove as delete
    from serve.cli.output import confirm

    with session(context).database() as database:
        confirm(f"Delete {get_model(database, model)}?", yes=yes)
        say(f"Deleted {delete(database, model)}.")


def _tell(model: StoredModel, *, json: bool) -> None:
    if json:
        print_json(model)
    else:
        say(f"{model} is in use.")


def _print_models(models: list[StoredModel]) -> None:
    from rerank.models.registry import HEADLINE, RATINGS_HEADLINE

    shown = table(
        ("id", "right"), "kind", "model", "state", (HEADLINE, "right"), ("debiased", "right"),
        (RATINGS_HEADLINE, "right"),
        "ratings", "created",
    )  # fmt: skip
    for model in models:
        shown.add_row(
            str(model.id),
            model.kind,
            str(model),
            model.state,
            number(model.metrics.get(HEADLINE), 4),
            number(model.metrics.get(f"debiased {HEADLINE}"), 4),
            number(model.metrics.get(RATINGS_HEADLINE), 4),
            (model.fingerprint or "–")[:8],
            f"{model.created_at:%Y-%m-%d %H:%M}",
        )
    out().print(shown)


def check_installed() -> None:
    """Raises NotInstalledError where the extra train is missing."""
    for name in ("scipy", "lightgbm"):
        if importlib.util.find_spec(name) is None:
            raise NotInstalledError(
                f"Training needs {name}, which is not installed. Nothing was trained. "
                "Install it in Palate's folder: pip install -e '.[train]'."
            )
