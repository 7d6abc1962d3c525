"""The daemon: polls a Hoymiles HM-600, publishes board `inverter`, obeys board `config`."""

import argparse
import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import boards
import hm600
import pegel
from modem import Modem

ANSWER_TIME = 0.3
"""Seconds of silence after which a frame is taken for lost."""
ATTEMPTS = 6
"""How often a poll asks again for what is missing."""
PORT_RETRY = 1.0
"""Seconds until a port that is gone is opened again."""

log = logging.getLogger("station")


class Config:
    """The newest configuration, kept up to date by a thread that waits on the board."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        boards.by_turns("config", boards.CONFIG).close()
        self._now = pegel.Reader("config").read()
        threading.Thread(target=self._follow, name="config", daemon=True).start()

    def _follow(self) -> None:
        while True:
            try:
                for now in pegel.Reader("config").follow():
                    if now.sequence != self._now.sequence:
                        log.info("configuration %d: %s", now.sequence, dict(now))
                    self._now = now
                    self.changed.set()
            except pegel.Error as error:
                log.warning("configuration: %s", error)
                boards.by_turns("config", boards.CONFIG).close()

    @property
    def interval(self) -> float:
        return min(max(float(self._now["interval"]), 0.1), 3600.0)

    @property
    def rated_power(self) -> Sequence[float]:
        rated: Sequence[float] = self._now["rated_power"]
        return rated


def ask(modem: Modem, inverter: bytes, station: bytes) -> hm600.Reading:
    """Polls once. Raises TimeoutError when the inverter is silent, FrameError when it babbles."""
    modem.send(hm600.poll(inverter, station, int(time.time())))
    answer = hm600.Answer()
    for _ in range(ATTEMPTS):
        while (payload := answer.payload()) is None:
            frame = modem.receive(ANSWER_TIME)
            if frame is None:
                break
            try:
                part = hm600.part(frame)
            except hm600.FrameError as error:
                log.debug("%s", error)
                continue
            if part.inverter == inverter:
                answer.add(part)
        else:
            return hm600.decode(payload)
        modem.send(hm600.poll_again(inverter, station, answer.missing()[0]))
    raise TimeoutError("the inverter does not answer")


def publish(
    writer: pegel.Writer, inverter: bytes, reading: hm600.Reading, rated_power: Sequence[float]
) -> int:
    strings = reading.strings
    return writer.publish(
        serial=inverter.hex(),
        measured=int(time.time()),
        string_voltage=strings.voltage,
        string_current=strings.current,
        string_power=strings.power,
        string_energy_total=strings.energy_total,
        string_energy_daily=strings.energy_daily,
        string_irradiation=reading.irradiation(rated_power),
        ac_voltage=reading.ac_voltage,
        ac_current=reading.ac_current,
        ac_power=reading.ac_power,
        ac_reactive_power=reading.ac_reactive_power,
        ac_frequency=reading.ac_frequency,
        temperature=reading.temperature,
        powerfactor=reading.powerfactor,
        yield_total=sum(strings.energy_total),
        yield_today=sum(strings.energy_daily),
        efficiency=reading.efficiency,
        event_count=reading.event_count,
    )


class Station:
    """Polls until it is told to stop."""

    def __init__(self, port: str, inverter: bytes, station: bytes) -> None:
        self._port, self._inverter, self._station = port, inverter, station
        self._stopping = False
        self._config = Config()

    def stop(self) -> None:
        self._stopping = True
        self._config.changed.set()

    def run(self) -> None:
        with pegel.Writer("inverter", boards.INVERTER) as writer:
            log.info("writes %s", writer.path)
            while not self._stopping:
                try:
                    modem = Modem(self._port)
                except OSError as error:
                    log.warning("%s", error)
                    self._pause(PORT_RETRY)
                    continue
                with contextlib.closing(modem):
                    self._poll(writer, modem)

    def _poll(self, writer: pegel.Writer, modem: Modem) -> None:
        """Polls until the port is gone."""
        due = time.monotonic()
        while not self._stopping:
            try:
                reading = ask(modem, self._inverter, self._station)
                sequence = publish(writer, self._inverter, reading, self._config.rated_power)
                log.info("%d: %.1f W", sequence, reading.ac_power)
            except TimeoutError as error:
                # At night: the last reading stays, and grows old.
                log.info("%s", error)
            except hm600.FrameError as error:
                log.warning("%s", error)
            except OSError as error:
                log.warning("%s: %s", self._port, error)
                return
            # A new interval counts from the last poll, not from when it was made known.
            while (
                not self._stopping and (left := due + self._config.interval - time.monotonic()) > 0
            ):
                self._pause(left)
            due = time.monotonic()

    def _pause(self, seconds: float) -> None:
        """Sleeps, or less if the configuration changes."""
        self._config.changed.wait(seconds)
        if not self._stopping:
            self._config.changed.clear()


def address(text: str) -> bytes:
    """Four bytes in hexadecimal."""
    number = bytes.fromhex(text)
    if len(number) != 4:
        raise ValueError(text)
    return number


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", required=True, help="serial port of the radio modem")
    options.add_argument("--log", type=Path, required=True, help="file to append the log to")
    options.add_argument("--inverter", type=address, default="81807700", help="its serial number")
    options.add_argument("--station", type=address, default="78563001", help="our own address")
    given = options.parse_args()
    logging.basicConfig(
        filename=given.log, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        station = Station(given.port, given.inverter, given.station)
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
