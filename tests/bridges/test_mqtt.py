"""`pegel mqtt` and a real broker: what it publishes, also when a writer is gone."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.mqtt import TANK, Broker, bridged, listening, plain
from helpers.programs import ROOT, WATCHDOG, built, environment, run, wait_until
from helpers.systemd import verify_unit

HERE = ("--prefix", "site")


def test_a_record_is_published(broker: Broker, boards: Path) -> None:
    with (
        listening(broker) as now,
        pegel.Writer(boards / "tank", TANK) as writer,
        bridged(boards, broker, *HERE),
    ):
        writer.update(level=3.25, note='"läuft"')
        wait_until(lambda: now.values.get("site/tank/fields/level") == "3.25")
        newest = writer.read()
        message = now.json("site/tank")
        assert message["record"] == {
            **{name: plain(value) for name, value in newest.items()},
            "note": '"läuft"',
            "fault": None,
        }
        assert (message["sequence"], message["generation"], message["is_default"]) == (2, 1, False)
        assert newest.stamp.published_ns is not None
        assert message["published"] == pytest.approx(newest.stamp.published_ns / 1e9)
        assert 0 <= message["age"] <= newest.age
        texts = {"pumps": "1,2", "note": '"läuft"', "count": str(2**64 - 1), "on": "false"}
        for name, text in texts.items():
            assert now.wait_for(f"site/tank/fields/{name}") == text
        assert now.wait_for("site/tank/fields/fault") == ""
        assert 0 <= float(now.wait_for("site/tank/age")) < WATCHDOG
        assert now.wait_for("site/tank/writer") == "alive"
        writer.update(fault=-7)
        now.wait_for("site/tank/fields/fault", "-7")
        # A later subscriber gets everything except unknown values.
        writer.update(fault=None)
        now.wait_for("site/tank/fields/fault", "")
        with listening(broker, "site/tank/#") as late:
            late.wait_for("site/tank/writer", "alive")
            assert late.wait_for("site/tank/fields/level") == "3.25"
            assert all(late.retained.values())
            assert "site/tank/fields/fault" not in late.values


def test_documents_are_published(broker: Broker, boards: Path) -> None:
    with listening(broker) as now, bridged(boards, broker, *HERE):
        with pegel.Writer(boards / "all", pegel.json(200)) as writer:
            writer.publish({"b": [1, 2.5], "a": None})
            now.wait_for("site/all")
            wait_until(lambda: now.json("site/all")["record"] == {"b": [1, 2.5], "a": None})
        with pegel.Writer(boards / "raw", pegel.bytes_(20)) as writer:
            writer.publish(b"\0\xff")
            wait_until(
                lambda: now.json("site/raw")["record"] == "AP8=" if "site/raw" in now.values else 0
            )


def test_all_boards_are_published_and_new_ones(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "old", TANK).close()
    with listening(broker) as now, bridged(boards, broker, *HERE) as bridge:
        now.wait_for("site/old")
        with pegel.Writer(boards / "new", TANK) as writer:
            now.wait_for("site/new/writer", "alive")
            writer.update(on=True)
            now.wait_for("site/new/fields/on", "true")
        bridge.wait_until_well()
        # Reports about itself would be new for ever.
        assert not [topic for topic in now.values if "pegel-mqtt" in topic]


def test_a_board_without_records_has_none(broker: Broker, boards: Path) -> None:
    with (
        listening(broker) as now,
        pegel.Writer(boards / "tank", level=pegel.f64("m")) as writer,
        bridged(boards, broker, *HERE),
    ):
        now.wait_for("site/tank/writer", "alive")
        assert "site/tank" not in now.values
        writer.publish(level=1.0)
        now.wait_for("site/tank/fields/level", "1")


GAUGE = """
import sys, pegel
with pegel.Writer("tank", level=pegel.f64("m")) as writer:
    writer.publish(level=float(sys.argv[1]))
    print(flush=True)
    sys.stdin.readline()
"""


@contextmanager
def gauge(boards: Path, level: float) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", GAUGE, str(level)]
    with subprocess.Popen(command, env=environment(boards), stdin=pipe, stdout=pipe) as writer:
        try:
            assert writer.stdout
            assert writer.stdout.readline()
            yield writer
        finally:
            writer.kill()


def test_a_writer_that_dies_is_gone(broker: Broker, boards: Path) -> None:
    with listening(broker) as now, bridged(boards, broker, *HERE, "--board", "tank"):
        # It need not be there yet.
        now.wait_for("site/tank/writer", "gone")
        for level in (1, 2):
            with gauge(boards, level) as writer:
                now.wait_for("site/tank/writer", "alive")
                now.wait_for("site/tank/fields/level", str(level))
                writer.send_signal(signal.SIGKILL)
                now.wait_for("site/tank/writer", "gone")
            # Its last value stays.
            assert now.json("site/tank")["record"] == {"level": level}


def test_the_last_will_reports_that_the_bridge_is_gone(broker: Broker, boards: Path) -> None:
    with (
        listening(broker) as now,
        pegel.Writer(boards / "tank", TANK) as writer,
        bridged(boards, broker, *HERE) as bridge,
    ):
        for end in (bridge.kill, bridge.end):
            now.wait_for("site/tank/writer", "alive")
            end()
            now.wait_for("site/tank/writer", "gone")
            writer.update(count=5)
            bridge.start()
        now.wait_for("site/tank/writer", "alive")
        now.wait_for("site/tank/fields/count", "5")


def test_after_an_hour_only_the_newest_is_sent(broker: Broker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", level=pegel.u64()) as writer,
        bridged(boards, broker, *HERE, complaint="the connection to the broker is lost") as bridge,
    ):
        writer.publish(level=0)
        with listening(broker) as now:
            now.wait_for("site/tank/fields/level", "0")
        broker.kill()
        for level in range(20_000):
            writer.publish(level=level)
        wait_until(lambda: bridge.status()["state"] == "failing")
        broker.start()
        with listening(broker) as now:
            now.wait_for("site/tank/fields/level", "19999")
            writer.publish(level=20_000)
            now.wait_for("site/tank/fields/level", "20000")
            came = [payload for topic, payload in now.arrived.queue if topic == "site/tank"]
        records = [json.loads(payload)["record"]["level"] for payload in came]
        assert records in ([19_999, 20_000], [20_000])
        wait_until(lambda: bridge.status()["state"] == "ok")


def test_a_fast_writer_is_published_at_the_interval(broker: Broker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", level=pegel.u64()) as writer,
        listening(broker) as now,
        bridged(boards, broker, *HERE, "--min-interval", "3600"),
    ):
        writer.publish(level=0)
        now.wait_for("site/tank")
        first = now.json("site/tank")["sequence"]
        for level in range(1000):
            writer.publish(level=level)
        with listening(broker):
            # What was published before that came before it.
            now.say("mark", "")
            now.wait_for("mark")
        assert now.json("site/tank")["sequence"] == first


def test_reports_wrong_command_lines(boards: Path, tmp_path: Path) -> None:
    def complaint(*arguments: str) -> tuple[int, str]:
        command = [str(built("target/release/pegel")), "mqtt", *arguments]
        done = run(command, environment(boards))
        return done.returncode, done.stderr

    broker = ("--broker", "mqtt://127.0.0.1:1")
    open_to_all = tmp_path / "password"
    open_to_all.write_text("secret")
    open_to_all.chmod(0o644)
    for arguments, status, reason in [
        ((), 2, "--broker"),
        (("--broker", "localhost"), 2, "write mqtt://HOST"),
        (("--broker", "mqtt://u:p@localhost"), 2, "--password-file"),
        ((*broker, "--prefix", "a/#"), 2, "no + or #"),
        ((*broker, "--mirror", "a//b"), 2, "no + or #"),
        ((*broker, "--user", "solar"), 2, "--password-file"),
        ((*broker, "--board", "/a/tank", "/b/tank"), 2, "two boards have the name tank"),
        ((*broker, "--board", "tank", "--mirror", "a/tank"), 2, "named twice"),
        ((*broker, "--user", "x", "--password-file", str(open_to_all)), 1, "chmod o="),
        ((*broker, "--user", "x", "--password-file", "/nowhere"), 1, "/nowhere"),
        ((*broker, "--ca", "/nowhere"), 1, "certificates need an mqtts:// broker"),
        (("--broker", "mqtts://x", "--ca", "/nowhere"), 1, "/nowhere"),
        (("--broker", "mqtts://x", "--ca", str(open_to_all)), 1, "has no CA certificate"),
    ]:
        outcome = complaint(*arguments)
        assert (outcome[0], reason in outcome[1]) == (status, True), outcome


def test_the_doctor_looks_at_bridges(broker: Broker, boards: Path) -> None:
    def finding() -> dict[str, Any]:
        command = [str(built("target/release/pegel")), "doctor", "--json"]
        lines = run(command, environment(boards)).stdout.splitlines()
        found = [json.loads(line) for line in lines]
        return next((one for one in found if one["subject"].startswith("MQTT")), {})

    assert finding() == {}
    with bridged(boards, broker, *HERE, "--board", "tank", complaint="lost") as bridge:
        bridge.wait_until_well()
        assert (finding()["status"], finding()["message"]) == ("ok", "1 connections to the broker")
        broker.kill()
        wait_until(lambda: bridge.status()["state"] == "failing")
        assert finding()["status"] == "problem"
    assert (finding()["status"], "does not run" in finding()["message"]) == ("note", True)


def test_two_bridges_have_two_boards(broker: Broker, boards: Path) -> None:
    with bridged(boards, broker, *HERE) as bridge:
        bridge.wait_until_well() if list(boards.glob("pegel.tank")) else wait_until(bridge.status)
        second = run([*bridge.command], environment(boards))
        assert (second.returncode, "has a writer" in second.stderr) == (1, True)
        with bridged(boards, broker, *HERE, "--status", "other"):
            wait_until(lambda: (boards / "pegel.other").exists())


def test_the_unit_is_one_and_hardened(tmp_path: Path) -> None:
    verify_unit("pegel-mqtt.service", tmp_path, threshold=15)


def test_the_documentation_works(broker: Broker, boards: Path) -> None:
    """What a listener is shown in it, as it comes."""
    text = (ROOT / "docs/mqtt.md").read_text()
    shown = text.split("<!-- topics -->\n```\n")[1].split("```")[0]
    fields = {"power": pegel.f64("W"), "yield_day": pegel.f64("kWh", optional=True)}
    with listening(broker) as now, pegel.Writer(boards / "inverter", fields) as writer:
        writer.publish(power=21.8)
        with bridged(boards, broker, "--prefix", "pegel/solar"):
            now.wait_for("pegel/solar/inverter/writer", "alive")
            now.wait_for("pegel/solar/inverter/fields/power", "21.8")
            topics = [line.split(" ")[0] for line in shown.splitlines()]
            assert sorted(topics) == sorted(now.values)
            message = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
            assert (
                json.loads(message["pegel/solar/inverter"]).keys()
                == now.json("pegel/solar/inverter").keys()
            )


def test_it_needs_no_rights_but_to_read(broker: Broker) -> None:
    """It publishes what it may read, and rejects commands for what it may not write."""
    if os.geteuid() != 0:
        pytest.fail("another user can be had by root alone: run this test as root")
    with tempfile.TemporaryDirectory() as place:
        boards, status = Path(place), Path(place, "status")
        status.mkdir()
        boards.chmod(0o755)
        os.chown(status, 65534, 65534)
        pegel.Writer(boards / "tank", TANK, mode=0o644).close()
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        command += [str(built("target/release/pegel-mqtt")), "mqtt", "--broker", broker.url, *HERE]
        command += ["--write", "tank", "--status", f"{status}/pegel-mqtt"]
        with (
            listening(broker) as now,
            subprocess.Popen(command, env=environment(boards)) as bridge,
        ):
            try:
                now.wait_for("site/tank/fields/level", "1.5")
                reader = pegel.Reader(status / "pegel-mqtt")
                wait_until(lambda: reader.read()["connected"] == reader.read()["connections"] == 2)
                now.say("site/tank/set/level", "2")
                assert "tank" in now.next("site/tank/rejected")["reason"]
            finally:
                bridge.kill()
