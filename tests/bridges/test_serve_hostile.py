"""`pegel serve`: clients that take memory and connections, and files of other users."""

import os
import socket
import struct
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

import pegel
from helpers.http import BEARER, JSON, Server, memory, serving, token_file
from helpers.programs import WATCHDOG, run, wait_until

FIELDS = {"level": pegel.f64("m", default=1.5)}
UPGRADE = (
    b"GET /boards/tank/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MASK = b"\0\0\0\0"


@pytest.fixture
def tank(tmp_path: Path) -> Path:
    pegel.Writer(tmp_path / "tank", FIELDS).close()
    return tmp_path / "tank"


def upgraded(server: Server) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), WATCHDOG)
    client.sendall(UPGRADE)
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


def test_unfinished_websocket_frames_take_no_memory(tank: Path) -> None:
    size = 8 << 20
    with serving(tank.parent) as server, ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(upgraded(server))
            client.sendall(struct.pack("!BBQ", 0x82, 0x80 | 127, size) + MASK)
            # The server ends the connection; all but the last byte is sent otherwise.
            with suppress(ConnectionError):
                for _ in range(size >> 16):
                    client.sendall(b"x" * ((1 << 16) - 1))
        assert memory(server, "VmHWM") < 50


def test_unread_answers_to_pings_take_no_memory(tank: Path) -> None:
    ping = struct.pack("!BB", 0x89, 0x80 | 125) + MASK + b"x" * 125
    with serving(tank.parent) as server, upgraded(server) as client:
        # Their answers would be 200 MiB.
        client.settimeout(5)
        with suppress(ConnectionError, TimeoutError):
            for _ in range(1600):
                client.sendall(1000 * ping)
        assert memory(server, "VmHWM") < 50


@pytest.mark.long
def test_websockets_that_answer_no_ping_end(tank: Path) -> None:
    with serving(tank.parent) as server, upgraded(server) as client:
        # The client reads, and sends nothing. That takes three quarters of a minute.
        while client.recv(1 << 16):
            pass


def request(body: bytes, board: str = "tank") -> bytes:
    head = f"PUT /boards/{board} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (BEARER | JSON).items())
    return head.encode() + b"\r\n" + body


def status_of(client: socket.socket) -> int:
    return int(client.recv(1 << 16).split()[1])


def test_bodies_are_no_longer_than_the_board_can_hold(tank: Path) -> None:
    body = b'{"level":[' + b"[0]," * 200_000 + b"0]}"
    arguments = ["--write", "tank", *token_file(tank.parent)]
    with serving(tank.parent, *arguments) as server, ExitStack() as stack:
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", server.port), WATCHDOG)
            stack.enter_context(client).sendall(request(body)[:1000])
            assert status_of(client) == 413
        assert memory(server, "VmHWM") < 50
        answer = server.write("PUT", "/boards/tank", {"level": 2})
        assert answer.status == 200


def test_bodies_that_wait_for_the_writer_lock_are_not_parsed(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "ahoy", pegel.json(1 << 20))
    body = b"[" + b"[0]," * 200_000 + b"0]"
    arguments = ["--write", "ahoy", "--timeout", "1", *token_file(tmp_path)]
    with serving(tmp_path, *arguments) as server, ExitStack() as stack:
        clients = []
        for _ in range(20):
            client = socket.create_connection(("127.0.0.1", server.port), WATCHDOG)
            stack.enter_context(client).sendall(request(body, "ahoy"))
            clients.append(client)
        assert [status_of(client) for client in clients] == 20 * [423]
        # Parsed, each takes 40 MiB.
        assert memory(server, "VmHWM") < 100
        writer.close()
        assert server.ask("/boards/ahoy", BEARER | JSON, "PUT", body).status == 200


def test_bodies_in_small_pieces_take_no_more_memory(tmp_path: Path) -> None:
    pegel.Writer(tmp_path / "ahoy", pegel.json(1 << 20)).close()
    with serving(tmp_path, "--write", "ahoy", *token_file(tmp_path)) as server:
        head = request(b"", "ahoy").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        with ExitStack() as stack:
            for _ in range(4):
                client = socket.create_connection(("127.0.0.1", server.port), WATCHDOG)
                stack.enter_context(client).sendall(head + b"1\r\n \r\n" * 1_000_000)
            assert server.ask("/boards").status == 200
            assert memory(server, "VmHWM") < 60


def test_private_names_are_not_numbers(tank: Path) -> None:
    pegel.Writer(tank.parent / "ahoy", pegel.json(1000)).close()
    arguments = ["--write", "tank", "ahoy", *token_file(tank.parent)]
    with serving(tank.parent, *arguments) as server:
        for name in ("$serde_json::private::Number", r"\u0024serde_json::private::Number"):
            body = f'{{"level":{{"{name}":"5"}}}}'
            for board in ("tank", "ahoy"):
                for method in ("PUT", "PATCH"):
                    answer = server.ask(f"/boards/{board}", BEARER | JSON, method, body)
                    assert (answer.status, "reserved" in answer.text) == (400, True)
        assert pegel.Reader(tank).read()["level"] == 1.5


def test_durable_records_are_on_disk_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable, boards = tmp_path / "durable", tmp_path / "boards"
    durable.mkdir()
    boards.mkdir()
    monkeypatch.setenv("PEGEL_DURABLE_DIR", str(durable))
    pegel.Writer(boards / "config", limit=pegel.u16(default=80), durable=True).close()
    with serving(boards, "--write", "config", *token_file(tmp_path)) as server:
        for method, limit in (("PUT", 60), ("PATCH", 61)):
            assert server.write(method, "/boards/config", {"limit": limit}).status == 200
            # As a reboot does.
            for file in boards.glob("pegel.config*"):
                file.unlink()
            with pegel.Writer.open(boards / "config", timeout=WATCHDOG) as writer:
                assert writer.read()["limit"] == limit


def test_boards_that_only_their_owner_reads_are_served_if_named(tank: Path) -> None:
    pegel.Writer(tank.parent / "secret", FIELDS, mode=0o600).close()
    paths = [f"/boards/secret{rest}" for rest in ("", "/level", "/schema", "/history", "/events")]
    with serving(tank.parent) as server:
        for path in paths:
            answer = server.ask(path)
            assert (answer.status, "--board secret" in answer.json["detail"]) == (403, True)
        [secret] = [board for board in server.ask("/boards").json["boards"] if "error" in board]
        assert (secret["board"], "fields" in secret) == ("secret", False)
        assert "pegel_secret_level" not in server.ask("/metrics").text
        with server.events("/events") as events:
            assert events.next().data["board"] == "tank"
    with serving(tank.parent, "--board", "secret", "tank") as server:
        for path in paths[:4]:
            assert server.ask(path).status == 200


STRANGER = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
SERVER = ("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups")


def test_files_of_other_users_have_no_threads() -> None:
    if os.geteuid() != 0:
        pytest.fail("other users need root: run this test as root")
    with tempfile.TemporaryDirectory(prefix="pegel-serve-") as directory:
        place = Path(directory)
        place.chmod(0o1777)
        make = f"[open('{place}/pegel.x%d' % n, 'w').close() for n in range(1000)]"
        done = run([*STRANGER, "/usr/bin/python3", "-c", make])
        assert done.returncode == 0, done.stderr
        with serving(place, by=SERVER) as server, server.events("/events") as events:
            own = place / "tank"
            pegel.Writer(own, FIELDS).close()
            os.chown(place / "pegel.tank", 1, 1)
            wait_until(lambda: events.next().data["board"] == "tank")
            assert len(list(Path(f"/proc/{server.process.pid}/task").iterdir())) < 50


def connected(server: Server, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), WATCHDOG, (source, 0))


@pytest.mark.parametrize("is_websocket", [False, True])
def test_one_peer_leaves_room_for_others(tank: Path, is_websocket: bool) -> None:
    # 272 files are 16 connections.
    with serving(tank.parent, by=("prlimit", "--nofile=272")) as server, ExitStack() as stack:
        for _ in range(30):
            client = stack.enter_context(connected(server, "127.0.0.1"))
            client.sendall(UPGRADE if is_websocket else b"GET / HTTP/1.1\r\nHost: local")
        for _ in range(4):
            other = stack.enter_context(connected(server, "127.0.0.2"))
            other.sendall(b"GET /boards/tank HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status_of(other) == 200


def test_rejected_requests_are_read_to_their_end(tank: Path) -> None:
    """Else the connection is reset, and the client may not get the answer."""
    arguments = ["--write", "tank", *token_file(tank.parent)]
    with serving(tank.parent, *arguments) as server:
        head = b"PUT /boards/tank HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), WATCHDOG) as client:
            client.sendall(head)
            sent = threading.Timer(0.1, lambda: client.sendall(b'{"level": 2}'))
            sent.start()
            assert status_of(client) == 401
            sent.join()
            # The connection still works.
            client.sendall(b"GET /boards/tank HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status_of(client) == 200
