"""What the documentation repeats is what the code says, and what it points to is there."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "palate", "llm", "sql", "ingest", "search", "rerank", "learn", "evaluate", "ask", "serve",
    "bench", "test_users", "samples",
)  # fmt: skip
_FOLDERS = (*ROOMS, "docs", "docker", "helm", "k8s", "notebooks", "tests")

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(
    rf"(?<![\w/.-])(?:{'|'.join(_FOLDERS)})/[\w./-]+\.(?:py|sql|md|jsonl?|yaml|csv)\b"
)
_MODULE = re.compile(rf"`((?:{'|'.join(ROOMS[1:])})(?:\.[a-z_]+)+)(?:\.[A-Z]\w*)?`")
_NAMED = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|sql))`((?:,? `[A-Za-z_][\w.]*`)+)")
_SUFFIXES = (".md", ".py", ".sql", ".toml", ".yaml", ".tpl", "Makefile", "Dockerfile", ".example")


@cache
def files() -> tuple[Path, ...]:
    """Every file of the project."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("the project is no git checkout here")
    return tuple(path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file())


def pages() -> list[Path]:
    """Every page of documentation."""
    return [path for path in files() if path.suffix == ".md" and "prompts" not in path.parts]


@cache
def anchors(page: Path) -> frozenset[str]:
    """What can follow ``#`` in a link to a page, as GitHub makes it of headings."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(text)
    )


def is_there(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages()
        for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
        if not re.match(r"[a-z]+:", link) and not is_there(page, link)
    ]
    assert not broken


def test_every_page_is_on_a_shelf() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve()
              for link in _LINK.findall(index.read_text(encoding="utf-8"))}  # fmt: skip
    there = {path for path in pages() if path.parent == index.parent} - {index}
    assert there <= linked


def test_every_path_that_docs_and_comments_name_is_there() -> None:
    gone = [
        f"{path.relative_to(ROOT)}: {named}"
        for path in files()
        if path.name.endswith(_SUFFIXES)
        for named in _PATH.findall(path.read_text(encoding="utf-8"))
        if not any((folder / named).exists() for folder in (ROOT, *path.parents))
    ]
    assert not gone


def test_every_module_that_docs_and_comments_name_is_there() -> None:
    gone = [
        f"{path.relative_to(ROOT)}: {named}"
        for path in files()
        if path.suffix in {".md", ".py", ".sql"} and "helm" not in path.parts  # llm.url: a value
        for named in _MODULE.findall(path.read_text(encoding="utf-8"))
        if not is_module(named.split("."))
    ]
    assert not gone


def is_module(parts: list[str]) -> bool:
    """A module or package, or a name defined in one."""
    place = ROOT.joinpath(*parts)
    if place.is_dir() or place.with_suffix(".py").is_file():
        return True
    home = place.parent.with_suffix(".py")
    return home.is_file() and parts[-1] in defined(home)


def named_places() -> Iterator[tuple[str, str, str]]:
    """(page, path, name) of every name that a page gives behind the path of its file."""
    for page in (ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"):
        for path, names in _NAMED.findall(page.read_text(encoding="utf-8")):
            for name in re.findall(r"`([^`]+)`", names):
                yield page.name, path, name


@cache
def defined(path: Path) -> frozenset[str]:
    """Names that a file defines: in Python functions, classes, their methods and constants; in
    SQL every word."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        return frozenset(re.findall(r"\w+", text))
    names = set[str]()
    for node in ast.parse(text).body:
        names |= set(_names(node))
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{name}" for child in node.body for name in _names(child)}
    return frozenset(names)


def _names(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def test_every_name_that_the_architecture_gives_is_in_its_file() -> None:
    places = list(named_places())
    assert len(places) > 60
    assert not [
        f"{page}: {path} has no {name}"
        for page, path, name in places
        if not (ROOT / path).is_file() or name not in defined(ROOT / path)
    ]


def recipe(title: str) -> str:
    """One recipe of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition(f"### {title}\n")[2].partition("\n#")[0]


def says(path: Path, word: str) -> bool:
    """Whether a file has the word, alone or joined by _, outside of comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(text)
        prose = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        text = " ".join(
            value for node in ast.walk(tree) for value in _words(node) if id(node) not in prose
        )
    else:
        text = re.sub(r"--.*", "", text)
    return re.search(rf"(?<![a-z]){word}(?![a-z])", text) is not None


def _words(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(value)) | ast.Name(id=value) | ast.Attribute(attr=value):
            yield value
        case ast.arg(arg=value) | ast.keyword(arg=str(value)):
            yield value


@pytest.mark.parametrize(
    ("title", "word"),
    [("A component of the score", "collaborative"), ("A field of films", "original_title")],
)
def test_a_recipe_names_every_place_that_its_example_is_in(title: str, word: str) -> None:
    """A file that the example is in and the recipe lacks is named by the failure, and the other
    way about."""
    text = recipe(title)
    steps = set(re.findall(r"`([a-z][\w/]*/[\w.]+\.(?:py|sql))`", text))
    found = {
        str(path.relative_to(ROOT))
        for path in files()
        if path.suffix in {".py", ".sql"}
        and path.relative_to(ROOT).parts[0] in ROOMS
        and says(path, word)
    }
    assert found - steps == set(), "is in no step of the recipe"
    assert steps - found == set(), f"has no {word} any more"


def test_the_paradedb_index_in_the_docs_is_the_one_that_migrations_make() -> None:
    script = (ROOT / "sql" / "engines" / "paradedb.sql").read_text()
    start = script.index("        CREATE INDEX")
    ddl = dedent(script[start : script.index("$index$, here", start)]).strip()
    ddl = ddl.replace("%s.movies", "movies").replace("effectiveness%s", "effectiveness")
    assert f"{ddl};" in (ROOT / "docs" / "sql.md").read_text()
