"""`palate mcp`: tools for assistants, over standard input and output."""

from typing import Annotated

from typer import Option

from ask.answer import Asker, make_reader
from palate.errors import NotInstalledError
from rerank.search import Searcher
from serve.cli.command import command
from serve.cli.options import User
from serve.cli.session import Session


@command("palate mcp < /dev/null", "palate mcp --user 20001 --write")
def mcp(
    session: Session,
    user: User = None,
    write: Annotated[bool, Option(help="Let assistants rate and note.")] = False,
) -> None:
    """Offer films and tastes to an assistant that speaks MCP, until it hangs up.

    The assistant starts this command itself; docs/mcp.md shows what to write into its settings.
    Over HTTP, `palate serve` offers the same at /mcp.
    """
    try:
        from serve.mcp.stdio import serve
        from serve.mcp.tools import Toolbox
    except ModuleNotFoundError as error:
        raise NotInstalledError(
            "`palate mcp` needs the extra mcp. Nothing was started. Install it: "
            "pip install -e '.[mcp]'."
        ) from error
    with session.database() as database, session.language_model(database) as model:
        searcher = Searcher(database, session.settings, model=model)
        asker = Asker(database, searcher, make_reader(model, session.settings))
        serve(Toolbox(database, searcher, asker, user), write=write)
