"""`pegel serve`: clients that do not read, request too much, or use up connections."""

import json
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

import pegel
from helpers.http import BEARER, JSON, Server, memory, serving, token_file
from helpers.programs import WATCHDOG, wait_until

UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def ask_silently(server: Server, path: str, headers: str = "") -> socket.socket:
    """One that does not read the answer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return client


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/boards/ahoy", ""),
        ("/boards/ahoy/history", ""),
        ("/boards/ahoy/events", UPGRADE),
    ],
)
def test_large_answers_that_nobody_reads_have_a_bound(
    tmp_path: Path, path: str, headers: str
) -> None:
    with pegel.Writer(tmp_path / "ahoy", pegel.json(1 << 20)) as writer:
        for number in range(4):
            writer.publish({"number": number, "text": "x" * 1_000_000})
    pegel.Writer(tmp_path / "tank", {"level": pegel.f64("m", default=1.5)}).close()
    with serving(tmp_path) as server, ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(ask_silently(server, path, headers))
        wait_until(lambda: server.ask("/boards/ahoy/history").status == 503)
        # What is short has room.
        assert server.ask("/boards/tank/level").text == "1.5"
        answer = server.ask("/boards/ahoy/history")
        assert (answer.status, "try again later" in answer.text) == (503, True)
        stack.close()
        wait_until(lambda: server.ask("/boards/ahoy/history").status == 200)
        # They would be half a gigabyte, or two.
        assert memory(server, "VmHWM") < 400


def test_the_end_comes_while_there_is_no_room_for_more(tmp_path: Path) -> None:
    # 272 files are 16 connections.
    with serving(tmp_path, by=("prlimit", "--nofile=272")) as server, ExitStack() as stack:
        files = Path(f"/proc/{server.process.pid}/fd")
        before = len(list(files.iterdir()))
        for _ in range(30):
            client = socket.create_connection(("127.0.0.1", server.port), WATCHDOG)
            stack.enter_context(client).sendall(b"GET / HTTP/1.1\r\nHost: local")
        wait_until(lambda: len(list(files.iterdir())) == before + 16, "a full server")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(WATCHDOG) == 0


def test_many_fields_that_there_are_not(tmp_path: Path) -> None:
    """The message for each lists all fields: some bytes became some thousand."""
    fields = {f"some_field_{number}": pegel.u8(default=0) for number in range(200)}
    pegel.Writer(tmp_path / "many", fields).close()
    with serving(tmp_path, "--write", "many", *token_file(tmp_path)) as server:
        body = json.dumps({f"f{number}": 1 for number in range(20_000)})
        answer = server.ask("/boards/many", BEARER | JSON, "PUT", body)
        assert (answer.status, len(answer.json["errors"])) == (422, 100)
        assert len(answer.text) < 1 << 20
