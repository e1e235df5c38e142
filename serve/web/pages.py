"""The pages of people: search in two orders, a taste, recommendations, requests in plain words."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from ask.preferences import Preferences, Trait, find_preferences
from palate.contract import (
    PART_NAMES,
    Hit,
    Rating,
    Recommendation,
    RecommendRequest,
    SearchResponse,
    SimilarMovie,
)
from palate.errors import MisuseError, NotFoundError
from rerank import people
from rerank import profile as profiles
from rerank.events import add_events, list_events, undo
from rerank.people import find_taste, find_user, name_user
from rerank.recommend import recommend
from search.catalog import similar, suggest
from serve.api.services import Services, services
from serve.chat import Chat
from serve.web.chips import chips, without
from serve.web.render import BAR, page
from serve.web.route import read_form
from serve.web.state import MIXED, PRESETS, WEIGHTED, AskState, RecommendState, SearchState, Whose
from sql.database import Database
from sql.syntax import Field, Fields
from test_users.tasters import TASTERS

T = TypeVar("T")

_ROW = 8  # films of a row of recommendations
_STRONGEST = 12
_READ = 500  # ratings among which the strongest are looked for
_TRAITS = 8
_GENRES = 20
_EVENTS = 20
LIKED = 4.0
Shown = Hit | Recommendation


def search_page(request: Request) -> Response:
    """Everybody's order beside mine."""
    found, state = services(request), SearchState.read(request.scope["query_string"])
    everybody = mine = None
    if state.q.strip():
        everybody = found.searcher.search(state.request(None))
        if (user_id := find_taste(found.database, state.user_id)) is not None:
            mine = found.searcher.search(state.request(user_id))
    return _shown(
        request,
        "search.html",
        state,
        everybody=everybody,
        mine=mine,
        shown=mine or everybody,
        weights=state.weights or (everybody.weights if everybody else {}),
        presets=PRESETS,
        weighted=WEIGHTED,
        genres=_genres(state, everybody),
        own=_own(state, everybody, found.database.search_engine.fields),
        widest=_widest(*(each.hits for each in (everybody, mine) if each)),
    )


def _genres(state: SearchState, found: SearchResponse | None) -> list[tuple[str, int | None]]:
    """The genres to choose from, with their counts; those chosen are always there."""
    counts = found.facets.genres if found and found.facets else {}
    chosen = [(genre, counts.get(genre)) for genre in state.genres]
    others = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return chosen + [(g, n) for g, n in others if g not in state.genres][:_GENRES]


def _own(
    state: SearchState, found: SearchResponse | None, fields: Fields
) -> dict[str, list[tuple[str, str | None, int | None]]]:
    """Values of fields of one's own by field, with what filters by them (None: nothing does) and
    their counts; filters that are chosen are always there."""
    counts = found.facets.own if found and found.facets else {}
    shown: dict[str, list[tuple[str, str | None, int | None]]] = {}
    for name, values in counts.items():
        most = sorted(values.items(), key=lambda one: (-one[1], one[0]))[:_GENRES]
        field = fields.get(name)
        shown[name] = [(value, _filter(field, value), films) for value, films in most]
    known = {made for values in shown.values() for _, made, _ in values}
    if others := [one for one in state.filter if one not in known]:
        shown["Filters"] = [(one, one, None) for one in others]
    return shown


def _filter(field: Field | None, value: str) -> str | None:
    """The query for films that say this in a field."""
    if field is None:
        return None
    written = value.replace("\\", "\\\\").replace('"', '\\"')
    return f"{field.name}:{value}" if field.kind == "number" else f'{field.name}:"{written}"'


def _widest(*lists: tuple[Shown, ...]) -> float:
    return max((film.score for films in lists for film in films), default=0.0)


def suggestions(request: Request) -> Response:
    """Titles that start as typed, for the list below the search field."""
    found, state = services(request), SearchState.read(request.scope["query_string"])
    user_id = find_taste(found.database, state.user_id)
    titles = suggest(found.database, state.q[:200], 8, user_id, state.profile)
    return JSONResponse([each.title for each in titles])


def taste_page(request: Request) -> Response:
    """What is known of a person, to look at and to change."""
    found, state = services(request), Whose.read(request.scope["query_string"])
    preferences, ratings, events, user = None, [], None, None
    if (user_id := find_taste(found.database, state.user_id)) is not None:
        ratings = profiles.list_ratings(found.database, user_id, state.profile, _READ)
        preferences = _or_none(find_preferences, found.database, user_id, state.profile)
        events = list_events(found.database, user_id, state.profile, limit=_EVENTS).events
        user = _or_none(profiles.get_user, found.database, user_id, state.profile)
    strongest = sorted(ratings, key=lambda each: -each.rating)
    return _shown(
        request,
        "taste.html",
        state,
        preferences=preferences,
        user=user,
        events=events or (),
        spoken={each.genre: each.type for each in reversed(events or ()) if each.genre},
        groups=_groups(preferences) if preferences else [],
        best=[r for r in strongest if r.rating >= LIKED][:_STRONGEST],
        worst=[r for r in strongest[::-1] if r.rating < LIKED][:_STRONGEST],
    )


def _or_none(find: Callable[[Database, int, str], T], database: Database, *who: Any) -> T | None:
    try:
        return find(database, *who)
    except NotFoundError:
        return None


def _groups(found: Preferences) -> list[tuple[str, list[dict[str, object]]]]:
    """The traits of each kind as bars to either side of the crowd."""
    kinds = (
        ("Genres", found.genres), ("Decades", found.decades),
        ("Directors", found.directors), ("Actors", found.actors),
    )  # fmt: skip
    traits = [trait for _, group in kinds for trait in group[:_TRAITS]]
    largest = max((abs(trait.shrunken) for trait in traits), default=1.0) or 1.0
    return [(name, [_bar(t, largest) for t in group[:_TRAITS]]) for name, group in kinds if group]


def _bar(trait: Trait, largest: float) -> dict[str, object]:
    half = BAR / 2
    width = abs(trait.shrunken) / largest * half
    return {
        "name": trait.name,
        "n": trait.n,
        "differs": trait.shrunken,
        "x": round(half if trait.shrunken >= 0 else half - width, 2),
        "width": round(max(width, 0.5), 2),
    }


def recommend_page(request: Request) -> Response:
    """Films by where they come from: a taste, one film that was liked, everybody."""
    found, state = services(request), RecommendState.read(request.scope["query_string"])
    user_id = find_taste(found.database, state.user_id)
    asked = state.request(user_id, _ROW)
    cache = found.searcher.recommended
    mine = recommend(found.database, asked, cache=cache)
    crowd = recommend(found.database, RecommendRequest(k=_ROW), cache=cache)
    liked, near = _near(found, user_id, state.profile)
    shown = (*mine.movies, *crowd.movies)
    return _shown(
        request,
        "recommend.html",
        state,
        mine=mine if state.user_id is not None else None,
        crowd=crowd,
        liked=liked,
        near=near,
        mixers=[
            *((name, PART_NAMES[name], mine.weights.get(name, 0.0)) for name in MIXED),
            ("diversity", "score before variety", asked.diversity),
        ],
        used=[n for n in PART_NAMES if any(film.contributions.get(n) for film in shown)],
        widest=_widest(shown),
    )


def _near(
    found: Services, user_id: int | None, profile: str
) -> tuple[Rating | None, list[SimilarMovie]]:
    """The newest film that was liked, and films like it that were not rated."""
    if user_id is None:
        return None, []
    ratings = profiles.list_ratings(found.database, user_id, profile, _READ)
    liked = next((each for each in ratings if each.rating >= LIKED), None)
    if liked is None:
        return None, []
    rated = {each.movie_id for each in ratings}
    movies = similar(found.database, liked.movie_id, 50, user_id, profile)
    near = [each for each in movies if each.movie_id not in rated][:_ROW]
    return liked, [each.model_copy(update={"rank": n}) for n, each in enumerate(near, 1)]


def ask_page(request: Request) -> Response:
    """A request in plain words: what was understood, part by part, and the answer; then a talk."""
    found, state = services(request), AskState.read(request.scope["query_string"])
    user_id, before = find_taste(found.database, state.user_id), state.conversation
    told: tuple[str, ...] = ()
    made, parts = None, []
    if state.q.startswith("/"):  # a command of a talk
        reply = Chat(found.database, found.asker).reply(state.q, user_id, after=before)
        made, told, before = reply.answer, reply.text, reply.conversation
    elif state.q.strip():
        after = None if before is None else found.asker.read_conversation(before)
        reading = found.asker.read(state.q, user_id, after=after)
        structure = without(reading.structure, state.without)
        made = found.asker.answer(state.q, replace(reading, structure=structure))
        made = found.asker.write(made, after)
        parts = chips(made.structure)
    return _shown(
        request,
        "ask.html",
        state,
        made=made,
        chips=parts,
        summary=made.told if made else told,
        films=made.shown if made else (),
        widest=_widest(made.hits or made.movies) if made else 0.0,
        going_on=made.conversation if made else before,
    )


def rate(request: Request) -> Response:
    """Set or take back a rating, and show the page that it was sent from."""
    form, found, whose = _sent(request)
    movie_id = found.asker.names.find(form.get("movie", ""), as_written=True).movie_id
    user_id = name_user(found.database, whose.user_id or "")
    if form.get("stars") == "none":
        profiles.unrate(found.database, user_id, movie_id, whose.profile)
    else:
        stars = _stars(form.get("stars", ""))
        profiles.rate(found.database, user_id, movie_id, stars, whose.profile)
    return _back(form)


def note(request: Request) -> Response:
    """Note an event of a film or a genre, or take one back."""
    form, found, whose = _sent(request)
    user_id = name_user(found.database, whose.user_id or "")
    if undone := form.get("undo"):
        undo(found.database, user_id, undone, whose.profile)
        return _back(form)
    sent = {name: form[name] for name in ("type", "genre") if form.get(name)}
    if form.get("movie"):
        sent["movie_id"] = form["movie"]
    event = {**sent, "source": "page"}
    [line] = add_events(found.database, user_id, [event], whose.profile).lines
    if line.outcome == "refused":
        raise MisuseError(f"{line.reason}. Nothing was changed.")
    return _back(form)


def export(request: Request) -> Response:
    """Everything that is held about a person, as a file."""
    found, whose = services(request), Whose.read(request.scope["query_string"])
    made = people.export(found.database, find_user(found.database, whose.user_id or ""))
    headers = {"content-disposition": f'attachment; filename="user-{made.user_id}.json"'}
    text = made.model_dump_json(indent=1)
    return Response(text, media_type="application/json", headers=headers)


def forget(request: Request) -> Response:
    """Delete everything of a person, and show that nothing is left."""
    form, found, whose = _sent(request)
    if form.get("sure") != "yes":
        raise MisuseError("Forgetting has to be confirmed. Nothing was changed. Tick the box.")
    gone = people.forget(found.database, find_user(found.database, whose.user_id or ""))
    return page(request, "forgotten.html", gone=gone)


def _sent(request: Request) -> tuple[dict[str, str], Services, Whose]:
    """A form, and whose it is. Raises MisuseError."""
    whose = Whose.read(request.scope["query_string"])
    if whose.user_id is None:
        raise MisuseError("It is not said who. Nothing was changed. Choose a user first.")
    return read_form(request), services(request), whose


def _stars(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise MisuseError("The stars are no number. Nothing was changed.") from error


def _back(form: dict[str, str]) -> Response:
    """To the page that a form was on; never to another site."""
    back = form.get("back", "/")
    parts = urlsplit(back)
    local = re.match("/(?!/)", back) and not (parts.scheme or parts.netloc) and "\\" not in back
    return RedirectResponse(back if local else "/", 303)


def _shown(request: Request, name: str, state: Whose, **values: Any) -> Response:
    """A page, with what each of them has; forms on it lead back to it."""
    query = request.url.query
    back = request.url.path + (f"?{query}" if query else "")
    return page(request, name, state=state, tasters=TASTERS, back=back, **values)
