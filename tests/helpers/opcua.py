"""`pegel opcua` and a real client of it, for the tests."""

import queue
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.sync import Client, SyncNode

from helpers.programs import WATCHDOG, Service, built, environment

# The bits of a status code for severity and reason; the others are for a subscription's queue.
SEVERITY_AND_REASON = 0xFFFF0000


def name(status: ua.StatusCode | None) -> str:
    """What a status code is called."""
    assert status is not None
    return str(ua.StatusCode(ua.UInt32(status.value & SEVERITY_AND_REASON)).name)


class Server(Service):
    """The program, serving the boards of a directory."""

    def __init__(
        self,
        place: Path,
        *arguments: str,
        port: int = 0,
        address: str = "127.0.0.1",
        descriptors: int | None = None,
    ) -> None:
        built("target/release/pegel-opcua")
        state = place / "state"
        command = [str(built("target/release/pegel")), "opcua", "--state-dir", str(state)]
        command += ["--listen", f"{address}:{port}", *arguments]
        if descriptors:
            command = ["prlimit", f"--nofile={descriptors}:{descriptors}", *command]
        pipe = subprocess.PIPE
        self.state = state
        self.process = subprocess.Popen(
            command, env=environment(place), stdout=pipe, stderr=pipe, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            self.process.kill()
            raise AssertionError(self.process.communicate()[1])
        self.port = int(self.url.rstrip("/").rpartition(":")[2])

    def client(self) -> Client:
        """One that is as patient as the tests, with requests and when it probes the server."""
        return Client(
            self.url,
            timeout=WATCHDOG,
            sync_wrapper_timeout=WATCHDOG,
            watchdog_intervall=WATCHDOG,
        )


@contextmanager
def serving(place: Path, *arguments: str, complaint: str = "", **options: Any) -> Iterator[Server]:
    server = Server(place, *arguments, **options)
    try:
        yield server
        assert complaint in server.end() if complaint else not server.end()
    finally:
        server.kill()


def node(client: Client, identifier: str) -> SyncNode:
    namespace = client.get_namespace_index("urn:pegel:boards")
    return client.get_node(ua.NodeId(ua.String(identifier), ua.Int16(namespace)))


def read(client: Client, identifier: str) -> tuple[str, Any]:
    """The status and the value of a variable."""
    value = node(client, identifier).read_data_value(raise_on_bad_status=False)
    return name(value.StatusCode), value.Value.Value if value.Value else None


class Changes:
    """The notifications of a subscription."""

    def __init__(self) -> None:
        self.received: queue.Queue[tuple[str, str, Any, Any]] = queue.Queue()

    def datachange_notification(self, node: SyncNode, value: Any, data: Any) -> None:
        now = data.monitored_item.Value
        self.received.put(
            (str(node.nodeid.Identifier), name(now.StatusCode), value, now.SourceTimestamp)
        )

    def next(self) -> tuple[str, str, Any, Any]:
        return self.received.get(timeout=WATCHDOG)
