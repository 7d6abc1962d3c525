"""Inputs for a program that parses bytes of others: good ones, and what becomes of them."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

MAX_LENGTH = 1 << 17
# Where integers and their limits break.
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]
# Where texts, numbers as text and their parsers break.
WORDS = [
    *(b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", "\u202e".encode(), b"\r\n", b"\\u0000", b'"'),
    *(b"-0", b"1e999", b"-1e-999", b"NaN", b"-Infinity", b"18446744073709551616", b"0.1e", b"+1"),
    *(b"null", b"true", b"{", b"}", b"[", b"]", b"[" * 200, b'{"a":' * 200, b",", b":", b"=", b"."),
    *(b"9" * 400, b"x" * 5000, b"$serde_json::private::Number", b"# ", b"'''", b"[[field]]\n"),
]


class Mutator:
    """Makes inputs of the files of a corpus. The same seed makes the same inputs."""

    def __init__(self, corpus: Path, seed: int, words: Sequence[bytes] = ()) -> None:
        self.seeds = [file.read_bytes() for file in sorted(corpus.iterdir())]
        assert self.seeds, f"{corpus} is empty"
        # Words of the inputs themselves, such as names of fields.
        own = {word for seed_ in self.seeds for word in seed_.split() if len(word) < 40}
        self.words = [*WORDS, *words, *sorted(own)]
        self.random = random.Random(seed)
        self.ways: list[Callable[[bytearray], bytes]] = [
            *(self.flip, self.number, self.word, self.word, self.remove),
            *(self.double, self.cut, self.splice),
        ]

    def next(self) -> bytes:
        data = self.random.choice(self.seeds)
        # Some inputs stay good, so that what follows a bad one is seen too.
        for _ in range(self.random.choice([0, 1, 1, 1, 2, 2, 4, 8])):
            data = self.random.choice(self.ways)(bytearray(data))[:MAX_LENGTH]
        return data

    def part(self, data: bytearray) -> slice:
        start = self.random.randint(0, len(data))
        length = self.random.choice([1, 2, 4, 8, 64, len(data)])
        return slice(start, min(len(data), start + length))

    def flip(self, data: bytearray) -> bytes:
        if data:
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return bytes(data)

    def number(self, data: bytearray) -> bytes:
        number, size = self.random.choice(NUMBERS), self.random.choice([1, 2, 4, 8])
        position = self.random.randint(0, len(data))
        digits = (number % (1 << 8 * size)).to_bytes(size, "little")
        data[position : position + size] = digits[:: self.random.choice([1, -1])]
        return bytes(data)

    def word(self, data: bytearray) -> bytes:
        part = self.part(data)
        if self.random.getrandbits(1):
            part = slice(part.start, part.start)
        data[part] = self.random.choice(self.words)
        return bytes(data)

    def remove(self, data: bytearray) -> bytes:
        del data[self.part(data)]
        return bytes(data)

    def double(self, data: bytearray) -> bytes:
        part = self.part(data)
        data[part.stop : part.stop] = data[part] * self.random.choice([1, 1, 2, 100])
        return bytes(data)

    def cut(self, data: bytearray) -> bytes:
        return bytes(data[: self.random.randint(0, len(data))])

    def splice(self, data: bytearray) -> bytes:
        other = self.random.choice(self.seeds)
        return bytes(data[: self.part(data).start]) + other[self.random.randint(0, len(other)) :]
