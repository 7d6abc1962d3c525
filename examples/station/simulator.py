"""The other end of the serial line: a radio modem with one HM-600 on a roof.

It answers the polls of the day that it makes up, loses and repeats frames now and then, and is
silent at night; or it replays a capture, one line for each poll, and is silent at its end.
"""

import argparse
import contextlib
import functools
import json
import math
import os
import random
import select
import signal
import sys
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import hm600
from modem import MAX_LINE

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
WAKING_POWER: Final = 2.0
"""Watts of sunlight on both strings from which on the inverter works."""
STEP: Final = 300.0
"""Seconds between two looks at the sun when energy is summed up."""

Frames = list[bytes]


class Roof:
    """Two strings under a sky of its own, from the seed; east and west of south."""

    PEAKS: Final = (11.6 * HOUR, 13.1 * HOUR)
    PEAK_POWER: Final = (352.0, 338.0)
    DAYLIGHT: Final = 14 * HOUR
    EARLIER_ENERGY: Final = (775_012, 763_954)

    def __init__(self, seed: int) -> None:
        sky = random.Random(seed)
        self._clouds = [(sky.uniform(0.2, 9.0), sky.uniform(0, math.tau)) for _ in range(7)]

    def power(self, string: int, moment: float) -> float:
        """Watts of a string; the moment in seconds since the first midnight."""
        from_peak = (moment % DAY - self.PEAKS[string]) / self.DAYLIGHT
        if abs(from_peak) >= 0.5:
            return 0.0
        sun: float = math.cos(math.pi * from_peak) ** 1.4
        waves = (math.sin(moment / HOUR * rate + phase) for rate, phase in self._clouds)
        shade = max(0.0, sum(waves) / len(self._clouds))
        return self.PEAK_POWER[string] * sun * (1 - 0.8 * shade)

    @functools.cache  # noqa: B019 - one roof lives as long as the program
    def _day(self, string: int, day: int) -> float:
        return self._energy(string, day * DAY, (day + 1) * DAY)

    def _energy(self, string: int, start: float, end: float) -> float:
        steps = int((end - start) / STEP)
        watts = sum(self.power(string, start + step * STEP) for step in range(steps))
        rest = end - start - steps * STEP
        return (watts * STEP + self.power(string, end) * rest) / HOUR

    def reading(self, moment: float) -> hm600.Reading | None:
        """What the inverter measures, or None while it sleeps."""
        power = tuple(round(self.power(string, moment), 1) for string in (0, 1))
        if sum(power) < WAKING_POWER:
            return None
        day, sun = int(moment // DAY), sum(power) / sum(self.PEAK_POWER)
        daily = tuple(self._energy(string, day * DAY, moment) for string in (0, 1))
        before = tuple(sum(self._day(string, past) for past in range(day)) for string in (0, 1))
        voltage = (30.5 + 5.2 * sun**0.3, 30.9 + 5.1 * sun**0.3)
        ac_power = sum(power) * (0.957 - 0.012 / (0.1 + 5 * sun))
        ac_voltage = 229.5 + 2.2 * math.sin(moment / 700) + 3 * sun
        return hm600.Reading(
            strings=hm600.Strings(
                voltage=voltage,
                current=(power[0] / voltage[0], power[1] / voltage[1]),
                power=(power[0], power[1]),
                energy_total=(
                    self.EARLIER_ENERGY[0] + int(before[0] + daily[0]),
                    self.EARLIER_ENERGY[1] + int(before[1] + daily[1]),
                ),
                energy_daily=(int(daily[0]), int(daily[1])),
            ),
            ac_voltage=ac_voltage,
            ac_frequency=50 + 0.03 * math.sin(moment / 90),
            ac_power=ac_power,
            ac_reactive_power=0.0,
            ac_current=ac_power / ac_voltage,
            powerfactor=1.0,
            temperature=11 + 6 * math.sin((moment / DAY - 0.4) * math.tau) + 24 * sun,
            event_count=13,
        )


def simulated(roof: Roof, inverter: bytes, start: float, speed: float) -> Iterator[Frames]:
    """The answers to one poll after another; none at night."""
    begin = time.monotonic()
    while True:
        reading = roof.reading(start + (time.monotonic() - begin) * speed)
        yield hm600.answer(inverter, hm600.encode(reading)) if reading else []


def replayed(capture: Path) -> Iterator[Frames]:
    """The answers of a capture, one line of JSON with the key `frames` each."""
    with capture.open(encoding="utf-8") as lines:
        for line in lines:
            yield [bytes.fromhex(frame) for frame in json.loads(line)["frames"]]
    while True:
        yield []


class Air:
    """The radio path: with a chance, a frame is lost, comes twice, or comes later."""

    def __init__(self, seed: int, loss: float) -> None:
        self._random, self._loss = random.Random(seed), loss

    def carry(self, frames: Frames) -> Frames:
        carried = []
        for frame in frames:
            if self._happens():
                continue
            carried.append(frame)
            if self._happens():
                carried.insert(self._random.randrange(len(carried)), frame)
        return carried

    def _happens(self) -> bool:
        return self._random.random() < self._loss


def serve(master: int, answers: Iterator[Frames], air: Air, is_over: Callable[[], bool]) -> None:
    """Answers what comes in on the line."""
    rest, frames = b"", []
    while not is_over():
        if not select.select([master], [], [], 0.2)[0]:
            continue
        rest += os.read(master, 4 * MAX_LINE)
        *lines, rest = rest.split(b"\n")
        for line in lines:
            try:
                _, number = hm600.asked(bytes.fromhex(line.decode("ascii")))
            except ValueError as error:
                print(f"not understood: {error}", file=sys.stderr)
                continue
            if number == 0:
                frames = next(answers)
            wanted = [frame for frame in frames if number in (0, hm600.part(frame).number)]
            for frame in air.carry(wanted):
                os.write(master, frame.hex().encode() + b"\n")


def clock(text: str) -> float:
    """A time of day, HH:MM, in seconds."""
    hours, minutes = text.split(":")
    return int(hours) * HOUR + int(minutes) * 60


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--link", type=Path, required=True, help="path to give the serial port")
    options.add_argument("--replay", type=Path, help="capture to answer from, instead of a day")
    options.add_argument("--speed", type=float, default=1.0, help="how fast the day goes by")
    options.add_argument("--start", type=clock, default="09:30", help="time of day to begin with")
    options.add_argument("--seed", type=int, default=600, help="of the clouds and the losses")
    options.add_argument("--loss", type=float, default=0.0, help="chance that a frame is lost")
    options.add_argument("--inverter", type=bytes.fromhex, default="81807700", help="its serial")
    given = options.parse_args()
    over: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        over.append(number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    answers = (
        replayed(given.replay)
        if given.replay
        else simulated(Roof(given.seed), given.inverter, given.start, given.speed)
    )
    master, slave = os.openpty()
    # The slave stays open here too: the line is not dead while no daemon has it.
    tty.setraw(slave)
    given.link.unlink(missing_ok=True)
    given.link.symlink_to(os.ttyname(slave))
    print(f"ready {given.link}", flush=True)
    try:
        serve(master, answers, Air(given.seed, given.loss), lambda: bool(over))
    finally:
        with contextlib.suppress(FileNotFoundError):
            given.link.unlink()


if __name__ == "__main__":
    main()
