"""The programs that the system tests run: building, starting, input and output."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import pegel

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target/release"
# Seconds until a test gives up what it waits for. It is for hangs alone, far above what anything
# takes: with less, tests fail because the machine is slow.
WATCHDOG = 300
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")

# What `make test-sanitizers` has C programs compiled with, and run by.
SANITIZE = shlex.split(os.environ.get("PEGEL_SANITIZE", ""))
MEMCHECK = shlex.split(os.environ.get("PEGEL_MEMCHECK", ""))


def built(path: str) -> Path:
    """A file that the build makes."""
    file = ROOT / path
    if not file.exists():
        pytest.fail(f"{file} is missing: run `make build` first")
    return file


def library() -> Path:
    """The shared library, by its SONAME."""
    return built("target/release/libpegel.so.1")


def environment(boards: Path) -> dict[str, str]:
    """The environment of a program whose boards are in a test's directory."""
    return os.environ | {"PEGEL_DIR": str(boards), "PEGEL_LIBRARY": str(library())}


def compile_c(source: Path, program: Path) -> Path:
    """Builds a program in C99, without a warning, against the library in the build's directory."""
    command = [
        "gcc",
        "-std=c99",
        *STRICT,
        *SANITIZE,
        f"-I{ROOT}/include",
        str(source),
        "-o",
        str(program),
    ]
    done = run([*command, str(library()), f"-Wl,-rpath,{library().parent}"])
    assert done.returncode == 0, done.stderr
    return program


def python(script: str) -> list[str]:
    return [sys.executable, str(ROOT / script)]


def php(script: str, *, tier: str = "") -> list[str]:
    """PHP with the library; tier `files` reads without it, as PHP without FFI does."""
    return ["env", f"PEGEL_TIER={tier}", "php", str(ROOT / script)]


def debian_package(directory: Path, version: str = "") -> Path:
    """Pegel's package for Debian, uncompressed, as compressing takes a minute."""
    uncompressed = os.environ | {"DPKG_DEB_COMPRESSOR_TYPE": "none"}
    done = run([str(ROOT / "packaging/deb"), version, str(directory)], uncompressed)
    assert done.returncode == 0, done.stderr
    [package] = directory.glob(f"pegel_{version}*.deb")
    return package


def run_scene(unshare: list[str], scene: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in separate namespaces, with time for several waits."""
    command = ["unshare", *unshare, str(ROOT / scene), *arguments]
    watchdog = os.environ | {"WATCHDOG": str(WATCHDOG)}
    return run(command, watchdog, patience=3 * WATCHDOG)


def run(
    command: list[str],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    patience: float = WATCHDOG,
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    return subprocess.run(
        command,
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def wait_until(is_so: Callable[[], object], what: str = "it") -> None:
    """Polls a condition; until it holds, a board can be missing or empty."""
    deadline = time.monotonic() + WATCHDOG
    while True:
        with suppress(pegel.NotFound, pegel.Empty):
            if is_so():
                return
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.01)


def free_port() -> int:
    """An unused port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    """Whether a program listens at a port of this machine."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Service:
    """A program that runs until SIGTERM."""

    process: subprocess.Popen[str]

    def end(self) -> str:
        """Stops it, expects status 0, and returns its standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, complaint = self.process.communicate(timeout=WATCHDOG)
        assert self.process.returncode == 0, complaint
        return complaint

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Conversation:
    """A running program that reads lines and answers with lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def say(self, line: object) -> None:
        assert self.process.stdin
        print(line, file=self.process.stdin, flush=True)

    def hear(self) -> str:
        assert self.process.stdout
        assert self.process.stderr
        line = self.process.stdout.readline()
        assert line, f"{self.process.args!r} ended: {self.process.stderr.read()}"
        return line.removesuffix("\n")

    def ask(self, line: object) -> str:
        self.say(line)
        return self.hear()


@contextmanager
def converse(command: list[str], environment: Mapping[str, str]) -> Iterator[Conversation]:
    """Starts a program, and at the end expects status 0 after the end of its input."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            yield Conversation(process)
            rest, complaint = process.communicate(timeout=WATCHDOG)
            assert (process.returncode, rest, complaint) == (0, "", "")
        finally:
            process.kill()
