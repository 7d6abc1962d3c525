"""Keeps the station's export near a target by limiting the inverters: zero feed-in.

It follows board `meter` and the inverters' boards, applies board `control` at once, and sends
limits as commands, like the pages. The house uses what the inverters produce plus what the meter
draws from the grid; the limit is that sum plus the target. An inverter needs some seconds to reach
a limit: the next one is not calculated before a reading shows the effect, or the loop oscillates.
"""

import argparse
import logging
import queue
import signal
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import boards
import hoymiles
import pegel
from clock import Clock
from logs import LOG_SIZE, Logs

SETTLE_TIME: Final = 20.0
"""Seconds that an inverter takes to reach a new limit."""
MIN_TIMEOUT: Final = 1.0
"""Seconds of the machine's clock, for a station whose own clock is fast."""
POLL_INTERVAL: Final = 1.0
"""Seconds between checks of what does not wake a reader: ages, and whether writers live."""
MIN_LIMIT: Final = 0.02
"""The lowest limit of an inverter, as a fraction of its rated power."""
SENDER: Final = "controller"

log = logging.getLogger("controller")


@dataclass
class Unit:
    """What the controller knows of an inverter."""

    serial: str
    reader: pegel.Reader
    now: pegel.Snapshot
    limit: float | None = None
    """The last confirmed limit in watts."""
    confirmed: float = 0.0
    """When the inverter confirmed it."""

    @property
    def rated(self) -> float:
        return hoymiles.model(self.serial).rated

    def is_settled(self) -> bool:
        """Whether its last reading shows the effect of the last limit."""
        return bool(self.now["measured"] >= self.confirmed + SETTLE_TIME)


@dataclass(frozen=True)
class Plan:
    """The controller's decision: its state, and the limit of all inverters together."""

    state: str
    limit: float | None = None
    """None keeps the current limit."""
    message: str = ""


class Controller:
    """One thread decides; others follow boards and wake it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._messages: queue.SimpleQueue[tuple[str, pegel.Snapshot] | None] = queue.SimpleQueue()
        self._board = boards.writer("controller")
        self._control: pegel.Snapshot | None = None
        self._meter: pegel.Snapshot | None = None
        self._metered = 0.0
        """When the meter sent its last reading, by the station's clock."""
        self._answers: pegel.Reader | None = None
        self._units: dict[str, Unit] = {}
        self._sent: tuple[int, Unit, float] | None = None
        """The command that is not answered yet: its number, inverter and limit."""
        self._hold = 0.0
        """After a refusal, the time until which nothing is sent."""
        self._known_house: float | None = None
        self._commands = self._refused = 0
        self._record: dict[str, object] = {}
        self.is_over = False

    def stop(self) -> None:
        """Can be called by a signal handler."""
        self.is_over = True
        self._messages.put(None)

    def run(self) -> None:
        for board in ("control", "meter", "answers"):
            after = 0 if board == "answers" else None
            boards.follow(board, partial(self._put, board), after)
        while not self.is_over:
            try:
                message = self._messages.get(timeout=POLL_INTERVAL)
                while message is not None:
                    self._receive(*message)
                    message = None if self._messages.empty() else self._messages.get()
            except queue.Empty:
                pass
            if self._control is not None and not self.is_over:
                self._act(self._control)

    def _put(self, board: str, now: pegel.Snapshot) -> None:
        self._messages.put((board, now))

    def _receive(self, board: str, now: pegel.Snapshot) -> None:
        if board == "control":
            if self._control is not None:
                log.info("control %d: %s", now.sequence, dict(now))
            self._control, self._hold = now, 0.0
        elif board == "meter":
            self._meter = now
            self._metered = self._clock.now() - self._clock.span(now.age)
        else:
            self._receive_answer(now)

    def _receive_answer(self, answer: pegel.Snapshot) -> None:
        if self._sent is None or not answer["done"] or answer["command"] != self._sent[0]:
            return
        _, unit, limit = self._sent
        self._sent = None
        if answer["stage"] == "confirmed":
            unit.limit, unit.confirmed = limit, float(answer["at"])
            log.info("%s: %.0f W", unit.serial, limit)
        else:
            log.warning("%s: %.0f W refused: %s", unit.serial, limit, answer["message"])
            self._refused += 1
            self._hold = self._clock.now() + self._timeout(SETTLE_TIME)

    def _act(self, control: pegel.Snapshot) -> None:
        self._read_inverters(control)
        plan = self._plan(control)
        if plan.limit is not None and self._is_free():
            self._limit(plan.limit, control["deadband"])
        self._report(plan)

    def _timeout(self, seconds: float) -> float:
        return max(seconds, self._clock.span(MIN_TIMEOUT))

    def _read_inverters(self, control: pegel.Snapshot) -> None:
        """Reads the boards of the inverters that answer."""
        try:
            serials = [serial for serial in pegel.Reader("daemon").read()["serial"] if serial]
        except pegel.Error:
            serials = []
        known, self._units = self._units, {}
        for serial in serials:
            try:
                unit = known.get(serial)
                reader = unit.reader if unit else pegel.Reader(f"inverter-{serial}")
                now = reader.read()
            except pegel.Error:
                # Not created yet, or replaced: it is opened again the next time.
                continue
            if self._clock.span(now.age) > self._timeout(control["inverter_timeout"]):
                continue
            unit = unit or Unit(serial, reader, now)
            unit.now = now
            if now["measured"] > unit.confirmed:
                # It can have restarted, or another sender can have limited it.
                unit.limit = now["limit"]
            self._units[serial] = unit

    def _plan(self, control: pegel.Snapshot) -> Plan:
        mode, now = control["mode"], self._clock.now()
        if mode not in ("automatic", "manual"):
            return Plan("paused")
        if not self._is_daemon_alive():
            return Plan("no-daemon", message="the daemon does not run")
        if not self._units:
            return Plan("inverter-silent", message="no inverter answers")
        if mode == "manual":
            return Plan("manual", control["manual_limit"])
        if self._meter is None or now - self._metered > self._timeout(control["meter_timeout"]):
            return Plan("meter-silent", control["fallback_limit"], "the fallback limit applies")
        house = self._house()
        if house is None:
            return Plan("automatic")
        self._known_house = house
        return Plan("automatic", max(house + control["target"], 0.0))

    def _house(self) -> float | None:
        """What the house uses in watts, or None while it is unknown."""
        if self._meter is None or not all(unit.is_settled() for unit in self._units.values()):
            return None
        produced = sum(unit.now["ac_power"] for unit in self._units.values())
        return max(float(produced + self._meter["power"]), 0.0)

    def _is_daemon_alive(self) -> bool:
        try:
            self._answers = self._answers or pegel.Reader("answers")
            return self._answers.writer_alive
        except pegel.Error:
            self._answers = None
            return False

    def _is_free(self) -> bool:
        """Whether the commands of all senders are answered, so that none is sent twice."""
        if self._clock.now() < self._hold:
            return False
        try:
            answer, command = pegel.Reader("answers").read(), pegel.Reader("commands").read()
        except pegel.Error:
            return False
        is_answered = command.is_default or answer["command"] >= command.sequence
        if self._sent is not None and is_answered and answer["command"] > self._sent[0]:
            # The ring no longer holds the answer to its own command.
            self._sent = None
        return bool(is_answered and answer["done"] and self._sent is None)

    def _limit(self, limit: float, deadband: float) -> None:
        """Divides a limit by rated power, and sends the first share that differs enough."""
        rated = sum(unit.rated for unit in self._units.values())
        for unit in self._units.values():
            share = min(max(limit / rated, MIN_LIMIT), 1.0) * unit.rated
            share = round(share, 1)
            if unit.limit is not None:
                if abs(share - unit.limit) <= deadband * unit.rated / rated:
                    continue
                if share > unit.limit and unit.now["ac_power"] < 0.9 * unit.limit:
                    # The sun, not the limit, bounds its power.
                    continue
            self._send(unit, share)
            return

    def _send(self, unit: Unit, limit: float) -> None:
        try:
            acknowledged = pegel.Reader("answers").read()["command"]
            with pegel.Writer.open("commands", timeout=POLL_INTERVAL) as commands:
                number = commands.publish_unless_full(
                    acknowledged,
                    inverter=unit.serial,
                    action="limit",
                    limit=limit,
                    sender=SENDER,
                    sent=int(self._clock.now()),
                )
        except (pegel.Locked, pegel.Full, pegel.NotFound, pegel.Gone) as error:
            log.warning("%s", error)
            return
        self._sent = (number, unit, limit)
        self._commands += 1

    def _report(self, plan: Plan) -> None:
        now = int(self._clock.now())
        limits = [unit.limit for unit in self._units.values()]
        known = [limit for limit in limits if limit is not None]
        is_metered = self._meter is not None and plan.state != "meter-silent"
        record = {
            "since": self._record.get("since", now),
            "state": plan.state,
            "house": self._known_house,
            "export": -self._meter["power"] if is_metered and self._meter else None,
            "limit": sum(known) if known and len(known) == len(limits) else None,
            "commands": self._commands,
            "refused": self._refused,
            "message": plan.message,
        }
        if plan.state != self._record.get("state"):
            log.info("%s", plan.state)
            record["since"] = now
        if record != self._record:
            self._record = record
            self._board.publish(**record, now=now)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--log", type=Path, help="file to append the log to (standard error)")
    given = options.parse_args()
    clock = Clock.of_environment()
    logs = Logs(clock)
    logs.write_to(given.log, logging.INFO, LOG_SIZE)
    try:
        controller = Controller(clock)
        signal.signal(signal.SIGTERM, lambda *_: controller.stop())
        signal.signal(signal.SIGINT, lambda *_: controller.stop())
        controller.run()
    except pegel.Error as error:
        log.error("%s", error)
        print(f"controller: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
