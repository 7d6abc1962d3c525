"""Asks inverters over the modem: again for what was lost, counted."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import hoymiles
from hoymiles import Answer, Control, FrameError
from modem import Modem
from settings import Unit

ATTEMPTS: Final = 6
"""How often an answer is asked for until it is complete."""
SILENT_ATTEMPTS: Final = 3
"""How often one is asked who says nothing at all."""

log = logging.getLogger("station.radio")


@dataclass
class Counts:
    """What became of the frames since the daemon's start."""

    polls: int = 0
    answers: int = 0
    frames: int = 0
    asked_again: int = 0
    damaged: int = 0


class SilentError(Exception):
    """The inverter does not answer, or never completely."""


class Radio:
    """The modem on a serial port, which may vanish and come back: OSError, and it is closed."""

    def __init__(
        self, port: str, station: bytes, answer_time: float, is_over: Callable[[], bool]
    ) -> None:
        """A frame is taken for lost after so many seconds of silence."""
        self.port = port
        self._station, self._answer_time, self._is_over = station, answer_time, is_over
        self._modem: Modem | None = None

    @property
    def is_open(self) -> bool:
        return self._modem is not None

    def open(self) -> None:
        self._modem = Modem(self.port)

    def close(self) -> None:
        if self._modem is not None:
            modem, self._modem = self._modem, None
            with contextlib.suppress(OSError):
                modem.close()

    def ask(self, unit: Unit, time: float, counts: Counts) -> hoymiles.Reading:
        """One status. Raises SilentError, or OSError when the port is gone."""
        assert self._modem
        counts.polls += 1
        poll = hoymiles.poll(unit.address, self._station, int(time))
        self._modem.send(poll)
        answer = Answer()
        for attempt in range(1, ATTEMPTS + 1):
            while (frame := self._modem.receive(self._answer_time)) is not None:
                try:
                    part = hoymiles.part(frame)
                    if part.inverter != unit.address:
                        continue
                    counts.frames += 1
                    answer.add(part)
                    payload = answer.payload()
                except FrameError as error:
                    log.debug("%s: %s", unit, error)
                    counts.damaged += 1
                    if not answer.missing():
                        # Whole, and wrong: no frame of it can be told to be the right one.
                        answer = Answer()
                    continue
                if payload is not None:
                    reading = hoymiles.decode(unit.model, payload)
                    counts.answers += 1
                    return reading
            if self._is_over() or (answer.is_empty() and attempt == SILENT_ATTEMPTS):
                break
            counts.asked_again += 1
            if answer.is_empty():
                self._modem.send(poll)
            else:
                missing = answer.missing()[0]
                again = hoymiles.poll_again(unit.address, self._station, missing)
                self._modem.send_on(again)
        raise SilentError(
            f"{unit} does not answer" if answer.is_empty() else f"{unit}: frames are lost"
        )

    def tell(self, unit: Unit, control: Control) -> bool:
        """Whether the inverter accepts a control. Raises as ask() does.

        A restart is said once: an inverter whose answer got lost would start anew a second time.
        """
        assert self._modem
        attempts = 1 if control.action is hoymiles.Action.RESTART else ATTEMPTS
        frame = hoymiles.control(unit.address, self._station, control)
        for _ in range(attempts):
            self._modem.send(frame)
            while (answer := self._modem.receive(self._answer_time)) is not None:
                try:
                    return hoymiles.is_accepted(answer, unit.address, control.action)
                except FrameError as error:
                    log.debug("%s: %s", unit, error)
            if self._is_over():
                break
        raise SilentError(f"{unit} does not answer")
