"""The columns that films, ratings, tags and facts have, and what else they are called."""

from collections.abc import Mapping, Sequence

from ingest.mapping import Holds
from ingest.rows import Movie

KINDS: tuple[Holds, ...] = ("ratings", "tags", "movies", "facts")
"""What a file may hold; what is thought of first comes first."""
NEEDED: Mapping[Holds, Sequence[str]] = {
    "movies": ("movie_id", "title"),
    "ratings": ("user_id", "movie_id", "rating"),
    "tags": ("user_id", "movie_id", "tag"),
    "facts": (),
}
OF_MOVIES = tuple(name for name in Movie._fields if name not in ("line", "own"))
OF: Mapping[Holds, Sequence[str]] = {
    "movies": OF_MOVIES,
    "facts": OF_MOVIES,
    "ratings": ("user_id", "movie_id", "rating", "rated_at", "title", "year"),
    "tags": ("user_id", "movie_id", "tag", "tagged_at"),
}
KNOWN = frozenset(name for names in OF.values() for name in names)
FACT_KEYS = ("movie_id", "imdb_id", "tmdb_id")

_ITEM = ("item_id", "item", "movie", "film_id", "film", "asin", "isbn", "business_id", "anime_id",
         "product_id", "product", "tconst", "film_nr", "produkt", "artikel", "produit",
         "pelicula", "película")  # fmt: skip
_TIME = ("timestamp", "time", "date", "datetime", "datum", "fecha")
ALIASES: Mapping[str, Sequence[str]] = {
    "user_id": ("user", "uid", "customer_id", "reviewer_id", "visitor_id", "member_id", "customer",
                "username", "benutzer", "nutzer", "kunde", "utilisateur", "client", "usuario"),
    "movie_id": _ITEM,
    "rating": ("stars", "score", "overall", "bewertung", "note", "calificacion", "calificación"),
    "rated_at": (*_TIME, "unix_review_time"),
    "tagged_at": _TIME,
    "happened_at": (*_TIME, "at", "rated_at"),
    "title": ("movie_title", "film_title", "name", "primary_title", "titel", "titre", "titulo",
              "título"),
    "year": ("release_year", "start_year", "jahr", "annee", "année", "ano", "año"),
    "genres": ("genre", "categories", "generos", "géneros"),
    "overview": ("description", "plot", "synopsis", "beschreibung", "resume", "résumé", "sinopsis"),
    "runtime_minutes": ("runtime", "duration"),
    "actors": ("cast",),
    "director": ("directors", "regisseur", "regie", "realisateur", "réalisateur"),
    "poster_url": ("poster",),
}  # fmt: skip
# Never in files of ratings: Letterboxd's, whose films have no ids, are told by name and year.
ALSO_OF_MOVIES = {"movie_id": (*_ITEM, "id", "nr", "identifiant")}
_TYPES = ("token", "token_seq", "float", "float_seq")  # of RecBole, behind the name


def plain(name: str) -> str:
    """A column's name without case, spaces, underscores, hyphens and RecBole's types."""
    name, _, kind = name.strip().lower().partition(":")
    if kind and kind not in _TYPES:
        name = f"{name}:{kind}"
    return name.replace("_", "").replace(" ", "").replace("-", "")


def names_one(name: str) -> bool:
    """Whether a column of this name would be read in some kind of file."""
    return plain(name) in _NAMES


_NAMES = frozenset(
    map(plain, (*KNOWN, *_ITEM, *(name for many in ALIASES.values() for name in many)))
)
