"""Boards that get more fields, between programs of different versions."""

import pytest

import pegel

EARLIER = {"power": pegel.f64("W")}
DEFAULTED = {**EARLIER, "limit": pegel.u8(default=80)}
OPTIONAL = {**EARLIER, "note": pegel.text(9, optional=True)}
NEEDED = {**EARLIER, "limit": pegel.u8()}


def test_a_reader_of_the_later_version() -> None:
    with pegel.Writer("board", EARLIER) as writer:
        writer.publish(power=1)
        assert pegel.Reader("board", DEFAULTED).read() == {"power": 1.0, "limit": 80}
        assert pegel.Reader("board", OPTIONAL).read() == {"power": 1.0, "note": None}
        with pytest.raises(pegel.InvalidFields, match=r"board.*limit"):
            pegel.Reader("board", NEEDED)


def test_a_reader_of_the_earlier_version() -> None:
    with pegel.Writer("board", NEEDED) as writer:
        writer.publish(power=1, limit=80)
        reader = pegel.Reader("board", schema=EARLIER)
        assert reader.read() == {"power": 1.0}
        assert list(reader.fields) == ["power"]
        assert reader.info.record_size == len(reader.read().bytes) == 8
        assert [now["power"] for now in reader.last(9)] == [1.0]
        assert reader.read_at(1) == {"power": 1.0}


def test_a_reader_of_something_else() -> None:
    pegel.Writer("board", EARLIER).close()
    for other in ({"power": pegel.f64("kW")}, {"level": pegel.f64("W")}, pegel.json(9)):
        with pytest.raises(pegel.InvalidFields, match=r"board.*power"):
            pegel.Reader("board", other)


def test_documents_of_any_capacity() -> None:
    with pegel.Writer("board", pegel.json(10_000)) as writer:
        writer.publish("x" * 9000)
        assert pegel.Reader("board", pegel.json(10_000)).read().document == "x" * 9000
        with pytest.raises(pegel.InvalidFields, match="board"):
            pegel.Reader("board", pegel.bytes_(10_000))


def test_a_board_grows_and_keeps_its_records() -> None:
    with pegel.Writer("board", EARLIER) as writer:
        writer.publish(power=1)
        writer.publish(power=2)
    reader = pegel.Reader("board")
    followed = reader.follow(every=True, timeout=0)
    assert [now["power"] for now in followed] == [1.0, 2.0]
    lineage = reader.lineage
    with pegel.Writer("board", DEFAULTED) as writer:
        assert writer.read() == {"power": 2.0, "limit": 80}
        assert not writer.read().is_default
        with pytest.raises(pegel.Gone, match="board"):
            reader.last(1)
        assert reader.read() == {"power": 2.0, "limit": 80}
        assert list(followed) == []
        assert reader.lineage == lineage
        assert writer.publish(power=3) == 3
        assert list(followed) == [{"power": 3.0, "limit": 80}]
        assert list(reader.follow(after=2, timeout=0)) == [{"power": 3.0, "limit": 80}]


def test_a_writer_of_the_earlier_version_goes_on() -> None:
    pegel.Writer("board", DEFAULTED).close()
    with pegel.Writer("board", EARLIER) as writer:
        assert list(writer.fields) == ["power", "limit"]
        writer.publish(power=1)
        assert writer.read() == {"power": 1.0, "limit": 80}
        writer.publish(power=1, limit=90)
        writer.update(power=2)
        assert writer.read() == {"power": 2.0, "limit": 90}


def test_a_field_that_cannot_be_missing_is_not_appended() -> None:
    with pegel.Writer("board", EARLIER) as writer:
        writer.publish(power=1)
    with pytest.raises(pegel.InvalidFields, match=r"board.*limit"):
        pegel.Writer("board", NEEDED)
    assert pegel.Reader("board").read() == {"power": 1.0}


def test_other_details_are_no_other_schema() -> None:
    pegel.Writer("board", DEFAULTED, description="first").close()
    changed = {**EARLIER, "limit": pegel.u8(default=70, label="Limit")}
    with pegel.Writer("board", changed, description="second") as writer:
        assert writer.fields["limit"].default == 80
        assert writer.description == "first"
    with pegel.Writer("board", changed, description="second", replace=True) as writer:
        assert (writer.fields["limit"].default, writer.fields["limit"].label) == (70, "Limit")
        assert writer.description == "second"


def test_a_follower_with_a_view_goes_on_with_it() -> None:
    with pegel.Writer("board", EARLIER) as writer:
        writer.publish(power=1)
    reader = pegel.Reader("board", DEFAULTED)
    following = reader.follow(timeout=0)
    assert next(following) == {"power": 1.0, "limit": 80}
    with pegel.Writer("board", {**DEFAULTED, "note": pegel.text(9, optional=True)}) as writer:
        writer.publish(power=2, limit=70, note="on")
        assert next(following) == {"power": 2.0, "limit": 70}
    with (
        pegel.Writer("board", {"level": pegel.f64()}, replace=True),
        pytest.raises(pegel.InvalidFields, match=r"board.*level"),
    ):
        next(following)
