"""Does the commands of board `commands` in order and at most once, and publishes board `answers`.

The protocol is that of docs/commands.md: the daemon accepts a command before it does it. A command
that its predecessor accepted and did not finish is answered as interrupted.
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
    """Why a command is refused: a code for programs, and a message for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class CommandResult:
    """The result of a command. The unit is None if no inverter has that serial number."""

    unit: Unit | None
    control: Control | None
    text: str
    is_confirmed: bool


class Commands:
    """Does commands, and holds board `answers`."""

    def __init__(self, clock: Clock, radio: Radio, max_age: float) -> None:
        """Commands that are older than `max_age` seconds are refused."""
        self._clock, self._radio, self._max_age = clock, radio, max_age
        self._answers = boards.writer("answers")
        last = self._answers.read()
        self.answered: int = last["command"]
        if not last["done"]:
            message = "the daemon exited while it did this command"
            self._answer(self.answered, "refused", "interrupted", message)

    def do(self, command: pegel.Snapshot, units: dict[str, Unit], is_night: bool) -> CommandResult:
        """Does one command, and returns its result. Raises OSError when the port is gone."""
        number = command.sequence
        unit = units.get(command["inverter"])
        control = None
        try:
            control = self._checked(command, unit, is_night)
            assert unit
            self._answer(number, "accepted")
            try:
                is_accepted = self._radio.control(unit, control)
            except SilentError as error:
                raise RefusedError("silent", str(error)) from error
            except OSError as error:
                self._answer(number, "refused", "no-port", f"{self._radio.port}: {error}")
                raise
            if not is_accepted:
                raise RefusedError("rejected", f"{unit} rejects the command")
        except RefusedError as refused:
            self._answer(number, "refused", refused.reason, str(refused))
            text = f"{_described(command)}: {refused}"
            return CommandResult(unit, control, text, is_confirmed=False)
        self._answer(number, "confirmed")
        return CommandResult(unit, control, _described(command), is_confirmed=True)

    def _checked(self, command: pegel.Snapshot, unit: Unit | None, is_night: bool) -> Control:
        action, limit = ACTIONS.get(command["action"]), command["limit"]
        if command.age > self._max_age:
            message = f"it is {command.age:.0f} s old (maximum {self._max_age:g} s). Send it again"
            raise RefusedError("too-late", message)
        if unit is None:
            message = f"inverter {command['inverter']!r} is not configured"
            raise RefusedError("unknown-inverter", message)
        if action is None:
            message = f"action must be one of {', '.join(ACTIONS)} (got {command['action']!r})"
            raise RefusedError("unknown-action", message)
        highest = 100.0 if command["relative"] else unit.model.rated
        if action is Action.LIMIT and not 0 <= limit <= highest:
            message = f"limit must be between 0 and {highest:g} (got {limit:g})"
            raise RefusedError("out-of-range", message)
        if is_night:
            raise RefusedError("night", "the inverters are off at night")
        if not self._radio.is_open:
            raise RefusedError("no-port", f"{self._radio.port} does not exist. Plug the modem in")
        return Control(action, limit, command["relative"], command["permanent"])

    def _answer(self, number: int, stage: str, reason: str = "", message: str = "") -> None:
        self._answers.publish(
            command=number,
            stage=stage,
            done=stage != "accepted",
            reason=reason,
            message=boards.truncated(message, 96),
            at=int(self._clock.now()),
        )
        self.answered = number


def _described(command: pegel.Snapshot) -> str:
    unit = "%" if command["relative"] else " W"
    limit = f" {command['limit']:g}{unit}" if command["action"] == "limit" else ""
    return (
        f"command {command.sequence} from {command['sender'] or 'unknown'}:"
        f" {command['action']}{limit}"
    )
