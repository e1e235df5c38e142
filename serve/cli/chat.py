"""`palate chat`: talk about films, message after message or just one."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from typer import Argument

from ask.answer import open_asker
from palate.errors import PalateError
from rerank.people import find_taste
from serve.chat import COMMANDS, Chat, ChatReply
from serve.cli.command import command
from serve.cli.history import remembered
from serve.cli.options import ByRules, Json, WhoseTaste
from serve.cli.output import out, print_json, say, warn
from serve.cli.session import Session
from serve.cli.text import line
from sql.database import Database

_HELP = {**COMMANDS, "/user ann": "whose taste; alone: nobody's", "/quit": "the end"}


@command(
    "palate chat dark thrillers from the nineties",
    "palate chat 'would user 20001 like Shrek?' --json",
    "printf 'funny films\\n/not 2\\n/why 1\\n' | palate chat --user 20001",
)
def chat(
    session: Session,
    message: Annotated[
        list[str] | None, Argument(help="What you say; left out: talk until /quit.")
    ] = None,
    user: WhoseTaste = None,
    rules: ByRules = False,
    json: Json = False,
) -> None:
    """Talk about films: each message goes on from the one before, "without the second", "why 3".

    Sentences are made of what the catalog holds; a language model, where one is set, only reads
    what is wanted. In a talk: /why 3, /more, /not 2, /user ann, /help, /quit.
    """
    with (
        session.database() as database,
        open_asker(database, session.settings, model=not rules) as asker,
    ):
        whose = find_taste(database, user)
        if message:
            reply = Chat(database, asker).reply(" ".join(message), whose, rules=rules)
            _show(reply, json=json)
        else:
            typed = _messages(session.settings.data_dir / "chat-history")
            _talk(database, Chat(database, asker), typed, whose, rules=rules, json=json)


def _talk(
    database: Database,
    talk: Chat,
    messages: Iterator[str],
    whose: int | None,
    *,
    rules: bool,
    json: bool,
) -> None:
    after: str | None = None
    for said in messages:
        try:
            if said.split()[0] == "/user":
                who = said.removeprefix("/user").strip()
                whose = find_taste(database, who or None)
                say(f"The next answers are to the taste of {line(who) or 'nobody'}.")
            elif said == "/help":
                say("\n".join(f"{name:10} {does}" for name, does in _HELP.items()))
            else:
                reply = talk.reply(said, whose, after=after, rules=rules)
                after = reply.conversation
                _show(reply, json=json)
        except PalateError as error:
            warn(str(error))


def _show(reply: ChatReply, *, json: bool) -> None:
    if json:
        print_json(reply)
        return
    for sentence in reply.text:
        out().print(line(sentence), soft_wrap=True, markup=False, highlight=False)


def _messages(history: Path) -> Iterator[str]:
    """What is typed, until /quit or the end; at a terminal with what was typed before."""
    with remembered(history) if sys.stdin.isatty() else nullcontext():
        while True:
            try:
                said = input("> " if sys.stdin.isatty() else "").strip()
            except EOFError:
                return
            if said in ("/quit", "/exit"):
                return
            if said:
                yield said
