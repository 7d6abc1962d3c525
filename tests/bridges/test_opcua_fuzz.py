"""Mutated requests to `pegel opcua`, which serves other clients all the time."""

import random
import socket
import struct
from pathlib import Path

import pytest

import pegel
from helpers.opcua import read, serving
from helpers.opcua_raw import NOBODY, Channel, RefusedError, frame
from helpers.programs import ROOT

CORPUS = sorted((ROOT / "bridges/opcua/corpus").iterdir())
# Lengths that requests claim.
NUMBERS = [0xFFFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, 1 << 24, 1 << 16, 100, 0]
SEEDS = range(4)
CASES = 150


def mutated(request: bytes, chance: random.Random) -> bytes:
    data = bytearray(request)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                data[at : at + 4] = struct.pack("<I", chance.choice(NUMBERS))
            case 2:
                del data[at : at + chance.randrange(1, 20)]
            case 3:
                data[at:at] = chance.randbytes(chance.randrange(1, 20))
            case _:
                # A part of it many times, as deep nesting has.
                data[at:at] = data[at : at + chance.randrange(1, 8)] * chance.randrange(1, 500)
    return bytes(data)


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_requests_harm_nobody(tmp_path: Path, seed: int) -> None:
    pegel.Writer(tmp_path / "tank", level=pegel.f64(default=1.5), mode=0o660).close()
    chance = random.Random(seed)
    answered = refused = 0
    with serving(tmp_path, "--write", "tank") as server:
        for number in range(CASES):
            channel = Channel(server.port, server.url)
            if number % 2:
                channel.log_in()
            request = bytes.fromhex(chance.choice(CORPUS).read_text())
            # The session's token, in place of none, follows the request's type.
            if request[4:6] == NOBODY:
                request = request[:4] + channel.token + request[6:]
            numbers = struct.pack("<II", channel.number + 1, channel.number + 1)
            is_whole = chance.randrange(4) > 0
            if is_whole:
                data = frame(b"MSGF", channel.ids + numbers + mutated(request, chance))
            else:
                data = mutated(frame(b"MSGF", channel.ids + numbers + request), chance)
            try:
                channel.send(data)
                if not is_whole:
                    # The server would wait for the rest.
                    channel.socket.shutdown(socket.SHUT_WR)
                channel.receive()
                answered += 1
            except (RefusedError, OSError):
                refused += 1
        assert answered
        assert refused
        with server.client() as client:
            assert read(client, "tank/level")[0] == "Good"
