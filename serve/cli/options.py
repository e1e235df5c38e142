"""Arguments and options that several commands have."""

import re
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from palate.contract import PROFILE_PATTERN

LARGEST_SEED = 2**31 - 1


def _check_profile(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(PROFILE_PATTERN, value):
        raise typer.BadParameter("a profile is made of a-z, 0-9, - and _, at most 40 of them.")
    return value


Json = Annotated[bool, Option("--json", help="Print JSON instead of text.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]
Seed = Annotated[int, Option(min=0, max=LARGEST_SEED, help="Seed of everything drawn.")]
Limit = Annotated[int, Option(min=1, max=100_000, help="Most to show.")]
Master = Annotated[str, Option(help="Spark's master.")]

UserId = Annotated[str, Argument(metavar="USER", help="The user's id, or name.")]
User = Annotated[str | None, Option("--user", "-u", metavar="USER", help="Whose taste weighs in.")]
WhoseTaste = Annotated[
    str | None,
    Option("--user", "-u", metavar="USER", help="Whose taste, whomever the words name."),
]
ByRules = Annotated[
    bool, Option("--rules", help="Read by rules, also where a language model is set.")
]
Profile = Annotated[str, Option(help="Which of the user's profiles.", callback=_check_profile)]
AnyProfile = Annotated[
    str | None,
    Option(help="Only this profile; left out: any of the user's.", callback=_check_profile),
]
Film = Annotated[str, Argument(metavar="FILM", help="A movie_id or a title.")]
Words = Annotated[
    Literal["template", "llm"],
    Option(help="llm: the language model words the summary, from its facts only."),
]

# Of `palate search` and `palate k8s search`.
Query = Annotated[list[str], Argument(help='Words, "phrases", field:value, AND OR NOT, ranges.')]
Explain = Annotated[bool, Option("--explain", help="Show the parts of each score, and reasons.")]
