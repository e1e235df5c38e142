"""How often a language model's reasons keep to the facts, measured on the catalog's own films."""

from pathlib import Path

from palate.contract import SearchRequest, Wording
from palate.statements import Statements
from rerank.search import Searcher
from rerank.wording import Worded
from sql.database import Database

_statements = Statements(Path(__file__).parent / "statements" / "faithfulness.sql")

QUERIES = (
    "love", "night", "king", "man", "war", "girl", "house", "life", "dark", "city", "world", "day",
)  # fmt: skip
_PAGE, _USERS = 2, 5


def measure(searcher: Searcher, database: Database, n: int) -> Wording:
    """What becomes of the reasons of ``n`` films: the first two of each query, for each user.

    Users are nobody and the five with the most ratings, in turn. Each page has its own
    PALATE_LLM_REASON_SECONDS. Fewer than ``n`` where the catalog has not as many.
    """
    with database.read() as connection:
        rows = connection.execute(_statements["raters"], {"n": _USERS})
        users: list[int | None] = [None, *(row.user_id for row in rows)]
    texts: list[Worded] = []
    for number in range(len(QUERIES) * len(users)):
        user_id = users[number % len(users)]
        query = QUERIES[(number + number // len(users)) % len(QUERIES)]
        k = min(_PAGE, n - len(texts))
        request = SearchRequest(q=query, user_id=user_id, k=k, explain="llm")
        texts += searcher.writer.word(searcher.search_before_wording(request)[1])
        if len(texts) >= n:
            break
    return searcher.writer.account(texts)
