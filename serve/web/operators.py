"""The page for operators: what `palate doctor` sees, models and their quality, times."""

from collections import defaultdict
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from learn.registry import HEADLINE, RATINGS_HEADLINE, StoredModel, list_models
from llm.store import PostgresStore
from palate import __version__
from palate.metrics import REGISTRY
from serve.api.services import services
from serve.doctor import run_checks
from serve.web.render import page

_DAYS = 1
_MODELS = 20


@dataclass
class Timed:
    """What was done how often, and how long it took."""

    count: float = 0.0
    seconds: float = 0.0
    failed: float = 0.0

    @property
    def milliseconds(self) -> float:
        """The mean of one."""
        return self.seconds / self.count * 1000 if self.count else 0.0


def operators_page(request: Request) -> Response:
    """The server as it is now; the figures are this process's since its start."""
    found = services(request)
    return page(
        request,
        "operators.html",
        version=__version__,
        checks=run_checks(found.database, found.settings),
        models=[(each, *_quality(each)) for each in list_models(found.database)[:_MODELS]],
        requests=timed("palate_http_request_seconds", "route"),
        stages=timed("palate_stage_seconds", "stage"),
        costs=PostgresStore(found.database).costs(_DAYS),
    )


def _quality(model: StoredModel) -> tuple[str, float | None, float | None, float | None]:
    """The metric that decides, with its interval where it was measured."""
    name = RATINGS_HEADLINE if model.kind == "ratings" else HEADLINE
    low, high = (model.metrics.get(f"{name}_{end}") for end in ("low", "high"))
    return name, model.metrics.get(name), low, high


def timed(metric: str, label: str) -> list[tuple[str, Timed]]:
    """A histogram by one of its labels, the most time first."""
    found = defaultdict[str, Timed](Timed)
    for family in REGISTRY.collect():
        if family.name != metric:
            continue
        for sample in family.samples:
            each = found[sample.labels[label]]
            if sample.name.endswith("_count"):
                each.count += sample.value
                each.failed += sample.value if sample.labels.get("status", "")[:1] == "5" else 0
            elif sample.name.endswith("_sum"):
                each.seconds += sample.value
    return sorted(found.items(), key=lambda one: -one[1].seconds)
