"""The inverter's answers: frames in any order, twice, lost or damaged, against real ones."""

import random
from typing import Any

import pytest

import hoymiles
from captures.capture import Capture
from hoymiles import Action, Control, Request

INVERTER, STATION = bytes.fromhex("81807700"), bytes.fromhex("78563001")
SERIALS = ("112173100011", "114181807700", "116182100042")
HM600 = hoymiles.model("114181807700")
RATED = 405.0


def joined(frames: list[bytes]) -> bytes | None:
    answer = hoymiles.Answer()
    for frame in frames:
        answer.add(hoymiles.part(frame))
    return answer.payload()


def frames_of(poll: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(frame) for frame in poll["frames"]]


def test_a_real_poll() -> None:
    poll = hoymiles.poll(INVERTER, STATION, 0x67151C39)
    assert poll.hex() == "158180770078563001800b0067151c390000000000000000766eb8"
    assert hoymiles.parse_request(poll) == Request(INVERTER)
    assert hoymiles.parse_request(hoymiles.poll_again(INVERTER, STATION, 3)) == Request(INVERTER, 3)


def test_every_recorded_answer_is_put_together_and_decoded(
    capture: Capture, polls: list[dict[str, Any]]
) -> None:
    assert len(polls) == capture.count
    for poll in polls:
        payload = joined(frames_of(poll))
        assert payload is not None
        assert poll["payload"].startswith(payload.hex())
        reading, decoded = hoymiles.decode(HM600, payload), poll["decoded"]
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
    payload = hoymiles.encode(
        HM600, hoymiles.decode(HM600, bytes.fromhex(polls[0]["payload"])[:42])
    )
    frames = hoymiles.answer(INVERTER, payload)
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
        answer = hoymiles.Answer()
        for frame in kept:
            answer.add(hoymiles.part(frame))
        assert answer.payload() is None
        assert answer.missing() == missing


def test_every_damaged_frame_is_refused(polls: list[dict[str, Any]]) -> None:
    [frame, *_] = frames_of(polls[0])
    for at in range(len(frame)):
        for bit in range(8):
            damaged = bytearray(frame)
            damaged[at] ^= 1 << bit
            with pytest.raises(hoymiles.FrameError):
                hoymiles.part(bytes(damaged))
    for length in range(len(frame)):
        with pytest.raises(hoymiles.FrameError):
            hoymiles.part(frame[:length])


def test_frames_of_different_answers_do_not_fit_together(polls: list[dict[str, Any]]) -> None:
    answers = [hoymiles.answer(INVERTER, bytes.fromhex(poll["payload"])[:42]) for poll in polls[:2]]
    mixed = [answers[0][0], *answers[1][1:]]
    with pytest.raises(hoymiles.FrameError, match="Modbus"):
        joined(mixed)


def test_readings_survive_the_way_there_and_back(polls: list[dict[str, Any]]) -> None:
    for poll in polls:
        reading = hoymiles.decode(HM600, bytes.fromhex(poll["payload"])[:42])
        assert hoymiles.decode(HM600, hoymiles.encode(HM600, reading)) == reading


@pytest.mark.parametrize("serial", SERIALS)
def test_readings_of_every_model_survive_the_way_there_and_back(serial: str) -> None:
    model, number = hoymiles.model(serial), random.Random(serial)

    def some(most: int, scale: int) -> tuple[float, ...]:
        return tuple(number.randrange(most) / scale for _ in range(model.strings))

    for _ in range(200):
        voltage = some(0x10000, 10)
        if model.strings == 4:
            # Pairs of strings share an input.
            voltage = (voltage[0], voltage[0], voltage[2], voltage[2])
        reading = hoymiles.Reading(
            strings=hoymiles.Strings(
                voltage=voltage,
                current=some(0x10000, 100),
                power=some(0x10000, 10),
                energy_total=tuple(number.randrange(1 << 32) for _ in range(model.strings)),
                energy_daily=tuple(number.randrange(1 << 16) for _ in range(model.strings)),
            ),
            ac_voltage=number.randrange(0x10000) / 10,
            ac_frequency=number.randrange(0x10000) / 100,
            ac_power=number.randrange(0x10000) / 10,
            ac_reactive_power=number.randrange(0x10000) / 10,
            ac_current=number.randrange(0x10000) / 100,
            powerfactor=number.randrange(0x10000) / 1000,
            temperature=number.randrange(-0x8000, 0x8000) / 10,
            event_count=number.randrange(0x10000),
        )
        payload = hoymiles.encode(model, reading)
        frames = hoymiles.answer(hoymiles.address(serial), payload)
        number.shuffle(frames)
        assert joined(frames) == payload
        assert hoymiles.decode(model, payload) == reading


def test_where_the_models_have_what() -> None:
    """The offsets of the protocol, each by a payload that has only one number."""
    for serial, field, string, at in (
        (SERIALS[0], "power", 0, 6),
        (SERIALS[0], "energy_daily", 0, 12),
        (SERIALS[2], "current", 1, 6),
        (SERIALS[2], "power", 2, 30),
        (SERIALS[2], "power", 3, 32),
        (SERIALS[2], "voltage", 3, 24),
        (SERIALS[2], "energy_daily", 3, 44),
    ):
        model = hoymiles.model(serial)
        payload = bytearray(model.size)
        payload[at : at + 2] = (1000).to_bytes(2, "big")
        values = getattr(hoymiles.decode(model, bytes(payload)).strings, field)
        assert values[string] > 0, (serial, field)
    for serial, events in zip(SERIALS, (28, 40, 60), strict=True):
        model = hoymiles.model(serial)
        payload = bytearray(model.size)
        payload[events : events + 2] = (7).to_bytes(2, "big")
        assert hoymiles.decode(model, bytes(payload)).event_count == 7
    with pytest.raises(hoymiles.FrameError, match="an HM-300 must have 30"):
        hoymiles.decode(hoymiles.model(SERIALS[0]), bytes(42))


@pytest.mark.parametrize(
    "control",
    [
        Control(Action.ON),
        Control(Action.OFF),
        Control(Action.RESTART),
        Control(Action.LIMIT, 123.4),
        Control(Action.LIMIT, 80.0, is_relative=True),
        Control(Action.LIMIT, 600.0, is_permanent=True),
        Control(Action.LIMIT, 2.5, is_relative=True, is_permanent=True),
    ],
)
def test_controls_are_understood_and_answered(control: Control) -> None:
    frame = hoymiles.control_frame(INVERTER, STATION, control)
    assert hoymiles.parse_request(frame) == Request(INVERTER, control=control)
    for at in range(len(frame)):
        damaged = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
        with pytest.raises(hoymiles.FrameError):
            hoymiles.parse_request(damaged)
    for verdict in (True, False):
        answer = hoymiles.control_answer(INVERTER, control.action, verdict)
        assert hoymiles.is_accepted(answer, INVERTER, control.action) is verdict
        with pytest.raises(hoymiles.FrameError):
            hoymiles.is_accepted(answer, STATION, control.action)
        with pytest.raises(hoymiles.FrameError):
            hoymiles.is_accepted(answer[:-1] + b"x", INVERTER, control.action)


def test_a_limit_is_encoded_as_the_protocol_defines() -> None:
    limit = Control(Action.LIMIT, 60.0, is_relative=True, is_permanent=True)
    frame = hoymiles.control_frame(INVERTER, STATION, limit).hex()
    assert frame.startswith("51" + "81807700" + "78563001" + "81" + "0b00" + "0258" + "0101")


@pytest.mark.parametrize("serial", ["", "12", "99991234567x", "123412345678", "11418180770\u0660"])
def test_a_wrong_serial_number_is_refused(serial: str) -> None:
    with pytest.raises(ValueError, match="serial number must"):
        hoymiles.model(serial)
