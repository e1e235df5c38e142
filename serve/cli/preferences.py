"""`palate preferences`: what a user likes, summed up."""

from collections.abc import Sequence

from ask.preferences import Preferences, Trait, find_preferences
from serve.cli.command import command
from serve.cli.options import Profile, UserId, Words
from serve.cli.output import out, print_sentences
from serve.cli.session import Session, user_of
from serve.cli.summaries import word_summary
from serve.cli.tables import print_table
from serve.cli.text import count
from sql.database import Database

_TRAITS = 8
_STARS = 20
_KINDS = ("genres", "decades", "directors", "actors", "budgets", "sentiments", "audiences")


def print_preferences(found: Preferences) -> None:
    """Preferences: sentences, the distribution, then a table a kind."""
    print_sentences(found.summary)
    out().print()
    most = max(found.distribution.values())
    print_table(
        found.distribution.items(),
        ("stars>", lambda each: each[0]),
        ("ratings>", lambda each: each[1]),
        ("", lambda each: "█" * max(1, round(each[1] / most * _STARS))),
    )
    for kind in _KINDS:
        _print_traits(kind, getattr(found, kind))
    if found.effectiveness is not None:
        e = found.effectiveness
        out().print(
            f"\nratings and effectiveness correlate at {e.r:+.2f} ({e.low:+.2f} to {e.high:+.2f}, "
            f"{count(e.n, 'film')})"
        )


def _print_traits(kind: str, traits: Sequence[Trait]) -> None:
    if not traits:
        return
    out().print()
    columns = (f"{kind}=name", "n>", "mean>:.2f", "crowd>:.2f", "differs>=shrunken:+.2f")
    print_table(traits[:_TRAITS], *columns)
    if len(traits) > _TRAITS:
        out().print(f"and {len(traits) - _TRAITS} more")


@command("palate preferences 20001", "palate preferences 1 --json", show=print_preferences)
def preferences(
    session: Session,
    database: Database,
    user_id: UserId,
    profile: Profile = "main",
    words: Words = "template",
) -> Preferences:
    """Sum up what a user likes: genres, decades, people, money, against what the crowd gives."""
    found = find_preferences(database, user_of(database, user_id), profile)
    return word_summary(found, words, session, database)
