"""Reading and writing boards."""

import math
import stat
import struct
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import pegel


def station() -> pegel.Writer:
    return pegel.Writer("station", level=pegel.f64("m"), rain=pegel.bool_(), note=pegel.text(24))


def test_what_is_published_is_read() -> None:
    with station() as writer, pegel.Reader("station") as reader:
        assert writer.publish(level=3.21, rain=True, note="rising") == 1
        assert writer.publish({"note": "falling", "rain": False, "level": 3}) == 2
        now = reader.read()
        assert now == {"level": 3.0, "rain": False, "note": "falling"}
        assert (now.sequence, now.generation) == (2, 1)
        assert reader.sequence == writer.sequence == 2
        assert reader.read_at(1) == {"level": 3.21, "rain": True, "note": "rising"}
        assert writer.read() == now
        assert writer.read().writer_alive


def test_a_snapshot_is_a_mapping_that_nobody_changes() -> None:
    with station() as writer:
        writer.publish(level=3.21, rain=True, note="rising")
        now = writer.read()
    assert isinstance(now, Mapping)
    assert list(now) == list(now.keys()) == ["level", "rain", "note"]
    assert list(now.values()) == [3.21, True, "rising"]
    assert dict(now) == dict(now.items()) == {**now}
    assert len(now) == 3
    assert "level" in now
    assert "depth" not in now
    assert now.get("level") == 3.21
    assert now.get("depth") is None
    assert now.get("depth", 4) == 4
    assert now != {"level": 3.21}
    assert now != 3.21
    with pytest.raises(KeyError, match=r"station.*'depth'.*level"):
        now["depth"]
    with pytest.raises(TypeError):
        now["level"] = 4  # type: ignore[index]
    with pytest.raises(AttributeError):
        now.sequence = 4  # type: ignore[misc]
    with pytest.raises(TypeError):
        hash(now)
    with pytest.raises(TypeError, match="station holds fields"):
        now.document  # noqa: B018
    assert "sequence=1" in repr(now)
    assert "'level': 3.21" in repr(now)


def test_the_stamp_has_the_time() -> None:
    with station() as writer, pegel.Reader("station") as reader:
        before = datetime.now(timezone.utc)
        writer.publish(level=3.21, rain=True, note="rising")
        now = reader.read()
        after = datetime.now(timezone.utc)
        assert now.published is not None
        assert now.stamp.published_ns is not None
        assert before - timedelta(milliseconds=1) <= now.published <= after
        assert now.published.utcoffset() == timedelta(0)
        assert now.published.timestamp() == pytest.approx(now.stamp.published_ns / 1e9)
        assert 0 <= now.age <= (after - before).total_seconds() + 1e-3
        assert now.age == now.stamp.age == now.stamp.age_ns / 1e9
        assert now.stamp.record_size == len(now.bytes) == reader.info.record_size
        assert now.stamp.retries == 0
        assert reader.read().age > now.age


def test_a_writer_may_leave_out_when() -> None:
    with pegel.Writer("tank", level=pegel.f64("m")) as writer, pegel.Reader("tank") as reader:
        writer.publish(level=3.21)
        stamp = struct.pack("=q", writer.read().stamp.generation)
        with reader.path.open("r+b") as file:
            # Before the generation stand the three words of the time, as docs/format.md has it.
            at = file.read().rindex(stamp) - 24
            file.seek(at)
            file.write(bytes(24))
        now = reader.read()
        assert now == {"level": 3.21}
        assert now.published is None
        assert now.stamp.published is None
        assert now.stamp.published_ns is None
        assert now.age == now.stamp.age == math.inf


def test_whether_the_writer_lives_is_asked_once_a_snapshot() -> None:
    writer, reader = station(), pegel.Reader("station")
    writer.publish(level=1, rain=True, note="")
    asked, unasked = reader.read(), reader.read()
    assert asked.writer_alive
    writer.close()
    assert asked.writer_alive
    assert not unasked.writer_alive
    assert not reader.writer_alive
    reader.close()
    assert not unasked.writer_alive


def test_a_board_describes_itself() -> None:
    fields = {"level": pegel.f64("m", count=3), "note": pegel.text(24), "ok": pegel.bool_()}
    with pegel.Writer("station", fields, slots=8, mode=0o660), pegel.Reader("station") as reader:
        described = [
            (f.name, f.type, f.unit, f.size, f.count, f.offset) for f in reader.fields.values()
        ]
        assert described == [
            ("level", "f64", "m", 8, 3, 0),
            ("note", "text", "", 24, 1, 24),
            ("ok", "bool", "", 1, 1, 48),
        ]
        assert (reader.info.slots, reader.info.mode, reader.info.record_size) == (8, 0o660, 56)
        assert stat.S_IMODE(reader.path.stat().st_mode) == 0o660
        with pegel.Writer("copy", reader.fields), pegel.Reader("copy") as copy:
            assert copy.fields == reader.fields
            assert copy.info.schema_hash == reader.info.schema_hash


def test_boards_are_named_or_elsewhere(boards: Path) -> None:
    elsewhere = boards / "elsewhere"
    elsewhere.mkdir()
    with station(), pegel.Writer(elsewhere / "rain-1", mm=pegel.u32()) as writer:
        assert writer.board == "rain-1"
        assert writer.path == elsewhere / "pegel.rain-1"
        assert pegel.Reader(f"{elsewhere}/rain-1").board == "rain-1"
        assert pegel.directory() == boards
        assert pegel.boards() == ["station"]
        assert pegel.boards(elsewhere) == ["rain-1"]


def test_fields_may_be_called_like_arguments() -> None:
    with pegel.Writer("a", board=pegel.u8(), schema=pegel.u8()) as writer:
        writer.publish(board=1, schema=2)
        assert writer.read() == {"board": 1, "schema": 2}
        writer.update(board=3)
    with pegel.Writer("b", {"mode": pegel.u8()}, self=pegel.u8(), record=pegel.u8()) as writer:
        writer.publish(mode=1, self=2, record=3)
        writer.publish_if(1, mode=4, self=5, record=6)
        assert writer.read() == {"mode": 4, "self": 5, "record": 6}


def test_nothing_published_yet() -> None:
    with station() as writer, pegel.Reader("station") as reader:
        assert reader.sequence == 0
        with pytest.raises(pegel.Empty, match="station"):
            reader.read()
        with pytest.raises(pegel.Empty, match="station"):
            writer.update(level=1)


def test_older_records_are_there_while_the_ring_holds_them() -> None:
    with pegel.Writer("count", {"n": pegel.u64()}, slots=4) as writer:
        for n in range(1, 10):
            writer.publish(n=n)
        reader = pegel.Reader("count")
        assert reader.read_at(8)["n"] == 8
        for sequence in (1, 10):
            with pytest.raises(pegel.Overwritten, match=f"count.*{sequence}"):
                reader.read_at(sequence)


def test_the_next_writer_goes_on() -> None:
    with station() as writer:
        writer.publish(level=1, rain=True, note="first")
    with station() as writer:
        assert writer.read()["note"] == "first"
        assert writer.publish(level=2, rain=True, note="second") == 2
        assert writer.read().generation == 2


def test_one_writer_at_a_time() -> None:
    with station() as writer:
        with pytest.raises(pegel.Locked, match="station"):
            station()
        for timeout in (0, 0.01):
            with pytest.raises(pegel.Locked, match="station"):
                pegel.Writer.open("station", timeout=timeout)
        writer.publish(level=1, rain=True, note="mine")
    with pegel.Writer.open("station", timeout=0) as writer:
        assert writer.read()["note"] == "mine"


def test_publishing_on_a_condition() -> None:
    with station() as writer:
        assert writer.publish_if(0, level=1, rain=True, note="first") == 1
        with pytest.raises(pegel.Conflict, match=r"station.*1.*0"):
            writer.publish_if(0, level=1, rain=True, note="again")
        assert writer.publish_if(1, {"level": 1, "rain": True, "note": "second"}) == 2


def test_changing_what_is_there() -> None:
    with station() as writer:
        writer.publish(level=1, rain=True, note="first")
        assert writer.update(level=2) == 2
        assert writer.update(lambda record: {**record, "note": "second"}, rain=False) == 3
        assert writer.read() == {"level": 2.0, "rain": False, "note": "second"}
        with pytest.raises(TypeError, match=r"station.*None"):
            writer.update(lambda record: record.update(level=3))
        with pytest.raises(pegel.InvalidFields, match=r"station.*depth"):
            writer.update(depth=3)
        with pytest.raises(ZeroDivisionError):
            writer.update(lambda record: {**record, "level": 1 / 0})
        assert writer.sequence == 3


def test_somebody_elses_thread_conflicts_with_a_change() -> None:
    with station() as writer:
        writer.publish(level=1, rain=True, note="")

        def change(record: dict[str, object]) -> dict[str, object]:
            writer.publish(level=2, rain=True, note="meanwhile")
            return record

        with pytest.raises(pegel.Conflict, match="station"):
            writer.update(change)
        assert writer.read()["note"] == "meanwhile"


def test_records_that_are_laid_out_already() -> None:
    with station() as writer:
        writer.publish(level=1, rain=True, note="raw")
        raw = writer.read().bytes
        for record in (raw, bytearray(raw), memoryview(raw)):
            writer.publish_bytes(record)
            assert writer.read()["note"] == "raw"
        with pytest.raises(pegel.TooLarge, match=rf"station.*{len(raw)}.*{len(raw) + 1}"):
            writer.publish_bytes(raw + b"\0")
        with pytest.raises(pegel.InvalidArgument, match=rf"station.*{len(raw)}.*{len(raw) - 1}"):
            writer.publish_bytes(raw[:-1])
        with pytest.raises(TypeError):
            writer.publish_bytes(7)  # type: ignore[arg-type]


def test_another_schema_replaces_only_when_asked() -> None:
    station().close()
    with pytest.raises(pegel.InvalidFields, match=r"station.*depth"):
        pegel.Writer("station", depth=pegel.f32("m"))
    reader = pegel.Reader("station")
    with pegel.Writer("station", depth=pegel.f32("m"), replace=True) as writer:
        writer.publish(depth=1.5)
    with pytest.raises(pegel.Gone, match="station"):
        reader.sequence  # noqa: B018
    assert reader.read() == {"depth": 1.5}
    assert list(reader.fields) == ["depth"]
    assert reader.sequence == 1


def ask_at(reader: pegel.Reader) -> object:
    return reader.read_at(1)


def ask_last(reader: pegel.Reader) -> object:
    return reader.last(2)


def ask_sequence(reader: pegel.Reader) -> object:
    return reader.sequence


@pytest.mark.parametrize("ask", [ask_at, ask_last, ask_sequence])
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_board_that_is_another_one_now_is_gone_until_it_is_read(
    ask: Callable[[pegel.Reader], object], by_hand: bool
) -> None:
    with pegel.Writer("tank", level=pegel.f64("m")) as writer:
        writer.publish(level=1)
    reader = pegel.Reader("tank")
    reader.read()
    if by_hand:
        reader.path.unlink()
    else:
        pegel.unlink("tank")
    with pegel.Writer("tank", level=pegel.f64("m"), depth=pegel.f64("m")) as writer:
        writer.publish(level=2, depth=3)
    # The 8192nd time at the latest.
    with pytest.raises(pegel.Gone, match="tank"):
        [ask(reader) for _ in range(8193)]
    assert reader.read() == {"level": 2.0, "depth": 3.0}
    ask(reader)


def test_each_publication_may_carry_a_checksum() -> None:
    with pegel.Writer("tank", level=pegel.f64("m"), slots=4, checksum=True) as writer:
        writer.publish(level=1)
        reader = pegel.Reader("tank")
        assert reader.info.checksums
        assert reader.read() == {"level": 1.0}
        with reader.path.open("r+b") as board:
            # Sequence 1 is in the second of four slots of 64 bytes.
            board.seek(-3 * 64, 2)
            board.write(b"\1")
        with pytest.raises(pegel.Corrupt, match="checksum of sequence 1"):
            reader.read()
        writer.publish(level=2)
        assert reader.read() == {"level": 2.0}
    station().close()
    assert not pegel.Reader("station").info.checksums
    with pytest.raises(pegel.InvalidArgument, match="has no checksums"):
        pegel.Writer(
            "station", level=pegel.f64("m"), rain=pegel.bool_(), note=pegel.text(24), checksum=True
        )


def test_removing_a_board() -> None:
    with station() as writer:
        writer.publish(level=1, rain=True, note="")
        reader = pegel.Reader("station")
        with pytest.raises(pegel.Locked, match="station"):
            pegel.unlink("station")
    pegel.unlink("station")
    assert pegel.boards() == []
    with pytest.raises(pegel.Gone, match="station"):
        reader.read()
    with pytest.raises(pegel.NotFound, match="station"):
        pegel.unlink("station")


def test_closing() -> None:
    with station() as writer:
        writer.publish(level=1, rain=True, note="")
        with pegel.Reader("station") as reader:
            now = reader.read()
        with pytest.raises(ValueError, match=r"station.*closed"):
            reader.read()
        reader.close()
    with pytest.raises(ValueError, match=r"station.*closed"):
        writer.publish(level=1, rain=True, note="")
    writer.close()
    assert now["level"] == 1.0


def test_one_record_at_a_time() -> None:
    with station() as writer:
        with pytest.raises(TypeError, match="one record"):
            writer.publish()
        with pytest.raises(TypeError, match="one record"):
            writer.publish({}, {})
        with pytest.raises(TypeError, match="one record"):
            writer.publish({"level": 1}, level=1)
        with pytest.raises(TypeError, match=r"station.*int"):
            writer.publish(1)
        assert writer.sequence == 0
