"""The inverter's answers: frames in any order, twice, lost or damaged, against real ones."""

import random
from typing import Any

import pytest

import hoymiles

INVERTER, STATION = bytes.fromhex("81807700"), bytes.fromhex("78563001")
RATED = (405.0, 405.0)


def joined(frames: list[bytes]) -> bytes | None:
    answer = hm600.Answer()
    for frame in frames:
        answer.add(hm600.part(frame))
    return answer.payload()


def frames_of(poll: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(frame) for frame in poll["frames"]]


def test_a_real_poll() -> None:
    poll = hm600.poll(INVERTER, STATION, 0x67151C39)
    assert poll.hex() == "158180770078563001800b0067151c390000000000000000766eb8"
    assert hm600.asked(poll) == (INVERTER, 0)
    assert hm600.asked(hm600.poll_again(INVERTER, STATION, 3)) == (INVERTER, 3)


def test_every_real_answer_is_put_together_and_decoded(polls: list[dict[str, Any]]) -> None:
    assert len(polls) == 35
    for poll in polls:
        payload = joined(frames_of(poll))
        assert payload is not None
        assert poll["payload"].startswith(payload.hex())
        reading, decoded = hm600.decode(payload), poll["decoded"]
        [phase] = decoded["phases"]
        assert reading.ac_voltage == phase["voltage"]
        assert reading.ac_current == phase["current"]
        assert reading.ac_power == phase["power"]
        assert reading.ac_reactive_power == phase["reactive_power"]
        assert reading.ac_frequency == phase["frequency"]
        for number, string in enumerate(decoded["strings"]):
            assert reading.strings.voltage[number] == string["voltage"]
            assert reading.strings.current[number] == string["current"]
            assert reading.strings.power[number] == string["power"]
            assert reading.strings.energy_total[number] == string["energy_total"]
            assert reading.strings.energy_daily[number] == string["energy_daily"]
            assert reading.irradiation(RATED)[number] == string["irradiation"]
        assert reading.temperature == decoded["temperature"]
        assert reading.powerfactor == decoded["powerfactor"]
        assert reading.efficiency == decoded["efficiency"]
        assert reading.event_count == decoded["event_count"]


def test_frames_may_come_in_any_order_and_twice(polls: list[dict[str, Any]]) -> None:
    order = random.Random(600)
    payload = hm600.encode(hm600.decode(bytes.fromhex(polls[0]["payload"])[:42]))
    frames = hm600.answer(INVERTER, payload)
    for _ in range(200):
        mixed = [*frames, *order.choices(frames, k=order.randrange(4))]
        order.shuffle(mixed)
        assert joined(mixed) == payload


def test_what_is_missing_is_known(polls: list[dict[str, Any]]) -> None:
    first, second, last = frames_of(polls[0])
    for kept, missing in (
        ([], [1]),
        ([first], [2]),
        ([first, second], [3]),
        ([second], [1, 3]),
        ([last], [1, 2]),
        ([first, last], [2]),
    ):
        answer = hm600.Answer()
        for frame in kept:
            answer.add(hm600.part(frame))
        assert answer.payload() is None
        assert answer.missing() == missing


def test_every_damaged_frame_is_refused(polls: list[dict[str, Any]]) -> None:
    [frame, *_] = frames_of(polls[0])
    for at in range(len(frame)):
        for bit in range(8):
            damaged = bytearray(frame)
            damaged[at] ^= 1 << bit
            with pytest.raises(hm600.FrameError):
                hm600.part(bytes(damaged))
    for length in range(len(frame)):
        with pytest.raises(hm600.FrameError):
            hm600.part(frame[:length])


def test_frames_of_different_answers_do_not_fit_together(polls: list[dict[str, Any]]) -> None:
    answers = [hm600.answer(INVERTER, bytes.fromhex(poll["payload"])[:42]) for poll in polls[:2]]
    mixed = [answers[0][0], *answers[1][1:]]
    with pytest.raises(hm600.FrameError, match="Modbus"):
        joined(mixed)


def test_readings_survive_the_way_there_and_back(polls: list[dict[str, Any]]) -> None:
    for poll in polls:
        reading = hm600.decode(bytes.fromhex(poll["payload"])[:42])
        assert hm600.decode(hm600.encode(reading)) == reading
