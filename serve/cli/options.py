"""Arguments and options that several commands have."""

import re
from typing import Annotated, Literal

import typer

from palate import contract
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
Profile = Annotated[
    str, typer.Option(help="Which of the user's profiles.", callback=_check_profile)
]
AnyProfile = Annotated[
    str | None,
    typer.Option(help="Only this profile; left out: any of the user's.", callback=_check_profile),
]
Film = Annotated[str, typer.Argument(metavar="FILM", help="A movie_id or a title.")]
Shown = Annotated[int, typer.Option("--k", "-k", min=1, help="Films to show.")]
Rerank = Annotated[
    Literal["none", "llm", "small"],
    typer.Option(help="Judge the first 40 again: by the language model, or a small local one."),
]
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
Weights = Annotated[
    str | None, typer.Option(metavar="NAME:W,...", help="Weights of the blend for this search.")
]
Mode = Annotated[contract.Mode, typer.Option(help="What finds the candidates.")]
Sort = Annotated[
    contract.Sort | None, typer.Option(help="Order all that match by this, not by words and taste.")
]
Direction = Annotated[
    contract.Direction | None, typer.Option(help="Of --sort; titles rise, figures fall.")
]
Seen = Annotated[contract.Seen, typer.Option(help="What to do with films the user rated.")]
Genre = Annotated[list[str] | None, typer.Option(help="Only films of this genre. Repeat for more.")]
YearFrom = Annotated[int | None, typer.Option(help="Only films of this year or later.")]
YearTo = Annotated[int | None, typer.Option(help="Only films of this year or before.")]
Filters = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="QUERY", help="Only films that match: field:value. Repeat."),
]
Facets = Annotated[
    bool, typer.Option("--facets", help="Count all matches by genre, decade and your own fields.")
]
