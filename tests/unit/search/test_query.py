"""Text that people type, read into a syntax tree."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palate.errors import QuerySyntaxError
from search.grammar import MOST_FUZZY
from search.limits import LIMITS
from search.query import ParsedQuery, parse
from sql.engines.paradedb import ParadeDB
from sql.syntax import (
    FIELDS,
    All,
    And,
    Boost,
    Fuzzy,
    Match,
    Node,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Range,
    Words,
    describe,
    loosen,
    walk,
)


def words(*items: str | Phrase) -> Words:
    return Words(items)


def year(low: float | None, high: float | None, ends: str = "[]") -> Range:
    return Range("year", low, high, ends[0] == "[", ends[1] == "]")


LORD, RINGS, KING = Match("title", "lord"), Match("title", "rings"), Match("title", "king")
FANTASY = Match("genres", "Fantasy")

READINGS: list[tuple[str, Node]] = [
    ("lord", words("lord")),
    ("lord rings", words("lord", "rings")),
    ("The Lord of the Rings", words("Lord", "Rings")),
    ("the", words("the")),
    ('"dark knight"', words(Phrase(None, "dark knight"))),
    ("“dark knight”", words(Phrase(None, "dark knight"))),
    ('"the"', words("the")),
    ('the "dark knight" returns', words(Phrase(None, "dark knight"), "returns")),
    ('"dark knight"~2', Phrase(None, "dark knight", 2)),
    ('"dark knight"~99', Phrase(None, "dark knight", 10)),
    ("title:lord", LORD),
    ("TITLE:lord", LORD),
    ("title: lord", LORD),
    ("title:it's", Match("title", "it's", all=True)),
    ('title:"dark knight"', Phrase("title", "dark knight")),
    ('title:"lord rings"~2', Phrase("title", "lord rings", 2)),
    ('genres:"super hero"', Match("genres", "super hero")),
    ("title:(lord king)", Or((LORD, KING))),
    ("title:(+lord +rings)", Match("title", "lord rings", all=True)),
    ("title:(+lord king)", And((LORD,), (KING,))),
    ("title:(lord -rings)", And((LORD, Not(RINGS)))),
    ("lord genres:Fantasy", And((words("lord"), FANTASY))),
    ("the lord genres:Fantasy ring", And((words("lord", "ring"), FANTASY))),
    ("lord AND king", And((words("lord"), words("king")))),
    ("lord OR king", Or((words("lord"), words("king")))),
    ("title:lord NOT title:rings", And((LORD, Not(RINGS)))),
    ("lord -rings", And((words("lord"), Not(words("rings"))))),
    ("NOT title:lord", Not(LORD)),
    ("(title:lord OR title:king) AND genres:Fantasy", And((Or((LORD, KING)), FANTASY))),
    ("title:lord AND title:king OR title:rings", Or((And((LORD, KING)), RINGS))),
    ("title:lord title:king OR title:rings", And((LORD, Or((KING, RINGS))))),
    ("(500) Days of Rain", words("500", "Days", "Rain")),
    ("spider-man AND lord", And((And((words("spider"), words("man"))), words("lord")))),
    ("year:1999", year(1999, 1999)),
    ("year:[2000 TO 2020]", year(2000, 2020)),
    ("year:{2000 TO 2020]", year(2000, 2020, "{]")),
    ("year:[1990 TO *]", year(1990, None)),
    ("year:[* TO *]", year(None, None)),
    ("year:*", year(None, None)),
    ("year:>1999", year(1999, None, "{]")),
    ("year:>=1999", year(1999, None)),
    ("year:<1999", year(None, 1999, "[}")),
    ("year:<=1999", year(None, 1999)),
    ("year:199*", year(1990, 1999)),
    ("year:-5", year(-5, -5)),
    ("avg_rating:>=3.5", Range("avg_rating", 3.5, None)),
    ("movie_id:0020", Match("movie_id", "20")),
    ("movie_id:99999999999999999999", words("99999999999999999999")),
    ("tmdb_id:1.5", Nothing()),
    ("imdb_id:0133093", Match("imdb_id", "0133093")),
    ("imdb_id:tt0133093", Or((Match("imdb_id", "tt0133093"), Match("imdb_id", "0133093")))),
    ("matr*", Prefix(None, "matr")),
    ("title:matr*", Prefix("title", "matr")),
    ("title:spider-m*", And((Match("title", "spider"), Prefix("title", "m")))),
    ("genres:sci-*", Prefix("genres", "sci-")),
    ("matrx~1", Fuzzy(None, "matrx", 1)),
    ("title:matrx~", Fuzzy("title", "matrx", 1)),
    ("title:matrx~9", Fuzzy("title", "matrx", 2)),
    ("title:lord~0", LORD),
    ("title:lord^2", Boost(LORD, 2.0)),
    ("title:lord^99999", Boost(LORD, 1000.0)),
    ("*", All()),
    ("* AND title:lord", And((All(), LORD))),
    ("title:*", All()),
]


@pytest.mark.parametrize(("text", "tree"), READINGS)
def test_reads_the_query_language(text: str, tree: Node) -> None:
    assert parse(text).tree == tree


TYPED: list[tuple[str, Node]] = [
    ("it's", words("it", "s")),
    ("C:", words("C")),
    ("Mission: Impossible", words("Mission", "Impossible")),
    ("Mission: Impossible genres:Fantasy", And((words("Mission", "Impossible"), FANTASY))),
    ("C:\\films", words("C", "films")),
    ('lord "dark', words("lord", "dark")),
    ("lord AND", words("lord")),
    ("AND", words("AND")),
    ("READY OR NOT", words("READY")),
    ("a - b", words("b")),
    ("- +", Nothing()),
    ("((lord", words("lord")),
    ("title:(lord", words("lord")),
    ("title:", Nothing()),
    ("'quoted'", words("quoted")),
    ("[REC]", words("REC")),
    ("M*A*S*H lord^", And((words("M", "S", "H"), Boost(words("lord"), 1.0)))),
    ("lord^1.2.3", words("lord", "1", "2", "3")),
    ("🎬", Nothing()),
    ("🎬 lord", words("lord")),
    ("千と千尋", words("千と千尋")),
    ("foo:bar", words("foo", "bar")),
    ("10:30", words("10", "30")),
    ("http://a.b/c", And((And((words("b"), words("c"))), words("http")))),
    ("title:[a TO m]", words("m")),
    ("year:soon", words("soon")),
    ("/regex/", words("regex")),
    ("", Nothing()),
    ("   ", Nothing()),
    ("\x00lord\ud800", words("lord")),
]


@pytest.mark.parametrize("text", [text for text, _ in TYPED])
def test_typing_never_fails(text: str) -> None:
    parsed = parse(text)
    assert parsed.text == text
    assert parsed.read_as


@pytest.mark.parametrize(("text", "tree"), [t for t in TYPED if not t[0].startswith("http")])
def test_what_cannot_be_parsed_is_searched_as_words(text: str, tree: Node) -> None:
    assert parse(text).tree == tree


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("lord AND", "The query cannot be parsed: searched as words."),
        ("titel:lord", "There is no field “titel”, did you mean “title”?"),
        ("genre:Fantasy", "There is no field “genre”, did you mean “genres”?"),
        ("year:soon", "“year” takes numbers, “soon” is none: searched as words."),
        (
            "rating:>4",
            "A range needs a field of numbers before it (year, avg_rating, rating_count, "
            "runtime_minutes, tmdb_id, movie_id, effectiveness): searched as words.",
        ),
        ("title:[a TO b]", "Ranges are for numbers, and “title” is none: searched as words."),
        ('lord "dark', "A quotation mark is not closed."),
        ("title:*", "“title:*” is not a filter, every film is found."),
        ("", "The query has no words. * finds every film."),
    ],
)
def test_notes_say_how_it_was_read(text: str, note: str) -> None:
    assert note in parse(text).notes


def test_a_field_like_no_other_gets_the_list() -> None:
    (note,) = parse("zzz:lord").notes
    assert all(name in note for name in FIELDS)


def test_what_is_read_as_written_has_no_notes() -> None:
    assert parse('title:lord AND year:[2000 TO *] "dark knight"').notes == []


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("lord AND", 8),
        ("lord ) king", 5),
        ('lord "dark', 5),
        ("lord titel:king", 5),
        ("lord year:soon", 10),
        ("lord genres:[a TO b]", 12),
        ("lord title:/re/", 11),
        ("x" * 50, 40),
        ("a b c d e f g h", 10),
        ("a AND b AND c AND d AND e AND f", 30),
    ],
)
def test_strict_refuses_with_the_position(text: str, position: int) -> None:
    with pytest.raises(QuerySyntaxError, match=f"at character {position}") as caught:
        parse(text, strict=True, limits=LIMITS._replace(max_query_length=40, max_query_clauses=5))
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text", [t for t, _ in READINGS if not t.startswith(("title:*", "movie_id:9"))]
)
def test_strict_reads_what_is_right(text: str) -> None:
    if "^99999" not in text:
        assert parse(text, strict=True).tree == parse(text).tree


def test_ten_thousand_characters() -> None:
    parsed = parse("lord " * 2000)
    assert "Only the first 2000 characters were read." in parsed.notes
    assert "Only the first 100 words were read." in parsed.notes
    assert (
        parse(
            "lord " * 2000, limits=LIMITS._replace(max_query_length=10_000, max_query_clauses=2000)
        ).notes
        == []
    )


def test_five_hundred_clauses() -> None:
    text = " OR ".join(f"title:w{n}" for n in range(500))
    parsed = parse(text, limits=LIMITS._replace(max_query_length=10_000))
    assert parsed.notes[0] == "It has more than 100 clauses: searched as words."
    assert (
        len(
            list(
                walk(
                    parse(
                        text, limits=LIMITS._replace(max_query_length=10_000, max_query_clauses=500)
                    ).tree
                )
            )
        )
        == 501
    )


@pytest.mark.parametrize(
    "text",
    ["(" * 900 + "a" + ")" * 900, "NOT " * 400 + "a", "-" * 1500 + "a", "title:" * 300 + "a"],
)
def test_deep_nesting_is_read_as_words(text: str) -> None:
    assert "It is nested too deeply: searched as words." in parse(text).notes


def test_limits_are_given_in() -> None:
    assert parse("a b c d", limits=LIMITS._replace(max_query_clauses=2)).tree == words("b")
    assert parse("lord king", limits=LIMITS._replace(max_query_length=6)).tree == words("lord", "k")


FUZZY_NOTE = "Only the first 5 words may have mistakes, others are read as written."
PREFIX_NOTE = "Only the first 20 prefixes are read, others are whole words."


@pytest.mark.parametrize(
    ("clause", "most", "last", "note"),
    [
        ("lord~2", MOST_FUZZY, words("lord"), FUZZY_NOTE),
        ("title:lord~", MOST_FUZZY, LORD, FUZZY_NOTE),
        ("genres:Fantasy~", MOST_FUZZY, FANTASY, FUZZY_NOTE),
        ("lord*", LIMITS.max_query_prefixes, words("lord"), PREFIX_NOTE),
        ("title:lord*", LIMITS.max_query_prefixes, LORD, PREFIX_NOTE),
        ("genres:Fantasy*", LIMITS.max_query_prefixes, FANTASY, PREFIX_NOTE),
    ],
)
def test_costly_clauses_beyond_the_most_are_plain_words(
    clause: str, most: int, last: Node, note: str
) -> None:
    allowed, beyond = " OR ".join([clause] * most), " OR ".join([clause] * (most + 2))
    assert parse(allowed, strict=True).notes == []
    parsed = parse(beyond)
    assert parsed.notes == [note]
    assert parsed.tree == Or((*(parse(clause).tree,) * most, last, last))
    with pytest.raises(QuerySyntaxError, match="Only the first") as caught:
        parse(beyond, strict=True)
    assert caught.value.position == len(allowed + " OR ") + clause.find(":") + 1


@pytest.mark.parametrize(
    ("text", "which"),
    [
        (" ".join(['"dark knight"~1'] * 21), "20 phrases"),
        ('title:"dark knight"~10 AND "lord rings"~10 AND "a b"~1', "20 places of slop"),
        ('"a b c d e f g h i"~1', "8 words in a phrase with ~"),
        (f'title:"{"a " * 31}"', "30 words in one clause"),
        ("title:" + ".".join("a" * 31), "30 words in one clause"),
    ],
)
def test_what_costs_too_much_is_searched_as_words_and_the_note_says_which(
    text: str, which: str
) -> None:
    note = f"It has more than {which}: searched as words."
    assert note in [n.replace(" in its phrases", "") for n in parse(text).notes]
    with pytest.raises(QuerySyntaxError, match=f"It has more than {which}"):
        parse(text, strict=True)


def test_phrases_beyond_the_most_are_words() -> None:
    allowed = " ".join(f'"w{n} x"' for n in range(20))
    assert parse(allowed, strict=True).notes == []
    for text in (allowed + ' "dark knight"', f'"{"a " * 31}" "dark knight" night'):
        assert parse(text).notes == ["Only the first 20 phrases of up to 30 words were read."]
        with pytest.raises(QuerySyntaxError, match="more than 20 phrases"):
            parse(text, strict=True)


def test_decades_and_pieces_of_one_word_are_counted_as_what_they_cost() -> None:
    assert (
        parse(" OR ".join(["year:199*"] * (LIMITS.max_query_prefixes + 1)), strict=True).notes == []
    )
    pieces = parse("a\\-b\\-c\\-d\\-e\\-f~1").tree
    assert [type(node) for node in walk(pieces)].count(Fuzzy) == MOST_FUZZY


LOOSE: list[tuple[str, Node | None]] = [
    ("lord rings", Words(("lord", "rings"), all=False)),
    ("lord", None),
    ("lord AND king", None),
    ("title:lord title:king", None),
    ("lord rings year:>1999", And((Words(("lord", "rings"), all=False), year(1999, None, "{]")))),
    ('"dark knight"', None),
    ('"dark knight" batman', Words((Phrase(None, "dark knight"), "batman"), all=False)),
]


@pytest.mark.parametrize(("text", "loose"), LOOSE)
def test_only_bare_words_side_by_side_can_be_loosened(text: str, loose: Node | None) -> None:
    assert loosen(parse(text).tree) == loose


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The Dark Knight", ["Dark", "Knight"]),
        ('title:"dark knight" NOT joker year:2008', ["dark", "knight"]),
        ("knihgt~1 OR drag*", ["knihgt"]),
        ("genres:Fantasy lord^2", ["lord"]),
    ],
)
def test_plain_words_are_those_looked_for_in_texts(text: str, plain: list[str]) -> None:
    assert parse(text).plain_words == plain


PIECES = st.sampled_from(
    [*"()[]{}\"'^~*:?<>\\/+-!&|", " ", " AND ", " OR ", " NOT ", " TO ", *FIELDS, "lord", "1999"]
)
TYPING = st.lists(PIECES | st.text(max_size=4), max_size=40).map("".join)


@given(st.text(max_size=200) | TYPING)
@example("\\")
@example("a^")
@example("a~.")
@example('title:"')
@example("١:٢")
@settings(max_examples=400)
def test_any_text_is_read_and_compiled(text: str) -> None:
    parsed = parse(text)
    ParadeDB().compile(parsed.tree)
    assert parsed.read_as == describe(parsed.tree)


@given(TYPING)
@settings(max_examples=200)
def test_strict_raises_nothing_else(text: str) -> None:
    position = refused_at(text)
    assert position is None or 0 <= position <= len(text)


def refused_at(text: str) -> int | None:
    try:
        parse(text, strict=True)
    except QuerySyntaxError as error:
        return error.position
    return None


def test_what_was_understood_is_understood_again() -> None:
    for text, tree in READINGS:
        if tree == Nothing() or text.startswith("imdb_id:tt"):
            continue
        again = parse(describe(tree))
        assert describe(again.tree) == describe(tree), text


def test_threads_do_not_disturb_each_other() -> None:
    texts = [text for text, _ in READINGS + TYPED] * 5
    alone = [parse(text) for text in texts]
    found: dict[int, list[ParsedQuery]] = {}

    def read(number: int) -> None:
        found[number] = [parse(text) for text in texts]

    run_together([lambda n=n: read(n) for n in range(4)])  # type: ignore[misc]
    assert all(found[number] == alone for number in range(4))


def run_together(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("movies with robots in space", "robots AND space"),
        ("Show me some good films about the war", "war"),
        ("film about", "film AND about"),
        ("scary movie", "scary AND movie"),
        ("Tolkien movies", "Tolkien"),
        ("the movies", "movies"),
        ("LORD AND THE RINGS", "LORD AND RINGS"),
    ],
)
def test_sentences_and_capitals_are_read_by_their_words(text: str, read_as: str) -> None:
    assert parse(text).read_as == read_as
