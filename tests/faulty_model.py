"""An OpenAI-compatible endpoint that answers as it is told to: for faults, not for wit."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from palate.settings import Settings

Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]
KEY = "sk-do-not-tell-anybody"


@dataclass
class FaultyModel:
    """What it was asked, and what it answers next; the last answer is repeated."""

    answers: list[Answer]
    url: str = ""
    questions: list[dict[str, Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settings(self, **changes: Any) -> Settings:
        """Settings that name it."""
        mine: dict[str, Any] = {
            "llm_url": self.url,
            "llm_model": "faulty",
            "llm_api_key": KEY,
            "llm_timeout": 30.0,
            "llm_deadline": 60.0,
        }
        return Settings(_env_file=None, **(mine | changes))

    def next_answer(self) -> Answer:
        """The answer to the question that just came."""
        with self.lock:
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def says(text: str, tokens: tuple[int, int] | None = (20, 5)) -> Answer:
    """An answer with this text."""
    body: dict[str, Any] = {
        "id": "1", "object": "chat.completion", "created": 1, "model": "faulty",
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": text}}],
    }  # fmt: skip
    if tokens is not None:
        total = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        body["usage"] = total | {"total_tokens": sum(tokens)}
    return sends(200, json.dumps(body))


def sends(status: int, body: str, headers: dict[str, str] | None = None) -> Answer:
    """An answer of HTTP."""

    def answer(handler: BaseHTTPRequestHandler, _question: dict[str, Any]) -> None:
        content = body.encode()
        handler.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def sleeps(seconds: float, then: Answer) -> Answer:
    """An answer that takes a while."""

    def answer(handler: BaseHTTPRequestHandler, question: dict[str, Any]) -> None:
        time.sleep(seconds)
        then(handler, question)

    return answer


def held(until: threading.Event, then: Answer) -> Answer:
    """An answer that comes when the test lets it."""

    def answer(handler: BaseHTTPRequestHandler, question: dict[str, Any]) -> None:
        until.wait(300)
        then(handler, question)

    return answer


def hangs_up(handler: BaseHTTPRequestHandler, _question: dict[str, Any]) -> None:
    """Promises more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "1", "choi')


def drips(handler: BaseHTTPRequestHandler, _question: dict[str, Any]) -> None:
    """Sends a byte now and then, until nobody listens any more."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


@contextmanager
def faulty_model(*answers: Answer) -> Iterator[FaultyModel]:
    """The endpoint, on the loopback."""
    model = FaultyModel(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            question = json.loads(self.rfile.read(length))
            with model.lock:
                model.questions.append(question)
                model.at.append(time.monotonic())
                model.headers.append({n.lower(): v for n, v in self.headers.items()})
            with suppress(BrokenPipeError, ConnectionResetError):
                model.next_answer()(self, question)

        def do_GET(self) -> None:
            models = {"object": "list", "data": [{"id": "faulty", "object": "model",
                                                  "created": 1, "owned_by": "us"}]}  # fmt: skip
            sends(200, json.dumps(models))(self, {})

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
