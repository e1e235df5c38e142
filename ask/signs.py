"""What speaks for a mood and for an audience, where films are not said to have it."""

from typing import NamedTuple

from ask.structure import Mood


class Signs(NamedTuple):
    """What speaks for a mood: genres, words of keywords and overviews, a sentiment."""

    genres: tuple[str, ...]
    words: str
    sentiment: str | None = None


SIGNS: dict[Mood, Signs] = {
    "dark": Signs(
        ("Crime", "Film-Noir", "Horror", "Thriller"),
        "dark murder murderer killer revenge dystopia mafia vampire devil",
        "negative",
    ),
    "funny": Signs(("Comedy",), "comedy parody satire spoof slapstick hilarious"),
    "feel-good": Signs(
        ("Animation", "Children", "Comedy", "Musical", "Romance"),
        "friendship family wedding christmas heartwarming",
        "positive",
    ),
    "scary": Signs(("Horror",), "ghost zombie vampire monster haunted demon devil werewolf"),
    "romantic": Signs(("Romance",), "love romance wedding marriage"),
    "sad": Signs((), "tragedy tragic death dying grief loss illness cancer", "negative"),
    "tense": Signs(("Mystery", "Thriller"), "suspense hostage chase conspiracy heist spy"),
    "thoughtful": Signs(
        ("Documentary", "Mystery", "Sci-Fi"), "philosophy memory dream identity artificial virtual"
    ),
    "epic": Signs(("Adventure", "History", "War"), "epic battle empire legend ancient kingdom"),
}  # fmt: skip
"""A mood is any of its signs; the more of them a film shows, the higher it scores."""

AUDIENCES: dict[str, Signs] = {
    "kids": Signs(("Animation", "Children"), "children toy"),
    "families": Signs(("Animation", "Children"), "family children"),
    "teens": Signs(("Superhero",), "teenager teen school"),
}
"""Signs that a film is for an audience where films have no target audience."""
