"""MovieLens by name, from a server on this machine."""

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest.progress import LoadProgress
from ingest.sources.download import download, locate
from ingest.sources.movielens import MovieLens
from palate.errors import LoadError, MisuseError


class Server(ThreadingHTTPServer):
    """Serves ``files``; ``cut`` breaks the connection after so many bytes, once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut: int | None = None
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Files with ranges."""

    server: Server

    def do_GET(self) -> None:
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        if self.path.endswith(".zip"):
            self.server.ranges.append(asked)
        start = int(re.findall(r"\d+", asked)[0]) if asked else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if self.server.cut is not None and self.path.endswith(".zip"):
            self.wfile.write(body[start : self.server.cut])
            self.server.cut = None
            return
        self.wfile.write(body[start:])

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        body = archive()
        server.files = {
            "/ml-1m.zip": body,
            "/ml-1m.zip.md5": f"MD5 (ml-1m.zip) = {hashlib.md5(body).hexdigest()}\n".encode(),
        }
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("ml-1m/movies.dat", "1::Heat (1995)::Crime\n" * 100)
        file.writestr("ml-1m/ratings.dat", "1::1::5::978300760\n")
    return packed.getvalue()


class Listener(LoadProgress):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said = ""

    def say(self, message: str) -> None:
        self.said += message


def test_a_name_is_downloaded_once_and_its_licence_shown(server: Server, tmp_path: Path) -> None:
    listener = Listener()
    path = locate("ml-1m", tmp_path / "data", listener, server.url)
    assert MovieLens(path).name == "ml-1m"
    assert "may not be redistributed" in listener.said
    assert f"{server.url}/ml-1m-README.html" in listener.said
    assert locate("ML-1M", tmp_path / "data", listener, server.url) == path
    assert len(server.ranges) == 1


def test_a_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.cut = 500
    with pytest.raises(LoadError, match="Run the command again to go on"):
        download("ml-1m", tmp_path, base_url=server.url)
    assert (tmp_path / "ml-1m.zip.part").stat().st_size == 500
    path = download("ml-1m", tmp_path, base_url=server.url)
    assert path.read_bytes() == server.files["/ml-1m.zip"]
    assert server.ranges == [None, "bytes=500-"]


def test_a_complete_part_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "ml-1m.zip.part").write_bytes(server.files["/ml-1m.zip"])
    assert download("ml-1m", tmp_path, base_url=server.url).exists()


@pytest.mark.parametrize("published", [True, False])
def test_a_damaged_download_is_removed(server: Server, tmp_path: Path, published: bool) -> None:
    body = server.files["/ml-1m.zip"]
    server.files["/ml-1m.zip"] = body.replace(b"Heat", b"Cold")
    if not published:
        del server.files["/ml-1m.zip.md5"]
    with pytest.raises(LoadError, match="wrong checksum"):
        download("ml-1m", tmp_path, base_url=server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_sum_that_is_not_published_is_no_matter(server: Server, tmp_path: Path) -> None:
    del server.files["/ml-1m.zip.md5"]
    assert download("ml-1m", tmp_path, base_url=server.url).exists()


def test_a_server_that_cannot_be_reached(server: Server, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="could not be downloaded"):
        download("ml-25m", tmp_path, base_url=server.url)
    with pytest.raises(LoadError, match="or download the file yourself"):
        download("ml-25m", tmp_path, base_url="http://127.0.0.1:9")


def test_paths_come_first_and_unknown_names_are_explained(tmp_path: Path) -> None:
    assert locate(str(tmp_path), tmp_path) == tmp_path
    with pytest.raises(MisuseError, match="Did you mean ml-latest-small"):
        locate("ml-latest-smal", tmp_path)
    with pytest.raises(MisuseError, match="Name a folder"):
        locate("/nowhere/at/all", tmp_path)
