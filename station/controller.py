"""Keeps what the station exports near a target, by limiting the inverters: zero feed-in.

Follows `meter` and the inverters' boards, obeys board `control` at once, and sends its limits as
commands like the pages do. What the house uses is what the inverters make plus what the meter
draws; that much, and the target, the inverters may make. A limit takes an inverter some seconds:
until a reading shows where it came to, the next one is not worked out, else the loop would swing.
"""

import argparse
import logging
import queue
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import boards
import hoymiles
import pegel
from clock import Clock
from logs import LOG_SIZE, Logs

SETTLE: Final = 20.0
"""Seconds that an inverter takes to come to a new limit."""
SHORTEST_PATIENCE: Final = 1.0
"""Seconds of the machine: where the station's time goes by fast, nothing comes more often."""
TICK: Final = 1.0
"""Seconds after which it looks at what tells nobody: ages, and who lives."""
LEAST: Final = 0.02
"""The least limit that inverters know, as a part of their rated power."""
SENDER: Final = "controller"

log = logging.getLogger("controller")


@dataclass
class Unit:
    """An inverter, as far as the controller knows it."""

    serial: str
    reader: pegel.Reader
    now: pegel.Snapshot
    limit: float | None = None
    """The last that it confirmed, in watts."""
    confirmed: float = 0.0
    """When."""

    @property
    def rated(self) -> float:
        return hoymiles.model(self.serial).rated

    def is_settled(self) -> bool:
        """Whether its last reading shows what the last limit made of it."""
        return bool(self.now["measured"] >= self.confirmed + SETTLE)


@dataclass(frozen=True)
class Plan:
    """What is to be: a state for people, and how much all inverters together may make."""

    state: str
    limit: float | None = None
    """None: it stays as it is."""
    message: str = ""


class Controller:
    """One thread decides; others wait on boards and wake it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._news: queue.SimpleQueue[tuple[str, pegel.Snapshot] | None] = queue.SimpleQueue()
        self._board = boards.writer("controller")
        self._control: pegel.Snapshot | None = None
        self._meter: pegel.Snapshot | None = None
        self._heard = 0.0
        """When the meter said something, by the station's clock."""
        self._answers: pegel.Reader | None = None
        self._units: dict[str, Unit] = {}
        self._sent: tuple[int, Unit, float] | None = None
        """The command on its way: number, for whom, which limit."""
        self._hold = 0.0
        """After a refusal, nothing is sent until then."""
        self._known_house: float | None = None
        self._commands = self._refused = 0
        self._told: dict[str, object] = {}
        self.is_over = False

    def stop(self) -> None:
        """May be called by a signal handler."""
        self.is_over = True
        self._news.put(None)

    def run(self) -> None:
        for board in ("control", "meter", "answers"):
            every = 0 if board == "answers" else None
            boards.follow(board, lambda now, board=board: self._news.put((board, now)), every)  # type: ignore[misc]
        while not self.is_over:
            try:
                news = self._news.get(timeout=TICK)
                while news is not None:
                    self._hear(*news)
                    news = None if self._news.empty() else self._news.get()
            except queue.Empty:
                pass
            if self._control is not None and not self.is_over:
                self._act(self._control)

    def _hear(self, board: str, now: pegel.Snapshot) -> None:
        if board == "control":
            if self._control is not None:
                log.info("control %d: %s", now.sequence, dict(now))
            self._control, self._hold = now, 0.0
        elif board == "meter":
            self._meter = now
            self._heard = self._clock.now() - self._clock.span(now.age)
        else:
            self._hear_answer(now)

    def _hear_answer(self, answer: pegel.Snapshot) -> None:
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
            self._hold = self._clock.now() + max(SETTLE, self._clock.span(SHORTEST_PATIENCE))

    def _act(self, control: pegel.Snapshot) -> None:
        self._look(control)
        plan = self._plan(control)
        if plan.limit is not None and self._is_free():
            self._limit(plan.limit, control["deadband"])
        self._tell(plan)

    def _patience(self, seconds: float) -> float:
        return max(seconds, self._clock.span(SHORTEST_PATIENCE))

    def _look(self, control: pegel.Snapshot) -> None:
        """Reads the inverters that answer."""
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
                # Not there yet, or another one now: the next look opens it again.
                continue
            if self._clock.span(now.age) > self._patience(control["inverter_patience"]):
                continue
            unit = unit or Unit(serial, reader, now)
            unit.now = now
            if now["measured"] > unit.confirmed:
                # It may have started anew, or somebody else may have limited it.
                unit.limit = now["limit"]
            self._units[serial] = unit

    def _plan(self, control: pegel.Snapshot) -> Plan:
        mode, now = control["mode"], self._clock.now()
        if mode not in ("automatic", "manual"):
            return Plan("paused")
        if not self._is_daemon_alive():
            return Plan("no-daemon", message="nobody does commands")
        if not self._units:
            return Plan("inverter-silent", message="no inverter answers")
        if mode == "manual":
            return Plan("manual", control["manual_limit"])
        if self._meter is None or now - self._heard > self._patience(control["meter_patience"]):
            return Plan("meter-silent", control["fallback_limit"], "the fallback limit holds")
        house = self._house()
        if house is None:
            return Plan("automatic")
        self._known_house = house
        return Plan("automatic", max(house + control["target"], 0.0))

    def _house(self) -> float | None:
        """What the house uses, in watts; None while that cannot be told."""
        if self._meter is None or not all(unit.is_settled() for unit in self._units.values()):
            return None
        made = sum(unit.now["ac_power"] for unit in self._units.values())
        return max(float(made + self._meter["power"]), 0.0)

    def _is_daemon_alive(self) -> bool:
        try:
            self._answers = self._answers or pegel.Reader("answers")
            return self._answers.writer_alive
        except pegel.Error:
            self._answers = None
            return False

    def _is_free(self) -> bool:
        """Whether everything that anybody asked for is answered, so that nothing is asked twice."""
        if self._clock.now() < self._hold:
            return False
        try:
            answer, command = pegel.Reader("answers").read(), pegel.Reader("commands").read()
        except pegel.Error:
            return False
        is_answered = command.is_default or answer["command"] >= command.sequence
        if self._sent is not None and is_answered and answer["command"] > self._sent[0]:
            # Its own answer was overwritten before it was heard.
            self._sent = None
        return bool(is_answered and answer["done"] and self._sent is None)

    def _limit(self, limit: float, deadband: float) -> None:
        """Shares a limit by rated power, and sends the first that is worth a command."""
        rated = sum(unit.rated for unit in self._units.values())
        for unit in self._units.values():
            share = min(max(limit / rated, LEAST), 1.0) * unit.rated
            share = round(share, 1)
            if unit.limit is not None:
                if abs(share - unit.limit) <= deadband * unit.rated / rated:
                    continue
                if share > unit.limit and unit.now["ac_power"] < 0.9 * unit.limit:
                    # The sun limits it more.
                    continue
            self._send(unit, share)
            return

    def _send(self, unit: Unit, limit: float) -> None:
        try:
            acknowledged = pegel.Reader("answers").read()["command"]
            with pegel.Writer.open("commands", timeout=TICK) as commands:
                number = commands.publish_unless_full(
                    acknowledged,
                    inverter=unit.serial,
                    action="limit",
                    limit=limit,
                    sender=SENDER,
                    asked=int(self._clock.now()),
                )
        except (pegel.Locked, pegel.Full, pegel.NotFound, pegel.Gone) as error:
            log.warning("%s", error)
            return
        self._sent = (number, unit, limit)
        self._commands += 1

    def _tell(self, plan: Plan) -> None:
        now = int(self._clock.now())
        limits = [unit.limit for unit in self._units.values()]
        known = [limit for limit in limits if limit is not None]
        is_metered = self._meter is not None and plan.state != "meter-silent"
        record = {
            "since": self._told.get("since", now),
            "state": plan.state,
            "house": self._known_house,
            "export": -self._meter["power"] if is_metered and self._meter else None,
            "limit": sum(known) if known and len(known) == len(limits) else None,
            "commands": self._commands,
            "refused": self._refused,
            "message": plan.message,
        }
        if plan.state != self._told.get("state"):
            log.info("%s", plan.state)
            record["since"] = now
        if record != self._told:
            self._told = record
            self._board.publish(**record, now=now)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--log", type=Path, help="file to append the log to; else standard error")
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
