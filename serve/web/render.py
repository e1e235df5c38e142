"""Templates made into pages, and what every page says to the browser."""

import hashlib
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from starlette.requests import Request
from starlette.responses import Response

from palate.contract import PART_NAMES
from palate.items import as_items
from palate.settings import Settings
from serve.api.services import services

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'{posters}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_WORDS = re.compile(
    r"(\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<(?:\{%.*?%\}|\{\{.*?\}\}|[^>])*>)", re.DOTALL
)
"""What of a template is no text."""
BAR = 100.0
"""The width of a bar, in its own units."""


def page(
    request: Request,
    name: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **values: object,
) -> Response:
    """A template as an answer; every value is escaped."""
    settings = services(request).settings
    path = request.url.path
    text = (
        _templates()
        .get_template(name)
        .render(
            path=path,
            static=static_stamp(),
            poster=lambda film: poster(settings, film.poster_url),
            keyed=settings.api_keys_file is not None,
            **values,
        )
    )
    sent = {
        "content-security-policy": policy(settings),
        "cache-control": "no-store",
        # With no-referrer a browser would not say which site a form is from.
        "referrer-policy": "same-origin",
    }
    return Response(
        text, status, media_type="text/html; charset=utf-8", headers=sent | (headers or {})
    )


def policy(settings: Settings) -> str:
    """What a page may load: nothing but ours, and pictures from the hosts that are allowed."""
    hosts = "".join(f" https://{host}" for host in settings.poster_hosts)
    return _POLICY.format(posters=hosts)


def poster(settings: Settings, url: str | None) -> str | None:
    """The address of a poster, where its host is allowed."""
    parts = urlsplit(url or "")
    allowed = parts.scheme == "https" and parts.netloc in settings.poster_hosts
    return url if allowed else None


def bars(contributions: dict[str, float], widest: float) -> list[dict[str, object]]:
    """The parts of a score, side by side; ``widest`` is the greatest score shown."""
    left, made = 0.0, []
    for name in PART_NAMES:
        share = contributions.get(name) or 0.0
        width = max(0.0, share) / widest * BAR if widest > 0 else 0.0
        if width > 0:
            made.append(
                {
                    "name": PART_NAMES[name], "key": name, "value": share,
                    "x": round(left, 2), "width": round(width, 2),
                }
            )  # fmt: skip
            left += width
    return made


def hue(title: str) -> int:
    """A colour of a drawn poster, the same for the same title: one of twelve."""
    return hashlib.sha256(title.encode()).digest()[0] % 12


@cache
def static_stamp() -> str:
    """Changes with the style and the script, so that a browser never keeps old ones."""
    texts = [path.read_bytes() for path in sorted((_HERE / "static").iterdir())]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:12]


class _Items(Extension):
    """The words of our templates, not what is put into them, speak of the catalog's items."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        parts = _WORDS.split(source)
        return "".join(part if at % 2 else as_items(part) for at, part in enumerate(parts))


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        extensions=[_Items],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["items"] = as_items
    made.globals.update(bars=bars, hue=hue, part_names=PART_NAMES)
    return made
