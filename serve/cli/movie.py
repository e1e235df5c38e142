"""`palate movie`: what is known of one film."""

from palate.contract import Movie
from search.catalog import get_movie
from search.names import CatalogNames
from serve.cli.command import command
from serve.cli.options import Film
from serve.cli.output import out
from serve.cli.tables import print_facts
from serve.cli.text import count, film, number
from sql.database import Database


def _print(found: Movie) -> None:
    rated = f"{number(found.avg_rating)} from {count(found.rating_count, 'rating')}"
    out().print(film(found.title, found.year), style="bold")
    print_facts(
        ("movie_id", found.movie_id),
        ("item_id", found.item_id),
        ("also called", found.original_title),
        ("genres", ", ".join(found.genres)),
        ("director", found.director),
        ("actors", ", ".join(found.actors)),
        ("released", found.release_date),
        ("runtime", f"{found.runtime_minutes} minutes" if found.runtime_minutes else None),
        ("rated", rated if found.rating_count else "by nobody"),
        ("budget", f"${found.budget:,}" if found.budget else None),
        ("revenue", f"${found.revenue:,}" if found.revenue else None),
        ("tone", found.sentiment),
        ("made for", found.target_audience),
        ("budget tier", _tier(found, "budget_tier")),
        ("revenue tier", _tier(found, "revenue_tier")),
        ("effectiveness", found.effectiveness),
        ("keywords", ", ".join(found.keywords)),
        *((name, _own(value)) for name, value in found.own.items()),
        ("overview", found.overview),
        ("imdb_id", found.imdb_id),
        ("tmdb_id", found.tmdb_id),
        ("poster", found.poster_url),
        ("embedding", "yes" if found.has_embedding else "no: taste cannot move this film"),
    )


def _own(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _tier(found: Movie, name: str) -> str | None:
    """A tier, marked where a model guessed it."""
    tier: str | None = getattr(found, name)
    return f"{tier} (estimated)" if tier and name in found.estimated else tier


@command("palate movie 'King Kong (2005)'", "palate movie 1234 --json", show=_print)
def movie(database: Database, movie: Film) -> Movie:
    """Show what is known of one film."""
    return get_movie(database, CatalogNames(database).find(movie).movie_id)
