"""One connection to a port of a pod, through the API server.

Kubernetes' port-forward over a WebSocket, subprotocol ``v4.channel.k8s.io``: binary messages,
each beginning with the number of its channel. Of the first port channel 0 carries the data both
ways and channel 1 what the node has to say of errors; the server's first message on either is
the port, two bytes, little end first.
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go
"""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from serve.k8s.cluster import Cluster, status_message

if TYPE_CHECKING:
    from websocket import WebSocket

PROTOCOL = "v4.channel.k8s.io"

_DATA, _ERROR = 0, 1
_HANDSHAKE_TIMEOUT = 15.0  # seconds
_BLOCK = 32_768  # bytes read at once; the protocol's message is one byte longer
_HIGH_WATER = 1_000_000  # bytes held for a side that does not read, before the other has to wait
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# A connection through which nothing went for minutes must survive load balancers.
_KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
        if hasattr(socket, name)
    ),
]


class NotForwardedError(Exception):
    """The pod answered nothing at all: ``sent`` is what was sent to it, to be sent elsewhere."""

    def __init__(self, reason: str, sent: bytes = b"") -> None:
        super().__init__(reason)
        self.sent = sent


class Tunnel:
    """Bytes between a local socket and a pod's port, until either side ends."""

    def __init__(self, local: socket.socket, pod: WebSocket, first: bytes = b"") -> None:
        self._local = local
        self._pod = pod
        self._sent: bytearray | None = bytearray(first)  # until the pod says anything
        self._to_pod = bytearray(_message(first) if first else b"")
        self._to_local = bytearray()
        self._greeted: set[int] = set()
        self._channel: int | None = None  # of the message whose end is still to come
        self._error = bytearray()
        self._local_open = self._pod_open = True

    def run(self) -> None:
        """Carry bytes. Raises NotForwardedError when the pod's port could not be reached."""
        self._local.setblocking(False)
        self._pod.settimeout(0)
        while self._unfinished():
            self._wait()
            self._read_pod()
            self._read_local()
            self._write_pod()
            self._write_local()
        self._say_goodbye()
        # Without a word of an error, what was sent may have arrived and must not be sent twice.
        if self._sent is not None and self._local_open and (self._error or not self._sent):
            raise NotForwardedError(self._error.decode(errors="replace"), bytes(self._sent))

    def _unfinished(self) -> bool:
        if not self._pod_open:
            return bool(self._to_local) and self._local_open
        return self._local_open or bool(self._to_pod)

    def _wait(self) -> None:
        """Sleep until a side can be read that has room on the other, or be written to."""
        events = {
            self._local: _events(
                read=self._local_open and self._pod_open and len(self._to_pod) < _HIGH_WATER,
                write=bool(self._to_local) and self._local_open,
            ),
            self._pod.sock: _events(
                read=self._pod_open and len(self._to_local) < _HIGH_WATER,
                write=bool(self._to_pod) and self._pod_open,
            ),
        }
        # What TLS has already decrypted does not show on the socket.
        ready = self._pod_open and isinstance(self._pod.sock, ssl.SSLSocket)
        ready = ready and self._pod.sock.pending() > 0 and len(self._to_local) < _HIGH_WATER
        with selectors.DefaultSelector() as selector:
            for side, wanted in events.items():
                if wanted:
                    selector.register(side, wanted)
            selector.select(0 if ready else None)

    def _read_local(self) -> None:
        if not (self._local_open and self._pod_open) or len(self._to_pod) >= _HIGH_WATER:
            return
        try:
            block = self._local.recv(_BLOCK)
        except BlockingIOError:
            return
        except ConnectionError:
            block = b""
        if not block:
            self._local_open = False
            return
        self._to_pod += _message(block)
        if self._sent is not None:
            self._sent += block

    def _read_pod(self) -> None:
        """Take every message that has arrived whole."""
        from websocket import ABNF, WebSocketException

        while self._pod_open and len(self._to_local) < _HIGH_WATER:
            try:
                frame = self._pod.recv_frame()
            except _WOULD_BLOCK:
                return
            except (WebSocketException, OSError):
                self._pod_open = False
                return
            if frame.opcode == ABNF.OPCODE_PING:
                self._to_pod += ABNF.create_frame(frame.data, ABNF.OPCODE_PONG).format()
            elif frame.opcode == ABNF.OPCODE_CLOSE:
                self._pod_open = False
            elif frame.opcode != ABNF.OPCODE_PONG:
                self._take(frame.data, last=bool(frame.fin))

    def _take(self, data: bytes, *, last: bool) -> None:
        """Sort a message, or a part of one, into its channel."""
        if self._channel is None:
            if not data:
                return
            self._channel, data = data[0], data[1:]
            if self._channel not in self._greeted:
                self._greeted.add(self._channel)
                data = data[struct.calcsize("<H") :]  # the port
        if self._channel == _DATA and data:
            self._sent = None
            self._to_local += data
        elif self._channel == _ERROR:
            self._error += data
        if last:
            self._channel = None

    def _write_pod(self) -> None:
        try:
            while self._to_pod and self._pod_open:
                del self._to_pod[: self._pod.sock.send(self._to_pod[:_BLOCK])]
        except _WOULD_BLOCK:
            return
        except OSError:
            self._pod_open = False

    def _write_local(self) -> None:
        try:
            while self._to_local and self._local_open:
                del self._to_local[: self._local.send(self._to_local)]
        except BlockingIOError:
            return
        except OSError:
            self._local_open = False

    def _say_goodbye(self) -> None:
        """Close the WebSocket as one should, without waiting for an answer."""
        from websocket import ABNF, WebSocketException

        with suppress(WebSocketException, OSError):
            if self._pod_open:
                self._pod.settimeout(1)
                self._pod.send(struct.pack("!H", 1000), ABNF.OPCODE_CLOSE)
        self._pod.shutdown()


def open_tunnel(cluster: Cluster, pod: str, port: int) -> WebSocket:
    """A WebSocket to a pod's port. Raises ClusterError and NotFoundError."""
    import websocket

    url, headers = cluster.portforward_request(pod, port)
    try:
        return websocket.create_connection(
            url,
            timeout=_HANDSHAKE_TIMEOUT,
            header=headers,
            subprotocols=[PROTOCOL],
            suppress_origin=True,
            sockopt=_KEEPALIVE,
            **_security(cluster),
            **_proxy(cluster),
        )
    except websocket.WebSocketBadStatusException as error:
        raise cluster.refused(
            error.status_code, status_message(error.resp_body), "get", "pods/portforward", pod
        ) from error
    except (websocket.WebSocketException, OSError) as error:
        raise cluster.unreachable(error) from error


def _security(cluster: Cluster) -> dict[str, Any]:
    """TLS as the kubeconfig has it."""
    configuration = cluster.configuration
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_NONE}
    if configuration.verify_ssl:
        options = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": configuration.ssl_ca_cert}
        if configuration.assert_hostname is not None:
            options["check_hostname"] = configuration.assert_hostname
    if configuration.cert_file:
        options |= {"certfile": configuration.cert_file, "keyfile": configuration.key_file}
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    return {"sslopt": options}


def _proxy(cluster: Cluster) -> dict[str, Any]:
    """The proxy that the kubeconfig or the environment names."""
    configuration = cluster.configuration
    if not configuration.proxy:
        return {}
    proxy = urlsplit(configuration.proxy)
    options: dict[str, Any] = {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port}
    if proxy.username:
        options["http_proxy_auth"] = (proxy.username, proxy.password or "")
    if configuration.no_proxy:
        options["http_no_proxy"] = configuration.no_proxy.split(",")
    return options


def _message(block: bytes) -> bytes:
    """Data for the pod as one WebSocket frame."""
    from websocket import ABNF

    return bytes(ABNF.create_frame(bytes([_DATA]) + block, ABNF.OPCODE_BINARY).format())


def _events(*, read: bool, write: bool) -> int:
    return (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
