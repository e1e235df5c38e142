"""Another service, played by a server of our own."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina


@dataclass
class Played:
    """A service that says what it was told to say at a path; faults come first, each once."""

    answers: dict[str, Any] = field(default_factory=dict)
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, list[str]], str | None]] = field(default_factory=list)
    url: str = ""

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


@pytest.fixture
def service() -> Iterator[Played]:
    played = Played()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            path = address.path.lstrip("/")
            query = parse_qs(address.query)
            played.asked.append((path, query, self.headers.get("Authorization")))
            status, headers = played.faults.pop(0) if played.faults else (200, {})
            told = played.answers.get(path)
            if status == 200 and told is None:
                status = 404
            body = (told if isinstance(told, str) else json.dumps(told)).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_port}"
    try:
        with stamina.set_testing(True, attempts=3):
            yield played
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
