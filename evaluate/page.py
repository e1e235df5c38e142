"""A run as one HTML page: tables, and plots as SVG inside it; nothing is fetched."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from evaluate.estimates import Estimate
from evaluate.recommend import ProtocolResult
from evaluate.runs import Run
from evaluate.search import Band, SetResult

_WIDTH, _ROW, _NAME, _NUMBER = 640, 24, 150, 60  # pixels


def page(run: Run) -> str:
    """The page's HTML."""
    about = run.about
    facts = {
        "data": about.data,
        "ratings": f"{about.ratings:,} by {about.users:,} users of {about.movies:,} films",
        "fingerprint": about.fingerprint,
        "measured at": about.made_at,
        "Palate": about.palate,
    } | {name: value for name, value in about.parameters.items() if value is not None}
    parts = [part for name, result in run.results.items() for part in _part(name, result)]
    template = files("evaluate").joinpath("page.html").read_text(encoding="utf-8")
    return (
        template.replace("{title}", escape(f"palate evaluate {about.kind}: {about.data}"))
        .replace("{facts}", _facts(facts))
        .replace("{parts}", "\n".join(parts))
    )


def _facts(facts: Mapping[str, Any]) -> str:
    rows = (f"<dt>{escape(k)}</dt><dd>{escape(_text(v))}</dd>" for k, v in facts.items())
    return f"<dl>{''.join(rows)}</dl>"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _part(name: str, result: Any) -> Iterable[str]:
    yield f"<h2>{escape(name)}</h2>"
    if isinstance(result, SetResult):
        yield from _search_part(result)
    elif isinstance(result, ProtocolResult):
        yield from _recommend_part(result)


def _search_part(result: SetResult) -> Iterable[str]:
    systems = result.rankings
    yield (
        f"<p>{result.queries:,} queries of {result.users:,} users; the film is among the "
        f"candidates of {result.found:.1%}.</p>"
    )
    yield _estimates({name: one.metrics for name, one in systems.items()})
    yield bars(
        "nDCG@10, debiased", {name: one.debiased["ndcg@10"] for name, one in systems.items()}
    )
    yield bars(
        "nDCG@10 more than BM25", {name: one.difference["ndcg@10"] for name, one in systems.items()}
    )
    yield _banded("ratings of the user", {n: one.by_activity for n, one in systems.items()})
    yield _banded("ratings of the film", {n: one.by_popularity for n, one in systems.items()})


def _recommend_part(result: ProtocolResult) -> Iterable[str]:
    yield f"<p>{result.users:,} users, {result.relevant:,} films to find.</p>"
    yield _estimates(result.accuracy)
    yield bars("nDCG@10", {name: of["ndcg@10"] for name, of in result.accuracy.items()})
    yield _numbers(result.beyond)


def _estimates(systems: Mapping[str, Mapping[str, Estimate]]) -> str:
    def cell(estimate: Estimate) -> str:
        return f'<td title="{estimate.low:.4f} to {estimate.high:.4f}">{estimate.mean:.4f}</td>'

    return _table({name: {m: cell(e) for m, e in of.items()} for name, of in systems.items()})


def _numbers(systems: Mapping[str, Mapping[str, float]]) -> str:
    return _table(
        {name: {m: f"<td>{v:.4f}</td>" for m, v in of.items()} for name, of in systems.items()}
    )


def _banded(heading: str, systems: Mapping[str, Sequence[Band]]) -> str:
    rows = {
        name: {_band(band): f"<td>{band.ndcg:.4f}</td>" for band in bands}
        for name, bands in systems.items()
    }
    return f"<h3>nDCG@10 by {heading}</h3>{_table(rows)}"


def _band(band: Band) -> str:
    reach = f"{band.first}+" if band.last is None else f"{band.first}–{band.last}"
    return f"{reach} ({band.queries:,})" if band.first != band.last else f"{band.first}"


def _table(rows: Mapping[str, Mapping[str, str]]) -> str:
    columns = list(dict.fromkeys(column for cells in rows.values() for column in cells))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(cells.get(c, '<td>–</td>') for c in columns)}</tr>"
        for name, cells in rows.items()
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def bars(title: str, estimates: Mapping[str, Estimate]) -> str:
    """Horizontal bars with their intervals, as SVG."""
    low = min([0.0, *(e.low for e in estimates.values())])
    high = max([0.0, *(e.high for e in estimates.values())]) or 1.0
    room = _WIDTH - _NAME - _NUMBER

    def x(value: float) -> float:
        return _NAME + room * (value - low) / (high - low)

    drawn = []
    for i, (name, estimate) in enumerate(estimates.items()):
        y = i * _ROW
        left, right = sorted((x(0), x(estimate.mean)))
        drawn.append(
            f'<text x="{_NAME - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{left:.1f}" y="{y + 5}" width="{right - left:.1f}" height="14"/>'
            f'<path d="M{x(estimate.low):.1f} {y + 12}H{x(estimate.high):.1f}"/>'
            f'<text x="{_WIDTH - 4}" y="{y + 16}" text-anchor="end">{estimate.mean:.4f}</text>'
        )
    height = len(estimates) * _ROW
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(drawn)}</svg></figure>"
    )
