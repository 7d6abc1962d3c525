"""`pegel serve`: which requests are admitted."""

import base64
import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import pegel
from helpers.http import BEARER, JSON, TOKEN, Server, serving, token_file
from helpers.programs import WATCHDOG, built, environment, run

FIELDS = {"level": pegel.f64("m", default=1.5)}
WRITE = '{"level": 2}'


@pytest.fixture
def tank(tmp_path: Path) -> Path:
    pegel.Writer(tmp_path / "tank", FIELDS).close()
    return tmp_path / "tank"


def basic(password: str) -> dict[str, str]:
    pair = base64.b64encode(f"anybody:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def put(server: Server, headers: dict[str, str]) -> int:
    return server.ask("/boards/tank", JSON | headers, "PUT", WRITE).status


def test_writing_needs_the_token(tank: Path) -> None:
    with serving(tank.parent, "--write", "tank", *token_file(tank.parent)) as server:
        wrong = [
            {},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer"},
            {"Authorization": f"Bearer {TOKEN[:-1]}"},
            {"Authorization": f"Bearer {TOKEN}x"},
            basic("wrong"),
            {"Authorization": "Basic ?"},
        ]
        for headers in wrong:
            assert put(server, headers) == 401, headers
        answer = server.ask("/boards/tank", JSON, "PUT", WRITE)
        assert "--token-file" in answer.json["detail"]
        challenges = answer.headers.get_all("WWW-Authenticate")
        assert [challenge.split()[0] for challenge in challenges or []] == ["Bearer", "Basic"]
        # A client without one cannot find out which boards exist.
        for board in ("tank", "none"):
            assert server.ask(f"/boards/{board}", JSON, "PATCH", WRITE).status == 401
        assert pegel.Reader(tank).sequence == 1
        assert put(server, BEARER) == put(server, basic(TOKEN)) == 200
        # Reading needs none here.
        assert server.ask("/boards/tank").status == 200


def test_without_a_token_nobody_writes(tank: Path) -> None:
    with serving(tank.parent) as server:
        answer = server.ask("/boards/tank", BEARER | JSON, "PUT", WRITE)
        assert (answer.status, "--token-file" in answer.json["detail"]) == (403, True)


def test_only_known_names_are_answered(tank: Path) -> None:
    """A page whose name its owner has moved to this machine asks by that name."""
    with serving(tank.parent, "--host", "station.local") as server:

        def ask(host: str) -> int:
            return server.ask("/boards", {"Host": host}).status

        for host in (
            "localhost",
            f"127.0.0.1:{server.port}",
            "[::1]:80",
            "192.0.2.1",
            "STATION.local",
        ):
            assert ask(host) == 200, host
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "station"):
            assert ask(host) == 421, host
        for host in ("", "a b", "@", "localhost@evil.example"):
            assert ask(host) in (400, 421), host
        answer = server.ask("/", {"Host": "evil.example"})
        assert "--host evil.example" in answer.json["detail"]
        for head in (
            "GET /boards HTTP/1.1\r\n\r\n",
            "GET /boards HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
            "GET http://evil.example/boards HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", server.port), WATCHDOG) as client:
                client.sendall(head.encode())
                assert client.recv(4096)[9:12] in (b"400", b"421")


def test_pages_of_others_get_nothing(tank: Path) -> None:
    with serving(tank.parent, "--write", "tank", *token_file(tank.parent)) as server:
        own = {"Host": "localhost:7070"}
        for origin in ("http://evil.example", "null", "http://localhost:7071", "http://localhost"):
            assert put(server, BEARER | own | {"Origin": origin}) == 403, origin
            assert server.ask("/events", own | {"Origin": origin}).status == 403
        preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
        answer = server.ask("/boards/tank", preflight, "OPTIONS")
        names = [name.lower() for name in answer.headers]
        assert not [name for name in names if name.startswith("access-control-")]
        assert pegel.Reader(tank).sequence == 1
        # TLS may be spoken by a server before this one.
        for origin in ("http://localhost:7070", "https://localhost:7070"):
            assert put(server, BEARER | own | {"Origin": origin}) == 200


def test_answers_keep_browsers_strict(tank: Path) -> None:
    with serving(tank.parent) as server:
        for path in ("/", "/page.js", "/boards", "/nothing", "/metrics"):
            headers = server.ask(path).headers
            assert headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_beyond_this_machine_reading_needs_the_token_too(tank: Path) -> None:
    with serving(tank.parent, *token_file(tank.parent), listen="0.0.0.0:0") as server:
        for path in ("/", "/boards", "/boards/tank", "/events", "/metrics", "/openapi.json"):
            assert server.ask(path).status == 401, path
        assert server.ask("/boards", BEARER).status == 200
        assert server.ask("/", basic(TOKEN)).status == 200
    with serving(tank.parent, "--public", listen="0.0.0.0:0") as server:
        assert server.ask("/boards").status == 200
        assert put(server, BEARER) == 403


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Not below pytest's own directory, which only its user may enter."""
    with tempfile.TemporaryDirectory(prefix="pegel-serve-") as directory:
        place = Path(directory)
        place.chmod(0o755)
        pegel.Writer(place / "tank", FIELDS).close()
        yield place


def test_the_permissions_of_a_socket_say_who_writes(open_place: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("somebody else needs a user of his own: run this test as root")
    place = open_place
    path = place / "serve.sock"
    with serving(place, "--write", "tank", listen=f"unix:{path}") as server:
        assert server.url == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert put(server, {}) == 200
        ask = f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})"
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        done = run([*command, "/usr/bin/python3", "-c", ask])
        assert "PermissionError" in done.stderr
        # A name is needed here, too: a server before this one may hand on whatever it gets.
        assert server.ask("/boards", {"Host": "evil.example"}).status == 421
        other = [str(built("target/release/pegel")), "serve", "--listen", f"unix:{path}"]
        assert "another process does" in run(other, environment(place)).stderr
    assert not path.exists()
    with serving(place, "--write", "tank", *token_file(place), listen=f"unix:{path}") as server:
        assert (put(server, {}), put(server, BEARER)) == (401, 200)
        server.kill()
        assert path.exists()
        # What a killed server left does no harm.
        again = Server(place, listen=f"unix:{path}")
        assert again.ask("/boards").status == 200
        server.process = again.process
    path.write_text("a file")
    assert "not a socket" in run(other, environment(place)).stderr
    assert path.read_text() == "a file"


def test_heads_and_bodies_have_bounds(tank: Path) -> None:
    arguments = ["--write", "tank", "--max-body", "100", *token_file(tank.parent)]
    with serving(tank.parent, *arguments) as server:
        answer = server.ask("/boards/tank", BEARER | JSON, "PUT", " " * 101)
        assert (answer.status, "--max-body" in answer.json["detail"]) == (413, True)
        # The answer may be lost when there is more to read than is read.
        for path, head in (("/boards", "x" * 100_000), (f"/{'x' * 100_000}", "")):
            with suppress(OSError):
                assert server.ask(path, {"X": head}).status in (414, 431)
        # One that says no length is cut off as well.
        connection = server.connect()
        connection.request(
            "PUT", "/boards/tank", iter([b"x" * 60] * 2), BEARER | JSON, encode_chunked=True
        )
        assert connection.getresponse().status == 413
        connection.close()
        assert put(server, BEARER) == 200


def test_noise(tank: Path) -> None:
    """Of bytes at random, and of heads that were cut off; then it answers as before."""
    with serving(tank.parent) as server:
        for noise in (
            os.urandom(10_000),
            b"GET ",
            b"\r\n" * 1000,
            b"GET / HTTP/9.9\r\n\r\n",
            b"\0",
        ):
            with socket.create_connection(("127.0.0.1", server.port), WATCHDOG) as client:
                client.sendall(noise)
        assert json.loads(server.ask("/boards").text)["boards"][0]["board"] == "tank"


def test_a_board_of_a_stranger(tank: Path) -> None:
    (tank.parent / "pegel.tank").chmod(0o666)
    with serving(tank.parent, "--write", "tank", *token_file(tank.parent)) as server:
        answer = server.ask("/boards/tank")
        assert (answer.status, answer.json["code"]) == (403, "UNTRUSTED")
        assert put(server, BEARER) == 403
