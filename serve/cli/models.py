"""`palate models`: which there are, and which one is used."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from learn.registry import (
    HEADLINE,
    RATINGS_HEADLINE,
    StoredModel,
    deactivate,
    get_model,
    list_models,
)
from learn.registry import activate as use
from learn.registry import remove as delete
from learn.registry import rollback as back
from learn.tower_vectors import load_vectors
from palate.contract import LARGEST_ID
from serve.cli.options import Json, Yes
from serve.cli.output import confirm, examples, present
from serve.cli.session import session
from serve.cli.tables import print_facts, print_table
from serve.cli.text import number

app = typer.Typer(
    no_args_is_help=True, help="Trained models: which there are and which one is used."
)

Force = Annotated[
    bool, typer.Option("--force", help="Use it even if it did worse than the one in use.")
]
Kind = Annotated[
    Literal["factors", "order", "ratings"], typer.Argument(help="Which kind of model.")
]
Number = Annotated[
    int,
    typer.Argument(
        metavar="ID", min=0, max=LARGEST_ID, help="A model's number, as `list` shows it."
    ),
]


@app.command("list", epilog=examples("palate models list"))
def list_(context: typer.Context, json: Json = False) -> None:
    """Show every stored model."""
    with session(context).database() as database:
        found = list_models(database)
    nothing = "There are no models yet. `palate train` makes some."
    present(found, print_models, json=json, nothing=nothing)


@app.command(epilog=examples("palate models show 1"))
def show(context: typer.Context, model: Number, json: Json = False) -> None:
    """Show one model: its parameters, metrics and weights."""
    with session(context).database() as database:
        found = get_model(database, model)
    present(found, _print_model, json=json)


def _print_model(found: StoredModel) -> None:
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
    with session(context).database() as database:
        _present_used(use(database, model, force=force), json=json)


@app.command(epilog=examples("palate models rollback", "palate models rollback order"))
def rollback(context: typer.Context, kind: Kind = "factors", json: Json = False) -> None:
    """Use the model again that was in use before."""
    with session(context).database() as database:
        _present_used(back(database, kind), json=json)


@app.command(epilog=examples("palate models off order"))
def off(context: typer.Context, kind: Kind, json: Json = False) -> None:
    """Use no model of this kind; it stays stored."""
    with session(context).database() as database:
        done = deactivate(database, kind)
    present(
        {"kind": kind, "changed": done},
        f"No {kind} model is in use {'any more' if done else 'anyway'}.",
        json=json,
    )


@app.command(epilog=examples("palate models remove 1 --yes"))
def remove(context: typer.Context, model: Number, yes: Yes = False, json: Json = False) -> None:
    """Delete a model that is not in use."""
    with session(context).database() as database:
        confirm(f"Delete {get_model(database, model)}?", yes=yes)
        deleted = delete(database, model)
    present(deleted, f"Deleted {deleted}.", json=json)


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
    with session(context).database(migrate=True) as database:
        stored = get_model(database, load_vectors(database, folder))
    present(stored, f"Stored {stored}; `palate models activate {stored.id}` uses it.", json=json)


def _present_used(model: StoredModel, *, json: bool) -> None:
    present(model, f"{model} is in use.", json=json)


def print_models(models: Sequence[StoredModel]) -> None:
    """A table of models."""
    print_table(
        models,
        ("id>", lambda each: each.id),
        ("kind", lambda each: each.kind),
        ("model", str),
        ("state", lambda each: each.state),
        (f"{HEADLINE}>", _metric(HEADLINE)),
        ("debiased>", _metric(f"debiased {HEADLINE}")),
        (f"{RATINGS_HEADLINE}>", _metric(RATINGS_HEADLINE)),
        ("ratings", lambda each: (each.fingerprint or "–").removeprefix("features-")[:8]),
        ("created (UTC)", lambda each: _utc(each.created_at)),
    )


def _metric(name: str) -> Callable[[StoredModel], str]:
    return lambda model: number(model.metrics.get(name), 4)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
