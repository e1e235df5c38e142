"""`palate models`: which there are, and which one is used."""

from __future__ import annotations

from datetime import UTC
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve.cli.output import confirm, number, out, print_facts, print_json, say, table
from serve.cli.session import LARGEST_ID, Json, Yes, examples, session

if TYPE_CHECKING:
    from datetime import datetime

    from learn.registry import StoredModel

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


@app.command("list", epilog=examples("palate models list"))
def list_(context: typer.Context, json: Json = False) -> None:
    """Show every stored model."""
    from learn.registry import list_models

    with session(context).database() as database:
        found = list_models(database)
    if json:
        print_json(found)
    elif found:
        print_models(found)
    else:
        say("There are no models yet. `palate train` makes some.")


@app.command(epilog=examples("palate models show 1"))
def show(context: typer.Context, model: Number, json: Json = False) -> None:
    """Show one model: its parameters, metrics and weights."""
    from learn.registry import get_model

    with session(context).database() as database:
        found = get_model(database, model)
    if json:
        print_json(found)
        return
    print_facts(
        [
            ("model", f"{found} ({found.kind}, {found.state})"),
            ("created (UTC)", _utc(found.created_at)),
            ("activated (UTC)", found.activated_at and _utc(found.activated_at)),
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
    from learn.registry import activate as use

    with session(context).database() as database:
        _tell(use(database, model, force=force), json=json)


@app.command(epilog=examples("palate models rollback", "palate models rollback order"))
def rollback(
    context: typer.Context,
    kind: Annotated[Kinds, typer.Argument(help="Which kind of model.")] = Kinds.FACTORS,
    json: Json = False,
) -> None:
    """Use the model again that was in use before."""
    from learn.registry import rollback as back

    with session(context).database() as database:
        _tell(back(database, kind.value), json=json)


@app.command(epilog=examples("palate models off order"))
def off(
    context: typer.Context,
    kind: Annotated[Kinds, typer.Argument(help="Which kind of model.")],
    json: Json = False,
) -> None:
    """Use no model of this kind; it stays stored."""
    from learn.registry import deactivate

    with session(context).database() as database:
        done = deactivate(database, kind.value)
    if json:
        print_json({"kind": kind.value, "changed": done})
    else:
        say(f"No {kind.value} model is in use {'any more' if done else 'anyway'}.")


@app.command(epilog=examples("palate models remove 1 --yes"))
def remove(context: typer.Context, model: Number, yes: Yes = False, json: Json = False) -> None:
    """Delete a model that is not in use."""
    from learn.registry import get_model
    from learn.registry import remove as delete

    with session(context).database() as database:
        confirm(f"Delete {get_model(database, model)}?", yes=yes)
        deleted = delete(database, model)
    if json:
        print_json(deleted)
    else:
        say(f"Deleted {deleted}.")


@app.command(
    epilog=examples("palate train two-tower --vectors vectors", "palate models load vectors")
)
def load(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="Vectors that `palate train two-tower --vectors` wrote.")
    ],
    json: Json = False,
) -> None:
    """Store written vectors as a candidate: towers may learn on another machine.

    How good it is on the ratings here is not known: `palate evaluate search --model ID` says it.
    """
    from learn.registry import get_model
    from learn.tower_vectors import load_vectors

    with session(context).database(migrate=True) as database:
        stored = get_model(database, load_vectors(database, folder))
    if json:
        print_json(stored)
    else:
        say(f"Stored {stored}; `palate models activate {stored.id}` uses it.")


def _tell(model: StoredModel, *, json: bool) -> None:
    if json:
        print_json(model)
    else:
        say(f"{model} is in use.")


def print_models(models: list[StoredModel]) -> None:
    """A table of models."""
    from learn.registry import HEADLINE, RATINGS_HEADLINE

    shown = table(
        ("id", "right"), "kind", "model", "state", (HEADLINE, "right"), ("debiased", "right"),
        (RATINGS_HEADLINE, "right"),
        "ratings", "created (UTC)",
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
            (model.fingerprint or "–").removeprefix("features-")[:8],
            _utc(model.created_at),
        )
    out().print(shown)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
