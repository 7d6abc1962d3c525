"""Many clients follow one board by server-sent events: `followers.py HOST PORT BOARD COUNT LAST`.

Prints `ready` when each client has a record. Ends when each has the record with sequence LAST, and
prints how many records each has received, as JSON. Fails when a client receives a record that is
torn, repeated or out of order: the other fields follow from the field `number`.
"""

import json
import resource
import selectors
import socket
import sys
from typing import Any

RECORD = b"\n\ndata: "


class Follower:
    """A client, and the events that it receives."""

    # The part of a record's event that all clients share, by the id of the event.
    texts: dict[bytes, bytes] = {}  # noqa: RUF012

    def __init__(self, address: tuple[str, int], board: str) -> None:
        self.socket = socket.create_connection(address, timeout=None)
        request = f"GET /boards/{board}/events HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n\r\n"
        self.socket.sendall(request.encode())
        self.socket.setblocking(False)
        self.rest = b""
        self.head = True
        self.sequences: list[int] = []

    def receive(self) -> None:
        received = self.socket.recv(65536)
        assert received, "the server ended a connection"
        self.rest += received
        if self.head:
            head, end, self.rest = self.rest.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert end
            self.head = False
        self.rest = unchunked(self.rest, self.take)

    def take(self, chunk: bytes) -> None:
        """An event has two chunks: what differs between clients, and what all share."""
        if chunk.startswith(b"id: "):
            self.id = chunk[4 : chunk.index(b"\n")]
        elif chunk.startswith(b'"sequence":'):
            known = self.texts.setdefault(self.id, chunk)
            assert known == chunk, "two clients received different records with the same sequence"
            if known is chunk:
                check(chunk)
            sequence = int(self.id.rpartition(b"-")[2])
            assert not self.sequences or self.sequences[-1] < sequence, self.sequences
            self.sequences.append(sequence)


def unchunked(text: bytes, take: Any) -> bytes:
    """Takes the chunks of a body, and returns the incomplete rest."""
    while True:
        size, end, rest = text.partition(b"\r\n")
        if not end:
            return text
        length = int(size, 16)
        if len(rest) < length + 2:
            return text
        take(rest[:length])
        text = rest[length + 2 :]


def check(text: bytes) -> None:
    """Whether a record is whole."""
    assert text.endswith(b"\n\n"), text
    record = json.loads(b"{" + text)["record"]
    number = record["number"]
    assert record["values"] == [number + index for index in range(len(record["values"]))], record
    assert record["note"] == f"number {number}", record


def main(host: str, port: int, board: str, count: int, last: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    selector = selectors.DefaultSelector()
    followers = []
    for _ in range(count):
        follower = Follower((host, port), board)
        selector.register(follower.socket, selectors.EVENT_READ, follower)
        followers.append(follower)
    is_ready = False
    while not all(one.sequences and one.sequences[-1] >= last for one in followers):
        if not is_ready and all(one.sequences for one in followers):
            print("ready", flush=True)
            is_ready = True
        for key, _ in selector.select():
            key.data.receive()
    print(json.dumps([len(one.sequences) for one in followers]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
