"""A run for reading: Markdown, as docs/quality.md shows it, or one HTML page with plots in it."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from tabulate import tabulate

from evaluate.estimates import Estimate
from evaluate.recommend import ProtocolResult
from evaluate.runs import Run
from evaluate.search import Band, SetResult

_SEARCH = ("mrr", "hit@1", "hit@5", "hit@10")
_RECOMMEND = ("recall@10", "precision@10", "map@10", "hit@10", "mrr@10", "recall@100")
_BEYOND = ("rmse", "mae", "coverage", "diversity", "novelty", "popularity", "fairness gap")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }}
  table {{ border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }}
  th, td {{ padding: .2rem .8rem; border-bottom: 1px solid #ccc; }}
  svg {{ max-width: 100%; height: auto; }}
</style>
<h1>{title}</h1>
{parts}
</html>
"""


@dataclass(frozen=True)
class _Table:
    """Rows of text under columns; what it shows, where that is not plain."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    about: str = ""


@dataclass(frozen=True)
class _Part:
    """One set of queries or one protocol: a heading, tables, and what is drawn."""

    heading: str
    tables: Sequence[_Table]
    plots: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)


def make_markdown(run: Run) -> str:
    """Every part of a run under a heading."""
    lines = [_describe(run)]
    for part in _parts(run):
        lines.append(f"### {part.heading}")
        for table in part.tables:
            lines += [table.about] if table.about else []
            lines.append(_render(table, "pipe"))
    return "\n\n".join(lines) + "\n"


def make_page(run: Run) -> str:
    """The same as HTML that stands alone, with plots; nothing is fetched."""
    lines = [f"<p>{escape(_describe(run))}</p>"]
    for part in _parts(run):
        lines.append(f"<h2>{escape(part.heading)}</h2>")
        for table in part.tables:
            lines += [f"<p>{escape(table.about)}</p>"] if table.about else []
            lines.append(_render(table, "html"))
        lines += [_plot(title, estimates) for title, estimates in part.plots.items()]
    title = escape(f"palate evaluate {run.about.kind}: {run.about.data}")
    return _PAGE.format(title=title, parts="\n".join(lines))


def _describe(run: Run) -> str:
    about = run.about
    chosen = ", ".join(f"{k} {v}" for k, v in about.parameters.items() if v is not None)
    return (
        f"{about.data} ({about.ratings:,} ratings by {about.users:,} users of {about.movies:,} "
        f"films, fingerprint `{about.fingerprint}`), measured on {about.made_at[:10]} with Palate "
        f"{about.palate}: {chosen}. Intervals are of 95%, from a bootstrap over users."
    )


def _render(table: _Table, form: str) -> str:
    aligned = ["left"] + ["right"] * (len(table.columns) - 1)
    return tabulate(table.rows, table.columns, form, disable_numparse=True, colalign=aligned)


def _parts(run: Run) -> Iterator[_Part]:
    for name, result in run.results.items():
        if isinstance(result, SetResult):
            yield _search_part(name, result)
        elif isinstance(result, ProtocolResult):
            yield _recommend_part(name, result)


def _search_part(name: str, result: SetResult) -> _Part:
    found = result.rankings.items()
    first = next(iter(result.rankings.values()))
    rows = [
        [
            ranking,
            _with_interval(one.metrics["ndcg@10"]),
            _with_interval(one.difference["ndcg@10"], signed=True),
            *(f"{one.metrics[metric].mean:.3f}" for metric in _SEARCH),
            _with_interval(one.debiased["ndcg@10"]),
        ]
        for ranking, one in found
    ]
    bands = [
        [ranking, *(f"{band.ndcg:.3f}" for band in (*one.by_activity, *one.by_popularity))]
        for ranking, one in found
    ]
    known = [
        [ranking, *(f"{one.by_known[n]:.3f}" if n in one.by_known else "–" for n in first.by_known)]
        for ranking, one in found
        if one.by_known
    ]
    future = [[ranking, f"{one.with_future:.4f}"] for ranking, one in found]
    heads = [*_headings("user", first.by_activity), *_headings("film", first.by_popularity)]
    return _Part(
        f"{name}: {result.queries:,} queries of {result.users:,} users",
        (
            _Table(
                ("ranking", "nDCG@10", "more than BM25", *_SEARCH, "debiased nDCG@10"), rows,
                f"The film is among the candidates of {result.found:.1%}.",
            ),
            _Table(
                ("ranking", *heads), bands,
                "nDCG@10 by how many ratings the user has in training, and by how many the film "
                "has:",
            ),
            _Table(
                ("ranking", "nDCG@10"), future,
                "With films that came out after the wanted one was rated, left out above:",
            ),
            *([_Table(
                ("ranking", *first.by_known), known,
                "nDCG@10 by how many of the user's ratings, the latest, are known:",
            )] if known else []),
        ),
        {
            "nDCG@10": {ranking: one.metrics["ndcg@10"] for ranking, one in found},
            "nDCG@10, debiased": {ranking: one.debiased["ndcg@10"] for ranking, one in found},
        },
    )  # fmt: skip


def _recommend_part(name: str, result: ProtocolResult) -> _Part:
    rows = [
        [
            model,
            _with_interval(of["ndcg@10"]),
            *(f"{of[metric].mean:.3f}" for metric in _RECOMMEND),
        ]
        for model, of in result.accuracy.items()
    ]
    beyond = [
        [model, *(f"{facts[name]:.3f}" if name in facts else "–" for name in _BEYOND)]
        for model, facts in result.beyond.items()
    ]
    return _Part(
        f"{name}: {result.users:,} users, {result.relevant:,} films to find",
        (_Table(("model", "nDCG@10", *_RECOMMEND), rows), _Table(("model", *_BEYOND), beyond)),
        {"nDCG@10": {model: of["ndcg@10"] for model, of in result.accuracy.items()}},
    )


def _headings(what: str, bands: Sequence[Band]) -> Iterator[str]:
    for band in bands:
        reach = f"{band.first}+" if band.last is None else f"{band.first}–{band.last}"
        yield f"{what} {band.first if band.first == band.last else reach}"


def _with_interval(estimate: Estimate, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{estimate.mean:{sign}.4f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"


def _plot(title: str, estimates: Mapping[str, Estimate]) -> str:
    """Horizontal bars with their intervals, as SVG."""
    from matplotlib.figure import Figure  # by itself, without pyplot and its global state

    means = [one.mean for one in estimates.values()]
    away: Any = [
        [one.mean - one.low for one in estimates.values()],
        [one.high - one.mean for one in estimates.values()],
    ]
    figure = Figure((7, 0.6 + 0.3 * len(means)), layout="constrained")
    axes = figure.subplots()
    axes.barh(list(estimates), means, xerr=away)
    axes.invert_yaxis()
    axes.set_title(title)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]
