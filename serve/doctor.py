"""What is wrong with an installation, and what to do about each thing."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy
from sqlalchemy import Row, RowMapping

from llm.check import look_at_model
from palate.errors import MisuseError, PalateError
from palate.settings import Settings, misspelt
from palate.statements import Statements
from rerank.business import RulesFile
from rerank.learned import unusable
from sql.database import Database
from sql.migrate import check_schema
from sql.room import installed_in, lacking
from sql.syntax import All

_statements = Statements.beside(__file__, "doctor")

_OLDEST_SERVER = 150000
_LEAST_FREE = 1 << 30
_CLOSER = re.compile("[; ]+`palate doctor` looks closer")  # which this is

_REBUILD = {
    "postgres": "Rebuild it: SELECT refresh_search();",
    "paradedb": "Rebuild it: REINDEX INDEX CONCURRENTLY movies_search; or, where it is gone, make "
    "it as docs/sql.md shows.",
}

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``advice`` says what to do unless the status is ok."""

    name: str
    status: Status
    detail: str
    advice: str = ""


def run_checks(database: Database, settings: Settings) -> list[Check]:
    """Look at everything; what cannot be looked at because of an earlier failure is left out."""
    checks = [
        Check("settings", "warn", f"{name} is no setting", f"Is {meant} meant?")
        for name, meant in sorted(misspelt(os.environ).items())
    ]
    checks += _look_at_rules(settings)
    for look in _NAMES:
        try:
            checks.extend(look(database))
        except PalateError as error:
            checks.append(Check(_NAMES[look], "fail", _CLOSER.sub("", str(error))))
        except sqlalchemy.exc.DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            checks.append(Check(_NAMES[look], "fail", reason, "Run `palate db migrate`."))
        if any(check.status == "fail" for check in checks):
            break
    checks.extend(_look_at_disk(database, settings))
    good, found, advice = look_at_model(settings)
    checks.append(_judge("language model", good, found, advice))
    return checks


def look_at_order(database: Database) -> Iterator[Check]:
    """Say it where the active learned order cannot be used."""
    with database.read() as connection:
        why = unusable(connection)
    if why:
        yield Check(
            "learned order",
            "warn",
            f"the active one cannot be used: {why}. Searches are ordered by the blend",
            "Run `palate train`, or `palate models off order`.",
        )


def _look_at_rules(settings: Settings) -> Iterator[Check]:
    if settings.rules_file is None:
        return
    try:
        found = RulesFile(settings.rules_file).current()
    except MisuseError as error:
        advice = "A server goes on with the rules it read last. Correct the file."
        yield Check("rules file", "warn", str(error), advice)
    else:
        yield Check("rules file", "ok", f"{len(found.rules)} rules in {settings.rules_file}")


def _look_at_server(database: Database) -> Iterator[Check]:
    with database.read() as connection:
        server = connection.execute(_statements["server"]).mappings().one()
    old = server["version_number"] < _OLDEST_SERVER
    kind = "embedded" if database.server else "yours"
    yield _judge(
        "server",
        not old,
        f"PostgreSQL {server['version']} ({kind}), as {server['role']}, "
        f"{server['database_size'] / 1e6:,.0f} MB",
        "Palate needs PostgreSQL 15 or newer.",
        "fail",
    )
    yield from _look_at_planner(server)


def _look_at_planner(server: RowMapping) -> Iterator[Check]:
    costs = server["random_page_cost"]
    yield _judge(
        "planner",
        costs <= 2,
        f"random_page_cost {costs:g}, shared_buffers {server['shared_buffers'] / 1e6:,.0f} MB",
        "On solid-state disks set random_page_cost to 1.1: the default makes PostgreSQL avoid "
        "indexes.",
    )
    yield _judge(
        "jit",
        not server["jit"],
        f"{'on' if server['jit'] else 'off'} for whoever connects",
        "Compiling a search takes longer than running it, and search() is large enough for it. "
        "Palate's own connections switch it off; for psql: "
        f"ALTER DATABASE {server['database']} SET jit = off;",
    )


def _look_at_extensions(database: Database) -> Iterator[Check]:
    with database.read() as connection:
        found = {row.name: row for row in connection.execute(_statements["extensions"])}
        preload = connection.execute(_statements["server"]).mappings().one()["preload"]
    vector = found.get("vector")
    there = f"vector {vector.installed_version or 'not created yet'}" if vector else "not available"
    yield _judge("pgvector", bool(vector), there, "Install pgvector on the server.", "fail")
    if vector and vector.barred:
        yield Check(
            "vector",
            "fail",
            f"{vector.role} may not use the schema {vector.schema}, which vector is in",
            f"Let its owner run: GRANT USAGE ON SCHEMA {vector.schema} TO {vector.role};",
        )
    yield _look_at_engine(database, found.get("pg_search"), preload)


def _look_at_engine(database: Database, pg_search: Row[Any] | None, preload: str | None) -> Check:
    engine = database.search_engine
    if pg_search is None:
        return Check("engine", "ok", f"{engine.name}: BM25 in plain SQL")
    if engine.name == "postgres":
        advice = "Unset PALATE_ENGINE, and preload pg_search, to use ParadeDB's BM25."
        return Check("engine", "warn", "postgres, though pg_search is there", advice)
    if preload is not None and "pg_search" not in preload:
        advice = "Put pg_search into shared_preload_libraries and restart the server."
        return Check("engine", "fail", "pg_search is there, but not preloaded", advice)
    with database.read() as connection:
        lacks = engine.lacks(connection)
    version = f"paradedb: pg_search {pg_search.installed_version}"
    advice = "Everything works; pg_search 0.24 or newer is better."
    return _judge("engine", not lacks, "; ".join([version, *lacks]), advice)


def _look_at_schema(database: Database) -> Iterator[Check]:
    with database.read() as connection:
        place = installed_in(connection, database.schema)
        psql = connection.execute(_statements["psql"], {"schema": database.schema}).one()
        lacks = lacking(connection, database.schema)
    if place not in (None, database.schema):
        yield Check(
            "schema",
            "fail",
            f"in {place}, from before Palate had one of its own",
            f"Run `palate db migrate`, which moves it to {database.schema} with its data, or set "
            f"PALATE_SCHEMA={place} to leave it there.",
        )
        return
    check_schema(database)
    yield Check("schema", "ok", f"{place}, as this Palate expects")
    yield _judge(
        "psql",
        psql.found,
        f"{psql.role} {'finds' if psql.found else 'does not find'} search() by its name alone",
        f"At psql: ALTER ROLE {psql.role} IN DATABASE {psql.database} "
        f"SET search_path = {psql.path};",
    )
    if lacks:
        yield Check("roles", "warn", "not everybody finds search()", " ".join(lacks))


def _look_at_data(database: Database) -> Iterator[Check]:
    engine = database.search_engine
    everything = json.dumps(engine.compile(All()).query)
    with database.read() as connection:
        counts = connection.execute(_statements["counts"]).mappings().one()
        indexed = connection.execute(_statements["indexed"], {"everything": everything}).scalar()
        missing, faults = engine.missing(connection), engine.faults(connection)
    movies = counts["movies"]
    yield _judge(
        "data",
        bool(movies),
        f"{movies:,} films, {counts['ratings']:,} ratings, {counts['profiles']:,} profiles, "
        f"source {counts['source'] or 'none'}",
        "Run `palate ingest sample`, or `palate demo`.",
    )
    yield _judge(
        "search index",
        indexed == movies and not missing and not faults,
        "; ".join([f"{indexed:,} of {movies:,} films", *faults]),
        _REBUILD[engine.name],
    )
    yield _judge(
        "vectors",
        counts["without_vector"] == 0,
        f"{movies - counts['without_vector']:,} of {movies:,} films "
        f"({counts['embedding_model'] or 'no model'})",
        "Run `palate embed generate FILE` and `palate ingest embeddings FILE`.",
    )
    yield _judge(
        "statistics",
        counts["stats_movies"] == movies
        and counts["counted_ratings"] == counts["stats_ratings"] == counts["copied_ratings"]
        and not counts["otherwise_popular"],
        f"{counts['stats_ratings']:,} of {counts['counted_ratings']:,} ratings counted, of "
        f"{counts['stats_movies']:,} of {movies:,} films",
        "Run `palate db refresh`: popularity and avg_rating are of other ratings or films.",
    )


def _judge(
    name: str, good: bool, detail: str, advice: str, bad: Literal["warn", "fail"] = "warn"
) -> Check:
    return Check(name, "ok" if good else bad, detail, "" if good else advice)


def _look_at_disk(database: Database, settings: Settings) -> Iterator[Check]:
    if database.server is None:
        return
    free = shutil.disk_usage(database.server.home).free
    yield _judge(
        "disk",
        free >= _LEAST_FREE,
        f"{free / 1e9:,.1f} GB free at {settings.data_dir}",
        "Make room, or move PALATE_DATA_DIR: PostgreSQL stops when the disk is full.",
    )


_NAMES: dict[Callable[[Database], Iterator[Check]], str] = {
    _look_at_server: "server",
    _look_at_extensions: "extensions",
    _look_at_schema: "schema",
    _look_at_data: "data",
    look_at_order: "learned order",
}
