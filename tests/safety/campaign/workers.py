"""The processes on a board: a program per language that plays a role until it is killed.

`player ROLE BOARD NUMBER AMOUNT` prints `ready`, waits for a line, and plays its role. A record is
its sequence, its author, and a pattern of AMOUNT words that follows from both.

- `write` creates or takes over the board and publishes flat out as author NUMBER. Its lines are the
  sequences of its first publication and of every hundredth after that.
- `share` opens the board, publishes once as author NUMBER, closes it, and so on. Its lines are the
  sequences.
- `read` reads flat out; a reader before it has seen sequence NUMBER. Its lines are, of the reads
  since the line before: how many, how many torn, how many repeated; and the last one's sequence and
  author.
- `update` and `publish_if` add one to the board's count, AMOUNT times, taking it each time. Their
  lines are the sequences.

Any other line is a complaint. The program in C may be given a fault, and then it has that for every
tenth sequence: half of a torn record is the one before's, a lost one was never published, and a
repeated one is another author's. A stuck writer never begins.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from helpers.programs import built, compile_c, environment, php, python

LANGUAGES = ("c", "php", "python", "rust")


@dataclass(eq=False)
class Player:
    """A running program, and its output so far."""

    language: str
    role: str
    number: int
    process: subprocess.Popen[bytes]
    # Plays as soon as it is ready, or only when it gets a line.
    is_eager: bool
    is_ready: bool = False
    is_playing: bool = False
    is_stopped: bool = False
    has_ended: bool = False
    heard: float = field(default_factory=time.monotonic)
    lines: int = 0
    # The last sequence that it reported.
    sequence: int = 0
    unfinished: bytes = b""

    def hear(self) -> list[str]:
        """The lines since the last call; a kill can have truncated the last one."""
        assert self.process.stdout
        heard = []
        while said := self.process.stdout.read(1 << 16):
            self.heard = time.monotonic()
            *lines, self.unfinished = (self.unfinished + said).split(b"\n")
            heard += [line.decode() for line in lines]
        # None would mean that there is no output yet.
        self.has_ended = said == b""
        if not self.is_ready and heard:
            self.is_ready = heard.pop(0) == "ready"
            if self.is_eager:
                self.begin()
        self.lines += len(heard)
        return heard

    def begin(self) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"\n")
        self.is_playing = True
        self.heard = time.monotonic()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        # WNOWAIT: an exit is reaped elsewhere.
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.is_stopped = True

    def go_on(self) -> None:
        self.is_stopped = False
        self.heard = time.monotonic()
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.is_eager = False
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()

    def is_silent(self, patience: float) -> bool:
        """Whether its next line is overdue."""
        is_waiting = self.is_ready and not self.is_playing
        return not (is_waiting or self.is_stopped) and time.monotonic() > self.heard + patience


class Cast:
    """Starts players whose boards are in a directory."""

    def __init__(self, directory: Path, fault: str) -> None:
        c_program = compile_c(Path(__file__).with_name("worker.c"), directory / "worker")
        self.directory = directory
        self.environment = environment(directory)
        self.programs = {
            "c": [str(c_program), fault],
            "php": php("tests/safety/campaign/worker.php"),
            "python": python("tests/safety/campaign/worker.py"),
            "rust": [str(built("target/release/worker"))],
        }

    def start(
        self, language: str, role: str, board: Path, number: int, amount: int, is_eager: bool
    ) -> Player:
        process = subprocess.Popen(
            [*self.programs[language], role, str(board), str(number), str(amount)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        assert process.stdout
        os.set_blocking(process.stdout.fileno(), False)
        return Player(language, role, number, process, is_eager)
