"""Layouts of files that people have, recognised by their names and columns.

A layout says nothing that a mapping file could not: it is the mapping, known beforehand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ingest.files import DataFile, plain_name
from ingest.lines import Format, Line
from ingest.mapping import Holds, Part
from ingest.names import FACT_KEYS, KINDS, NEEDED
from ingest.sheets import Sheet
from ingest.sniff import sniff
from ingest.sources.columns import Columns
from ingest.sources.describing import agreeing, check_used, columns_for, complete
from palate.errors import LoadError, MisuseError
from sql.own_fields import Type

_OF_PARTS = ("holds", "layout", "separator", "scale", "unrated", "keep", "names_items")


@dataclass(frozen=True)
class Known:
    """A file of a layout: what it is called, what it holds, and what its columns mean.

    Every column that is named here must be there, but for those whose name ends in ``?``.
    """

    layout: str
    name: str
    holds: Holds
    columns: Mapping[str, str]
    separator: str = "|"
    scale: str = "0.5-5"
    unrated: str = ""
    keep: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names_items: str | None = None
    kind: str | None = None
    most: int = 0
    beside: bool = False
    """Of a file that holds something else, too: films and their ratings in one."""

    def part(self, sheet: Sheet) -> Part | None:
        """The file as this layout describes it; None where it is not of it."""
        file, style = sheet.file, sheet.style
        if not fnmatch(short_name(file).lower(), self.name) or self.kind not in (None, style.kind):
            return None
        there = Columns(sheet.header)
        columns = {
            ours: theirs.removesuffix("?")
            for ours, theirs in self.columns.items()
            if not theirs.endswith("?") or there.at(theirs.removesuffix("?")) is not None
        }
        if any(there.at(theirs) is None for theirs in columns.values()):
            return None
        same = {name: getattr(self, name) for name in _OF_PARTS}
        return Part(file=file.name, columns=columns, **same).written(style)


_TMDB = {
    "title": "title", "original_title": "original_title", "genres": "genres?",
    "overview": "overview", "runtime_minutes": "runtime", "release_date": "release_date",
    "budget": "budget", "revenue": "revenue", "keywords": "keywords?", "imdb_id": "imdb_id?",
}  # fmt: skip
_CREDITS = {"actors": "cast", "director": "crew"}
_MOVIELENS = {"user_id": "userId", "movie_id": "movieId"}
_ANIME = {"user_id": "user_id", "movie_id": "anime_id"}
_BOOK = {"movie_id": "ISBN", "title": "Book-Title", "year": "Year-Of-Publication"}

KNOWN: tuple[Known, ...] = (
    Known("movielens", "movies.csv", "movies",
          {"movie_id": "movieId", "title": "title", "genres": "genres"}),
    Known("movielens", "ratings*.csv", "ratings",
          {**_MOVIELENS, "rating": "rating", "rated_at": "timestamp"}),
    Known("movielens", "tags.csv", "tags", {**_MOVIELENS, "tag": "tag", "tagged_at": "timestamp"}),
    Known("movielens", "links*.csv", "facts",
          {"movie_id": "movieId", "tmdb_id": "tmdbId", "imdb_id": "imdbId"}),
    Known("movielens", "movies.dat", "movies", {"movie_id": "1", "title": "2", "genres": "3"}),
    Known("movielens", "ratings.dat", "ratings",
          {"user_id": "1", "movie_id": "2", "rating": "3", "rated_at": "4"}),
    Known("movielens", "tags.dat", "tags",
          {"user_id": "1", "movie_id": "2", "tag": "3", "tagged_at": "4"}),
    Known("the-movies", "movies_metadata.csv", "movies",
          {**_TMDB, "tmdb_id": "id"}),
    Known("the-movies", "credits.csv", "facts", {"tmdb_id": "id", **_CREDITS}),
    Known("the-movies", "keywords.csv", "facts", {"tmdb_id": "id", "keywords": "keywords"}),
    Known("tmdb-5000", "*movies.csv", "movies", {"movie_id": "id", "tmdb_id": "id", **_TMDB}),
    Known("tmdb-5000", "*credits.csv", "facts", {"movie_id": "movie_id", **_CREDITS}),
    Known("recbole", "*.inter", "ratings",
          {"user_id": "user_id", "movie_id": "item_id", "rating": "rating",
           "rated_at": "timestamp?"}),
    Known("recbole", "*.item", "movies",
          {"movie_id": "item_id", "title": "movie_title", "year": "release_year?",
           "genres": "class?"}, separator=" "),
    Known("recbole", "*.item", "movies",
          {"movie_id": "item_id", "title": "title", "year": "release_year?",
           "genres": "categories?"}, separator=" "),
    Known("imdb", "title.basics*", "movies",
          {"movie_id": "tconst", "imdb_id": "tconst", "title": "primaryTitle",
           "original_title": "originalTitle", "year": "startYear",
           "runtime_minutes": "runtimeMinutes", "genres": "genres"},
          separator=",", keep={"titleType": ("movie", "tvMovie")}),
    Known("imdb-ratings", "*", "ratings",
          {"movie_id": "Const", "rating": "Your Rating", "rated_at": "Date Rated"}, scale="1-10"),
    Known("imdb-ratings", "*", "movies",
          {"movie_id": "Const", "imdb_id": "Const", "title": "Title", "year": "Year",
           "original_title": "Original Title?", "runtime_minutes": "Runtime (mins)?",
           "genres": "Genres?", "release_date": "Release Date?", "director": "Directors?"},
          separator=",", beside=True),
    Known("goodreads", "*", "ratings",
          {"movie_id": "Book Id", "rating": "My Rating", "rated_at": "Date Added"}, unrated="0"),
    Known("goodreads", "*", "movies",
          {"movie_id": "Book Id", "title": "Title", "year": "Original Publication Year"},
          beside=True),
    Known("trakt", "*", "ratings",
          {"movie_id": "movie.ids.imdb", "rating": "rating", "rated_at": "rated_at"},
          scale="1-10"),
    Known("trakt", "*", "movies",
          {"movie_id": "movie.ids.imdb", "imdb_id": "movie.ids.imdb", "tmdb_id": "movie.ids.tmdb",
           "title": "movie.title", "year": "movie.year"}, beside=True),
    Known("storygraph", "*", "ratings",
          {"movie_id": "ISBN/UID", "rating": "Star Rating", "rated_at": "Last Date Read?"},
          unrated="empty"),
    Known("storygraph", "*", "movies", {"movie_id": "ISBN/UID", "title": "Title"}, beside=True),
    Known("boardgamegeek", "*", "ratings",
          {"movie_id": "objectid", "rating": "rating"}, scale="1-10", unrated="0"),
    Known("boardgamegeek", "*", "movies",
          {"movie_id": "objectid", "title": "objectname", "year": "yearpublished?"}, beside=True),
    Known("boardgamegeek", "bgg*", "ratings",
          {"user_id": "user", "movie_id": "ID", "rating": "rating"}, scale="1-10"),
    Known("boardgamegeek", "bgg*", "movies", {"movie_id": "ID", "title": "name"}, beside=True),
    Known("steam", "steam*", "ratings", {"user_id": "1", "movie_id": "2", "rating": "4"},
          scale="counts", keep={"3": ("play",)}, names_items="{}"),
    Known("letterboxd", "ratings*.csv", "ratings",
          {"title": "Name", "year": "Year", "rating": "Rating", "rated_at": "Date"}),
    Known("netflix", "*", "ratings",
          {"movie_id": "movie", "user_id": "user", "rating": "rating", "rated_at": "date"},
          kind="blocks"),
    Known("netflix", "movie_titles*", "movies", {"movie_id": "1", "year": "2", "title": "3"},
          most=3),
    Known("amazon", "*", "ratings",
          {"user_id": "reviewerID", "movie_id": "asin", "rating": "overall",
           "rated_at": "unixReviewTime"}),
    Known("amazon", "*", "ratings",
          {"user_id": "user_id", "movie_id": "parent_asin", "rating": "rating",
           "rated_at": "timestamp"}),
    Known("amazon", "*", "movies",
          {"movie_id": "parent_asin", "title": "title", "overview": "description?",
           "genres": "categories?", "director": "director?"}),
    Known("amazon", "meta*", "movies",
          {"movie_id": "asin", "title": "title", "overview": "description?",
           "genres": "category?"}),
    Known("book-crossing", "*", "ratings",
          {"user_id": "User-ID", "movie_id": "ISBN", "rating": "Book-Rating"},
          scale="1-10", unrated="0"),
    Known("book-crossing", "*", "movies", _BOOK),
    Known("hetrec", "movies.dat", "movies",
          {"movie_id": "id", "title": "title", "imdb_id": "imdbID", "year": "year"}),
    Known("hetrec", "movie_genres.dat", "facts", {"movie_id": "movieID", "genres": "genre"}),
    Known("hetrec", "movie_directors.dat", "facts",
          {"movie_id": "movieID", "director": "directorName"}),
    Known("hetrec", "movie_actors.dat", "facts", {"movie_id": "movieID", "actors": "actorName"}),
    Known("hetrec", "user_ratedmovies*.dat", "ratings",
          {"user_id": "userID", "movie_id": "movieID", "rating": "rating",
           "rated_at": "timestamp?"}),
    Known("myanimelist", "anime*.csv", "movies",
          {"movie_id": "anime_id", "title": "name", "genres": "genre?"}, separator=","),
    Known("myanimelist", "*.csv", "ratings", {**_ANIME, "rating": "rating"},
          scale="1-10", unrated="-1,0"),
    Known("yelp", "*", "ratings",
          {"user_id": "user_id", "movie_id": "business_id", "rating": "stars", "rated_at": "date"}),
    Known("yelp", "*", "movies",
          {"movie_id": "business_id", "title": "name", "genres": "categories"}, separator=","),
    Known("retailrocket", "*", "ratings",
          {"user_id": "visitorid", "movie_id": "itemid", "rating": "event",
           "rated_at": "timestamp"},
          scale="view=3,addtocart=4,transaction=5", names_items="item {}"),
    Known("lastfm", "artists.dat", "movies", {"movie_id": "id", "title": "name"}),
    Known("lastfm", "user_artists.dat", "ratings",
          {"user_id": "userID", "movie_id": "artistID", "rating": "weight"}, scale="counts"),
    Known("lastfm", "usersha1-*plays.tsv", "ratings",
          {"user_id": "1", "movie_id": "3", "rating": "4"}, scale="counts", names_items="{}"),
)  # fmt: skip


@dataclass(frozen=True)
class Happened:
    """A file of a layout that tells what somebody did, as `palate ingest events` reads it."""

    name: str
    type: str
    columns: Mapping[str, str]


_LETTERBOXD = {"title": "Name", "year": "Year"}
_TRAKT = {"movie_id": "movie.ids.imdb"}
HAPPENED = (
    Happened("watched*.csv", "watched", {**_LETTERBOXD, "happened_at": "Date"}),
    Happened("diary*.csv", "watched", {**_LETTERBOXD, "happened_at": "Watched Date"}),
    Happened("films*.csv", "liked", {**_LETTERBOXD, "happened_at": "Date"}),
    Happened("watchlist*.csv", "saved", {**_LETTERBOXD, "happened_at": "Date"}),
    Happened("*", "watched", {**_TRAKT, "happened_at": "watched_at"}),
    Happened("*", "watched", {**_TRAKT, "happened_at": "last_watched_at"}),
    Happened("*", "saved", {**_TRAKT, "happened_at": "listed_at"}),
)
"""Of Letterboxd and Trakt."""


def happened(file: DataFile, header: Sequence[str]) -> Happened | None:
    """The file as a layout's that tells what somebody did."""
    there, name = Columns(header), short_name(file).lower()
    for one in HAPPENED:
        needed = [*one.columns.values(), *(() if one.name == "*" else ("Letterboxd URI",))]
        if fnmatch(name, one.name) and all(there.at(theirs) is not None for theirs in needed):
            return one
    return None


NAMES = tuple(dict.fromkeys(known.layout for known in KNOWN))
_BETTER = {
    "user_ratedmovies.dat": "user_ratedmovies-timestamps.dat",
    "ratings_small.csv": "ratings.csv",
    "links_small.csv": "links.csv",
}
"""Files that say less than another one beside them."""


@dataclass(frozen=True)
class Recognised:
    """The files that were made out, as parts, and those that were not, with the reason."""

    parts: Sequence[tuple[DataFile, Part]]
    unread: Sequence[tuple[DataFile, str]]


def short_name(file: DataFile) -> str:
    """A file's name without folders, archive and the suffix of a packed one."""
    return plain_name((file.member or file.path.name).rpartition("/")[2])


def recognise(
    files: Iterable[DataFile],
    layout: str | None = None,
    user: str | None = None,
    own: Mapping[str, Type] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Recognised:
    """What files hold, by the layouts that are known, else by their columns' names.

    ``layout`` names the only one to be thought of; ``user`` whose ratings they are; ``own`` are
    fields of one's own; ``columns`` says where one of ours is called otherwise. Raises MisuseError
    for the name of no layout.
    """
    columns, own = columns or {}, own or {}
    if layout is not None and layout not in NAMES:
        raise MisuseError(
            f"There is no layout {layout}. Nothing was loaded. There are {', '.join(NAMES)}."
        )
    files = list(files)
    names = {short_name(file) for file in files}
    first: dict[tuple[Path, str], str] = {}
    parts: list[tuple[DataFile, Part]] = []
    unread: list[tuple[DataFile, str]] = []
    for file in files:
        nearest = first.setdefault((file.path, short_name(file)), file.name)
        found: Sequence[Part] | str
        try:
            if (better := _BETTER.get(short_name(file))) in names:
                found = f"{better} says more"
            elif nearest != file.name:
                found = f"{nearest} is nearer to the top"
            else:
                found = _recognise_one(file, layout, own, columns)
        except LoadError as error:
            if len(files) == 1:
                raise
            found = str(error).split(". ")[0]
        if isinstance(found, str):
            unread.append((file, found))
            continue
        for part in found:
            said = {"user": user} if part.holds == "ratings" else {"own": dict(own)}
            parts.append(complete(file, part, columns, said))
    if parts:
        check_used(columns, files, parts, own)
    return Recognised(agreeing(_with_numbers(parts)), unread)


def _recognise_one(
    file: DataFile, layout: str | None, own: Mapping[str, Type], columns: Mapping[str, str]
) -> Sequence[Part] | str:
    """What a file holds, or what it would need to be anything."""
    if file.path.is_dir():
        names = ", ".join(sorted(one.name for one in file.path.iterdir())[:5])
        return f"what is in a folder of a folder ({names}) is not looked at: name it, too"
    if short_name(file).lower() in ("u.data", "u.item"):
        return "`palate ingest movielens FOLDER` reads MovieLens 100K"
    sheet = Sheet(file, sniff(file))
    for known in KNOWN:
        if layout in (None, known.layout):
            if known.most and fnmatch(short_name(file).lower(), known.name):
                encoding = sheet.style.encoding
                plain = Format(",", encoding, header=False, quoting=False, most=known.most)
                sheet = Sheet(file, plain)
            if not known.beside and (part := known.part(sheet)) is not None:
                others = [o for o in KNOWN if o.beside and o.layout == known.layout]
                return [part, *filter(None, (other.part(sheet) for other in others))]
    if (told := happened(file, sheet.header)) is not None:
        unpacked = "unpacked, " if file.member else ""
        command = f"palate ingest events {file.member or file.path} --user NAME"
        return f"it tells what was {told.type}: {unpacked}`{command}` loads it"
    return _by_columns(sheet, own, columns)


def _by_columns(
    sheet: Sheet, own: Mapping[str, Type], columns: Mapping[str, str]
) -> Sequence[Part] | str:
    """What a file of no layout holds by the names of its columns, or what it lacks."""
    file, header = sheet.file, sheet.header
    guesses = {
        kind: Columns(header, columns_for(kind, columns, header), kind, own) for kind in KINDS
    }
    lacking = {kind: _lacking(kind, columns) for kind, columns in guesses.items()}
    if not lacking["movies"] and lacking["ratings"] == ["movie_id"]:
        id_ = header[guesses["movies"].place("movie_id")]
        return (
            f"it holds ratings, too, of which {id_} may be the film's or their own: "
            f"--movies {file.name} --ratings {file.name} --column movie_id={id_} takes the film's"
        )
    for kind in KINDS:
        if not lacking[kind]:
            return [Part(file=file.name, holds=kind).written(sheet.style)]
    if sheet.style.kind == "json lines" and (inner := _list_within(sheet)):
        return f"{inner} in it is the list: `jq .{inner} {file.name} > new.json` writes that alone"
    rated = set(lacking["ratings"]) & {"movie_id", "rating"} == {"movie_id"}
    if "title" not in lacking["movies"] and rated:
        whose = " --user NAME" if "user_id" in lacking["ratings"] else ""
        command = f"palate ingest events {file.path} --type rated{whose}"
        return (
            f"it rates films by their titles: `{command}` finds them in the catalog that is there"
        )
    nearest = min(KINDS, key=lambda kind: len(lacking[kind]))
    return f"to hold {nearest} it lacks {', '.join(lacking[nearest])}; it has {', '.join(header)}"


def _list_within(sheet: Sheet) -> str | None:
    """Which value of a first JSON object is a list of objects."""
    first = next(sheet.records(), None)
    cells = zip(sheet.header, first.fields, strict=True) if isinstance(first, Line) else ()
    return next((name for name, cell in cells if cell.startswith("[{")), None)


def _lacking(kind: Holds, columns: Columns) -> Sequence[str]:
    """The columns that a file of this kind would still need."""
    if kind == "facts":
        keys = any(columns.find(key) is not None for key in FACT_KEYS)
        return () if keys and len(columns.found()) > 1 else ("movie_id", "anything about films")
    return [name for name in NEEDED[kind] if columns.find(name) is None]


def _with_numbers(parts: list[tuple[DataFile, Part]]) -> list[tuple[DataFile, Part]]:
    """Films of The Movies have MovieLens' numbers where links.csv is there, else TMDB's."""
    ids = {"movie_id", "tmdb_id"}
    linked = any(part.holds == "facts" and ids <= part.columns.keys() for _, part in parts)
    return [
        (file, part.model_copy(update={"columns": {"movie_id": "id", **part.columns}}))
        if part.layout == "the-movies" and part.holds == "movies" and not linked
        else (file, part)
        for file, part in parts
    ]
