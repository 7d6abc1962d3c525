"""`pegel serial` over pseudo-terminals: whole records only, whatever the line does."""

import random
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.programs import ROOT, WATCHDOG, built, environment, run, wait_until
from helpers.serial import (
    FIELDS,
    Line,
    counters,
    newest,
    sequence,
    serial,
    wait_for_sequence,
)

METER = (ROOT / "examples/serial/meter.toml").read_text()


def telegram(number: int) -> bytes:
    """Of an eBZ DD3, as its optical head sends one every second."""
    lines = [
        "/EBZ5DD32R06ETA_107",
        "",
        "1-0:0.0.0*255(1EBZ0100000000)",
        "1-0:96.1.0*255(1EBZ0100000000)",
        f"1-0:1.8.0*255({number:06}.71600000*kWh)",
        f"1-0:2.8.0*255({2 * number:06}.25000000*kWh)",
        f"1-0:16.7.0*255({-number:07}.12*W)",
        "!",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def record(number: int) -> dict[str, Any]:
    """What a telegram says."""
    # A float of 32 bits, as Python has it.
    power = -float(f"{number}.12")
    return {
        "id": "1EBZ0100000000",
        "import": number + 0.716,
        "export": 2 * number + 0.25,
        "power": pytest.approx(power, rel=1e-6),
    }


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_telegrams_of_a_meter_at_its_own_pace(tmp_path: Path, line: Line) -> None:
    with serial(tmp_path, METER):
        # It joins in the middle of one.
        line.say(telegram(1)[-70:], baud=9600)
        for number in (2, 3):
            line.say(telegram(number), baud=9600)
            wait_for_sequence(tmp_path, number - 1)
            assert dict(pegel.Reader(tmp_path / "meter").read()) == record(number)
        wait_until(lambda: counters(tmp_path)["records"] == 2)
        counted = counters(tmp_path)
        assert (counted["good"], counted["bad"], counted["state"]) == (16, 0, "ok")
        assert counted["lost"] > 0
    # Another bridge continues the counters.
    with serial(tmp_path, METER):
        line.say(telegram(4))
        wait_until(lambda: counters(tmp_path)["records"] == 3)
        assert counters(tmp_path)["good"] == 24
    reader = pegel.Reader(tmp_path / "meter")
    assert not reader.writer_alive
    assert reader.fields["import"].unit == "kWh"


@pytest.mark.parametrize("seed", range(3))
def test_lost_and_doubled_bytes_make_no_record(tmp_path: Path, line: Line, seed: int) -> None:
    chance = random.Random(seed)
    whole = set()
    with serial(tmp_path, METER.replace("[[field]]", "slots = 256\n[[field]]", 1)):
        reader = pegel.Reader(tmp_path / "meter")
        seen: list[dict[str, Any]] = []
        follow = threading.Thread(target=lambda: collect(reader, seen))
        follow.start()
        is_clean = True
        for number in range(1, 200):
            text = bytearray(telegram(number))
            kind = chance.choice(["whole", "lost", "doubled", "garbled", "half"])
            place = chance.randrange(len(text))
            if kind == "whole" and is_clean:
                whole.add(number)
            elif kind == "lost":
                del text[place]
            elif kind == "doubled":
                text.insert(place, text[place])
            elif kind == "garbled":
                # What the kernel hands over for a character of wrong parity; or one of eight bits.
                text[place] = chance.choice([0, text[place] ^ 0x80])
            else:
                del text[place:]
            line.say(bytes(text), baud=115_200)
            # Else the next one's first line hangs on this one's last.
            is_clean = text.endswith(b"\n")
        whole.add(200)
        line.say(b"\r\n" + telegram(200))
        wait_until(lambda: seen and seen[-1]["import"] == 200.716)
        follow.join(timeout=WATCHDOG)
    for now in seen:
        number = int(now["import"])
        assert now == record(number)
    # A byte may be lost, or doubled, where it says nothing.
    numbers = [int(now["import"]) for now in seen]
    assert whole <= set(numbers)
    assert numbers == sorted(set(numbers))


def collect(reader: pegel.Reader, seen: list[dict[str, Any]]) -> None:
    for now in reader.follow(timeout=WATCHDOG, every=True):
        seen.append(dict(now))
        if now["import"] == 200.716:
            return


def test_a_port_that_vanishes_and_comes_back(tmp_path: Path, line: Line) -> None:
    with serial(tmp_path, METER, failure=str(line.port)):
        line.say(telegram(1))
        wait_until(lambda: sequence(tmp_path) == 1)
        line.say(telegram(2)[:100])
        line.unplug()
        wait_until(lambda: not counters(tmp_path)["connected"])
        assert str(line.port) in counters(tmp_path)["last_failure"]
        line.plug()
        wait_until(lambda: counters(tmp_path)["connected"])
        # The rest of a telegram whose beginning was not read.
        line.say(telegram(3)[100:] + telegram(4))
        wait_until(lambda: sequence(tmp_path) == 2)
        assert dict(pegel.Reader(tmp_path / "meter").read()) == record(4)


def test_floods_and_garbage(tmp_path: Path, line: Line) -> None:
    noise = random.Random(7)
    with serial(tmp_path, METER):
        line.say(bytes(noise.randrange(256) for _ in range(100_000)))
        line.say(b"x" * 1_000_000)
        line.say(b"\r\n" + telegram(1))
        wait_until(lambda: sequence(tmp_path) == 1)
        line.say(telegram(2) * 1000)
        wait_until(lambda: sequence(tmp_path) == 1001)
        wait_until(lambda: counters(tmp_path)["records"] == 1001)
        assert counters(tmp_path)["lost"] > 0


FORMATS: dict[str, tuple[str, list[str], list[dict[str, Any]], tuple[int, int, int]]] = {
    "pairs": (
        'format = "pairs"',
        [
            "wer=9 count=1",
            "power=21.5 count=7 on=1",
            "power=+22, other=x; count=8",
            "count=9",
            "power=high",
            "power",
            "power=1 power=2",
            "power=3 count=65536",
        ],
        [
            {"power": 21.5, "count": 7, "on": True},
            {"power": 22.0, "count": 8, "on": None},
        ],
        (2, 5, 1),
    ),
    "json": (
        'format = "json"\n[serial.from]\npower = "ac.power"\n[serial.scale]\npower = 0.1',
        [
            '{"ac": {"power": 215}, "count": 7, "on": true}',
            '{"ac": {"power": 220}, "count": null}',
            '{"ac": {"power": 22',
            "[1]",
            '{"power": 1}',
        ],
        [{"power": 21.5, "count": 7, "on": True}, {"power": 22.0, "count": None, "on": None}],
        (2, 3, 0),
    ),
    "csv": (
        "format = \"csv\"\ndelimiter = ';'",
        ["7;21;1", "count;power;extra", "7; 21.5;x", ";22;", "8;23", "power;count", "24;9"],
        [
            {"power": 21.5, "count": 7, "on": None},
            {"power": 22.0, "count": None, "on": None},
            {"power": 24.0, "count": 9, "on": None},
        ],
        (5, 1, 1),
    ),
    "csv with columns": (
        'format = "csv"\ncolumns = ["power", "on"]',
        ["1,off", "21.5,on", "22,off", "power,on"],
        [
            {"power": 21.5, "count": None, "on": True},
            {"power": 22.0, "count": None, "on": False},
        ],
        (2, 1, 1),
    ),
    "patterns": (
        "format = \"patterns\"\npatterns = ['^P (?<power>[0-9.]+)( C (?<count>[0-9]+))?$']",
        ["P 1", "P 21.5 C 7", "P 22", "Q 1", "P 1.2.3"],
        [
            {"power": 21.5, "count": 7, "on": None},
            {"power": 22.0, "count": None, "on": None},
        ],
        (2, 2, 1),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(tmp_path: Path, line: Line, name: str) -> None:
    section, said, expected, (good, bad, lost) = FORMATS[name]
    with serial(tmp_path, FIELDS + section):
        for text in said:
            line.say(text.encode() + b"\n")
        wait_until(lambda: counters(tmp_path)["good"] == good and counters(tmp_path)["bad"] == bad)
        counted = counters(tmp_path)
        assert (counted["good"], counted["bad"], counted["lost"]) == (good, bad, lost), counted
        reader = pegel.Reader(tmp_path / "meter")
        assert [dict(now) for now in reader.last(100)] == expected


@pytest.mark.parametrize("name", FORMATS)
def test_noise_in_every_format(tmp_path: Path, line: Line, name: str) -> None:
    """Of bytes at random, and of those that lines are made of."""
    section, said, expected, _ = FORMATS[name]
    chance = random.Random(name)
    letters = "".join(said).encode() + b"\n\n\n\r\0"
    with serial(tmp_path, FIELDS + section):
        line.say(chance.randbytes(20_000) + b"\n")
        line.say(bytes(chance.choices(letters, k=50_000)) + b"\n")
        # The header, and what it is for.
        for text in said:
            line.say(text.encode() + b"\n")
        wait_until(lambda: newest(tmp_path) == expected[-1])


CONTROL = '[serial.write]\nlimit = "LIMIT {}"\non = "ON {}"\n'


@pytest.fixture
def control(tmp_path: Path) -> Path:
    fields = {"limit": pegel.u16("W", default=600), "on": pegel.bool_(default=True)}
    pegel.Writer(tmp_path / "control", fields).close()
    return tmp_path / "control"


def send(board: Path, **values: Any) -> int:
    with pegel.Writer.open(board, timeout=WATCHDOG) as writer:
        return writer.update(**values)


def acknowledged(place: Path) -> tuple[int, bool, str]:
    now = pegel.Reader(place / "control-sent").read()
    return now["command"], now["done"], now["message"]


def test_fields_are_sent_once_when_they_change(tmp_path: Path, line: Line, control: Path) -> None:
    map_ = FIELDS + 'format = "pairs"\n' + CONTROL
    with serial(tmp_path, map_, "--write", "control"):
        number = send(control, limit=300)
        assert line.hear(11) == b"LIMIT 300\r\n"
        wait_until(lambda: acknowledged(tmp_path) == (number, True, ""))
        number = send(control, limit=300)
        wait_until(lambda: acknowledged(tmp_path) == (number, True, "nothing has changed"))
        for limit in (100, 200):
            send(control, limit=limit)
        number = send(control, limit=200, on=False)
        assert line.hear(32) == b"LIMIT 100\r\nLIMIT 200\r\nON false\r\n"
        # Done, not only begun: an interrupted command makes the next one say all fields anew.
        wait_until(lambda: acknowledged(tmp_path)[:2] == (number, True))
    # What was published meanwhile is sent, and nothing twice.
    send(control, limit=250)
    with serial(tmp_path, map_, "--write", "control"):
        assert line.hear(11) == b"LIMIT 250\r\n"
        number = send(control, on=True)
        assert line.hear(9) == b"ON true\r\n"
        wait_until(lambda: acknowledged(tmp_path) == (number, True, ""))


def test_a_command_that_was_interrupted_is_not_sent_twice(
    tmp_path: Path, line: Line, control: Path
) -> None:
    number = send(control, limit=300)
    sent = {"command": pegel.u64(default=0), "done": pegel.bool_(default=True)}
    with pegel.Writer(
        tmp_path / "control-sent", {**sent, "message": pegel.text(120, default="")}
    ) as writer:
        writer.publish(command=number, done=False, message="being sent")
    map_ = FIELDS + 'format = "pairs"\n' + CONTROL
    with serial(tmp_path, map_, "--write", "control"):
        interrupted = (number, False, "interrupted: it may have been sent")
        wait_until(lambda: acknowledged(tmp_path) == interrupted)
        # The values of the device are unknown: all fields are sent again.
        number = send(control, limit=300)
        assert line.hear(20) == b"LIMIT 300\r\nON true\r\n"
        wait_until(lambda: acknowledged(tmp_path) == (number, True, ""))


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x03", "\x85"])
def test_a_text_cannot_become_a_second_command(tmp_path: Path, line: Line, end: str) -> None:
    board = tmp_path / "control"
    fields = {"limit": pegel.u16("W", default=600, min=2), "show": pegel.text(40, default="")}
    pegel.Writer(board, fields).close()
    map_ = FIELDS + 'format = "pairs"\n[serial.write]\nlimit = "LIMIT {}"\nshow = "SHOW {}"\n'
    with serial(tmp_path, map_, "--write", "control"):
        number = send(board, show=f"hello{end}LIMIT 0", limit=70)
        wait_until(lambda: acknowledged(tmp_path)[0] == number)
        wait_until(lambda: "control characters" in acknowledged(tmp_path)[2])
        assert acknowledged(tmp_path)[1] is False
        # Nothing of that record was sent.
        number = send(board, show="hello", limit=80)
        assert line.hear(22) == b"LIMIT 80\r\nSHOW hello\r\n"
        wait_until(lambda: acknowledged(tmp_path)[:2] == (number, True))


@pytest.mark.parametrize(
    ("map_", "arguments", "status", "message"),
    [
        ("", [], 1, "no section [serial]"),
        (FIELDS + 'format = "xml"', [], 1, "format must be"),
        (FIELDS + "format = \"patterns\"\npatterns = ['(']", [], 1, "pattern"),
        (FIELDS + "format = \"patterns\"\npatterns = ['x']", [], 1, "(?<power>...)"),
        (FIELDS + 'format = "json"\n[serial.scale]\nwind = 2', [], 1, "no field wind"),
        (FIELDS + 'format = "json"\nparity = "mark"', [], 1, "parity must be"),
        (FIELDS + 'format = "json"\nmax_line = 0', [], 1, "max_line must be"),
        (FIELDS + 'format = "json"', ["--write", "control"], 2, "[serial.write]"),
        (FIELDS + 'format = "json"\n' + CONTROL, ["--write", "nothing"], 1, "no board nothing"),
        (FIELDS + 'format = "json"', ["--baud", "1"], 2, "--baud"),
    ],
)
def test_reports_mistakes(
    tmp_path: Path, map_: str, arguments: list[str], status: int, message: str
) -> None:
    (tmp_path / "map.toml").write_text(map_)
    command = [str(built("target/release/pegel")), "serial", "--map", str(tmp_path / "map.toml")]
    done = subprocess.run(
        [*command, "--port", "/dev/nothing", *arguments],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr


def test_a_port_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(METER)
    command = [str(built("target/release/pegel")), "serial", "--map", str(tmp_path / "map.toml")]
    command += ["--port", str(tmp_path / "tty")]
    with subprocess.Popen(command, env=environment(tmp_path)) as process:
        try:
            wait_until(lambda: "cannot open" in counters(tmp_path)["last_failure"])
            Line(tmp_path)
            wait_until(lambda: counters(tmp_path)["connected"])
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=WATCHDOG) == 0
        finally:
            process.kill()


def test_the_documentation_prints_the_map() -> None:
    assert f"```toml\n{METER}```" in (ROOT / "docs/serial.md").read_text()


def test_the_unit_is_one_and_hardened(tmp_path: Path) -> None:
    name = "pegel-serial@.service"
    text = (ROOT / "packaging/systemd" / name).read_text()
    program = str(built("target/release/pegel"))
    (tmp_path / name).write_text(text.replace("/usr/bin/pegel", program))
    verify = ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)]
    done = run(verify)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(tmp_path / name)]
    )
    assert done.returncode == 0, done.stdout
