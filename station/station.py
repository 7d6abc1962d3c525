"""The daemon: polls the inverters of board `config`, publishes readings, and does commands."""

import argparse
import logging
import math
import queue
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

import boards
import hoymiles
import pegel
import settings
import sun
from clock import Clock
from commands import Commands
from daily import Day, MeterSample
from inverter import Inverter
from logs import LOG_SIZE, Logs
from radio import Radio, SilentError
from settings import Settings

NEVER: Final = -math.inf
PORT_RETRY_INTERVAL: Final = 1.0
"""Seconds until a port that is gone is opened again."""
METER_TIMEOUT: Final = 10.0
"""Seconds after which the meter's last reading is stale."""

log = logging.getLogger("station")

Message = tuple[str, pegel.Snapshot] | None
"""A new record of a board; None wakes the daemon to stop."""


class Station:
    """One thread does all the work; others follow boards and pass on new records."""

    def __init__(self, radio: Radio, clock: Clock, logs: Logs, max_age: float) -> None:
        self._radio, self._clock, self._logs = radio, clock, logs
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._board = boards.writer("daemon")
        self._commands = Commands(clock, radio, max_age)
        self._daily = boards.writer("daily")
        self._day = Day(_last(self._daily))
        self._settings: Settings | None = None
        self._inverters: dict[str, Inverter] = {}
        self._sun: sun.Sun | None = None
        self._state, self._since = "", 0.0
        self._waiting: deque[pegel.Snapshot] = deque()
        """Commands that are not done yet."""
        self._pending: deque[Inverter] = deque()
        """Inverters that are not yet polled in this round."""
        self._round_start = NEVER
        """When the last round began, by the monotonic clock."""
        self._meter: pegel.Reader | None = None
        self.is_over = False

    def stop(self) -> None:
        """Can be called by a signal handler."""
        self.is_over = True
        self._messages.put(None)

    def run(self) -> None:
        boards.follow("config", lambda config: self._messages.put(("config", config)))
        boards.follow(
            "commands",
            lambda command: self._messages.put(("command", command)),
            after=self._commands.answered,
        )
        while not self.is_over:
            if self._settings is None:
                # The first record can be a command to an inverter that is not known yet.
                self._receive(PORT_RETRY_INTERVAL)
                continue
            if self._round_start == NEVER:
                # Before any command, which needs an open port and the time of sunset.
                self._begin_round()
            elif self._waiting:
                self._do(self._waiting.popleft())
            elif self._pending:
                self._poll(self._pending.popleft())
            elif self._left() > 0:
                self._receive(self._left())
                continue
            else:
                self._begin_round()
            while not self._messages.empty():
                self._receive(None)
        self._radio.close()

    def _left(self) -> float:
        """Seconds until the next round."""
        assert self._settings
        interval = self._clock.real(self._settings.interval)
        if not self._radio.is_open:
            interval = min(interval, PORT_RETRY_INTERVAL)
        return self._round_start + interval - time.monotonic()

    def _receive(self, timeout: float | None) -> None:
        try:
            message = self._messages.get(timeout=timeout)
        except queue.Empty:
            return
        if message is None:
            return
        kind, record = message
        if kind == "config":
            self._configure(record)
        elif not record.is_default:
            self._waiting.append(record)

    def _configure(self, config: pegel.Snapshot) -> None:
        """Applies a configuration; the next round begins at once."""
        is_first = self._settings is None
        self._settings = now = settings.read(config)
        self._logs.zone = now.zone
        if is_first:
            log.info("started")
        units = {unit.serial: unit for unit in now.units}
        polled = ", ".join(f"{unit} {unit.model.name}" for unit in now.units) or "no inverter"
        log.info("configuration %d: %s, every %g s", now.sequence, polled, now.interval)
        for problem in now.problems:
            log.warning("configuration %d: %s", now.sequence, problem)
        for serial in [serial for serial in self._inverters if serial not in units]:
            self._inverters.pop(serial).close()
        for serial, unit in units.items():
            if serial in self._inverters:
                self._inverters[serial].unit = unit
            else:
                self._inverters[serial] = Inverter(unit, now.limits, self._clock)
        self._pending.clear()
        self._round_start = NEVER

    def _begin_round(self) -> None:
        assert self._settings
        self._round_start = time.monotonic()
        site = self._settings.site
        self._sun = sun.at(site, self._clock.now()) if site else None
        if not self._radio.is_open:
            self._open()
        if self._state_now() == "working":
            self._pending.extend(self._inverters.values())
        else:
            for inverter in self._inverters.values():
                inverter.on_pause()
            self._end_round()

    def _state_now(self) -> str:
        if not self._inverters:
            return "unconfigured"
        if self._sun is not None and not self._sun.is_up:
            return "night"
        return "working" if self._radio.is_open else "no-port"

    def _open(self) -> None:
        try:
            self._radio.open()
        except OSError as error:
            if self._state != "no-port":
                log.warning("%s", error)
        else:
            log.info("radio on %s", self._radio.port)

    def _lose_port(self, error: OSError) -> None:
        log.warning("%s: %s", self._radio.port, error)
        self._radio.close()
        self._pending.clear()
        self._end_round()

    def _poll(self, inverter: Inverter) -> None:
        assert self._settings
        limits = self._settings.limits
        try:
            reading = self._radio.poll(inverter.unit, self._clock.now(), inverter.counts)
        except SilentError as error:
            log.debug("%s", error)
            inverter.on_silence(limits)
        except hoymiles.FrameError as error:
            log.warning("%s: %s", inverter.unit, error)
            inverter.on_silence(limits)
        except OSError as error:
            self._lose_port(error)
            return
        else:
            inverter.on_reading(reading, limits)
        if not self._pending:
            self._end_round()

    def _do(self, command: pegel.Snapshot) -> None:
        units = {serial: inverter.unit for serial, inverter in self._inverters.items()}
        try:
            result = self._commands.do(command, units, is_night=self._state_now() == "night")
        except OSError as error:
            self._lose_port(error)
            return
        if result.unit is None:
            log.warning("%s", result.text)
            return
        inverter = self._inverters[result.unit.serial]
        inverter.on_command(result.control, result.text, result.is_confirmed)
        if result.is_confirmed and inverter not in self._pending:
            # The next reading shows the effect.
            self._pending.appendleft(inverter)

    def _end_round(self) -> None:
        """Publishes boards `daily` and `daemon`."""
        assert self._settings
        samples = [one.sample for one in self._inverters.values() if one.sample]
        self._daily.publish(
            self._day.add(self._clock.now(), self._settings.zone, samples, self._meter_sample())
        )
        self._report()

    def _meter_sample(self) -> MeterSample | None:
        """The meter's last reading, unless it is stale."""
        try:
            self._meter = self._meter or pegel.Reader("meter")
            now = self._meter.read()
        except (pegel.NotFound, pegel.Gone, pegel.Empty):
            self._meter = None
            return None
        if now.age > METER_TIMEOUT:
            return None
        return MeterSample(now["power"], now["import"], now["export"])

    def _report(self) -> None:
        assert self._settings
        state, now = self._state_now(), self._clock.now()
        if state != self._state:
            log.info("%s", state)
            self._state, self._since = state, now
        record: dict[str, object] = {
            "state": state,
            "since": int(self._since),
            "now": int(now),
            "speed": self._clock.speed,
            "sunrise": self._sun and self._sun.sunrise,
            "sunset": self._sun and self._sun.sunset,
            "config": self._settings.sequence,
            "port": self._radio.port,
            "problem": self._settings.problem,
        }
        by_index = {inverter.unit.index: inverter for inverter in self._inverters.values()}
        inverters = [by_index.get(index) for index in range(boards.INVERTERS)]
        record["serial"] = [one.unit.serial if one else "" for one in inverters]
        for count in ("polls", "answers", "frames", "retries", "damaged"):
            record[count] = [getattr(one.counts, count) if one else 0 for one in inverters]
        self._board.publish(record)


def _last(writer: pegel.Writer) -> pegel.Snapshot | None:
    try:
        return writer.read()
    except pegel.Empty:
        return None


def check(radio: Radio) -> list[str]:
    """The problems that keep the daemon from working."""
    problems = []
    try:
        config = settings.read(pegel.Reader("config").read())
    except pegel.NotFound:
        problems.append("board config: it does not exist. Start the daemon or open a page")
    except pegel.Error as error:
        problems.append(str(error))
    else:
        problems += [f"board config: {problem}" for problem in config.problems]
        if not config.units:
            problems.append("board config: it has no inverter. Enter one on the page Settings")
    try:
        radio.open()
        radio.close()
    except OSError as error:
        problems.append(f"{error}. Plug the modem in, and join group dialout")
    return problems


def address(text: str) -> bytes:
    """Four bytes in hexadecimal."""
    number = bytes.fromhex(text)
    if len(number) != 4:
        raise ValueError(text)
    return number


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", required=True, help="serial port of the radio modem")
    options.add_argument("--log", type=Path, help="file to append the log to")
    options.add_argument(
        "--log-size", type=int, default=LOG_SIZE, help="maximum bytes of a log file"
    )
    options.add_argument("--verbose", action="store_true", help="log every reading, too")
    options.add_argument(
        "--station", type=address, default="78563001", help="address of the station"
    )
    options.add_argument(
        "--answer-time",
        type=float,
        default=0.3,
        help="seconds until a frame counts as lost (0.3)",
    )
    options.add_argument(
        "--max-age",
        type=float,
        default=60.0,
        help="age in seconds from which commands are refused (60)",
    )
    options.add_argument("--check", action="store_true", help="print problems, and exit")
    given = options.parse_args()
    clock = Clock.of_environment()
    logs = Logs(clock)
    running: list[Station] = []
    radio = Radio(given.port, given.station, given.answer_time, lambda: running[0].is_over)
    if given.check:
        problems = check(radio)
        print("\n".join(problems) or "no problem found")
        return 1 if problems else 0
    if given.log is None:
        options.error("--log is required, except with --check")
    logs.write_to(given.log, logging.DEBUG if given.verbose else logging.INFO, given.log_size)
    for ending in (signal.SIGTERM, signal.SIGINT):
        # Other programs can take it for running once it holds its first board.
        signal.signal(ending, lambda *_: sys.exit(0))
    try:
        station = Station(radio, clock, logs, given.max_age)
        running.append(station)
        signal.signal(signal.SIGTERM, lambda *_: station.stop())
        signal.signal(signal.SIGINT, lambda *_: station.stop())
        station.run()
    except pegel.Error as error:
        log.error("%s", error)
        print(f"station: {error}", file=sys.stderr)
        return 1
    log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
