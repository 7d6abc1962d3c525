"""A FastCGI connection that is kept, as a web server keeps its own (FastCGI 1.0, 3 to 6)."""

import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from helpers.programs import WATCHDOG

RECORD = struct.Struct(">BBHHBx")
BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
RESPONDER, KEEP_CONNECTION = 1, 1


def record(kind: int, content: bytes) -> bytes:
    return RECORD.pack(1, kind, 1, len(content), 0) + content


class Connection:
    """To the socket of a php-fpm, for requests of one page."""

    def __init__(self, address: Path, page: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WATCHDOG)
        self.socket.connect(str(address))
        self.stream = self.socket.makefile("rb")
        self.parameters = {"SCRIPT_FILENAME": str(page), "REQUEST_METHOD": "GET"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stream.close()
        self.socket.close()

    def ask(self, query: str) -> str:
        """The body of the answer."""
        parameters = b""
        for name, value in (self.parameters | {"QUERY_STRING": query}).items():
            parameters += struct.pack(">BL", len(name), len(value) | 1 << 31)
            parameters += name.encode() + value.encode()
        begin = struct.pack(">HB5x", RESPONDER, KEEP_CONNECTION)
        self.socket.sendall(
            record(BEGIN, begin)
            + record(PARAMS, parameters)
            + record(PARAMS, b"")
            + record(STDIN, b"")
        )
        output, complaint = b"", b""
        while True:
            _, kind, _, length, padding = RECORD.unpack(self.stream.read(RECORD.size))
            content = self.stream.read(length + padding)[:length]
            if kind == END:
                break
            output += content if kind == STDOUT else b""
            complaint += content if kind == STDERR else b""
        assert not complaint, complaint.decode()
        return output.partition(b"\r\n\r\n")[2].decode()
