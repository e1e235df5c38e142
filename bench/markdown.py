"""Measurements as Markdown, for docs/performance.md."""

from collections.abc import Iterable, Sequence

from bench.growth import Growth
from bench.recommend import AT_MOST, RecommendReport, Timed
from bench.search import LADDER, RATE_A_CLIENT, Latency, Report, Rung


def report_markdown(report: Report) -> str:
    """Machine and date, the latencies with and without taste, and the targets."""
    head = (
        f"{report.machine}. PostgreSQL {report.server}, engine `{report.engine}`; "
        f"{report.films:,} films, {report.ratings:,} ratings; "
        f"open loop, {report.rate:g} searches a second, at most {RATE_A_CLIENT:g} a client."
    )
    parts = (head, _latencies(report.latencies), *_ladder(report), _targets(report))
    return "\n\n".join(parts)


def growth_markdown(grown: Sequence[Growth]) -> str:
    """Latencies by the number of films, over SQL, one client, 100 candidates."""
    rows = []
    for step in grown:
        plain, tasted = _pair(step.latencies)
        ratio = f"{tasted.p50 / plain.p50:.2f}"
        rows.append((f"{step.films:,}", _three(plain), _three(tasted), ratio))
    return _table(("films", *_KINDS, "p50 ratio"), rows)


def recommend_markdown(report: RecommendReport) -> str:
    """Machine and date, and each kind of answer with what was asked of it."""
    head = (
        f"{report.machine}. {report.engine}; {report.films:,} films, {report.ratings:,} ratings; "
        "one client, all kinds in turns."
    )
    rows = [
        (each.what, f"{each.answers:,}", f"{each.p50:.2f} / {each.p99:.2f}", *_asked(each))
        for each in report.times
    ]
    return f"{head}\n\n{_table(('', 'answers', 'p50 / p99 ms', 'p50 asked', ''), rows)}"


def _asked(each: Timed) -> tuple[str, str]:
    if each.over is None:
        return "", ""
    return f"<= {AT_MOST[each.what]:g}", f"missed by {each.over:.1f}" if each.over else "ok"


_KINDS = ("unpersonalised p50 / p95 / p99 ms", "personalised p50 / p95 / p99 ms")


def _latencies(latencies: Sequence[Latency]) -> str:
    rows = []
    for key in dict.fromkeys((x.over, x.clients, x.candidates) for x in latencies):
        plain, tasted = _pair(x for x in latencies if (x.over, x.clients, x.candidates) == key)
        ratio = f"{tasted.p50 / plain.p50:.2f}"
        rows.append((*map(str, key), _three(plain), _three(tasted), ratio))
    return _table(("over", "clients", "candidates", *_KINDS, "p50 ratio"), rows)


def _ladder(report: Report) -> list[str]:
    if not report.ladder:
        return []
    rungs = {(rung.over, rung.personalized): rung for rung in report.ladder}
    rows = []
    for over in LADDER:
        plain, tasted = rungs[over, False], rungs[over, True]
        times = f"{tasted.p50 / rungs['candidates', True].p50:.2f}"
        rows.append((over, _two(plain), _two(tasted), times))
    kinds = ("unpersonalised p50 / p99 ms", "personalised p50 / p99 ms", "times candidates")
    return [
        _table(("in turns, one client, 100 candidates", *kinds), rows),
        f"8 clients that never wait: {report.throughput['SQL']:.0f} personalised searches a second "
        f"over SQL, {report.throughput['HTTP']:.0f} over HTTP; meanwhile "
        f"/healthz and /readyz took at most {report.slowest_probe:.0f} ms.",
    ]


def _two(rung: Rung) -> str:
    return f"{rung.p50:.2f} / {rung.p99:.2f}"


def _targets(report: Report) -> str:
    return _table(
        ("one client", "target", "measured", ""),
        [
            (t.name, f"<= {t.at_most:g}", f"{t.measured:.2f}", "ok" if t.reached else "missed")
            for t in report.targets()
        ],
    )


def _pair(latencies: Iterable[Latency]) -> tuple[Latency, Latency]:
    """Without and with taste."""
    plain, tasted = sorted(latencies, key=lambda latency: latency.personalized)
    return plain, tasted


def _three(latency: Latency) -> str:
    return f"{latency.p50:.2f} / {latency.p95:.2f} / {latency.p99:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )
