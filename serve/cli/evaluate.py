"""`palate evaluate`: how good every ranking is, on ratings it has not seen."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from typer import Option

from evaluate.clicks import ClickRate, evaluate_clicks
from evaluate.estimates import Estimate
from evaluate.predict import PredictReport, Said, evaluate_predict
from evaluate.recommend import PROTOCOLS, ProtocolResult, evaluate_recommend
from evaluate.report import make_markdown, make_page
from evaluate.retrain import retrain
from evaluate.runs import Difference, Run, read_run, write_run
from evaluate.runs import compare as differences_of
from evaluate.search import SetResult, evaluate_search
from learn.held_out import SETS
from learn.models.families import MODELS
from learn.models.interface import Model
from palate.errors import MisuseError
from serve.cli.command import Migrated, command
from serve.cli.options import Seed
from serve.cli.output import Done, err, out, say
from serve.cli.session import Session
from serve.cli.tables import Column, print_table, rows
from serve.cli.text import number
from sql.database import Database


class Queries(Enum):
    """Sets of queries, as typed: typer knows lists of enumerations, not of literals."""

    ONE_WORD = "one-word"
    ANY_WORD = "any-word"
    TWO_WORDS = "two-words"
    GENRE_DECADE = "genre-decade"


class Protocols(Enum):
    """Protocols of recommendation, as typed."""

    TEMPORAL = "temporal"
    RANDOM = "random-75-25"
    STRONG = "strong"


_ACCURACY = ("recall@10", "precision@10", "map@10", "hit@10", "mrr@10", "recall@100", "ndcg@100")
_BEYOND = ("rmse", "mae", "coverage", "diversity", "novelty", "popularity", "fairness gap")


@dataclass(frozen=True)
class Asked:
    """What measurements have in common."""

    users: Annotated[
        int | None,
        Option(min=1, help="Ask so many users only, drawn by --seed. All users teach."),
    ] = None
    samples: Annotated[int, Option(min=100, help="Samples of the bootstrap.")] = 1000
    seed: Seed = 0


@dataclass(frozen=True)
class Report:
    """Where a run goes besides the screen, and what it is held against."""

    output: Annotated[
        Path | None, Option(metavar="FOLDER", help="Write .json, .html and .md there, too.")
    ] = None
    compare: Annotated[
        list[Path] | None,
        Option(
            metavar="FILE",
            help="Show what changed since this run's .json. Twice: compare the two, run nothing.",
        ),
    ] = None

    def of(self, measure: Callable[[], Run]) -> Done:
        """What is measured; or two earlier runs. These are read before anything is measured.

        Raises MisuseError.
        """
        if len(self.compare or ()) > 2:
            raise MisuseError("--compare takes one or two files. Nothing was measured.")
        earlier = [read_run(path) for path in self.compare or ()]
        if len(earlier) == 2:
            before, after = earlier
            found = differences_of(before, after)
            return Done(found, lambda: _print_differences(before, after, found))
        return _report(measure(), self.output, earlier)


@command(
    "palate evaluate search",
    "palate evaluate search --queries one-word --users 100 --output before",
    "palate evaluate search --alone ease --alone full-ease",
    "palate evaluate search --compare before/search.json",
)
def search(
    session: Session,
    asked: Asked,
    report: Report,
    queries: Annotated[
        list[Queries] | None,
        Option(help="Only this set of queries. Repeat. Without: all of them."),
    ] = None,
    model: Annotated[
        int | None, Option(metavar="ID", help="These stored factors, not the active ones.")
    ] = None,
    alone: Annotated[
        list[str] | None,
        Option(metavar="MODEL", help="Also by this model's scores alone. Repeat."),
    ] = None,
    candidates: Annotated[int, Option(min=10, max=10_000, help="Films ordered.")] = 200,
) -> Done:
    """Measure personalised search: is the film that a user went on to like found by its title?

    Each user's last fifth of ratings is held out; every film rated 4 stars or more among it makes
    a query. Search runs on the other ratings alone, in a schema of its own that is dropped
    afterwards; nothing live is changed. The active models' families are trained there again, from
    the other ratings alone.
    """

    def measure() -> Run:
        with session.database(migrate=True) as database, err().status("") as status:
            return evaluate_search(
                database,
                prepare=retrain(database, model, candidates=candidates, tell=status.update),
                alone=_models(alone) if alone else None,
                sets=[each.value for each in queries] if queries else SETS,
                candidates=candidates,
                tell=status.update,
                **vars(asked),
            )

    return report.of(measure)


def _print_errors(found: PredictReport) -> None:
    say(f"{found.model}: rmse {found.rmse:.4f}, mae {found.mae:.4f}, {found.users:,} users")
    columns: list[Column[Said]] = [
        "ratings>=n:,",
        ("half a star off>", lambda each: number(each.within if each.n else None, 3)),
        ("in the interval>", lambda each: number(each.covered if each.n else None, 3)),
        ("its length>", lambda each: number(each.width if each.n else None)),
    ]
    print_table(found.by_confidence, "confidence=name", *columns)
    out().print()
    print_table([*found.by_stars, found.whole], "given>=name", *columns)


@command("palate evaluate predict", "palate evaluate predict --json", show=_print_errors)
def predict(database: Migrated, seed: Seed = 0) -> PredictReport:
    """Measure predicted ratings: how far they are off, and whether what is said of them holds.

    A quarter of the users at a time is held out, and each one's next ratings are predicted from the
    first ones. Confidence and intervals are made of one half of these users and measured on the
    other. Nothing live is changed.
    """
    with err().status("") as status:
        return evaluate_predict(database, seed=seed, tell=status.update)


@command(
    "palate evaluate recommend",
    "palate evaluate recommend --model svd --protocol random-75-25 --output before",
    "palate evaluate recommend --compare before/recommend.json",
)
def recommend(
    session: Session,
    asked: Asked,
    report: Report,
    model: Annotated[
        list[str] | None,
        Option(help="Only this model. Repeat. Without: all but those that take long."),
    ] = None,
    protocol: Annotated[
        list[Protocols] | None,
        Option(help="Only this protocol. Repeat. Without: all of them."),
    ] = None,
) -> Done:
    """Measure recommendation: are the films users went on to rate at the top of a model's list?

    temporal: each user's last fifth of ratings is held out, and films of 4 stars are to be found.
    random-75-25: a random quarter of each user's, whatever the stars: the protocol of the
    recommenders benchmark. strong: a fifth of the users, whom the models meet only afterwards.
    """

    def measure() -> Run:
        models = _models(model)
        with session.database(migrate=True) as database, err().status("") as status:
            return evaluate_recommend(
                database,
                models,
                protocols=[each.value for each in protocol] if protocol else PROTOCOLS,
                tell=status.update,
                **vars(asked),
            )

    return report.of(measure)


def _models(names: Sequence[str] | None) -> dict[str, type[Model]]:
    """The models of these names, with their default parameters. Raises MisuseError."""
    unknown = set(names or ()) - set(MODELS)
    if unknown:
        raise MisuseError(
            f"There is no model {', '.join(sorted(unknown))}. Nothing was measured. "
            f"There are {', '.join(MODELS)}."
        )
    common = [name for name, model in MODELS.items() if not model.on_request]
    return {name: MODELS[name] for name in names or common}


def _report(run: Run, output: Path | None, earlier: Sequence[Run]) -> Done:
    kind = run.about.kind
    if output is not None:
        write_run(run, output / f"{kind}.json")
        (output / f"{kind}.html").write_text(make_page(run), encoding="utf-8")
        (output / f"{kind}.md").write_text(make_markdown(run), encoding="utf-8")
        say(f"Wrote {output / kind}.json, .html and .md.")
    try:
        differences = [(before, differences_of(before, run)) for before in earlier]
    except MisuseError:
        _print_run(run, ())  # what took long is not lost for it
        raise
    told = {"about": run.about, "results": run.results, "differences": [d for _, d in differences]}
    return Done(told, lambda: _print_run(run, differences))


def _print_run(run: Run, differences: Iterable[tuple[Run, list[Difference]]]) -> None:
    for name, result in run.results.items():
        _print_part(name, result)
    for before, found in differences:
        _print_differences(before, run, found)


def _print_part(name: str, result: object) -> None:
    if isinstance(result, SetResult):
        _print_set(name, result)
    elif isinstance(result, ProtocolResult):
        _print_protocol(name, result)
    out().print()


def _print_set(name: str, result: SetResult) -> None:
    print_table(
        result.rankings.items(),
        ("ranking", lambda each: each[0]),
        ("nDCG@10>", lambda each: number(each[1].metrics["ndcg@10"].mean, 4)),
        ("95%>", lambda each: _interval(each[1].metrics["ndcg@10"])),
        ("more than BM25>", lambda each: _gain(each[1].difference["ndcg@10"])),
        ("MRR>", lambda each: number(each[1].metrics["mrr"].mean, 4)),
        ("hit@1>", lambda each: number(each[1].metrics["hit@1"].mean, 4)),
        ("hit@5>", lambda each: number(each[1].metrics["hit@5"].mean, 4)),
        ("hit@10>", lambda each: number(each[1].metrics["hit@10"].mean, 4)),
        ("nDCG@10 debiased>", lambda each: number(each[1].debiased["ndcg@10"].mean, 4)),
        ("95%>", lambda each: _interval(each[1].debiased["ndcg@10"])),
        title=f"{name}: {result.queries:,} queries of {result.users:,} users",
    )
    if known := next(iter(result.rankings.values())).by_known:
        out().print()
        print_table(
            [each for each in result.rankings.items() if each[1].by_known],
            ("ranking", lambda each: each[0]),
            *(
                (f"{name}>", lambda each, name=name: number(each[1].by_known.get(name), 4))
                for name in known
            ),
            title="nDCG@10 by how many ratings, the latest, are known",
        )


_print_clicks = rows(
    *("by=kind", "=value", "shown>", "clicked>", "rate>:.1%"),
    ("95%>", lambda each: f"{each.low:.1%} to {each.high:.1%}"),
    "played>",
)


@command(
    "palate evaluate clicks",
    "palate evaluate clicks --days 7 --json",
    show=_print_clicks,
    nothing="There is no feedback yet. Applications send it to POST /v1/feedback.",
)
def clicks(
    database: Database,
    days: Annotated[int, Option(min=1, max=36_500, help="Days that are looked back.")] = 30,
) -> list[ClickRate]:
    """Count how often films of answers were clicked, by ranking, position and source."""
    return evaluate_clicks(database, days)


def _print_protocol(name: str, result: ProtocolResult) -> None:
    model: Column[str] = ("model", str)
    print_table(
        result.accuracy,
        model,
        ("nDCG@10>", lambda each: number(result.accuracy[each]["ndcg@10"].mean, 4)),
        ("95%>", lambda each: _interval(result.accuracy[each]["ndcg@10"])),
        *(_accuracy(result, metric) for metric in _ACCURACY),
        title=f"{name}: {result.users:,} users, {result.relevant:,} films to find",
    )
    print_table(result.accuracy, model, *(_beyond(result, fact) for fact in _BEYOND))


def _accuracy(result: ProtocolResult, metric: str) -> Column[str]:
    return (f"{metric}>", lambda model: number(result.accuracy[model][metric].mean, 4))


def _beyond(result: ProtocolResult, fact: str) -> Column[str]:
    return (f"{fact}>", lambda model: number(result.beyond[model].get(fact), 4))


def _print_differences(before: Run, after: Run, found: list[Difference]) -> None:
    print_table(
        found,
        *("=part", "ranking=system", "metric", "before>:.4f", "after>:.4f"),
        "difference>=difference.mean:+.4f",
        ("95%>", lambda each: _interval(each.difference)),
        title=f"{before.about.made_at} and {after.about.made_at}, on what both asked",
    )


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _gain(difference: Estimate) -> str:
    sure = " *" if difference.low > 0 or difference.high < 0 else ""
    return f"{difference.mean:+.4f}{sure}"
