"""The daemon: polls the inverters of board `config`, publishes what they answer, does commands."""

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
import night
import pegel
import settings
from clock import Clock
from inverter import Inverter
from logs import LOG_SIZE, Logs
from orders import Orders
from radio import Radio, SilentError
from settings import Settings
from today import Day, Metered

NEVER: Final = -math.inf
PORT_RETRY: Final = 1.0
"""Seconds until a port that is gone is opened again."""
METER_PATIENCE: Final = 10.0
"""Seconds after which what the meter said is no longer what is."""

log = logging.getLogger("station")

News = tuple[str, pegel.Snapshot] | None


class Station:
    """One thread does all; others wait on boards and tell it the news."""

    def __init__(self, radio: Radio, clock: Clock, logs: Logs, patience: float) -> None:
        self._radio, self._clock, self._logs = radio, clock, logs
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._board = boards.writer("daemon")
        self._orders = Orders(clock, radio, patience)
        self._today = boards.writer("today")
        self._day = Day(_last(self._today))
        self._settings: Settings | None = None
        self._inverters: dict[str, Inverter] = {}
        self._sun: night.Sun | None = None
        self._state, self._since = "", 0.0
        self._commands: deque[pegel.Snapshot] = deque()
        self._pending: deque[Inverter] = deque()
        """Those that are still to be polled in this round."""
        self._begun = NEVER
        """When the last round began, by the clock that never jumps."""
        self._meter: pegel.Reader | None = None
        self.is_over = False

    def stop(self) -> None:
        """May be called by a signal handler."""
        self.is_over = True
        self._news.put(None)

    def run(self) -> None:
        boards.follow("config", lambda config: self._news.put(("config", config)))
        boards.follow(
            "commands",
            lambda command: self._news.put(("command", command)),
            after=self._orders.answered,
        )
        while not self.is_over:
            if self._settings is None:
                # What comes first may be a command, and nothing is known of its inverter yet.
                self._hear(PORT_RETRY)
                continue
            if self._begun == NEVER:
                # Before any command: it is to find the port open, and to know whether it is night.
                self._begin_round()
            elif self._commands:
                self._do(self._commands.popleft())
            elif self._pending:
                self._poll(self._pending.popleft())
            elif self._left() > 0:
                self._hear(self._left())
                continue
            else:
                self._begin_round()
            while not self._news.empty():
                self._hear(None)
        self._radio.close()

    def _left(self) -> float:
        """Seconds until the next round."""
        assert self._settings
        interval = self._clock.real(self._settings.interval)
        if not self._radio.is_open:
            interval = min(interval, PORT_RETRY)
        return self._begun + interval - time.monotonic()

    def _hear(self, timeout: float | None) -> None:
        try:
            news = self._news.get(timeout=timeout)
        except queue.Empty:
            return
        if news is None:
            return
        kind, record = news
        if kind == "config":
            self._obey(record)
        elif not record.is_default:
            self._commands.append(record)

    def _obey(self, config: pegel.Snapshot) -> None:
        """Takes a configuration: the next round is due at once."""
        is_first = self._settings is None
        self._settings = now = settings.read(config)
        self._logs.zone = now.zone
        if is_first:
            log.info("started")
        units = {unit.serial: unit for unit in now.units}
        asked = ", ".join(f"{unit} {unit.model.name}" for unit in now.units) or "no inverter"
        log.info("configuration %d: %s, every %g s", now.sequence, asked, now.interval)
        for complaint in now.complaints:
            log.warning("configuration %d: %s", now.sequence, complaint)
        for serial in [serial for serial in self._inverters if serial not in units]:
            self._inverters.pop(serial).close()
        for serial, unit in units.items():
            if serial in self._inverters:
                self._inverters[serial].unit = unit
            else:
                self._inverters[serial] = Inverter(unit, now.limits, self._clock)
        self._pending.clear()
        self._begun = NEVER

    def _begin_round(self) -> None:
        assert self._settings
        self._begun = time.monotonic()
        site = self._settings.site
        self._sun = night.sun(site, self._clock.now()) if site else None
        if not self._radio.is_open:
            self._open()
        if self._state_now() == "working":
            self._pending.extend(self._inverters.values())
        else:
            for inverter in self._inverters.values():
                inverter.rest()
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
            reading = self._radio.ask(inverter.unit, self._clock.now(), inverter.counts)
        except SilentError as error:
            log.debug("%s", error)
            inverter.silent(limits)
        except hoymiles.FrameError as error:
            log.warning("%s: %s", inverter.unit, error)
            inverter.silent(limits)
        except OSError as error:
            self._lose_port(error)
            return
        else:
            inverter.reading(reading, limits)
        if not self._pending:
            self._end_round()

    def _do(self, command: pegel.Snapshot) -> None:
        units = {serial: inverter.unit for serial, inverter in self._inverters.items()}
        try:
            outcome = self._orders.do(command, units, is_night=self._state_now() == "night")
        except OSError as error:
            self._lose_port(error)
            return
        if outcome.unit is None:
            log.warning("%s", outcome.text)
            return
        inverter = self._inverters[outcome.unit.serial]
        inverter.commanded(outcome.control, outcome.text, outcome.is_confirmed)
        if outcome.is_confirmed and inverter not in self._pending:
            # Its next reading shows what came of it.
            self._pending.appendleft(inverter)

    def _end_round(self) -> None:
        """Tells of the day, and of the daemon itself."""
        assert self._settings
        produced = [one.produced for one in self._inverters.values() if one.produced]
        self._today.publish(
            self._day.add(self._clock.now(), self._settings.zone, produced, self._metered())
        )
        self._tell()

    def _metered(self) -> Metered | None:
        """What the meter said last, if that is of now."""
        try:
            self._meter = self._meter or pegel.Reader("meter")
            now = self._meter.read()
        except (pegel.NotFound, pegel.Gone, pegel.Empty):
            self._meter = None
            return None
        if now.age > METER_PATIENCE:
            return None
        return Metered(now["power"], now["import"], now["export"])

    def _tell(self) -> None:
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
            "complaint": self._settings.complaint,
        }
        by_place = {inverter.unit.place: inverter for inverter in self._inverters.values()}
        places = [by_place.get(place) for place in range(boards.INVERTERS)]
        record["serial"] = [one.unit.serial if one else "" for one in places]
        for count in ("polls", "answers", "frames", "asked_again", "damaged"):
            record[count] = [getattr(one.counts, count) if one else 0 for one in places]
        self._board.publish(record)


def _last(writer: pegel.Writer) -> pegel.Snapshot | None:
    try:
        return writer.read()
    except pegel.Empty:
        return None


def check(radio: Radio) -> list[str]:
    """What keeps the daemon from doing all that it is asked."""
    wrong = []
    try:
        config = settings.read(pegel.Reader("config").read())
    except pegel.NotFound:
        wrong.append("board config: there is none; the pages make it, or the daemon does")
    except pegel.Error as error:
        wrong.append(str(error))
    else:
        wrong += [f"board config: {complaint}" for complaint in config.complaints]
        if not config.units:
            wrong.append("board config: it names no inverter; the page `settings` asks for one")
    try:
        radio.open()
        radio.close()
    except OSError as error:
        wrong.append(f"{error}: plug the modem in, and be in group dialout")
    return wrong


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
    options.add_argument("--log-size", type=int, default=LOG_SIZE, help="bytes of a log file")
    options.add_argument("--verbose", action="store_true", help="log every reading, too")
    options.add_argument("--station", type=address, default="78563001", help="our own address")
    options.add_argument(
        "--answer-time", type=float, default=0.3, help="seconds after which a frame is lost (0.3)"
    )
    options.add_argument(
        "--patience", type=float, default=60.0, help="seconds after which no command is done (60)"
    )
    options.add_argument("--check", action="store_true", help="say what is wrong, and end")
    given = options.parse_args()
    clock = Clock.of_environment()
    logs = Logs(clock)
    running: list[Station] = []
    radio = Radio(given.port, given.station, given.answer_time, lambda: running[0].is_over)
    if given.check:
        wrong = check(radio)
        print("\n".join(wrong) or "the configuration is good")
        return 1 if wrong else 0
    if given.log is None:
        options.error("--log is needed, but for --check")
    logs.write_to(given.log, logging.DEBUG if given.verbose else logging.INFO, given.log_size)
    for ending in (signal.SIGTERM, signal.SIGINT):
        # Until it runs: once it has its first board, others may take it for running.
        signal.signal(ending, lambda *_: sys.exit(0))
    try:
        station = Station(radio, clock, logs, given.patience)
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
