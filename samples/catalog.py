"""The sample's films: a public list of 3,201 films, cleaned.

Two kinds of repair. Rules, below, mend what is wrong in the same way many times. ``fixes.csv``
mends single films and names, each with its reason. Facts only; see README.md.
"""

import csv
import gzip
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ingest.rows import Movie
from samples.film import Film

HERE = Path(__file__).parent
NEWEST = 2011  # the list was made in 2010 and announces films for 2011
COLUMNS = [name for name in Movie._fields if name not in ("line", "own")]

# MovieLens's genre names where one fits; History and Superhero besides.
MAJOR_GENRES = {
    "Action": ["Action"],
    "Adventure": ["Adventure"],
    "Black Comedy": ["Comedy"],
    "Comedy": ["Comedy"],
    "Concert/Performance": ["Documentary", "Musical"],
    "Documentary": ["Documentary"],
    "Drama": ["Drama"],
    "Horror": ["Horror"],
    "Musical": ["Musical"],
    "Romantic Comedy": ["Comedy", "Romance"],
    "Thriller/Suspense": ["Thriller"],
    "Western": ["Western"],
}
CREATIVE_TYPES = {
    "Factual": ["Documentary"],
    "Fantasy": ["Fantasy"],
    "Historical Fiction": ["History"],
    "Kids Fiction": ["Children"],
    "Science Fiction": ["Sci-Fi"],
    "Super Hero": ["Superhero"],
}
SOURCE_KEYWORDS = {
    "Based on Book/Short Story": "based on a book",
    "Based on Comic/Graphic Novel": "based on a comic",
    "Based on Factual Book/Article": "based on a book",
    "Based on Game": "based on a game",
    "Based on Musical/Opera": "based on a musical",
    "Based on Play": "based on a play",
    "Based on Real Life Events": "true story",
    "Based on TV": "based on television",
    "Remake": "remake",
    "Traditional/Legend/Fairytale": "legend",
}


@dataclass(frozen=True, slots=True)
class Fix:
    """One line of fixes.csv. Without title and year: every film whose ``field`` is ``was``."""

    title: str
    year: str
    field: str
    was: str
    value: str
    reason: str


def read_fixes(path: Path = HERE / "fixes.csv") -> list[Fix]:
    """The table of single fixes."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Fix(**row) for row in csv.DictReader(file)]


def read_subjects(path: Path = HERE / "subjects.csv") -> dict[str, list[str]]:
    """Title, or title (year) -> keywords: what a film is about, as anyone who has seen it knows."""
    subjects: dict[str, list[str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for title in row["titles"].split("|"):
                subjects.setdefault(title, []).append(row["keyword"])
    return subjects


def clean(source: Path, counts: Counter[str] | None = None) -> list[Film]:
    """The films of ``source`` (the list as gzipped JSON), cleaned, in its order.

    ``counts`` is given how often each rule and each kind of fix was applied. Raises ValueError
    when a fix or a subject names a film that the list does not hold.
    """
    counts = counts if counts is not None else Counter()
    with gzip.open(source, "rt", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = json.load(file)
    fixes, general = _index(read_fixes())
    subjects = read_subjects()
    films = []
    for number, row in enumerate(rows, start=1):
        own = fixes.pop((str(row["Title"]), row["Release Date"][-4:]), {})
        counts.update(f"fix: {field}" for field in own)
        if "drop" not in own:
            films.append(_film(number, row, own, general, subjects, counts))
    if fixes:
        raise ValueError(f"fixes.csv names films that are not in {source}: {sorted(fixes)}")
    known = {film.title for film in films} | {_dated(film.title, film.year) for film in films}
    if missing := set(subjects) - known:
        raise ValueError(f"subjects.csv names films that are not in the catalog: {sorted(missing)}")
    return films


def _index(fixes: Sequence[Fix]) -> tuple[dict[tuple[str, str], dict[str, str]], dict[str, str]]:
    """Fixes by film, and renamed directors."""
    films: dict[tuple[str, str], dict[str, str]] = {}
    general = {}
    for fix in fixes:
        if fix.title:
            films.setdefault((fix.title, fix.year), {})[fix.field] = fix.value
        else:
            general[fix.was] = fix.value
    return films, general


def _film(
    movie_id: int,
    row: dict[str, Any],
    fixes: dict[str, str],
    directors: dict[str, str],
    subjects: dict[str, list[str]],
    counts: Counter[str],
) -> Film:
    year, released = _released(row["Release Date"], fixes, counts)
    title = fixes.get("title") or _title(row["Title"], counts)
    counts["fix: director's name"] += row["Director"] in directors
    rating, votes = _imdb(row, fixes, year, counts)
    keywords = subjects.get(title, []) + subjects.get(_dated(title, year), [])
    if (source := SOURCE_KEYWORDS.get(row["Source"])) is not None:
        keywords.append(source)
    return Film(
        movie_id=movie_id,
        title=title,
        original_title=fixes.get("original_title"),
        year=year,
        release_date=released,
        genres=_genres(row, fixes),
        runtime_minutes=int(fixes.get("runtime_minutes", row["Running Time min"]) or 0) or None,
        director=fixes.get("director") or directors.get(row["Director"], row["Director"]),
        keywords=tuple(dict.fromkeys(keywords)),
        budget=row["Production Budget"] or None,
        revenue=_revenue(row, fixes, counts),
        major_genre=None if "genres" in fixes else row["Major Genre"],
        creative_type=row["Creative Type"],
        source=row["Source"],
        distributor=fixes.get("distributor", row["Distributor"]) or None,
        mpaa=_mpaa(fixes.get("mpaa", row["MPAA Rating"]), year, counts),
        imdb_rating=rating,
        imdb_votes=votes,
        critics=row["Rotten Tomatoes Rating"],
    )


def _dated(title: str, year: int) -> str:
    """How subjects.csv names one of several films of a title."""
    return f"{title} ({year})"


def _title(title: object, counts: Counter[str]) -> str:
    """Numbers to text, letters read in the wrong encoding, stray spaces, article to the front."""
    counts["title stored as a number"] += not isinstance(title, str)
    text = mended = str(title)
    # Latin-1 bytes that were read as Mac Roman: "AmÈlie".
    if not text.isascii():
        mended = text.encode("mac_roman").decode("cp1252")
        counts["title in the wrong encoding"] += mended != text
    spaced = " ".join(mended.split())
    counts["title with stray spaces"] += spaced != mended
    head, _, article = spaced.rpartition(", ")
    if head and article in ("The", "Das", "Les"):
        counts["title with its article behind"] += 1
        return f"{article} {head}"
    return spaced


def _released(text: str, fixes: dict[str, str], counts: Counter[str]) -> tuple[int, date | None]:
    """Year and, where it is known, day of release."""
    day = datetime.strptime(text, "%b %d %Y").date()
    if "release_date" in fixes:
        day = date.fromisoformat(fixes["release_date"])
        return day.year, day
    if "year" in fixes:
        return int(fixes["year"]), None
    if day.year > NEWEST:  # two digits, read as 20xx
        counts["year a century late"] += 1
        day = day.replace(year=day.year - 100)
    if (day.month, day.day) == (12, 31):  # a bare year that lost a day on the way
        counts["year alone, one too early"] += 1
        return day.year + 1, None
    if (day.month, day.day) == (1, 1):
        counts["year alone"] += 1
        return day.year, None
    return day.year, day


def _genres(row: dict[str, Any], fixes: dict[str, str]) -> tuple[str, ...]:
    if "genres" in fixes:
        return tuple(fixes["genres"].split("|"))
    names = MAJOR_GENRES.get(row["Major Genre"], []) + CREATIVE_TYPES.get(row["Creative Type"], [])
    return tuple(sorted(set(names)))


def _revenue(row: dict[str, Any], fixes: dict[str, str], counts: Counter[str]) -> int | None:
    """Worldwide gross in US dollars; a gross of zero is an unknown one."""
    gross = int(fixes.get("revenue", row["Worldwide Gross"]) or 0)
    counts["gross of zero"] += row["Worldwide Gross"] == 0
    return gross or None


def _mpaa(rating: str | None, year: int, counts: Counter[str]) -> str | None:
    """The rating, if the system knew it when the film came out."""
    known_since = {"PG-13": 1984, "NC-17": 1990}.get(rating or "", 1968)
    late = bool(rating) and (year < known_since or rating == "Open")
    counts["MPAA rating older than the system"] += late
    return None if late else rating or None


def _imdb(
    row: dict[str, Any], fixes: dict[str, str], year: int, counts: Counter[str]
) -> tuple[float | None, int | None]:
    """Rating and votes, unless they belong to another film.

    The list found them by title. A film that millions saw in the cinema and a few dozen people
    voted on is not that film: Ghostbusters with 358 votes.
    """
    rating, votes = row["IMDB Rating"], row["IMDB Votes"]
    if "imdb" in fixes or votes is None:
        return None, None
    gross = row["Worldwide Gross"] or 0
    if gross > 8e6 and votes < math.sqrt(gross) / 4 and year < 2010:
        counts["IMDb votes of another film"] += 1
        return None, None
    return float(rating), int(votes)


def to_rows(films: Sequence[Film]) -> Iterator[dict[str, str]]:
    """The films as rows of movies.csv: every column of COLUMNS, lists joined by ``|``."""
    for film in films:
        yield {name: _text(getattr(film, name, None)) for name in COLUMNS}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "|".join(value)
    return "" if value is None else str(value)
