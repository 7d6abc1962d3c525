"""Pegel."""

from pathlib import Path

import pegel
from way import FIELDS, Reader, Value, Way, Writer

BOARD = "choosing"


class PegelWriter(Writer):
    def __init__(self, place: Path) -> None:
        self.writer = pegel.Writer(place / BOARD, {field: pegel.f64() for field in FIELDS})

    def publish(self, now: Value) -> None:
        self.writer.publish(now)

    def close(self) -> None:
        self.writer.close()


class Pegel(Way):
    name = "Pegel"

    def writer(self) -> Writer:
        return PegelWriter(self.place)

    def reader(self) -> Reader:
        reader = pegel.Reader(self.place / BOARD)

        class PegelReader(Reader):
            def get(self) -> Value:
                return dict(reader.read())

            def wait(self, after: float) -> Value:
                while True:
                    now = reader.read()
                    if now["at"] > after:
                        return dict(now)
                    reader.wait(now.sequence)

            def close(self) -> None:
                reader.close()

        return PegelReader()


WAYS = [Pegel]
