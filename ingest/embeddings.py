"""Films' text embeddings: what is embedded."""

from collections.abc import Iterable


def film_text(
    title: str,
    year: int | None = None,
    genres: Iterable[str] = (),
    director: str | None = None,
    keywords: Iterable[str] = (),
    overview: str | None = None,
) -> str:
    """The text that stands for a film. Parts that are missing are left out.

    >>> film_text("Alien", 1979, ["Horror", "Sci-Fi"], "Ridley Scott", ["space"])
    'Alien (1979). Horror, Sci-Fi. About space. Directed by Ridley Scott.'
    """
    named = f"{title} ({year})" if year else title
    parts = [
        named,
        ", ".join(genres),
        f"About {', '.join(keywords)}" if (keywords := list(keywords)) else "",
        f"Directed by {director}" if director else "",
        overview or "",
    ]
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)
