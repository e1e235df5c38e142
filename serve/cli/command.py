"""How a command is declared: as a function of what it takes, and of what it works with.

    @command("palate user show 20001", show=_print_user)
    def show(database: Database, user_id: UserId, profile: Profile = "main") -> User:

A ``Session``, a ``Database``, one that is ``Migrated`` and a ``typer.Context`` are handed in; a
dataclass is made of its fields, which are options; ``**asked`` are the options given beside. What
is returned is shown, or printed as JSON with `--json`. The commands of a module are a group, its
``app``, which is made where the module makes none of its own.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from serve.cli.options import Json
from serve.cli.output import examples, present
from serve.cli.session import Session, session
from sql.database import Database

F = TypeVar("F", bound=Callable[..., object])
Migrated = Annotated[Database, "migrated"]
"""A database whose schema is brought up first, where that is ours to do."""

TAKES_ALL = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Settings of a command that hands on what it does not know."""

_MAKERS: tuple[tuple[object, Callable[[typer.Context, ExitStack], object]], ...] = (
    (typer.Context, lambda context, _: context),
    (Session, lambda context, _: session(context)),
    (Database, lambda context, opened: opened.enter_context(session(context).database())),
    (Migrated, lambda context, on: on.enter_context(session(context).database(migrate=True))),
)


def command(
    *shown: str,
    name: str | None = None,
    show: Callable[[Any], object] | None = None,
    nothing: str = "",
    failed: Callable[[Any], bool] = lambda _: False,
    options: Iterable[Parameter] = (),
    **settings: Any,
) -> Callable[[F], F]:
    """Make a command of a function, with examples at the end of its help.

    ``show`` prints what it returns, ``nothing`` is said where that is empty; ``failed`` says
    whether to exit with 1 then; ``settings`` are typer's.
    """

    def add(function: F) -> F:
        taken = _taken_by(function, options)

        def run(context: typer.Context, **typed: Any) -> None:
            json = typed.pop("json") if taken.answers else False
            with ExitStack() as opened:
                found = function(**taken.of(context, opened, typed))
            if taken.answers:
                present(found, show, json=json, nothing=nothing)
                if failed(found):
                    raise typer.Exit(1)

        first = Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context)
        run.__signature__ = inspect.Signature([first, *taken.typed])  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        app = function.__globals__.setdefault("app", typer.Typer(no_args_is_help=True))
        app.command(name, epilog=examples(*shown), **settings)(run)
        return function

    return add


@dataclass(frozen=True)
class _Taken:
    """What a function takes: what is typed, what is made of that, and what is handed in."""

    typed: list[Parameter]
    groups: dict[str, Any]
    handed: dict[str, Callable[[typer.Context, ExitStack], object]]
    answers: bool

    def of(
        self, context: typer.Context, opened: ExitStack, typed: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The function's arguments."""
        given = dict(typed)
        for name, group in self.groups.items():
            given[name] = group(**{each.name: given.pop(each.name) for each in fields(group)})
        return given | {name: make(context, opened) for name, make in self.handed.items()}


def _taken_by(function: Callable[..., object], options: Iterable[Parameter]) -> _Taken:
    hints = get_type_hints(function, include_extras=True)
    taken = _Taken([], {}, {}, hints["return"] is not type(None))
    for each in inspect.signature(function).parameters.values():
        hint = hints[each.name]
        maker = next((make for kind, make in _MAKERS if kind == hint), None)
        if maker is not None:
            taken.handed[each.name] = maker
        elif each.kind is Parameter.VAR_KEYWORD:
            taken.typed.extend(options)
        elif isinstance(hint, type) and is_dataclass(hint):
            taken.groups[each.name] = hint
            taken.typed.extend(inspect.signature(hint).parameters.values())
        else:
            taken.typed.append(each.replace(kind=Parameter.KEYWORD_ONLY, annotation=hint))
    if taken.answers:
        option = Parameter("json", Parameter.KEYWORD_ONLY, default=False, annotation=Json)
        taken.typed.append(option)
    taken.typed[:] = [_declared(each) for each in taken.typed]
    taken.typed.sort(key=lambda each: each.name == "json")
    return taken


def _declared(given: Parameter) -> Parameter:
    """The parameter as typer is told of it; a flag that is off unless typed has no --no-flag."""
    annotation = given.annotation
    if given.default is False:
        said = copy(annotation.__metadata__[0])
        if said.default is ...:  # where the name of an option stands in Annotated
            said.default = f"--{given.name.replace('_', '-')}"
        annotation = Annotated[bool, said]
    return given.replace(kind=Parameter.KEYWORD_ONLY, annotation=annotation)
