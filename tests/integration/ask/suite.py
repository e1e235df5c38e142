"""Requests with what is to be understood of them, and how an answer is judged against it."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from ask.conversation import Turn, read_next
from ask.rules import Reading, read_request
from ask.tree import narrows
from ask.understood import describe_structure
from ingest.rows import Movie
from ingest.sources.movielens import MovieLens
from search.names import Film, Names, Somebody

SUITE = Path(__file__).with_name("suite.txt")
SAMPLE = Path(__file__).with_name("sample.txt")
FRESH = sorted(Path(__file__).parent.glob("fresh*.txt"))
"""Sixty requests each, written when those before were mended; they have been learned from since."""


SHOWN = (1, 6, 16)
"""Toy Story, Heat and Casino: what a follow-up (`first >> then`) finds shown."""


@dataclass(frozen=True)
class Wanted:
    """One right reading: its parts in words, and words that have to be declared as left out."""

    parts: frozenset[str]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A request of a kind, and its right readings."""

    kind: str
    ask: str
    right: tuple[Wanted, ...]


def read_cases(path: Path = SUITE) -> list[Case]:
    """``request => part · part || another reading !! left out``, under ``## kind``."""
    kind, found = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            kind = line[3:]
        elif line and not line.startswith("#"):
            ask, _, right = line.partition(" => ")
            found.append(Case(kind, ask, tuple(map(_wanted, right.split(" || ")))))
    return found


def _wanted(text: str) -> Wanted:
    parts, _, left_out = text.partition("!!")
    return Wanted(
        frozenset(_part(part) for part in parts.split(" · ") if part.strip()),
        tuple(words.strip().lower() for words in left_out.split(",") if words.strip()),
    )


def _part(text: str) -> str:
    """A part as it is compared: words looked for in any order and number."""
    part = " ".join(text.replace('"', "").lower().split())
    found = re.fullmatch(r"(?P<not>not )?about (?P<words>.+)", part)
    if not found:
        return _any_order(part)
    words = sorted(word.removesuffix("s") for word in found["words"].split())
    kept = [word for word in words if word not in ("a", "the", "of", "in", "and")] or words
    return f"{found['not'] or ''}about {' '.join(kept)}"


def _any_order(part: str) -> str:
    """``musical or comedy`` as ``comedy or musical``."""
    found = re.fullmatch(
        r"(?P<how>by or with |directed by |with |keyword )?(?P<list>.+ or .+)", part
    )
    if not found or part.startswith(("budget", "revenue", "year", "minutes", "stars", "ratings")):
        return part
    return f"{found['how'] or ''}{' or '.join(sorted(found['list'].split(' or ')))}"


def read(ask: str, names: Names) -> Reading:
    """How a request is read: the last of a talk, where ``>>`` leads from one to the next."""
    first, *then = ask.split(" >> ")
    reading = read_request(first, names)
    for text in then:
        reading = read_next(text, names, Turn(structure=reading.structure, shown=SHOWN))
    return reading


def judge(case: Case, reading: Reading) -> str:
    """``right``; ``partly``: nothing false, and what is missing is said; ``misleading``: false and
    said to be sure; ``wrong``: false otherwise."""
    read = frozenset(_part(p) for p in describe_structure(reading.structure).split(" · "))
    if reading.not_found and not narrows(reading.structure.model_copy(update={"facts": ()})):
        read = frozenset({"nothing"})
    said = " ".join((*(one.words for one in reading.left_out), *reading.not_found)).lower()
    if any(read == w.parts and all(words in said for words in w.left_out) for w in case.right):
        return "right"
    if read == {"nothing"}:
        return "partly"
    false = min((read - wanted.parts for wanted in case.right), key=len)
    if said and not false:
        return "partly"
    return "misleading" if reading.sure == "high" else "wrong"


def read_names(source: MovieLens, ratings: Path) -> Names:
    """The names of a catalog, from its files: as `search.names.read_names` from a database."""
    counts = _count_ratings(ratings)
    movies = [movie for movie in source.movies() if isinstance(movie, Movie)]
    does: dict[str, list[bool]] = defaultdict(list)
    for movie in movies:
        if movie.director:
            does[movie.director].append(True)
        for actor in movie.actors:
            does[actor].append(False)
    people = [
        Somebody(name, any(directs), not all(directs), len(directs))
        for name, directs in sorted(does.items(), key=lambda one: (-len(one[1]), one[0]))
    ]
    films = [
        (
            Film(movie.movie_id, movie.title, movie.year, counts[movie.movie_id]),
            movie.original_title,
        )
        for movie in movies
        if isinstance(movie.movie_id, int) and movie.title
    ]
    genres = sorted({genre for movie in movies for genre in movie.genres})
    keywords = sorted({keyword for movie in movies for keyword in movie.keywords})
    return Names(films, people, genres, keywords, max(movie.year or 0 for movie in movies))


def _count_ratings(path: Path) -> Counter[int]:
    with path.open(encoding="utf-8") as file:
        next(file)
        return Counter(int(line.split(",")[1]) for line in file)
