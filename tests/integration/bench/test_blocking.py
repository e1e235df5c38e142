"""What searches and ratings wait for: measured on clients that never pause."""

from bench.blocking import bench_blocking
from sql.database import Database


def test_no_search_and_no_rating_fails_while_anything_is_made_again(database: Database) -> None:
    said: list[str] = []
    measured = bench_blocking(database, 0.3, said.append)
    assert [one.what for one in measured][:2] == ["nothing", "refresh_search()"]
    assert len(said) == len(measured) == 6
    for one in measured:
        assert one.times > 0
        assert one.searches.milliseconds
        assert one.ratings.milliseconds
        assert one.searches.errors + one.ratings.errors == [], one.what
