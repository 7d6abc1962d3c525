"""OPC UA by hand, as much as it takes to misuse a server. It secures nothing."""

import socket
import struct
from contextlib import suppress

from helpers.programs import WATCHDOG

NOBODY = b"\0\0"
PLAIN = "http://opcfoundation.org/UA/SecurityPolicy#None"


def text(value: str | bytes | None) -> bytes:
    if value is None:
        return struct.pack("<i", -1)
    encoded = value.encode() if isinstance(value, str) else value
    return struct.pack("<i", len(encoded)) + encoded


def node_id(number: int) -> bytes:
    return struct.pack("<BBH", 1, 0, number)


def extension(kind: int, body: bytes) -> bytes:
    return node_id(kind) + b"\1" + text(body)


def header(token: bytes = NOBODY, additional: bytes = b"\0\0\0") -> bytes:
    """What each request begins with."""
    return token + struct.pack("<qII", 0, 1, 0) + text(None) + struct.pack("<I", 0) + additional


def frame(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", 8 + len(data)) + data


class RefusedError(Exception):
    """The server ended the connection, with a reason or without."""


class Connection:
    """A connection, before its secure channel."""

    def __init__(self, port: int, url: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WATCHDOG)
        self.url = url

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise RefusedError from error

    def receive(self) -> tuple[bytes, bytes]:
        """A frame's kind and the rest."""
        start = self._exactly(8)
        kind, data = start[:4], self._exactly(int.from_bytes(start[4:], "little") - 8)
        if kind == b"ERRF":
            raise RefusedError(data[8:].decode())
        return kind, data

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = b""
            with suppress(ConnectionError):
                part = self.socket.recv(size - len(data))
            if not part:
                raise RefusedError("closed")
            data += part
        return data

    def hello(self) -> None:
        limits = struct.pack("<IIIII", 0, 65535, 65535, 0, 0)
        self.send(frame(b"HELF", limits + text(self.url)))
        assert self.receive()[0] == b"ACKF"

    def __del__(self) -> None:
        self.socket.close()


class Channel(Connection):
    """A secure channel without security."""

    def __init__(self, port: int, url: str, additional: bytes = b"\0\0\0") -> None:
        super().__init__(port, url)
        self.hello()
        self.number = 1
        request = node_id(446) + header(additional=additional)
        request += struct.pack("<III", 0, 0, 1) + text(b"") + struct.pack("<I", 3_600_000)
        security = text(PLAIN) + text(None) + text(None)
        numbers = struct.pack("<II", 1, 1)
        self.send(frame(b"OPNF", struct.pack("<I", 0) + security + numbers + request))
        _, answer = self.receive()
        # The channel is the first number; its token follows the channel in the body.
        channel = answer[:4]
        self.ids = channel + answer[answer.rindex(channel) + 4 :][:4]
        self.token = NOBODY

    def chunk(self, body: bytes, kind: bytes = b"MSGF") -> None:
        self.number += 1
        numbers = struct.pack("<II", self.number, self.number)
        self.send(frame(kind, self.ids + numbers + body))

    def ask(self, kind: int, body: bytes) -> tuple[int, bytes]:
        """Sends a request with the session's header, and returns the answer's type and result."""
        self.chunk(node_id(kind) + header(self.token) + body)
        _, answer = self.receive()
        (number,) = struct.unpack("<H", answer[18:20])
        # Time, handle, status; no diagnostics, strings or additional header.
        return number, answer[20 + 16 + 1 + 4 + 3 :]

    def endpoints(self) -> int:
        return self.ask(428, text(self.url) + struct.pack("<ii", -1, -1))[0]

    def create_session(self) -> int:
        application = text("urn:x") + text("urn:x") + b"\0" + struct.pack("<I", 1)
        application += text(None) * 2 + struct.pack("<i", -1)
        rest = text(None) + text(self.url) + text("s") + text(b"") + text(None)
        number, answer = self.ask(461, application + rest + struct.pack("<dI", 60_000.0, 0))
        if number == 464:
            # The session's id is a number, its token a byte string.
            start = 7 if answer[0] == 2 else 4
            self.token = answer[start : start + 3 + 4 + 32]
        return number

    def log_in(self) -> None:
        """A session without a name."""
        assert self.create_session() == 464
        nobody = extension(321, text("anonymous"))
        signature = text(None) * 2
        empty = struct.pack("<ii", -1, -1)
        assert self.ask(467, signature + empty + nobody + signature)[0] == 470
