"""What the broker keeps of a board, and what it must not keep when the board is removed."""

from pathlib import Path

import pytest

import pegel
from helpers.mqtt import Broker, bridged, listening
from helpers.programs import wait_until

HERE = ("--prefix", "site", "--home-assistant")
FIELDS = {"level": pegel.f64("m", default=1.5), "pumps": pegel.u16(count=2, default=[1, 2])}


def kept(broker: Broker) -> set[str]:
    """The topics with a retained message."""
    with listening(broker) as now:
        # The broker sends retained messages before later ones.
        now.say("end", "here")
        now.wait_for("end")
        return {topic for topic, retained in now.retained.items() if retained}


@pytest.mark.parametrize("options", [(), ("--board", "tank")])
def test_nothing_is_kept_of_a_removed_board(
    broker: Broker, boards: Path, options: tuple[str, ...]
) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    with listening(broker) as now, bridged(boards, broker, *HERE, *options):
        now.wait_for("site/tank/writer", "gone")
        now.wait_for("site/tank/age")
        assert len(kept(broker)) == 8
        pegel.unlink(boards / "tank")
        wait_until(lambda: kept(broker) <= {"site/tank/writer"})
        assert now.values["site/tank/writer"] == "gone"
        # A later board of that name is published as before.
        pegel.Writer(boards / "tank", FIELDS).close()
        wait_until(lambda: len(kept(broker)) == 8)
        pegel.unlink(boards / "tank")
        wait_until(lambda: kept(broker) <= {"site/tank/writer"})
        if not options:
            wait_until(lambda: not kept(broker))


def test_fields_that_a_board_no_longer_has_are_not_kept(broker: Broker, boards: Path) -> None:
    pegel.Writer(boards / "tank", FIELDS).close()
    with listening(broker) as now, bridged(boards, broker, *HERE):
        now.wait_for("site/tank/fields/pumps", "1,2")
        pegel.unlink(boards / "tank")
        pegel.Writer(boards / "tank", {"level": FIELDS["level"]}).close()
        now.wait_for("site/tank/fields/pumps", "")
        now.wait_for("site/tank/fields/level", "1.5")


def test_a_board_removed_while_the_broker_was_away_is_not_kept(
    broker: Broker, boards: Path
) -> None:
    config = broker.configuration
    config.write_text(
        config.read_text() + f"persistence true\npersistence_location {config.parent}/\n"
    )
    broker.process.terminate()
    broker.process.wait()
    broker.start()
    pegel.Writer(boards / "tank", FIELDS).close()
    with bridged(boards, broker, *HERE, complaint="connection") as bridge:
        wait_until(lambda: len(kept(broker)) == 8)
        broker.process.terminate()
        broker.process.wait()
        wait_until(lambda: bridge.status()["state"] == "failing")
        pegel.unlink(boards / "tank")
        broker.start()
        wait_until(lambda: not kept(broker))
