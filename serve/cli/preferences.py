"""`palate preferences`: what a user likes, summed up."""

from collections.abc import Sequence

import typer

from ask.preferences import Preferences, Trait, find_preferences
from serve.cli.options import Json, Profile, UserId, Words
from serve.cli.output import examples, out, present, print_sentences
from serve.cli.session import session, user_of
from serve.cli.tables import print_table
from serve.cli.text import count, number

app = typer.Typer()
_TRAITS = 8
_STARS = 20
_KINDS = ("genres", "decades", "directors", "actors", "budgets", "sentiments", "audiences")


@app.command(epilog=examples("palate preferences 20001", "palate preferences 1 --json"))
def preferences(
    context: typer.Context,
    user_id: UserId,
    profile: Profile = "main",
    words: Words = "template",
    json: Json = False,
) -> None:
    """Sum up what a user likes: genres, decades, people, money, against what the crowd gives."""
    with session(context).database() as database:
        found = find_preferences(database, user_of(database, user_id), profile)
        if words == "llm":
            from serve.cli.summaries import word_summary  # slow, and rarely wanted

            found = word_summary(found, session(context), database)
    present(found, print_preferences, json=json)


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
    print_table(
        traits[:_TRAITS],
        (kind, lambda each: each.name),
        ("n>", lambda each: each.n),
        ("mean>", lambda each: number(each.mean)),
        ("crowd>", lambda each: number(each.crowd)),
        ("differs>", lambda each: f"{each.shrunken:+.2f}"),
    )
    if len(traits) > _TRAITS:
        out().print(f"and {len(traits) - _TRAITS} more")
