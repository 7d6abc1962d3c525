"""Pegel, on one machine and on two."""

import subprocess
import time
from contextlib import closing
from pathlib import Path
from socket import socket

import pegel
from way import FIELDS, Reader, Value, Way, Writer

BOARD = "choosing"
ROOT = Path(__file__).resolve().parents[2]


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
        return self.reader_of(self.place)

    def reader_of(self, place: Path) -> Reader:
        board = place / BOARD

        class PegelReader(Reader):
            reader = pegel.Reader(board)

            def get(self) -> Value:
                return dict(self.reader.read())

            def wait(self, after: float) -> Value:
                while True:
                    try:
                        now = self.reader.read()
                        if now["at"] > after:
                            return dict(now)
                        self.reader.wait(now.sequence)
                    except pegel.Gone:
                        # A mirror that has missed records is replaced.
                        self.reader = pegel.Reader(board)

            def close(self) -> None:
                self.reader.close()

        return PegelReader()


class Mirrored(Pegel):
    """Through Mosquitto, as if reader and writer were on two machines."""

    name = "Pegel, mirrored by MQTT"

    def writer(self) -> Writer:
        with closing(socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = self.place / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        null = subprocess.DEVNULL
        processes = [subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(config)], stderr=null)]
        there = self.place / "there"
        there.mkdir()
        writer = PegelWriter(self.place)
        program = [str(ROOT / "target/release/pegel")]
        broker = ["mqtt", "--broker", f"mqtt://127.0.0.1:{port}"]
        for place, words in (
            (self.place, ["--prefix", "bench", "--board", BOARD]),
            (there, ["--mirror", f"bench/{BOARD}"]),
        ):
            command = [*program, "--dir", str(place), *broker, *words]
            # It reports errors until the broker runs.
            processes.append(subprocess.Popen(command, stderr=null))

        class MirroredWriter(Writer):
            def publish(self, now: Value) -> None:
                writer.publish(now)
                while not (there / f"pegel.{BOARD}").exists():
                    time.sleep(0.01)

            def close(self) -> None:
                for process in reversed(processes):
                    process.terminate()
                    process.wait()
                writer.close()

        return MirroredWriter()

    def reader(self) -> Reader:
        return self.reader_of(self.place / "there")


WAYS = [Mirrored, Pegel]
