"""The OpenAPI document, docs/api.md and the server say the same; schemathesis tries to tell."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from pydantic import BaseModel, TypeAdapter, ValidationError
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from starlette.testclient import TestClient

from ask.answer import AskAnswer
from ask.compare import Comparison
from ask.prediction import Prediction
from ask.preferences import Preferences
from palate.contract import (
    EventReport,
    Forgotten,
    History,
    MovieId,
    Rating,
    Recommendations,
    Rules,
    SearchResponse,
    User,
)
from palate.errors import (
    DatabaseUnavailableError,
    MisuseError,
    NotFoundError,
    NotInstalledError,
    PalateError,
    QuerySyntaxError,
    SchemaError,
)
from palate.settings import Settings
from serve.api.keys import create_key
from serve.api.openapi import EXAMPLES, PROPERTIES
from serve.api.problems import Problem, RequestError, problem_type
from serve.api.routes import LINES
from serve.api.search import Suggestions
from serve.api.users import Ratings
from sql.database import Database
from tests.integration.serve.apis import client_of, load_films, running

PATIENCE = 120.0  # seconds, on a machine that is busy with other tests
DOCS = Path(__file__).parents[3] / "docs" / "api.md"
MODELS: dict[str, type[BaseModel]] = {
    "search": SearchResponse,
    "suggest": Suggestions,
    "rules": Rules,
    "put_rules": Rules,
    "user": User,
    "ratings": Ratings,
    "rating": Rating,
    "rate": Rating,
    "forget": Forgotten,
    "add_events": EventReport,
    "list_events": History,
    "ask": AskAnswer,
    "predict": Prediction,
    "compare": Comparison,
    "preferences": Preferences,
    "recommend": Recommendations,
}


# A random cursor is well-formed and still refused; so are a strict query, a structure that asks
# for a prediction and names no user, and the same film twice.
REFUSED_BY_MEANING = {
    "GET /v1/search",
    "GET /v1/search/stream",
    "GET /v1/ask",
    "POST /v1/ask",
    "GET /v1/predict",
    "GET /v1/compare",
    "PUT /v1/rules",
    "GET /v1/movies",
    "PUT /v1/movies/{movie_id}",
    "PATCH /v1/movies/{movie_id}",
    "GET /v1/users/{user_id}/events",
    "GET /v1/recommend",
    "POST /v1/recommend",
    "GET /v1/debug/recommend",
    "POST /v1/chat",
    "POST /v1/tokens",
    "POST /v1/instantsearch",
}


# What is wrong with one event refuses that event, and the answer says so: 200.
REFUSED_LINE_BY_LINE = {
    "POST /v1/users/{user_id}/events",
    "POST /v1/feedback",
    "POST /v1/instantsearch/events",
    "POST /v1/multi-search",
    "POST /v1/movies/bulk",
    "POST /v1/ratings/bulk",
}


@schemathesis.serializer(LINES)
def one_line(_: object, value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def client(database: Database, settings: Settings) -> Iterator[TestClient]:
    load_films(database)
    with client_of(database, settings) as client:
        yield client


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    made: dict[str, Any] = client.get("/openapi.json").json()
    return made


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_is_described_with_its_problems(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], where
        for parameter in operation.get("parameters", []):
            assert parameter["description"], f"{where} {parameter['name']}"
            assert "null" not in json.dumps(parameter["schema"]), f"{where} {parameter['name']}"


def test_every_property_is_described_and_every_number_bounded(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    silent, boundless = [], []
    for model, schema in schemas.items():
        for name, of in schema.get("properties", {}).items():
            text = json.dumps({key: of[key] for key in of if key not in ("default", "description")})
            if not of.get("description"):
                silent.append(f"{model}.{name}")
            elif re.search('"type": "(number|integer)"', text) and not re.search(
                r'"(exclusiveM|m)(in|ax)imum"|\d|any number', text + of["description"]
            ):
                boundless.append(f"{model}.{name}")
    assert silent == []
    assert boundless == []
    for model, told in PROPERTIES.items():
        known = schemas[model]["properties"] if model != "*" else told
        assert set(told) <= set(known), f"properties.json tells of what {model} does not have"


def test_limits_are_this_servers(document: dict[str, Any], settings: Settings) -> None:
    parameters = document["paths"]["/v1/search"]["get"]["parameters"]
    maxima = {p["name"]: p["schema"].get("maximum") for p in parameters}
    assert maxima["k"] == settings.max_k
    assert maxima["candidates"] == settings.max_candidates


@pytest.mark.parametrize("operation", MODELS)
def test_examples_are_what_the_models_say(operation: str) -> None:
    example = EXAMPLES["responses"][operation]
    model = MODELS[operation].model_validate(example)
    assert model.model_dump(mode="json") == example


def test_problem_examples_are_problems() -> None:
    assert set(EXAMPLES["responses"]) == set(MODELS)
    for status, example in EXAMPLES["problems"].items():
        assert Problem.model_validate(example).status == int(status)


def test_the_docs_name_every_route_parameter_and_cause(document: dict[str, Any]) -> None:
    text = DOCS.read_text()
    for path, _, operation in operations(document):
        pattern = re.sub(r"\{\w+\}", r"\\d+", path)
        assert re.search(pattern, text), path
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                assert re.search(rf"[`?&]{parameter['name']}[`=]", text), parameter["name"]
    for cause in causes():
        assert f"`{problem_type(cause.title).rpartition(':')[2]}`" in text, cause


def causes() -> Iterator[type[PalateError]]:
    """The errors that a request can meet."""
    yield from (MisuseError, QuerySyntaxError, NotFoundError, NotInstalledError)
    yield from (DatabaseUnavailableError, SchemaError)
    yield from RequestError.__subclasses__()


def test_the_docs_name_every_metric(client: TestClient) -> None:
    client.get("/v1/search", params={"q": "lord"})
    text = DOCS.read_text()
    served = client.get("/metrics").text
    for name in re.findall(r"^# TYPE (palate_\w+) (?!.*created)", served, re.MULTILINE):
        if not name.endswith("_created"):
            assert f"`{name}`" in text, name


@pytest.mark.parametrize(
    ("mode", "keyed"),
    [(GenerationMode.POSITIVE, True), (GenerationMode.NEGATIVE, True),
     (GenerationMode.POSITIVE, False)],
)  # fmt: skip
def test_schemathesis_finds_nothing(
    database: Database, settings: Settings, tmp_path: Path, mode: GenerationMode, keyed: bool
) -> None:
    load_films(database)
    settings, headers = settings.model_copy(), {}
    if keyed:
        secret, key = create_key("schemathesis", "admin")
        path = tmp_path / "keys"
        path.write_text(key.line)
        settings.api_keys_file = path
        headers = {"Authorization": f"Bearer {secret}"}
    with running(database, settings) as url:
        document = httpx.get(f"{url}/openapi.json").json()
        leave_out_the_encoder(document)
        schema = schemathesis.openapi.from_dict(document)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            attempt(found.ok(), mode, url, headers)


def leave_out_the_encoder(document: dict[str, Any]) -> None:
    """It is optional, and takes longer to load than schemathesis waits."""
    for _, _, operation in operations(document):
        kept = [p for p in operation.get("parameters", []) if p["name"] != "mode"]
        for parameter in kept:
            if parameter["name"] == "rerank":
                parameter["schema"]["enum"].remove("small")
        operation["parameters"] = kept
    del document["components"]["schemas"]["Searches"]["properties"]["searches"]["items"][
        "properties"
    ]["mode"]


def names_a_film(case: Any) -> bool:
    """Whether all that is wrong is an id that is right once it is written out, as a list is."""
    wrong = {at for at, part in case.meta.components.items() if part.mode.is_negative}
    written = unquote(str((case.path_parameters or {}).get("movie_id", "")))
    try:
        TypeAdapter(MovieId).validate_python(written)
    except ValidationError:
        return False
    # The key's header is set behind schemathesis.
    return wrong <= {ParameterLocation.PATH, ParameterLocation.HEADER}


def attempt(operation: Any, mode: GenerationMode, url: str, headers: dict[str, str]) -> None:
    """Send a bounded, repeatable number of valid or invalid requests to one operation."""
    excluded: list[Any] = []
    if operation.label in REFUSED_BY_MEANING:
        excluded.append(positive_data_acceptance)
    if operation.label in REFUSED_LINE_BY_LINE:
        excluded.append(negative_data_rejection)

    @hypothesis_settings(
        max_examples=15, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        response = case.call(base_url=url, headers=headers, timeout=PATIENCE)
        if response.status_code in (
            httpx.codes.REQUEST_ENTITY_TOO_LARGE,
            httpx.codes.REQUEST_URI_TOO_LONG,
            httpx.codes.REQUEST_HEADER_FIELDS_TOO_LARGE,
        ):
            return  # refused before it was read, be it valid or not
        passed_over = [negative_data_rejection] if names_a_film(case) else []
        case.validate_response(response, excluded_checks=[*excluded, *passed_over])

    try:
        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, f"nothing valid fits {operation.label}"
