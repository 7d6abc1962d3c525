"""`pegel serve` and a client of it, for the tests."""

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from helpers.programs import WATCHDOG, Service, built, environment, listens

TOKEN = "a-token-that-nobody-guesses"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Answer:
    status: int
    headers: Message
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def tag(self) -> str:
        return self.headers["ETag"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=WATCHDOG)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Client:
    """Asks a server at a port of this machine, or at a Unix socket."""

    def __init__(self, port: int = 0, socket: Path | None = None) -> None:
        self.port, self.socket = port, socket

    def is_there(self) -> bool:
        return listens(self.port)

    def connect(self) -> http.client.HTTPConnection:
        if self.socket:
            return UnixConnection(self.socket)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WATCHDOG)

    def ask(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        body: str | bytes | None = None,
    ) -> Answer:
        with closing(self.connect()) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())

    def write(self, method: str, path: str, record: Any, **headers: str) -> Answer:
        """With the token, and as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(path, BEARER | JSON | named, method, json.dumps(record))

    def websocket(self, path: str, **headers: str) -> ClientConnection:
        """One that does not give up a slow server, as it would by itself after 10 or 20 s."""
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            additional_headers=headers,
            open_timeout=WATCHDOG,
            close_timeout=WATCHDOG,
            ping_interval=None,
        )

    @contextmanager
    def events(self, path: str, headers: dict[str, str] | None = None) -> Iterator["Events"]:
        connection = self.connect()
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert answer.headers["Content-Type"] == "text/event-stream"
        try:
            yield Events(answer)
        finally:
            connection.close()
            answer.close()


class Server(Service, Client):
    """The program, serving the boards of a directory."""

    def __init__(
        self,
        place: Path,
        *arguments: str,
        listen: str = "127.0.0.1:0",
        by: tuple[str, ...] = (),
    ) -> None:
        built("target/release/pegel-serve")
        command = [*by, str(built("target/release/pegel")), "serve", "--listen", listen, *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=environment(place), stdout=pipe, stderr=pipe, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            self.process.kill()
            raise AssertionError(self.process.communicate()[1])
        if listen.startswith("unix:"):
            Client.__init__(self, socket=Path(self.url.removeprefix("unix:")))
        else:
            Client.__init__(self, port=int(self.url.rstrip("/").rpartition(":")[2]))

    def end(self) -> str:
        """Ends it well, without a complaint."""
        complaint = super().end()
        assert complaint == ""
        return complaint


@dataclass
class Event:
    name: str
    id: str
    data: Any


class Events:
    """Server-sent events, as they come."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.answer = answer

    def next(self) -> Event:
        """The next one, without comments."""
        event = Event("message", "", None)
        for line in self.lines():
            field, _, value = line.partition(": ")
            if field == "event":
                event.name = value
            elif field == "id":
                event.id = value
            elif field == "data":
                event.data = json.loads(value)
            elif not line and event.data is not None:
                return event
        raise EOFError

    def until(self, name: str) -> Event:
        """The next one of this name."""
        while True:
            event = self.next()
            if event.name == name:
                return event

    def lines(self) -> Iterator[str]:
        while line := self.answer.readline():
            yield line.decode().removesuffix("\n")


@contextmanager
def serving(
    place: Path, *arguments: str, listen: str = "127.0.0.1:0", by: tuple[str, ...] = ()
) -> Iterator[Server]:
    """One that is ended well. `by` is a program that starts it."""
    server = Server(place, *arguments, listen=listen, by=by)
    try:
        yield server
        server.end()
    finally:
        server.kill()


def token_file(place: Path) -> list[str]:
    file = place / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return ["--token-file", str(file)]


def memory(server: Server, what: str) -> int:
    """The memory of the process, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{what}:"))
    return int(line.split()[1]) // 1024
