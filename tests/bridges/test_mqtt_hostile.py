"""Messages that hostile clients and brokers send, and files of other users."""

import base64
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.mqtt import (
    HERE,
    TANK,
    THERE,
    Bridge,
    Broker,
    Machines,
    bridged,
    listening,
    record_message,
)
from helpers.programs import built, environment, run, wait_until

HOSTILE: dict[str, Any] = {
    "no JSON": "{",
    "no object": "3",
    "no text": b"\xff",
    "nothing": "",
    "a part of it": {"format": 1},
    "too short": {"record": base64.b64encode(bytes(7)).decode()},
    "too long": {"record": base64.b64encode(bytes(9)).decode()},
    "no base64": {"record": "?"},
    "no sequence": {"sequence": 0},
    "no such sequence": {"sequence": 2**63},
    "a negative one": {"sequence": -1},
    "no lineage": {"lineage": "xyz"},
    "a later format": {"format": 2},
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_record_is_refused(broker: Broker, machines: Machines, what: str) -> None:
    with pegel.Writer(machines.here / "tank", number=pegel.u64()) as writer:
        writer.publish(number=1)
        with listening(broker) as now, bridged(machines.here, broker, *HERE):
            now.wait_for("here/tank/writer")
            schema = now.json("here/tank/schema")
    with (
        listening(broker) as now,
        bridged(machines.there, broker, *THERE, complaint="cannot be mirrored") as there,
    ):
        machines.wait_for(1)
        hostile = HOSTILE[what]
        if isinstance(hostile, dict) and what != "a part of it":
            hostile = record_message(schema, **hostile)
        now.say("here/tank/record", hostile)
        wait_until(lambda: "cannot be mirrored" in there.status()["last_failure"])
        assert pegel.Reader(machines.there / "tank").read()["number"] == 1
        now.say("here/tank/record", record_message(schema))
        assert machines.wait_for(42).sequence == 3
        wait_until(lambda: there.status()["state"] == "ok")


@pytest.mark.parametrize("table", ["", "AAAA", base64.b64encode(b"\xff" * 64).decode()])
def test_what_is_no_schema_is_refused(broker: Broker, machines: Machines, table: str) -> None:
    schema = {"format": 1, "hash": "00", "table": table, "details": "{"}
    with (
        listening(broker) as now,
        bridged(machines.there, broker, *THERE, complaint="cannot be mirrored") as there,
    ):
        there.wait_until_well()
        now.say("here/tank/schema", schema)
        wait_until(lambda: "cannot be mirrored" in there.status()["last_failure"])
        assert not (machines.there / "pegel.tank").exists()


def peak(bridge: Bridge) -> int:
    """The most memory that it took, in MiB."""
    status = Path(f"/proc/{bridge.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


def test_commands_are_no_longer_than_the_board_can_hold(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", TANK).close()
    pegel.Writer(boards / "ahoy", pegel.json(1000)).close()
    options = (*HERE[:2], "--write", "tank", "ahoy")
    with listening(broker) as now, bridged(boards, broker, *options) as bridge:
        bridge.wait_until_well()
        payload = b'{"level":[' + b"[0]," * (1 << 20) + b"0]}"
        for topic in ("tank/set", "tank/set/level", "ahoy/set"):
            now.say(f"here/{topic}", payload)
            name = topic.split("/")[0]
            assert "must have at most" in now.next(f"here/{name}/rejected")["reason"]
        # Parsed, each takes 400 MiB.
        assert peak(bridge) < 100
        now.say("here/tank/set", {"level": 2})
        now.wait_for("here/tank/fields/level", "2")


def test_private_names_are_not_numbers(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", TANK).close()
    pegel.Writer(boards / "ahoy", pegel.json(1000)).close()
    options = (*HERE[:2], "--write", "tank", "ahoy")
    with listening(broker) as now, bridged(boards, broker, *options) as bridge:
        bridge.wait_until_well()
        for name in ("tank", "ahoy"):
            now.say(f"here/{name}/set", {"level": {"$serde_json::private::Number": "3"}})
            assert "is reserved" in now.next(f"here/{name}/rejected")["reason"]


STRANGER = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
BRIDGE = ("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups")


def test_files_of_other_users_have_no_threads(broker: Broker) -> None:
    if os.geteuid() != 0:
        pytest.fail("other users need root: run this test as root")
    with tempfile.TemporaryDirectory(prefix="pegel-mqtt-") as directory:
        place = Path(directory)
        place.chmod(0o1777)
        make = f"[open('{place}/pegel.x%d' % n, 'w').close() for n in range(1000)]"
        done = run([*STRANGER, "/usr/bin/python3", "-c", make])
        assert done.returncode == 0, done.stderr
        pegel.Writer(place / "tank", TANK).close()
        os.chown(place / "pegel.tank", 1, 1)
        command = [*BRIDGE, str(built("target/release/pegel-mqtt")), "mqtt"]
        command += ["--broker", broker.url, *HERE[:2]]
        with (
            listening(broker) as now,
            subprocess.Popen(command, env=environment(place)) as bridge,
        ):
            try:
                now.wait_for("here/tank/writer")
                tasks = Path(f"/proc/{bridge.pid}/task")
                # The directory is listed twice meanwhile, as the age is not sent before.
                now.arrived.queue.clear()
                most = 0
                while now.arrived.empty():
                    most = max(most, len(list(tasks.iterdir())))
                assert most < 50
            finally:
                bridge.terminate()
