"""Arguments and options that several commands have."""

import re
from typing import Annotated, Literal

import typer

from palate.contract import PROFILE_PATTERN

LARGEST_SEED = 2**31 - 1


def _check_profile(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(PROFILE_PATTERN, value):
        raise typer.BadParameter("a profile is made of a-z, 0-9, - and _, at most 40 of them.")
    return value


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of everything drawn.")]
Master = Annotated[str, typer.Option(help="Spark's master.")]

UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id, or name.")]
User = Annotated[
    str | None, typer.Option("--user", "-u", metavar="USER", help="Whose taste weighs in.")
]
WhoseTaste = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="USER", help="Whose taste, whomever the words name."),
]
ByRules = Annotated[
    bool, typer.Option("--rules", help="Read by rules, also where a language model is set.")
]
Profile = Annotated[
    str, typer.Option(help="Which of the user's profiles.", callback=_check_profile)
]
AnyProfile = Annotated[
    str | None,
    typer.Option(help="Only this profile; left out: any of the user's.", callback=_check_profile),
]
Film = Annotated[str, typer.Argument(metavar="FILM", help="A movie_id or a title.")]
Words = Annotated[
    Literal["template", "llm"],
    typer.Option(help="llm: the language model words the summary, from its facts only."),
]

# Of `palate search` and `palate k8s search`.
Query = Annotated[
    list[str], typer.Argument(help='Words, "phrases", field:value, AND OR NOT, ranges.')
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Show the parts of each score, and reasons.")
]
