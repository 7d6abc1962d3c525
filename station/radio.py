"""Polls and controls inverters through the modem; requests lost frames again, and counts them."""

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
"""How many requests an answer can take until it is complete."""
SILENT_ATTEMPTS: Final = 3
"""How many requests an inverter gets that does not answer at all."""

log = logging.getLogger("station.radio")


@dataclass
class Counts:
    """Counters of one inverter since the daemon's start."""

    polls: int = 0
    answers: int = 0
    frames: int = 0
    retries: int = 0
    damaged: int = 0


class SilentError(Exception):
    """The inverter does not answer, or only in part."""


class Radio:
    """The modem on a serial port. An OSError means that the port is gone: close it, then reopen."""

    def __init__(
        self, port: str, station: bytes, answer_time: float, is_over: Callable[[], bool]
    ) -> None:
        """A frame counts as lost after `answer_time` seconds of silence."""
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

    def poll(self, unit: Unit, time: float, counts: Counts) -> hoymiles.Reading:
        """A reading. Raises SilentError, or OSError when the port is gone."""
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
                        # Complete but damaged, and unknown in which frame: start again.
                        answer = Answer()
                    continue
                if payload is not None:
                    reading = hoymiles.decode(unit.model, payload)
                    counts.answers += 1
                    return reading
            if self._is_over() or (answer.is_empty() and attempt == SILENT_ATTEMPTS):
                break
            counts.retries += 1
            if answer.is_empty():
                self._modem.send(poll)
            else:
                missing = answer.missing()[0]
                again = hoymiles.poll_again(unit.address, self._station, missing)
                self._modem.send_more(again)
        raise SilentError(
            f"{unit} does not answer"
            if answer.is_empty()
            else f"{unit}: frames {answer.missing()} are lost"
        )

    def control(self, unit: Unit, control: Control) -> bool:
        """Whether the inverter accepts a control. Raises like poll().

        A restart is sent once: an inverter whose answer is lost would restart twice.
        """
        assert self._modem
        attempts = 1 if control.action is hoymiles.Action.RESTART else ATTEMPTS
        frame = hoymiles.control_frame(unit.address, self._station, control)
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
