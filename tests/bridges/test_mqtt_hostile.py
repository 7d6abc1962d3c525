"""What mirrors are told that is no record of theirs."""

import base64
from typing import Any

import pytest

import pegel
from helpers.mqtt import HERE, THERE, Broker, Machines, bridged, listening, told
from helpers.programs import wait_until

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
            hostile = told(schema, **hostile)
        now.say("here/tank/record", hostile)
        wait_until(lambda: "cannot be mirrored" in there.status()["last_failure"])
        assert pegel.Reader(machines.there / "tank").read()["number"] == 1
        now.say("here/tank/record", told(schema))
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
