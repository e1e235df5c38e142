"""The catalog's names: films, people, genres and keywords, and what a typed name means.

A name is linked exactly (case, accents, articles and punctuation apart), then by the begin or the
subtitle of longer titles or a surname, then by the least difference in spelling or by a word of one
title. Nothing is ever made up: what is like no name of the catalog is not found.
"""

import re
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import structlog
from rapidfuzz import fuzz, process
from sqlalchemy import Connection

from palate.errors import MisuseError, NotFoundError
from palate.statements import Statements
from search.query import UNSENDABLE
from search.titles import ARTICLES, PARTS, typed_words
from search.vocabulary import NUMERAL_FORMS
from sql.database import Database

_statements = Statements.beside(__file__, "names")

_log = structlog.get_logger(__name__)

_KEPT_SECONDS = 300.0  # where changes are not counted: a standby, a server that counts nothing
_TITLE_ALIKE = 88.0
_PERSON_ALIKE = 84.0
_SURNAME_ALIKE = 88.0
_FUZZY_LETTERS = 4
LONGEST_TITLE = 12
"""Words of a text that are held against titles at once."""

How = Literal["exact", "begin", "surname", "spelling"]


@dataclass(frozen=True, slots=True)
class Film:
    """A film's name, and how many people rated it."""

    movie_id: int
    title: str
    year: int | None
    rating_count: int

    def __str__(self) -> str:
        return f"{self.title} ({self.year})" if self.year else self.title


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person's name, what they do, and in how many films."""

    name: str
    directs: bool
    acts: bool
    films: int


@dataclass(frozen=True, slots=True)
class FilmsFound:
    """Films that a text may mean, the most rated first; ``how`` the text was read."""

    films: tuple[Film, ...]
    how: How

    @property
    def best(self) -> Film:
        """The most rated one."""
        return self.films[0]


@dataclass(frozen=True, slots=True)
class PersonFound:
    """Whom a text means; ``how`` it was read."""

    person: Somebody
    how: How


def key(text: str) -> str:
    """A name as names are compared: ``The Lion, the Witch & Co.`` is ``lion the witch co``."""
    words = typed_words(text)
    kept = [word for word in words if word != "and"] or words
    return " ".join(kept[len(kept) > 1 and kept[0] in ARTICLES :])


class Names:
    """The names of one catalog as they were when it was read."""

    def __init__(
        self,
        films: Sequence[tuple[Film, str | None]],
        people: Sequence[Somebody],
        genres: Sequence[str],
        keywords: Sequence[str],
        latest_year: int | None,
    ) -> None:
        self.genres = {key(name): name for name in genres}
        self.keywords = {key(name): name for name in keywords}
        self.latest_year = latest_year
        self._films: dict[str, list[Film]] = defaultdict(list)
        self._by_id = {film.movie_id: film for film, _ in films}
        self._subtitles: dict[str, list[Film]] = defaultdict(list)
        for film, original in films:
            for name in {key(film.title), key(original or "")} - {""}:
                self._films[name].append(film)
            if len(parts := PARTS.split(film.title)) > 1:
                self._subtitles[key(parts[-1])].append(film)
        self._titles = sorted(self._films)
        self._people: dict[str, Somebody] = {}
        self.has_actors = any(person.acts for person in people)
        self._surnames: dict[str, list[Somebody]] = defaultdict(list)
        for person in people:
            name = key(person.name)
            if name and self._people.setdefault(name, person) is person and " " in name:
                self._surnames[name.rpartition(" ")[2]].append(person)

    @property
    def empty(self) -> bool:
        """Whether there are no films."""
        return not self._by_id

    def has_word(self, word: str) -> bool:
        """Whether a word is in a title or a person's name."""
        return word in self._words

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word for name in (*self._films, *self._people) for word in name.split())

    def is_given_name(self, word: str) -> bool:
        """Whether somebody of the catalog has this first name."""
        return key(word) in self._given

    @cached_property
    def _given(self) -> dict[str, list[Somebody]]:
        found: dict[str, list[Somebody]] = defaultdict(list)
        for name, person in self._people.items():
            if " " in name:
                found[name.partition(" ")[0]].append(person)
        return {name: sorted(people, key=lambda one: -one.films) for name, people in found.items()}

    def first_name(self, word: str, films: int) -> PersonFound | None:
        """Whose first name a word is, of one person with so many films above all others."""
        named = self._given.get(key(word), [])
        if not named or named[0].films < films:
            return None
        known = len(named) == 1 or named[0].films >= 3 * named[1].films
        return PersonFound(named[0], "surname") if known else None

    def surname_like(self, word: str, films: int) -> PersonFound | None:
        """Whose surname a word almost is, of those with so many films."""
        known = [n for n, people in self._surnames.items() if people[0].films >= films]
        near = process.extractOne(key(word), known, scorer=fuzz.ratio, score_cutoff=_SURNAME_ALIKE)
        found = self.person(near[0], fuzzy=False) if near else None
        return PersonFound(found.person, "spelling") if found else None

    def film(self, movie_id: int) -> Film | None:
        """The film with this id."""
        return self._by_id.get(movie_id)

    def films(self, text: str, year: int | None = None, *, fuzzy: bool = True) -> FilmsFound | None:
        """The films that a text names, of ``year`` where it is given."""
        wanted = key(text)
        readings: list[tuple[list[Film], How]] = [(self._films.get(wanted, []), "exact")]
        if fuzzy:
            begun = self._part(wanted) or self._begun(wanted) or self._subtitles.get(wanted, [])
            spelt = self._spelt(wanted) or self._worded(text.strip(), wanted)
            readings += [(begun, "begin"), (spelt, "spelling")]
        for films, how in readings:
            fitting = [film for film in films if year is None or film.year == year]
            if fitting:
                as_typed = text.strip().lower()
                ordered = sorted(_most_rated(fitting), key=lambda f: f.title.lower() != as_typed)
                return FilmsFound(tuple(ordered), how)
        return None

    def person(self, text: str, *, surname: bool = True, fuzzy: bool = True) -> PersonFound | None:
        """The person that a text names. A surname has to be one person's above all."""
        wanted = key(text)
        if wanted in self._people:
            return PersonFound(self._people[wanted], "exact")
        for name in (wanted, wanted.removesuffix("s")):
            named = self._surnames.get(name, []) if surname else []
            if named and (len(named) == 1 or named[0].films >= 2 * named[1].films):
                return PersonFound(named[0], "surname")
        if fuzzy and " " in wanted and len(wanted) > _FUZZY_LETTERS:
            near = process.extractOne(
                wanted, self._people.keys(), scorer=fuzz.ratio, score_cutoff=_PERSON_ALIKE
            )
            if near:
                return PersonFound(self._people[near[0]], "spelling")
        return None

    def near(self, text: str, n: int = 3) -> list[Film]:
        """Films whose titles are most like a text that names none: for a question."""
        found = process.extract(key(text), self._titles, scorer=fuzz.WRatio, limit=n)
        return [_most_rated(self._films[name])[0] for name, score, _ in found if score >= 60]

    def _begun(self, wanted: str) -> list[Film]:
        if " " not in wanted:
            return []
        begin = bisect_left(self._titles, wanted + " ")
        films: list[Film] = []
        for name in self._titles[begin:]:
            if not name.startswith(wanted + " "):
                break
            films += self._films[name]
        return films

    def _part(self, wanted: str) -> list[Film]:
        """``Kill Bill 2`` by the number of its part: Kill Bill: Vol. 2."""
        base, _, number = wanted.rpartition(" ")
        numbers = NUMERAL_FORMS.get(number, ()) if base and number.isdecimal() else ()
        names = [f"{base} {part}{n}" for part in ("", "vol ", "part ") for n in numbers]
        return next(filter(None, (self._films.get(n) or self._begun(n) for n in names)), [])

    def _worded(self, typed: str, wanted: str) -> list[Film]:
        """The film that a word written large is in the title of, above all others: Shawshank."""
        if len(wanted) < _FUZZY_LETTERS + 2 or not typed[:1].isupper() or wanted in self.keywords:
            return []
        films = _most_rated(self._by_word.get(wanted, []))
        alone = len(films) == 1 or (
            len(films) > 1 and films[0].rating_count >= 4 * films[1].rating_count
        )
        return films[:1] if alone else []

    @cached_property
    def _by_word(self) -> dict[str, list[Film]]:
        found: dict[str, list[Film]] = defaultdict(list)
        for name, films in self._films.items():
            for word in set(name.split()):
                found[word] += films
        return found

    def _spelt(self, wanted: str) -> list[Film]:
        if len(wanted) < _FUZZY_LETTERS:
            return []
        found = process.extract(
            wanted, self._titles, scorer=fuzz.ratio, score_cutoff=_TITLE_ALIKE, limit=20
        )
        numbers = [word for word in wanted.split() if word.isdecimal()]
        found = [one for one in found if all(number in one[0].split() for number in numbers)]
        nearest = found[0][1] if found else 0
        return [film for name, score, _ in found if score == nearest for film in self._films[name]]


def _most_rated(films: Iterable[Film]) -> list[Film]:
    unique = {film.movie_id: film for film in films}.values()
    return sorted(unique, key=lambda film: (-film.rating_count, film.movie_id))


class CatalogNames:
    """The names of one database's catalog, kept from the first time on. Thread-safe.

    A process that stays calls ``refresh`` now and then, from a thread of its own: no request waits
    while names are read again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._names: Names | None = None
        self._changes: int | None = None
        self._read_at = 0.0

    def get(self) -> Names:
        """The names as they were read last."""
        names = self._names
        if names is None:
            with self._lock:
                names = self._names or self._read()
        return names

    def refresh(self) -> bool:
        """Read the names again if films were written since, or minutes passed; whether they were.

        Nothing is read that nobody has asked for. Raises DatabaseUnavailableError; the names stay
        those of before, and are not read again before films are written or minutes pass.
        """
        if self._names is None:
            return False
        with self._lock:
            due = time.monotonic() - self._read_at >= _KEPT_SECONDS
            with self._database.read() as connection:
                changes = connection.execute(_statements["changes"]).scalar_one()
            if due or changes != self._changes:
                self._read()
                return True
        return False

    def find(self, text: str, *, as_written: bool = False) -> Film:
        """`find_film` in these names; an id, be it a number or a text of the catalog's own, is
        looked up in the catalog as it is now."""
        with self._database.read() as connection:
            row = connection.execute(
                _statements["film"], {"id": UNSENDABLE.sub(" ", text).strip()}
            ).first()
        return Film(*row) if row is not None else find_film(self.get(), text, as_written=as_written)

    def find_all(self, texts: Iterable[str] | None) -> tuple[int, ...]:
        """The ids of films, each found as by `find`."""
        return tuple(self.find(text).movie_id for text in texts or ())

    def _read(self) -> Names:
        with self._database.read() as connection:
            # Before the names: what is written meanwhile is seen the next time.
            self._changes = connection.execute(_statements["changes"]).scalar_one()
            self._read_at = time.monotonic()
            self._names = read_names(connection)
            return self._names


def read_names(connection: Connection) -> Names:
    """The names as the database has them now."""
    titles = connection.execute(_statements["titles"])
    films = [(Film(*row), original_title) for original_title, *row in titles]
    people = [Somebody(*row) for row in connection.execute(_statements["people"])]
    genres = connection.execute(_statements["genres"]).scalars().all()
    keywords = connection.execute(_statements["keywords"]).scalars().all()
    latest: int | None = connection.execute(_statements["latest_year"]).scalar()
    return Names(films, people, genres, keywords, latest)


def parted_year(typed: str) -> tuple[str, int | None]:
    """A title and the year in parentheses behind it, as in ``King Kong (2005)``."""
    dated = re.match(r"(.+?)\s*\((\d{4})\)$", typed)
    return (dated[1], int(dated[2])) if dated else (typed, None)


def find_film(names: Names, text: str, *, as_written: bool = False) -> Film:
    """The one film that an id or a title names, as commands take it.

    Digits are an id where there is such a film. A title may carry its year, ``King Kong (2005)`` or
    ``King Kong 2005``; one to be ``as_written``, for something is written of it, is not corrected.
    Raises NotFoundError, and MisuseError with the choices where several films are meant.
    """
    typed = text.strip()
    if _is_id(typed) and (film := names.film(int(typed))):
        titled = names.films(typed, fuzzy=False)
        if titled and film not in titled.films:
            _log.warning(
                "digits are a movie_id; a title takes its year",
                taken=str(film),
                title=str(titled.films[0]),
            )
        return film
    title, year = parted_year(typed)
    found = names.films(typed, fuzzy=False) or names.films(title, year)
    behind = re.match(r"(.+?)[\s,]+((?:18|19|20)\d\d)$", typed)
    if behind and (found is None or found.how != "exact"):
        title, year = behind[1], int(behind[2])
        found = names.films(title, year) or found
    if found is None or (as_written and found.how == "spelling"):
        others = names.films(title, fuzzy=False) if year else None
        alike = others.films[:5] if others else [] if typed.isdecimal() else names.near(typed)
        near = ", ".join(f"{film} is {film.movie_id}" for film in alike)
        raise NotFoundError(
            f"There is no film {shorten(typed)!r}. Nothing was done. "
            + (f"Like it: {near}." if near else "Give its movie_id, or `palate search` for it.")
        )
    if len(found.films) > 1:
        choices = ", ".join(f"{film} is {film.movie_id}" for film in found.films[:5])
        raise MisuseError(
            f"{shorten(typed)!r} may be {len(found.films)} films. Nothing was done. Give the title "
            f"with its year, or the movie_id: {choices}."
        )
    return found.best


def _is_id(typed: str) -> bool:
    return re.fullmatch("0|[1-9][0-9]{0,18}", typed) is not None and int(typed) < 2**63


def shorten(text: str) -> str:
    """A text as a message repeats it."""
    return text if len(text) <= 100 else text[:99] + "…"
