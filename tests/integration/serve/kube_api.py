"""A small Kubernetes API server: lists, Secrets, Jobs, logs, and port-forwards to real sockets.

Port-forward as a node speaks it to a WebSocket client of subprotocol ``v4.channel.k8s.io``: a
channel for data and one for errors a port, whose first message is the port's number.
"""

import base64
import hashlib
import json
import re
import select
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

Object = dict[str, Any]
Address = str | tuple[str, int]

TOKEN = "a token of the kubeconfig"
NAMESPACE = "films"
_PATH = re.compile(
    r"/apis?/(?:(?P<group>[^/]+)/)??v1(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?"
)
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE, _BINARY = 8, 2


@dataclass
class KubeApi:
    """What the cluster holds; change it while the server runs."""

    objects: dict[str, list[Object]] = field(default_factory=dict)
    listening: dict[tuple[str, int], Address] = field(default_factory=dict)
    """Where a port of a pod really is: a unix socket, or a host and port."""
    logs: dict[str, list[str]] = field(default_factory=dict)
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    """Verbs and kinds that are refused, as ``("get", "secrets")``."""
    asked: set[tuple[str, str]] = field(default_factory=set)
    """Verbs and kinds that were asked for."""
    forwarded: int = 0
    """Port-forwards asked for so far."""
    _lines: dict[str, list[socket.socket]] = field(default_factory=dict)

    def add(self, kind: str, *objects: Object) -> None:
        """Objects of a kind, such as ``pods``."""
        for each in objects:
            each["metadata"].setdefault("namespace", NAMESPACE)
            each["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        self.objects.setdefault(kind, []).extend(objects)

    def kill(self, pod: str) -> None:
        """A pod vanishes with its connections, as when its node is lost."""
        self.objects["pods"] = [
            each for each in self.objects["pods"] if each["metadata"]["name"] != pod
        ]
        for line in self._lines.pop(pod, []):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def find(self, kind: str, namespace: str | None, selector: str = "") -> list[Object]:
        """Objects with these labels."""
        wanted = dict(each.split("=", 1) for each in selector.split(",") if each)
        return [
            each
            for each in self.objects.get(kind, [])
            if namespace in (None, each["metadata"]["namespace"])
            and wanted.items() <= (each["metadata"].get("labels") or {}).items()
        ]

    def opened(self, pod: str, line: socket.socket) -> None:
        """Remember a connection to a pod."""
        self.forwarded += 1
        self._lines.setdefault(pod, []).append(line)


class KubeServer:
    """The API server on loopback while it is entered, with TLS if given a context."""

    def __init__(self, api: KubeApi, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = api
        self._server.tls = tls
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "KubeServer":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for pod in list(self._server.api._lines):
            self._server.api.kill(pod)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def kubeconfig(self, folder: Path, *, token: str = TOKEN, authority: Path | None = None) -> str:
        """A kubeconfig for it, with a second context for another namespace."""
        cluster = {"server": self.url}
        if authority:
            cluster["certificate-authority"] = str(authority)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [
                {"name": name, "context": {"cluster": "here", "user": "me", "namespace": space}}
                for name, space in (("test", NAMESPACE), ("elsewhere", "empty"))
            ],
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return str(path)


class _Server(ThreadingHTTPServer):
    api: KubeApi
    tls: ssl.SSLContext | None
    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            if self.tls is None:
                super().finish_request(request, client_address)
                return
            with self.tls.wrap_socket(request, server_side=True) as encrypted:
                plain, inside = socket.socketpair()
                pump = threading.Thread(target=_decrypt, args=(encrypted, inside))
                pump.start()
                with plain, inside:
                    super().finish_request(plain, client_address)
                    plain.shutdown(socket.SHUT_RDWR)
                    pump.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *arguments: object) -> None:
        """Nothing is written."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = parse_qs(address.query)
        match = self._match(address.path, "get")
        if match is None:
            return
        kind, name, part = match["kind"], match["name"], match["part"]
        api = self.server.api
        if name is None:
            found = api.find(kind, match["namespace"], asked.get("labelSelector", [""])[0])
            self._answer(200, {"kind": "List", "items": found})
            return
        named = [
            each
            for each in api.find(kind, match["namespace"])
            if each["metadata"]["name"] == name
        ]  # fmt: skip
        if not named:
            self._refuse(404, f'{kind} "{name}" not found')
        elif part == "portforward":
            self._forward(name, int(asked["ports"][0]))
        elif part == "log":
            self._log(name, asked)
        else:
            self._answer(200, named[0])

    def do_POST(self) -> None:
        match = self._match(urlsplit(self.path).path, "create")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if match is not None:
            self.server.api.add(match["kind"], body)
            self._answer(201, body)

    def _match(self, path: str, verb: str) -> re.Match[str] | None:
        """The parts of the path, once the request may be answered."""
        match = _PATH.fullmatch(path)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._refuse(401, "Unauthorized")
            return None
        if match is None:
            self._refuse(404, "the server could not find the requested resource")
            return None
        resource = match["kind"] + (f"/{match['part']}" if match["part"] else "")
        verb = "list" if verb == "get" and match["name"] is None else verb
        self.server.api.asked.add((verb, resource))
        if (verb, resource) in self.server.api.forbidden:
            self._refuse(403, f'{resource} is forbidden: User "ann" cannot {verb} it')
            return None
        return match

    def _answer(self, status: int, body: Object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, {"kind": "Status", "status": "Failure", "message": message})

    def _log(self, pod: str, asked: dict[str, list[str]]) -> None:
        logs = self.server.api.logs
        lines = logs.get(f"{pod}/{asked.get('container', [''])[0]}", logs.get(pod, []))
        tail = int(asked.get("tailLines", ["1000"])[0])
        data = "".join(f"{line}\n" for line in (lines[-tail:] if tail else [])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _forward(self, pod: str, port: int) -> None:
        """What a node does with a port-forward."""
        self.server.api.opened(pod, self.connection)
        assert "v4.channel.k8s.io" in self.headers["Sec-WebSocket-Protocol"]
        accept = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + _GUID).encode())
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(accept.digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()
        self.close_connection = True
        for channel in (0, 1):
            self._send(channel, struct.pack("<H", port))
        try:
            backend = _connect(self.server.api.listening[pod, port])
        except (OSError, KeyError) as error:
            self._send(1, f"error forwarding port {port} to pod {pod}: {error!r}".encode())
            self._send_frame(_CLOSE, struct.pack("!H", 1000))
            return
        with backend:
            self._relay(backend)

    def _relay(self, backend: socket.socket) -> None:
        """Carry bytes until either side ends."""
        down = threading.Thread(target=self._carry_down, args=(backend,))
        down.start()
        with suppress(OSError, EOFError):
            while True:
                opcode, payload = self._read_frame()
                if opcode == _CLOSE:
                    break
                assert (opcode, payload[0]) == (_BINARY, 0)
                backend.sendall(payload[1:])
        with suppress(OSError):
            backend.shutdown(socket.SHUT_RDWR)
        down.join()

    def _carry_down(self, backend: socket.socket) -> None:
        with suppress(OSError):
            while block := backend.recv(16_384):
                self._send(0, block)
            self._send_frame(_CLOSE, struct.pack("!H", 1000))
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, channel: int, data: bytes) -> None:
        self._send_frame(_BINARY, bytes([channel]) + data)

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([size])
        else:
            head += b"\x7e" + struct.pack("!H", size)
        self.connection.sendall(head + payload)

    def _read_frame(self) -> tuple[int, bytes]:
        """One of the client's frames: whole, masked."""
        first, second = self._read(2)
        assert first & 0x80
        assert second & 0x80
        size = second & 0x7F
        if size >= 126:
            wide = 2 if size == 126 else 8
            size = int.from_bytes(self._read(wide), "big")
        mask = self._read(4)
        key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        masked = int.from_bytes(self._read(size), "big")
        return first & 0x0F, (masked ^ key).to_bytes(size, "big")

    def _read(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError
        return data


def _decrypt(encrypted: ssl.SSLSocket, inside: socket.socket) -> None:
    """Carry bytes between TLS and a plain socket, in one thread: TLS wants no two at once."""
    with suppress(OSError):
        while True:
            ready: list[socket.socket] = [encrypted]
            if not encrypted.pending():
                ready = select.select([encrypted, inside], [], [])[0]
            for side, other in ((encrypted, inside), (inside, encrypted)):
                if side in ready:
                    block = side.recv(16_384)
                    if not block:
                        inside.shutdown(socket.SHUT_RDWR)
                        return
                    other.sendall(block)


def _connect(address: Address) -> socket.socket:
    unix = isinstance(address, str)
    backend = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
    try:
        backend.connect(address)
    except OSError:
        backend.close()
        raise
    return backend
