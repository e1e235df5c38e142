"""What became of an answer's films: seen, clicked, played; and the ids that name answers."""

import json
import secrets
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ValidationError

from palate.contract import Feedback, FeedbackReport, RefusedLine
from palate.statements import Statements
from palate.text import first_wrong
from sql.database import Database
from sql.faults import again

_statements = Statements.beside(__file__, "feedback")

MOST_LINES = 1000
"""Lines of feedback of one call."""


def make_answer_id(what: Literal["search", "recommend"], ranking: str) -> str:
    """An id that says what answered and by which ranking, so that nothing of it need be kept.

    >>> make_answer_id("search", "learned").split(".")[:2]
    ['search', 'learned']
    """
    return f"{what}.{ranking}.{secrets.token_urlsafe(12)}"


@again
def add_feedback(database: Database, lines: Sequence[Any]) -> FeedbackReport:
    """Keep what is said of answers; a line that is wrong is refused by itself."""
    sound: dict[int, dict[str, Any]] = {}
    refused = []
    for number, line in enumerate(lines, 1):
        try:
            read = Feedback.model_validate(line)
        except ValidationError as error:
            refused.append(RefusedLine(line=number, reason=first_wrong(error)))
            continue
        user = None if read.user_id is None else str(read.user_id)
        sound[number] = read.model_dump(mode="json") | {"user_id": user}
    with database.begin() as connection:
        values = {"feedback": json.dumps([*sound.values()])}
        unknown = set(connection.execute(_statements["unknown"], values).scalars())
        for number in [n for n, line in sound.items() if str(line["movie_id"]) in unknown]:
            reason = f"film {sound.pop(number)['movie_id']} is unknown"
            refused.append(RefusedLine(line=number, reason=reason))
        values = {"feedback": json.dumps([*sound.values()])}
        accepted: int = connection.execute(_statements["add"], values).scalar_one()
    known = len(sound) - accepted
    refused.sort(key=lambda each: each.line)
    return FeedbackReport(accepted=accepted, known=known, refused=tuple(refused))
