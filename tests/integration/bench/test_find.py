"""palate bench find on the sample: the film that is meant is the first one."""

from bench.find import bench_find
from bench.typed import FORMS, Film, normal
from sql.database import Database

TITLES = 10


def test_typed_titles_find_their_films(sample_database: Database) -> None:
    report = bench_find(sample_database, titles=TITLES, users=2, seed=1)
    assert {found.form for found in report.nobody} == set(FORMS)
    missed = {
        found.form: found.misses
        for found in (*report.nobody, *report.somebody)
        if found.first < found.searches
    }
    assert missed == {}
    assert sum(found.searches for found in report.nobody) > 250
    assert sum(found.wrong_suggestions for found in (*report.nobody, *report.somebody)) == 0
    assert report.users == 4


def test_the_same_seed_types_the_same(sample_database: Database) -> None:
    reports = [
        bench_find(sample_database, titles=5, users=0, seed=7, forms=("wrong letter",))
        for _ in range(2)
    ]
    assert reports[0].nobody == reports[1].nobody


def test_a_form_is_not_the_title_itself() -> None:
    import random

    film = Film(1, "The Spider-Man's R.I.P.D. Two: Café & Straße", (), 2002)
    for name, form in FORMS.items():
        text = form(film, random.Random(1))
        assert text is None or name in ("as it stands", "signs") or text != film.title, name
    assert normal("The Café!") == normal("cafe")
