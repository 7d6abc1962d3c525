"""Mirrors: boards of another machine, over a real broker."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import pegel
from helpers.mqtt import HERE, THERE, Bridge, Broker, Machines, bridged, listening, record_message
from helpers.programs import WATCHDOG, compile_c, environment, php, run, wait_until

FIELDS = {
    "number": pegel.u64(),
    "double": pegel.f64("W", label="Twice"),
    "note": pegel.text(24),
    "fault": pegel.i32(optional=True),
    "seen": pegel.bool_(optional=True),
}
LOST = "the connection to the broker is lost"


def record(number: int) -> dict[str, Any]:
    """A record in which each field shows whether it belongs to the others."""
    fault = -number if number % 3 else None
    seen = None if number % 2 else True
    note = f"number {number}"
    return {"number": number, "double": 2.0 * number, "note": note, "fault": fault, "seen": seen}


def test_a_mirror_is_what_the_other_board_is(broker: Broker, machines: Machines) -> None:
    with (
        pegel.Writer(machines.here / "tank", FIELDS, description="A tank") as writer,
        bridged(machines.here, broker, *HERE),
        bridged(machines.there, broker, *THERE) as bridge,
    ):
        for number in range(1, 6):
            writer.publish(record(number))
            machines.wait_for(number)
        before, mirror = writer.read(), pegel.Reader(machines.there / "tank")
        shown = mirror.read()
        assert dict(shown) == record(5) == dict(before)
        assert (shown.sequence, shown.stamp.generation) == (5, 1)
        assert mirror.info.generation == 1
        assert abs(shown.age - before.age) < WATCHDOG
        original = pegel.Reader(machines.here / "tank")
        assert mirror.info.schema_hash == original.info.schema_hash
        assert mirror.lineage == original.lineage
        assert mirror.description == original.description == "A tank"
        assert (mirror.info.mirror, original.info.mirror) == (True, False)
        # It has its history, too.
        assert [one["number"] for one in mirror.last(10)] == [1, 2, 3, 4, 5]
        wait_until(lambda: mirror.writer_alive)
        wait_until(lambda: bridge.status()["mirrored"] == 5)


def test_all_languages_read_it(broker: Broker, machines: Machines, tmp_path: Path) -> None:
    with (
        pegel.Writer(machines.here / "tank", FIELDS) as writer,
        bridged(machines.here, broker, *HERE),
        bridged(machines.there, broker, *THERE),
    ):
        writer.publish(record(1))
        machines.wait_for(1)
        place = environment(machines.there)
        for tier in ("", "files"):
            done = run([*php("tests/bridges/mqtt/read.php", tier=tier), "tank"], place)
            assert done.stderr == ""
            info = json.loads(done.stdout)
            assert (info["sequence"], info["generation"], info["mirror"]) == (1, 1, True)
            assert info["fields"] == record(1)
            assert 0 < info["age"] < WATCHDOG
        source = tmp_path / "read.c"
        source.write_text(
            """
            #include <pegel.h>
            #include <stdio.h>
            int main(void) {
              pegel_reader *reader;
              pegel_writer *writer;
              pegel_info info = {.size = sizeof info};
              if (pegel_reader_open("tank", &reader) || pegel_reader_info(reader, &info)) return 1;
              printf("%d ", info.flags == PEGEL_MIRROR);
              pegel_reader_close(reader);
              printf("%d\\n", pegel_writer_open("tank", 0, &writer) == PEGEL_DENIED);
              return 0;
            }
            """
        )
        done = run([str(compile_c(source, tmp_path / "read"))], place)
        assert (done.stdout, done.stderr) == ("1 1\n", "")


@pytest.mark.parametrize("kind", ["json", "bytes"])
def test_documents_are_mirrored(broker: Broker, machines: Machines, kind: str) -> None:
    field = {"json": pegel.json(100_000), "bytes": pegel.bytes_(100_000)}[kind]
    documents: dict[str, list[Any]] = {
        "json": [{"a": None}, ["x" * 90_000], 3],
        "bytes": [b"", bytes(range(256)) * 300, b"\0"],
    }
    with (
        pegel.Writer(machines.here / "tank", field) as writer,
        bridged(machines.here, broker, *HERE),
        bridged(machines.there, broker, *THERE) as bridge,
    ):
        bridge.wait_until_well()
        for document in documents[kind]:
            sequence = writer.publish(document)

            def shows(sequence: int = sequence) -> bool:
                try:
                    return bool(pegel.Reader(machines.there / "tank").read().sequence == sequence)
                except (pegel.NotFound, pegel.Gone):
                    return False

            wait_until(shows)
            shown = pegel.Reader(machines.there / "tank").read()
            assert shown.document == writer.read().document == document


def test_records_are_whole_and_in_order_while_all_is_killed(
    broker: Broker, machines: Machines
) -> None:
    """Kills both bridges and the broker repeatedly while a reader follows and a writer writes."""
    stop = threading.Event()
    seen: list[int] = []
    faults: list[str] = []

    def follow() -> None:
        reader = None
        while not stop.is_set():
            try:
                reader = reader or pegel.Reader(machines.there / "tank")
                now = reader.read()
            except (pegel.Gone, pegel.NotFound):
                reader = None
                continue
            if dict(now) != record(now["number"]) or now.sequence != now["number"]:
                faults.append(f"{now.sequence}: {dict(now)}")
            if seen and now.sequence < seen[-1]:
                faults.append(f"{now.sequence} after {seen[-1]}")
            if not seen or now.sequence > seen[-1]:
                seen.append(now.sequence)

    with pegel.Writer(machines.here / "tank", FIELDS) as writer:
        here, there = (
            Bridge(machines.here, broker.url, *HERE),
            Bridge(machines.there, broker.url, *THERE),
        )
        reading = threading.Thread(target=follow)
        reading.start()
        try:
            number = 0
            for turn in range(9):
                for _ in range(100):
                    number += 1
                    writer.publish(record(number))
                    time.sleep(0.001)  # so that records are under way when something is killed
                victims: list[Bridge | Broker] = [here, there, broker]
                victim = victims[turn % 3]
                victim.kill()
                for _ in range(20):
                    number += 1
                    writer.publish(record(number))
                victim.start()
                # The newest comes, and no further publication is needed.
                machines.wait_for(number)
            # By its follower, too.
            wait_until(lambda: seen[-1] == number)
        finally:
            stop.set()
            reading.join()
            here.kill()
            there.kill()
    assert faults == []
    # It is followed, not only seen now and then.
    assert len(seen) > 100


def test_what_was_missed_is_not_there(broker: Broker, machines: Machines) -> None:
    with (
        pegel.Writer(machines.here / "tank", FIELDS) as writer,
        bridged(machines.here, broker, *HERE, complaint=LOST),
        bridged(machines.there, broker, *THERE, complaint=LOST) as there,
    ):
        writer.publish(record(1))
        machines.wait_for(1)
        before = pegel.Reader(machines.there / "tank")
        followed = before.follow(timeout=WATCHDOG)
        assert next(followed)["number"] == 1
        broker.kill()
        wait_until(lambda: there.status()["state"] == "failing")
        for number in range(2, 1000):
            writer.publish(record(number))
        # Known values stay, and the writer is not reported as alive.
        assert before.read()["number"] == 1
        wait_until(lambda: not before.writer_alive)
        broker.start()
        machines.wait_for(999)
        with pytest.raises(pegel.Gone):
            before.last(1)
        assert next(followed)["number"] == 999
        after = pegel.Reader(machines.there / "tank")
        assert [one["number"] for one in after.last(10)] == [999]
        writer.publish(record(1000))
        machines.wait_for(1000)
        assert after.read()["number"] == 1000


def test_a_mirror_has_no_writer_when_the_other_has_none(broker: Broker, machines: Machines) -> None:
    with bridged(machines.here, broker, *HERE), bridged(machines.there, broker, *THERE):
        with pegel.Writer(machines.here / "tank", FIELDS) as writer:
            writer.publish(record(1))
            machines.wait_for(1)
            mirror = pegel.Reader(machines.there / "tank")
            wait_until(lambda: mirror.writer_alive)
        wait_until(lambda: not mirror.writer_alive)
        age = mirror.read().age
        with pegel.Writer(machines.here / "tank", FIELDS) as writer:
            wait_until(lambda: mirror.read().age > age)
            writer.publish(record(2))
            machines.wait_for(2)
            wait_until(lambda: mirror.writer_alive)
            assert mirror.read().stamp.generation == 2


def test_the_bridge_of_the_other_dies(broker: Broker, machines: Machines) -> None:
    with (
        pegel.Writer(machines.here / "tank", FIELDS) as writer,
        bridged(machines.here, broker, *HERE) as here,
        bridged(machines.there, broker, *THERE),
    ):
        writer.publish(record(1))
        machines.wait_for(1)
        mirror = pegel.Reader(machines.there / "tank")
        wait_until(lambda: mirror.writer_alive)
        here.kill()
        wait_until(lambda: not mirror.writer_alive)
        here.start()
        wait_until(lambda: mirror.writer_alive)
        assert mirror.read().sequence == 1


def test_a_board_that_grows_or_begins_anew_is_mirrored_on(
    broker: Broker, machines: Machines
) -> None:
    with bridged(machines.here, broker, *HERE), bridged(machines.there, broker, *THERE):
        with pegel.Writer(machines.here / "tank", FIELDS) as writer:
            writer.publish(record(1))
            machines.wait_for(1)
        grown = FIELDS | {"depth": pegel.f64("m", default=2.5)}
        with pegel.Writer(machines.here / "tank", grown) as writer:
            writer.publish(record(2) | {"depth": 3.0})
            assert machines.wait_for(2)["depth"] == 3.0
            # Writing another one needs no words with the mirror.
            lineage = pegel.Reader(machines.there / "tank").lineage
        pegel.unlink(machines.here / "tank")
        with pegel.Writer(machines.here / "tank", number=pegel.u64()) as writer:
            for number in range(10, 13):
                writer.publish(number=number)
            assert machines.wait_for(12).sequence == 3
            assert pegel.Reader(machines.there / "tank").lineage != lineage


def test_nobody_else_writes_a_mirror(broker: Broker, machines: Machines) -> None:
    with pegel.Writer(machines.here / "tank", FIELDS) as writer:
        with bridged(machines.here, broker, *HERE), bridged(machines.there, broker, *THERE):
            writer.publish(record(1))
            machines.wait_for(1)
        reason = "mirrors one of another machine"
        with pytest.raises(pegel.Denied, match=reason):
            pegel.Writer.open(machines.there / "tank", timeout=0)
        for replace in (False, True):
            with pytest.raises(pegel.Denied, match=reason):
                pegel.Writer(machines.there / "tank", FIELDS, replace=replace)
    # It is removed like any other.
    pegel.unlink(machines.there / "tank")


def test_a_board_of_ones_own_is_no_mirror(broker: Broker, machines: Machines) -> None:
    with pegel.Writer(machines.there / "tank", FIELDS) as own:
        own.publish(record(7))
    refusal = "Give the mirror another name"
    with (
        pegel.Writer(machines.here / "tank", FIELDS) as writer,
        bridged(machines.here, broker, *HERE),
        bridged(machines.there, broker, *THERE, complaint=refusal) as there,
    ):
        writer.publish(record(1))
        wait_until(lambda: refusal in there.status().get("last_failure", ""))
    assert pegel.Reader(machines.there / "tank").read()["number"] == 7


def test_one_is_mirrored_under_another_name_and_not_published_by_itself(
    broker: Broker, machines: Machines
) -> None:
    mirrored = ("--mirror", "here/tank=north")
    with (
        pegel.Writer(machines.here / "tank", FIELDS) as writer,
        bridged(machines.here, broker, *HERE),
        bridged(machines.there, broker, *mirrored),
        listening(broker, "again/#") as again,
    ):
        writer.publish(record(1))
        wait_until(lambda: (machines.there / "pegel.north").exists())
        all_of_them = ("--prefix", "again", "--status", "second")
        with (
            pegel.Writer(machines.there / "own", FIELDS) as own,
            bridged(machines.there, broker, *all_of_them),
        ):
            own.publish(record(2))
            again.wait_for("again/own/writer", "alive")
            assert not [topic for topic in again.values if "north" in topic]


def test_ages_of_what_was_kept_go_by_both_clocks(broker: Broker, machines: Machines) -> None:
    """A new record has the age in its message, whatever the other clock shows."""
    with pegel.Writer(machines.here / "tank", number=pegel.u64()) as writer:
        writer.publish(number=1)
        with listening(broker) as now, bridged(machines.here, broker, *HERE):
            now.wait_for("here/tank/writer")
            schema = now.json("here/tank/schema")
    with listening(broker) as now:
        day = 86_400
        kept = record_message(schema, published=time.time_ns() - day * 10**9)
        now.say("here/tank/record", kept, retain=True)
        with bridged(machines.there, broker, *THERE) as there:
            assert day <= machines.wait_for(42).age < day + WATCHDOG
            fresh = record_message(schema, sequence=4, published=0, age=5 * 10**9)
            now.say("here/tank/record", fresh)
            mirror = pegel.Reader(machines.there / "tank")
            wait_until(lambda: mirror.read().sequence == 4)
            assert 5 <= mirror.read().age < 5 + WATCHDOG
            # From a clock that is ahead.
            ahead = record_message(schema, sequence=5, published=time.time_ns() + 10**15)
            there.kill()
            now.say("here/tank/record", ahead, retain=True)
            there.start()
            wait_until(lambda: mirror.read().sequence == 5)
            assert 0 <= mirror.read().age < WATCHDOG


def test_sequences_that_were_given_before_are_of_another_lineage(
    broker: Broker, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A durable board is restored with the record that was synced last."""
    durable = tmp_path / "durable"
    durable.mkdir()
    monkeypatch.setenv("PEGEL_DURABLE_DIR", str(durable))
    fields = {"number": pegel.u64()}
    with bridged(machines.here, broker, *HERE), bridged(machines.there, broker, *THERE):
        with pegel.Writer(machines.here / "tank", fields, durable=True) as writer:
            writer.publish(number=1)
            writer.sync()
            for number in (2, 3, 4):
                writer.publish(number=number)
            machines.wait_for(4)
            mirror = pegel.Reader(machines.there / "tank")
            lineage = mirror.lineage
            followed = mirror.follow(timeout=WATCHDOG)
            assert next(followed)["number"] == 4
        # As a power failure does.
        for file in machines.here.glob("pegel.tank*"):
            file.unlink()
        with pegel.Writer(machines.here / "tank", fields, durable=True) as writer:
            assert writer.publish(number=20) == 2
            assert machines.wait_for(20).sequence == 2
            assert next(followed)["number"] == 20
            assert pegel.Reader(machines.there / "tank").lineage != lineage
