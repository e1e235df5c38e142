"""`palate train`: learn from the ratings; the next search uses what was learned."""

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, Option

from ingest.features import PARTS, read_features, read_statistics
from learn.lambdarank import LambdaRank
from learn.models.epochs import listening
from learn.models.factors import FactorModel
from learn.models.families import FACTOR_MODELS
from learn.models.implicit import Als
from learn.models.two_tower.model import TwoTower
from learn.registry import StoredModel, active_model, get_model, not_comparable
from learn.spark import train_als
from learn.tower_vectors import write_vectors
from learn.tracking import keep_models, tracked
from learn.train import train as learn
from learn.train import use
from learn.train_ratings import train_ratings
from palate.errors import MisuseError, NotInstalledError
from palate.settings import Settings
from serve.cli.command import command
from serve.cli.models import Force, print_models
from serve.cli.options import LARGEST_SEED, Master, Seed
from serve.cli.output import Done, as_json, err, say, warn, when_stopped
from serve.cli.session import Session
from sql.database import Database

AUTO = "auto"
_LEAST = {
    "leaves": 2,
    "seed": 0,
    "fold_copies": 0,
    "window": 0,
    "base": -math.inf,
    "slope": -math.inf,
}
_MOST = {"rank": 2000, "seed": LARGEST_SEED}


@dataclass(frozen=True)
class What:
    """What is to be learned."""

    model: Annotated[
        str,
        Argument(help="What to train: svd, ease, als or two-tower. auto: what fits the ratings."),
    ] = AUTO
    rank: Annotated[int | None, Option(min=1, max=2000, help="Numbers a film.")] = None
    l2: Annotated[float | None, Option(min=0, help="Ridge, where the model has one.")] = None
    set_: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter of the model, or order.NAME of the order. Repeat.",
        ),
    ] = None
    epochs: Annotated[
        int | None, Option(min=1, help="Times through the ratings, where the model has them.")
    ] = None
    loss: Annotated[str | None, Option(help="two-tower: softmax, bpr, mse or combined.")] = None
    order: Annotated[bool, Option(help="Learn an order of search results, too.")] = True
    seed: Seed = 0

    def models(self) -> tuple[FactorModel | None, LambdaRank | None]:
        """The model, None for auto, and the order, if wanted. Raises MisuseError."""
        of_factors, of_order = parse_set(self.set_ or ())
        typed = {"rank": self.rank, "l2": self.l2, "epochs": self.epochs, "loss": self.loss}
        typed["seed"] = self.seed or None
        given = {name: value for name, value in typed.items() if value is not None} | of_factors
        factors = _model(self.model, given)
        return factors, _order(self.seed, of_order) if self.order else None


@dataclass(frozen=True)
class How:
    """What is done with it."""

    ratings: Annotated[
        bool, Option(help="Learn what stars users would give, too; not with --no-evaluate.")
    ] = True
    evaluate: Annotated[
        bool, Option(help="Hold ratings out to measure, and to tune the blend's weights.")
    ] = True
    activate: Annotated[bool, Option(help="Use it, unless it does worse.")] = True
    force: Force = False


@dataclass(frozen=True)
class Where:
    """On what it is learned."""

    engine: Annotated[Literal["local", "spark"], Option(help="spark: als past one machine.")] = (
        "local"
    )
    master: Master = "local[2]"
    features: Annotated[
        Path | None, Option(help="spark: the folder that `palate features build` wrote.")
    ] = None


@dataclass(frozen=True)
class Towers:
    """How two towers are trained."""

    device: Annotated[str, Option(help="two-tower: cpu, cuda; auto: a GPU where there is one.")] = (
        "auto"
    )
    resume: Annotated[bool, Option(help="two-tower: go on where training was stopped.")] = False
    vectors: Annotated[
        Path | None, Option(metavar="FOLDER", help="two-tower: write the vectors there, too.")
    ] = None

    def chosen(self, model: FactorModel | None, settings: Settings) -> TwoTower | None:
        """The model, ready to train, if it is two-tower.

        Raises MisuseError for an option of two-tower's with another model, a device that is not
        there or a folder that cannot be made; NotInstalledError without PyTorch.
        """
        if not isinstance(model, TwoTower):
            if self != Towers():
                raise MisuseError(
                    "--device, --resume and --vectors belong to two-tower. Nothing was trained."
                )
            return None
        model.device, model.resume = self.device, self.resume
        model.checkpoints = settings.data_dir / "checkpoints"
        model.check_device()
        if self.vectors is not None:
            _make(self.vectors)
        if self.resume and not list(model.checkpoints.glob("two-tower-*.pt")):
            warn(f"Nothing was stopped in {model.checkpoints}: training begins anew.")
        return model

    def finish(self, model: TwoTower) -> None:
        """After training: write the vectors where they are wanted, drop the checkpoints."""
        if self.vectors is not None:
            write_vectors(model, self.vectors)
            say(f"Wrote the vectors of {len(model.movie_ids):,} films to {self.vectors}.")
        model.forget_checkpoints()


@dataclass(frozen=True)
class _Made:
    """What was learned; ``notes`` say what went otherwise than asked."""

    factors: StoredModel
    order: StoredModel | None
    ratings: StoredModel | None
    refused: list[str]
    notes: list[str]

    @property
    def models(self) -> list[StoredModel]:
        return [one for one in (self.factors, self.order, self.ratings) if one is not None]

    @property
    def report(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "notes"}


@command(
    "palate train",
    "palate train ease --rank 128",
    "palate train svd --set shrinkage=0.3 --set order.leaves=31",
    "palate train als --engine spark --features features --master 'local[2]'",
)
def train(session: Session, what: What, towers: Towers, how: How, where: Where) -> Done:
    """Learn from the ratings in the database; the next search uses what was learned.

    Ratings of synthetic users teach nothing. Stopped at any time, it leaves what is in use as it
    was.
    """
    check_installed()
    factors, order = what.models()
    on_spark = _spark(factors, how, where) if where.engine == "spark" else None
    two_tower = towers.chosen(factors, session.settings)
    with (
        when_stopped("Models are in use whole or not at all: `palate models list`."),
        session.database(migrate=True) as database,
        tracked(session.settings, "train", warn) as run,
        err().status("") as status,
        listening(lambda epoch, reached: status.update(epoch_line(epoch, reached))),
    ):
        before = {kind: active_model(database, kind) for kind in ("factors", "order", "ratings")}
        if on_spark is not None:
            made = on_spark(database)
        else:
            made = _learn(database, factors, order, how, what.seed, status.update)
        tags = {"model": what.model, "seed": str(what.seed), "engine": where.engine}
        run.tags({f"palate.{name}": value for name, value in tags.items()})
        keep_models(run, database, made.models)
        run.artefact("report.json", as_json(made.report).encode())
    if two_tower is not None:
        towers.finish(two_tower)
    return Done(made.report, lambda: _print_made(made, before))


def _learn(
    database: Database,
    factors: FactorModel | None,
    order: LambdaRank | None,
    how: How,
    seed: int,
    tell: Callable[[str], None],
) -> _Made:
    """Factors, the order and stars, learned here."""
    trained = learn(
        database, factors, evaluate=how.evaluate, order=order, activate=how.activate,
        force=how.force, seed=seed, tell=tell,
    )  # fmt: skip
    refused, notes = [*trained.refused], list[str]()
    stars = None
    if how.ratings and how.evaluate:
        stars = train_ratings(
            database, activate=how.activate, force=how.force, seed=seed, tell=tell
        )
        if stars is None:
            notes.append("Too few people have ratings to learn what stars they would give.")
        elif stars.refused is not None:
            refused.append(stars.refused)
    return _Made(trained.factors, trained.order, stars.ratings if stars else None, refused, notes)


def _spark(model: FactorModel | None, how: How, where: Where) -> Callable[[Database], _Made]:
    """What learns factors on Spark; not measured, since what is held out is held out in SQL.

    Raises MisuseError for another model than als or without files, LoadError for files of another
    version.
    """
    features = where.features
    if not isinstance(model, Als) or features is None:
        raise MisuseError(
            "Spark trains als, from files. Nothing was trained. Run `palate features build FOLDER` "
            "and `palate train als --engine spark --features FOLDER`."
        )
    read_statistics(features)
    for part in PARTS:
        read_features(features, part)

    def learn(database: Database) -> _Made:
        stored = train_als(database, features, model, master=where.master)
        refused = use(database, [stored], force=how.force) if how.activate else ()
        return _Made(get_model(database, stored), None, None, [*refused], [])

    return learn


def _print_made(made: _Made, before: dict[str, StoredModel | None]) -> None:
    """What was made, and what is not as one may think; ``before``: what was active of each kind."""
    print_models(made.models)
    for why_not in made.refused:
        warn(why_not)
    for note in made.notes:
        say(note)
    for one in made.models:
        if one.state == "active" and (why := not_comparable(one, before[one.kind])) is not None:
            say(why)


def _model(name: str, given: dict[str, Any]) -> FactorModel | None:
    """The model of this name with these parameters; None for auto. Raises MisuseError."""
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
    defaults = dict(LambdaRank().__dict__)
    return LambdaRank(**{"seed": seed, **with_types("order", defaults, given)})


def check_installed() -> None:
    """Raises NotInstalledError where the extra train is missing."""
    if importlib.util.find_spec("lightgbm") is None:
        raise NotInstalledError(
            "Training needs lightgbm, which is not installed. Nothing was trained. "
            "Install it in Palate's folder: pip install -e '.[train]'."
        )


def epoch_line(epoch: int, reached: Mapping[str, float]) -> str:
    """What an epoch reached, on one line."""
    return f"epoch {epoch}: " + ", ".join(f"{name} {v:.4f}" for name, v in reached.items())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MisuseError(
            f"{folder} cannot be made: {error.strerror}. Nothing was trained."
        ) from error


def parse_set(pairs: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``--set NAME=VALUE`` says of the factors, and by ``order.NAME`` of the order."""
    factors: dict[str, Any] = {}
    order: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise MisuseError(f"--set {pair}: write NAME=VALUE. Nothing was trained.")
        _, dot, of_order = name.partition("order.")
        (order if dot else factors)[of_order if dot else name] = value
    return factors, order


def with_types(model: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Given parameters, as the types that the defaults have. Raises MisuseError."""
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise MisuseError(
            f"{model} has no {unknown[0]}. Nothing was trained. It has {', '.join(defaults)}."
        )
    found = {}
    for name, value in given.items():
        kind = type(defaults[name])
        try:
            found[name] = kind(value)
        except (TypeError, ValueError):
            what = {int: "whole number", float: "number"}.get(kind, kind.__name__)
            raise MisuseError(f"{name}={value} is no {what}. Nothing was trained.") from None
        _check_range(name, found[name])
    return found


def _check_range(name: str, value: Any) -> None:
    """Raises MisuseError for a number that no model can be made of."""
    if not isinstance(value, int | float):
        return
    least = _LEAST.get(name, 1 if isinstance(value, int) else 0)
    if not math.isfinite(value) or not least <= value <= _MOST.get(name, math.inf):
        most = f" and at most {_MOST[name]}" if name in _MOST else ""
        bounds = f"at least {least}{most}" if math.isfinite(least) else "finite"
        raise MisuseError(f"{name}={value} cannot be: it is {bounds}. Nothing was trained.")
