"""Studies: parameters found by trying, with Optuna, kept in a file so that any stop can go on.

Akiba et al. 2019, "Optuna: a next-generation hyperparameter optimization framework"; the sampler is
the tree-structured Parzen estimator (Bergstra et al. 2011), attempts below the median of the others
at the same step are given up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learn.data import read_ratings
from learn.models.epochs import listening
from learn.models.families import FACTOR_MODELS
from learn.objectives import ORDER, Objective, Tell, open_objective
from learn.registry import fingerprint
from learn.stores import opened_by_one
from palate.errors import ConflictError, MisuseError, NotInstalledError
from palate.settings import Settings
from sql.database import Database

if TYPE_CHECKING:
    import optuna

_STARTUP = 5  # attempts that nothing is pruned before
_WARMUP_ROUNDS = 40  # of a learned order: its first rounds say little


@dataclass(frozen=True)
class Span:
    """From the least to the greatest value of a parameter; ``log``: by its logarithm."""

    least: float
    greatest: float
    log: bool = False

    def suggest(self, trial: "optuna.Trial", name: str) -> float:
        """A value for one attempt; a whole number where both ends are."""
        if isinstance(self.least, int) and isinstance(self.greatest, int):
            return trial.suggest_int(name, self.least, self.greatest, log=self.log)
        return trial.suggest_float(name, self.least, self.greatest, log=self.log)


_SLOPE = Span(0.0, 1.0)
_RECENT = Span(0.0, 4.0)
SPACES: Mapping[str, Mapping[str, Span]] = {
    "svd": {
        "rank": Span(16, 256, log=True),
        "degree_exponent": Span(0.0, 0.7),
        "shrinkage": Span(0.0, 1.0),
        "slope": _SLOPE,
        "recent": _RECENT,
    },
    "ease": {
        "rank": Span(16, 256, log=True),
        "l2": Span(0.01, 1.0, log=True),
        "degree_exponent": Span(0.0, 0.6),
        "text": Span(0.0, 2.0),
        "genres": Span(0.0, 1.5),
        "years": Span(0.0, 1.5),
        "window": Span(20, 200, log=True),
        "near": Span(0.0, 1.0),
        "slope": _SLOPE,
        "recent": _RECENT,
    },
    "als": {
        "rank": Span(16, 128, log=True),
        "l2": Span(1.0, 200.0, log=True),
        "alpha": Span(0.5, 10.0, log=True),
        "epochs": Span(6, 30),
        "slope": _SLOPE,
        "recent": _RECENT,
    },
    "bpr": {
        "rank": Span(8, 128, log=True),
        "l2": Span(0.0005, 0.1, log=True),
        "learning_rate": Span(0.01, 0.2, log=True),
        "epochs": Span(15, 120),
    },
    "two-tower": {
        "learning_rate": Span(0.0002, 0.005, log=True),
        "dropout": Span(0.0, 0.5),
        "weight_decay": Span(0.0005, 0.3, log=True),
    },
    ORDER: {
        "learning_rate": Span(0.02, 0.2, log=True),
        "leaves": Span(7, 63, log=True),
        "least_in_leaf": Span(20, 400, log=True),
        "l2": Span(0.1, 50.0, log=True),
    },
}
"""What is tried of each model; the other parameters stay as they are."""


@dataclass(frozen=True)
class Tuned:
    """Where a study stands. ``before`` is what the default parameters reach."""

    model: str
    study: str
    trials: int
    pruned: int
    value: float
    before: float | None
    parameters: Mapping[str, Any]

    @property
    def command(self) -> str | None:
        """What trains with the best parameters; None for a model that SQL cannot use."""
        return command(self.model, self.parameters)


def tune(
    database: Database,
    name: str,
    *,
    trials: int = 30,
    timeout: float | None = None,
    study: str | None = None,
    seed: int = 0,
    tell: Tell = lambda _: None,
    tried: Callable[[int, float, Mapping[str, Any]], None] = lambda *_: None,
) -> Tuned:
    """Try parameters of a model until its study has so many attempts, and say the best.

    A study goes on where it was stopped, by whatever stopped it. Without a name it is the one of
    this model and these ratings; processes that name the same one share its attempts. ``timeout``
    in seconds; ``tried`` hears each attempt that was measured to its end. Raises MisuseError for
    what cannot be tuned, ConflictError for a study of other ratings or another model.
    """
    if name not in SPACES:
        raise MisuseError(
            f"{name} cannot be tuned. Nothing was tried. What can is {', '.join(SPACES)}, blend."
        )
    learned_from = fingerprint(read_ratings(database))
    found = _open(database.settings, study or f"{name}-{learned_from}", name)
    _check_same(found, {"model": name, "fingerprint": learned_from})
    if (left := trials - len(_list_finished(found))) > 0:
        with open_objective(database, name, seed=seed, tell=tell) as goal:
            _enqueue_defaults(found, goal, name)
            tell(f"trying {left} of {trials}")

            def heard(_: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> None:
                if trial.value is not None and trial.state.name == "COMPLETE":
                    tried(trial.number, trial.value, trial.params)
                tell(f"tried {len(_list_finished(found))} of {trials}, best {_best(found):.4f}")

            found.optimize(
                lambda trial: _attempt(trial, goal, name, seed), left, timeout,
                callbacks=[heard, _stop_after(trials)],
            )  # fmt: skip
    return _summarize(found, name)


def command(name: str, parameters: Mapping[str, Any]) -> str | None:
    """The `palate train` that uses these parameters; None for a model that SQL cannot use."""
    prefix = f"{ORDER}." if name == ORDER else ""
    chosen = " ".join(f"--set {prefix}{key}={value}" for key, value in parameters.items())
    if name == ORDER:
        return f"palate train {chosen}"
    return f"palate train {name} {chosen}" if name in FACTOR_MODELS else None


def studies_file(settings: Settings) -> Path:
    """Where studies are kept."""
    return settings.data_dir.absolute() / "studies.db"


def _open(settings: Settings, study: str, name: str) -> "optuna.Study":
    try:
        import optuna
    except ImportError:
        raise NotInstalledError(
            "Tuning needs Optuna, which is not installed. Nothing was tried. Install it in "
            "Palate's folder: pip install -e '.[train]'."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = studies_file(settings)
    with opened_by_one(file):
        found = optuna.create_study(
            storage=f"sqlite:///{file}",
            study_name=study,
            direction="maximize",
            load_if_exists=True,
        )
    warmup = _WARMUP_ROUNDS if name == ORDER else 0
    found.pruner = optuna.pruners.MedianPruner(_STARTUP, warmup)
    return found


def _check_same(study: "optuna.Study", about: Mapping[str, str]) -> None:
    for key, value in about.items():
        known = study.user_attrs.get(key)
        if known is None:
            study.set_user_attr(key, value)
        elif known != value:
            raise ConflictError(
                f"The study {study.study_name} is of {key} {known}, not {value}: what it reached "
                "cannot be compared. Nothing was tried. Name another --study."
            )


def _stop_after(trials: int) -> "Callable[[optuna.Study, optuna.trial.FrozenTrial], None]":
    """Stops a study that has so many attempts, whichever process made them."""
    from optuna.study import MaxTrialsCallback
    from optuna.trial import TrialState

    return MaxTrialsCallback(trials, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _attempt(trial: "optuna.Trial", goal: Objective, name: str, seed: int) -> float:
    import optuna

    def step(number: int, reached: float) -> None:
        trial.report(reached, number)
        if trial.should_prune():
            raise optuna.TrialPruned

    def epoch(number: int, metrics: Mapping[str, float]) -> None:
        if "validation" in metrics:
            step(number, metrics["validation"])

    # By the attempt's number: neither going on nor a process beside this one draws the same again.
    trial.study.sampler = optuna.samplers.TPESampler(seed=seed + trial.number)
    chosen = {key: span.suggest(trial, key) for key, span in SPACES[name].items()}
    with listening(epoch):
        return goal.attempt({**goal.defaults, **chosen}, step)


def _enqueue_defaults(study: "optuna.Study", goal: Objective, name: str) -> None:
    """The default parameters are tried first: what is found is never worse, and the gain known."""
    defaults = _defaults(goal, name)
    if not any(trial.params == defaults for trial in _list_finished(study)):
        study.enqueue_trial(defaults)
        study.set_user_attr("defaults", defaults)


def _defaults(goal: Objective, name: str) -> dict[str, Any]:
    return {
        key: min(max(goal.defaults[key], span.least), span.greatest)
        for key, span in SPACES[name].items()
    }


def _list_finished(study: "optuna.Study") -> "list[optuna.trial.FrozenTrial]":
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _list_complete(study: "optuna.Study") -> "list[optuna.trial.FrozenTrial]":
    return [trial for trial in _list_finished(study) if trial.state.name == "COMPLETE"]


def _best(study: "optuna.Study") -> float:
    return max((t.value or 0.0 for t in _list_complete(study)), default=0.0)


def _summarize(study: "optuna.Study", name: str) -> Tuned:
    finished = _list_finished(study)
    complete = _list_complete(study)
    if not complete:
        raise MisuseError("Nothing was measured to its end. The study is kept; give it more time.")
    best = study.best_trial
    defaults = study.user_attrs.get("defaults")
    before = next((t.value for t in complete if t.params == defaults), None)
    return Tuned(
        name, study.study_name, len(finished), len(finished) - len(complete),
        float(best.values[0]), before, _round(best.params),
    )  # fmt: skip


def _round(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Four digits that matter: more say nothing, and are typed."""
    return {k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in parameters.items()}
