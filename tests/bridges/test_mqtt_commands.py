"""`pegel mqtt`: messages that are published to boards."""

from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.mqtt import TANK, Broker, bridged, listening, plain
from helpers.programs import WATCHDOG, wait_until

HERE = ("--prefix", "site")


COMMANDS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "fields": (
        "set",
        {"level": 2.5, "pumps": [7, 8], "on": True},
        {"level": 2.5, "pumps": (7, 8), "on": True},
    ),
    "a field": ("set/level", "2.25", {"level": 2.25}),
    "a text": ("set/note", "läuft", {"note": "läuft"}),
    "an array": ("set/pumps", "3,4", {"pumps": (3, 4)}),
    "an element": ("set/pumps.1", "9", {"pumps": (1, 9)}),
    "a switch": ("set/on", "true", {"on": True}),
    "the largest": (
        "set",
        {"count": 2**64 - 1, "fault": -(2**31)},
        {"count": 2**64 - 1, "fault": -(2**31)},
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_published(broker: Broker, boards: Path, command: str) -> None:
    topic, payload, expected = COMMANDS[command]
    pegel.Writer(boards / "tank", TANK).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        now.wait_for("site/tank/writer", "shared")
        bridge.wait_until_well()
        now.say(f"site/tank/{topic}", payload)
        wait_until(lambda: bridge.status()["accepted"] == 1)
        record = pegel.Reader(boards / "tank").read()
        assert {name: plain(record[name]) for name in expected} == {
            name: plain(value) for name, value in expected.items()
        }
        assert record.sequence == 2
        wait_until(lambda: now.json("site/tank")["sequence"] == 2)


def test_what_is_unknown_can_be_made_so(broker: Broker, boards: Path) -> None:
    with pegel.Writer(boards / "tank", TANK) as writer:
        writer.update(fault=3)
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        bridge.wait_until_well()
        for topic, payload in [("set/fault", ""), ("set", {"fault": None})]:
            now.say(f"site/tank/{topic}", payload)
            now.wait_for("site/tank/fields/fault", "")
            now.say("site/tank/set/fault", "3")
            now.wait_for("site/tank/fields/fault", "3")


REFUSED: dict[str, tuple[str, Any, str]] = {
    "beyond its limits": ("set", {"level": 6}, "level must be between 0 and 5 m (got 6)"),
    "no such field": ("set", {"lvel": 1}, 'no field is called "lvel"'),
    "no such topic": ("set/lvel", "1", 'no field is called "lvel"'),
    "no JSON": ("set", "level=3", "not a JSON object"),
    "no object": ("set", [1], "not a JSON object"),
    "no text": ("set/note", b"\xff", "not text"),
    "another type": ("set", {"pumps": "x"}, 'must be an array of 2 u16 (got "x")'),
    "two faults": ("set", {"level": -1, "on": 1}, "; field on"),
    "too many": ("set", {"pumps": [1, 2, 3]}, "pumps"),
    "too long": ("set/note", "x" * 25, "note"),
    "too large": ("set/level", "1e999", "too large"),
    "not optional": ("set", {"level": None}, "level"),
    "never unknown": ("set/level", "", "level must be f64"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_reports_refused_commands(broker: Broker, boards: Path, what: str) -> None:
    topic, payload, reason = REFUSED[what]
    pegel.Writer(boards / "tank", TANK).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        bridge.wait_until_well()
        now.say(f"site/tank/{topic}", payload)
        rejection = now.next("site/tank/rejected")
        assert rejection["topic"] == f"site/tank/{topic}"
        assert rejection["reason"].startswith("board tank: ")
        assert reason in rejection["reason"]
        assert pegel.Reader(boards / "tank").read().sequence == 1
        # Later subscribers do not get it.
        assert not now.retained["site/tank/rejected"]


def test_a_command_is_not_retained(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", TANK).close()
    with listening(broker) as now:
        now.say("site/tank/set", {"level": 3}, retain=True)
        with bridged(boards, broker, *HERE, "--write", "tank"):
            assert "must not be retained" in now.next("site/tank/rejected")["reason"]
    assert pegel.Reader(boards / "tank").read().sequence == 1


def test_documents_take_commands_as_a_whole(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "all", pegel.json(20)).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "all") as bridge:
        bridge.wait_until_well()
        now.say("site/all/set", '{"b":1, "a":2}')
        now.wait_for("site/all")
        assert now.json("site/all")["record"] == {"b": 1, "a": 2}
        for payload, reason in [
            ("{", "not valid JSON"),
            (list(range(20)), "at most 20 bytes"),
            (b"\xff", "not valid UTF-8"),
        ]:
            now.say("site/all/set", payload)
            assert reason in now.next("site/all/rejected")["reason"]
        now.say("site/all/set/b", "1")
        assert "the whole document" in now.next("site/all/rejected")["reason"]


def test_reports_a_board_that_has_a_writer(broker: Broker, boards: Path) -> None:
    with (
        pegel.Writer(boards / "tank", TANK),
        listening(broker) as now,
        bridged(boards, broker, *HERE, "--write", "tank", "--timeout", "0") as bridge,
    ):
        bridge.wait_until_well()
        now.say("site/tank/set/level", "1")
        assert "has a writer" in now.next("site/tank/rejected")["reason"]


def test_what_is_set_is_on_the_disk_if_the_board_is_durable(
    broker: Broker, boards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEGEL_DURABLE_DIR", str(tmp_path))
    pegel.Writer(boards / "config", limit=pegel.u16("%", default=80), durable=True).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "config") as bridge:
        bridge.wait_until_well()
        now.say("site/config/set/limit", "60")
        wait_until(lambda: bridge.status()["accepted"] == 1)
        # As a reboot does.
        for file in boards.glob("pegel.config*"):
            file.unlink()
        with pegel.Writer.open(boards / "config", timeout=WATCHDOG) as writer:
            assert writer.read()["limit"] == 60


def test_commands_wait_for_a_bridge_that_is_killed(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", TANK).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, "--write", "tank") as bridge:
        bridge.wait_until_well()
        for number in range(100):
            now.say("site/tank/set", {"count": number, "note": f"number {number}"})
            if number % 20 == 10:
                bridge.kill()
            if number % 20 == 15:
                bridge.start()
        now.wait_for("site/tank/fields/count", "99")
        # Each was done, and those that were under way at a kill maybe twice: whole, in their order.
        assert pegel.Reader(boards / "tank").read()["note"] == "number 99"
        assert pegel.Reader(boards / "tank").read().sequence >= 101
        assert "site/tank/rejected" not in now.values
