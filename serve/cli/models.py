"""`palate models`: which there are, and which one is used."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

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
from serve.cli.command import Migrated, command
from serve.cli.options import Yes
from serve.cli.output import Done, confirm, say
from serve.cli.tables import Column, print_facts, rows
from serve.cli.text import number
from sql.database import Database

Force = Annotated[bool, Option("--force", help="Use it even if it did worse than the one in use.")]
Kind = Annotated[Literal["factors", "order", "ratings"], Argument(help="Which kind of model.")]
Number = Annotated[
    int,
    Argument(metavar="ID", min=0, max=LARGEST_ID, help="A model's number, as `list` shows it."),
]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _metric(name: str, heading: str = "") -> Column[StoredModel]:
    return (f"{heading or name}>", lambda model: number(model.metrics.get(name), 4))


print_models = rows(
    "id>",
    "kind",
    ("model", str),
    "state",
    _metric(HEADLINE),
    _metric(f"debiased {HEADLINE}", "debiased"),
    _metric(RATINGS_HEADLINE),
    ("ratings", lambda each: (each.fingerprint or "–").removeprefix("features-")[:8]),
    ("created (UTC)", lambda each: _utc(each.created_at)),
)


@command(
    "palate models list",
    name="list",
    show=print_models,
    nothing="There are no models yet. `palate train` makes some.",
)
def list_(database: Database) -> list[StoredModel]:
    """Show every stored model."""
    return list_models(database)


def _print_model(found: StoredModel) -> None:
    print_facts(
        ("model", f"{found} ({found.kind}, {found.state})"),
        ("created (UTC)", _utc(found.created_at)),
        ("activated (UTC)", found.activated_at and _utc(found.activated_at)),
        ("learned from", found.fingerprint),
        *(found.parameters.items()),
        *(found.metrics.items()),
        *((f"weight of {name}", weight) for name, weight in (found.weights or {}).items()),
    )


@command("palate models show 1", show=_print_model)
def show(database: Database, model: Number) -> StoredModel:
    """Show one model: its parameters, metrics and weights."""
    return get_model(database, model)


def _say_used(model: StoredModel) -> None:
    say(f"{model} is in use.")


@command("palate models activate 2", "palate models activate 2 --force", show=_say_used)
def activate(database: Database, model: Number, force: Force = False) -> StoredModel:
    """Use this model from the next search on, with the weights that were tuned with it."""
    return use(database, model, force=force)


@command("palate models rollback", "palate models rollback order", show=_say_used)
def rollback(database: Database, kind: Kind = "factors") -> StoredModel:
    """Use the model again that was in use before."""
    return back(database, kind)


@command("palate models off order")
def off(database: Database, kind: Kind) -> Done:
    """Use no model of this kind; it stays stored."""
    done = deactivate(database, kind)
    said = f"No {kind} model is in use {'any more' if done else 'anyway'}."
    return Done({"kind": kind, "changed": done}, said)


@command("palate models remove 1 --yes")
def remove(database: Database, model: Number, yes: Yes = False) -> Done:
    """Delete a model that is not in use."""
    confirm(f"Delete {get_model(database, model)}?", yes=yes)
    deleted = delete(database, model)
    return Done(deleted, f"Deleted {deleted}.")


@command("palate train two-tower --vectors vectors", "palate models load vectors")
def load(
    database: Migrated,
    folder: Annotated[
        Path, Argument(help="Vectors that `palate train two-tower --vectors` wrote.")
    ],
) -> Done:
    """Store written vectors as a candidate: towers may learn on another machine.

    How good it is on the ratings here is not known: `palate evaluate search --model ID` says it.
    """
    stored = get_model(database, load_vectors(database, folder))
    return Done(stored, f"Stored {stored}; `palate models activate {stored.id}` uses it.")
