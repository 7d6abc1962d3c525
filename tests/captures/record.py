r"""Records hm600.jsonl: polls of a simulated HM-600 on an evening in October and the day after.

    PYTHONPATH=tests:station .venv/bin/python -m captures.record \
        > tests/captures/hm600.jsonl

The station's simulator makes the sky, the inverter and a radio that loses frames, repeats them and
changes their order, all from one seed. What the polls say comes from the decoder in reference.py.
Record the capture again when the simulator is meant to say something else.
"""

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import hoymiles
from captures import reference
from simulator import LATITUDE, LONGITUDE, Port, Radio, Truth
from world import HOUR, World

SERIAL, STATION = "114181807700", bytes.fromhex("78563001")
SEED = 600
LOSS = 0.1
"""Chance that a frame is lost, and that it comes twice."""
MIDNIGHT = 1_729_296_000
"""2024-10-19, UTC."""
HOURS = (15.2, 15.8, 29.9, 30.5, 32.4, 35.1)
"""When a series of polls begins; between the second and the third is a night."""
SPACINGS = (15, 18, 3, 18, 21)
"""Seconds between the polls of a series."""
ATTEMPTS = 20
"""How often an answer is asked for until it is complete; far more than the losses need."""


class Air(Port):
    """The way between the station and the simulated inverter, without a serial port."""

    def __init__(self) -> None:
        super().__init__(Path(), random.Random())
        self.question = b""
        self.frames: list[bytes] = []

    def receive(self) -> bytes:
        return self.question

    def send(self, line: bytes) -> None:
        self.frames.append(bytes.fromhex(line.decode()))


def poll(radio: Radio, air: Air, world: World, time: int) -> list[bytes]:
    """All frames that arrive until the answer is complete; missing ones are asked for again."""
    inverter = hoymiles.address(SERIAL)
    answer = hoymiles.Answer()
    air.frames = []
    for _ in range(ATTEMPTS):
        question = (
            hoymiles.poll(inverter, STATION, time)
            if answer.is_empty()
            else hoymiles.poll_again(inverter, STATION, answer.missing()[0])
        )
        air.question = question.hex().encode() + b"\n"
        radio.serve(world, None)
        for frame in air.frames:
            answer.add(hoymiles.part(frame))
        if answer.payload() is not None:
            return air.frames
    raise RuntimeError(f"{SERIAL}: no complete answer at {time}. It sleeps: choose another hour.")


def times() -> Iterator[int]:
    for hour in HOURS:
        yield from itertools.accumulate(SPACINGS, initial=MIDNIGHT + round(hour * HOUR))


def capture() -> Iterator[str]:
    """The lines of the capture."""
    air = Air()
    radio = Radio(air, random.Random(SEED), Truth(None))
    radio.loss = LOSS
    world = World(SEED, [SERIAL], LATITUDE, LONGITUDE, MIDNIGHT)
    for time in times():
        world.advance(time)
        frames = poll(radio, air, world, time)
        line = {
            "t": time,
            "frames": [frame.hex() for frame in frames],
            "payload": reference.join(frames).hex(),
            "decoded": reference.decode("HM-600", frames),
        }
        yield json.dumps(line, separators=(",", ":"))


if __name__ == "__main__":
    for line in capture():
        print(line)
