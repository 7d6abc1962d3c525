"""Boards in memory, and their durable files on a disk."""

import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pegel
from format import durable
from helpers.programs import WATCHDOG, built, environment, run

TANK = {"level": pegel.f64("m"), "note": pegel.text(24, default="")}
IS_ROOT = os.geteuid() == 0
# Mounts that only this process and its children see, and that end with them.
PRIVATE = ["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"])]


@dataclass
class Machine:
    """Boards, which a reboot takes away, and a disk, from which it does not."""

    boards: Path
    disk: Path

    def reboot(self) -> None:
        self.reboot_but("")

    def reboot_but(self, spared: str) -> None:
        """Of a file that still is in use."""
        for file in self.boards.iterdir():
            if file.name != spared:
                file.unlink()

    def file(self, board: str) -> Path:
        return self.disk / f"pegel.{board}.durable"

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run([str(built("target/release/pegel")), *arguments], environment(self.boards))

    def does(self, *arguments: str) -> str:
        done = self.program(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def fails(self, *arguments: str, status: int = 1) -> str:
        done = self.program(*arguments)
        assert done.returncode == status, done.stderr
        return done.stderr


def kept(level: float, note: str = "", board: str = "tank") -> int:
    """Publishes and syncs."""
    with pegel.Writer(board, TANK, durable=True) as writer:
        writer.publish(level=level, note=note)
        return writer.sync()


def synced(machine: Machine, board: str) -> int:
    return durable.read(machine.file(board)).newest.sequence


class Keeper:
    """`pegel keep`, until the block ends: then by SIGTERM."""

    def __init__(self, machine: Machine, every: str = "3600", limit: str = ":") -> None:
        # The notification after which systemd starts services that need the boards.
        path = machine.boards.parent / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.settimeout(WATCHDOG)
            program = [str(built("target/release/pegel")), "keep", "--interval", every]
            command = ["sh", "-c", f'{limit}; exec "$@"', "sh", *program]
            variables = environment(machine.boards) | {"NOTIFY_SOCKET": str(path)}
            self.process = subprocess.Popen(
                command, env=variables, stderr=subprocess.PIPE, text=True
            )
            assert notify.recv(100) == b"READY=1\n"
        self.said = ""

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.said = self.process.communicate(timeout=WATCHDOG)[1]
