"""`palate evaluate`: how good every ranking is, on ratings it has not seen."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.errors import MisuseError, NotInstalledError
from serve.cli.output import Justify, err, number, out, print_json, say, table
from serve.cli.session import Json, examples, session

if TYPE_CHECKING:
    from evaluate.estimates import Estimate
    from evaluate.recommend import ProtocolResult
    from evaluate.runs import Run
    from evaluate.search import SetResult
    from learn.models.interface import Model

app = typer.Typer(no_args_is_help=True)


@app.callback()
def check_installed() -> None:
    """Measure rankings on held-out ratings, with 95% intervals and every baseline beside them."""
    if importlib.util.find_spec("scipy") is None:
        raise NotInstalledError(
            "Measuring needs more than searching does. Nothing was measured. "
            "Install it in Palate's folder: pip install -e '.[train]'."
        )


class Queries(Enum):
    """Sets of queries, as typed."""

    ONE_WORD = "one-word"
    TWO_WORDS = "two-words"
    GENRE_DECADE = "genre-decade"


class Protocols(Enum):
    """Protocols of recommendation, as typed."""

    TEMPORAL = "temporal"
    RANDOM = "random-75-25"
    STRONG = "strong"


Users = Annotated[
    int | None,
    typer.Option(min=1, help="Ask so many users only, drawn by --seed. All users teach."),
]
Samples = Annotated[int, typer.Option(min=100, help="Samples of the bootstrap.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything drawn.")]
Output = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Write .json, .html and .md there, too.")
]
Compare = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Show what changed since this run's .json. Twice: compare the two, run nothing.",
    ),
]


@app.command(
    epilog=examples(
        "palate evaluate search",
        "palate evaluate search --queries one-word --users 100 --output before",
        "palate evaluate search --alone ease --alone full-ease",
        "palate evaluate search --compare before/search.json",
    )
)
def search(
    context: typer.Context,
    queries: Annotated[
        list[Queries] | None,
        typer.Option(help="Only this set of queries. Repeat. Without: all of them."),
    ] = None,
    model: Annotated[
        int | None, typer.Option(metavar="ID", help="These stored factors, not the active ones.")
    ] = None,
    alone: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Also by this model's scores alone. Repeat."),
    ] = None,
    candidates: Annotated[int, typer.Option(min=10, max=10_000, help="Films ordered.")] = 200,
    users: Users = None,
    samples: Samples = 1000,
    seed: Seed = 0,
    output: Output = None,
    compare: Compare = None,
    json: Json = False,
) -> None:
    """Measure personalised search: is the film that a user went on to like found by its title?

    Each user's last fifth of ratings is held out; every film rated 4 stars or more among it makes
    a query. Search runs on the other ratings alone, in a schema of its own that is dropped
    afterwards; nothing live is changed. The active models' families are trained there again, from
    the other ratings alone.
    """
    from evaluate.retrain import retrain
    from evaluate.search import evaluate_search
    from learn.held_out import SETS

    earlier = _stored(compare)
    if len(earlier) == 2:
        _print_differences(*earlier, json=json)
        return
    with session(context).database(migrate=True) as database, err().status("") as status:
        run = evaluate_search(
            database,
            prepare=retrain(database, model, candidates=candidates, tell=status.update),
            alone=_models(alone) if alone else None,
            sets=[each.value for each in queries] if queries else SETS,
            candidates=candidates,
            users=users,
            samples=samples,
            seed=seed,
            tell=status.update,
        )
    _report(run, output, earlier, json=json)


@app.command(
    epilog=examples(
        "palate evaluate recommend",
        "palate evaluate recommend --model svd --protocol random-75-25 --output before",
        "palate evaluate recommend --compare before/recommend.json",
    )
)
def recommend(
    context: typer.Context,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Only this model. Repeat. Without: all but those that take long."),
    ] = None,
    protocol: Annotated[
        list[Protocols] | None,
        typer.Option(help="Only this protocol. Repeat. Without: all of them."),
    ] = None,
    users: Users = None,
    samples: Samples = 1000,
    seed: Seed = 0,
    output: Output = None,
    compare: Compare = None,
    json: Json = False,
) -> None:
    """Measure recommendation: are the films users went on to rate at the top of a model's list?

    temporal: each user's last fifth of ratings is held out, and films of 4 stars are to be found.
    random-75-25: a random quarter of each user's, whatever the stars: the protocol of the
    recommenders benchmark. strong: a fifth of the users, whom the models meet only afterwards.
    """
    from evaluate.recommend import PROTOCOLS, evaluate_recommend

    earlier = _stored(compare)
    if len(earlier) == 2:
        _print_differences(*earlier, json=json)
        return
    models = _models(model)
    with session(context).database(migrate=True) as database, err().status("") as status:
        run = evaluate_recommend(
            database,
            models,
            protocols=[each.value for each in protocol] if protocol else PROTOCOLS,
            users=users,
            samples=samples,
            seed=seed,
            tell=status.update,
        )
    _report(run, output, earlier, json=json)


def _models(names: Sequence[str] | None) -> dict[str, type[Model]]:
    """The models of these names, with their default parameters. Raises MisuseError."""
    from learn.models.families import MODELS

    unknown = set(names or ()) - set(MODELS)
    if unknown:
        raise MisuseError(
            f"There is no model {', '.join(sorted(unknown))}. Nothing was measured. "
            f"There are {', '.join(MODELS)}."
        )
    common = [name for name, model in MODELS.items() if not model.on_request]
    return {name: MODELS[name] for name in names or common}


def _stored(paths: Sequence[Path] | None) -> list[Run]:
    """The runs to compare with, read before anything is measured."""
    from evaluate.runs import read_run

    if len(paths or ()) > 2:
        raise MisuseError("--compare takes one or two files. Nothing was measured.")
    return [read_run(path) for path in paths or ()]


def _report(run: Run, output: Path | None, earlier: Sequence[Run], *, json: bool) -> None:
    from evaluate.report import make_markdown, make_page
    from evaluate.runs import compare, write_run

    kind = run.about.kind
    if output is not None:
        write_run(run, output / f"{kind}.json")
        (output / f"{kind}.html").write_text(make_page(run), encoding="utf-8")
        (output / f"{kind}.md").write_text(make_markdown(run), encoding="utf-8")
        say(f"Wrote {output / kind}.json, .html and .md.")
    if json:
        differences = [compare(before, run) for before in earlier]
        print_json({"about": run.about, "results": run.results, "differences": differences})
        return
    for name, result in run.results.items():
        _print_part(name, result)
    for before in earlier:
        _print_differences(before, run, json=json)


def _print_part(name: str, result: object) -> None:
    from evaluate.recommend import ProtocolResult
    from evaluate.search import SetResult

    if isinstance(result, SetResult):
        _print_set(name, result)
    elif isinstance(result, ProtocolResult):
        _print_protocol(name, result)
    out().print()


def _print_set(name: str, result: SetResult) -> None:
    rows = table(
        "ranking",
        *_numbers(
            "nDCG@10", "95%", "more than BM25", "MRR", "hit@1", "hit@5", "hit@10",
            "nDCG@10 debiased", "95%",
        ),
        title=f"{name}: {result.queries:,} queries of {result.users:,} users",
    )  # fmt: skip
    for ranking, one in result.rankings.items():
        rows.add_row(
            ranking,
            number(one.metrics["ndcg@10"].mean, 4),
            _interval(one.metrics["ndcg@10"]),
            _gain(one.difference["ndcg@10"]),
            *(
                number(one.metrics[metric].mean, 4)
                for metric in ("mrr", "hit@1", "hit@5", "hit@10")
            ),
            number(one.debiased["ndcg@10"].mean, 4),
            _interval(one.debiased["ndcg@10"]),
        )
    out().print(rows)
    if known := next(iter(result.rankings.values())).by_known:
        rows = table("ranking", *_numbers(*known), title="nDCG@10 by ratings known")
        for ranking, one in result.rankings.items():
            if one.by_known:
                rows.add_row(ranking, *(number(value, 4) for value in one.by_known.values()))
        out().print(rows)


def _print_protocol(name: str, result: ProtocolResult) -> None:
    shown = ("recall@10", "precision@10", "map@10", "hit@10", "mrr@10", "recall@100", "ndcg@100")
    beyond = ("rmse", "mae", "coverage", "diversity", "novelty", "popularity", "fairness gap")
    right = table(
        "model",
        *_numbers("nDCG@10", "95%", *shown),
        title=f"{name}: {result.users:,} users, {result.relevant:,} films to find",
    )
    like = table("model", *_numbers(*beyond))
    for model, accuracy in result.accuracy.items():
        right.add_row(
            model,
            number(accuracy["ndcg@10"].mean, 4),
            _interval(accuracy["ndcg@10"]),
            *(number(accuracy[metric].mean, 4) for metric in shown),
        )
        like.add_row(model, *(number(result.beyond[model].get(fact), 4) for fact in beyond))
    out().print(right)
    out().print(like)


def _print_differences(before: Run, after: Run, *, json: bool) -> None:
    from evaluate.runs import compare

    differences = compare(before, after)
    if json:
        print_json(differences)
        return
    rows = table(
        "", "ranking", "metric",
        *_numbers("before", "after", "difference", "95%"),
        title=f"{before.about.made_at} and {after.about.made_at}, on what both asked",
    )  # fmt: skip
    for one in differences:
        rows.add_row(
            one.part, one.system, one.metric, number(one.before, 4), number(one.after, 4),
            f"{one.difference.mean:+.4f}", _interval(one.difference),
        )  # fmt: skip
    out().print(rows)


def _numbers(*headings: str) -> list[tuple[str, Justify]]:
    return [(heading, "right") for heading in headings]


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _gain(difference: Estimate) -> str:
    sure = " *" if difference.low > 0 or difference.high < 0 else ""
    return f"{difference.mean:+.4f}{sure}"
