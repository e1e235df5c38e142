"""A small prompt for SQL, where psql is not installed; pgcli ends with 0 after a failed statement.

Statements end with a semicolon and may go over several lines; ``\\q`` or Ctrl-D leaves, Ctrl-C
forgets what was typed so far. What was typed is remembered as psql does it, in a file of its own.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import platformdirs
import psycopg

from serve.cli.history import remembered
from serve.cli.output import out, say
from serve.cli.tables import print_table
from serve.cli.text import count, line
from serve.k8s.forward import LOOPBACK
from serve.k8s.release import Login

HISTORY = Path(platformdirs.user_state_path("palate")) / "sql_history"
_WIDEST = 60  # characters of one value that are shown


class Prompt:
    """A connection and what is done with what is typed."""

    def __init__(self, login: Login, port: int) -> None:
        self._login = login
        self._port = port
        self._connection: psycopg.Connection[Any] | None = None

    def run(self, statements: Sequence[str] = ()) -> int:
        """Execute these statements, or, without any, what is typed; 0, or 1 after an error."""
        if not statements and not sys.stdin.isatty():
            statements = [sys.stdin.read()]
        if statements:
            worked = [self.execute(each) for each in statements if each.strip()]
            return 0 if all(worked) else 1
        say(f"There is no psql here; this prompt reads SQL. {self._login.database} as "
            f"{self._login.user}. Statements end with ; and \\q leaves.")  # fmt: skip
        with remembered(HISTORY):
            for statement in self._typed():
                self.execute(statement)
        return 0

    def execute(self, statement: str) -> bool:
        """Execute one statement and print what it gives; whether it worked."""
        try:
            cursor = self._connected().execute(statement.encode())
            while True:
                _print_result(cursor)
                if not cursor.nextset():
                    return True
        except psycopg.Error as error:
            say(f"ERROR: {str(error).strip() or type(error).__name__}")
            return False

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> psycopg.Connection[Any]:
        """The connection, made again if it was lost."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                host=LOOPBACK,
                port=self._port,
                user=self._login.user,
                dbname=self._login.database,
                password=self._login.password,
                options=f"-c role={self._login.role}" if self._login.role else "",
                application_name="palate k8s psql",
                autocommit=True,
            )
        return self._connection

    def _typed(self) -> Iterator[str]:
        """Statements as they are finished."""
        lines: list[str] = []
        while True:
            mark = "-> " if lines else "=> "
            try:
                typed = input(f"{self._login.database}{mark}")
            except EOFError:
                say("")
                return
            except KeyboardInterrupt:
                say("")
                lines.clear()
                continue
            if not lines and typed.strip() in ("\\q", "quit", "exit"):
                return
            if typed.strip() or lines:
                lines.append(typed)
            if typed.rstrip().endswith(";"):
                yield "\n".join(lines)
                lines.clear()


def _print_result(cursor: psycopg.Cursor[Any]) -> None:
    if cursor.description is None:
        out().print(cursor.statusmessage or "")
        return
    rows = cursor.fetchall()
    print_table(
        rows,
        *(
            (each.name, lambda row, i=i: _shorten(row[i]))
            for i, each in enumerate(cursor.description)
        ),
    )
    out().print(f"({count(len(rows), 'row')})")


def _shorten(value: object) -> str:
    text = "" if value is None else line(str(value))
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
