"""`pegel serve`: boards as they change, for any number of clients."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

import pegel
from helpers.http import Server, memory, serving
from helpers.programs import ROOT, WATCHDOG, wait_until

FIELDS = {"level": pegel.f64("m", default=1.5), "note": pegel.text(24, default="")}


@pytest.fixture
def tank(tmp_path: Path) -> Path:
    pegel.Writer(tmp_path / "tank", FIELDS).close()
    return tmp_path / "tank"


@pytest.fixture
def server(tank: Path) -> Iterator[Server]:
    with serving(tank.parent) as server:
        yield server


def publish(board: Path, **values: Any) -> int:
    with pegel.Writer.open(board, timeout=WATCHDOG) as writer:
        return writer.update(**values)


def test_a_board_and_then_its_records(server: Server, tank: Path) -> None:
    with server.events("/boards/tank/events") as events:
        board = events.next()
        assert (board.name, board.data["board"], board.data["description"]) == ("board", "tank", "")
        assert [field["name"] for field in board.data["fields"]] == ["level", "note"]
        assert events.next().data == {"event": "writer", "board": "tank", "writer_alive": False}
        record = events.next()
        assert (record.name, record.data["event"], record.data["sequence"]) == (
            "message",
            "record",
            1,
        )
        now = server.ask("/boards/tank")
        assert f'"{record.id}"' == now.tag
        assert record.data["record"] == now.json["record"]
        for level in (2, 3):
            publish(tank, level=level)
            record = events.until("message")
            assert (record.data["sequence"], record.data["record"]["level"]) == (level, level)
            assert 0 <= record.data["age"] <= pegel.Reader(tank).read().age
    # A later client gets the age at that time.
    before = pegel.Reader(tank).read().age
    with server.events("/boards/tank/events") as events:
        age = events.until("message").data["age"]
        assert before <= age <= pegel.Reader(tank).read().age


def test_does_not_send_what_was_seen_again(server: Server, tank: Path) -> None:
    with server.events("/boards/tank/events") as events:
        seen = events.until("message").id
    known = {"Last-Event-ID": seen}
    with server.events("/boards/tank/events", known) as events:
        assert [events.next().name, events.next().name] == ["board", "writer"]
        sequence = publish(tank, level=2)
        assert events.until("message").data["sequence"] == sequence
    # What was missed is not made up for: there is the newest.
    for level in (3, 4, 5):
        sequence = publish(tank, level=level)
    with server.events("/boards/tank/events", known) as events:
        while events.until("message").data["sequence"] < sequence:
            pass


def test_writers_that_come_and_go(server: Server, tank: Path) -> None:
    script = "import pegel, sys; _ = pegel.Writer.open(sys.argv[1]); sys.stdin.read()"
    with server.events("/boards/tank/events") as events:
        assert not events.until("writer").data["writer_alive"]
        for _ in range(2):
            with subprocess.Popen(
                [sys.executable, "-c", script, str(tank)], stdin=subprocess.PIPE
            ) as writer:
                assert events.until("writer").data["writer_alive"]
                writer.send_signal(signal.SIGKILL)
            assert not events.until("writer").data["writer_alive"]


def test_boards_that_are_removed_and_replaced(server: Server, tank: Path) -> None:
    with server.events("/boards/tank/events") as events:
        lineage = events.next().data["lineage"]
        first = events.until("message").id
        publish(tank, level=2)
        assert events.until("message").data["sequence"] == 2
        # Replaced by a board with another field: the events continue.
        pegel.Writer(tank, FIELDS | {"fault": pegel.i32(optional=True)}).close()
        board = events.until("board")
        assert (board.data["lineage"], len(board.data["fields"])) == (lineage, 3)
        record = events.until("message")
        assert (record.data["sequence"], record.data["record"]["fault"]) == (2, None)
        pegel.unlink(tank)
        assert events.until("gone").data["board"] == "tank"
        # Another one of that name begins anew.
        pegel.Writer(tank, FIELDS).close()
        assert events.next().data["lineage"] != lineage
        record = events.until("message")
        assert (record.data["sequence"], record.id != first) == (1, True)


@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_is_removed_by_hand(server: Server, tank: Path, again: bool) -> None:
    """`rm` does not mark a board as gone: a reader that has it open can still read it."""
    file = tank.parent / "pegel.tank"
    with server.events("/boards/tank/events") as events:
        events.until("message")
        if again:
            (tank.parent / "other").write_bytes(file.read_bytes())
            (tank.parent / "other").rename(file)
            assert [events.next().name for _ in range(3)] == ["board", "writer", "message"]
        else:
            file.unlink()
            assert events.next().name == "gone"
            pegel.Writer(tank, FIELDS).close()
            assert events.next().name == "board"


def test_a_board_that_cannot_be_read(server: Server, tank: Path) -> None:
    with server.events("/boards/tank/events") as events:
        events.until("message")
        whole = (tank.parent / "pegel.tank").read_bytes()
        pegel.unlink(tank)
        (tank.parent / "pegel.tank").write_text("no board")
        problem = events.until("problem").data["problem"]
        assert (problem["code"], "pegel.tank" in problem["detail"]) == ("CORRUPT", True)
        (tank.parent / "other").write_bytes(whole)
        (tank.parent / "other").rename(tank.parent / "pegel.tank")
        assert [events.next().name for _ in range(3)] == ["board", "writer", "message"]


def test_all_boards_at_once(server: Server, tank: Path) -> None:
    with server.events("/events") as events:
        assert events.until("message").data["board"] == "tank"
        for name in ("ahoy", "config"):
            board = tank.parent / name
            pegel.Writer(board, FIELDS).close()
            assert events.until("board").data["board"] == name
            publish(board, level=3)
            record = events.until("message")
            while record.data["record"]["level"] != 3:
                record = events.until("message")
            assert record.data["board"] == name
        pegel.unlink(tank.parent / "ahoy")
        assert events.until("gone").data["board"] == "ahoy"
        publish(tank, level=4)
        record = events.until("message")
        assert (record.data["board"], record.data["record"]["level"]) == ("tank", 4)
        pegel.Writer(tank.parent / "ahoy", FIELDS).close()
        assert events.until("board").data["board"] == "ahoy"


@pytest.mark.long
def test_silence_is_broken_by_comments(server: Server) -> None:
    """It takes a quarter of a minute, which proxies and browsers have."""
    with server.events("/boards/tank/events") as events:
        events.until("message")
        lines = events.lines()
        while (line := next(lines)) != ":":
            assert line == ""


def test_the_same_by_websocket(server: Server, tank: Path) -> None:
    with server.websocket("/boards/tank/events") as socket_:
        messages = [json.loads(socket_.recv(WATCHDOG)) for _ in range(3)]
        assert [one["event"] for one in messages] == ["board", "writer", "record"]
        sequence = publish(tank, level=2)
        now: dict[str, Any] = {}
        while now.get("sequence") != sequence:
            now = json.loads(socket_.recv(WATCHDOG))
        with server.events("/boards/tank/events") as events:
            assert now | {"age": 0} == events.until("message").data | {"age": 0}
        # Others' pages may not, though browsers let them.
        with pytest.raises(InvalidStatus) as refused:
            server.websocket("/events", Origin="http://x.test")
        assert refused.value.response.status_code == 403
        server.process.send_signal(signal.SIGTERM)
        # It ends with all that was sent before, and says why.
        assert list(socket_) == []
        assert socket_.close_code == 1001
        assert server.process.wait(WATCHDOG) == 0


def test_the_end_of_the_server_ends_streams_well(tank: Path) -> None:
    with serving(tank.parent) as server, ExitStack() as stack:
        streams = [
            stack.enter_context(server.events(path)) for path in ("/boards/tank/events", "/events")
        ]
        for events in streams:
            events.until("message")
        server.process.send_signal(signal.SIGTERM)
        for events in streams:
            # This fails if the stream is cut off.
            events.answer.read()
        assert server.process.wait(WATCHDOG) == 0
    # Clients find a server again that was killed.
    with serving(tank.parent, listen=f"127.0.0.1:{server.port}") as again:
        with again.events("/boards/tank/events") as events:
            seen = events.until("message").id
            again.kill()
            with pytest.raises((OSError, http.client.IncompleteRead)):
                events.answer.read()
        fresh = Server(tank.parent, listen=f"127.0.0.1:{server.port}")
        with fresh.events("/boards/tank/events", {"Last-Event-ID": seen}) as events:
            sequence = publish(tank, level=2)
            assert events.until("message").data["sequence"] == sequence
        again.process = fresh.process


def threads(server: Server) -> set[str]:
    """Of the process, without those that look at boards for a moment."""
    following = set()
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        # A thread can end between the listing and the look at it.
        with suppress(FileNotFoundError, ProcessLookupError):
            if (task / "comm").read_text() == "follow\n":
                following.add(task.name)
    return following


def test_one_thread_a_board_as_long_as_anybody_follows(server: Server, tank: Path) -> None:
    pegel.Writer(tank.parent / "config", FIELDS).close()
    with ExitStack() as stack:
        for board in 50 * ("tank", "config"):
            events = stack.enter_context(server.events(f"/boards/{board}/events"))
            assert events.until("message").data["board"] == board
        assert len(threads(server)) == 2
    with pegel.Writer.open(tank, timeout=WATCHDOG) as writer:
        # Also while a writer publishes all the time.
        wait_until(lambda: writer.update(level=2) and not threads(server))


def test_who_does_not_read_costs_nothing(tmp_path: Path) -> None:
    writer = pegel.Writer(tmp_path / "ahoy", pegel.json(1 << 17))
    text = "x" * 100_000
    writer.publish({"number": 0, "text": text})
    with serving(tmp_path) as server, ExitStack() as stack:
        request = b"GET /boards/ahoy/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
        silent = []
        for _ in range(100):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stack.enter_context(client).connect(("127.0.0.1", server.port))
            client.sendall(request)
            silent.append(client)
        with server.events("/boards/ahoy/events") as events:
            for number in range(1, 101):
                writer.publish({"number": number, "text": text})
                newest = {"number": -1}
                while newest["number"] < number:
                    newest = events.until("message").data["record"]
        # A gigabyte, had it been kept for them.
        assert memory(server, "VmHWM") < 100
        # A client that reads again gets what was under way, in order, then the newest record.
        for client in silent[:2]:
            numbers = heard_until(client, 100)
            assert numbers == sorted(set(numbers))
            assert len(numbers) < 50
    writer.close()


def heard_until(client: socket.socket, last: int) -> list[int]:
    """The numbers of the records that come, up to one."""
    client.settimeout(WATCHDOG)
    heard = b""
    numbers = [-1]
    while numbers[-1] < last:
        part = client.recv(1 << 20)
        assert part, "the server ended the connection"
        heard += part
        numbers = [-1] + [int(number) for number in re.findall(rb'"number":(\d+),', heard)]
    return numbers


COUNT, PUBLICATIONS, MEBIBYTES = 2000, 50, 100


def test_two_thousand_follow_one_board(
    tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {"number": pegel.u64(), "values": pegel.u64(count=16), "note": pegel.text(24)}
    writer = pegel.Writer(tmp_path / "many", fields)

    def publish_number(number: int) -> None:
        values = [number + index for index in range(16)]
        writer.publish(number=number, values=values, note=f"number {number}")

    publish_number(1)
    with serving(tmp_path) as server:
        last = str(PUBLICATIONS + 1)
        command = [sys.executable, str(ROOT / "tests/bridges/serve/followers.py"), "127.0.0.1"]
        command += [str(server.port), "many", str(COUNT), last]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as followers:
            assert followers.stdout
            assert followers.stdout.readline() == "ready\n"
            pause = threading.Event()
            for number in range(2, PUBLICATIONS + 2):
                pause.wait(0.1)
                publish_number(number)
            seen = json.loads(followers.stdout.readline())
        assert followers.returncode == 0
        most = memory(server, "VmHWM")
    writer.close()
    with capsys.disabled():
        print(f"\n{COUNT} followers at 10 Hz: {most} MiB, {sum(seen)} events")
    assert len(seen) == COUNT
    assert most < MEBIBYTES
