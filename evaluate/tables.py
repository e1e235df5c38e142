"""A run as Markdown tables, as docs/quality.md shows them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from evaluate.estimates import Estimate
from evaluate.recommend import ProtocolResult
from evaluate.runs import Run
from evaluate.search import Band, SetResult

_SEARCH = ("mrr", "hit@1", "hit@5", "hit@10")
_RECOMMEND = ("recall@10", "precision@10", "map@10", "hit@10", "mrr@10", "recall@100")
_BEYOND = ("rmse", "mae", "coverage", "diversity", "novelty", "popularity", "fairness gap")


def tables(run: Run) -> str:
    """Every part of a run under a heading."""
    about = run.about
    lines = [
        f"{about.data} ({about.ratings:,} ratings by {about.users:,} users of {about.movies:,} "
        f"films, fingerprint `{about.fingerprint}`), measured on {about.made_at[:10]} with Palate "
        f"{about.palate}, seed {about.parameters['seed']}.",
        "",
    ]
    for name, result in run.results.items():
        if isinstance(result, SetResult):
            lines += _of_set(name, result)
        elif isinstance(result, ProtocolResult):
            lines += _of_protocol(name, result)
    return "\n".join(lines)


def _of_set(name: str, result: SetResult) -> Iterator[str]:
    yield f"### {name}: {result.queries:,} queries of {result.users:,} users"
    yield ""
    yield from _table(
        ("ranking", "nDCG@10", "more than BM25", *_SEARCH, "debiased nDCG@10"),
        (
            (
                ranking,
                _sure(one.metrics["ndcg@10"]),
                _sure(one.difference["ndcg@10"], signed=True),
                *(f"{one.metrics[metric].mean:.3f}" for metric in _SEARCH),
                _sure(one.debiased["ndcg@10"]),
            )
            for ranking, one in result.rankings.items()
        ),
    )
    yield "nDCG@10 by how many ratings the user has in training, and by how many the film has:"
    yield ""
    bands = {
        ranking: (*one.by_activity, *one.by_popularity) for ranking, one in result.rankings.items()
    }
    first = next(iter(result.rankings.values()))
    yield from _table(
        ("ranking", *_headings("user", first.by_activity), *_headings("film", first.by_popularity)),
        ((ranking, *(f"{band.ndcg:.3f}" for band in of)) for ranking, of in bands.items()),
    )


def _of_protocol(name: str, result: ProtocolResult) -> Iterator[str]:
    yield f"### {name}: {result.users:,} users, {result.relevant:,} films to find"
    yield ""
    yield from _table(
        ("model", "nDCG@10", *_RECOMMEND),
        (
            (model, _sure(of["ndcg@10"]), *(f"{of[metric].mean:.3f}" for metric in _RECOMMEND))
            for model, of in result.accuracy.items()
        ),
    )
    yield from _table(
        ("model", *_BEYOND),
        ((model, *_numbers(facts)) for model, facts in result.beyond.items()),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|---{'|---:' * (len(columns) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _numbers(facts: Mapping[str, float]) -> Iterator[str]:
    for name in _BEYOND:
        value = facts.get(name)
        yield "–" if value is None else f"{value:.3f}"


def _headings(what: str, bands: Sequence[Band]) -> Iterator[str]:
    for band in bands:
        reach = f"{band.first}+" if band.last is None else f"{band.first}–{band.last}"
        yield f"{what} {band.first if band.first == band.last else reach}"


def _sure(estimate: Estimate, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{estimate.mean:{sign}.4f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"
