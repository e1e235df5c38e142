"""A port of this machine whose connections go to a port of a pod, through the API server.

Kubernetes' port-forward over a WebSocket, subprotocol ``v4.channel.k8s.io``: binary messages,
each beginning with the number of its channel. Of the first port channel 0 carries the data both
ways and channel 1 what the node has to say of errors; the server's first message on either is
the port, two bytes, little end first.
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go

The WebSocket is the websockets library's. The channels are ours: kr8s keeps to a pod that has died
and gives back nothing of what it never answered, and the kubernetes client drops what a pod sent
last and holds back no pod that sends faster than it is read.
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from anyio.to_thread import run_sync
from requests.utils import should_bypass_proxies
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from palate.errors import ClusterForbiddenError, ListenError, PalateError
from serve.k8s.cluster import Cluster, status_message

_PAUSE = 0.25  # seconds until the next try
_PROTOCOL = Subprotocol("v4.channel.k8s.io")
_DATA, _ERROR = 0, 1
_PORT = 2  # bytes of the first message on a channel
_BLOCK = 32_768  # bytes read at once; the protocol's message is one byte longer
# A connection through which nothing went for minutes must survive load balancers.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class NotForwardedError(Exception):
    """The pod answered nothing at all: ``sent`` is what was sent to it, to be sent elsewhere."""

    def __init__(self, reason: str, sent: bytes = b"") -> None:
        super().__init__(reason)
        self.sent = sent


@dataclass
class Forwarder:
    """Listens, and carries each connection in a task of its own.

    ``find`` gives the pod that serves now, and the port on it.
    """

    cluster: Cluster
    find: Callable[[], tuple[str, int]]
    report: Callable[[str], None]
    patience: float
    _open: set[asyncio.Task[Any]] = field(default_factory=set)

    async def start(self, host: str, port: int) -> int:
        """Listen, once the way is known to be open; the port."""
        await (await self._reach()).close()
        try:
            self._server = await asyncio.start_server(self._serve, host, port)
        except OSError as error:
            raise ListenError(
                f"Port {port} of this machine cannot be used ({os.strerror(error.errno or 0)}). "
                "Nothing was opened. Choose another, or 0 for any that is free."
            ) from error
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _reach(self) -> ClientConnection:
        """A WebSocket to the pod that serves the target now."""
        pod, port = await run_sync(self.find, abandon_on_cancel=True)
        return await open_tunnel(self.cluster, pod, port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: to a pod, and to the next one while none has answered."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._open.add(task)
        try:
            with suppress(asyncio.CancelledError, ConnectionError):  # stop() and the other end
                await self._carry(reader, writer)
                writer.close()
                await writer.wait_closed()
        except (PalateError, NotForwardedError) as error:
            self.report(str(error))
        finally:
            writer.transport.abort()
            self._open.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deadline = time.monotonic() + self.patience
        sent = b""
        while True:
            try:
                await self._carry_once(reader, writer, sent)
                return
            except ClusterForbiddenError:
                raise
            except NotForwardedError as error:
                sent = error.sent
                if time.monotonic() > deadline:
                    raise
            except PalateError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _carry_once(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes
    ) -> None:
        pod = await self._reach()
        try:
            await Tunnel(reader, writer, pod, sent).run()
            await pod.close()
        finally:
            pod.transport.abort()


class Tunnel:
    """Bytes between a local connection and a pod's port, until either side ends."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pod: ClientConnection,
        first: bytes = b"",
    ) -> None:
        self._reader, self._writer, self._pod = reader, writer, pod
        self._sent: bytearray | None = bytearray(first)  # until the pod says anything
        self._error = bytearray()
        self._local_open = True

    async def run(self) -> None:
        """Carry bytes. Raises NotForwardedError when the pod's port could not be reached."""
        up, down = asyncio.create_task(self._carry_up()), asyncio.create_task(self._carry_down())
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            if self._local_open:
                await down  # the pod has ended: what it sent before is still on the way
        finally:
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        # Without a word of an error, what was sent may have arrived and must not be sent twice.
        if self._sent is not None and self._local_open and (self._error or not self._sent):
            raise NotForwardedError(self._error.decode(errors="replace"), bytes(self._sent))

    async def _carry_up(self) -> None:
        """What is sent here goes to the pod."""
        block = bytes(self._sent or b"")
        with suppress(ConnectionClosed):
            if block:
                await self._pod.send(bytes([_DATA]) + block)
            while block := await self._read_local():
                if self._sent is not None:
                    self._sent += block
                await self._pod.send(bytes([_DATA]) + block)
            self._local_open = False

    async def _read_local(self) -> bytes:
        with suppress(ConnectionError):
            return await self._reader.read(_BLOCK)
        return b""

    async def _carry_down(self) -> None:
        """What the pod sends comes here, as fast as it is read."""
        greeted = set()
        try:
            async for message in self._pod:
                if not isinstance(message, bytes) or not message:
                    continue
                channel, data = message[0], message[1:]
                if channel not in greeted:
                    greeted.add(channel)
                    data = data[_PORT:]
                if channel == _ERROR:
                    self._error += data
                elif channel == _DATA and data:
                    self._sent = None
                    self._writer.write(data)
                    await self._writer.drain()
        except ConnectionError:
            self._local_open = False
        except ConnectionClosed:
            return


async def open_tunnel(cluster: Cluster, pod: str, port: int) -> ClientConnection:
    """A WebSocket to a pod's port. Raises ClusterError and NotFoundError."""
    url, headers = await run_sync(cluster.portforward_request, pod, port)
    try:
        opened = await connect(
            url,
            additional_headers=headers,
            subprotocols=[_PROTOCOL],
            compression=None,
            proxy=_proxy(cluster),
            open_timeout=15,
            close_timeout=1,
            ping_interval=None,
            **_security(cluster, url),
        )
    except InvalidStatus as error:
        reason = status_message(error.response.body)
        status = error.response.status_code
        raise cluster.refused(status, reason, "get", "pods/portforward", pod) from error
    except (WebSocketException, OSError) as error:
        raise cluster.unreachable(error) from error
    _keep_alive(opened.transport.get_extra_info("socket"))
    return opened


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _security(cluster: Cluster, url: str) -> dict[str, Any]:
    """TLS as the kubeconfig has it."""
    if not url.startswith("wss:"):
        return {}
    configuration = cluster.configuration
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.assert_hostname is not None or not configuration.verify_ssl:
        context.check_hostname = bool(configuration.verify_ssl and configuration.assert_hostname)
    if not configuration.verify_ssl:
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    name = configuration.tls_server_name
    return {"ssl": context} | ({"server_hostname": name} if name else {})


def _proxy(cluster: Cluster) -> str | None:
    """The proxy that the kubeconfig or the environment names."""
    configuration = cluster.configuration
    bypassed = should_bypass_proxies(configuration.host, configuration.no_proxy)
    return str(configuration.proxy) if configuration.proxy and not bypassed else None
