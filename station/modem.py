"""Frames on a serial port: each one a line of hexadecimal digits, as radio modems give them."""

import termios

import serial

BAUD = 115_200
MAX_LINE = 128


class Modem:
    """The daemon's end of the line. Raises OSError when the port is gone."""

    def __init__(self, port: str) -> None:
        self._port = serial.Serial(port, BAUD, timeout=0)
        self._rest = b""

    def send(self, frame: bytes) -> None:
        """Sends a frame that asks for an answer; what came before is none to it."""
        self._rest = b""
        try:
            self._port.reset_input_buffer()
        except termios.error as error:
            # The one call whose failure pyserial leaves as it is.
            raise OSError(*error.args) from error
        self.send_on(frame)

    def send_on(self, frame: bytes) -> None:
        """Sends a frame, and keeps what already came."""
        self._port.write(frame.hex().encode() + b"\n")

    def receive(self, timeout: float) -> bytes | None:
        """The next frame, or None when none came in time. Lines that are no frame are left out."""
        self._port.timeout = timeout
        while True:
            line = self._port.read_until(b"\n", MAX_LINE)
            self._rest += line
            if not line or (not self._rest.endswith(b"\n") and len(self._rest) < MAX_LINE):
                return None
            text, self._rest = self._rest.strip(), b""
            try:
                return bytes.fromhex(text.decode("ascii"))
            except ValueError:
                continue

    def close(self) -> None:
        self._port.close()
