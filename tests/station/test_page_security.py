"""What the pages refuse: others' forms, strangers, markup, and to write readings."""

import html
import http.client
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import boards
import pegel
from daily import Day, MeterSample
from executables import program
from helpers.programs import WATCHDOG
from helpers.station import HM600, HOUR, MIDSUMMER, ask, newest, reader, start
from temporary import Station, as_daemon, configure, padded

PASSWORD = "correct horse"
WRONG = "Wrong password."


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


class Client:
    """A browser's session without a browser: it keeps its cookie."""

    def __init__(self, station: Station) -> None:
        self._port = station.port
        self.cookie = ""

    def ask(
        self, method: str, path: str, values: dict[str, str] | None = None, **headers: str
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=WATCHDOG)
        body = urllib.parse.urlencode(values) if values is not None else None
        sent = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body, sent | headers)
        answer = connection.getresponse()
        if cookie := answer.headers.get("Set-Cookie"):
            self.cookie = cookie.split(";")[0]
        text = answer.read().decode()
        connection.close()
        return Answer(answer.status, answer.headers, text)

    def token(self) -> str:
        [token] = set(
            re.findall(r'name="token" value="([0-9a-f]+)"', self.ask("GET", "/daemon").text)
        )
        return str(token)


@pytest.fixture
def pages(station: Station) -> Station:
    configure(station, serial=padded(HM600))
    station.start_pages()
    return station


@pytest.mark.parametrize(
    "path", ["/settings", "/control", "/command", "/service", "/first", "/logout"]
)
def test_a_form_without_its_token_is_refused(pages: Station, path: str) -> None:
    client, other = Client(pages), Client(pages)
    before = newest(pages, "config").sequence
    for values in ({}, {"token": ""}, {"token": "0" * 32}, {"token": other.token()}):
        answer = client.ask("POST", path, {"running": "1", "sequence": "2", **values})
        assert answer.status == 403, values
    assert client.ask("POST", path, {"token[]": client.token()}).status == 403
    assert newest(pages, "config").sequence == before
    assert newest(pages, "service")["running"] is False


def test_the_right_token_is_accepted(pages: Station) -> None:
    client = Client(pages)
    assert client.ask("POST", "/service", {"token": client.token(), "running": "1"}).status == 303
    assert newest(pages, "service")["running"] is True


def test_the_session_is_its_browsers_alone(pages: Station) -> None:
    client = Client(pages)
    set_ = client.ask("GET", "/").headers["Set-Cookie"]
    assert "HttpOnly" in set_
    assert "SameSite=Strict" in set_
    # A session name that another client chose is not accepted.
    chosen = Client(pages)
    chosen.cookie = "station=chosen"
    assert "chosen" not in (chosen.ask("GET", "/").headers["Set-Cookie"] or "chosen")


@pytest.mark.parametrize(
    "path", ["/", "/settings", "/station.css", "/nothing", "/status", "/log/lines"]
)
def test_every_answer_has_the_headers(pages: Station, path: str) -> None:
    answer = Client(pages).ask("GET", path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "X-Powered-By" not in answer.headers
    assert "/" not in answer.headers["Server"]


def test_a_strangers_name_is_misdirected(pages: Station) -> None:
    assert Client(pages).ask("GET", "/", Host="elsewhere.example").status == 421


@pytest.mark.parametrize(
    "path",
    ["/../boards.json", "/index.php", "/src/Site.php", "/..%2f..%2fboards.json", "/.git/config"],
)
def test_nothing_but_the_pages_is_given_out(pages: Station, path: str) -> None:
    assert Client(pages).ask("GET", path).status in (400, 404)


def test_markup_is_shown_and_not_obeyed(pages: Station, open_page: Callable[..., Page]) -> None:
    client = Client(pages)
    markup = "<script>x</script>\"'&"
    form = client.ask("GET", "/settings").text
    sequence = re.findall(r'name="sequence" value="(\d+)"', form)[0]
    values = {"token": client.token(), "sequence": sequence, "serial-0": HM600, "name-0": markup}
    assert client.ask("POST", "/settings", values).status == 303
    assert newest(pages, "config")["name"][0] == markup
    page = open_page()
    expect(page.get_by_role("heading", name=re.compile("script"))).to_contain_text(markup)
    assert page.evaluate("document.querySelectorAll('main script').length") == 0
    for path in ("settings", "control", "daemon"):
        assert open_page(path).evaluate("document.querySelectorAll('main script').length") == 0
    wrong = client.ask("POST", "/settings", {**values, "interval": '"><img src=x>'})
    assert wrong.status == 422
    assert "<img src=x" not in wrong.text


def test_sent_things_of_another_shape_are_no_reason_to_fail(pages: Station) -> None:
    client = Client(pages)
    token = client.token()
    for path, status in (("/settings", 409), ("/command", 404), ("/control", 409), ("/first", 303)):
        for name in ("sequence[]", "serial-0[a][b]", "boxes", "inverter[]", "action[]", "limit[]"):
            answer = client.ask("POST", path, {"token": token, name: "x"})
            assert answer.status in (status, 422), (path, name, answer.text[:300])
    assert client.ask("POST", "/settings", {"token": token, "name-0": "x" * 70_000}).status == 413
    for path in ("/log/lines?after[]=1", "/log/lines?after=9-9-9&level[]=x", "/status?page[]=x"):
        assert client.ask("GET", path).status == 200
    assert "Warning" not in (pages.directory / "php-fpm.log").read_text()


def test_a_password_keeps_strangers_out(pages: Station) -> None:
    set_password(pages)
    client = Client(pages)
    for path in ("/", "/settings", "/control", "/log", "/daemon"):
        answer = client.ask("GET", path)
        assert answer.status == 401
        assert HM600 not in answer.text
    for path in ("/events", "/status", "/log/lines", "/log/download"):
        assert client.ask("GET", path).status == 401
    token = re.findall(r'name="token" value="([0-9a-f]+)"', client.ask("GET", "/").text)[0]
    assert client.ask("POST", "/service", {"token": token, "running": "1"}).status == 401
    wrong = client.ask("POST", "/login", {"token": token, "password": "wrong"})
    assert wrong.status == 401
    assert WRONG in wrong.text
    before = client.cookie
    assert client.ask("POST", "/login", {"token": token, "password": PASSWORD}).status == 303
    # The cookie from before the login is not accepted now.
    assert client.cookie != before
    stale = Client(pages)
    stale.cookie = before
    assert stale.ask("GET", "/").status == 401
    assert HM600 in client.ask("GET", "/settings").text
    assert client.ask("POST", "/logout", {"token": client.token()}).status == 303
    assert client.ask("GET", "/").status == 401
    # Nobody guesses at the speed of the machine.
    token = re.findall(r'name="token" value="([0-9a-f]+)"', client.ask("GET", "/").text)[0]
    guesses = [
        client.ask("POST", "/login", {"token": token, "password": f"{number}"}).status
        for number in range(20)
    ]
    assert set(guesses) == {401, 429}


def set_password(station: Station) -> None:
    make = ["php", "-r", "echo password_hash($argv[1], PASSWORD_DEFAULT);", PASSWORD]
    hash_ = subprocess.run(make, capture_output=True, text=True, check=True).stdout
    station.password.write_text(hash_)
    if os.geteuid() == 0:
        shutil.chown(station.password, "root", "www-data")
        station.password.chmod(0o640)


def test_other_users_cannot_reach_php(pages: Station) -> None:
    if os.geteuid() != 0:
        pytest.fail("another user tries to connect: run this test as root")
    sockets = [pages.directory / f"{pool}.sock" for pool in ("pages", "events")]
    for path in sockets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.owner() == "www-data"
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    connect = f"import socket, sys; [socket.socket({int(socket.AF_UNIX)}).connect(path)"
    connect += " for path in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-I", "-c", connect, *map(str, sockets)],
        user="nobody",
        group="nogroup",
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PermissionError" in done.stderr


@pytest.mark.parametrize("path", ["//x/login", "///login", "/x/../login", "/%6cogin", "//login"])
def test_no_other_path_passes_by_the_limit_of_logins(pages: Station, path: str) -> None:
    set_password(pages)
    client = Client(pages)
    token = re.findall(r'name="token" value="([0-9a-f]+)"', client.ask("GET", "/").text)[0]
    answers = [
        client.ask("POST", path, {"token": token, "password": f"{number}"}) for number in range(25)
    ]
    tried = [answer for answer in answers if answer.status != 429]
    # Either it is /login, with its limit, or no password is checked.
    checked = [answer for answer in tried if WRONG in answer.text]
    assert len(checked) < len(answers)
    right = client.ask("POST", path, {"token": token, "password": PASSWORD})
    assert right.status in (401, 404, 429)


def test_no_other_path_reaches_the_events(pages: Station) -> None:
    for path in ("//x/events", "//x/events?page=now"):
        answer = Client(pages).ask("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (
            404,
            "text/html; charset=UTF-8",
        )


def test_only_a_login_makes_a_session_file(pages: Station) -> None:
    set_password(pages)
    for path in ("/", "/settings", "/events", "/nothing") * 5:
        Client(pages).ask("GET", path)
    assert list(pages.sessions.iterdir()) == []
    old = [pages.sessions / f"sess_{number:064}" for number in range(3)]
    for file in old:
        file.write_text("x")
        os.utime(file, (1, 1))
    client = Client(pages)
    token = re.findall(r'name="token" value="([0-9a-f]+)"', client.ask("GET", "/").text)[0]
    assert client.ask("POST", "/login", {"token": token, "password": PASSWORD}).status == 303
    # Those that are over are gone.
    [file] = pages.sessions.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) & 0o007 in (0, 0o004)
    assert client.cookie.split("=")[1] not in file.name
    assert client.ask("POST", "/logout", {"token": client.token()}).status == 303
    assert list(pages.sessions.iterdir()) == []


def test_wrong_serial_numbers_leave_the_pages_alive(pages: Station) -> None:
    configure(pages, serial=padded(HM600, "../../etc", "<b>", "123"))
    client = Client(pages)
    for path in ("/", "/settings", "/control", "/log", "/daemon", "/status"):
        answer = client.ask("GET", path)
        assert answer.status == 200, path
        assert "<b>" not in answer.text
    assert "../../etc" in client.ask("GET", "/settings").text


def test_a_board_that_cannot_be_read_leaves_the_pages_alive(pages: Station) -> None:
    for board in ("meter", "daily", "daemon", f"inverter-{HM600}", f"events-{HM600}"):
        (pages.boards / f"pegel.{board}").write_bytes(b"x" * 5000)
    client = Client(pages)
    for path in ("/", "/settings", "/control", "/log", "/daemon", "/status"):
        assert client.ask("GET", path).status == 200, path


def test_pages_read_the_daemons_boards_and_cannot_write_them(station: Station) -> None:
    if os.geteuid() != 0:
        pytest.fail("the daemon and the page need users of their own: run this test as root")
    start(station, HM600)
    station.start_pages()
    reader(station, f"inverter-{HM600}").wait(0, WATCHDOG)
    assert oct(pegel.Reader(station.boards / f"inverter-{HM600}").info.mode) == "0o640"
    script = station.site / "intrude.php"
    shutil.copy(Path(__file__).with_name("intrude.php"), script)
    answer = subprocess.run(
        [program("cgi-fcgi"), "-bind", "-connect", str(station.directory / "pages.sock")],
        env={"SCRIPT_FILENAME": str(script), "REQUEST_METHOD": "GET"},
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=True,
    )
    seen = json.loads(answer.stdout.partition("\n\n")[2] or answer.stdout.partition("\r\n\r\n")[2])
    assert (seen["user"], seen["read"]) == ("www-data", HM600)
    for attempt in ("open", "create", "unlink"):
        assert seen[attempt].startswith("Pegel\\Denied: "), seen[attempt]
        assert f"pegel.inverter-{HM600}" in seen[attempt]
    # Not by the file's name either: the directory lets nobody take away those of others.
    assert (seen["rename"], seen["remove"], seen["log"], seen["port"]) == (
        False,
        False,
        False,
        False,
    )
    assert seen["programs"] == []
    assert newest(station, f"inverter-{HM600}").writer_alive


def test_huge_values_of_a_board_leave_the_pages_alive(pages: Station) -> None:
    """The chart has a line for each step of its scale, and a meter can send any number."""
    record = Day(None).add(MIDSUMMER + HOUR, UTC, [], MeterSample(1e30, 0.0, 0.0))
    with as_daemon(pages), boards.writer("daily", place=f"{pages.boards}/") as daily:
        daily.publish(record)
    answer = Client(pages).ask("GET", "/")
    assert answer.status == 200
    assert 2 <= answer.text.count('class="mark"') < 200


def test_unknown_words_of_a_board_are_shown_and_escaped(pages: Station) -> None:
    with as_daemon(pages), boards.writer("answers", place=f"{pages.boards}/") as answers:
        command = ask(pages, HM600, "<b>")
        answers.publish(command=command, stage="<i>", done=True, reason="<u>", message="<s>", at=0)
    answer = Client(pages).ask("GET", "/control")
    text = answer.text
    assert (answer.status, text.rstrip()[-7:]) == (200, "</html>")
    for word in ("<b>", "<i>"):
        assert html.escape(word) in text
        assert word not in text
