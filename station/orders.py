"""Board `commands`, done one after the other and each at most once, and board `answers`.

The form is that of docs/commands.md: a command is accepted before it is done, and a daemon that
finds one accepted by its predecessor, and not done, says that it was interrupted.
"""

from dataclasses import dataclass
from typing import Final

import boards
import pegel
from clock import Clock
from hoymiles import Action, Control
from radio import Radio, SilentError
from settings import Unit

ACTIONS: Final = {
    "limit": Action.LIMIT,
    "on": Action.ON,
    "off": Action.OFF,
    "restart": Action.RESTART,
}


class RefusedError(Exception):
    """Why a command is not done: a code for programs, a message for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Outcome:
    """What became of a command; the unit is None if there is none of that serial number."""

    unit: Unit | None
    control: Control | None
    text: str
    is_confirmed: bool


class Orders:
    """Answers commands; holds board `answers`."""

    def __init__(self, clock: Clock, radio: Radio, patience: float) -> None:
        """After so many seconds nobody expects any more that a command is done."""
        self._clock, self._radio, self._patience = clock, radio, patience
        self._answers = boards.writer("answers")
        last = self._answers.read()
        self.answered: int = last["command"]
        if not last["done"]:
            message = "the daemon ended while it did it"
            self._answer(self.answered, "refused", "interrupted", message)

    def do(self, command: pegel.Snapshot, units: dict[str, Unit], is_night: bool) -> Outcome:
        """Does one command, and says what came of it. Raises OSError when the port is gone."""
        number = command.sequence
        unit = units.get(command["inverter"])
        control = None
        try:
            control = self._checked(command, unit, is_night)
            assert unit
            self._answer(number, "accepted")
            try:
                is_accepted = self._radio.tell(unit, control)
            except SilentError as error:
                raise RefusedError("silent", str(error)) from error
            except OSError as error:
                self._answer(number, "refused", "no-port", f"{self._radio.port}: {error}")
                raise
            if not is_accepted:
                raise RefusedError("rejected", f"{unit} rejects it")
        except RefusedError as refused:
            self._answer(number, "refused", refused.reason, str(refused))
            return Outcome(unit, control, f"{_told(command)}: {refused}", is_confirmed=False)
        self._answer(number, "confirmed")
        return Outcome(unit, control, _told(command), is_confirmed=True)

    def _checked(self, command: pegel.Snapshot, unit: Unit | None, is_night: bool) -> Control:
        action, limit = ACTIONS.get(command["action"]), command["limit"]
        if command.age > self._patience:
            raise RefusedError("too-late", f"it was asked {command.age:.0f} s ago")
        if unit is None:
            raise RefusedError("unknown-inverter", f"there is no inverter {command['inverter']!r}")
        if action is None:
            raise RefusedError("unknown-action", f"{command['action']!r} is none of {[*ACTIONS]}")
        most = 100.0 if command["relative"] else unit.model.rated
        if action is Action.LIMIT and not 0 <= limit <= most:
            raise RefusedError("out-of-range", f"{limit:g} is not from 0 to {most:g}")
        if is_night:
            raise RefusedError("night", "the inverters sleep")
        if not self._radio.is_open:
            raise RefusedError("no-port", f"{self._radio.port} is not there")
        return Control(action, limit, command["relative"], command["permanent"])

    def _answer(self, number: int, stage: str, reason: str = "", message: str = "") -> None:
        self._answers.publish(
            command=number,
            stage=stage,
            done=stage != "accepted",
            reason=reason,
            message=boards.fitting(message, 96),
            at=int(self._clock.now()),
        )
        self.answered = number


def _told(command: pegel.Snapshot) -> str:
    unit = "%" if command["relative"] else " W"
    limit = f" {command['limit']:g}{unit}" if command["action"] == "limit" else ""
    return (
        f"command {command.sequence} of {command['sender'] or 'nobody'}: {command['action']}{limit}"
    )
