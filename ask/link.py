"""A structure's names held against the catalog, whoever wrote the structure: a person or a model.

Names are linked as those of a request are; what the catalog does not have is taken out and said.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from ask.kinds import find_genres
from ask.people import does
from ask.rules import Reading
from ask.structure import Exclusions, Kind, Person, Structure, Title
from ask.titles import make_title
from search.names import Names, key


class _Linker:
    """Holds names against a catalog; gathers what it does not have, and what is spelt otherwise."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.not_found: list[str] = []
        self.notes: list[str] = []

    def kind(self, kind: Kind | Exclusions) -> dict[str, Any]:
        """The parts of a kind of films that are names."""
        return {
            "genres": self.genres(kind.genres),
            "keywords": self.keywords(kind.keywords),
            "people": self.people(kind.people),
        }

    def genres(self, wanted: Iterable[str]) -> tuple[str, ...]:
        return self._all(wanted, lambda text: find_genres(text, self._names))

    def keywords(self, wanted: Iterable[str]) -> tuple[str, ...]:
        known = self._names.keywords
        return self._all(wanted, lambda text: tuple(filter(None, [known.get(key(text))])))

    def people(self, wanted: Iterable[Person]) -> tuple[Person, ...]:
        linked = []
        for person in wanted:
            found = self._names.person(person.name)
            if found is None or not does(found.person, person.role):
                self.not_found.append(person.name)
                continue
            self._say(person.name, found.person.name, exact=found.how == "exact")
            linked.append(Person(name=found.person.name, role=person.role))
        return tuple(dict.fromkeys(linked))

    def titles(self, wanted: Iterable[Title]) -> tuple[Title, ...]:
        linked = []
        for title in wanted:
            film = None if title.movie_id is None else self._names.film(title.movie_id)
            if film is None and title.movie_id is None and title.title is not None:
                found = self._names.films(title.title, title.year)
                film = found.best if found else None
                if found:
                    self._say(title.title, str(found.best), exact=found.how == "exact")
            if film is None:
                self.not_found.append(str(title))
            else:
                linked.append(make_title(film))
        return tuple(dict.fromkeys(linked))

    def _say(self, typed: str, read: str, *, exact: bool) -> None:
        if not exact:
            self.notes.append(f"“{typed}” was read as {read}.")

    def _all(
        self, wanted: Iterable[str], find: Callable[[str], tuple[str, ...]]
    ) -> tuple[str, ...]:
        linked = {text: find(text) for text in wanted}
        self.not_found += [text for text, found in linked.items() if not found]
        return tuple(dict.fromkeys(chain.from_iterable(linked.values())))


def link(structure: Structure, names: Names) -> Reading:
    """The structure with the catalog's own names, and what the catalog does not have."""
    linker = _Linker(names)
    exclude = structure.exclude
    linked = structure.changed(
        **linker.kind(structure),
        alternatives=tuple(
            kind.model_copy(update=linker.kind(kind)) for kind in structure.alternatives
        ),
        titles=linker.titles(structure.titles),
        like_people=linker.people(structure.like_people),
        than=tuple(
            one.model_copy(update={"film": film})
            for one in structure.than
            for film in ((None,) if one.film is None else linker.titles([one.film]))
        ),
        exclude=exclude.model_copy(
            update=linker.kind(exclude) | {"titles": linker.titles(exclude.titles)}
        ),
    )
    return Reading(linked, tuple(linker.notes), tuple(dict.fromkeys(linker.not_found)))
