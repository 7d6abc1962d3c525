"""Captures and edge cases: the station's decoder against one that shares no code with it."""

import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest

import hoymiles
from captures import reference
from captures.capture import OWN
from captures.edges import EDGES, Edge
from helpers.programs import ROOT, environment, run
from helpers.station import HM300, HM600, HM1200

RATED = 405.0
MODELS = ((HM300, "HM-300"), (HM600, "HM-600"), (HM1200, "HM-1200"))


def joined(frames: Sequence[bytes]) -> bytes | None:
    answer = hoymiles.Answer()
    for frame in frames:
        answer.add(hoymiles.part(frame))
    return answer.payload()


def by_station(serial: str, frames: Sequence[bytes]) -> dict[str, Any]:
    """What the station decodes, in the form of a capture."""
    payload = joined(frames)
    assert payload is not None
    reading = hoymiles.decode(hoymiles.model(serial), payload)
    strings = asdict(reading.strings) | {"irradiation": reading.irradiation(RATED)}
    return {
        "phases": [
            {
                "voltage": reading.ac_voltage,
                "current": reading.ac_current,
                "power": reading.ac_power,
                "reactive_power": reading.ac_reactive_power,
                "frequency": reading.ac_frequency,
            }
        ],
        "strings": [
            dict(zip(strings, values, strict=True))
            for values in zip(*strings.values(), strict=True)
        ],
        "temperature": reading.temperature,
        "powerfactor": reading.powerfactor,
        "yield_total": sum(reading.strings.energy_total),
        "yield_today": sum(reading.strings.energy_daily),
        "efficiency": reading.efficiency,
        "event_count": reading.event_count,
    }


def arrangements(edge: Edge) -> dict[str, list[bytes]]:
    """Ways in which an answer arrives."""
    frames = reference.split(hoymiles.address(edge.serial), edge.payload)
    # The same answer but for its first and last bytes, as of a poll that was given up.
    former = bytes([edge.payload[0] ^ 1, *edge.payload[1:-1], edge.payload[-1] ^ 1])
    stale = reference.split(hoymiles.address(edge.serial), former)
    return {
        "in order": frames,
        "backwards": frames[::-1],
        "the first one late": [*frames[1:], frames[0]],
        "each one twice": [frame for frame in frames for _ in range(2)],
        "all again": frames + frames,
        "after the rest of an older answer": [*stale[1:], *frames[1:], frames[0]],
    }


def test_the_own_capture_is_what_its_program_records() -> None:
    paths = f"{ROOT}/tests:{ROOT}/station"
    done = run(
        [sys.executable, "-m", "captures.record"],
        environment(ROOT) | {"PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.encode() == OWN.path.read_bytes()


def test_the_own_capture_has_what_a_radio_does() -> None:
    numbers = [[frame[18:20] for frame in poll["frames"]] for poll in OWN.polls()]
    assert ["01", "02", "83"] in numbers
    assert ["02", "83", "01"] in numbers
    assert any(len(set(some)) < len(some) for some in numbers)


def test_checksums_of_the_reference_are_those_of_published_examples() -> None:
    last = bytes.fromhex("9572220200722202008300030083 03e800b2 000afd26")
    assert reference.crc8(last) == 0x1E
    assert reference.crc16(bytes.fromhex("0b00622f45960000000000000000")) == 0x3BD6
    poll = bytes.fromhex("158180770078563001800b0067151c390000000000000000766eb8")
    assert reference.crc8(poll[:-1]) == 0xB8
    assert reference.crc16(poll[10:-3]) == 0x766E


def test_the_reference_decodes_every_poll(polls: list[dict[str, Any]]) -> None:
    for poll in polls:
        frames = [bytes.fromhex(frame) for frame in poll["frames"]]
        assert reference.join(frames).hex() == poll["payload"]
        decoded = reference.decode("HM-600", frames)
        assert json.dumps(decoded) == json.dumps(poll["decoded"])
        assert by_station(HM600, frames) == decoded


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_edge_cases_are_decoded(edge: Edge) -> None:
    for how, frames in arrangements(edge).items():
        assert reference.decode(edge.model, frames) == edge.decoded, how
        assert by_station(edge.serial, frames) == edge.decoded, how


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_the_station_sends_what_the_reference_does(edge: Edge) -> None:
    address = hoymiles.address(edge.serial)
    assert hoymiles.answer(address, edge.payload) == reference.split(address, edge.payload)


@pytest.mark.parametrize(("serial", "model"), MODELS)
def test_any_payload_is_decoded_alike(serial: str, model: str) -> None:
    chance = random.Random(serial)
    size = hoymiles.model(serial).size
    for _ in range(200):
        frames = reference.split(hoymiles.address(serial), chance.randbytes(size))
        chance.shuffle(frames)
        assert by_station(serial, frames) == reference.decode(model, frames)


def test_at_night_there_is_nothing_to_decode() -> None:
    with pytest.raises(reference.AnswerError):
        reference.join([])
    assert joined([]) is None


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_the_reference_refuses_what_is_not_one_whole_answer(edge: Edge) -> None:
    address = hoymiles.address(edge.serial)
    frames = reference.split(address, edge.payload)
    for number, frame in enumerate(frames):
        rest = frames[:number] + frames[number + 1 :]
        with pytest.raises(reference.AnswerError, match="there are frames"):
            reference.join(rest)
        for at in range(len(frame)):
            for bit in range(8):
                damaged = bytearray(frame)
                damaged[at] ^= 1 << bit
                with pytest.raises(reference.AnswerError):
                    reference.join([*rest, bytes(damaged)])
    other = reference.split(address, bytes([edge.payload[0] ^ 1, *edge.payload[1:]]))
    with pytest.raises(reference.AnswerError, match="CRC-16"):
        reference.join([other[0], *frames[1:]])
    with pytest.raises(reference.AnswerError, match="addresses"):
        reference.join([*frames[:-1], reference.split(bytes(4), edge.payload)[-1]])
    with pytest.raises(reference.AnswerError, match="bytes, not"):
        reference.decode(edge.model, reference.split(address, edge.payload + b"\x00"))
