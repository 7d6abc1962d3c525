"""Frames on a serial port; the radio modem sends and takes each one as a line of hex digits."""

import termios

import serial

BAUD = 115_200
MAX_LINE = 128


class Modem:
    """The daemon's end of the line. All methods raise OSError when the port is gone."""

    def __init__(self, port: str) -> None:
        self._port = serial.Serial(port, BAUD, timeout=0)
        self._rest = b""

    def send(self, frame: bytes) -> None:
        """Sends a request and discards input that arrived before it, which cannot be its answer."""
        self._rest = b""
        try:
            self._port.reset_input_buffer()
        except termios.error as error:
            # pyserial converts the errors of all its other calls itself.
            raise OSError(*error.args) from error
        self.send_more(frame)

    def send_more(self, frame: bytes) -> None:
        """Sends a frame and keeps the input that has arrived."""
        self._port.write(frame.hex().encode() + b"\n")

    def receive(self, timeout: float) -> bytes | None:
        """The next frame, or None after the timeout. Skips lines that are not a frame."""
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
