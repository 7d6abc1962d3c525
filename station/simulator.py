"""Simulates the devices on the serial ports: a radio modem with inverters, and a smart meter.

The day is determined by the seed and the station's clock ($STATION_CLOCK). Board `faults` makes the
devices fail at any time: `pegel set faults loss=0.3`. With --replay, the inverter answers each poll
with the next answer of a capture.

--truth writes what really happened, as lines of JSON with the members `kind` and `at`, and
- reading: `inverter`, `payload` (hexadecimal), for each new answer,
- control: `inverter`, `action`, `limit`, `relative`, `accepted`, for each one that was received,
- power: `house`, `available`, `power`, `grid` in watts, each minute.
"""

import argparse
import contextlib
import json
import os
import random
import select
import signal
import sys
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final, TextIO

import boards
import hoymiles
import pegel
from clock import Clock
from hoymiles import Request
from modem import MAX_LINE
from world import World

SEED: Final = 600
LATITUDE: Final = 52.5
LONGITUDE: Final = 13.4
METER_ID: Final = "1EBZ0100000000"
METER_PERIOD: Final = 0.1
"""The minimum time between two telegrams, in seconds of the machine."""
POLL_INTERVAL: Final = 0.05
"""Seconds between two checks of board `faults`."""
TRUTH_PERIOD: Final = 60.0
"""Seconds of the station between two lines about power."""

Frames = list[bytes]


class Port:
    """A serial port that other programs open through a link, and that can be unplugged."""

    def __init__(self, link: Path, chance: random.Random) -> None:
        self._link, self._chance = link, chance
        self.noise = 0.0
        self.master: int | None = None
        self._slave = -1

    def plug(self, is_plugged: bool) -> None:
        if is_plugged and self.master is None:
            # The slave stays open here, or writes would fail while no other program has it open.
            self.master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self.master, False)
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(os.ttyname(self._slave))
        elif not is_plugged and self.master is not None:
            self._link.unlink(missing_ok=True)
            os.close(self._slave)
            os.close(self.master)
            self.master = None

    def send(self, line: bytes) -> None:
        """Sends a line, which noise can damage. Without a reader it is lost, as on a wire."""
        if self.master is None:
            return
        if line and self._chance.random() < self.noise:
            at = self._chance.randrange(len(line))
            line = line[:at] + bytes([self._chance.randrange(33, 127)]) + line[at + 1 :]
        with contextlib.suppress(BlockingIOError):
            os.write(self.master, line)

    def receive(self) -> bytes:
        assert self.master is not None
        try:
            return os.read(self.master, 4 * MAX_LINE)
        except BlockingIOError:
            return b""


class Radio:
    """The modem and its radio link."""

    def __init__(self, port: Port, chance: random.Random, truth: "Truth") -> None:
        self.port, self._chance, self._truth = port, chance, truth
        self.loss = 0.0
        self.is_night = False
        self._rest = b""
        self._last: dict[bytes, Frames] = {}
        """The last answer of each inverter, whose frames can be requested again."""

    def serve(self, world: World, replay: Iterator[Frames] | None) -> None:
        """Answers the requests that have arrived."""
        self._rest += self.port.receive()
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            try:
                request = hoymiles.parse_request(bytes.fromhex(line.decode("ascii")))
            except ValueError as error:
                print(f"invalid request: {error}", file=sys.stderr)
                continue
            for frame in self._transmitted(self._answer(request, world, replay)):
                self.port.send(frame.hex().encode() + b"\n")

    def _answer(self, request: Request, world: World, replay: Iterator[Frames] | None) -> Frames:
        by_address = {hoymiles.address(serial): serial for serial in world.inverters}
        serial = by_address.get(request.inverter)
        if serial is None or self.is_night or self._is_unlucky():
            return []
        if request.frame > 0:
            frames = self._last.get(request.inverter, [])
            return [frame for frame in frames if hoymiles.part(frame).number == request.frame]
        inverter = world.inverters[serial]
        if replay is None and inverter.is_silent(world.moment):
            return []
        if request.control is not None:
            is_accepted = inverter.control(request.control, world.moment)
            self._truth.control(world.moment, serial, request.control, is_accepted)
            return [hoymiles.control_answer(request.inverter, request.control.action, is_accepted)]
        if replay is not None:
            frames = next(replay)
        else:
            payload = hoymiles.encode(inverter.model, inverter.reading(world.moment))
            self._truth.reading(world.moment, serial, payload)
            frames = hoymiles.answer(request.inverter, payload)
        self._last[request.inverter] = frames
        return frames

    def _transmitted(self, frames: Frames) -> Frames:
        """The frames that arrive: some are lost, repeated or delayed."""
        arrived: Frames = []
        for frame in frames:
            if self._is_unlucky():
                continue
            arrived.append(frame)
            if self._is_unlucky():
                arrived.insert(self._chance.randrange(len(arrived)), frame)
        return arrived

    def _is_unlucky(self) -> bool:
        return self._chance.random() < self.loss


def telegram(world: World) -> list[bytes]:
    """The lines that the meter sends, by IEC 62056-21 mode D."""
    sign = "-" if world.grid < 0 else ""
    lines = (
        "/EBZ5DD32R06ETA_107",
        "",
        f"1-0:96.1.0*255({METER_ID})",
        f"1-0:1.8.0*255({world.imported / 1000:015.8f}*kWh)",
        f"1-0:2.8.0*255({world.exported / 1000:015.8f}*kWh)",
        f"1-0:16.7.0*255({sign}{abs(world.grid):09.2f}*W)",
        "!",
    )
    return [f"{line}\r\n".encode() for line in lines]


class Truth:
    """The file of --truth, if there is one."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self._last_power = -TRUTH_PERIOD

    def _write(self, kind: str, **facts: object) -> None:
        if self._file is not None:
            print(json.dumps({"kind": kind, **facts}), file=self._file, flush=True)

    def reading(self, at: float, serial: str, payload: bytes) -> None:
        self._write("reading", at=at, inverter=serial, payload=payload.hex())

    def control(self, at: float, serial: str, control: hoymiles.Control, accepted: bool) -> None:
        self._write(
            "control",
            at=at,
            inverter=serial,
            action=control.action.name.lower(),
            limit=control.limit,
            relative=control.is_relative,
            accepted=accepted,
        )

    def power(self, world: World) -> None:
        if world.moment - self._last_power >= TRUTH_PERIOD:
            self._last_power = world.moment
            self._write(
                "power",
                at=world.moment,
                house=world.house,
                available=world.available,
                power=world.power,
                grid=world.grid,
            )


def replayed(capture: Path) -> Iterator[Frames]:
    """The answers of a capture, whose lines are JSON with the key `frames`; then silence."""
    with capture.open(encoding="utf-8") as lines:
        for line in lines:
            yield [bytes.fromhex(frame) for frame in json.loads(line)["frames"]]
    while True:
        yield []


class Simulator:
    def __init__(self, given: argparse.Namespace, clock: Clock, truth: Truth) -> None:
        self._clock, self._truth = clock, truth
        now = clock.now()
        since = now if given.since is None else given.since
        self.world = World(given.seed, given.inverter, LATITUDE, LONGITUDE, since)
        # This can take seconds: before the ports exist, no program waits for an answer.
        self.world.advance(now)
        chance = random.Random(given.seed)
        self._radio = Radio(Port(given.radio, chance), chance, truth)
        self._meter = Port(given.meter, chance) if given.meter else None
        self._replay = replayed(given.replay) if given.replay else None
        with boards.writer("faults") as faults:
            if given.loss:
                faults.update(loss=given.loss)
            self._faults: pegel.Snapshot = faults.read()
        self._restarts: int = self._faults["restarts"]
        self._reader = pegel.Reader("faults")
        self._last_telegram = time.monotonic()
        self.is_over = False

    def run(self) -> None:
        self._apply_faults()
        try:
            while not self.is_over:
                masters = [] if self._radio.port.master is None else [self._radio.port.master]
                readable, _, _ = select.select(masters, [], [], POLL_INTERVAL)
                if self.world.advance(self._clock.now()):
                    self._truth.power(self.world)
                if self._reader.sequence != self._faults.sequence:
                    self._faults = self._reader.read()
                    self._apply_faults()
                if readable and self._radio.port.master is not None:
                    self._radio.serve(self.world, self._replay)
                self._send_telegram()
        finally:
            self._radio.port.plug(False)
            if self._meter:
                self._meter.plug(False)

    def _apply_faults(self) -> None:
        """Applies the record of board `faults`."""
        now: Any = self._faults
        self._radio.loss, self._radio.is_night = now["loss"], now["night"]
        self._radio.port.noise = now["noise"]
        self._radio.port.plug(not now["radio_unplugged"])
        if self._meter:
            self._meter.noise = now["noise"]
            self._meter.plug(not now["meter_unplugged"])
        if now["restarts"] != self._restarts:
            self._restarts = now["restarts"]
            for inverter in self.world.inverters.values():
                inverter.restart(self.world.moment)

    def _send_telegram(self) -> None:
        """Sends the meter's reading when it is due; meters send without a request."""
        period = max(self._clock.real(1.0), METER_PERIOD)
        if self._meter is None or time.monotonic() - self._last_telegram < period:
            return
        self._last_telegram = time.monotonic()
        if not self._faults["meter_silent"]:
            for line in telegram(self.world):
                self._meter.send(line)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--radio", type=Path, required=True, help="path of the modem's port")
    options.add_argument("--meter", type=Path, help="path of the meter's port")
    options.add_argument("--inverter", action="append", help="serial number; repeatable")
    options.add_argument("--replay", type=Path, help="capture with the inverter's answers")
    options.add_argument("--seed", type=int, default=SEED, help="seed of sky, house and losses")
    options.add_argument(
        "--since",
        type=float,
        help="Unix time from which the world is simulated up to now (now)",
    )
    options.add_argument("--loss", type=float, default=0.0, help="probability of losing a frame")
    options.add_argument("--truth", type=Path, help="file for what really happened")
    given = options.parse_args()
    given.inverter = given.inverter or ["114181807700"]
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(given.truth.open("a")) if given.truth else None
        simulator = Simulator(given, Clock.of_environment(), Truth(file))

        def stop(*_: int | FrameType | None) -> None:
            simulator.is_over = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        simulator.run()


if __name__ == "__main__":
    main()
